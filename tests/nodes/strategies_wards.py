"""Which wards, moves and bargains do the tests draw: hypothesis strategies that this room shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

from nodes.merging.bargain import Bargain
from personas.persona import Values
from personas.utility import utility
from scenarios.measures import MEASURES
from scenarios.objective import Objective
from scenarios.ward import Array, Ward

Kind = Literal["divisible", "whole", "mixed"]


def ward_of(
    demand: Any,
    capacity: Any,
    whole: bool | list[bool],
    *,
    gain: Any = None,
    weight: Any = None,
    **fields: Any,
) -> Ward:
    """A bare ward of these arrays: patients p0, p1, …; resources r0, r1, …; survival gains and weights."""
    demand, n = np.atleast_2d(np.asarray(demand, float)), len(demand)
    kinds = demand.shape[1]
    wholes = [whole] * kinds if isinstance(whole, bool) else whole
    gain = [0.5] * n if gain is None else gain
    weight = [None] * n if weight is None else weight
    patients = [
        {
            "id": f"p{i}",
            "severity": 0.5,
            "survival_without_care": 0.0,
            "survival_with_care": float(gain[i]),
            "needs": {f"r{k}": float(demand[i, k]) for k in range(kinds) if demand[i, k] > 0},
            "weights": {"prioritarian": weight[i], "care": weight[i]},
        }
        | {k: v[i] for k, v in fields.items()}
        for i in range(n)
    ]
    resources = {f"r{k}": {"capacity": float(capacity[k]), "divisible": not wholes[k]} for k in range(kinds)}
    return Ward.model_validate(
        {"name": "test", "title": "test", "resources": resources, "patients": patients}
    )


@st.composite
def wards(draw: st.DrawFn, kind: Kind | None = None, most_patients: int = 4, most_resources: int = 2) -> Ward:
    """A small ward: divisible, whole or mixed; scarce, ample or empty; some patients demand nothing."""
    n = draw(st.integers(1, most_patients))
    kinds = draw(st.integers(2 if kind == "mixed" else 1, most_resources))
    whole = {"divisible": [False] * kinds, "whole": [True] * kinds}.get(
        kind or "", [bool(k % 2) for k in range(kinds)] if kind == "mixed" else draw(_bools(kinds))
    )
    amounts = [st.integers(0, 2) if w else st.sampled_from([0.0, 0.3, 1.0, 2.5]) for w in whole]
    demand = np.array([[float(draw(amounts[k])) for k in range(kinds)] for _ in range(n)])
    if not demand.any():
        demand[0, 0] = 1.0
    capacity = [float(draw(st.integers(0, n + 1))) for _ in range(kinds)]
    chance = st.sampled_from([0.1, 0.25, 0.5, 0.9])
    weight = st.sampled_from([1.0, 1.5, 2.0, 3.0])
    return ward_of(
        demand,
        capacity,
        whole,
        gain=[draw(chance) for _ in range(n)],
        weight=[draw(weight) for _ in range(n)],
        sex=[draw(st.sampled_from(["f", "m"])) for _ in range(n)],
    )


def _bools(n: int) -> st.SearchStrategy[list[bool]]:
    return st.lists(st.booleans(), min_size=n, max_size=n)


def allocation_of(ward: Ward, rng: np.random.Generator) -> Array:
    """A feasible allocation: patients in random order take a part of what is left, often all or none."""
    a = ward.arrays
    x, left = np.zeros_like(a.demand), a.capacity.copy()
    for i in rng.permutation(len(x)):
        for k in range(len(left)):
            most = min(a.demand[i, k], left[k])
            part = rng.choice([0.0, 1.0, rng.random()])
            x[i, k] = np.floor(most * part) if a.whole[k] else round(most * part, 3)
            x[i, k] = min(x[i, k], most)
            left[k] -= x[i, k]
    return x


def allocations(ward: Ward) -> st.SearchStrategy[Array]:
    """Feasible allocations of a ward."""
    return st.integers(0, 2**32 - 1).map(lambda seed: allocation_of(ward, np.random.default_rng(seed)))


def values() -> st.SearchStrategy[Values]:
    """Weights over the six measures and, sometimes, a favoured group; sometimes none at all."""
    names = [*MEASURES, "sex=f"]
    return st.dictionaries(st.sampled_from(names), st.sampled_from([0.2, 0.5, 1.0]), max_size=3)


@st.composite
def bargains(
    draw: st.DrawFn, kind: Kind | None = None, most_seats: int = 3, with_values: bool = False
) -> Bargain:
    """Seats with moves, solos (their moves at times) and declared utilities; some declare no values."""
    ward = draw(wards(kind))
    seats = draw(st.integers(1, most_seats))
    moves = [draw(allocations(ward)) for _ in range(seats)]
    solos = moves if draw(st.booleans()) else [draw(allocations(ward)) for _ in range(seats)]
    declared = [draw(values().filter(bool) if with_values else values()) for _ in range(seats)]
    utilities = [utility(ward, v, m) for v, m in zip(declared, moves, strict=True)]
    return Bargain(ward, tuple(moves), tuple(solos), tuple(utilities), draw(st.integers(0, 2**16)))


def column(*amounts: float) -> Array:
    """An allocation of one resource."""
    return np.array([[a] for a in amounts], dtype=float)


def table(ward: Ward, moves: Sequence[Array], utilities: Sequence[Objective], **more: Any) -> Bargain:
    """A bargain in which every seat's last move is its solo."""
    return Bargain(ward, tuple(moves), tuple(moves), tuple(utilities), **{"seed": 1} | more)


def utilities_at(b: Bargain, points: Sequence[Array]) -> Array:
    """Every seat's utility at each point, (points, seats)."""
    return np.array([[u.value(b.ward, x) for u in b.utilities] for x in points])
