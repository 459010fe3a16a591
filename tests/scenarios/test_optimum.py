"""Are the optima optimal: against brute force, dense sampling, closed forms and an independent solver."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scenarios._solve
from scenarios.errors import ParleyError
from scenarios.measures import MEASURES, counted_need_satisfaction, mean_absolute_difference, normalised_gini
from scenarios.objective import Objective
from scenarios.optimum import (
    Goal,
    Infeasible,
    Least,
    Leximin,
    LogProduct,
    Nearest,
    Total,
    balanced_floor,
    balanced_optimum,
    bounds,
    closest,
    enumerate_whole,
    group_maximum,
    leximin,
    maximise,
    normalised_measures,
    pareto_efficient,
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


# --- whole goods: every allocation is tried -------------------------------------------------------------


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
    monkeypatch.setattr(scenarios._solve, "table", lambda space: None)
    monkeypatch.setattr(scenarios._solve, "by_list", lambda programme, value, alone: None)
    monkeypatch.setattr("scenarios.optimum._ANSWERS", type(scenarios.optimum._ANSWERS)())
    for (goal, rule), expected in zip(pairs, listed, strict=True):
        found = maximise(ward, goal, floors=rule)
        assert ward.feasible(found.x)
        assert found.value == pytest.approx(expected.value, abs=2e-6)
        assert found.gap <= 1e-6


# --- divisible and mixed goods: nothing sampled is better, and an independent solver agrees -------------------


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


# --- floors, rows, boxes --------------------------------------------------------------------------------


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


# --- nearest and closest --------------------------------------------------------------------------------


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


# --- bounds ---------------------------------------------------------------------------------------------


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


def test_a_ward_where_nobody_demands_anything_has_bounds_of_nothing() -> None:
    ward = ward_of([[0], [0]], [3], [True])
    assert dict(bounds(ward)) == dict.fromkeys(set(MEASURES) - {"evenness"}, 0.0)
    assert set(normalised_measures(ward, np.zeros((2, 1))).values()) == {None}
    assert np.isnan(balanced_floor(ward, np.zeros((2, 1)), list(MEASURES)))
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


# --- normalised measures, balance, efficiency -----------------------------------------------------------


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


def test_the_same_question_gets_the_same_answer_and_keeps_it() -> None:
    ward = random_ward(1, "mixed")
    goal = random_goals(ward, 1)[3]
    first = maximise(ward, goal)
    first.x[:] = -1
    assert ward.feasible(maximise(ward, goal).x)
