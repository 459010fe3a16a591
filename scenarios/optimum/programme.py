"""How is a question about a ward written as a programme: linear rows, plus square and logarithm blocks.

The variables are z = [free cells in units, then need satisfaction h, epigraph variables and the like].
Everything nonlinear stands in a block, which the cone solver takes as it is and the whole-goods solver by tangents.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from scenarios.measures import counted_need_satisfaction
from scenarios.objective import Objective
from scenarios.optimum.goal import LEAST_GAIN, Goal, Least, Leximin, LogProduct, Nearest, Total
from scenarios.optimum.space import Space, need_gradient
from scenarios.ward import Array

Columns = NDArray[np.intp]


@dataclass(frozen=True)
class Affine:
    """constant + Σ weights · z[columns]."""

    columns: Columns
    weights: Array
    constant: float = 0.0

    def times(self, factor: float) -> Affine:
        """The expression times a number."""
        return Affine(self.columns, self.weights * factor, self.constant * factor)

    def plus(self, other: Affine) -> Affine:
        """The sum of two expressions."""
        return Affine(
            np.concatenate([self.columns, other.columns]),
            np.concatenate([self.weights, other.weights]),
            self.constant + other.constant,
        )

    def plus_constant(self, number: float) -> Affine:
        """The expression plus a number."""
        return replace(self, constant=self.constant + number)


def one(column: int, weight: float = 1.0) -> Affine:
    """weight · z[column]."""
    return Affine(np.array([column]), np.array([weight]))


NOTHING = Affine(np.zeros(0, dtype=np.intp), np.zeros(0))


@dataclass(frozen=True)
class Matrix:
    """A sparse affine map w(z) = F z + f of m rows, as triplets."""

    row: Columns
    column: Columns
    weight: Array
    constant: Array  # (m,)

    @classmethod
    def of(cls, row: Affine) -> Matrix:
        """One expression as a matrix of one row."""
        return cls(
            np.zeros(len(row.columns), dtype=np.intp), row.columns, row.weights, np.array([row.constant])
        )

    def at(self, z: Array) -> Array:
        """w(z), shape (m,)."""
        return self.constant + np.bincount(
            self.row, self.weight * z[self.column], minlength=len(self.constant)
        )


@dataclass(frozen=True)
class Square:
    """z[column] >= ‖w(z)‖²."""

    column: int
    inside: Matrix


@dataclass(frozen=True)
class Ball:
    """‖w(z)‖ <= radius."""

    radius: float
    inside: Matrix


@dataclass(frozen=True)
class Log:
    """z[column] <= log(inside)."""

    column: int
    inside: Affine


@dataclass
class Programme:
    """Variables with bounds, rows `>= bound` and `= bound`, and blocks; built by asking for what is needed."""

    space: Space
    lower: list[Array] = field(default_factory=list)
    upper: list[Array] = field(default_factory=list)
    width: int = 0
    at_least: list[Matrix] = field(default_factory=list)  # w(z) >= 0
    equal: list[Matrix] = field(default_factory=list)  # w(z) = 0
    squares: list[Square] = field(default_factory=list)
    balls: list[Ball] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    goal: Affine = NOTHING
    _shared: dict[object, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        space, demand = self.space, self.space.ward.arrays.demand
        self.cells = np.argwhere(space.free)
        i, k = self.cells[:, 0], self.cells[:, 1]
        self.unit = np.where(space.whole[i, k], 1.0, demand[i, k])
        self.add(space.lower[i, k] / self.unit, space.upper[i, k] / self.unit)
        for kind in range(demand.shape[1]):
            mine = np.flatnonzero(k == kind)
            room = space.capacity[kind] - space.lower[~space.free[:, kind], kind].sum()
            size = max(1.0, float(self.unit[mine].max(initial=0.0)))
            if (self.unit[mine] * self.upper[0][mine]).sum() > room:
                self.keep(Affine(mine, -self.unit[mine] / size, room / size))

    def add(self, lower: Array, upper: Array) -> Columns:
        """New variables with bounds (inf where none); returns their columns."""
        columns = np.arange(self.width, self.width + len(lower))
        self.lower.append(lower)
        self.upper.append(upper)
        self.width += len(lower)
        return columns

    def _one(self, lower: float = -np.inf, upper: float = np.inf) -> int:
        return int(self.add(np.array([lower]), np.array([upper]))[0])

    def keep(self, expression: Affine, equal: bool = False) -> None:
        """Require expression >= 0 (or = 0)."""
        (self.equal if equal else self.at_least).append(Matrix.of(expression))

    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper bounds of every variable."""
        return np.concatenate(self.lower), np.concatenate(self.upper)

    def linear(self, weights: Array) -> Affine:
        """<weights, x>, the fixed cells as a constant."""
        i, k = self.cells[:, 0], self.cells[:, 1]
        fixed = float((weights * self.space.lower)[~self.space.free].sum())
        coefficient = weights[i, k] * self.unit
        used = coefficient != 0
        return Affine(np.flatnonzero(used), coefficient[used], fixed)

    def x(self, z: Array) -> Array:
        """The allocation that z stands for, (N, K)."""
        x = self.space.lower.copy()
        x[self.cells[:, 0], self.cells[:, 1]] = z[: len(self.cells)] * self.unit
        return x

    def h(self) -> Columns:
        """Columns of need satisfaction of the counted patients."""
        a = self.space.ward.arrays
        n = int(a.counted.sum())
        if "h" not in self._shared:
            share = need_gradient(a.demand)
            fixed = (share * self.space.lower * ~self.space.free).sum(axis=1)[a.counted]
            columns = self.add(np.full(n, -np.inf), np.full(n, np.inf))
            self._shared["h"] = int(columns[0]) if n else 0
            i, k = self.cells[:, 0], self.cells[:, 1]
            place = np.cumsum(a.counted) - 1
            self.equal.append(
                Matrix(
                    np.concatenate([place[i], np.arange(n)]),
                    np.concatenate([np.arange(len(i)), columns]),
                    np.concatenate([share[i, k] * self.unit, -np.ones(n)]),
                    fixed,
                )
            )
        return np.arange(self._shared["h"], self._shared["h"] + n)

    def least(self) -> int:
        """Column of t <= min h."""
        if "least" not in self._shared:
            h = self.h()
            t = self._shared["least"] = self._one()
            rows = np.arange(len(h))
            self.at_least.append(
                Matrix(
                    np.concatenate([rows, rows]),
                    np.concatenate([h, np.full(len(h), t)]),
                    np.concatenate([np.ones(len(h)), -np.ones(len(h))]),
                    np.zeros(len(h)),
                )
            )
        return self._shared["least"]

    def deviations(self) -> Matrix:
        """(h_i − mean h) / √N, whose squared norm is the variance."""
        h = self.h()
        n = len(h)
        if "mean" not in self._shared:
            mean = self._shared["mean"] = self._one()
            self.keep(Affine(np.append(h, mean), np.append(np.full(n, 1 / n), -1.0)), equal=True)
        rows, root = np.arange(n), np.sqrt(n)
        return Matrix(
            np.concatenate([rows, rows]),
            np.concatenate([h, np.full(n, self._shared["mean"])]),
            np.concatenate([np.full(n, 1 / root), np.full(n, -1 / root)]),
            np.zeros(n),
        )

    def hold_deviations(self, x: Array, slack: float) -> None:
        """Keep h − mean h where it is at x, up to `slack`."""
        matrix = self.deviations()
        h = counted_need_satisfaction(self.space.ward, x)
        level = (h - h.mean()) / np.sqrt(len(h))
        for sign in (1.0, -1.0):
            constant = slack + sign * (matrix.constant - level)
            self.at_least.append(Matrix(matrix.row, matrix.column, sign * matrix.weight, constant))

    def variance(self) -> int:
        """Column of q >= Var(h)."""
        if "variance" not in self._shared:
            inside = self.deviations()
            self._shared["variance"] = self._one(lower=0.0)
            self.squares.append(Square(self._shared["variance"], inside))
        return self._shared["variance"]

    def spread(self) -> int:
        """Column of r >= MAD(h), by |a − b| = 2 max(a − b, 0) − (a − b) over pairs."""
        if "spread" not in self._shared:
            h = self.h()
            n = len(h)
            i, j = np.triu_indices(n, 1)
            above = self.add(np.zeros(len(i)), np.full(len(i), np.inf))
            r = self._shared["spread"] = self._one()
            rows = np.arange(len(i))
            ones = np.ones(len(i))
            self.at_least.append(
                Matrix(
                    np.concatenate([rows, rows, rows]),
                    np.concatenate([above, h[i], h[j]]),
                    np.concatenate([ones, -ones, ones]),
                    np.zeros(len(i)),
                )
            )
            tilt = n - 1.0 - 2.0 * np.arange(n)  # Σ over pairs i < j of (h_i − h_j)
            self.keep(
                Affine(
                    np.concatenate([[r], above, h]),
                    np.concatenate([[1.0], -4 / n**2 * ones, 2 / n**2 * tilt]),
                )
            )
        return self._shared["spread"]

    def distance(self, anchor: Array) -> Affine:
        """‖x − anchor‖₁ from above; cells whose anchor lies outside the box need no extra variable."""
        space = self.space
        i, k = self.cells[:, 0], self.cells[:, 1]
        lower, upper, middle = space.lower[i, k], space.upper[i, k], anchor[i, k]
        fixed = float(abs(space.lower - anchor)[~space.free].sum())
        sign = np.where(middle <= lower, 1.0, np.where(middle >= upper, -1.0, 0.0))
        out = Affine(
            np.flatnonzero(sign), (sign * self.unit)[sign != 0], fixed - float((sign * middle).sum())
        )
        inner = np.flatnonzero(sign == 0)
        if len(inner):
            key = ("distance", anchor.tobytes())
            if key not in self._shared:
                far = self.add(np.zeros(len(inner)), np.full(len(inner), np.inf))
                self._shared[key] = int(far[0])
                rows = np.arange(len(inner))
                for side in (1.0, -1.0):
                    self.at_least.append(
                        Matrix(
                            np.concatenate([rows, rows]),
                            np.concatenate([far, inner]),
                            np.concatenate([np.ones(len(inner)), np.full(len(inner), -side)]),
                            side * middle[inner] / self.unit[inner],
                        )
                    )
            far = np.arange(self._shared[key], self._shared[key] + len(inner))
            out = out.plus(Affine(far, self.unit[inner]))
        return out

    def worth(self, u: Objective) -> Affine:
        """u from below."""
        out = self.linear(u.linear).plus_constant(u.constant)
        if u.worst_off:
            out = out.plus(one(self.least(), u.worst_off))
        if u.variance:
            out = out.plus(one(self.variance(), -u.variance))
        if u.spread:
            out = out.plus(one(self.spread(), -u.spread))
        if u.distance and u.anchor is not None:
            out = out.plus(self.distance(u.anchor).times(-u.distance / self.space.ward.arrays.demand.sum()))
        return out

    def require(self, u: Objective, level: float, slack: float) -> None:
        """Require u >= level, up to `slack`."""
        if u.variance and not (u.linear.any() or u.worst_off or u.spread or u.distance):
            # As a norm, not a square: near zero variance a slack in the square would be felt as its root.
            radius = np.sqrt(max(0.0, u.constant - level) / u.variance) + slack
            self.balls.append(Ball(float(radius), self.deviations()))
            return
        self.keep(self.worth(u).plus_constant(slack - level))

    def hypograph(self, goal: Goal) -> Affine:
        """The goal from below; for Leximin the least term."""
        if isinstance(goal, Total):
            return self.worth(goal.objective)
        if isinstance(goal, Nearest):
            return self._nearest(goal.target)
        if isinstance(goal, LogProduct):
            out = NOTHING
            for u, offset in goal.terms:
                column = self._one()
                gain = self.worth(u).plus_constant(-offset)
                self.keep(gain.plus_constant(-LEAST_GAIN))
                self.logs.append(Log(column, gain))
                out = out.plus(one(column))
            return out
        return self.least_sum(goal, 1) if goal.terms else NOTHING

    def least_sum(self, goal: Least | Leximin, count: int) -> Affine:
        """The sum of the `count` least terms from below: count·τ − Σ max(0, τ − v_s) (Ogryczak & Śliwiński 2003)."""
        terms = [self.worth(u).plus_constant(-o).times(1 / s) for u, o, s in goal.terms]
        if count == len(terms):
            out = NOTHING
            for term in terms:
                out = out.plus(term)
            return out
        level = self._one()
        if count == 1:
            for term in terms:
                self.keep(term.plus(one(level, -1.0)))
            return one(level)
        short = self.add(np.zeros(len(terms)), np.full(len(terms), np.inf))
        for term, column in zip(terms, short, strict=True):
            self.keep(term.plus(one(level, -1.0)).plus(one(int(column))))
        return one(level, float(count)).plus(Affine(short, -np.ones(len(short))))

    def _nearest(self, target: Array) -> Affine:
        space, demand = self.space, self.space.ward.arrays.demand
        i, k = self.cells[:, 0], self.cells[:, 1]
        held = ~space.free & (demand > 0)
        fixed = float((((space.lower - target)[held] / demand[held]) ** 2).sum())
        column = self._one(lower=0.0)
        rows = np.arange(len(i))
        self.squares.append(
            Square(column, Matrix(rows, rows, self.unit / demand[i, k], -target[i, k] / demand[i, k]))
        )
        return Affine(np.array([column]), np.array([-1.0]), -fixed)
