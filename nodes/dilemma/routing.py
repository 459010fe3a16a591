"""What comes next while seats agree on something: talk, a proposal, a vote, or on to what the setting does then.

All are coroutines, though they wait for nothing: what is none is run in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodes.dilemma.asking import sends
from nodes.dilemma.sitting import Sitting
from nodes.dilemma.sittings import sitting


def agreeing(sat: Sitting, state: Mapping[str, Any]) -> Any:
    """The first thing that seats do to agree; what follows where they neither talk nor negotiate."""
    if sat.settings.talk:
        return sends(sat, "talk", state, list(sat.seats))
    return "negotiate" if sat.negotiates else onward(sat, state)


async def after_talking(state: Mapping[str, Any]) -> Any:
    """A proposal, where contracts may be proposed. Asked once for every speaker, so it names a step and sends none."""
    sat = sitting(state)
    return "negotiate" if sat.negotiates else "hear" if sat.onward == "act" else sat.onward


async def after_negotiating(state: Mapping[str, Any]) -> Any:
    """The vote, where something was proposed."""
    sat = sitting(state)
    if state["proposal"] is None:
        return onward(sat, state)
    return sends(sat, "vote", state, list(sat.seats))


async def after_hearing(state: Mapping[str, Any]) -> Any:
    """What the setting does once all have spoken."""
    return onward(sitting(state), state)


async def after_enacting(state: Mapping[str, Any]) -> Any:
    """What the setting does once seats have agreed or not."""
    return onward(sitting(state), state)


def onward(sat: Sitting, state: Mapping[str, Any]) -> Any:
    """The step after all agreeing: a step that asks seats is sent to each at once."""
    return sends(sat, sat.onward, state, list(sat.seats)) if sat.onward == "act" else sat.onward
