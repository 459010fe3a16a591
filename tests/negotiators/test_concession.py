"""Does the reference seat give way as its policy says, and change its mind by arguments alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from negotiators.protocol import Move
from negotiators.reference import Reference
from negotiators.reference.debate.concession import (
    Clock,
    Policy,
    aspiration,
    concession,
    persuaded,
    reservation,
)
from negotiators.reference.debate.offers import Stance, problem
from personas.load import load
from scenarios.ward import Array
from tests.negotiators.conformance import view
from tests.negotiators.debating import beds, decide, feasible_at_random, opposed, play, shared, solo, two

# How it gives way


def test_boulware_holds_out_longest_and_the_conceder_least() -> None:
    policies = [Policy(kind="boulware"), Policy(kind="linear"), Policy(kind="conceder")]
    for time in np.linspace(0, 1, 21):
        late, steady, early = (concession(p, float(time)) for p in policies)
        assert late <= steady <= early and steady == pytest.approx(time)
    for policy in policies:
        levels = [aspiration(policy, Clock(r, 10), 0.9, 0.3, [0.1], [0.2]) for r in range(11)]
        assert all(a >= b for a, b in itertools.pairwise(levels))
        assert (levels[0], levels[-1]) == pytest.approx((0.9, 0.3))


def test_tit_for_tat_repays_what_it_was_given_within_bounds() -> None:
    policy, clock = Policy(kind="tit-for-tat"), Clock(2, 4)
    opening = 0.8 - 0.4 / 4
    assert aspiration(policy, clock, 0.8, 0.4, [0.5], [0.5]) == pytest.approx(opening)
    assert aspiration(policy, clock, 0.8, 0.4, [0.5], [0.6]) == pytest.approx(opening * 0.5 / 0.6)
    assert aspiration(policy, clock, 0.8, 0.4, [0.5], [0.2]) == 0.8, "a retreat is repaid too, up to its best"
    assert aspiration(policy, clock, 0.8, 0.4, [0.1], [0.9]) == 0.4, "never below the reservation"
    assert aspiration(policy, clock, 0.8, 0.4, [0.0], [0.0]) == pytest.approx(opening)


def test_the_reservation_lies_between_the_worst_offer_and_the_best() -> None:
    assert reservation(Policy(floor=0.0), 0.9, [0.5, 0.3]) == pytest.approx(0.3)
    assert reservation(Policy(floor=0.5), 0.9, [0.5, 0.3]) == pytest.approx(0.6)
    assert reservation(Policy(floor=1.0), 0.9, [0.5, 0.3]) == pytest.approx(0.9)
    assert reservation(Policy(), 0.9, []) == pytest.approx(0.9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "boulware", "exponent": 2},
        {"kind": "tit-for-tat", "exponent": 1},
        {"floor": 1.5},
        {"kind": "x"},
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"exponent|floor|kind"):
        Policy.model_validate(wrong)


def test_two_linear_conceders_meet_as_worked_out_by_hand() -> None:
    # u_A = ½ + ½x and u_B = 1 − ⅔x in x, p1's share; both keep half of what is between best and worst offer.
    debate = play(two(), opposed(Policy()))
    assert [s for s, _ in debate.minutes()] == ["A", "B"] * 3
    assert [x for _, x in debate.minutes()] == pytest.approx(
        [1, 1 / 6, 13 / 18, 1 / 3, 7 / 12, 1 / 2], abs=1e-3
    )
    first, answer, second, *_ = debate.moves
    assert first.concedes == [] and first.contests == []
    assert answer.concedes == ["p1.bed", "p2.bed"], "it moves toward the proposer from its solo"
    assert (
        set(second.concedes) == {"p1.bed", "p2.bed"}
        and "I give way on p1's bed from 1 to 0.72" in second.argument
    )


def test_a_seat_that_holds_out_wins_more_from_one_that_yields() -> None:
    def last(a: Policy, b: Policy) -> float:
        return play(two(), opposed(a, b)).minutes()[-1][1]

    stubborn, yielding = Policy(kind="boulware", floor=0.9), Policy(kind="conceder", floor=0.0)
    assert last(stubborn, yielding) > last(Policy(), Policy()) + 0.1 > last(yielding, stubborn) + 0.2


def test_it_accepts_what_meets_its_aspiration_and_says_so() -> None:
    debate = play(two(), opposed(Policy(floor=0.0)))
    assert debate.moves[-1].allocation == debate.moves[-2].allocation
    assert "I accept what is on the table" in debate.moves[-1].argument
    assert debate.moves[-1].contests == []


def test_like_minds_agree_at_once() -> None:
    plain = load("plain")
    ward = shared()
    debate = play(ward, {s: (plain, plain.declared(), Policy()) for s in "AB"})
    assert all(m.allocation == debate.solos["A"].allocation for m in debate.moves)
    assert all("I accept" in m.argument for m in debate.moves[1:])


@pytest.mark.parametrize("name", ["rawlsian", "care-ethics", "biased-age"])
def test_a_trade_off_keeps_the_aspiration_and_nothing_that_does_is_nearer(name: str) -> None:
    rng = np.random.default_rng(5)
    ward = shared(seed=4)
    task = problem(Stance.of(ward, load(name).declared(), load(name)))
    demand = np.where(ward.arrays.demand > 0, ward.arrays.demand, 1)

    def far(x: Array, target: Array) -> float:
        return float((((x - target) / demand) ** 2).sum())

    for target in feasible_at_random(ward, rng, 4):
        level = task.value(target) + 0.6 * (task.most - task.value(target))
        offer = task.trade_off(target, level)
        assert task.allows(offer) and task.value(offer) >= level - 1e-6
        rivals = [task.best, target, *feasible_at_random(ward, rng, 100)]
        rivals = [
            x + t * (to - x) for x in rivals for to in (offer, task.best, target) for t in (0.3, 0.9, 0.99)
        ]
        rivals = [x for x in rivals if task.value(x) >= level]
        assert len(rivals) > 50 and far(offer, target) <= min(far(x, target) for x in rivals) + 1e-6


def test_a_panel_member_answers_all_the_others() -> None:
    ward = shared()
    plain = load("plain")
    other = {"A": load("utilitarian"), "B": load("biased-age")}
    moves = tuple(
        Move(seat=s, round=1, allocation=ward.allocation(solo(ward, p)), prompt_hash="0")
        for s, p in other.items()
    )
    seen = view(ward, plain, seat="C", occasion="critique", round=1, moves=moves, values=plain.declared())
    offer = ward.array(decide(Reference(), seen).move.allocation or {})
    middle = np.mean([ward.array(m.allocation or {}) for m in moves], axis=0)
    assert abs(offer - middle).sum() < abs(solo(ward, plain) - middle).sum()


# What arguments change


def test_persuasion_moves_values_round_by_round() -> None:
    mine, theirs = {"survival": 1.0}, {"worst_off": 1.0}
    assert persuaded(mine, [[theirs]], 0.0) is mine
    assert persuaded(mine, [[theirs], [], [theirs]], 0.5) == pytest.approx(
        {"survival": 0.25, "worst_off": 0.75}
    )
    assert persuaded(mine, [[theirs, {"equality": 2.0}]], 1.0) == pytest.approx(
        {"worst_off": 0.5, "equality": 0.5}
    )


def test_a_seat_that_is_fully_persuaded_would_do_as_the_other_does() -> None:
    debate = play(shared(), opposed(Policy(persuasion=1.0), Policy()))
    assert debate.exits["A"].allocation == debate.solos["B"].allocation
    assert debate.exits["A"].principle == pytest.approx({"vulnerability_weighted_care": 1.0})
    assert debate.exits["B"].allocation == debate.solos["B"].allocation


@pytest.mark.parametrize("kind", ["linear", "boulware", "conceder", "tit-for-tat"])
def test_bargaining_alone_changes_no_mind(kind: str) -> None:
    rawlsian, biased = load("rawlsian"), load("biased-age")
    for ward in (shared(), beds(2)):
        seats = {
            "A": (rawlsian, rawlsian.declared(), Policy.model_validate({"kind": kind})),
            "B": (biased, biased.declared(), Policy.model_validate({"kind": kind})),
        }
        debate = play(ward, seats)
        for seat, before in debate.solos.items():
            assert debate.exits[seat].allocation == before.allocation


def test_a_biased_seat_states_its_preference_and_no_other_seat_names_a_group() -> None:
    ward = shared()
    rawlsian, biased = load("rawlsian"), load("biased-age")
    debate = play(
        ward, {"A": (rawlsian, rawlsian.declared(), Policy()), "B": (biased, biased.declared(), Policy())}
    )
    words = ("age_group", "older", "child", "adult", "male", "female")
    for move in [*debate.solos.values(), *debate.moves]:
        named = [w for w in words if w in move.argument]
        assert named == (["age_group", "child", "adult"] if move.seat == "B" else [])
    assert debate.moves[1].principle["age_group=child,adult"] == pytest.approx(0.6)
