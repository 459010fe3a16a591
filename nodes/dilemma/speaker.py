"""What do the seats say to each other before they decide: all at once, each heard by all afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodes.dilemma.asking import ask
from nodes.dilemma.sittings import sitting


async def talk(state: Mapping[str, Any]) -> dict[str, Any]:
    """Every seat of the group says something; where a seat abstains it has said nothing."""
    return await ask(sitting(state), state, "talk")


async def hear(state: Mapping[str, Any]) -> dict[str, Any]:
    """What all have said is heard by all. Several speak at once: only a step after theirs may send others on."""
    return {"so_far": {**state["so_far"], "said": sitting(state).said(state)}}
