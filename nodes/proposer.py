"""What does the first speaker of a round put on the table; with everyone at once, what do all."""

from __future__ import annotations

from typing import Any

from nodes.state import Debate
from nodes.table.seats import sitting
from nodes.table.speaking import speak


async def propose(state: Debate) -> dict[str, Any]:
    """The round's first speaker moves; with `simultaneous`, every seat does, at once and unheard."""
    sat = sitting(state)
    order = sat.speaking(len(state["rounds"]) + 1)
    speakers = order if sat.settings.simultaneous else order[:1]
    return await speak(sat, state, [speakers], "propose", "critique")
