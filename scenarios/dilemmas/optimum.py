"""Which plan would be best for all: by the mean of worths, the least, their product; and how far is one from it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

from scenarios.dilemmas.dilemma import Dilemma, Plan, Values
from scenarios.dilemmas.plan import whole, worths

Array = NDArray[np.float64]
Measured = dict[str, float | None]

TOLERANCE = 1e-9
"""Worths, and products of them, are equal up to this."""

JOINT = ("mean", "least", "nash", "pareto", "regret_utilitarian", "regret_egalitarian", "regret_nash")


@dataclass(frozen=True, eq=False)
class Landscape:
    """What every whole plan is worth to every seat. Plans are in the order of `scenarios.dilemmas.plan.plans`."""

    options: tuple[tuple[str, tuple[str, ...]], ...]  # (issue, its options)
    worths: Array  # (plans, seats), each from 0, the seat's worst plan, to 1, its best

    @property
    def shape(self) -> tuple[int, ...]:
        """How many options each issue has; their product is the number of plans."""
        return tuple(len(names) for _, names in self.options)

    def plan(self, index: int) -> Plan:
        """The plan that stands in a row."""
        at = np.unravel_index(index, self.shape)
        return {issue: names[int(k)] for (issue, names), k in zip(self.options, at, strict=True)}

    def index(self, plan: Mapping[str, str]) -> int:
        """The row of a whole plan."""
        at = [names.index(plan[issue]) for issue, names in self.options]
        return int(np.ravel_multi_index(at, self.shape))

    @property
    def mean(self) -> Array:
        """(plans,), the mean of the seats' worths."""
        return np.asarray(self.worths.mean(axis=1))

    @property
    def least(self) -> Array:
        """(plans,), the worth to whom it is worth least."""
        return np.asarray(self.worths.min(axis=1))

    @property
    def product(self) -> Array:
        """(plans,), Π over seats of worth: the Nash product where everybody's worst plan is what they fall back on."""
        return np.asarray(self.worths.prod(axis=1))


def landscape(dilemma: Dilemma, values: Mapping[str, Values]) -> Landscape | None:
    """The landscape for seats in the order of `values`.

    None where there is no clause or no seat, and where a seat has no values or none that matters here.
    """
    text = dilemma.model_dump_json()
    return _landscape(text, tuple(tuple(sorted(v.items())) for v in values.values()))


@lru_cache(maxsize=256)
def _landscape(text: str, values: tuple[tuple[tuple[str, float], ...], ...]) -> Landscape | None:
    dilemma = Dilemma.model_validate_json(text)
    tables = [worths(dilemma, dict(v)) for v in values]
    columns = [
        summed([list(row.values()) for row in table.values()]) for table in tables if table is not None
    ]
    if not columns or len(columns) < len(tables):
        return None
    names = tuple((name, tuple(issue.options)) for name, issue in dilemma.issues.items())
    stacked = np.stack(columns, axis=1)
    stacked.setflags(write=False)  # handed out again to whoever asks next
    return Landscape(names, stacked)


def summed(rows: Sequence[Sequence[float]]) -> Array:
    """(plans,): for every plan the sum of its options' numbers; one row an issue, plans in the order of `plans`."""
    parts = [np.asarray(row, dtype=np.float64) for row in rows]
    return np.asarray(reduce(np.add.outer, parts)).ravel()


def best_of(*keys: Array) -> int:
    """The row that is greatest by the first key, of those by the second, …; the first such row where all tie."""
    left = np.arange(len(keys[0]))
    for key in keys:
        of_left = key[left]
        left = left[of_left >= of_left.max() - TOLERANCE]
    return int(left[0])


def utilitarian_optimum(dilemma: Dilemma, values: Mapping[str, Values]) -> Plan | None:
    """The plan of greatest mean worth (Bentham; Harsanyi 1955), ties by leximin; None as for `landscape`."""
    land = landscape(dilemma, values)
    return None if land is None else land.plan(best_of(land.mean, *_leximin(land)))


