"""Does a contract that says a mechanism, once enforced, leave every party with what the mechanism meant?"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.contracts import Facts, adoptable, compile_contract
from scenarios.errors import ParleyError
from scenarios.games import load
from scenarios.games.equilibria import pure_equilibria
from scenarios.mechanisms import Mechanism, Problem, as_contract, kept, language_of, left, nash, perfect
from scenarios.mechanisms.mechanism import Budget
from tests.scenarios.mechanisms_cases import bounds, budgets, lift, one_state, problems


def enforced(mechanism: Mechanism) -> np.ndarray:
    """What the parties are left with when the written contract is enforced, (states, A_1, …, n)."""
    problem = mechanism.problem
    law = compile_contract(as_contract(mechanism), language_of(problem, mechanism.bound))
    net = problem.payoffs.copy()
    for w, a in product(range(len(problem.states)), product(*map(range, problem.shape))):
        labels = [problem.labels[i][k] for i, k in enumerate(a)]
        own = {
            party: {
                "me": party,
                "mine": labels[i],
                "others": labels[:i] + labels[i + 1 :],
                "violations": 0.0,
                "balance": 0.0,
            }
            for i, party in enumerate(problem.parties)
        }
        shared = {"round": 1.0, "rounds": 1.0, "cell": problem.cells[w], "actions": labels}
        settlement = law.settled(Facts(shared, own))
        assert settlement.problems == ()
        net[w][a] += [settlement.payments.get(party, 0.0) for party in problem.parties]
    return net


@settings(max_examples=25, deadline=None)
@given(problems(), bounds, budgets)
def test_enforced_it_pays_what_the_mechanism_pays(problem: Problem, bound: float, budget: Budget) -> None:
    found = nash(problem, bound, budget).mechanism
    if found is not None:
        assert np.abs(enforced(found) - found.payoffs).max() < 1e-6 * problem.range


@pytest.mark.parametrize("spec", ["lift:prisoners-dilemma", "sick-leave", "told-by-deeds", "chicken"])
def test_what_is_played_under_the_enforced_contract_is_an_equilibrium(spec: str) -> None:
    problem = Problem.of(load(spec))
    found = nash(problem).mechanism
    assert found is not None
    language = language_of(problem, found.bound)
    assert adoptable(as_contract(found), language)
    if len(problem.states) == 1:
        net = np.round(enforced(found)[0], 6)  # a contract's amounts are rounded to 1e-9
        assert tuple(plan[0] for plan in found.strategies) in pure_equilibria(net)


def test_three_parties_share_what_one_pays() -> None:
    problem = Problem.of(load("public-goods,n=3,multiplier=1.5"))
    found = nash(problem).mechanism
    assert found is not None and found.welfare == pytest.approx(problem.first_best)
    assert np.abs(enforced(found) - found.payoffs).max() < 1e-7
    assert np.abs(enforced(perfect(problem)) - perfect(problem).payoffs).max() < 1e-7


def test_neighbouring_records_are_one_condition() -> None:
    """Whoever defects pays whatever the other does: a clause a party, that speaks of that party alone."""
    contract = as_contract(perfect(lift(), 3.0, "burn"))
    assert [(c.kind, c.who, c.when, c.amount) for c in contract.clauses] == [
        ("fine", "row", 'actions[0] == "defect"', "3.0"),
        ("fine", "column", 'actions[1] == "defect"', "3.0"),
    ]


def test_a_mechanism_that_pays_nothing_is_an_empty_contract() -> None:
    found = nash(lift(), 0.0).mechanism
    assert found is not None and as_contract(found).clauses == ()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_too_much_for_a_contract_is_said_in_a_line_or_paid_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = one_state(rng.normal(size=(3, 3, 2)))
    transfers = rng.uniform(-1, 1, (9, 1)) * np.array([1.0, -1.0])
    mechanism = Mechanism(problem, ((0,), (0,)), transfers, 1.0, "balanced")
    assert np.abs(enforced(mechanism) - mechanism.payoffs).max() < 1e-7
    four = one_state(rng.normal(size=(4, 4, 2)))
    more = Mechanism(four, ((0,), (0,)), rng.uniform(-1, 1, (16, 1)) * [1.0, -1.0], 1.0, "balanced")
    with pytest.raises(ParleyError, match="needs 16 clauses, and a contract has 12"):
        as_contract(more)


def test_outcomes_are_in_no_language() -> None:
    problem = lift().with_outcomes(np.arange(16).reshape(4, 4))
    found = nash(problem).mechanism
    assert found is not None
    with pytest.raises(ParleyError, match="give labels"):
        as_contract(found)
    with pytest.raises(ParleyError, match="give labels"):
        perfect(problem)


def test_a_perfect_contract_leaves_the_effort_game() -> None:
    problem = lift()
    contract = perfect(problem)
    assert kept(problem, contract) == ((0, 1), (0, 1))
    e = 1 / 3
    expected = 3 + e * np.array([[[-1, -1], [-2.5, 0]], [[0, -2.5], [-3, -3]]])  # R = 3, in units of ε
    assert left(problem, contract) == pytest.approx(expected)
    with pytest.raises(ParleyError, match="2 states"):
        left(Problem.of(load("sick-leave")), perfect(Problem.of(load("sick-leave"))))
