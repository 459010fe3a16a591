"""Does the reference seat do what its policy says: exact solos, published concessions, arguments that hold."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from negotiators.concession import Clock, Policy, aspiration, concession, persuaded, reservation
from negotiators.offers import Stance, equal_shares, problem
from negotiators.protocol import Move, Passage, Reply, View
from negotiators.reference import Reference
from personas.load import load, with_strength
from personas.persona import Persona, Values
from personas.utility import in_group, utility
from scenarios.measures import need_satisfaction
from scenarios.ward import Array, Ward
from tests.negotiators.conformance import PASSAGES, WARDS, Conformance, make, patient, spoken, view

FRAMEWORKS = ("utilitarian", "rawlsian", "prioritarian", "care-ethics", "capability", "triage-policy", "plain")


class TestConformance(Conformance):
    """The suite of all negotiators, at a policy that uses every dial."""

    @pytest.fixture(params=["linear", "tit-for-tat"])
    def negotiator(self, request: pytest.FixtureRequest) -> Reference:
        return Reference(Policy(kind=request.param, floor=0.25, persuasion=0.3))


def two(capacity: float = 1.0, divisible: bool = True) -> Ward:
    """Two patients, one unit between them: p1 gains most from it, p2 is the one to care for."""
    people = [
        patient("p1", {"bed": 1}, survival_with_care=0.9, survival_without_care=0.1, weights={"care": 1}),
        patient("p2", {"bed": 1}, survival_with_care=0.6, survival_without_care=0.2, weights={"care": 3}),
    ]
    return make("two", {"bed": (capacity, divisible)}, people)


def beds(capacity: int, n: int = 5) -> Ward:
    """n patients and whole beds, the first two older, the last ones with the greater gain."""
    people = [
        patient(
            f"p{i}", {"bed": 1, "ventilator": 1} if i % 2 else {"bed": 1}, age=70.0 if i < 2 else 30.0,
            survival_with_care=0.5 + 0.08 * i, severity=0.1 + 0.15 * i, dependants=i % 3, arrival=i + 1,
        )
        for i in range(n)
    ]  # fmt: skip
    return make("beds", {"bed": (capacity, False), "ventilator": (1.0, False)}, people)


def shared(n: int = 6, seed: int = 0) -> Ward:
    """n patients who differ in all that counts, half of them old, and two goods to be shared out."""
    rng = np.random.default_rng(seed)
    people = [
        patient(
            f"p{i}", {"oxygen": float(rng.integers(2, 9)), "nursing": float(rng.integers(1, 6))},
            age=75.0 if i % 2 else 30.0, severity=float(rng.uniform(0.1, 0.9)), dependants=int(rng.integers(0, 3)),
            survival_with_care=float(rng.uniform(0.5, 0.95)), survival_without_care=float(rng.uniform(0, 0.4)),
            vulnerable=bool(rng.integers(2)),
        )
        for i in range(n)
    ]  # fmt: skip
    return make(f"shared-{seed}", {"oxygen": (14.0, True), "nursing": (8.0, True)}, people)


def holding(ward: Ward, held: dict[str, dict[str, float]]) -> Ward:
    """The ward, with care in use already."""
    people = [p.model_dump() | {"holds": held.get(p.id, {})} for p in ward.patients]
    return Ward.model_validate(ward.model_dump() | {"patients": people})


def feasible_at_random(ward: Ward, rng: np.random.Generator, count: int) -> list[Array]:
    """Feasible allocations of divisible goods, some of them on the boundary."""
    a = ward.arrays
    out = []
    for _ in range(count):
        x = a.demand * rng.beta(0.5, 0.5, a.demand.shape)
        over = np.maximum(1.0, x.sum(axis=0) / a.capacity)
        out.append(x / over)
    return out


def every_whole(ward: Ward) -> list[Array]:
    """Every feasible allocation of whole goods."""
    a = ward.arrays
    cells = list(zip(*np.nonzero(a.demand), strict=True))
    out = []
    for units in itertools.product(*[range(int(a.demand[c]) + 1) for c in cells]):
        x = np.zeros_like(a.demand)
        for cell, unit in zip(cells, units, strict=True):
            x[cell] = unit
        if ward.feasible(x):
            out.append(x)
    return out


def decide(seat: Reference, seen: View) -> Reply:
    return asyncio.run(seat.decide(seen))


def solo(ward: Ward, persona: Persona | str, values: Values | None = None, seed: int = 7) -> Array:
    """The solo allocation of a persona with its own (or these) values."""
    persona = load(persona) if isinstance(persona, str) else persona
    seen = view(ward, persona, values=persona.declared() if values is None else values, seed=seed)
    return ward.array(decide(Reference(), seen).move.allocation or {})


@dataclass
class Debate:
    """The minutes of a debate: solos, moves in the order spoken, exit solos."""

    ward: Ward
    solos: dict[str, Move] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    exits: dict[str, Move] = field(default_factory=dict)

    def minutes(self, patient: str = "p1") -> list[tuple[str, float]]:
        """Who proposed how much of the bed for a patient, in turn."""
        return [(m.seat, round((m.allocation or {})[patient]["bed"], 4)) for m in self.moves]


def play(ward: Ward, seats: dict[str, tuple[Persona, Values, Policy]], rounds: int = 3, seed: int = 7) -> Debate:
    """Run a debate without a graph: solos, then each seat in turn, then exit solos."""
    debate = Debate(ward)

    def ask(seat: str, occasion: str, round_: int) -> Move:
        persona, values, policy = seats[seat]
        own = debate.solos[seat].allocation if occasion != "solo" else None
        moves = tuple(debate.moves) if occasion != "solo" else ()
        seen = view(
            ward, persona, seat=seat, occasion=occasion, round=round_, rounds=rounds, seed=seed,
            values=values, moves=moves, solo=own,
        )  # fmt: skip
        return decide(Reference(policy), seen).move

    debate.solos = {seat: ask(seat, "solo", 0) for seat in seats}
    for round_ in range(1, rounds + 1):
        for turn, seat in enumerate(seats):
            debate.moves.append(ask(seat, "critique" if turn else "propose", round_))
    debate.exits = {seat: ask(seat, "exit_solo", rounds + 1) for seat in seats}
    return debate


def opposed(policy: Policy, other: Policy | None = None) -> dict[str, tuple[Persona, Values, Policy]]:
    """A counts survivors, so in `two` it wants p1 served; B cares, so it wants p2 served."""
    plain = load("plain")
    return {
        "A": (plain, {"survival": 1.0}, policy),
        "B": (plain, {"vulnerability_weighted_care": 1.0}, other or policy),
    }


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
    people = [patient(f"p{i}", {"bed": 1.0}) for i in range(4)]
    ward = make("alike", {"bed": (2.0, True)}, people)
    assert solo(ward, "utilitarian") == pytest.approx(np.full((4, 1), 0.5), abs=1e-4)
    assert (solo(ward, "utilitarian") == solo(ward.model_copy(deep=True), "utilitarian")).all()


def test_a_libertarian_keeps_what_is_held_and_the_order_of_arrival() -> None:
    ward = holding(beds(2), {"p3": {"bed": 1}})
    x, bed = solo(ward, "libertarian"), ward.arrays.column["bed"]
    assert x[:, bed].tolist() == [1, 0, 0, 1, 0]  # p3 keeps the bed, p0 came first
    wanting = [x for x in every_whole(ward) if problem(Stance.of(ward, {}, load("libertarian"))).allows(x)]
    u = utility(ward, load("libertarian").declared())
    assert u.value(ward, x) == pytest.approx(max(u.value(ward, y) for y in wanting))
    assert solo(ward, "utilitarian")[:, bed].tolist() == [0, 0, 1, 0, 1], "who gains most, had nobody come first"


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
        ward, {"A": (kantian, kantian.declared(), Policy(floor=0)), "B": (against, against.declared(), Policy())}
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
    first = decide(Reference(), view(ward, persona, occasion="propose", round=1, values=values, passages=PASSAGES)).move
    assert first.citations == ["test-1", "test-2"]
    assert "“Principle 1” (Author 1, A Book (1971), ch. 1)" in first.argument
    assert first.principle == pytest.approx({"worst_off": 0.8, "survival": 0.2})
    moves = (first, spoken("B", 1, ward))
    later = view(ward, persona, occasion="propose", round=2, values=values, passages=PASSAGES, moves=moves)
    assert decide(Reference(), later).move.citations == ["test-3"]


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
    [{"kind": "boulware", "exponent": 2}, {"kind": "tit-for-tat", "exponent": 1}, {"floor": 1.5}, {"kind": "x"}],
)
def test_a_policy_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"exponent|floor|kind"):
        Policy.model_validate(wrong)


def test_two_linear_conceders_meet_as_worked_out_by_hand() -> None:
    # u_A = ½ + ½x and u_B = 1 − ⅔x in x, p1's share; both keep half of what is between best and worst offer.
    debate = play(two(), opposed(Policy()))
    assert [s for s, _ in debate.minutes()] == ["A", "B"] * 3
    assert [x for _, x in debate.minutes()] == pytest.approx([1, 1 / 6, 13 / 18, 1 / 3, 7 / 12, 1 / 2], abs=1e-3)
    first, answer, second, *_ = debate.moves
    assert first.concedes == [] and first.contests == []
    assert answer.concedes == ["p1.bed", "p2.bed"], "it moves toward the proposer from its solo"
    assert set(second.concedes) == {"p1.bed", "p2.bed"} and "I give way on p1's bed from 1 to 0.72" in second.argument


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
        rivals = [x + t * (to - x) for x in rivals for to in (offer, task.best, target) for t in (0.3, 0.9, 0.99)]
        rivals = [x for x in rivals if task.value(x) >= level]
        assert len(rivals) > 50 and far(offer, target) <= min(far(x, target) for x in rivals) + 1e-6


def test_a_panel_member_answers_all_the_others() -> None:
    ward = shared()
    plain = load("plain")
    other = {"A": load("utilitarian"), "B": load("biased-age")}
    moves = tuple(
        Move(seat=s, round=1, allocation=ward.allocation(solo(ward, p)), prompt_hash="0") for s, p in other.items()
    )
    seen = view(ward, plain, seat="C", occasion="critique", round=1, moves=moves, values=plain.declared())
    offer = ward.array(decide(Reference(), seen).move.allocation or {})
    middle = np.mean([ward.array(m.allocation or {}) for m in moves], axis=0)
    assert abs(offer - middle).sum() < abs(solo(ward, plain) - middle).sum()


# What arguments change


def test_persuasion_moves_values_round_by_round() -> None:
    mine, theirs = {"survival": 1.0}, {"worst_off": 1.0}
    assert persuaded(mine, [[theirs]], 0.0) is mine
    assert persuaded(mine, [[theirs], [], [theirs]], 0.5) == pytest.approx({"survival": 0.25, "worst_off": 0.75})
    assert persuaded(mine, [[theirs, {"equality": 2.0}]], 1.0) == pytest.approx({"worst_off": 0.5, "equality": 0.5})


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


def test_the_same_debate_twice_is_the_same_to_the_last_digit() -> None:
    chance, biased = load("equal-chance"), load("biased-age")
    seats = {"A": (chance, chance.declared(), Policy()), "B": (biased, biased.declared(), Policy(kind="conceder"))}
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
