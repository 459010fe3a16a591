"""Does one condition beat another over several strata at once: the stratified paired permutation test."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.statistics.bootstrap import FEWEST_FOR_INTERVAL, RESAMPLES, bootstrap_t, weights
from evals.statistics.clusters import cluster_means, coded
from evals.statistics.estimates import NOTHING, note, present
from evals.statistics.flips import FLIPS, MOST_EXACT, Alternative, check, sign_flip
from scenarios.errors import ParleyError
from scenarios.ward import Array

Weighting = Literal["strata", "clusters"]

UNEVEN = "not every cluster has a pair in every stratum: test, no interval"


@dataclass(frozen=True)
class Stratum:
    """One stratum: what its pairs say on their own."""

    name: str
    mean: float | None
    """Mean over clusters of the mean differences within clusters; None where it has no pair."""
    clusters: int
    """Clusters with a pair."""
    pairs: int
    missing: int


@dataclass(frozen=True)
class StratifiedTest:
    """A mean difference over strata, and whether chance would give as much. None is missing, never 0."""

    mean: float | None
    """Σ_k v_k d̄_k over the strata that have a pair; v_k as the weighting says."""
    low: float | None
    """Ends of the two-sided bootstrap-t interval over clusters; see `stratified_test` for where there is none."""
    high: float | None
    p: float | None
    strata: tuple[Stratum, ...]
    """Every stratum named in the data, in the order of their names, those that were dropped too."""
    dropped: tuple[str, ...]
    """Strata without a single pair: they are in neither the mean nor the test."""
    clusters: int
    """Clusters with a pair in some stratum."""
    pairs: int
    missing: int
    exact: bool
    """Whether all sign assignments were counted."""
    note: str = ""


def stratified_test(
    differences: ArrayLike,
    clusters: Iterable[Hashable],
    strata: Iterable[Hashable],
    *,
    rng: np.random.Generator,
    weighting: Weighting = "strata",
    alternative: Alternative = "two-sided",
    flips: int = FLIPS,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> StratifiedTest:
    """Is the mean of paired differences over strata further from 0 than exchanging the two conditions gives?

    differences (n,)  treatment − control of pairs (`paired` makes them), NaN missing
    clusters (n,)     the unit: the world (ward) that both runs of a pair share
    strata (n,)       what else both share, such as (number of prosocial, dynamics); a tuple is one label

    d_ck = mean difference of cluster c in stratum k, d̄_k = mean over the n_k clusters that have one, and
    T = Σ_k v_k d̄_k with v_k = 1/K ("strata": each counts the same) or n_k / Σ n_k ("clusters": each cluster of
    each stratum does). **A cluster's sign flips as a whole, in all its strata at once**: runs of one world share
    its regrowth and its events, so its differences depend on each other across strata, and under the null only
    the vector (d_c1 … d_cK) may be exchanged for its negative; flips a stratum would reject too often.
    T = Σ_c a_c with a_c = Σ_k v_k d_ck / n_k, so the test is `sign_flip` of the a_c: exact up to 20 clusters,
    drawn beyond (Fisher 1935; Good 2005; strata weighted as in van Elteren 1960). With one stratum it is
    `sign_flip` of the clusters' means.

    The interval is a bootstrap-t over clusters; none under 20 clusters, nor where some cluster lacks a pair in
    some kept stratum, for then n_k varies from resample to resample.
    Raises ParleyError where lengths differ, a label is missing, or a difference is infinite.
    """
    check(alternative)
    if weighting not in get_args(Weighting):
        raise ParleyError(f"weighting {weighting!r} is unknown: strata or clusters")
    values = np.asarray(differences, dtype=float).reshape(-1)
    units, names, codes, told = _labelled(values, clusters, strata)
    means = np.full((len(units), len(names)), np.nan)
    for k in range(len(names)):
        inside = told == k
        found, at = cluster_means(values[inside], codes[inside])
        means[at, k] = found[:, 0]
    each = tuple(_stratum(names[k], means[:, k], values[told == k]) for k in range(len(names)))
    dropped = tuple(s.name for s in each if not s.clusters)
    kept = np.array([s.clusters > 0 for s in each], dtype=bool)
    means = means[:, kept]
    means = means[~np.isnan(means).all(axis=1)]
    missing = int(np.isnan(values).sum())
    if not means.size:
        return StratifiedTest(None, None, None, None, each, dropped, 0, 0, missing, False, NOTHING)
    shares = _shares(means, weighting)
    p = sign_flip(shares, rng=rng, alternative=alternative, flips=flips)
    low, high, said = _interval(means, shares, rng, resamples, level)
    return StratifiedTest(
        mean=float(shares.sum()),
        low=low,
        high=high,
        p=p,
        strata=each,
        dropped=dropped,
        clusters=len(means),
        pairs=len(values) - missing,
        missing=missing,
        exact=int((shares != 0).sum()) <= MOST_EXACT,
        note="; ".join(
            [*([f"no pair in {', '.join(dropped)}"] if dropped else []), *([said] if said else [])]
        ),
    )


def _labelled(
    values: Array, clusters: Iterable[Hashable], strata: Iterable[Hashable]
) -> tuple[list[Hashable], list[str], NDArray[np.intp], NDArray[np.intp]]:
    """Clusters and names of strata in order, and the code (n,) of each row's. Raises as `stratified_test` does."""
    labels = [_named(s, row) for row, s in enumerate(strata)]
    codes, units = coded(clusters, "cluster")
    told, names = coded(labels, "stratum")
    if not len(values) == len(codes) == len(told):
        raise ParleyError(
            f"{len(values)} differences, {len(codes)} clusters, {len(told)} strata: give one of each a pair"
        )
    if np.isinf(values).any():
        where = units[codes[int(np.argmax(np.isinf(values)))]]
        raise ParleyError(f"an infinite difference in cluster {where!r}: one that is undefined must be NaN")
    return units, names, codes, told


