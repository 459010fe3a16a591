"""What did each seat choose alone, before and after the debate: the choices that leanings are read from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from personas.persona import Values
from scenarios.measures import MEASURES
from scenarios.ward import Array, Ward

if TYPE_CHECKING:
    from nodes.record import RunRecord, Solo

When = Literal["solo", "exit_solo"]
WHENS: tuple[When, ...] = ("solo", "exit_solo")


@dataclass(frozen=True, eq=False)
class Choice:
    """One seat's choice alone. `x` (N, K) is None where it abstained or the run is invalid: missing, not zero."""

    run_id: str
    seat: str
    persona: str
    model: str  # the chat model, or `reference`
    opponent: str  # personas of the other seats, joined by +
    retrieval: str
    when: When
    x: Array | None
    declared: Values
    repaired: bool
    rerun: str  # the same for choices that were asked for identically, but for the replicate


@dataclass(frozen=True, eq=False)
class Choices:
    """The choices of one record, and where they were made."""

    ward: Ward  # as the seats saw it
    digest: str  # of that ward
    cluster: str  # the base ward's name
    groups: tuple[str, ...]  # `attribute=group,…` of every seat at the table that favours one
    choices: tuple[Choice, ...]


def choices_of(record: RunRecord) -> Choices:
    """The solos and exit solos of a record; a function of a module, so that `evals.records.each` can use it."""
    blind = record.protocol.blind
    ward = record.scenario.blinded(blind) if blind else record.scenario
    digest = hashlib.sha256(ward.model_dump_json().encode()).hexdigest()
    groups = dict.fromkeys(term for s in record.seats for term in s.declared if term not in MEASURES)
    asked: dict[When, Mapping[str, Solo]] = {"solo": record.solo, "exit_solo": record.exit_solo}
    choices = tuple(
        _choice(record, ward, digest, seat.seat, when, solos.get(seat.seat))
        for when, solos in asked.items()
        for seat in record.seats
    )
    return Choices(ward, digest, record.scenario.name.partition("--twin-")[0], tuple(groups), choices)


def _choice(record: RunRecord, ward: Ward, digest: str, name: str, when: When, solo: Solo | None) -> Choice:
    from nodes.record import digest as hashed

    seat = next(s for s in record.seats if s.seat == name)
    allocation = solo.move.allocation if solo is not None and record.status == "complete" else None
    identical = record.protocol.model_dump(mode="json", exclude={"replicate"})
    return Choice(
        run_id=record.run_id,
        seat=name,
        persona=seat.persona.name,
        model=seat.model or seat.negotiator,
        opponent="+".join(s.persona.name for s in record.seats if s.seat != name),
        retrieval=record.protocol.retrieval,
        when=when,
        x=None if allocation is None else ward.array(allocation),
        declared=seat.declared,
        repaired=solo is not None and solo.move.status == "repaired",
        rerun=hashed([digest, name, when, identical]),
    )


def read(given: Iterable[RunRecord | Choices]) -> list[Choices]:
    """Records, or what `choices_of` kept of them, as choices; equal wards share one object."""
    wards: dict[str, Ward] = {}
    out = []
    for one in given:
        kept = one if isinstance(one, Choices) else choices_of(one)
        ward = wards.setdefault(kept.digest, kept.ward)
        out.append(Choices(ward, kept.digest, kept.cluster, kept.groups, kept.choices))
    return out
