"""What is the best divisible allocation: a programme of `_programme` handed to Clarabel's interior-point method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios.optimum.programme import NOTHING, Affine, Columns, Matrix, Programme
from scenarios.ward import Array

TIGHT = 1e-9
"""Clarabel's tolerance on feasibility and gap."""

COARSE = 1e-8
"""Its tolerance where that was not met."""

LOOSE = 5e-5
"""Its reduced tolerance, for answers that it calls almost solved."""

PROOF = 1e4
"""How many times its error a proof of infeasibility must exceed; no variable here is that large."""


@dataclass(frozen=True)
class Answer:
    """What a solver says of a programme.

    `z` is None where nothing was found: with `bound` −inf nothing exists, else the solver gave up. `bound` is beaten
    by no feasible z. With pins at p, `bound + slope · (q − p)` holds for pins at q; where nothing exists, `slope`
    gives the certificate instead: nothing exists either wherever 1 + slope · (q − p) > 0.
    """

    z: Array | None
    bound: float
    slope: Array | None = None
    sure: bool = True  # False where the solver gave up or met only its reduced tolerances

    @property
    def nothing(self) -> bool:
        """Whether it is certain that nothing exists."""
        return self.z is None and self.bound == float("-inf")


class _Stack:
    """Rows of A z + s = b, cone after cone, as triplets."""

    def __init__(self) -> None:
        self.row: list[Columns] = []
        self.column: list[Columns] = []
        self.weight: list[Array] = []
        self.right: list[Array] = []
        self.cones: list[Any] = []
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
        self.put(Matrix.of(expression))

    def matrix(self, width: int) -> Any:
        """A, as scipy's csc matrix."""
        from scipy import sparse

        place = (np.concatenate(self.row), np.concatenate(self.column))
        return sparse.csc_matrix((np.concatenate(self.weight), place), shape=(self.height, width))


