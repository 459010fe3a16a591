"""What answers what: pairs told by hand, counts against brute force, nothing seen missing, no dependence invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.strategy import dependence, matrix, shares, steps_of
from evals.strategy.dependence import STRATA, mutual_information
from evals.strategy.transitions import STATES, STEP_COLUMNS, Given
from nodes.record import RunRecord
from scenarios.errors import ParleyError
from tests.evals.strategy_runs import STEPS, beds, run_of, spoken
from tests.play import play, transcript

HALF = [[0.5], [0.5]]
DIALOGUE = (
    *((1, "A", "selfish"), (1, "B", "concession")),
    *((2, "A", "concession"), (2, "B", None)),
    *((3, "A", "silent"), (3, "B", "nice")),
)


def record_of(*moves: tuple[int, str, str | None], **settings: object) -> RunRecord:
    solos = dict.fromkeys(sorted({seat for _, seat, _ in moves}), HALF)
    people = dict(zip("ABC", ("rawlsian", "plain", "egalitarian"), strict=False))
    personas = {s: people[s] for s in solos}
    return run_of(beds(), solos, joint=HALF, personas=personas, edges=spoken(*moves), **settings)


def frame_of(*records: RunRecord) -> pd.DataFrame:
    return pd.DataFrame([row for r in records for row in steps_of(r)], columns=list(STEP_COLUMNS))


def test_each_move_knows_the_seats_last_and_what_it_was_answering() -> None:
    rows = steps_of(record_of(*DIALOGUE))
    told = [(r["seat"], r["turn"], r["previous_step"], r["received_step"], r["step"]) for r in rows]
    assert told == [
        ("A", 1, None, None, "selfish"),
        ("B", 2, None, "selfish", "concession"),
        ("A", 1, "selfish", "concession", "concession"),
        ("B", 2, "concession", "concession", None),
        ("A", 1, "concession", None, "silent"),
        ("B", 2, None, "silent", "nice"),
    ]
    assert [r["received_strategy"] for r in rows][4] == "abstain", "that nothing came is itself a headline"
    assert {(r["persona"], r["other"]) for r in rows} == {("rawlsian", "plain"), ("plain", "rawlsian")}


def test_when_all_speak_at_once_nobody_answers_the_same_round() -> None:
    moves = ((1, "A", "selfish"), (1, "B", "nice"), (2, "A", "silent"), (2, "B", "concession"))
    rows = steps_of(record_of(*moves, simultaneous=True))
    assert [r["received_step"] for r in rows] == [None, None, "nice", "selfish"]


def test_in_a_panel_the_last_of_the_others_is_answered() -> None:
    moves = ((1, "A", "selfish"), (1, "B", "nice"), (1, "C", "silent"), (2, "A", "concession"))
    rows = steps_of(record_of(*moves))
    assert [r["received_step"] for r in rows] == [None, "selfish", "nice", "silent"]
    assert rows[0]["other"] == "plain+egalitarian"


def test_a_played_debate_has_the_moves_of_its_transcript(tmp_path: Path) -> None:
    record = play(
        "generated:3,n=5,divisible=1",
        tmp_path,
        framework="rawlsian",
        opponent="biased-age",
        order="alternating",
    )
    rows = steps_of(record)
    assert [(r["round"], r["seat"], r["strategy"]) for r in rows] == transcript(record)
    assert [r["seat"] for r in rows] == ["A", "B", "B", "A", "A", "B"]
    assert rows[2]["received_step"] == rows[0]["step"], "B speaks twice in a row: it answers A's last move"


def test_shares_name_every_class_and_count_what_has_none() -> None:
    frame = shares(frame_of(record_of(*DIALOGUE)))
    mine = frame[frame["persona"] == "plain"].set_index("state")
    assert list(mine.index) == list(STATES["step"])
    assert mine["count"].to_dict() == {s: int(s in ("concession", "nice")) for s in STATES["step"]}
    assert set(mine["total"]) == {2} and set(mine["missing"]) == {1}
    assert mine.loc["nice", "share"] == 0.5 and mine.loc["selfish", "share"] == 0.0
    lone = shares(frame_of(record_of((1, "A", None), (1, "B", "nice"))), by=["seat"])
    silent = lone[lone["seat"] == "A"]
    assert silent["share"].isna().all() and set(silent["total"]) == {0} and set(silent["missing"]) == {1}


def test_shares_of_single_runs_are_there_for_statistics_over_wards() -> None:
    first = record_of((1, "A", "nice"), (1, "B", "nice"), run_id="one")
    second = record_of((1, "A", "selfish"), (1, "B", "nice"), run_id="two")
    frame = shares(frame_of(first, second), by=["run_id"])
    nice = frame[frame["state"] == "nice"].set_index("run_id")["share"]
    assert nice.to_dict() == {"one": 1.0, "two": 0.5}
    with pytest.raises(ParleyError, match="no column condition"):
        shares(frame_of(first), by=["condition"])


def test_a_transition_that_could_not_happen_is_missing_and_not_zero() -> None:
    frame = matrix(frame_of(record_of(*DIALOGUE)), by=["seat"], given="previous")
    assert len(frame) == 2 * 6 * 6
    mine = frame[frame["seat"] == "A"].set_index(["before", "after"])
    assert mine.loc[("selfish", "concession"), ["count", "total", "share"]].tolist() == [1, 1, 1.0]
    assert mine.loc[("selfish", "silent"), "share"] == 0.0, "seen, and never so answered"
    assert pd.isna(mine.loc[("nice", "silent"), "share"]), "never seen"
    assert set(mine["missing"]) == {1}, "the first move has nothing before it"
    assert frame[frame["seat"] == "B"]["total"].sum() == 0, "an abstention breaks both its pairs"


@given(
    st.lists(st.sampled_from([*STEPS, None]), min_size=2, max_size=14),
    st.sampled_from(["previous", "received"]),
)
def test_the_matrix_counts_what_a_loop_counts(classes: list[str | None], what: str) -> None:
    moves = [(1 + i // 2, "AB"[i % 2], c) for i, c in enumerate(classes)]
    back = 2 if what == "previous" else 1
    frame = matrix(frame_of(record_of(*moves)), by=[], given=what)  # type: ignore[arg-type]
    counted = {(b, a): 0 for b in STEPS for a in STEPS}
    for i in range(back, len(classes)):
        before, after = classes[i - back], classes[i]
        if before is not None and after is not None:
            counted[before, after] += 1
    assert {(r["before"], r["after"]): r["count"] for r in frame.to_dict("records")} == counted
    rows = frame.groupby("before")["share"].sum(min_count=1).dropna()
    assert np.allclose(rows, 1.0)
    assert set(frame["missing"]) == {len(classes) - sum(counted.values())}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_mutual_information_is_entropy_saved_and_never_negative(pairs: list[tuple[int, int]]) -> None:
    before, after = (np.array(c) for c in zip(*pairs, strict=True))

    def entropy(values: list[object]) -> float:
        p = np.unique([str(v) for v in values], return_counts=True)[1] / len(values)
        return float(-(p * np.log(p)).sum())

    saved = entropy(list(before)) + entropy(list(after)) - entropy(list(pairs))
    assert mutual_information(before, after, 3) == pytest.approx(max(0.0, saved), abs=1e-9)


def test_of_nothing_there_is_no_information() -> None:
    none = np.array([], dtype=np.int64)
    assert np.isnan(mutual_information(none, none, 6))


def many(
    runs: int, rng: np.random.Generator, *, copies: bool, trend: bool = False, rounds: int = 4
) -> pd.DataFrame:
    """Runs of A and B in turn, A at random (or conceding ever more), B copying A's last step or at random."""
    records = []
    for i in range(runs):
        moves: list[tuple[int, str, str | None]] = []
        for r in range(rounds):
            chance = r / (rounds - 1) if trend else 0.5
            a, b = (("silent", "concession")[int(rng.random() < chance)] for _ in range(2))
            moves += [(r + 1, "A", a), (r + 1, "B", a if copies else b)]
        records.append(record_of(*moves, run_id=f"run-{i}"))
    return frame_of(*records)


