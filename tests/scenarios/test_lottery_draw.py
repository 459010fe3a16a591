"""Are lots fair: every cell's chance is its marginal, and every draw is an allocation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.errors import ParleyError
from scenarios.lottery import chances, draw
from scenarios.ward import Array, Ward


def ward(demand: list[list[int]], capacity: list[int], divisible: list[bool]) -> Ward:
    """A ward of given demands, (N, K), whole or divisible."""
    goods = [f"r{k}" for k in range(len(capacity))]
    people = [
        {"id": f"p{i}", "severity": 0.5, "survival_with_care": 0.8, "survival_without_care": 0.2,
         "needs": dict(zip(goods, needs, strict=True))}
        for i, needs in enumerate(demand)
    ]  # fmt: skip
    resources = {g: {"capacity": capacity[k], "divisible": divisible[k]} for k, g in enumerate(goods)}
    return Ward.model_validate({"name": "w", "title": "w", "resources": resources, "patients": people})


class Loaded(np.random.Generator):
    """A generator that leaves the order alone and returns a given offset."""

    def __init__(self, offset: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.offset = offset

    def permutation(self, x: int) -> Array:  # type: ignore[override]
        return np.arange(x)  # type: ignore[return-value]

    def random(self) -> float:  # type: ignore[override]
        return self.offset


@st.composite
def lotteries(pick: st.DrawFn) -> tuple[Ward, Array]:
    """A ward and feasible marginals in multiples of 1/60, so that 60 offsets average to them exactly."""
    n, kinds = pick(st.integers(1, 5)), pick(st.integers(1, 3))
    demand = [[pick(st.integers(0, 3)) for _ in range(kinds)] for _ in range(n)]
    demand[0][0] = max(1, demand[0][0])  # a ward in which nobody needs anything is refused
    marginals = np.array([[pick(st.integers(0, 60 * d)) / 60 for d in row] for row in demand])
    capacity = [int(np.ceil(marginals[:, k].sum() - 1e-9)) for k in range(kinds)]
    return ward(demand, capacity, [pick(st.booleans()) for _ in range(kinds)]), marginals


@given(lotteries())
@settings(max_examples=60, deadline=None)
def test_over_all_offsets_each_cell_gets_exactly_its_chance(case: tuple[Ward, Array]) -> None:
    w, marginals = case
    drawn = [draw(w, marginals, Loaded((j + 0.5) / 60)) for j in range(60)]
    assert np.mean(drawn, axis=0) == pytest.approx(marginals, abs=1e-9)
    for x in drawn:
        assert not w.violations(x)
        whole = w.arrays.whole
        assert (abs(x.sum(axis=0) - marginals.sum(axis=0))[whole] < 1 - 1e-9).all(), (
            "sums are kept to the unit"
        )
        assert (abs(x - marginals)[:, whole] < 1).all() and (x == marginals)[:, ~whole].all()


@given(lotteries(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_any_seed_draws_an_allocation_and_the_same_one_again(case: tuple[Ward, Array], seed: int) -> None:
    w, marginals = case
    x = draw(w, marginals, np.random.default_rng(seed))
    assert not w.violations(x)
    assert (x == draw(w, marginals, np.random.default_rng(seed))).all()


def test_neighbours_in_the_ward_may_be_served_together() -> None:
    w, marginals = ward([[1]] * 4, [2], [False]), np.full((4, 1), 0.5)
    pairs = {tuple(np.flatnonzero(draw(w, marginals, np.random.default_rng(s))).tolist()) for s in range(80)}
    assert len(pairs) == 6


def test_whoever_needs_two_goods_gets_them_together() -> None:
    w, marginals = ward([[1, 1]] * 3, [1, 1], [False, False]), np.full((3, 2), 1 / 3)
    for seed in range(20):
        x = draw(w, marginals, np.random.default_rng(seed))
        assert (x[:, 0] == x[:, 1]).all() and x.sum() == 2


def test_what_solvers_leave_of_noise_decides_nothing() -> None:
    w, exact = ward([[1]] * 4, [2], [False]), np.array([[1.0], [0.5], [0.5], [0.0]])
    noisy = exact + np.array([[-3e-8], [2e-8], [3e-8], [2e-8]])
    for seed in range(20):
        x = draw(w, noisy, np.random.default_rng(seed))
        assert x.sum() == 2 and x[0] == 1 and x[3] == 0


@pytest.mark.parametrize("wrong", [[[1.5], [0.0]], [[0.8], [0.8]], [[-0.5], [0.5]]])
def test_chances_that_no_lottery_has_are_refused(wrong: list[list[float]]) -> None:
    with pytest.raises(ParleyError, match="ward 'w'"):
        draw(ward([[1], [1]], [1], [False]), np.array(wrong), np.random.default_rng(0))


def test_the_ward_of_chances_is_the_same_but_divisible() -> None:
    w = ward([[2, 1], [1, 1]], [2, 1], [False, True])
    assert w.arrays.whole.tolist() == [True, False]
    loosened = chances(w)
    assert loosened.arrays.whole.tolist() == [False, False]
    assert (loosened.arrays.demand == w.arrays.demand).all() and loosened.patients == w.patients
