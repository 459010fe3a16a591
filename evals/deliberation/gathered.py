"""What are findings about deliberations made from: the study's own runs, joined with its plan, and its outcomes?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evals.outcomes import outcome

if TYPE_CHECKING:
    import pandas as pd

    from evals.deliberation.frames import DeliberationFrames
    from evals.experiment.study import Study

MEASURES = (
    *(
        "agreed",
        "rounds",
        "worth_mean",
        "worth_least",
        "nash",
        "regret",
        "regret_mean",
        "efficient",
        "one_sided",
    ),
    *("lead", "ahead", "early", "capitulated", "faithful", "judge_is_rule", "plans", "words", "turns"),
)
"""Outcomes that are told of every condition."""

COLUMNS = ("condition", "control", "outcome", "mean", "low", "high", "clusters", "runs", "missing", "note")


@dataclass(frozen=True)
class Gathered:
    """The study, its frames joined with the plan, and whether any model spoke."""

    study: Study
    frames: DeliberationFrames
    reference_only: bool

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The study's own complete runs."""
        return self.frames.own

    @property
    def conditions(self) -> list[str]:
        """Every condition, in the order planned."""
        return list(dict.fromkeys(self.runs["condition"]))

    @cached_property
    def talked(self) -> pd.DataFrame:
        """Those in which there was a dialogue."""
        return self.runs[~self.runs["alone"].astype(bool)]

    def values(self, names: Sequence[str]) -> pd.DataFrame:
        """The study's own runs with each outcome as a column `o:NAME`; a run of several uses stands once a use."""
        made = self.runs
        for name in names:
            found = outcome(self.frames, name).set_index("run_id")["value"]
            made = made.assign(**{f"o:{name}": made["run_id"].map(found).astype(float)})
        return made

    def by_condition(self, names: Sequence[str], rng: Any) -> pd.DataFrame:
        """A row a condition and outcome (COLUMNS): the mean over dilemmas, with its interval."""
        import pandas as pd

        from evals.dilemmas.gathered import in_units
        from evals.statistics import estimates

        made, rows = self.values(names), []
        for condition, here in made.groupby("condition", sort=False):
            matrix = here[[f"o:{n}" for n in names]].to_numpy(dtype=float)
            control = here["control"].iloc[0]
            for name, e in zip(names, estimates(matrix, here["cluster"], rng=rng), strict=True):
                numbers = (e.mean, e.low, e.high, e.clusters, e.n, e.missing, in_units(e.note, self.study))
                rows.append(dict(zip(COLUMNS, (condition, control, name, *numbers), strict=True)))
        return pd.DataFrame(rows, columns=list(COLUMNS))
