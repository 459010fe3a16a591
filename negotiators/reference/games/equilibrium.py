"""What do seats that care for each other play in a game: exact equilibria of V_i = u_i + λ_i·W, and noisy play.

λ is a seat's concern: 0 selfish, above 0 prosocial, below 0 spiteful, ∞ lexicographic: welfare first, its own
payoff only between profiles of equal welfare. W = Σ_j u_j holds the own payoff, so that against the sum of the
others' payoffs the weight is w = λ/(1 + λ).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import ParleyError
from scenarios.games.equilibria import (
    LIMIT_ACTIONS,
    REGRET,
    TOLERANCE,
    equilibria,
    expected,
    pure_equilibria,
    symmetric_mixed,
)
from scenarios.games.game import Array, symmetric_payoffs
from scenarios.games.optima import welfare

__all__ = ["Profile", "QuantalResponse", "Select", "Values", "play", "quantal_response", "values"]

Select = Literal["best", "worst"]
Concept = Literal["pure", "mixed", "least regret"]

LEAST_CONCERN = -0.5
"""Here w = −1: the seat gives up one to take one from the others. What is below is no stance of the dial."""
Settled = tuple[tuple[Array, ...], float, int]
"""Strategies, the residual there, and the iterations it took."""

RESIDUAL = 1e-8
"""Greatest |p − logit(p)| at which a quantal response counts as found."""


@dataclass(frozen=True)
class Values:
    """What each profile is worth to each seat: `first` decides, `second` between equal firsts, (A_1, …, A_n, n).

    λ finite: first = u + λW, second = 0. λ = ∞: first = W, second = u. `unit` (n,) is 1 + |λ|, or 1: what
    one unit of payoff of everybody's counts for, so that regrets of seats can be compared.
    """

    first: Array
    second: Array
    unit: Array

    @property
    def lexical(self) -> bool:
        """Whether some seat has λ = ∞."""
        return bool(self.second.any())

    def best_responses(self, seat: int) -> NDArray[np.bool_]:
        """Where a seat's action is a best one, lexicographically, bool (A_1, …, A_n)."""
        return best_of(self.first[..., seat], self.second[..., seat], axis=seat)

    def regrets(self, strategies: Sequence[Array]) -> Array:
        """What each seat would gain by its best action, in units of payoff, (n,): on the first key if that can
        be raised, else on the second."""
        gains = np.zeros(len(strategies))
        for i, mix in enumerate(strategies):
            first, second = (expected(k, strategies, but=i)[:, i] for k in (self.first, self.second))
            gain = float(first.max() - first @ mix)
            near = REGRET * max(1.0, float(np.abs(first).max()))
            if gain <= near:
                gain = max(0.0, float(second[first >= first.max() - near].max() - second @ mix))
            gains[i] = gain / self.unit[i]
        return gains


@dataclass(frozen=True)
class Profile:
    """What all seats play, by which solution, and what it is worth."""

    strategies: tuple[Array, ...]  # a distribution over the actions of each seat
    concept: Concept
    payoffs: tuple[float, ...]  # expected u of each seat
    welfare: float  # expected W
    regret: float  # the greatest gain of a seat from moving alone, in units of payoff; 0 in equilibrium
    found: int  # equilibria that it was chosen from
    note: str = ""

    @property
    def actions(self) -> tuple[int, ...] | None:
        """The actions where all play a pure strategy, else None."""
        if any(mix.max() < 1 - 1e-9 for mix in self.strategies):
            return None
        return tuple(int(mix.argmax()) for mix in self.strategies)

    def drawn(self, rng: np.random.Generator) -> tuple[int, ...]:
        """One action a seat, drawn independently."""
        return tuple(int(rng.choice(len(mix), p=mix / mix.sum())) for mix in self.strategies)


