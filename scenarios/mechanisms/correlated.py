"""How much more does a mediator recover, who tells each party in private what to do and pays by what it told?

A correlated equilibrium (Aumann 1974; with several states the strategic form, Forges 1993). The mediator knows what
the language tells, the cell c. It draws a plan for each party (an action for each of its signals) with chances
μ_c(b) and tells each its own plan alone; a party acts on its signal and its plan. Transfers depend on what was told
and on the record. With z_{i,c}(b, r) = μ_c(b)·t_{i,c}(b, r) all is linear: maximise

    Σ_c Σ_{ω∈c} p_ω Σ_b [μ_c(b)·W(ω, b(ω)) + Σ_i z_{i,c}(b, ρ(ω, b(ω)))]

subject to Σ_b μ_c(b) = 1, |z_{i,c}(b, r)| <= B·μ_c(b), Σ_i z_i = 0 (or <= 0), and for each party i, signal s, plan b_i
and action d, with b′ the plans b but for i's d at s,

    Σ_{ω: s_i(ω) = s} p_ω Σ_{b_−i} [μ(b)·(V_i(ω, b′) − V_i(ω, b)) + ζ_i(b, ρ(ω, b′)) − ζ_i(b, ρ(ω, b))] <= 0

where ζ_i = z_i + λ_i·Σ_j z_j. Only records that a plan or one deviation from it can leave have a z: the others bind
nothing. Where transfers may depend on the record alone the programme is bilinear, and `record_only` gives bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from scenarios.errors import ParleyError
from scenarios.mechanisms.mechanism import Budget
from scenarios.mechanisms.nash import nash
from scenarios.mechanisms.perfect import perfect
from scenarios.mechanisms.problem import Array, Problem, Strategies
from scenarios.mechanisms.rows import Rows, Unsolved

LIMIT = 100_000
"""The most chances and transfers that the programme may have."""


@dataclass(frozen=True)
class Mediated:
    """The best correlated equilibrium with transfers.

    first_best: the greatest E[W] over plans chosen by cell, incentives aside: what the mediator tells is counted
    in, so with parties that see less than the language tells it is above `Problem.first_best`. welfare: E[W] net
    of what leaves the table; None where no correlated equilibrium exists. chances: for each cell the plan profiles
    that are told, each with its chance. transfers: by (cell, plan profile, index of the record) what each party
    gets, payoff units.
    """

    problem: Problem
    bound: float
    budget: Budget
    first_best: float
    welfare: float | None
    chances: dict[str, dict[Strategies, float]]
    transfers: dict[tuple[str, Strategies, int], Array]

    @property
    def loss(self) -> float | None:
        """Δ = first best − welfare, >= 0; None where nothing can be sustained."""
        return None if self.welfare is None else max(0.0, self.first_best - self.welfare)


def correlated(problem: Problem, bound: float | None = None, budget: Budget = "balanced") -> Mediated:
    """The best that a mediator attains by private recommendations (see the top of this module).

    Raises ParleyError where the programme has more than LIMIT variables.
    """
    limit = problem.bound(bound)
    programme = _Programme(problem, limit / problem.range, budget)
    first_best = programme.first_best * problem.range
    found = programme.rows.solved()
    if found is None:
        return Mediated(problem, limit, budget, first_best, None, {}, {})
    chances = {
        cell: {b: float(found[column]) for b, column in programme.mu_of(c).items() if found[column] > 1e-9}
        for c, cell in enumerate(programme.cells)
    }
    transfers: dict[tuple[str, Strategies, int], Array] = {}
    for (c, b, r), columns in programme.z.items():
        chance = chances[programme.cells[c]].get(b)
        paid = found[columns] * problem.range
        if chance and np.abs(paid).max() > 1e-9 * problem.range:
            transfers[programme.cells[c], b, r] = np.clip(paid / chance, -limit, limit)
    cost = np.array(programme.rows.cost)
    mediated = Mediated(
        problem, limit, budget, first_best, float(cost @ found) * problem.range, chances, transfers
    )
    exact = 1e-6 * max(problem.range, 0.01 * limit)  # HiGHS leaves 1e-9, of chances that are worth the bound
    if (worst := obedience(mediated)) > exact:
        raise Unsolved(f"{problem.name}: somebody gains {worst:.3g} by not doing what the mediator says")
    return mediated


def obedience(mediated: Mediated) -> float:
    """The most that a party gains by another action than told at one signal, times the chance of being told so.

    In payoff units, 0 in an equilibrium; recomputed from chances and transfers, by no programme's rows.
    """
    problem, worst = mediated.problem, 0.0
    nothing = np.zeros(problem.n)

    def value(i: int, w: int, a: tuple[int, ...], b: Strategies) -> float:
        paid = mediated.transfers.get((problem.cells[w], b, int(problem.records[w][a])), nothing)
        net = problem.payoffs[w][a] + paid
        return float(net[i] + problem.concerns[i] * net.sum())

    for i in range(problem.n):
        gains: dict[tuple[int, tuple[int, ...], int], float] = {}
        for w, chance in enumerate(problem.chances):
            s = int(problem.signal[w, i])
            for b, told in mediated.chances[problem.cells[w]].items():
                a = problem.played(b)[w]
                here = value(i, w, a, b)
                for d in range(problem.shape[i]):
                    there = value(i, w, (*a[:i], d, *a[i + 1 :]), b)
                    key = (s, b[i], d)
                    gains[key] = gains.get(key, 0.0) + float(chance) * told * (there - here)
        worst = max(worst, *gains.values())
    return worst


@dataclass
class _Programme:
    """The linear programme at the top of this module; payoffs and the bound in ranges."""

    problem: Problem
    size: float
    budget: Budget
    rows: Rows = field(default_factory=Rows)

    def __post_init__(self) -> None:
        p = self.problem
        self.cells = tuple(dict.fromkeys(p.cells))
        self._fits()
        self.plans: list[Strategies] = list(p.listed())
        self.states = [[w for w, cell in enumerate(p.cells) if cell == name] for name in self.cells]
        self.mu: list[dict[Strategies, int]] = []
        self.z: dict[tuple[int, Strategies, int], list[int]] = {}
        self.first_best = 0.0
        gains: dict[tuple[Any, ...], dict[int, float]] = {}
        for c in range(len(self.cells)):
            self._cell(c, gains)
        for row in gains.values():
            self.rows.row(row, high=0.0)

    def mu_of(self, c: int) -> dict[Strategies, int]:
        """The columns of a cell's chances."""
        return self.mu[c]

    def _fits(self) -> None:
        p = self.problem
        deviations = 1 + sum(a - 1 for a in p.shape)
        size = p.profiles * (len(self.cells) + p.n * len(p.states) * deviations)
        if size > LIMIT:
            raise ParleyError(
                f"{p.name}: a mediator's programme would have about {size} variables, and at most {LIMIT} are "
                "solved; give parties fewer signals or actions, or ask for pure Nash alone"
            )

    def _cell(self, c: int, gains: dict[tuple[Any, ...], dict[int, float]]) -> None:
        p, states = self.problem, self.states[c]
        worths = {
            b: sum(float(p.chances[w] * p.welfare[w][a]) for w, a in self._played(b, states)) / p.range
            for b in self.plans
        }
        self.first_best += max(worths.values())
        self.mu.append({b: self.rows.column(0.0, 1.0, worth) for b, worth in worths.items()})
        self.rows.row(dict.fromkeys(self.mu[c].values(), 1.0), 1.0, 1.0)
        for b, mu in self.mu[c].items():
            for w, a in self._played(b, states):
                if p.chances[w]:
                    self._state(c, b, mu, w, a, gains)

    def _played(self, b: Strategies, states: list[int]) -> list[tuple[int, tuple[int, ...]]]:
        signal = self.problem.signal
        return [(w, tuple(plan[signal[w, i]] for i, plan in enumerate(b))) for w in states]

    def _state(
        self,
        c: int,
        b: Strategies,
        mu: int,
        w: int,
        a: tuple[int, ...],
        gains: dict[tuple[Any, ...], dict[int, float]],
    ) -> None:
        """What state w adds to the objective and to each party's gains from another action than told."""
        p, chance = self.problem, float(self.problem.chances[w])
        here = int(p.records[w][a])
        if self.size:
            for column in self._paid(c, b, here, mu):
                self.rows.cost[column] += chance if self.budget == "burn" else 0.0
        for i in range(p.n):
            for d in range(p.shape[i]):
                if d == a[i]:
                    continue
                other = (*a[:i], d, *a[i + 1 :])
                there = int(p.records[w][other])
                row = gains.setdefault((i, int(p.signal[w, i]), b[i], d), {})
                gain = float(p.values[w][(*other, i)] - p.values[w][(*a, i)]) / p.range
                row[mu] = row.get(mu, 0.0) + chance * gain
                if there == here or not self.size:
                    continue
                for record, sign in ((there, chance), (here, -chance)):
                    columns = self._paid(c, b, record, mu)
                    for weight, column in zip(p.weights[i], columns, strict=True):
                        row[column] = row.get(column, 0.0) + sign * float(weight)

    def _paid(self, c: int, b: Strategies, r: int, mu: int) -> list[int]:
        """The columns of z_{·,c}(b, r), with |z| <= B·μ and the budget."""
        if (c, b, r) not in self.z:
            columns = [self.rows.column(-self.size, self.size) for _ in range(self.problem.n)]
            for column in columns:
                self.rows.row({column: 1.0, mu: -self.size}, high=0.0)
                self.rows.row({column: 1.0, mu: self.size}, low=0.0)
            low = 0.0 if self.budget == "balanced" else -math.inf
            self.rows.row(dict.fromkeys(columns, 1.0), low, 0.0)
            self.z[c, b, r] = columns
        return self.z[c, b, r]


