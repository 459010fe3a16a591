"""What is a persona's concern for others: λ, how much the group's total counts beside what is one's own."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from scenarios.errors import ParleyError
from scenarios.model import Slug, Written

LEAST = -0.5
"""The least λ of the dial: half of what the group gains is felt as a loss."""

DIAL = "{concern}"
"""Stands in the words of a persona whose λ may be set; it is replaced by the number."""

Degree = float | Literal["infinite"]
"""λ as it is written down: a number, or `infinite`, which JSON has no number for."""


class Concern(Written):
    """A stance in a dilemma: V = u + λ·W, W the group's total with one's own u inside, net of what leaves the table.

    λ = 0 is selfish, below 0 spiteful; `infinite` is lexicographic: W first, then u. For a reference seat it is
    its utility. A model is given the words alone; what concern they amount to is measured, never assumed.
    """

    name: Slug
    says: str = Field(
        min_length=1, max_length=2000, description="the brief in words, given to a model as it stands"
    )
    concern: Degree = Field(description="λ, from −0.5 to infinite")
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _on_the_dial(self) -> Self:
        if math.isnan(self.degree) or self.degree < LEAST:
            raise ValueError(
                f"concern: {self.concern} is off the dial; give a number from {LEAST:g}, or infinite"
            )
        if isinstance(self.concern, float) and math.isinf(self.concern):
            raise ValueError("concern: write infinite, a word that JSON keeps")
        return self

    @property
    def degree(self) -> float:
        """λ as a number; math.inf for `infinite`."""
        return math.inf if self.concern == "infinite" else float(self.concern)

    @property
    def share(self) -> float:
        """w = λ/(1 + λ) in [−1, 1]: V up to scale as (1 − w)·u + w·W; 1 for `infinite`."""
        return share_of(self.degree)


def share_of(degree: float) -> float:
    """w = λ/(1 + λ): −1 at λ = −0.5, 0 at 0, ½ at 1, 1 at infinity."""
    return 1.0 if math.isinf(degree) else degree / (1.0 + degree)


def with_concern(persona: Concern, degree: Degree) -> Concern:
    """The persona with another λ, its words with the number in them.

    Raises ParleyError for a λ off the dial, or where its words hold no place for a number: they would then
    say one thing and the record another.
    """
    if persona.concern == degree:
        return persona
    if DIAL not in persona.says:
        raise ParleyError(
            f"persona '{persona.name}' says what its concern is in words of its own; take `graded` to set a number"
        )
    return _checked(persona, degree)


def worded(persona: Concern) -> str:
    """Its brief, with the number of its λ where the words have a place for it."""
    return persona.says.replace(
        DIAL, str(persona.concern) if isinstance(persona.concern, str) else f"{persona.concern:g}"
    )


def _checked(persona: Concern, degree: Degree) -> Concern:
    from pydantic import ValidationError

    try:
        return Concern.model_validate(persona.model_dump() | {"concern": degree})
    except ValidationError as error:
        raise ParleyError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
