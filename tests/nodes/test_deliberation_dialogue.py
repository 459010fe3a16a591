"""Are a dialogue's rules kept: whose turn it is, what is seen, when it ends?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiators.deliberation import MEDIATOR, Utterance, Verdict
from nodes.deliberation.dialogue import after_judging, after_speaking, next_seat, round_of, window_of


def said(seat: str, round_: int) -> Utterance:
    return Utterance(seat=seat, round=round_, text="x")


def verdict(kind: Any, round_: int = 1) -> Verdict:
    return Verdict(round=round_, kind=kind, judge="rule")


@given(st.integers(0, 20), st.one_of(st.just("all"), st.integers(1, 8)))
def test_a_window_is_the_most_recent_turns_and_where_they_stand(turns: int, window: Any) -> None:
    dialogue = [f"turn {i}" for i in range(turns)]
    seen, places = window_of(dialogue, window)
    assert seen == [dialogue[i] for i in places]
    assert places == list(range(turns))[-window:] if window != "all" else places == list(range(turns))


@pytest.mark.parametrize("mediator", [False, True])
@pytest.mark.parametrize("seats", [("A", "B"), ("A", "B", "C")])
def test_a_round_is_every_seat_once_in_order_then_the_mediator_then_the_judge(
    seats: tuple[str, ...], mediator: bool
) -> None:
    dialogue: list[Utterance] = []
    order = []
    for round_ in (1, 2):
        while (seat := next_seat(seats, dialogue, round_)) is not None:
            order.append(seat)
            dialogue.append(said(seat, round_))
            step = after_speaking(seats, dialogue, round_, mediator=mediator)
            assert (step == "speak") is (len([u for u in dialogue if u.round == round_]) < len(seats))
        assert after_speaking(seats, dialogue, round_, mediator=mediator) == (
            "mediate" if mediator else "judge"
        )
        if mediator:
            dialogue.append(said(MEDIATOR, round_))
            assert after_speaking(seats, dialogue, round_, mediator=mediator) == "judge"
    assert order == [*seats, *seats]


@pytest.mark.parametrize("kind", ["debating", "disagreed", "capitulated", "vague", None])
def test_every_no_and_a_judge_that_failed_lead_to_another_round_until_the_cap(kind: Any) -> None:
    assert after_judging([verdict(kind)], 2, always=False) == "speak"
    assert after_judging([verdict(kind), verdict(kind, 2)], 2, always=False) == "record"
    assert after_judging([verdict(kind), verdict(kind, 2)], 2, always=True) == "complete"
    assert after_judging([verdict(kind), verdict("agreed", 2)], 7, always=False) == "complete"


def test_every_verdict_ends_a_round() -> None:
    assert round_of([]) == 1
    assert round_of([verdict("debating"), verdict("vague", 2)]) == 3


def test_a_verdict_that_is_missing_is_no_no() -> None:
    assert verdict(None).agreed is None
    assert verdict("debating").agreed is False
    assert verdict("agreed").agreed is True
