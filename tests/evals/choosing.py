"""How tests make seats that choose by known values: solos of reference seats, without a debate around them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from evals.leanings import Choice, Choices
from negotiators.reference.debate.offers import Stance, problem
from personas.load import load as persona
from personas.persona import Values
from scenarios.load import load
from scenarios.ward import Array, Ward


def wards(count: int, kind: str = "n=6,divisible=1") -> list[Ward]:
    """So many generated wards."""
    return [load(f"generated:{seed},{kind}") for seed in range(1, count + 1)]


def chosen(
    ward: Ward, x: Array | None, declared: Values, name: str = "seat", when: str = "solo", run: str = "r"
) -> Choices:
    """One choice in one ward, as `choices_of` would keep it."""
    digest = hashlib.sha256(ward.model_dump_json().encode()).hexdigest()
    choice = Choice(
        run_id=f"{run}-{ward.name}",
        seat="A",
        persona=name,
        model="reference",
        opponent="plain",
        retrieval="off",
        when=when,  # type: ignore[arg-type]
        x=x,
        declared=declared,
        repaired=False,
        rerun=f"{ward.name}-{when}",
    )
    return Choices(ward, digest, ward.name, tuple(k for k in declared if "=" in k), (choice,))


def solos(
    name: str, where: Sequence[Ward], declared: Values | None = None, when: str = "solo"
) -> list[Choices]:
    """The solos of a persona of the catalogue (by its own or other values) in wards."""
    who = persona(name)
    values = declared or who.declared()
    made = [(w, problem(Stance.of(w, values, who)).best) for w in where]
    return [chosen(w, w.array(w.allocation(x)), values, name, when) for w, x in made]
