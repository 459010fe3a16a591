"""What is the best allocation where whole goods mix with divisible ones and the whole ones can be listed.

The value of the divisible rest is a concave function of the whole part, and each divisible solve yields a linear
bound on it everywhere (Geoffrion 1972). So: solve at the most promising whole part, tighten the bound of every
other by that tangent, and stop when no bound promises more than was found.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scenarios.optimum.branch import Found, beats
from scenarios.optimum.cone import Cone
from scenarios.optimum.goal import Optimum
from scenarios.optimum.programme import Columns, Matrix, Programme
from scenarios.optimum.whole import ENUMERATION_LIMIT, crossing
from scenarios.ward import Array

SOLVE_LIMIT = 1_000
"""The most divisible solves for one question; beyond it the gap that is left is reported."""


Value = Callable[[Array], float]
Alone = Callable[[Array], tuple[Optimum | None, bool]]
"""The best allocation with the whole goods of x, solved by itself, and whether that answer is sure."""


def by_list(programme: Programme, value: Value, alone: Alone) -> Found | None:
    """The best allocation over all whole parts; None where they are more than ENUMERATION_LIMIT."""
    if (listed := crossing(programme.space, ENUMERATION_LIMIT)) is None:
        return None
    relaxed = Cone(programme).solve()
    if relaxed.nothing:
        return None, float("-inf"), float("-inf")
    i, k = programme.cells[:, 0], programme.cells[:, 1]
    pins = np.flatnonzero(programme.space.whole[i, k])
    parts = listed.points(np.arange(listed.size))[:, i[pins], k[pins]]
    parts = parts[_keeps(programme, pins, parts)]
    if relaxed.z is not None:
        parts = parts[np.argsort(((parts - relaxed.z[pins]) ** 2).sum(axis=1), kind="stable")]
    return _search(programme, pins, parts, relaxed.bound, value, alone)


def _keeps(programme: Programme, pins: Columns, parts: Array) -> NDArray[np.bool_]:
    """Which whole parts keep the rows that read nothing else; those rows leave the programme."""
    keep, left = np.ones(len(parts), dtype=bool), list[Matrix]()
    place = np.full(programme.width, -1)
    place[pins] = np.arange(len(pins))
    for matrix in programme.at_least:
        if len(matrix.constant) == 1 and (place[matrix.column] >= 0).all():
            keep &= parts[:, place[matrix.column]] @ matrix.weight + matrix.constant[0] >= -1e-9
        else:
            left.append(matrix)
    programme.at_least = left
    return keep


def _search(
    programme: Programme, pins: Columns, parts: Array, ceiling: float, value: Value, alone: Alone
) -> Found:
    upper = np.full(len(parts), ceiling)
    cone = Cone(programme, pins)
    best: Array | None = None
    reached, unsolved = float("-inf"), float("-inf")
    z = np.zeros(programme.width)
    for _ in range(SOLVE_LIMIT if len(parts) else 0):
        at = int(np.argmax(upper))
        if not beats(promise := float(upper[at]), reached):
            break
        answer = cone.solve(parts[at])
        away = parts - parts[at]
        if answer.slope is not None:
            if answer.nothing:
                upper[1 + away @ answer.slope > 0.5] = -np.inf
            else:
                upper = np.minimum(upper, answer.bound + away @ answer.slope)
        upper[at] = -np.inf
        if answer.z is not None and answer.sure:
            x = programme.space.cleaned(programme.x(answer.z))
            worth = value(x)
        elif answer.nothing:
            continue
        else:  # held variables can leave a cone no interior: without them it may be solved
            z[pins] = parts[at]
            found, sure = alone(programme.x(z))
            if not sure:
                unsolved = max(unsolved, promise if found is None else found.value + found.gap)
            if found is None:
                continue
            x, worth = found.x, found.value
        if worth > reached:
            best, reached = x, worth
    return best, reached, max(reached, unsolved, float(upper.max(initial=float("-inf"))))
