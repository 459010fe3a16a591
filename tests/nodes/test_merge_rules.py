"""Does every merge rule keep its word: in the span, and the best by its own measure, against brute force?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nodes.merging.rules import MERGE_RULES, Bargain, merge, settle
from scenarios.ward import Array
from tests.nodes.strategies_wards import allocations, bargains, utilities_at

RULES = [name for name, rule in MERGE_RULES.items() if not rule.needs_model]
SYMMETRIC = [name for name in RULES if MERGE_RULES[name].symmetric]
OPTIMAL = ["utilitarian", "egalitarian", "nash", "kalai-smorodinsky", "leximin"]
few = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def points_of(b: Bargain, rng: np.random.Generator | None = None, count: int = 300) -> list[Array]:
    """All of F(m) where every good is whole; else random points of it, the moves and their mixtures among them."""
    if b.ward.arrays.whole.all():
        spans = [range(int(lo), int(up) + 1) for lo, up in zip(b.lower.ravel(), b.upper.ravel(), strict=True)]
        every = (np.array(p, dtype=float).reshape(b.lower.shape) for p in product(*spans))
        return [x for x in every if b.ward.feasible(x)]
    rng = rng or np.random.default_rng(0)
    mixtures = [
        np.tensordot(rng.dirichlet(np.ones(len(b.moves))), np.array(b.moves), 1) for _ in range(count // 2)
    ]
    boxes = []
    for _ in range(count // 2):
        step = (b.upper - b.lower) * rng.choice([0, 1, rng.random()], size=b.lower.shape)
        room = b.ward.arrays.capacity - b.lower.sum(axis=0)
        boxes.append(b.lower + step * np.minimum(1, room / np.maximum(step.sum(axis=0), 1e-12)))
    return [*b.moves, *mixtures, *boxes]


def worths(b: Bargain, name: str, points: Sequence[Array]) -> list[tuple[float, ...]]:
    """What a rule maximises, written out from DEFINITIONS, at each point; compared lexicographically."""
    u = utilities_at(b, points)
    d = np.min(utilities_at(b, [*b.solos, *b.moves]), axis=0)
    rational = (u >= d - 1e-7).all(axis=1)
    ideal = np.where(rational[:, None], u, -np.inf).max(axis=0)
    gains = u[:, ideal - d > 1e-6] - d[ideal - d > 1e-6]
    shares = np.round(np.sort(gains / (ideal - d)[ideal - d > 1e-6], axis=1), 6)
    if name == "utilitarian":
        return [(float(total),) for total in np.round(u.sum(axis=1), 6)]
    if name == "nash":
        parts = gains / (ideal - d)[ideal - d > 1e-6]
        count = (parts > 1e-6).sum(axis=1)
        logs = np.log(np.where(parts > 1e-6, parts, 1.0)).sum(axis=1)
        rows = list(zip(count.tolist(), np.round(logs, 6).tolist(), strict=True))
    else:
        rows = [tuple(s[:1] if name == "egalitarian" else s) for s in shares.tolist()]
    return [row if ok else (-np.inf,) for row, ok in zip(rows, rational, strict=True)]


def distance(b: Bargain, x: Array) -> float:
    demand = np.maximum(b.ward.arrays.demand, 1e-9)
    return float((((x - b.mean) / demand) ** 2).sum())


@pytest.mark.parametrize("name", RULES)
@given(b=bargains())
@few
def test_every_rule_is_feasible_within_the_span_and_keeps_what_is_agreed(name: str, b: Bargain) -> None:
    merged = merge(name, b)
    x = merged.allocation
    assert b.ward.violations(x) == []
    assert (x >= np.min(b.moves, axis=0)).all()
    assert (x <= np.max(b.moves, axis=0)).all()
    assert merged.gap >= 0


@pytest.mark.parametrize("name", RULES)
@given(b=bargains(most_seats=1))
@few
def test_a_seat_alone_gets_its_own_move(name: str, b: Bargain) -> None:
    np.testing.assert_array_equal(merge(name, b).allocation, b.moves[0])


@pytest.mark.parametrize("name", SYMMETRIC)
@given(b=bargains(), random=st.randoms(use_true_random=False))
@few
def test_the_order_of_seats_changes_nothing(name: str, b: Bargain, random: Any) -> None:
    order = list(range(len(b.moves)))
    random.shuffle(order)
    turned = replace(
        b, moves=tuple(b.moves[s] for s in order), utilities=tuple(b.utilities[s] for s in order)
    )
    here, there = merge(name, b), merge(name, turned)
    if b.ward.arrays.whole.all() or name in ("mean-and-repair", "weighted-lottery"):
        np.testing.assert_allclose(here.allocation, there.allocation, atol=1e-9)
    np.testing.assert_allclose(
        utilities_at(b, [here.allocation]), utilities_at(b, [there.allocation]), atol=2e-4
    )


@pytest.mark.parametrize("name", OPTIMAL)
@given(b=bargains("whole"))
@settings(few, max_examples=30)
def test_whole_goods_equal_brute_force_down_to_the_tie(name: str, b: Bargain) -> None:
    points = points_of(b)
    worth = worths(b, name, points)
    x = merge(name, b).allocation
    at = next(i for i, p in enumerate(points) if np.array_equal(p, x))
    best = max(worth)
    assert worth[at] == pytest.approx(best, abs=5e-6)
    tied = [p for p, w in zip(points, worth, strict=True) if w == best]
    assert distance(b, x) <= min(distance(b, p) for p in tied) + 1e-6


@pytest.mark.parametrize("name", OPTIMAL)
@given(b=bargains("divisible"))
@few
def test_divisible_goods_are_not_beaten_by_any_sampled_point(name: str, b: Bargain) -> None:
    x = merge(name, b).allocation
    ours, d = utilities_at(b, [x])[0], b.disagreement
    theirs = utilities_at(b, points_of(b))
    if name == "utilitarian":
        assert ours.sum() >= theirs.sum(axis=1).max() - 1e-5
        return
    assert (ours >= d - 1e-5).all()
    theirs = theirs[(theirs >= d).all(axis=1)]
    s = list(b.gainers)
    assume(s and len(theirs))
    gain, other = (ours - d)[s], (theirs - d)[:, s]
    if name == "nash":
        logs = np.log(np.maximum(other, 1e-12)).sum(axis=1)
        assert np.log(np.maximum(gain, 1e-12)).sum() >= logs.max() - 1e-4
    else:
        scale = (b.ideal - d)[s]
        assert (gain / scale).min() >= (other / scale).min(axis=1).max() - 1e-4


@given(bargains("divisible", with_values=True))
@few
def test_ideal_and_disagreement_bound_what_a_bargain_gives(b: Bargain) -> None:
    theirs = utilities_at(b, points_of(b))
    rational = theirs[(theirs >= b.disagreement).all(axis=1)]
    assert (rational.max(axis=0) <= b.ideal + 1e-5).all()
    for name in ("nash", "kalai-smorodinsky", "egalitarian"):
        u = utilities_at(b, [merge(name, b).allocation])[0]
        assert (u >= b.disagreement - 1e-5).all()
        assert (u <= b.ideal + 1e-5).all()


@given(bargains())
@few
def test_kalai_smorodinsky_completed_is_leximin_in_scaled_utilities(b: Bargain) -> None:
    ks, lexi = merge("kalai-smorodinsky", b), merge("leximin", b)
    np.testing.assert_array_equal(ks.allocation, lexi.allocation)


@given(b=bargains("divisible", most_seats=2))
@few
def test_mean_and_repair_of_divisible_goods_is_the_mean(b: Bargain) -> None:
    merged = merge("mean-and-repair", b)
    np.testing.assert_allclose(merged.allocation, sum(b.moves) / len(b.moves), atol=1e-9)
    assert merged.marginals is None


@given(b=bargains("mixed"))
@few
def test_mean_and_repair_draws_whole_goods_about_the_mean(b: Bargain) -> None:
    assume(b.contested)
    merged = merge("mean-and-repair", b)
    mean, whole = np.mean(b.moves, axis=0), b.ward.arrays.whole
    assert merged.marginals is not None
    np.testing.assert_allclose(merged.marginals, mean, atol=1e-9)
    np.testing.assert_allclose(merged.allocation[:, ~whole], mean[:, ~whole], atol=1e-9)
    assert (abs(merged.allocation - mean)[:, whole] < 1).all()


@st.composite
def proposals(draw: st.DrawFn) -> tuple[Bargain, Array]:
    b = draw(bargains())
    junk = st.sampled_from([-1.0, 0.0, 0.4, 1.0, 7.0, float("nan"), float("inf")])
    flat = [draw(junk) for _ in range(b.lower.size)]
    return b, np.array(flat).reshape(b.lower.shape)


@given(proposals())
@few
def test_whatever_a_model_proposes_is_settled_within_the_span(case: tuple[Bargain, Array]) -> None:
    b, proposed = case
    merged = settle(b, proposed)
    assert b.ward.violations(merged.allocation) == []
    assert (merged.allocation >= b.lower).all()
    assert (merged.allocation <= b.upper).all()


@given(bargains(), st.data())
@few
def test_a_proposal_in_the_span_stands_as_it_is(b: Bargain, data: st.DataObject) -> None:
    inside = np.clip(data.draw(allocations(b.ward)), b.lower, b.upper)
    assume(b.ward.feasible(inside))
    merged = settle(b, inside)
    np.testing.assert_allclose(merged.allocation, inside, atol=1e-4)
