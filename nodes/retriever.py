"""What may a seat cite now: passages of its framework, found by the ward and by what is contested."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from negotiators.protocol import Passage
from nodes.record import EdgeEvent
from nodes.state import Debate
from nodes.table.edges import emit, say
from nodes.table.equipment import retriever
from nodes.table.journal import journal
from nodes.table.seats import Sitting, sitting
from scenarios.errors import ParleyError
from scenarios.ward import Ward

MOST_IN_A_PROMPT = 100
"""Passages that `--retrieval prompt` puts before a seat, at the most."""


async def retrieve(state: Debate) -> dict[str, Any]:
    """Look passages up for every seat that stands on a framework; the others get none."""
    sat = sitting(state)
    round_ = len(state["rounds"]) + 1
    aligned = [s for s in sat.seats if may_cite(sat, s)]
    found = await asyncio.gather(*(look_up(sat, s, state["contested"]) for s in aligned))
    retrieved = {s: [p.model_dump(mode="json") for p in ps] for s, ps in zip(aligned, found, strict=True)}
    await asyncio.to_thread(journal(sat.run_id).append, "retrieved", round=round_, passages=retrieved)
    for seat, passages in zip(aligned, found, strict=True):
        say(f"round {round_}: {sat.name(seat)} looks up {_listed(passages)}", round=round_)
    edge = EdgeEvent(index=len(state["edges"]), source="retrieve", target="propose", round=round_)
    return {"retrieved": retrieved, "moves": [], "edges": await asyncio.to_thread(emit, sat, [edge])}


def _listed(passages: Sequence[Passage], most: int = 3) -> str:
    more = f" and {len(passages) - most} more" if len(passages) > most else ""
    return (", ".join(p.title for p in passages[:most]) or "nothing") + more


def may_cite(sat: Sitting, seat: str) -> bool:
    """Whether passages reach this seat: its persona names a framework, and retrieval is not off."""
    return sat.seats[seat].persona.aligned and sat.settings.retrieval != "off"


async def look_up(sat: Sitting, seat: str, contested: Sequence[str]) -> tuple[Passage, ...]:
    """The passages for one turn of a seat; with `--retrieval prompt`, all of its framework."""
    frameworks = sat.seats[seat].persona.cites
    if not may_cite(sat, seat):
        return ()
    database = await asyncio.to_thread(retriever)
    if sat.settings.retrieval == "prompt":
        whole = await asyncio.to_thread(database.whole, frameworks)
        if len(whole) > MOST_IN_A_PROMPT:
            raise ParleyError(
                f"{', '.join(frameworks)}: {len(whole)} passages are too many for a prompt "
                f"({MOST_IN_A_PROMPT} at most); use --retrieval on"
            )
        return tuple(_as_seen(p, None) for p in whole)
    found = await database.retrieve(query_of(sat.shown, contested), frameworks, sat.settings.passages)
    return tuple(_as_seen(r.passage, r.score) for r in found)


def query_of(ward: Ward, contested: Sequence[str]) -> str:
    """A query made of the ward and of what is contested now, from what the seats are shown alone."""
    needed = {name: sum(p.needs.get(name, 0) for p in ward.patients) for name in ward.resources}
    scarce = ", ".join(
        f"{needed[name]:g} {resource.unit} of {name} needed, {resource.capacity:g} there"
        for name, resource in ward.resources.items()
    )
    if not contested:
        return f"{ward.title}. {scarce}. Who should get care when there is not enough for everyone?"
    about = {p.id: p for p in ward.patients}
    disputes = "; ".join(
        f"{resource} for a patient with {about[patient].summary or f'acuity {about[patient].acuity:.2f}'}"
        for patient, _, resource in (cell.partition(".") for cell in contested[:4])
    )
    return f"The seats contest {disputes}. {scarce}."


def _as_seen(passage: Any, score: float | None) -> Passage:
    keep = ("id", "framework", "kind", "title", "text", "source", "principles")
    return Passage(**{k: getattr(passage, k) for k in keep}, score=score)
