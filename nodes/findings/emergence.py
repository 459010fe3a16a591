"""Did something emerge that no seat would have done alone: two definitions, and criteria beyond the merge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pydantic import Field

from nodes.findings.criteria import CRITERIA, Criterion, beyond_the_merge, criteria
from personas.persona import Values
from scenarios.errors import ParleyError
from scenarios.lottery import draw
from scenarios.measures import MEASURES
from scenarios.model import Model
from scenarios.ward import TOLERANCE, Array, Ward

__all__ = [
    "CRITERIA",
    "Balanced",
    "Criterion",
    "Emergence",
    "balanced",
    "beyond_the_merge",
    "criteria",
    "emergence",
    "random_allocation",
]

EPSILON = 0.05
"""ε: how far the joint's floor may stay below the best floor."""

MARGIN = 0.01
"""By how much the joint has to beat another's solo on a measure."""

LEAST_WEIGHT = 0.1
"""The weight from which a measure counts as one that a seat cares for."""

RANDOM_ALLOCATIONS = 200
"""How many random feasible allocations the base rate of the first definition is taken over."""


class Balanced(Model):
    """The second definition over one set of measures; floors β in [0, 1], higher is better."""

    measures: list[str]
    holds: bool | None = Field(description="for the joint; None: undefined")
    holds_no_debate: bool | None
    beta_joint: float | None
    beta_solos: dict[str, float]
    beta_no_debate: float | None
    beta_optimum: float | None
    pareto: bool | None = Field(description="the joint is Pareto-efficient over the measures")
    pareto_no_debate: bool | None


class Emergence(Model):
    """Both definitions of emergence, each with what stands beside it; None where one is undefined."""

    first: bool | None
    first_base_rate_random: float | None = Field(description="share of 200 random feasible x that pass")
    first_no_debate: bool | None
    second: bool | None
    second_no_debate: bool | None
    beta_joint: float | None
    beta_solos: dict[str, float]
    beta_no_debate: float | None
    beta_optimum: float | None
    pareto: bool | None
    measures: list[str] = Field(description="J: what any seat gives weight to and the ward defines")
    all_six: Balanced = Field(description="the second definition over every measure that the ward defines")
    beyond_the_merge: list[str] = Field(description="criteria met by the joint, not by any solo or no-debate")
    reasons: list[str] = Field(description="why a definition does not hold, or is undefined")


def emergence(
    ward: Ward,
    *,
    joint: Array,
    solos: Mapping[str, Array],
    no_debate: Array,
    values: Mapping[str, Values],
    seed: int,
    thresholds: Mapping[str, float] | None = None,
) -> Emergence:
    """Both definitions for 2 or more seats; arrays (patients, resources), `values` as declared, by seat.

    1. u_s(joint) < max u_s − 1e-6 for every seat, and for each seat and each other the joint beats the
       other's solo by more than .01 on some normalised measure to which the seat gives at least .1. Nearly
       vacuous, so its rates for the no-debate merge and for random feasible x stand beside it.
    2. With β(x) = min over J of g_j(x): β(joint) > every β(solo), β(joint) >= β_opt − .05, and the joint is
       Pareto-efficient over J; J is what any seat gives weight to.
    Source: Chaki, Gourru & Velcin (arXiv 2604.13705); margins, ε and N seats ours. Raises ParleyError where
    solos and values do not name the same seats.
    """
    from personas.utility import usable
    from scenarios.optimum import normalised_measures

    if set(solos) != set(values):
        raise ParleyError(
            f"emergence: solos of {', '.join(solos)} but values of {', '.join(values)}; match them"
        )
    used = {seat: usable(ward, values[seat]) for seat in solos}
    reasons: list[str] = []
    passes = _first_definition(ward, solos, used, reasons)
    defined = [name for name, g in normalised_measures(ward, joint).items() if g is not None]
    cared_for = [name for name in MEASURES if name in defined and any(name in v for v in used.values())]
    over_j = balanced(ward, cared_for, joint=joint, solos=solos, no_debate=no_debate)
    first = None if passes is None else passes(joint, reasons)
    reasons += _why_not_balanced(over_j)
    return Emergence(
        first=first,
        first_base_rate_random=None if passes is None else _base_rate(ward, passes, seed),
        first_no_debate=None if passes is None else passes(no_debate, []),
        second=over_j.holds,
        second_no_debate=over_j.holds_no_debate,
        **over_j.model_dump(include={"beta_joint", "beta_solos", "beta_no_debate", "beta_optimum", "pareto"}),
        measures=cared_for,
        all_six=balanced(ward, defined, joint=joint, solos=solos, no_debate=no_debate),
        beyond_the_merge=beyond_the_merge(
            ward, joint=joint, solos=list(solos.values()), no_debate=no_debate, thresholds=thresholds
        ),
        reasons=reasons,
    )


Passes = Callable[[Array, list[str]], bool]
"""Whether an allocation passes the first definition; says why not in the list."""


