"""How large is it: effect sizes of paired differences over clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.bootstrap import CONSTANT
from scenarios.ward import Array


def standardised(differences: ArrayLike) -> Array:
    """d_z = mean / standard deviation (n−1) of each column of (wards, outcomes) or of (wards,) (Cohen 1988).

    Missing differences are left out; NaN where under two are left or they do not vary. Unbounded, 0 is none.
    """
    values = np.asarray(differences, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    seen = ~np.isnan(values)
    n = seen.sum(axis=0)
    filled = np.where(seen, values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(n, 1)
    squares = np.where(seen, (values - mean) ** 2, 0.0).sum(axis=0)
    fit = (n >= 2) & (squares > CONSTANT**2 * (filled**2).sum(axis=0))
    deviation = np.sqrt(squares / np.maximum(n - 1, 1))
    sizes: Array = np.divide(mean, deviation, out=np.full(len(mean), np.nan), where=fit)
    return sizes


def rank_biserial(differences: ArrayLike) -> float | None:
    """Matched rank-biserial correlation (W⁺ − W⁻)/(W⁺ + W⁻) of the differences (n,), in [−1, 1] (Kerby 2014).

    W⁺ and W⁻ are Wilcoxon's sums of the ranks of |difference|, mean ranks for ties, zeros left out first
    (Wilcoxon 1945). 1: every ward went up. None where nothing is left.
    """
    from scipy.stats import rankdata

    values = np.asarray(differences, dtype=float)
    values = values[~np.isnan(values) & (values != 0)]
    if not len(values):
        return None
    ranks = rankdata(np.abs(values))
    return float((ranks * np.sign(values)).sum() / ranks.sum())
