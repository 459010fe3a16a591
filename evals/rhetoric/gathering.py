"""Which arguments were made in which debates, and as what are they shown, to a judge and to people alike?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from negotiators.chat.quoting import clean
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from nodes.record import RunRecord

LONGEST = 6_000
"""Characters of an argument that are shown; a chat seat's own are cut at 4,000 before they are recorded."""

NO_CONDITION = {"review"}
"""Settings that make no condition; seeds and replicates are none of `evals.frames.SETTINGS` either."""


@dataclass(frozen=True)
class Argument:
    """What a seat said with one move of a debate. `turn` names it without telling who spoke, or when."""

    turn: str
    run_id: str
    round: int
    seat: str
    persona: str
    cluster: str
    condition: str
    text: str


@dataclass(frozen=True)
class Gathered:
    """All arguments of some runs, and what was left out: moves without words, runs that are invalid."""

    arguments: tuple[Argument, ...]
    silent: int
    invalid: int


@dataclass(frozen=True)
class _Heard:
    """What is kept of one record."""

    run_id: str
    valid: bool
    arguments: tuple[Argument, ...]
    silent: int
    settings: Mapping[str, str]


def shown(text: str) -> str:
    """An argument as judge and people see it: no control or invisible characters, no angle brackets, not endless."""
    return clean(text, LONGEST)


def one_line(text: str) -> str:
    """A text with every run of whitespace as one space: the form in which spans are compared."""
    return " ".join(text.split())


def arguments(where: Iterable[str | Path], conditions: Mapping[str, str] | None = None) -> Gathered:
    """The arguments of every round of the debates that files and folders name, in the order of the records.

    `conditions` names the condition of a run by its id, as an experiment does. Without it the condition of a
    run is made of the settings in which the given runs differ (`opponent=biased-age, strength=1`); it is ''
    where they differ in none. Solos address nobody and are left out; so are runs that are invalid.
    Raises ParleyError as `evals.records` does, and where a run is given twice or nobody said anything.
    """
    from evals.records import each, paths

    heard = list(each(paths(where), _heard))
    twice = next((h.run_id for i, h in enumerate(heard) if h.run_id in {g.run_id for g in heard[:i]}), None)
    if twice is not None:
        raise ParleyError(f"run {twice}: given twice, in different files; name one of them")
    valid = [h for h in heard if h.valid]
    named = conditions or _by_difference(valid)
    found = [replace(a, condition=named.get(h.run_id, "")) for h in valid for a in h.arguments]
    if not found:
        raise ParleyError(f"no argument in {len(heard)} runs: no seat said anything; name other runs")
    return Gathered(tuple(found), sum(h.silent for h in valid), len(heard) - len(valid))


def _heard(record: RunRecord) -> _Heard:
    from evals.frames import SETTINGS

    persona = {s.seat: s.persona.name for s in record.seats}
    ward = record.scenario.name.partition("--twin-")[0]
    moves = [(r.round, move) for r in record.rounds for move in r.moves]
    texts = [shown(move.argument) for _, move in moves]
    found = tuple(
        Argument(
            turn=_turn(record.run_id, round_, move.seat, text),
            run_id=record.run_id,
            round=round_,
            seat=move.seat,
            persona=persona[move.seat],
            cluster=ward,
            condition="",
            text=text,
        )
        for (round_, move), text in zip(moves, texts, strict=True)
        if text
    )
    settings = {k: _told(getattr(record.protocol, k)) for k in (*SETTINGS, "panel", "blind")}
    kept = {k: v for k, v in settings.items() if k not in NO_CONDITION}
    return _Heard(record.run_id, record.status != "invalid", found, texts.count(""), kept)


def _turn(run_id: str, round_: int, seat: str, text: str) -> str:
    """An opaque name. It begins with a letter, or a spreadsheet would read `12345e67` as a number."""
    hashed = hashlib.sha256(f"{run_id}\n{round_}\n{seat}\n{text}".encode()).hexdigest()
    return f"t{hashed[:12]}"


def _told(value: object) -> str:
    return (
        "+".join(map(str, value))
        if isinstance(value, tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _by_difference(heard: list[_Heard]) -> dict[str, str]:
    """Every run's condition: the settings that are not the same in all runs."""
    names = heard[0].settings if heard else {}
    varied = [n for n in names if len({h.settings[n] for h in heard}) > 1]
    return {h.run_id: ", ".join(f"{n}={h.settings[n]}" for n in varied) for h in heard}
