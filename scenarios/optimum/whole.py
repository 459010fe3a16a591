"""What is the best whole allocation where all can be listed: enumeration, resource by resource.

The lists of the resources are crossed without writing the crossing out: what is linear or separable is a sum over
resources, and only need satisfaction is formed point by point, in chunks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scenarios.objective import Objective
from scenarios.optimum.goal import (
    LEAST_GAIN,
    Floors,
    Goal,
    Infeasible,
    Least,
    LogProduct,
    Nearest,
    Rows,
    Total,
    terms_of,
)
from scenarios.optimum.space import Space, need_gradient
from scenarios.ward import Array

ENUMERATION_LIMIT = 50_000
"""The most whole allocations that are written out one by one."""

LISTED_LIMIT = 1_000_000
"""The most whole allocations that are compared as a crossing of lists; beyond it a programme is solved."""

TIE = 1e-9
"""Values closer than this are the same."""

CHUNK = 50_000

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Crossing:
    """All ways to fill the free whole cells of a space: for each resource a list of columns of x, crossed."""

    space: Space
    lists: tuple[
        Array, ...
    ]  # for each resource (M_k, N): columns x[:, k], divisible free cells at their lower bound

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each list."""
        return tuple(len(units) for units in self.lists)

    @property
    def size(self) -> int:
        """How many points there are."""
        return int(np.prod(self.shape, dtype=float))

    def points(self, at: Indices) -> Array:
        """The points at these indices as allocations, (len(at), N, K)."""
        picks = np.unravel_index(at, self.shape)
        return np.stack([units[pick] for units, pick in zip(self.lists, picks, strict=True)], axis=2)

    def summed(self, cost: Callable[[Array, int], Array]) -> Array:
        """Σ over resources of cost(columns (M_k, N), k) (M_k,), for every point, (size,)."""
        total = np.zeros(())
        for k, units in enumerate(self.lists):
            total = np.add.outer(total, cost(units, k))
        return total.ravel()


def crossing(space: Space, most: int = LISTED_LIMIT) -> Crossing | None:
    """The crossing of a space, in lexicographic order of the cells; None where it has more than `most` points."""
    lists, size = [], 1
    for k in range(space.lower.shape[1]):
        rows = np.flatnonzero((space.free & space.whole)[:, k])
        room = np.floor(space.capacity[k] - space.lower[:, k].sum() + 1e-6)
        units = _units((space.upper - space.lower)[rows, k], room, most)
        if units is None or (size := size * len(units)) > most:
            return None
        columns = np.tile(space.lower[:, k], (len(units), 1))
        columns[:, rows] += units
        lists.append(columns)
    return Crossing(space, tuple(lists))


def _units(span: Array, room: float, most: int) -> Array | None:
    """All integer vectors 0 <= u <= span with Σu <= room, (M, len(span)); None if more than `most`."""
    points, left = np.zeros((1, len(span))), np.array([room])
    for i, top in enumerate(span):
        counts = (np.minimum(top, left) + 1).astype(int)
        total = int(counts.sum())  # every prefix can be completed with zeros, so this never shrinks
        if total > most:
            return None
        source = np.repeat(np.arange(len(points)), counts)
        value = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        points, left = points[source], left[source] - value
        points[:, i] = value
    return points


