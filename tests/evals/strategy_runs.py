"""Run records made by hand, one line a move, so that what strategy tables say of them can be worked out on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from negotiators.protocol import Move
from nodes.findings.strategy import contested, overridden
from nodes.record import EdgeEvent, Round, RunRecord, Seat, Solo
from nodes.settings import Table
from personas.load import load as persona_of
from personas.persona import Persona
from scenarios.ward import Ward
from tests.nodes.strategies_wards import ward_of

Cells = Sequence[Sequence[float]]

STEPS = ("fortunate", "selfish", "concession", "unfortunate", "nice", "silent")


def beds(patients: int = 2, capacity: float = 1.0, **fields: Any) -> Ward:
    """Patients who each demand one divisible bed."""
    return ward_of([[1.0]] * patients, [capacity], False, **fields)


def cares_for(
    name: str, values: Mapping[str, float], favours: Mapping[str, list[str]] | None = None
) -> Persona:
    """A persona with these values; strength 1/2 for those it favours."""
    told = {"name": name, "says": "x", "source": "test", "values": dict(values)}
    biased = {"favours": dict(favours), "strength": 0.5} if favours else {}
    return Persona.model_validate(told | biased)


def run_of(
    ward: Ward,
    solos: Mapping[str, Cells | None],
    rounds: Sequence[Sequence[tuple[str, Cells | None]]] = (),
    *,
    joint: Cells,
    exits: Mapping[str, Cells | None] | None = None,
    no_debate: Cells | None = None,
    personas: Mapping[str, Persona | str] | None = None,
    edges: Sequence[EdgeEvent] = (),
    negotiator: str = "reference",
    run_id: str = "run",
    **settings: Any,
) -> RunRecord:
    """A complete record of these allocations; what each round left contested and overridden is worked out."""
    people = {s: persona_of(p) if isinstance(p, str) else p for s, p in (personas or {}).items()}
    seats = [
        Seat(seat=s, persona=p, negotiator=negotiator, declared=p.declared())  # type: ignore[arg-type]
        for s, p in ((s, people.get(s, persona_of("plain"))) for s in solos)
    ]
    first = {s: np.array(x, float) for s, x in solos.items() if x is not None}
    last, told = dict(first), []
    for number, moves in enumerate(rounds or [[]], 1):
        last |= {s: np.array(x, float) for s, x in moves if x is not None}
        merged, standing = np.array(joint, float), list(last.values())
        names = overridden(ward, merged, list(first.values()), standing) if len(first) == len(solos) else {}
        told.append(
            Round(
                round=number,
                moves=[_move(ward, s, number, x) for s, x in moves],
                joint=ward.allocation(merged),
                contested=list(contested(ward, standing)),
                overridden={cell: list(first)[i] for cell, i in names.items()},
            )
        )
    ended = solos if exits is None else exits
    return RunRecord(
        run_id=run_id,
        status="complete",
        scenario=ward,
        seats=seats,
        protocol=Table.model_validate({"retrieval": "off", "rounds": len(told), **settings}),
        seed=1,
        replicate=settings.get("replicate", 0),
        solo={s: Solo(move=_move(ward, s, 0, x)) for s, x in solos.items()},
        rounds=told,
        exit_solo={s: Solo(move=_move(ward, s, len(told) + 1, x)) for s, x in ended.items()},
        joint=ward.allocation(np.array(joint, float)),
        no_debate=None if no_debate is None else ward.allocation(np.array(no_debate, float)),
        measures={},
        influence=None,
        emergence=None,
        lost_in_debate=[],
        edges=list(edges),
        usage=[],
        incidents=[],
        provenance={},
    )


def spoken(*moves: tuple[int, str, str | None]) -> list[EdgeEvent]:
    """Edges of moves (round, seat, class); the headline of a class is `concede` for a concession, else `hold`."""
    return [
        EdgeEvent(
            index=i,
            source="propose" if seat == "A" else "critique",
            target="mediate",
            round=round_,
            seat=seat,
            step=step,
            strategy="abstain" if step is None else "concede" if step == "concession" else "hold",
        )
        for i, (round_, seat, step) in enumerate(moves)
    ]


def _move(ward: Ward, seat: str, round_: int, x: Cells | None) -> Move:
    if x is None:
        return Move(seat=seat, round=round_, allocation=None, status="abstained")
    return Move(seat=seat, round=round_, allocation=ward.allocation(np.array(x, float)))
