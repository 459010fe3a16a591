"""Are the optima optimal: against brute force, dense sampling, closed forms and an independent solver."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scenarios.optimum
import scenarios.optimum.solve
from scenarios.objective import Objective
from scenarios.optimum import (
    Goal,
    Infeasible,
    Least,
    LogProduct,
    Total,
    bounds,
    enumerate_whole,
    leximin,
    maximise,
    project,
)
from scenarios.ward import Array
from tests.scenarios.optimum_cases import (
    lattice,
    quick,
    random_goals,
    random_objective,
    random_ward,
    samples,
    seeds,
    ward_of,
    worth,
)


@quick
@given(seeds)
def test_whole_goods_reach_the_best_of_all_allocations(seed: int) -> None:
    ward = random_ward(seed, "whole", 4)
    points = lattice(ward)
    for goal in random_goals(ward, seed):
        found = maximise(ward, goal)
        assert ward.feasible(found.x)
        assert found.gap == 0
        assert found.value == pytest.approx(worth(ward, goal, found.x), abs=1e-12)
        assert found.value == pytest.approx(max(worth(ward, goal, x) for x in points), abs=1e-9)


@quick
@given(seeds)
def test_enumeration_lists_each_allocation_once_in_any_box(seed: int) -> None:
    ward = random_ward(seed, "whole", 4)
    rng = np.random.default_rng(seed)
    pair = np.sort(np.stack([project(ward, rng.uniform(0, 1) * ward.arrays.demand) for _ in "ab"]), axis=0)
    lower, upper = pair
    listed = enumerate_whole(ward, lower, upper)
    assert listed is not None
    wanted = {x.tobytes() for x in lattice(ward) if (x >= lower).all() and (x <= upper).all()}
    assert len(listed) == len(wanted)
    assert {np.ascontiguousarray(x + 0.0).tobytes() for x in listed} == wanted


def test_enumeration_gives_up_beyond_its_limit_and_on_divisible_cells_that_are_free() -> None:
    beds = ward_of(np.ones((6, 1)), [3], [False])
    assert len(enumerate_whole(beds)) == 42  # type: ignore[arg-type]
    assert enumerate_whole(beds, most=41) is None
    mixed = ward_of(np.ones((3, 2)), [2, 2], [False, True])
    assert enumerate_whole(mixed) is None
    half = np.array([[0, 0.5]] * 3)
    listed = enumerate_whole(mixed, lower=half, upper=half + np.array([1, 0]))
    assert listed is not None and len(listed) == 7 and (listed[:, :, 1] == 0.5).all()


@quick
@given(seeds)
def test_leximin_sorts_like_brute_force(seed: int) -> None:
    ward = random_ward(seed, "whole", 4)
    rng = np.random.default_rng(seed)
    terms = tuple((random_objective(ward, rng), 0.0, 1.0) for _ in range(3))

    def ranked(x: Array) -> list[float]:
        return sorted(u.value(ward, x) for u, _, _ in terms)

    best = max(ranked(x) for x in lattice(ward))
    assert ranked(leximin(ward, terms).x) == pytest.approx(best, abs=1e-8)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["whole", "mixed"])
def test_branch_and_bound_agrees_with_the_lists(
    seed: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward = random_ward(seed, kind, 5)
    goals = random_goals(ward, seed)
    floor = random_objective(ward, np.random.default_rng(seed + 1))
    level = maximise(ward, Total(floor)).value
    pairs = [(goal, rule) for goal in goals for rule in ((), ((floor, level - 0.02),))]
    listed = [maximise(ward, goal, floors=rule) for goal, rule in pairs]
    monkeypatch.setattr(scenarios.optimum.solve, "table", lambda space: None)
    monkeypatch.setattr(scenarios.optimum.solve, "by_list", lambda programme, value, alone: None)
    monkeypatch.setattr("scenarios.optimum.exact._ANSWERS", OrderedDict())
    for (goal, rule), expected in zip(pairs, listed, strict=True):
        found = maximise(ward, goal, floors=rule)
        assert ward.feasible(found.x)
        assert found.value == pytest.approx(expected.value, abs=2e-6)
        assert found.gap <= 1e-6


@quick
@given(seeds, st.sampled_from(["divisible", "mixed"]))
def test_no_sampled_allocation_beats_the_optimum(seed: int, kind: str) -> None:
    ward = random_ward(seed, kind)
    rng = np.random.default_rng(seed)
    points = samples(ward, rng, 150)
    for goal in random_goals(ward, seed):
        found = maximise(ward, goal)
        assert ward.feasible(found.x)
        assert found.gap <= 1e-6
        assert found.value == pytest.approx(worth(ward, goal, found.x), abs=1e-12)
        near = [
            found.x + t * (x - found.x)
            for x in points[:50]
            for t in (1e-3, 0.1)
            if not ward.arrays.whole.any()
        ]
        assert max(worth(ward, goal, x) for x in [*points, *near]) <= found.value + 1e-6


@quick
@given(seeds)
def test_smooth_goals_agree_with_an_independent_solver(seed: int) -> None:
    from scipy.optimize import LinearConstraint, minimize

    ward = random_ward(seed, "divisible", 4)
    a, rng = ward.arrays, np.random.default_rng(seed)
    u = Objective(rng.uniform(0, 0.4, a.demand.shape), variance=2.0)
    v = Objective(rng.uniform(0, 0.4, a.demand.shape), constant=0.1, variance=0.5)
    n, k = a.demand.shape
    sums = LinearConstraint(np.kron(np.ones((1, n)), np.eye(k)), -np.inf, a.capacity)
    for goal in (Total(u), LogProduct(((u, -1.0), (v, -1.0)))):
        found = maximise(ward, goal)

        def loss(z: Array, goal: Goal = goal) -> float:
            return -worth(ward, goal, z.reshape(n, k))

        for start in samples(ward, rng, 2):
            other = minimize(
                loss,
                start.ravel(),
                method="SLSQP",
                bounds=[(0, d) for d in a.demand.ravel()],
                constraints=[sums],
                options={"ftol": 1e-12, "maxiter": 300},
            )
            assert found.value >= -other.fun - 1e-6
            if other.success:
                assert found.value == pytest.approx(-other.fun, abs=1e-4)


def test_survival_goes_where_a_unit_saves_most() -> None:
    ward = ward_of([[2], [1], [4]], [3], [True], gain=[0.8, 0.3, 0.4])
    u = Objective(ward.arrays.benefit[:, None] / ward.arrays.demand)
    assert maximise(ward, Total(u)).x == pytest.approx(np.array([[2], [1], [0]]))


@pytest.mark.parametrize("n,capacity", [(2, 1.0), (5, 2.0), (7, 9.0)])
def test_max_min_of_equal_demands_is_capacity_over_demand(n: int, capacity: float) -> None:
    ward = ward_of(np.full((n, 1), 1.5), [capacity], [True])
    assert bounds(ward)["worst_off"] == pytest.approx(min(1.0, capacity / (1.5 * n)), abs=1e-8)


def test_nash_splits_evenly_between_equals() -> None:
    ward = ward_of([[1], [1]], [1], [True])
    mine, yours = Objective(np.array([[1.0], [0]])), Objective(np.array([[0], [1.0]]))
    assert maximise(ward, LogProduct(((mine, 0.0), (yours, 0.0)))).x == pytest.approx(
        np.full((2, 1), 0.5), abs=1e-8
    )
    skewed = maximise(ward, LogProduct(((mine, 0.4), (yours, 0.0))))
    assert skewed.x[:, 0] == pytest.approx([0.7, 0.3], abs=1e-8)


def test_least_equalises_scaled_gains() -> None:
    ward = ward_of([[1], [1]], [1], [True])
    mine, yours = Objective(np.array([[1.0], [0]])), Objective(np.array([[0], [1.0]]))
    found = maximise(ward, Least(((mine, 0.1, 2.0), (yours, 0.0, 1.0))))
    assert found.x[:, 0] == pytest.approx([0.7, 0.3], abs=1e-7)
    assert found.value == pytest.approx(0.3, abs=1e-7)


def test_leximin_lifts_the_next_worst_where_the_worst_cannot_gain() -> None:
    ward = ward_of([[1, 0], [0, 1], [0, 1]], [0.2, 1.5], [True, True])
    terms = tuple((Objective(np.outer(np.eye(3)[i], [1.0, 1.0])), 0.0, 1.0) for i in range(3))
    assert leximin(ward, terms).x.sum(axis=1) == pytest.approx([0.2, 0.75, 0.75], abs=1e-6)


def test_nash_without_gain_for_all_falls_back_to_leximin_and_says_minus_infinity() -> None:
    ward = ward_of([[1], [1]], [1], [False])
    mine, yours = Objective(np.array([[1.0], [0]])), Objective(np.array([[0], [0.5]]))
    found = maximise(ward, LogProduct(((mine, 0.0), (yours, 0.0))))
    assert found.value == float("-inf")
    assert found.x[:, 0].tolist() == [1, 0]


@quick
@given(seeds, st.sampled_from(["divisible", "whole", "mixed"]))
def test_an_optimum_just_computed_can_be_a_floor(seed: int, kind: str) -> None:
    ward = random_ward(seed, kind)
    rng = np.random.default_rng(seed)
    u, v = random_objective(ward, rng), random_objective(ward, rng)
    top = maximise(ward, Total(u))
    found = maximise(ward, Total(v), floors=[(u, top.value)])
    assert ward.feasible(found.x)
    assert u.value(ward, found.x) >= top.value - 2e-6
    assert found.value >= v.value(ward, top.x) - 1e-6


@quick
@given(seeds, st.sampled_from(["divisible", "whole", "mixed"]))
def test_boxes_rows_and_floors_are_kept(seed: int, kind: str) -> None:
    ward = random_ward(seed, kind)
    rng = np.random.default_rng(seed)
    first, second = (
        project(ward, rng.uniform(0, 1, ward.arrays.demand.shape) * ward.arrays.demand) for _ in "ab"
    )
    lower, upper = np.minimum(first, second), np.maximum(first, second)
    row, u = rng.uniform(-1, 1, lower.shape), random_objective(ward, rng)
    level = min(u.value(ward, first), u.value(ward, second))
    bound = float(min((row * first).sum(), (row * second).sum()))
    for goal in random_goals(ward, seed):
        found = maximise(ward, goal, lower=lower, upper=upper, floors=[(u, level)], rows=[(row, bound)])
        assert ward.feasible(found.x)
        assert (found.x >= lower).all() and (found.x <= upper).all()
        assert u.value(ward, found.x) >= level - 2e-6
        assert (row * found.x).sum() >= bound - 2e-6
        for x in (first, second):
            if u.value(ward, x) >= level and (row * x).sum() >= bound:
                assert found.value >= worth(ward, goal, x) - 1e-6


@pytest.mark.parametrize("kind", [True, False])
def test_what_cannot_be_kept_is_infeasible(kind: bool) -> None:
    ward = ward_of([[1], [1]], [1], [kind])
    goal = Total(Objective(np.ones((2, 1)), variance=1.0))
    share = Objective(np.array([[1.0], [0]]))
    with pytest.raises(Infeasible, match="every floor"):
        maximise(ward, goal, floors=[(share, 1.1)])
    with pytest.raises(Infeasible, match="every row"):
        maximise(ward, goal, rows=[(np.ones((2, 1)), 1.5)])
    with pytest.raises(Infeasible, match=r"p0\.r0 has no value from 1 to 0"):
        maximise(ward, goal, lower=np.ones((2, 1)), upper=np.zeros((2, 1)))
    with pytest.raises(Infeasible, match="r0 must give 2 but capacity is 1"):
        maximise(ward, goal, lower=np.ones((2, 1)))


def test_a_box_of_one_point_holds_that_point() -> None:
    ward = ward_of([[1, 2], [1, 2]], [1, 2], [False, True])
    point = np.array([[1, 0.25], [0, 1.5]])
    for goal in random_goals(ward, 3):
        assert maximise(ward, goal, lower=point, upper=point).x == pytest.approx(point)


def test_ex_ante_shares_what_is_whole() -> None:
    ward = ward_of([[1], [1], [1]], [1], [False])
    fair = Total(Objective(np.zeros((3, 1)), worst_off=1.0))
    assert maximise(ward, fair).value == 0
    assert maximise(ward, fair, ex_ante=True).x == pytest.approx(np.full((3, 1), 1 / 3), abs=1e-7)


def test_the_same_question_gets_the_same_answer_and_keeps_it() -> None:
    ward = random_ward(1, "mixed")
    goal = random_goals(ward, 1)[3]
    first = maximise(ward, goal)
    first.x[:] = -1
    assert ward.feasible(maximise(ward, goal).x)
