"""What is there to settle: the moves, the point of disagreement, and the best of F(m) by a goal.

F(m) is the feasible x with min_s m_s <= x <= max_s m_s, cell by cell: what all seats agree on stays, only
contested cells are settled. It holds every m_s, so it is never empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import TypedDict

from scenarios.errors import ParleyError
from scenarios.lottery import lot
from scenarios.objective import Objective
from scenarios.ward import TOLERANCE, Array, Ward

if TYPE_CHECKING:
    from scenarios.optimum.goal import Goal

GAIN = 1e-6
"""A seat whose ideal is above its disagreement point by no more than this cannot gain."""

SLACK = 1e-7
"""How far from the optimum an allocation still ties with it."""

MOST_CUTS = 60
"""How many linear pieces are tried for a sum of distances before its gap is reported instead."""


class Box(TypedDict):
    """Where to look for an optimum."""

    lower: Array
    upper: Array
    floors: Sequence[tuple[Objective, float]]


@dataclass(frozen=True, eq=False)
class Bargain:
    """What there is to settle: the seats' last valid moves, their solos, their declared utilities.

    Arrays have shape (patients, resources), in units. Moves and utilities stand in the order of the seats;
    solos are those there are. `weights` are the chances of `weighted-lottery`, equal if not given, `names`
    what notes call the seats. Raises ParleyError where the seats do not match or a move is not feasible.
    """

    ward: Ward
    moves: tuple[Array, ...]
    solos: tuple[Array, ...]
    utilities: tuple[Objective, ...]
    seed: int
    weights: tuple[float, ...] | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        n, where = len(self.moves), f"ward '{self.ward.name}', merge"
        if not n:
            raise ParleyError(f"{where}: no seat made a valid move; there is nothing to merge")
        if len(self.utilities) != n or (self.weights is not None and len(self.weights) != n):
            raise ParleyError(f"{where}: {n} moves, {len(self.utilities)} utilities; give one of each a seat")
        if self.weights is not None and (min(self.weights) < 0 or not 0 < sum(self.weights) < np.inf):
            raise ParleyError(f"{where}: weights {self.weights} are no chances; give numbers >= 0, not all 0")
        for number, move in enumerate(self.moves, start=1):
            if wrong := self.ward.violations(move):
                raise ParleyError(f"{where}: the move of seat {number} is not feasible: {wrong[0]}")
        object.__setattr__(self, "moves", tuple(_tidy(self.ward, m) for m in self.moves))

    @cached_property
    def lower(self) -> Array:
        """The least that any seat gives each cell."""
        return np.asarray(np.min(self.moves, axis=0))

    @cached_property
    def upper(self) -> Array:
        """The most that any seat gives each cell."""
        return np.asarray(np.max(self.moves, axis=0))

    @cached_property
    def mean(self) -> Array:
        """The mean of the moves, each cell rounded to 1e-12 so that the order of seats leaves no trace."""
        return np.asarray(np.clip(np.round(np.mean(self.moves, axis=0), 12), self.lower, self.upper))

    @property
    def contested(self) -> bool:
        """Whether there is anything to settle."""
        return bool((self.lower < self.upper).any())

    @cached_property
    def disagreement(self) -> Array:
        """d_s: the least u_s over all solos and last moves; shape (seats,)."""
        points = [*self.solos, *self.moves]
        return np.array([min(u.value(self.ward, x) for x in points) for u in self.utilities])

    @cached_property
    def ideal(self) -> Array:
        """The most u_s over the x of F(m) that leave every seat at least its d; shape (seats,)."""
        from scenarios.optimum import Total, maximise

        if not self.contested:
            return np.array([u.value(self.ward, self.lower) for u in self.utilities])
        box = Box(lower=self.lower, upper=self.upper, floors=self.floors)
        best = [maximise(self.ward, Total(u), **box).value for u in self.utilities]
        return np.asarray(np.maximum(best, self.disagreement))

    @cached_property
    def gainers(self) -> tuple[int, ...]:
        """The seats that can gain on their disagreement point; the others are left out of a bargain."""
        return tuple(int(s) for s in np.flatnonzero(self.ideal - self.disagreement > GAIN))

    @cached_property
    def floors(self) -> list[tuple[Objective, float]]:
        """That every seat keeps at least its disagreement point."""
        return [(u, float(d) - SLACK) for u, d in zip(self.utilities, self.disagreement, strict=True)]

    def terms(self, seats: Sequence[int]) -> tuple[tuple[Objective, float, float], ...]:
        """(u_s, d_s, ideal_s − d_s) of seats: utilities as shares of what each could gain."""
        scale = self.ideal - self.disagreement
        return tuple((self.utilities[s], float(self.disagreement[s]), float(scale[s])) for s in seats)

    def called(self, seats: Sequence[int]) -> str:
        """Seats by name, for notes."""
        return ", ".join(self.names[s] if self.names else f"seat {s + 1}" for s in seats)

    def rng(self) -> np.random.Generator:
        """The generator of this merge's draws: the same for the same seed, whatever the moves."""
        return lot(self.ward, self.seed, 0x6D65)


