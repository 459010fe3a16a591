"""What is the best whole allocation where all can be listed: enumeration, and the same features for every goal."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scenarios._goal import Floors, Goal, Infeasible, Least, LogProduct, Nearest, Rows, Total
from scenarios._space import Space
from scenarios.measures import need_satisfaction
from scenarios.objective import Objective
from scenarios.ward import Array

ENUMERATION_LIMIT = 50_000
"""The most whole allocations that are listed; beyond it a mixed-integer programme is solved."""

TIE = 1e-9
"""Values closer than this are the same."""

Indices = NDArray[np.intp]


def enumerated(space: Space, most: int = ENUMERATION_LIMIT) -> Array | None:
    """All allocations of a space whose free cells are whole, (M, N, K), in lexicographic order of the cells.

    None if there are more than `most`, or if a free cell is divisible. Memory is bounded by `most`.
    """
    free = space.free
    if (free & ~space.whole).any():
        return None
    columns = []
    size = 1
    for k in range(free.shape[1]):
        rows = np.flatnonzero(free[:, k])
        room = space.capacity[k] - space.lower[:, k].sum()
        units = _units(space.upper[rows, k] - space.lower[rows, k], np.floor(room + 1e-6), most)
        size = 0 if units is None else size * len(units)
        if units is None or size > most:
            return None
        columns.append((k, rows, units))
    out = np.broadcast_to(space.lower, (size, *space.lower.shape)).copy()
    inner = size
    for k, rows, units in columns:
        inner //= len(units)
        pick = np.arange(size) // inner % len(units)
        out[:, rows, k] += units[pick]
    return out


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
    """All whole allocations of a space and what objectives read of them, each computed once."""

    space: Space
    points: Array  # (M, N, K)

    @cached_property
    def flat(self) -> Array:
        """Points as rows, (M, N·K)."""
        return self.points.reshape(len(self.points), -1)

    @cached_property
    def h(self) -> Array:
        """Need satisfaction of the counted patients, (M, n)."""
        a = self.space.ward.arrays
        every = need_satisfaction(self.flat.reshape(-1, a.demand.shape[1]), np.tile(a.demand, (len(self.points), 1)))
        return every.reshape(len(self.points), -1)[:, a.counted]

    @cached_property
    def least(self) -> Array:
        """min h, (M,)."""
        return self.h.min(axis=1)

    @cached_property
    def variance(self) -> Array:
        """Population variance of h, (M,)."""
        return self.h.var(axis=1)

    @cached_property
    def spread(self) -> Array:
        """Mean absolute difference of h, (M,)."""
        n = self.h.shape[1]
        return np.maximum(0.0, 2 * (np.sort(self.h, axis=1) @ (2 * np.arange(1, n + 1) - n - 1.0)) / n**2)

    def values(self, u: Objective) -> Array:
        """u of every point, (M,)."""
        out = u.constant + self.flat @ u.linear.ravel()
        if u.worst_off:
            out = out + u.worst_off * self.least
        if u.variance:
            out = out - u.variance * self.variance
        if u.spread:
            out = out - u.spread * self.spread
        if u.distance and u.anchor is not None:
            far = abs(self.flat - u.anchor.ravel()).sum(axis=1)
            out = out - u.distance * far / self.space.ward.arrays.demand.sum()
        return out

    def distances(self, target: Array) -> Array:
        """Σ over demanded cells of ((x − target) / demand)² of every point, (M,)."""
        wanted = (self.space.ward.arrays.demand > 0).ravel()
        demand = self.space.ward.arrays.demand.ravel()[wanted]
        return np.asarray((((self.flat[:, wanted] - target.ravel()[wanted]) / demand) ** 2).sum(axis=1))

    def allowed(self, floors: Floors, rows: Rows) -> Indices:
        """Indices of the points that keep every floor and row. Raises Infeasible if none does."""
        keep = np.ones(len(self.points), dtype=bool)
        for u, level in floors:
            keep &= self.values(u) >= level - TIE * max(1.0, abs(level))
        for row, bound in rows:
            keep &= self.flat @ row.ravel() >= bound - TIE * max(1.0, abs(bound), float(abs(row).max()))
        if not keep.any():
            raise Infeasible(f"ward '{self.space.ward.name}': no whole allocation keeps every floor; lower one")
        return np.flatnonzero(keep)

    def best(self, goal: Goal, among: Indices, slack: float = TIE) -> Indices:
        """Those among the points whose goal value is within `slack` of the greatest, in order."""
        if isinstance(goal, Total):
            return _near(self.values(goal.objective), among, slack)
        if isinstance(goal, Nearest):
            return _near(-self.distances(goal.target), among, slack)
        if not goal.terms:
            return among
        columns = [(self.values(t[0]) - t[1]) / (t[2] if len(t) > 2 else 1.0) for t in goal.terms]
        terms = np.stack(columns, axis=1)
        if isinstance(goal, LogProduct) and (positive := among[(terms[among] > TIE).all(axis=1)]).size:
            logs = np.full(len(terms), -np.inf)
            logs[positive] = np.log(terms[positive]).sum(axis=1)
            return _near(logs, positive, slack)
        ranked = np.sort(terms, axis=1)
        for j in range(1 if isinstance(goal, Least) else ranked.shape[1]):
            among = _near(ranked[:, j], among, slack)
        return among


def _near(values: Array, among: Indices, slack: float) -> Indices:
    kept = values[among]
    return among[kept >= kept.max() - slack]


_TABLES: OrderedDict[bytes, Table | None] = OrderedDict()
_TABLE_CELLS = 8_000_000


def table(space: Space) -> Table | None:
    """The table of a space, kept for the next question; None where it is too large or a free cell is divisible."""
    if (space.free & ~space.whole).any():
        return None
    key = space.key
    if key not in _TABLES:
        points = enumerated(space)
        _TABLES[key] = None if points is None else Table(space, points)
        held = sum(t.points.size for t in _TABLES.values() if t is not None)
        while len(_TABLES) > 1 and (held > _TABLE_CELLS or len(_TABLES) > 512):
            _, old = _TABLES.popitem(last=False)
            held -= 0 if old is None else old.points.size
    _TABLES.move_to_end(key)
    return _TABLES[key]
