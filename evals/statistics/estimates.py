"""What is the mean difference, how sure is it, and how large: one estimate an outcome, with the ward as unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.bootstrap import FEWEST_FOR_INTERVAL, RESAMPLES, bootstrap_t, weights
from evals.statistics.clusters import by_count, cluster_means
from evals.statistics.effects import standardised
from evals.statistics.flips import FLIPS, Alternative, sign_flips
from evals.statistics.shortfalls import shortfall

FEW = f"under {FEWEST_FOR_INTERVAL} wards: exact test, no interval"
ALIKE = "every ward has the same value: no interval"
UNBOUNDED = "too few wards differ from the rest: no interval"
NOTHING = "no values"


@dataclass(frozen=True)
class Estimate:
    """An outcome over clusters. None is missing, never 0."""

    mean: float | None
    """Mean over clusters of the means within clusters."""
    low: float | None
    """Ends of the two-sided bootstrap-t interval; None under 20 clusters, or where it has no finite end."""
    high: float | None
    p: float | None
    """Sign-flip test against 0: exact up to 20 differing clusters, drawn beyond; None if nothing is to test."""
    n: int
    """Values used."""
    clusters: int
    """Clusters with a value."""
    effect: float | None
    """d_z = mean / standard deviation over clusters; None where that is 0 or there is one cluster."""
    missing: int
    """Values that were missing: counted, never filled in."""
    note: str = ""
    """What to know before the numbers are used, in one line."""


def estimate(
    values: ArrayLike,
    clusters: Iterable[Any],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    flips: int = FLIPS,
) -> Estimate:
    """Mean over clusters (wards) of values (n,), NaN missing, with interval, test and effect size.

    Values of one cluster (its seeds) are averaged first. The interval is two-sided whatever the `alternative`,
    which is that of the test. See `bootstrap_t` and `sign_flip` for formulas and sources.
    Raises ParleyError where lengths differ, a label is missing or a value is infinite.
    """
    column = np.asarray(values, dtype=float).reshape(-1, 1)
    found = estimates(
        column,
        clusters,
        rng=rng,
        resamples=resamples,
        level=level,
        alternative=alternative,
        flips=flips,
    )
    return found[0]


def estimates(
    matrix: ArrayLike,
    clusters: Iterable[Any],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    flips: int = FLIPS,
) -> list[Estimate]:
    """`estimate` of every column of (values, outcomes) over the same clusters, all at once.

    Outcomes with equally many clusters share their resamples. What a column's estimate is depends on `rng` and
    on that column alone, so a column has the same estimate alone and among others.
    """
    rows = np.asarray(matrix, dtype=float)
    means, _ = cluster_means(rows, clusters)
    seed = int(rng.integers(2**63))
    p = sign_flips(means, rng=np.random.default_rng([seed, 0]), alternative=alternative, flips=flips)
    low, high = np.full((2, means.shape[1]), np.nan)
    for columns, block in by_count(means, ~np.isnan(means)):
        if len(block) >= FEWEST_FOR_INTERVAL:
            drawn = weights(len(block), resamples, np.random.default_rng([seed, 1, len(block)]))
            low[columns], high[columns] = bootstrap_t(block, drawn, level)
    used, missing = (~np.isnan(rows)).sum(axis=0), np.isnan(rows).sum(axis=0)
    seen = (~np.isnan(means)).sum(axis=0)
    mean = np.divide(np.nansum(means, axis=0), seen, out=np.full(means.shape[1], np.nan), where=seen > 0)
    effect = standardised(means)
    return [
        Estimate(
            mean=present(mean[j]),
            low=present(low[j]),
            high=present(high[j]),
            p=present(p[j]),
            n=int(used[j]),
            clusters=int(seen[j]),
            effect=present(effect[j]),
            missing=int(missing[j]),
            note=note(int(seen[j]), bool(np.isnan(effect[j])), bool(np.isnan(low[j]))),
        )
        for j in range(means.shape[1])
    ]


def note(clusters: int, constant: bool, without_interval: bool) -> str:
    """The line that stands beside an estimate."""
    if clusters == 0:
        return NOTHING
    if clusters < FEWEST_FOR_INTERVAL:
        return FEW
    if without_interval:
        return ALIKE if constant else UNBOUNDED
    return shortfall(clusters)


def present(value: Any) -> float | None:
    """A number, or None where it is NaN."""
    return None if np.isnan(value) else float(value)
