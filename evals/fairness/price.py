"""What does fairness cost in survivors, and how far from the Pareto front is an allocation: by exact optima.

price     (max ESG − max{ESG(x) : x is fair}) / max ESG, in [0, 1], lower is cheaper: the least share of the
          attainable survivors that the notion of fairness costs in this ward, by any allocation at all
          (Bertsimas, Farias & Trichakis 2011)
loss      (max ESG − ESG(x)) / max ESG, in [0, 1]: what an allocation gave up, for fairness or for nothing
distance  the largest t such that some feasible x' has g_j(x') >= g_j(x) + t for every measure j; in [0, 1], 0 where
          x is weakly efficient, that is where not all measures can be raised at once
slack     max Σ_j (g_j(x') − g_j(x)) over feasible x' with g_j(x') >= g_j(x) for every j (the additive measure of
          data envelopment: Charnes, Cooper, Golany, Seiford & Stutz 1985); in [0, 6], 0 where x is Pareto-efficient

The g are those that the ward defines, in concave form: equality is 1 − MAD / its maximum (`scenarios.optimum.bounds`);
the Gini, which is not concave, stands beside. Solvers leave about 1e-3 of slack on an efficient allocation, since a
record rounds to 1e-6 and one measure may buy another dearly. Giving nobody anything is perfectly even, and so at
distance 0: read distance and slack beside `loss`. Where goods are whole and too many to list, `gap` bounds
what a better answer could add.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nodes.findings.criteria import CRITERIA, criteria
from scenarios.measures import MEASURES, counted_need_satisfaction, gini
from scenarios.objective import Objective
from scenarios.optimum import (
    Infeasible,
    Least,
    Optimum,
    Total,
    bounds,
    enumerate_whole,
    maximise,
    need_gradient,
)
from scenarios.optimum.balance import balanced, concave, defined, less_unequal
from scenarios.ward import Array, Ward

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

STAGES = ("solo:A", "solo:B", "no_debate", "joint")
ABOVE = 1e-5
"""By how much a criterion that asks for more than its threshold is passed: solvers miss a floor by up to 1e-6."""
FREE = 1e-4
"""A price up to this is what solvers and ABOVE leave: none."""
Floor = tuple[Objective, float]
Row = tuple[Array, float]


@dataclass(frozen=True)
class Price:
    """What one notion of fairness costs in one ward; a missing number is None, and `note` says why.

    `fairness` is the notion's measure at its best, `at_optimum` the most of it that an allocation with the greatest
    ESG has, `forgone` the difference; None for a criterion, which is met at the greatest ESG where `free`. `gap`
    bounds how far below the price the true one can be.
    """

    notion: str
    kind: str  # "optimum" or "criterion"
    most: float  # max ESG, in survivors
    threshold: float | None = None
    survival: float | None = None  # max ESG among the fair, in survivors
    price: float | None = None
    free: bool | None = None
    fairness: float | None = None
    at_optimum: float | None = None
    forgone: float | None = None
    gap: float = 0.0
    method: str = ""
    note: str = ""


@dataclass(frozen=True)
class Distance:
    """Where an allocation stands against its ward's Pareto front; `*_gap` bounds what the true value adds."""

    loss: float | None
    distance: float
    distance_gap: float
    slack: float
    slack_gap: float
    gini: float
    method: str


def prices(ward: Ward, thresholds: Mapping[str, float] | None = None) -> list[Price]:
    """The price of each notion of fairness in a ward, in the order below.

    max-min      the worst-off patient has as much as anybody in that place can have (Rawls 1971)
    most-equal   everybody has the same; where whole goods allow nothing else, that is nothing, at a price of 1
    balanced     the least of the six normalised measures is as great as can be
    criteria     each of `nodes.findings.criteria`, at its threshold or the one given

    Raises ParleyError for a threshold of no criterion.
    """
    criteria(ward, np.zeros_like(ward.arrays.demand), thresholds)
    made = [_max_min(ward), _most_equal(ward), _balanced(ward)]
    for name, criterion in CRITERIA.items():
        limit = criterion.threshold if thresholds is None else thresholds.get(name, criterion.threshold)
        made.append(_of_criterion(ward, name, limit))
    return made


