"""How much must parties care for the welfare of all before the first best is what they do: the smallest λ?

V_i = u_i + λ_i·W. Of first-best strategies σ, a deviation with Δu_i > 0 that no contract punishes is held back by
λ_i >= Δu_i / (−ΔW) and by nothing smaller; the smallest λ for σ is the greatest of these over deviations, and the
least over the first-best σ is the answer. Unpunished are: without contract all deviations; with one, of any size
and in one state, those that leave the same record. Within a bound, or with several states, transfers punish in
part; when Σ_j t_j = 0 in every record λ is a linear programme,

    minimise λ subject to g_u + λ_i·g_W + G t <= 0 for each deviation, |t| <= B,

and where some is burnt G holds λ_i·Σ_j t_j too, so that λ is found by bisection instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from scenarios.mechanisms.certificate import excess
from scenarios.mechanisms.incentives import SAME, Incentives, incentives
from scenarios.mechanisms.mechanism import Budget
from scenarios.mechanisms.problem import Array, Problem, Strategies
from scenarios.mechanisms.rows import Rows

CLOSED = 1e-11
"""The excess of a ray, in ranges, that bisection takes for none: small, since λ is off by it over a slope."""

MOST = 1e6
"""A λ above this is not looked for by bisection: none closes the gap."""


@dataclass(frozen=True)
class Concern:
    """The smallest concern that closes the gap.

    least: one λ for all, >= 0; None where none does (a deviation that pays, costs nobody anything and leaves the
    same record). each: a λ for every party that suffice together, the greatest of them `least` and then their sum
    the least; strategies: the first-best profile that they sustain.
    """

    least: float | None
    each: tuple[float, ...] | None
    strategies: Strategies | None


def smallest(problem: Problem, bound: float | None = None, budget: Budget = "balanced") -> Concern:
    """The smallest λ under which the first best is a pure (Bayes–)Nash equilibrium of a best mechanism.

    bound: as in `nash`; 0: without contract. The problem's own concerns are not looked at.
    """
    selfish = problem.with_concerns(0.0)
    limit = selfish.bound(bound)
    closing = [
        (max(each), sum(each), k, each)
        for k, strategies in enumerate(selfish.best)
        if (each := _each(selfish, strategies, limit, budget)) is not None
    ]
    if not closing:
        return Concern(None, None, None)
    least = min(most for most, *_ in closing)
    _, _, k, each = min(found for found in closing if found[0] <= least + 1e-9)
    return Concern(max(each), each, selfish.best[k])


def by_formula(problem: Problem, contract: bool) -> float | None:
    """The least over first-best profiles of the greatest Δu/(−ΔW) over deviations that cannot be punished.

    contract: False, all deviations; True, those that leave the same record at every state the party takes for
    possible: exact where transfers are free, there is one state, and a record tells who deviated. None: no λ does.
    """
    selfish = problem.with_concerns(0.0)
    answers = []
    for strategies in selfish.best:
        rows = incentives(selfish, strategies)
        unpunished = rows.unseen if contract else np.ones(len(rows.gains), dtype=bool)
        lost = _lost(selfish, strategies, rows)
        answers.append(
            max(
                (_held(g, w) for g, w in zip(rows.gains[unpunished], lost[unpunished], strict=True)),
                default=0.0,
            )
        )
    least = min(answers)
    return least if math.isfinite(least) else None


def lexicographic(problem: Problem) -> list[Strategies]:
    """Pure equilibria without contract at λ = ∞: nobody can raise E[W], nor, with E[W] the same, its own payoff.

    Every strategy profile is looked at. Differences within 1e-9 ranges of the payoffs are none.
    """
    selfish = problem.with_concerns(0.0)
    kept = []
    for strategies in selfish.listed():
        rows = incentives(selfish, strategies)
        lost = _lost(selfish, strategies, rows)
        if not ((lost < -SAME) | ((np.abs(lost) <= SAME) & (rows.gains > SAME))).any():
            kept.append(strategies)
    return kept


def _held(gain: float, lost: float) -> float:
    """The λ that holds a deviation back: 0 where it does not pay, ∞ where it costs nobody anything."""
    if gain <= SAME:
        return 0.0
    return gain / lost if lost > SAME else math.inf


def _lost(problem: Problem, strategies: Strategies, rows: Incentives) -> Array:
    """−ΔW of each deviation given its party's signal, in ranges, (deviations,)."""
    caring = incentives(problem.with_concerns(1.0), strategies)
    return np.asarray(rows.gains - caring.gains)


def _each(problem: Problem, strategies: Strategies, bound: float, budget: Budget) -> tuple[float, ...] | None:
    """The concerns that sustain these strategies with nothing burnt on the path; None where none do."""
    if budget == "balanced" or not bound:
        return _by_programme(problem, strategies, bound)
    return _by_bisection(problem, strategies, bound)


def _by_programme(problem: Problem, strategies: Strategies, bound: float) -> tuple[float, ...] | None:
    """Two programmes: the greatest λ_i is least, then with it their sum."""
    rows = incentives(problem, strategies)
    lost, size, n = _lost(problem, strategies, rows), bound / problem.range, problem.n
    if any(math.isinf(_held(g, w)) for g, w, u in zip(rows.gains, lost, rows.unseen, strict=True) if u):
        return None

    def solved(most: float | None) -> Array | None:
        programme = Rows()
        each = [programme.column(0.0, math.inf, 0.0 if most is None else -1.0) for _ in range(n)]
        top = programme.column(0.0, math.inf if most is None else most, -1.0 if most is None else 0.0)
        for column in each:
            programme.row({top: 1.0, column: -1.0}, low=0.0)
        reached = [int(r) for r in rows.reached] if size else []
        t = {(r, j): programme.column(-size, size) for r in reached for j in range(n)}
        for r in reached:
            programme.row({t[r, j]: 1.0 for j in range(n)}, 0.0, 0.0)
        for k, deviation in enumerate(rows.deviations):
            row = {t[r, j]: float(rows.by_transfer[k, r, j]) for r, j in t}
            programme.row(row | {each[deviation.party]: -float(lost[k])}, high=-float(rows.gains[k]))
        found = programme.solved()
        return None if found is None else found[:n]

    first = solved(None)
    if first is None:
        return None
    second = solved(float(first.max()) + SAME)
    chosen = first if second is None else second
    return tuple(0.0 if x < SAME else float(x) for x in chosen)


def _by_bisection(problem: Problem, strategies: Strategies, bound: float) -> tuple[float, ...] | None:
    """One λ for all by bisection, then each party's lowered in turn as far as it goes."""

    def closes(each: tuple[float, ...]) -> bool:
        return excess(replace(problem, concerns=each), strategies, bound, "burn") <= CLOSED

    def lowered(low: float, high: float, i: int | None, each: tuple[float, ...]) -> tuple[float, ...]:
        def at(x: float) -> tuple[float, ...]:
            return tuple(x if i is None or i == j else c for j, c in enumerate(each))

        if closes(at(low)):
            return at(low)
        while high - low > 1e-10 * max(1.0, high):
            middle = (low + high) / 2
            low, high = (low, middle) if closes(at(middle)) else (middle, high)
        return at(high)

    most = 1.0
    while not closes((most,) * problem.n):
        most *= 2
        if most > MOST:
            return None
    each = lowered(0.0, most, None, (most,) * problem.n)
    for i in range(problem.n):
        each = lowered(0.0, each[i], i, each)
    return each
