"""What is the best that a ward allows: exact optima of concave objectives over its feasible allocations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from scenarios import _balance
from scenarios._cone import Cone
from scenarios._direct import greedy, nearest
from scenarios._goal import (
    Floors,
    Goal,
    Infeasible,
    Least,
    Leximin,
    LogProduct,
    Nearest,
    Optimum,
    Rows,
    Total,
    scaled_terms,
    worth,
)
from scenarios._listed import by_list
from scenarios._outer import outer
from scenarios._programme import NOTHING, Affine, Programme
from scenarios._space import Space, need_gradient
from scenarios._whole import ENUMERATION_LIMIT, enumerated, table
from scenarios.measures import MEASURES, mean_absolute_difference
from scenarios.objective import Objective
from scenarios.ward import Array, Ward

__all__ = [
    "ENUMERATION_LIMIT",
    "Infeasible",
    "Least",
    "Leximin",
    "LogProduct",
    "Nearest",
    "Optimum",
    "Total",
    "balanced_floor",
    "balanced_optimum",
    "bounds",
    "closest",
    "enumerate_whole",
    "group_maximum",
    "leximin",
    "maximise",
    "normalised_measures",
    "pareto_efficient",
    "project",
]

SLACKS = (1e-9, 1e-8, 1e-7, 1e-6)
"""How far a floor may be missed, tried in turn: an optimum just computed, taken as a floor, leaves no interior."""

Demand = Callable[[Programme, float], None]
"""Adds rows to a programme, given the slack."""


def maximise(
    ward: Ward,
    goal: Goal,
    *,
    lower: Array | None = None,
    upper: Array | None = None,
    floors: Floors = (),
    rows: Rows = (),
    ex_ante: bool = False,
) -> Optimum:
    """The feasible x in the box [lower, upper] that is best by `goal`, with u >= level and <row, x> >= bound."""
    space = Space.of(ward, lower, upper, ex_ante)
    return _maximise(space, goal, floors, rows)


def _maximise(space: Space, goal: Goal, floors: Floors, rows: Rows) -> Optimum:
    ward = space.ward
    if not floors and not rows and (x := _direct(space, goal)) is not None:
        x = space.cleaned(x)
        return Optimum(x, worth(ward, goal, x), 0.0, "direct")
    if (listed := table(space)) is not None:
        among = listed.best(goal, listed.allowed(floors, rows))
        x = listed.point(int(among[0]))
        return Optimum(x, worth(ward, goal, x), 0.0, "enumeration")
    if isinstance(goal, Leximin):
        return _ordered(space, goal, floors, rows)
    if isinstance(goal, LogProduct):
        gains = _maximise(space, Least(tuple((u, o, 1.0) for u, o in goal.terms)), floors, rows)
        if goal.terms and gains.value <= 1e-9:
            flat = _ordered(space, Leximin(tuple((u, o, 1.0) for u, o in goal.terms)), floors, rows)
            return replace(flat, value=float("-inf"))
    return _settle(space, lambda p: p.hypograph(goal), lambda x: worth(ward, goal, x), _demand(floors, rows))


def _direct(space: Space, goal: Goal) -> Array | None:
    if not space.free.any():
        return space.lower.copy()
    if isinstance(goal, Nearest):
        return nearest(space, goal.target)
    if isinstance(goal, Total):
        u = goal.objective
        if not (u.worst_off or u.variance or u.spread or u.distance):
            return greedy(space, u.linear)
    return None


def _demand(floors: Floors, rows: Rows) -> Demand:
    def add(programme: Programme, slack: float) -> None:
        for u, level in floors:
            programme.require(u, level, slack * max(1.0, abs(level)))
        for row, bound in rows:
            programme.keep(_shifted(programme.linear(row), slack * max(1.0, abs(bound), float(abs(row).max())) - bound))

    return add


def _shifted(expression: Affine, by: float) -> Affine:
    return replace(expression, constant=expression.constant + by)


def _settle(
    space: Space, hypograph: Callable[[Programme], Affine], value: Callable[[Array], float], demand: Demand
) -> Optimum:
    """Maximise by cone or outer approximation, with the least slack at which a solution is found."""
    for slack in SLACKS:
        programme = Programme(space)
        programme.goal = hypograph(programme)
        demand(programme, slack)
        if (space.free & space.whole).any():
            found = _mixed(programme, hypograph, value, demand, slack)
        else:
            found = _divisible(programme, value)
        if found is not None:
            return found
    raise Infeasible(f"ward '{space.ward.name}': no allocation keeps the box, every floor and every row; lower one")


def _divisible(programme: Programme, value: Callable[[Array], float]) -> Optimum | None:
    answer = Cone(programme).solve()
    if answer.z is None:
        return None
    x = programme.space.cleaned(programme.x(answer.z))
    worth_of_x = value(x)
    return Optimum(x, worth_of_x, max(0.0, answer.bound - worth_of_x), "cone")


def _mixed(
    programme: Programme,
    hypograph: Callable[[Programme], Affine],
    value: Callable[[Array], float],
    demand: Demand,
    slack: float,
) -> Optimum | None:
    if (listed := by_list(programme, value)) is not None:
        x, best, bound = listed
        return None if x is None else Optimum(x, best, max(0.0, bound - best), "listed")
    space = programme.space

    def polish(x: Array) -> tuple[Array, float] | None:
        pinned = space.pinned(x)
        inner = Programme(pinned)
        if not inner.width:
            x = space.cleaned(x)
            return x, value(x)
        inner.goal = hypograph(inner)
        demand(inner, slack)
        found = _divisible(inner, value)
        return None if found is None else (found.x, found.value)

    found_x, best, bound = outer(programme, polish)
    return None if found_x is None else Optimum(found_x, best, max(0.0, bound - best), "outer approximation")


def _ordered(space: Space, goal: Leximin, floors: Floors, rows: Rows) -> Optimum:
    """Leximin by ordered sums: greatest least term, then greatest sum of the two least, and so on."""
    ward, reached = space.ward, list[float]()
    base = _demand(floors, rows)

    def demand(programme: Programme, slack: float) -> None:
        base(programme, slack)
        for j, total in enumerate(reached, start=1):
            programme.keep(_shifted(programme.least_sum(goal, j), slack - total))

    least: Optimum | None = None
    for count in range(1, len(goal.terms) + 1):

        def total(x: Array, count: int = count) -> float:
            return float(np.sort(scaled_terms(ward, goal, x))[:count].sum())

        def hypograph(p: Programme, count: int = count) -> Affine:
            return p.least_sum(goal, count)

        found = _settle(space, hypograph, total, demand)
        reached.append(found.value)
        least = found if least is None else replace(found, gap=least.gap)
    if least is None:
        return _settle(space, lambda p: NOTHING, lambda x: 0.0, base)
    return replace(least, value=worth(ward, goal, least.x))


def leximin(
    ward: Ward,
    terms: tuple[tuple[Objective, float, float], ...],
    *,
    lower: Array | None = None,
    upper: Array | None = None,
    floors: Floors = (),
    rows: Rows = (),
    ex_ante: bool = False,
) -> Optimum:
    """The lexicographic completion of `Least`: greatest least term, then the next least, and so on."""
    return maximise(
        ward, Leximin(terms), lower=lower, upper=upper, floors=floors, rows=rows, ex_ante=ex_ante
    )


def closest(
    ward: Ward,
    goal: Goal,
    target: Array,
    *,
    slack: float = 1e-7,
    rng: np.random.Generator | None = None,
    lower: Array | None = None,
    upper: Array | None = None,
    floors: Floors = (),
    rows: Rows = (),
    ex_ante: bool = False,
) -> Optimum:
    """Among the allocations within `slack` of the best by `goal`, the one nearest to `target`."""
    space = Space.of(ward, lower, upper, ex_ante)
    target = np.nan_to_num(target, nan=0.0, posinf=0.0, neginf=0.0)
    if (listed := table(space)) is not None:
        among = listed.best(goal, listed.allowed(floors, rows), slack)
        among = listed.best(Nearest(target), among)
        pick = among[0] if rng is None else among[int(rng.integers(len(among)))]
        x = listed.point(int(pick))
        return Optimum(x, worth(ward, goal, x), 0.0, "enumeration")
    best = _maximise(space, goal, floors, rows)
    base, near = _demand(floors, rows), _as_good(space, goal, best, slack)

    def demand(programme: Programme, room: float) -> None:
        base(programme, room)
        near(programme, room)

    found = _settle(space, lambda p: p.hypograph(Nearest(target)), lambda x: worth(ward, Nearest(target), x), demand)
    value = worth(ward, goal, found.x)
    return Optimum(found.x, value, max(0.0, best.value + best.gap - value), best.method)


def _as_good(space: Space, goal: Goal, best: Optimum, slack: float) -> Demand:
    """Rows that keep an allocation within `slack` of the best."""
    ward = space.ward

    def add(programme: Programme, room: float) -> None:
        by = max(slack, room)
        if isinstance(goal, Total):
            programme.require(goal.objective, best.value, by)
        elif isinstance(goal, Nearest):
            programme.keep(_shifted(programme.hypograph(goal), by - best.value))
        else:
            for term, value in zip(goal.terms, scaled_terms(ward, goal, best.x), strict=True):
                level = best.value if isinstance(goal, Least) else float(value)
                scale = term[2] if len(term) > 2 else 1.0
                programme.require(term[0], term[1] + scale * level, by * scale)

    return add


def project(ward: Ward, x: Array) -> Array:
    """The feasible allocation nearest to any array, nan and inf read as 0; squared distance in shares of demand."""
    return maximise(ward, Nearest(np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0))).x


def enumerate_whole(
    ward: Ward, lower: Array | None = None, upper: Array | None = None, most: int = ENUMERATION_LIMIT
) -> Array | None:
    """All feasible whole allocations in the box, (M, N, K); None if more than `most` or a free cell is divisible."""
    return enumerated(Space.of(ward, lower, upper), most)


def group_maximum(ward: Ward, member: Array) -> float:
    """max over feasible x of Σ_i member_i h_i, member >= 0 of shape (N,)."""
    linear = member[:, None] * need_gradient(ward.arrays.demand)
    return maximise(ward, Total(Objective(linear))).value


def bounds(ward: Ward) -> dict[str, float]:
    """f_max over the feasible allocations for survival, worst_off, disadvantage_weighted_survival,
    vulnerability_weighted_care, and the greatest MAD under `equality`; evenness has no entry."""
    a = ward.arrays
    key = b"|".join(p.tobytes() for p in (a.demand, a.capacity, a.whole, a.benefit, a.prioritarian, a.care))
    if key not in _BOUNDS:
        if len(_BOUNDS) >= 4096:
            _BOUNDS.clear()
        _BOUNDS[key] = _bounds(ward)
    return dict(_BOUNDS[key])


_BOUNDS: dict[bytes, dict[str, float]] = {}


def _bounds(ward: Ward) -> dict[str, float]:
    a = ward.arrays
    zero = np.zeros_like(a.demand)
    n = int(a.counted.sum())
    if not n:
        return {name: 0.0 for name in MEASURES if name != "evenness"}
    listed = table(Space.of(ward))
    spread = 2 * (n // 2) * ((n + 1) // 2) / n**2 if listed is None else float(listed.feature("spread").max())
    return {
        "survival": group_maximum(ward, a.benefit),
        "worst_off": maximise(ward, Total(Objective(zero, worst_off=1.0))).value,
        "disadvantage_weighted_survival": group_maximum(ward, a.prioritarian * a.benefit),
        "vulnerability_weighted_care": group_maximum(ward, a.care),
        "equality": spread,
    }


def normalised_measures(ward: Ward, x: Array) -> dict[str, float | None]:
    """The six normalised g of x, each in [0, 1], higher is better, keyed as MEASURES; None where undefined.

    f / f_max for the four with a maximum over the feasible allocations, 1 − 4·VAR, 1 − Gini·N/(N−1).
    """
    return _balance.normalised_measures(ward, x, bounds(ward))


def balanced_floor(ward: Ward, x: Array, names: Sequence[str]) -> float:
    """β(x) = min_j g_j(x) over the named measures that the ward defines, in [0, 1]; nan where it defines none."""
    return _balance.floor_of(ward, x, names, bounds(ward))


def balanced_optimum(ward: Ward, names: Sequence[str]) -> Optimum:
    """β_opt = max over feasible x of min_j g_j(x), over the named measures that the ward defines.

    Raises ParleyError where the ward defines none of them.
    """
    return _balance.balanced(ward, names, bounds(ward), lambda goal, floors: maximise(ward, goal, floors=floors))


def pareto_efficient(ward: Ward, x: Array, names: Sequence[str], tolerance: float = 1e-6) -> bool:
    """Whether no feasible x' has g_j(x') >= g_j(x) for every named measure and gains more than `tolerance` in sum."""
    return _balance.efficient(
        ward, x, names, tolerance, bounds(ward), lambda goal, floors: maximise(ward, goal, floors=floors)
    )
