"""Who sits at a dilemma: are concerns dealt as set, claims made as told, and beliefs what a seat was told?"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from nodes.commons.settings import CommonsTable
from nodes.dilemma.record import DilemmaSeat
from nodes.dilemma.seats import believed, seat_everyone
from scenarios.errors import ParleyError

NAMES = ("a1", "a2", "a3", "a4", "a5")


def seated(**settings: object) -> tuple[CommonsTable, list[DilemmaSeat]]:
    """The settings and who sits there by them."""
    table = CommonsTable.model_validate(settings)
    return table, seat_everyone(table, NAMES, {"plays": "markov-perfect"})


def test_the_same_seed_deals_alike_and_worlds_do_not_matter() -> None:
    assert seated(prosocial=2, seed=5) == seated(prosocial=2, seed=5)
    assert {tuple(s.prosocial for s in seated(prosocial=2, seed=i)[1]) for i in range(60)} == {
        tuple(i in pair for i in range(5)) for pair in [(i, j) for i in range(5) for j in range(i)]
    }, "every pair of seats comes up"


def test_more_prosocial_seats_keep_those_that_were_nothing_but_the_seed_says() -> None:
    by_count = [[s.prosocial for s in seated(prosocial=k, seed=3)[1]] for k in range(6)]
    assert [sum(row) for row in by_count] == [0, 1, 2, 3, 4, 5]
    for fewer, more in pairwise(by_count):
        assert all(b for a, b in zip(fewer, more, strict=True) if a), "nested, so that a switch is one seat's"


def test_models_go_by_type_and_only_reference_seats_have_a_policy() -> None:
    _, seats = seated(prosocial=2, prosocial_model="openai:kind")
    assert {(s.prosocial, s.model, s.negotiator, bool(s.policy)) for s in seats} == {
        (True, "openai:kind", "chat", False),
        (False, None, "reference", True),
    }


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"prosocial": 6}, "prosocial: 6 of 5 seats; give a number from 0 to 5"),
        ({"quorum": 6}, "quorum: 6 votes of 5 seats"),
        ({"concerns": [1, 2]}, "concerns: 2 given for 5 seats"),
        ({"prosocial_as": "nobody"}, "no persona 'nobody'"),
    ],
)
def test_what_cannot_be_seated_is_said_in_a_line(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ParleyError, match=says):
        seated(**settings)


def test_declared_truly_everybody_knows_everybody() -> None:
    table, seats = seated(concerns=[0, 0, 1, 2, "infinite"], declared="declared")
    degrees = tuple(s.persona.degree for s in seats)
    assert all(believed(table, seats, s.seat) == degrees for s in seats)
    assert {s.claims for s in seats} == {f"graded, λ = {d}" for d in ("0", "1", "2", "infinite")}


def test_declared_falsely_the_selfish_pass_for_prosocial_to_all_but_themselves() -> None:
    table, seats = seated(prosocial=2, prosocial_as="considerate", declared="false")
    kind = next(s.persona.degree for s in seats if s.prosocial)
    for seat in seats:
        taken = believed(table, seats, seat.seat)
        assert all(t == kind for t, other in zip(taken, seats, strict=True) if other is not seat)
        assert taken[NAMES.index(seat.seat)] == seat.persona.degree
    assert {(s.claims, s.claims_concern) for s in seats} == {("considerate", kind)}


def test_where_nobody_is_prosocial_the_selfish_claim_what_such_a_seat_would_be() -> None:
    table, seats = seated(concern=3, declared="false")
    assert {(s.claims, s.claims_concern) for s in seats} == {("graded, λ = 3", 3)}
    assert believed(table, seats, "a1") == (0, 3, 3, 3, 3)
    table, seats = seated(declared="false")
    assert {s.claims for s in seats} == {"prosocial"}
    assert believed(table, seats, "a2") == (math.inf, 0, math.inf, math.inf, math.inf)


def test_in_private_a_seat_knows_its_own_and_the_mix_alone() -> None:
    table, seats = seated(prosocial=2, declared="private", seed=4)
    assert {s.claims for s in seats} == {s.claims_concern for s in seats} == {None}
    beliefs = [believed(table, seats, s.seat) for s in seats]
    for i, seat in enumerate(seats):
        assert beliefs[i][i] == seat.persona.degree
    selfish = [b[:i] + b[i + 1 :] for i, b in enumerate(beliefs) if not seats[i].prosocial]
    assert all(sorted(b) == sorted(selfish[0]) for b in selfish), (
        "alike for all of a type: nobody knows who is who"
    )