@dataclass(frozen=True)
class Bounds:
    """Between what a mediator attains whose transfers depend on the record alone: E[W], payoff units.

    low: attained by a mechanism that was found; None where none was. high: not exceeded by any; None where no
    correlated equilibrium exists even with transfers by recommendation.
    """

    low: float | None
    high: float | None


def record_only(problem: Problem, bound: float | None = None, budget: Budget = "balanced") -> Bounds:
    """Bounds on E[W] where a mediator recommends in private, yet transfers depend on the record alone.

    The product μ·t makes the programme bilinear. high: transfers by recommendation too (its relaxation). low: the
    best of correlated equilibria under fixed transfers: none, those of the best mechanism in pure Nash, those of a
    perfect contract, and those of the relaxation averaged over what was told.
    """
    limit = problem.bound(bound)
    relaxed = correlated(problem, limit, budget)
    if relaxed.welfare is None:
        return Bounds(None, None)
    fixed = [np.zeros((len(problem.record_names), problem.n)), _averaged(relaxed)]
    best = nash(problem, limit, budget).mechanism
    if best is not None:
        fixed.append(best.transfers)
    if problem.outcomes is None:
        fixed.append(perfect(problem, limit, budget).transfers)
    found = [_under(problem, transfers) for transfers in fixed]
    attained = [worth for worth in found if worth is not None]
    return Bounds(min(max(attained), relaxed.welfare) if attained else None, relaxed.welfare)


def _under(problem: Problem, transfers: Array) -> float | None:
    """E[W] of the best correlated equilibrium where these transfers are part of the payoffs."""
    return correlated(replace(problem, payoffs=problem.payoffs + transfers[problem.records]), 0.0).welfare


def _averaged(mediated: Mediated) -> Array:
    """For each record the mean transfer over the recommendations that can leave it, by their chances."""
    problem = mediated.problem
    total = np.zeros((len(problem.record_names), problem.n))
    chance = np.zeros(len(problem.record_names))
    for (cell, b, r), paid in mediated.transfers.items():
        total[r] += mediated.chances[cell][b] * paid
        chance[r] += mediated.chances[cell][b]
    return np.asarray(total / np.where(chance > 0, chance, 1.0)[:, None])
