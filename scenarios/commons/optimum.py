"""What is the best that a commons allows: the planner, who sees all, and the best law, which sees what contracts can.

Both are exact dynamic programmes over (month, regime, stock), by backward induction (Bellman 1957), with welfare
W = Σ_t Σ_i worth of agent i's catch in month t. As worths are concave, what is taken is split evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scenarios.commons.commons import Commons
from scenarios.commons.contingencies import Event, cell_of, cells, chances, events
from scenarios.commons.month import open_to
from scenarios.commons.regrowth import transition
from scenarios.commons.worth import split_worth
from scenarios.ward import Array

Totals = NDArray[np.int64]

SWEEPS = 30
"""Rounds of improvement of a law that cannot see the regime, at most; it stands still after a few."""

TIE = 1e-9
"""Totals whose values differ by less are equally good; the greatest is taken, rather a unit now than one later."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Total catches that are best in expectation. T months, R regimes, E events or cells, S = capacity + 1 stocks.

    `expected`: welfare from the first month at the full stock, in payoff units. `exact` is False where a bound
    is all that is known: then `expected` is attained and no law gets more than `bound`.
    """

    commons: Commons  # its rules
    sees: tuple[str, ...]  # what the totals may depend on beside month, regime and stock: events, or cells
    totals: Totals  # (T, R, E, S), total catch, or quota
    value: Array  # (T + 1, R, S), expected welfare from this month on, before its event is known
    expected: float
    expected_catch: float  # units of the pool
    bound: float
    exact: bool = True

    def total(self, month: int, stock: int, event: str, regime: int = 0) -> int:
        """The total catch (or quota) in a month, from 1, by name of its event (or cell)."""
        return int(self.totals[month - 1, regime, self.sees.index(event), stock])


def planner(commons: Commons) -> Plan:
    """The planner's optimum: who sees event and regime and commands every catch. Exact.

    The fishery: 650 tons steady (11 months of 50, then all 100); stochastic see `Plan.expected`.
    """
    return _planner(commons.rules)


def best_law(commons: Commons) -> Plan:
    """The best quota on the month's total that depends on month, stock and cell alone, each quota taken in full.

    What agents who take all they may reach under the best such law: DP with the expectation over the events of
    a cell. A law cannot see whether the pool is degraded: with hysteresis the quotas are improved sweep by
    sweep against the chances of being in each regime, `expected` is what they reach, and `bound` what a law
    would that sees the regime.
    """
    return _best_law(commons.rules)


def gap(commons: Commons) -> float:
    """Δ = planner − best law, in payoff units, >= 0: the welfare that no quota in this language reaches."""
    return max(0.0, planner(commons).expected - best_law(commons).expected)


def attained(commons: Commons, sees: tuple[str, ...], totals: Totals) -> float:
    """Expected welfare if these totals are taken as far as there is: (T, R, E, S), E events or cells as in `sees`."""
    return float(_evaluated(commons, sees, totals, split_worth(commons))[0, 0, commons.stock])


@dataclass(frozen=True, eq=False)
class _Month:
    """What a total catch brings after one event: `open` (S,) of each stock; payoff of totals; moves of the pool."""

    chance: float
    price: float
    open: Totals  # (S,), what can be taken

    @classmethod
    def of(cls, commons: Commons, event: Event, chance: float) -> _Month:
        stocks = range(commons.capacity + 1)
        return cls(chance, event.price, np.array([open_to(s, event) for s in stocks], dtype=np.int64))

    def returns(self, worths: Array, after: Array) -> Array:
        """price · worth(H) + after[open − H] for every stock s and quota H, (R, S, S): no more than there is."""
        most = len(self.open)
        taken = np.minimum(np.arange(most)[None, :], self.open[:, None])
        left = self.open[:, None] - taken
        return np.asarray(self.price * worths[taken][None] + after[:, left], dtype=float)


def _parts(commons: Commons) -> list[_Month]:
    return [_Month.of(commons, e, float(c)) for e, c in zip(events(commons), chances(commons), strict=True)]


def _greatest(returns: Array) -> tuple[Totals, Array]:
    """The greatest best total along the last axis, and its value."""
    best = returns.max(axis=-1, keepdims=True)
    last = returns.shape[-1] - 1 - np.argmax(returns[..., ::-1] >= best - TIE, axis=-1)
    return last, best[..., 0]


@lru_cache(maxsize=64)
def _planner(commons: Commons) -> Plan:
    parts, moves = _parts(commons), [transition(commons, e) for e in events(commons)]
    worths = split_worth(commons)
    months, regimes, most = commons.months, len(commons.regimes), commons.capacity
    totals = np.zeros((months, regimes, len(parts), most + 1), dtype=np.int64)
    value = np.zeros((months + 1, regimes, most + 1))
    for t in reversed(range(months)):
        for e, (part, move) in enumerate(zip(parts, moves, strict=True)):
            best, reached = _greatest(part.returns(worths, move.expected(value[t + 1])))
            totals[t, :, e] = np.minimum(best, part.open)
            value[t] += part.chance * reached
    names = tuple(e.name for e in events(commons))
    return _plan(commons, names, totals, value, float(value[0, 0, commons.stock]))


def _plan(
    commons: Commons, sees: tuple[str, ...], totals: Totals, value: Array, bound: float, exact: bool = True
) -> Plan:
    expected = float(value[0, 0, commons.stock])
    catch = _evaluated(commons, sees, totals, np.arange(commons.capacity + 1, dtype=float), priced=False)
    return Plan(
        commons, sees, totals, value, expected, float(catch[0, 0, commons.stock]), max(bound, expected), exact
    )


def _evaluated(
    commons: Commons, sees: tuple[str, ...], totals: Totals, worths: Array, *, priced: bool = True
) -> Array:
    """Expected Σ worths[H] from each month on if the totals are taken as far as there is, (T + 1, R, S)."""
    value = np.zeros((commons.months + 1, len(commons.regimes), commons.capacity + 1))
    happens = list(zip(events(commons), _parts(commons), strict=True))
    for t in reversed(range(commons.months)):
        for event, part in happens:
            seen = sees.index(event.name if event.name in sees else cell_of(commons, event))
            taken = np.minimum(totals[t, :, seen], part.open)
            after = transition(commons, event).expected(value[t + 1])
            later = np.take_along_axis(after, part.open - taken, axis=1)
            value[t] += part.chance * ((part.price if priced else 1.0) * worths[taken] + later)
    return value


@lru_cache(maxsize=64)
def _best_law(commons: Commons) -> Plan:
    told = cells(commons)
    shape = (commons.months, len(commons.regimes), len(told), commons.capacity + 1)
    seeing = _improved(commons, told, np.zeros(shape, dtype=np.int64), None)
    worths = split_worth(commons)
    value = _evaluated(commons, told, seeing, worths)
    if len(commons.regimes) == 1:
        return _plan(commons, told, seeing, value, 0.0)
    bound = float(value[0, 0, commons.stock])
    blind, reached = seeing, -1.0
    for _ in range(SWEEPS):
        blind = _improved(commons, told, blind, _occupied(commons, told, blind))
        value = _evaluated(commons, told, blind, worths)
        if value[0, 0, commons.stock] <= reached + TIE:
            break
        reached = float(value[0, 0, commons.stock])
    return _plan(commons, told, blind, value, bound, exact=bound - reached <= TIE)


def _improved(commons: Commons, told: tuple[str, ...], totals: Totals, weights: Array | None) -> Totals:
    """The best quota at every month, cell and stock, later months' quotas as just improved.

    Without weights each regime has its own quota; with weights (T, R, S), chances of the regime given month and
    stock, one quota serves all regimes.
    """
    totals, worths = totals.copy(), split_worth(commons)
    value = np.zeros((len(commons.regimes), commons.capacity + 1))
    happens = list(zip(events(commons), _parts(commons), strict=True))
    moves = {event.name: transition(commons, event) for event, _ in happens}
    for t in reversed(range(commons.months)):
        now = np.zeros_like(value)
        for c, cell in enumerate(told):
            returns = sum(
                part.chance * part.returns(worths, moves[event.name].expected(value))
                for event, part in happens
                if cell_of(commons, event) == cell
            )
            returns = np.asarray(returns, dtype=float)
            if weights is None:
                totals[t, :, c], reached = _greatest(returns)
                now += reached
            else:
                best, _ = _greatest((weights[t][:, :, None] * returns).sum(axis=0))
                totals[t, :, c] = best[None]
                now += np.take_along_axis(returns, np.broadcast_to(best, now.shape)[:, :, None], 2)[:, :, 0]
        value = now
    return np.minimum(totals, np.arange(commons.capacity + 1))


def _occupied(commons: Commons, told: tuple[str, ...], totals: Totals) -> Array:
    """Chance of each regime given month and stock when the quotas are taken, (T, R, S); even where never reached."""
    months, regimes, most = commons.months, len(commons.regimes), commons.capacity + 1
    mass = np.zeros((months + 1, regimes, most))
    mass[0, 0, commons.stock] = 1.0
    for t in range(months):
        for event, part in zip(events(commons), _parts(commons), strict=True):
            move, cell = transition(commons, event), told.index(cell_of(commons, event))
            left = part.open - np.minimum(totals[t, :, cell], part.open)
            for regime in range(regimes):
                share = part.chance * mass[t, regime] * move.alive[left[regime]] / move.stock.shape[1]
                for drawn in range(move.stock.shape[1]):
                    to = move.regime[regime, drawn, left[regime]], move.stock[regime, drawn, left[regime]]
                    np.add.at(mass[t + 1], to, share)
    whole = mass[:months].sum(axis=1, keepdims=True)
    even = np.full_like(mass[:months], 1 / regimes)
    return np.asarray(np.divide(mass[:months], whole, out=even, where=whole > 0), dtype=float)
