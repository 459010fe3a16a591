"""Prices and distances are optima: by hand on two patients, against every allocation of small whole wards."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.fairness.price import (
    MEETING,
    Price,
    _objectives,
    _of_criterion,
    _sum,
    distance_table,
    front_distance,
    price_table,
    prices,
)
from evals.frames import frames
from evals.outcomes import outcome
from evals.records import paths
from nodes.findings.base_rate import random_allocations
from nodes.findings.criteria import CRITERIA
from scenarios.errors import ParleyError
from scenarios.load import load
from scenarios.measures import counted_need_satisfaction, mean_absolute_difference
from scenarios.optimum import balanced_floor, bounds, enumerate_whole, maximise, normalised_measures
from scenarios.optimum.goal import Total
from scenarios.ward import Array, Ward
from tests.evals.causal import personas
from tests.nodes.strategies_wards import ward_of, wards
from tests.play import play

SIX = ("survival", "worst_off", "disadvantage_weighted_survival", "vulnerability_weighted_care")


def by_name(ward: Ward, thresholds: dict[str, float] | None = None) -> dict[str, Price]:
    return {p.notion: p for p in prices(ward, thresholds)}


def pair(**more: object) -> Ward:
    """Two patients, one unit of a divisible good, each wants it all; care gains them .8 and .4."""
    return ward_of([[1.0], [1.0]], [1.0], False, gain=[0.8, 0.4], **more)


def test_what_sharing_one_unit_costs() -> None:
    found = by_name(pair())
    # Best: all to the first, .8. Shared evenly: .4 + .2 = .6.
    for notion in ("max-min", "most-equal"):
        assert found[notion].most == pytest.approx(0.8)
        assert found[notion].survival == pytest.approx(0.6, abs=1e-6)
        assert found[notion].price == pytest.approx(0.25, abs=1e-6)
    assert found["max-min"].forgone == pytest.approx(1, abs=1e-6)  # the other gets nothing at the optimum
    assert found["most-equal"].at_optimum == pytest.approx(0, abs=1e-6)  # variance 1/4, as uneven as can be
    # At least .25 each, half of what the worst-off could have: .75 · .8 + .25 · .4 = .7.
    assert found["worst-off-half"].price == pytest.approx(0.1 / 0.8, abs=1e-6)
    assert found["worst-off-half"].free is False and found["survival-90"].free is True
    assert found["nothing-idle"].price == pytest.approx(0, abs=1e-9)
    assert found["holdings-kept"].note == found["access-gap-20"].note == "undefined in this ward"
    assert found["holdings-kept"].price is None


def test_a_threshold_of_the_user_moves_the_price() -> None:
    found = by_name(pair(), {"worst-off-half": 1.0, "survival-90": 0.5})
    assert found["worst-off-half"].price == pytest.approx(0.25, abs=1e-6)
    assert (found["survival-90"].threshold, found["worst-off-half"].threshold) == (0.5, 1.0)
    with pytest.raises(ParleyError, match="no criterion 'worst-off'"):
        prices(pair(), {"worst-off": 0.1})


def test_what_is_in_use_cannot_all_be_kept_above_what_is_needed() -> None:
    held = pair(holds=[{"r0": 0.0}, {"r0": 1.0}])
    assert by_name(held)["holdings-kept"].price == pytest.approx(0.5)
    more = by_name(held, {"holdings-kept": 1.5})["holdings-kept"]
    assert more.price is None and more.note == "no allocation meets it"


def test_where_nobody_gains_nothing_has_a_price() -> None:
    found = by_name(ward_of([[1.0], [1.0]], [1.0], False, gain=[0.0, 0.0]))
    assert found["max-min"].price is None and "nobody gains" in found["max-min"].note
    assert front_distance(ward_of([[1.0]], [0.0], True), np.zeros((1, 1))).loss is None


def test_every_criterion_can_be_priced() -> None:
    assert MEETING.keys() == CRITERIA.keys()


def survivors(ward: Ward, x: Array) -> float:
    return float(ward.arrays.benefit[ward.arrays.counted] @ counted_need_satisfaction(ward, x))


def dearest(ward: Ward, every: Array, fair: Callable[[Array], bool | None]) -> float | None:
    return max((survivors(ward, x) for x in every if fair(x)), default=None)


def check_price(found: Price, best: float | None) -> None:
    if best is None:
        assert found.price is None, found
    else:
        assert found.survival == pytest.approx(best, abs=1e-9), found
        assert found.price == pytest.approx((found.most - best) / found.most, abs=1e-9), found


@settings(max_examples=30, deadline=None)
@given(wards("whole"), st.sampled_from([0.0, 0.2, 0.35, 0.5, 0.8, 1.0]))
def test_of_whole_goods_the_price_is_that_of_the_best_of_all_that_are_fair(ward: Ward, limit: float) -> None:
    every = enumerate_whole(ward)
    assert every is not None
    for found in prices(ward, dict.fromkeys(CRITERIA, limit)):
        if bounds(ward)["survival"] <= 1e-12:
            assert found.price is None
        elif found.kind == "criterion":
            criterion = CRITERIA[found.notion]
            check_price(found, dearest(ward, every, lambda x, c=criterion: c.met(ward, x, limit)))
        elif found.note:
            assert (found.notion, found.note) == ("max-min", "undefined in this ward")
            assert bounds(ward)["worst_off"] == 0
        else:
            check_optimum(ward, every, found)


def check_optimum(ward: Ward, every: Array, found: Price) -> None:
    def measure(x: Array) -> float:
        if found.notion == "balanced":
            return balanced_floor(ward, x, list(normalised_measures(ward, x)))
        name = {"max-min": "worst_off", "most-equal": "evenness"}[found.notion]
        return float(normalised_measures(ward, x)[name] or 0.0)

    most = max(measure(x) for x in every)
    check_price(found, dearest(ward, every, lambda x: measure(x) >= most - 1e-9))
    held = max(measure(x) for x in every if survivors(ward, x) >= found.most - 1e-9)
    assert (found.fairness, found.at_optimum) == (pytest.approx(most), pytest.approx(held))
    assert found.forgone == pytest.approx(most - held, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(wards("divisible"), st.integers(0, 100))
def test_of_divisible_goods_nothing_fair_does_better(ward: Ward, seed: int) -> None:
    drawn = random_allocations(ward, np.random.default_rng(seed), 40)
    for found in prices(ward):
        if found.kind == "criterion" and bounds(ward)["survival"] > 1e-12:
            criterion = CRITERIA[found.notion]
            best = dearest(ward, drawn, lambda x, c=criterion: c.met(ward, x))
            assert best is None or (
                found.survival is not None and best <= found.survival + 1e-4 * found.most
            ), found


def concave_measures(ward: Ward, x: Array) -> Array:
    """The measures as they are compared with the front, by another way than the programme's."""
    g = normalised_measures(ward, x)
    h = counted_need_satisfaction(ward, x)
    most = bounds(ward)["equality"]
    values = [v for name, v in g.items() if v is not None and name != "equality"]
    return np.array(values + ([1 - mean_absolute_difference(h) / most] if most > 1e-12 else []))


