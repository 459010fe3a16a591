"""Is the gap in pure Nash the exact one: by the literature's figures, by listing, and by proofs added up anew?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.errors import ParleyError
from scenarios.games import load
from scenarios.mechanisms import Certificate, Problem, certificate, check, in_words, nash, proves
from scenarios.mechanisms.brute import brute
from scenarios.mechanisms.mechanism import Budget
from scenarios.mechanisms.problem import LISTED
from tests.scenarios.mechanisms_cases import bounds, budgets, lift, one_state, problems

PENNIES = [[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]]
DILEMMA = [[[3, 3], [0, 5]], [[5, 0], [1, 1]]]


def excess(problem: Problem, shown: Certificate, bound: float, budget: Budget) -> float:
    """The certificate's weighted gains, less all that transfers can take off them, added up move by move."""
    reach = np.zeros((len(problem.record_names), problem.n))
    weighted = 0.0
    played = problem.played(shown.strategies)
    on_path = np.zeros(len(problem.record_names))
    for w, a in enumerate(played):
        on_path[problem.records[w][a]] += problem.chances[w]
    for weight, deviation in zip(shown.weights, shown.deviations, strict=True):
        i = deviation.party
        seeing = [w for w in range(len(problem.states)) if problem.signal[w, i] == deviation.signal]
        chance = sum(problem.chances[w] for w in seeing)
        for w in seeing:
            a = played[w]
            b = (*a[:i], deviation.action, *a[i + 1 :])
            share = weight * problem.chances[w] / chance
            for profile, sign in ((b, share), (a, -share)):
                u = problem.payoffs[w][profile]
                weighted += sign * (u[i] + problem.concerns[i] * u.sum())
                reach[problem.records[w][profile]] += sign * problem.concerns[i]
                reach[problem.records[w][profile], i] += sign
    reach += np.array(shown.budgets)[:, None] - shown.path * on_path[:, None]
    assert min(shown.weights) >= 0 and shown.path >= 0
    assert budget == "balanced" or min(shown.budgets) >= 0
    assert budget == "burn" or shown.path == 0
    return float(weighted - bound * np.abs(reach).sum())


def test_the_lift_loses_all_there_is_without_contract_and_a_24th_under_the_best() -> None:
    problem = lift()
    alone, best = nash(problem, 0.0), nash(problem)
    assert alone.loss == pytest.approx(4.0, abs=1e-9)  # 2(R − P)
    assert alone.mechanism is not None and alone.mechanism.strategies == ((2,), (2,))
    assert best.loss == pytest.approx(4 / 24, abs=1e-9)
    assert best.mechanism is not None and best.mechanism.strategies == ((0,), (1,))


def test_nothing_is_lost_where_every_action_can_be_verified() -> None:
    problem = lift().with_verifiable(lift().actions)
    assert nash(problem).loss == pytest.approx(0.0, abs=1e-9)
    assert nash(problem).certificates == ()


def test_the_proof_names_the_move_that_leaves_the_same_record() -> None:
    (shown,) = nash(lift()).certificates
    assert shown.pair is not None
    assert (shown.pair.action, shown.strategies) == (1, ((0,), (0,)))
    words = in_words(lift(), shown, 10.0)
    assert "turns to cooperate (low effort) and gains 0.3333, and the record stays the same" in words


@settings(max_examples=40, deadline=None)
@given(problems(), bounds, budgets)
def test_the_programme_and_the_listing_agree(problem: Problem, bound: float, budget: Budget) -> None:
    """Two paths that share no row: were one wrong, they would part."""
    found, listed = nash(problem, bound, budget), brute(problem, bound, budget)
    assert found.first_best == pytest.approx(listed.first_best, abs=1e-9)
    if listed.welfare is None:
        assert found.welfare is None and found.mechanism is None and found.loss is None
        return
    assert found.welfare == pytest.approx(listed.welfare, abs=1e-7)
    assert found.mechanism is not None
    assert check(found.mechanism).holds


