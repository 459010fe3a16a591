"""What would have been said under every strength, concession and persuasion: debates simulated over a grid.

Between the values that are simulated, shares of demand are interpolated linearly (the exponent by its logarithm):
optima of concave utilities bend and jump there, so nothing finer than the simulated grid is ever claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from evals.calibration.recovery_debate import Planted, Setup, Stages, shares, simulate
from scenarios.errors import ParleyError
from scenarios.ward import Array, Ward

PARAMETERS = ("strength", "exponent", "persuasion", "opponent_persuasion")

FINER = 3
"""Interpolated steps between two values that are simulated."""

Table = NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """Values at which debates are simulated, every combination; rising. One value means: known, not fitted."""

    strength: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    exponent: tuple[float, ...] = (0.25, 0.4, 0.63, 1.0, 1.6, 2.5, 4.0)
    persuasion: tuple[float, ...] = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
    opponent_persuasion: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        for name in PARAMETERS:
            values = getattr(self, name)
            if not values or list(values) != sorted(set(values)):
                raise ParleyError(f"grid, {name}: {values}; give rising numbers, each once")

    @property
    def fitted(self) -> tuple[str, ...]:
        """The parameters of more than one value."""
        return tuple(name for name in PARAMETERS if len(getattr(self, name)) > 1)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each parameter has."""
        return tuple(len(getattr(self, name)) for name in PARAMETERS)

    def points(self) -> list[Planted]:
        """Every combination, the last parameter fastest."""
        return [Planted(*values) for values in product(*(getattr(self, name) for name in PARAMETERS))]

    @cached_property
    def fine(self) -> Grid:
        """The grid with the values between, FINER steps for one."""
        return Grid(*(_finer(getattr(self, name), name == "exponent") for name in PARAMETERS))


def _finer(values: Sequence[float], logarithm: bool) -> tuple[float, ...]:
    if len(values) == 1:
        return tuple(values)
    at = np.arange((len(values) - 1) * FINER + 1) / FINER
    scale = np.log(values) if logarithm else np.array(values)
    between = np.interp(at, np.arange(len(values)), scale)
    fine = np.exp(between) if logarithm else between
    fine[::FINER] = values
    return tuple(float(v) for v in fine)


@dataclass(frozen=True, eq=False)
class Simulated:
    """One setup under every point of a grid: stages in a fixed order, cells within them."""

    setup: Setup
    grid: Grid
    stages: tuple[str, ...]
    cells: int  # of one stage
    predicted: Table  # (simulated points, stages · cells), shares of demand

    @cached_property
    def fine(self) -> Table:
        """What is predicted at every point of the finer grid."""
        out = self.predicted.reshape(*self.grid.shape, -1)
        for axis, count in enumerate(self.grid.shape):
            if count > 1:
                at = np.arange((count - 1) * FINER + 1)
                low = np.minimum(at // FINER, count - 2)
                part = ((at - low * FINER) / FINER).astype(np.float32)
                part = part.reshape([-1 if i == axis else 1 for i in range(out.ndim)])
                out = np.take(out, low, axis=axis) * (1 - part) + np.take(out, low + 1, axis=axis) * part
        return np.asarray(out.reshape(-1, self.predicted.shape[1]))

    def squares(self, seen: Stages, only: Callable[[str], bool] = lambda stage: True) -> tuple[Array, float]:
        """RSS of what was seen against every point of the finer grid, and its degrees of freedom (`freedom`).

        Stages that were not seen, or are not asked for, are left out.
        """
        used = [i for i, s in enumerate(self.stages) if s in seen and only(s)]
        columns = (np.array(used, dtype=int)[:, None] * self.cells + np.arange(self.cells)).ravel()
        ward = self.setup.ward
        y = np.concatenate([shares(ward, seen[self.stages[i]]) for i in used] or [np.zeros(0)])
        apart = self.fine[:, columns] - y.astype(np.float32)
        free = sum(freedom(ward, seen[self.stages[i]]) for i in used)
        return np.einsum("gc,gc->g", apart, apart).astype(float), float(free)


def freedom(ward: Ward, x: Array) -> int:
    """In how many directions an allocation could have moved a little either way.

    Its cells inside their bounds, less one for each resource that is used up: the dimension of its face of the
    feasible set. Noise that is projected back leaves the other cells at their bound, where they tell nothing of it.
    Whole goods have no little: there every demanded cell counts.
    """
    a = ward.arrays
    inside = np.where(a.whole, a.demand > 0, (x > 1e-6) & (x < a.demand - 1e-6))
    full = x.sum(axis=0) >= np.minimum(a.capacity, a.demand.sum(axis=0)) - 1e-5 * np.maximum(1, a.capacity)
    return int(np.maximum(inside.sum(axis=0) - full, 0).sum())


def simulated(setup: Setup, grid: Grid) -> Simulated:
    """One setup under every point of a grid. Without a biased seat one strength stands for all."""
    kept = grid if setup.biased else replace(grid, strength=grid.strength[:1])
    rows = [simulate(setup, point) for point in kept.points()]
    stages = tuple(rows[0])
    table = np.array([np.concatenate([shares(setup.ward, row[s]) for s in stages]) for row in rows])
    copies = 1 if setup.biased else len(grid.strength)
    predicted = np.tile(table.astype(np.float32), (copies, 1))
    return Simulated(setup, grid, stages, predicted.shape[1] // len(stages), predicted)


def simulated_all(
    setups: Sequence[Setup], grid: Grid, processes: int, told: Callable[[], None] = lambda: None
) -> list[Simulated]:
    """Every setup under every point of a grid, by so many processes; `told` is called after each."""
    out: list[Simulated] = []
    if processes <= 1:
        for setup in setups:
            out.append(simulated(setup, grid))
            told()
        return out
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # `spawn`: a fork of a process that holds threads may hang.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for one in pool.map(simulated, setups, [grid] * len(setups)):
            out.append(one)
            told()
    return out