def egalitarian_optimum(dilemma: Dilemma, values: Mapping[str, Values]) -> Plan | None:
    """The plan whose least worth is greatest (Rawls 1971), ties by the next least (Sen 1970); None as above."""
    land = landscape(dilemma, values)
    return None if land is None else land.plan(best_of(*_leximin(land)))


def nash_optimum(
    dilemma: Dilemma, values: Mapping[str, Values], among: Mapping[str, Sequence[str]] | None = None
) -> Plan | None:
    """The plan of greatest Π worth (Nash 1950; each seat's worst plan is its disagreement point, ours).

    Ties, and products that are 0 everywhere, go by leximin. `among`: issue -> the options that are open; an issue
    it leaves out is open to all of its. None as for `landscape`.
    """
    land = landscape(dilemma, values)
    if land is None:
        return None
    shut = [
        [0.0 if option in (among or {}).get(issue, names) else -1.0 for option in names]
        for issue, names in land.options
    ]
    return land.plan(best_of(summed(shut), land.product, *_leximin(land)))


def frontier(dilemma: Dilemma, values: Mapping[str, Values]) -> list[Plan]:
    """Every Pareto-efficient plan, in the order of `plans`: no other is better for one and worse for none.

    Plans worth the same to everybody stand or fall together. [] where `landscape` is None.
    """
    land = landscape(dilemma, values)
    if land is None:
        return []
    points, where = np.unique(land.worths.round(9), axis=0, return_inverse=True)
    left = np.argsort(-points.sum(axis=1), kind="stable")  # who is dominated comes after who dominates it
    efficient = np.zeros(len(points), dtype=bool)
    while len(left):
        efficient[left[0]] = True
        left = left[(points[left] > points[left[0]]).any(axis=1)]
    return [land.plan(int(k)) for k in np.flatnonzero(efficient[where.ravel()])]


def measures(plan: Plan | None, dilemma: Dilemma, values: Mapping[str, Values]) -> Measured:
    """What a plan is worth to the seats, one by one and jointly, and how far it is from the best plans there are.

    `worth:SEAT` from 0 (the seat's worst plan) to 1 (its best); `mean`, `least`, `nash` (the product), each in
    [0, 1], higher better; `pareto` 1 where no plan is better for one seat and worse for none, else 0;
    `regret_utilitarian`, `regret_egalitarian`, `regret_nash`: the greatest mean, least, product of any plan, less
    the plan's: in [0, 1], lower better. All exact, by enumeration. None for a plan that is missing or not whole;
    a seat without values has no worth, and then nothing joint is defined.
    """
    valid = plan if plan is not None and whole(plan, dilemma) else None
    each = {seat: landscape(dilemma, {seat: own}) for seat, own in values.items()}
    out: Measured = {
        f"worth:{seat}": None if valid is None or own is None else float(own.worths[own.index(valid), 0])
        for seat, own in each.items()
    }
    land = landscape(dilemma, values)
    if valid is None or land is None:
        return out | dict.fromkeys(JOINT)
    at = land.index(valid)
    here = land.worths[at]
    beaten = (land.worths >= here - TOLERANCE).all(axis=1) & (land.worths > here + TOLERANCE).any(axis=1)
    joint = {"mean": land.mean, "least": land.least, "nash": land.product}
    best = {name: float(of_plans.max() - of_plans[at]) for name, of_plans in joint.items()}
    return out | {
        **{name: float(of_plans[at]) for name, of_plans in joint.items()},
        "pareto": float(not beaten.any()),
        "regret_utilitarian": best["mean"],
        "regret_egalitarian": best["least"],
        "regret_nash": best["nash"],
    }


def attainable(dilemma: Dilemma, values: Mapping[str, Values]) -> Measured:
    """The greatest `mean`, `least` and `nash` of any plan, each by a plan of its own; {} where undefined."""
    land = landscape(dilemma, values)
    if land is None:
        return {}
    return {
        "mean": float(land.mean.max()),
        "least": float(land.least.max()),
        "nash": float(land.product.max()),
    }


def _leximin(land: Landscape) -> list[Array]:
    """Keys of the leximin order: the least worth, then the next least, …"""
    return list(np.sort(land.worths, axis=1).T)
