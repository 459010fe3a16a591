"""What came of a study, as tables: records joined with what each run was for; how far it has got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from evals.experiment.ledger import DONE, Folder, entries, standings
from evals.experiment.plan import Plan, Run, planned
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

    from evals.experiment.study import Study
    from evals.findings.contrasts import AnyFrames
    from evals.frames import Frames, Rows
    from nodes.record import RunRecord

Json = dict[str, Any]


def study_frames(
    folder: Path | Folder,
    study: Study | Plan,
    *,
    rows: Callable[[RunRecord], Rows] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Frames:
    """The tables of every run of a study that has a record, with what each run was for.

    `runs` gets role, condition, control (the listed condition's name, "" in the cross), cluster, twin, policy
    and `cell:FACTOR`; a run that serves several uses has a row for each. `stages` and `patients` have each run
    once. `rows` makes the rows of a record (a function of a module), `evals.frames.rows_of` if not given.
    Raises ParleyError where no run of the study has a record yet.
    """
    import pandas as pd

    from evals.frames import Frames, framed, rows_of
    from evals.records import each

    plan = study if isinstance(study, Plan) else planned(study)
    where = folder if isinstance(folder, Folder) else Folder(Path(folder))
    files = record_paths(where, plan)
    kept = []
    for path, found in zip(files, each(files, rows or rows_of), strict=True):
        if found.run["run_id"] != path.stem:
            raise ParleyError(f"{path}: holds run {found.run['run_id']}; remove it, and run the study again")
        kept.append(found)
        if progress is not None:
            progress(len(kept), len(files))
    made = framed(kept)
    told = made.runs.drop(columns=["cluster", "twin"], errors="ignore")
    return Frames(pd.merge(told, uses_of(plan), on="run_id", how="left"), made.stages, made.patients)


def record_paths(folder: Path | Folder, plan: Plan) -> list[Path]:
    """The records of a plan's runs, in the order planned. Raises ParleyError where there is none."""
    where = folder if isinstance(folder, Folder) else Folder(Path(folder))
    there = where.recorded()
    found = [where.record(run_id) for run_id in plan.runs if run_id in there]
    if not found:
        raise ParleyError(
            f"{where.records}: no run of study {plan.study.name} is recorded there; run it, or name its --out"
        )
    return found


class Kept(Protocol):
    """What is kept of one record; its `run` is the row of the run."""

    @property
    def run(self) -> dict[str, Any]:
        """The run's own row, `run_id` in it."""
        ...


K = TypeVar("K", bound=Kept)


def rows_of_records(
    folder: Path | Folder,
    plan: Plan,
    rows_of: Callable[[Any], K],
    progress: Callable[[int, int], None] | None = None,
) -> list[K]:
    """What `rows_of` keeps of every record of a plan's runs, in the order planned.

    Raises ParleyError where there is none, or a file holds another run than it is named for.
    """
    from evals.records import each

    files, kept = record_paths(folder, plan), list[K]()
    for path, found in zip(files, each(files, rows_of, setting=plan.study.setting), strict=True):
        if found.run["run_id"] != path.stem:
            raise ParleyError(f"{path}: holds run {found.run['run_id']}; remove it, and run the study again")
        kept.append(found)
        if progress is not None:
            progress(len(kept), len(files))
    return kept


def uses_of(plan: Plan) -> pd.DataFrame:
    """One row a use of a run: run_id, role, condition, control, cluster, twin, policy, cell:FACTOR."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "run_id": run.run_id,
                "role": use.role,
                "condition": use.condition,
                "control": use.control,
                "cluster": use.cluster,
                "twin": use.twin,
                "policy": use.policy,
            }
            | {f"cell:{factor}": value for factor, value in use.cell}
            for run in plan.runs.values()
            for use in run.uses
        ]
    )


def export(
    folder: Path | Folder, plan: Plan, progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """The tables of a study as Parquet and CSV under `tables/`; the files written.

    Of debates runs, stages, patients and edges; of commons and games runs, seats, steps and laws; of deliberations
    runs, turns and verdicts.
    """
    where = folder if isinstance(folder, Folder) else Folder(Path(folder))
    out = []
    named = _named(where, plan, progress)
    try:
        (where.path / "tables").mkdir(parents=True, exist_ok=True)
        for name, frame in named.items():
            path = where.path / "tables" / name
            frame.to_csv(path.with_suffix(".csv"), index=False)
            frame.to_parquet(path.with_suffix(".parquet"), index=False)
            out += [path.with_suffix(".parquet"), path.with_suffix(".csv")]
    except OSError as error:
        raise ParleyError(
            f"{where.path}: cannot write ({error.strerror}); name a folder with --out"
        ) from None
    return out


def _named(where: Folder, plan: Plan, progress: Callable[[int, int], None] | None) -> dict[str, pd.DataFrame]:
    """The tables to be exported, by name."""
    if plan.study.setting == "triage":
        made: Any = study_frames(where, plan, progress=progress)
    elif plan.study.setting == "deliberation":
        from evals.deliberation import frames as deliberations

        made = deliberations.study_frames(where, plan, progress)
    else:
        from evals.dilemmas import frames as dilemmas

        made = dilemmas.study_frames(where, plan, progress)
    return named_tables(made, record_paths(where, plan))


def named_tables(frames: AnyFrames, files: Sequence[Path]) -> dict[str, pd.DataFrame]:
    """The frames of a setting as tables by name, fit to be written; of debates their edges too, read off `files`."""
    from evals.frames import Frames

    if isinstance(frames, Frames):
        from evals.edges import from_records

        named = {"runs": frames.runs, "stages": frames.stages, "patients": frames.patients}
        return named | {"edges": from_records(files)}
    if frames.setting == "deliberation":
        from evals.deliberation.frames import exported as of_dialogues

        return of_dialogues(frames)  # type: ignore[arg-type]
    from evals.dilemmas.frames import exported as of_dilemmas

    return of_dilemmas(frames)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Status:
    """How far a study has got. Runs are counted once; a condition counts every run that serves it."""

    runs: dict[str, int]  # complete, invalid, failed, missing
    by_condition: dict[str, dict[str, int]]
    failures: dict[str, int]  # why runs failed -> how many
    calls: int
    tokens: int
    cost_usd: float | None  # None: a price is not known
    seconds_left: float | None  # at the pace of the last session; None: not known
    frozen: list[str]
    standing: dict[str, str]


def status(folder: Folder, plan: Plan) -> Status:
    """How far a study has got, what it has cost, and how its numbers will stand."""
    from evals.experiment.freezing import standing, versions_of
    from evals.experiment.running import count_earlier
    from negotiators.chat.cost import load_prices, price_of
    from negotiators.chat.pacing import Budget

    known, there = standings(folder), folder.recorded()

    def state(run: Run) -> str:
        at = known.get(run.run_id)
        if run.run_id in there:
            return at.event if at is not None and at.event in DONE else "complete"
        return "failed" if at is not None and at.event == "failed" else "missing"

    states = {run_id: state(run) for run_id, run in plan.runs.items()}
    by_condition: dict[str, Counter[str]] = {name: Counter() for name in plan.conditions}
    for run_id, run in plan.runs.items():
        for condition in dict.fromkeys(use.condition for use in run.uses):
            by_condition[condition][states[run_id]] += 1
    runs = Counter(states.values())
    budget = Budget(prices=load_prices() if plan.models else {})
    count_earlier(plan, folder, budget)
    priced = all(price_of(m, budget.prices) is not None for m in plan.models)
    return Status(
        runs={name: runs[name] for name in (*DONE, "failed", "missing")},
        by_condition={name: dict(counts) for name, counts in by_condition.items()},
        failures=dict(Counter(known[r].reason for r, s in states.items() if s == "failed").most_common(5)),
        calls=budget.calls,
        tokens=budget.spent_tokens,
        cost_usd=budget.spent_usd if priced else None,
        seconds_left=_seconds_left(folder, runs["failed"] + runs["missing"]),
        frozen=[f"{v['at'][:16]} {v['sha256'][:12]} {v['reason']}".strip() for v in versions_of(folder)],
        standing=standing(folder, plan.study),
    )


def _seconds_left(folder: Folder, missing: int) -> float | None:
    """Runs missing over runs a second, from the first to the last end of the last session."""
    ends: list[float] = []
    for entry in entries(folder):
        if entry["event"] == "session":
            ends = []
        elif entry["event"] in DONE and not entry.get("found"):
            ends.append(datetime.fromisoformat(entry["at"]).timestamp())
    if not missing:
        return 0.0
    took = ends[-1] - ends[0] if len(ends) > 2 else 0.0
    return missing * took / (len(ends) - 1) if took > 0 else None
