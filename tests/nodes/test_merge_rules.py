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

from nodes.bargain import checked
from nodes.merge_rules import MERGE_RULES, Bargain, Merged, describe, merge, settle
from nodes.settings import MERGE_RULE_NAMES
from scenarios.errors import ParleyError
from scenarios.objective import Objective
from scenarios.ward import Array, Ward
from tests.nodes.strategies_wards import allocation_of, allocations, bargains, ward_of

RULES = [name for name, rule in MERGE_RULES.items() if not rule.needs_model]
SYMMETRIC = [name for name in RULES if MERGE_RULES[name].symmetric]
OPTIMAL = ["utilitarian", "egalitarian", "nash", "kalai-smorodinsky", "leximin"]
few = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def column(*amounts: float) -> Array:
    return np.array([[a] for a in amounts], dtype=float)


def table(ward: Ward, moves: Sequence[Array], utilities: Sequence[Objective], **more: Any) -> Bargain:
    return Bargain(ward, tuple(moves), tuple(moves), tuple(utilities), **{"seed": 1} | more)


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


def utilities_at(b: Bargain, points: Sequence[Array]) -> Array:
    return np.array([[u.value(b.ward, x) for u in b.utilities] for x in points])


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


# Divide a ward's one unit of hours: p0 could use 1, p1 no more than .8; d = (0, 0), ideals (1, .8).
TWO = ward_of([[1.0], [0.8]], [1], whole=False)
CAKE = table(TWO, [column(1, 0), column(0, 0.8)], [Objective(column(1, 0)), Objective(column(0, 1))])


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("mean-and-repair", 0.5, 0.4),
        ("nash", 0.5, 0.5),
        ("kalai-smorodinsky", 5 / 9, 4 / 9),
        ("egalitarian", 5 / 9, 4 / 9),
        ("leximin", 5 / 9, 4 / 9),
        ("utilitarian", 0.92 / 1.64, 0.72 / 1.64),  # every split ties: the one nearest to the mean
        ("last-word-first", 1, 0),
        ("last-word-last", 0, 0.8),
    ],
)
def test_a_cake_of_which_one_can_eat_less(name: str, first: float, second: float) -> None:
    np.testing.assert_allclose(merge(name, CAKE).allocation.ravel(), [first, second], atol=2e-4)


@pytest.mark.parametrize("name", ["nash", "kalai-smorodinsky", "leximin", "egalitarian"])
def test_scale_of_a_utility_makes_no_difference(name: str) -> None:
    scaled = replace(CAKE, utilities=(Objective(column(7, 0), constant=3), CAKE.utilities[1]))
    np.testing.assert_allclose(merge(name, scaled).allocation, merge(name, CAKE).allocation, atol=2e-4)


def test_a_seat_that_can_gain_nothing_is_left_out_and_said_so() -> None:
    idle = Objective(column(0, 0), constant=0.4)
    b = table(TWO, [column(1, 0), column(0, 0.8), column(0, 0)], [*CAKE.utilities, idle])
    for name in ("nash", "kalai-smorodinsky", "leximin", "egalitarian"):
        merged = merge(name, b)
        assert merged.notes == ("left out, can gain nothing in the span of the moves: seat 3",)
        two = merge(name, CAKE).allocation
        np.testing.assert_allclose(merged.allocation.ravel(), two.ravel(), atol=2e-4)


def test_three_claimants_differ_where_only_the_third_can_be_helped_further() -> None:
    """p2 draws on hours of its own: max–min leaves it near the mean, leximin gives it all."""
    ward = ward_of([[1.0, 0], [1.0, 0], [0, 1.0]], [1, 1], whole=False)
    moves = [np.array([[1.0, 0], [0, 0], [0, 0]]), np.array([[0, 0], [1.0, 0], [0, 0]])]
    moves.append(np.array([[0, 0], [0, 0], [0, 1.0]]))
    b = table(ward, moves, [Objective(m) for m in moves])
    np.testing.assert_allclose(utilities_at(b, [merge("leximin", b).allocation])[0], [0.5, 0.5, 1], atol=1e-4)
    egalitarian = merge("egalitarian", b).allocation
    np.testing.assert_allclose(utilities_at(b, [egalitarian])[0], [0.5, 0.5, 0.5], atol=1e-3)


