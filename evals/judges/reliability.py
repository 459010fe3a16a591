"""How far does a judge agree, with itself and with another: quadratic κ, and ranks within groups?"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics import FEWEST_FOR_INTERVAL, Estimate, estimate
from evals.statistics.bootstrap import RESAMPLES, weights
from evals.statistics.clusters import coded
from scenarios.errors import ParleyError
from scenarios.ward import Array

MOST_UNDEFINED = 0.05
"""Share of resamples without a κ above which no interval is given."""

Rank = Literal["kendall", "spearman"]

SAME = "every score is the same: nothing could have differed"
FEW = f"under {FEWEST_FOR_INTERVAL} dilemmas: no interval"
NO_PAIR = "no plan has both scores"
NO_GROUP = "no group in which both vary"


@dataclass(frozen=True)
class Agreement:
    """How two columns of scores agree; None is undefined or not measured, and the note says why."""

    exact: float | None
    """Share of plans with equal scores."""
    kappa: float | None
    low: float | None
    high: float | None
    """Ends of the 95 % percentile interval of κ over dilemmas."""
    n: int
    """Plans with both scores."""
    clusters: int
    missing: int
    """Plans without one of them."""
    note: str = ""


def kappa(one: ArrayLike, other: ArrayLike) -> float | None:
    """Quadratically weighted κ (Cohen 1968) of two columns (n,) of scores, NaN missing; in [−1, 1], 1 is equality.

        κ = 1 − Σ_i (a_i − b_i)² / (1/n) Σ_i Σ_j (a_i − b_j)² = 1 − mean (a − b)² / (var a + var b + (mean a − mean b)²)

    with variances over n: the categories need not be listed, and scores between them are allowed (Lin 1989 has the
    same number as the concordance correlation). None where no plan has both, or every score is one and the same.
    """
    a, b = _paired(one, other)
    value = _kappa(*(np.array([part]) for part in _moments(a, b).sum(axis=0)))[0] if len(a) else np.nan
    return None if np.isnan(value) else float(value)


def agreement(
    one: ArrayLike,
    other: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Agreement:
    """Exact agreement and κ of two columns (n,) of scores, κ with a percentile bootstrap over whole clusters.

    No interval under 20 clusters, or where over 5 % of the resamples have no κ. Where all scores are equal the
    interval has no width, and is left out too. Raises ParleyError where lengths differ.
    """
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if not len(a) == len(b) == len(clusters):
        raise ParleyError(f"{len(a)} scores, {len(b)} others, {len(clusters)} clusters: give one each a plan")
    both = ~(np.isnan(a) | np.isnan(b))
    kept = [c for c, keep in zip(clusters, both, strict=True) if keep]
    codes, names = coded(kept, "dilemma") if kept else (np.empty(0, dtype=np.intp), [])
    a, b = a[both], b[both]
    exact = float(np.isclose(a, b).mean()) if len(a) else None
    found = Agreement(exact, kappa(a, b), None, None, len(a), len(names), int((~both).sum()))
    if found.kappa is None:
        return replace(found, note=SAME if len(a) else NO_PAIR)
    if len(names) < FEWEST_FOR_INTERVAL:
        return replace(found, note=FEW)
    if found.exact == 1.0:
        return replace(found, note="no plan got two scores: no interval")
    sums = np.zeros((len(names), 6))
    np.add.at(sums, codes, _moments(a, b))
    drawn = _kappa(*(weights(len(names), resamples, rng) @ sums).T)
    undefined = float(np.isnan(drawn).mean())
    if undefined > MOST_UNDEFINED:
        return replace(found, note=f"{undefined:.0%} of the resamples have one score alone: no interval")
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return replace(found, low=float(low), high=float(high))


def ranks(
    one: ArrayLike,
    other: ArrayLike,
    groups: Sequence[Hashable],
    clusters: Sequence[Hashable],
    *,
    by: Rank = "kendall",
    rng: np.random.Generator,
) -> Estimate:
    """Mean over dilemmas of the rank correlation within groups: Kendall's τ-b or Spearman's ρ, in [−1, 1].

    Groups are what group-relative training sees: it compares the plans of one dilemma and pair alone. A group
    counts where two plans or more have both scores and neither column is constant there; `n` is how many such
    groups, `missing` how many others have two such plans (a constant column ranks nothing). Ties as in τ-b
    (Kendall 1945). Raises ParleyError where lengths differ.
    """
    from scipy.stats import kendalltau, spearmanr

    of: Any = kendalltau if by == "kendall" else spearmanr
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    found, where = [], []
    for rows, cluster in grouped(groups, clusters, ~(np.isnan(a) | np.isnan(b))):
        varies = not (_constant(a[rows]) or _constant(b[rows]))
        found.append(float(of(a[rows], b[rows]).statistic) if varies else np.nan)
        where.append(cluster)
    if not found or np.isnan(found).all():
        return Estimate(None, None, None, None, 0, 0, None, len(found), NO_GROUP)
    return in_dilemmas(estimate(found, where, rng=rng))


def flat(
    scores: ArrayLike, groups: Sequence[Hashable], clusters: Sequence[Hashable], *, rng: np.random.Generator
) -> Estimate:
    """Share of groups whose scores are all equal, in [0, 1], lower better: in such a group nothing is learned.

    Groups with two scores or more; mean over dilemmas of their groups' share.
    """
    a = np.asarray(scores, dtype=float)
    there = list(grouped(groups, clusters, ~np.isnan(a)))
    return in_dilemmas(
        estimate([float(_constant(a[rows])) for rows, _ in there], [c for _, c in there], rng=rng)
    )


def grouped(
    groups: Sequence[Hashable], clusters: Sequence[Hashable], there: Array
) -> Iterator[tuple[list[int], Hashable]]:
    """Rows of every group with two that are there or more, and the group's cluster, in order of appearance.

    `there` (n,) says which rows have what is measured. Raises ParleyError where lengths differ.
    """
    if not len(groups) == len(clusters) == len(there):
        raise ParleyError(
            f"{len(there)} scores, {len(groups)} groups, {len(clusters)} clusters: give one each"
        )
    rows: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        if there[i]:
            rows.setdefault(group, []).append(i)
    yield from ((at, clusters[at[0]]) for at in rows.values() if len(at) > 1)


def in_dilemmas(found: Estimate) -> Estimate:
    """An estimate whose note speaks of dilemmas: the statistics' own speak of wards."""
    return replace(found, note=found.note.replace("ward", "dilemma"))


def _constant(values: Array) -> bool:
    return bool(np.ptp(values) <= 1e-9)


def _paired(one: ArrayLike, other: ArrayLike) -> tuple[Array, Array]:
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    both = ~(np.isnan(a) | np.isnan(b))
    return a[both], b[both]


def _moments(a: Array, b: Array) -> Array:
    """(n, 6): what κ is made of, summed over plans: 1, a, b, a², b², (a − b)²."""
    return np.stack([np.ones_like(a), a, b, a * a, b * b, (a - b) ** 2], axis=1)


def _kappa(n: Array, a: Array, b: Array, aa: Array, bb: Array, apart: Array) -> Array:
    """κ from sums of `_moments`, (m,); NaN where it is undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = (aa + bb) / n - 2 * (a / n) * (b / n)
        return np.asarray(np.where(expected > 1e-12, 1 - apart / n / expected, np.nan))
