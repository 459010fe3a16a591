"""What is the gap by a second path: every strategy profile listed, and for each the transfers that sustain it?

Nothing is shared with the programmes of `nash` and `concern` but the problem itself, so that they can be held
against it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scenarios.mechanisms.mechanism import Budget
from scenarios.mechanisms.problem import Array, Problem, Strategies


@dataclass(frozen=True)
class Listed:
    """The best by listing: E[W] net of what is burnt (None: nothing can be sustained), by which strategies."""

    first_best: float
    welfare: float | None
    strategies: Strategies | None


def brute(problem: Problem, bound: float | None = None, budget: Budget = "balanced") -> Listed:
    """The best mechanism in pure (Bayes–)Nash, one linear programme for each of the strategy profiles.

    For small problems: n_profiles programmes. Raises ParleyError where there are more than LISTED.
    """
    limit = problem.bound(bound)
    first_best = -np.inf
    best: tuple[float, Strategies] | None = None
    for strategies in problem.listed():
        worth = sum(
            float(p) * float(problem.payoffs[w][a].sum())
            for w, (p, a) in enumerate(zip(problem.chances, problem.played(strategies), strict=True))
        )
        first_best = max(first_best, worth)
        if best is not None and worth <= best[0]:
            continue
        burnt = least_burnt(problem, strategies, limit, budget)
        if burnt is not None and (best is None or worth - burnt > best[0]):
            best = (worth - burnt, strategies)
    return Listed(first_best, best[0] if best else None, best[1] if best else None)


def least_burnt(problem: Problem, strategies: Strategies, bound: float, budget: Budget) -> float | None:
    """What must leave the table on the path, at least, so that no deviation pays; None where nothing helps.

    Expected payoff units; always 0 when balanced.
    """
    from scipy.optimize import linprog

    records, n = len(problem.record_names), problem.n
    unit = float(np.ptp(problem.payoffs)) or 1.0
    left, right = _deviations(problem, strategies, unit)
    each = np.kron(np.eye(records), np.ones(n))  # Σ_j t_j(r), with t laid out record by record
    path = np.zeros(records)
    for w, a in enumerate(problem.played(strategies)):
        path[problem.records[w][a]] += problem.chances[w]
    burns = budget == "burn"
    found = linprog(
        -np.repeat(path, n),
        A_ub=np.vstack([left, each]) if burns else left,
        b_ub=np.concatenate([right, np.zeros(records)]) if burns else right,
        A_eq=None if burns else each,
        b_eq=None if burns else np.zeros(records),
        bounds=(-bound / unit, bound / unit),
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    if found.status == 2:
        return None
    assert found.status == 0, found.message
    return float(found.fun or 0.0) * unit if burns else 0.0


def _deviations(problem: Problem, strategies: Strategies, unit: float) -> tuple[Array, Array]:
    """For each party, signal and other action: the row and right side of `gain by transfers <= loss in payoffs`."""
    n, left, right = problem.n, [], []
    welfare = problem.payoffs.sum(axis=-1)
    for i in range(n):
        for s, kept in enumerate(strategies[i]):
            for d in range(problem.shape[i]):
                if d == kept:
                    continue
                plan = tuple(d if k == s else action for k, action in enumerate(strategies[i]))
                other = (*strategies[:i], plan, *strategies[i + 1 :])
                row, loss = np.zeros((len(problem.record_names), n)), 0.0
                seeing = problem.signal[:, i] == s
                for w, chance in enumerate(problem.chances / problem.chances[seeing].sum()):
                    if not seeing[w]:
                        continue
                    a, b = problem.played(strategies)[w], problem.played(other)[w]
                    concern = problem.concerns[i]
                    loss += chance * (problem.payoffs[w][a][i] + concern * welfare[w][a])
                    loss -= chance * (problem.payoffs[w][b][i] + concern * welfare[w][b])
                    for record, sign in ((problem.records[w][b], chance), (problem.records[w][a], -chance)):
                        row[record] += sign * concern
                        row[record, i] += sign
                left.append(row.ravel())
                right.append(loss / unit)
    return np.array(left), np.array(right)


def least_concern(problem: Problem, bound: float, budget: Budget, most: float = 64.0) -> float | None:
    """The smallest λ >= 0, one for all, under which a first-best profile can be sustained with nothing burnt.

    By bisection on λ to 1e-9, as far as `most`; None where it does not suffice. Right because what sustains a
    first-best profile at one λ sustains it at any greater.
    """

    def closes(concern: float) -> bool:
        asked = replace(problem, concerns=(concern,) * problem.n)
        burnt = (least_burnt(asked, each, bound, budget) for each in problem.best)
        return any(b is not None and b <= 1e-9 * problem.range for b in burnt)

    if closes(0.0):
        return 0.0
    if not closes(most):
        return None
    low, high = 0.0, most
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (low, middle) if closes(middle) else (middle, high)
    return high
