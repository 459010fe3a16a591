"""Which standards of adequacy does an allocation meet, and which of them came of debate, beyond the merge?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scenarios.errors import ParleyError
from scenarios.measures import counted_need_satisfaction, normalised_gini
from scenarios.ward import TOLERANCE, Array, Ward


@dataclass(frozen=True)
class Criterion:
    """A standard that an allocation meets or not: `score` against `threshold`; a score of None is undefined."""

    name: str
    says: str
    threshold: float
    sense: str  # "at least", "above" or "at most"
    score: Callable[[Ward, Array], float | None]

    def met(self, ward: Ward, x: Array, threshold: float | None = None) -> bool | None:
        """Whether x meets it, rounding aside; None where it is undefined in this ward."""
        score = self.score(ward, x)
        if score is None:
            return None
        limit = self.threshold if threshold is None else threshold
        if self.sense == "above":
            return score > limit + TOLERANCE
        return score >= limit - TOLERANCE if self.sense == "at least" else score <= limit + TOLERANCE


def _measure(name: str) -> Callable[[Ward, Array], float | None]:
    def score(ward: Ward, x: Array) -> float | None:
        from scenarios.optimum import normalised_measures

        return normalised_measures(ward, x)[name]

    return score


def _least_satisfied(ward: Ward, x: Array) -> float | None:
    from scenarios.optimum import bounds

    return float(counted_need_satisfaction(ward, x).min()) if bounds(ward)["worst_off"] > TOLERANCE else None


def _equality(ward: Ward, x: Array) -> float | None:
    h = counted_need_satisfaction(ward, x)
    return normalised_gini(h) if len(h) > 1 else None


def _group_means(ward: Ward, x: Array) -> list[list[float]]:
    """Mean need satisfaction of each group, for each protected attribute with two groups or more."""
    h, counted = counted_need_satisfaction(ward, x), ward.arrays.counted
    means = []
    for attribute in ward.protected:
        of = [g for g, c in zip(ward.groups(attribute), counted, strict=True) if c]
        groups = sorted({g for g in of if g is not None})
        means.append([float(h[[g == name for g in of]].mean()) for name in groups])
    return [m for m in means if len(m) > 1]


def _least_group(ward: Ward, x: Array) -> float | None:
    return min((min(m) for m in _group_means(ward, x)), default=None)


def _access_gap(ward: Ward, x: Array) -> float | None:
    return max((max(m) - min(m) for m in _group_means(ward, x)), default=None)


def _holdings_kept(ward: Ward, x: Array) -> float | None:
    held = ward.arrays.holds > 0
    return float((x[held] / ward.arrays.holds[held]).min()) if held.any() else None


def _idle(ward: Ward, x: Array) -> float | None:
    a = ward.arrays
    usable = np.minimum(a.capacity, a.demand.sum(axis=0))
    idle = (usable - x.sum(axis=0))[usable > 0] / usable[usable > 0]
    return float(idle.max()) if len(idle) else None


CRITERIA: dict[str, Criterion] = {
    c.name: c
    for c in (
        Criterion(
            "nobody-left-out", "every patient gets some of what they need", 0, "above", _least_satisfied
        ),
        Criterion(
            "worst-off-half",
            "the worst-off has half of what they could",
            0.5,
            "at least",
            _measure("worst_off"),
        ),
        Criterion(
            "survival-90", "nine tenths of the attainable survivors", 0.9, "at least", _measure("survival")
        ),
        Criterion(
            "vulnerable-80",
            "four fifths of the attainable care for the vulnerable",
            0.8,
            "at least",
            _measure("vulnerability_weighted_care"),
        ),
        Criterion("equality-80", "1 − normalised Gini is four fifths", 0.8, "at least", _equality),
        Criterion("no-group-shut-out", "every protected group gets something", 0, "above", _least_group),
        Criterion(
            "access-gap-20", "no two groups of an attribute are a fifth apart", 0.2, "at most", _access_gap
        ),
        Criterion("holdings-kept", "nobody loses what they have in use", 1, "at least", _holdings_kept),
        Criterion("nothing-idle", "no resource is left while somebody lacks it", 0.01, "at most", _idle),
    )
}
"""Standards of adequacy, ours; thresholds can be overridden where they are used."""


def criteria(ward: Ward, x: Array, thresholds: Mapping[str, float] | None = None) -> dict[str, bool | None]:
    """Which of CRITERIA an allocation meets; None where one is undefined in this ward.

    `thresholds` replaces thresholds by name. Raises ParleyError for a name that is no criterion.
    """
    thresholds = thresholds or {}
    if unknown := set(thresholds) - set(CRITERIA):
        raise ParleyError(f"thresholds: no criterion '{min(unknown)}'; there are {', '.join(CRITERIA)}")
    return {name: c.met(ward, x, thresholds.get(name)) for name, c in CRITERIA.items()}


def beyond_the_merge(
    ward: Ward,
    *,
    joint: Array,
    solos: Sequence[Array],
    no_debate: Array,
    thresholds: Mapping[str, float] | None = None,
) -> list[str]:
    """Emergence beyond the merge: the criteria that the joint meets and neither any solo nor the no-debate did."""
    without = [criteria(ward, x, thresholds) for x in (*solos, no_debate)]
    return [
        name
        for name, met in criteria(ward, joint, thresholds).items()
        if met and not any(before[name] for before in without)
    ]
