"""What do many records of deliberations say, as tables: one row a run, one a turn, one a verdict?

runs      one row a run: settings, status, measures (`m:NAME`), benchmarks (`b:NAME`), incidents, what it cost, and
          what judges say of it (`j:NAME`, `won:NAME`), where they were asked
turns     one row an utterance: who, in which round, which strategy, what it changed, how long
verdicts  one row a round: what its judge said

Missing is NaN or None, never 0. Runs that are invalid have a row in `runs` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from evals.frames import counted
from evals.records import SettingName

if TYPE_CHECKING:
    import pandas as pd

    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan
    from nodes.deliberation.record import DeliberationRecord

Row = dict[str, Any]

APART = ("seed", "replicate", "panel", "window")
"""Settings that `runs` has otherwise than they stand: as columns of every setting, or in words."""

TURNS = (
    "run_id",
    "place",
    "round",
    "seat",
    "persona",
    "strategy",
    "delta_own",
    "delta_other",
    "words",
    "clauses",
)
VERDICTS = ("run_id", "round", "kind", "agreed")


@dataclass(frozen=True)
class Rows:
    """What is kept of one record."""

    run: Row
    turns: list[Row]
    verdicts: list[Row]


@dataclass(frozen=True)
class DeliberationFrames:
    """The three tables, joined by `run_id`."""

    final: ClassVar[str] = "final"
    setting: ClassVar[SettingName] = "deliberation"

    runs: pd.DataFrame
    turns: pd.DataFrame
    verdicts: pd.DataFrame

    @property
    def own(self) -> pd.DataFrame:
        """The complete runs of the study itself."""
        return self.runs[(self.runs["role"] == "study") & (self.runs["status"] == "complete")]


def study_frames(
    folder: Folder, plan: Plan, progress: Callable[[int, int], None] | None = None
) -> DeliberationFrames:
    """The tables of every run of a study that has a record, `runs` with what each run was for, a row a use.

    Raises ParleyError where no run of the study has a record yet, or a file holds another run.
    """
    import pandas as pd

    from evals.deliberation.judged import joined
    from evals.experiment.tables import rows_of_records, uses_of

    kept = rows_of_records(folder, plan, rows_of, progress)
    made = framed(kept)
    runs = joined(
        pd.merge(made.runs, uses_of(plan).drop(columns=["twin"]), on="run_id", how="left"), folder.path
    )
    return DeliberationFrames(runs, made.turns, made.verdicts)


def framed(kept: Iterable[Rows]) -> DeliberationFrames:
    """Rows as tables."""
    import pandas as pd

    kept = list(kept)
    return DeliberationFrames(
        runs=pd.DataFrame([k.run for k in kept]),
        turns=pd.DataFrame([row for k in kept for row in k.turns], columns=list(TURNS)),
        verdicts=pd.DataFrame([row for k in kept for row in k.verdicts], columns=list(VERDICTS)),
    )


def exported(frames: DeliberationFrames) -> dict[str, pd.DataFrame]:
    """The tables by name, fit to be written: a factor whose values are words and numbers is in words."""
    from evals.dilemmas.strata import told

    runs = frames.runs.copy()
    for column in (c for c in runs.columns if c.startswith("cell:")):
        if runs[column].map(type).nunique() > 1:
            runs[column] = runs[column].map(told)
    return {"runs": runs, "turns": frames.turns, "verdicts": frames.verdicts}


def rows_of(record: DeliberationRecord) -> Rows:
    """The rows of one record."""
    run = _run(record)
    if record.status == "invalid":
        return Rows(run, [], [])
    return Rows(run, _turns(record), _verdicts(record))


def _run(record: DeliberationRecord) -> Row:
    protocol, dilemma = record.protocol, record.scenario
    row: Row = {"run_id": record.run_id, "status": record.status, "scenario": dilemma.name}
    row |= {"theme": dilemma.theme, "stratum": dilemma.stratum, "held_out": dilemma.held_out}
    row |= {name: getattr(protocol, name) for name in type(protocol).model_fields if name not in APART}
    row |= {"window": str(protocol.window), "panel": "+".join(protocol.panel)}
    row |= {"seed": record.seed, "replicate": record.replicate, "judge": protocol.judging}
    row |= {"last_verdict": record.verdicts[-1].kind if record.verdicts else None}
    if record.status == "complete":
        row |= {f"m:{name}": value for name, value in record.measures.items()}
    row |= {f"b:{name}": value for name, value in record.benchmarks.items()}
    row |= counted(record)
    row["incidents:abstained"] = sum(i.kind == "abstained" and i.seat != "judge" for i in record.incidents)
    return row | {"incidents:unjudged": sum(v.kind is None for v in record.verdicts)}


def _turns(record: DeliberationRecord) -> list[Row]:
    told = {(e.round, e.seat): e for e in record.edges if e.source in ("speak", "mediate")}
    rows = []
    for place, said in enumerate(record.dialogue):
        edge = told.get((said.round, said.seat))
        values = (
            *(record.run_id, place, said.round, said.seat, edge and edge.persona, edge and edge.strategy),
            *(edge and edge.delta_own, edge and edge.delta_other),
            *(len(said.text.split()) if said.text else None, len(said.plan)),
        )
        rows.append(dict(zip(TURNS, values, strict=True)))
    return rows


def _verdicts(record: DeliberationRecord) -> list[Row]:
    return [
        dict(zip(VERDICTS, (record.run_id, v.round, v.kind, v.agreed), strict=True)) for v in record.verdicts
    ]
