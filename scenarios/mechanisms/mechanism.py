"""What is a mechanism, what does it leave for each party, and is it one: no bound broken, no deviation that pays?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scenarios.mechanisms.problem import Array, Problem, Strategies

Budget = Literal["balanced", "burn"]
"""balanced: Σ_i t_i = 0 in each record. burn: Σ_i t_i <= 0, and what leaves the table counts against welfare."""

TOLERANCE = 1e-7
"""A gain, a bound or a budget broken by less than this, in ranges of the payoffs, is not broken."""


@dataclass(frozen=True)
class Mechanism:
    """Transfers by record, and the strategies that they sustain.

    transfers: what each party gets (or pays, below 0) in each record of `problem.record_names`, (records, n), in
    payoff units; 0 in records that neither the strategies nor one party's deviation leave.
    """

    problem: Problem
    strategies: Strategies
    transfers: Array
    bound: float
    budget: Budget

    @property
    def payoffs(self) -> Array:
        """u_i(ω, a) + t_i(ρ(ω, a)): what the parties are left with in each state and profile, (states, A_1, …, n)."""
        return np.asarray(self.problem.payoffs + self.transfers[self.problem.records])

    @property
    def burnt(self) -> Array:
        """−Σ_i t_i(ρ(ω, a)): what leaves the table, (states, A_1, …)."""
        return np.asarray(0.0 - self.transfers.sum(axis=1)[self.problem.records])

    @property
    def welfare(self) -> float:
        """E[W] when all do their part, net of what leaves the table."""
        played = self.problem.played(self.strategies)
        return float(
            sum(
                p * self.payoffs[w][a].sum()
                for w, (p, a) in enumerate(zip(self.problem.chances, played, strict=True))
            )
        )

    def paid(self) -> list[tuple[tuple[str, ...], tuple[float, ...]]]:
        """Records in which something changes hands, each with what every party gets; in the records' order."""
        least = 1e-9 * self.problem.range
        return [
            (name, tuple(float(x) for x in row))
            for name, row in zip(self.problem.record_names, self.transfers, strict=True)
            if np.abs(row).max() > least
        ]


@dataclass(frozen=True)
class Checked:
    """What a mechanism breaks, each in payoff units and 0 at best.

    gain: the most a party expects to gain by one deviation at one signal. over: of a transfer beyond the bound.
    unbalanced: |Σ_i t_i| where it must be 0, or Σ_i t_i where it must not be above. holds: all within TOLERANCE
    ranges of the payoffs.
    """

    gain: float
    over: float
    unbalanced: float
    holds: bool


def check(mechanism: Mechanism) -> Checked:
    """The incentives, bounds and budget of a mechanism recomputed from the payoffs, by no programme's rows."""
    problem, transfers = mechanism.problem, mechanism.transfers
    net = mechanism.payoffs
    values = net + net.sum(axis=-1, keepdims=True) * np.array(problem.concerns)
    played = problem.played(mechanism.strategies)
    gain = 0.0
    for i in range(problem.n):
        for s in range(len(problem.seen[i])):
            seeing = [w for w in range(len(problem.states)) if problem.signal[w, i] == s]
            chance = sum(problem.chances[w] for w in seeing)
            if not chance:
                continue
            expected = np.zeros(problem.shape[i])
            for w in seeing:
                others = (*played[w][:i], slice(None), *played[w][i + 1 :])
                expected += problem.chances[w] * values[w][(*others, i)] / chance
            gain = max(gain, float(expected.max() - expected[mechanism.strategies[i][s]]))
    left = transfers.sum(axis=1)
    over = max(0.0, float(np.abs(transfers).max(initial=0.0)) - mechanism.bound)
    unbalanced = float((np.abs(left) if mechanism.budget == "balanced" else left).max(initial=0.0))
    most = max(gain, over, unbalanced)
    return Checked(gain, over, max(0.0, unbalanced), most <= TOLERANCE * problem.range)
