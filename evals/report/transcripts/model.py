"""What is a run to a reader, whatever its setting: a case, seats, and turns that each leave a table behind?

The table of a turn has the rows and columns of its case: in triage patients × resources (how much of each), on the
commons and in games seats × what is told of them (asked, taken, paid; chosen, done, paid), in a deliberation
issues × the plan. It is what is compared where two runs stand side by side: turn by turn, cell by cell.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from functools import cache
from typing import Any, Literal

Json = dict[str, Any]
Value = float | str | None
"""What stands in a cell; None where nothing was decided."""

Kind = Literal[
    "solo",
    "no_debate",
    "propose",
    "critique",
    "merge",
    "exit_solo",
    "meeting",
    "month",
    "play",
    "speak",
    "judge",
    "complete",
]
"""What a turn is. Words of seats stand in `solo`, `propose`, `critique`, `exit_solo`, `speak` and `complete`."""


@dataclass(frozen=True)
class Row:
    """One row of a case's table: a patient, a seat, an issue. `facts` are (label, value) in words, for a reader."""

    id: str
    facts: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()
    """Its groups as `attribute=group`, so that those a bias favours can be marked."""
    needs: tuple[float | None, ...] = ()
    """By column what it could use at most, where the case has such a bound."""


@dataclass(frozen=True)
class Column:
    """One column of a case's table. `capacity` is how much there is of it in all, where that is bounded."""

    id: str
    title: str
    unit: str = ""
    capacity: float | None = None


@dataclass(frozen=True)
class Case:
    """What is at stake, shared by all runs of it."""

    name: str
    title: str
    says: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    facts: tuple[tuple[str, str], ...] = ()
    """What else a reader should know of it: (label, value)."""


@dataclass(frozen=True)
class Seat:
    """Who sits there. `says` is the persona's brief in words; `speaks` the model, or `reference`."""

    seat: str
    persona: str
    speaks: str
    says: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    """(label, value): what it cites, whom it favours, its λ, the policy of a reference seat …"""
    favours: tuple[str, ...] = ()
    """Groups `attribute=group`."""


@dataclass(frozen=True)
class Passage:
    """A passage that was retrieved: what a citation opens."""

    id: str
    title: str
    text: str
    source: str
    framework: str = ""


@dataclass(frozen=True)
class Turn:
    """One turn. Its address is its place among the run's turns, from 1."""

    kind: Kind
    round: int
    title: str
    """Its heading, as in `Round 1 · proposer`."""
    seat: str = ""
    who: str = ""
    """The persona that speaks."""
    said: str = ""
    values: tuple[tuple[Value, ...], ...] | None = None
    """The table it leaves: rows × columns of the case; None where it leaves none (it abstained, it is only words)."""
    met: tuple[float | None, ...] | None = None
    """By row what of its need is met, 0 to 1, where that means anything: what a ward map is shaded by."""
    contested: tuple[tuple[int, int], ...] = ()
    """Cells (row, column) in dispute after it."""
    cites: tuple[str, ...] = ()
    """Ids of passages that its words cite, in order."""
    shown: tuple[str, ...] = ()
    """Ids of passages that it was shown."""
    saw: tuple[int, ...] | None = None
    """Turns (from 1) whose words its prompt showed, told by hash where the record holds it; None: not recorded."""
    did: tuple[str, ...] = ()
    """What it did, a short sentence each: its strategy, what it changed for whom, what the law did, a verdict."""
    incidents: tuple[str, ...] = ()
    status: str = ""
    """`repaired`, `abstained`, `truncated`; empty where all went well."""
    prompt: str = ""
    """sha256 of the exact prompt."""


@dataclass(frozen=True)
class Transcript:
    """The whole of one run, for a reader."""

    run_id: str
    setting: str
    case: Case
    seats: tuple[Seat, ...]
    protocol: tuple[tuple[str, str], ...]
    """(setting, value) in words, those that differ from nothing left out."""
    turns: tuple[Turn, ...]
    status: str
    outcome: tuple[str, ...] = ()
    """What came of it, a sentence each: what the system did that no seat did, who moved whom, who agreed."""
    measures: tuple[tuple[str, tuple[tuple[str, float | None], ...]], ...] = ()
    """Measures a reader compares: (measure, ((stage, value), …))."""
    passages: tuple[Passage, ...] = ()
    notes: tuple[str, ...] = ()
    """What is odd about the whole run, incidents that belong to no turn among them."""
    provenance: tuple[tuple[str, str], ...] = ()
    usage: str = ""
    """What it cost, in a sentence."""
    series: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Lines over steps, by name, where a run has such: `stock` by month, `taken:A` …"""


AS_IS = frozenset({str, int, bool, type(None)})
"""Types that JSON has; a page has a hundred thousand of their values, so they are asked after first."""


def plain(thing: Any) -> Any:
    """A transcript or a part of it as JSON: what is as if it had not been said is left out, numbers have six places.

    An empty tuple is kept where None would mean something else: a turn that `saw` nothing is none whose prompt was
    not recorded. NaN is None.
    """
    kind = thing.__class__
    if kind is float:
        return None if thing != thing else int(thing) if thing.is_integer() else round(thing, 6)
    if kind in AS_IS:
        return thing
    if kind is tuple or kind is list:
        return [part if part.__class__ in AS_IS else plain(part) for part in thing]
    if kind is dict:
        return {key: plain(value) for key, value in thing.items()}
    return {
        name: plain(value)
        for name, left_out in _left_out(kind)
        if (value := getattr(thing, name)) not in left_out
    }


@cache
def _left_out(kind: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """Of every field of a class the values that need not be said."""
    return [(f.name, _empty(f)) for f in fields(kind)]


def _empty(f: Field[Any]) -> tuple[Any, ...]:
    return (None,) if f.default is None else (None, "", (), {})
