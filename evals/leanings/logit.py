"""Which weights explain a seat's choices best: a conditional logit over fixed candidates (McFadden 1974).

    P(k) = exp(Σ_j θ_j φ_j(x_k)) / Σ_m exp(Σ_j θ_j φ_j(x_m)),   θ = precision · w,  θ >= 0

convex in θ, so the maximum is the maximum. The precision has an exponential prior of mean PRECISION, without which
choices without any error would send it to infinity; it prefers no direction of w. Every ward counts the same.
Errors are taken to be in utility. A hand that trembles in amounts instead biases the point, further than its
interval says (a declared .60 for a group came out as .84 at a tremble of a tenth of demand): the set is what holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.leanings.menus import Menu
from scenarios.ward import Array

PRECISION = 1000.0
"""Mean of the prior of the precision, per unit of utility: a difference of .001 is then a factor e in odds."""

FIRST = 10.0
"""The precision that the search begins with."""

CLOSE = 1e-8
"""Newton's method ends where the next step would gain less log likelihood than half of this."""

MOST_STEPS = 200

MOST_NUMBERS = 4_000_000
"""Utilities worked out at once, over resamples, choices and candidates: 32 MB."""

LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Chosen:
    """One choice as the logit takes it: its ward's menu, its place there, the ward it counts for."""

    menu: Menu
    place: int
    cluster: str


@dataclass(frozen=True, eq=False)
class Point:
    """Weights that sum to 1, their precision, and both for every resample of the wards; nan where nothing is fitted."""

    weights: Array  # (T,)
    precision: float
    resampled: Array  # (R, T)
    clusters: tuple[str, ...]  # the wards that were resampled

    @property
    def low(self) -> Array:
        """Lower ends of the percentile intervals, (T,)."""
        return _quantile(self.resampled, (1 - LEVEL) / 2)

    @property
    def high(self) -> Array:
        """Upper ends, (T,)."""
        return _quantile(self.resampled, (1 + LEVEL) / 2)


def _quantile(resampled: Array, share: float) -> Array:
    if not len(resampled):
        return np.full(resampled.shape[1], np.nan)
    return np.asarray(np.quantile(resampled, share, axis=0))


def point(choices: Sequence[Chosen], allowed: Array, draws: Array) -> Point:
    """The weights over the terms of `allowed` (T,) that are likeliest, and those of resampled wards.

    `draws` (R, n) are uniform numbers in [0, 1), n at least the number of wards: the same draws for solos and exit
    solos of a seat make their difference a paired one. Fewer than two wards give no resamples.
    """
    table = _Table(choices, allowed)
    theta = table.fit(np.ones((1, table.wards)))[0]
    resampled = np.zeros((0, len(allowed)))
    if table.wards > 1 and len(draws):
        picks = (draws[:, : table.wards] * table.wards).astype(int)
        counts = np.array([np.bincount(p, minlength=table.wards) for p in picks], dtype=float)
        at_once = max(1, MOST_NUMBERS // table.size)
        fits = [table.fit(counts[i : i + at_once]) for i in range(0, len(counts), at_once)]
        resampled = _normalised(np.vstack(fits))
    return Point(_normalised(theta[None])[0], float(theta.sum()), resampled, table.names)


def _normalised(theta: Array) -> Array:
    total = theta.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(theta, total, out=np.full_like(theta, np.nan), where=total > 1e-9))


