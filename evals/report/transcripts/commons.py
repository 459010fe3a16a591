"""How does a season on the commons read: the meeting before it, then every month from what was asked to what grew back?

A month is one turn: its table is who asked for, was allowed, took and reported how much; what everybody said after
the harvest stands in it together, a paragraph a seat.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evals.report.transcripts import dilemma
from evals.report.transcripts.alike import Incidents, provenance, seats_by, settings, usage
from evals.report.transcripts.model import Case, Column, Row, Transcript, Turn, Value
from graphs.pages.dilemma import number
from graphs.pages.season import MEASURES, baselines, ending
from scenarios.commons.words import describe

if TYPE_CHECKING:
    from nodes.commons.record import CommonsRecord, Meeting, Month
    from scenarios.commons import Commons


def transcript(record: CommonsRecord) -> Transcript:
    """A season as turns: the opening meeting, if there was one, and a turn a month."""
    told = Incidents(record.incidents)
    turns = [] if record.opening is None else [_meeting(record, record.opening, told)]
    turns += [_month(record, month, told) for month in record.months]
    return Transcript(
        run_id=record.run_id,
        setting="commons",
        case=_case(record.scenario),
        seats=tuple(map(dilemma.seat, record.seats)),
        protocol=settings(record.protocol),
        turns=tuple(turns),
        status=record.status,
        outcome=tuple(_outcome(record)),
        measures=_measures(record),
        notes=(*dilemma.notes(record), *told.rest()),
        provenance=provenance(record),
        usage=usage(record),
        series=_series(record),
    )


def _case(commons: Commons) -> Case:
    """A commons as a case: its rules in words, as the seats are told them."""
    unit = commons.unit
    columns = (
        *(Column(name, name, unit) for name in ("asked", "allowed", "taken", "reported")),
        Column("worth", "worth", "payoff"),
        Column("payment", "payment", "payoff"),
    )
    c, regrowth = commons.contingencies, commons.regrowth
    events = f"{c.chance:.0%} a month: {', '.join(c.kinds)}" if c.chance else "none"
    facts = (
        ("months", str(commons.months)),
        ("stock at first", f"{commons.stock} of at most {commons.capacity} {unit}"),
        ("gone below", f"{commons.collapse} {unit}"),
        ("regrowth", _regrowth(regrowth.kind, regrowth.rate, regrowth.rates, regrowth.degraded_rate)),
        ("unforeseen events", events),
        ("of these a contract cannot tell", f"{c.hidden:.0%}" if c.chance else ""),
        ("a catch is worth", _worth(commons)),
        ("world", str(commons.world)),
        ("source", commons.source),
    )
    return Case(
        name=commons.name,
        title=commons.title,
        says=_rules(commons),
        rows=tuple(Row(name) for name in commons.names),
        columns=columns,
        facts=tuple((label, value) for label, value in facts if value),
    )


def _rules(commons: Commons) -> str:
    """What the seats are told, but for what a catch is worth: for a need that has to be worked out from a ward."""
    plain = commons.model_copy(update={"need": None, "worths": None})
    return "\n".join(describe(plain).split("\n")[:-1])


def _regrowth(kind: str, rate: float, rates: tuple[float, ...], degraded: float) -> str:
    if kind == "stochastic":
        return f"stochastic, times {' or '.join(f'{r:g}' for r in rates)}"
    return f"{kind}, times {rate:g}" + (f", degraded {degraded:g}" if kind == "hysteresis" else "")


def _worth(commons: Commons) -> str:
    if commons.need is not None:
        return f"what its {commons.need.resource} does for the ward {commons.need.ward}, in per cent"
    return "as listed, less for each further unit" if commons.worths is not None else "1 a unit"


def _meeting(record: CommonsRecord, meeting: Meeting, told: Incidents) -> Turn:
    return Turn(
        kind="meeting",
        round=0,
        title="Meeting before the season",
        said=dilemma.words(record, meeting),
        did=(*(dilemma.agreed(meeting)), *dilemma.paid(meeting.payments)),
        incidents=told.of(0),
    )


def _month(record: CommonsRecord, month: Month, told: Incidents) -> Turn:
    seats = [s.seat for s in record.seats]
    return Turn(
        kind="month",
        round=month.month,
        title=f"Month {month.month}" + ("" if month.event == "calm" else f" · {month.event}"),
        said=dilemma.words(record, month),
        values=_values(month, seats),
        did=tuple(_did(record, month)),
        incidents=told.of(month.month),
    )


def _values(m: Month, seats: list[str]) -> tuple[tuple[Value, ...], ...]:
    """By seat: asked, allowed, taken, reported, worth, payment; None where it abstained, 0 where nobody paid."""
    return tuple(
        (
            _number(m.asked.get(s)),
            _number(m.allowed.get(s)),
            _number(m.taken.get(s)),
            _number(m.reported.get(s)),
            _number(m.worth.get(s)),
            float(m.payments.get(s, 0.0)),
        )
        for s in seats
    )


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _did(record: CommonsRecord, m: Month) -> Iterator[str]:
    """What happened in a month, a sentence each, in the order it happened."""
    unit = record.scenario.unit
    if m.event != "calm":
        known = "" if m.cell == m.event else ", which a contract cannot tell from a calm month"
        yield f"A month with an event: {m.event}{known}."
    if m.price != 1:
        yield f"What is taken is worth {number(m.price)} times as much."
    outside = f", outsiders {m.outside}" if m.outside else ""
    then = f"{m.regrown} after regrowth"
    if m.left < record.scenario.collapse:
        then = f"less than {record.scenario.collapse}: the pool is gone"
    yield f"Stock {m.stock}; the seats took {sum(m.taken.values())}{outside}; {m.left} left; {then}."
    if m.pool != "healthy":
        yield f"The pool is {m.pool}: it grows back more slowly."
    if deeds := dilemma.did(record).get(m.month):
        yield f"{seats_by(deeds).capitalize()}."
    yield from dilemma.abstained(m.asked)
    if lied := [s for s, r in m.reported.items() if r is not None and r != m.taken.get(s)]:
        yield f"Reported other than taken: {', '.join(lied)}."
    yield from dilemma.carried_out(m, unit)
    yield from dilemma.agreed(m)


def _outcome(record: CommonsRecord) -> Iterator[str]:
    m = record.measures
    yield ending(record)
    if m.get("efficiency") is not None:
        yield (
            f"{number(m.get('total_catch'))} {record.scenario.unit} were taken in all: {number(m['efficiency'])} of "
            f"what the planner expects. Equality {number(m.get('equality'))}, over-use {number(m.get('over_use'))}."
        )
    met = [(0, record.opening.adopted)] if record.opening and record.opening.proposal else []
    votes = met + [(x.month, x.adopted) for x in record.months if x.proposal]
    yield from dilemma.outcome(record, "month", record.months, votes)
    yield baselines(record)


def _measures(record: CommonsRecord) -> tuple[tuple[str, tuple[tuple[str, float | None], ...]], ...]:
    return tuple(dilemma.measures(record, MEASURES))


def _series(record: CommonsRecord) -> dict[str, tuple[float | None, ...]]:
    """By month: the stock before the harvest and what was left of it, what each seat took, what outsiders took; the law
    in force and how often it bit."""
    lines: dict[str, tuple[float | None, ...]] = {
        "stock": tuple(float(m.stock) for m in record.months),
        "left": tuple(float(m.left) for m in record.months),
    }
    for at in record.seats:
        lines[f"taken:{at.seat}"] = tuple(_number(m.taken.get(at.seat)) for m in record.months)
    if any(m.outside for m in record.months):
        lines["outside"] = tuple(float(m.outside) for m in record.months)
    return lines | dilemma.law_lines(record.months)
