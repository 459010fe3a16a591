"""What does a judge go by that it should not: how long a plan is, and which of two was shown first?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from evals.judges.reliability import grouped, in_dilemmas
from evals.statistics import Estimate, estimate, ratio_estimate, sign_flip
from scenarios.ward import Array

if TYPE_CHECKING:
    from evals.judges.judging import Comparison

ALIKE = "no group has plans of different length"


def length_bias(
    scores: ArrayLike,
    words: ArrayLike,
    groups: Sequence[Hashable],
    clusters: Sequence[Hashable],
    *,
    rng: np.random.Generator,
) -> Estimate:
    """By how many points a plan scores higher for every doubling of its length, within groups; 0 is no bias.

        slope = Σ_g Σ_i x̃_i ỹ_i / Σ_g Σ_i x̃_i²,   x = log2 words, y = score, ~ less its group's mean

    scores, words    (n,): NaN missing, words at least 1; groups with two scores or more count
    groups, clusters (n,) labels; the interval is a bootstrap-t over clusters, p the sign-flip test of Σ x̃ỹ by cluster

    A plan may be longer *and* better: only where the words added say nothing is it bias for certain. Missing where
    no group has plans of different length.
    """
    y, x = np.asarray(scores, dtype=float), np.log2(np.maximum(np.asarray(words, dtype=float), 1.0))
    by_cluster: dict[Hashable, Array] = {}
    used = 0
    for rows, cluster in grouped(groups, clusters, ~np.isnan(y)):
        longer, better = x[rows] - x[rows].mean(), y[rows] - y[rows].mean()
        parts = np.array([(longer * better).sum(), (longer * longer).sum()])
        by_cluster[cluster] = by_cluster.get(cluster, np.zeros(2)) + parts
        used += len(rows)
    sums = np.array(list(by_cluster.values())).reshape(-1, 2)
    scale = float(sums[:, 1].mean()) if len(sums) else 0.0
    missing = len(y) - used
    if scale <= 1e-12:
        return Estimate(None, None, None, None, used, len(sums), None, missing, ALIKE)
    found = ratio_estimate(sums[:, 0] / scale, sums[:, 1] / scale, list(by_cluster), rng=rng)
    p = sign_flip(sums[:, 0], rng=rng)
    return in_dilemmas(replace(found, p=p, n=used, effect=None, missing=missing))


def position_bias(comparisons: Sequence[Comparison], *, rng: np.random.Generator) -> Estimate:
    """How much more often than half the plan shown first is named, in [−.5, .5]; 0 is no bias.

    Of every pair answered in both orders the share in which the first was named, less .5; a pair whose winner is
    the same in both orders gives 0. Mean over dilemmas; p is the sign test, by dilemma (the sign-flip test).
    """
    shares = [c.first_shown for c in comparisons if c.asked]
    values = [np.nan if s is None else s - 0.5 for s in shares]
    return in_dilemmas(estimate(values, [c.one.cluster for c in comparisons if c.asked], rng=rng))


def swap_consistency(comparisons: Sequence[Comparison], *, rng: np.random.Generator) -> Estimate:
    """Share of pairs whose winner is the same in both orders, in [0, 1], higher better; a coin has .5.

    Of the pairs answered in both orders, mean over dilemmas; `p` is against .5.
    """
    shares = [c.first_shown for c in comparisons if c.asked]
    clusters = [c.one.cluster for c in comparisons if c.asked]
    beyond = [np.nan if s is None else float(s == 0.5) - 0.5 for s in shares]
    found = in_dilemmas(estimate(beyond, clusters, rng=rng))

    def up(value: float | None) -> float | None:
        return None if value is None else value + 0.5

    return replace(found, mean=up(found.mean), low=up(found.low), high=up(found.high))
