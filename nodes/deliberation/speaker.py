"""How does a seat speak: asked for its next turn, which is classified by what it does to the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from langgraph.types import Command

from negotiators.deliberation import MEDIATOR, Utterance
from nodes.deliberation.asking import asked, costs, model_of
from nodes.deliberation.dialogue import AfterSpeaking, after_speaking, next_seat, round_of
from nodes.deliberation.measures import strategy, worth_to
from nodes.deliberation.sitting import Sitting, sitting, spoken
from nodes.deliberation.state import Deliberation
from nodes.record import EdgeEvent
from nodes.table.edges import emit, say

Json = dict[str, Any]

LONGEST_QUOTE = 90
"""Characters of an utterance that progress quotes."""


async def speak(state: Deliberation) -> Command[Literal["speak", "mediate", "judge"]]:
    """The next seat's turn of this round."""
    sat = sitting(state)
    dialogue, verdicts = spoken(state)
    seat = next_seat(sat.talking, dialogue, round_of(verdicts))
    assert seat is not None
    update, target = await _take_turn(sat, state, seat, model_of(sat, seat), "speak")
    return Command(goto=target, update=update)


async def mediate(state: Deliberation) -> Command[Literal["judge"]]:
    """The mediator's turn, once every seat has spoken."""
    sat = sitting(state)
    model = sat.settings.mediating_model
    update, _ = await _take_turn(sat, state, MEDIATOR, None if model == "reference" else model, "mediate")
    return Command(goto="judge", update=update)


async def _take_turn(
    sat: Sitting, state: Deliberation, who: str, model: str | None, node: str
) -> tuple[Json, AfterSpeaking]:
    dialogue, verdicts = spoken(state)
    round_ = round_of(verdicts)
    view = sat.view(who, dialogue, round_)
    said = await asked(sat, who, node, round_, model, lambda pay: sat.speaker(model).speak(view, pay=pay))
    assert isinstance(said.what, Utterance)
    heard = [*dialogue, said.what]
    target = after_speaking(sat.talking, heard, round_, mediator=sat.settings.mediator)
    edge = _edge(sat, dialogue, said.what, node, target, len(state["edges"]))
    say(
        f"round {round_}: {sat.name(who)} {_in_words(said.what, edge.strategy)}",
        kind="utterance",
        round=round_,
        seat=who,
        words=said.what.text,
    )
    update: Json = {"dialogue": [said.what.model_dump(mode="json")], **costs(said, who)}
    update["edges"] = await asyncio.to_thread(emit, sat, [edge])
    return update, target


def _edge(
    sat: Sitting, before: Sequence[Utterance], said: Utterance, node: str, target: str, index: int
) -> EdgeEvent:
    """What a turn did: its strategy, what its plan is worth to the speaker and to the others beside its last one."""
    mine = [u for u in before if u.seat == said.seat and u.plan]
    others = [s for s in sat.talking if s != said.seat]
    previous = mine[-1] if mine else None
    cells = {} if previous is None else _changed(previous, said)
    return EdgeEvent(
        index=index,
        source=node,
        target=target,
        round=said.round,
        seat=said.seat,
        persona=None if said.seat == MEDIATOR else sat.seats[said.seat].persona.name,
        strategy=strategy(said, before),
        delta_own=None if said.seat == MEDIATOR else _gained(sat, said.seat, previous, said),
        delta_other=_gained(sat, others[0], previous, said) if len(others) == 1 else None,
        cells=cells,
    )


def _changed(previous: Utterance, said: Utterance) -> dict[str, str]:
    """issue -> the option named now, of issues on which the speaker has moved."""
    return {i: o for i, o in said.plan.items() if previous.plan.get(i, o) != o}


def _gained(sat: Sitting, seat: str, previous: Utterance | None, said: Utterance) -> float | None:
    if previous is None:
        return None
    before, after = (worth_to(sat, seat, u.plan) for u in (previous, said))
    return None if before is None or after is None else after - before


def _in_words(said: Utterance, what: str | None) -> str:
    if said.status == "abstained":
        return "says nothing"
    words = " ".join(said.text.split())
    quote = words if len(words) <= LONGEST_QUOTE else f"{words[:LONGEST_QUOTE].rstrip()} …"
    return f"{what or 'speaks'}: “{quote}”"
