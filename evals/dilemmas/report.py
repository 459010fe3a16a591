"""What did a study of dilemmas find: every section of it, made from its records and its plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evals.dilemmas.gathered import Gathered
from evals.findings.section import EXPLORATORY, SEED, Section

if TYPE_CHECKING:
    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan

Tell = Callable[[str], None]
"""Told, in a few words, what is being worked out."""

NOTHING = "Nothing: no run of the study itself is complete, so nothing is measured."


def findings(folder: Folder, plan: Plan, tell: Tell) -> tuple[str, list[Section], Path]:
    """Make a study's findings and write them; the title, the sections and the path of findings.md.

    Raises ParleyError where no run is recorded.
    """
    from evals.findings.write import write

    g = gathered(folder, plan, tell)
    made = sections(g, folder, plan, tell)
    title = f"{g.study.name}: {g.study.question}"
    tell("drawing figures")
    return title, made, write(title, made, folder.path)


def gathered(folder: Folder, plan: Plan, tell: Tell) -> Gathered:
    """The study's records as tables, joined with its plan. Raises ParleyError where none is recorded."""
    from evals.dilemmas.frames import study_frames

    tell("reading records")
    return Gathered(plan.study, study_frames(folder, plan), reference_only=not plan.models)


def sections(g: Gathered, folder: Folder, plan: Plan, tell: Tell) -> list[Section]:
    """Every section, in the order they are read."""
    from evals.dilemmas.account import account, limits
    from evals.dilemmas.verdicts import verdicts
    from evals.experiment.freezing import standing
    from evals.findings.contrasts import contrasts

    tell("testing hypotheses")
    found = contrasts(g.frames, g.study.hypotheses, np.random.default_rng(SEED))
    head = [account(g, folder, plan), verdicts(g.study, found, standing(folder, g.study))]
    return [*head, *measured(g, tell), limits(g)]


def measured(g: Gathered, tell: Tell) -> list[Section]:
    """What was measured of the runs, whether or not anything was asked of them ahead."""
    from evals.dilemmas import measured as reached
    from evals.dilemmas.floor import floor
    from evals.dilemmas.gains import gains
    from evals.dilemmas.laws import laws

    if g.runs.empty:
        return [Section("What can be told of the runs", [NOTHING])]
    parts: Sequence[tuple[str, Callable[[Gathered], list[Section]]]] = (
        ("what was reached", lambda g: [reached.measured(g)]),
        ("who gains", gains),
        ("the floor", floor),
        ("laws", lambda g: [laws(g)]),
    )
    out = []
    for name, part in parts:
        tell(f"measuring {name}")
        out += [replace(section, says=[*section.says, EXPLORATORY]) for section in part(g)]
    return out
