"""What is the best divisible allocation: a programme of `_programme` handed to Clarabel's interior-point method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios._programme import Affine, Matrix, Programme
from scenarios.ward import Array

TIGHT = 1e-9


@dataclass(frozen=True)
class Answer:
    """z, and a bound that no feasible z beats; None in `z` where the rows contradict one another."""

    z: Array | None
    bound: float


class _Stack:
    """Rows of A z + s = b, cone after cone, as triplets."""

    def __init__(self) -> None:
        self.row: list[Array] = []
        self.column: list[Array] = []
        self.weight: list[Array] = []
        self.right: list[Array] = []
        self.height = 0

    def put(self, matrix: Matrix) -> None:
        """Add the rows s = w(z), that is A = −F and b = f."""
        self.row.append(matrix.row + self.height)
        self.column.append(matrix.column)
        self.weight.append(-matrix.weight)
        self.right.append(matrix.constant)
        self.height += len(matrix.constant)

    def put_one(self, expression: Affine) -> None:
        """Add the row s = expression."""
        zero = np.zeros(len(expression.columns), dtype=np.intp)
        self.put(Matrix(zero, expression.columns, expression.weights, np.array([expression.constant])))


def bounds_of(programme: Programme) -> tuple[Array, Array]:
    """Lower and upper bounds of every variable."""
    return np.concatenate(programme.lower), np.concatenate(programme.upper)


def solve(programme: Programme) -> Answer:
    """Maximise the programme's goal with every variable continuous.

    Squares that only the goal reads become its quadratic part, which is more exact than a cone.
    """
    import clarabel
    from scipy import sparse

    stack, cones = _Stack(), []
    for matrix in programme.equal:
        stack.put(matrix)
    if stack.height:
        cones.append(clarabel.ZeroConeT(stack.height))
    start = stack.height
    for matrix in programme.at_least:
        stack.put(matrix)
    lower, upper = bounds_of(programme)
    for bound, sign in ((lower, 1.0), (upper, -1.0)):
        finite = np.flatnonzero(np.isfinite(bound))
        stack.put(Matrix(np.arange(len(finite)), finite, np.full(len(finite), sign), -sign * bound[finite]))
    cones.append(clarabel.NonnegativeConeT(stack.height - start))
    linear = np.zeros(programme.width)
    np.subtract.at(linear, programme.goal.columns, programme.goal.weights)
    quadratic, offset = _goal_squares(programme, linear, stack, cones)
    for ball in programme.balls:
        stack.put_one(Affine(np.zeros(0, dtype=np.intp), np.zeros(0), ball.radius))
        stack.put(ball.inside)
        cones.append(clarabel.SecondOrderConeT(1 + len(ball.inside.constant)))
    for log in programme.logs:
        stack.put_one(Affine(np.array([log.column]), np.ones(1)))
        stack.put_one(Affine(np.zeros(0, dtype=np.intp), np.zeros(0), 1.0))
        stack.put_one(log.inside)
        cones.append(clarabel.ExponentialConeT())
    triplets = (np.concatenate(stack.weight), (np.concatenate(stack.row), np.concatenate(stack.column)))
    rows = sparse.csc_matrix(triplets, shape=(stack.height, programme.width))
    answer = clarabel.DefaultSolver(
        sparse.triu(quadratic, format="csc"), linear, rows, np.concatenate(stack.right), cones, _settings()
    ).solve()
    status = str(answer.status)
    if "Infeasible" in status and "Primal" in status:
        return Answer(None, float("-inf"))
    z = np.asarray(answer.x)
    if not np.isfinite(z).all():
        return Answer(None, float("inf"))
    return Answer(z, programme.goal.constant - float(answer.obj_val_dual) - offset)


def _goal_squares(programme: Programme, linear: Array, stack: _Stack, cones: list[Any]) -> tuple[Any, float]:
    """Put each square in the goal's quadratic part, or as a second-order cone where a row reads it too."""
    import clarabel
    from scipy import sparse

    read = set(np.concatenate([m.column for m in (*programme.at_least, *programme.equal)] or [np.zeros(0)]).tolist())
    read |= {c for log in programme.logs for c in log.inside.columns.tolist()}
    quadratic = sparse.csc_matrix((programme.width, programme.width))
    offset = 0.0
    for square in programme.squares:
        inside, weight = square.inside, linear[square.column]
        if square.column in read:
            stack.put_one(Affine(np.array([square.column]), np.ones(1), 1.0))
            stack.put_one(Affine(np.array([square.column]), np.ones(1), -1.0))
            stack.put(Matrix(inside.row, inside.column, 2 * inside.weight, 2 * inside.constant))
            cones.append(clarabel.SecondOrderConeT(2 + len(inside.constant)))
            continue
        f = sparse.csc_matrix(
            (inside.weight, (inside.row, inside.column)), shape=(len(inside.constant), programme.width)
        )
        quadratic = quadratic + 2 * weight * (f.T @ f)
        linear += 2 * weight * (f.T @ inside.constant)
        offset += weight * float(inside.constant @ inside.constant)
        linear[square.column] = 0.0
    return quadratic, offset


def _settings() -> Any:
    import clarabel

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_feas = settings.tol_gap_abs = settings.tol_gap_rel = TIGHT
    settings.max_threads = 1
    return settings