def values(payoffs: Array, concerns: Sequence[float], burnt: Array | None = None) -> Values:
    """V_i = u_i + λ_i·W of every profile and seat, comparable lexicographically where λ_i = ∞.

    payoffs (A_1, …, A_n, n): what each ends with, transfers and fines included. burnt (A_1, …, A_n): what is
    lost to the table and stands in nobody's payoff; W = Σ_j u_j − burnt. Raises ParleyError for a λ below −0.5.
    """
    n = payoffs.shape[-1]
    checked_concerns(concerns, n)
    total = welfare(payoffs, burnt)[..., None]
    weights = np.array([0.0 if math.isinf(c) else c for c in concerns])
    lexical = np.array([math.isinf(c) for c in concerns])
    first = np.where(lexical, total, payoffs + weights * total)
    second = np.where(lexical, payoffs, 0.0)
    return Values(first, second, np.where(lexical, 1.0, 1 + np.abs(weights)))


def checked_concerns(concerns: Sequence[float], n: int) -> None:
    """Raises ParleyError unless there is a λ from −0.5 to ∞ for each of n seats."""
    if len(concerns) != n:
        raise ParleyError(f"concerns: {len(concerns)} for {n} seats; give one each")
    for i, concern in enumerate(concerns):
        if not concern >= LEAST_CONCERN:
            raise ParleyError(f"concerns: λ of seat {i + 1} is {concern}; give a number from −0.5 to inf")


def slack(key: Array) -> float:
    """How far two values of this array may differ and count as equal."""
    return TOLERANCE * max(1.0, float(np.abs(key).max(initial=0.0)))


def best_of(first: Array, second: Array, axis: int) -> NDArray[np.bool_]:
    """Which actions are best along an axis, by `first` and, where that ties, by `second`."""
    leading = first >= first.max(axis=axis, keepdims=True) - slack(first)
    rest = np.where(leading, second, -np.inf)
    return np.asarray(leading & (rest >= rest.max(axis=axis, keepdims=True) - slack(second)))


def play(
    payoffs: Array,
    concerns: Sequence[float],
    *,
    rng: np.random.Generator,
    select: Select = "best",
    burnt: Array | None = None,
) -> Profile:
    """What seats with these concerns play who know each other's: the best or the worst equilibrium by W.

    Pure Nash equilibria of the values, in weak incentives; ties in W are broken by a draw. Where there is
    none: mixed equilibria of two seats (nashpy), or the symmetric mixed ones of any number of exchangeable
    seats. Where there is none of these either, as may be under λ = ∞, whose preferences are not continuous,
    the pure profile of least regret: the least over profiles of the greatest gain of a seat, and a note.
    """
    worth = values(payoffs, concerns, burnt)
    total = welfare(payoffs, burnt)
    n = payoffs.shape[-1]
    stable = np.logical_and.reduce([worth.best_responses(i) for i in range(n)])
    cells = np.argwhere(stable)
    if len(cells):
        totals = total[tuple(cells.T)]
        cell = cells[_chosen(totals, select, rng)]
        return _profile(payoffs, total, worth, _pure(cell, payoffs.shape), "pure", len(cells))
    mixed = [
        mix for mix in _mixed(worth, payoffs, concerns) if worth.regrets(mix).max() <= 1e-6 * _range(payoffs)
    ]
    if mixed:
        totals = np.array([float(expected(total[..., None], mix)[0]) for mix in mixed])
        chosen = mixed[_chosen(totals, select, rng)]
        return _profile(payoffs, total, worth, chosen, "mixed", len(mixed), "no pure equilibrium")
    least = _least_regret(worth)
    costs = total[tuple(least.T)]
    cell = least[_chosen(costs, select, rng)]
    note = "no equilibrium was found: the pure profile of least regret"
    return _profile(payoffs, total, worth, _pure(cell, payoffs.shape), "least regret", 0, note)


