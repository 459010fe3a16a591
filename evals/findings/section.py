"""What is one part of the findings: sentences, tables and figures, told apart from how they are written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.experiment.study import Study
    from evals.frames import Frames

NOISE = 1e-4
"""Values nearer than this are the same: solvers leave as much between two that are meant to be."""

SEED = 20260413
"""Of every resampling in findings; the same records give the same findings."""


EXPLORATORY = (
    "*Exploratory: no frozen hypothesis names these numbers; p is uncorrected unless it is said otherwise.*"
)
"""What is said of a section of which no frozen hypothesis names a number."""

ALL: tuple[str, ...] = ()
"""What is behind a section that every run counts in, whatever its role."""

BESIDE_NULL: tuple[str, ...] = ("study", "bargaining")
"""What is behind a section whose numbers stand beside those of the bargaining null."""

NO_RUN: tuple[str, ...] = ("",)
"""What is behind a section that is made of no recorded run, such as one of simulations."""

LIMITS = "What this cannot say"
"""The title of the section that stands last."""


@dataclass(frozen=True)
class Findings:
    """What sections are made from: the study, its frames joined with the plan, and where its records lie."""

    study: Study
    frames: Frames
    records: list[Any]  # paths of the study's records
    reference_only: bool  # no model spoke in any run

    @property
    def conditions(self) -> list[str]:
        """Every condition of the study's own runs, the cross first, in the order planned."""
        runs = self.frames.runs
        return list(dict.fromkeys(runs.loc[runs["role"] == "study", "condition"]))

    @property
    def cross(self) -> list[str]:
        """The conditions of the cross."""
        return list(dict.fromkeys(self.base.runs["condition"]))

    def told(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of the cross alone, its conditions in the order planned: what fits a text."""
        order = {name: i for i, name in enumerate(self.cross)}
        kept = table[table["condition"].isin(list(order))]
        return kept.sort_values("condition", key=lambda c: c.map(order), kind="stable")

    @property
    def bargained(self) -> Frames | None:
        """The frames of the bargaining null in the cross, complete runs alone; None where it was not run."""
        runs = self.frames.runs
        null = (runs["role"] == "bargaining") & (runs["control"] == "") & (runs["status"] == "complete")
        return self.of(runs[null].drop_duplicates("run_id")) if null.any() else None

    @property
    def base(self) -> Frames:
        """The frames of the crossed base alone: no control, twin, null or planted run."""
        runs = self.frames.runs
        return self.of(runs[(runs["role"] == "study") & (runs["control"] == "")])

    def of(self, runs: pd.DataFrame) -> Frames:
        """The frames of some runs alone."""
        from evals.frames import Frames

        ids = set(runs["run_id"])
        stages, patients = self.frames.stages, self.frames.patients
        return Frames(runs, stages[stages["run_id"].isin(ids)], patients[patients["run_id"].isin(ids)])


@dataclass(frozen=True)
class Section:
    """One part of the findings.

    `says` are sentences in plain words, Markdown allowed. `tables` go to CSV whole, by file name; of them
    those named in `shown` stand in the text too, with the columns and headings given. `figures` are drawn
    when they are written, by file name. `behind` are the roles of the runs that it is made of (`study`, `twin`,
    `bargaining`, …); ALL where every run counts, NO_RUN where none does.
    """

    title: str
    says: list[str]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    figures: dict[str, Callable[[], Figure]] = field(default_factory=dict)
    behind: tuple[str, ...] = ("study",)


@dataclass(frozen=True)
class Shown:
    """A table as it stands in the text: headings in order, rows as text; `note` stands under it."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    note: str = ""


def number(value: Any, digits: int = 2, signed: bool = False) -> str:
    """A number as a reader wants it; an en dash for what is missing."""
    if value is None or value != value:
        return "–"
    rounded = round(float(value), digits) + 0.0  # no minus before a zero
    text = f"{rounded:+.{digits}f}" if signed and rounded else f"{rounded:.{digits}f}"
    return text.replace("-", "−")


REST = " The listed conditions stand in the table."


def estimated(mean: Any, low: Any, high: Any, digits: int = 2, signed: bool = False) -> str:
    """`0.31 [0.24, 0.42]`; the mean alone where there is no interval, a dash where there is no mean."""
    told = number(mean, digits, signed)
    between = interval(low, high, digits)
    return told if between == "–" else f"{told} {between}"


def interval(low: Any, high: Any, digits: int = 2) -> str:
    """[low, high], or a dash where there is none."""
    return "–" if low is None or low != low else f"[{number(low, digits)}, {number(high, digits)}]"


def p_value(p: Any) -> str:
    """p to three places; <.001 below; a dash where nothing was tested."""
    if p is None or p != p:
        return "–"
    return "<.001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 0.9995 else "1"


def settled(differences: pd.Series) -> pd.Series:
    """Differences with those within NOISE as 0; what is missing stays missing."""
    return differences.mask(differences.abs() <= NOISE, 0.0)


def share(part: int, whole: int) -> str:
    """`3 of 20`, and a dash where there is nothing to count."""
    return "–" if whole == 0 else f"{part} of {whole}"
