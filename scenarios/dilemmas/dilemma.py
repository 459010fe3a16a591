"""What is a dilemma: a question of conduct, two principles in conflict, and the clauses that a plan may be made of."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from scenarios.dilemmas.considerations import CONSIDERATIONS
from scenarios.model import Model, Slug, Written

Stratum = Literal["professional", "interpersonal", "everyday"]

SHARES: dict[Stratum, float] = {"professional": 0.3, "interpersonal": 0.4, "everyday": 0.3}
"""Shares of the strata (Anantaprayoon et al. 2026): professional and high-stakes, interpersonal, micro-ethics."""

Plan = dict[str, str]
"""issue -> option. A plan is whole when it settles every issue."""

Values = dict[str, float]
"""consideration -> weight; below 0: it is held to be in the way."""


class Option(Written):
    """One clause that a plan may hold."""

    says: str = Field(min_length=3, max_length=200, description="what is done, as a clause")
    serves: dict[str, int] = Field(
        default_factory=dict, description="consideration -> −2 … 2; below 0: what it costs"
    )

    @field_validator("serves")
    @classmethod
    def _graded(cls, serves: dict[str, int]) -> dict[str, int]:
        for name, grade in serves.items():
            if name not in CONSIDERATIONS:
                raise ValueError(f"no consideration '{name}'; there are {', '.join(CONSIDERATIONS)}")
            if not -2 <= grade <= 2:
                raise ValueError(f"{name}: {grade} is no grade; give a whole number from -2 to 2")
        return serves


class Issue(Written):
    """One thing that a plan has to settle."""

    asks: str = Field(min_length=3, max_length=200)
    options: dict[Slug, Option] = Field(min_length=2, max_length=6)


class Dilemma(Written):
    """A dilemma as it is put to agents. A plan for it takes one option of every issue."""

    name: Slug
    theme: Slug
    stratum: Stratum
    held_out: bool = Field(default=False, description="never trained on: set by its theme")
    goal: str = Field(min_length=3, max_length=80, description="three to five words")
    prompt: str = Field(
        min_length=20, max_length=1200, description="two or three sentences that end in a question"
    )
    principles: dict[str, str] = Field(
        min_length=2, max_length=2, description="the two considerations in conflict, each in words"
    )
    issues: dict[Slug, Issue] = Field(
        default_factory=dict, max_length=8, description="{} for one that has no clauses: words alone"
    )
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.prompt.rstrip().endswith("?"):
            raise ValueError("prompt: ends in no question; end it with what is to be decided and a '?'")
        for name in self.principles:
            if name not in CONSIDERATIONS:
                raise ValueError(
                    f"principles: no consideration '{name}'; there are {', '.join(CONSIDERATIONS)}"
                )
        return self

    @property
    def title(self) -> str:
        """Its goal."""
        return self.goal

    @property
    def sentences(self) -> int:
        """How many sentences the prompt has."""
        return len(re.findall(r"[.!?](?=\s|$)", self.prompt))


class Theme(Model):
    """One file of the catalogue: dilemmas of one theme, all of one stratum, held out together or not at all."""

    theme: Slug
    stratum: Stratum
    held_out: bool = False
    source: str
    dilemmas: dict[Slug, dict[str, object]]