def _survival(ward: Ward) -> Objective:
    return Objective(ward.arrays.benefit[:, None] * need_gradient(ward.arrays.demand))


def _priced(
    ward: Ward,
    blank: Price,
    floors: Sequence[Floor] = (),
    rows: Sequence[Row] = (),
    lower: Array | None = None,
    known: Array | None = None,
) -> Price:
    """The ESG optimum under floors and rows against the one without; `known` is an allocation that keeps them."""
    most, u = blank.most, _survival(ward)
    if most <= 1e-12:
        return replace(blank, note="nobody gains by care here, so nothing has a price")

    def ask(ex_ante: bool) -> Optimum | None:
        try:
            return maximise(ward, Total(u), floors=floors, rows=rows, lower=lower, ex_ante=ex_ante)
        except Infeasible:
            return None

    best = ask(ex_ante=False)
    if best is None or (known is not None and u.value(ward, known) > best.value):
        relaxed = ask(ex_ante=True)
        if relaxed is None:
            return replace(blank, note="no allocation meets it")
        if known is None:  # a search that gives up at its limit of nodes may have missed one
            listed = enumerate_whole(ward) is not None
            note = "no allocation meets it" if listed else "no allocation was found that meets it"
            return replace(blank, note=f"{note}; divisible goods could")
        value = u.value(ward, known)
        best = Optimum(known, value, max(0.0, relaxed.value + relaxed.gap - value), "known allocation")
    price = min(1.0, max(0.0, (most - best.value) / most))
    if blank.fairness is not None and blank.at_optimum is not None:
        blank = replace(blank, forgone=max(0.0, blank.fairness - blank.at_optimum))
    found = replace(blank, survival=best.value, price=price, free=price <= FREE)
    return replace(found, gap=float(best.gap / most), method=best.method)


def _blank(ward: Ward, notion: str, kind: str = "optimum") -> Price:
    return Price(notion, kind, bounds(ward)["survival"])


UNDEFINED = "undefined in this ward"


def _at_optimum(ward: Ward, u: Objective) -> float | None:
    """The most of u that an allocation with the greatest ESG has; None where the search for one gave up."""
    try:
        return maximise(ward, Total(u), floors=[(_survival(ward), bounds(ward)["survival"])]).value
    except Infeasible:
        return None


def _max_min(ward: Ward) -> Price:
    most = bounds(ward)["worst_off"]
    if most <= 1e-12:
        return replace(_blank(ward, "max-min"), note=UNDEFINED)
    u = concave(ward, "worst_off", {"worst_off": most})
    blank = replace(_blank(ward, "max-min"), fairness=1.0, at_optimum=_at_optimum(ward, u))
    best = maximise(ward, Total(u)).x
    return _priced(ward, blank, [(u, 1.0)], known=best)


def _most_equal(ward: Ward) -> Price:
    u = Objective(np.zeros_like(ward.arrays.demand), constant=1.0, variance=4.0)
    blank = replace(_blank(ward, "most-equal"), fairness=1.0, at_optimum=_at_optimum(ward, u))
    return _priced(ward, blank, [(u, 1.0)], known=np.zeros_like(ward.arrays.demand))


def _balanced(ward: Ward) -> Price:
    most, n = bounds(ward), int(ward.arrays.counted.sum())
    names = defined(ward, tuple(MEASURES), most)
    top = (_survival(ward), most["survival"])
    best = balanced(ward, names, most, lambda goal, floors: maximise(ward, goal, floors=floors))
    level = best.value
    floors = [(concave(ward, name, most), level) for name in names if name != "equality"]
    if n > 1:
        floors.append((less_unequal(ward, (1 - level) * (n - 1) / n), 0.0))
    try:
        held = balanced(
            ward, names, most, lambda goal, floors: maximise(ward, goal, floors=[*floors, top])
        ).value
    except Infeasible:
        held = None
    blank = replace(_blank(ward, "balanced"), fairness=level, at_optimum=held)
    return _priced(ward, blank, floors, known=best.x)


