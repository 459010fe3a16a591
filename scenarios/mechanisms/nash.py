"""How much welfare does the best mechanism lose when parties play a pure (Bayes–)Nash equilibrium under it?

One mixed-integer programme. Binary x_{i,s,k}: party i does k at signal s. y_{σ,a}, for each combination σ of signals
that some state shows and each action profile a: the chance, 0 or 1, that a is played there;
Σ_{a: a_i = k} y_{σ,a} = x_{i,s,k} makes y the product of the x without big-M. Transfers t_j(r), |t_j| <= B,
Σ_j t_j = 0 (or <= 0). For party i, signal s and each pair of actions k, d, with b = (d, a_−i),

    Σ_{ω: s_i(ω) = s} p_ω Σ_{a: a_i = k} y_{σ(ω),a}·[V_i(ω, b) − V_i(ω, a) + τ_i(ρ(ω, b)) − τ_i(ρ(ω, a))] <= 0

where τ_i(r) = t_i(r) + λ_i·Σ_j t_j(r). A product of τ_i(r) with a mass m = Σ y over profiles gets a variable z between
the four planes of McCormick (1976), exact where m is 0 or 1, and only where d leaves another record than k. So the
linear relaxation is a correlated equilibrium's programme. The rows hold for all k: of one not played they read 0 <= 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from itertools import product as crossed

import numpy as np

from scenarios.mechanisms.certificate import Certificate, certificate
from scenarios.mechanisms.incentives import sustaining
from scenarios.mechanisms.mechanism import Budget, Mechanism, check
from scenarios.mechanisms.problem import Problem, Strategies
from scenarios.mechanisms.rows import Rows, Unsolved

Profile = tuple[int, ...]

CAP = 20.0
"""Ranges of the payoffs: a greater bound is left to the sweep, as HiGHS takes 1 − 1e-6 for 1 and that times B for 0."""

SWEPT = 500
"""The most strategy profiles of more welfare that are tried one by one after the programme."""

TIES = 100
"""The most strategy profiles of equal welfare that are tried, to name the first."""


@dataclass(frozen=True)
class Gap:
    """What the best mechanism in pure Nash attains, and what proves that no more can be had.

    welfare: E[W] net of what leaves the table, payoff units; None where no strategy profile can be sustained, and
    then there is no mechanism. certificates: one for each first-best profile, empty where nothing is lost.
    """

    bound: float
    budget: Budget
    first_best: float
    welfare: float | None
    mechanism: Mechanism | None
    certificates: tuple[Certificate, ...]

    @property
    def loss(self) -> float | None:
        """Δ = first best − welfare, >= 0, payoff units; None where no pure equilibrium exists."""
        return None if self.welfare is None else max(0.0, self.first_best - self.welfare)


def nash(problem: Problem, bound: float | None = None, budget: Budget = "balanced") -> Gap:
    """The best mechanism whose transfers depend on the record alone, in pure (Bayes–)Nash, weak incentives.

    bound: B >= 0 on every transfer, payoff units; None: `problem.bound()`; 0: no contract. The programme picks the
    strategies; profiles of more welfare are then tried one by one, and the transfers are checked by themselves.

    Raises ParleyError where there are more strategy profiles than LISTED.
    """
    limit = problem.bound(bound)
    found = _swept(problem, _programmed(problem, limit, budget), limit, budget)
    if found is None:
        return Gap(limit, budget, problem.first_best, None, None, _proofs(problem, limit, budget))
    found = _first(found)
    if not (checked := check(found)).holds:
        raise Unsolved(
            f"{problem.name}: the mechanism found breaks its incentives, bound or budget: {checked}"
        )
    lost = problem.first_best - found.welfare > 1e-9 * problem.range
    proofs = _proofs(problem, limit, budget) if lost else ()
    return Gap(limit, budget, problem.first_best, found.welfare, found, proofs)


def _programmed(problem: Problem, bound: float, budget: Budget) -> Mechanism | None:
    """The mechanism of the mixed-integer programme; its bound is CAP ranges at most, or tolerances outgrow payoffs."""
    programme = _Programme(problem, min(bound / problem.range, CAP), budget)
    while (strategies := programme.answer()) is not None:
        transfers = sustaining(problem, strategies, bound, budget)
        if transfers is not None:
            return Mechanism(problem, strategies, transfers, bound, budget)
        programme.exclude(strategies)  # within HiGHS's integer tolerance, yet not to be sustained
    return None


def _swept(problem: Problem, found: Mechanism | None, bound: float, budget: Budget) -> Mechanism | None:
    """What was found, or better: profiles of more welfare are tried one by one, the best first, at most SWEPT.

    So what a solver's tolerance hid, or a bound above CAP allows, is not missed.
    """
    tie = 1e-9 * problem.range
    least = -np.inf if found is None else found.welfare + tie
    better = sorted(((-problem.worth(each), each) for each in problem.listed()), key=lambda pair: pair[0])
    for worth, strategies in better[:SWEPT]:
        if -worth <= least:
            break
        transfers = sustaining(problem, strategies, bound, budget)
        if transfers is None:
            continue
        other = Mechanism(problem, strategies, transfers, bound, budget)
        if other.welfare > least:
            found, least = other, other.welfare + tie
    return found


def _first(found: Mechanism) -> Mechanism:
    """Of the strategy profiles that do as well with nothing burnt, the first that can be sustained.

    So which of several is named does not hang on the solver. At most TIES are tried.
    """
    problem, least = found.problem, found.welfare - 1e-9 * found.problem.range
    as_good = (each for each in problem.listed() if abs(problem.worth(each) - least) <= 2e-9 * problem.range)
    for strategies in islice(as_good, TIES):
        transfers = sustaining(problem, strategies, found.bound, found.budget)
        if transfers is None:
            continue
        other = Mechanism(problem, strategies, transfers, found.bound, found.budget)
        if other.welfare >= least:
            return other
    return found


def _proofs(problem: Problem, bound: float, budget: Budget) -> tuple[Certificate, ...]:
    shown = (certificate(problem, each, bound, budget) for each in problem.best)
    return tuple(each for each in shown if each is not None)


@dataclass
class _Programme:
    """The mixed-integer programme at the top of this module; payoffs and the bound in ranges."""

    problem: Problem
    size: float
    budget: Budget
    rows: Rows = field(default_factory=Rows)

    def __post_init__(self) -> None:
        p = self.problem
        self.profiles: list[Profile] = list(crossed(*map(range, p.shape)))
        self.shown = [tuple(int(s) for s in each) for each in p.signal]  # the signals of each state
        self.x = {
            (i, s, k): self.rows.column(0.0, 1.0, whole=True)
            for i in range(p.n)
            for s in range(len(p.seen[i]))
            for k in range(p.shape[i])
        }
        self.y = {
            (signals, a): self.rows.column(0.0, 1.0, self._worth(signals, a))
            for signals in dict.fromkeys(self.shown)
            for a in self.profiles
        }
        self.t = {
            (r, j): self.rows.column(-self.size, self.size)
            for r in range(len(p.record_names))
            for j in range(p.n)
        }
        self.products: dict[tuple[object, ...], int] = {}
        self._choices()
        self._budgets()
        for i in range(p.n):
            for s in range(len(p.seen[i])):
                self._incentives(i, s)

    def answer(self) -> Strategies | None:
        """The strategies of the best solution; None where there is none."""
        found = self.rows.solved()
        if found is None:
            return None
        p = self.problem
        return tuple(
            tuple(
                int(np.argmax([found[self.x[i, s, k]] for k in range(p.shape[i])]))
                for s in range(len(p.seen[i]))
            )
            for i in range(p.n)
        )

    def exclude(self, strategies: Strategies) -> None:
        """Never this strategy profile again."""
        taken = [self.x[i, s, k] for i, plan in enumerate(strategies) for s, k in enumerate(plan)]
        self.rows.row(dict.fromkeys(taken, 1.0), high=len(taken) - 1.0)

    def _worth(self, signals: Profile, a: Profile) -> float:
        p = self.problem
        states = [w for w, each in enumerate(self.shown) if each == signals]
        return float(sum(p.chances[w] * p.welfare[w][a] for w in states) / p.range)

    def _choices(self) -> None:
        p = self.problem
        for i in range(p.n):
            for s in range(len(p.seen[i])):
                self.rows.row({self.x[i, s, k]: 1.0 for k in range(p.shape[i])}, 1.0, 1.0)
        for signals in dict.fromkeys(self.shown):
            for i in range(p.n):
                for k in range(p.shape[i]):
                    together = {self.y[signals, a]: 1.0 for a in self.profiles if a[i] == k}
                    self.rows.row(together | {self.x[i, signals[i], k]: -1.0}, 0.0, 0.0)

    def _budgets(self) -> None:
        """Σ_j t_j(r) = 0; or <= 0, with what is burnt on the path in the objective."""
        p = self.problem
        low = 0.0 if self.budget == "balanced" else -np.inf
        for r in range(len(p.record_names)):
            self.rows.row({self.t[r, j]: 1.0 for j in range(p.n)}, low, 0.0)
        if self.budget == "balanced" or not self.size:
            return
        for w, signals in enumerate(self.shown):
            left: dict[int, list[int]] = {}
            for a in self.profiles:
                left.setdefault(int(p.records[w][a]), []).append(self.y[signals, a])
            for r, masses in left.items():
                column = self._product(r, np.ones(p.n), tuple(masses), -p.n * self.size, 0.0)
                self.rows.cost[column] += p.chances[w]

    def _incentives(self, i: int, s: int) -> None:
        p = self.problem
        states = [w for w in range(len(p.states)) if p.signal[w, i] == s and p.chances[w]]
        chance = sum(p.chances[w] for w in states)
        for k, d in crossed(range(p.shape[i]), repeat=2):
            if k == d:
                continue
            row: dict[int, float] = {}
            for w in states:
                share = float(p.chances[w] / chance)
                left: dict[tuple[int, float], list[int]] = {}  # record, sign -> the masses that leave it
                for a in self.profiles:
                    if a[i] != k:
                        continue
                    other = (*a[:i], d, *a[i + 1 :])
                    column = self.y[self.shown[w], a]
                    gain = float(p.values[w][(*other, i)] - p.values[w][(*a, i)]) / p.range
                    row[column] = row.get(column, 0.0) + share * gain
                    there, here = int(p.records[w][other]), int(p.records[w][a])
                    if there != here and self.size:
                        left.setdefault((there, 1.0), []).append(column)
                        left.setdefault((here, -1.0), []).append(column)
                for (r, sign), masses in left.items():
                    z = self._paid(i, r, tuple(masses))
                    row[z] = row.get(z, 0.0) + sign * share
            self.rows.row(row, high=0.0)

    def _paid(self, i: int, r: int, masses: tuple[int, ...]) -> int:
        """Σ of the masses times τ_i(r) = t_i(r) + λ_i·Σ_j t_j(r), with the bounds of τ_i."""
        concern = self.problem.concerns[i] if self.budget == "burn" else 0.0
        all_burnt = -self.problem.n * self.size * concern
        weights = np.eye(self.problem.n)[i] + concern
        return self._product(
            r, weights, masses, -self.size + min(0.0, all_burnt), self.size + max(0.0, all_burnt)
        )

    def _product(self, r: int, weights: np.ndarray, masses: tuple[int, ...], low: float, high: float) -> int:
        """z = m·τ for m = Σ masses in {0, 1} and τ = weights·t(r) in [low, high] (McCormick 1976)."""
        key = (r, tuple(weights), masses)
        if key in self.products:
            return self.products[key]
        z = self.rows.column(min(low, 0.0), max(high, 0.0))
        mass = dict.fromkeys(masses, 1.0)
        tau = {self.t[r, j]: float(weight) for j, weight in enumerate(weights)}
        self.rows.row({z: 1.0} | dict.fromkeys(mass, -low), low=0.0)  # z >= low·m
        self.rows.row({z: 1.0} | dict.fromkeys(mass, -high), high=0.0)  # z <= high·m
        towards = {z: 1.0} | {t: -x for t, x in tau.items()}
        self.rows.row(towards | dict.fromkeys(mass, -high), low=-high)  # z >= τ − high·(1 − m)
        self.rows.row(towards | dict.fromkeys(mass, -low), high=-low)  # z <= τ − low·(1 − m)
        self.products[key] = z
        return z
