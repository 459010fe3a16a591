"""What does everybody take of the pool this month: all asked at once, nobody knowing the others' answer."""

from __future__ import annotations

from typing import Any

from nodes.commons.state import Season
from nodes.dilemma.asking import ask
from nodes.dilemma.sittings import sitting


async def harvest(state: Season) -> dict[str, Any]:
    """Every seat of the group says how much it takes."""
    return await ask(sitting(state), state, "harvest")


async def report(state: Season) -> dict[str, Any]:
    """Every seat of the group says, in public, how much it took; it may say what it likes."""
    return await ask(sitting(state), state, "report")