BED = ward_of(np.ones((2, 1)), [1], whole=True)
ONE_BED = table(BED, [column(1, 0), column(0, 1)], [Objective(column(1, 0)), Objective(column(0, 1))])


@pytest.mark.parametrize("name", ["nash", "kalai-smorodinsky", "leximin", "utilitarian", "mean-and-repair"])
def test_one_bed_is_never_left_empty_and_goes_to_either_by_seed(name: str) -> None:
    merged = [merge(name, replace(ONE_BED, seed=seed)) for seed in range(40)]
    won = [tuple(m.allocation.ravel()) for m in merged]
    if name == "utilitarian":  # an empty bed is no tie: its sum is less
        assert (0.0, 0.0) not in won
    assert set(won) == {(1.0, 0.0), (0.0, 1.0)}


def test_nash_says_that_not_all_could_gain() -> None:
    assert merge("nash", ONE_BED).notes == ("not all can gain at once, only 1 of 2 do",)


def test_nash_of_whole_goods_takes_the_set_that_gains_most_of_what_it_could() -> None:
    """Three fillings of two beds, p3 sure of one; gains over d: (0, 1, 1), (2, 0, 4), (3, 1, 0) of (3, 1, 4)."""
    ward = ward_of(np.ones((4, 1)), [2], whole=True)
    moves = [column(0, 0, 0, 1), column(0, 1, 0, 1), column(1, 0, 0, 1)]
    u = [Objective(column(3, 2, 1, 0)), Objective(column(0, -1, -1, -1)), Objective(column(-1, 3, 2, 3))]
    b = table(ward, moves, u)
    np.testing.assert_array_equal(b.disagreement, [0, -2, 2])
    np.testing.assert_array_equal(b.ideal, [3, -1, 6])
    np.testing.assert_array_equal(merge("nash", b).allocation, moves[2])


def test_a_solo_lowers_the_disagreement_point() -> None:
    """A has come to B: but for its solo, A could not do worse than .5 and would ask for more."""
    moves = (column(1, 0), column(0.5, 0.5))
    near = replace(CAKE, moves=moves, solos=moves)
    far = replace(near, solos=(moves[0], column(0, 0.8)))
    assert (near.disagreement[0], far.disagreement[0]) == (0.5, 0.0)
    np.testing.assert_allclose(merge("nash", near).allocation.ravel(), [0.75, 0.25], atol=1e-3)
    np.testing.assert_allclose(merge("nash", far).allocation.ravel(), [0.5, 0.5], atol=1e-3)


def test_an_ideal_leaves_the_others_their_disagreement_point() -> None:
    """A could have .4 if B fell to .3; since B keeps .5, A's ideal is .3."""
    ward = ward_of(np.ones((3, 1)), [0.8], whole=False)
    moves = [column(0.4, 0.3, 0.1), column(0, 0.8, 0)]
    b = table(ward, moves, [Objective(column(1, 0, -1)), Objective(column(0, 1, 2))])
    np.testing.assert_allclose(b.disagreement, [0, 0.5], atol=1e-9)
    np.testing.assert_allclose(b.ideal, [0.3, 0.8], atol=1e-5)


def test_a_result_is_held_to_the_span_and_rounding_is_taken_out() -> None:
    x = checked(CAKE, Merged(column(0.6 + 1e-6, 0.4 + 1e-6))).allocation
    assert x.sum() <= 1
    np.testing.assert_allclose(x, column(0.6, 0.4), atol=2e-6)
    with pytest.raises(AssertionError, match=r"beyond a move"):
        checked(table(TWO, [column(1, 0), column(0.5, 0)], CAKE.utilities), Merged(column(0.2, 0)))
    with pytest.raises(AssertionError, match=r"r0 adds up to 1\.6"):
        checked(CAKE, Merged(column(1, 0.6)))


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


