"""How is a linear or mixed-integer programme built column by column and row by row, and given to HiGHS?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEASIBLE = 1e-9
"""The violation HiGHS may leave in a linear programme; payoffs are brought to a range of 1 first."""

WEIGHT = 1e4
"""The objective of a mixed-integer programme is multiplied by this: HiGHS stops at an absolute gap of 1e-6."""


class Unsolved(RuntimeError):
    """HiGHS stopped without an answer, which is a fault of ours or of its: never bad input."""


@dataclass
class Rows:
    """maximise cost·z subject to low <= A z <= high and bounds on z, some z whole."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    at: list[tuple[int, int, float]] = field(default_factory=list)
    row_low: list[float] = field(default_factory=list)
    row_high: list[float] = field(default_factory=list)

    def column(self, low: float, high: float, cost: float = 0.0, whole: bool = False) -> int:
        """A new variable; its index."""
        self.low.append(low)
        self.high.append(high)
        self.cost.append(cost)
        self.whole.append(whole)
        return len(self.low) - 1

    def row(self, weights: Mapping[int, float], low: float = -np.inf, high: float = np.inf) -> None:
        """low <= Σ weights[j]·z_j <= high."""
        place = len(self.row_low)
        self.at += [(place, j, w) for j, w in weights.items() if w]
        self.row_low.append(low)
        self.row_high.append(high)

    def solved(self) -> Array | None:
        """The best z, or None where nothing is feasible. Raises Unsolved where HiGHS says neither."""
        found = self._whole() if any(self.whole) else self._linear()
        if found.status == 2:
            return None
        if found.status != 0 or found.x is None:
            raise Unsolved(f"HiGHS: {found.message}")
        return np.asarray(found.x, dtype=float)

    def _matrix(self) -> Any:
        from scipy.sparse import csr_array

        at = np.array(self.at).reshape(-1, 3)
        places = (at[:, 0].astype(int), at[:, 1].astype(int))
        return csr_array((at[:, 2], places), shape=(len(self.row_low), len(self.low)))

    def _whole(self) -> Any:
        from scipy.optimize import Bounds, LinearConstraint, milp

        rows = LinearConstraint(self._matrix(), self.row_low, self.row_high)
        return milp(
            -WEIGHT * np.array(self.cost),
            integrality=np.array(self.whole, dtype=int),
            bounds=Bounds(np.array(self.low), np.array(self.high)),
            constraints=[rows] if self.row_low else [],
            options={"mip_rel_gap": 0.0},
        )

    def _linear(self) -> Any:
        from scipy.optimize import linprog
        from scipy.sparse import vstack

        low, high, matrix = np.array(self.row_low), np.array(self.row_high), self._matrix()
        same = low == high
        over, under = ~same & np.isfinite(high), ~same & np.isfinite(low)
        one_sided: Any = (None, None)
        if over.any() or under.any():
            one_sided = vstack([matrix[over], -matrix[under]]), np.concatenate([high[over], -low[under]])
        equal: Any = (matrix[same], high[same]) if same.any() else (None, None)
        solve: Any = linprog  # its overloads know no sparse matrices
        return solve(
            -np.array(self.cost),
            *one_sided,
            *equal,
            bounds=list(zip(self.low, self.high, strict=True)),
            method="highs",
            options={"primal_feasibility_tolerance": FEASIBLE, "dual_feasibility_tolerance": FEASIBLE},
        )
