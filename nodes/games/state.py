"""What the steps of a game share: a dilemma's state, and the rounds that are over."""

from __future__ import annotations

from operator import add
from typing import Annotated, Any

from typing_extensions import TypedDict

from nodes.dilemma.state import Dilemma

Json = dict[str, Any]


class MatchInput(TypedDict, total=False):
    """A scenario's name, or a whole game; an empty input runs the default."""

    scenario: str
    game: Json


class Match(Dilemma, total=False):
    """The state of one game, played once or repeatedly."""

    game: Json | None
    plays: Annotated[list[Json], add]  # Play, of rounds that are over
