"""Who sits at a dilemma: concerns dealt out by the seed, what each claims, and who decides for each, built once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nodes.dilemma.record import DilemmaSeat
from nodes.table import equipment
from personas.concern import DIAL, Concern, with_concern
from personas.load import load_concern
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from nodes.dilemma.settings import DilemmaTable

DEAL = 1
"""Purpose of the draw that deals concerns out: which seat is prosocial hangs on the seed, never on its place."""


def seat_everyone(
    settings: DilemmaTable, names: Sequence[str], policy: Mapping[str, Any]
) -> list[DilemmaSeat]:
    """The seats that settings name. `policy` is how reference seats play, as the record keeps it.

    Raises ParleyError where more seats are prosocial, or more votes needed, than there are seats, or `concerns` are
    not as many as seats.
    """
    if settings.quorum is not None and settings.quorum > len(names):
        raise ParleyError(f"quorum: {settings.quorum} votes of {len(names)} seats; give 1 to {len(names)}")
    personas = _dealt(settings, len(names))
    seats = []
    for name, (persona, prosocial) in zip(names, personas, strict=True):
        model = (settings.prosocial_model or settings.model) if prosocial else settings.model
        reference = model == "reference"
        seats.append(
            DilemmaSeat(
                seat=name,
                persona=persona,
                prosocial=prosocial,
                **_announced(settings, personas, persona, prosocial),
                negotiator="reference" if reference else "chat",
                model=None if reference else model,
                server=None if reference else equipment.equipment().server,
                policy=dict(policy) if reference else {},
            )
        )
    return seats


def _dealt(settings: DilemmaTable, n: int) -> list[tuple[Concern, bool]]:
    """(persona, prosocial) by seat, in an order that the seed draws."""
    lent = equipment.equipment().personas
    if settings.concerns:
        if len(settings.concerns) != n:
            raise ParleyError(
                f"concerns: {len(settings.concerns)} given for {n} seats; give one λ a seat, or prosocial and concern"
            )
        graded = load_concern("graded", lent)
        people = [with_concern(graded, degree) for degree in settings.concerns]
        table = [(persona, persona.degree > 0) for persona in people]
    else:
        if settings.prosocial > n:
            raise ParleyError(f"prosocial: {settings.prosocial} of {n} seats; give a number from 0 to {n}")
        caring = _caring(settings)
        selfish = load_concern(settings.selfish_as, lent)
        table = [(caring, True)] * settings.prosocial + [(selfish, False)] * (n - settings.prosocial)
    order = np.random.default_rng([settings.seed, DEAL]).permutation(n)
    return [table[i] for i in order]


def _announced(
    settings: DilemmaTable, table: Sequence[tuple[Concern, bool]], persona: Concern, prosocial: bool
) -> dict[str, Any]:
    """What a seat is announced as: nothing, the truth, or, where it is selfish and may lie, prosocial."""
    if settings.declared == "private":
        return {}
    if settings.declared == "false" and not prosocial:
        persona = _pretended(settings, [at for at, caring in table if caring])
    name = persona.name if DIAL not in persona.says else f"{persona.name}, λ = {_degree(persona)}"
    return {"claims": name, "claims_concern": persona.concern}


def _pretended(settings: DilemmaTable, prosocial: Sequence[Concern]) -> Concern:
    """What a selfish seat claims to be: the most prosocial at the table; where nobody is, what such a seat would be."""
    return max(prosocial, key=lambda at: at.degree, default=None) or _caring(settings)


def _caring(settings: DilemmaTable) -> Concern:
    """Whom the prosocial seats are."""
    lent = equipment.equipment().personas
    if settings.concern is None:
        return load_concern(settings.prosocial_as, lent)
    return with_concern(load_concern("graded", lent), settings.concern)


def _degree(persona: Concern) -> str:
    return persona.concern if isinstance(persona.concern, str) else f"{persona.concern:g}"


def believed(settings: DilemmaTable, seats: Sequence[DilemmaSeat], of: str) -> tuple[float, ...]:
    """λ of every seat, in their order, as the seat `of` takes them to be: its own as it is, the others' as declared.

    Where concerns are private a seat knows the share of each λ at the table, not whose it is: it reckons with the
    mix that is expected of the others (`expected_mix`), which is an approximation.
    """
    from negotiators.reference.commons.policy import expected_mix

    degrees = [s.persona.degree for s in seats]
    at = [s.seat for s in seats].index(of)
    if settings.declared != "private":
        return tuple(d if i == at else _said(s) for i, (d, s) in enumerate(zip(degrees, seats, strict=True)))
    if len(set(degrees)) == 1:
        return tuple(degrees)
    shares = {d: degrees.count(d) / len(degrees) for d in set(degrees)}
    own, *others = expected_mix(degrees[at], len(seats), shares)
    return (*others[:at], own, *others[at:])


def _said(seat: DilemmaSeat) -> float:
    """λ of what a seat is announced as."""
    assert seat.claims_concern is not None
    return math.inf if seat.claims_concern == "infinite" else float(seat.claims_concern)
