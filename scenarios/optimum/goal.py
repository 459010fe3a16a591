"""What may be asked of a ward: goals to maximise, and the answer, an optimum with a proven gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scenarios.errors import ParleyError
from scenarios.objective import Objective
from scenarios.ward import Array, Ward

Floors = Sequence[tuple[Objective, float]]
"""(u, level): u(x) >= level."""

Rows = Sequence[tuple[Array, float]]
"""(row, bound): <row, x> >= bound, row of shape (N, K)."""


class Infeasible(ParleyError):
    """No allocation of the ward keeps the box, the floors and the rows."""


@dataclass(frozen=True)
class Total:
    """Maximise u(x)."""

    objective: Objective


@dataclass(frozen=True)
class Least:
    """Maximise min_s (u_s(x) − offset_s) / scale_s, scale_s > 0 (Kalai–Smorodinsky 1975; Rawls 1971)."""

    terms: tuple[tuple[Objective, float, float], ...]


@dataclass(frozen=True)
class Leximin:
    """Maximise the least (u_s − offset_s) / scale_s, then the next least, and so on (Sen 1970)."""

    terms: tuple[tuple[Objective, float, float], ...]


LEAST_GAIN = 1e-6
"""A smaller gain counts as none in Nash's product, so that rounding makes no gain of nothing."""


@dataclass(frozen=True)
class LogProduct:
    """Maximise Σ_s log(u_s(x) − offset_s) (Nash 1950) over the x where every gain is at least 1e-6.

    Where there is no such x the value is −inf, and x is the leximin of the gains.
    """

    terms: tuple[tuple[Objective, float], ...]


@dataclass(frozen=True)
class Nearest:
    """Minimise Σ over demanded cells of ((x − target) / demand)²; its value is minus that sum."""

    target: Array


Goal = Total | Least | Leximin | LogProduct | Nearest


@dataclass(frozen=True)
class Optimum:
    """A best allocation: x feasible as it stands, the goal's value at x, and how far from best it can be.

    `gap` >= 0 bounds (true maximum − value); 0.0 where exact. `method` names the algorithm.
    For `Leximin` the value is the least term and the gap is on that term.
    """

    x: Array  # (N, K)
    value: float
    gap: float
    method: str


def terms_of(goal: Least | Leximin | LogProduct) -> tuple[tuple[Objective, float, float], ...]:
    """(u_s, offset_s, scale_s) of each term; scale 1 for LogProduct."""
    if isinstance(goal, LogProduct):
        return tuple((u, offset, 1.0) for u, offset in goal.terms)
    return goal.terms


def scaled_terms(ward: Ward, goal: Least | Leximin | LogProduct, x: Array) -> Array:
    """(u_s(x) − offset_s) / scale_s for each term of the goal, shape (S,)."""
    return np.array([(u.value(ward, x) - offset) / scale for u, offset, scale in terms_of(goal)])


def worth(ward: Ward, goal: Goal, x: Array) -> float:
    """The goal's value at x, higher is better; a goal without terms is worth 0 everywhere."""
    if isinstance(goal, Total):
        return float(goal.objective.value(ward, x))
    if isinstance(goal, Nearest):
        return -squared_distance(ward, x, goal.target)
    values = scaled_terms(ward, goal, x)
    if not len(values):
        return 0.0
    if isinstance(goal, LogProduct):
        return float(np.log(values).sum()) if (values > 0).all() else float("-inf")
    return float(values.min())


def squared_distance(ward: Ward, x: Array, target: Array) -> float:
    """Σ over demanded cells of ((x − target) / demand)², in shares, >= 0."""
    demand = ward.arrays.demand
    wanted = demand > 0
    return float((((x - target)[wanted] / demand[wanted]) ** 2).sum())
