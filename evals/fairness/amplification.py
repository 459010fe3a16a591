"""Does debate make inequality larger or smaller, and in which round?

The Gini of need satisfaction and the gap of each attribute, followed from a start through the rounds to the joint
allocation. Each step is compared with the one before, and the joint with the start ("whole"):

ratio       after / before, >= 0, 1 is no change, above 1 amplifies; missing unless before exceeds .05
difference  after − before, always

as *Aligned Agents, Biased Swarm* (2604.08963) follows the Gini over the layers of a swarm. Three starts:

"no_debate"  the merge of the solos that nobody talked about: the main one. Merging two allocations evens them out
             by itself (a mean of two is seldom as unequal as either), so that against a solo the merge rule would
             pass for debate; against this merge what is left is what talking did
"solo_mean"  the mean over the seats of each solo's inequality: what a seat alone would do, on average
"solo_max"   the most unequal solo: below it a debate corrects its worst seat, which is the least to ask

A gap (max − min over groups) is inflated by chance at every step alike: its differences are fair, its ratios are
drawn toward 1. The excess gap of `evals.fairness.nulls.run_excess` may be handed in instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from evals.fairness.coded import STUDY
from evals.fairness.groups import RATIO_FROM, run_gaps
from evals.frames import Frames
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

Start = Literal["no_debate", "solo_mean", "solo_max"]
STARTS: tuple[Start, ...] = ("no_debate", "solo_mean", "solo_max")
WHOLE = "whole"
FLAT = 1e-6
"""A ratio under this is 0: solvers leave noise of that size."""
GINI = "raw:equality"
"""The column of `Frames.stages` that holds the Gini as it is, lower is better."""


def inequalities(frames: Frames) -> pd.DataFrame:
    """What is followed: run_id, stage, measure, value; measures `gini` and `gap:ATTRIBUTE`, lower is better."""
    import pandas as pd

    ginis = frames.stages[["run_id", "stage"]].assign(measure="gini", value=frames.stages[GINI].astype(float))
    gaps = run_gaps(frames)
    gaps = gaps.assign(measure="gap:" + gaps["attribute"], value=gaps["gap"])
    return pd.concat([ginis, gaps[["run_id", "stage", "measure", "value"]]], ignore_index=True)


def run_amplification(
    frames: Frames, values: pd.DataFrame | None = None, *, starts: Sequence[Start] = STARTS
) -> pd.DataFrame:
    """How each run's inequality changes, step by step: run_id, measure, start, step, before, after, ratio, difference.

    `step` is "start>round:1", "round:1>round:2", …, "round:R>joint", and "whole" (start to joint); steps between
    rounds are the same for every start and stand under each. `values` (run_id, stage, measure, value) is what is
    followed, `inequalities` by default. A value that is missing makes its steps missing. Runs without a round go
    from start to joint in one step. Raises ParleyError for an unknown start, and where there is no joint.
    """
    import pandas as pd

    if unknown := [s for s in starts if s not in STARTS]:
        raise ParleyError(f"no start '{unknown[0]}'; there are {', '.join(STARTS)}")
    followed = inequalities(frames) if values is None else values
    wide = followed.pivot(index=["run_id", "measure"], columns="stage", values="value")
    if "joint" not in wide:
        raise ParleyError("no run has a joint allocation to go to; give frames of valid runs")
    firsts = _starts(wide, frames)
    ids = wide.index.get_level_values("run_id")
    stages = frames.stages[["run_id", "stage"]]
    played = stages[stages["stage"].astype(str).str.startswith("round:")].groupby("run_id").size()
    rounds = played.reindex(ids).fillna(0).to_numpy(dtype=int)
    tables = []
    for start in starts:
        for last in np.unique(rounds):
            here = rounds == last
            path = [(start, firsts[start]), *((f"round:{r}", wide[f"round:{r}"]) for r in range(1, last + 1))]
            path.append(("joint", wide["joint"]))
            steps = [(f"{a[0]}>{b[0]}", a[1], b[1]) for a, b in pairwise(path)]
            for name, before, after in [*steps, (WHOLE, path[0][1], path[-1][1])]:
                tables.append(_step(start, name, before[here], after[here]))
    return pd.concat(tables, ignore_index=True)


def _starts(wide: pd.DataFrame, frames: Frames) -> dict[Start, pd.Series]:
    """What each start begins from; missing where any seat's solo is."""
    solos = [stage for stage in wide if str(stage).startswith("solo:")]
    asked = frames.stages[frames.stages["stage"].isin(solos)].groupby("run_id").size()
    expected = asked.reindex(wide.index.get_level_values("run_id")).fillna(0).to_numpy()
    complete = (wide[solos].count(axis=1) == expected) & (expected > 0)
    return {
        "no_debate": wide.get("no_debate", wide["joint"] * np.nan),
        "solo_mean": wide[solos].mean(axis=1).where(complete),
        "solo_max": wide[solos].max(axis=1).where(complete),
    }


