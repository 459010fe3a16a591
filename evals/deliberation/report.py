"""What did a study of deliberations find: every section of it, made from its records and its plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evals.deliberation.gathered import Gathered
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
    from evals.deliberation.frames import study_frames
    from evals.findings.write import write

    tell("reading records")
    g = Gathered(plan.study, study_frames(folder, plan), reference_only=not plan.models)
    made = sections(g, folder, plan, tell)
    title = f"{g.study.name}: {g.study.question}"
    tell("drawing figures")
    return title, made, write(title, made, folder.path)


def sections(g: Gathered, folder: Folder, plan: Plan, tell: Tell) -> list[Section]:
    """Every section, in the order they are read."""
    from evals.deliberation.account import account, limits
    from evals.dilemmas.verdicts import verdicts
    from evals.experiment.freezing import standing
    from evals.findings.contrasts import contrasts

    tell("testing hypotheses")
    found = contrasts(g.frames, g.study.hypotheses, np.random.default_rng(SEED))
    head = [account(g, folder, plan), verdicts(g.study, found, standing(folder, g.study))]
    return [*head, *measured(g, folder.path, tell), limits(g)]


def measured(g: Gathered, folder: Path, tell: Tell) -> list[Section]:
    """What was measured of the runs, whether or not anything was asked of them ahead; judges' verdicts by `folder`."""
    from evals.deliberation.judged import judged
    from evals.deliberation.moves import moves
    from evals.deliberation.premature import premature
    from evals.deliberation.reached import reached

    if g.runs.empty:
        return [Section("What can be told of the runs", [NOTHING])]
    parts: Sequence[tuple[str, Callable[[Gathered], Section | None]]] = (
        ("what was reached", reached),
        ("how soon", premature),
        ("how they bargained", moves),
        ("what judges say", lambda g: judged(g, folder)),
    )
    out = []
    for name, part in parts:
        tell(f"measuring {name}")
        if (section := part(g)) is not None:
            out.append(replace(section, says=[*section.says, EXPLORATORY]))
    return out
