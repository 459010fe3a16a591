"""What can be set about a game that is played once or repeatedly."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from nodes.dilemma.settings import DilemmaTable
from nodes.settings import open_choice

STRATEGIES = (
    "equilibrium",
    "always-cooperate",
    "always-defect",
    "tit-for-tat",
    "generous-tit-for-tat",
    "grim",
    "win-stay-lose-shift",
    "random",
)
Strategy = Annotated[str, open_choice(STRATEGIES)]
"""One of these; `generous-tit-for-tat` and `random` take a chance: `random=0.3`."""


class GamesTable(DilemmaTable):
    """The settings of one run of a game."""

    rounds: int = Field(default=1, ge=1, le=1000, description="plays, one after the other")
    strategy: Strategy = Field(
        default="equilibrium",
        description="how reference seats play: exactly, or as a known strategy of repeated play",
    )
    opponent_strategy: Strategy | None = Field(
        default=None, description="how every reference seat but the first plays; None: the same"
    )
    precision: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        description="noise of reference seats: logit quantal response of this precision; None: exact",
    )

    @field_validator("strategy", "opponent_strategy")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value not in (None, "equilibrium"):
            from negotiators.reference.games.repeated import strategy

            strategy(value)
        return value
