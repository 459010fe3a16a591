"""Which sitting belongs to a state: built once a run, of whichever setting."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodes.dilemma.sitting import Sitting


def sitting(state: Mapping[str, Any]) -> Sitting:
    """The sitting of a state. A run's id hangs on all that determines it, so it is found again by that."""
    run_id = state["run_id"]
    found = _kept(run_id)
    if not found:
        found.append(_built(state))
    return found[0]


@lru_cache(maxsize=64)
def _kept(run_id: str) -> list[Sitting]:
    """A place for the sitting of a run."""
    return []


def _built(state: Mapping[str, Any]) -> Sitting:
    from nodes.commons.sitting import SeasonSitting
    from nodes.games.sitting import GameSitting

    kind = SeasonSitting if "regrowth" in state["case"] else GameSitting
    return kind.of(state)