@settings(max_examples=30, deadline=None)
@given(wards("whole"), st.data())
def test_of_whole_goods_the_distance_is_that_of_all_allocations(ward: Ward, data: st.DataObject) -> None:
    every = enumerate_whole(ward)
    assert every is not None
    x = every[data.draw(st.integers(0, len(every) - 1))]
    gains = np.array([concave_measures(ward, y) for y in every]) - concave_measures(ward, x)
    found = front_distance(ward, x)
    assert found.distance == pytest.approx(gains.min(axis=1).max(), abs=1e-9)
    assert found.slack == pytest.approx(gains[(gains >= -1e-9).all(axis=1)].sum(axis=1).max(), abs=1e-8)
    assert (found.distance_gap == found.slack_gap == 0 and "enumeration" in found.method) or len(every) == 1


@settings(max_examples=8, deadline=None)
@given(wards("divisible", most_patients=3, most_resources=1), st.integers(0, 100))
def test_of_divisible_goods_no_random_allocation_is_farther_ahead(ward: Ward, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = random_allocations(ward, rng, 1)[0] * rng.random()
    found, now = front_distance(ward, x), concave_measures(ward, x)
    for y in random_allocations(ward, rng, 60):
        gain = concave_measures(ward, y) - now
        assert gain.min() <= found.distance + 1e-6
        assert (gain < 0).any() or gain.sum() <= found.slack + 1e-6


def test_a_wasteful_allocation_is_as_far_away_as_a_grid_says() -> None:
    ward, x = pair(), np.array([[0.6], [0.1]])
    steps = np.linspace(0, 1, 101)
    grid = np.array([[[a], [b]] for a in steps for b in steps if a + b <= 1 + 1e-12])
    gains = np.array([concave_measures(ward, y) for y in grid]) - concave_measures(ward, x)
    found = front_distance(ward, x)
    assert found.distance == pytest.approx(gains.min(axis=1).max(), abs=1e-2) and found.distance > 0.1
    assert found.slack == pytest.approx(gains[(gains >= 0).all(axis=1)].sum(axis=1).max(), abs=4e-2)
    assert found.loss == pytest.approx(1 - (0.6 * 0.8 + 0.1 * 0.4) / 0.8)
    assert found.gini == pytest.approx(abs(0.6 - 0.1) / (2 * 0.7))


@pytest.mark.parametrize(
    "spec", ["generated:1,n=6,divisible=1", "generated:2,n=6,divisible=0.5", "generated:3,n=5,divisible=0"]
)
def test_what_maximises_a_sum_of_all_measures_is_on_the_front(spec: str) -> None:
    ward = load(spec)
    best = maximise(ward, Total(_sum(ward, _objectives(ward)))).x
    found = front_distance(ward, best)
    assert found.distance <= 1e-6 and found.slack <= 1e-3


def test_nothing_for_anybody_is_even_and_so_weakly_efficient_but_loses_everything() -> None:
    ward = load("generated:1,n=6,divisible=1")
    found = front_distance(ward, np.zeros_like(ward.arrays.demand))
    assert (found.loss, found.distance) == (1, pytest.approx(0, abs=1e-8)) and found.slack > 1


def test_whole_goods_too_many_to_list_say_how_far_off_the_answer_may_be() -> None:
    ward = ward_of(np.ones((22, 1)), [11.0], True, gain=np.linspace(0.1, 0.9, 22))
    assert enumerate_whole(ward) is None
    found = _of_criterion(ward, "equality-80", 0.8)
    # Half of the beds are full at best, so only an empty ward is that equal; a search may not come to say so.
    assert (found.survival, found.price) == (0, 1) and 0 <= found.gap <= 1
    distance = front_distance(ward, np.zeros((22, 1)))
    assert distance.slack == 0 and distance.distance == pytest.approx(0, abs=1e-8)


def test_the_tables_have_a_row_for_each_and_loss_is_what_survival_lacks(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("price")
    with personas(tmp_path_factory.mktemp("personas")):
        for framework in ("floor", "most"):
            play("generated:1,n=6,divisible=1", folder, framework=framework, rounds=1)
        play("generated:2,n=5,divisible=0", folder, framework="floor", rounds=1)
    files = paths([folder])
    table = price_table(files)
    assert len(table) == 2 * (3 + len(CRITERIA)) and not table.duplicated(["ward", "notion"]).any()
    ward = load("generated:1,n=6,divisible=1")
    expected = by_name(ward)["max-min"].price
    assert table.set_index(["ward", "notion"]).loc[(ward.name, "max-min"), "price"] == pytest.approx(expected)
    distances = distance_table(files, ("no_debate", "joint", "solo:C"))
    assert len(distances) == 3 * 2
    both = distances.merge(outcome(frames([folder]), "survival"), on=["run_id", "stage"])
    assert len(both) == len(distances) and np.allclose(both["loss"], 1 - both["value"], atol=1e-6)
    assert not math.isnan(distances["gini"].sum())
