"""What is kept of a season on the commons: every month, from what was asked for to what grew back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from negotiators.dilemma import Proposal
from nodes.commons.settings import CommonsTable
from nodes.dilemma.record import Bite, DilemmaRecord
from scenarios.commons import Commons
from scenarios.model import Model


class Month(Model):
    """One month. Amounts are whole units of the scenario (tons, hours), by seat."""

    month: int
    stock: int = Field(description="before the harvest")
    event: str = Field(description="what the seats saw; `calm` where nothing happened")
    cell: str = Field(description="what a contract's language could tell of it")
    price: float = Field(description="what a unit was worth this month")
    asked: dict[str, int | None] = Field(description="None: abstained, and what it asked for last stood")
    allowed: dict[str, int] = Field(description="after the law in force")
    taken: dict[str, int] = Field(description="after rationing")
    outside: int = Field(default=0, description="taken by nobody at the table: a new fisher, a poacher")
    reported: dict[str, int | None]
    said: dict[str, str] = Field(default_factory=dict)
    proposal: Proposal | None = None
    votes: dict[str, bool | None] = Field(default_factory=dict)
    adopted: bool = False
    bites: list[Bite] = Field(default_factory=list)
    problems: list[str] = Field(
        default_factory=list, description="clauses that could not be carried out, and why"
    )
    payments: dict[str, float] = Field(default_factory=dict)
    burnt: float = 0.0
    worth: dict[str, float] = Field(description="payoff of the month by itself, by seat")
    left: int = Field(description="after the harvest")
    pool: str = Field(description="the state of the pool before the harvest: healthy, degraded")
    regrown: int = Field(description="stock the next month begins with; under `collapse` the season is over")
    law: int | None = Field(default=None, description="place in `laws` of the law in force; None: none")


class Meeting(Model):
    """What was said and agreed before the first month."""

    said: dict[str, str] = Field(default_factory=dict)
    proposal: Proposal | None = None
    votes: dict[str, bool | None] = Field(default_factory=dict)
    adopted: bool = False
    payments: dict[str, float] = Field(default_factory=dict, description="deposits of a law with an escrow")


class CommonsRecord(DilemmaRecord):
    """The whole of one season."""

    setting: Literal["commons"] = "commons"
    scenario: Commons
    protocol: CommonsTable
    opening: Meeting | None = Field(
        default=None, description="None where seats did not meet before the season"
    )
    months: list[Month]
    collapsed: bool
