"""What do many records of a dilemma say, as tables: one row a run, one a seat, one a step, one a law?

runs    one row a run: settings, status, measures (`m:NAME`), benchmarks (`b:NAME`), payoffs, incidents, what it cost
seats   one row a seat of a run: its type, its λ, what it claims, its payoffs (`payoff`: net), what it caught
steps   one row a month or round: what was there, asked for, taken, agreed and paid
laws    one row a law that was in force: since when, by whose votes, in which words, how often it bit

Payoffs and welfare are of a whole season, and of a game means over its rounds.
Missing is NaN or None, never 0. Runs that are invalid have a row in `runs` alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evals.frames import counted
from evals.records import SettingName, each, paths

if TYPE_CHECKING:
    import pandas as pd

    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan
    from nodes.commons.record import CommonsRecord, Month
    from nodes.games.record import GameRecord, Play

    DilemmaRecord = CommonsRecord | GameRecord

Row = dict[str, Any]

SELFISH, PROSOCIAL = "selfish", "prosocial"
TYPES = (SELFISH, PROSOCIAL)

APART = ("seed", "replicate", "prosocial", "concerns")
"""Settings that `runs` has otherwise than they stand: as columns of every setting, counted, or joined by +."""


@dataclass(frozen=True)
class Rows:
    """What is kept of one record."""

    run: Row
    seats: list[Row]
    steps: list[Row]
    laws: list[Row]


@dataclass(frozen=True)
class DilemmaFrames:
    """The four tables of one setting, joined by `run_id`."""

    final: ClassVar[str] = "final"

    setting: SettingName
    runs: pd.DataFrame
    seats: pd.DataFrame
    steps: pd.DataFrame
    laws: pd.DataFrame

    def of(self, runs: pd.DataFrame) -> DilemmaFrames:
        """The frames of some runs alone."""
        ids = set(runs["run_id"])
        rest = [t[t["run_id"].isin(ids)] if len(t) else t for t in (self.seats, self.steps, self.laws)]
        return DilemmaFrames(self.setting, runs, *rest)

    @property
    def own(self) -> pd.DataFrame:
        """The complete runs of the study itself."""
        return self.runs[(self.runs["role"] == "study") & (self.runs["status"] == "complete")]


def frames(
    where: Iterable[str | Path],
    setting: SettingName,
    progress: Callable[[int, int], None] | None = None,
) -> DilemmaFrames:
    """The tables of every record of a setting that files and folders name. Raises ParleyError as `evals.records`."""
    files = paths(where)
    kept: list[Rows] = []
    for rows in each(files, rows_of, setting=setting):
        kept.append(rows)
        if progress is not None:
            progress(len(kept), len(files))
    return framed(setting, kept)


def study_frames(
    folder: Folder, plan: Plan, progress: Callable[[int, int], None] | None = None
) -> DilemmaFrames:
    """The tables of every run of a study that has a record, `runs` with what each run was for, a row a use.

    Raises ParleyError where no run of the study has a record yet, or a file holds another run.
    """
    import pandas as pd

    from evals.experiment.tables import rows_of_records, uses_of

    kept = rows_of_records(folder, plan, rows_of, progress)
    made = framed(plan.study.setting, kept)
    uses = uses_of(plan).drop(columns=["twin"])
    return DilemmaFrames(
        made.setting, pd.merge(made.runs, uses, on="run_id", how="left"), made.seats, made.steps, made.laws
    )


def framed(setting: SettingName, kept: Iterable[Rows]) -> DilemmaFrames:
    """Rows as tables."""
    import pandas as pd

    kept = list(kept)
    return DilemmaFrames(
        setting,
        runs=pd.DataFrame([k.run for k in kept]),
        seats=pd.DataFrame([row for k in kept for row in k.seats]),
        steps=pd.DataFrame([row for k in kept for row in k.steps]),
        laws=pd.DataFrame([row for k in kept for row in k.laws], columns=LAW_COLUMNS),
    )


def exported(frames: DilemmaFrames) -> dict[str, pd.DataFrame]:
    """The tables by name, fit to be written: a factor whose values are words and numbers is in words."""
    from evals.dilemmas.strata import told

    runs = frames.runs.copy()
    for column in (c for c in runs.columns if c.startswith("cell:")):
        if runs[column].map(type).nunique() > 1:
            runs[column] = runs[column].map(told)
    return {"runs": runs, "seats": frames.seats, "steps": frames.steps, "laws": frames.laws}


def rows_of(record: DilemmaRecord) -> Rows:
    """The rows of one record."""
    run = _run(record)
    if record.status == "invalid":
        return Rows(run, [], [], [])
    whole = _steps(record)
    return Rows(run, _seats(record), whole, _laws(record))


def degree(concern: float | str) -> float:
    """λ as a number: `infinite` is inf."""
    return math.inf if concern == "infinite" else float(concern)


def _run(record: DilemmaRecord) -> Row:
    protocol = record.protocol
    degrees = [degree(s.persona.concern) for s in record.seats]
    row: Row = {"run_id": record.run_id, "status": record.status, "scenario": record.scenario.name}
    row |= {name: getattr(protocol, name) for name in type(protocol).model_fields if name not in APART}
    row["concern"] = None if protocol.concern is None else degree(protocol.concern)
    row |= {"seed": record.seed, "replicate": record.replicate}
    row |= {"agents": len(record.seats), "prosocial": sum(s.prosocial for s in record.seats)}
    row["lambda"] = degrees[0] if len(set(degrees)) == 1 else None
    if record.setting == "commons":
        season = record.scenario
        row |= {"world": season.world, "regrowth": season.regrowth.kind}
        row |= {"contingencies": season.contingencies.chance, "hidden": season.contingencies.hidden}
        row |= {"months": season.months, "steps": len(record.months), "collapsed": record.collapsed}
        row["early_collapse"] = record.collapsed and len(record.months) < season.months
    else:
        best = [play.best for play in record.plays]
        row |= {"steps": len(best), "best": float(np.mean(best)) if best else None}
    row |= {"laws": len(record.laws), "notes": " / ".join(record.notes)}
    if record.status == "complete":
        row |= {f"m:{name}": value for name, value in record.measures.items()}
    row |= {f"b:{name}": value for name, value in record.benchmarks.items()}
    return row | _paid(record) | counted(record)


def _paid(record: DilemmaRecord) -> Row:
    """Welfare and payoffs by type of a run that is complete; a type that nobody is of has none."""
    if record.payoffs is None or record.status == "invalid":
        return {}
    gross, net = (_a_round(record, p) for p in (record.payoffs.gross, record.payoffs.net))
    row: Row = {"welfare_gross": sum(gross.values()), "welfare_net": sum(net.values())}
    burnt = record.ledger.burnt / _rounds(record)
    row |= {"burnt": burnt, "least": min(net.values())}
    for kind in TYPES:
        of = [net[s.seat] for s in record.seats if s.prosocial == (kind == PROSOCIAL)]
        row[f"payoff:{kind}"] = float(np.mean(of)) if of else None
    return row


def _a_round(record: DilemmaRecord, payoffs: Mapping[str, float]) -> dict[str, float]:
    """Payoffs of a season as they are, of a game as means over its rounds, so that games of any length compare."""
    rounds = _rounds(record)
    return {seat: payoff / rounds for seat, payoff in payoffs.items()}


def _rounds(record: DilemmaRecord) -> int:
    """Over how many rounds payments and payoffs are means: those of a game; a season stands as a whole."""
    return 1 if record.setting == "commons" else max(1, len(record.plays))


def _seats(record: DilemmaRecord) -> list[Row]:
    paid = record.payoffs
    gross, net = ({}, {}) if paid is None else (_a_round(record, p) for p in (paid.gross, paid.net))
    catch: dict[str, int] = {}
    if record.setting == "commons":
        for month in record.months:
            for seat, taken in month.taken.items():
                catch[seat] = catch.get(seat, 0) + taken
    return [
        {
            "run_id": record.run_id,
            "seat": s.seat,
            "type": PROSOCIAL if s.prosocial else SELFISH,
            "lambda": degree(s.persona.concern),
            "persona": s.persona.name,
            "claims": s.claims,
            "model": s.model or s.negotiator,
            "gross": gross.get(s.seat),
            "payoff": net.get(s.seat),
            "catch": catch.get(s.seat),
        }
        for s in record.seats
    ]


def _steps(record: DilemmaRecord) -> list[Row]:
    if record.setting == "commons":
        return [_month(record.run_id, month) for month in record.months]
    return [_play(record.run_id, play) for play in record.plays]


def _month(run_id: str, month: Month) -> Row:
    asked = [a for a in month.asked.values() if a is not None]
    row: Row = {"run_id": run_id, "step": month.month, "stock": month.stock, "event": month.event}
    row |= {"cell": month.cell, "price": month.price}
    row |= {"asked": sum(asked) if len(asked) == len(month.asked) else None}
    row |= {"allowed": sum(month.allowed.values()), "taken": sum(month.taken.values())}
    row |= {"outside": month.outside, "left": month.left, "pool": month.pool, "regrown": month.regrown}
    return row | {"gross": sum(month.worth.values())} | _agreed(month)


def _play(run_id: str, play: Play) -> Row:
    row: Row = {"run_id": run_id, "step": play.round, "state": play.state, "cell": play.cell}
    row |= {"chosen": "/".join(c or "–" for c in play.chosen.values()), "done": "/".join(play.done.values())}
    return row | {"best": play.best, "gross": sum(play.gross.values())} | _agreed(play)


def _agreed(step: Month | Play) -> Row:
    """What was proposed, adopted, carried out and paid in a step."""
    votes = list(step.votes.values())
    return {
        "law": step.law,
        "proposed_by": None if step.proposal is None else step.proposal.by,
        "yes": sum(v is True for v in votes) if votes else None,
        "votes": len(votes) if votes else None,
        "adopted": step.adopted,
        "bites": len(step.bites),
        "problems": len(step.problems),
        "paid": sum(p for p in step.payments.values() if p > 0),
        "burnt": step.burnt,
    }


LAW_COLUMNS = [
    *("run_id", "law", "since", "steps", "by", "yes", "votes", "kinds", "words"),
    *("bites", "bitten_steps", "bitten_seats", "problems"),
]


def _laws(record: DilemmaRecord) -> list[Row]:
    """Laws in the order they came into force, each with the steps it stood and what it did in them."""
    steps: list[Any] = list(record.months if record.setting == "commons" else record.plays)
    rows = []
    for number, law in enumerate(record.laws):
        under = [s for s in steps if s.law == number]
        bites = [b for s in under for b in s.bites]
        contract, votes = law.proposal.contract, law.votes.values()
        kinds = [] if contract is None else [c.kind for c in contract.clauses]
        values = (
            *(record.run_id, number, law.since, len(under), law.proposal.by),
            *(sum(v is True for v in votes), len(votes), "+".join(dict.fromkeys(kinds))),
            *(" / ".join(law.proposal.words), len(bites), sum(bool(s.bites) for s in under)),
            *(len({b.seat for b in bites}), sum(len(s.problems) for s in under)),
        )
        rows.append(dict(zip(LAW_COLUMNS, values, strict=True)))
    return rows
