"""What the steps of a season share: a dilemma's state, the pool, and the months that are over."""

from __future__ import annotations

from operator import add
from typing import Annotated, Any

from typing_extensions import TypedDict

from nodes.dilemma.state import Dilemma

Json = dict[str, Any]


class SeasonInput(TypedDict, total=False):
    """A scenario's name, or a whole commons; an empty input runs the default."""

    scenario: str
    commons: Json


class Season(Dilemma, total=False):
    """The state of one season on the commons."""

    commons: Json | None
    stock: int  # before the harvest of the month under way
    regime: int  # of the pool: 0 healthy, 1 degraded
    opening: Json | None  # Meeting, before the first month
    months: Annotated[list[Json], add]  # Month, of months that are over
    collapsed: bool
