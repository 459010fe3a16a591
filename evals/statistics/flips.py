"""Could the sign of the differences be chance: the sign-flip test, over all sign assignments or many of them."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.clusters import by_count
from scenarios.errors import ParleyError
from scenarios.ward import Array

Alternative = Literal["two-sided", "greater", "less"]

MOST_EXACT = 20
"""Differences (other than 0) up to which all 2^n sign assignments are counted."""
FLIPS = 9_999
"""Sign assignments drawn beyond that; with the one observed, p moves in steps of 1/10,000."""
TIE = 1e-10
"""Share of Σ|difference| within which two sums tie: sums of the same numbers in another order do."""
_COLUMNS = 500


def sign_flip(
    differences: ArrayLike,
    *,
    rng: np.random.Generator,
    alternative: Alternative = "two-sided",
    flips: int = FLIPS,
) -> float | None:
    """p of the sign-flip test of one sample (n,) of differences, one a ward; None where all are missing.

    Under the null that the two conditions of a ward could be exchanged, every sign assignment is as likely:
    p = the share of assignments whose sum is at least as extreme as the one observed (Fisher 1935; Pitman 1937).
    All 2^n are counted up to n = 20, so p is exact; beyond, `flips` are drawn and p = (1+k)/(1+flips)
    (Phipson and Smyth 2010), which is valid too. Ties count as extreme. NaN are left out. A difference of 0
    has no sign to flip and does not count toward n; where all are 0, p = 1.
    """
    p = sign_flips(
        np.asarray(differences, dtype=float)[:, None], rng=rng, alternative=alternative, flips=flips
    )
    return None if np.isnan(p[0]) else float(p[0])


def sign_flips(
    differences: Array,
    *,
    rng: np.random.Generator,
    alternative: Alternative = "two-sided",
    flips: int = FLIPS,
) -> Array:
    """`sign_flip` of each column of (wards, outcomes): p (outcomes,), NaN where a column is all missing.

    Draws are shared by the columns with equally many differences; a column's p does not depend on the others.
    """
    check(alternative)
    seed = int(rng.integers(2**63))
    values = -differences if alternative == "less" else differences
    p = np.full(values.shape[1], np.nan)
    present = ~np.isnan(values)
    for columns, block in by_count(values, present & (values != 0)):
        two_sided = alternative == "two-sided"
        if len(block) <= MOST_EXACT:
            p[columns] = _counted(block, two_sided)
        else:
            p[columns] = _drawn(block, two_sided, flips, np.random.default_rng([seed, len(block)]))
    p[~present.any(axis=0)] = np.nan
    return p


def check(alternative: str) -> None:
    """Raises ParleyError where the alternative is none of the three."""
    if alternative not in get_args(Alternative):
        raise ParleyError(f"alternative {alternative!r} is unknown: two-sided, greater or less")


def _counted(values: Array, two_sided: bool) -> Array:
    """p over all 2^n assignments (n, m): sums of two halves, one sorted, so that 2^(n/2) steps count them all."""
    n, m = values.shape
    observed, tie = _observed(values, two_sided)
    first, second = _sums(values[: n // 2]), np.sort(_sums(values[n // 2 :]), axis=0)
    p = np.empty(m)
    for j in range(m):
        below = np.searchsorted(second[:, j], observed[j] - tie[j] - first[:, j])
        p[j] = (len(second) * len(first) - below.sum()) / 2.0**n
    return np.minimum(1.0, 2 * p) if two_sided else p


def _sums(values: Array) -> Array:
    """All 2^n signed sums of the rows of (n, m): (2^n, m)."""
    sums = np.zeros((1, values.shape[1]))
    for row in values:
        sums = np.concatenate([sums + row, sums - row])
    return sums


def _drawn(values: Array, two_sided: bool, flips: int, rng: np.random.Generator) -> Array:
    """p over drawn assignments, the one observed counted among them."""
    if flips < 1:
        raise ParleyError(f"flips is {flips}: draw at least 1, better {FLIPS}")
    signs = 2.0 * rng.integers(0, 2, size=(flips, len(values))) - 1.0
    observed, tie = _observed(values, two_sided)
    p = np.empty(values.shape[1])
    for start in range(0, values.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        sums = signs @ values[:, part]
        if two_sided:
            np.abs(sums, out=sums)
        p[part] = (1 + (sums >= observed[part] - tie[part]).sum(axis=0)) / (1 + flips)
    return p


def _observed(values: Array, two_sided: bool) -> tuple[Array, Array]:
    sums = values.sum(axis=0)
    return (np.abs(sums) if two_sided else sums), TIE * np.abs(values).sum(axis=0)
