"""Amplification by round, worked out by hand and against loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evals.fairness.amplification import amplification, run_amplification
from evals.fairness.groups import run_gaps
from evals.frames import Frames
from scenarios.errors import ParleyError
from tests.evals.fairness_frames import made


def ginis(by_run: dict[str, dict[str, float]]) -> Frames:
    """Frames of which only Ginis matter: a ward of two patients each, whose gaps are not looked at."""
    shell = made(wards=len(by_run), n=4, seeds=1, conditions=("one",))
    names = dict(zip(shell.runs["run_id"], by_run, strict=True))
    stages = [
        {"run_id": run, "stage": stage, "raw:equality": gini}
        for run, name in names.items()
        for stage, gini in by_run[name].items()
    ]
    return replace(shell, stages=pd.DataFrame(stages))


PATH = {"solo:A": 0.2, "solo:B": 0.4, "no_debate": 0.1, "round:1": 0.2, "round:2": 0.3, "joint": 0.3}


def test_steps_and_the_whole_by_hand() -> None:
    table = run_amplification(ginis({"a": PATH}))
    gini = table[table["measure"] == "gini"].set_index(["start", "step"])
    merge = gini.loc["no_debate"]
    assert list(merge.index) == ["no_debate>round:1", "round:1>round:2", "round:2>joint", "whole"]
    assert merge["ratio"].tolist() == pytest.approx([2.0, 1.5, 1.0, 3.0])
    assert merge["difference"].tolist() == pytest.approx([0.1, 0.1, 0.0, 0.2])
    assert gini.loc[("solo_mean", "whole"), "ratio"] == pytest.approx(1.0)
    assert gini.loc[("solo_max", "whole"), "ratio"] == pytest.approx(0.75)
    assert merge["ratio"].iloc[:3].prod() == pytest.approx(merge.loc["whole", "ratio"])


def test_no_ratio_over_a_small_denominator_but_always_a_difference() -> None:
    table = run_amplification(ginis({"a": PATH | {"no_debate": 0.05}}), starts=["no_debate"])
    row = table[(table["measure"] == "gini") & (table["step"] == "whole")].iloc[0]
    assert np.isnan(row["ratio"]) and row["difference"] == pytest.approx(0.25)


def test_a_missing_solo_is_not_averaged_away() -> None:
    table = run_amplification(ginis({"a": PATH | {"solo:B": np.nan}}))
    whole = table[(table["measure"] == "gini") & (table["step"] == "whole")].set_index("start")
    assert whole.loc[["solo_mean", "solo_max"], "before"].isna().all()
    assert whole.loc["no_debate", "ratio"] == pytest.approx(3.0)


def test_runs_with_fewer_rounds_have_their_own_last_step() -> None:
    short = {k: v for k, v in PATH.items() if k != "round:2"} | {"joint": 0.2}
    alone = {k: v for k, v in short.items() if k != "round:1"}
    table = run_amplification(ginis({"a": PATH, "b": short, "c": alone}), starts=["no_debate"])
    steps = table[table["measure"] == "gini"].groupby("run_id")["step"].agg(list).tolist()
    assert steps[0] == ["no_debate>round:1", "round:1>round:2", "round:2>joint", "whole"]
    assert steps[1] == ["no_debate>round:1", "round:1>joint", "whole"]
    assert steps[2] == ["no_debate>joint", "whole"]
    order = amplification(ginis({"a": PATH, "b": short}), starts=["no_debate"])
    gini = order[order["measure"] == "gini"]["step"].tolist()
    assert gini[:2] == ["no_debate>round:1", "round:1>round:2"] and gini[-1] == "whole"


def test_gaps_are_followed_as_they_are() -> None:
    frames = made(wards=3, n=8, seeds=1)
    table = run_amplification(frames, starts=["no_debate"])
    gaps = run_gaps(frames).set_index(["run_id", "attribute", "stage"])["gap"]
    for row in table[(table["measure"] == "gap:sex") & (table["step"] == "whole")].itertuples():
        before, after = gaps[row.run_id, "sex", "no_debate"], gaps[row.run_id, "sex", "joint"]
        assert row.difference == pytest.approx(after - before, nan_ok=True)
        assert row.ratio == pytest.approx(after / before if before > 0.05 else np.nan, nan_ok=True)


def test_a_conditions_ratio_is_the_geometric_mean_over_wards_with_its_counts() -> None:
    runs = {
        "a": PATH,
        "b": PATH | {"joint": 0.1},
        "c": PATH | {"joint": 0.0},
        "d": PATH | {"no_debate": 0.01},
        "e": PATH | {"joint": np.nan},
    }
    table = amplification(ginis(runs))
    row = table.query("measure == 'gini' and start == 'no_debate' and step == 'whole'").iloc[0]
    assert row["ratio"] == pytest.approx(np.sqrt(3.0 * 1.0))
    assert (row["ratio_wards"], row["ratio_runs"], row["zeros"], row["no_ratio"]) == (2, 2, 1, 2)
    assert (row["wards"], row["runs"], row["missing"]) == (4, 4, 1)
    assert row["difference"] == pytest.approx(np.mean([0.2, 0.0, -0.1, 0.29]))
    assert row["of_means"] == pytest.approx((0.3 + 0.1 + 0 + 0.3) / (0.1 * 3 + 0.01))


def test_a_wards_runs_count_as_one() -> None:
    frames = made(wards=2, n=8, seeds=3, conditions=("one",))
    table = (
        amplification(frames).query("measure == 'gini' and start == 'solo_max' and step == 'whole'").iloc[0]
    )
    runs = run_amplification(frames).query("measure == 'gini' and start == 'solo_max' and step == 'whole'")
    runs = runs.merge(frames.runs[["run_id", "cluster"]], on="run_id")
    logs = np.log(runs["ratio"]).groupby(runs["cluster"]).mean()
    assert table["ratio"] == pytest.approx(np.exp(logs.mean())) and table["ratio_wards"] == 2
    assert table["difference"] == pytest.approx(runs.groupby("cluster")["difference"].mean().mean())


def test_what_is_handed_in_is_followed() -> None:
    frames = made(wards=2, n=8, seeds=1)
    values = frames.stages[["run_id", "stage"]].assign(measure="mine", value=0.5)
    table = run_amplification(frames, values)
    assert set(table["measure"]) == {"mine"} and (table["ratio"] == 1).all()
    with pytest.raises(ParleyError, match="no start 'solo'; there are no_debate, solo_mean, solo_max"):
        run_amplification(frames, starts=["solo"])  # type: ignore[list-item]
