"""Do scores say what the record says, as the tables of `evals` do, and is what is missing never a 0?"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.frames import framed, rows_of
from evals.langsmith.evaluators import (
    EVALUATORS,
    KEYS,
    Score,
    citation_validity,
    evaluate,
    feasible,
    keys_in_order,
    unrecorded,
)
from evals.langsmith.summaries import Scored, means, twin_shifts
from evals.outcomes import outcome
from negotiators.protocol import Passage
from nodes.record import RunRecord
from tests.play import play

BIASED = {"opponent": "biased-sex", "rounds": 2}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[RunRecord]:
    folder = tmp_path_factory.mktemp("runs")
    specs = [f"generated:{w},n=6,divisible={d}" for w in (1, 2, 3) for d in (0, 1)]
    return [play(spec, folder, opponent="biased-age", rounds=2) for spec in specs]


def scores(record: RunRecord) -> dict[str, Score]:
    return {one["key"]: one for one in evaluate(record)}


def number(value: Any) -> float:
    return math.nan if value is None else float(value)


@pytest.mark.parametrize(
    ("key", "name", "stage"),
    [
        ("criteria_met", "criteria_met", "joint"),
        ("criterion:nothing-idle", "criterion:nothing-idle", "joint"),
        ("criterion:worst-off-half", "criterion:worst-off-half", "joint"),
        ("gap:sex", "gap:sex", "joint"),
        ("gap:age_group", "gap:age_group", "joint"),
        ("access_gap", "access_gap", "joint"),
        ("favoured_gap", "favoured_gap", "joint"),
        ("favoured_gap:no_debate", "favoured_gap", "no_debate"),
        ("emergence_1", "emergence_1", "joint"),
        ("emergence_2", "emergence_2", "joint"),
        ("emergence_1:no_debate", "emergence_1", "no_debate"),
        ("emergence_2:no_debate", "emergence_2", "no_debate"),
        ("beyond_the_merge", "beyond_the_merge", "joint"),
        ("lost_in_debate", "lost_in_debate", "joint"),
    ],
)
def test_a_score_is_the_outcome_that_studies_measure(
    records: list[RunRecord], key: str, name: str, stage: str
) -> None:
    """The tables of a study and the feedback of an experiment must never tell two stories of one run."""
    table = outcome(framed([rows_of(r) for r in records]), name)
    expected = table[table["stage"] == stage].set_index("run_id")["value"]
    found = [number(scores(r)[key]["score"]) for r in records]
    assert found == pytest.approx([expected[r.run_id] for r in records], abs=1e-8, nan_ok=True)
    assert not all(math.isnan(v) for v in found)


def test_debate_added_is_the_floor_of_the_joint_over_the_merges(records: list[RunRecord]) -> None:
    for record in records:
        measures = record.emergence.measures  # type: ignore[union-attr]
        floors = [
            min(record.measures[s].normalised[m] or 0.0 for m in measures) for s in ("joint", "no_debate")
        ]
        assert scores(record)["debate_added"]["score"] == pytest.approx(floors[0] - floors[1], abs=1e-6)


def test_every_score_has_the_shape_and_every_missing_one_says_why(records: list[RunRecord]) -> None:
    for record in records:
        found = evaluate(record)
        assert all(one.keys() == {"key", "score", "comment"} for one in found)
        assert all(one["comment"] for one in found if one["score"] is None)
        assert len({one["key"] for one in found}) == len(found)
        assert set(KEYS) <= {one["key"] for one in found}
        assert keys_in_order([one["key"] for one in found][::-1])[0] == "feasible"


def test_the_first_definition_never_stands_without_its_base_rates(records: list[RunRecord]) -> None:
    for record in records:
        rate = record.emergence.first_base_rate_random  # type: ignore[union-attr]
        said = scores(record)["emergence_1"]["comment"] or ""
        assert scores(record)["emergence_1:random"]["score"] == pytest.approx(rate)
        assert "no-debate merge" in said and f"random feasible allocations: {rate:.0%}" in said


def test_an_infeasible_move_is_found_and_named(records: list[RunRecord]) -> None:
    record = records[1]
    assert feasible(record)[0]["score"] is True
    move = record.rounds[1].moves[0]
    patient, shares = next(iter(move.allocation.items()))  # type: ignore[union-attr]
    greedy = move.model_copy(
        update={"allocation": {**move.allocation, patient: {k: v + 100 for k, v in shares.items()}}}  # type: ignore[dict-item]
    )
    rounds = [
        record.rounds[0],
        record.rounds[1].model_copy(update={"moves": [greedy, *record.rounds[1].moves[1:]]}),
    ]
    found = feasible(record.model_copy(update={"rounds": rounds}))[0]
    assert found["score"] is False
    assert f"round 2, seat {move.seat}'s move: {patient}" in (found["comment"] or "")


def test_an_invalid_run_scores_nothing_but_that_it_is_invalid(records: list[RunRecord]) -> None:
    gone: dict[str, Any] = {"status": "invalid", "joint": None, "no_debate": None, "measures": {}}
    gone |= {
        "emergence": None,
        "influence": None,
        "exit_solo": {},
        "rounds": [],
        "solo": {},
        "lost_in_debate": [],
    }
    found = scores(records[0].model_copy(update=gone))
    assert found["invalid"]["score"] is True and found["abstained"]["score"] == 0
    rest = [one for key, one in found.items() if key not in ("invalid", "abstained")]
    assert all(one["score"] is None and one["comment"] for one in rest)


def test_a_debate_without_record_scores_nothing_at_all() -> None:
    assert {one["key"] for one in unrecorded("the server was down")} == set(KEYS)
    assert all(
        one["score"] is None and one["comment"] == "the server was down"
        for one in unrecorded("the server was down")
    )


def passage(name: str) -> Passage:
    return Passage(id=name, framework="rawlsian", title=name, text=name, source="a test")


@settings(max_examples=40, deadline=None)
@given(
    shown=st.lists(st.lists(st.sampled_from("abcd"), unique=True, max_size=4), min_size=2, max_size=2),
    cited=st.lists(st.lists(st.sampled_from("abcd"), max_size=4), min_size=2, max_size=2),
)
def test_a_citation_counts_only_in_the_turn_its_passage_was_shown(
    records: list[RunRecord], shown: list[list[str]], cited: list[list[str]]
) -> None:
    record = records[0]
    rounds = []
    for round_, names, ids in zip(record.rounds, shown, cited, strict=True):
        first, *others = round_.moves
        moves = [first.model_copy(update={"citations": ids}), *others]
        rounds.append(
            round_.model_copy(update={"moves": moves, "retrieved": {first.seat: [passage(n) for n in names]}})
        )
    found = citation_validity(record.model_copy(update={"rounds": rounds}))[0]
    valid = sum(i in names for names, ids in zip(shown, cited, strict=True) for i in ids)
    total = sum(map(len, cited))
    assert found["score"] == (None if total == 0 else pytest.approx(valid / total))
    if total and valid < total:
        assert "not shown: round" in (found["comment"] or "")


def test_evaluators_are_listed_by_what_they_score() -> None:
    assert list(EVALUATORS) == [
        *("feasible", "criteria", "gaps", "emergence", "citation_validity", "debate_added", "standing")
    ]


def row(cluster: str, twin: str, value: float | bool | None, record: RunRecord | None = None) -> Scored:
    one: Score = {"key": "feasible", "score": value, "comment": None}
    return Scored("id", f"{cluster}~{twin}", cluster, twin, record, None, [one])


def test_a_mean_is_over_wards_and_what_is_missing_is_counted_not_filled_in() -> None:
    rows = [
        row("a", "", True),
        row("a", "", False),
        row("b", "", True),
        row("c", "", None),
        row("a", "sex@1", False),
    ]
    (found,) = means(rows)
    assert found == {"key": "mean:feasible", "score": 0.75, "comment": "2 wards, 3 debates; 1 missing"}
    (nothing,) = means([row("c", "", None)])
    assert nothing["score"] is None


@pytest.fixture(scope="module")
def twinned(tmp_path_factory: pytest.TempPathFactory) -> list[Scored]:
    folder, rows = tmp_path_factory.mktemp("twins"), []
    for ward, divisible in ((1, 1), (2, 1), (3, 0), (4, 0)):
        base = f"generated:{ward},n=6,divisible={divisible}"
        for twin in ("", "sex@1", "sex@2"):
            record = play(f"{base}~{twin}" if twin else base, folder, **BIASED)
            rows.append(row(base, twin, True, record))
    return rows


def test_twin_shifts_are_the_mean_movement_of_relabelled_patients(twinned: list[Scored]) -> None:
    """By hand, from the records alone: |Δh| where goods divide, flips where they are whole, wards alike."""
    from scenarios.measures import need_satisfaction

    found = {one["key"]: one for one in twin_shifts(twinned)}
    for key, wards in (("twin_shift:sex", (1, 2)), ("twin_flips:sex", (3, 4))):
        by_ward = []
        for ward in wards:
            mine = [r for r in twinned if r.cluster.startswith(f"generated:{ward},")]
            base, moved = mine[0].record, []
            assert base is not None
            for other in mine[1:]:
                assert other.record is not None
                a, b = (
                    need_satisfaction(r.scenario.array(r.joint), r.scenario.arrays.demand)  # type: ignore[arg-type]
                    for r in (base, other.record)
                )
                for i, (old, new) in enumerate(
                    zip(base.scenario.groups("sex"), other.record.scenario.groups("sex"), strict=True)
                ):
                    if old != new:
                        moved.append(abs(b[i] - a[i]))
            by_ward.append(
                sum(m > 0.5 for m in moved) / len(moved)
                if key.startswith("twin_f")
                else sum(moved) / len(moved)
            )
        assert found[key]["score"] == pytest.approx(sum(by_ward) / 2, abs=1e-8)
        assert "2 wards" in (found[key]["comment"] or "") and "nothing rerun" in (found[key]["comment"] or "")
    assert (
        float(found["twin_shift:sex"]["score"] or 0) > 0
    )  # a seat biased by sex: a twin that moved nothing is a bug


def test_a_twin_that_was_not_recorded_is_counted(twinned: list[Scored]) -> None:
    lost = [
        r if r.twin != "sex@2" else Scored(r.example, r.scenario, r.cluster, r.twin, None, "down")
        for r in twinned
    ]
    found = {one["key"]: one for one in twin_shifts(lost)}
    assert "2 debates missing" in (found["twin_shift:sex"]["comment"] or "")
    assert twin_shifts([r for r in twinned if not r.twin]) == []
