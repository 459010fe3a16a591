"""Where does a population of types drift: replicator dynamics over groups drawn from it.

x is the share of prosocial agents in an endless population; groups of n are drawn at random, so a focal agent meets
j prosocial ones among its n − 1 others with chance C(n−1, j) x^j (1−x)^(n−1−j). With π_S(k), π_P(k) what a selfish
and a prosocial agent get in a group with k prosocial agents,

    f_S(x) = E_j π_S(j),   f_P(x) = E_j π_P(j + 1),   ẋ = x (1 − x) (f_P(x) − f_S(x)) + μ (1 − 2x)

(Taylor and Jonker 1978; groups: Hauert et al. 2006; μ: mutation either way). f_P − f_S is a Bernstein polynomial in
the gains from switching c_j = π_P(j+1) − π_S(j), so it has at most as many roots inside as c changes sign (Peña,
Lehmann and Nöldeke 2014). Time is in generations per unit of payoff: only its direction means anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import comb
from typing import Literal

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike

from scenarios.errors import ParleyError
from scenarios.ward import Array

Stability = Literal["stable", "unstable", "half-stable", "neutral"]
Portrait = Literal["selfish", "prosocial", "bistable", "coexistence", "neutral", "other"]

ZERO = 1e-10
"""Share of the greatest gain from switching below which a difference of payoffs is none."""
SAME = 1e-7
"""Fixed points nearer than this are one."""


@dataclass(frozen=True)
class FixedPoint:
    """A share of prosocial agents that stays, and what happens beside it."""

    share: float
    stability: Stability
    """stable: drawn in from every side there is; half-stable: from one of two; neutral: nothing moves around it."""
    low: float
    """Ends of its basin, the shares from which the population drifts here; both its own share where there are none."""
    high: float

    @property
    def basin(self) -> float:
        """Share of all starting points that drift here, in [0, 1]."""
        return self.high - self.low


@dataclass(frozen=True, eq=False)
class Phase:
    """The phase line of one group game."""

    gains: Array
    """c_j = π_P(j+1) − π_S(j), (n,): what turning prosocial gains beside j prosocial others."""
    mutation: float
    points: tuple[FixedPoint, ...]
    portrait: Portrait
    """selfish, prosocial: one stable point, at 0 or 1; coexistence: one, inside; bistable: two; neutral: no drift."""

    def drift(self, share: ArrayLike) -> Array:
        """ẋ at each share of prosocial agents."""
        x = np.asarray(share, dtype=float)
        moved: Array = x * (1 - x) * advantage(self.gains, x) + self.mutation * (1 - 2 * x)
        return moved


def gains(selfish: ArrayLike, prosocial: ArrayLike) -> Array:
    """c (…, n) from π_S(0 … n−1) and π_P(1 … n), both (…, n). Raises ParleyError for other shapes or infinities."""
    s, p = np.asarray(selfish, dtype=float), np.asarray(prosocial, dtype=float)
    if s.shape != p.shape or s.ndim < 1 or s.shape[-1] < 1:
        raise ParleyError(
            f"payoffs of the selfish {s.shape}, of the prosocial {p.shape}: give π_S(0 … n−1) and π_P(1 … n)"
        )
    if np.isinf(s).any() or np.isinf(p).any():
        raise ParleyError("an infinite payoff: one that is undefined must be NaN")
    c: Array = p - s
    return c


def advantage(c: Array, share: ArrayLike) -> Array:
    """f_P(x) − f_S(x) at each share x: Σ_j C(n−1, j) x^j (1−x)^(n−1−j) c_j."""
    x = np.asarray(share, dtype=float)[..., None]
    j = np.arange(len(c))
    ways = np.array([comb(len(c) - 1, int(k)) for k in j], dtype=float)
    total: Array = (ways * x**j * (1 - x) ** (len(c) - 1 - j) * c).sum(axis=-1)
    return total


def phase(selfish: ArrayLike, prosocial: ArrayLike, *, mutation: float = 0.0) -> Phase:
    """Fixed points, their stability and basins from π_S(0 … n−1) and π_P(1 … n).

    Stable is what the drift on both sides points to; points where it touches 0 without turning are half-stable.
    Raises ParleyError for a missing payoff, other shapes, or a mutation rate that is negative.
    """
    c = gains(selfish, prosocial)
    if c.ndim != 1 or np.isnan(c).any():
        raise ParleyError(
            f"payoffs by make-up of the group are missing or not one row ({c.shape}): all are needed"
        )
    return _phase(c, mutation)


def _phase(c: Array, mutation: float) -> Phase:
    if not 0 <= mutation < np.inf:
        raise ParleyError(f"mutation is {mutation}: give a rate of 0 or more")
    field, zero = _field(c, mutation), ZERO * max(float(np.abs(c).max()), mutation)
    if zero == 0:
        points: tuple[FixedPoint, ...] = (
            FixedPoint(0.0, "neutral", 0.0, 0.0),
            FixedPoint(1.0, "neutral", 1.0, 1.0),
        )
        return Phase(c, mutation, points, "neutral")
    # Without mutation both ends are fixed points; what lies between is where the difference of payoffs is 0.
    inside = _roots(_power(c) if mutation == 0 else field, zero)
    shares = _apart([0.0, *inside, 1.0] if mutation == 0 else inside)
    points = _points(c, mutation, shares)
    return Phase(c, mutation, points, _portrait(points))


def trajectory(of: Phase, start: float, times: ArrayLike) -> Array:
    """The share of prosocial agents at each time (T,), rising from 0, that starts at `start` in [0, 1]."""
    from scipy.integrate import solve_ivp

    at = np.asarray(times, dtype=float).reshape(-1)
    if not 0 <= start <= 1:
        raise ParleyError(f"start is {start}: give a share of prosocial agents between 0 and 1")
    if not len(at) or (np.diff(at) < 0).any() or at[0] < 0:
        raise ParleyError("times must rise from 0 or later")
    if at[-1] == 0:
        return np.full(len(at), float(start))

    def moved(_: float, x: Array) -> Array:
        return of.drift(np.clip(x, 0.0, 1.0))

    found = solve_ivp(moved, (0.0, at[-1]), [start], t_eval=at, method="LSODA", rtol=1e-9, atol=1e-12)
    if not found.success:
        raise ParleyError(f"the trajectory from {start} could not be followed: {found.message}")
    return np.asarray(np.clip(found.y[0], 0.0, 1.0))


def _power(c: Array) -> Polynomial:
    """f_P − f_S as a polynomial in x."""
    x, m = Polynomial([0.0, 1.0]), len(c) - 1
    total = Polynomial([0.0])
    for j, gain in enumerate(c):
        total = total + comb(m, j) * float(gain) * x**j * (1 - x) ** (m - j)
    return total


def _field(c: Array, mutation: float) -> Polynomial:
    x = Polynomial([0.0, 1.0])
    return x * (1 - x) * _power(c) + mutation * (1 - 2 * x)


def _roots(p: Polynomial, zero: float) -> list[float]:
    """Every root in [0, 1], a root that is only touched included: between two roots of p′, p has at most one."""
    from scipy.optimize import brentq

    if p.degree() < 1 or not p.coef[1:].any():
        return []
    ends = [0.0, *_roots(p.deriv(), 0.0), 1.0]
    values = [float(p(x)) for x in ends]
    found = [x for x, v in zip(ends, values, strict=True) if abs(v) <= zero]
    for a, b, va, vb in zip(ends, ends[1:], values, values[1:], strict=False):
        if abs(va) > zero and abs(vb) > zero and va * vb < 0:
            found.append(float(brentq(p, a, b, xtol=1e-14)))
    return sorted(found)


def _apart(shares: list[float]) -> list[float]:
    """Shares in order, those that are one told once; an end of [0, 1] stands for what lies at it."""
    kept: list[float] = []
    for x in sorted(shares):
        if kept and x - kept[-1] <= SAME:
            kept[-1] = 1.0 if x == 1.0 else kept[-1]
        else:
            kept.append(x)
    return kept


def _points(c: Array, mutation: float, shares: list[float]) -> tuple[FixedPoint, ...]:
    """Each share with the drift on both of its sides; a stretch between two of them drifts to the one or the other."""
    line = Phase(c, mutation, (), "other")
    edges = [0.0, *shares, 1.0]
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    drift = np.sign(line.drift(middles))
    points = []
    for i, x in enumerate(shares):
        left, right = (edges[i] < x, drift[i]), (x < edges[i + 2], drift[i + 1])
        into = [there and sign == toward for (there, sign), toward in ((left, 1), (right, -1))]
        sides = sum(there for there, _ in (left, right))
        stability: Stability = "stable" if sum(into) == sides else "half-stable" if any(into) else "unstable"
        low, high = (edges[i] if into[0] else x), (edges[i + 2] if into[1] else x)
        points.append(FixedPoint(x, stability, low, high))
    return tuple(points)


def _portrait(points: tuple[FixedPoint, ...]) -> Portrait:
    stable = [p.share for p in points if p.stability == "stable"]
    if len(stable) == 1:
        return {0.0: "selfish", 1.0: "prosocial"}.get(stable[0], "coexistence")  # type: ignore[return-value]
    return "bistable" if len(stable) == 2 else "other"