class _Table:
    """The distinct choices as one array of candidates, padded to the longest list."""

    def __init__(self, choices: Sequence[Chosen], allowed: Array) -> None:
        kept = {(id(c.menu), c.place, c.cluster): c for c in choices}
        often = Counter((id(c.menu), c.place, c.cluster) for c in choices)
        choices, times = list(kept.values()), np.array([float(often[key]) for key in kept])
        self.names = tuple(sorted({c.cluster for c in choices}))
        self.wards = len(self.names)
        self.cluster: NDArray[np.intp] = np.array([self.names.index(c.cluster) for c in choices])
        self.allowed = allowed > 0
        longest = max(c.menu.fixed for c in choices)
        self.size = len(choices) * longest
        self.phi = np.zeros((len(choices), longest, int(self.allowed.sum())))
        self.there = np.zeros((len(choices), longest), dtype=bool)
        for i, c in enumerate(choices):
            self.phi[i, : c.menu.fixed] = c.menu.phi[: c.menu.fixed, self.allowed]
            self.there[i, : c.menu.fixed] = True
        self.phi -= self.phi[np.arange(len(choices)), [c.place for c in choices]][:, None, :]
        self.flat = self.phi.reshape(-1, self.phi.shape[2])
        self.squares = (self.flat[:, :, None] * self.flat[:, None, :]).reshape(len(self.flat), -1)
        self.each = times / np.bincount(self.cluster, times, minlength=self.wards)[self.cluster]

    def fit(self, counts: Array) -> Array:
        """θ (R, T) of greatest penalised likelihood, for R resamples in which ward i counts counts[r, i] times.

        Newton's method on the weights that are not held at 0 (Bertsekas 1982), all resamples at once, each until
        its own end: one whose step gains nothing to speak of, or lowers its loss at no length, stays where it is.
        """
        weight = counts[:, self.cluster] * self.each
        t = self.phi.shape[2]
        theta = np.full((len(counts), t), FIRST / t)
        at = (theta, *self._loss(theta, weight))
        going = np.arange(len(counts))
        for _ in range(MOST_STEPS):
            theta, _, slope, curve = (kept[going] for kept in at)
            held = (theta <= 0) & (slope > 0)
            step = _newton(slope, curve, held)
            gains = (slope * np.where(held, 0.0, step)).sum(axis=1) > CLOSE
            if not gains.any():
                break
            going = self._moved(at, going[gains], step[gains], weight)
        out = np.zeros((len(counts), len(self.allowed)))
        out[:, self.allowed] = at[0]
        return out

    def _moved(
        self, at: tuple[Array, ...], going: NDArray[np.intp], step: Array, weight: Array
    ) -> NDArray[np.intp]:
        """Move each of `going` as far along its step as lowers its loss, halving the step until it does.

        `at` (θ, loss, gradient, Hessian, of all resamples) is written to; returns those of `going` that moved.
        """
        left = np.arange(len(going))
        for halvings in range(40):
            here = going[left]
            tried = np.maximum(0.0, at[0][here] - step[left] / 2**halvings)
            found = (tried, *self._loss(tried, weight[here]))
            lower = found[1] <= at[1][here] + 1e-12
            for kept, new in zip(at, found, strict=True):
                kept[here[lower]] = new[lower]
            left = left[~lower]
            if not len(left):
                break
        return np.delete(going, left)

    def _loss(self, theta: Array, weight: Array) -> tuple[Array, Array, Array]:
        """Minus the penalised log likelihood (R,), its gradient (R, T) and Hessian (R, T, T)."""
        r, (n, c, t) = len(theta), self.phi.shape
        v = (theta @ self.flat.T).reshape(r, n, c)  # against the choice, whose own is 0
        v = np.where(self.there, v, -np.inf)
        top = v.max(axis=2, keepdims=True)
        p = np.exp(v - top)
        total = p.sum(axis=2, keepdims=True)
        loss = (weight * (np.log(total) + top)[:, :, 0]).sum(axis=1) + theta.sum(axis=1) / PRECISION
        p *= weight[:, :, None] / total
        mean = p.transpose(1, 0, 2) @ self.phi  # (n, R, T), weighted
        slope = mean.sum(axis=0) + 1 / PRECISION
        second = (p.reshape(r, n * c) @ self.squares).reshape(r, t, t)
        inverse = np.divide(1.0, weight.T, out=np.zeros_like(weight.T), where=weight.T > 0)
        return loss, slope, second - np.einsum("nri,nrj,nr->rij", mean, mean, inverse)


def _newton(slope: Array, curve: Array, held: NDArray[np.bool_]) -> Array:
    """The Newton step (R, T) of what is not held; what is held takes its gradient's direction, back to 0."""
    t = slope.shape[1]
    free = ~held
    inner = np.where(free[:, :, None] & free[:, None, :], curve, 0.0)
    size = np.maximum(np.trace(inner, axis1=1, axis2=2), 1e-12)
    inner += np.eye(t) * (np.where(held, 1.0, 0.0) + 1e-9 * size[:, None])[:, None, :]
    return np.asarray(np.linalg.solve(inner, slope[:, :, None])[:, :, 0])