def test_mean_and_repair_is_drawn_with_the_mean_as_chances() -> None:
    moves = [column(1, 1, 0, 0), column(1, 0, 1, 0), column(0, 1, 0, 1)]
    b = table(ward_of(np.ones((4, 1)), [2], whole=True), moves, [Objective(m) for m in moves])
    drawn = np.mean([merge("mean-and-repair", replace(b, seed=s)).allocation for s in range(2000)], axis=0)
    np.testing.assert_allclose(drawn, np.mean(moves, axis=0), atol=4 * np.sqrt(0.25 / 2000))


def test_weighted_lottery_gives_one_seat_all_of_its_move_with_its_weight() -> None:
    b = replace(CAKE, weights=(3.0, 1.0))
    merged = [merge("weighted-lottery", replace(b, seed=s)) for s in range(800)]
    first = [np.array_equal(m.allocation, b.moves[0]) for m in merged]
    assert all(f or np.array_equal(m.allocation, b.moves[1]) for f, m in zip(first, merged, strict=True))
    assert np.mean(first) == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 800))
    assert merged[0].marginals is not None
    np.testing.assert_allclose(merged[0].marginals, column(0.75, 0.2))


@pytest.mark.parametrize("seats", [3, 4, 5])
def test_a_panel_without_values_meets_at_the_medians(seats: int) -> None:
    """Σ of distances to the moves is least at each cell's median; with ample hours nothing else binds."""
    ward = ward_of([[10.0], [4.0], [8.0]], [30], whole=False)
    rng = np.random.default_rng(seats)
    moves = [allocation_of(ward, rng) for _ in range(seats)]
    zero = np.zeros((3, 1))
    own = [Objective(zero, constant=1.0, distance=1.0, anchor=m) for m in moves]
    merged = merge("utilitarian", table(ward, moves, own))
    at_median = utilities_at(table(ward, moves, own), [np.median(moves, axis=0)]).sum()
    assert utilities_at(table(ward, moves, own), [merged.allocation]).sum() == pytest.approx(
        at_median, abs=1e-5
    )
    assert merged.gap < 1e-5


def test_the_same_seed_settles_the_same_way() -> None:
    for name in RULES:
        first, again = merge(name, ONE_BED), merge(name, replace(ONE_BED))
        np.testing.assert_array_equal(first.allocation, again.allocation)


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


def test_a_changed_proposal_is_noted() -> None:
    merged: Merged = settle(ONE_BED, column(1, 1))
    assert merged.allocation.sum() == 1
    assert merged.notes == ("proposal brought into the span of the moves, 1 cells changed",)


def test_moves_feasible_up_to_rounding_are_merged() -> None:
    ward = ward_of([[1.0, 10.0], [1.0, 10.0]], [1, 10], whole=[True, False])
    noisy = np.array([[1 - 5e-7, 10 + 4e-6], [0, 1e-6]])
    u = Objective(np.ones((2, 2)) / 20)
    for name in RULES:
        x = merge(name, table(ward, [noisy, noisy[::-1]], [u, u])).allocation
        assert x[:, 0].sum() == 1
        assert x[:, 1].sum() <= 10 + 1e-9


def test_bad_bargains_are_refused_in_one_line() -> None:
    u = Objective(column(0, 0))
    with pytest.raises(ParleyError, match=r"no seat made a valid move"):
        table(BED, [], [])
    with pytest.raises(ParleyError, match=r"move of seat 2 is not feasible: r0 adds up to 2"):
        table(BED, [column(1, 0), column(1, 1)], [u, u])
    with pytest.raises(ParleyError, match=r"2 moves, 1 utilities"):
        table(BED, [column(1, 0), column(1, 0)], [u])
    with pytest.raises(ParleyError, match=r"weights .* are no chances"):
        replace(ONE_BED, weights=(0.0, 0.0))
    with pytest.raises(ParleyError, match=r"none of that name; there are mean-and-repair, "):
        merge("median", ONE_BED)
    with pytest.raises(ParleyError, match=r"'llm': needs a model"):
        merge("llm", ONE_BED)


def test_the_registry_has_the_rules_that_settings_offer_and_describes_them() -> None:
    assert tuple(MERGE_RULES) == MERGE_RULE_NAMES
    rows = describe()
    assert [row["name"] for row in rows] == list(MERGE_RULES)
    assert all(row["says"] and row["source"] for row in rows)
