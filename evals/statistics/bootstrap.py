"""Where may the mean lie: the bootstrap-t over clusters, for means and for ratios of means."""

from __future__ import annotations

import numpy as np

from scenarios.errors import ParleyError
from scenarios.ward import Array

FEWEST_FOR_INTERVAL = 20
"""Clusters below which no interval is given."""
RESAMPLES = 2_000
LEAST_DENOMINATOR = 0.05
"""A ratio is missing where its denominator does not exceed this."""
CONSTANT = 1e-12
"""A variance below this share of the second moment is rounding: the values are constant."""
_COLUMNS = 1_000


def weights(n: int, resamples: int, rng: np.random.Generator) -> Array:
    """How often each of n clusters is in each resample: (resamples, n), rows sum to n."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)


def bootstrap_t(
    values: Array, drawn: Array, level: float = 0.95, denominator: Array | None = None
) -> tuple[Array, Array]:
    """Studentised bootstrap intervals of the column means, or of Σ values / Σ denominator, over clusters.

    values, denominator   (n, m): one row a cluster, one column an outcome, nothing missing
    drawn                 (resamples, n) of `weights`, shared by the columns

    With r the ratio of means (denominator 1 for a mean) and its linearised standard error
    se² = Σ (a_i − r b_i)² / (n(n−1) b̄²), every resample gives t* = (r* − r)/se*, and the interval is
    [r − t*_(1−α/2)·se, r − t*_(α/2)·se] (Efron 1981; Hall 1988). A resample without variance has t* = ±∞, one
    whose denominator does not exceed .05 counts in both tails: neither is dropped, which would narrow the
    interval. Returns low and high (m,), both NaN where the values are constant or an end is not finite.
    """
    low, high = np.full((2, values.shape[1]), np.nan)
    for start in range(0, values.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        below = None if denominator is None else denominator[:, part]
        low[part], high[part] = _bootstrap_t(values[:, part], drawn, level, below)
    return low, high


def _bootstrap_t(values: Array, drawn: Array, level: float, below: Array | None) -> tuple[Array, Array]:
    n = len(values)
    centre, se = linearised(values, below)
    residual = values - centre * (1.0 if below is None else below)
    squares = drawn @ residual**2
    if below is None:
        shift = drawn @ residual / n
        spread = squares - n * shift**2
        scale = np.ones_like(shift)
    else:
        mean = drawn @ below / n
        scale = np.where(mean > LEAST_DENOMINATOR, mean, np.nan)
        shift = drawn @ residual / n / scale
        spread = squares - 2 * shift * (drawn @ (residual * below)) + shift**2 * (drawn @ below**2)
    spread[spread <= CONSTANT * np.maximum(squares, 0.0)] = 0.0
    errors = np.sqrt(spread / (n * (n - 1))) / scale
    return endpoints(centre, se, shift, errors, level)


def linearised(values: Array, denominator: Array | None = None) -> tuple[Array, Array]:
    """Means, or ratios of means, of the columns of (n, m), and their standard errors; NaN where undefined."""
    n = len(values)
    if denominator is None:
        centre = values.mean(axis=0)
        scale, residual = np.ones_like(centre), values - centre
        moment = (values**2).sum(axis=0)
    else:
        mean = denominator.mean(axis=0)
        scale = np.where(mean > LEAST_DENOMINATOR, mean, np.nan)
        centre = values.mean(axis=0) / scale
        residual = values - centre * denominator
        moment = (values**2).sum(axis=0)
    if n < 2:
        return centre, np.full_like(centre, np.nan)
    squares = (residual**2).sum(axis=0)
    squares = np.where(squares <= CONSTANT**2 * moment, 0.0, squares)
    return centre, np.sqrt(squares / (n * (n - 1))) / scale


def endpoints(
    centre: Array, se: Array, shift: Array, errors: Array, level: float, *, symmetric: bool = False
) -> tuple[Array, Array]:
    """Ends of the interval from what the resamples say: `shift` = r* − r and `errors` = se*, both (resamples, m).

    Order statistics k and R+1−k of t* with k = ⌊(R+1)(1−level)/2⌋ (Davison and Hinkley 1997, 5.2);
    `symmetric`: r ± |t*|_(R+1−k)·se with k = ⌊(R+1)(1−level)⌋ (Hall 1988).
    """
    resamples = len(shift)
    if not 0 < level < 1:
        raise ParleyError(f"level is {level}: give a share between 0 and 1, like 0.95")
    k = int((resamples + 1) * (1 - level) / (1 if symmetric else 2) + 1e-9)
    if k < 1:
        raise ParleyError(f"{resamples} resamples are too few for level {level}: take {RESAMPLES}")
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where((shift == 0) & (errors == 0), 0.0, shift / errors)
    undefined = np.isnan(t)
    if symmetric:
        upper = _ranked(np.where(undefined, np.inf, np.abs(t)), resamples - k)
        lower = -upper
    elif undefined.any():
        lower = _ranked(np.where(undefined, -np.inf, t), k - 1)
        upper = _ranked(np.where(undefined, np.inf, t), resamples - k)
    else:
        lower, upper = _ranked(t, k - 1, resamples - k)
    bad = ~(np.isfinite(lower) & np.isfinite(upper) & (se > 0))
    lower, upper = np.where(bad, np.nan, lower), np.where(bad, np.nan, upper)
    return centre - upper * se, centre - lower * se


def _ranked(t: Array, *ranks: int) -> Array:
    """Order statistics of the columns: (m,), or (ranks, m) for several. Rows are faster to sort than columns."""
    found: Array = np.partition(np.ascontiguousarray(t.T), ranks, axis=1)[:, ranks].T
    return found if len(ranks) > 1 else found[0]
