"""What is the best allocation where whole goods are too many to list or mix with divisible ones: outer approximation.

A mixed-integer linear programme (HiGHS) over tangents of the squares and logarithms bounds the goal from above; its
whole goods, held fixed, leave a divisible programme that bounds it from below; repeat (Duran & Grossmann 1986).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from scenarios._cone import Answer, Cone
from scenarios._programme import Matrix, Programme
from scenarios.ward import Array

NODE_LIMIT = 20_000
"""Branch-and-bound nodes of one integer programme; a limit in nodes, not seconds, so that answers repeat."""

ROUND_LIMIT = 40
GAP = 1e-7


@dataclass
class Tangents:
    """Linear rows that every feasible z keeps, gathered at the points visited."""

    programme: Programme
    rows: list[Matrix] = field(default_factory=list)

    def touch(self, z: Array) -> None:
        """Add the tangent of every block at z, rounded: a tangent anywhere is valid, and tiny weights upset HiGHS."""
        for square in self.programme.squares:
            w = np.round(square.inside.at(z), 6)
            inside = square.inside
            self._put(inside, -2 * w, float(w @ w), square.column)
        for ball in self.programme.balls:
            w = np.round(ball.inside.at(z), 6)
            if (norm := float(np.linalg.norm(w))) > 1e-12:
                self._put(ball.inside, -w / norm, ball.radius, None)
        for log in self.programme.logs:
            v = max(round(log.inside.at(z), 6), 1e-6)
            inside_ = log.inside
            columns = np.append(inside_.columns, log.column)
            weights = np.append(inside_.weights / v, -1.0)
            constant = np.array([np.log(v) - 1 + inside_.constant / v])
            self.rows.append(Matrix(np.zeros(len(columns), dtype=np.intp), columns, weights, constant))

    def _put(self, inside: Matrix, slope: Array, constant: float, column: int | None) -> None:
        """Add slope·w(z) + constant + z[column] >= 0."""
        columns, weights = inside.column, slope[inside.row] * inside.weight
        if column is not None:
            columns, weights = np.append(columns, column), np.append(weights, 1.0)
        total = np.array([constant + float(slope @ inside.constant)])
        self.rows.append(Matrix(np.zeros(len(columns), dtype=np.intp), columns, weights, total))


def integer(programme: Programme, tangents: Tangents) -> Answer:
    """Maximise the goal over whole goods under the tangents; the bound holds also where the node limit cut in."""
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows, right, equal, height = [], [], [], 0
    for matrix, is_equal in [(m, True) for m in programme.equal] + [
        (m, False) for m in (*programme.at_least, *tangents.rows)
    ]:
        rows.append((matrix.row + height, matrix.column, matrix.weight))
        right.append(-matrix.constant)
        equal.append(np.full(len(matrix.constant), is_equal))
        height += len(matrix.constant)
    lower, upper = programme.bounds()
    whole = programme.space.whole[programme.cells[:, 0], programme.cells[:, 1]]
    integrality = np.zeros(programme.width)
    integrality[: len(whole)] = whole
    cost = np.zeros(programme.width)
    np.subtract.at(cost, programme.goal.columns, programme.goal.weights)
    constraints = []
    if height:
        row, column, weight = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        least = np.concatenate(right)
        most = np.where(np.concatenate(equal), least, np.inf)
        a = sparse.csc_matrix((weight, (row, column)), shape=(height, programme.width))
        constraints.append(LinearConstraint(a, least, most))
    answer = milp(
        cost,
        integrality=integrality,
        bounds=Bounds(lower, upper),
        constraints=constraints,
        options={"mip_rel_gap": GAP, "node_limit": NODE_LIMIT},
    )
    if answer.x is None:
        return Answer(None, float("-inf"))
    bound = answer.mip_dual_bound if answer.mip_dual_bound is not None else answer.fun
    return Answer(np.asarray(answer.x), programme.goal.constant - float(bound))


def outer(
    programme: Programme, polish: Callable[[Array], tuple[Array, float] | None]
) -> tuple[Array | None, float, float]:
    """(x, value, bound) of the best allocation found; x is None where there is none.

    `polish(x)` fixes the whole goods of x and returns the best allocation that has them with its value, or None.
    """
    tangents = Tangents(programme)
    relaxed = Cone(programme).solve()
    if relaxed.z is None and relaxed.bound == float("-inf"):
        return None, float("-inf"), float("-inf")
    curved = bool(programme.squares or programme.balls or programme.logs)
    tangents.touch(np.zeros(programme.width) if relaxed.z is None else relaxed.z)
    best: Array | None = None
    value, bound = float("-inf"), relaxed.bound
    for _ in range(ROUND_LIMIT):
        answer = integer(programme, tangents)
        if answer.z is None:
            return best, value, min(bound, value) if best is not None else float("-inf")
        bound = min(bound, answer.bound)
        x = programme.x(answer.z)
        if (polished := polish(x)) is not None and polished[1] > value:
            best, value = polished
        if not curved or bound - value <= GAP * max(1.0, abs(value)):
            break
        tangents.touch(answer.z)
        if polished is not None:
            tangents.touch(lifted(programme, polished[0], answer.z))
    return best, value, bound


def lifted(programme: Programme, x: Array, z: Array) -> Array:
    """z with its cells, h and mean h replaced by those of x: a point at which tangents touch."""
    i, k = programme.cells[:, 0], programme.cells[:, 1]
    out = z.copy()
    out[: len(i)] = x[i, k] / programme.unit
    for matrix in programme.equal:
        residual = matrix.at(out)
        last = np.flatnonzero(matrix.weight < 0)
        out[matrix.column[last]] += residual[matrix.row[last]] / -matrix.weight[last]
    return out
