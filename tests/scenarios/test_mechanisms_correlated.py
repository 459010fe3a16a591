"""Does a mediator recover what a correlated equilibrium can, no more and no less?"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import linprog

from scenarios.errors import ParleyError
from scenarios.games import load
from scenarios.mechanisms import Problem, correlated, nash, obedience, record_only
from scenarios.mechanisms.mechanism import Budget
from tests.scenarios.mechanisms_cases import bounds, budgets, lift, one_state, problems

CHICKEN = [[[6, 6], [2, 7]], [[7, 2], [0, 0]]]
TEAM = [[[0.5, 0.5], [-0.25, 0.75]], [[0.75, -0.25], [0.0, 0.0]]]


def written_out(problem: Problem, bound: float, budget: Budget) -> float | None:
    """The programme of the definitions for one state, every record and every row written out, dense."""
    profiles = list(product(*map(range, problem.shape)))
    records, n = len(problem.record_names), problem.n
    count = len(profiles)
    ρ = problem.records[0]
    V, W = problem.values[0], problem.welfare[0]

    def z(k: int, i: int, r: int) -> int:
        return count + (k * n + i) * records + r

    width = count + count * n * records
    cost, above = np.zeros(width), []
    for k, a in enumerate(profiles):
        cost[k] = W[a]
        for i in range(n):
            cost[z(k, i, ρ[a])] += 1.0 if budget == "burn" else 0.0
            for r in range(records):
                for sign in (1.0, -1.0):
                    row = np.zeros(width)
                    row[z(k, i, r)], row[k] = sign, -bound
                    above.append(row)
    for i in range(n):
        for told, d in product(range(problem.shape[i]), repeat=2):
            row = np.zeros(width)
            for k, a in enumerate(profiles):
                if a[i] == told:
                    b = (*a[:i], d, *a[i + 1 :])
                    row[k] += V[b][i] - V[a][i]
                    for j in range(n):
                        row[z(k, j, ρ[b])] += problem.weights[i, j]
                        row[z(k, j, ρ[a])] -= problem.weights[i, j]
            above.append(row)
    level = [np.r_[np.ones(count), np.zeros(width - count)]]
    for k, r in product(range(count), range(records)):
        row = np.zeros(width)
        row[[z(k, i, r) for i in range(n)]] = 1.0
        (above if budget == "burn" else level).append(row)
    found = linprog(
        -cost,
        A_ub=np.array(above),
        b_ub=np.zeros(len(above)),
        A_eq=np.array(level),
        b_eq=np.r_[1.0, np.zeros(len(level) - 1)],
        bounds=[(0, 1)] * count + [(None, None)] * (width - count),
    )
    return None if found.status == 2 else -float(found.fun)


@settings(max_examples=20, deadline=None)
@given(problems(most_states=1), bounds, budgets)
def test_it_is_the_programme_of_the_definitions(problem: Problem, bound: float, budget: Budget) -> None:
    """Records that nothing leaves have no variable: were one missing that counts, the values would part."""
    expected, found = written_out(problem, bound, budget), correlated(problem, bound, budget)
    assert (expected is None) == (found.welfare is None)
    if expected is not None:
        assert found.welfare == pytest.approx(expected, abs=1e-6)


def test_chicken_by_a_mediator_who_only_tells() -> None:
    """Aumann 1987: 10.5 together, at (C, C) half of the time and each (C, D) a quarter."""
    found = correlated(one_state(CHICKEN), 0.0)
    assert found.welfare == pytest.approx(10.5, abs=1e-7)
    told = {b: round(x, 6) for b, x in found.chances["only"].items()}
    assert told == {((0,), (0,)): 0.5, ((0,), (1,)): 0.25, ((1,), (0,)): 0.25}


def test_a_mediator_of_the_lift_loses_a_30th() -> None:
    found = correlated(lift())
    assert found.loss == pytest.approx(4 / 30, abs=1e-8)
    told = {b: round(x, 6) for b, x in found.chances["only"].items()}
    assert told == {((0,), (0,)): 0.2, ((0,), (1,)): 0.4, ((1,), (0,)): 0.4}
    assert correlated(lift(), 0.0).loss == pytest.approx(4.0, abs=1e-8)


def test_a_perfect_contract_with_a_mediator_who_only_tells_does_as_well() -> None:
    bounds_ = record_only(lift())
    assert bounds_.low == pytest.approx(bounds_.high, abs=1e-7)
    assert bounds_.high == pytest.approx(16 / 3 - 4 / 30, abs=1e-7)


@settings(max_examples=20, deadline=None)
@given(problems(), bounds, budgets)
def test_it_is_obeyed_and_no_worse_than_pure_nash(problem: Problem, bound: float, budget: Budget) -> None:
    found, pure = correlated(problem, bound, budget), nash(problem, bound, budget)
    if found.welfare is None:
        assert pure.welfare is None
        return
    assert obedience(found) <= 1e-6 * problem.range
    for cell in dict.fromkeys(problem.cells):
        assert sum(found.chances[cell].values()) == pytest.approx(1.0, abs=1e-7)
    for paid in found.transfers.values():
        assert np.abs(paid).max() <= bound + 1e-9
        assert paid.sum() <= 1e-6 * problem.range
        assert budget == "burn" or paid.sum() >= -1e-6 * problem.range
    assert found.first_best >= problem.first_best - 1e-9
    assert found.welfare <= found.first_best + 1e-7
    assert pure.welfare is None or found.welfare >= pure.welfare - 1e-7


@settings(max_examples=10, deadline=None)
@given(problems(), bounds, budgets)
def test_by_the_record_alone_lies_between(problem: Problem, bound: float, budget: Budget) -> None:
    between, pure = record_only(problem, bound, budget), nash(problem, bound, budget)
    if between.low is not None:
        assert between.high is not None and between.low <= between.high + 1e-7
    if pure.welfare is not None and budget == "balanced":
        assert between.low is not None and between.low >= pure.welfare - 1e-6


def test_random_checks_push_the_loss_toward_nothing_as_the_bound_grows() -> None:
    """Who shirks in a team is not seen; told in secret to shirk now and then, one is a check on the other."""
    problem = one_state(TEAM).with_outcomes(np.array([[2, 1], [1, 0]]))
    losses = [correlated(problem, b).loss or 0.0 for b in (1.0, 10.0, 100.0, 1000.0)]
    assert all(later < 0.2 * sooner for sooner, later in pairwise(losses))
    assert 0 < losses[-1] < 1e-3
    assert nash(problem, 1000.0).loss == pytest.approx(0.5, abs=1e-9)  # one works and one shirks


def test_a_mediator_tells_parties_what_they_do_not_see() -> None:
    """Both gain by matching a state that neither sees: the first best of what they see is half of the mediator's."""
    game = load("told-by-deeds")
    problem = replace(Problem.of(game), signals=(("nothing",) * 2,) * 2)
    told = problem.with_partition(problem.states)
    seen, blind = correlated(told), correlated(problem)
    assert seen.first_best == pytest.approx(Problem.of(game).first_best)
    assert seen.loss == pytest.approx(0.0, abs=1e-8)
    assert blind.first_best == pytest.approx(problem.first_best)
    assert seen.first_best > problem.first_best + 0.5


def test_what_is_too_large_is_said_in_a_line() -> None:
    large = one_state(np.zeros((4,) * 6 + (6,)))
    with pytest.raises(ParleyError, match="at most 100000 are solved"):
        correlated(large)
