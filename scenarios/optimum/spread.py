"""How unequal can a ward be: the greatest mean absolute difference of need satisfaction.

MAD(h) = (2/N²) Σ_r (N + 1 − 2r) h_(r), r = 1 the greatest h. It is convex, so its maximum is a matter of who takes
which rank: the lower half gets nothing, and each of the upper ranks goes to one patient.
"""

from __future__ import annotations

import numpy as np

from scenarios.measures import counted_need_satisfaction, mean_absolute_difference
from scenarios.optimum.branch import branch
from scenarios.optimum.cone import Cone
from scenarios.optimum.direct import greedy
from scenarios.optimum.programme import Affine, Columns, Matrix, Programme
from scenarios.optimum.space import Space, need_gradient
from scenarios.optimum.whole import table
from scenarios.ward import Array, Ward

EXACT_PATIENTS, RELAXED_PATIENTS = 16, 40
NODE_LIMIT = 200


def greatest_spread(ward: Ward) -> float:
    """max over feasible x of MAD(h), in [0, 1/2].

    Exact where the allocations can be listed, where a quick allocation meets the bound of `ceiling`, and by branch
    and bound up to 16 patients unless its node limit cuts in. Otherwise an upper bound: what branch and bound left,
    up to 40 patients its relaxation, beyond that `ceiling`.
    """
    space, n = Space.of(ward), int(ward.arrays.counted.sum())
    if n < 2:
        return 0.0
    if (listed := table(space)) is not None:
        return float(listed.feature("spread").max())
    most = ceiling(ward)
    start = climbed(space, np.argsort(ward.arrays.demand[ward.arrays.counted].sum(axis=1), kind="stable"))[1]
    if start >= most - 1e-12 or n > RELAXED_PATIENTS:
        return most
    programme, ranks = _assignment(space)
    if n > EXACT_PATIENTS:
        return min(most, Cone(programme).solve().bound)
    i, k = programme.cells[:, 0], programme.cells[:, 1]
    whole = np.flatnonzero(space.whole[i, k])

    def rounded(z: Array) -> tuple[Array, float]:
        shares = z[ranks]
        order = np.lexsort((shares @ np.arange(shares.shape[1]), -shares.sum(axis=1)))
        return climbed(space, order)

    _, reached, bound = branch(programme, np.concatenate([ranks.ravel(), whole]), rounded, NODE_LIMIT)
    return min(most, reached if bound - reached <= 1e-6 else bound)


def ceiling(ward: Ward) -> float:
    """A quick upper bound: MAD <= (2/N²)·Φ(Σh), Φ the interpolation of c(N − c) over whole c (Jensen over levels)."""
    n = int(ward.arrays.counted.sum())
    h = counted_need_satisfaction(ward, greedy(Space.of(ward), need_gradient(ward.arrays.demand)))
    total = min(float(h.sum()), float(n // 2))
    below = np.floor(total)
    return float(2 / n**2 * (below * (n - below) + (total - below) * (n - 2 * below - 1)))


def climbed(space: Space, order: Columns) -> tuple[Array, float]:
    """An allocation no order of ranks improves at once, from patients in a first order of preference; and its MAD."""
    ward = space.ward
    counted, share = np.flatnonzero(ward.arrays.counted), need_gradient(ward.arrays.demand)
    n = len(counted)
    best, reached = space.lower, -1.0
    while True:
        weights = np.zeros(len(share))
        weights[counted[order]] = n - 1.0 - 2 * np.arange(n)
        x = greedy(space, weights[:, None] * share)
        h = counted_need_satisfaction(ward, x)
        spread = mean_absolute_difference(h)
        if spread <= reached + 1e-12:
            return best, reached
        best, reached, order = x, spread, np.argsort(-h, kind="stable")


def _assignment(space: Space) -> tuple[Programme, Columns]:
    """The programme of ranks, and the columns that say which patient (row) takes which upper rank (column).

    y_cr, the units of cell c that count at rank r, is at most what c gets and nothing unless c's patient has rank r.
    """
    programme, ward = Programme(space), space.ward
    counted = np.flatnonzero(ward.arrays.counted)
    n, upper = len(counted), len(counted) // 2
    ranks = programme.add(np.zeros(n * upper), np.ones(n * upper)).reshape(n, upper)
    for line in (*ranks, *ranks.T):
        programme.keep(Affine(line, -np.ones(len(line)), 1.0))
    i, k = programme.cells[:, 0], programme.cells[:, 1]
    cells, most = len(i), programme.upper[0]
    y = programme.add(np.zeros(cells * upper), np.full(cells * upper, np.inf)).reshape(cells, upper)
    rows, ones = np.arange(cells * upper), np.ones(cells * upper)
    owner = ranks[np.searchsorted(counted, i)]
    programme.at_least.append(
        Matrix(
            np.concatenate([rows, rows]),
            np.concatenate([owner.ravel(), y.ravel()]),
            np.concatenate([np.repeat(most, upper), -ones]),
            np.zeros(cells * upper),
        )
    )
    for cell in range(cells):
        programme.keep(Affine(np.append(y[cell], cell), np.append(-np.ones(upper), 1.0)))
    worth = need_gradient(ward.arrays.demand)[i, k] * programme.unit
    weight = 2 / n**2 * worth[:, None] * (n - 1.0 - 2 * np.arange(upper))
    programme.goal = Affine(y.ravel(), weight.ravel())
    return programme, ranks
