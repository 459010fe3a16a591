"""Do seats that care for each other play exactly the equilibria of their values, known, private or noisy?"""

from __future__ import annotations

import itertools
import math
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from negotiators.reference.games.equilibrium import play, quantal_response, values
from negotiators.reference.games.private import Belief, Hidden, bayes_nash
from scenarios.errors import ParleyError
from scenarios.games import load
from scenarios.games.equilibria import expected, pure_equilibria
from scenarios.games.game import Array
from scenarios.games.lift import lift_faults, lifted_payoffs

PENNIES = np.array([[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]], dtype=float)
CONCERNS = st.sampled_from([-0.5, 0.0, 0.5, 1.0, 2.0, 7.0, inf])
SHAPES = st.sampled_from([(2, 2, 2), (3, 2, 2), (2, 2, 2, 3)])
GAMES = SHAPES.flatmap(lambda s: arrays.arrays(float, s, elements=st.integers(-4, 4).map(float)))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def worth(payoffs: Array, cell: tuple[int, ...], seat: int, concern: float) -> tuple[float, ...]:
    """V of one profile in plain numbers, a tuple that Python compares lexicographically."""
    u, total = float(payoffs[cell][seat]), float(sum(payoffs[cell]))
    return (total, u) if math.isinf(concern) else (u + concern * total,)


def brute(payoffs: Array, concerns: tuple[float, ...]) -> list[tuple[int, ...]]:
    out = []
    for cell in itertools.product(*map(range, payoffs.shape[:-1])):
        moves = (
            (worth(payoffs, (*cell[:i], d, *cell[i + 1 :]), i, c), worth(payoffs, cell, i, c))
            for i, c in enumerate(concerns)
            for d in range(payoffs.shape[i])
        )
        if all(moved <= stays for moved, stays in moves):
            out.append(cell)
    return out


# Known concerns


@settings(max_examples=60, deadline=None)
@given(GAMES, st.data())
def test_play_is_the_best_or_worst_of_all_pure_equilibria(payoffs: Array, data: st.DataObject) -> None:
    concerns = tuple(data.draw(CONCERNS) for _ in range(payoffs.shape[-1]))
    cells = brute(payoffs, concerns)
    for select, extreme in (("best", max), ("worst", min)):
        profile = play(payoffs, concerns, select=select, rng=rng())  # type: ignore[arg-type]
        if cells:
            assert profile.concept == "pure" and profile.actions in cells and profile.found == len(cells)
            assert profile.welfare == extreme(float(payoffs[cell].sum()) for cell in cells)
            assert profile.payoffs == tuple(payoffs[profile.actions])
        else:
            assert profile.concept != "pure"


@given(GAMES)
def test_lexicographic_is_where_ever_greater_concern_leads(payoffs: Array) -> None:
    """On whole payoffs this small, λ = 1000 already puts every unit of W before every payoff."""
    n = payoffs.shape[-1]
    exact, large = values(payoffs, (inf,) * n), values(payoffs, (1000.0,) * n)
    for seat in range(n):
        assert np.array_equal(exact.best_responses(seat), large.best_responses(seat))


def test_lexicographic_is_exact_where_a_large_number_is_not() -> None:
    """A difference in W of 1e-6 outweighs any payoff; with λ = 1e4 it would not."""
    payoffs = np.array([[[0.0, 0.0], [0, 0]], [[-5.0, 5.0 + 1e-6], [0, 0]]])
    assert values(payoffs, (inf, 0)).best_responses(0)[:, 0].tolist() == [False, True]
    assert values(payoffs, (1e4, 0)).best_responses(0)[:, 0].tolist() == [True, False]


