"""What are findings about dilemmas made from: the study's own runs, its outcomes, and what tells conditions apart?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evals.dilemmas.outcomes import column
from evals.dilemmas.strata import told
from evals.outcomes import with_outcomes

if TYPE_CHECKING:
    import pandas as pd

    from evals.dilemmas.frames import DilemmaFrames
    from evals.experiment.study import Study

REGIMES = ("none", "spoken", "enforced", "best")
"""In the order they are read."""

NOT_DYNAMICS = ("regime", "prosocial", "concern", "concerns")
"""Factors that say what is agreed and who sits there; all others say in what circumstances."""

MEASURES = {
    "commons": (
        *("survival_months", "gain", "equality", "over_use", "efficiency", "efficiency_paper"),
        *("yield_efficiency", "early_collapse", "welfare_net", "welfare_gross", "welfare_share", "loss"),
        *("captured", "burnt", "least_payoff"),
    ),
    "games": (
        *("best_cell", "rawlsian_cell", "welfare_net", "welfare_gross", "loss", "loss_share"),
        *("captured", "burnt", "least_payoff"),
    ),
}
"""Outcomes that are told of every condition."""

SHORTFALL = {"commons": "loss", "games": "loss_share"}
"""How far welfare falls short of what was attainable, as a share, by setting."""

COLUMNS = (
    *("condition", "control", "regime", "prosocial", "dynamics", "outcome"),
    *("mean", "low", "high", "clusters", "runs", "missing", "note"),
)


@dataclass(frozen=True)
class Gathered:
    """The study, its frames joined with the plan, and whether any model spoke."""

    study: Study
    frames: DilemmaFrames
    reference_only: bool

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The study's own complete runs with their `dynamics`: the factors beside regime and concern, in words."""
        own = self.frames.own
        return own.assign(dynamics=[self._dynamics(row) for row in own.to_dict("records")])

    @cached_property
    def cross(self) -> pd.DataFrame:
        """Those of the cross alone."""
        return self.runs[self.runs["control"] == ""]

    @property
    def regimes(self) -> list[str]:
        """The regimes of the cross, in order."""
        return [r for r in REGIMES if (self.cross["regime"] == r).any()]

    @property
    def dynamics(self) -> list[str]:
        """The dynamics of the cross, in the order planned."""
        return list(dict.fromkeys(self.cross["dynamics"]))

    def named(self, dynamics: str, regime: str) -> str:
        """A regime under some dynamics, as a row is headed; the regime alone where all dynamics are the same."""
        return regime if len(self.dynamics) == 1 else f"{dynamics}, {regime}"

    @property
    def make_ups(self) -> list[int]:
        """How many seats are prosocial, over the cross."""
        return sorted(int(k) for k in self.cross["prosocial"].unique())

    def _dynamics(self, row: dict[str, Any]) -> str:
        varied = [f for f, v in self.study.factors.items() if len(v) > 1 and f not in NOT_DYNAMICS]
        said = (_said(f, told(row.get(f"cell:{f}"))) for f in varied)
        return ", ".join(s for s in said if s) or "as they are"

    def values(self, names: Sequence[str]) -> pd.DataFrame:
        """The study's own runs with each outcome as a column; a run of several uses stands once a use."""
        return with_outcomes(self.frames, self.runs, names)

    def by_condition(self, names: Sequence[str], rng: Any) -> pd.DataFrame:
        """A row a condition and outcome (COLUMNS): the mean over worlds or games, with its interval."""
        import pandas as pd

        from evals.statistics import estimates

        made, rows = self.values(names), []
        for condition, here in made.groupby("condition", sort=False):
            matrix = here[[f"o:{n}" for n in names]].to_numpy(dtype=float)
            first = here.iloc[0]
            for name, e in zip(names, estimates(matrix, here["cluster"], rng=rng), strict=True):
                of = (condition, first["control"], first["regime"], int(first["prosocial"]))
                numbers = (e.mean, e.low, e.high, e.clusters, e.n, e.missing, in_units(e.note, self.study))
                rows.append(dict(zip(COLUMNS, (*of, first["dynamics"], name, *numbers), strict=True)))
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def payoffs(self) -> pd.DataFrame:
        """One row a seat of the cross, as `evals.prosociality` takes it: regime and dynamics are its conditions."""
        runs = self.cross[
            ["run_id", "cluster", "seed", "replicate", "regime", "dynamics", "prosocial", "concern"]
        ]
        return self.frames.seats[["run_id", "seat", "type", "payoff"]].merge(
            runs.drop_duplicates("run_id"), on="run_id"
        )


def _said(factor: str, value: str) -> str:
    """A factor of the dynamics in words: kinds of regrowth speak for themselves, and no events go without saying."""
    if factor == "regrowth":
        return value
    if factor == "contingencies":
        return "" if value == "0" else f"events {value}"
    return f"{factor}={value}"


def in_units(note: str, study: Study) -> str:
    """A note of the statistics, which speak of wards, in the study's own unit."""
    return note.replace("wards", f"{study.unit}s").replace("ward", study.unit)


def degree(value: float) -> str:
    """λ as a reader wants it."""
    return "∞" if value == float("inf") else f"{value:g}"


__all__ = ["MEASURES", "SHORTFALL", "Gathered", "column", "degree", "in_units"]
