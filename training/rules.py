"""By what rules is a dialogue played in training: the paper's where it has them, each a setting."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from personas.opposing import Pole
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.model import Model

SEATS = ("A", "B")
"""Who speaks first and writes the plan down; who answers."""


class Rules(Model):
    """The protocol of a rollout. Defaults are Anantaprayoon et al. 2026's, but for the token caps, which are ours."""

    window: int | Literal["full"] = Field(
        default=2,
        description="how many of the last turns a seat sees, whoever spoke them; full: all, a row a seat",
    )
    train_roles: Literal["first", "second", "both"] = "first"
    rounds: int = Field(default=7, ge=1, le=50, description="the cap; failure to agree by then scores 0")
    temperature: float = Field(default=0.7, gt=0, le=5, description="of turns; the loss has the same")
    top_p: float = Field(default=0.95, gt=0, le=1)
    completion_temperature: float = Field(
        default=0.1, ge=0, le=5, description="of the plan; one that trains is drawn at `temperature`"
    )
    max_tokens: int = Field(default=256, ge=1, description="of one turn")
    completion_tokens: int = Field(default=512, ge=1, description="of the plan")
    train_final: bool = Field(default=False, description="whether the plan's tokens train too")
    clauses: bool = Field(default=True, description="whether seats are shown a dilemma's clauses")
    alone: bool = Field(default=False, description="no dialogue: one agent writes the plan, and it trains")

    @model_validator(mode="after")
    def _playable(self) -> Self:
        if self.window != "full" and self.window < 1:
            raise ValueError("window: a seat sees at least one turn; give 1 or more, or full")
        if self.train_final and self.train_roles == "second":
            raise ValueError("train_final: the first seat writes the plan; train first or both")
        return self

    @property
    def trained(self) -> tuple[str, ...]:
        """The seats whose tokens train."""
        return {"first": SEATS[:1], "second": SEATS[1:], "both": SEATS}[self.train_roles]

    @property
    def rows_per_dialogue(self) -> int:
        """The most rows a dialogue has: one a trained seat with the full window, else one a turn; one for the plan."""
        if self.alone:
            return 1
        each = 1 if self.window == "full" else self.rounds
        return each * len(self.trained) + int(self.train_final)


class Case(Model):
    """What one dialogue is about: a group has the same dilemma and personas, and one `group_id`."""

    dilemma: Dilemma
    poles: tuple[Pole, Pole]  # as seated
    group_id: str
