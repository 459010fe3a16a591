"""How does a reference seat give way: what it still aspires to, and how far arguments move its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from personas.persona import Values, normalised_values
from scenarios.model import Model

Kind = Literal["linear", "boulware", "conceder", "tit-for-tat"]

EXPONENTS: dict[Kind, float] = {"boulware": 0.2, "linear": 1.0, "conceder": 2.0}
"""e of the time-dependent kinds where none is given: the values that Genius gives them (Lin et al. 2014)."""


class Policy(Model):
    """The published policy of a reference seat. The defaults are ours; evals run the grid over them."""

    kind: Kind = Field(default="linear", description="concede by time, or as the other concedes")
    exponent: float | None = Field(default=None, gt=0, le=100, description="e; None: the kind's usual")
    floor: float = Field(
        default=0.5, ge=0, le=1, description="reservation: 0 the worst it was offered, 1 its own best"
    )
    persuasion: float = Field(default=0.0, ge=0, le=1, description="ρ: how far arguments move its values")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        e = self.exponent
        if e is None:
            return self
        fits = {"boulware": e < 1, "linear": e == 1, "conceder": e > 1, "tit-for-tat": False}
        if not fits[self.kind]:
            wants = {"boulware": "below 1", "linear": "1", "conceder": "above 1", "tit-for-tat": "none"}
            raise ValueError(f"exponent {e:g}: {self.kind} takes {wants[self.kind]}; change or drop it")
        return self


def concession(policy: Policy, time: float) -> float:
    """α(t) = t^(1/e), the share of the way from its best to its reservation, for t in [0, 1].

    Faratin, Sierra & Jennings 1998, polynomial, with κ = 0: boulware e < 1 yields late, conceder e > 1 early.
    """
    e = policy.exponent or EXPONENTS[policy.kind]
    return float(min(1.0, max(0.0, time)) ** (1.0 / e))


def reservation(policy: Policy, best: float, offered: Sequence[float]) -> float:
    """The least own utility it would ever propose: worst + floor·(best − worst), at most its best.

    The worst is the least own utility of all that others have put on the table. A floor of 0 yields all the
    way to that by the deadline, ½ meets it half way (in its own utility). The reservation value is Raiffa's
    (1982); anchoring it in the offers seen, since a ward has no outside option, is ours.
    """
    worst = min([best, *offered])
    return worst + policy.floor * (best - worst)


@dataclass(frozen=True)
class Clock:
    """Where a debate stands: round 1 … rounds."""

    round: int
    rounds: int

    @property
    def time(self) -> float:
        """t = round / rounds, in [0, 1]; 1 is the deadline."""
        return min(1.0, self.round / max(1, self.rounds))


def aspiration(
    policy: Policy, clock: Clock, best: float, least: float, firsts: Sequence[float], lasts: Sequence[float]
) -> float:
    """The own utility that the next offer must keep, from `least` (the reservation) to `best`.

    Time-dependent: best − α(t)·(best − least). Tit-for-tat is the relative one (Faratin, Sierra & Jennings
    1998, δ = 1), in own utility: before each offer the aspiration is multiplied by u(other's last but one) /
    u(other's last); over a debate that comes to u(other's first) / u(other's last), clamped to [least,
    best] once, at the end (ours; they clamp at each step). Two of them would wait
    for each other for ever, so it opens with one linear step, best − (best − least)/rounds (nice, as Axelrod
    1984 has it; the size is ours). `firsts` and `lasts` hold, for each other seat that has spoken, the own
    utility of its first and its last move; several seats enter by their mean.
    """
    if policy.kind != "tit-for-tat":
        return best - concession(policy, clock.time) * (best - least)
    opening = best - (best - least) / max(1, clock.rounds)
    first, last = sum(firsts) / len(firsts), sum(lasts) / len(lasts)
    repaid = opening * first / last if last > 1e-9 else opening
    return min(best, max(least, repaid))


def persuaded(values: Values, heard: Sequence[Sequence[Values]], persuasion: float) -> Values:
    """w ← (1 − ρ)·w + ρ·(mean of the principles of a round), round by round (DeGroot 1974).

    `heard` holds, for each round in which others stated principles, those principles; a round without any
    moves nothing. ρ = 0 returns the values as they are.
    """
    if persuasion == 0:
        return values
    for principles in heard:
        stated = [normalised_values(p) for p in principles if p]
        if stated:
            values = blend(values, mean(stated), persuasion)
    return values


def mean(several: Sequence[Values], weights: Sequence[float] | None = None) -> Values:
    """The weighted mean of values, weights that sum to 1 again; equal weights if none are given."""
    weights = weights or [1.0] * len(several)
    total: Values = {}
    for values, weight in zip(several, weights, strict=True):
        for name, w in values.items():
            total[name] = total.get(name, 0.0) + weight * w
    return normalised_values(total)


def blend(values: Values, toward: Values, share: float) -> Values:
    """(1 − share)·values + share·toward, each normalised first."""
    return mean([normalised_values(values), normalised_values(toward)], [1 - share, share])
