"""Which weights make a seat's choices optimal: the set, a polytope, by cutting planes (Kelley 1960)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.leanings.menus import Menu
from scenarios.ward import Array

CUT = 1e-6
"""A maximiser cuts where it beats the choice by more than ε and this, or a hundredth of ε."""

MOST_ROUNDS = 60
"""Rounds of cuts for one bound, after which the bound found so far stands, from outside."""

ROOM = 1e-6
"""What is added to the least ε at which the set is not empty, so that a solver finds it."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One choice, and what it was chosen from."""

    menu: Menu
    phi: Array  # (T,), of the choice


@dataclass(frozen=True, eq=False)
class Revealed:
    """For each weight its least and its greatest in {w in the simplex: u_w(choice) >= max_x u_w(x) − ε, every ward}.

    `misfit` is the least ε at which the set is not empty. Where that is more than was asked, the set shown is the
    one at misfit + ε asked, and `empty` is true. `settled` is false where cuts were left over: then the set is
    inside what is shown. `inside` is one weighting of least misfit.
    """

    low: Array  # (T,)
    high: Array  # (T,)
    misfit: float
    epsilon: float  # at which the set is shown
    empty: bool
    settled: bool
    inside: Array  # (T,)


def regret(seen: Seen, weights: Array) -> float:
    """max_x u_w(x) − u_w(choice), in utility, >= 0; 0 where the ward defines nothing that has weight."""
    share = float(weights @ seen.menu.terms.defined)
    if share <= 1e-9:
        return 0.0
    return max(0.0, (seen.menu.best(weights) - float(weights @ seen.phi)) / share)


def revealed(choices: Sequence[Seen], allowed: Array, epsilon: float) -> Revealed:
    """The set of weights over the terms of `allowed` (T,) within ε of making every choice optimal.

    The programme is linear in w for a finite list of alternatives. Alternatives are added where the exact optimum
    for the weights just found beats a choice by more than ε, until none does (by a hundredth of ε),
    so that each bound is attained.
    A term that no ward defines is left out (nan).
    """
    cuts = _Cuts(choices, allowed, max(CUT, epsilon / 100))
    misfit, inside = cuts.least()
    empty = misfit > epsilon
    shown = misfit + epsilon if empty else max(epsilon, misfit + ROOM)
    low, high = np.full(len(allowed), np.nan), np.full(len(allowed), np.nan)
    settled = True
    for j in np.flatnonzero(cuts.allowed):
        for sign, out in ((1.0, low), (-1.0, high)):
            direction = np.zeros(len(allowed))
            direction[j] = sign
            weights, done = cuts.extreme(direction, shown)
            out[j], settled = weights[j], settled and done
    return Revealed(low, high, misfit, shown, empty, settled, inside)


class _Cuts:
    """The linear programme over weights, growing by the alternatives that cut."""

    def __init__(self, choices: Sequence[Seen], allowed: Array, tolerance: float) -> None:
        self.choices = list(distinct(choices).values())
        self.tolerance = tolerance
        somewhere = np.max([s.menu.terms.defined for s in self.choices], axis=0)
        self.allowed = np.asarray((allowed > 0) & (somewhere > 0))
        self.gain = np.zeros((0, len(allowed)))  # φ(alternative) − φ(choice)
        self.share = np.zeros((0, len(allowed)))  # which terms the ward defines

    def extreme(self, direction: Array, epsilon: float) -> tuple[Array, bool]:
        """The weights of the set at ε that minimise <direction, w>, and whether nothing cuts them off."""
        for _ in range(MOST_ROUNDS):
            weights, _ = self._solve(direction, epsilon, loose=False)
            if not self._cut(weights, epsilon):
                return weights, True
        return weights, False

    def least(self) -> tuple[float, Array]:
        """The least ε at which the set is not empty, and weights there.

        max over choices of regret is a quotient of what is linear in w: minimised by Dinkelbach's (1967) steps.
        """
        weights = self.allowed / self.allowed.sum()
        level, best = self._worst(weights), weights
        for _ in range(MOST_ROUNDS):
            weights, slack = self._solve(np.zeros(len(weights)), level, loose=True)
            if level <= self.tolerance or slack > -self.tolerance:
                break
            found = self._worst(weights)
            cut = self._cut(weights, max(0.0, level + slack))
            if found >= level and not cut:
                break
            if found < level:
                level, best = found, weights
        return level, best

    def _worst(self, weights: Array) -> float:
        return max(regret(seen, weights) for seen in self.choices)

    def _cut(self, weights: Array, epsilon: float) -> bool:
        """Add, for each choice, the alternative that beats it most by more than ε; whether there was any.

        Exact optima are asked for only where no allocation known already cuts: they are what takes time.
        """
        return self._cut_by_known(weights, epsilon) or self._cut_by_optima(weights, epsilon)

    def _cut_by_optima(self, weights: Array, epsilon: float) -> bool:
        for menu in {id(s.menu): s.menu for s in self.choices}.values():
            menu.best(weights)
        return self._cut_by_known(weights, epsilon)

    def _cut_by_known(self, weights: Array, epsilon: float) -> bool:
        found = False
        for seen in self.choices:
            menu = seen.menu
            worth = menu.phi @ weights
            best = int(np.argmax(worth))
            mark = float(weights @ seen.phi) + epsilon * float(weights @ menu.terms.defined)
            if worth[best] > mark + self.tolerance:
                self.gain = np.vstack([self.gain, menu.phi[best] - seen.phi])
                self.share = np.vstack([self.share, menu.terms.defined])
                found = True
        return found

    def _solve(self, direction: Array, epsilon: float, *, loose: bool) -> tuple[Array, float]:
        """min <direction, w>, or with `loose` min t, over w in the simplex: <gain − ε·share, w> <= t (t = 0)."""
        from scipy.optimize import linprog

        t = len(direction)
        rows = np.hstack([self.gain - epsilon * self.share, np.full((len(self.gain), 1), -1.0)])
        cost = np.append(np.zeros(t), 1.0) if loose else np.append(direction, 0.0)
        bounds = [(0.0, 1.0 if a else 0.0) for a in self.allowed]
        answer = linprog(
            cost,
            A_ub=rows if len(rows) else None,
            b_ub=np.zeros(len(rows)) if len(rows) else None,
            A_eq=np.append(np.ones(t), 0.0)[None],
            b_eq=[1.0],
            bounds=[*bounds, (-1.0, 1.0) if loose else (0.0, 0.0)],
            method="highs",
        )
        if answer.x is None:
            raise RuntimeError(f"no weights found at ε = {epsilon:g}, where there are some: {answer.message}")
        weights = np.clip(answer.x[:t], 0.0, 1.0)
        return weights / weights.sum() + 0.0, float(answer.x[t])


def distinct(choices: Sequence[Seen]) -> dict[tuple[int, bytes], Seen]:
    """Each choice once: what was chosen twice in a ward says nothing new of which weights allow it."""
    kept: dict[tuple[int, bytes], Seen] = {}
    for seen in choices:
        kept.setdefault((id(seen.menu), np.round(seen.phi, 9).tobytes()), seen)
    return kept
