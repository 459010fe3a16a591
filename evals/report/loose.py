"""How are records of no study made a source of a report: their conditions are the settings in which they differ?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.findings.section import ALL, Section, Shown
from evals.report.source import QUESTION, Source, Tell, counts, speakers

if TYPE_CHECKING:
    import pandas as pd

    from evals.experiment.study import Study
    from evals.findings.contrasts import AnyFrames
    from evals.records import SettingName

Json = dict[str, Any]

NOT_FACTORS = ("seed", "replicate", "review")
"""Settings that tell runs of one condition apart, or nothing."""


def of_records(where: Sequence[str], tell: Tell, quick: bool = False) -> list[Source]:
    """Records that files and folders name, a source a setting. Raises ParleyError as `evals.records` does."""
    from evals.records import SETTINGS, each, paths

    tell("reading records")
    files = paths(where)
    kept = list(each(files, _kept, setting=None))
    out = []
    for setting in SETTINGS:
        mine = [(f, k) for f, k in zip(files, kept, strict=True) if k.told["setting"] == setting]
        if mine:
            out.append(_of_setting(setting, [f for f, _ in mine], [k for _, k in mine], tell, quick))
    return out


@dataclass(frozen=True)
class Kept:
    """What is kept of one record: what says which condition it is of, and its rows of the frames."""

    told: Json
    rows: Any


def _kept(record: Any) -> Kept:
    return Kept(told_of(record), rows_of(record))


def rows_of(record: Any) -> Any:
    """The rows of a record of any setting; `run` is the run's own."""
    if record.setting == "triage":
        from evals.frames import rows_of
    elif record.setting == "deliberation":
        from evals.deliberation.frames import rows_of  # type: ignore[assignment]
    else:
        from evals.dilemmas.frames import rows_of  # type: ignore[assignment]
    return rows_of(record)


def told_of(record: Any) -> Json:
    """What of a record says which condition it is of."""
    scenario = record.scenario.name
    return {
        "run_id": record.run_id,
        "setting": record.setting,
        "status": record.status,
        "cluster": scenario.partition("--twin-")[0] + _world(record),
        "twin": scenario.partition("--twin-")[2],
        "protocol": record.protocol.model_dump(mode="json"),
        "models": [s.model for s in record.seats if s.model],
    }


def _world(record: Any) -> str:
    """What tells the worlds of one commons apart: runs in two of them are no reruns of each other."""
    return f",world={record.scenario.world}" if record.setting == "commons" else ""


def _of_setting(setting: SettingName, files: list[Path], kept: list[Kept], tell: Tell, quick: bool) -> Source:
    from evals.report.pictures import pictures

    told = [k.told for k in kept]
    study = as_study(setting, told)
    frames = _framed(setting, [k.rows for k in kept], uses_of(study, told))
    models = list(dict.fromkeys(m for t in told for m in t["models"]))
    head = _account(frames.runs, study, models)
    source = Source(
        name=f"{setting} runs",
        question=QUESTION,
        setting=setting,
        unit=study.unit,
        negotiators=speakers(models, setting),
        sections=[head] if quick else [head, *_measured(study, frames, files, not models, tell)],
        files=files,
        frames=frames,
    )
    return source if quick else pictures(source, tell)


def as_study(setting: SettingName, told: Sequence[Json]) -> Study:
    """A study of no hypothesis whose factors are the settings that differ among the records."""
    from evals.experiment.study import Study, label

    fields = [f for f in told[0]["protocol"] if f not in NOT_FACTORS]
    factors = {}
    for name in fields:
        values = {label(t["protocol"].get(name)): t["protocol"].get(name) for t in told}
        if len(values) > 1:
            factors[name] = tuple(values.values())
    return Study.model_construct(
        name=f"{setting}-runs",
        question=QUESTION,
        setting=setting,
        wards=tuple(dict.fromkeys(t["cluster"] for t in told)),
        factors=factors,
    )


def uses_of(study: Study, told: Sequence[Json]) -> list[Json]:
    """What each run is for: its condition, as `evals.experiment.tables.uses_of` says it of a plan."""
    from evals.experiment.study import label

    rows = []
    for t in told:
        cell = {f: t["protocol"].get(f) for f in study.factors}
        plain = {f: label(v) if isinstance(v, list | tuple) else v for f, v in cell.items()}
        rows.append(
            {
                "run_id": t["run_id"],
                "role": "twin" if t["twin"] else "study",
                "condition": study.named(cell),
                "control": "",
                "cluster": t["cluster"],
                "twin": t["twin"],
                "policy": "",
            }
            | {f"cell:{f}": v for f, v in plain.items()}
        )
    return rows


def _framed(setting: SettingName, rows: list[Any], uses: list[Json]) -> AnyFrames:
    """The frames of a setting joined with what each run is for."""
    import pandas as pd

    def joined(runs: pd.DataFrame) -> pd.DataFrame:
        kept = runs.drop(
            columns=["cluster", "twin", "role", "condition", "control", "policy"], errors="ignore"
        )
        return pd.merge(kept, pd.DataFrame(uses), on="run_id", how="left")

    if setting == "triage":
        from evals.frames import Frames, framed

        f = framed(rows)
        return Frames(joined(f.runs), f.stages, f.patients)
    if setting == "deliberation":
        from evals.deliberation import frames as deliberations

        d = deliberations.framed(rows)
        return deliberations.DeliberationFrames(joined(d.runs), d.turns, d.verdicts)
    from evals.dilemmas import frames as dilemmas

    g = dilemmas.framed(setting, rows)
    return dilemmas.DilemmaFrames(setting, joined(g.runs), g.seats, g.steps, g.laws)


def _measured(
    study: Study, frames: Any, files: list[Path], reference_only: bool, tell: Tell
) -> list[Section]:
    """What is measured of any runs of a setting."""
    if study.setting == "triage":
        from evals.findings import report as debates
        from evals.findings.account import limits
        from evals.findings.section import Findings

        f = Findings(study, frames, files, reference_only)
        return [*debates.measured(f, tell), limits(f)]
    if study.setting == "deliberation":
        from evals.deliberation import report as dialogues
        from evals.deliberation.account import limits as of_dialogues
        from evals.deliberation.gathered import Gathered

        d = Gathered(study, frames, reference_only)
        return [*dialogues.measured(d, files[0].parent.parent, tell), of_dialogues(d)]
    from evals.dilemmas import report as dilemmas
    from evals.dilemmas.account import limits as of_dilemmas
    from evals.dilemmas.gathered import Gathered as GatheredDilemmas

    g = GatheredDilemmas(study, frames, reference_only)
    return [*dilemmas.measured(g, tell), of_dilemmas(g)]


def _account(runs: pd.DataFrame, study: Study, models: list[str]) -> Section:
    """What ran: so many of each condition."""
    from evals.findings.account import dates, incidents

    varied = ", ".join(study.factors) or "nothing: every run was set alike"
    says = [
        speakers(models, study.setting),
        counts(runs),
        f"These records belong to no study: nothing was asked of them ahead, so every number is exploratory. They "
        f"differ in {varied}.",
        dates(runs),
    ]
    rows = [
        [str(c), str(len(g)), str(g["cluster"].nunique()), str(int((g["status"] != "complete").sum()))]
        for c, g in runs.groupby("condition", sort=False)
    ]
    shown = Shown("Runs by condition", ["condition", "runs", f"{study.unit}s", "invalid"], rows)
    return Section(
        "What ran", [s for s in says if s], {"incidents": incidents(runs), "runs": runs}, [shown], behind=ALL
    )