@settings(max_examples=30, deadline=None)
@given(problems(), bounds, budgets)
def test_every_first_best_profile_is_sustained_or_proved_out_of_reach(
    problem: Problem, bound: float, budget: Budget
) -> None:
    found = nash(problem, bound, budget)
    if found.welfare is not None and found.first_best - found.welfare < 1e-7:
        assert found.certificates == ()
        return
    assert {shown.strategies for shown in found.certificates} == set(problem.best)
    for shown in found.certificates:
        assert proves(problem, shown, bound, budget)
        assert excess(problem, shown, bound, budget) == pytest.approx(shown.excess, abs=1e-7 * problem.range)
        assert shown.excess > 0


def test_a_doctored_proof_is_refused() -> None:
    problem = lift()
    (shown,) = nash(problem).certificates
    assert not proves(problem, replace(shown, weights=(0.0,) * len(shown.weights)), 10.0, "balanced")
    assert not proves(problem, replace(shown, weights=tuple(-w for w in shown.weights)), 10.0, "balanced")
    held = certificate(lift(), ((0,), (0,)), 0.0, "balanced")
    assert held is not None
    wrong = tuple(float(k == 1) for k in range(len(held.weights)))  # a deviation that does not pay
    assert not proves(problem, replace(held, weights=wrong), 10.0, "balanced")


def test_a_bound_that_is_too_small_is_proved_by_both_temptations_together() -> None:
    """Balanced and out for blood money: what deters one is paid to the other, so 2 + 2 exceeds 4·½."""
    problem = one_state(DILEMMA)
    assert nash(problem, 2.0).loss == pytest.approx(0.0, abs=1e-9)
    short = nash(problem, 0.5)
    assert short.loss == pytest.approx(1.0, abs=1e-9)
    (shown,) = short.certificates
    assert shown.pair is None
    assert excess(problem, shown, 0.5, "balanced") > 0


def test_none_where_no_pure_equilibrium_exists() -> None:
    blind = one_state(PENNIES, (("x", "x"), ("y", "y")))
    found = nash(blind)
    assert found.welfare is None and found.mechanism is None and found.loss is None
    assert nash(one_state(PENNIES)).loss == pytest.approx(0.0)  # a verifiable action can be held by a fine


def test_outcomes_that_do_not_tell_who_shirked_need_burning() -> None:
    """Two workers, only the number of them seen: a balanced budget cannot punish one without paying the other."""
    team = [[[0.5, 0.5], [-0.25, 0.75]], [[0.75, -0.25], [0.0, 0.0]]]
    problem = one_state(team).with_outcomes(np.array([[2, 1], [1, 0]]))
    balanced, burnt = nash(problem, 100.0, "balanced"), nash(problem, 100.0, "burn")
    assert balanced.loss is not None and balanced.loss > 0.4
    assert balanced.certificates and balanced.certificates[0].pair is None
    assert burnt.loss == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=12, deadline=None)
@given(problems(), budgets, st.sampled_from([(0.0, 0.5), (0.5, 1.0), (1.0, 3.0), (3.0, 20.0)]))
def test_what_a_contract_may_take_never_hurts(
    problem: Problem, budget: Budget, two: tuple[float, float]
) -> None:
    assert _at_least(nash(problem, two[1], budget).welfare, nash(problem, two[0], budget).welfare)


@settings(max_examples=8, deadline=None)
@given(problems(), bounds, budgets)
def test_a_finer_language_never_hurts(problem: Problem, bound: float, budget: Budget) -> None:
    finer = problem.with_partition(problem.states)
    coarser = problem.with_partition(["one"] * len(problem.states))
    worths = [nash(p, bound, budget).welfare for p in (coarser, problem, finer)]
    assert _at_least(worths[1], worths[0]) and _at_least(worths[2], worths[1])
    told = problem.with_verifiable(problem.actions)
    blind = problem.with_verifiable([["x"] * count for count in problem.shape])
    worths = [nash(p, bound, budget).welfare for p in (blind, problem, told)]
    assert _at_least(worths[1], worths[0]) and _at_least(worths[2], worths[1])


