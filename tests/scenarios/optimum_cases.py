"""Small random wards, goals and allocations for the tests of optima, and goals spelled out a second time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from scenarios.objective import Objective
from scenarios.optimum import (
    Goal,
    Least,
    Leximin,
    LogProduct,
    Nearest,
    Total,
    project,
)
from scenarios.ward import Array, Patient, Resource, Ward

quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 10_000)


def ward_of(
    demand: Sequence[Sequence[float]] | Array,
    capacity: Sequence[float],
    divisible: Sequence[bool],
    gain: Sequence[float] | None = None,
) -> Ward:
    """A ward with these demands; patient i gains `gain[i]` from care."""
    demand = np.asarray(demand, dtype=float)
    names = [f"r{k}" for k in range(len(capacity))]
    patients = [
        Patient(
            id=f"p{i}",
            severity=0.1 * (i % 7),
            dependants=i % 3,
            survival_without_care=0.0,
            survival_with_care=0.5 if gain is None else gain[i],
            needs={name: float(d) for name, d in zip(names, row, strict=True) if d > 0},
        )
        for i, row in enumerate(demand)
    ]
    resources = {
        n: Resource(capacity=c, divisible=d) for n, c, d in zip(names, capacity, divisible, strict=True)
    }
    return Ward(name="test", title="Test", resources=resources, patients=patients)


def random_ward(seed: int, kind: str, patients: int = 5) -> Ward:
    """A small ward: `divisible`, `whole` or `mixed`; some demand nothing of a resource."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(2, patients + 1)), int(rng.integers(1, 3)) if kind != "mixed" else 2
    divisible = [kind == "divisible" or (kind == "mixed" and j == 1) for j in range(k)]
    demand = np.where(divisible, rng.uniform(0.5, 3, (n, k)).round(2), rng.integers(1, 3, (n, k)))
    demand[rng.random((n, k)) < 0.15] = 0
    demand[0, 0] = 1
    capacity = [
        float(c if d else np.floor(c))
        for c, d in zip(demand.sum(axis=0) * rng.uniform(0.2, 0.9, k), divisible, strict=True)
    ]
    return ward_of(demand, capacity, divisible, gain=list(rng.uniform(0.05, 1, n).round(3)))


def random_objective(ward: Ward, rng: np.random.Generator, anchor: bool = True) -> Objective:
    """An objective that reads a random few of the features."""
    demand = ward.arrays.demand
    share = np.divide(1.0, demand, out=np.zeros_like(demand), where=demand > 0)
    on = rng.random(4) < 0.5
    return Objective(
        rng.uniform(-0.1, 0.4, demand.shape) * share / len(demand),
        constant=0.2,
        worst_off=on[0] * rng.uniform(0, 1),
        variance=on[1] * rng.uniform(0, 3),
        spread=on[2] * rng.uniform(0, 1),
        distance=on[3] * anchor * rng.uniform(0, 1),
        anchor=project(ward, rng.uniform(0, 1, demand.shape) * demand),
    )


def random_goals(ward: Ward, seed: int) -> list[Goal]:
    """One goal of each kind over random objectives."""
    rng = np.random.default_rng(seed)
    u, v = random_objective(ward, rng), random_objective(ward, rng)
    low = min(u.value(ward, np.zeros_like(u.linear)), v.value(ward, np.zeros_like(u.linear)))
    return [
        Total(u),
        Least(((u, 0.0, 1.0), (v, 0.1, 0.5))),
        Leximin(((u, 0.0, 1.0), (v, 0.1, 0.5))),
        LogProduct(((u, low - 0.3), (v, low - 0.5))),
        Nearest(rng.uniform(-0.5, 1.5, u.linear.shape) * ward.arrays.demand),
    ]


def worth(ward: Ward, goal: Goal, x: Array) -> float:
    """The goal's value, spelled out again."""
    if isinstance(goal, Total):
        return goal.objective.value(ward, x)
    if isinstance(goal, Nearest):
        wanted = ward.arrays.demand > 0
        return -float((((x - goal.target)[wanted] / ward.arrays.demand[wanted]) ** 2).sum())
    if isinstance(goal, LogProduct):
        gains = [u.value(ward, x) - d for u, d in goal.terms]
        return float(np.log(gains).sum()) if min(gains) > 0 else float("-inf")
    return min((u.value(ward, x) - d) / s for u, d, s in goal.terms)


def lattice(ward: Ward) -> list[Array]:
    """Every feasible whole allocation, by trying them all."""
    demand = ward.arrays.demand
    cells = [range(int(d) + 1) for d in demand.ravel()]
    points = (np.array(p, dtype=float).reshape(demand.shape) for p in itertools.product(*cells))
    return [x for x in points if (x.sum(axis=0) <= ward.arrays.capacity + 1e-9).all()]


def samples(ward: Ward, rng: np.random.Generator, count: int) -> Array:
    """Feasible allocations, inside and on the faces; whole goods rounded down."""
    a = ward.arrays
    x = rng.beta(0.4, 0.4, (count, *a.demand.shape)) * a.demand
    total = np.maximum(x.sum(axis=1, keepdims=True), 1e-12)
    x *= np.minimum(1.0, a.capacity / total)
    return np.where(a.whole, np.floor(x + 1e-9), x)
