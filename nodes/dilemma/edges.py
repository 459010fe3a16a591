"""Which transitions of a step are told: everybody's deed, what was proposed, how everybody voted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nodes.dilemma.sitting import Sitting
from nodes.record import EdgeEvent
from nodes.table.edges import emit, tracing

Json = dict[str, Any]


async def told(sat: Sitting, edges: Sequence[EdgeEvent]) -> list[Json]:
    """Edges as the state keeps them, told to whoever follows the run; call it last in a node.

    Where nothing is paid and nobody traces there is nothing to lose: the journal is given them all at the end
    (`untold`), and a step does not wait for the disk.
    """
    if sat.settings.models or tracing():
        return await asyncio.to_thread(emit, sat, edges, at_once=True)
    return [e.model_dump(mode="json") for e in edges]


def untold(sat: Sitting, edges: list[Json]) -> list[Json]:
    """Of the edges of a run that is over, those that the journal does not have yet."""
    return [] if sat.settings.models or tracing() else edges[1:]  # `brief` tells its own


def deeds(
    sat: Sitting, state: Mapping[str, Any], strategies: Mapping[str, str], target: str
) -> list[EdgeEvent]:
    """The edges of a step that is over, numbered on: deeds with their strategies, the draft, the votes.

    `strategies` says of every seat's deed what it was: over-use or restraint, cooperation or defection. The last
    edge leads to `target`, the step that comes next.
    """
    found = [*_done(state, strategies), *_agreed(state["now"])] or [{"source": sat.onward}]
    found[-1]["target"] = target
    first, step = len(state["edges"]), state["step"]
    return [
        EdgeEvent(index=first + i, round=step, persona=_persona(sat, edge.get("seat")), **edge)
        for i, edge in enumerate(found)
    ]


def _done(state: Mapping[str, Any], strategies: Mapping[str, str]) -> Iterator[Json]:
    now = state["now"]
    source = "harvest" if "taken" in now else "act"
    for seat, strategy in strategies.items():
        delta: Json = {}
        if "taken" in now:
            delta["catch"] = (float(now["asked"][seat]), float(now["taken"][seat]))
        if seat in now["payments"]:
            delta["payment"] = (0.0, float(now["payments"][seat]))
        yield {"source": source, "target": "enforce", "seat": seat, "strategy": strategy, "delta": delta}


def _agreed(now: Mapping[str, Any]) -> Iterator[Json]:
    if not now.get("proposal"):
        return
    yield {"source": "negotiate", "target": "vote", "seat": now["proposal"]["by"], "strategy": "propose"}
    for seat, vote in now["votes"].items():
        strategy = "abstain" if vote is None else "accept" if vote else "reject"
        yield {"source": "vote", "target": "enact", "seat": seat, "strategy": strategy}


def _persona(sat: Sitting, seat: str | None) -> str | None:
    return None if seat is None or seat not in sat.seats else sat.seats[seat].persona.name
