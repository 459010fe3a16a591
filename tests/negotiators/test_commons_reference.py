"""Do reference seats play the commons as they say: equilibria against brute force, exact figures, speed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from negotiators.reference.commons.law import tabulated
from negotiators.reference.commons.policy import expected_mix, markov_perfect
from negotiators.reference.commons.shares import at_least
from scenarios.commons import Commons, catalogue, events, load, lot
from scenarios.commons.law import best_quota_law, language
from scenarios.commons.optimum import best_law, planner
from scenarios.commons.regrowth import transition
from scenarios.commons.rule import quota_rule
from scenarios.commons.season import caught, season
from scenarios.contracts import Clause, Contract, adoptable, compile_contract, load_contract
from scenarios.errors import ParleyError
from tests.negotiators.commons_brute import Brute
from tests.scenarios.commons_cases import TINIES, rationings, tiny

INF = math.inf


def mixed(prosocial: int, n: int = 5) -> tuple[float, ...]:
    return (0.0,) * (n - prosocial) + (INF,) * prosocial


GROUPS = {
    "selfish": (0.0, 0.0), "prosocial": (INF, INF), "half-hearted": (0.7, 0.7), "spiteful": (-0.4, -0.4),
    "one of each": (0.0, INF), "two degrees": (0.3, 1.5),
}  # fmt: skip


CASES = [
    *itertools.product(["steady"], GROUPS),
    *itertools.product(["stochastic", "hysteresis", "events"], ["prosocial", "one of each"]),
]


@pytest.mark.parametrize("name, group", CASES)
def test_policies_agree_with_brute_force_on_tiny_pools(name: str, group: str):
    """Every state's expected welfare and payoffs, at the best and the worst equilibrium; all states have one."""
    for select in ("best", "worst"):
        _agrees(TINIES[name], GROUPS[group], select)


@pytest.mark.parametrize(
    "concerns", [(0.0, 0.0, 0.0), (INF,) * 3, (0.0, 0.0, INF), (0.0, INF, INF), (0.5, 0.5, 2.0)]
)
def test_policies_of_three_agree_with_brute_force(concerns: tuple[float, ...]):
    for select in ("best", "worst"):
        _agrees(tiny(agents=3, months=2, stock=5, capacity=5), concerns, select)


@pytest.mark.parametrize("group", ["selfish", "spiteful"])
def test_policies_agree_with_brute_force_where_worths_are_concave(group: str):
    _agrees(TINIES["concave"], GROUPS[group], "best")


def _agrees(commons: Commons, concerns: tuple[float, ...], select, law=None, **rules) -> None:
    policy = markov_perfect(commons, concerns, law, select)
    brute = Brute(commons, concerns, select, **rules)
    assert policy.without_equilibrium == 0
    assert policy.regret == 0
    for (month, regime, stock), worth in _everywhere(brute).items():
        assert policy.expects_together(month, stock, regime) == pytest.approx(worth[-1], abs=1e-6)
        for seat in range(len(concerns)):
            assert policy.expects(seat, month, stock, regime) == pytest.approx(worth[seat], abs=1e-6)


def _everywhere(brute: Brute) -> dict:
    commons = brute.commons
    states = itertools.product(
        range(commons.months, 0, -1), range(len(commons.regimes)), range(commons.capacity + 1)
    )
    for state in states:
        brute.value(state)
    return brute.values


