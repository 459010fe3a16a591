"""What are the rules of a dialogue: whose turn, what is seen, when it ends? The graph and training share them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

from negotiators.deliberation import MEDIATOR, Utterance, Verdict

AfterSpeaking = Literal["speak", "mediate", "judge"]
AfterJudging = Literal["speak", "complete", "record"]
Turn = TypeVar("Turn")


def window_of(dialogue: Sequence[Turn], window: int | Literal["all"]) -> tuple[list[Turn], list[int]]:
    """The turns that whoever speaks next sees, and their places: the last `window`, whoever spoke them, or all."""
    first = 0 if window == "all" else max(0, len(dialogue) - window)
    return list(dialogue[first:]), list(range(first, len(dialogue)))


def round_of(verdicts: Sequence[Verdict]) -> int:
    """The round under way, from 1: every verdict has ended one."""
    return len(verdicts) + 1


def next_seat(seats: Sequence[str], dialogue: Sequence[Utterance], round_: int) -> str | None:
    """Who speaks next in a round: the first, as seated, who has not; None when all have."""
    spoken = {u.seat for u in dialogue if u.round == round_}
    return next((s for s in seats if s not in spoken), None)


def after_speaking(
    seats: Sequence[str], dialogue: Sequence[Utterance], round_: int, *, mediator: bool
) -> AfterSpeaking:
    """The next seat's turn; once all have spoken the mediator's, if there is one; then the judge's."""
    if next_seat(seats, dialogue, round_) is not None:
        return "speak"
    mediated = any(u.seat == MEDIATOR and u.round == round_ for u in dialogue)
    return "mediate" if mediator and not mediated else "judge"


def after_judging(verdicts: Sequence[Verdict], rounds: int, *, always: bool) -> AfterJudging:
    """On YES the completion; else the next round until the cap. A judge that failed ends nothing.

    `always`: after the cap a plan is written down without agreement too.
    """
    if verdicts[-1].agreed:
        return "complete"
    if len(verdicts) < rounds:
        return "speak"
    return "complete" if always else "record"
