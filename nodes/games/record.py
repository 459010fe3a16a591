"""What is kept of a game: every round, from what was agreed to what everybody got."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from negotiators.dilemma import Proposal
from nodes.dilemma.record import Bite, DilemmaRecord
from nodes.games.settings import GamesTable
from scenarios.games import Game
from scenarios.model import Model


class Play(Model):
    """One round of a game, by seat."""

    round: int
    state: str
    cell: str = Field(description="what a contract's language could tell of the state")
    signals: dict[str, str]
    said: dict[str, str] = Field(default_factory=dict)
    proposal: Proposal | None = None
    votes: dict[str, bool | None] = Field(default_factory=dict)
    adopted: bool = False
    chosen: dict[str, str | None] = Field(description="None: abstained, and what it chose last stood")
    mixtures: dict[str, dict[str, float]] = Field(default_factory=dict, description="of seats that drew")
    done: dict[str, str] = Field(description="after the law in force")
    bites: list[Bite] = Field(default_factory=list)
    problems: list[str] = Field(default_factory=list)
    gross: dict[str, float]
    payments: dict[str, float] = Field(default_factory=dict)
    burnt: float = 0.0
    net: dict[str, float]
    best: bool = Field(description="whether the cell played has the greatest welfare of this state")
    law: int | None = None


class GameRecord(DilemmaRecord):
    """The whole of one game."""

    setting: Literal["games"] = "games"
    scenario: Game
    protocol: GamesTable
    plays: list[Play]
