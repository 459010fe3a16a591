"""What do many records say, as tables: one row a run, one row an allocation, one row a patient.

runs       one row a run: its settings, its status, emergence, influence, incidents and what it cost
stages     one row an allocation of a run (`stage`: solo:A, …, no_debate, round:1, …, joint, exit_solo:A, …):
           measures (`raw:NAME`), normalised measures (`NAME`), utilities (`u:SEAT`), criteria (`criterion:NAME`)
patients   one row a patient of a run: facts, protected attributes (`is:ATTRIBUTE`), need satisfaction at
           every stage (`h:STAGE`)

Missing is NaN or None, never 0. Runs that are invalid have a row in `runs` alone. Patients who demand nothing
are left out, as every measure leaves them out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evals.records import each, paths
from scenarios.measures import need_satisfaction
from scenarios.twin import acuity_strata
from scenarios.ward import Allocation, Ward

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import Record, RunRecord, Seat

Row = dict[str, Any]

SETTINGS = (
    *(
        "framework",
        "opponent",
        "strength",
        "rounds",
        "until_agreement",
        "merge_rule",
        "order",
        "simultaneous",
    ),
    *("retrieval", "passages", "model", "opponent_model", "mediator_model", "temperature"),
    *("max_output_tokens", "concession", "exponent", "floor", "persuasion", "opponent_persuasion"),
)
"""Settings of a run that stand in `runs` as they are; `panel` and `blind` are joined by +."""


@dataclass(frozen=True)
class Rows:
    """What is kept of one record."""

    run: Row
    stages: list[Row]
    patients: list[Row]


@dataclass(frozen=True)
class Frames:
    """The three tables, joined by `run_id`; `final` is the stage that is meant where none is named."""

    final: ClassVar[str] = "joint"

    runs: pd.DataFrame
    stages: pd.DataFrame
    patients: pd.DataFrame


def frames(where: Iterable[str | Path], progress: Callable[[int, int], None] | None = None) -> Frames:
    """The tables of every record that files and folders name. Raises ParleyError as `evals.records` does."""
    files = paths(where)
    kept: list[Rows] = []
    for rows in each(files, rows_of):
        kept.append(rows)
        if progress is not None:
            progress(len(kept), len(files))
    return framed(kept)


def framed(kept: Iterable[Rows]) -> Frames:
    """Rows as tables."""
    import pandas as pd

    kept = list(kept)
    return Frames(
        runs=pd.DataFrame([k.run for k in kept]),
        stages=pd.DataFrame([row for k in kept for row in k.stages]),
        patients=pd.DataFrame([row for k in kept for row in k.patients]),
    )


def rows_of(record: RunRecord) -> Rows:
    """The rows of one record."""
    run = _run(record)
    if record.status == "invalid":
        return Rows(run, [], [])
    return Rows(run, _stages(record), _patients(record))


def _run(record: RunRecord) -> Row:
    protocol = record.protocol
    ward = record.scenario.name
    base, _, twin = ward.partition("--twin-")
    row: Row = {"run_id": record.run_id, "status": record.status, "ward": ward, "cluster": base, "twin": twin}
    row |= {name: getattr(protocol, name) for name in SETTINGS}
    row |= {"panel": "+".join(protocol.panel), "blind": "+".join(protocol.blind)}
    row |= {"seed": record.seed, "replicate": record.replicate, "favoured": favoured_term(record)}
    row |= {"biased_seat": next((s.seat for s in reversed(record.seats) if _favours(s)), None)}
    row |= {f"persona:{s.seat}": s.persona.name for s in record.seats}
    row |= {f"model:{s.seat}": s.model or s.negotiator for s in record.seats}
    return row | _found(record) | counted(record)


def favoured_term(record: RunRecord) -> str | None:
    """The groups `attribute=group,…` that the last biased seat favours; None where no seat is biased."""
    terms = [term for seat in record.seats for term in _favours(seat)]
    return terms[-1] if terms else None


def _favours(seat: Seat) -> list[str]:
    return [term for term in seat.declared if "=" in term]


def _found(record: RunRecord) -> Row:
    """Emergence and influence, flattened."""
    row: Row = {}
    if (e := record.emergence) is not None:
        row = {
            "emergence_1": e.first,
            "emergence_1_no_debate": e.first_no_debate,
            "emergence_1_random": e.first_base_rate_random,
            "emergence_2": e.second,
            "emergence_2_no_debate": e.second_no_debate,
            "beta_joint": e.beta_joint,
            "beta_no_debate": e.beta_no_debate,
            "beta_optimum": e.beta_optimum,
            "beta_best_solo": max(e.beta_solos.values(), default=None),
            "pareto": e.pareto,
            "emergence_2_all_six": e.all_six.holds,
            "emergence_2_all_six_no_debate": e.all_six.holds_no_debate,
            "beyond_the_merge": "+".join(e.beyond_the_merge),
        }
    row["lost_in_debate"] = "+".join(record.lost_in_debate)
    if (i := record.influence) is not None:
        row |= {"influence": i.joint, "influence_r2": i.joint_r2, "influence_no_debate": i.no_debate}
        row["debate_added"] = i.debate_added
    row |= _strategy(record)
    row["contested_first"] = len(record.rounds[0].contested) if record.rounds else None
    row["contested_last"] = len(record.rounds[-1].contested) if record.rounds else None
    return row


def _strategy(record: RunRecord) -> Row:
    """Contestation against override, how far each mind moved, how far the joint lies from the no-debate merge."""
    from nodes.findings.strategy import influence

    ward = record.scenario
    solos = {
        s: ward.array(x.move.allocation) for s, x in record.solo.items() if x.move.allocation is not None
    }
    row: Row = {}
    if record.joint is not None and record.no_debate is not None:
        apart = abs(ward.array(record.joint) - ward.array(record.no_debate)).sum()
        row["distance_from_merge"] = float(apart / ward.arrays.demand.sum())
    row |= _contestation(record)
    for seat, other in (("A", "B"), ("B", "A")):
        at_exit = record.exit_solo.get(seat)
        if seat in solos and other in solos and at_exit is not None and at_exit.move.allocation is not None:
            moved = influence(solos[other], solos[seat], ward.array(at_exit.move.allocation))
            row[f"mind_moved:{seat}"] = None if moved is None else moved.weight
    return row


def _contestation(record: RunRecord) -> Row:
    """Of seat A's dealings with disputed cells, those it contested: own value moved away from B's, in a trade too.

    Beside it, of the cells that rounds left in dispute, those overridden there; both over all rounds.
    """
    stands = {s: x.move.allocation for s, x in record.solo.items()}
    dealt, away = 0, 0
    for event in record.edges:
        if event.source not in ("propose", "critique") or event.seat is None:
            continue
        other = stands.get("B")
        if event.seat == "A" and other is not None:
            dealt += len(event.cells)
            away += sum(tag == "contest" for tag in event.cells.values())
            traded = [cell for cell, tag in event.cells.items() if tag == "trade"]
            away += sum(_went_away(event.delta.get(cell), cell, other) for cell in traded)
        said = next(
            (m for r in record.rounds if r.round == event.round for m in r.moves if m.seat == event.seat),
            None,
        )
        if said is not None and said.allocation is not None:
            stands[event.seat] = said.allocation
    left = sum(len(r.contested) for r in record.rounds)
    over = sum(len(set(r.overridden) & set(r.contested)) for r in record.rounds)
    row: Row = {"contest_share": away / dealt if dealt else None}
    return row | {"override_share": over / left if left else None}


def _went_away(change: tuple[float | None, float | None] | None, cell: str, other: Allocation) -> bool:
    if change is None or change[0] is None or change[1] is None:
        return False
    patient, _, resource = cell.partition(".")
    theirs = other[patient][resource]
    return abs(change[1] - theirs) > abs(change[0] - theirs)


def counted(record: Record) -> Row:
    """Incidents by kind, and what the run cost; a total is missing where a part of it is."""
    kinds = Counter(i.kind for i in record.incidents)
    row: Row = {
        f"incidents:{k}": kinds[k] for k in ("abstained", "repaired", "corrected", "retry", "truncated")
    }
    row["calls"] = sum(u.calls for u in record.usage)
    for name in ("input_tokens", "output_tokens", "cost_usd"):
        parts = [getattr(u, name) for u in record.usage if u.calls]
        row[name] = None if None in parts else sum(parts)
    row["seconds"] = sum(u.seconds for u in record.usage)
    row["recorded_at"] = record.provenance.get("recorded_at")
    return row


def _stages(record: RunRecord) -> list[Row]:
    rows = []
    for stage, o in record.measures.items():
        row: Row = {"run_id": record.run_id, "stage": stage}
        row |= o.normalised | {f"raw:{k}": v for k, v in o.measures.items()}
        row |= {f"u:{k}": v for k, v in o.utilities.items()}
        rows.append(row | {f"criterion:{k}": v for k, v in o.criteria.items()})
    return rows


def _patients(record: RunRecord) -> list[Row]:
    ward, a = record.scenario, record.scenario.arrays
    columns: dict[str, Any] = {"benefit": a.benefit, "acuity": a.acuity, "stratum": acuity_strata(ward)}
    columns |= {f"is:{attribute}": ward.groups(attribute) for attribute in ward.protected}
    columns["favoured"] = _favoured(ward, favoured_term(record))
    for stage, o in record.measures.items():
        columns[f"h:{stage}"] = need_satisfaction(ward.array(o.allocation), a.demand)
    return [
        {"run_id": record.run_id, "patient": ward.patients[i].id} | {k: v[i] for k, v in columns.items()}
        for i in np.flatnonzero(a.counted)
    ]


def _favoured(ward: Ward, term: str | None) -> list[bool | None]:
    from personas.utility import in_group

    if term is None:
        return [None] * len(ward.patients)
    return [bool(b) for b in in_group(ward, term)]