@settings(max_examples=12, deadline=None)
@given(problems(), bounds)
def test_what_may_be_burnt_need_not_be(problem: Problem, bound: float) -> None:
    assert _at_least(nash(problem, bound, "burn").welfare, nash(problem, bound, "balanced").welfare)


def _at_least(worth: float | None, other: float | None) -> bool:
    return other is None or (worth is not None and worth >= other - 1e-7)


@settings(max_examples=15, deadline=None)
@given(problems(), budgets)
def test_a_bound_beyond_what_the_programme_can_tell_is_exact_too(problem: Problem, budget: Budget) -> None:
    """At B of 10,000 ranges an integer tolerance of 1e-6 is worth a hundredth of a range: the sweep must see to it."""
    found, listed = (each(problem, 1e4 * problem.range, budget).welfare for each in (nash, brute))
    assert (found is None) == (listed is None)
    assert found == pytest.approx(listed, abs=1e-6 * problem.range)


def test_what_is_scaled_is_lost_to_scale() -> None:
    problem = lift()
    for factor in (1e-4, 1e6):
        scaled = replace(problem, payoffs=problem.payoffs * factor)
        assert nash(scaled).loss == pytest.approx(factor * 4 / 24, rel=1e-7)


def test_hidden_temptation_falls_in_steps() -> None:
    problem = Problem.of(load("hidden-temptation"))
    losses = [nash(problem, b).loss for b in (0.0, 2.0, 2.5, 5.9, 6.0)]
    # a fine of 2 holds quiet times; 2.5 paid to the one who cooperates in a boom, alone; 6 holds the boom
    assert losses == pytest.approx([4.0, 1.2, 0.3, 0.3, 0.0], abs=1e-9)
    told = problem.with_partition({"quiet": "quiet", "boom": "boom"})
    assert nash(told, 5.9).loss == pytest.approx(0.3, abs=1e-9)


def test_telling_the_states_apart_closes_the_gap_of_sick_leave() -> None:
    problem = Problem.of(load("sick-leave"))
    assert nash(problem).loss == pytest.approx(1.4, abs=1e-9)
    assert nash(problem.with_partition(problem.states)).loss == pytest.approx(0.0, abs=1e-9)


def test_the_first_of_equal_mechanisms_is_named() -> None:
    battle = Problem.of(load("battle-of-the-sexes"))
    found = nash(battle).mechanism
    assert found is not None and found.strategies == ((0,), (0,))


def test_what_cannot_be_is_said_in_a_line() -> None:
    problem = lift()
    with pytest.raises(ParleyError, match="a bound of -1"):
        nash(problem, -1.0)
    with pytest.raises(ParleyError, match="a bound of 1e\\+09 is over 100000 times the range"):
        nash(problem, 1e9)
    with pytest.raises(ParleyError, match="2 cells for 1 states"):
        problem.with_partition(["a", "b"])
    with pytest.raises(ParleyError, match="names each state once; look at calm, only"):
        problem.with_partition({"calm": "a"})
    with pytest.raises(ParleyError, match="give finite numbers"):
        problem.with_concerns(float("inf"))
    with pytest.raises(ParleyError, match="labels for"):
        problem.with_verifiable([["x"], ["y"]])
    large = replace(
        problem,
        states=tuple(f"s{w}" for w in range(6)),
        chances=np.full(6, 1 / 6),
        payoffs=np.repeat(problem.payoffs, 6, axis=0),
        signals=tuple((str(w), str(w)) for w in range(6)),
        cells=("one",) * 6,
    )
    with pytest.raises(ParleyError, match=f"at most {LISTED} are listed"):
        nash(large)
