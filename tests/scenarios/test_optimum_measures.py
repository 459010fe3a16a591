"""Are the bounds of a ward, its balanced optimum and Pareto efficiency what brute force finds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import ParleyError
from scenarios.measures import MEASURES, counted_need_satisfaction, mean_absolute_difference, normalised_gini
from scenarios.objective import Objective
from scenarios.optimum import (
    Total,
    balanced_floor,
    balanced_optimum,
    bounds,
    group_maximum,
    maximise,
    normalised_measures,
    pareto_efficient,
)
from tests.scenarios.optimum_cases import (
    lattice,
    quick,
    random_ward,
    samples,
    seeds,
    ward_of,
)


@quick
@given(seeds)
def test_bounds_are_reached_and_never_passed_by_whole_allocations(seed: int) -> None:
    ward = random_ward(seed, "whole", 4)
    points, a = lattice(ward), ward.arrays
    h = np.array([counted_need_satisfaction(ward, x) for x in points])
    weights = {
        "survival": a.benefit,
        "disadvantage_weighted_survival": a.benefit * a.prioritarian,
        "vulnerability_weighted_care": a.care,
    }
    for name, w in weights.items():
        assert bounds(ward)[name] == pytest.approx((h @ w[a.counted]).max(), abs=1e-9)
    assert bounds(ward)["worst_off"] == pytest.approx(h.min(axis=1).max(), abs=1e-9)
    assert bounds(ward)["equality"] == pytest.approx(max(map(mean_absolute_difference, h)), abs=1e-9)


@quick
@given(seeds)
def test_the_greatest_spread_is_that_of_the_best_vertex(seed: int) -> None:
    from scipy.optimize import linprog

    ward = random_ward(seed, "divisible", 4)
    a = ward.arrays
    n, k = a.demand.shape
    who = np.flatnonzero(a.counted)
    share = np.divide(1.0, a.demand, out=np.zeros_like(a.demand), where=a.demand > 0)
    share /= np.maximum((a.demand > 0).sum(axis=1, keepdims=True), 1)
    most = 0.0
    for order in itertools.permutations(who):
        weights = np.zeros(n)
        weights[list(order)] = 2.0 * np.arange(1, len(who) + 1) - len(who) - 1
        answer = linprog(
            -(weights[:, None] * share).ravel(),
            A_ub=np.kron(np.ones((1, n)), np.eye(k)),
            b_ub=a.capacity,
            bounds=[(0, d) for d in a.demand.ravel()],
        )
        assert answer.fun is not None
        most = max(most, -answer.fun * 2 / len(who) ** 2)
    assert bounds(ward)["equality"] == pytest.approx(most, abs=2e-6)


def test_group_maximum_serves_the_group_alone() -> None:
    ward = ward_of([[1], [2], [2]], [3], [True])
    assert group_maximum(ward, np.array([0.0, 1, 1])) == pytest.approx(1.5)
    assert group_maximum(ward, np.zeros(3)) == 0


def test_a_ward_where_there_is_nothing_to_give_has_bounds_of_nothing() -> None:
    ward = ward_of([[1], [0]], [0], [True])
    assert dict(bounds(ward)) == dict.fromkeys(set(MEASURES) - {"evenness"}, 0.0)
    defined = {name for name, g in normalised_measures(ward, np.zeros((2, 1))).items() if g is not None}
    assert defined == {"evenness", "equality"}, "where nobody can have anything, all have the same"
    with pytest.raises(ParleyError, match="none of survival is defined"):
        balanced_optimum(ward, ["survival"])


@pytest.mark.parametrize("divisible", [True, False])
def test_one_patient_no_capacity_and_plenty(divisible: bool) -> None:
    one = ward_of([[2]], [5], [divisible])
    assert bounds(one)["survival"] == pytest.approx(0.5)
    assert bounds(one)["worst_off"] == pytest.approx(1)
    assert bounds(one)["equality"] == 0
    assert balanced_optimum(one, list(MEASURES)).value == pytest.approx(1, abs=1e-7)
    none = ward_of([[1], [1]], [0], [divisible])
    assert dict(bounds(none)) == dict.fromkeys(set(MEASURES) - {"evenness"}, 0.0)
    assert not maximise(none, Total(Objective(np.ones((2, 1)), worst_off=1.0))).x.any()
    plenty = ward_of([[1], [2]], [9], [divisible])
    assert maximise(plenty, Total(Objective(np.ones((2, 1)), worst_off=1.0))).x[:, 0] == pytest.approx(
        [1, 2], abs=1e-7
    )


@quick
@given(seeds, st.sampled_from(["divisible", "whole", "mixed"]))
def test_normalised_measures_lie_in_zero_to_one(seed: int, kind: str) -> None:
    ward = random_ward(seed, kind)
    for x in samples(ward, np.random.default_rng(seed), 20):
        g = normalised_measures(ward, x)
        assert list(g) == list(MEASURES)
        assert all(value is None or 0 <= value <= 1 for value in g.values())
        assert g["equality"] == pytest.approx(normalised_gini(counted_need_satisfaction(ward, x)))
        for name, most in bounds(ward).items():
            assert name == "equality" or (g[name] is None) == (most <= 1e-12)


@quick
@given(seeds, st.sets(st.sampled_from(sorted(MEASURES)), min_size=1))
def test_the_balanced_optimum_is_the_best_of_all_whole_allocations(seed: int, names: set[str]) -> None:
    ward = random_ward(seed, "whole", 4)
    known = [
        n
        for n, g in normalised_measures(ward, np.zeros_like(ward.arrays.demand)).items()
        if n in names and g is not None
    ]
    if known:
        best = max(balanced_floor(ward, x, known) for x in lattice(ward))
        assert balanced_optimum(ward, sorted(names)).value == pytest.approx(best, abs=1e-8)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "names", [list(MEASURES), ["survival", "equality"], ["worst_off", "equality", "survival"]]
)
def test_the_balanced_optimum_matches_a_fine_grid(seed: int, names: list[str]) -> None:
    rng = np.random.default_rng(seed)
    ward = ward_of([[1], [1.5], [2]], [float(rng.uniform(1, 3))], [True], gain=list(rng.uniform(0.1, 1, 3)))
    a, most = ward.arrays, bounds(ward)
    ticks = np.linspace(0, 1, 101)
    h = np.stack(np.meshgrid(ticks, ticks, ticks), axis=-1).reshape(-1, 3)
    h = h[h @ a.demand[:, 0] <= a.capacity[0]]
    pairs = sum(abs(h[:, i] - h[:, j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    g = {
        "survival": h @ a.benefit / most["survival"],
        "worst_off": h.min(axis=1) / most["worst_off"],
        "evenness": 1 - 4 * h.var(axis=1),
        "disadvantage_weighted_survival": h
        @ (a.prioritarian * a.benefit)
        / most["disadvantage_weighted_survival"],
        "vulnerability_weighted_care": h @ a.care / most["vulnerability_weighted_care"],
        "equality": 1 - pairs / np.maximum(2 * h.sum(axis=1), 1e-12),  # Gini·3/2 = Σ over pairs / (2 Σh)
    }
    best = float(np.min([g[name] for name in names], axis=0).max())
    found = balanced_optimum(ward, names)
    assert found.value == pytest.approx(balanced_floor(ward, found.x, names), abs=1e-12)
    assert best - 1e-7 <= found.value <= best + 0.03


@quick
@given(seeds, st.sets(st.sampled_from(sorted(MEASURES)), min_size=1))
def test_pareto_efficiency_agrees_with_brute_force(seed: int, names: set[str]) -> None:
    ward = random_ward(seed, "whole", 4)
    points = lattice(ward)[:: 1 + len(lattice(ward)) // 60]
    every = [normalised_measures(ward, x) for x in lattice(ward)]
    known = [n for n in names if every[0][n] is not None]
    g = np.array([[row[n] for n in known] for row in every], dtype=float).reshape(len(every), len(known))
    for x in points:
        mine = np.array([normalised_measures(ward, x)[n] for n in known], dtype=float)
        gains = np.where((g >= mine - 1e-9).all(axis=1), (g - mine).sum(axis=1), -1.0)
        assert pareto_efficient(ward, x, sorted(names)) == bool(gains.max(initial=0.0) <= 1e-6)


@quick
@given(seeds)
def test_a_weighted_best_is_efficient_and_half_of_it_is_not(seed: int) -> None:
    ward = random_ward(seed, "divisible")
    names = ["survival", "vulnerability_weighted_care"]
    a, most = ward.arrays, bounds(ward)
    share = np.divide(1.0, a.demand, out=np.zeros_like(a.demand), where=a.demand > 0)
    share /= np.maximum((a.demand > 0).sum(axis=1, keepdims=True), 1)
    weights = a.benefit / most["survival"] + a.care / most["vulnerability_weighted_care"]
    best = maximise(ward, Total(Objective(weights[:, None] * share))).x
    assert pareto_efficient(ward, best, names)
    assert not pareto_efficient(ward, best / 2, names)


def test_an_equal_allocation_is_efficient_for_equality_until_more_can_be_given() -> None:
    ward = ward_of([[1], [1]], [1], [True], gain=[0.9, 0.3])
    assert pareto_efficient(ward, np.array([[0.5], [0.5]]), ["survival", "equality", "evenness"])
    assert not pareto_efficient(ward, np.array([[0.4], [0.4]]), ["survival", "equality", "evenness"])
