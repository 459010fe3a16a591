"""How many times as much: ratios that are missing where their denominator is too small to divide by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.bootstrap import (
    FEWEST_FOR_INTERVAL,
    LEAST_DENOMINATOR,
    RESAMPLES,
    bootstrap_t,
    linearised,
    weights,
)
from evals.statistics.clusters import cluster_means
from evals.statistics.effects import standardised
from evals.statistics.estimates import Estimate, note, present
from evals.statistics.flips import FLIPS, Alternative, sign_flips
from scenarios.errors import ParleyError
from scenarios.ward import Array


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> Array:
    """numerator / denominator, elementwise; NaN where the denominator does not exceed .05 or either is missing."""
    above, below = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    with np.errstate(invalid="ignore"):
        divides = below > LEAST_DENOMINATOR
    divided: Array = np.divide(above, below, out=np.full(below.shape, np.nan), where=divides)
    return divided


def ratio_estimate(
    numerator: ArrayLike,
    denominator: ArrayLike,
    clusters: Iterable[Any],
    *,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    flips: int = FLIPS,
) -> Estimate:
    """The ratio of two means over clusters, with a bootstrap-t interval of its linearised error.

    ratio = Σ_c a_c / Σ_c b_c over clusters c that have both means; a value without its counterpart counts as
    missing. p: sign-flip of a_c − b_c, the null being a ratio of 1 by exchange; effect: d_z of a_c − b_c.
    All of it is missing where the mean of b does not exceed .05.
    Raises ParleyError where lengths differ, a label is missing or a value is infinite.
    """
    above, below = (np.asarray(v, dtype=float).reshape(-1) for v in (numerator, denominator))
    if len(above) != len(below):
        raise ParleyError(f"{len(above)} numerators but {len(below)} denominators: give one each")
    lacking = np.isnan(above) | np.isnan(below)
    both = np.where(lacking[:, None], np.nan, np.column_stack([above, below]))
    means, _ = cluster_means(both, clusters)
    means = means[~np.isnan(means).any(axis=1)]
    used, missing = int((~lacking).sum()), int(lacking.sum())
    seed = int(rng.integers(2**63))
    if not len(means) or means[:, 1].mean() <= LEAST_DENOMINATOR:
        text = (
            f"the denominator does not exceed {LEAST_DENOMINATOR}: no ratio"
            if len(means)
            else note(0, True, True)
        )
        return Estimate(None, None, None, None, used, len(means), None, missing, text)
    a, b = means[:, :1], means[:, 1:]
    centre, _ = linearised(a, b)
    low = high = np.array([np.nan])
    if len(means) >= FEWEST_FOR_INTERVAL:
        drawn = weights(len(means), resamples, np.random.default_rng([seed, 1]))
        low, high = bootstrap_t(a, drawn, level, b)
    p = sign_flips(a - b, rng=np.random.default_rng([seed, 0]), alternative=alternative, flips=flips)
    return Estimate(
        mean=float(centre[0]),
        low=present(low[0]),
        high=present(high[0]),
        p=present(p[0]),
        n=used,
        clusters=len(means),
        effect=present(standardised(a - b)[0]),
        missing=missing,
        note=note(len(means), bool(np.isclose(a, centre * b).all()), bool(np.isnan(low[0]))),
    )
