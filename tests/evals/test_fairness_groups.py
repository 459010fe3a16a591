"""Group measures against fairlearn on the raw rows, pandas loops, scipy, and cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from evals.fairness.groups import concordance, counts, group_tables, kendall_tau_b, run_concordance, run_gaps
from evals.frames import Frames
from scenarios.errors import ParleyError
from tests.evals.fairness_frames import STAGES, framed_by_hand, made


def only(frames: Frames, run_id: str) -> pd.DataFrame:
    return frames.patients[frames.patients["run_id"] == run_id]


def metric_frame(rows: pd.DataFrame, stage: str, columns: list[str]) -> MetricFrame:
    known = rows.dropna(subset=columns)
    return MetricFrame(
        metrics=lambda truth, h: h.mean(),
        y_true=known[f"h:{stage}"],
        y_pred=known[f"h:{stage}"],
        sensitive_features=known[columns],
    )


@pytest.mark.parametrize("unknown", [0.0, 0.2])
def test_each_runs_gap_is_that_of_a_metric_frame_of_its_own(unknown: float) -> None:
    frames = made(wards=3, n=9, seeds=1, unknown=unknown)
    gaps = run_gaps(frames, pairs=True)
    assert len(gaps) == 3 * 2 * len(STAGES) * 3
    for row in gaps.itertuples():
        columns = [f"is:{a}" for a in row.attribute.split(" & ")]
        rows = only(frames, row.run_id)
        mf = metric_frame(rows, row.stage, columns)
        if mf.by_group.notna().sum() < 2:  # one group is no gap of 0
            assert np.isnan(row.gap) and np.isnan(row.ratio)
        else:
            assert row.gap == pytest.approx(mf.difference(), abs=1e-12)
            assert row.ratio == pytest.approx(mf.ratio(), abs=1e-12)
        assert row.worst == pytest.approx(mf.group_min(), abs=1e-12)
        worst = mf.by_group.idxmin()
        assert row.worst_group == (worst if isinstance(worst, str) else " & ".join(worst))
        assert row.n + row.unknown == len(rows)
        assert row.unknown == rows[columns].isna().any(axis=1).sum()
        assert row.groups == mf.by_group.notna().sum()


def test_pooled_tables_are_those_of_a_metric_frame_over_all_patients_of_a_condition() -> None:
    frames = made(wards=6, n=9, unknown=0.1)
    tables = group_tables(frames, least=1)
    everyone = frames.patients.merge(frames.runs[["run_id", "condition", "ward"]], on="run_id")
    for row in tables.gaps.itertuples():
        columns = [f"is:{a}" for a in row.attribute.split(" & ")]
        rows = everyone[everyone["condition"] == row.condition]
        mf = metric_frame(rows, row.stage, columns)
        assert row.gap == pytest.approx(mf.difference(), abs=1e-12)
        assert row.ratio == pytest.approx(mf.ratio(), abs=1e-12)
        known = rows.dropna(subset=columns)
        assert (row.n, row.unknown) == (len(known), len(rows) - len(known))
        assert row.patients == len(known[["ward", "patient"]].drop_duplicates())
        assert row.wards == known["ward"].nunique()
    joint = tables.groups.query("stage == 'joint' and attribute == 'sex' and condition == 'one'")
    by_hand = everyone[everyone["condition"] == "one"].groupby("is:sex")["h:joint"].mean()
    assert dict(zip(joint["group"], joint["mean"], strict=True)) == pytest.approx(by_hand.to_dict())


def test_a_small_cell_is_shown_and_marked_but_enters_no_gap() -> None:
    facts = pd.DataFrame(
        {
            "ward": "w",
            "patient": list("abcdef"),
            "benefit": 0.5,
            "acuity": np.arange(6) / 6,
            "stratum": [0, 0, 1, 1, 2, 2],
            "is:sex": ["f", "f", "f", "m", "m", "x"],
        }
    )
    h = np.array([[0.2], [0.4], [0.6], [0.9], [0.7], [0.0]])
    frames = framed_by_hand([facts], ("one",), 3, lambda rows: h, ("joint",))
    tables = group_tables(frames, least=2)
    row = tables.gaps.iloc[0]
    assert row["gap"] == pytest.approx(0.4) and row["worst_group"] == "f" and row["best_group"] == "m"
    assert row["ratio"] == pytest.approx(0.5)
    assert (row["groups"], row["small"], row["patients"], row["n"]) == (2, 1, 6, 18)
    shown = tables.groups.set_index("group")
    assert shown.loc["x", "small"] and shown.loc["x", "mean"] == 0 and shown.loc["x", "patients"] == 1
    assert np.isnan(group_tables(frames, least=3).gaps.iloc[0]["gap"])  # only f is left
    assert np.isnan(group_tables(frames, least=9).gaps.iloc[0]["worst"])
    run = run_gaps(frames).iloc[0]
    assert run["gap"] == pytest.approx(0.8) and run["worst_group"] == "x" and run["ratio"] == 0


def test_ratio_is_missing_where_the_largest_is_not_above_a_twentieth() -> None:
    frames = made(wards=2, n=8, seeds=1)
    frames.patients[[f"h:{s}" for s in STAGES]] *= 0.05
    gaps = run_gaps(frames)
    assert gaps["ratio"].isna().all() and gaps["gap"].notna().any()
    assert group_tables(frames, least=1).gaps["ratio"].isna().all()


def test_a_stage_that_a_run_has_not_and_an_attribute_that_a_ward_has_not_are_no_zeros() -> None:
    frames = made(wards=2, n=8, seeds=1)
    first = frames.runs["run_id"].iloc[0]
    mine = frames.patients["run_id"] == first
    frames.patients.loc[mine, "h:round:1"] = np.nan
    frames.patients.loc[frames.patients["run_id"].str.startswith("w0"), "is:sex"] = None
    gaps = run_gaps(frames)
    assert not ((gaps["run_id"] == first) & (gaps["stage"] == "round:1")).any()
    without = gaps[gaps["run_id"].str.startswith("w0") & (gaps["attribute"] == "sex")]
    assert without["gap"].isna().all() and (without["unknown"] == 8).all() and (without["n"] == 0).all()
    assert without["worst_group"].isna().all()
    pooled = group_tables(frames, least=1).gaps.query("attribute == 'sex' and condition == 'one'")
    assert (pooled["unknown"] == 8 - 8 * (pooled["stage"] == "round:1")).all()
    assert (pooled["wards"] == 1).all()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_gaps_do_not_depend_on_the_order_of_patients_or_the_names_of_groups(seed: int) -> None:
    frames = made(wards=2, n=7, seeds=1, unknown=0.1, seed=seed)
    gaps = run_gaps(frames)
    shuffled = Frames(frames.runs, frames.stages, frames.patients.sample(frac=1, random_state=seed))
    renamed = frames.patients.assign(
        **{"is:sex": frames.patients["is:sex"].map({"female": "z", "male": "a"}, na_action="ignore")}
    )
    for other in (shuffled, Frames(frames.runs, frames.stages, renamed)):
        again = run_gaps(other)
        np.testing.assert_allclose(again["gap"], gaps["gap"], atol=1e-12)
        np.testing.assert_allclose(again["ratio"], gaps["ratio"], atol=1e-12)
    inside = gaps.dropna(subset=["gap"])
    assert ((inside["gap"] >= 0) & (inside["gap"] <= 1)).all()
    assert inside["ratio"].dropna().between(0, 1).all()
    np.testing.assert_allclose(
        inside["gap"], inside["worst"] * (1 / inside["ratio"] - 1), atol=1e-9, equal_nan=True
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12),
)
def test_tau_b_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=float).T
    ours = kendall_tau_b(x, y)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(kendalltau(x, y).statistic, abs=1e-12)


def test_severity_concordance_by_run_and_averaged_over_wards() -> None:
    frames = made(wards=3, n=8, seeds=2)
    frames.patients.loc[frames.patients["run_id"] == "w0-one-0", "h:joint"] = 0.3  # constant: missing
    table = run_concordance(frames)
    for row in table.itertuples():
        rows = only(frames, row.run_id)
        if (row.run_id, row.stage) == ("w0-one-0", "joint"):
            assert np.isnan(row.tau)
            continue
        assert row.tau == pytest.approx(
            kendalltau(rows["acuity"], rows[f"h:{row.stage}"].round(3)).statistic, abs=1e-12
        )
    runs = table.merge(frames.runs, on="run_id").query("condition == 'one' and stage == 'joint'")
    pooled = concordance(frames).query("condition == 'one' and stage == 'joint'").iloc[0]
    assert pooled["tau"] == pytest.approx(runs.groupby("cluster")["tau"].mean().mean())
    assert (pooled["wards"], pooled["runs"], pooled["missing"]) == (3, 5, 1)
    assert list(concordance(frames)["stage"][: len(STAGES)]) == list(STAGES)


def test_the_more_ill_served_first_is_one_and_last_is_minus_one() -> None:
    acuity = np.array([0.1, 0.5, 0.9])
    assert kendall_tau_b(acuity, np.array([0.0, 0.5, 1.0])) == 1
    assert kendall_tau_b(acuity, np.array([1.0, 0.5, 0.0])) == -1


def test_counts_tell_invalid_runs_abstentions_and_unknown_groups() -> None:
    frames = made(wards=3, n=8, seeds=2, unknown=0.3)
    runs = frames.runs.assign(**{"incidents:abstained": 0})
    runs.loc[0, "incidents:abstained"] = 2
    lost = {"run_id": "lost", "status": "invalid", "ward": "w0", "cluster": "w0", "condition": "one"}
    runs = pd.concat([runs, pd.DataFrame([lost])], ignore_index=True)
    table = counts(Frames(runs, frames.stages, frames.patients)).set_index("condition")
    one = table.loc["one"]
    assert (one["recorded"], one["invalid"], one["measured"], one["abstained"]) == (7, 1, 6, 1)
    assert (one["wards"], one["patients"], one["patient_runs"]) == (3, 24, 48)
    mine = frames.patients["run_id"].isin(runs.loc[runs["condition"] == "one", "run_id"])
    assert one["unknown:sex"] == frames.patients.loc[mine, "is:sex"].isna().sum() > 0
    assert table.loc["two", "invalid"] == 0
    nobody = counts(Frames(runs[runs["run_id"] == "lost"], frames.stages, frames.patients))
    assert nobody.loc[0, ["recorded", "invalid", "measured", "patients"]].tolist() == [1, 1, 0, 0]


def test_only_runs_of_the_role_are_pooled() -> None:
    frames = made(wards=3, n=8, seeds=1, conditions=("one",))
    both = frames.runs.assign(role=["study", "twin", "study"])
    tables = group_tables(Frames(both, frames.stages, frames.patients))
    assert set(tables.gaps["wards"]) == {2}
    assert run_gaps(Frames(both, frames.stages, frames.patients))["run_id"].nunique() == 3
    with pytest.raises(ParleyError, match="no patients in runs of role planted"):
        group_tables(Frames(both, frames.stages, frames.patients), roles=("planted",))
    with pytest.raises(ParleyError, match="no column 'nonsense'"):
        group_tables(frames, by=("nonsense",))
