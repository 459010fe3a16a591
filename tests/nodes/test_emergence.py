"""Is emergence judged as defined: worked cases, brute force on whole goods, base rates, a negative control?"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nodes.findings.base_rate import FirstDefinition, random_allocations
from nodes.findings.emergence import (
    CRITERIA,
    Emergence,
    balanced,
    beyond_the_merge,
    criteria,
    emergence,
)
from personas.persona import Values
from personas.utility import usable, utility
from scenarios.errors import ParleyError
from scenarios.optimum import Total, balanced_optimum, maximise, normalised_measures
from scenarios.ward import Array, PatientWeights, Ward
from tests.nodes.strategies_wards import allocation_of, allocations, values, ward_of, wards

# One unit for two who want one each; p0 gains nine times as much. β_opt = 9/13 at x0 = 17/26.
PAIR = ward_of([[1.0], [1.0]], [1], whole=False, gain=[0.9, 0.1])
SOLOS = {"A": np.array([[1.0], [0.0]]), "B": np.array([[0.5], [0.5]])}
VALUES: dict[str, Values] = {"A": {"survival": 1.0}, "B": {"worst_off": 1.0}}


def judged(joint: list[float], ward: Ward = PAIR, **more: Any) -> Emergence:
    mean = (SOLOS["A"] + SOLOS["B"]) / 2
    given_: dict[str, Any] = {"solos": SOLOS, "values": VALUES, "no_debate": mean, "seed": 3} | more
    return emergence(ward, joint=np.array([[v] for v in joint]), **given_)


def test_a_joint_at_the_best_floor_emerges_by_both_definitions() -> None:
    found = judged([0.65, 0.35])
    assert (found.first, found.second, found.pareto, found.reasons) == (True, True, True, [])
    assert found.measures == ["survival", "worst_off"]
    assert found.beta_joint == pytest.approx(0.62 / 0.9)
    assert found.beta_solos == pytest.approx({"A": 0.0, "B": 0.5 / 0.9})
    assert found.beta_optimum == pytest.approx(9 / 13, abs=1e-6)
    # The no-debate merge (.75, .25) passes the first, which is nearly vacuous, and not the second.
    assert (found.first_no_debate, found.second_no_debate) == (True, False)
    assert found.beta_no_debate == pytest.approx(0.5)


def test_a_floor_not_above_a_solo_is_no_emergence() -> None:
    found = judged([0.75, 0.25])
    assert (found.first, found.second) == (True, False)
    assert found.reasons == [
        "second: its floor 0.500 is not above B's solo, 0.556",
        "second: its floor 0.500 is below the best floor 0.692 − ε",
    ]


def test_waste_is_no_emergence() -> None:
    found = judged([0.62, 0.35])
    assert (found.second, found.pareto) == (False, False)
    assert found.reasons == ["second: not Pareto-efficient over survival, worst_off"]


def test_a_seats_own_optimum_is_no_emergence() -> None:
    found = judged([1.0, 0.0])
    assert found.first is False
    assert found.reasons[:2] == [
        "first: it is an optimum of A alone",
        "first: it beats A's solo on nothing that B cares for",
    ]


def test_a_measure_of_little_weight_counts_in_j_but_not_for_the_first() -> None:
    light = {"A": {"survival": 0.95, "worst_off": 0.05}, "B": {"survival": 0.05, "worst_off": 0.95}}
    heavy = {"A": {"survival": 0.85, "worst_off": 0.15}, "B": {"survival": 0.15, "worst_off": 0.85}}
    solos = {"A": SOLOS["A"], "B": np.array([[0.9], [0.1]])}
    # Between the solos the joint beats B's on survival and A's on the worst off, each by more than .01.
    for weights in (light, heavy):
        found = judged([0.95, 0.05], values=weights, solos=solos)
        assert (found.first, found.measures) == (True, ["survival", "worst_off"])
    # Below B's solo only the worst off is gained: that is A's concern from a weight of .1 on.
    assert judged([0.65, 0.35], values=light, solos=solos).first is False
    assert judged([0.65, 0.35], values=heavy, solos=solos).first is True


def test_a_gain_of_a_hundredth_is_none() -> None:
    solos = {"A": SOLOS["A"], "B": np.array([[0.6], [0.4]])}
    by_survival = (0.9 - 0.1) / 0.9  # of normalised survival, for each unit that goes over to p0
    just, more = 0.6 + 0.0099 / by_survival, 0.6 + 0.0101 / by_survival
    assert judged([just, 1 - just], solos=solos).first is False
    assert judged([more, 1 - more], solos=solos).first is True


def test_a_seat_without_values_leaves_the_first_undefined() -> None:
    found = judged([0.65, 0.35], values={"A": {}, "B": {"worst_off": 1.0}})
    assert (found.first, found.first_base_rate_random, found.first_no_debate) == (None, None, None)
    assert found.reasons[0] == "first: undefined, A declares no values that this ward defines"
    assert found.measures == ["worst_off"]


def test_no_values_at_all_leave_both_undefined_but_all_six_stand() -> None:
    found = judged([0.65, 0.35], values={"A": {}, "B": {}})
    assert (found.first, found.second, found.beta_joint, found.measures) == (None, None, None, [])
    assert found.all_six.beta_joint is not None
    assert len(found.all_six.measures) == 6


def test_whoever_only_favours_a_group_cares_for_no_measure() -> None:
    ward = ward_of([[1.0], [1.0]], [1], whole=False, gain=[0.9, 0.1], sex=["f", "m"])
    found = judged([0.65, 0.35], ward=ward, values={"A": {"sex=f": 1.0}, "B": {"worst_off": 1.0}})
    assert found.first is False
    assert "first: it beats B's solo on nothing that A cares for" in found.reasons
    assert found.measures == ["worst_off"]


def test_every_member_of_a_panel_must_gain_on_every_other() -> None:
    three = SOLOS | {"C": np.array([[0.0], [1.0]])}
    weights = VALUES | {"C": {"survival": 0.5, "worst_off": 0.5}}
    found = judged([0.65, 0.35], solos=three, values=weights)
    assert (found.first, found.second, set(found.beta_solos)) == (True, True, {"A", "B", "C"})
    same = SOLOS | {"C": np.array([[0.65], [0.35]])}
    assert judged([0.65, 0.35], solos=same, values=weights).first is False


def test_seats_must_match() -> None:
    with pytest.raises(ParleyError, match=r"solos of A, B but values of A; match them"):
        judged([0.65, 0.35], values={"A": {"survival": 1.0}})


def test_a_measure_that_the_ward_does_not_define_is_left_out() -> None:
    one_bed = ward_of(np.ones((2, 1)), [1], whole=True, gain=[0.9, 0.1])
    found = judged([1, 0], ward=one_bed, solos={"A": SOLOS["A"], "B": 1 - SOLOS["A"]}, no_debate=SOLOS["A"])
    assert found.measures == ["survival"]
    assert "worst_off" not in found.all_six.measures


@given(wards("divisible"), st.data())
@settings(max_examples=12, deadline=None)
def test_where_two_measures_have_a_common_maximiser_nothing_emerges(ward: Ward, data: st.DataObject) -> None:
    """Negative control: with constant w, DW-ESG is ESG times a constant."""
    same = PatientWeights(prioritarian=1.5)
    patients = [p.model_copy(update={"weights": same}) for p in ward.patients]
    ward = ward.model_copy(update={"patients": patients})
    seats: dict[str, Values] = {"A": {"survival": 1.0}, "B": {"disadvantage_weighted_survival": 1.0}}
    assume(all(usable(ward, v) for v in seats.values()))
    solos = {s: maximise(ward, Total(utility(ward, v))).x for s, v in seats.items()}
    joint = data.draw(allocations(ward))
    found = emergence(ward, joint=joint, solos=solos, no_debate=joint, values=seats, seed=0)
    assert (found.first, found.second, found.first_base_rate_random) == (False, False, 0.0)


def test_the_first_definition_is_nearly_vacuous_and_the_base_rates_say_so() -> None:
    """ESG against equality: the mean of the solos passes in every ward, half of all random allocations do."""
    rates, means = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        ward = ward_of(rng.uniform(0.5, 2, (8, 1)), [4], whole=False, gain=rng.random(8))
        seats: dict[str, Values] = {"A": {"survival": 1.0}, "B": {"equality": 1.0}}
        solos = {s: maximise(ward, Total(utility(ward, v))).x for s, v in seats.items()}
        mean = (solos["A"] + solos["B"]) / 2
        found = emergence(ward, joint=mean, solos=solos, no_debate=mean, values=seats, seed=seed)
        rates.append(found.first_base_rate_random)
        means.append(found.first)
    assert all(means)
    assert 0.3 < np.mean([r for r in rates if r is not None]) < 0.8


def test_the_claim_that_esg_and_dw_esg_never_emerge_is_false() -> None:
    """With unequal weights the best floor lies above both solos in most random divisible wards."""
    names = ["survival", "disadvantage_weighted_survival"]
    above = []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        demand, weight = rng.uniform(0.5, 2, (8, 2)), rng.uniform(0.5, 2.5, 8)
        ward = ward_of(demand, [4, 3.2], whole=False, gain=rng.random(8), weight=list(weight))
        solos = {n: maximise(ward, Total(utility(ward, {n: 1.0}))).x for n in names}
        best = balanced_optimum(ward, names).x
        found = balanced(ward, names, joint=best, solos=solos, no_debate=best)
        above.append(bool(found.holds))
    assert np.mean(above) > 0.7


def enumerated(ward: Ward) -> list[Array]:
    spans = [range(int(d) + 1) for d in ward.arrays.demand.ravel()]
    every = (np.array(p, dtype=float).reshape(ward.arrays.demand.shape) for p in product(*spans))
    return [x for x in every if ward.feasible(x)]


@given(wards("whole", most_patients=3), st.data())
@settings(max_examples=25, deadline=None)
def test_both_definitions_equal_brute_force_on_whole_goods(ward: Ward, data: st.DataObject) -> None:
    seats = {s: data.draw(values().filter(bool)) for s in "AB"}
    used = {s: usable(ward, v) for s, v in seats.items()}
    assume(all(used.values()))
    points = enumerated(ward)
    solos = {s: data.draw(st.sampled_from(points)) for s in "AB"}
    joint = data.draw(st.sampled_from(points))
    found = emergence(ward, joint=joint, solos=solos, no_debate=joint, values=seats, seed=0)

    def g(x: Array) -> Array:
        measures = normalised_measures(ward, x)
        return np.array([measures[name] for name in found.measures], dtype=float)

    def weight(seat: str) -> Array:
        return np.array([used[seat].get(name, 0.0) for name in found.measures])

    utilities = {s: utility(ward, v) for s, v in used.items()}
    below = all(
        u.value(ward, joint) < max(u.value(ward, x) for x in points) - 1e-6 for u in utilities.values()
    )
    beats = all(
        ((g(joint) > g(solos[other]) + 0.01) & (weight(seat) >= 0.1)).any() for seat, other in ("AB", "BA")
    )
    assert found.first == (below and beats)
    if found.measures:
        dominated = any(
            (g(x) >= g(joint) - 1e-9).all() and g(x).sum() > g(joint).sum() + 1e-6 for x in points
        )
        floors = {s: g(x).min() for s, x in solos.items()}
        rises = all(g(joint).min() > floor + 1e-9 for floor in floors.values())
        near = g(joint).min() >= max(g(x).min() for x in points) - 0.05
        assert found.pareto == (not dominated)
        assert found.second == (rises and near and not dominated)


@given(wards(most_patients=6), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_random_allocations_are_feasible_leave_nothing_idle_and_repeat(ward: Ward, seed: int) -> None:
    many = random_allocations(ward, np.random.default_rng(seed), 5)
    a = ward.arrays
    for x in many:
        assert ward.violations(x) == []
        np.testing.assert_allclose(x.sum(axis=0), np.minimum(a.capacity, a.demand.sum(axis=0)), atol=1e-9)
    np.testing.assert_array_equal(many, random_allocations(ward, np.random.default_rng(seed), 5))


@given(wards(most_patients=6), st.data())
@settings(max_examples=60, deadline=None)
def test_many_allocations_at_once_pass_exactly_where_each_alone_does(ward: Ward, data: st.DataObject) -> None:
    used = {s: usable(ward, data.draw(values())) for s in "AB"}
    assume(all(used.values()))
    utilities = {s: utility(ward, v) for s, v in used.items()}
    test = FirstDefinition(
        ward,
        utilities,
        {s: maximise(ward, Total(u)).value for s, u in utilities.items()},
        {s: [j for j in v if "=" not in j] for s, v in used.items()},
        {s: normalised_measures(ward, maximise(ward, Total(u)).x) for s, u in utilities.items()},
    )
    many = random_allocations(ward, np.random.default_rng(1), 30)
    assert test.pass_many(many).tolist() == [not test.failures(x) for x in many]


FULL = ward_of(
    [[1.0], [1.0], [1.0], [1.0]],
    [2],
    whole=False,
    gain=[0.5, 0.5, 0.5, 0.1],
    weight=[1.0, 1.0, 1.0, 1.0],
    sex=["f", "f", "m", "m"],
    holds=[{"r0": 0.4}, {}, {}, {}],
)


def met(ward: Ward, *amounts: float) -> set[str]:
    x = np.array([[v] for v in amounts])
    return {name for name, holds in criteria(ward, x).items() if holds}


def test_criteria_of_worked_allocations() -> None:
    assert met(FULL, 0.5, 0.5, 0.5, 0.5) == set(CRITERIA) - {"survival-90"}
    assert met(FULL, 1, 1, 0, 0) == {"survival-90", "vulnerable-80", "holdings-kept", "nothing-idle"}
    assert met(FULL, 0, 1, 1, 0) >= {"no-group-shut-out", "access-gap-20"}
    assert "holdings-kept" not in met(FULL, 0.39, 0.5, 0.5, 0.5)
    assert "nothing-idle" not in met(FULL, 0.5, 0.5, 0.5, 0.45)
    assert "access-gap-20" in met(FULL, 0.6, 0.6, 0.4, 0.4)
    assert "access-gap-20" not in met(FULL, 0.61, 0.6, 0.4, 0.39)
    assert "worst-off-half" in met(FULL, 0.25, 0.5, 0.6, 0.6)


def test_a_criterion_that_the_ward_does_not_define_is_none() -> None:
    one_bed = ward_of(np.ones((2, 1)), [1], whole=True)
    undefined = {name for name, holds in criteria(one_bed, np.array([[1.0], [0.0]])).items() if holds is None}
    assert undefined == {
        "nobody-left-out", "worst-off-half", "no-group-shut-out", "access-gap-20", "holdings-kept"
    }  # fmt: skip


def test_thresholds_can_be_overridden_by_name() -> None:
    x = np.array([[1.0], [0.6], [0.4], [0.0]])
    assert criteria(FULL, x)["access-gap-20"] is False
    assert criteria(FULL, x, {"access-gap-20": 0.7})["access-gap-20"] is True
    with pytest.raises(ParleyError, match=r"no criterion 'fair'; there are nobody-left-out, "):
        criteria(FULL, x, {"fair": 1.0})


def test_beyond_the_merge_is_what_neither_solo_nor_the_merge_met() -> None:
    high = np.array([[1.0], [1.0], [0.0], [0.0]])
    low = np.array([[0.0], [0.0], [1.0], [1.0]])
    joint = np.array([[0.6], [0.5], [0.5], [0.4]])
    new = beyond_the_merge(FULL, joint=joint, solos=[high, low], no_debate=high)
    assert new == [
        "nobody-left-out", "worst-off-half", "equality-80", "no-group-shut-out", "access-gap-20"
    ]  # fmt: skip
    # What the merge of the solos gave already is nothing that debate brought.
    assert beyond_the_merge(FULL, joint=joint, solos=[high, low], no_debate=(high + low) / 2) == []


def test_measures_of_whole_goods_can_be_judged_as_chances() -> None:
    """Marginals of a lottery over whole goods are measured at E[h]; the criteria take them as they are."""
    coin = ward_of(np.ones((2, 1)), [1], whole=True, sex=["f", "m"])
    assert criteria(coin, np.full((2, 1), 0.5))["access-gap-20"] is True
    rng = np.random.default_rng(0)
    assert criteria(coin, allocation_of(coin, rng))["access-gap-20"] is False
