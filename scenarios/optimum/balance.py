"""How well can several measures be met at once: the greatest common floor, and Pareto efficiency."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scenarios.errors import ParleyError
from scenarios.measures import (
    MEASURES,
    counted_need_satisfaction,
    gini,
    normalised,
    normalised_gini,
    normalised_variance,
    raw_measures,
)
from scenarios.objective import Objective
from scenarios.optimum.goal import Floors, Goal, Least, Optimum, Total
from scenarios.optimum.space import need_gradient
from scenarios.ward import Array, Ward

Maximise = Callable[[Goal, Floors], Optimum]
"""Maximise a goal over the ward, given floors."""

STEP_LIMIT = 60


def patient_weights(ward: Ward) -> dict[str, Array]:
    """For each measure that is linear in h its weights, (N,)."""
    a = ward.arrays
    return {
        "survival": a.benefit,
        "disadvantage_weighted_survival": a.prioritarian * a.benefit,
        "vulnerability_weighted_care": a.care,
    }


def normalised_measures(ward: Ward, x: Array, most: Mapping[str, float]) -> dict[str, float | None]:
    """The six g, given the bounds of the ward; None where a measure is undefined."""
    h = counted_need_satisfaction(ward, x)
    if not len(h):
        return dict.fromkeys(MEASURES)
    raw = raw_measures(ward, x)
    own = {"evenness": normalised_variance(h), "equality": normalised_gini(h)}
    return {name: own[name] if name in own else normalised(raw[name], most[name]) for name in MEASURES}


def defined(ward: Ward, names: Sequence[str], most: Mapping[str, float]) -> tuple[str, ...]:
    """The names that this ward defines, each once. Raises ParleyError for a name that is no measure."""
    for name in names:
        if name not in MEASURES:
            raise ParleyError(f"no measure '{name}'; there are {', '.join(MEASURES)}")
    somebody = bool(ward.arrays.counted.any())
    fixed = ("evenness", "equality")
    return tuple(n for n in dict.fromkeys(names) if somebody and (n in fixed or most[n] > 1e-12))


def concave(ward: Ward, name: str, most: Mapping[str, float]) -> Objective:
    """g of a measure other than equality, as an objective."""
    zero = np.zeros_like(ward.arrays.demand)
    if name == "evenness":
        return Objective(zero, constant=1.0, variance=4.0)
    if name == "worst_off":
        return Objective(zero, worst_off=1 / most[name])
    return Objective(patient_weights(ward)[name][:, None] * need_gradient(ward.arrays.demand) / most[name])


def less_unequal(ward: Ward, most_gini: float) -> Objective:
    """2·c·mean(h) − MAD(h), which is >= 0 exactly where Gini <= c: concave, unlike the Gini itself."""
    n = int(ward.arrays.counted.sum())
    return Objective(2 * most_gini / n * need_gradient(ward.arrays.demand), spread=1.0)


def floor_of(ward: Ward, x: Array, names: Sequence[str], most: Mapping[str, float]) -> float:
    """min_j g_j(x) over the defined names; nan where there is none."""
    g = normalised_measures(ward, x, most)
    return min((float(g[n] or 0.0) for n in defined(ward, names, most)), default=float("nan"))


def balanced(ward: Ward, names: Sequence[str], most: Mapping[str, float], maximise: Maximise) -> Optimum:
    """max_x min_j g_j(x): the root of the parametric problem of β, by Newton steps instead of halving.

    1 − Gini·N/(N−1) is a ratio of a concave and a linear function of h, so for each β one concave problem tells
    whether more is possible (Dinkelbach 1967; scaled as in Crouzeix, Ferland & Schaible 1985).
    """
    known = defined(ward, names, most)
    if not known:
        raise ParleyError(
            f"ward '{ward.name}': none of {', '.join(names) or 'no measures'} is defined; name another"
        )
    n = int(ward.arrays.counted.sum())
    fixed = tuple((concave(ward, name, most), 0.0, 1.0) for name in known if name != "equality")
    best = maximise(Least(fixed), ())
    if "equality" not in known or n == 1:
        return Optimum(best.x, floor_of(ward, best.x, known, most), best.gap, best.method)
    kept, gap = best.x, best.gap
    floor = floor_of(ward, kept, known, most)
    for _ in range(STEP_LIMIT):
        scale = 2 * (n - 1) / n * float(counted_need_satisfaction(ward, kept).mean())
        ratio = (less_unequal(ward, (1 - floor) * (n - 1) / n), 0.0, scale if scale > 1e-9 else 1.0)
        step = maximise(Least((*((u, floor, s) for u, _, s in fixed), ratio)), ())
        reached = floor_of(ward, step.x, known, most)
        gap = max(0.0, step.value + step.gap)
        if reached > floor:
            kept, floor = step.x, reached
        if step.value <= 1e-9 or reached <= floor - 1e-9:
            break
    return Optimum(kept, floor, gap, best.method)


def efficient(
    ward: Ward,
    x: Array,
    names: Sequence[str],
    tolerance: float,
    most: Mapping[str, float],
    maximise: Maximise,
) -> bool:
    """Whether no feasible x' has every g_j(x') >= g_j(x) and Σ gain > tolerance."""
    known = defined(ward, names, most)
    before = normalised_measures(ward, x, most)
    n = int(ward.arrays.counted.sum())
    h = counted_need_satisfaction(ward, x)
    parts = [(concave(ward, name, most), float(before[name] or 0.0)) for name in known if name != "equality"]
    floors = list(parts)
    if "equality" in known and n > 1:
        bar = less_unequal(ward, gini(h))
        floors.append((bar, 0.0))
        by = 2 * (n - 1) / n * max(float(h.mean()), 1e-3)
        parts.append((bar, 0.0))
        weights = [1.0] * (len(parts) - 1) + [1 / by]
    else:
        weights = [1.0] * len(parts)
    if not parts:
        return True
    gain = Objective(
        sum(
            (w * u.linear for w, (u, _) in zip(weights, parts, strict=True)),
            np.zeros_like(ward.arrays.demand),
        ),
        constant=sum(w * u.constant for w, (u, _) in zip(weights, parts, strict=True)),
        worst_off=sum(w * u.worst_off for w, (u, _) in zip(weights, parts, strict=True)),
        variance=sum(w * u.variance for w, (u, _) in zip(weights, parts, strict=True)),
        spread=sum(w * u.spread for w, (u, _) in zip(weights, parts, strict=True)),
    )
    after = normalised_measures(ward, maximise(Total(gain), floors).x, most)
    return sum(float(after[name] or 0.0) - float(before[name] or 0.0) for name in known) <= tolerance
