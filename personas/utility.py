"""What does a seat declare to want: values turned into a utility in [0, 1] over the allocations of a ward.

    u = Σ_j w_j g_j + Σ_G s_G · (satisfied share of group G) / (its attainable maximum),   weights sum to 1

g_j are the normalised measures; evenness enters as 1 − 4·VAR and equality as 1 − MAD / its maximum in the
ward, both concave (1 − Gini is not; it is reported, never optimised). A measure that is undefined in a ward
(f_max = 0) and a group that nobody there belongs to are dropped and the rest rescaled.
"""

from __future__ import annotations

import numpy as np

from personas.persona import Values, normalised_values
from scenarios.measures import MEASURES
from scenarios.objective import Objective
from scenarios.optimum import bounds, group_maximum, need_gradient
from scenarios.ward import Array, Ward


def in_group(ward: Ward, term: str) -> Array:
    """1.0 for each patient in the groups that a term `attribute=group,group` names, else 0.0; shape (N,)."""
    attribute, _, groups = term.partition("=")
    wanted = set(groups.split(","))
    return np.array([float(g in wanted) for g in ward.groups(attribute)])


def usable(ward: Ward, values: Values) -> Values:
    """The values without the measures and groups that this ward does not define, rescaled to sum to 1."""
    most = bounds(ward)
    return normalised_values(
        {
            name: weight
            for name, weight in values.items()
            if (name in MEASURES and (most.get(name) is None or most[name] > 1e-12))
            or (name not in MEASURES and group_maximum(ward, in_group(ward, name)) > 1e-12)
        }
    )


def utility(ward: Ward, values: Values, anchor: Array | None = None) -> Objective:
    """The declared utility of values, as a concave objective with range [0, 1], higher is better.

    With no usable values it is 1 − ‖x − anchor‖₁ / Σ demand, the anchor being the seat's own move.
    """
    values = usable(ward, values)
    a, most = ward.arrays, bounds(ward)
    per_share = need_gradient(a.demand)  # d h_i / d x_ik
    if not values:
        return Objective(np.zeros_like(a.demand), constant=1.0, distance=1.0, anchor=anchor)
    linear, constant = np.zeros_like(a.demand), 0.0
    floor, uneven, spread = 0.0, 0.0, 0.0
    by_patient = {
        "survival": a.benefit,
        "disadvantage_weighted_survival": a.prioritarian * a.benefit,
        "vulnerability_weighted_care": a.care,
    }
    for name, weight in values.items():
        if name in by_patient:
            linear += weight / most[name] * by_patient[name][:, None] * per_share
        elif name == "worst_off":
            floor = weight / most[name]
        elif name == "evenness":
            constant, uneven = constant + weight, 4 * weight
        elif name == "equality":
            constant += weight
            spread = weight / most["equality"] if most["equality"] > 1e-12 else 0.0
        else:
            member = in_group(ward, name)
            linear += weight / group_maximum(ward, member) * member[:, None] * per_share
    return Objective(linear, constant, worst_off=floor, variance=uneven, spread=spread)
