"""Are the six measures what their formulas say, in the corner cases too, checked by brute force?"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.load import load
from scenarios.measures import (
    MEASURES,
    counted_need_satisfaction,
    disadvantage_weighted_survival,
    gini,
    mean_absolute_difference,
    need_satisfaction,
    normalised,
    normalised_gini,
    normalised_variance,
    raw_measures,
    survival,
    variance,
    vulnerability_weighted_care,
    worst_off,
)
from scenarios.ward import Array, Patient, Resource, Ward

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array)
SOME_SHARES = st.lists(st.floats(0.01, 1), min_size=1, max_size=12).map(np.array)


def pairwise(h: Array) -> float:
    return sum(abs(float(a) - float(b)) for a, b in product(h, h)) / len(h) ** 2


@given(SHARES)
def test_gini_is_half_the_relative_mean_absolute_difference(h: Array) -> None:
    expected = 0.0 if h.sum() == 0 else pairwise(h) / (2 * h.mean())
    assert gini(h) == pytest.approx(expected, abs=1e-9)


@given(SHARES)
def test_mean_absolute_difference_is_the_pairwise_mean(h: Array) -> None:
    assert mean_absolute_difference(h) == pytest.approx(pairwise(h), abs=1e-12)
    assert -1e-12 <= mean_absolute_difference(h) <= 0.5 + 1e-12


@given(SHARES, st.randoms(use_true_random=False))
def test_order_of_patients_does_not_matter(h: Array, random: object) -> None:
    shuffled = np.array(h)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for measure in (gini, variance, worst_off, mean_absolute_difference):
        assert measure(shuffled) == pytest.approx(measure(h), abs=1e-12)


@given(SOME_SHARES, st.floats(0.1, 1))
def test_gini_is_free_of_scale_and_within_its_range(h: Array, scale: float) -> None:
    assert gini(h * scale) == pytest.approx(gini(h), abs=1e-9)
    assert 0 <= gini(h) <= 1 - 1 / len(h) + 1e-12


@given(SHARES, st.data())
def test_a_transfer_from_more_to_less_evens_out(h: Array, data: st.DataObject) -> None:
    """Pigou–Dalton: every measure of inequality falls or stays, the least rises or stays."""
    high, low = int(h.argmax()), int(h.argmin())
    amount = data.draw(st.floats(0, 1)) * (h[high] - h[low]) / 2
    after = np.array(h)
    after[high] -= amount
    after[low] += amount
    assert gini(after) <= gini(h) + 1e-9
    assert variance(after) <= variance(h) + 1e-12
    assert mean_absolute_difference(after) <= mean_absolute_difference(h) + 1e-12
    assert worst_off(after) >= worst_off(h) - 1e-12


@given(SHARES)
def test_normalised_forms_keep_to_the_unit_interval(h: Array) -> None:
    assert 0 - 1e-12 <= normalised_variance(h) <= 1
    assert 0 <= normalised_gini(h) <= 1


def test_one_patient_has_no_inequality() -> None:
    one = np.array([0.3])
    assert (gini(one), variance(one), mean_absolute_difference(one), worst_off(one)) == (0, 0, 0, 0.3)
    assert normalised_gini(one) == normalised_variance(one) == 1


def test_nothing_for_anybody_is_equal() -> None:
    nothing = np.zeros(4)
    assert (gini(nothing), variance(nothing), worst_off(nothing)) == (0, 0, 0)
    assert normalised_gini(nothing) == 1


def test_all_for_one_is_the_worst_inequality() -> None:
    assert gini(np.array([0, 0, 0, 1.0])) == pytest.approx(3 / 4)
    assert normalised_gini(np.array([0, 0, 0, 1.0])) == pytest.approx(0)
    assert normalised_variance(np.array([0, 0, 1.0, 1.0])) == pytest.approx(0)


def test_unsorted_input_is_sorted_first() -> None:
    assert gini(np.array([1.0, 0.0, 0.5])) == gini(np.array([0.0, 0.5, 1.0])) == pytest.approx(4 / 9)


def test_nobody_counted_is_missing_not_zero() -> None:
    nobody = np.zeros(0)
    for measure in (
        gini,
        variance,
        worst_off,
        mean_absolute_difference,
        normalised_gini,
        normalised_variance,
    ):
        assert np.isnan(measure(nobody))


def test_linear_measures_are_weighted_sums() -> None:
    h, p, w = np.array([1.0, 0.5, 0.0]), np.array([0.4, 0.6, 0.9]), np.array([1.0, 2.0, 3.0])
    assert survival(h, p) == pytest.approx(0.7)
    assert disadvantage_weighted_survival(h, p, w) == pytest.approx(1.0)
    assert vulnerability_weighted_care(h, w) == pytest.approx(2.0)


def test_a_normalised_measure_is_undefined_where_nothing_can_be_had() -> None:
    assert normalised(0.0, 0.0) is None
    assert normalised(1.0, 2.0) == 0.5
    assert normalised(2.0 + 1e-9, 2.0) == 1.0


def test_need_satisfaction_is_the_mean_share_of_what_is_demanded() -> None:
    demand = np.array([[4.0, 1.0], [0.0, 2.0], [0.0, 0.0]])
    given_ = np.array([[1.0, 1.0], [0.0, 0.5], [0.0, 0.0]])
    h = need_satisfaction(given_, demand)
    assert h[:2].tolist() == [0.625, 0.25]
    assert np.isnan(h[2])


def test_who_demands_nothing_is_left_out_of_every_measure() -> None:
    patient = {"severity": 0.5, "survival_with_care": 0.9, "survival_without_care": 0.1}
    patients = [
        Patient.model_validate({"id": "a", "needs": {"bed": 1}, **patient}),
        Patient.model_validate({"id": "b", "needs": {}, **patient}),
    ]
    ward = Ward(
        name="w", title="w", resources={"bed": Resource(capacity=1, divisible=False)}, patients=patients
    )
    x = np.array([[1.0], [0.0]])
    assert counted_need_satisfaction(ward, x).tolist() == [1.0]
    raw = raw_measures(ward, x)
    assert raw["survival"] == pytest.approx(0.8)
    assert raw["worst_off"] == 1
    assert raw["equality"] == raw["evenness"] == 0


def test_raw_measures_are_the_six_by_name_computed_longhand() -> None:
    ward = load("pandemic-wave")
    a = ward.arrays
    x = np.minimum(a.demand, a.capacity / len(ward.patients))
    h = [float(np.mean(x[i] / a.demand[i])) for i in range(len(ward.patients))]
    raw = raw_measures(ward, x)
    assert list(raw) == list(MEASURES)
    gains = [p.survival_gain for p in ward.patients]
    assert raw["survival"] == pytest.approx(sum(g * s for g, s in zip(gains, h, strict=True)))
    assert raw["worst_off"] == pytest.approx(min(h))
    assert raw["evenness"] == pytest.approx(sum((s - sum(h) / 9) ** 2 for s in h) / 9)
    weights = [1 + (p.sofa or 0) / 24 for p in ward.patients]
    dw = sum(w * g * s for w, g, s in zip(weights, gains, h, strict=True))
    assert raw["disadvantage_weighted_survival"] == pytest.approx(dw)
    care = [1 + p.vulnerable + p.dependants / (1 + p.dependants) for p in ward.patients]
    assert raw["vulnerability_weighted_care"] == pytest.approx(
        sum(c * s for c, s in zip(care, h, strict=True))
    )
    assert raw["equality"] == pytest.approx(pairwise(np.array(h)) / (2 * sum(h) / 9))
