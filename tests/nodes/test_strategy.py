"""Are moves read right: step classes over the whole plane, cells as minutes of debates, overrides?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.findings.strategy import (
    MoveStrategy,
    classify_move,
    contested,
    headline,
    influence,
    overridden,
    step_class,
)
from scenarios.objective import Objective
from scenarios.ward import Array, Ward
from tests.nodes.strategies_wards import allocations, column, ward_of, wards

BEDS = ward_of(np.ones((3, 1)), [1], whole=True)
HOURS = ward_of([[10.0], [10.0], [10.0]], [10], whole=False)


def linear(*weights: float) -> Objective:
    return Objective(column(*weights))


def minutes(ward: Ward, solos: list[Array], spoken: list[tuple[int, Array]]) -> list[MoveStrategy]:
    """Play a debate: each move is read against the seat's previous one and what the others stand on then."""
    standing = list(solos)
    out = []
    for seat, move in spoken:
        others = [x for s, x in enumerate(standing) if s != seat]
        out.append(classify_move(ward, before=standing[seat], after=move, others=others))
        standing[seat] = move
    return out


@pytest.mark.parametrize(
    ("own", "other", "step"),
    [
        (0.1, 0.1, "fortunate"),
        (0.1, 0.0, "selfish"),
        (0.1, -0.1, "selfish"),
        (-0.1, 0.0, "concession"),
        (-0.1, 0.1, "concession"),
        (0.0, -0.1, "unfortunate"),
        (-0.1, -0.1, "unfortunate"),
        (0.0, 0.1, "nice"),
        (0.0, 0.0, "silent"),
    ],
)
def test_step_class_of_every_pair_of_signs(own: float, other: float, step: str) -> None:
    assert step_class(own, other) == step
    assert step_class(own + 0.0009, other - 0.0009) == step, "less than a thousandth changed the class"


def test_a_change_of_a_thousandth_is_no_change() -> None:
    assert step_class(1e-3, -1e-3) == "silent"
    assert step_class(1.001e-3, 0) == "selfish"


def test_steps_are_read_in_declared_utilities_and_the_mean_of_the_others() -> None:
    utilities = [linear(1, 0, 0), linear(0, 1, 0), linear(0, 0, 1)]
    move = classify_move(
        HOURS,
        before=column(10, 0, 0),
        after=column(6, 3, 1),
        others=[column(0, 10, 0), column(0, 0, 10)],
        own_utility=utilities[0],
        other_utilities=utilities[1:],
    )
    assert (move.step, move.delta_own, move.delta_other) == ("concession", -4, 2)


def test_a_seat_without_values_is_not_classified_but_its_cells_are() -> None:
    move = classify_move(BEDS, before=column(1, 0, 0), after=column(0, 1, 0), others=[column(0, 1, 0)])
    assert (move.step, move.delta_own, move.label) == (None, None, "concede")
    assert move.cells == {"p0.r0": "concede", "p1.r0": "concede"}


def test_the_minutes_of_a_debate_over_one_bed() -> None:
    mine, theirs, third = column(1, 0, 0), column(0, 1, 0), column(0, 0, 1)
    debate = minutes(
        BEDS,
        [mine, theirs],
        [(0, mine), (1, third), (0, third), (1, third), (1, mine)],
    )
    assert [m.label for m in debate] == ["hold", "trade", "concede", "silent", "contest"]
    assert debate[0].cells == {"p0.r0": "hold", "p1.r0": "hold"}
    # Gives up p1's bed, which the other refused, and claims it for p2, which both had left without.
    assert debate[1].cells == {"p0.r0": "hold", "p1.r0": "trade", "p2.r0": "trade"}
    assert debate[2].cells == {"p0.r0": "concede", "p2.r0": "concede"}
    assert debate[3].cells == {}
    # A cell that was agreed is reopened.
    assert debate[4].cells == {"p0.r0": "contest", "p2.r0": "contest"}
    assert debate[4].counts == {"contest": 2}


def test_hours_toward_and_away_are_shares_of_demand() -> None:
    move = classify_move(HOURS, before=column(8, 2, 0), after=column(6, 1, 0), others=[column(4, 4, 0)])
    assert move.cells == {"p0.r0": "trade", "p1.r0": "trade"}
    assert (move.toward, move.away) == pytest.approx((0.2, 0.1))
    assert move.label == "trade"


def test_a_trace_of_a_claim_does_not_make_a_concession_a_trade() -> None:
    move = classify_move(HOURS, before=column(8, 2, 0), after=column(4, 1.9, 0), others=[column(4, 4, 0)])
    assert move.cells == {"p0.r0": "trade", "p1.r0": "trade"}
    assert move.label == "concede"


