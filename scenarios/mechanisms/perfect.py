"""What is left to lose when whoever leaves the first best's label pays: a perfect contract on what can be verified."""

from __future__ import annotations

import numpy as np

from scenarios.errors import ParleyError
from scenarios.mechanisms.mechanism import Budget, Mechanism
from scenarios.mechanisms.problem import Array, Problem


def perfect(problem: Problem, bound: float | None = None, budget: Budget = "balanced") -> Mechanism:
    """Whoever's label is none that a first best shows in the cell pays the bound: evenly to the others, or burnt.

    The first first-best profile is meant, in the order listed; it need not be an equilibrium, and where effort is
    hidden it is none: what is left is a game among the actions of the right label.

    Raises ParleyError where actions are not verified by labels.
    """
    if problem.outcomes is not None:
        raise ParleyError(
            f"{problem.name}: outcomes are no labels, so nobody in particular can be fined; give labels"
        )
    limit, strategies = problem.bound(bound), problem.best[0]
    shown: set[tuple[str, int, str]] = set()
    for w, a in enumerate(problem.played(strategies)):
        shown |= {(problem.cells[w], i, problem.labels[i][a[i]]) for i in range(problem.n)}
    transfers = np.zeros((len(problem.record_names), problem.n))
    for r, (cell, *labels) in enumerate(problem.record_names):
        for i, label in enumerate(labels):
            if (cell, i, label) not in shown:
                transfers[r, i] -= limit
                if budget == "balanced":
                    transfers[r] += limit / (problem.n - 1) * (np.arange(problem.n) != i)
    return Mechanism(problem, strategies, transfers, limit, budget)


def kept(problem: Problem, mechanism: Mechanism) -> tuple[tuple[int, ...], ...]:
    """For each party the actions of the labels that the mechanism's own strategies show, of a problem of one state.

    Raises ParleyError for one of several states, where what is right may differ by state.
    """
    if len(problem.states) > 1:
        raise ParleyError(
            f"{problem.name}: {len(problem.states)} states; what is left is one game where there is one"
        )
    (played,) = problem.played(mechanism.strategies)
    return tuple(
        tuple(k for k, label in enumerate(own) if label == own[played[i]])
        for i, own in enumerate(problem.labels)
    )


def left(problem: Problem, mechanism: Mechanism) -> Array:
    """The game among the actions that `kept` leaves, with what the mechanism pays, (B_1, …, B_n, n)."""
    return np.asarray(mechanism.payoffs[0][np.ix_(*kept(problem, mechanism))])