@settings(max_examples=60)
@given(st.integers(-8, 8), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_the_lift_needs_a_concern_of_exactly_two(S: int, a: int, b: int, c: int) -> None:
    """DEFINITIONS: without contract (CH, CH) holds from λ = max(2, (T − R)/(2R − T − S)) on."""
    P, R, T = S + a, S + a + b, S + a + b + c
    if lift_faults(T, R, P, S):
        return
    least = max(2.0, (T - R) / (2 * R - T - S))
    payoffs = lifted_payoffs(T, R, P, S)
    for concern, holds in ((least, True), (least + 0.01, True), (least - 0.01, False)):
        stable = [values(payoffs, (concern,) * 2).best_responses(i)[0, 0] for i in range(2)]
        assert all(stable) is holds
    assert play(payoffs, (inf, inf), rng=rng()).actions == (0, 0)
    assert play(payoffs, (0, 0), rng=rng()).actions == (2, 2)


def test_what_is_burnt_counts_against_welfare_alone() -> None:
    payoffs, burnt = load("prisoners-dilemma").payoffs(), np.array([[4.0, 0], [0, 0]])
    assert play(payoffs, (inf, inf), rng=rng()).actions == (0, 0)
    assert play(payoffs, (inf, inf), rng=rng(), burnt=burnt).welfare == 5, "one defects: nothing is burnt"
    assert play(payoffs, (0, 0), rng=rng(), burnt=burnt).actions == (1, 1), "nobody's payoff changed"


def test_ties_are_drawn_by_the_seed_and_by_nothing_else() -> None:
    chicken = load("chicken").payoffs()
    drawn = [play(chicken, (0, 0), rng=rng(seed)).actions for seed in range(40)]
    assert set(drawn) == {(0, 1), (1, 0)}
    assert drawn == [play(chicken, (0, 0), rng=rng(seed)).actions for seed in range(40)]


def test_where_no_pure_equilibrium_is_the_mixed_one_is_played() -> None:
    for concerns in ((0.0, 0.0), (3.0, 0.0), (inf, inf), (inf, 0.0)):
        profile = play(PENNIES, concerns, rng=rng())
        assert profile.concept == "mixed" and profile.actions is None and profile.regret < 1e-9
        assert all(mix == pytest.approx([0.5, 0.5]) for mix in profile.strategies)
    draws = [play(PENNIES, (0, 0), rng=rng()).drawn(rng(seed)) for seed in range(60)]
    assert set(draws) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_three_at_rock_paper_scissors_mix_evenly() -> None:
    payoffs = np.zeros((3, 3, 3, 3))
    for cell in itertools.product(range(3), repeat=3):
        for i in range(3):
            others = [cell[j] for j in range(3) if j != i]
            payoffs[cell][i] = others.count((cell[i] + 1) % 3) - others.count((cell[i] - 1) % 3)
    profile = play(payoffs, (0, 0, 0), rng=rng())
    assert profile.concept == "mixed" and profile.strategies[2] == pytest.approx([1 / 3] * 3)


def test_without_any_equilibrium_the_least_regret_is_taken_and_said() -> None:
    """λ = ∞ is not continuous: this seat would follow W, which has it matched; the other flees."""
    found = 0
    for seed in range(300):
        payoffs = rng(seed).integers(-3, 4, (2, 2, 2)).astype(float)
        profile = play(payoffs, (inf, 0.0), rng=rng())
        if profile.concept != "least regret":
            continue
        found += 1
        assert not brute(payoffs, (inf, 0.0)) and profile.found == 0 and "least regret" in profile.note
        regret = {
            cell: max(
                max(payoffs[d, cell[1]].sum() for d in (0, 1)) - payoffs[cell].sum(),
                max(payoffs[cell[0], d][1] for d in (0, 1)) - payoffs[cell][1],
            )
            for cell in itertools.product(range(2), repeat=2)
        }
        assert profile.actions is not None and regret[profile.actions] == min(regret.values())
    assert found > 0


@pytest.mark.parametrize(
    ("concerns", "said"),
    [
        ((0.0,), "1 for 2 seats"),
        ((0.0, -0.6), "λ of seat 2 is -0.6"),
        ((math.nan, 0.0), "λ of seat 1 is nan"),
    ],
)
def test_a_concern_off_the_dial_is_refused(concerns: tuple[float, ...], said: str) -> None:
    with pytest.raises(ParleyError, match=said):
        play(PENNIES, concerns, rng=rng())
    with pytest.raises(ParleyError, match="choose best or worst"):
        play(PENNIES, (0, 0), rng=rng(), select="any")  # type: ignore[arg-type]


# Private types and hidden states


def brute_bayes(hidden: Hidden, beliefs: list[Belief]) -> set[tuple[tuple[int, ...], ...]]:
    """Every pure Bayes–Nash equilibrium of two seats by trying all pairs of strategies, in plain loops."""
    sets = [[(s, c) for s in dict.fromkeys(hidden.signals[i]) for c in beliefs[i].concerns] for i in (0, 1)]
    plans = [list(itertools.product(range(hidden.payoffs.shape[1 + i]), repeat=len(sets[i]))) for i in (0, 1)]

    def value(i: int, at: tuple[str, float], action: int, other: tuple[int, ...]) -> tuple[float, ...]:
        total = np.zeros(len(worth(hidden.payoffs[0], (0, 0), i, at[1])))
        for s, chance in enumerate(hidden.chances):
            if hidden.signals[i][s] != at[0]:
                continue
            for c, likely in zip(beliefs[1 - i].concerns, beliefs[1 - i].chances, strict=True):
                reply = other[sets[1 - i].index((hidden.signals[1 - i][s], c))]
                cell = (action, reply) if i == 0 else (reply, action)
                total += chance * likely * np.array(worth(hidden.payoffs[s], cell, i, at[1]))
        return tuple(total.round(9))

    def stands(i: int, own: tuple[int, ...], other: tuple[int, ...]) -> bool:
        return all(
            value(i, at, d, other) <= value(i, at, own[k], other)
            for k, at in enumerate(sets[i])
            for d in range(hidden.payoffs.shape[1 + i])
        )

    return {(a, b) for a in plans[0] for b in plans[1] if stands(0, a, b) and stands(1, b, a)}


@settings(max_examples=15, deadline=None)
@given(
    arrays.arrays(float, (2, 2, 2, 2), elements=st.integers(-3, 3).map(float)),
    st.sampled_from([(("x", "y"), ("x", "y")), (("x", "y"), ("n", "n")), (("n", "n"), ("n", "n"))]),
    st.sampled_from([(0.0, 2.0), (0.0, inf), (-0.5, 1.0)]),
)
def test_bayes_nash_agrees_with_trying_every_pair_of_strategies(
    payoffs: Array, signals: tuple[tuple[str, ...], ...], types: tuple[float, float]
) -> None:
    hidden = Hidden(payoffs, np.array([0.25, 0.75]), signals)
    beliefs = [Belief(types, (0.5, 0.5)), Belief((0.0,), (1.0,))]
    found, plans = brute_bayes(hidden, beliefs), bayes_nash(hidden, beliefs, rng=rng())
    if not found:
        assert plans.concept == "least regret" and plans.regret > 0 and plans.note
        return
    assert plans.concept == "pure" and plans.found == len(found)
    assert tuple(tuple(p.values()) for p in plans.actions) in found
    worst = bayes_nash(hidden, beliefs, rng=rng(), select="worst")
    assert worst.welfare <= plans.welfare + 1e-9


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(float, (2, 2, 2), elements=st.integers(-3, 3).map(float)), st.tuples(CONCERNS, CONCERNS))
def test_with_nothing_hidden_it_is_plain_play(payoffs: Array, concerns: tuple[float, float]) -> None:
    hidden = Hidden(payoffs[None], np.ones(1), (("only",), ("only",)))
    plans = bayes_nash(hidden, [Belief.known(c) for c in concerns], rng=rng())
    profile = play(payoffs, concerns, rng=rng())
    assert (plans.concept == "pure") == (profile.concept == "pure")
    if profile.concept == "pure":
        assert plans.found == profile.found and plans.welfare == pytest.approx(profile.welfare)


