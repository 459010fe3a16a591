"""What is judged of a deliberation: its dilemma and the plan written down; and which others may it stand beside?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.dilemmas.plan import whole
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from nodes.deliberation.record import DeliberationRecord
    from personas.opposing import Pole
    from scenarios.dilemmas.dilemma import Dilemma, Plan

NO_CONDITION = ("seed", "replicate", "pair", "swap")
"""Settings that make no condition: by these, runs of two conditions are matched."""


@dataclass(frozen=True)
class Outcome:
    """What one deliberation came to. `completion` is None where no plan was written down."""

    run_id: str
    dilemma: Dilemma
    completion: str | None
    plan: Plan
    poles: tuple[Pole, ...]  # as seated
    pair: str
    swap: bool
    seed: int
    replicate: int
    agreed: bool | None  # None where nobody was asked: one agent alone, or a judge that failed
    clauses: bool  # whether a plan line was asked for
    settings: Mapping[str, str]
    condition: str = ""

    @property
    def group(self) -> str:
        """The group that training would compare it within: one dilemma, and its personas as they are seated."""
        return "|".join((self.dilemma.name, self.pair, *(p.name for p in self.poles)))

    @property
    def cluster(self) -> str:
        """The unit of every interval: the dilemma."""
        return self.dilemma.name

    @property
    def matched_by(self) -> tuple[str, str, bool, int, int]:
        """What it has in common with its counterpart of another condition."""
        return self.dilemma.name, self.pair, self.swap, self.seed, self.replicate

    @property
    def words(self) -> int:
        """Words of the plan as written; 0 where there is none."""
        return len((self.completion or "").split())


@dataclass(frozen=True)
class Gathered:
    """The outcomes of some runs, in the order of their files, and how many runs were invalid."""

    outcomes: tuple[Outcome, ...]
    invalid: int

    @property
    def written(self) -> tuple[Outcome, ...]:
        """Those with a plan to judge."""
        return tuple(o for o in self.outcomes if o.completion is not None)


def outcomes_of(records: Iterable[DeliberationRecord]) -> list[Outcome]:
    """What each valid record came to. A completion in which the writer abstained is none."""
    return [o for record in records if (o := _outcome(record)) is not None]


def gather(where: Sequence[str | Path], only: Mapping[str, str] | None = None) -> Gathered:
    """The outcomes of the runs that files and folders name; `only`: of the runs with these settings, as text.

    The condition of a run is made of the settings in which the given runs differ. Raises ParleyError as
    `evals.records` does, for a run given twice, for a setting that no run has, and where none is left.
    """
    from evals.records import each, paths

    read = list(each(paths(where), _outcome, setting="deliberation"))
    kept = [o for o in read if o is not None]
    seen: set[str] = set()
    for o in kept:
        if o.run_id in seen:
            raise ParleyError(f"run {o.run_id}: given twice, in different files; name one of them")
        seen.add(o.run_id)
    for name, value in (only or {}).items():
        known = {o.settings[name] for o in kept if name in o.settings}
        if value not in known:
            there = f"has {', '.join(sorted(known))}" if known else "is no setting of these runs"
            raise ParleyError(f"{name}={value}: no run is like that; {name} {there}")
        kept = [o for o in kept if o.settings[name] == value]
    if not kept:
        raise ParleyError(f"{len(read)} runs, none of them valid: there is nothing to judge; name others")
    return Gathered(tuple(_in_conditions(kept)), len(read) - sum(o is not None for o in read))


def _outcome(record: DeliberationRecord) -> Outcome | None:
    if record.status == "invalid":
        return None
    written = record.completion
    text = written.text.strip() if written is not None and written.status != "abstained" else ""
    plan = written.plan if written is not None and whole(written.plan, record.scenario) else {}
    protocol = record.protocol
    return Outcome(
        run_id=record.run_id,
        dilemma=record.scenario,
        completion=text or None,
        plan=plan,
        poles=tuple(seat.persona for seat in record.seats),
        pair=protocol.pair,
        swap=protocol.swap,
        seed=record.seed,
        replicate=record.replicate,
        agreed=record.agreed,
        clauses=protocol.shows_clauses,
        settings={name: _told(value) for name, value in protocol},
    )


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return "+".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _in_conditions(outcomes: list[Outcome]) -> list[Outcome]:
    """With the condition of each: the settings that are not the same in all."""
    names = [n for n in outcomes[0].settings if n not in NO_CONDITION]
    varied = [n for n in names if len({o.settings[n] for o in outcomes}) > 1]
    return [replace(o, condition=", ".join(f"{n}={o.settings[n]}" for n in varied)) for o in outcomes]
