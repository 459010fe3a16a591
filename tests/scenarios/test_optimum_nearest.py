"""Is a tie broken toward the target, and a projection the nearest there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.objective import Objective
from scenarios.optimum import (
    Nearest,
    Total,
    closest,
    maximise,
    project,
)
from tests.scenarios.optimum_cases import (
    lattice,
    quick,
    random_goals,
    random_ward,
    samples,
    seeds,
    ward_of,
    worth,
)


@quick
@given(seeds, st.sampled_from(["divisible", "whole", "mixed"]))
def test_projection_is_feasible_idempotent_and_nearest(seed: int, kind: str) -> None:
    ward = random_ward(seed, kind, 4)
    rng = np.random.default_rng(seed)
    target = rng.normal(0.5, 0.8, ward.arrays.demand.shape) * ward.arrays.demand
    x = project(ward, target)
    assert ward.feasible(x)
    assert project(ward, x) == pytest.approx(x, abs=1e-9)
    others = lattice(ward) if kind == "whole" else samples(ward, rng, 300)
    nearest = Nearest(target)
    assert max(worth(ward, nearest, y) for y in others) <= worth(ward, nearest, x) + 1e-9
    if kind == "divisible":
        near = [x + 1e-3 * (y - x) for y in others]
        assert max(worth(ward, nearest, y) for y in near) <= worth(ward, nearest, x) + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_projection_of_many_whole_units_is_the_nearest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    demand = rng.integers(5, 40, (2, 1)).astype(float)
    ward = ward_of(demand, [float(rng.integers(3, demand.sum() // 3))], [False])
    target = rng.uniform(0.7, 1.2, (2, 1)) * demand
    nearest = Nearest(target)
    best = max(worth(ward, nearest, x) for x in lattice(ward))
    assert worth(ward, nearest, project(ward, target)) == pytest.approx(best, abs=1e-12)


def test_projection_reads_what_is_no_number_as_nothing() -> None:
    ward = ward_of([[1], [1], [1]], [2], [True])
    assert project(ward, np.array([[np.nan], [np.inf], [0.5]])) == pytest.approx(np.array([[0], [0], [0.5]]))


@quick
@given(seeds, st.sampled_from(["divisible", "whole", "mixed"]))
def test_closest_stays_best_and_comes_no_further_than_the_plain_optimum(seed: int, kind: str) -> None:
    ward = random_ward(seed, kind, 4)
    target = project(ward, np.random.default_rng(seed).uniform(0, 1, ward.arrays.demand.shape))
    for goal in random_goals(ward, seed):
        plain, found = maximise(ward, goal), closest(ward, goal, target)
        assert ward.feasible(found.x)
        assert found.value >= plain.value - 5e-6
        assert worth(ward, Nearest(target), found.x) >= worth(ward, Nearest(target), plain.x) - 1e-6


def test_closest_breaks_a_tie_toward_the_target() -> None:
    even = ward_of([[1], [1]], [1], [True])
    anything = Total(Objective(np.ones((2, 1))))
    assert closest(even, anything, np.array([[0.8], [0.4]])).x[:, 0] == pytest.approx([0.7, 0.3], abs=1e-6)


def test_closest_does_not_drift_from_a_unique_curved_optimum() -> None:
    ward = ward_of([[1], [1]], [2], [True])
    u = Objective(np.array([[0.1], [0.0]]), variance=1.0, worst_off=0.5)
    plain = maximise(ward, Total(u)).x
    assert closest(ward, Total(u), np.zeros((2, 1))).x == pytest.approx(plain, abs=1e-5)


def test_a_seed_draws_among_tied_whole_allocations_and_none_takes_the_first() -> None:
    ward = ward_of(np.ones((4, 1)), [1], [False])
    anything, middle = Total(Objective(np.ones((4, 1)))), np.full((4, 1), 0.25)
    first = closest(ward, anything, middle).x
    assert first.tolist() == closest(ward, anything, middle).x.tolist()
    drawn = [int(closest(ward, anything, middle, rng=np.random.default_rng(s)).x.argmax()) for s in range(60)]
    assert set(drawn) == {0, 1, 2, 3}
    again = [int(closest(ward, anything, middle, rng=np.random.default_rng(s)).x.argmax()) for s in range(60)]
    assert drawn == again