def _named(label: Hashable, row: int) -> str:
    """A stratum's name: the parts of a tuple joined by commas."""
    parts = label if isinstance(label, tuple) else (label,)
    if any(part is None or part != part for part in parts):
        raise ParleyError(f"row {row} has no stratum (it is {label!r}): every difference needs one")
    return ", ".join(str(part) for part in parts)


def _stratum(name: str, means: Array, values: Array) -> Stratum:
    seen = means[~np.isnan(means)]
    missing = int(np.isnan(values).sum())
    mean = float(seen.mean()) if len(seen) else None
    return Stratum(name, mean, len(seen), len(values) - missing, missing)


def _shares(means: Array, weighting: Weighting) -> Array:
    """What each cluster adds to the statistic, a_c (clusters,), from d (clusters, strata)."""
    seen = ~np.isnan(means)
    n = seen.sum(axis=0)
    weight = np.full(len(n), 1 / len(n)) if weighting == "strata" else n / n.sum()
    shares: Array = (np.where(seen, means, 0.0) * (weight / n)).sum(axis=1)
    return shares


def _interval(
    means: Array, shares: Array, rng: np.random.Generator, resamples: int, level: float
) -> tuple[float | None, float | None, str]:
    """Ends and the line beside them; with all strata full, T is the mean over clusters of n·a_c."""
    n = len(means)
    if n >= FEWEST_FOR_INTERVAL and np.isnan(means).any():
        return None, None, UNEVEN
    if n < FEWEST_FOR_INTERVAL:
        return None, None, note(n, False, True)
    low, high = bootstrap_t(n * shares[:, None], weights(n, resamples, rng), level)
    constant = bool(np.ptp(shares) <= 1e-12 * np.abs(shares).max())
    return present(low[0]), present(high[0]), note(n, constant, bool(np.isnan(low[0])))