@pytest.mark.parametrize("concerns", [(0.0, 0.0), (INF, INF), (0.0, INF)])
def test_policies_under_a_quota_and_under_a_fine_agree_with_brute_force(concerns: tuple[float, ...]):
    commons = tiny()
    lang = language(commons)
    half = compile_contract(load_contract("half-stock"), lang)
    _agrees(commons, concerns, "best", half, quota=lambda stock: stock // 2)
    fined = Contract(clauses=(Clause(kind="fine", when="asked > 1.0", amount="asked - 1.0", to="burn"),))
    for select in ("best", "worst"):
        _agrees(
            commons,
            concerns,
            select,
            compile_contract(fined, lang),
            fine=lambda stock, a: float(max(0, a - 1)),
        )


@pytest.mark.parametrize("name, concerns", [("fishery", mixed(5)), ("groundwater", (0.9,) * 6)])
def test_nobody_gains_by_asking_otherwise_within_the_room(name: str, concerns: tuple[float, ...]):
    """At drawn states of full size: every other ask of every seat, with the policy's own values after it."""
    commons = load(name)
    policy = markov_perfect(commons, concerns)
    rng = np.random.default_rng(3)
    move, looked_at = transition(commons, events(commons)[0]), 0
    for _ in range(40):
        month, stock = int(rng.integers(1, commons.months + 1)), int(rng.integers(1, commons.capacity + 1))
        asked = [policy.ask(month, stock, "calm", i) for i in range(commons.agents)]
        if sum(asked) > stock:
            continue  # a scramble: what is taken does not depend on one seat
        looked_at += 1
        after = move.expected(policy.welfare[month])[0]
        for seat in (0, commons.agents - 1):
            own = move.expected(policy.own[policy.group(seat), month])[0]

            def outcome(asks, seat=seat, own=own, after=after, stock=stock):
                u, w = asks[seat] + own[stock - sum(asks)], sum(asks) + after[stock - sum(asks)]
                concern = policy.concerns[seat]
                return (w, u) if math.isinf(concern) else (u + concern * w, 0.0)

            have = outcome(asked)
            for other in range(stock - sum(asked) + asked[seat] + 1):
                deviant = [*asked[:seat], other, *asked[seat + 1 :]]
                got = outcome(deviant)
                assert got[0] <= have[0] + 1e-6
                assert got[0] < have[0] - 1e-6 or got[1] <= have[1] + 1e-6
    assert looked_at > 10


@pytest.mark.parametrize(
    "others, pool", [((2, 3), 6), ((1, 1, 4), 8), ((3, 3, 3, 3), 14), ((0, 5), 7), ((1,), 5)]
)
def test_what_grabbing_brings_is_the_exact_law_of_rationing(others: tuple[int, ...], pool: int):
    law = rationings((pool, *others), pool)
    exact = [sum(p for taken, p in law.items() if taken[0] >= x) for x in range(1, pool + 1)]
    assert at_least(others, pool, 100) == pytest.approx(exact, abs=1e-10)
    assert at_least(others, pool, 20) == pytest.approx(exact, abs=1e-10)


def test_selfish_seats_empty_the_fishery_and_prosocial_ones_reach_the_planner():
    commons = load("fishery")
    assert markov_perfect(commons, mixed(0)).expects_together() == pytest.approx(100)
    assert markov_perfect(commons, mixed(5)).expects_together() == pytest.approx(650)
    worst = markov_perfect(commons, mixed(5), None, "worst")
    assert worst.expects_together() == pytest.approx(
        100
    )  # each expects the others to take all: nobody alone can save it
    assert [markov_perfect(commons, mixed(k)).expects_together() for k in range(5)] == pytest.approx(
        [100] * 5
    )


def test_the_least_concern_that_keeps_the_fishery_is_three_fifths():
    """A ton more now gains (1 + λ), and costs the two tons it would be next month, of which a fifth is one's own:
    2(1/5 + λ). So λ >= 1 − 2/5."""
    commons = load("fishery")
    assert markov_perfect(commons, (0.6 - 1e-6,) * 5).expects_together() == pytest.approx(100)
    assert markov_perfect(commons, (0.6 + 1e-6,) * 5).expects_together() == pytest.approx(650)


@pytest.mark.parametrize("name", catalogue())
def test_prosocial_seats_reach_the_planner_without_law_and_selfish_ones_the_best_law_under_it(name: str):
    commons = load(f"{name},months=7")
    n = commons.agents
    free = markov_perfect(commons, (INF,) * n)
    assert free.expects_together() == pytest.approx(planner(commons).expected)
    law = best_quota_law(commons)
    bound = markov_perfect(commons, (0.0,) * n, law)
    assert bound.expects_together() == pytest.approx(best_law(commons).expected)
    assert bound.without_equilibrium == free.without_equilibrium == 0
    both = markov_perfect(commons, (INF,) * n, law)
    assert both.expects_together() == pytest.approx(planner(commons).expected)  # a quota is a ceiling only


def test_what_is_expected_is_what_seasons_come_to():
    """The policy is played in 150 worlds: mean welfare within five standard errors of what it expects."""
    commons = load("fishery-contingent,regrowth=stochastic,months=5")
    policy = markov_perfect(commons, mixed(5))
    got = []
    for world in range(150):
        here = commons.model_copy(update={"world": world})

        def asks(month, stock, regime, event, here=here):
            places = lot(here, month)
            return [policy.ask(month, stock, event.name, i, regime=regime, places=places) for i in range(5)]

        got.append(caught(season(here, asks)))
    assert abs(np.mean(got) - policy.expects_together()) < 5 * np.std(got) / np.sqrt(len(got))


def test_the_place_of_a_seat_does_not_matter_but_its_concern():
    commons = load("fishery")
    law = compile_contract(load_contract("over-use-fine"), language(commons))
    one = markov_perfect(commons, (0.0, INF, 0.0, INF, 0.0), law)
    other = markov_perfect(commons, (INF, 0.0, 0.0, 0.0, INF), law)
    assert one.expects_together() == other.expects_together()
    assert one.expects(1) == other.expects(0) != one.expects(0) == other.expects(1)


def test_odd_units_go_by_the_worlds_lot():
    commons = load("fishery-stochastic")
    policy = markov_perfect(commons, mixed(5))
    state = 3, 57, "calm"  # 17 are taken: two seats take four
    places = [2, 0, 4, 1, 3]
    asks = [policy.ask(*state, i, places=places) for i in range(5)]
    assert sum(asks) == 17
    assert {i for i in range(5) if asks[i] == 4} == {i for i in range(5) if places[i] < 2}
    drawn = {
        tuple(policy.ask(*state, i, places=lot(commons.model_copy(update={"world": w}), 3)) for i in range(5))
        for w in range(80)
    }
    assert len(drawn) == 10  # every pair of seats, in one world or another


@pytest.mark.parametrize(
    "name", ["half-stock", "even-caps", "graduated-sanctions", "over-use-fine", "escrow"]
)
def test_shipped_laws_keep_selfish_seats_at_half_the_stock(name: str):
    commons = load("fishery")
    policy = markov_perfect(commons, mixed(0), compile_contract(load_contract(name), language(commons)))
    assert policy.expects_together() == pytest.approx(600)
    assert {policy.ask(m, 100, "calm", i) for m in range(1, 13) for i in range(5)} == {10}


def test_a_law_in_tables_is_what_it_does():
    commons = load("fishery")
    lang = language(commons)
    half = tabulated(commons, compile_contract(load_contract("half-stock"), lang))
    assert half.quota.shape == (1, 1, 101)
    assert half.quota[0, 0].tolist() == [s // 2 for s in range(101)]
    assert half.pays is None
    fine = tabulated(commons, compile_contract(load_contract("over-use-fine"), lang))
    assert fine.pays is not None
    assert fine.burns is not None
    assert not fine.burns.any()
    expected = [min(100.0, 2 * max(0.0, a - 10.0)) for a in range(101)]
    assert fine.pays[0, 0, 100] == pytest.approx(expected)
    told = tabulated(commons, compile_contract(quota_rule(commons), lang))
    assert told.quota.shape == (12, 1, 101)
    assert told.quota[11, 0, 70] == 70
    assert told.quota[3, 0, 70] == 20
    past = Contract(clauses=(Clause(kind="fine", when="violations > 0.0", amount="1.0"),))
    assert any("past" in note for note in tabulated(commons, compile_contract(past, lang)).notes)


def test_a_fine_that_depends_on_the_total_is_said_to_be_approximated():
    commons = load("fishery,capacity=40,months=3")
    contract = Contract(clauses=(Clause(kind="fine", when="total_taken > stock / 2.0", amount="20.0"),))
    policy = markov_perfect(commons, mixed(0), compile_contract(contract, language(commons)))
    assert any("others ask" in note for note in policy.notes)


@pytest.mark.parametrize(
    "name", ["fishery", "fishery-stochastic", "fishery-contingent,months=5", "groundwater,months=8"]
)
def test_the_readable_rule_attains_the_best_law_of_each_commons(name: str):
    commons = load(name)
    rule, lang = quota_rule(commons), language(commons)
    adoptable(rule, lang)
    policy = markov_perfect(commons, (0.0,) * commons.agents, compile_contract(rule, lang))
    assert policy.expects_together() == pytest.approx(best_law(commons).expected)


def test_private_types_are_the_expected_mix():
    assert expected_mix(0.0, 5, {0.0: 0.5, INF: 0.5}) == (0.0, 0.0, 0.0, INF, INF)
    assert expected_mix(INF, 5, {0.0: 0.9, INF: 0.1}) == (INF, 0.0, 0.0, 0.0, 0.0)
    assert expected_mix(1.0, 3, {0.0: 1.0}) == (1.0, 0.0, 0.0)
    with pytest.raises(ParleyError, match="prior"):
        expected_mix(0.0, 5, {0.0: 0.0})


@pytest.mark.parametrize(
    "concerns, says", [((0.0,) * 4, "give one each"), ((-0.6,) * 5, "−0.5"), ((float("nan"),) * 5, "nan")]
)
def test_wrong_concerns_are_refused_in_a_line(concerns, says):
    with pytest.raises(ParleyError, match=says):
        markov_perfect(load("fishery"), concerns)


def test_where_no_equilibrium_exists_the_policy_says_so():
    """A prosocial seat beside a greedy one, catches of falling worth: it would rather not scramble, nor hold back."""
    policy = markov_perfect(TINIES["concave"], (0.0, INF))
    assert policy.without_equilibrium > 0
    assert 0 < policy.regret < 1
    assert any("no equilibrium" in note for note in policy.notes)
    with pytest.raises(LookupError):
        _everywhere(Brute(TINIES["concave"], (0.0, INF)))


def test_three_concerns_are_played_too():
    commons = load("fishery,months=3")
    policy = markov_perfect(commons, (0.0, 0.0, 1.0, 1.0, INF))
    assert policy.expects_together() == pytest.approx(100)
    assert [g.concern for g in policy.groups] == [0.0, 1.0, INF]


def test_a_policy_is_found_once():
    """Asked for again, the same policy comes back: nothing is solved twice."""
    commons = load("fishery-contingent,order=5,months=12")
    assert markov_perfect(commons, mixed(2)) is markov_perfect(commons, mixed(2))