def _first_definition(
    ward: Ward, solos: Mapping[str, Array], values: Mapping[str, Values], reasons: list[str]
) -> Passes | None:
    from personas.utility import utility
    from scenarios.optimum import Total, maximise, normalised_measures

    cares = {s: [j for j, w in v.items() if j in MEASURES and w >= LEAST_WEIGHT] for s, v in values.items()}
    if len(solos) < 2:
        reasons.append("first: undefined, one seat has no other whose solo could be beaten")
        return None
    if silent := [s for s in solos if not values[s]]:
        reasons.append(f"first: undefined, {', '.join(silent)} declares no values that this ward defines")
        return None
    utilities = {s: utility(ward, v) for s, v in values.items()}
    most = {s: maximise(ward, Total(u)).value for s, u in utilities.items()}
    solo_measures = {s: normalised_measures(ward, x) for s, x in solos.items()}

    def passes(x: Array, why: list[str]) -> bool:
        g = normalised_measures(ward, x)
        before = len(why)
        for seat, u in utilities.items():
            if u.value(ward, x) >= most[seat] - TOLERANCE:
                why.append(f"first: it is an optimum of {seat} alone")
            for other in (s for s in solos if s != seat):
                theirs = solo_measures[other]
                if not any((g[j] or 0) > (theirs[j] or 0) + MARGIN for j in cares[seat]):
                    why.append(f"first: it beats {other}'s solo on nothing that {seat} cares for")
        return len(why) == before

    return passes


def random_allocation(ward: Ward, rng: np.random.Generator) -> Array:
    """A random feasible allocation that leaves nothing idle: exponential claims, filled up to demand.

    Each resource is shared in proportion to independent Exp(1) claims times demand, what passes a demand
    going to the others; whole goods are then drawn by a lottery with those marginals. Shape (N, K), in units.
    """
    a = ward.arrays
    x = np.zeros_like(a.demand)
    for k, capacity in enumerate(a.capacity):
        demand = a.demand[:, k]
        claims = rng.exponential(size=len(demand)) * demand
        x[:, k] = _filled(claims, demand, min(float(capacity), float(demand.sum())))
    return draw(ward, x, rng) if a.whole.any() else x


def _filled(claims: Array, demand: Array, amount: float) -> Array:
    """min(demand, t·claims) for the t at which it adds up to `amount`: the smallest ratios are filled first."""
    x, left = np.zeros_like(demand), amount
    order = np.argsort(np.divide(demand, claims, out=np.full_like(demand, np.inf), where=claims > 0))
    for at, i in enumerate(order):
        share = claims[order[at:]].sum()
        x[i] = min(demand[i], left * claims[i] / share) if share > 0 else 0.0
        left -= x[i]
    return x


def _base_rate(ward: Ward, passes: Passes, seed: int) -> float:
    rng = np.random.default_rng([seed, 0xE3])
    return (
        sum(passes(random_allocation(ward, rng), []) for _ in range(RANDOM_ALLOCATIONS)) / RANDOM_ALLOCATIONS
    )


def balanced(
    ward: Ward, names: Sequence[str], *, joint: Array, solos: Mapping[str, Array], no_debate: Array
) -> Balanced:
    """The second definition over `names`, for the joint and for the no-debate merge; all None over no names."""
    from scenarios.optimum import balanced_floor, balanced_optimum, pareto_efficient

    names = list(names)
    if not names:
        none: dict[str, None] = dict.fromkeys(
            (
                "holds",
                "holds_no_debate",
                "beta_joint",
                "beta_no_debate",
                "beta_optimum",
                "pareto",
                "pareto_no_debate",
            )
        )
        return Balanced(measures=[], beta_solos={}, **none)
    best = balanced_optimum(ward, names).value
    alone = {seat: balanced_floor(ward, x, names) for seat, x in solos.items()}

    def judged(x: Array) -> tuple[float, bool, bool]:
        beta, efficient = balanced_floor(ward, x, names), pareto_efficient(ward, x, names)
        above = all(beta > b + TOLERANCE for b in alone.values())
        return beta, efficient, above and beta >= best - EPSILON and efficient

    (beta, efficient, holds), (beta_0, efficient_0, holds_0) = judged(joint), judged(no_debate)
    return Balanced(
        measures=names,
        holds=holds,
        holds_no_debate=holds_0,
        beta_joint=beta,
        beta_solos=alone,
        beta_no_debate=beta_0,
        beta_optimum=best,
        pareto=efficient,
        pareto_no_debate=efficient_0,
    )


def _why_not_balanced(found: Balanced) -> list[str]:
    if found.beta_joint is None or found.beta_optimum is None:
        return ["second: undefined, no seat gives weight to a measure that this ward defines"]
    why = []
    for seat, beta in found.beta_solos.items():
        if found.beta_joint <= beta + TOLERANCE:
            why.append(f"second: its floor {found.beta_joint:.3f} is not above {seat}'s solo, {beta:.3f}")
    if found.beta_joint < found.beta_optimum - EPSILON:
        why.append(
            f"second: its floor {found.beta_joint:.3f} is below the best floor {found.beta_optimum:.3f} − ε"
        )
    if not found.pareto:
        why.append(f"second: not Pareto-efficient over {', '.join(found.measures)}")
    return why
