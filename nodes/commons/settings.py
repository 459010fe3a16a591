"""What can be set about a season on the commons; its constants are the scenario's, and a few may be set over."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nodes.dilemma.settings import DilemmaTable


class CommonsTable(DilemmaTable):
    """The settings of one season. What is None is as the scenario says."""

    regrowth: Literal["deterministic", "stochastic", "hysteresis"] | None = Field(
        default=None, description="how the stock grows back; None: as in the scenario"
    )
    contingencies: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="chance of an unforeseen event a month; None: as in the scenario",
    )
    hidden: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="share of events that a contract's language cannot tell apart; None: as in the scenario",
    )
    opening: bool = Field(
        default=True,
        description="seats meet before the first month, so that a law may be in force from it (ours; the paper's "
        "agents harvest once before they first negotiate)",
    )
    reports: Literal["public", "own-word"] = Field(
        default="public", description="catches are published, or each seat says what it took"
    )
