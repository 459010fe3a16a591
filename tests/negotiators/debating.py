"""What do tests of the reference seat share: small wards, brute force, and a debate without a graph."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

import numpy as np

from negotiators.protocol import Move, Reply, View
from negotiators.reference import Reference
from negotiators.reference.debate.concession import Policy
from personas.load import load
from personas.persona import Persona, Values
from scenarios.ward import Array, Ward
from tests.negotiators.conformance import make, patient, view


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


def play(
    ward: Ward, seats: dict[str, tuple[Persona, Values, Policy]], rounds: int = 3, seed: int = 7
) -> Debate:
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
