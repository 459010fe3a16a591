"""What could this study have seen: power and minimum detectable effect ahead of a study."""

from __future__ import annotations

import math

import numpy as np

from evals.statistics.flips import MOST_EXACT, Alternative, check, sign_flips
from scenarios.errors import ParleyError

LARGEST = 50.0
"""Effects (d_z) above this are not looked for."""


def power(effect: float, clusters: int, alpha: float = 0.05, alternative: Alternative = "two-sided") -> float:
    """Chance that paired differences over `clusters` wards reject at `alpha`, their mean being `effect` in d_z.

    P(|T| > t_(1−α/2)) with T noncentral t, clusters − 1 degrees of freedom, noncentrality d_z·√clusters
    (Cohen 1988). An approximation: it is the t test's power for normal differences, which the sign-flip test
    comes close to (`simulated_power` checks it), taken at the largest level not above `alpha` that p of the
    enumerated sign flips can have, a multiple of 2/2^n (1/2^n one-sided) for n wards; 0 where there is none.
    "less" takes an effect below 0. In [0, 1].
    """
    from scipy.stats import t

    check(alternative)
    _checked(clusters, alpha)
    tails = 2 if alternative == "two-sided" else 1
    if clusters <= MOST_EXACT:
        alpha = math.floor(alpha / tails * 2.0**clusters + 1e-9) * tails * 0.5**clusters
    if clusters < 2 or alpha == 0:
        return 0.0
    freedom = clusters - 1
    shift = (-effect if alternative == "less" else effect) * math.sqrt(clusters)
    critical = float(t.isf(alpha / tails, freedom))
    found = _above(critical, freedom, shift)
    return min(1.0, found + _above(critical, freedom, -shift)) if tails == 2 else found


def _above(critical: float, freedom: int, shift: float) -> float:
    """P(T > critical) of a noncentral t; scipy's is NaN where it is nearer to 0 or 1 than 1e-15."""
    from scipy.stats import nct

    found = float(nct.sf(critical, freedom, shift))
    return float(shift > critical) if math.isnan(found) else max(0.0, found)


_power = power  # its name is also that of an argument below


def minimum_detectable_effect(
    clusters: int, alpha: float = 0.05, power: float = 0.8, alternative: Alternative = "two-sided"
) -> float | None:
    """The least |d_z| that `clusters` wards detect with the given power (approximation of `power`).

    None where no effect is: too few wards for the sign-flip test to reject. Times the standard deviation over
    wards, it is in the outcome's own units.
    """
    from scipy.optimize import brentq

    if not alpha < power < 1:
        raise ParleyError(f"power is {power}: give a share between alpha ({alpha}) and 1, like 0.8")
    toward: Alternative = "two-sided" if alternative == "two-sided" else "greater"
    check(alternative)
    if _power(LARGEST, clusters, alpha, toward) < power:
        return None
    return float(brentq(lambda d: _power(d, clusters, alpha, toward) - power, 0.0, LARGEST, xtol=1e-10))


def simulated_power(
    effect: float,
    clusters: int,
    *,
    rng: np.random.Generator,
    studies: int = 2_000,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> float:
    """Share of simulated studies, differences normal with mean `effect` and sd 1, that the sign-flip test rejects.

    Its Monte Carlo standard error is √(p(1 − p)/studies), at most .011 for 2,000.
    """
    _checked(clusters, alpha)
    rejected = 0
    for start in range(0, studies, 100):  # a fresh set of sign assignments for every hundred studies
        differences = effect + rng.standard_normal((clusters, min(100, studies - start)))
        rejected += int((sign_flips(differences, rng=rng, alternative=alternative) <= alpha).sum())
    return rejected / studies


def _checked(clusters: int, alpha: float) -> None:
    if clusters < 0 or not 0 < alpha < 1:
        raise ParleyError(f"clusters {clusters}, alpha {alpha}: wards are counted, alpha is between 0 and 1")
