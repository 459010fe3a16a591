"""Can a judge be believed: what is measured of it, and of a second one beside it, before its scores are used?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from evals.judges.bias import length_bias, position_bias, swap_consistency
from evals.judges.judging import JOINT_WORTH, Bench, Comparison, Mark
from evals.judges.reliability import Agreement, Rank, agreement, flat, in_dilemmas, ranks
from evals.statistics import Estimate, estimate
from scenarios.ward import Array

if TYPE_CHECKING:
    from evals.judges.outcome import Outcome

ITSELF = "itself"
Told = Callable[[str], Callable[[int, int], None]]


@dataclass(frozen=True)
class Row:
    """One thing measured. None is missing or undefined, never 0, and the note says why."""

    judge: str
    key: str
    measure: str
    beside: str  # itself, the other judge and what it scored, or ''
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    clusters: int
    missing: int
    note: str


@dataclass(frozen=True)
class Asked:
    """All that one judge said on one key: marks by reading, in the order of the outcomes, and comparisons."""

    judge: str
    key: str
    readings: tuple[tuple[Mark, ...], ...]
    comparisons: tuple[Comparison, ...]

    @property
    def scores(self) -> Array:
        """(n,), its first reading; NaN is missing."""
        return _column(self.readings[0])


async def asked(
    bench: Bench,
    key: str,
    outcomes: Sequence[Outcome],
    pairs: Sequence[tuple[Outcome, Outcome]],
    *,
    readings: int,
    seed: int,
    told: Told | None = None,
) -> Asked:
    """Have a judge score all outcomes so many times, with a new seed each time, and compare the pairs.

    Raises Unreachable where the server gives up; what was answered is kept where the bench has a cache.
    """
    marks = [
        tuple(await bench.scores(key, outcomes, seed + k, told(f"{key}, reading {k + 1}") if told else None))
        for k in range(readings)
    ]
    compared = await bench.comparisons(key, pairs, seed, told(f"{key}, pairs") if told else None)
    return Asked(bench.name, key, tuple(marks), tuple(compared))


def drawn_pairs(
    outcomes: Sequence[Outcome], most: int, rng: np.random.Generator
) -> list[tuple[Outcome, Outcome]]:
    """At most so many pairs of plans of different words within groups, one a group before a second of any."""
    groups: dict[str, list[Outcome]] = {}
    for o in outcomes:
        if o.completion is not None:
            groups.setdefault(o.group, []).append(o)
    shuffled = []
    for members in groups.values():
        inside = [(a, b) for a, b in combinations(members, 2) if a.completion != b.completion]
        order = rng.permutation(len(inside))
        shuffled += [(rank, rng.random(), *inside[i]) for rank, i in enumerate(order)]
    shuffled.sort(key=lambda row: row[:2])
    return [(a, b) for _, _, a, b in shuffled[:most]]


def measured(outcomes: Sequence[Outcome], said: Sequence[Asked], *, rng: np.random.Generator) -> list[Row]:
    """Every measure of every judge, and of each two of them on one subject; in the order asked.

    Of one judge: `mean` score; `retest` exact agreement and κ between its readings; `flat_groups`, the share of
    groups without variance; `length_bias`, points a doubling; `swap_consistency`; `position_bias`. Of two: exact
    agreement and κ (where both scored the same thing), `tau_b` and `rho` within groups, `same_winner` of the pairs.
    Agreement is over distinct plans (equal ones get one answer, which would flatter it), all else over all.
    """
    rows = [row for one in said for row in _alone(outcomes, one, rng)]
    for one, other in combinations(said, 2):
        if one.judge != other.judge and (one.key == other.key or JOINT_WORTH in (one.key, other.key)):
            rows += _beside(outcomes, one, other, rng)
    return rows


def _alone(outcomes: Sequence[Outcome], one: Asked, rng: np.random.Generator) -> list[Row]:
    groups, clusters = [o.group for o in outcomes], [o.cluster for o in outcomes]
    words = [o.words for o in outcomes]
    scores = one.scores
    rows = [_estimated("mean", "", in_dilemmas(estimate(scores, clusters, rng=rng)), one)]
    distinct = _distinct(outcomes)
    columns = [_column(marks)[distinct] for marks in one.readings]
    if len(columns) > 1:
        twice = list(combinations(columns, 2))
        again = agreement(
            np.concatenate([a for a, _ in twice]),
            np.concatenate([b for _, b in twice]),
            [clusters[i] for i in distinct] * len(twice),
            rng=rng,
        )
        rows += _agreed("retest", ITSELF, again, one)
    rows.append(_estimated("flat_groups", "", flat(scores, groups, clusters, rng=rng), one))
    rows.append(_estimated("length_bias", "", length_bias(scores, words, groups, clusters, rng=rng), one))
    if any(c.asked for c in one.comparisons):
        rows.append(_estimated("swap_consistency", "", swap_consistency(one.comparisons, rng=rng), one))
        rows.append(_estimated("position_bias", "", position_bias(one.comparisons, rng=rng), one))
    return rows


def _beside(outcomes: Sequence[Outcome], one: Asked, other: Asked, rng: np.random.Generator) -> list[Row]:
    groups, clusters = [o.group for o in outcomes], [o.cluster for o in outcomes]
    name = other.judge if one.key == other.key else f"{other.judge} ({other.key})"
    rows = []
    if one.key == other.key:  # scores of unlike things may rank alike, but not agree
        of = _distinct(outcomes)
        both = agreement(one.scores[of], other.scores[of], [clusters[i] for i in of], rng=rng)
        rows = _agreed("agreement", name, both, one)
    by: dict[str, Rank] = {"tau_b": "kendall", "rho": "spearman"}
    for measure, correlation in by.items():
        found = ranks(one.scores, other.scores, groups, clusters, by=correlation, rng=rng)
        rows.append(_estimated(measure, name, found, one))
    pairs = list(zip(one.comparisons, other.comparisons, strict=True))
    same = [np.nan if None in (a.winner, b.winner) else float(a.winner == b.winner) for a, b in pairs]
    if same:
        found = in_dilemmas(estimate(same, [a.one.cluster for a, _ in pairs], rng=rng))
        rows.append(_estimated("same_winner", name, found, one))
    return rows


def _estimated(measure: str, beside: str, e: Estimate, of: Asked) -> Row:
    p = e.p if measure in TESTED else None
    return Row(
        of.judge, of.key, measure, beside, e.mean, e.low, e.high, p, e.n, e.clusters, e.missing, e.note
    )


def _agreed(measure: str, beside: str, a: Agreement, of: Asked) -> list[Row]:
    def row(name: str, value: float | None, low: float | None = None, high: float | None = None) -> Row:
        kind, counts = f"{measure}_{name}", (a.n, a.clusters, a.missing, a.note)
        return Row(of.judge, of.key, kind, beside, value, low, high, None, *counts)

    return [row("exact", a.exact), row("kappa", a.kappa, a.low, a.high)]


def _column(marks: Sequence[Mark]) -> Array:
    return np.array([np.nan if m.score is None else m.score for m in marks], dtype=float)


def _distinct(outcomes: Sequence[Outcome]) -> list[int]:
    """The first of each dilemma's plans of the same words."""
    first: dict[tuple[str, str | None], int] = {}
    for i, o in enumerate(outcomes):
        first.setdefault((o.cluster, o.completion), i)
    return list(first.values())


TESTED = ("length_bias", "position_bias", "swap_consistency", "tau_b", "rho")
"""Measures whose null value (0, for swap consistency .5) means something."""
