"""What do the others answer: each who has not spoken in this round, in turn, having heard those before."""

from __future__ import annotations

from typing import Any

from nodes.state import Debate
from nodes.table.seats import sitting
from nodes.table.speaking import speak


async def critique(state: Debate) -> dict[str, Any]:
    """Every seat that has not spoken yet moves, one after the other."""
    sat = sitting(state)
    spoken = {m["seat"] for m in state["moves"]}
    waiting = [[s] for s in sat.speaking(len(state["rounds"]) + 1) if s not in spoken]
    return await speak(sat, state, waiting, "critique", "mediate")
