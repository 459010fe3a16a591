"""What would reference seats have said, had these been their strength, concession and persuasion: one debate, bare.

No graph, no journal, no merge: the reference negotiators themselves, asked with the same views as at the table, so
that their moves are the same to the last digit. Joint allocations are left out, for they follow from the moves.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from negotiators.protocol import Move, Occasion, Passage, Reply, View
from negotiators.reference import Policy, Reference
from nodes.settings import Table
from personas.load import with_strength
from personas.persona import Persona, Values
from scenarios.measures import MEASURES
from scenarios.ward import Array, Ward

if TYPE_CHECKING:
    from nodes.record import RunRecord, Seat

Stages = dict[str, Array]
"""`solo:A`, …, `move:1:A`, …, `exit_solo:A`, … -> allocation (N, K)."""

Hand = Callable[[Array], Array]
"""What a hand makes of the allocation that was meant."""

Passages = Mapping[tuple[str, int], tuple[Passage, ...]]
"""(seat, round) -> what it was shown then; round 0 for solo and exit solo."""


@dataclass(frozen=True)
class Planted:
    """What a simulated debate is run with: bias strength s, concession exponent e, persuasion ρ of A and the others."""

    strength: float
    exponent: float
    persuasion: float
    opponent_persuasion: float = 0.0


@dataclass(frozen=True, eq=False)
class Place:
    """A seat of a debate to be simulated; `declared` holds at the persona's own strength."""

    seat: str
    persona: Persona
    declared: Values

    def at(self, strength: float) -> tuple[Persona, Values]:
        """The persona and the values it declares with another strength of its bias."""
        if not self.persona.favours or strength == self.persona.strength:
            return self.persona, self.declared
        base = {k: w for k, w in self.declared.items() if k in MEASURES}
        persona = with_strength(self.persona, strength)
        return persona, persona.declared(base or None)


@dataclass(frozen=True, eq=False)
class Setup:
    """All of a debate but what is to be recovered."""

    ward: Ward  # as the seats see it
    places: tuple[Place, ...]
    table: Table  # order, rounds, simultaneity, seed
    rounds: int  # that were held
    floor: float = 0.5
    tit_for_tat: bool = False
    passages: Passages = field(default_factory=dict)

    @classmethod
    def planned(cls, ward: Ward, personas: Sequence[Persona], **settings: Any) -> Setup:
        """Seats that declare their personas' own values, as if retrieval had brought them nothing else to weigh."""
        places = [Place(s, p, p.declared()) for s, p in zip("ABCDEFGHIJ", personas, strict=False)]
        table = Table.model_validate(settings | {"panel": tuple(p.name for p in personas[2:])})
        return cls(ward, tuple(places), table, table.rounds)

    @classmethod
    def of(cls, record: RunRecord) -> Setup:
        """The setup of a record: its seats with what they declared and were shown, whoever they were."""
        blind, seats = record.protocol.blind, record.seats
        shown: dict[tuple[str, int], tuple[Passage, ...]] = {
            (seat, 0): tuple(solo.retrieved) for seat, solo in record.solo.items()
        }
        for r in record.rounds:
            shown |= {(seat, r.round): tuple(found) for seat, found in r.retrieved.items()}
        return cls(
            ward=record.scenario.blinded(blind) if blind else record.scenario,
            places=tuple(Place(s.seat, s.persona, s.declared) for s in seats),
            table=record.protocol,
            rounds=len(record.rounds),
            floor=_policy(seats, "floor", Policy().floor),
            tit_for_tat=_policy(seats, "kind", "linear") == "tit-for-tat",
            passages=shown,
        )

    @property
    def biased(self) -> bool:
        """Whether any seat favours a group: otherwise strength means nothing here."""
        return any(p.persona.favours for p in self.places)


def _policy(seats: Sequence[Seat], name: str, usual: Any) -> Any:
    return next((s.policy[name] for s in seats if name in s.policy), usual)


