"""What can be found without a solver: the best of a linear objective and the nearest allocation, both exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenarios.optimum.space import Space
from scenarios.ward import Array


def greedy(space: Space, weights: Array) -> Array:
    """argmax <weights, x>: each resource goes where a unit is worth most (Dantzig 1957).

    Exact for divisible and whole goods alike, since bounds and capacities are then whole. Equal worth shares
    divisible goods in proportion to the room left, whole ones in the order of patients; what is worth nothing stays.
    """
    x = space.lower.copy()
    room = space.capacity - x.sum(axis=0)
    for k in range(x.shape[1]):
        span = space.upper[:, k] - x[:, k]
        for worth in np.unique(weights[span > 0, k])[::-1]:
            if worth <= 0 or room[k] <= 0:
                break
            mine = np.flatnonzero((weights[:, k] == worth) & (span > 0))
            if space.whole[mine, k].any():
                given = np.clip(
                    np.floor(room[k] + 1e-9) - (np.cumsum(span[mine]) - span[mine]), 0.0, span[mine]
                )
            else:
                given = span[mine] * min(1.0, room[k] / span[mine].sum())
            x[mine, k] += given
            room[k] -= given.sum()
    return x


def nearest(space: Space, target: Array) -> Array:
    """argmin Σ ((x − target) / demand)² over the space, resource by resource.

    Divisible: x = clip(target − λ·demand², box), with λ >= 0 found between breakpoints (a continuous quadratic
    knapsack, Brucker 1984). Whole: units are taken back where that costs least, exact since costs are convex and
    separable (Gross 1956).
    """
    x = np.clip(target, space.lower, space.upper)
    for k in range(x.shape[1]):
        free = space.free[:, k]
        if not free.any():
            continue
        if space.whole[free, k].all():
            x[:, k] = _nearest_whole(space, target[:, k], k)
        elif x[:, k].sum() > space.capacity[k]:
            x[free, k] = _knapsack(space, target[:, k], k, free)
    return x


def _knapsack(space: Space, target: Array, k: int, free: NDArray[np.bool_]) -> Array:
    lower, upper, aim = space.lower[free, k], space.upper[free, k], target[free]
    squared = space.ward.arrays.demand[free, k] ** 2
    room = space.capacity[k] - space.lower[~free, k].sum()
    breaks = np.unique(np.maximum(0.0, np.concatenate([(aim - upper) / squared, (aim - lower) / squared])))
    sums = np.clip(aim - breaks[:, None] * squared, lower, upper).sum(axis=1)  # falls as λ grows
    right = int(np.argmax(sums <= room)) if (sums <= room).any() else len(breaks) - 1
    left = max(right - 1, 0)
    drop = sums[left] - sums[right]
    part = 0.0 if drop <= 0 else (sums[left] - room) / drop
    price = breaks[left] + min(1.0, max(0.0, part)) * (breaks[right] - breaks[left])
    return np.asarray(np.clip(aim - price * squared, lower, upper))


def _nearest_whole(space: Space, target: Array, k: int) -> Array:
    lower, upper = space.lower[:, k], space.upper[:, k]
    demand = np.maximum(space.ward.arrays.demand[:, k], 1e-12)
    x = np.clip(np.ceil(target - 0.5), lower, upper)
    over = round(float(x.sum() - np.floor(space.capacity[k] + 1e-9)))
    if over > (n := len(x)) * (
        n + 1
    ):  # rounding moves at most n units in all, so none ends further up than this
        free = upper > lower
        x[free] = np.minimum(x[free], np.ceil(_knapsack(space, target, k, free)) + n)
        over = round(float(x.sum() - np.floor(space.capacity[k] + 1e-9)))
    for _ in range(over):
        cost = np.where(x > lower, (2 * (target - x) + 1) / demand**2, np.inf)  # of one unit less
        x[int(np.argmin(cost))] -= 1
    return np.asarray(x)
