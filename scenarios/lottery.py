"""How are whole goods drawn by lot: a feasible allocation with given chances, and the ward as chances."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np

from scenarios.errors import ParleyError
from scenarios.ward import TOLERANCE, Array, Ward

NOISE = 1e-7
"""A marginal this near to a whole number is that number: solvers leave as much."""


def chances(ward: Ward) -> Ward:
    """The ward with every good divisible: its allocations are the marginals of lotteries over the ward's own.

    Each is one, since demands and capacities of whole goods are whole (Budish, Che, Kojima & Milgrom 2013).
    """
    resources = {name: r.model_copy(update={"divisible": True}) for name, r in ward.resources.items()}
    # Built anew: a copy would carry the arrays of the original, whole goods and all.
    kept: dict[str, Any] = {name: getattr(ward, name) for name in Ward.model_fields}
    return Ward(**kept | {"resources": resources})


def lot(ward: Ward, seed: int, *purpose: int) -> np.random.Generator:
    """The generator of one lot: of a seed, a purpose and what the ward's patients need and gain.

    So lots of two wards fall independently at one seed, while a counterfactual twin, whose labels alone differ,
    and a ward with a patient more who needs nothing, draw as the ward itself does.
    """
    a = ward.arrays
    clinical = np.column_stack([a.demand, a.benefit, a.acuity])[a.counted]
    return np.random.default_rng(
        [seed, *purpose, crc32(np.round(clinical, 9).tobytes() + a.capacity.tobytes())]
    )


def draw(ward: Ward, marginals: Array, rng: np.random.Generator) -> Array:
    """One feasible allocation x with E[x] = marginals, whole goods in whole units.

    Systematic sampling (Madow 1949): patients are laid end to end in random order, each as long as their
    marginal; an offset u, uniform on [0, 1), puts marks at u, u + 1, u + 2, …; each mark is one unit to
    whoever it falls on. So x_ik is the floor or the ceiling of its marginal, and each column sum the floor or
    the ceiling of its own. All goods share the order and u, so that whoever needs several tends to get them
    together. Divisible goods are given as they are. Shapes: marginals and x (N, K).

    Raises ParleyError where the marginals pass a demand or a capacity.
    """
    a = ward.arrays
    over = (marginals - a.demand).max(initial=0) > TOLERANCE * max(1.0, a.demand.max(initial=0))
    if over or marginals.min(initial=0) < -TOLERANCE or (marginals.sum(axis=0) > _most(a.capacity)).any():
        raise ParleyError(f"ward '{ward.name}': chances beyond demand or capacity; lower them")
    order, offset = rng.permutation(len(marginals)), rng.random()
    x = np.clip(marginals, 0, a.demand)
    ends = np.cumsum(_snapped(x[order][:, a.whole]), axis=0)
    marks = np.ceil(np.minimum(_snapped(ends), a.capacity[a.whole]) - offset)
    units = np.zeros_like(marks)
    units[order] = np.diff(marks, axis=0, prepend=0)
    x[:, a.whole] = np.clip(units, 0, a.demand[:, a.whole])
    return x


def _most(capacity: Array) -> Array:
    return np.asarray(capacity + TOLERANCE * 10 * np.maximum(1.0, capacity), dtype=float)


def _snapped(values: Array) -> Array:
    near = np.round(values)
    return np.asarray(np.where(abs(values - near) < NOISE, near, values), dtype=float)
