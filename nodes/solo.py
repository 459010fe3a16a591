"""What would each seat do with nobody opposite: asked before the debate, and again in private after it."""

from __future__ import annotations

import asyncio
from typing import Any

from negotiators.protocol import Incident, Passage
from nodes.record import EdgeEvent
from nodes.retriever import look_up, may_cite
from nodes.state import Debate
from nodes.table.edges import changes, emit, say
from nodes.table.seats import Sitting, sitting
from nodes.table.turns import Turn, take_turn

Found = dict[str, tuple[Passage, ...]]


async def solo(state: Debate) -> dict[str, Any]:
    """Ask every seat at once for its solo allocation, and have it declare its values for the whole run."""
    sat = sitting(state)
    found = await _look_up_for_all(sat)
    seats = await asyncio.to_thread(_declared, sat, found)
    state = {**state, "seats": seats}
    sat = sitting(state)
    turns = await asyncio.gather(*(take_turn(sat, s, "solo", state, found[s]) for s in sat.seats))
    for turn in turns:
        say(f"{sat.name(turn.move['seat'])} alone: {summary(turn)}", kind="solo")
    edges = [_edge(sat, t, "solo", "retrieve", 0, len(state["edges"]) + i, None) for i, t in enumerate(turns)]
    spent = costs(turns, state)
    spent["incidents"] = [*_nothing_found(sat, found), *spent["incidents"]]
    return {
        "seats": seats,
        "solo": {t.move["seat"]: t.move for t in turns},
        "solo_retrieved": {s: [p.model_dump(mode="json") for p in ps] for s, ps in found.items()},
        "edges": await asyncio.to_thread(emit, sat, edges),
        **spent,
    }


async def exit_solo(state: Debate) -> dict[str, Any]:
    """Ask every seat again, privately: what the debate changed in its mind, told from the bargain."""
    sat = sitting(state)
    after = len(state["rounds"]) + 1
    found = {s: tuple(Passage.model_validate(p) for p in ps) for s, ps in state["solo_retrieved"].items()}
    turns = await asyncio.gather(*(take_turn(sat, s, "exit_solo", state, found[s], after) for s in sat.seats))
    edges = [
        _edge(sat, t, "exit_solo", "record", after, len(state["edges"]) + i, state["solo"][t.move["seat"]])
        for i, t in enumerate(turns)
    ]
    for turn in turns:
        moved = len(
            changes(sat.ward, state["solo"][turn.move["seat"]]["allocation"], turn.move["allocation"])
        )
        say(
            f"{sat.name(turn.move['seat'])} alone again: {moved} cells differ from its solo", kind="exit_solo"
        )
    return {
        "exit_solo": {t.move["seat"]: t.move for t in turns},
        "edges": await asyncio.to_thread(emit, sat, edges),
        **costs(turns, state),
    }


def _nothing_found(sat: Sitting, found: Found) -> list[dict[str, Any]]:
    """A notice for every seat whose framework has no passages: what it does then is no alignment by retrieval."""
    detail = "nothing was found to cite for {}; `python -m retrieval stats` shows what there is"
    return [
        Incident(
            kind="notice", seat=s, node="solo", detail=detail.format(", ".join(sat.seats[s].persona.cites))
        ).model_dump(mode="json")
        for s, passages in found.items()
        if may_cite(sat, s) and not passages
    ]


def _declared(sat: Sitting, found: Found) -> list[dict[str, Any]]:
    """The seats, each with the values it declares given what was retrieved for it."""
    return [
        at.model_copy(update={"declared": sat.negotiator(s).declare(at.persona, found[s])}).model_dump(
            mode="json"
        )
        for s, at in sat.seats.items()
    ]


async def _look_up_for_all(sat: Sitting) -> Found:
    passages = await asyncio.gather(*(look_up(sat, s, ()) for s in sat.seats))
    return dict(zip(sat.seats, passages, strict=True))


def _edge(
    sat: Sitting, turn: Turn, source: str, target: str, round_: int, index: int, before: Any
) -> EdgeEvent:
    seat = turn.move["seat"]
    return EdgeEvent(
        index=index,
        source=source,
        target=target,
        round=round_,
        seat=seat,
        persona=sat.seats[seat].persona.name,
        delta=changes(sat.ward, before and before["allocation"], turn.move["allocation"]),
    )


def costs(turns: list[Turn] | tuple[Turn, ...], state: Debate) -> dict[str, Any]:
    """What turns add to the state beside their moves: usage, incidents, the models that answered."""
    models = {s: list(names) for s, names in state["models"].items()}
    for turn in turns:
        names = models.setdefault(turn.move["seat"], [])
        if turn.model and turn.model not in names:
            names.append(turn.model)
    return {
        "usage": [t.usage for t in turns],
        "incidents": [i for t in turns for i in t.incidents],
        "models": models,
    }


def summary(turn: Turn) -> str:
    """A move in a few words."""
    if turn.move["status"] == "abstained":
        return "abstains"
    served = sum(any(v > 0 for v in shares.values()) for shares in turn.move["allocation"].values())
    return f"care for {served} of {len(turn.move['allocation'])} patients"
