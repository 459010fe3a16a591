"""What is maximised: one concave form that holds every declared utility of a seat.

    u(x) = constant + <linear, x> + worst_off · min_i h_i − variance · Var(h) − spread · MAD(h)
           − distance · ‖x − anchor‖₁ / Σ demand

h is need satisfaction over the counted patients. All weights are >= 0, so u is concave in x.
"""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.measures import counted_need_satisfaction, mean_absolute_difference, variance, worst_off
from scenarios.ward import Array, Ward


@dataclass(frozen=True)
class Objective:
    """A concave objective over the allocations of one ward; see the module for the formula."""

    linear: Array  # (N, K)
    constant: float = 0.0
    worst_off: float = 0.0
    variance: float = 0.0
    spread: float = 0.0
    distance: float = 0.0
    anchor: Array | None = None  # (N, K), needed where distance > 0

    def value(self, ward: Ward, x: Array) -> float:
        """u(x), in the units of the weights."""
        h = counted_need_satisfaction(ward, x)
        total = self.constant + float((self.linear * x).sum())
        if self.worst_off:
            total += self.worst_off * worst_off(h)
        if self.variance:
            total -= self.variance * variance(h)
        if self.spread:
            total -= self.spread * mean_absolute_difference(h)
        if self.distance and self.anchor is not None:
            total -= self.distance * float(abs(x - self.anchor).sum() / max(ward.arrays.demand.sum(), 1e-12))
        return total
