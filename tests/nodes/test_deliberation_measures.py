"""Is a dialogue measured as it went: strategies of turns, whose clauses survived, what is missing?"""

from __future__ import annotations

from typing import Any

import pytest

from negotiators.deliberation import MEDIATOR, Completion, Utterance, Verdict
from nodes.deliberation.measures import final_plan, strategy, survived
from scenarios.dilemmas import Dilemma

CHOICE = Dilemma.model_validate(
    {
        "name": "choice",
        "theme": "test",
        "stratum": "everyday",
        "goal": "Choose a plan now",
        "prompt": "You must choose between two things. What do you do?",
        "principles": {"care": "People matter.", "candour": "Truth matters."},
        "issues": {
            name: {
                "asks": "Which is it?",
                "options": {
                    o: {"says": f"Do {o} here.", "serves": {"care": 1}} for o in ("left", "middle", "right")
                },
            }
            for name in ("one", "two", "three")
        },
        "source": "test",
    }
)


def plan(choices: str) -> dict[str, str]:
    words = {"l": "left", "m": "middle", "r": "right"}
    return {i: words[c] for i, c in zip(("one", "two", "three"), choices, strict=True) if c != "-"}


def said(seat: str, choices: str, round_: int = 1, **kept: Any) -> Utterance:
    return Utterance(seat=seat, round=round_, text="x", plan=plan(choices) if choices else {}, **kept)


BEFORE = [said("A", "lll"), said("B", "rrr")]


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        (said("A", "lll", 2), "hold"),
        (said("A", "rll", 2), "concede"),
        (said("A", "mll", 2), "explore"),
        (said("A", "rrr", 2, consents=True), "consent"),
        (said("A", "lll", 2, parts=True), "part"),
        (said("A", "", 2), "talk"),
        (said("A", "", 2, status="abstained"), "abstain"),
        (said(MEDIATOR, "rll"), "mediate"),
        (said("C", "lll"), "open"),
    ],
)
def test_a_turn_is_called_by_what_it_does_to_the_plan(turn: Utterance, name: str) -> None:
    assert strategy(turn, BEFORE) == name


def test_moving_away_from_what_was_shared_is_to_insist_and_both_ways_a_trade() -> None:
    shared = [said("A", "lrl"), said("B", "rrr")]
    assert strategy(said("A", "lll", 2), shared) == "insist"
    assert strategy(said("A", "rll", 2), shared) == "trade"


def test_of_contested_clauses_those_survive_that_are_in_the_plan() -> None:
    dialogue = [said("A", "llm"), said("B", "rrm"), said("A", "rlm", 2)]
    assert survived(("A", "B"), CHOICE, dialogue, plan("rlm")) == ({"A": 0.5, "B": 0.5}, 2.0)
    assert survived(("A", "B"), CHOICE, dialogue, plan("rrl")) == ({"A": 0.0, "B": 1.0}, 2.0)


def test_without_a_plan_or_a_first_one_nothing_is_said_to_survive() -> None:
    dialogue = [said("A", "lll"), said("B", "rrr")]
    assert survived(("A", "B"), CHOICE, dialogue, None) == ({"A": None, "B": None}, 3.0)
    assert survived(("A", "B"), CHOICE, dialogue[:1], plan("lll")) == ({"A": None, "B": None}, None)
    alike = [said("A", "lll"), said("B", "lll")]
    assert survived(("A", "B"), CHOICE, alike, plan("lll")) == ({"A": None, "B": None}, 0.0)


def test_the_final_plan_is_what_was_agreed_else_what_was_written_else_missing() -> None:
    yes = Verdict(round=1, kind="agreed", plan=plan("lll"), judge="rule")
    vague = Verdict(round=1, kind="agreed", plan=plan("l--"), judge="m")
    no = Verdict(round=1, kind="debating", judge="rule")
    wrote = Completion(seat="A", text="x", plan=plan("rrr"))
    assert final_plan(CHOICE, [yes], wrote) == plan("lll")
    assert final_plan(CHOICE, [vague], wrote) == plan("rrr")
    assert final_plan(CHOICE, [no], None) is None
    assert final_plan(CHOICE, [], Completion(seat="A", text="x", plan=plan("r--"))) is None
