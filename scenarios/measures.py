"""What is an allocation worth: the six measures of Chaki, Gourru & Velcin (arXiv 2604.13705), as functions of arrays.

h is need satisfaction of the N counted patients, each in [0, 1]; p the survival gain, w a weight >= 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scenarios.ward import Array, Ward


def need_satisfaction(x: Array, demand: Array) -> Array:
    """h_i = mean over the resources k with d_ik > 0 of x_ik / d_ik, in [0, 1], higher is better.

    Shapes: x and demand (N, K), h (N,). A patient who demands nothing gets nan and is left out of
    every measure. The authors' sum over k of x_ik mixes units; the mean of shares is ours.
    """
    wanted = demand > 0
    share = np.divide(x, demand, out=np.zeros_like(x, dtype=float), where=wanted)
    count = wanted.sum(axis=1)
    h: Array = np.divide(share.sum(axis=1), count, out=np.full(len(count), np.nan), where=count > 0)
    return h


def counted_need_satisfaction(ward: Ward, x: Array) -> Array:
    """Need satisfaction of the patients who demand something, in the order of the ward."""
    return need_satisfaction(x, ward.arrays.demand)[ward.arrays.counted]


def survival(h: Array, p: Array) -> float:
    """ESG = sum_i p_i h_i: expected survival gain, in survivors, >= 0, higher is better."""
    return float(p @ h)


def worst_off(h: Array) -> float:
    """RMG = min_i h_i: the Rawlsian minimum, in [0, 1], higher is better; nan for nobody."""
    return float(h.min()) if len(h) else float("nan")


def variance(h: Array) -> float:
    """VAR = population variance of h, in [0, 1/4], lower is better; nan for nobody."""
    return float(h.var()) if len(h) else float("nan")


def disadvantage_weighted_survival(h: Array, p: Array, prioritarian: Array) -> float:
    """DW-ESG = sum_i w_i p_i h_i with prioritarian weights, >= 0, higher is better."""
    return float((prioritarian * p) @ h)


def vulnerability_weighted_care(h: Array, care: Array) -> float:
    """VWCI = sum_i w_i h_i with care weights, >= 0, higher is better."""
    return float(care @ h)


def gini(h: Array) -> float:
    """Gini on sorted h: 2 sum_i (i+1) h_(i) / (N sum h) − (N+1)/N, i from 0; in [0, 1 − 1/N], lower is better.

    0 where sum h = 0 or N = 1 (nobody has more than another); nan for nobody. The authors' Lean text forgets to sort.
    """
    n, total = len(h), float(h.sum())
    if n == 0:
        return float("nan")
    if n == 1 or total <= 0:
        return 0.0
    ranks = np.arange(1, n + 1)
    return max(0.0, float(2 * (ranks @ np.sort(h)) / (n * total) - (n + 1) / n))


def mean_absolute_difference(h: Array) -> float:
    """MAD = (1/N²) sum_ij |h_i − h_j|, in [0, 1/2], lower is better: the Gini's numerator, convex in h."""
    n = len(h)
    if n == 0:
        return float("nan")
    return max(0.0, float(2 * ((2 * np.arange(1, n + 1) - n - 1) @ np.sort(h)) / n**2))


def normalised_variance(h: Array) -> float:
    """1 − 4 VAR, in [0, 1], higher is better."""
    return 1 - 4 * variance(h)


def normalised_gini(h: Array) -> float:
    """1 − Gini N/(N−1), in [0, 1], higher is better; 1 for N = 1."""
    n = len(h)
    return 1.0 if n == 1 else float(np.clip(1 - gini(h) * n / (n - 1), 0.0, 1.0))


def normalised(value: float, most: float) -> float | None:
    """f / f_max, in [0, 1], higher is better, for ESG, RMG, DW-ESG, VWCI; None (undefined) where f_max = 0."""
    return None if most <= 1e-12 else min(1.0, value / most)


@dataclass(frozen=True)
class Measure:
    """Name and facts of one measure; `symbol` is the paper's."""

    name: str
    symbol: str
    says: str
    higher_is_better: bool


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure("survival", "ESG", "expected survivors gained", True),
        Measure("worst_off", "RMG", "need satisfaction of the worst-off patient", True),
        Measure("evenness", "VAR", "variance of need satisfaction", False),
        Measure(
            "disadvantage_weighted_survival", "DW-ESG", "survivors gained, weighted to the worse off", True
        ),
        Measure("vulnerability_weighted_care", "VWCI", "care given, weighted to the vulnerable", True),
        Measure("equality", "Gini", "inequality of need satisfaction", False),
    )
}


def raw_measures(ward: Ward, x: Array) -> dict[str, float]:
    """The six raw measures of x, keyed as MEASURES, in their own units and directions."""
    a, h = ward.arrays, counted_need_satisfaction(ward, x)
    p, prior, care = a.benefit[a.counted], a.prioritarian[a.counted], a.care[a.counted]
    return {
        "survival": survival(h, p),
        "worst_off": worst_off(h),
        "evenness": variance(h),
        "disadvantage_weighted_survival": disadvantage_weighted_survival(h, p, prior),
        "vulnerability_weighted_care": vulnerability_weighted_care(h, care),
        "equality": gini(h),
    }
