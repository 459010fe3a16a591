"""Is a bargain settled as the textbooks have it: cakes, single beds, panels, and what is refused?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nodes.merging.bargain import checked
from nodes.merging.rules import MERGE_RULES, Merged, describe, merge, settle
from nodes.settings import MERGE_RULE_NAMES
from scenarios.errors import ParleyError
from scenarios.objective import Objective
from tests.nodes.strategies_wards import allocation_of, column, table, utilities_at, ward_of

RULES = [name for name, rule in MERGE_RULES.items() if not rule.needs_model]


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
