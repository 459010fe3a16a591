"""Who moved whom: projections worked out on paper, minds told from bargains, drift taken off, nothing filled in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.frames import frames as run_frames
from evals.strategy import frames, influence_of, minds, minds_of
from nodes.record import RunRecord
from scenarios.errors import ParleyError
from tests.evals.strategy_runs import Cells, beds, run_of
from tests.play import play

A, B = [[1.0], [0.0]], [[0.0], [1.0]]
WARD = beds()


def way(share: float) -> Cells:
    """So far of the way from A's solo to B's."""
    return [[1 - share], [share]]


def debate(**more: object) -> RunRecord:
    """A offers .6 of the way, B comes .2 toward A; the joint is at .5, the merge at .45; A leaves convinced by .25."""
    told: dict[str, object] = {
        "joint": way(0.5),
        "no_debate": way(0.45),
        "exits": {"A": way(0.25), "B": B},
        **more,
    }
    return run_of(WARD, {"A": A, "B": B}, [[("A", way(0.6)), ("B", way(0.8))]], **told)  # type: ignore[arg-type]


def runs_of(*records: RunRecord, **columns: object) -> pd.DataFrame:
    rows = [
        {"run_id": r.run_id, "condition": "c", "ward": "w", "seed": 1, "replicate": r.replicate} | columns
        for r in records
    ]
    return pd.DataFrame(rows)


def rows_of(*records: RunRecord) -> pd.DataFrame:
    return pd.DataFrame([row for r in records for row in minds_of(r)])


def test_influence_of_each_seat_is_its_share_of_the_joint_with_what_debate_added() -> None:
    first, second = influence_of(debate())
    assert (first["seat"], first["other"], first["seats"]) == ("A", "plain", 2)
    assert first["influence"] == pytest.approx(0.5) and first["influence_no_debate"] == pytest.approx(0.55)
    assert first["debate_added"] == pytest.approx(-0.05) == pytest.approx(-second["debate_added"])
    assert first["influence"] + second["influence"] == pytest.approx(1)


def test_a_mind_is_told_from_a_bargain() -> None:
    first, second = minds_of(debate())
    told = {
        k: first[k]
        for k in ("mind", "offer", "joint", "no_debate", "offer_beyond", "joint_beyond", "debate_added")
    }
    assert told == pytest.approx(
        {
            "mind": 0.25,
            "offer": 0.6,
            "joint": 0.5,
            "no_debate": 0.45,
            "offer_beyond": 0.35,
            "joint_beyond": 0.25,
            "debate_added": 0.05,
        }
    )
    assert first["mind_r2"] == pytest.approx(1) and first["distance"] == pytest.approx(1)
    assert (second["mind"], second["offer"], second["joint_beyond"]) == pytest.approx((0.0, 0.2, 0.5))


def test_movement_off_the_line_between_the_solos_has_a_low_r2() -> None:
    ward = beds(3, 2.0)
    record = run_of(
        ward,
        {"A": [[1.0], [0.0], [0.0]], "B": [[0.0], [1.0], [0.0]]},
        joint=[[0.5], [0.5], [0.0]],
        exits={"A": [[1.0], [0.0], [1.0]], "B": None},
    )
    first, second = minds_of(record)
    assert (first["mind"], first["mind_r2"]) == pytest.approx((0.0, 0.0)), (
        "it moved, but nowhere near the other"
    )
    assert second["mind"] is None and second["joint_beyond"] is None, (
        "who abstained at the end has no movement, not 0"
    )
    assert second["joint"] == pytest.approx(0.5)


def test_like_minded_solos_and_lone_solos_leave_everything_undefined() -> None:
    alike = run_of(WARD, {"A": A, "B": A}, joint=A, no_debate=A)
    one = run_of(WARD, {"A": A, "B": None}, [[("A", A), ("B", B)]], joint=way(0.5))
    for record in (alike, one):
        told = rows_of(record)[["mind", "mind_r2", "offer", "joint", "no_debate", "debate_added"]]
        assert told.isna().all(axis=None)
        assert all(row["influence"] is None for row in influence_of(record))
        frame = minds(rows_of(record), runs_of(record))
        assert frame["mind_changed"].isna().all() and frame["reask"].isna().all()


def test_of_a_panel_the_first_two_are_measured_and_it_says_so() -> None:
    record = run_of(WARD, {"A": A, "B": B, "C": way(0.5)}, joint=way(0.5))
    assert [(r["seat"], r["seats"]) for r in minds_of(record)] == [("A", 3), ("B", 3)]
    assert [(r["seat"], r["seats"]) for r in influence_of(record)] == [("A", 3), ("B", 3)]


def test_an_invalid_run_has_no_rows() -> None:
    broken = debate().model_copy(update={"status": "invalid"})
    assert minds_of(broken) == [] and influence_of(broken) == []


def test_what_a_reask_would_have_moved_is_taken_off() -> None:
    base = debate(negotiator="chat", run_id="base")
    again = [
        run_of(WARD, {"A": way(0.1), "B": B}, joint=A, negotiator="chat", run_id="again-1", replicate=1),
        run_of(WARD, {"A": way(0.2), "B": B}, joint=A, negotiator="chat", run_id="again-2", replicate=2),
    ]
    runs = runs_of(base, *again).assign(role=["study", "rerun", "rerun"])
    frame = minds(rows_of(base, *again), runs).set_index(["run_id", "seat"])
    mine = frame.loc[("base", "A")]
    assert mine["reask"] == pytest.approx(0.15) and mine["reasks"] == 2 and mine["reask_from"] == "replicates"
    assert mine["mind_changed"] == pytest.approx(0.25 - 0.15)
    assert frame.loc[("base", "B"), "reask"] == pytest.approx(0.0)
    assert "own" not in frame and "way" not in frame


@pytest.mark.parametrize(
    "other",
    [
        {"ward": "v"},
        {"condition": "d"},
        {"seed": 2},
        {"role": "bargaining"},
        {"policy": "p"},
        {"model:A": "n"},
    ],
)
def test_a_run_of_anything_else_is_no_reask(other: dict[str, object]) -> None:
    base = debate(negotiator="chat", run_id="base")
    again = run_of(WARD, {"A": way(0.1), "B": B}, joint=A, negotiator="chat", run_id="again", replicate=1)
    alike = {"role": "study", "policy": "", "model:A": "m"}
    runs = pd.concat([runs_of(base, **alike), runs_of(again, **{**alike, **other})], ignore_index=True)
    frame = minds(rows_of(base, again), runs).set_index(["run_id", "seat"])
    assert frame.loc[("base", "A"), "reasks"] == 0
    assert pd.isna(frame.loc[("base", "A"), "mind_changed"]), (
        "a model's drift is not known, so nor is its change"
    )


def test_a_reference_seat_needs_no_reask_and_a_missing_condition_is_named() -> None:
    record = debate()
    frame = minds(rows_of(record), runs_of(record)).set_index("seat")
    assert (frame.loc["A", "reask"], frame.loc["A", "reask_from"]) == (0.0, "deterministic")
    assert frame.loc["A", "mind_changed"] == pytest.approx(0.25)
    with pytest.raises(ParleyError, match="no column condition"):
        minds(rows_of(record), runs_of(record).drop(columns="condition"))


@given(
    mind=st.floats(-0.5, 1.5),
    drift=st.floats(0, 1),
    turn=st.lists(st.integers(-3, 3), min_size=6, max_size=6).filter(any),
)
def test_a_mind_moved_by_a_share_is_found_whatever_the_ward(
    mind: float, drift: float, turn: list[int]
) -> None:
    ward = beds(6, 6.0)
    own, off = np.full((6, 1), 0.5), np.array(turn, float)[:, None] / 20
    other, exit_ = own + off, own + mind * off
    record = run_of(
        ward,
        {"A": own, "B": other},
        joint=own,
        exits={"A": exit_, "B": other},
        negotiator="chat",
        run_id="base",
    )
    again = run_of(
        ward, {"A": own + drift * off, "B": other}, joint=own, negotiator="chat", run_id="again", replicate=1
    )
    frame = minds(rows_of(record, again), runs_of(record, again)).set_index(["run_id", "seat"])
    mine = frame.loc[("base", "A")]
    assert mine["mind"] == pytest.approx(mind, abs=1e-3)
    assert mine["mind_changed"] == pytest.approx(mind - drift, abs=1e-3)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("movement")
    pair = {"framework": "rawlsian", "opponent": "biased-age"}
    for more in ({}, {"replicate": 1}, {"opponent_persuasion": 0.8}):
        play("generated:4,n=6,divisible=1", runs, **pair, **more)
    return runs


def test_influence_is_the_records_own_and_reference_replicates_do_not_drift(played: Path) -> None:
    told, runs = frames([played]), run_frames([played]).runs
    mine = told.influences[told.influences["seat"] == "A"].merge(
        runs, on="run_id", suffixes=("", "_recorded")
    )
    assert len(mine) == 3
    for name, recorded in (
        ("influence", "influence_recorded"),
        ("influence_r2", "influence_r2_recorded"),
        ("influence_no_debate", "influence_no_debate_recorded"),
        ("debate_added", "debate_added_recorded"),
    ):
        assert mine[name].to_numpy() == pytest.approx(mine[recorded].to_numpy(), abs=1e-8)
    conditions = runs.assign(condition=[str(p) for p in runs["opponent_persuasion"]])
    frame = minds(told.minds, conditions).merge(runs[["run_id", "opponent_persuasion"]], on="run_id")
    plain = frame[frame["opponent_persuasion"] == 0]
    assert set(plain["reask_from"]) == {"replicates"} and (plain["reask"].abs() < 1e-9).all()


def test_only_a_seat_that_can_be_persuaded_changes_its_mind(played: Path) -> None:
    told, runs = frames([played]), run_frames([played]).runs
    frame = told.minds.merge(runs[["run_id", "opponent_persuasion"]], on="run_id")
    moved = frame.set_index(["opponent_persuasion", "seat"])["mind"].groupby(level=[0, 1]).first()
    assert moved.loc[(0.0, "A")] == pytest.approx(0, abs=1e-6) and moved.loc[(0.0, "B")] == pytest.approx(
        0, abs=1e-6
    )
    assert moved.loc[(0.8, "A")] == pytest.approx(0, abs=1e-6)
    assert moved.loc[(0.8, "B")] > 0.2, "a persuaded bargainer is told from one that only bargained"
    assert (frame.loc[frame["opponent_persuasion"] == 0, "joint_beyond"] > 0.2).all()
