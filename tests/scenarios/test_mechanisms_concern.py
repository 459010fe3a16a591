"""Is the smallest concern that closes the gap the one of the formula, of the programme, and of bisection?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from scenarios.games import load
from scenarios.mechanisms import Problem, by_formula, lexicographic, nash, smallest
from scenarios.mechanisms.brute import least_concern
from scenarios.mechanisms.mechanism import Budget
from tests.scenarios.mechanisms_cases import bounds, budgets, lift, one_state, problems


@pytest.mark.parametrize(
    ("payoffs", "alone"),
    [
        ({}, 2.0),
        ({"T": 5.5, "R": 3, "P": 1, "S": 0}, 5.0),  # (T − R)/(2R − T − S)
        ({"T": 4, "R": 3, "P": 1, "S": 0}, 2.0),  # effort binds, not defection: the quotient is ½
    ],
)
def test_two_holds_effort_under_a_contract_and_the_lift_needs_what_theory_says_without(
    payoffs: dict[str, float], alone: float
) -> None:
    problem = lift(**payoffs)
    assert smallest(problem).least == pytest.approx(2.0, abs=1e-9)
    assert by_formula(problem, contract=True) == pytest.approx(2.0, abs=1e-9)
    assert smallest(problem, 0.0).least == pytest.approx(alone, abs=1e-9)
    assert by_formula(problem, contract=False) == pytest.approx(alone, abs=1e-9)


def test_half_hearted_prosociality_does_not_close_the_effort_gap() -> None:
    for concern in (0.5, 1.0, 1.9, 1.999):
        assert nash(lift().with_concerns(concern)).loss == pytest.approx(4 / 24, abs=1e-9)
    assert nash(lift().with_concerns(2.0)).loss == pytest.approx(0.0, abs=1e-9)


def test_one_prosocial_party_of_two_moves_the_gap_to_the_other() -> None:
    """The prosocial one gives its effort whatever the other does; the selfish one keeps its own low."""
    found = nash(lift().with_concerns((0.0, 2.5)))
    assert found.loss == pytest.approx(4 / 24, abs=1e-9)
    assert found.mechanism is not None and found.mechanism.strategies == ((1,), (0,))


@settings(max_examples=8, deadline=None)
@given(problems(concerned=False), bounds, budgets)
def test_programme_and_bisection_agree(problem: Problem, bound: float, budget: Budget) -> None:
    found, bisected = smallest(problem, bound, budget), least_concern(problem, bound, budget)
    if bisected is None:
        assert found.least is None or found.least > 63
        return
    assert found.least == pytest.approx(bisected, abs=1e-5, rel=1e-5)
    assert found.each is not None and max(found.each) == found.least
    closing = problem.with_concerns(tuple(each + 1e-6 for each in found.each))
    assert nash(closing, bound, budget).loss == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(problems(concerned=False))
def test_without_contract_it_is_the_formula(problem: Problem) -> None:
    formula, found = by_formula(problem, contract=False), smallest(problem, 0.0)
    if formula is None:
        assert found.least is None
    else:
        assert found.least == pytest.approx(formula, abs=1e-6, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(problems(most_states=1, concerned=False))
def test_with_free_transfers_and_one_state_it_is_the_formula_over_what_is_not_seen(problem: Problem) -> None:
    formula, found = by_formula(problem, contract=True), smallest(problem, 1e3 * problem.range)
    if formula is None:
        assert found.least is None
    else:
        assert found.least == pytest.approx(formula, abs=1e-6, rel=1e-6)


@settings(max_examples=10, deadline=None)
@given(problems(concerned=False), bounds)
def test_once_closed_it_stays_closed(problem: Problem, bound: float) -> None:
    found = smallest(problem, bound).least
    if found is not None:
        for more in (1e-6, 0.5, 5.0):
            assert nash(problem.with_concerns(found + more), bound).loss == pytest.approx(0.0, abs=1e-6)


def test_each_party_needs_its_own() -> None:
    """Only row is tempted, by 1 at a cost of 2 to all: column needs no concern."""
    problem = one_state([[[2, 3], [2, 0]], [[3, 0], [0, 0]]], (("x", "x"), ("y", "y")))
    found = smallest(problem)
    assert found.each == pytest.approx((0.5, 0.0), abs=1e-9)
    assert nash(problem.with_concerns((0.5, 0.0))).loss == pytest.approx(0.0, abs=1e-9)
    assert nash(problem.with_concerns((0.49, 9.0))).loss != pytest.approx(0.0, abs=1e-6)


def test_none_closes_where_a_tempting_move_costs_nobody_anything() -> None:
    zero_sum = one_state([[[0, 0], [1, -1]], [[1, -1], [0, 0]]], (("x", "x"), ("y", "y")))
    assert smallest(zero_sum).least is None
    assert by_formula(zero_sum, contract=True) is None


def test_lexicographic_play_is_the_limit() -> None:
    assert lexicographic(lift()) == [((0,), (0,))]
    hunt = Problem.of(load("stag-hunt"))
    first = lexicographic(hunt)
    assert first == lexicographic(hunt.with_concerns(3.0))  # whatever the problem's own concerns
    assert hunt.best[0] in first


@settings(max_examples=20, deadline=None)
@given(problems(concerned=False))
def test_what_stands_at_every_great_concern_stands_lexicographically(problem: Problem) -> None:
    found = smallest(problem, 0.0)
    if found.strategies is not None:
        assert found.strategies in lexicographic(problem)
