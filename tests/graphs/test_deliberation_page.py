"""Does the page of a deliberation say what happened, in dialogues made by hand that a reference run never holds?"""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from graphs.pages.dialogue import page
from nodes.deliberation.record import DeliberationRecord
from tests.evals.deliberations import STYLE, XY, X, Y, dialogue_of, dilemma, record, said


def shown(made: DeliberationRecord, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(*page(made, width))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    return " ".join(text.split())


def test_a_goal_is_words_and_no_markup() -> None:
    odd = dilemma().model_copy(update={"goal": "Keep [/it] [bold]plain"})
    assert "Keep [/it] [bold]plain" in shown(record(case=odd))


def test_a_judge_that_failed_is_not_said_to_have_said_no() -> None:
    text = shown(dialogue_of(("debating", None), "made"))
    assert "None: the judge gave no verdict." in text
    assert "did not agree" not in text
    assert "None: the seats did not agree." in shown(dialogue_of(("debating",), "made"))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (record([said("A", 1, X), said("B", 1, text="")], ("debating",), {}, None, status="invalid"), "B said nothing"),
        (record(written=None, status="invalid"), "its plan was not written down"),
        (record((), (), {}, None, alone=True, status="invalid"), "its plan was not written down"),
    ],
)  # fmt: skip
def test_why_a_run_is_invalid(made: DeliberationRecord, why: str) -> None:
    assert f"This run is invalid: {why}" in shown(made)


def test_what_is_one_is_not_called_many_and_what_is_undefined_has_no_row() -> None:
    text = shown(record([said("A", 1, X), said("B", 1, X)], ("agreed",), poles=STYLE, rounds=1, window=1))
    assert "at most 1 round; each sees the last 1 turn; judged" in text
    assert "product of the worths" not in text
    assert "worth to A – a persona of style alone" in text


def test_who_spoke_is_said_where_seats_differ() -> None:
    mixed = record(model="openai:x", opponent_model="reference")
    assert "Spoken by openai:x and by reference negotiators." in shown(mixed)
    assert "no evidence about language models" in shown(record(judge="openai:x"))


@pytest.mark.parametrize("width", [60, 80, 130])
def test_three_seats_fit_the_terminal(width: int) -> None:
    turns = [said("A", 1, X, text="long words " * 60), said("B", 1, Y), said("C", 1, XY)]
    made = record(turns, ("agreed",), XY, XY, poles=(*STYLE, STYLE[0]), panel=("speed-quality:speed",))
    assert "Of 2 contested clauses survived: A 50%, B 50%, C 100%." in shown(made, width)