@dataclass(frozen=True, eq=False)
class Merged:
    """A joint allocation; `marginals` where a lottery drew it; `gap` bounds what it misses of the optimum."""

    allocation: Array
    marginals: Array | None = None
    gap: float = 0.0
    notes: tuple[str, ...] = ()


def best(b: Bargain, goal: Goal, floors: Sequence[tuple[Objective, float]] = ()) -> Merged:
    """The best of F(m) by a goal; ties nearest to the mean of the moves, then a seeded draw."""
    from scenarios.optimum import Infeasible, closest, maximise

    box = Box(lower=b.lower, upper=b.upper, floors=floors)
    try:
        found = closest(b.ward, goal, b.mean, slack=SLACK, rng=b.rng(), **box)
    except Infeasible:  # the ties leave a solver too little room to look among them
        found = maximise(b.ward, goal, **box)
        return Merged(found.x, gap=found.gap, notes=("ties not looked through: too little room among them",))
    return Merged(found.x, gap=found.gap)


def bargained(b: Bargain, goal: Goal) -> Merged:
    """The best of F(m) among what leaves every seat its disagreement point; a note names who cannot gain."""
    out = [s for s in range(len(b.moves)) if s not in b.gainers]
    notes = (f"left out, can gain nothing in the span of the moves: {b.called(out)}",) if out else ()
    found = best(b, goal, b.floors)
    return replace(found, notes=notes + found.notes)


def nearest(b: Bargain, found: Sequence[Merged]) -> Merged:
    """The one nearest to the mean of the moves, in shares of demand; a seeded draw among the nearest."""
    far = [
        float((((m.allocation - b.mean) / np.maximum(b.ward.arrays.demand, TOLERANCE)) ** 2).sum())
        for m in found
    ]
    near = [m for m, distance in zip(found, far, strict=True) if distance <= min(far) + SLACK]
    near = list({m.allocation.tobytes(): m for m in near}.values())
    return sorted(near, key=lambda m: m.allocation.tobytes())[int(b.rng().integers(len(near)))]


def summed(utilities: Sequence[Objective]) -> Objective:
    """Σ u as one objective; at most one of them measures a distance."""

    def add(u: Objective, v: Objective) -> Objective:
        return Objective(
            u.linear + v.linear,
            u.constant + v.constant,
            u.worst_off + v.worst_off,
            u.variance + v.variance,
            u.spread + v.spread,
            u.distance + v.distance,
            v.anchor if v.distance else u.anchor,
        )

    return reduce(add, utilities)


def by_cuts(b: Bargain, rest: Objective, anchored: Sequence[Objective]) -> Merged:
    """max rest − Σ distances by Kelley's cutting planes (1960): each cut is exact where it touches."""
    from scenarios.optimum import Least

    total, at, cuts = b.ward.arrays.demand.sum(), b.mean, list[Objective]()
    for _ in range(MOST_CUTS):
        slope = -sum((u.distance / total * np.sign(at - _anchor(u)) for u in anchored), np.zeros_like(at))
        worth = -sum(u.distance * abs(at - _anchor(u)).sum() / total for u in anchored)
        constant = rest.constant + float(worth - (slope * at).sum())
        cuts.append(replace(rest, linear=rest.linear + slope, constant=constant))
        found = best(b, Least(tuple((cut, 0.0, 1.0) for cut in cuts)))
        at = found.allocation
        bound = min(cut.value(b.ward, at) for cut in cuts) + found.gap
        gap = bound - sum(u.value(b.ward, at) for u in b.utilities)
        if gap <= 10 * SLACK:
            break
    return replace(found, gap=max(0.0, gap))


def _anchor(u: Objective) -> Array:
    return np.zeros_like(u.linear) if u.anchor is None else u.anchor


def _tidy(ward: Ward, x: Array) -> Array:
    """A move that is feasible up to rounding, made exactly so."""
    a = ward.arrays
    x = np.clip(np.where(a.whole[None, :], np.round(x), x), 0, a.demand) + 0.0
    total = x.sum(axis=0)
    over = (total > a.capacity) & ~a.whole
    return x * np.where(over, np.divide(a.capacity, total, out=np.ones_like(total), where=total > 0), 1.0)


def checked(b: Bargain, merged: Merged) -> Merged:
    """The merge brought exactly into the span, rounding aside; the invariants of every rule are held here."""
    a, x = b.ward.arrays, merged.allocation
    stray = np.maximum(b.lower - x, x - b.upper) > 10 * TOLERANCE * np.maximum(1, a.demand)
    x = np.clip(np.where(a.whole[None, :], np.round(x), x), b.lower, b.upper)
    wrong = b.ward.violations(x)
    if wrong or stray.any():
        raise AssertionError(
            f"ward '{b.ward.name}': a merge left the span of the moves: {wrong[0] if wrong else 'beyond a move'}"
        )
    over = np.maximum(0, x.sum(axis=0) - a.capacity)
    room = (x - b.lower).sum(axis=0)
    back = np.divide(over, room, out=np.zeros_like(room), where=(room > 0) & ~a.whole)
    return replace(merged, allocation=np.clip(x - (x - b.lower) * back, b.lower, b.upper))
