"""What do a season and a game tell alike: seats and their concerns, the law and where it bit, votes, payments?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evals.report.transcripts.alike import bounded, listed, policy, spaced, spoken, voted
from evals.report.transcripts.model import Seat
from graphs.pages.dilemma import laws, number

if TYPE_CHECKING:
    from nodes.commons.record import CommonsRecord, Meeting, Month
    from nodes.dilemma.record import Bite, DilemmaRecord, DilemmaSeat
    from nodes.games.record import GameRecord, Play

Measures = Iterator[tuple[str, tuple[tuple[str, float | None], ...]]]

INVALID = "This run is invalid: a seat made no valid move at all. It is counted apart."

STOPPED = ("cap", "quota", "override")
"""Kinds of clause that change what a seat does; every other one changes what it is paid."""


def seat(at: DilemmaSeat) -> Seat:
    """A seat with its concern, what it claims to be, and how it plays."""
    degree = "infinite" if at.persona.concern == "infinite" else number(float(at.persona.concern))
    facts = (
        ("concern λ", degree),
        ("type", "prosocial" if at.prosocial else "selfish"),
        ("claims to be", at.claims or ""),
        ("policy", policy(at.policy)),
        ("served by", at.server or ""),
        ("source", at.persona.source),
    )
    return Seat(
        seat=at.seat,
        persona=at.persona.name,
        speaks=at.model or at.negotiator,
        says=at.persona.says,
        facts=tuple((label, value) for label, value in facts if value),
    )


def words(record: DilemmaRecord, step: Meeting | Month | Play) -> str:
    """What the seats said in a step, a paragraph a seat."""
    return spoken(step.said, {s.seat: s.persona.name for s in record.seats})


def agreed(step: Meeting | Month | Play) -> Iterator[str]:
    """What was proposed in a step, in words, and how everybody voted."""
    if step.proposal is None:
        return
    yield f"{step.proposal.by} proposes: {bounded(' '.join(step.proposal.words))}"
    if step.votes:
        yield voted(step.votes, step.adopted)


def carried_out(step: Month | Play, unit: str) -> Iterator[str]:
    """What the law in force did to a step: where it bit, what it could not do, who paid."""
    if step.law is not None:
        bit = "" if step.bites or step.problems else "; it changed nothing"
        yield f"Law #{step.law + 1} is in force{bit}."
    yield from (bite(b, unit) for b in step.bites)
    yield from (f"Could not be carried out: {problem}" for problem in step.problems)
    yield from paid(step.payments, step.burnt)


def law_lines(steps: Sequence[Month | Play]) -> dict[str, tuple[float | None, ...]]:
    """By step: the law in force (from 1; None while there is none) and how often it bit; {} where none ever was."""
    if all(step.law is None for step in steps):
        return {}
    law = tuple(None if step.law is None else step.law + 1.0 for step in steps)
    return {"law": law, "bites": tuple(float(len(step.bites)) for step in steps)}


def paid(payments: Mapping[str, float], burnt: float = 0.0) -> Iterator[str]:
    """Payments in words; a seat that is paid nothing is left out."""
    if told := [f"{s} {_gain(v)}" for s, v in payments.items() if v]:
        yield f"Payments: {', '.join(told)}{f'; {number(burnt)} burnt' if burnt else ''}."


def bite(b: Bite, unit: str) -> str:
    """Where a clause made a difference: whom it stopped, changed or charged."""
    clause = f"Clause {b.clause} ({b.kind})" if b.clause else f"The law ({b.kind})"
    if b.kind in STOPPED:
        return f"{clause} takes {b.seat} from {_amount(b.before)} to {_amount(b.after)}{unit and f' {unit}'}."
    if isinstance(b.after, int | float) and b.after:
        return f"{clause} {'pays' if b.after > 0 else 'charges'} {b.seat} {number(abs(b.after))}."
    return f"{clause} warns {b.seat}."


def _amount(value: float | str | None) -> str:
    return value if isinstance(value, str) else number(value)


def _gain(value: float) -> str:
    return number(value) if value < 0 else f"+{number(value)}"


def outcome(
    record: CommonsRecord | GameRecord,
    step: str,
    steps: Sequence[Month | Play],
    votes: Sequence[tuple[int, bool]],
) -> Iterator[str]:
    """What everybody ended up with, and every law that was in force: since when, by whose votes, how often it bit."""
    if record.payoffs is not None:
        net = ", ".join(f"{s} {number(v)}" for s, v in record.payoffs.net.items())
        yield f"Net payoffs: {net}, {number(sum(record.payoffs.net.values()))} in all."
        if burnt := record.ledger.burnt:
            yield f"{number(burnt)} was burnt: fines that nobody received."
    m = record.measures
    if m.get("advantage") is not None:
        yield (
            f"Mean net: prosocial {number(m.get('payoff_prosocial'))}, selfish {number(m.get('payoff_selfish'))}; "
            f"selfish less prosocial: {number(m['advantage'])}."
        )
    told: Any = laws(record, step, [s.bites for s in steps], votes)
    yield from _paragraphs([line.plain for line in told.renderables])


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Lines of which those that are set in belong to the one before them, a paragraph each."""
    told: list[str] = []
    for line in lines:
        if line.startswith(" ") and told:
            told[-1] += f" {line.strip()}"
        else:
            told.append(f"Law {line}" if line.startswith("#") else line)
    yield from map(bounded, told)


def measures(record: DilemmaRecord, named: Sequence[tuple[str, str, str]]) -> Measures:
    """What was measured at the end, and the exact baselines; measures in the words of the page of a terminal."""
    titles = {key: name for key, name, _ in named}
    for key, value in record.measures.items():
        yield titles.get(key, spaced(key)), (("final", value),)
    for key, value in record.benchmarks.items():
        yield f"baseline: {spaced(key)}", (("baseline", value),)


def did(record: DilemmaRecord) -> dict[int, dict[str, str]]:
    """step -> seat -> what its deed was: over-use or restraint, cooperation or defection."""
    out: dict[int, dict[str, str]] = {}
    for e in record.edges:
        if e.source in ("harvest", "act") and e.seat is not None and e.strategy:
            out.setdefault(e.round, {})[e.seat] = e.strategy
    return out


def abstained(asked: Mapping[str, object]) -> Iterator[str]:
    """Who said nothing usable, so that what it did last stands."""
    if silent := [s for s, what in asked.items() if what is None]:
        yield f"Abstained, so that what it did last stands: {listed(silent, 12)}."


def notes(record: DilemmaRecord) -> Iterator[str]:
    """That a run is invalid, and what the exact play of its seats rests on."""
    if record.status == "invalid":
        yield INVALID
    yield from (f"Exact play: {note}" for note in record.notes)
