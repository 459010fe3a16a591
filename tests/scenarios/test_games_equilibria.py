"""Are equilibria and optima what brute force and the literature say, on every small game that is tried?"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scenarios.errors import ParleyError
from scenarios.games import load
from scenarios.games.equilibria import (
    best_responses,
    equilibria,
    expected,
    pure_equilibria,
    regrets,
    symmetric_mixed,
)
from scenarios.games.game import Array, symmetric_payoffs
from scenarios.games.optima import nash_optima, rawlsian_optima, security, welfare, welfare_optima


def whole(shape: tuple[int, ...], low: int = -4, high: int = 4) -> st.SearchStrategy[Array]:
    """Games of small whole payoffs: ties and degenerate games are frequent."""
    return arrays.arrays(float, shape, elements=st.integers(low, high).map(float))


SHAPES = st.sampled_from([(2, 2, 2), (3, 2, 2), (2, 4, 2), (2, 2, 2, 3), (2, 3, 2, 3)])
GAMES = SHAPES.flatmap(whole)


def stable(payoffs: Array, cell: tuple[int, ...]) -> bool:
    for i, size in enumerate(payoffs.shape[:-1]):
        for d in range(size):
            moved = (*cell[:i], d, *cell[i + 1 :])
            if payoffs[moved][i] > payoffs[cell][i] + 1e-9:
                return False
    return True


# Pure


@given(GAMES)
def test_pure_equilibria_are_those_that_no_move_alone_betters(payoffs: Array) -> None:
    cells = itertools.product(*map(range, payoffs.shape[:-1]))
    assert pure_equilibria(payoffs) == [cell for cell in cells if stable(payoffs, cell)]


@given(GAMES, st.data())
def test_what_others_alone_can_change_moves_no_best_response(payoffs: Array, data: st.DataObject) -> None:
    i = data.draw(st.integers(0, payoffs.shape[-1] - 1))
    shift = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-5, 6, payoffs.shape[:-1])
    constant_in_own = np.broadcast_to(shift.take([0], axis=i), payoffs.shape[:-1])
    moved = 3 * payoffs
    moved[..., i] += constant_in_own
    assert np.array_equal(best_responses(moved, i), best_responses(payoffs, i))


@pytest.mark.parametrize(
    ("spec", "cells"),
    [
        ("prisoners-dilemma", [(1, 1)]), ("stag-hunt", [(0, 0), (1, 1)]), ("chicken", [(0, 1), (1, 0)]),
        ("battle-of-the-sexes", [(0, 0), (1, 1)]), ("public-goods", [(1, 1, 1, 1)]),
        ("lift:prisoners-dilemma", [(2, 2)]), ("lift:stag-hunt", [(0, 1), (1, 0), (2, 2)]),
    ],
)  # fmt: skip
def test_classics_have_the_equilibria_they_are_known_for(spec: str, cells: list[tuple[int, ...]]) -> None:
    assert pure_equilibria(load(spec).payoffs()) == cells


# Mixed, two players


def supports(payoffs: Array) -> list[tuple[Array, Array]]:
    """All equilibria of a game that is not degenerate: supports of equal size, by linear systems (Nash 1951)."""
    rows, columns = payoffs.shape[:2]
    found = []
    for size in range(1, min(rows, columns) + 1):
        for s in itertools.combinations(range(rows), size):
            for t in itertools.combinations(range(columns), size):
                p, q = np.zeros(rows), np.zeros(columns)
                try:
                    p[list(s)] = indifferent(payoffs[np.ix_(s, t)][..., 1].T)
                    q[list(t)] = indifferent(payoffs[np.ix_(s, t)][..., 0])
                except np.linalg.LinAlgError:
                    continue
                if min(p.min(), q.min()) >= -1e-12 and regrets(payoffs, (p, q)).max() < 1e-9:
                    found.append((p, q))
    return found


def indifferent(own: Array) -> Array:
    size = len(own)
    system = np.block([[own, -np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]])
    return np.linalg.solve(system, np.append(np.zeros(size), 1.0))[:size]


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 3, 2), (2, 4, 2), (4, 4, 2)])
def test_all_equilibria_of_generic_games_are_found_and_odd_in_number(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(11)
    for _ in range(25):
        payoffs = rng.normal(size=shape)
        ours, brute = equilibria(payoffs), supports(payoffs)
        assert len(ours) == len(brute) and len(ours) % 2 == 1, "Wilson 1971: generic games have an odd number"
        for p, q in brute:
            assert any(np.allclose(p, a, atol=1e-6) and np.allclose(q, b, atol=1e-6) for a, b in ours)


@settings(max_examples=40, deadline=None)
@given(whole((3, 3, 2), 0, 2))
def test_degenerate_games_still_give_equilibria_that_hold_each_once(payoffs: Array) -> None:
    found = equilibria(payoffs)
    assert found
    for p, q in found:
        assert (p.sum(), q.sum()) == pytest.approx((1, 1)) and min(p.min(), q.min()) >= 0
        assert regrets(payoffs, (p, q)).max() < 1e-6
    flat = {tuple(np.concatenate(pair).round(5)) for pair in found}
    assert len(flat) == len(found)
    pure = {tuple(int(p.argmax()) for p in pair) for pair in found if all(p.max() == 1 for p in pair)}
    assert pure == set(pure_equilibria(payoffs))


def test_mixed_equilibria_of_the_literature() -> None:
    def mixed(spec: str) -> tuple[Array, Array]:
        return next(
            pair for pair in equilibria(load(spec).payoffs()) if max(p.max() for p in pair) < 1 - 1e-9
        )

    assert mixed("chicken")[0] == pytest.approx([2 / 3, 1 / 3]), "Aumann 1974"
    p, q = mixed("battle-of-the-sexes")
    assert p == pytest.approx([0.6, 0.4]) and q == pytest.approx([0.4, 0.6]), "Luce and Raiffa 1957"
    pennies = np.array([[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]], dtype=float)
    ((p, q),) = equilibria(pennies)
    assert p == pytest.approx([0.5, 0.5]) and q == pytest.approx([0.5, 0.5])


def test_scale_and_dominated_actions_do_not_matter() -> None:
    chicken = load("chicken").payoffs()
    for scale, shift in ((1e-3, 0.0), (1e5, -3e5)):
        assert len(equilibria(scale * chicken + shift)) == 3
    wide = np.full((9, 9, 2), -1.0)
    wide[3:5, 6:8] = chicken
    wide[:3, :, 0] = wide[5:, :, 0] = wide[:, :6, 1] = wide[:, 8:, 1] = -2
    found = equilibria(wide)
    assert len(found) == 3 and any(
        p[3] == pytest.approx(2 / 3) and q[6] == pytest.approx(2 / 3) for p, q in found
    )


def test_what_is_too_large_is_refused_in_one_line() -> None:
    with pytest.raises(ParleyError, match="7 × 7 actions are left after dominance"):
        equilibria(np.zeros((7, 7, 2)))
    with pytest.raises(ParleyError, match="take symmetric_mixed"):
        equilibria(np.zeros((2, 2, 2, 3)))
    with pytest.raises(ParleyError, match="not exchangeable"):
        symmetric_mixed(load("battle-of-the-sexes").payoffs())


# Symmetric


def symmetric(n: int, actions: int, value: Any) -> Array:
    """u_i = value(own action, counts of the others' actions)."""
    payoffs = np.zeros((*[actions] * n, n))
    for cell in itertools.product(range(actions), repeat=n):
        for i in range(n):
            others = [cell[j] for j in range(n) if j != i]
            payoffs[cell][i] = value(cell[i], [others.count(a) for a in range(actions)])
    return payoffs


@pytest.mark.parametrize("n", [2, 3, 5])
def test_volunteers_dilemma_has_diekmanns_mixed_equilibrium(n: int) -> None:
    cost, benefit = 1.0, 3.0
    payoffs = symmetric(n, 2, lambda own, others: benefit * (own == 0 or others[0] > 0) - cost * (own == 0))
    assert symmetric_payoffs(payoffs)
    (mix,) = symmetric_mixed(payoffs)
    assert mix[1] == pytest.approx((cost / benefit) ** (1 / (n - 1))), "Diekmann 1985"


def test_a_threshold_good_has_two_interior_equilibria_and_none_giving() -> None:
    """Two of three others must give too: the chance to be pivotal, 3p²(1 − p), equals cost/benefit twice."""
    payoffs = symmetric(4, 2, lambda own, others: 10.0 * (others[0] + (own == 0) >= 3) - 3.0 * (own == 0))
    interior = sorted(float(mix[0]) for mix in symmetric_mixed(payoffs) if 0 < mix[0] < 1)
    roots = [float(r.real) for r in np.roots([-3, 3, 0, -0.3]) if 0 < r.real < 1]
    assert interior == pytest.approx(sorted(roots)) and len(roots) == 2
    assert any(mix[0] == 0 for mix in symmetric_mixed(payoffs))


def test_rock_paper_scissors_of_three_is_uniform() -> None:
    def score(own: int, others: list[int]) -> float:
        return float(others[(own + 1) % 3] - others[(own - 1) % 3])

    for n in (2, 3):
        found = symmetric_mixed(symmetric(n, 3, score))
        assert any(mix == pytest.approx([1 / 3] * 3) for mix in found)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_symmetric_equilibria_of_two_are_those_of_nashpy_on_the_diagonal(seed: int) -> None:
    row = np.random.default_rng(seed).normal(size=(3, 3))
    payoffs = np.stack([row, row.T], axis=-1)
    diagonal = [p for p, q in equilibria(payoffs) if np.allclose(p, q, atol=1e-6)]
    ours = symmetric_mixed(payoffs)
    assert len(ours) == len(diagonal) >= 1, "a symmetric game has a symmetric equilibrium (Nash 1951)"
    assert all(any(np.allclose(p, mix, atol=1e-6) for mix in ours) for p in diagonal)


@given(GAMES, st.integers(0, 999))
def test_expected_payoffs_are_the_weighted_sum_over_cells(payoffs: Array, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mixes = [rng.dirichlet(np.ones(size)) for size in payoffs.shape[:-1]]
    total = sum(
        np.prod([mix[a] for mix, a in zip(mixes, cell, strict=True)]) * payoffs[cell]
        for cell in itertools.product(*map(range, payoffs.shape[:-1]))
    )
    assert expected(payoffs, mixes) == pytest.approx(total)
    each = expected(payoffs, mixes, but=1)
    assert each.shape == payoffs.shape[1:2] + payoffs.shape[-1:] and mixes[1] @ each == pytest.approx(total)


# Optima


@given(GAMES)
def test_optima_are_the_best_cells_by_brute_force(payoffs: Array) -> None:
    cells = list(itertools.product(*map(range, payoffs.shape[:-1])))
    total = {cell: float(payoffs[cell].sum()) for cell in cells}
    least = {cell: float(payoffs[cell].min()) for cell in cells}
    for optimum, scores in ((welfare_optima(payoffs), total), (rawlsian_optima(payoffs), least)):
        assert optimum.value == max(scores.values())
        assert list(optimum.cells) == [cell for cell in cells if scores[cell] == optimum.value]


@given(GAMES, st.integers(1, 5), st.integers(-9, 9))
def test_the_nash_optimum_moves_with_no_scale_and_no_constant(payoffs: Array, scale: int, shift: int) -> None:
    """Under its own disagreement point; from 0, as GT-HarmBench takes it, a constant does move it."""
    scaled = payoffs.copy()
    scaled[..., 0] = scale * payoffs[..., 0] + shift
    assert nash_optima(scaled).cells == nash_optima(payoffs).cells
    d = security(payoffs)
    for cell in nash_optima(payoffs).cells:
        assert (payoffs[cell] >= d - 1e-9).all(), "somebody would rather not agree"


def test_two_losses_are_no_gain() -> None:
    payoffs = np.array([[[1, 1], [-4, 2]], [[2, -4], [-3, -3]]], dtype=float)
    optimum = nash_optima(payoffs, disagreement=0)
    assert (optimum.cells, optimum.value) == (((0, 0),), 1.0)
    assert nash_optima(payoffs, disagreement=5).cells == () and np.isnan(nash_optima(payoffs, 5).value)


def test_where_not_all_can_gain_as_many_as_can_do() -> None:
    payoffs = np.array([[[0, 3], [0, 2]], [[1, 0], [0, 0]]], dtype=float)
    optimum = nash_optima(payoffs, disagreement=0)
    assert optimum.cells == ((0, 0), (1, 0)), (
        "one gains all it can, one nothing: by whom is not told by scale"
    )
    assert optimum.value == 0.0


def test_welfare_is_net_of_what_is_burnt() -> None:
    payoffs, burnt = load("prisoners-dilemma").payoffs(), np.array([[4.0, 0], [0, 0]])
    assert welfare(payoffs, burnt).tolist() == [[2, 5], [5, 2]]
    assert welfare_optima(payoffs, burnt).cells == ((0, 1), (1, 0))