@dataclass(frozen=True)
class Table:
    """What objectives read of every whole allocation of a space, each feature computed once."""

    crossing: Crossing
    _features: dict[str, Array] = field(default_factory=dict)

    @cached_property
    def size(self) -> int:
        """How many allocations there are."""
        return self.crossing.size

    def point(self, index: int) -> Array:
        """One allocation, (N, K)."""
        return np.asarray(self.crossing.points(np.array([index]))[0])

    def feature(self, name: str) -> Array:
        """`least` = min h, `variance` = Var(h) or `spread` = MAD(h) of every allocation, (size,)."""
        if name not in self._features:
            self._features[name] = np.concatenate(
                [
                    _FEATURES[name](self._h(np.arange(start, min(start + CHUNK, self.size))))
                    for start in range(0, self.size, CHUNK)
                ]
            )
        return self._features[name]

    def _h(self, at: Indices) -> Array:
        a = self.crossing.space.ward.arrays
        share = need_gradient(a.demand)[a.counted]
        parts = [units[:, a.counted] * share[:, k] for k, units in enumerate(self.crossing.lists)]
        picks = np.unravel_index(at, self.crossing.shape)
        return np.asarray(sum(part[pick] for part, pick in zip(parts, picks, strict=True)))

    def linear(self, weights: Array) -> Array:
        """<weights, x> of every allocation, (size,)."""
        return self.crossing.summed(lambda x, k: x @ weights[:, k])

    def values(self, u: Objective) -> Array:
        """u of every allocation, (size,)."""
        out = u.constant + (self.linear(u.linear) if u.linear.any() else np.zeros(self.size))
        for weight, name in ((u.worst_off, "least"), (-u.variance, "variance"), (-u.spread, "spread")):
            if weight:
                out = out + weight * self.feature(name)
        if u.distance and (anchor := u.anchor) is not None:
            far = self.crossing.summed(lambda x, k: abs(x - anchor[:, k]).sum(axis=1))
            out = out - u.distance * far / self.crossing.space.ward.arrays.demand.sum()
        return out

    def distances(self, target: Array) -> Array:
        """Σ over demanded cells of ((x − target) / demand)² of every allocation, (size,)."""
        demand = self.crossing.space.ward.arrays.demand
        share = np.divide(1.0, demand, out=np.zeros_like(demand), where=demand > 0)
        return self.crossing.summed(lambda x, k: (((x - target[:, k]) * share[:, k]) ** 2).sum(axis=1))

    def allowed(self, floors: Floors, rows: Rows) -> Indices:
        """Indices of the allocations that keep every floor and row. Raises Infeasible if none does."""
        keep = np.ones(self.size, dtype=bool)
        for u, level in floors:
            keep &= self.values(u) >= level - TIE * max(1.0, abs(level))
        for row, bound in rows:
            keep &= self.linear(row) >= bound - TIE * max(1.0, abs(bound), float(abs(row).max()))
        if not keep.any():
            name = self.crossing.space.ward.name
            raise Infeasible(
                f"ward '{name}': no whole allocation keeps the box, every floor and every row; lower one"
            )
        return np.flatnonzero(keep)

    def best(self, goal: Goal, among: Indices, slack: float = TIE) -> Indices:
        """Those among the allocations whose goal value is within `slack` of the greatest, in order."""
        if isinstance(goal, Total):
            return _near(self.values(goal.objective)[among], among, slack)
        if isinstance(goal, Nearest):
            return _near(-self.distances(goal.target)[among], among, slack)
        if not goal.terms:
            return among
        terms = np.stack(
            [(self.values(u)[among] - offset) / scale for u, offset, scale in terms_of(goal)], axis=1
        )
        if isinstance(goal, LogProduct) and (positive := (terms >= LEAST_GAIN).all(axis=1)).any():
            return _near(np.log(terms[positive]).sum(axis=1), among[positive], slack)
        ranked = np.sort(terms, axis=1)
        for j in range(1 if isinstance(goal, Least) else ranked.shape[1]):
            kept = ranked[:, j] >= ranked[:, j].max() - slack
            ranked, among = ranked[kept], among[kept]
        return among


def _near(values: Array, among: Indices, slack: float) -> Indices:
    return np.asarray(among[values >= values.max() - slack])


def _variances(h: Array) -> Array:
    return np.asarray(h.var(axis=1))


def _spreads(h: Array) -> Array:
    n = h.shape[1]
    return np.asarray(np.maximum(0.0, 2 * (np.sort(h, axis=1) @ (2 * np.arange(1, n + 1) - n - 1.0)) / n**2))


def _leasts(h: Array) -> Array:
    return np.asarray(h.min(axis=1))


_FEATURES: dict[str, Callable[[Array], Array]] = {
    "least": _leasts,
    "variance": _variances,
    "spread": _spreads,
}

_TABLES: OrderedDict[bytes, Table | None] = OrderedDict()
_TABLE_LIMIT, _POINT_LIMIT = 512, 3 * LISTED_LIMIT


def table(space: Space) -> Table | None:
    """The table of a space, kept for the next question; None where it is too large or a free cell is divisible."""
    if (space.free & ~space.whole).any():
        return None
    key = space.key
    if key not in _TABLES:
        found = crossing(space)
        _TABLES[key] = None if found is None else Table(found)
        held = sum(t.size for t in _TABLES.values() if t is not None)
        while len(_TABLES) > 1 and (held > _POINT_LIMIT or len(_TABLES) > _TABLE_LIMIT):
            _, old = _TABLES.popitem(last=False)
            held -= 0 if old is None else old.size
    _TABLES.move_to_end(key)
    return _TABLES[key]


def enumerated(space: Space, most: int = ENUMERATION_LIMIT) -> Array | None:
    """All allocations of a space whose free cells are whole, (M, N, K), in lexicographic order of the columns.

    None if there are more than `most`, or if a free cell is divisible. Memory is bounded by `most`.
    """
    if (space.free & ~space.whole).any() or (found := crossing(space, most)) is None:
        return None
    return found.points(np.arange(found.size))