def found(frame: pd.DataFrame, seat: str, null: str) -> pd.Series:
    return frame[(frame["seat"] == seat) & (frame["null"] == null)].iloc[0]


def test_a_seat_that_copies_is_found_out_and_the_one_it_copies_is_not() -> None:
    rng = np.random.default_rng(3)
    frame = dependence(many(30, rng, copies=True), rng=rng, by=["seat"], resamples=199)
    for null in ("within-run", "within-round"):
        copier = found(frame, "B", null)
        assert copier["p"] == 1 / 200 and copier["information"] > 5 * copier["expected"]
        assert copier["pairs"] == 120 and copier["runs"] == 30
        assert copier["excess"] == pytest.approx(copier["information"] - copier["expected"])
    assert found(frame, "A", "within-round")["p"] > 0.05
    own = dependence(many(30, rng, copies=True), rng=rng, by=["seat"], given="previous", resamples=199)
    assert (own["p"] > 0.05).all(), "nobody here looks at its own last step"


def test_a_trend_shared_by_both_seats_is_no_dependence_within_rounds() -> None:
    rng = np.random.default_rng(4)
    frame = dependence(many(40, rng, copies=False, trend=True), rng=rng, by=["seat"], resamples=199)
    assert found(frame, "B", "within-run")["p"] <= 0.01, "shuffling within a run takes a trend for an answer"
    assert found(frame, "B", "within-round")["p"] > 0.05


