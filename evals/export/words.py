"""How does a run read as plain text: what is at stake, and what each turn said and left behind?"""

from __future__ import annotations

from collections.abc import Iterator

from evals.report.transcripts.model import Case, Turn, Value

SPOKEN = ("solo", "propose", "critique", "exit_solo", "speak", "complete")
"""Turns in which a seat speaks; in the others the table does: a merge, a month, a play, a verdict."""


def case_in_words(case: Case) -> str:
    """What is at stake: its title, its text, its facts, what there is of what, and a line for every row."""
    lines = [case.title, case.says, *(f"{label}: {value}" for label, value in case.facts)]
    there = [
        f"{c.title}: {amount(c.capacity)} {c.unit}".strip() for c in case.columns if c.capacity is not None
    ]
    if there:
        lines.append(f"There is: {'; '.join(there)}.")
    for row in case.rows:
        needs = [
            f"{c.title} {amount(need)}" for c, need in zip(case.columns, row.needs, strict=False) if need
        ]
        told = [f"{label} {value}" for label, value in row.facts]
        lines.append(
            f"- {row.id}: " + "; ".join([*told, *([f"could use {', '.join(needs)}"] if needs else [])])
        )
    return "\n".join(line for line in lines if line.strip("- :"))


def turn_in_words(turn: Turn, case: Case) -> str:
    """Who speaks, what was said, what it did, the table it leaves, what went wrong; what is empty is left out."""
    who = " · ".join(part for part in (turn.seat, turn.who) if part)
    head = turn.title if not who or who in turn.title else f"{who} — {turn.title}"
    body = [turn.said.strip() or ("" if turn.kind not in SPOKEN else f"({turn.status or 'no words'})")]
    body += list(turn.did)
    body += ["\n".join(left_behind(turn, case))]
    if turn.contested:
        cells = (f"{case.rows[r].id}.{case.columns[c].id}" for r, c in turn.contested)
        body.append(f"Still contested: {', '.join(cells)}")
    body += [f"Incident: {words}" for words in turn.incidents]
    return "\n\n".join([head, *(part for part in body if part)])


def left_behind(turn: Turn, case: Case) -> Iterator[str]:
    """The table of a turn: a line a row, what is None or nothing left out."""
    if turn.values is None:
        return
    empty = True
    for row, values in zip(case.rows, turn.values, strict=True):
        cells = [
            f"{c.title} {amount(v)}"
            for c, v in zip(case.columns, values, strict=True)
            if v is not None and v != 0
        ]
        if cells:
            empty = False
            yield f"{row.id}: {', '.join(cells)}"
    if empty:
        yield "(nothing to anybody)"


def amount(value: Value) -> str:
    """A value as a reader writes it."""
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)
