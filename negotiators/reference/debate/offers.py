"""What does a reference seat put on the table: its best, or the trade-off nearest to the others' offers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from personas.persona import Persona, Values
from personas.utility import utility
from scenarios.lottery import chances
from scenarios.objective import Objective
from scenarios.optimum import Infeasible, Nearest, Total, closest, enumerate_whole, maximise
from scenarios.ward import TOLERANCE, Array, Ward

Rows = list[tuple[Array, float]]
"""(row, bound): <row, x> >= bound."""

TIE = 1e-7
"""Allocations within this of the best own utility count as tied; the one nearest to equal shares is taken."""


@dataclass(frozen=True)
class Stance:
    """What determines a seat's own best: the ward, its values and its side constraints. Hashable."""

    ward: Ward = field(compare=False)
    digest: str
    values: tuple[tuple[str, float], ...]
    keeps_holdings: bool = False
    first_come: bool = False
    wastes_nothing: bool = False
    ex_ante: bool = False

    @classmethod
    def of(cls, ward: Ward, values: Values, persona: Persona | None) -> Stance:
        """The stance of a persona in a ward; None has no side constraints."""
        digest = hashlib.sha256(ward.model_dump_json().encode()).hexdigest()
        stance = cls(ward, digest, tuple(sorted(values.items())))
        if persona is None:
            return stance
        sides = ("keeps_holdings", "first_come", "wastes_nothing", "ex_ante")
        return replace(stance, **{side: getattr(persona, side) for side in sides})


@dataclass(frozen=True)
class Problem:
    """A stance as a programme. With `ex_ante`, x is the chances (marginals) of whole goods, else units."""

    space: Ward  # every good divisible where the seat judges ex ante
    objective: Objective
    lower: Array  # (N, K), what its persona will not take away
    rows: Rows  # who came first, and that nothing lies idle
    best: Array  # (N, K), its own optimum
    most: float  # own utility of `best`
    by_lot: bool  # whether x has to be drawn before it is an allocation

    def value(self, x: Array) -> float:
        """Own utility of x."""
        return self.objective.value(self.space, x)

    def allows(self, x: Array) -> bool:
        """Whether x is feasible and keeps the persona's side constraints."""
        slack = 10 * TOLERANCE * max(1.0, float(self.space.arrays.capacity.max()))
        kept = (x >= self.lower - slack).all()
        ordered = all((row * x).sum() >= bound - slack for row, bound in self.rows)
        return bool(kept) and ordered and self.space.feasible(x)

    def trade_off(self, target: Array, aspiration: float) -> Array:
        """Of all x with own utility >= aspiration, the one nearest to the target in squared shares of demand.

        The trade-off mechanism of Faratin, Sierra & Jennings 2002: stay on one's own level of utility, be as
        like the other's last offer as that allows. Their fuzzy similarity is distance here (ours).
        """
        if aspiration >= self.most - TIE:
            return _best(self.space, self.objective, target, self.lower, self.rows)
        floors = [(self.objective, aspiration)]
        near = maximise(self.space, Nearest(target), lower=self.lower, rows=self.rows, floors=floors).x
        return self._best_of_ties(near, target, aspiration)

    def _best_of_ties(self, near: Array, target: Array, aspiration: float) -> Array:
        """Of the whole allocations as near to the target, the one of most own utility: ties are frequent there."""
        listed = enumerate_whole(self.space, self.lower)
        if listed is None:
            return near
        demand = np.where(self.space.arrays.demand > 0, self.space.arrays.demand, 1.0)
        distance = (((listed - target) / demand) ** 2).sum(axis=(1, 2))
        tied = listed[distance <= float((((near - target) / demand) ** 2).sum()) + 1e-9]
        worth = [self.value(x) if self.allows(x) else -np.inf for x in tied]
        best = int(np.argmax(worth)) if len(worth) else 0
        return tied[best] if len(worth) and worth[best] >= aspiration - TIE else near


@lru_cache(maxsize=1024)
def problem(stance: Stance) -> Problem:
    """The programme of a stance with its exact optimum, ties broken toward equal shares.

    Solved once for each stance, so that an exit solo at unmoved values is the solo itself.
    """
    space = chances(stance.ward) if stance.ex_ante else stance.ward
    objective = utility(space, dict(stance.values), anchor=equal_shares(space))
    a = stance.ward.arrays
    lower = a.holds if stance.keeps_holdings else np.zeros_like(a.demand)
    rows = first_come_rows(space, lower) if stance.first_come else []
    rows += full_use_rows(space) if stance.wastes_nothing else []
    best = _best(space, objective, equal_shares(space), lower, rows)
    best.setflags(write=False)
    by_lot = stance.ex_ante and bool(a.whole.any())
    return Problem(space, objective, lower, rows, best, objective.value(space, best), by_lot)


def _best(ward: Ward, objective: Objective, target: Array, lower: Array, rows: Rows) -> Array:
    """Of the allocations of most own utility, the nearest to the target; any of them where numbers fail."""
    try:
        return closest(ward, Total(objective), target, slack=TIE, lower=lower, rows=rows).x
    except Infeasible:  # next to an optimum there is hardly any interior left to search
        return maximise(ward, Total(objective), lower=lower, rows=rows).x


def equal_shares(ward: Ward) -> Array:
    """Every demand met to the same degree, resource by resource: x_ik = d_ik · min(1, C_k / Σ_j d_jk)."""
    a = ward.arrays
    total = a.demand.sum(axis=0)
    share = np.divide(a.capacity, total, out=np.ones_like(total), where=total > a.capacity)
    return np.asarray(a.demand * share[None, :], dtype=float)


def full_use_rows(ward: Ward) -> Rows:
    """Σ_i x_ik >= min(C_k, Σ_i d_ik): nobody goes without what lies idle.

    Served in order of arrival until a good runs out, an allocation keeps this and every other side constraint,
    so there always is one.
    """
    a = ward.arrays
    rows: Rows = []
    for k in range(len(a.capacity)):
        row = np.zeros_like(a.demand)
        row[a.demand[:, k] > 0, k] = 1.0
        rows.append((row, float(min(a.capacity[k], a.demand[:, k].sum()))))
    return [(row, bound) for row, bound in rows if bound > 0]


def first_come_rows(ward: Ward, held: Array) -> Rows:
    """x_ik / d_ik >= (x_jk − held_jk) / d_jk for every i who came before j, both demanding k.

    What a late patient already holds (of what may not be taken away) is not counted against an early one, or
    no allocation might exist. Patients of unknown arrival, and of the same arrival, are not ordered. Rows
    that follow from others are left out: past a predecessor who holds nothing, the chain goes on by itself.
    """
    a = ward.arrays
    rows: list[tuple[Array, float]] = []
    for k in range(len(a.capacity)):
        here = [int(i) for i in np.flatnonzero((a.demand[:, k] > 0) & np.isfinite(a.arrival))]
        times = sorted({float(a.arrival[i]) for i in here})
        for j in here:
            for time in reversed([t for t in times if t < a.arrival[j]]):
                together = [i for i in here if a.arrival[i] == time]
                for i in together:
                    row = np.zeros_like(a.demand)
                    row[i, k], row[j, k] = 1 / a.demand[i, k], -1 / a.demand[j, k]
                    rows.append((row, -float(held[j, k] / a.demand[j, k])))
                if any(held[i, k] == 0 for i in together):
                    break
    return rows
