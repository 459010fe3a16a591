"""How does the pool regrow: one month's draw, and every next state with its chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.commons.commons import Commons
from scenarios.commons.contingencies import Event
from scenarios.ward import Array

HEALTHY, DEGRADED = 0, 1


def collapses(commons: Commons, left: int) -> bool:
    """Whether the pool is gone for good: less than `collapse` is left after a month."""
    return left < commons.collapse


def regrown(commons: Commons, left: int, month: int, regime: int, event: Event) -> tuple[int, int]:
    """(stock, regime) at the start of the next month, r drawn from the world's stream of this month.

    stock = int(min(capacity, left · r · drought)); a collapsed pool stays at 0. See `Regrowth` for regimes.
    """
    rates = _rates(commons)
    drawn = int(commons.stream("regrowth", month).integers(len(rates))) if len(rates) > 1 else 0
    return _grown(commons, left, drawn, regime, event)


def _rates(commons: Commons) -> tuple[float, ...]:
    growth = commons.regrowth
    return growth.rates if growth.kind == "stochastic" else (growth.rate,)


def _grown(commons: Commons, left: int, drawn: int, regime: int, event: Event) -> tuple[int, int]:
    if collapses(commons, left):
        return 0, regime
    growth, rate = commons.regrowth, _rates(commons)[drawn]
    if growth.kind == "hysteresis":
        regime = DEGRADED if left < growth.falls else regime
        rate = growth.degraded_rate if regime == DEGRADED else rate
    stock = int(min(commons.capacity, left * rate * event.growth))
    if regime == DEGRADED and stock >= growth.recovers:
        regime = HEALTHY
    return stock, regime


@dataclass(frozen=True, eq=False)
class Transition:
    """Every next state after one event: R regimes, D equally likely draws, what is left from 0 to capacity."""

    stock: NDArray[np.int64]  # (R, D, capacity + 1)
    regime: NDArray[np.int64]  # (R, D, capacity + 1)
    alive: NDArray[np.bool_]  # (capacity + 1,), False where the pool collapses

    def expected(self, value: Array) -> Array:
        """E[value of the next state], (R, capacity + 1); value (R, capacity + 1); 0 after a collapse."""
        after: Array = value[self.regime, self.stock].mean(axis=1)
        return np.where(self.alive, after, 0.0)


def transition(commons: Commons, event: Event) -> Transition:
    """The next states after `event`, for every regime, draw and amount left (before the poacher has come)."""
    draws, most = len(_rates(commons)), commons.capacity
    shape = (len(commons.regimes), draws, most + 1)
    stock, regime = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    after = [max(0, left - event.poached) for left in range(most + 1)]
    for was, drawn, left in np.ndindex(*shape):
        stock[was, drawn, left], regime[was, drawn, left] = _grown(commons, after[left], drawn, was, event)
    return Transition(stock, regime, np.array([not collapses(commons, left) for left in after]))
