"""What must every negotiator do: the suite that `reference` and `chat` both pass.

Subclass `Conformance` as `Test…` and override the `negotiator` fixture. `check` holds what is demanded of any
reply to any view, abstentions too, so that other tests can demand the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from negotiators.protocol import Move, Negotiator, Passage, Reply, View, move_hash, view_hash
from personas.load import load
from personas.persona import Persona
from scenarios.measures import MEASURES
from scenarios.ward import Ward

LONGEST_ARGUMENT = 8000
"""Characters. More than that is no turn in a debate."""

HIDDEN = ("quillonian", "zorbish", "vashti")
"""Groups that appear in the wards below and nowhere else, so that a leak is a leak."""


def patient(name: str, needs: dict[str, float], **facts: Any) -> dict[str, Any]:
    """A patient with the clinical facts that a ward demands."""
    clinical = {"severity": 0.5, "survival_with_care": 0.8, "survival_without_care": 0.3}
    return {"id": name, "summary": "respiratory failure", "needs": needs} | clinical | facts


def make(name: str, resources: dict[str, tuple[float, bool]], patients: Sequence[dict[str, Any]]) -> Ward:
    """A ward from resources as (capacity, divisible) and patients."""
    goods = {
        r: {"capacity": capacity, "divisible": divisible} for r, (capacity, divisible) in resources.items()
    }
    return Ward.model_validate({"name": name, "title": name, "resources": goods, "patients": list(patients)})


def _people(*needs: dict[str, float]) -> list[dict[str, Any]]:
    """Patients who differ in everything that a measure or a persona reads."""
    return [
        patient(
            f"p{i}",
            need,
            age=(9, 34, 71, 52, 80, 23)[i % 6],
            sex=("female", "male")[i % 2],
            attributes={"clan": HIDDEN[i % 3]},
            severity=0.2 + 0.1 * (i % 6),
            survival_with_care=0.9 - 0.08 * (i % 6),
            survival_without_care=0.1 + 0.07 * ((i * 2) % 5),
            dependants=i % 3,
            vulnerable=i % 4 == 1,
            arrival=i + 1,
        )
        for i, need in enumerate(needs)
    ]


def _mixed() -> Ward:
    people = _people(
        {"icu_bed": 1, "nursing": 6}, {"icu_bed": 1, "nursing": 4, "ventilator": 1}, {"nursing": 5},
        {"icu_bed": 1, "ventilator": 1}, {"icu_bed": 1, "nursing": 8, "ventilator": 2}, {},
    )  # fmt: skip
    people[2]["holds"] = {"nursing": 2}
    people[3]["holds"] = {"icu_bed": 1}
    resources = {"icu_bed": (2.0, False), "nursing": (12.0, True), "ventilator": (1.0, False)}
    return make("mixed", resources, people)


WARDS: dict[str, Ward] = {
    w.name: w
    for w in (
        make("divisible", {"oxygen": (10.0, True)}, _people(*[{"oxygen": 5.0 + i} for i in range(4)])),
        make("whole", {"ventilator": (1.0, False)}, _people(*[{"ventilator": 1.0}] * 3)),
        _mixed(),
        make("one-patient", {"oxygen": (1.0, True)}, _people({"oxygen": 3})),
        make("nothing-to-give", {"icu_bed": (0.0, False)}, _people({"icu_bed": 1}, {"icu_bed": 1})),
        make("plenty", {"icu_bed": (9.0, False)}, _people({"icu_bed": 1}, {"icu_bed": 2})),
    )
}

PASSAGES = tuple(
    Passage(
        id=f"test-{i}",
        framework="rawlsian",
        title=f"Principle {i}",
        text="Look to those who have least.",
        source=f"Author {i}, A Book (1971), ch. {i}",
        principles={"worst_off": 0.8, "survival": 0.2} if i < 3 else {},
        score=1 / i,
    )
    for i in (1, 2, 3)
)


def everything(ward: Ward, factor: float) -> dict[str, dict[str, float]]:
    """A feasible allocation: whole goods to whoever comes first, divisible ones in proportion, times factor."""
    a, x = (
        ward.arrays,
        {p.id: dict.fromkeys([r for r, n in p.needs.items() if n > 0], 0.0) for p in ward.patients},
    )
    for name, k in a.column.items():
        left, share = a.capacity[k], min(1.0, a.capacity[k] / max(a.demand[:, k].sum(), 1e-9))
        for i, p in enumerate(ward.patients):
            if a.demand[i, k] > 0:
                give = min(left, a.demand[i, k]) if a.whole[k] else a.demand[i, k] * share * factor
                x[p.id][name], left = float(give), left - give
    return x


def spoken(seat: str, round_: int, ward: Ward, factor: float = 0.9, **facts: Any) -> Move:
    """A move that somebody else made."""
    said: dict[str, Any] = {"argument": f"{seat} says so.", "prompt_hash": "0" * 64}
    return Move(seat=seat, round=round_, allocation=everything(ward, factor), **said | facts)


def view(ward: Ward, persona: Persona | str = "plain", **facts: Any) -> View:
    """A view of a debate of three rounds; a solo unless told otherwise."""
    persona = load(persona) if isinstance(persona, str) else persona
    shown: dict[str, Any] = {"seat": "A", "occasion": "solo", "round": 0, "rounds": 3, "seed": 7}
    return View(ward=ward, persona=persona, **shown | facts)


def check(view: View, reply: Reply) -> Move:
    """What is demanded of a reply to any view; returns its move."""
    move, ward = reply.move, view.ward
    assert (move.seat, move.round) == (view.seat, view.round)
    assert len(move.prompt_hash) == 64 and set(move.prompt_hash) <= set("0123456789abcdef")
    shown = [move_hash(m) for m in view.moves]
    assert set(move.seen) <= set(shown) and len(set(move.seen)) == len(move.seen)
    assert bool(move.seen) == bool(shown)
    assert reply.usage.calls >= 0 and reply.usage.seconds >= 0
    if move.status == "abstained":
        assert move.allocation is None and not move.citations
        assert "abstained" in {i.kind for i in reply.incidents}
        return move
    assert move.allocation is not None
    cells = {p.id: {r for r, n in p.needs.items() if n > 0} for p in ward.patients}
    assert {p: set(shares) for p, shares in move.allocation.items()} == cells, (
        "each demanded cell, and no other"
    )
    assert not ward.violations(ward.array(move.allocation))
    assert len(move.argument.strip()) > 0 and len(move.argument) <= LONGEST_ARGUMENT
    assert set(move.citations) <= {p.id for p in view.passages} and len(set(move.citations)) == len(
        move.citations
    )
    for cell in (*move.concedes, *move.contests):
        name, _, resource = cell.partition(".")
        assert resource in cells.get(name, ()), f"{cell} is no cell of this ward"
    assert not move.principle or sum(move.principle.values()) == pytest.approx(1)
    assert all(w >= 0 for w in move.principle.values())
    return move


class Conformance:
    """Every test here holds for every negotiator."""

    @pytest.fixture
    def negotiator(self) -> Negotiator:
        """The negotiator under test."""
        raise NotImplementedError("override the `negotiator` fixture")

    @pytest.mark.parametrize("ward", WARDS.values(), ids=WARDS)
    async def test_alone_it_puts_down_a_complete_feasible_allocation(
        self, negotiator: Negotiator, ward: Ward
    ) -> None:
        seen = view(ward)
        assert check(seen, await negotiator.decide(seen)).allocation is not None

    @pytest.mark.parametrize("ward", WARDS.values(), ids=WARDS)
    async def test_it_answers_an_opponent_in_every_round(self, negotiator: Negotiator, ward: Ward) -> None:
        solo = check(view(ward), await negotiator.decide(view(ward))).allocation
        moves: list[Move] = []
        for round_ in (1, 2, 3):
            moves.append(spoken("B", round_, ward, factor=0.5 + 0.1 * round_))
            seen = view(ward, occasion="critique", round=round_, moves=tuple(moves), solo=solo)
            moves.append(check(seen, await negotiator.decide(seen)))
        seen = view(ward, occasion="exit_solo", round=4, moves=tuple(moves), solo=solo)
        check(seen, await negotiator.decide(seen))

    @pytest.mark.parametrize("rounds", [1, 5])
    async def test_it_opens_a_debate_of_any_length(self, negotiator: Negotiator, rounds: int) -> None:
        seen = view(WARDS["mixed"], occasion="propose", round=1, rounds=rounds)
        check(seen, await negotiator.decide(seen))

    async def test_it_holds_its_own_on_a_panel(self, negotiator: Negotiator) -> None:
        ward = WARDS["mixed"]
        moves = tuple(spoken(seat, 1, ward, factor=f) for seat, f in (("A", 0.9), ("B", 0.5), ("D", 0.2)))
        seen = view(ward, seat="C", occasion="critique", round=1, moves=moves)
        check(seen, await negotiator.decide(seen))

    async def test_it_carries_on_when_the_other_abstained(self, negotiator: Negotiator) -> None:
        ward = WARDS["divisible"]
        silent = Move(seat="B", round=1, allocation=None, status="abstained", prompt_hash="1" * 64)
        seen = view(ward, occasion="propose", round=2, moves=(silent,))
        check(seen, await negotiator.decide(seen))

    async def test_it_cites_only_what_it_was_shown(self, negotiator: Negotiator) -> None:
        ward = WARDS["divisible"]
        cited_before = spoken("A", 1, ward, citations=["elsewhere-9", "test-1"])
        seen = view(
            ward, "rawlsian", occasion="propose", round=2, passages=PASSAGES[:2], moves=(cited_before,)
        )
        check(seen, await negotiator.decide(seen))
        bare = replace(seen, passages=())
        assert check(bare, await negotiator.decide(bare)).citations == []

    @pytest.mark.parametrize(
        "name", ["plain", "rawlsian", "kantian", "libertarian", "equal-chance", "biased-age"]
    )
    @pytest.mark.parametrize("passages", [(), PASSAGES], ids=["nothing retrieved", "retrieved"])
    def test_declared_values_are_weights_or_none(
        self, negotiator: Negotiator, name: str, passages: tuple[Passage, ...]
    ) -> None:
        persona = load(name)
        values = negotiator.declare(persona, passages)
        assert not values or sum(values.values()) == pytest.approx(1)
        assert all(w >= 0 for w in values.values())
        assert all(k in MEASURES or k.partition("=")[0] in persona.favours for k in values)

    @pytest.mark.parametrize("name", ["kantian", "libertarian", "equal-chance", "biased-age"])
    async def test_every_kind_of_persona_makes_feasible_moves(
        self, negotiator: Negotiator, name: str
    ) -> None:
        ward, persona = WARDS["mixed"], load(name)
        values = negotiator.declare(persona, PASSAGES)
        other = spoken("B", 1, ward)
        seen = view(
            ward, persona, occasion="critique", round=1, moves=(other,), passages=PASSAGES, values=values
        )
        check(seen, await negotiator.decide(seen))

    async def test_what_is_hidden_is_never_said(self, negotiator: Negotiator) -> None:
        ward = WARDS["divisible"].blinded(("clan", "sex", "age_group"))
        partial = load("biased-age").model_copy(update={"favours": {"clan": [HIDDEN[0]]}})
        values = negotiator.declare(partial, ())
        for occasion, round_ in (("solo", 0), ("critique", 1)):
            moves = (spoken("B", 1, ward),) if round_ else ()
            seen = view(ward, partial, occasion=occasion, round=round_, moves=moves, values=values)
            said = check(seen, await negotiator.decide(seen)).argument.lower()
            assert not [word for word in HIDDEN if word in said]

    async def test_the_hash_is_of_what_was_shown(self, negotiator: Negotiator) -> None:
        ward = WARDS["divisible"]
        seen = view(ward, occasion="critique", round=1, moves=(spoken("B", 1, ward, 0.9),))
        first, again = await negotiator.decide(seen), await negotiator.decide(seen)
        assert first.move.prompt_hash == again.move.prompt_hash
        others = [
            replace(seen, moves=(spoken("B", 1, ward, 0.5),)),
            replace(seen, ward=WARDS["plenty"], moves=()),
            replace(seen, passages=PASSAGES),
            view(ward),
        ]
        hashes = {(await negotiator.decide(other)).move.prompt_hash for other in others}
        assert len(hashes | {first.move.prompt_hash}) == 5

    async def test_it_leaves_the_view_as_it_was(self, negotiator: Negotiator) -> None:
        ward = WARDS["mixed"]
        move = spoken("B", 1, ward)
        seen = view(
            ward, occasion="critique", round=1, moves=(move,), passages=PASSAGES, values={"survival": 1.0}
        )
        before, arrays = view_hash(seen), ward.arrays.demand.copy()
        await negotiator.decide(seen)
        assert view_hash(seen) == before and (ward.arrays.demand == arrays).all()

    async def test_seats_asked_at_once_do_not_disturb_each_other(self, negotiator: Negotiator) -> None:
        views = [view(ward, seat=seat) for ward in WARDS.values() for seat in ("A", "B")]
        at_once = await asyncio.gather(*(negotiator.decide(v) for v in views))
        for seen, reply in zip(views, at_once, strict=True):
            alone = check(seen, await negotiator.decide(seen))
            assert check(seen, reply).allocation == alone.allocation
