"""What is a persona: its values, its brief in words, the framework it cites, the groups it favours."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from scenarios.measures import MEASURES
from scenarios.model import Slug, Written

Values = dict[str, float]
"""Weights >= 0 that sum to 1: over the names of MEASURES and, for a favoured group, `attribute=group,group`."""


def normalised_values(weights: Values) -> Values:
    """Weights divided by their sum, zeros dropped; {} stays {}."""
    total = sum(weights.values())
    return {k: w / total for k, w in weights.items() if w > 0} if total > 0 else {}


class Persona(Written):
    """A named stance. `values` and `favours` declare its utility; constraints bind its own proposals alone."""

    name: Slug
    says: str = Field(
        min_length=1, max_length=2000, description="the brief in words, given to a model as it stands"
    )
    values: dict[str, float] = Field(default_factory=dict, description="weights over the six measures")
    cites: list[Slug] = Field(default_factory=list, description="frameworks it retrieves passages of")
    favours: dict[Slug, list[str]] = Field(
        default_factory=dict,
        description="protected attribute -> groups put before need; at most one attribute",
    )
    strength: float = Field(default=0.0, ge=0, le=1, description="s: how much the favoured group weighs")
    keeps_holdings: bool = Field(default=False, description="never takes away what a patient already has")
    first_come: bool = Field(
        default=False, description="serves no later arrival more fully than an earlier one"
    )
    wastes_nothing: bool = Field(default=False, description="leaves nothing idle that someone still needs")
    ex_ante: bool = Field(default=False, description="judges whole goods as chances: allots by lottery")
    source: str = Field(min_length=1)

    @field_validator("cites", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, weight in self.values.items():
            if name not in MEASURES:
                raise ValueError(f"values: no measure '{name}'; there are {', '.join(MEASURES)}")
            if not 0 <= weight < float("inf"):
                raise ValueError(f"values.{name}: {weight:g} is no weight; give a number >= 0")
        if len(self.favours) > 1:
            raise ValueError(f"favours: {len(self.favours)} attributes; favour groups of one attribute")
        if self.strength > 0 and not self.favours:
            raise ValueError("strength: given without `favours`; name the favoured groups or drop it")
        return self

    @property
    def aligned(self) -> bool:
        """Whether it stands on a framework that can be retrieved."""
        return bool(self.cites)

    def declared(self, base: Values | None = None) -> Values:
        """(1 − s)·base + s·favoured group, weights that sum to 1; base is the persona's values if not given."""
        out = {k: (1 - self.strength) * w for k, w in normalised_values(base or self.values).items()}
        for attribute, groups in self.favours.items():
            out[f"{attribute}={','.join(groups)}"] = self.strength
        return normalised_values(out)
