"""How are seats asked in a dilemma: those of models each in a step of its own, at once; those that compute together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.types import Send

from negotiators.dilemma import DilemmaReply, Occasion
from negotiators.protocol import Incident
from nodes.dilemma.sitting import Sitting
from nodes.table.edges import say
from nodes.table.journal import journal
from nodes.table.turns import computed, payer
from scenarios.errors import Unreachable

Json = dict[str, Any]

SOLVED: dict[str, str] = {
    "harvest": "what to take under this law",
    "draft": "what each law they may propose would bring",
}
"""What may take seconds the first time, in words."""


def sends(sat: Sitting, node: str, state: Mapping[str, Any], seats: Sequence[str]) -> list[Send]:
    """A step of `node` for every seat that a model speaks for, and one for all that are computed."""
    solved = [s for s in seats if sat.seats[s].model is None]
    groups = [[s] for s in seats if sat.seats[s].model is not None] + ([solved] if solved else [])
    return [Send(node, {**state, "group": group}) for group in groups]


async def ask(sat: Sitting, state: Mapping[str, Any], occasion: Occasion) -> Json:
    """Ask the seats of the state's group; their moves, what they cost, and what went otherwise."""
    replies = await _replies(sat, state, occasion)
    return {
        "moves": [r.move.model_dump(mode="json") for r in replies],
        "usage": [r.usage.model_dump(mode="json") for r in replies if r.usage.calls],
        "incidents": [i.model_dump(mode="json") for r in replies for i in r.incidents],
        "models": [[r.move.seat, r.model] for r in replies if r.model],
        "notes": _notes(sat, state["group"]),
    }


def _notes(sat: Sitting, group: Sequence[str]) -> list[str]:
    """On what the play of computed seats rests, as far as it was asked for; kept, as a run may be resumed elsewhere."""
    if all(sat.seats[seat].model is not None for seat in group):
        return []
    return list(getattr(sat.reference, "notes", ()))


async def _replies(sat: Sitting, state: Mapping[str, Any], occasion: Occasion) -> list[DilemmaReply]:
    group = list(state["group"])
    views = {seat: sat.view(seat, occasion, state) for seat in group}
    if sat.seats[group[0]].model is not None:  # a model has a step of its own
        (seat,) = group
        party = sat.party(seat)
        return [await paid(sat, seat, occasion, state["step"], lambda pay: party.act(views[seat], pay=pay))]

    def play() -> list[DilemmaReply]:
        return [computed(sat.party(seat).act(views[seat])) for seat in group]

    if sat.worked_out(occasion, state):
        return play()
    if occasion in SOLVED:
        say(f"reference seats work out {SOLVED[occasion]}", kind="solving", step=state["step"])
    return await asyncio.to_thread(play)  # what is solved for the first time may take seconds


async def paid(sat: Sitting, seat: str, occasion: str, step: int, call: Any) -> DilemmaReply:
    """What a model answers for a seat, every call journaled before it is used, the move after it."""
    try:
        reply: DilemmaReply = await call(payer(sat.run_id, seat, occasion, step))
    except Unreachable as error:
        where = {"seat": seat, "occasion": occasion, "round": step}
        await asyncio.to_thread(journal(sat.run_id).append, "unreachable", **where, detail=str(error))
        raise
    where = {"seat": seat, "node": occasion, "round": step}
    incidents = tuple(i.model_copy(update=where) for i in reply.incidents)
    usage = reply.usage.model_copy(update={"seat": seat, "node": occasion})
    reply = DilemmaReply(reply.move, incidents, usage, reply.model)
    kept = {"move": reply.move.model_dump(mode="json"), "usage": usage.model_dump(mode="json")}
    told = [i.model_dump(mode="json") for i in incidents]
    await asyncio.to_thread(journal(sat.run_id).append, "move", occasion=occasion, **kept, incidents=told)
    return reply


def moved(state: Mapping[str, Any], occasion: Occasion) -> dict[str, Json]:
    """The moves (`DilemmaMove`, as the state keeps it) of the step under way on one occasion, by seat, as seated."""
    found = {m["seat"]: m for m in state["moves"] if m["occasion"] == occasion}
    return {s["seat"]: found[s["seat"]] for s in state["seats"] if s["seat"] in found}


def silent(seat: str, node: str, step: int) -> Json:
    """The incident of a seat that never made a valid move: there is nothing that could stand for it."""
    detail = f"{seat} made no valid move at all: the run is invalid"
    return Incident(kind="abstained", seat=seat, node=node, round=step, detail=detail).model_dump(mode="json")
