"""What does everybody do in a round: all asked at once, nobody knowing the others' answer."""

from __future__ import annotations

from typing import Any

from nodes.dilemma.asking import ask
from nodes.dilemma.sittings import sitting
from nodes.games.state import Match


async def act(state: Match) -> dict[str, Any]:
    """Every seat of the group chooses an action."""
    return await ask(sitting(state), state, "act")
