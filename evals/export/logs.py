"""How are runs written as logs of inspect_ai: a log a condition, a sample a run, its turns as messages?

A run's outcomes are scores; what is undefined has none. A log has the runs of one condition in one role: the study's
own, twins, reruns, … A run that serves several conditions stands in the log of each. Logs of the same runs are the
same, byte order of the archive and its times apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.export.sample import NEVER, Told, model_name, sample, sum_of
from evals.report.document.parts import slug
from evals.report.index import ROLES, outcomes_of, uses
from evals.report.source import Source

if TYPE_CHECKING:
    import pandas as pd
    from inspect_ai.log import EvalLog, EvalSample

Json = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """The runs of one log."""

    source: Source
    condition: str
    role: str
    rows: list[Json]
    """Of the index, a run each, with its outcomes `o:NAME` and its settings `cell:FACTOR`."""
    files: list[Path]


def write(made: Sequence[Source], out: Path, progress: Callable[[int, int], None]) -> list[Path]:
    """A log `TIME_TASK_ID.eval` a source, condition and role; the files written."""
    from inspect_ai.log import write_eval_log

    groups = [group for source in made for group in _groups(source)]
    of, done, written = sum(len(g.rows) for g in groups), 0, []
    for group in groups:
        samples: list[EvalSample] = []
        told: list[Told] = []
        for row, path in zip(group.rows, group.files, strict=True):
            one, about = sample(row, path, group.source.setting)
            samples.append(one)
            told.append(about)
            done += 1
            progress(done, of)
        log = _log(group, samples, told)
        name = (
            f"{log.eval.created[:19].replace(':', '-')}+00-00_{slug(log.eval.task)[:80]}_{log.eval.task_id}"
        )
        written.append(out / f"{name}.eval")
        write_eval_log(log, str(written[-1]))
    return written


def _groups(source: Source) -> Iterator[Group]:
    """The logs that a source makes, in the order its conditions were planned."""
    assert source.frames is not None
    table = _with_cells(uses(source), source.frames.runs)
    files = {path.stem: path for path in source.files}
    for (role, condition), rows in table.groupby(["role", "condition"], sort=False):
        once = rows.drop_duplicates("id").to_dict("records")
        yield Group(source, str(condition), str(role), once, [files[row["id"]] for row in once])


def _with_cells(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    cells = [c for c in runs.columns if c.startswith("cell:")]
    keys = ["run_id", "role", "condition", "policy"]
    return table.join(runs.drop_duplicates(keys)[cells])


def _log(group: Group, samples: list[EvalSample], told: list[Told]) -> EvalLog:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalResults, EvalSpec, EvalStats
    from inspect_ai.model import ModelConfig

    from nodes.record import digest

    source = group.source
    about = "" if group.role == "study" else f" ({ROLES.get(group.role, group.role)})"
    name = digest([source.name, group.condition, group.role])[:22]
    at = sorted(t.recorded_at for t in told if t.recorded_at)
    seats = {seat: model for t in told for seat, model in t.models.items()}
    spoken = [m for m in seats.values() if not m.startswith("reference/")]
    cells = {c.removeprefix("cell:"): _plain(v) for c, v in group.rows[0].items() if c.startswith("cell:")}
    spec = EvalSpec(
        eval_id=name,
        run_id=digest(source.name)[:22],
        task_id=name,
        created=at[0] if at else NEVER,
        task=f"{source.setting}: {group.condition}{about}",
        task_args={c: v for c, v in cells.items() if v is not None},
        task_description=source.question,
        dataset=EvalDataset(
            name=f"{source.name}, {source.unit}s",
            samples=len(samples),
            sample_ids=[str(s.id) for s in samples],
        ),
        model=next(iter(spoken), model_name("reference", source.setting)),
        model_roles={seat: ModelConfig(model=model) for seat, model in seats.items()},
        config=EvalConfig(epochs=1),
        packages=told[0].versions,
        metadata={
            "source": source.name,
            "condition": group.condition,
            "role": group.role,
            "negotiators": source.negotiators,
            "intervals": f"none here: runs of one {source.unit} are no independent samples; see the report",
        },
    )
    complete = sum(s.error is None for s in samples)
    results = EvalResults(
        total_samples=len(samples), completed_samples=complete, scores=_means(group, complete)
    )
    used = sum_of([s.model_usage for s in samples])
    stats = EvalStats(completed_at=at[-1] if at else "", model_usage=used)
    return EvalLog(status="success", eval=spec, results=results, stats=stats, samples=samples)


def _means(group: Group, complete: int) -> list[Any]:
    """Of every outcome the mean over the runs that have it; no error of it, for runs of one case hang together."""
    from inspect_ai.log import EvalMetric, EvalScore

    out = []
    for outcome in outcomes_of(group.source.setting):
        name = outcome["name"]
        values = [v for row in group.rows if (v := _plain(row.get(f"o:{name}"))) is not None]
        if not values:
            continue
        mean = EvalMetric(name="mean", value=sum(values) / len(values))
        says = {key: outcome[key] for key in ("says", "unit", "better", "low", "high")}
        out.append(
            EvalScore(
                name=name,
                scorer=name,
                scored_samples=len(values),
                unscored_samples=len(group.rows) - len(values),
                metrics={"mean": mean},
                metadata=says,
            )
        )
    return out


def _plain(value: Any) -> Any:
    """A cell of a table as plain data; None for what is missing."""
    if value is None or value != value:
        return None
    return value.item() if hasattr(value, "item") else value
