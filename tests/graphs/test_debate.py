"""Does a whole debate do what its settings say: minutes, controls, and the same record for the same inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodes.record import RunRecord
from nodes.settings import MERGE_RULE_NAMES
from tests.play import play, without_times

WARD = "one-ventilator"


def served(record: RunRecord, what: str) -> set[str]:
    """Patients who get anything in one of the measured allocations."""
    return {
        p for p, shares in record.measures[what].allocation.items() if any(v > 0 for v in shares.values())
    }


def test_the_same_inputs_give_the_same_record_but_for_times(tmp_path: Path) -> None:
    first, second = (play(WARD, tmp_path / d) for d in "ab")
    assert without_times(first) == without_times(second)
    assert (tmp_path / "a" / f"{first.run_id}.json").is_file()


def test_another_replicate_has_another_id_and_so_has_every_setting(tmp_path: Path) -> None:
    ids = [
        play(WARD, tmp_path, **s).run_id
        for s in ({}, {"replicate": 1}, {"seed": 2}, {"merge_rule": "nash"}, {"strength": 0.3}, {"rounds": 2})
    ]
    assert len(set(ids)) == len(ids)


def test_three_rounds_are_a_move_of_each_seat_and_a_merge(tmp_path: Path) -> None:
    record = play(WARD, tmp_path)
    assert [(m.round, m.seat) for r in record.rounds for m in r.moves] == [
        (n, s) for n in (1, 2, 3) for s in ("A", "B")
    ]
    assert record.status == "complete"
    assert record.joint == record.rounds[-1].joint
    for outcome in record.measures.values():
        assert record.scenario.feasible(record.scenario.array(outcome.allocation))


def test_every_transition_has_an_edge_in_order(tmp_path: Path) -> None:
    record = play(WARD, tmp_path, rounds=2)
    assert [e.index for e in record.edges] == list(range(len(record.edges)))
    steps = [(e.source, e.target) for e in record.edges]
    turn = [("retrieve", "propose"), ("propose", "critique"), ("critique", "mediate")]
    assert steps == [
        ("brief", "solo"),
        *[("solo", "retrieve")] * 2,
        *turn,
        ("mediate", "retrieve"),
        *turn,
        ("mediate", "exit_solo"),
        *[("exit_solo", "record")] * 2,
    ]
    assert all(e.strategy for e in record.edges if e.source in ("propose", "critique", "mediate"))


def test_orders_decide_who_proposes(tmp_path: Path) -> None:
    def speakers(**settings: object) -> list[str]:
        return ["".join(m.seat for m in r.moves) for r in play(WARD, tmp_path, **settings).rounds]

    assert speakers(order="as-seated") == ["AB", "AB", "AB"]
    assert speakers(order="reversed") == ["BA", "BA", "BA"]
    assert speakers(order="alternating") == ["AB", "BA", "AB"]


def test_at_once_nobody_has_seen_a_move_of_this_round(tmp_path: Path) -> None:
    record = play(WARD, tmp_path, simultaneous=True)
    for r in record.rounds:
        assert {len(m.seen) for m in r.moves} == {2 * (r.round - 1)}
    in_turn = play(WARD, tmp_path)
    assert [len(m.seen) for r in in_turn.rounds for m in r.moves] == [0, 1, 2, 3, 4, 5]


def test_what_a_seat_saw_is_proved_by_the_hashes_of_the_moves(tmp_path: Path) -> None:
    from negotiators.protocol import move_hash

    record = play(WARD, tmp_path)
    heard: list[str] = []
    for move in (m for r in record.rounds for m in r.moves):
        assert move.seen == heard
        assert len(move.prompt_hash) == 64
        heard.append(move_hash(move))


def test_a_panel_of_four_runs_by_the_same_graph(tmp_path: Path) -> None:
    record = play(
        "pandemic-wave", tmp_path, panel=["utilitarian", "biased-sex"], merge_rule="kalai-smorodinsky"
    )
    assert [s.seat for s in record.seats] == ["A", "B", "C", "D"]
    assert ["".join(m.seat for m in r.moves) for r in record.rounds] == ["ABCD"] * 3
    assert set(record.exit_solo) == {"A", "B", "C", "D"}


def test_like_against_like_agree_from_the_start_and_may_end_early(tmp_path: Path) -> None:
    record = play(WARD, tmp_path, framework="utilitarian", opponent="utilitarian", until_agreement=True)
    assert len(record.rounds) == 1
    assert record.rounds[0].contested == []
    assert record.influence is None
    assert record.joint == record.solo["A"].move.allocation


def test_blind_seats_cannot_favour_what_they_do_not_see(tmp_path: Path) -> None:
    seeing = play("pandemic-wave", tmp_path, opponent="biased-age", strength=0.9)
    blind = play("pandemic-wave", tmp_path, opponent="biased-age", strength=0.9, blind=["age_group"])
    plain = play("pandemic-wave", tmp_path, opponent="plain")
    saw, blinded, unbiased = (
        r.scenario.array(r.solo["B"].move.allocation or {}) for r in (seeing, blind, plain)
    )
    assert abs(blinded - unbiased).max() < 1e-4
    assert abs(blinded - saw).max() > 1


def test_a_plain_debate_leaves_minds_where_they_were_and_persuasion_moves_them(tmp_path: Path) -> None:
    bargain = play("pandemic-wave", tmp_path)
    persuaded = play("pandemic-wave", tmp_path, opponent_persuasion=0.8, retrieval="prompt")
    assert all(bargain.exit_solo[s].move.allocation == bargain.solo[s].move.allocation for s in "AB")
    assert persuaded.exit_solo["A"].move.allocation == persuaded.solo["A"].move.allocation
    assert persuaded.exit_solo["B"].move.allocation != persuaded.solo["B"].move.allocation


def test_the_framework_in_the_prompt_is_the_framework_and_off_is_plain(tmp_path: Path) -> None:
    by_text = play("pandemic-wave", tmp_path, retrieval="prompt")
    off = play("pandemic-wave", tmp_path, retrieval="off")
    plain = play("pandemic-wave", tmp_path, framework="plain")
    alone = [r.scenario.array(r.solo["A"].move.allocation or {}) for r in (off, plain)]
    assert abs(alone[0] - alone[1]).max() < 1e-4
    assert by_text.measures["solo:A"].normalised["worst_off"] > off.measures["solo:A"].normalised["worst_off"]  # type: ignore[operator]
    assert {p.framework for p in by_text.rounds[0].retrieved["A"]} == {"rawlsian"}
    assert off.rounds[0].retrieved == {}


@pytest.mark.parametrize("rule", [r for r in MERGE_RULE_NAMES if r != "llm"])
@pytest.mark.parametrize("scenario", [WARD, "pandemic-wave"])
def test_every_merge_rule_ends_in_a_feasible_joint_allocation_within_the_moves(
    rule: str, scenario: str, tmp_path: Path
) -> None:
    record = play(scenario, tmp_path, merge_rule=rule)
    ward = record.scenario
    for r in record.rounds:
        joint, moves = ward.array(r.joint), [ward.array(m.allocation or {}) for m in r.moves]
        assert ward.feasible(joint)
        assert (joint >= np.min(moves, axis=0) - 1e-5).all()
        assert (joint <= np.max(moves, axis=0) + 1e-5).all()


def test_the_last_word_of_a_seat_is_its_last_move(tmp_path: Path) -> None:
    record = play(WARD, tmp_path, merge_rule="last-word-first")
    assert record.joint == record.rounds[-1].moves[0].allocation
    assert record.no_debate == record.solo["A"].move.allocation


def test_progress_is_told_in_words_while_it_happens(tmp_path: Path) -> None:
    events: list[dict[str, object]] = []
    play(WARD, tmp_path, events=events)
    kinds = [e["event"] for e in events]
    assert kinds[0] == "brief"
    assert kinds[-1] == "record"
    assert kinds.count("joint") == 3
    assert all(isinstance(e["text"], str) and e["text"] for e in events)


def test_solos_that_are_the_same_but_for_the_solver_have_no_influence_to_tell(tmp_path: Path) -> None:
    record = play("pandemic-wave", tmp_path, framework="prioritarian", opponent="plain")
    assert record.influence is None


def test_what_nobody_sees_cannot_decide_the_merge(tmp_path: Path) -> None:
    joints = [
        play("pandemic-wave", tmp_path, merge_rule="nash", blind=["age_group"], strength=s, rounds=1).joint
        for s in (0.1, 0.9)
    ]
    assert joints[0] is not None
    assert joints[0] == joints[1]


def test_noise_of_the_solver_is_no_dispute(tmp_path: Path) -> None:
    record = play("generated:4,n=8,scarcity=0.3", tmp_path, opponent="plain")
    assert [r.contested for r in record.rounds] == [[], [], []]
    assert {e.strategy for e in record.edges if e.source in ("propose", "critique")} == {"silent"}


def test_a_seat_that_wants_nothing_here_has_no_utility_and_no_step(tmp_path: Path) -> None:
    record = play("chemical-exposure", tmp_path, opponent="biased-merit", strength=1, rounds=1)
    assert all("B" not in o.utilities for o in record.measures.values())
    assert all(e.step is None for e in record.edges if e.seat == "B")


def test_a_setting_without_effect_is_the_same_run(tmp_path: Path) -> None:
    ids = {
        play(WARD, tmp_path, rounds=1, **s).run_id
        for s in (
            {},
            {"strength": 0.6},
            {"exponent": 1},
            {"floor": 0.5},
            {"passages": 3},
            {"temperature": 0.2},
        )
    }
    assert len(ids) == 1
