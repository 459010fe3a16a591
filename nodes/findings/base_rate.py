"""How often does a random allocation pass the first definition of emergence: what that definition is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scenarios.lottery import draw
from scenarios.objective import Objective
from scenarios.ward import TOLERANCE, Array, Ward

MARGIN = 0.01
"""By how much the joint has to beat another's solo on a measure."""

RANDOM_ALLOCATIONS = 200
"""How many random feasible allocations the base rate of the first definition is taken over."""


@dataclass(frozen=True)
class FirstDefinition:
    """Emergence 1 in one ward, ready to be asked of an allocation; everything is keyed by seat.

    `most` is the maximum of each utility, `cares` the measures to which a seat gives weight, `solos` the
    normalised measures of each seat's solo.
    """

    ward: Ward
    utilities: Mapping[str, Objective]
    most: Mapping[str, float]
    cares: Mapping[str, Sequence[str]]
    solos: Mapping[str, Mapping[str, float | None]]

    def failures(self, x: Array) -> list[str]:
        """Why x does not pass; empty where it does."""
        from scenarios.optimum import normalised_measures

        g, why = normalised_measures(self.ward, x), []
        for seat, u in self.utilities.items():
            if u.value(self.ward, x) >= self.most[seat] - TOLERANCE:
                why.append(f"first: it is an optimum of {seat} alone")
            for other in (s for s in self.solos if s != seat):
                theirs = self.solos[other]
                if not any((g[j] or 0) > (theirs[j] or 0) + MARGIN for j in self.cares[seat]):
                    why.append(f"first: it beats {other}'s solo on nothing that {seat} cares for")
        return why

    def pass_many(self, x: Array) -> Array:
        """Whether each of S allocations passes, as `failures` would say; x (S, N, K), result (S,) of bool."""
        from scenarios.optimum import need_gradient

        a = self.ward.arrays
        h = (x * need_gradient(a.demand)).sum(axis=2)[:, a.counted]
        g = _normalised(self.ward, h)
        passed = np.ones(len(x), dtype=bool)
        for seat, u in self.utilities.items():
            passed &= _values(u, self.ward, x, h) < self.most[seat] - TOLERANCE
            for other in (s for s in self.solos if s != seat):
                theirs = self.solos[other]
                beats = [g[j] > (theirs[j] or 0) + MARGIN for j in self.cares[seat]]
                passed &= np.any(beats, axis=0) if beats else False
        return passed


def base_rate(test: FirstDefinition, seed: int) -> float:
    """Share of 200 random feasible allocations that pass, in [0, 1]."""
    x = random_allocations(test.ward, np.random.default_rng([seed, 0xE3]), RANDOM_ALLOCATIONS)
    return float(test.pass_many(x).mean())


def random_allocations(ward: Ward, rng: np.random.Generator, count: int) -> Array:
    """Random feasible allocations that leave nothing idle: exponential claims, filled up to demand.

    Each resource is shared in proportion to independent Exp(1) claims times demand, what passes a demand
    going to the others; whole goods are then drawn by a lottery with those marginals. Shape (count, N, K).
    """
    a = ward.arrays
    claims = rng.exponential(size=(count, *a.demand.T.shape)).swapaxes(1, 2) * a.demand
    x = _filled(claims, a.demand, np.minimum(a.capacity, a.demand.sum(axis=0)))
    return np.array([draw(ward, one, rng) for one in x]) if a.whole.any() else x


def _filled(claims: Array, demand: Array, amount: Array) -> Array:
    """min(demand, t·claims) for the t at which each resource adds up to its amount; claims (S, N, K).

    Patients are taken by how little of their claim fills them: each gets their share of what is left.
    """
    need = np.broadcast_to(demand, claims.shape)
    order = np.argsort(np.divide(need, claims, out=np.full_like(claims, np.inf), where=claims > 0), axis=1)
    need, claimed = np.take_along_axis(need, order, axis=1), np.take_along_axis(claims, order, axis=1)
    share = np.cumsum(claimed[:, ::-1], axis=1)[:, ::-1]
    got, left = np.zeros_like(claims), np.broadcast_to(amount, claims[:, 0].shape).copy()
    for i in range(claims.shape[1]):
        part = np.divide(claimed[:, i], share[:, i], out=np.zeros_like(left), where=share[:, i] > 0)
        got[:, i] = np.minimum(need[:, i], left * part)
        left -= got[:, i]
    x = np.empty_like(got)
    np.put_along_axis(x, order, got, axis=1)
    return x


def _normalised(ward: Ward, h: Array) -> dict[str, Array]:
    """The normalised measures of need satisfactions (S, N), undefined ones 0 as `failures` takes them; each (S,)."""
    from scenarios.optimum import bounds

    a, most, n = ward.arrays, bounds(ward), h.shape[1]
    benefit = a.benefit[a.counted]
    raw = {
        "survival": h @ benefit,
        "worst_off": h.min(axis=1),
        "disadvantage_weighted_survival": h @ (a.prioritarian[a.counted] * benefit),
        "vulnerability_weighted_care": h @ a.care[a.counted],
    }
    g = {
        name: np.minimum(1.0, values / most[name]) if most[name] > 1e-12 else np.zeros(len(h))
        for name, values in raw.items()
    }
    total = h.sum(axis=1)
    gini = np.divide(_spread(h) * n, 2 * total, out=np.zeros_like(total), where=total > 0)
    g["evenness"] = 1 - 4 * h.var(axis=1)
    g["equality"] = np.clip(1 - gini * n / (n - 1), 0, 1) if n > 1 else np.ones(len(h))
    return g


def _spread(h: Array) -> Array:
    """Mean absolute difference of each row of h."""
    n = h.shape[1]
    return np.asarray(2 * (np.sort(h, axis=1) @ (2 * np.arange(1, n + 1) - n - 1)) / n**2)


def _values(u: Objective, ward: Ward, x: Array, h: Array) -> Array:
    """u of each of S allocations, as `Objective.value`."""
    total = u.constant + (u.linear * x).sum(axis=(1, 2)) + u.worst_off * h.min(axis=1)
    total = total - u.variance * h.var(axis=1) - u.spread * _spread(h)
    if u.distance and u.anchor is not None:
        total = total - u.distance * abs(x - u.anchor).sum(axis=(1, 2)) / max(ward.arrays.demand.sum(), 1e-12)
    return np.asarray(total)