def _of_criterion(ward: Ward, name: str, limit: float) -> Price:
    blank, nothing = (
        replace(_blank(ward, name, "criterion"), threshold=limit),
        np.zeros_like(ward.arrays.demand),
    )
    if CRITERIA[name].score(ward, nothing) is None:
        return replace(blank, note=UNDEFINED)
    floors, rows, lower = MEETING[name](ward, limit)
    if lower is not None and (lower > ward.arrays.demand * (1 + 1e-9)).any():
        return replace(blank, note="no allocation meets it")
    known = nothing if CRITERIA[name].met(ward, nothing, limit) else None
    return _priced(ward, blank, floors, rows, lower, known)


Meeting = tuple[list[Floor], list[Row], Array | None]
"""Floors, rows and a lower bound that an allocation keeps exactly where it meets a criterion."""


def _measure_floor(name: str) -> Callable[[Ward, float], Meeting]:
    return lambda ward, limit: ([(concave(ward, name, bounds(ward)), limit)], [], None)


def _nobody_left_out(ward: Ward, limit: float) -> Meeting:
    return [(Objective(np.zeros_like(ward.arrays.demand), worst_off=1.0), limit + ABOVE)], [], None


def _equality(ward: Ward, limit: float) -> Meeting:
    n = int(ward.arrays.counted.sum())
    return [(less_unequal(ward, (1 - limit) * (n - 1) / n), 0.0)], [], None


def _group_rows(ward: Ward) -> list[list[Array]]:
    """For each attribute with two groups or more, each group's mean h as a row over x, (N, K)."""
    counted, share = ward.arrays.counted, need_gradient(ward.arrays.demand)
    attributes = []
    for attribute in ward.protected:
        of = np.array([g or "" for g in ward.groups(attribute)])
        names = sorted(set(of[counted]) - {""})
        members = [(of == name) & counted for name in names]
        attributes.append([(m / m.sum())[:, None] * share for m in members])
    return [rows for rows in attributes if len(rows) > 1]


def _no_group_shut_out(ward: Ward, limit: float) -> Meeting:
    return [], [(row, limit + ABOVE) for rows in _group_rows(ward) for row in rows], None


def _access_gap(ward: Ward, limit: float) -> Meeting:
    apart = [(a - b, -limit) for rows in _group_rows(ward) for a in rows for b in rows if a is not b]
    return [], apart, None


def _holdings_kept(ward: Ward, limit: float) -> Meeting:
    return [], [], np.maximum(0.0, limit * ward.arrays.holds)


def _nothing_idle(ward: Ward, limit: float) -> Meeting:
    a = ward.arrays
    usable = np.minimum(a.capacity, a.demand.sum(axis=0))
    columns = np.eye(len(usable))[:, None, :] * np.ones((1, len(a.demand), 1))
    return [], [(columns[k] / usable[k], 1 - limit) for k in np.flatnonzero(usable > 0)], None


MEETING: dict[str, Callable[[Ward, float], Meeting]] = {
    "nobody-left-out": _nobody_left_out,
    "worst-off-half": _measure_floor("worst_off"),
    "survival-90": _measure_floor("survival"),
    "vulnerable-80": _measure_floor("vulnerability_weighted_care"),
    "equality-80": _equality,
    "no-group-shut-out": _no_group_shut_out,
    "access-gap-20": _access_gap,
    "holdings-kept": _holdings_kept,
    "nothing-idle": _nothing_idle,
}
"""For every criterion, the convex set of allocations that meet it, from ward and threshold."""


def front_distance(ward: Ward, x: Array) -> Distance:
    """How far x, feasible and of shape (N, K), is from the Pareto front of its ward over the measures it defines."""
    objectives = _objectives(ward)
    h = counted_need_satisfaction(ward, x)
    most = bounds(ward)["survival"]
    loss = 1 - min(1.0, _survival(ward).value(ward, x) / most) if most > 1e-12 else None
    now = [u.value(ward, x) for u in objectives]
    step = maximise(ward, Least(tuple((u, g, 1.0) for u, g in zip(objectives, now, strict=True))))
    added = _added(ward, objectives, now)
    return Distance(
        loss,
        *_at_least_none(step.value, step.gap),
        *_at_least_none(added.value, added.gap),
        gini(h),
        step.method if step.method == added.method else f"{step.method}, {added.method}",
    )


