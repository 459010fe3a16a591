"""Did something emerge that no seat would have done alone: two definitions, and criteria beyond the merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from nodes.findings.base_rate import FirstDefinition, base_rate
from nodes.findings.criteria import CRITERIA, Criterion, beyond_the_merge, criteria
from personas.persona import Values
from scenarios.errors import ParleyError
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
]

EPSILON = 0.05
"""ε: how far the joint's floor may stay below the best floor."""

LEAST_WEIGHT = 0.1
"""The weight from which a measure counts as one that a seat cares for."""


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
    test = _first_definition(ward, solos, used, reasons)
    defined = [name for name, g in normalised_measures(ward, joint).items() if g is not None]
    cared_for = [name for name in MEASURES if name in defined and any(name in v for v in used.values())]
    over_j = balanced(ward, cared_for, joint=joint, solos=solos, no_debate=no_debate)
    found = [] if test is None else test.failures(joint)
    reasons += [*found, *_why_not_balanced(over_j)]
    return Emergence(
        first=None if test is None else not found,
        first_base_rate_random=None if test is None else base_rate(test, seed),
        first_no_debate=None if test is None else not test.failures(no_debate),
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


def _first_definition(
    ward: Ward, solos: Mapping[str, Array], values: Mapping[str, Values], reasons: list[str]
) -> FirstDefinition | None:
    from personas.utility import utility
    from scenarios.optimum import Total, maximise, normalised_measures

    if len(solos) < 2:
        reasons.append("first: undefined, one seat has no other whose solo could be beaten")
        return None
    if silent := [s for s in solos if not values[s]]:
        reasons.append(f"first: undefined, {', '.join(silent)} declares no values that this ward defines")
        return None
    utilities = {s: utility(ward, v) for s, v in values.items()}
    return FirstDefinition(
        ward=ward,
        utilities=utilities,
        most={s: maximise(ward, Total(u)).value for s, u in utilities.items()},
        cares={
            s: [j for j, w in v.items() if j in MEASURES and w >= LEAST_WEIGHT] for s, v in values.items()
        },
        solos={s: normalised_measures(ward, x) for s, x in solos.items()},
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