def _profile(
    payoffs: Array,
    total: Array,
    worth: Values,
    strategies: tuple[Array, ...],
    concept: Concept,
    found: int,
    note: str = "",
) -> Profile:
    return Profile(
        strategies=strategies,
        concept=concept,
        payoffs=tuple(float(u) for u in expected(payoffs, strategies)),
        welfare=float(expected(total[..., None], strategies)[0]),
        regret=0.0 if concept == "pure" else float(worth.regrets(strategies).max()),
        found=found,
        note=note,
    )


def _chosen(totals: Array, select: Select, rng: np.random.Generator) -> int:
    """The index of the greatest or least total; of several, one drawn."""
    if select not in ("best", "worst"):
        raise ParleyError(f"select '{select}': choose best or worst")
    scored = totals if select == "best" else -totals
    ties = np.flatnonzero(scored >= scored.max() - slack(scored))
    return int(ties[0] if len(ties) == 1 else rng.choice(ties))


def _pure(cell: Sequence[int] | NDArray[np.intp], shape: tuple[int, ...]) -> tuple[Array, ...]:
    return tuple(np.eye(size)[int(a)] for a, size in zip(cell, shape, strict=False))


def _mixed(worth: Values, payoffs: Array, concerns: Sequence[float]) -> Iterator[tuple[Array, ...]]:
    """Mixed profiles that may be equilibria. For seats with λ = ∞ these are the equilibria with W, and with u,
    in the place of their values: the caller keeps what holds lexicographically."""
    n = payoffs.shape[-1]
    games = [worth.first]
    if worth.lexical:
        lexical = np.array([math.isinf(c) for c in concerns])
        games.append(np.where(lexical, worth.second, worth.first))
    for game in games:
        if n == 2 and max(payoffs.shape[:2]) <= LIMIT_ACTIONS:
            yield from equilibria(game)
        elif (
            n > 2
            and len(set(concerns)) == 1
            and symmetric_payoffs(game)
            and payoffs.shape[0] <= LIMIT_ACTIONS
        ):
            yield from ((mix,) * n for mix in symmetric_mixed(game))


def _least_regret(worth: Values) -> NDArray[np.intp]:
    """Pure profiles, (k, n), whose greatest regret on the first key, then on the second, is least."""
    n = worth.first.shape[-1]
    firsts, seconds = [], []
    for i in range(n):
        first, second = worth.first[..., i], worth.second[..., i]
        top = first.max(axis=i, keepdims=True)
        leading = first >= top - slack(first)
        firsts.append(np.where(leading, 0.0, (top - first) / worth.unit[i]))
        seconds.append(np.where(leading, second, -np.inf).max(axis=i, keepdims=True) - second)
    first, second = np.max(firsts, axis=0), np.max(seconds, axis=0)
    least = first <= first.min() + slack(first)
    rest = np.where(least, second, np.inf)
    return np.argwhere(rest <= rest.min() + slack(second))


def _range(payoffs: Array) -> float:
    return max(1.0, float(np.ptp(payoffs)))


@dataclass(frozen=True)
class QuantalResponse:
    """A logit equilibrium: each seat's distribution over its actions, and how exactly it is one."""

    strategies: tuple[Array, ...]
    residual: float  # max |p − logit(p)|
    steps: int