def test_passing_over_to_the_far_side_is_contest() -> None:
    ward = ward_of([[2.0]], [2], whole=True)
    move = classify_move(ward, before=column(0), after=column(2), others=[column(1)])
    assert (move.cells, move.label) == ({"p0.r0": "contest"}, "contest")


@pytest.mark.parametrize(
    ("toward", "away", "label"),
    [(0.9, 0.1, "trade"), (0.91, 0.09, "concede"), (0.09, 0.91, "contest"), (0, 1, "contest")],
)
def test_headline_weighs_what_was_given_and_claimed(toward: float, away: float, label: str) -> None:
    assert headline(toward, away, contests=True, holds=True) == label


def test_contested_cells_are_named_in_ward_order_beyond_rounding() -> None:
    ward = ward_of([[1.0, 50.0], [1.0, 50.0]], [2, 60], whole=False)
    base = np.array([[0.5, 20.0], [0.5, 30.0]])
    moved = base + np.array([[0, 4e-2], [2e-3, 1.0]])
    assert contested(ward, [base, moved]) == ("p1.r0", "p1.r1")
    assert contested(ward, [base, base, base]) == () == contested(ward, [base])


def test_override_is_a_solo_that_stands_although_the_other_still_contests() -> None:
    solos = [column(1, 0, 0), column(0, 1, 0)]
    assert overridden(BEDS, solos[0], solos, solos) == {"p0.r0": 0, "p1.r0": 0}
    assert overridden(BEDS, solos[1], solos, solos) == {"p0.r0": 1, "p1.r0": 1}
    # The other gave in before the merge: agreement, not override.
    assert overridden(BEDS, solos[0], solos, [solos[0], solos[0]]) == {}
    # Each took the other's part: B no longer contests what was A's solo.
    assert overridden(BEDS, solos[0], solos, solos[::-1]) == {}
    # A joint between the two is nobody's solo.
    hours = [column(10, 0, 0), column(0, 10, 0)]
    assert overridden(HOURS, column(5, 5, 0), hours, hours) == {}


def test_where_all_solos_agree_nobody_overrides() -> None:
    solo = column(1, 0, 0)
    assert overridden(BEDS, solo, [solo, solo], [solo, column(0, 1, 0)]) == {}


def test_a_panel_member_overrides_if_any_other_still_contests() -> None:
    solos = [column(1, 0, 0), column(1, 0, 0), column(0, 0, 1)]
    assert overridden(BEDS, solos[0], solos, solos) == {"p0.r0": 0, "p2.r0": 0}


def test_influence_on_the_line_between_the_solos_and_off_it() -> None:
    a, b = column(10, 0, 0), column(0, 10, 0)
    for weight in (0.0, 0.25, 1.0, 1.2):
        found = influence(a, b, b + weight * (a - b))
        assert found is not None
        assert found == pytest.approx((weight, 1.0))
    off = influence(a, b, column(5, 5, 5))
    assert off is not None
    assert off == pytest.approx((0.5, 50 / 75))
    assert influence(a, a, b) is None


@st.composite
def three_in_a_ward(draw: st.DrawFn) -> tuple[Ward, list[Array]]:
    ward = draw(wards())
    return ward, [draw(allocations(ward)) for _ in range(3)]


@given(three_in_a_ward())
@settings(max_examples=100, deadline=None)
def test_tags_cover_the_dispute_and_nothing_else(case: tuple[Ward, list[Array]]) -> None:
    ward, (before, after, other) = case
    move = classify_move(ward, before=before, after=after, others=[other])
    disputed = set(contested(ward, [before, other]))
    reopened = set(contested(ward, [after, other])) - disputed
    assert set(move.cells) == disputed | reopened
    assert sum(move.counts.values()) == len(move.cells)
    moved = set(contested(ward, [before, after]))
    assert {c for c, tag in move.cells.items() if tag == "hold"} == disputed - moved
    assert (move.label == "silent") == (not move.cells)


@given(three_in_a_ward())
@settings(max_examples=100, deadline=None)
def test_influence_of_the_two_seats_adds_up_to_one(case: tuple[Ward, list[Any]]) -> None:
    _, (a, b, joint) = case
    one, two = influence(a, b, joint), influence(b, a, joint)
    if one is None or two is None:
        assert np.allclose(a, b)
        return
    assert one.weight + two.weight == pytest.approx(1)
    assert 0 <= one.r2 <= 1