def test_sick_leave_is_solved_by_concern_and_by_nothing_selfish() -> None:
    """First best 3.4: come in when well, stay home when catching, be helped. Selfish seats reach 0."""
    hidden = Hidden.of(load("sick-leave"))
    selfish = bayes_nash(hidden, [Belief.known(0.0)] * 2, rng=rng())
    caring = bayes_nash(hidden, [Belief.known(1.0)] * 2, rng=rng())
    assert selfish.welfare == pytest.approx(0) and caring.welfare == pytest.approx(3.4)
    assert [caring.action(0, s, 1.0) for s in ("well", "catching")] == [0, 1]
    assert bayes_nash(hidden, [Belief.known(0.66), Belief.known(1.0)], rng=rng()).action(0, "well", 0.66) == 1
    assert bayes_nash(hidden, [Belief.known(0.67), Belief.known(1.0)], rng=rng()).action(0, "well", 0.67) == 0


def test_a_seat_that_is_believed_to_be_another_answers_as_what_it_is() -> None:
    """Both are taken for prosocial, the first is selfish: the other hunts the stag's part, the first defects."""
    hidden = Hidden.of(load("prisoners-dilemma"))
    plans = bayes_nash(hidden, [Belief.known(inf)] * 2, rng=rng(), concerns=(0.0, inf))
    assert plans.action(0, "only", 0.0) == 1 and plans.action(1, "only", inf) == 0
    assert plans.welfare == 6, "what the beliefs expect, not what comes"
    with pytest.raises(ParleyError, match="none for signal 'only' and λ = 0.5"):
        plans.action(0, "only", 0.5)


