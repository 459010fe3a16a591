"""How does a debate read: solos, the merge of them, each round's moves and merge, exit solos?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.report.transcripts.model import Case, Column, Passage, Row, Seat, Transcript, Turn, Value
from scenarios.measures import need_satisfaction

if TYPE_CHECKING:
    from negotiators.protocol import Move
    from nodes.record import RunRecord
    from scenarios.ward import Allocation, Ward


def transcript(record: RunRecord) -> Transcript:
    """A debate as turns."""
    ward = record.scenario
    turns: list[Turn] = []
    for seat in record.seats:
        if (solo := record.solo.get(seat.seat)) is not None:
            shown = tuple(p.id for p in solo.retrieved)
            turns.append(_move("solo", solo.move, record, f"{seat.seat} alone", shown))
    if record.no_debate is not None:
        turns.append(_merge("no_debate", 0, "Merge without debate", record.no_debate, ward, ()))
    for r in record.rounds:
        for i, move in enumerate(r.moves):
            kind = "propose" if i == 0 else "critique"
            shown = tuple(p.id for p in r.retrieved.get(move.seat, []))
            role = "proposer" if i == 0 else "critic"
            turns.append(_move(kind, move, record, f"Round {r.round} · {role}", shown))
        turns.append(_merge("merge", r.round, f"Round {r.round} · merge", r.joint, ward, tuple(r.contested)))
    for seat in record.seats:
        if (solo := record.exit_solo.get(seat.seat)) is not None:
            turns.append(_move("exit_solo", solo.move, record, f"{seat.seat} asked again alone", ()))
    passages = {p.id: p for r in record.rounds for ps in r.retrieved.values() for p in ps}
    return Transcript(
        run_id=record.run_id,
        setting="triage",
        case=_case(ward),
        seats=tuple(Seat(s.seat, s.persona.name, s.model or s.negotiator) for s in record.seats),
        protocol=(("merge rule", record.protocol.merge_rule),),
        turns=tuple(turns),
        status=record.status,
        passages=tuple(Passage(p.id, p.title, p.text, p.source, p.framework) for p in passages.values()),
    )


def _case(ward: Ward) -> Case:
    names = list(ward.resources)
    rows = tuple(Row(p.id, needs=tuple(p.needs.get(n) for n in names)) for p in ward.patients)
    columns = tuple(Column(n, n.replace("_", " "), r.unit, r.capacity) for n, r in ward.resources.items())
    return Case(ward.name, ward.title, ward.setting, rows, columns)


def _values(ward: Ward, x: Allocation) -> tuple[tuple[Value, ...], ...]:
    return tuple(tuple(x.get(p.id, {}).get(n) for n in ward.resources) for p in ward.patients)


def _met(ward: Ward, x: Allocation) -> tuple[float | None, ...]:
    h = need_satisfaction(ward.array(x), ward.arrays.demand)
    return tuple(None if v != v else float(v) for v in h)


def _move(kind: str, move: Move, record: RunRecord, title: str, shown: tuple[str, ...]) -> Turn:
    ward, x = record.scenario, move.allocation
    who = next(s.persona.name for s in record.seats if s.seat == move.seat)
    return Turn(
        kind=kind,  # type: ignore[arg-type]
        round=move.round,
        title=title,
        seat=move.seat,
        who=who,
        said=move.argument,
        values=None if x is None else _values(ward, x),
        met=None if x is None else _met(ward, x),
        cites=tuple(move.citations),
        shown=shown,
    )


def _merge(kind: str, round_: int, title: str, x: Allocation, ward: Ward, contested: tuple[str, ...]) -> Turn:
    rows, columns = [p.id for p in ward.patients], list(ward.resources)
    cells = tuple((rows.index(p), columns.index(r)) for p, _, r in (c.partition(".") for c in contested))
    return Turn(
        kind=kind,  # type: ignore[arg-type]
        round=round_,
        title=title,
        values=_values(ward, x),
        met=_met(ward, x),
        contested=cells,
    )
