"""What are findings about deliberations made from: the study's own runs, joined with its plan, and its outcomes?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evals.dilemmas.strata import told
from evals.outcomes import with_outcomes

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

SPEAKS = ("model", "opponent_model", "concession")
"""Factors whose values speak for themselves."""

COLUMNS = ("arm", "control", "outcome", "mean", "low", "high", "clusters", "runs", "missing", "note")


@dataclass(frozen=True)
class Gathered:
    """The study, its frames joined with the plan, and whether any model spoke."""

    study: Study
    frames: DeliberationFrames
    reference_only: bool

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The study's own complete runs, each with its `arm`: its condition, whichever pair sits there."""
        own = self.frames.own
        return own.assign(arm=[self.arm(row) for row in own.to_dict("records")])

    @property
    def arms(self) -> list[str]:
        """Every arm, in the order planned."""
        return list(dict.fromkeys(self.runs["arm"]))

    def arm(self, row: dict[str, Any]) -> str:
        """The factors but the pair in words, after the listed condition's name if there is one."""
        varied = [f for f, v in self.study.factors.items() if len(v) > 1 and f != "pair"]
        values = [(f, told(row.get(f"cell:{f}"))) for f in varied]
        said = ", ".join(v if f in SPEAKS else f"{f} {v}" for f, v in values)
        return ": ".join(part for part in (row["control"], said) if part) or "as it is"

    @cached_property
    def talked(self) -> pd.DataFrame:
        """Those in which there was a dialogue."""
        return self.runs[~self.runs["alone"].astype(bool)]

    def values(self, names: Sequence[str]) -> pd.DataFrame:
        """The study's own runs with each outcome as a column `o:NAME`; a run of several uses stands once a use."""
        return with_outcomes(self.frames, self.runs, names)

    def by_arm(self, names: Sequence[str], rng: Any) -> pd.DataFrame:
        """A row an arm and outcome (COLUMNS): the mean over dilemmas, all pairs together, with its interval."""
        import pandas as pd

        from evals.dilemmas.gathered import in_units
        from evals.statistics import estimates

        made, rows = self.values(names), []
        for arm, here in made.groupby("arm", sort=False):
            matrix = here[[f"o:{n}" for n in names]].to_numpy(dtype=float)
            control = here["control"].iloc[0]
            for name, e in zip(names, estimates(matrix, here["cluster"], rng=rng), strict=True):
                numbers = (e.mean, e.low, e.high, e.clusters, e.n, e.missing, in_units(e.note, self.study))
                rows.append(dict(zip(COLUMNS, (arm, control, name, *numbers), strict=True)))
        return pd.DataFrame(rows, columns=list(COLUMNS))
