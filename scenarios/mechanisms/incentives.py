"""Which transfers sustain a given strategy profile, and what proves that none do?

Of strategies σ, each deviation (party i, signal s, action d) is a row: its expected gain given s,
g + Σ_{r,j} G[r, j]·t_j(r), must not be above 0; G holds the chances of the records that it leaves less those of the
records left on the path, times what a transfer to j is worth to i (1 for its own, λ_i besides).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scenarios.mechanisms.mechanism import Budget
from scenarios.mechanisms.problem import Array, Problem, Strategies, Whole
from scenarios.mechanisms.rows import Rows

SAME = 1e-9
"""Gains and weights below this, in ranges of the payoffs, are 0."""


@dataclass(frozen=True)
class Deviation:
    """One party does another thing at one signal."""

    party: int
    signal: int
    action: int


@dataclass(frozen=True)
class Incentives:
    """The rows of a strategy profile, payoffs in ranges (`problem.range` is 1).

    gains: g, before transfers, (deviations,). by_transfer: G, (deviations, records, n). on_path: chance of each
    record when nobody deviates, (records,).
    """

    deviations: tuple[Deviation, ...]
    gains: Array
    by_transfer: Array
    on_path: Array

    @property
    def reached(self) -> Whole:
        """Indices of the records that the strategies or one deviation leave."""
        return np.flatnonzero((np.abs(self.by_transfer) > 0).any(axis=(0, 2)) | (self.on_path > 0))

    @property
    def unseen(self) -> Array:
        """Whether each deviation leaves the records as they are, so that no transfer touches it, (deviations,)."""
        return np.asarray(~(np.abs(self.by_transfer) > SAME).any(axis=(1, 2)))


def incentives(problem: Problem, strategies: Strategies) -> Incentives:
    """The rows of a strategy profile (see the top of this module); signals of chance 0 have none."""
    played = problem.played(strategies)
    records, unit = problem.records, problem.range
    on_path = np.zeros(len(problem.record_names))
    for w, a in enumerate(played):
        on_path[records[w][a]] += problem.chances[w]
    deviations: list[Deviation] = []
    gains: list[float] = []
    rows: list[Array] = []
    for i in range(problem.n):
        for s in range(len(problem.seen[i])):
            seeing = np.flatnonzero(problem.signal[:, i] == s)
            chance = problem.chances[seeing].sum()
            if not chance:
                continue
            for d in range(problem.shape[i]):
                if d == strategies[i][s]:
                    continue
                gain, moved = 0.0, np.zeros(len(on_path))
                for w in map(int, seeing):
                    share, a = problem.chances[w] / chance, played[w]
                    other = (*a[:i], d, *a[i + 1 :])
                    gain += share * (problem.values[w][(*other, i)] - problem.values[w][(*a, i)]) / unit
                    moved[records[w][other]] += share
                    moved[records[w][a]] -= share
                deviations.append(Deviation(i, s, d))
                gains.append(gain)
                rows.append(np.outer(moved, problem.weights[i]))
    by_transfer = np.stack(rows) if rows else np.zeros((0, len(on_path), problem.n))
    return Incentives(tuple(deviations), np.array(gains), by_transfer, on_path)


def sustaining(problem: Problem, strategies: Strategies, bound: float, budget: Budget) -> Array | None:
    """Transfers, (records, n) in payoff units, under which no deviation pays; None where there are none.

    |t_i(r)| <= bound. With `burn`, as little as can be leaves the table on the path; then, in both, Σ|t| is least,
    so that nothing is paid that deters nobody.
    """
    rows = incentives(problem, strategies)
    reach = bound / problem.range * np.abs(rows.by_transfer).sum(axis=(1, 2))
    if (rows.gains > reach + SAME).any():  # beyond all that transfers can do
        return None
    burnt_at_least: float | None = None
    if budget == "burn":
        found = _least(problem, rows, bound, budget, None)
        if found is None:
            return None
        burnt_at_least = float((found.sum(axis=1) * rows.on_path).sum() / problem.range)
    return _least(problem, rows, bound, budget, burnt_at_least, sizes=True)


def _least(
    problem: Problem,
    rows: Incentives,
    bound: float,
    budget: Budget,
    kept: float | None,
    sizes: bool = False,
) -> Array | None:
    """The programme over transfers: what is burnt on the path is least, or with `sizes` Σ|t| while `kept` is kept."""
    n, size, programme = problem.n, bound / problem.range, Rows()
    reached = [int(r) for r in rows.reached]
    path_cost = 0.0 if sizes or budget == "balanced" else 1.0
    t = {
        (r, j): programme.column(-size, size, path_cost * rows.on_path[r]) for r in reached for j in range(n)
    }
    for gain, by_transfer in zip(rows.gains, rows.by_transfer, strict=True):
        programme.row({t[r, j]: by_transfer[r, j] for r, j in t}, high=-gain)
    for r in reached:
        programme.row(
            {t[r, j]: 1.0 for j in range(n)}, low=0.0 if budget == "balanced" else -np.inf, high=0.0
        )
    if kept is not None:
        programme.row({t[r, j]: rows.on_path[r] for r, j in t}, low=kept - SAME)
    if sizes:
        for column in t.values():
            above = programme.column(0.0, size, -1.0)
            programme.row({above: 1.0, column: -1.0}, low=0.0)
            programme.row({above: 1.0, column: 1.0}, low=0.0)
    found = programme.solved()
    if found is None:
        return None
    transfers = np.zeros((len(rows.on_path), n))
    for (r, j), column in t.items():
        transfers[r, j] = found[column] * problem.range
    transfers[np.abs(transfers) < SAME * problem.range] = 0.0
    return transfers
