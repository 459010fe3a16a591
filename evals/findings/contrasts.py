"""What does a hypothesis compare, in which runs, and what came out: paired by ward, seed and all that is equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.experiment.study import label, labels
from evals.findings.section import settled
from evals.outcomes import find, outcome
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

    from evals.deliberation.frames import DeliberationFrames
    from evals.dilemmas.frames import DilemmaFrames
    from evals.experiment.study import Hypothesis
    from evals.frames import Frames
    from evals.statistics import Estimate

    AnyFrames = Frames | DilemmaFrames | DeliberationFrames

Selection = Mapping[str, Any]
"""Which rows: `stage`, `control` (a listed condition's name, "" for the crossed base), or factor values."""

PAIRED_BY = ("cluster", "seed", "replicate", "policy")
FOLDED = {"best_solo": "solo:", "best_mixture": "mixture:", "lottery": "lottery:"}
"""Stages folded from several: of solos and mixtures the one that the outcome likes best, of lotteries the mean."""

BEST: Mapping[str, Callable[[pd.Series], float]] = {
    "higher": lambda values: values.max(),
    "lower": lambda values: values.min(),
    "nearer 0": lambda values: values.iloc[values.abs().argmin()],
}


@dataclass(frozen=True)
class Contrast:
    """One hypothesis tested.

    `pairs` has a row a pair (or a run, where `against` is a number): the ids, both values, the difference.
    `null_low` and `null_high` span the mean of the same contrast over the policy grid of the bargaining null.
    """

    hypothesis: Hypothesis
    estimate: Estimate
    pairs: pd.DataFrame
    treatment: float | None
    control: float | None
    unmatched: int
    null_low: float | None
    null_high: float | None
    p_family: float | None = None
    elsewhere: tuple[int, int] = (0, 0)
    """In how many listed conditions the same contrast has the sign it has in the cross, of those with a value."""

    @property
    def bargaining(self) -> str:
        """How the effect stands to the bargaining null, in words."""
        if self.null_low is None:
            return "no bargaining null"
        if self.beyond_bargaining is None:
            return "against bargaining undecided"
        return "beyond what bargaining does" if self.beyond_bargaining else "not beyond what bargaining does"

    @property
    def verdict(self) -> str:
        """supported, supported but small, opposite, not shown, or not tested.

        Supported: the corrected p is at most .05. Opposite: the interval lies wholly on the side that was not
        predicted, which is uncorrected, and cannot be said where there is no interval.
        """
        e = self.estimate
        if e.mean is None or self.p_family is None:
            return "not tested"
        wanted = {"greater": 1, "less": -1}.get(self.hypothesis.direction, 0)
        ends = [0.0 if end is None else wanted * end for end in (e.low, e.high)]
        if max(ends) < 0:
            return "opposite"
        if self.p_family > 0.05 or np.sign(e.mean) == -wanted != 0:
            return "not shown"
        small = abs(e.mean) < self.hypothesis.smallest_effect
        return "supported, but smaller than matters" if small else "supported"

    @property
    def beyond_bargaining(self) -> bool | None:
        """Whether the interval lies outside the bargaining band, on the side that was predicted; None: unknown."""
        e = self.estimate
        if self.null_low is None or self.null_high is None or e.low is None or e.high is None:
            return None
        if self.hypothesis.direction == "greater":
            return e.low > self.null_high
        if self.hypothesis.direction == "less":
            return e.high < self.null_low
        return e.low > self.null_high or e.high < self.null_low


def contrasts(
    frames: AnyFrames, hypotheses: Sequence[Hypothesis], rng: np.random.Generator
) -> list[Contrast]:
    """Every hypothesis tested, p adjusted by Holm within its family. Raises ParleyError as `differences` does."""
    from dataclasses import replace

    from evals.statistics import holm

    found = [contrast(frames, h, rng) for h in hypotheses]
    for family in dict.fromkeys(h.family for h in hypotheses):
        members = [i for i, h in enumerate(hypotheses) if h.family == family]
        raw = [found[i].estimate.p for i in members]
        adjusted = holm(np.array([np.nan if p is None else p for p in raw], dtype=float))
        for i, p in zip(members, adjusted, strict=True):
            found[i] = replace(found[i], p_family=None if np.isnan(p) else float(p))
    return found


def contrast(frames: AnyFrames, hypothesis: Hypothesis, rng: np.random.Generator) -> Contrast:
    """One hypothesis tested on the study's runs, and the same contrast over the bargaining null's policies."""
    from evals.dilemmas.strata import over_strata
    from evals.frames import Frames
    from evals.statistics import estimate

    h = hypothesis
    pairs, unmatched = differences(frames, h.outcome, h.of, h.against)
    if isinstance(frames, Frames):
        found = estimate(
            pairs["difference"].to_numpy(float), pairs["cluster"].to_numpy(), rng=rng, alternative=h.direction
        )
    else:
        found = over_strata(pairs, apart(h.of, h.against), rng, h.direction)
    low, high = _bargaining_band(frames, h)
    return Contrast(
        hypothesis=h,
        estimate=found,
        pairs=pairs,
        treatment=_mean(pairs, "treatment"),
        control=_mean(pairs, "control"),
        unmatched=unmatched,
        null_low=low,
        null_high=high,
        elsewhere=_elsewhere(frames, h, found.mean),
    )


def _elsewhere(frames: AnyFrames, h: Hypothesis, mean: float | None) -> tuple[int, int]:
    """The same contrast in each listed condition that runs in the same cells; a hypothesis of a condition has none."""
    if mean is None or "control" in h.of or "control" in (h.other_side or {}):
        return 0, 0
    runs = frames.runs
    listed = [c for c in runs.loc[runs["role"] == "study", "control"].unique() if c]
    same = known = 0
    for control in listed:
        against = h.against | {"control": control} if isinstance(h.against, dict) else h.against
        try:
            pairs, _ = differences(frames, h.outcome, h.of | {"control": control}, against)
        except ParleyError:
            continue
        there = pairs.groupby("cluster")["difference"].mean().mean() if len(pairs) else float("nan")
        if not np.isnan(there):
            known, same = known + 1, same + int(np.sign(there) == np.sign(mean))
    return same, known


def differences(
    frames: AnyFrames, name: str, of: Selection, against: Selection | float, role: str = "study"
) -> tuple[pd.DataFrame, int]:
    """Treatment less control, one row a pair, and how many rows found no partner.

    Rows are paired where ward, seed, replicate and every factor agree that `of` and `against` do not set
    apart; rows of either side may find no partner (the other run is invalid, or not run). With a number for
    `against` each treatment row stands against that number. Columns: cluster, seed, run_treatment,
    run_control, treatment, control, difference. A value that is missing stays missing.
    Raises ParleyError for a column that no run has, or where nothing is selected.
    """
    left = selected(frames, name, of, role).rename(columns={"value": "treatment", "run_id": "run_treatment"})
    if not isinstance(against, Mapping):
        left["control"], left["run_control"] = float(against), None
        left["difference"] = settled(left["treatment"] - left["control"])
        return left, 0
    # What the control does not mention is as in the treatment, unless the treatment sets it apart.
    inherited = {k: v for k, v in of.items() if k not in against}
    right = selected(frames, name, inherited | dict(against), role)
    right = right.rename(columns={"value": "control", "run_id": "run_control"})
    set_apart = apart(of, against)
    factors = [c for c in left.columns if c.startswith("cell:") and c.removeprefix("cell:") not in set_apart]
    keys = [*PAIRED_BY, *factors]
    both = left.merge(right[[*keys, "control", "run_control"]], on=keys, how="left", indicator=True)
    alone = right.merge(left[keys].drop_duplicates(), on=keys, how="left", indicator=True)
    unmatched = sum(int((side["_merge"] == "left_only").sum()) for side in (both, alone))
    pairs = both[both["_merge"] == "both"].drop(columns="_merge")
    return pairs.assign(difference=settled(pairs["treatment"] - pairs["control"])), unmatched


def apart(of: Selection, against: Selection | float) -> set[str]:
    """What two sides of a hypothesis set apart."""
    return {k for k in against if of.get(k) != against[k]} if isinstance(against, Mapping) else set()


def selected(frames: AnyFrames, name: str, chosen: Selection, role: str) -> pd.DataFrame:
    """The rows of one outcome that a selection names: run_id, the pairing columns, cell:* and value."""
    values, stage = outcome(frames, name), chosen.get("stage", frames.final)
    if not isinstance(stage, str):
        raise ParleyError(f"hypothesis: stage {stage}: each side is about one stage; name one")
    values = _folded(values, name, stage) if stage in FOLDED else values[values["stage"] == stage]
    runs = runs_of(frames, chosen, role)
    cells = [c for c in runs.columns if c.startswith("cell:")]
    kept = runs[["run_id", *PAIRED_BY, *cells]]
    return kept.merge(values[["run_id", "value"]], on="run_id", how="left").astype({"value": float})


def runs_of(frames: AnyFrames, chosen: Selection, role: str) -> pd.DataFrame:
    """The complete runs of a role that a selection names, whatever its stage. Raises ParleyError for no such column."""
    runs = frames.runs[(frames.runs["role"] == role) & (frames.runs["status"] == "complete")]
    runs = runs[runs["control"].isin(labels(chosen.get("control", "")))]
    for key, wanted in chosen.items():
        if key in ("stage", "control"):
            continue
        column = f"cell:{key}" if f"cell:{key}" in runs else key
        if column not in runs:
            raise ParleyError(
                f"hypothesis: no factor or column '{key}' in the runs; name one that the study has"
            )
        # As a study compares them: in words, so that 1 and 1.0, or a factor's null, are found in any column.
        told = runs[column].map(lambda value: label(None if value != value else value))
        runs = runs[told.isin(labels(wanted))]
    return runs


def _folded(values: pd.DataFrame, name: str, stage: str) -> pd.DataFrame:
    """Of each run, the best or the mean of several stages by the outcome; missing where one of them is."""
    grouped = values[values["stage"].str.startswith(FOLDED[stage])].groupby("run_id")["value"]
    better = find(name).better
    if stage == "lottery":
        fold = grouped.mean()
    elif better in BEST:
        fold = grouped.agg(lambda v: BEST[better](v) if v.notna().all() else np.nan)
    else:
        raise ParleyError(f"hypothesis: no {stage} by {name}, of which neither more nor less is better")
    return fold.where(grouped.count() == grouped.size()).rename("value").reset_index()


def _bargaining_band(frames: AnyFrames, h: Hypothesis) -> tuple[float | None, float | None]:
    """Least and greatest mean of the same contrast over the policies of the bargaining null; None where not run."""
    null = frames.runs[frames.runs["role"] == "bargaining"]
    if null.empty:
        return None, None
    try:
        pairs, _ = differences(frames, h.outcome, h.of, h.against, role="bargaining")
    except ParleyError:
        return None, None
    if isinstance(h.against, Mapping) and h.of.get("stage") == (h.of | h.against).get("stage"):
        # What a policy sets itself (who opens, say) makes both sides one run: no null of their difference.
        pairs = pairs[pairs["run_treatment"] != pairs["run_control"]]
    means = pairs.groupby(["policy", "cluster"])["difference"].mean().groupby("policy").mean().dropna()
    return (float(means.min()), float(means.max())) if len(means) else (None, None)


def _mean(pairs: pd.DataFrame, column: str) -> float | None:
    """Mean over wards of their own means, over pairs of which both values are there."""
    means = pairs.dropna(subset=["difference"]).groupby("cluster")[column].mean()
    return float(means.mean()) if len(means) else None
