"""How likely are choices under a given concern: the logit of quantal response, and where it is greatest.

    P(a) = exp(β [(1 − w) u(a) + w W(a)]) / Σ_b exp(β [(1 − w) u(b) + w W(b)]),   w = λ / (1 + λ)

With θ_i = β (1 − w_i, w_i) the log likelihood is concave in all θ jointly, and the θ that are allowed (β >= 0,
lowest <= w <= 1, one β for all agents) are convex. So for any agents whose w is held fixed the greatest likelihood
over β and the other w is found by two nested searches in one dimension each, and is the greatest there is; and along
one agent's w the profile rises to one top, maybe flat, and falls (its upper level sets are intervals).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals.prosociality.choices import Choices
from scenarios.ward import Array

SPREAD = (1e-9, 1e9)
"""Precisions searched, times the greatest difference within a menu; at the upper end choices are free of noise."""

CLOSE = 1e-10
"""Weights nearer than this are the same."""

NEAR = 0.3
"""Logarithms of the precision around the last one that are searched first."""

MOST_STEPS = 80


@dataclass(frozen=True)
class Fit:
    """The greatest log likelihood, with the precision and weights (agents,) that give it."""

    loglik: float
    precision: float
    weights: Array
    noise_free: bool
    """The precision ran to the end of what is searched: choices never contradict these weights."""


class Likelihood:
    """The log likelihood of several agents' choices under one precision, made ready for many evaluations."""

    def __init__(self, agents: Sequence[Choices], lowest: float) -> None:
        made = [c.made for c in agents]
        widest = max((c.own.shape[1] for c in made), default=1)
        self.lowest = lowest
        self.agent = np.repeat(np.arange(len(made)), [len(c) for c in made])
        self.starts = np.searchsorted(self.agent, np.arange(len(made)))
        self.size = len(self.agent)
        self.own = np.zeros((self.size, widest))
        self.more = np.zeros((self.size, widest))
        self.there = np.zeros((self.size, widest), dtype=bool)
        for i, c in enumerate(made):
            rows, k = self.agent == i, c.own.shape[1]
            at = (np.arange(len(c)), c.chosen)
            off = np.isnan(c.own)
            own, welfare = (np.where(off, 0.0, v - v[at][:, None]) for v in (c.own, c.welfare))
            self.own[rows, :k], self.more[rows, :k] = own, welfare - own
            self.there[rows, :k] = ~off
        self.scale = float(np.abs(np.stack([self.own, self.own + self.more])).max(initial=0.0))
        self.uniform = -float(np.log(self.there.sum(axis=1)).sum())

    def best(self, fixed: Mapping[int, float] | None = None, near: Fit | None = None) -> Fit:
        """The greatest likelihood, the weights of the agents in `fixed` held there; sought first around `near`."""
        m = len(self.starts)
        held = np.full(m, np.nan)
        for i, w in (fixed or {}).items():
            held[i] = w
        if self.scale == 0 or not self.size:
            return Fit(self.uniform, 0.0, np.where(np.isnan(held), self.lowest, held), False)
        start = np.full(m, np.nan) if near is None else near.weights
        at, noise_free = self._likeliest(held, start, None if near is None else near.precision)
        beta = float(np.exp(at))
        weights = self._weights(beta, held, start)
        return Fit(self.loglik(beta, weights), beta, weights, noise_free)

    def _likeliest(self, held: Array, start: Array, around: float | None) -> tuple[float, bool]:
        """The logarithm of the likeliest precision, and whether it is the greatest that is searched."""
        from scipy.optimize import brentq

        def slope(at: float) -> float:
            beta = float(np.exp(at))
            return self._by_precision(beta, self._weights(beta, held, start))

        low, high = (float(np.log(end / self.scale)) for end in SPREAD)
        if around is not None:
            inner, outer = max(low, np.log(around) - NEAR), min(high, np.log(around) + NEAR)
            if slope(inner) > 0 > slope(outer):
                return float(brentq(slope, inner, outer, xtol=1e-8)), False
        if slope(high) >= 0:
            return high, True
        if slope(low) <= 0:
            return low, False
        return float(brentq(slope, low, high, xtol=1e-8)), False

    def loglik(self, precision: float, weights: Array) -> float:
        """Σ log P(chosen) at one precision and the agents' weights (agents,)."""
        v = self._values(precision, weights)
        top = v.max(axis=1, initial=-np.inf)
        return -float((np.log(np.exp(v - top[:, None]).sum(axis=1)) + top).sum())

    def _values(self, precision: float, weights: Array) -> Array:
        """Value of each alternative beyond that of the chosen one, times the precision; −∞ off the menu."""
        v = precision * (self.own + weights[self.agent][:, None] * self.more)
        return np.where(self.there, v, -np.inf)

    def _shares(self, precision: float, weights: Array) -> Array:
        v = self._values(precision, weights)
        p = np.exp(v - v.max(axis=1, keepdims=True, initial=-np.inf))
        shares: Array = p / p.sum(axis=1, keepdims=True)
        return shares

    def _by_precision(self, precision: float, weights: Array) -> float:
        """d loglik / d precision; by the envelope theorem that of the maximum over free weights too."""
        value = self.own + weights[self.agent][:, None] * self.more
        return -float((self._shares(precision, weights) * value).sum())

    def _weights(self, precision: float, held: Array, start: Array) -> Array:
        """The likeliest weights at one precision: Newton's method within a bracket that only shrinks."""
        low = np.where(np.isnan(held), self.lowest, held)
        high = np.where(np.isnan(held), 1.0, held)
        if (low == high).all():
            return low
        low, high = self._ends(precision, low, high)
        w = np.where((start > low) & (start < high), start, (low + high) / 2)
        for _ in range(MOST_STEPS):
            slope, curve = self._by_weight(precision, w)
            low, high = np.where(slope > 0, w, low), np.where(slope > 0, high, w)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = w + slope / curve
            new = np.where((step >= low) & (step <= high), step, (low + high) / 2)
            moved, w = np.abs(new - w).max(), new
            if moved < CLOSE:
                break
        return w

    def _ends(self, precision: float, low: Array, high: Array) -> tuple[Array, Array]:
        """Both ends at an end of the range where the likelihood rises toward it, or is flat up to it."""
        rises, _ = self._by_weight(precision, high)
        falls, _ = self._by_weight(precision, low)
        up, down = rises >= 0, falls <= 0
        low = np.where(up & ~down, high, low)
        return low, np.where(down & ~up, low, high)

    def _by_weight(self, precision: float, weights: Array) -> tuple[Array, Array]:
        """First and minus second derivative (agents,) of the log likelihood by each weight, over the precision."""
        p = self._shares(precision, weights)
        mean = (p * self.more).sum(axis=1)
        square = (p * self.more**2).sum(axis=1)

        def of_agent(row: Array) -> Array:
            return np.asarray(np.bincount(self.agent, row, minlength=len(self.starts)), dtype=float)

        return -of_agent(mean), precision * of_agent(square - mean**2)