def quantal_response(
    payoffs: Array, concerns: Sequence[float], precision: float, burnt: Array | None = None
) -> QuantalResponse:
    """The logit quantal-response equilibrium of noisy seats (McKelvey and Palfrey 1995).

    p_i(a) ∝ exp(precision · E[(1 − w_i)·u_i + w_i·W]) given what the others play, w = λ/(1 + λ): V_i on the
    scale of payoffs, so that λ = ∞ (w = 1) has a place and a precision means the same noise for every λ.
    precision 0 is uniform play. Found from 0 upward along the branch that starts there, by damped iteration
    and Newton's method from the point before. Where the branch turns back, one near a Nash equilibrium is taken
    instead, the first found. Raises ParleyError where every residual stays above 1e-8.
    """
    n = payoffs.shape[-1]
    checked_concerns(concerns, n)
    if not 0 <= precision < math.inf:
        raise ParleyError(f"precision is {precision}; give a finite number of at least 0")
    weights = np.array([1.0 if math.isinf(c) else c / (1 + c) for c in concerns])
    utility = (1 - weights) * payoffs + weights * welfare(payoffs, burnt)[..., None]
    mixes = tuple(np.full(size, 1 / size) for size in payoffs.shape[:-1])
    residual, steps = 0.0, 0
    for level in _levels(precision, float(np.ptp(utility))):
        mixes, residual, taken = _settled(utility, mixes, level)
        steps += taken
    starts = _near_nash(utility) if residual > RESIDUAL else ()
    for start in starts:
        mixes, residual, taken = _settled(utility, start, precision)
        steps += taken
        if residual <= RESIDUAL:
            break
    if not residual <= RESIDUAL:
        raise ParleyError(
            f"precision {precision:g}: no quantal response found (residual {residual:.1e}); lower the precision"
        )
    return QuantalResponse(mixes, residual, steps)


def _levels(precision: float, spread: float) -> Array:
    """Precisions from small to the one asked for, evenly in the logarithm of 1 + precision · spread."""
    sharpness = precision * spread
    if not sharpness > 0:
        return np.zeros(1)
    count = 1 + math.ceil(4 * math.log2(1 + sharpness))
    return np.asarray(np.expm1(np.linspace(0, math.log1p(sharpness), count + 1)[1:]) / spread)


def _logit(utility: Array, mixes: Sequence[Array], precision: float) -> tuple[Array, ...]:
    out = []
    for i in range(len(mixes)):
        worth = precision * expected(utility, mixes, but=i)[:, i]
        weight = np.exp(worth - worth.max())
        out.append(weight / weight.sum())
    return tuple(out)


def _near_nash(utility: Array) -> Iterator[tuple[Array, ...]]:
    """Nash equilibria of the noiseless game: where noisy play ends as the precision grows."""
    shape = utility.shape[:-1]
    yield from (_pure(cell, shape) for cell in pure_equilibria(utility))
    if len(shape) == 2 and max(shape) <= LIMIT_ACTIONS:
        yield from equilibria(utility)


def _settled(utility: Array, mixes: tuple[Array, ...], precision: float) -> Settled:
    """A fixed point near `mixes`, or the best that three ways came to."""
    steps = 0
    for attempt in (partial(_by_damping, most=25), _by_newton, partial(_by_damping, most=400)):
        found, residual, taken = attempt(utility, mixes, precision)
        steps += taken
        if residual <= RESIDUAL / 10:
            break
    return found, residual, steps


def _by_damping(utility: Array, mixes: tuple[Array, ...], precision: float, most: int) -> Settled:
    """p ← p + d·(logit(p) − p), d halved whenever the residual grows."""
    damping, before, current = 0.5, math.inf, mixes
    for step in range(1, most + 1):
        target = _logit(utility, current, precision)
        residual = max(float(np.abs(t - p).max()) for t, p in zip(target, current, strict=True))
        if residual <= RESIDUAL / 100 or step == most:
            break
        damping = damping / 2 if residual > before else min(0.9, damping * 1.05)
        before = residual
        current = tuple(p + damping * (t - p) for t, p in zip(target, current, strict=True))
    return current, residual, step


def _by_newton(utility: Array, mixes: tuple[Array, ...], precision: float) -> Settled:
    from scipy.optimize import root

    cuts = np.cumsum([len(p) for p in mixes])[:-1]

    def gap(flat: Array) -> Array:
        return flat - np.concatenate(_logit(utility, np.split(flat, cuts), precision))

    solution = root(gap, np.concatenate(mixes), method="hybr", tol=1e-13)
    found = _logit(utility, np.split(solution.x, cuts), precision)
    return found, float(np.abs(gap(np.concatenate(found))).max()), int(solution.nfev)