def test_large_games_are_searched_and_say_so() -> None:
    game = load("public-goods,n=8")
    plans = bayes_nash(Hidden.of(game), [Belief((0.0, inf), (0.5, 0.5))] * 8, rng=rng())
    assert plans.concept == "pure" and "there may be others" in plans.note
    assert all(p == {("only", 0.0): 1, ("only", inf): 0} for p in plans.actions)


def test_a_belief_that_is_none_is_refused() -> None:
    for concerns, chances in (((0.0, 1.0), (0.5, 0.6)), ((0.0, 0.0), (0.5, 0.5)), ((0.0,), (0.5, 0.5))):
        with pytest.raises(ParleyError, match="belief"):
            Belief(concerns, chances)
    with pytest.raises(ParleyError, match="1 for 2 seats"):
        bayes_nash(Hidden.of(load("chicken")), [Belief.known(0.0)], rng=rng())


# Noisy play


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 2.0, 15.0, 200.0]), st.data())
def test_a_quantal_response_is_a_fixed_point(seed: int, precision: float, data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(2, 2, 2), (3, 3, 2), (4, 2, 2), (2, 2, 2, 3)]))
    concerns = tuple(data.draw(CONCERNS) for _ in range(shape[-1]))
    payoffs = rng(seed).normal(size=shape)
    found = quantal_response(payoffs, concerns, precision)
    for i, concern in enumerate(concerns):
        u = expected(payoffs, found.strategies, but=i)
        w = 1.0 if math.isinf(concern) else concern / (1 + concern)
        score = precision * ((1 - w) * u[:, i] + w * u.sum(axis=1))
        score = np.exp(score - score.max())
        assert found.strategies[i] == pytest.approx(score / score.sum(), abs=1e-7)


def test_noise_without_limit_is_uniform_and_none_is_nash() -> None:
    for spec in ("prisoners-dilemma", "lift:prisoners-dilemma", "chicken"):
        payoffs = load(spec).payoffs()
        flat = quantal_response(payoffs, (0, 0), 0.0)
        assert all(mix == pytest.approx(np.full(len(mix), 1 / len(mix))) for mix in flat.strategies)
    sharp = quantal_response(load("lift:prisoners-dilemma").payoffs(), (0, 0), 300.0)
    assert sharp.strategies[0][2] == pytest.approx(1)
    hare = quantal_response(load("stag-hunt").payoffs(), (0, 0), 50.0)
    assert hare.strategies[0][1] == pytest.approx(1), (
        "the branch from uniform play ends in the risk-dominant hare"
    )
    chicken = quantal_response(load("chicken").payoffs(), (0, 0), 2000.0)
    assert chicken.strategies[0] == pytest.approx([2 / 3, 1 / 3], abs=1e-3), "symmetric seats stay symmetric"


def test_own_payoff_effect_of_asymmetric_pennies() -> None:
    """Nash leaves the row's mix where it is when its own payoff grows; noisy rows follow it (Goeree and Holt 2001)."""
    boosted = PENNIES.copy()
    boosted[0, 0, 0] = 9
    plain, more = (quantal_response(g, (0, 0), 1.0).strategies[0][0] for g in (PENNIES, boosted))
    assert plain == pytest.approx(0.5) and more > 0.7
    assert play(boosted, (0, 0), rng=rng()).strategies[0] == pytest.approx([0.5, 0.5])


def test_quantal_response_refuses_what_it_cannot_do() -> None:
    for precision in (-1.0, inf, math.nan):
        with pytest.raises(ParleyError, match="precision is"):
            quantal_response(PENNIES, (0, 0), precision)


def test_pure_equilibria_of_selfish_seats_are_the_games_own() -> None:
    for spec in ("prisoners-dilemma", "stag-hunt", "lift:stag-hunt", "public-goods"):
        payoffs = load(spec).payoffs()
        assert play(payoffs, (0,) * payoffs.shape[-1], rng=rng()).found == len(pure_equilibria(payoffs))
