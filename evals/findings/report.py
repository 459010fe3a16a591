"""What did a study find: every section of it, made from its records and its plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evals.findings.contrasts import contrasts
from evals.findings.section import EXPLORATORY, SEED, Findings, Section

if TYPE_CHECKING:
    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan
    from evals.frames import Frames

Tell = Callable[[str], None]
"""Told, in a few words, what is being worked out."""


NOTHING = "Nothing: no run of the study itself is complete, so neither fairness, the system nor strategy is measured."


def gathered(folder: Folder, plan: Plan, tell: Tell) -> Findings:
    """The study's records as tables, joined with its plan. Raises ParleyError where none is recorded."""
    from evals.experiment.tables import record_paths, study_frames
    from evals.fairness.standards import restated

    tell("reading records")
    files = record_paths(folder, plan)
    frames = study_frames(folder, plan)
    if plan.study.thresholds:
        frames = restated(frames, files, plan.study.thresholds)
    return Findings(plan.study, frames, files, reference_only=not plan.models)


def sections(f: Findings, folder: Folder, plan: Plan, tell: Tell) -> list[Section]:
    """Every section, in the order they are read."""
    from evals.experiment.freezing import standing
    from evals.findings.account import account, limits, sceptic
    from evals.findings.verdicts import verdicts

    tell("testing hypotheses")
    stood = standing(folder, f.study)
    found = contrasts(_bounded(f), f.study.hypotheses, np.random.default_rng(SEED))
    head = [account(f, folder, plan), verdicts(found, stood)]
    return [*head, *measured(f, tell), sceptic(f, found, stood), limits(f)]


def measured(f: Findings, tell: Tell) -> list[Section]:
    """What was measured of the runs, whether or not anything was asked of them ahead."""
    from evals.findings.bias import bias
    from evals.findings.fairness import fairness
    from evals.findings.pull import pull
    from evals.findings.strategy import strategy
    from evals.findings.system import system

    parts: Sequence[tuple[str, Callable[[Findings], list[Section]]]] = (
        ("fairness", fairness),
        ("bias", bias),
        ("the attribute's pull", pull),
        ("the system", system),
        ("strategy", strategy),
    )
    own = f.frames.runs[f.frames.runs["role"] == "study"]
    if not (own["status"] == "complete").any():
        return [Section("What can be told of the runs", [NOTHING])]
    out = []
    for name, part in parts:
        tell(f"measuring {name}")
        out += [_marked(section) for section in part(f)]
    return out


def _marked(section: Section) -> Section:
    """A section of which no frozen hypothesis names a number, marked as what it is."""
    return replace(section, says=[*section.says, EXPLORATORY])


def _bounded(f: Findings) -> Frames:
    """The frames with an oracle, lotteries and mixtures, for the runs and nulls of hypotheses that ask for them."""
    from evals.bounds import with_bounds
    from evals.fairness.standards import restated
    from evals.findings.contrasts import runs_of

    sides = [side for h in f.study.hypotheses for side in (h.of, h.other_side or {})]
    asked = [side for side in sides if side.get("stage") in ("oracle", "lottery", "best_mixture")]
    ids = {
        run_id
        for side in asked
        for role in ("study", "bargaining")
        for run_id in runs_of(f.frames, side, role)["run_id"]
    }
    if not ids:
        return f.frames
    bounded = with_bounds(f.frames, [p for p in f.records if p.stem in ids])
    return restated(bounded, f.records, f.study.thresholds) if f.study.thresholds else bounded


def findings(folder: Folder, plan: Plan, tell: Tell) -> tuple[str, list[Section], Path]:
    """Make a study's findings and write them; the title, the sections and the path of findings.md."""
    from evals.findings.write import write

    if plan.study.setting == "deliberation":
        from evals.deliberation.report import findings as of_deliberations

        return of_deliberations(folder, plan, tell)
    if plan.study.setting != "triage":
        from evals.dilemmas.report import findings as of_dilemmas

        return of_dilemmas(folder, plan, tell)
    f = gathered(folder, plan, tell)
    made = sections(f, folder, plan, tell)
    title = f"{f.study.name}: {f.study.question}"
    tell("drawing figures")
    return title, made, write(title, made, folder.path)
