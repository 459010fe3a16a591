"""Does the lottery keep its promise: exact marginals, feasible whole allocations, for every order?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.merging.lottery import decompose, expectation
from scenarios.errors import ParleyError
from scenarios.lottery import draw
from scenarios.measures import counted_need_satisfaction, worst_off
from scenarios.ward import Array, Ward
from tests.nodes.strategies_wards import allocations, ward_of, wards


@st.composite
def marginals_in_a_ward(draw: st.DrawFn) -> tuple[Ward, Array]:
    """A ward and a convex combination of two or three of its feasible allocations."""
    ward = draw(wards(most_patients=6, most_resources=3))
    points = [draw(allocations(ward)) for _ in range(draw(st.integers(1, 3)))]
    weights = np.array([draw(st.sampled_from([1.0, 2.0, 0.37])) for _ in points])
    return ward, np.tensordot(weights / weights.sum(), np.array(points), axes=1)


@given(marginals_in_a_ward(), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_expectation_is_the_marginal_for_every_order(case: tuple[Ward, Array], random: Any) -> None:
    ward, marginals = case
    order = list(range(len(marginals)))
    random.shuffle(order)
    lottery = decompose(marginals, ward, order)
    assert sum(p for p, _ in lottery) == pytest.approx(1, abs=1e-12)
    assert all(p > 0 for p, _ in lottery)
    expected = sum(p * x for p, x in lottery)
    np.testing.assert_allclose(expected, marginals, atol=1e-8)


@given(marginals_in_a_ward(), st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_every_outcome_is_feasible_and_next_to_its_marginal(case: tuple[Ward, Array], seed: int) -> None:
    ward, marginals = case
    whole = ward.arrays.whole
    outcomes = [x for _, x in decompose(marginals, ward)]
    for x in [*outcomes, draw(ward, marginals, np.random.default_rng(seed))]:
        assert ward.violations(x) == []
        assert (abs(x - marginals)[:, whole] < 1).all()
        np.testing.assert_array_equal(x[:, ~whole], marginals[:, ~whole])
        sums, owed = x.sum(axis=0)[whole], marginals.sum(axis=0)[whole]
        assert (abs(sums - owed) < 1).all(), "a column strays from the floor or ceiling of its sum"


def test_two_patients_one_bed_is_a_coin() -> None:
    ward = ward_of([[1.0], [1.0]], [1], whole=True)
    lottery = decompose(np.array([[0.5], [0.5]]), ward)
    assert [(p, x.ravel().tolist()) for p, x in lottery] == [(0.5, [1, 0]), (0.5, [0, 1])]


def test_a_patient_who_needs_two_things_gets_both_or_none() -> None:
    ward = ward_of([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]], [1, 1], whole=True)
    lottery = decompose(np.full((3, 2), 1 / 3), ward)
    assert len(lottery) == 3
    assert all((x[:, 0] == x[:, 1]).all() for _, x in lottery)


def test_what_is_whole_already_is_certain() -> None:
    ward = ward_of([[2.0], [1.0]], [3], whole=True)
    assert [(p, x.tolist()) for p, x in decompose(np.array([[2.0], [0.0]]), ward)] == [(1.0, [[2.0], [0.0]])]


def test_neighbours_can_be_served_together_when_drawn() -> None:
    """In ward order patients 0 and 1, owed half a bed each, never both get one; a random order mends that."""
    ward = ward_of(np.ones((4, 1)), [2], whole=True)
    marginals = np.full((4, 1), 0.5)
    assert not any(x[0, 0] and x[1, 0] for _, x in decompose(marginals, ward))
    drawn = [draw(ward, marginals, np.random.default_rng(seed)) for seed in range(200)]
    assert any(x[0, 0] and x[1, 0] for x in drawn)


def test_frequencies_of_the_draw_follow_the_marginals() -> None:
    ward = ward_of(np.ones((5, 1)), [2], whole=True)
    marginals = np.array([[0.1], [0.7], [0.2], [0.65], [0.35]])
    rng = np.random.default_rng(0)
    mean = np.mean([draw(ward, marginals, rng) for _ in range(4000)], axis=0)
    np.testing.assert_allclose(mean, marginals, atol=4 * np.sqrt(0.25 / 4000))


def test_a_draw_is_the_same_for_the_same_seed() -> None:
    ward, marginals = ward_of(np.ones((6, 1)), [3], whole=True), np.full((6, 1), 0.5)
    first, again = (draw(ward, marginals, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_expectation_of_the_worst_off_is_below_its_value_at_the_marginals() -> None:
    ward = ward_of([[1.0], [1.0]], [1], whole=True)
    half = np.array([[0.5], [0.5]])
    after = expectation(decompose(half, ward), lambda x: worst_off(counted_need_satisfaction(ward, x)))
    assert (after, worst_off(counted_need_satisfaction(ward, half))) == (0.0, 0.5)


def test_too_much_is_refused_with_the_resource_named() -> None:
    ward = ward_of([[1.0], [1.0]], [1], whole=True)
    with pytest.raises(ParleyError, match=r"r0 adds up to 1\.2, but capacity is 1"):
        decompose(np.array([[0.6], [0.6]]), ward)


def test_rounding_noise_never_breaks_a_capacity() -> None:
    ward = ward_of(np.ones((3, 1)), [1], whole=True)
    noisy = np.array([[1 / 3 + 1e-7], [1 / 3 + 1e-7], [1 / 3 + 1e-7]])
    assert all(x.sum() <= 1 for _, x in decompose(noisy, ward))
