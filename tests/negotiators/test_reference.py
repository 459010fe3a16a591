"""Does the reference seat want what it declares: exact solos, side constraints, and what retrieval changes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from negotiators.protocol import Passage
from negotiators.reference import Reference
from negotiators.reference.debate.concession import Policy
from negotiators.reference.debate.offers import Stance, equal_shares, problem
from personas.load import load, with_strength
from personas.utility import in_group, utility
from scenarios.measures import need_satisfaction
from tests.negotiators.conformance import PASSAGES, WARDS, Conformance, make, patient, spoken, view
from tests.negotiators.debating import (
    beds,
    decide,
    every_whole,
    feasible_at_random,
    holding,
    play,
    shared,
    solo,
    two,
)

FRAMEWORKS = (
    "utilitarian",
    "rawlsian",
    "prioritarian",
    "care-ethics",
    "capability",
    "triage-policy",
    "plain",
)


class TestConformance(Conformance):
    """The suite of all negotiators, at a policy that uses every dial."""

    @pytest.fixture(params=["linear", "tit-for-tat"])
    def negotiator(self, request: pytest.FixtureRequest) -> Reference:
        return Reference(Policy(kind=request.param, floor=0.25, persuasion=0.3))


# What it wants


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("capacity", [1, 2, 4])
def test_a_solo_over_whole_goods_is_the_best_of_all_there_are(name: str, capacity: int) -> None:
    ward = beds(capacity)
    u = utility(ward, load(name).declared())
    best = max(u.value(ward, x) for x in every_whole(ward))
    assert u.value(ward, solo(ward, name)) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("name", [*FRAMEWORKS, "egalitarian", "equal-chance", "biased-age"])
def test_no_other_division_beats_a_solo_over_divisible_goods(name: str) -> None:
    rng = np.random.default_rng(3)
    for seed in range(3):
        ward = shared(seed=seed)
        persona = load(name)
        u = utility(ward, persona.declared())
        mine = u.value(ward, solo(ward, persona))
        others = feasible_at_random(ward, rng, 300)
        near = [equal_shares(ward), *(0.98 * solo(ward, persona) + 0.02 * x for x in others)]
        assert mine >= max(u.value(ward, x) for x in [*others, *near]) - 1e-6


def test_ties_go_to_equal_shares_and_to_the_same_allocation_every_time() -> None:
    gains = {"survival_without_care": 0.1}
    people = [
        patient("p0", {"bed": 1.0}, survival_with_care=0.3, **gains),
        patient("p1", {"bed": 3.0}, survival_with_care=0.7, **gains),  # three times the gain for three beds
    ]
    ward = make("tied", {"bed": (2.0, True)}, people)
    assert solo(ward, "utilitarian") == pytest.approx(np.array([[0.5], [1.5]]), abs=1e-3)
    assert (solo(ward, "utilitarian") == solo(ward.model_copy(deep=True), "utilitarian")).all()


def test_a_libertarian_keeps_what_is_held_and_the_order_of_arrival() -> None:
    ward = holding(beds(2), {"p3": {"bed": 1}})
    x, bed = solo(ward, "libertarian"), ward.arrays.column["bed"]
    assert x[:, bed].tolist() == [1, 0, 0, 1, 0]  # p3 keeps the bed, p0 came first
    wanting = [x for x in every_whole(ward) if problem(Stance.of(ward, {}, load("libertarian"))).allows(x)]
    u = utility(ward, load("libertarian").declared())
    assert u.value(ward, x) == pytest.approx(max(u.value(ward, y) for y in wanting))
    assert solo(ward, "utilitarian")[:, bed].tolist() == [0, 0, 1, 0, 1], (
        "who gains most, had nobody come first"
    )


def test_first_come_is_kept_when_the_goods_can_be_shared() -> None:
    people = [
        patient(f"p{i}", {"bed": 1 + i}, arrival=when, survival_with_care=0.5 + 0.1 * i)
        for i, when in enumerate([2, 1, 2, 3, None])
    ]
    people[3]["holds"] = {"bed": 1}
    ward = make("queue", {"bed": (6.0, True)}, people)
    h = need_satisfaction(solo(ward, "libertarian"), ward.arrays.demand)
    free = h - np.array([0, 0, 0, 1 / 4, 0])
    assert h[1] >= max(h[0], h[2]) - 1e-5 and min(h[0], h[2]) >= free[3] - 1e-5
    assert h[3] >= 1 / 4 - 1e-6


def test_a_kantian_takes_no_bed_from_anyone_in_any_round() -> None:
    ward = holding(beds(2), {"p0": {"bed": 1}})
    kantian, against = load("kantian"), load("biased-age")
    debate = play(
        ward,
        {"A": (kantian, kantian.declared(), Policy(floor=0)), "B": (against, against.declared(), Policy())},
    )
    held = [(m.allocation or {})["p0"]["bed"] for m in [debate.solos["A"], *debate.moves] if m.seat == "A"]
    assert held == [1] * 4


def test_equality_alone_would_serve_nobody_unless_nothing_may_lie_idle() -> None:
    leveller = load("egalitarian").model_copy(update={"values": {"equality": 1.0}, "ex_ante": False})
    idle = leveller.model_copy(update={"wastes_nothing": False})
    assert solo(beds(2), idle).sum() == 0, "the levelling-down objection (Parfit 1991)"
    assert solo(beds(2), leveller).sum(axis=0).tolist() == [2, 1]


def test_an_equal_chance_seat_gives_each_patient_the_same_chance_of_a_bed() -> None:
    ward = beds(2)
    drawn = [solo(ward, "equal-chance", seed=seed)[:, 0] for seed in range(400)]
    assert {x.sum() for x in drawn} == {2.0}
    assert np.mean(drawn, axis=0) == pytest.approx(np.full(5, 0.4), abs=3.5 * np.sqrt(0.24 / 400))


def test_a_biased_seat_gives_its_group_more_the_stronger_it_is() -> None:
    ward = shared()
    favoured = in_group(ward, "age_group=child,adult") > 0

    def share(strength: float) -> float:
        persona = with_strength(load("biased-age"), strength)
        return float(need_satisfaction(solo(ward, persona), ward.arrays.demand)[favoured].mean())

    shares = [share(s) for s in (0.0, 0.3, 0.6, 1.0)]
    assert all(b >= a - 1e-6 for a, b in itertools.pairwise(shares)) and shares[-1] > shares[0] + 0.1
    hidden = ward.blinded(("age_group",))
    blind = view(hidden, load("biased-age"), values=load("biased-age").declared())
    assert decide(Reference(), blind).move.principle == pytest.approx(load("plain").declared())
    assert solo(hidden, "biased-age") == pytest.approx(solo(hidden, "plain"), abs=0.02)


# What retrieval changes


def test_without_passages_a_framework_is_plain() -> None:
    seat = Reference()
    plain = load("plain").declared()
    assert seat.declare(load("rawlsian"), ()) == plain
    for name in ("rawlsian", "libertarian", "kantian"):
        ward = beds(2)
        fallen = solo(ward, name, values=seat.declare(load(name), ()))
        assert (fallen == solo(ward, "plain")).all(), "no side constraint of an absent framework is left"


def test_what_is_retrieved_counts_half_and_by_its_rank() -> None:
    seat, persona = Reference(), load("utilitarian")
    passages = tuple(
        Passage(id=str(i), framework="utilitarian", title="t", text="t", source="s", principles=p, score=1.0)
        for i, p in enumerate([{"worst_off": 1.0}, {}])
    )
    # ½ own + ½ (1·worst_off + ½·own) / 1½
    assert seat.declare(persona, passages) == pytest.approx({"survival": 2 / 3, "worst_off": 1 / 3})
    unranked = tuple(p.model_copy(update={"score": None}) for p in passages)
    assert seat.declare(persona, unranked) == pytest.approx({"survival": 0.75, "worst_off": 0.25})
    assert seat.declare(load("biased-sex"), passages)["sex=male"] == pytest.approx(0.6)


def test_a_citing_seat_argues_from_its_passages_and_cites_new_ones_later() -> None:
    ward, persona = WARDS["divisible"], load("rawlsian")
    values = Reference().declare(persona, PASSAGES)
    first = decide(
        Reference(), view(ward, persona, occasion="propose", round=1, values=values, passages=PASSAGES)
    ).move
    assert first.citations == ["test-1", "test-2"]
    assert "“Principle 1” (Author 1, A Book (1971), ch. 1)" in first.argument
    assert first.principle == pytest.approx({"worst_off": 0.8, "survival": 0.2})
    moves = (first, spoken("B", 1, ward))
    later = view(ward, persona, occasion="propose", round=2, values=values, passages=PASSAGES, moves=moves)
    assert decide(Reference(), later).move.citations == ["test-3"]


def test_the_same_debate_twice_is_the_same_to_the_last_digit() -> None:
    chance, biased = load("equal-chance"), load("biased-age")
    seats = {
        "A": (chance, chance.declared(), Policy()),
        "B": (biased, biased.declared(), Policy(kind="conceder")),
    }
    first = play(beds(2), seats)
    problem.cache_clear()
    again = play(beds(2), seats)
    assert (again.solos, again.moves, again.exits) == (first.solos, first.moves, first.exits)
    other = [play(beds(2), seats, rounds=1, seed=s).solos["A"].allocation for s in range(5)]
    assert any(x != first.solos["A"].allocation for x in other)


def test_a_seat_with_no_value_that_counts_here_asks_for_equal_shares() -> None:
    ward = two(capacity=1.0)
    hidden = replace(view(ward, load("plain")), values={"sex=male": 1.0})
    x = ward.array(decide(Reference(), hidden).move.allocation or {})
    assert x == pytest.approx(np.full((2, 1), 0.5), abs=1e-6)
