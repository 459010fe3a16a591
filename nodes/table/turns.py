"""How is a seat asked: one turn of one seat, from its view to its move, with all that it cost."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from negotiators.protocol import Occasion, Passage, Pay, Reply
from nodes.table.journal import journal
from nodes.table.seats import Sitting, view_of
from scenarios.errors import Unreachable

Json = dict[str, Any]
Decided = TypeVar("Decided")


@dataclass(frozen=True)
class Turn:
    """What a turn leaves behind, as the state keeps it."""

    move: Json
    usage: Json
    incidents: list[Json]
    model: str | None


async def take_turn(
    sat: Sitting,
    seat: str,
    occasion: Occasion,
    state: Mapping[str, Any],
    passages: tuple[Passage, ...] = (),
    round_: int = 0,
) -> Turn:
    """Ask one seat for its move and journal it. A reference seat computes in a thread, a chat seat calls."""
    view = view_of(sat, seat, occasion, state, passages, round_)
    negotiator = sat.negotiator(seat)
    if sat.seats[seat].negotiator == "chat":
        try:
            reply = await negotiator.decide(view, pay=payer(sat.run_id, seat, occasion, round_))
        except Unreachable as error:
            where = {"seat": seat, "occasion": occasion, "round": round_}
            await asyncio.to_thread(journal(sat.run_id).append, "unreachable", **where, detail=str(error))
            raise
    else:
        reply = await asyncio.to_thread(computed, negotiator.decide(view))
    turn = _turn(reply, seat, occasion, round_)
    await asyncio.to_thread(
        journal(sat.run_id).append,
        "move",
        occasion=occasion,
        move=turn.move,
        usage=turn.usage,
        incidents=turn.incidents,
    )
    return turn


def computed(decision: Coroutine[Any, Any, Decided]) -> Decided:
    """Drive a coroutine that never waits to its end, without an event loop of its own."""
    try:
        decision.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    decision.close()
    raise RuntimeError("a reference negotiator waited for something; it must only compute")


def payer(run_id: str, seat: str, occasion: str, round_: int) -> Pay:
    """A payer for one turn: the same call of the same turn is never paid twice."""
    number = itertools.count()

    async def pay(request: Json, call: Callable[[Json], Awaitable[Json]]) -> Json:
        key = {"seat": seat, "occasion": occasion, "round": round_, "call": next(number), "request": request}
        return await journal(run_id).pay(key, lambda _: call(request))

    return pay


def _turn(reply: Reply, seat: str, occasion: str, round_: int) -> Turn:
    where = {"seat": seat, "node": occasion, "round": round_}
    incidents = [i.model_copy(update=where).model_dump(mode="json") for i in reply.incidents]
    usage = reply.usage.model_copy(update={"seat": seat, "node": occasion})
    return Turn(reply.move.model_dump(mode="json"), usage.model_dump(mode="json"), incidents, reply.model)
