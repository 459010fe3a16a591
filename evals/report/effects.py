"""What is the paired effect of one condition against another, over every pair of runs that they have?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.section import SEED, settled

if TYPE_CHECKING:
    import pandas as pd

    from evals.report.source import Source

Json = dict[str, Any]

PAIRED_BY = ("cluster", "seed", "replicate", "policy")
MOST = 200
"""So many pairs of conditions are worked out at most; those one factor apart come first."""


def effects(source: Source, uses: pd.DataFrame) -> list[Json]:
    """Paired effects between conditions of the study's own runs, each outcome with interval, exact p and n.

    A pair are two complete runs of one case, seed, replicate and policy under two conditions; its difference is the
    first less the second. Clusters are cases (wards, worlds, …), as everywhere. [{one, other, outcomes: [{name,
    mean, low, high, p, n, clusters, note}]}].
    """
    from evals.statistics import estimates

    columns = [c for c in uses.columns if c.startswith("o:")]
    own = uses[(uses["role"] == "study") & (uses["status"] == "complete")] if len(uses) else uses
    if own.empty or not columns:
        return []
    by_condition = {c: g.drop_duplicates(list(PAIRED_BY)) for c, g in own.groupby("condition", sort=False)}
    out = []
    for one, other in _asked(list(by_condition)):
        both = by_condition[one].merge(by_condition[other], on=list(PAIRED_BY), suffixes=("", "|other"))
        if both.empty:
            continue
        matrix = np.column_stack([settled(both[c] - both[f"{c}|other"]).to_numpy(float) for c in columns])
        found = estimates(matrix, both["cluster"], rng=np.random.default_rng(SEED))
        told = [_told(c.removeprefix("o:"), e) for c, e in zip(columns, found, strict=True)]
        out.append({"source": source.name, "one": one, "other": other, "outcomes": told})
    return out


def _asked(conditions: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs of conditions, those that differ in the fewest words first, at most MOST."""

    def apart(pair: tuple[str, str]) -> int:
        one, other = (set(c.replace(": ", " × ").split(" × ")) for c in pair)
        return len(one ^ other)

    yield from sorted(combinations(conditions, 2), key=apart)[:MOST]


def _told(name: str, e: Any) -> Json:
    return {
        "name": name,
        "mean": e.mean,
        "low": e.low,
        "high": e.high,
        "p": e.p,
        "n": e.n,
        "clusters": e.clusters,
        "note": e.note,
    }
