"""Between what did a seat choose: a ward's fixed candidate allocations, and its exact best for any weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from personas.persona import Values
from personas.utility import usable, utility
from scenarios.measures import MEASURES
from scenarios.objective import Objective
from scenarios.ward import Array, Ward

MIXTURES = 40
"""Optima of random weights among the fixed candidates."""

RANDOM = 20
"""Random feasible allocations among the fixed candidates."""

BETWEEN = 40
"""Candidates on the way from an optimum to a random allocation, so that what nearly is best is among them."""

ALIKE = 1e-5
"""Candidates whose shares of demand all differ by less are one."""


@dataclass(frozen=True)
class Terms:
    """The terms of a declared utility in one ward: u_w(x) = Σ_j w_j φ_j(x) / Σ_j w_j [j defined].

    φ are the concave forms of `personas.utility`, each in [0, 1]: normalised measures, 1 − 4·VAR, 1 − MAD/max,
    satisfied shares of favoured groups. A term that the ward does not define is 0 everywhere.
    """

    ward: Ward
    names: tuple[str, ...]
    defined: Array  # (T,) of 0.0 and 1.0
    objectives: tuple[Objective, ...]

    @classmethod
    def of(cls, ward: Ward, names: Iterable[str]) -> Terms:
        """The named measures and groups in a ward."""
        names = tuple(names)
        none = Objective(np.zeros_like(ward.arrays.demand))
        defined = [bool(usable(ward, {n: 1.0})) for n in names]
        objectives = [utility(ward, {n: 1.0}) if d else none for n, d in zip(names, defined, strict=True)]
        return cls(ward, names, np.array(defined, dtype=float), tuple(objectives))

    def values(self, x: Array) -> Array:
        """φ of M allocations: x (M, N, K), result (M, T)."""
        from scenarios.optimum import need_gradient

        a, u = self.ward.arrays, self.objectives
        h = (x * need_gradient(a.demand)).sum(axis=2)[:, a.counted]
        n = h.shape[1]
        spread = 2 * (np.sort(h, axis=1) @ (2 * np.arange(1, n + 1) - n - 1)) / n**2
        linear = np.array([o.linear.ravel() for o in u])
        out = x.reshape(len(x), -1) @ linear.T + np.array([o.constant for o in u])
        out += np.outer(h.min(axis=1), [o.worst_off for o in u])
        out -= np.outer(h.var(axis=1), [o.variance for o in u])
        return np.asarray(out - np.outer(spread, [o.spread for o in u]))

    def weights(self, values: Values) -> Array:
        """Values as weights over the terms, (T,); a group that is none of the terms is left out."""
        return np.array([values.get(n, 0.0) for n in self.names])


@dataclass
class Menu:
    """The allocations of a ward that are compared: the fixed candidates, then every optimum found since."""

    terms: Terms
    x: list[Array]
    fixed: int
    phi: Array = field(init=False)  # (M, T)

    def __post_init__(self) -> None:
        self.phi = self.terms.values(np.array(self.x))

    def add(self, x: Array) -> None:
        """Compare with x from now on."""
        self.x.append(x)
        self.phi = np.vstack([self.phi, self.terms.values(x[None])])

    def best(self, weights: Array) -> float:
        """max over all feasible x of Σ_j w_j φ_j(x), exact; the maximiser joins the menu where it is new."""
        x = optimum(self.terms, weights)
        known = float((self.phi @ weights).max())
        if x is None:
            return 0.0
        reached = float(self.terms.values(x[None])[0] @ weights)
        if reached > known + 1e-9:
            self.add(x)
        return max(reached, known)

    def place(self, x: Array) -> int:
        """Where among the fixed candidates x stands, or the one most like it."""
        demand = np.where(self.terms.ward.arrays.demand > 0, self.terms.ward.arrays.demand, 1.0)
        return int(np.argmin((abs(np.array(self.x[: self.fixed]) - x) / demand).max(axis=(1, 2))))


def optimum(terms: Terms, weights: Array) -> Array | None:
    """argmax over all feasible x of Σ_j w_j φ_j(x); None where the ward defines nothing that has weight."""
    from scenarios.optimum import Total, maximise

    values = {n: float(w) for n, w in zip(terms.names, weights * terms.defined, strict=True) if w > 1e-9}
    if not values:
        return None
    return maximise(terms.ward, Total(utility(terms.ward, values))).x


def menu(ward: Ward, names: Sequence[str], digest: str, chosen: Iterable[Array] = ()) -> Menu:
    """The fixed candidates of a ward, the same for every seat that chose there.

    Equal shares; the optima of each term, of every persona of the shipped catalogue, of every two measures in
    equal parts and of random weights; random feasible allocations that leave nothing idle, and some on the way to
    them from those optima; all that anybody chose. Seeded by the ward. (A sample of the alternatives that holds
    what was chosen: McFadden 1978.)
    """
    from negotiators.reference.debate.offers import equal_shares
    from nodes.findings.base_rate import random_allocations
    from scenarios.optimum import project

    rng = np.random.default_rng(int(digest[:16], 16))
    terms = Terms.of(ward, names)
    one = np.eye(len(names))
    measures = [i for i, name in enumerate(names) if name in MEASURES]
    pairs = [one[i] + one[j] for i in measures for j in measures if j < i]
    wanted = [*one, *pairs, *_catalogue(terms), *rng.dirichlet(np.full(len(names), 0.5), MIXTURES)]
    best = _distinct(ward, [x for w in wanted if (x := optimum(terms, np.asarray(w))) is not None])
    best = best or [project(ward, equal_shares(ward))]
    away = random_allocations(ward, rng, RANDOM + BETWEEN)
    steps = zip(
        rng.integers(len(best), size=BETWEEN), rng.uniform(0, 0.8, BETWEEN), away[RANDOM:], strict=True
    )
    between = [project(ward, best[i] + step * (x - best[i])) for i, step, x in steps]
    kept = _distinct(ward, [project(ward, equal_shares(ward)), *best, *away[:RANDOM], *between, *chosen])
    return Menu(terms, kept, len(kept))


def _catalogue(terms: Terms) -> list[Array]:
    from personas.load import load, shipped

    personas = (load(name).declared() for name in shipped())
    return [terms.weights(v) for v in personas]


def _distinct(ward: Ward, found: Sequence[Array]) -> list[Array]:
    demand = np.where(ward.arrays.demand > 0, ward.arrays.demand, 1.0)
    kept: list[Array] = []
    for x in found:
        if not kept or (abs(np.array(kept) - x) / demand).max(axis=(1, 2)).min() > ALIKE:
            kept.append(x)
    return kept
