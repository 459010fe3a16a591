"""What will a deliberation take: which calls of which models, at most, and how long their prompts are?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodes.deliberation.settings import DeliberationTable
    from scenarios.dilemmas import Dilemma

TURN = 900
PLAN = 1200
VERDICT = 300
"""Characters of a turn, of the plan that is written down and of a verdict, as the estimate takes them (ours)."""

FRAME = 2200
"""Characters of a prompt beside the dilemma, the personas and what was said (ours)."""


def calls_of(table: DeliberationTable) -> Counter[str]:
    """Calls by model of one run: the most there can be, which is a dialogue that goes on to its cap and then agrees."""
    return Counter(model for model, _, _ in _calls(table))


def spoken(dilemma: Dilemma, table: DeliberationTable) -> Iterator[tuple[str, float, float]]:
    """(model, tokens read, tokens written) of each call of such a run, characters/4."""
    from negotiators.chat.pacing import CHARACTERS_A_TOKEN

    told = FRAME + len(dilemma.prompt) + _clauses(dilemma, table)
    for model, turns, written in _calls(table):
        yield model, (told + turns * TURN) / CHARACTERS_A_TOKEN, written / CHARACTERS_A_TOKEN


def _calls(table: DeliberationTable) -> Iterator[tuple[str, int, int]]:
    """(model, turns that its prompt shows, characters it writes) of every call, in order; computed seats make none."""
    said = 0
    rounds = 0 if table.alone else table.rounds
    for _ in range(rounds):
        speaking = [*table.seat_models, *([table.mediating_model] if table.mediator else [])]
        for model in speaking:
            seen = said if table.window == "all" else min(said, table.window)
            said += 1
            if model != "reference":
                yield model, seen, TURN
        if table.judging != "rule":
            yield table.judging, said, VERDICT
    if table.seat_models[0] != "reference":
        yield table.seat_models[0], said, PLAN


def _clauses(dilemma: Any, table: DeliberationTable) -> int:
    if not table.shows_clauses:
        return 0
    return sum(len(o.says) + len(n) + 8 for i in dilemma.issues.values() for n, o in i.options.items())