def simulate(setup: Setup, planted: Planted, hand: Hand | None = None) -> Stages:
    """The solos, moves and exit solos of a debate of reference seats with these parameters.

    Exact and deterministic: the allocations are those that the graph records for the same seats. A `hand` changes
    every allocation before anybody hears of it.
    """
    debate = _Debate(setup, planted, hand)
    solos = {p.seat: debate.ask(p.seat, "solo", 0, ()) for p in setup.places}
    debate.solos = solos
    moves: list[Move] = []
    for round_ in range(1, setup.rounds + 1):
        spoken: list[Move] = []
        order = setup.table.speaking(round_)
        for turn, seat in enumerate(order):
            occasion: Occasion = "propose" if turn == 0 or setup.table.simultaneous else "critique"
            heard = moves if setup.table.simultaneous else moves + spoken
            spoken.append(debate.ask(seat, occasion, round_, heard))
        moves += spoken
    exits = {p.seat: debate.ask(p.seat, "exit_solo", setup.rounds + 1, moves) for p in setup.places}
    made = {f"solo:{s}": m for s, m in solos.items()}
    made |= {f"move:{m.round}:{m.seat}": m for m in moves}
    made |= {f"exit_solo:{s}": m for s, m in exits.items()}
    return {stage: setup.ward.array(m.allocation or {}) for stage, m in made.items()}


class _Debate:
    """Seats that can be asked."""

    def __init__(self, setup: Setup, planted: Planted, hand: Hand | None) -> None:
        self.setup = setup
        self.hand = hand
        self.solos: dict[str, Move] = {}
        self.seated = {p.seat: p.at(planted.strength) for p in setup.places}
        rho = {p.seat: planted.opponent_persuasion for p in setup.places}
        rho[setup.places[0].seat] = planted.persuasion
        self.negotiators = {s: Reference(_policy_of(setup, planted, r)) for s, r in rho.items()}

    def ask(self, seat: str, occasion: Occasion, round_: int, heard: Sequence[Move]) -> Move:
        persona, declared = self.seated[seat]
        alone = occasion in ("solo", "exit_solo")
        solo = self.solos.get(seat)
        view = View(
            ward=self.setup.ward,
            seat=seat,
            persona=persona,
            occasion=occasion,
            round=round_,
            rounds=self.setup.table.rounds,
            seed=self.setup.table.seed,
            values=declared,
            passages=self.setup.passages.get((seat, 0 if alone else round_), ()),
            moves=tuple(heard),
            solo=None if solo is None else solo.allocation,
        )
        move = _now(self.negotiators[seat].decide(view)).move
        if self.hand is None or move.allocation is None:
            return move
        ward = self.setup.ward
        return move.model_copy(update={"allocation": ward.allocation(self.hand(ward.array(move.allocation)))})


def _policy_of(setup: Setup, planted: Planted, persuasion: float) -> Policy:
    given = {"floor": setup.floor, "persuasion": persuasion}
    if setup.tit_for_tat:
        return Policy.model_validate(given | {"kind": "tit-for-tat"})
    e = planted.exponent
    kind = "linear" if e == 1 else "boulware" if e < 1 else "conceder"
    return Policy.model_validate(given | {"kind": kind, "exponent": e})


def _now(decision: Coroutine[Any, Any, Reply]) -> Reply:
    """A coroutine that never waits, driven to its end without an event loop."""
    try:
        decision.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    decision.close()
    raise RuntimeError("a reference negotiator waited for something; it must only compute")


def observed(record: RunRecord) -> Stages:
    """What the seats of a record did, keyed as `simulate`; a seat that abstained leaves its stage out."""
    made = {f"solo:{s}": x.move for s, x in record.solo.items()}
    made |= {f"move:{m.round}:{m.seat}": m for r in record.rounds for m in r.moves}
    made |= {f"exit_solo:{s}": x.move for s, x in record.exit_solo.items()}
    ward = record.scenario
    return {k: ward.array(m.allocation) for k, m in made.items() if m.allocation is not None}


def shares(ward: Ward, x: Array) -> Array:
    """An allocation as shares of demand over the demanded cells, (C,), each in [0, 1]."""
    wanted = ward.arrays.demand > 0
    return np.asarray(x[wanted] / ward.arrays.demand[wanted])


def trembling(ward: Ward, scale: float, rng: np.random.Generator) -> Hand:
    """A hand that adds N(0, scale) to each share of demand; then the nearest feasible allocation."""
    from scenarios.optimum import project

    return lambda x: project(ward, x + rng.normal(0.0, scale, x.shape) * ward.arrays.demand)
