"""How are whole goods shared out by chance: lotteries over feasible whole allocations with given marginals.

Systematic sampling (Madow 1949), resource by resource. Patients are laid end to end, each as long as the
fraction of a unit that is owed to them; one offset u in [0, 1) puts a mark at u, u + 1, u + 2, …; whoever is
marked gets a unit beyond the whole units owed. Each cell is then the floor or the ceiling of its marginal,
each column adds up to the floor or the ceiling of its sum, so no capacity is passed, and over u the
expectation is exactly the marginal. All resources share u and the order of patients, so that a patient who
needs several tends to get them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np

from scenarios.errors import ParleyError
from scenarios.ward import Array, Ward

NOISE = 1e-9
"""Below this, a fraction of a unit, or a stretch of the offset, is rounding."""

Lottery = list[tuple[float, Array]]
"""Probabilities that sum to 1, each with a feasible allocation whose whole goods come in whole units."""


def decompose(marginals: Array, ward: Ward, order: Sequence[int] | None = None) -> Lottery:
    """The lottery whose expectation is `marginals`: at most 1 + (cells of whole goods) allocations.

    Shapes: marginals (N, K), in units; divisible resources pass through as they are. `order` is the order in
    which patients are laid end to end, that of the ward if not given: it decides who can be served together
    (neighbours seldom are), never anyone's chance. Raises ParleyError if the marginals pass a demand or a
    capacity. Source: Madow 1949; for random assignment, Budish, Che, Kojima & Milgrom 2013.
    """
    marginals = _checked(marginals, ward)
    order = range(len(marginals)) if order is None else order
    ends = _ends(marginals, ward, order)
    cuts = np.unique(np.concatenate([[0.0, 1.0], np.round(ends % 1.0, 12).ravel()]))
    cuts = cuts[np.concatenate([[True], np.diff(cuts) > NOISE])]
    cuts[-1] = 1.0
    return _put_together(
        (float(b - a), _at((a + b) / 2, marginals, ends, ward, order)) for a, b in pairwise(cuts)
    )


def expectation(lottery: Lottery, function: Callable[[Array], float]) -> float:
    """Σ p f(x): the expectation of a measure taken ex post, to stand beside the measure at E[x]."""
    return float(sum(p * function(x) for p, x in lottery))


def _put_together(outcomes: Iterable[tuple[float, Array]]) -> Lottery:
    seen: dict[bytes, tuple[float, Array]] = {}
    for p, x in outcomes:
        key = (x + 0.0).tobytes()
        seen[key] = (p + seen[key][0] if key in seen else p, x)
    return list(seen.values())


def _checked(marginals: Array, ward: Ward) -> Array:
    """The marginals within demands and capacities, rounding noise taken out of the fractions."""
    a = ward.arrays
    wrong = [line for line in ward.violations(marginals) if "whole units" not in line]
    if wrong:
        raise ParleyError(f"ward '{ward.name}': no lottery has such marginals: {wrong[0]}")
    marginals = np.clip(marginals, 0, a.demand)
    fractions = marginals - np.floor(marginals)
    over = np.maximum(0, marginals.sum(axis=0) - a.capacity)
    total = fractions.sum(axis=0)
    keep = np.divide(np.maximum(0, total - over), total, out=np.ones_like(total), where=total > 0)
    return marginals - np.where(a.whole & (over > 0), (1 - keep) * fractions, 0.0)


def _ends(marginals: Array, ward: Ward, order: Sequence[int]) -> Array:
    """Where each patient's fraction ends when they are laid end to end, in `order`; shape (N, K)."""
    fractions = marginals - np.floor(marginals + NOISE)
    fractions = np.where(ward.arrays.whole[None, :] & (fractions > NOISE), fractions, 0.0)
    ends = np.cumsum(fractions[list(order)], axis=0)
    near = np.round(ends)
    return np.where(abs(ends - near) < 100 * NOISE, near, ends)


def _at(offset: float, marginals: Array, ends: Array, ward: Ward, order: Sequence[int]) -> Array:
    """The allocation of one offset: an extra unit for each mark in [start, end) of a patient's stretch."""
    marks = np.ceil(ends - offset)  # how many of u, u + 1, … lie below each end
    extra = np.diff(marks, axis=0, prepend=0)
    whole = np.floor(marginals + NOISE)
    whole[list(order)] += extra
    return np.where(ward.arrays.whole[None, :], whole, marginals)
