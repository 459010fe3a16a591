"""What is one thing that a report tells of: its question, who produced it, its findings, its runs?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.findings.section import Section

if TYPE_CHECKING:
    import pandas as pd

    from evals.findings.contrasts import AnyFrames

Tell = Callable[[str], None]
"""Told, in a few words, what is being worked out."""

METRICS, DIALOGUES = "metrics.jsonl", "graph"
"""What tells the folder of a training run, and where in it records of the model before and after may lie."""

QUESTION = "What did these runs come to?"
"""Of records that belong to no study."""


@dataclass(frozen=True)
class Source:
    """One thing that a report tells of.

    `frames.runs` has a row a use of a run, as `evals.experiment.tables.uses_of` makes them: role, condition,
    control, cluster, policy. `sections` are the findings in the order they are read; the section of hypotheses has
    the tables `hypotheses` and `pairs`.
    """

    name: str
    question: str
    setting: str
    unit: str
    """What a cluster is: a ward, a world, a game, a dilemma."""
    negotiators: str
    """Who produced this, in plain words; Markdown."""
    sections: list[Section]
    files: list[Path] = field(default_factory=list)
    frames: AnyFrames | None = None
    planned: int | None = None
    """How many runs are planned in all, where that is known."""
    facts: list[tuple[str, str]] = field(default_factory=list)
    """What else says where this comes from: label and value."""

    @property
    def hypotheses(self) -> pd.DataFrame | None:
        """A row a hypothesis, where any was asked; see `evals.findings.verdicts.table_of`."""
        return self._table("hypotheses")

    @property
    def pairs(self) -> pd.DataFrame | None:
        """A row a pair behind a hypothesis: hypothesis, run_treatment, run_control, difference, …"""
        return self._table("pairs")

    def _table(self, name: str) -> pd.DataFrame | None:
        found = next((s.tables[name] for s in self.sections if name in s.tables), None)
        return None if found is None or found.empty else found


def speakers(models: Sequence[str], setting: str = "triage") -> str:
    """Who produced these runs, in plain words; Markdown."""
    from evals.deliberation.account import REFERENCE as OF_DIALOGUES
    from evals.dilemmas.account import REFERENCE as OF_DILEMMAS
    from evals.findings.account import MODELS, REFERENCE

    if models:
        return MODELS.format(models=", ".join(models))
    return {"triage": REFERENCE, "deliberation": OF_DIALOGUES}.get(setting, OF_DILEMMAS)


def counts(runs: Any) -> str:
    """How many runs there are, and how many enter no number, in a sentence."""
    once = runs.drop_duplicates("run_id")
    invalid = int((once["status"] != "complete").sum())
    return f"{len(once)} runs, {invalid} of them invalid; those are counted here and enter no mean."