def test_wards_that_make_both_seats_alike_are_no_dependence_within_runs() -> None:
    rng, records = np.random.default_rng(8), []
    for i in range(40):
        chance = (0.1, 0.9)[i % 2]  # one ward makes both concede, the next makes both stay
        steps = ["concession" if c else "silent" for c in rng.random(8) < chance]
        moves = [(1 + j // 2, "AB"[j % 2], step) for j, step in enumerate(steps)]
        records.append(record_of(*moves, run_id=f"run-{i}"))
    frame = dependence(frame_of(*records), rng=rng, by=["seat"], resamples=199)
    assert found(frame, "B", "within-round")["p"] <= 0.01, "shuffling among runs takes a ward for an answer"
    assert found(frame, "B", "within-run")["p"] > 0.05


def test_a_seat_that_repeats_itself_depends_on_itself() -> None:
    rng = np.random.default_rng(5)
    records = []
    for i in range(20):
        step = ["silent"] * 4 + ["concession"] * 4 if i % 2 else ["concession"] * 4 + ["silent"] * 4
        records.append(record_of(*((r + 1, "A", s) for r, s in enumerate(step)), run_id=str(i)))
    frame = dependence(frame_of(*records), rng=rng, by=[], given="previous", resamples=199)
    assert (frame["p"] == 1 / 200).all()


@pytest.mark.parametrize("asked", ["received", "previous"])
def test_the_test_of_independent_moves_rejects_as_often_as_it_should(asked: Given) -> None:
    """Of 100 studies without any dependence about 5 may be called one: Monte Carlo 99 % band 1 to 11."""
    rng, rejected = np.random.default_rng(6), dict.fromkeys(STRATA, 0)
    base = many(8, rng, copies=False, rounds=3)
    for _ in range(100):
        steps = rng.choice(["silent", "concession", "selfish"], size=len(base))
        study = relinked(base.assign(step=steps))
        for row in dependence(
            study[study["seat"] == "B"], rng=rng, by=[], given=asked, resamples=39
        ).itertuples():
            rejected[row.null] += row.p <= 0.05
    assert all(1 <= count <= 11 for count in rejected.values()), rejected


def relinked(frame: pd.DataFrame) -> pd.DataFrame:
    """Steps before, told anew after the steps were changed; A and B speak in turn."""
    frame = frame.sort_values(["run_id", "index"], ignore_index=True)
    runs = frame.groupby("run_id")["step"]
    frame["received_step"], frame["previous_step"] = runs.shift(1), runs.shift(2)
    return frame


def test_where_no_shuffle_can_change_anything_there_is_no_p() -> None:
    rng = np.random.default_rng(1)
    always = record_of(*((r, s, "concession") for r in (1, 2, 3) for s in "AB"))
    frame = dependence(frame_of(always), rng=rng, resamples=9)
    assert frame["p"].isna().all() and (frame["information"] == 0).all() and frame["pairs"].sum() == 2 * 5
    first = dependence(frame_of(record_of((1, "A", "nice"))), rng=rng, by=[], resamples=9)
    assert first["information"].isna().all() and (first["pairs"] == 0).all()
    with pytest.raises(ParleyError, match="at least once"):
        dependence(frame_of(always), rng=rng, resamples=0)


def test_the_same_seed_gives_the_same_p() -> None:
    moves = many(6, np.random.default_rng(2), copies=False)
    once, again = (dependence(moves, rng=np.random.default_rng(9), resamples=49) for _ in range(2))
    pd.testing.assert_frame_equal(once, again)