class Cone:
    """A programme with every variable continuous, some of them (`pins`) held at values that each solve may change."""

    def __init__(self, programme: Programme, pins: Columns | None = None) -> None:
        import clarabel
        from scipy import sparse

        self.programme = programme
        self.pins = NOTHING.columns if pins is None else pins
        self.linear = np.zeros(programme.width)
        np.subtract.at(self.linear, programme.goal.columns, programme.goal.weights)
        stack = _Stack()
        count = len(self.pins)
        stack.put(Matrix(np.arange(count), self.pins, -np.ones(count), np.zeros(count)))
        for matrix in programme.equal:
            stack.put(matrix)
        if stack.height:
            stack.cones.append(clarabel.ZeroConeT(stack.height))
        self._put_inequalities(stack)
        quadratic = self._put_squares(stack)
        for ball in programme.balls:
            stack.put_one(Affine(NOTHING.columns, NOTHING.weights, ball.radius))
            stack.put(ball.inside)
            stack.cones.append(clarabel.SecondOrderConeT(1 + len(ball.inside.constant)))
        for log in programme.logs:
            stack.put_one(Affine(np.array([log.column]), np.ones(1)))
            stack.put_one(Affine(NOTHING.columns, NOTHING.weights, 1.0))
            stack.put_one(log.inside)
            stack.cones.append(clarabel.ExponentialConeT())
        self.right = np.concatenate(stack.right)
        self.quadratic, self.cones = sparse.triu(quadratic, format="csc"), stack.cones
        self.rows = stack.matrix(programme.width)
        self.solver = self._solver(TIGHT)

    def solve(self, pinned: Array | None = None) -> Answer:
        """Maximise the programme's goal with the pins at `pinned`."""
        if pinned is not None:
            self.right[: len(self.pins)] = pinned
            self.solver.update(b=self.right)
        return self._answer()

    def within(self, columns: Columns, lower: Array, upper: Array) -> Answer:
        """Maximise with other finite bounds on some variables, which must have had finite bounds before."""
        for rows, bound, sign in zip(self.bound_rows, (lower, upper), (-1.0, 1.0), strict=True):
            self.right[rows[columns]] = sign * bound
        self.solver.update(b=self.right)
        return self._answer()

    def _solver(self, tolerance: float) -> Any:
        import clarabel

        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.presolve_enable = False  # it would drop rows, and with them the right to change b
        settings.tol_feas = settings.tol_gap_abs = settings.tol_gap_rel = tolerance
        settings.max_threads = 1
        return clarabel.DefaultSolver(
            self.quadratic, self.linear, self.rows, self.right, self.cones, settings
        )

    def _answer(self) -> Answer:
        first = self._read(self.solver.solve())
        if first.sure:
            return first
        second = self._read(self._solver(COARSE).solve())
        return second if second.sure or first.z is None else first

    def _read(self, answer: Any) -> Answer:
        status, prices = str(answer.status), np.asarray(answer.z)
        slope = prices[: len(self.pins)]
        if "PrimalInfeasible" in status:
            # Of any z it holds that b·prices >= z·Aᵀprices: a proof while b·prices is far below 0, for other b too.
            proof, error = float(self.right @ prices), float(abs(self.rows.T @ prices).sum())
            if status == "PrimalInfeasible" or proof < -PROOF * error:
                return Answer(None, float("-inf"), slope / proof if proof < 0 else None)
            return Answer(None, float("inf"), sure=False)
        z = np.asarray(answer.x)
        if status not in ("Solved", "AlmostSolved") or not np.isfinite(z).all():
            return Answer(None, float("inf"), sure=False)
        bound = self.programme.goal.constant - float(answer.obj_val_dual) - self.offset
        loose = 0.0 if status == "Solved" else LOOSE * max(1.0, abs(bound))
        return Answer(z, bound + loose, slope, sure=not loose)

    def _put_inequalities(self, stack: _Stack) -> None:
        import clarabel

        programme, start = self.programme, stack.height
        self.bound_rows: list[Columns] = []
        for matrix in programme.at_least:
            stack.put(matrix)
        for bound, sign in zip(programme.bounds(), (1.0, -1.0), strict=True):
            bound[self.pins] = np.inf  # a bound on what is held anyway would leave no interior
            finite = np.flatnonzero(np.isfinite(bound))
            rows = np.full(programme.width, -1)
            rows[finite] = stack.height + np.arange(len(finite))
            self.bound_rows.append(rows)
            stack.put(
                Matrix(np.arange(len(finite)), finite, np.full(len(finite), sign), -sign * bound[finite])
            )
        if stack.height > start:
            stack.cones.append(clarabel.NonnegativeConeT(stack.height - start))

    def _put_squares(self, stack: _Stack) -> Any:
        """Squares that only the goal reads are its quadratic part, which is more exact; the rest are cones."""
        import clarabel
        from scipy import sparse

        programme = self.programme
        rows = [matrix.column for matrix in (*programme.at_least, *programme.equal)]
        rows += [log.inside.columns for log in programme.logs]
        read = set(np.concatenate([*rows, NOTHING.columns]).tolist())
        quadratic = sparse.csc_matrix((programme.width, programme.width))
        self.offset = 0.0
        for square in programme.squares:
            inside, weight = square.inside, self.linear[square.column]
            if square.column in read:
                stack.put_one(Affine(np.array([square.column]), np.ones(1), 1.0))
                stack.put_one(Affine(np.array([square.column]), np.ones(1), -1.0))
                stack.put(Matrix(inside.row, inside.column, 2 * inside.weight, 2 * inside.constant))
                stack.cones.append(clarabel.SecondOrderConeT(2 + len(inside.constant)))
                continue
            shape = (len(inside.constant), programme.width)
            f = sparse.csc_matrix((inside.weight, (inside.row, inside.column)), shape=shape)
            quadratic = quadratic + 2 * weight * (f.T @ f)
            self.linear += 2 * weight * (f.T @ inside.constant)
            self.offset += weight * float(inside.constant @ inside.constant)
            self.linear[square.column] = 0.0
        return quadratic
