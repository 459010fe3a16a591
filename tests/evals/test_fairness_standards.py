"""Which standards came of debate: by hand on small tables, and against the records they are read from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.bounds import with_bounds
from evals.fairness.standards import (
    by_ward,
    debate_effects,
    debate_table,
    emergence_table,
    held,
    negative_control,
    restated,
    second_by_chance,
    standards,
    with_random,
)
from evals.frames import Frames, framed, rows_of
from evals.outcomes import outcome
from evals.records import paths
from nodes.findings.base_rate import random_allocations
from nodes.findings.criteria import CRITERIA, beyond_the_merge, criteria
from nodes.findings.emergence import balanced
from nodes.record import RunRecord
from scenarios.errors import ParleyError
from scenarios.load import load
from scenarios.reading import parse_ward
from tests.evals.causal import personas
from tests.play import play

Played = tuple[Frames, list[RunRecord], Path]
SEATED = (("floor", "most"), ("floor", "biased-age"), ("even", "most"))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("standards")
    with personas(tmp_path_factory.mktemp("personas")):
        records = [
            play(spec, folder, framework=a, opponent=b, rounds=1)
            for spec in (
                "generated:1,n=6,divisible=1",
                "generated:2,n=6,divisible=1",
                "generated:2,n=5,divisible=0",
            )
            for a, b in SEATED
        ]
    frames = framed([rows_of(r) for r in records])
    condition = frames.runs["framework"] + " and " + frames.runs["opponent"]
    return (
        Frames(frames.runs.assign(role="study", condition=condition), frames.stages, frames.patients),
        records,
        folder,
    )


def by_hand(criterion: str, **met: bool | None) -> Frames:
    """One run whose allocations meet a criterion, or not, or are not defined on it; the rest are undefined."""
    names = {"A": "solo:A", "B": "solo:B", "merge": "no_debate", "joint": "joint"}
    stages = pd.DataFrame(
        [{"run_id": "r", "stage": names[k], f"criterion:{criterion}": v} for k, v in met.items()],
        dtype=object,
    )
    runs = pd.DataFrame(
        [{"run_id": "r", "role": "study", "condition": "c", "cluster": "w", "status": "complete"}]
    )
    return Frames(runs, stages, pd.DataFrame())


@pytest.mark.parametrize(
    ("met", "beyond", "lost"),
    [
        ({"A": False, "B": False, "merge": False, "joint": True}, 1, 0),
        ({"A": True, "B": False, "merge": False, "joint": True}, 0, 0),
        ({"A": False, "B": False, "merge": True, "joint": True}, 0, 0),
        ({"A": False, "B": False, "merge": True, "joint": False}, 0, 1),
        ({"A": True, "B": True, "merge": False, "joint": False}, 0, 0),
        ({"A": None, "B": None, "merge": None, "joint": None}, None, None),
        ({"A": False, "B": False, "joint": True}, None, None),
        ({"merge": False, "joint": True}, None, None),
        ({"A": False, "B": False, "merge": True}, None, None),
    ],
)
def test_what_debate_adds_is_neither_a_solos_nor_the_merges(
    met: dict[str, bool | None], beyond: int | None, lost: int | None
) -> None:
    row = debate_effects(by_hand("survival-90", **met)).set_index("criterion").loc["survival-90"]
    for found, expected in ((row["beyond"], beyond), (row["lost"], lost)):
        assert math.isnan(found) if expected is None else found == expected
    assert row["missing"] == (len(met) < 4)


def test_a_table_counts_what_it_leaves_out() -> None:
    parts = [
        by_hand("survival-90", A=False, B=False, merge=False, joint=True),
        by_hand("survival-90", A=False, B=False, merge=True, joint=False),
        by_hand("survival-90", A=None, B=None, merge=None, joint=None),
        by_hand("survival-90", A=False, B=False),
    ]
    named = [(f.runs.assign(run_id=f"r{k}"), f.stages.assign(run_id=f"r{k}")) for k, f in enumerate(parts)]
    runs, stages = (pd.concat(t, ignore_index=True) for t in zip(*named, strict=True))
    frames = Frames(runs, stages, pd.DataFrame())
    row = debate_table(frames).set_index("criterion").loc["survival-90"]
    counts = ("runs", "missing", "undefined", "defined", "beyond", "lost")
    assert [row[c] for c in counts] == [4, 1, 1, 2, 1, 1]
    assert row["beyond_share"] == row["lost_share"] == 0.5
    some = debate_table(frames).set_index("criterion").loc["any"]
    assert [some[c] for c in counts] == [4, 1, 1, 2, 1, 1]
    met = standards(frames).set_index(["stage", "criterion"]).loc[("joint", "survival-90")]
    assert [met[c] for c in ("runs", "missing", "undefined", "met", "unmet", "share")] == [4, 1, 1, 1, 1, 0.5]


def test_shares_are_counts_of_the_records(played: Played) -> None:
    frames, records, _ = played
    table = standards(frames).set_index(["condition", "stage", "criterion"])
    for a, b in SEATED:
        mine = [r for r in records if (r.protocol.framework, r.protocol.opponent) == (a, b)]
        for stage in ("solo:A", "no_debate", "joint", "exit_solo:B"):
            for name in CRITERIA:
                verdicts = [r.measures[stage].criteria[name] for r in mine]
                row = table.loc[(f"{a} and {b}", stage, name)]
                assert row["met"] == verdicts.count(True) and row["unmet"] == verdicts.count(False)
                assert row["undefined"] == verdicts.count(None) and row["runs"] == len(mine)
    assert (standards(frames, ()).groupby("criterion")["runs"].first() == len(records)).all()


def test_beyond_and_lost_are_what_the_record_says(played: Played) -> None:
    frames, records, _ = played
    found = debate_effects(frames)
    for r in records:
        rows = found[found["run_id"] == r.run_id]
        assert r.emergence is not None
        assert set(rows.loc[rows["beyond"] == 1, "criterion"]) == set(r.emergence.beyond_the_merge)
        assert set(rows.loc[rows["lost"] == 1, "criterion"]) == set(r.lost_in_debate)
    assert (found["beyond"] == 1).any() or (found["lost"] == 1).any()


def test_the_thresholds_of_the_record_restate_nothing(played: Played) -> None:
    frames, _, folder = played
    again = restated(frames, paths([folder]), {})
    assert (held(again)["met"].fillna(-1) == held(frames)["met"].fillna(-1)).all()
    for name in ("beyond_the_merge", "lost_in_debate"):
        assert (again.runs[name] == frames.runs[name]).all()


def test_other_thresholds_are_judged_anew_from_the_allocations(played: Played) -> None:
    frames, records, folder = played
    thresholds = {"worst-off-half": 0.3, "equality-80": 0.7, "access-gap-20": 0.5}
    again = restated(frames, paths([folder]), thresholds)
    met = held(again).set_index(["run_id", "stage", "criterion"])["met"]
    beyond = outcome(again, "beyond_the_merge").set_index("run_id")["value"]
    lost = outcome(again, "lost_in_debate").set_index("run_id")["value"]
    changed = 0
    for r in records:
        x = {s: r.scenario.array(o.allocation) for s, o in r.measures.items()}
        for stage in x:
            for name, verdict in criteria(r.scenario, x[stage], thresholds).items():
                value = met[r.run_id, stage, name]
                assert math.isnan(value) if verdict is None else value == verdict
                changed += verdict != r.measures[stage].criteria[name]
        solos = [x["solo:A"], x["solo:B"]]
        found = beyond_the_merge(
            r.scenario, joint=x["joint"], solos=solos, no_debate=x["no_debate"], thresholds=thresholds
        )
        assert beyond[r.run_id] == len(found)
        before, after = (criteria(r.scenario, x[s], thresholds) for s in ("no_debate", "joint"))
        assert lost[r.run_id] == sum(bool(before[n]) and after[n] is False for n in before)
    assert changed > 0


def test_the_oracle_and_the_lotteries_are_judged_anew_too(played: Played) -> None:
    _, records, folder = played
    more = with_bounds(framed([rows_of(r) for r in records]), paths([folder]))
    again = held(restated(more, paths([folder]), {"survival-90": 0.999}))
    lenient = held(restated(more, paths([folder]), {"survival-90": 0.0}))
    survival = outcome(more, "survival").set_index(["run_id", "stage"])["value"]
    for table, limit in ((again, 0.999), (lenient, 0.0)):
        met = table[table["criterion"] == "survival-90"].set_index(["run_id", "stage"])["met"]
        assert set(met.index) == set(survival.index) and "oracle" in set(met.index.get_level_values("stage"))
        assert (met == (survival >= limit - 1e-6)).all()


def test_thresholds_of_nothing_and_records_that_are_not_there_are_refused(played: Played) -> None:
    frames, records, folder = played
    with pytest.raises(ParleyError, match="no criterion 'survival-99'"):
        restated(frames, paths([folder]), {"survival-99": 0.99})
    one = [p for p in paths([folder]) if p.stem == records[0].run_id]
    with pytest.raises(ParleyError, match="no record has"):
        restated(frames, one, {"survival-90": 0.8})
    with pytest.raises(ParleyError, match="no column 'colour'"):
        standards(frames, ("colour",))


def test_both_definitions_stand_beside_their_base_rates(played: Played) -> None:
    frames, records, folder = played
    table = emergence_table(with_random(frames, paths([folder])), ())
    for definition, rows in table.groupby("definition"):
        mine = [r.emergence for r in records if r.emergence is not None]
        first = definition == 1
        assert rows["runs"].sum() == len(records) and rows["random_runs"].sum() == len(records)
        assert rows["joint"].sum() == sum(bool(e.first if first else e.second) for e in mine)
        assert rows["no_debate"].sum() == sum(
            bool(e.first_no_debate if first else e.second_no_debate) for e in mine
        )
    first = table[table["definition"] == 1]
    rates = [r.emergence.first_base_rate_random for r in records if r.emergence is not None]
    assert np.average(first["random_share"], weights=first["runs"]) == pytest.approx(np.mean(rates))
    without = emergence_table(frames, ())
    assert without.loc[without["definition"] == 2, "random_share"].isna().all()


def test_the_second_definition_by_chance_is_that_of_random_allocations_one_by_one(played: Played) -> None:
    rates = []
    for r in (r for r in played[1] if "-n5-" in r.scenario.name):
        e, ward = r.emergence, r.scenario
        assert e is not None
        solos = {s: ward.array(r.measures[f"solo:{s}"].allocation) for s in ("A", "B")}
        drawn = random_allocations(ward, np.random.default_rng([r.seed, 0xE3]), 200)
        found = [balanced(ward, e.measures, joint=x, solos=solos, no_debate=drawn[0]).holds for x in drawn]
        assert second_by_chance(r) == (r.run_id, sum(bool(f) for f in found) / 200)
        rates.append(second_by_chance(r)[1])
    assert len(rates) == len(SEATED) and max(rate or 0 for rate in rates) > 0.05


def test_runs_without_emergence_are_missing_and_never_a_no(played: Played) -> None:
    frames, records, _ = played
    gone = {
        "run_id": "gone",
        "status": "invalid",
        "measures": {},
        "joint": None,
        "no_debate": None,
        "emergence": None,
    }
    invalid = framed([rows_of(records[0].model_copy(update=gone))])
    runs = pd.concat(
        [frames.runs, invalid.runs.assign(role="study", condition="floor and most")], ignore_index=True
    )
    more = Frames(runs, frames.stages, frames.patients)
    before, after = emergence_table(frames, ()), emergence_table(more, ())
    assert after["missing"].tolist() == [1 if not c else 0 for c in after["common_maximiser"]]
    assert after["defined"].tolist() == before["defined"].tolist()
    assert after["joint_share"].tolist() == pytest.approx(before["joint_share"].tolist(), nan_ok=True)
    missing = debate_table(more, ()).set_index("criterion")["missing"]
    assert (missing == 1).all()
    ward = by_ward(more)
    assert ward.loc[ward["condition"] == "floor and most", "missing"].sum() >= 3


def test_by_ward_the_differences_are_means_over_its_runs(played: Played) -> None:
    frames, records, _ = played
    table = by_ward(frames, ()).set_index(["cluster", "outcome"])
    for ward in {r.scenario.name for r in records}:
        mine = [r for r in records if r.scenario.name == ward]
        emerged = [(bool(r.emergence.first), bool(r.emergence.first_no_debate)) for r in mine if r.emergence]
        row = table.loc[(ward, "emergence_1")]
        assert row["difference"] == pytest.approx(np.mean([a - b for a, b in emerged]))
        assert (row["runs"], row["missing"]) == (len(mine), 0)
        net = [len(r.emergence.beyond_the_merge) - len(r.lost_in_debate) for r in mine if r.emergence]
        assert table.loc[(ward, "criteria"), "difference"] == pytest.approx(np.mean(net))


def test_under_a_common_maximiser_the_second_definition_never_holds(tmp_path: Path) -> None:
    """The negative control: survival, and survival weighted by one weight for all, have the same maximiser."""
    records = []
    with personas(tmp_path):
        for seed in (1, 2, 3):
            ward = load(f"generated:{seed},n=6,divisible=1").model_dump(mode="json")
            for patient in ward["patients"]:
                patient["weights"] = {"prioritarian": 1.5, "care": None}
            file = tmp_path / f"ward-{seed}.json"
            file.write_text(parse_ward(ward | {"name": f"constant-{seed}"}, "ward").model_dump_json())
            records.append(play(str(file), tmp_path, framework="most", opponent="weighted", rounds=1))
        records.append(
            play("generated:1,n=6,divisible=1", tmp_path, framework="most", opponent="floor", rounds=1)
        )
    frames = framed([rows_of(r) for r in records])
    frames = Frames(frames.runs.assign(role="study", condition="c"), frames.stages, frames.patients)
    found = negative_control(frames)
    assert found["common_maximiser"].tolist() == [True, True, True, False]
    assert found["attained"].tolist() == [True, True, True, False]
    assert (found.loc[found["common_maximiser"], "emergence_2"] == 0).all()
    table = emergence_table(frames).set_index(["definition", "common_maximiser"])
    assert table.loc[(2, True), "joint"] == 0 and table.loc[(2, True), "defined"] == 3
    assert table.loc[(2, False), "defined"] == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from([True, False, None])] * 4), min_size=1, max_size=6), st.randoms())
def test_counts_add_up_whatever_the_verdicts(verdicts: list[tuple[Any, ...]], random: Any) -> None:
    names = ("solo:A", "solo:B", "no_debate", "joint")
    rows = [
        {"run_id": f"r{k}", "stage": stage, "criterion:nothing-idle": verdict}
        for k, run in enumerate(verdicts)
        for stage, verdict in zip(names, run, strict=True)
    ]
    random.shuffle(rows)
    runs = pd.DataFrame([{"run_id": f"r{k}", "condition": "c", "cluster": "w"} for k in range(len(verdicts))])
    frames = Frames(runs, pd.DataFrame(rows).astype({"criterion:nothing-idle": object}), pd.DataFrame())
    row = debate_table(frames).set_index("criterion").loc["nothing-idle"]
    assert row["missing"] + row["undefined"] + row["defined"] == len(verdicts)
    assert row["beyond"] == sum(v[3] is True and True not in v[:3] for v in verdicts)
    assert row["lost"] == sum(v[3] is False and v[2] is True for v in verdicts)
    table = standards(frames)
    mine = table[table["criterion"] == "nothing-idle"]
    assert (mine["met"] + mine["unmet"] + mine["undefined"] + mine["missing"] == len(verdicts)).all()
