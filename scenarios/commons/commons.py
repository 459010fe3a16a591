"""What is a commons: a pool that several agents harvest, how it regrows, what may happen, and what a catch is worth.

A month (GovSimContract of Huang et al., arXiv 2605.08426; events and their order are ours): the event of the month
is seen by the agents → an outsider, if one came, takes first → the agents' catches, after the law, over-demand
rationed → a poacher, if one came, takes of what is left → the pool collapses where less than `collapse` is left →
regrowth.

All that chance decides is drawn from one stream for each purpose and month, seeded by `world`: one world has the same
events, regrowth and lots whatever the agents do, so conditions are paired by world.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import Field, model_validator

from scenarios.model import Slug, Written
from scenarios.ward import Array

Kind = Literal["drought", "newcomer", "price-shock", "poacher"]
EVENT_KINDS: tuple[Kind, ...] = get_args(Kind)
"""Kinds of event: the pool regrows less; an outsider takes first; a catch is worth more or less; tons vanish."""

CALM = "calm"
"""The name of a month without event, and of the cell of events that the contract language cannot tell."""

PURPOSES = {"event": 1, "regrowth": 2, "rationing": 3, "lot": 4, "hidden": 5, "law": 6}
"""The number of each purpose that chance serves, a part of its seed."""


class Regrowth(Written):
    """How the pool regrows: `int(min(capacity, left · r))`, where r is

    - deterministic: `rate`;
    - stochastic: one of `rates`, equally likely, independent from month to month, drawn after the harvest;
    - hysteresis (ours, after Scheffer, Carpenter, Foley, Folke & Walker 2001, Catastrophic shifts in ecosystems):
      `rate`, but once less than `falls` was left the pool is degraded and grows by `degraded_rate`, that
      month's regrowth included, until it has regrown to `recovers` or more, so that the way back is longer
      than the way down.
    """

    kind: Literal["deterministic", "stochastic", "hysteresis"] = "deterministic"
    rate: float = Field(default=2.0, ge=1, le=10)
    rates: tuple[Annotated[float, Field(ge=0, le=10)], ...] = Field(
        default=(1.5, 2.5), min_length=1, max_length=6
    )
    degraded_rate: float = Field(default=1.4, ge=0, le=10)
    falls: int = Field(default=30, ge=0, le=400)
    recovers: int = Field(default=70, ge=0, le=400)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "hysteresis" and self.recovers <= self.falls:
            raise ValueError(f"recovers: {self.recovers} is not above falls, {self.falls}; raise it")
        if self.kind == "hysteresis" and self.degraded_rate > self.rate:
            raise ValueError(f"degraded_rate: {self.degraded_rate:g} is above rate, {self.rate:g}; lower it")
        return self


class Contingencies(Written):
    """What may happen unforeseen: each month, with chance `chance`, one event, of each kind equally likely.

    The contract language tells an event by its name, but for the first ⌈hidden · kinds⌉ of them in the order
    that `order` seeds: those it cannot tell from a calm month. So as `hidden` grows the sets of hidden kinds are
    nested, and the language gets coarser, never merely different.
    """

    chance: float = Field(default=0.0, ge=0, le=1, description="of an event, a month")
    kinds: tuple[Kind, ...] = Field(default=EVENT_KINDS, min_length=1)
    drought: float = Field(default=0.75, ge=0, le=1, description="what regrowth is multiplied by")
    newcomer: int = Field(default=15, ge=0, le=400, description="tons that an outsider takes first")
    price: float = Field(default=2.0, ge=0, le=10, description="what a ton's worth is multiplied by")
    poacher: int = Field(default=15, ge=0, le=400, description="tons that vanish after the harvest")
    hidden: float = Field(default=0.0, ge=0, le=1, description="share of kinds that contracts cannot tell")
    order: int = Field(default=0, ge=0, le=2**32 - 1, description="seeds which kinds are hidden first")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("kinds: one stands twice; name each once")
        return self


class Need(Written):
    """A catch is worth what it does for a ward: per cent of the survival gain that this resource can bring there."""

    ward: str = Field(max_length=200, description="a ward, as `scenarios.load` names it")
    resource: Slug
    amount: float = Field(default=1.0, gt=0, le=1e6, description="of the resource, that one unit brings")


class Commons(Written):
    """A shared pool. The defaults are the paper's fishery; units in `unit`, time in months."""

    name: Slug
    title: str
    says: str = Field(default="", max_length=2000, description="what the agents are told of the place")
    reason: str = Field(default="", description="why this commons is in the catalogue")
    source: str = ""
    unit: str = Field(default="tons of fish", min_length=1, max_length=60)
    agents: int = Field(default=5, ge=2, le=12)
    months: int = Field(default=12, ge=1, le=60)
    stock: int = Field(default=100, ge=1, le=400)
    capacity: int = Field(default=100, ge=1, le=400)
    collapse: int = Field(default=5, ge=0, le=400, description="the pool is gone where less is left")
    regrowth: Regrowth = Regrowth()
    contingencies: Contingencies = Contingencies()
    need: Need | None = Field(default=None, description="None: a unit is worth 1, or as `worths` says")
    worths: tuple[Annotated[float, Field(ge=0, le=1e9)], ...] | None = Field(
        default=None, description="what a month's catch of 0, 1, 2, … units is worth; None: 1 a unit"
    )
    world: int = Field(default=0, ge=0, le=2**32 - 1, description="seeds all that chance decides")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.stock > self.capacity:
            raise ValueError(
                f"stock: {self.stock} is above the capacity, {self.capacity}; lower it or raise that"
            )
        if self.collapse > self.capacity:
            raise ValueError(f"collapse: {self.collapse} is above the capacity, {self.capacity}; lower it")
        if self.regrowth.kind == "hysteresis" and self.regrowth.recovers > self.capacity:
            raise ValueError(
                f"regrowth.recovers: {self.regrowth.recovers} is above the capacity, {self.capacity}; lower it"
            )
        if self.need is not None and self.worths is not None:
            raise ValueError("need and worths: both say what a catch is worth; keep one")
        if self.worths is not None:
            _check_worths(self.worths, self.capacity)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The agents' names: a1, a2, …"""
        return tuple(f"a{i + 1}" for i in range(self.agents))

    @property
    def regimes(self) -> tuple[str, ...]:
        """The states of the pool beside its stock: one, or two where it can degrade."""
        return ("healthy", "degraded") if self.regrowth.kind == "hysteresis" else ("healthy",)

    @property
    def rules(self) -> Commons:
        """The commons without its world and words: what policies depend on, and are cached by."""
        bare: dict[str, Any] = {
            "name": "rules",
            "title": "",
            "says": "",
            "reason": "",
            "source": "",
            "world": 0,
        }
        return self.model_copy(update=bare)

    @property
    def worth_table(self) -> Array:
        """What a month's catch of 0..capacity units is worth at the usual price, (capacity + 1,); it starts at 0."""
        from scenarios.commons.worth import worth_table

        return worth_table(self.worths, self.need, self.capacity)

    @property
    def linear(self) -> bool:
        """Whether every unit is worth 1."""
        return self.need is None and self.worths is None

    def stream(self, purpose: str, month: int, *more: int) -> np.random.Generator:
        """The generator of one purpose (`PURPOSES`) in one month, from 1: nobody's acts move another draw."""
        return np.random.default_rng([self.world, PURPOSES[purpose], month, *more])


def _check_worths(worths: tuple[float, ...], capacity: int) -> None:
    if len(worths) != capacity + 1:
        raise ValueError(f"worths: {len(worths)} values for catches of 0 to {capacity}; give {capacity + 1}")
    if worths[0] != 0:
        raise ValueError(f"worths: a catch of 0 is worth {worths[0]:g}; it must be 0")
    steps = np.diff(worths)
    if (steps < 0).any() or (np.diff(steps) > 1e-9).any():
        at = int(np.argmax((steps < 0) | np.append(np.diff(steps) > 1e-9, False)))
        raise ValueError(
            f"worths: falls or rises faster after {at}; each further unit adds at most the last one's"
        )
