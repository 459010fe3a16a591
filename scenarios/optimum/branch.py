"""What is the best allocation where whole goods are too many to list: best-first branch and bound (Land & Doig 1960).

Each node is a box; its divisible relaxation bounds it, and rounding the relaxation proposes an allocation. The limit
is in nodes, not seconds, so that answers repeat; where it cuts in, the bound that is left tells the gap.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from scenarios.optimum.cone import Cone
from scenarios.optimum.programme import Columns, Programme
from scenarios.ward import Array

NODE_LIMIT = 300
"""The most divisible relaxations that are solved for one question."""

GAP = 1e-6

Round = Callable[[Array], tuple[Array, float] | None]
"""From a relaxed z to a feasible allocation near it and its value; None where there is none near."""

Found = tuple[Array | None, float, float]
"""(x, its value, a bound that nothing beats); x is None where nothing was found."""


def beats(bound: float, reached: float) -> bool:
    """Whether a bound promises more than rounding over what was reached (−inf: nothing yet)."""
    return bound > reached and (reached == float("-inf") or bound - reached > GAP * max(1.0, abs(reached)))


def branch(programme: Programme, integer: Columns, rounded: Round, nodes: int = NODE_LIMIT) -> Found:
    """Maximise the programme's goal with z[integer] whole; `rounded` must return exact values."""
    cone = Cone(programme)
    lower, upper = (side[integer] for side in programme.bounds())
    queue: list[tuple[float, int, Array, Array, Array]] = []
    best: Array | None = None
    reached, count, lost = float("-inf"), 0, float("-inf")

    def visit(low: Array, high: Array, above: float) -> None:
        nonlocal best, reached, count, lost
        count += 1
        answer = cone.within(integer, low, high)
        if answer.nothing or not beats(bound := min(above, answer.bound), reached):
            return
        z = answer.z
        if z is None:  # the solver gave up, so this node is split unseen
            z = np.zeros(programme.width)
            z[integer] = (low + high) / 2
        found = rounded(z)
        if found is not None and found[1] > reached:
            best, reached = found
        if np.any(low < high):
            heapq.heappush(queue, (-bound, count, low, high, z[integer]))
        elif answer.z is None and found is None:
            lost = max(lost, bound)

    visit(lower, upper, float("inf"))
    while queue and count < nodes and beats(-queue[0][0], reached):
        minus, _, low, high, z = heapq.heappop(queue)
        open_, middle = high > low, np.clip(z, low, high)
        fraction = np.where(open_, 0.5 - abs(middle - np.floor(middle) - 0.5), -1.0)
        at = int(np.argmax(fraction))
        cut = min(np.floor(middle[at]), high[at] - 1)
        left, right = high.copy(), low.copy()
        left[at], right[at] = cut, cut + 1
        visit(low, left, -minus)
        visit(right, high, -minus)
    return best, reached, max(reached, lost, -queue[0][0] if queue else float("-inf"))