def _at_least_none(value: float, gap: float) -> tuple[float, float]:
    """A gain and its gap, where a gain of 0 is sure: x itself is feasible."""
    return float(max(0.0, value)), float(max(0.0, value + gap) - max(0.0, value))


def _added(ward: Ward, objectives: Sequence[Objective], now: Sequence[float]) -> Optimum:
    """The most that Σ g_j can gain with no g_j below where it is."""
    goal, floors = Total(_sum(ward, objectives)), list(zip(objectives, now, strict=True))
    try:
        best = maximise(ward, goal, floors=floors)
    except Infeasible:  # the node limit was reached before x itself, which keeps every floor, was found again
        best = maximise(ward, goal, floors=floors, ex_ante=True)
        return Optimum(best.x, 0.0, max(0.0, best.value + best.gap - sum(now)), "relaxation")
    return Optimum(best.x, best.value - sum(now), best.gap, best.method)


def _sum(ward: Ward, objectives: Sequence[Objective]) -> Objective:
    return Objective(
        np.sum([np.zeros_like(ward.arrays.demand), *(u.linear for u in objectives)], axis=0),
        constant=sum(u.constant for u in objectives),
        worst_off=sum(u.worst_off for u in objectives),
        variance=sum(u.variance for u in objectives),
        spread=sum(u.spread for u in objectives),
    )


def _objectives(ward: Ward) -> list[Objective]:
    """The measures that the ward defines, each as a concave objective in [0, 1]; equality by MAD, where it varies."""
    most = bounds(ward)
    found = []
    for name in defined(ward, tuple(MEASURES), most):
        if name != "equality":
            found.append(concave(ward, name, most))
        elif (spread := most["equality"]) > 1e-12:
            found.append(Objective(np.zeros_like(ward.arrays.demand), constant=1.0, spread=1 / spread))
    return found


def price_table(
    files: Sequence[Path], thresholds: Mapping[str, float] | None = None, *, processes: int | None = None
) -> pd.DataFrame:
    """A row a ward and notion, with `ward` and the fields of `Price`; every ward that the records have, once."""
    import pandas as pd

    from evals.records import each

    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for ward, rows in each(files, partial(_prices_of, dict(thresholds or {})), processes=processes):
        seen |= {(ward, row["notion"]): {"ward": ward, **row} for row in rows}
    return pd.DataFrame(list(seen.values()))


_PRICED: OrderedDict[tuple[object, ...], list[dict[str, Any]]] = OrderedDict()


def _prices_of(thresholds: dict[str, float], record: RunRecord) -> tuple[str, list[dict[str, Any]]]:
    ward = record.scenario
    key = (ward.name, ward.model_dump_json(), tuple(sorted(thresholds.items())))
    if key not in _PRICED:
        _PRICED[key] = [asdict(price) for price in prices(ward, thresholds)]
        if len(_PRICED) > 256:
            _PRICED.popitem(last=False)
    return ward.name, _PRICED[key]


def distance_table(
    files: Sequence[Path], stages: Sequence[str] = STAGES, *, processes: int | None = None
) -> pd.DataFrame:
    """A row a run and stage: run_id, stage and the fields of `Distance`; a stage that a run lacks has no row."""
    import pandas as pd

    from evals.records import each

    found = each(files, partial(_distances_of, tuple(stages)), processes=processes)
    return pd.DataFrame(
        [row for rows in found for row in rows], columns=["run_id", "stage", *Distance.__annotations__]
    )


def _distances_of(stages: tuple[str, ...], record: RunRecord) -> list[dict[str, Any]]:
    ward, rows = record.scenario, []
    for stage in stages:
        if stage in record.measures:
            distance = front_distance(ward, ward.array(record.measures[stage].allocation))
            rows.append({"run_id": record.run_id, "stage": stage, **asdict(distance)})
    return rows