def _step(start: Start, name: str, before: pd.Series, after: pd.Series) -> pd.DataFrame:
    table = before.rename("before").to_frame().assign(after=after).reset_index()
    table.insert(2, "start", start)
    table.insert(3, "step", name)
    ratio = table["after"] / table["before"].where(table["before"] > RATIO_FROM)
    return table.assign(ratio=ratio, difference=table["after"] - table["before"])


def _when(step: str) -> float:
    """Where a step stands among those of its start."""
    target = step.rpartition(":")[2]
    return float(target) if target.isdigit() else np.inf if step == WHOLE else 1e9


def amplification(
    frames: Frames,
    by: Sequence[str] = ("condition",),
    values: pd.DataFrame | None = None,
    *,
    starts: Sequence[Start] = STARTS,
    roles: Sequence[str] | None = STUDY,
) -> pd.DataFrame:
    """Amplification by combination of the columns `by` of `runs`, with the ward as unit.

    by…, measure, start, step, ratio (geometric mean over wards of the geometric mean over a ward's runs),
    ratio_wards, ratio_runs (that have a ratio above 0), zeros (runs whose ratio is 0: inequality vanished; no
    geometric mean can hold them), no_ratio (runs whose denominator is .05 or less, or missing), of_means (mean
    after / mean before, which holds them all), before, after, difference (mean over
    wards of the means over runs), wards, runs (with both), missing (without).
    Raises ParleyError as `run_amplification` does.
    """
    import pandas as pd

    runs = frames.runs
    if roles is not None and "role" in runs:
        runs = runs[runs["role"].isin(list(roles))]
    if missing := [name for name in by if name not in runs]:
        raise ParleyError(f"runs: no column '{missing[0]}' to group by; there are {', '.join(runs)}")
    table = run_amplification(frames, values, starts=starts)
    table = table.merge(runs[["run_id", *dict.fromkeys([*by, "cluster"])]], on="run_id")
    where = [*by, "measure", "start", "step"]
    table["log"] = np.log(table["ratio"].where(table["ratio"] > FLAT))
    table["zero"] = table["ratio"] <= FLAT
    table["no_ratio"] = table["ratio"].isna()
    table["missing"] = table["difference"].isna()
    both = table.assign(**{n: table[n].where(~table["missing"]) for n in ("before", "after")})
    inner = both.groupby([*where, *(["cluster"] if "cluster" not in by else [])], dropna=False)
    wards = inner[["log", "before", "after", "difference"]].mean().groupby(level=where, dropna=False)
    groups = both.groupby(where, dropna=False)
    found = pd.DataFrame(
        {
            "ratio": np.exp(wards["log"].mean()),
            "ratio_wards": wards["log"].count(),
            "ratio_runs": groups["log"].count(),
            "zeros": groups["zero"].sum(),
            "no_ratio": groups["no_ratio"].sum(),
        }
    )
    means = wards[["before", "after", "difference"]].mean()
    found["of_means"] = means["after"] / means["before"].where(means["before"] > RATIO_FROM)
    found = found.join(means).assign(
        wards=wards["difference"].count(), runs=groups["difference"].count(), missing=groups["missing"].sum()
    )
    found = found.reset_index()
    found["_step"] = found["step"].map(_when)
    return found.sort_values([*by, "measure", "start", "_step"], ignore_index=True).drop(columns="_step")
