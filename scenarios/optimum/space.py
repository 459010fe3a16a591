"""Which allocations may be chosen: the box, the capacities and the whole goods of one question about a ward."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scenarios.optimum.goal import Infeasible
from scenarios.ward import TOLERANCE, Array, Ward


def need_gradient(demand: Array) -> Array:
    """d h_i / d x_ik = 1 / (d_ik · number of resources that i demands), (N, K); 0 where nothing is demanded."""
    wanted = demand > 0
    kinds = np.maximum(wanted.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.divide(1.0, demand * kinds, out=np.zeros_like(demand), where=wanted))


@dataclass(frozen=True)
class Space:
    """The feasible x with lower <= x <= upper; `whole` marks the cells that must be integers."""

    ward: Ward
    lower: Array  # (N, K)
    upper: Array  # (N, K)
    capacity: Array  # (K,), raised by rounding alone where the lower bounds add up to it
    whole: NDArray[np.bool_]  # (N, K)

    @property
    def free(self) -> NDArray[np.bool_]:
        """Cells that can still vary, shape (N, K)."""
        return self.upper > self.lower

    @property
    def key(self) -> bytes:
        """The same for the same box over the same demands, capacities and kinds of good."""
        parts = (self.ward.arrays.demand, self.lower, self.upper, self.capacity, self.whole)
        return b"|".join(p.tobytes() for p in parts) + repr(self.lower.shape).encode()

    @classmethod
    def of(
        cls, ward: Ward, lower: Array | None = None, upper: Array | None = None, ex_ante: bool = False
    ) -> Space:
        """The space of a box, [0, demand] by default; whole goods are whole unless `ex_ante`.

        Raises Infeasible where the box is empty or its lower bounds break a capacity.
        """
        a = ward.arrays
        least = np.zeros_like(a.demand) if lower is None else np.clip(lower, 0.0, a.demand)
        most = a.demand.copy() if upper is None else np.clip(upper, 0.0, a.demand)
        whole = np.broadcast_to(a.whole[None, :] & (not ex_ante), a.demand.shape)
        least = np.where(whole, np.ceil(least - TOLERANCE), least)
        most = np.where(whole, np.floor(most + TOLERANCE), most)
        slack = TOLERANCE * np.maximum(1.0, a.demand)
        if (bad := np.argwhere(~(least <= most + slack))).size:
            i, k = bad[0]
            cell = f"{ward.patients[i].id}.{list(a.column)[k]}"
            said = f"{cell} has no value from {least[i, k]:g} to {most[i, k]:g}"
            raise Infeasible(f"ward '{ward.name}': {said}; widen the box")
        most = np.maximum(least, most)
        most = np.where(most - least <= 1e-9 * np.maximum(1.0, a.demand), least, most)
        held = least.sum(axis=0)
        for name, k in a.column.items():
            if held[k] > a.capacity[k] + 10 * TOLERANCE * max(1.0, a.capacity[k]):
                raise Infeasible(
                    f"ward '{ward.name}': {name} must give {held[k]:g} but capacity is {a.capacity[k]:g}; lower the box"
                )
        capacity = np.maximum(a.capacity, held)
        most = np.minimum(most, least + (capacity - held)[None, :])
        most = np.where(whole, np.floor(most + TOLERANCE), most)
        return cls(ward, least + 0.0, most + 0.0, capacity, whole)

    def pinned(self, x: Array) -> Space:
        """The space in which the whole goods of x are held as they are."""
        lower = np.where(self.whole, np.round(x), self.lower)
        upper = np.where(self.whole, lower, self.upper)
        return replace(self, lower=lower, upper=upper, whole=np.zeros_like(self.whole))

    def cleaned(self, x: Array) -> Array:
        """x made exactly feasible: near-bounds and whole units snapped, sums brought back to capacity."""
        span = np.maximum(1.0, self.ward.arrays.demand)
        x = np.clip(np.where(self.whole, np.round(x), x), self.lower, self.upper)
        x = np.where(x - self.lower <= 1e-8 * span, self.lower, x)
        x = np.where(self.upper - x <= 1e-8 * span, self.upper, x)
        over = x.sum(axis=0) - self.capacity
        for k in np.flatnonzero(over > 0):
            spare = x[:, k] - self.lower[:, k]
            if not self.whole[:, k].any() and spare.sum() > 0:
                x[:, k] -= spare * min(1.0, over[k] / spare.sum())
        return x + 0.0
