"""Which debate stands for the others, and by which rule was it chosen?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evals.findings.section import number
from evals.outcomes import outcome

if TYPE_CHECKING:
    import pandas as pd

    from evals.frames import Frames
    from evals.report.source import Source

OUTCOME = "favoured_gap"
"""What an exemplar is the middle of, where anybody is favoured."""
OTHERWISE = ("access_gap", "gini")
"""And where nobody is: the first of these that has a value."""


@dataclass(frozen=True)
class Exemplar:
    """A run that stands for others. `rule` says how it was chosen; `beside` is the other run of its pair, if any."""

    run_id: str
    rule: str
    beside: str = ""


def exemplar(source: Source) -> Exemplar | None:
    """The debate that is drawn: the pair nearest the median of a hypothesis' differences in the lead of the
    favoured; else, of a condition where somebody is favoured, the run nearest its median lead; else, of the first
    condition, the run nearest its median gap. Of equally near ones the first by id. None where no run is complete.
    """
    return _of_pairs(source) or _of_runs(source)


def nearest(values: pd.Series) -> int | None:
    """The place of the value nearest the median, the first of those; what is missing is passed over. None: nothing."""
    far = (values - values.median()).abs().to_numpy(dtype=float)
    # Two ids as far from the median, one above and one below, must not hang on the last bit.
    return None if np.isnan(far).all() else int(np.nanargmin(far.round(9)))


def _of_pairs(source: Source) -> Exemplar | None:
    told, pairs = source.hypotheses, source.pairs
    if told is None or pairs is None:
        return None
    for h in told[told["outcome"] == OUTCOME].itertuples():
        mine = pairs[(pairs["hypothesis"] == h.hypothesis) & _readable(source, pairs["run_treatment"])]
        mine = mine.sort_values(["run_treatment", "run_control"], na_position="first")
        place = nearest(mine["difference"].astype(float))
        if place is None:
            continue
        row = mine.iloc[place]
        middle = mine["difference"].astype(float).median()
        rule = (
            f"of the {int(mine['difference'].notna().sum())} pairs of {h.hypothesis} the one whose difference in the "
            f"lead of the favoured, {number(row['difference'], 3, signed=True)}, is nearest their median, "
            f"{number(middle, 3, signed=True)}"
        )
        other = row["run_control"]
        apart = isinstance(other, str) and other != row["run_treatment"]
        return Exemplar(str(row["run_treatment"]), rule, str(other) if apart else "")
    return None


def _of_runs(source: Source) -> Exemplar | None:
    from evals.frames import Frames

    frames = source.frames
    if not isinstance(frames, Frames) or frames.runs.empty:
        return None
    runs = frames.runs[(frames.runs["role"] == "study") & (frames.runs["status"] == "complete")]
    runs = runs[_readable(source, runs["run_id"])].sort_values("run_id", kind="stable")
    biased = runs[runs["favoured"].notna()]
    if not biased.empty:
        found = _middle(frames, biased, OUTCOME, "lead of the favoured", frames.runs["condition"])
        if found is not None:
            return found
    for name, words in zip(OTHERWISE, ("widest gap between groups", "Gini of need met"), strict=True):
        found = _middle(frames, runs, name, words, frames.runs["condition"])
        if found is not None:
            return found
    if runs.empty:
        return None
    return Exemplar(str(runs["run_id"].iloc[0]), "the first by id: no gap is defined in any run")


def _middle(frames: Frames, runs: pd.DataFrame, name: str, words: str, order: pd.Series) -> Exemplar | None:
    """Of the first condition, as planned, that has a value: the run whose joint is nearest its median."""
    values = outcome(frames, name)
    joint = values[values["stage"] == frames.final].drop_duplicates("run_id").set_index("run_id")["value"]
    for condition in dict.fromkeys(order):
        here = runs[runs["condition"] == condition]
        mine = here["run_id"].map(joint).astype(float)
        place = nearest(mine)
        if place is not None:
            rule = (
                f"of the {int(mine.notna().sum())} runs of *{condition}* the one whose joint has the {words}, "
                f"{number(mine.iloc[place], 3)}, nearest their median, {number(mine.median(), 3)}"
            )
            return Exemplar(str(here["run_id"].iloc[place]), rule)
    return None


def _readable(source: Source, run_ids: pd.Series) -> pd.Series:
    """Whether the record of each run is among the files of the source."""
    return run_ids.isin({path.stem for path in source.files})
