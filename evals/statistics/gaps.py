"""How far apart are the groups: a max–min gap pooled over wards, its interval, and the gap of two conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.bootstrap import CONSTANT, FEWEST_FOR_INTERVAL, RESAMPLES, endpoints, weights
from evals.statistics.estimates import ALIKE, UNBOUNDED, Estimate, present
from evals.statistics.flips import FLIPS, TIE, Alternative, check
from evals.statistics.shortfalls import shortfall
from scenarios.errors import ParleyError
from scenarios.ward import Array

MOST_SWAPPED = 16
"""Wards up to which all 2^n swaps of two conditions are enumerated."""
_CELLS = 3_000_000


def gap(sums: Array, counts: Array) -> Array:
    """max − min over groups of Σh/Σn, from sums and counts (..., groups); NaN where under two groups count."""
    there = counts > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums / counts
        top = np.where(there, means, -np.inf).max(axis=-1)
        found: Array = top - np.where(there, means, np.inf).min(axis=-1)
    return np.where(there.sum(axis=-1) > 1, found, np.nan)


@dataclass(frozen=True)
class _Side:
    """One condition: sums and counts (wards, studies, groups)."""

    sums: Array
    counts: Array

    def pooled(self, drawn: Array) -> tuple[Array, Array]:
        """Sums and counts of resamples (R, studies, groups); `drawn` is (R, wards)."""
        n, shape = len(self.sums), (len(drawn), *self.sums.shape[1:])
        return (drawn @ self.sums.reshape(n, -1)).reshape(shape), (
            drawn @ self.counts.reshape(n, -1)
        ).reshape(shape)

    def influence(self, sums: Array, counts: Array) -> Array:
        """What each ward moves the gap by, over n: (R, studies, wards), at the pooled values of R resamples.

        The gap is μ_top − μ_bottom; ward c moves μ_g by (s_cg − μ_g n_cg) / Σ_c n_cg.
        """
        there = counts > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            means = sums / counts
        total = np.zeros((*sums.shape[:2], len(self.sums)))
        studies = np.arange(sums.shape[1])
        for sign, fill in ((1.0, -np.inf), (-1.0, np.inf)):
            filled = np.where(there, means, fill)
            group = filled.argmax(axis=-1) if sign > 0 else filled.argmin(axis=-1)
            mean, count = (np.take_along_axis(x, group[..., None], axis=-1) for x in (means, counts))
            own, size = (np.moveaxis(x[:, studies, group], 0, -1) for x in (self.sums, self.counts))
            with np.errstate(divide="ignore", invalid="ignore"):
                total += sign * (own - mean * size) / count
        return total


def cluster_gap(
    sums: ArrayLike,
    counts: ArrayLike,
    *,
    rng: np.random.Generator,
    against: tuple[ArrayLike, ArrayLike] | None = None,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    flips: int = FLIPS,
) -> Estimate:
    """The gap pooled over wards, or its difference to the gap of another condition on the same wards.

    sums, counts  (wards, groups): Σh and number of patients of each group in each ward
    against       the same two of the other condition, ward by ward; the estimate is then gap − gap

    gap = max_g μ_g − min_g μ_g with μ_g = Σ_c s_cg / Σ_c n_cg. The interval is the symmetric bootstrap-t
    over wards (Hall 1988) whose standard error is that of the linearised gap, (Σ_c φ_c²·n/(n−1))^½ with φ_c the
    ward's influence (Binder 1983). The equal-tailed one would take off the upward bias of a max–min gap twice
    where groups are close (it covers .87 there); the estimate itself stays biased upward. p, for two
    conditions alone: wards' conditions swapped, all 2^n ways up to n = 16, else `flips` drawn, p = (1+k)/(1+flips).
    `n` is the number of patients in `counts`; a ward without patients is left out, a group without any too;
    `missing` counts the (ward, group) cells without patients. Raises ParleyError where shapes differ.
    """
    other = None if against is None else tuple(np.asarray(x, dtype=float)[None] for x in against)
    found = cluster_gaps(
        np.asarray(sums, dtype=float)[None],
        np.asarray(counts, dtype=float)[None],
        rng=rng,
        against=None if other is None else (other[0], other[1]),
        resamples=resamples,
        level=level,
        alternative=alternative,
        flips=flips,
    )
    return found[0]


def cluster_gaps(
    sums: Array,
    counts: Array,
    *,
    rng: np.random.Generator,
    against: tuple[Array, Array] | None = None,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
    flips: int = FLIPS,
) -> list[Estimate]:
    """`cluster_gap` of many outcomes, (outcomes, wards, groups) each, over the same wards and resamples."""
    check(alternative)
    pairs = [(sums, counts)] if against is None else [(sums, counts), against]
    shapes = {np.shape(x) for pair in pairs for x in pair}
    if len(shapes) != 1 or len(next(iter(shapes))) != 3:
        raise ParleyError(
            f"sums and counts have shapes {sorted(shapes)}: give the same wards and groups for all"
        )
    if any((np.isnan(s[c > 0]).any() or (c < 0).any()) for s, c in pairs):
        raise ParleyError("a group sum is NaN or a count below 0: leave missing patients out of both")
    seed = int(rng.integers(2**63))
    there = sum((c.sum(axis=-1) > 0).astype(float) for _, c in pairs) == len(pairs)  # (outcomes, wards)
    found: list[Estimate | None] = [None] * len(sums)
    for pattern in np.unique(there, axis=0):
        chosen = np.flatnonzero((there == pattern).all(axis=1))
        sides = [
            _Side(
                *(np.where(c[chosen] > 0, x[chosen], 0.0).transpose(1, 0, 2)[pattern] for x in (s, c)),
            )
            for s, c in pairs
        ]
        for start, part in _parts(sides, resamples):
            done = _estimated(part, seed, resamples, level, alternative, flips)
            for offset, estimate in enumerate(done):
                found[chosen[start + offset]] = estimate
    return [e for e in found if e is not None]


def _parts(sides: list[_Side], resamples: int) -> Iterator[tuple[int, list[_Side]]]:
    """Outcomes in portions whose resamples fit into memory."""
    wards, outcomes, _ = sides[0].sums.shape
    step = max(1, _CELLS // max(1, resamples * max(1, wards)))
    for start in range(0, outcomes, step):
        part = slice(start, start + step)
        yield start, [_Side(side.sums[:, part], side.counts[:, part]) for side in sides]


def _estimated(
    sides: list[_Side], seed: int, resamples: int, level: float, alternative: Alternative, flips: int
) -> list[Estimate]:
    wards, outcomes, _ = sides[0].sums.shape
    whole = np.ones((1, wards))
    centre, se = (x[0] for x in _gap_and_error(sides, whole))
    low, high = np.full((2, outcomes), np.nan)
    if wards >= FEWEST_FOR_INTERVAL:
        drawn = weights(wards, resamples, np.random.default_rng([seed, 1, wards]))
        gaps, errors = _gap_and_error(sides, drawn)
        low, high = endpoints(centre, se, gaps - centre, errors, level, symmetric=True)
    p = np.full(outcomes, np.nan)
    if len(sides) == 2 and wards:
        p = _swapped(sides, centre, alternative, flips, np.random.default_rng([seed, 0, wards]))
    patients = [int(x) for x in sides[0].counts.sum(axis=(0, 2))]
    empty = [int(x) for x in (sides[0].counts == 0).sum(axis=(0, 2))]
    return [
        Estimate(
            mean=present(centre[j]),
            low=present(low[j]),
            high=present(high[j]),
            p=present(p[j]),
            n=patients[j],
            clusters=wards,
            effect=None,
            missing=empty[j],
            note=_note(wards, len(sides), float(centre[j]), bool(se[j] == 0), bool(np.isnan(low[j]))),
        )
        for j in range(outcomes)
    ]


def _note(wards: int, sides: int, centre: float, constant: bool, without_interval: bool) -> str:
    if np.isnan(centre):
        return "under two groups have patients"
    if wards < FEWEST_FOR_INTERVAL:
        return f"under {FEWEST_FOR_INTERVAL} wards: no interval"
    if without_interval:
        return ALIKE if constant else UNBOUNDED
    return shortfall(wards, "gap" if sides == 1 else "difference of gaps")


def _gap_and_error(sides: list[_Side], drawn: Array) -> tuple[Array, Array]:
    """Gap (or difference of two) and its linearised standard error, both (R, outcomes), in each resample."""
    wards = drawn.shape[1]
    value = np.zeros((len(drawn), sides[0].sums.shape[1]))
    moved = np.zeros((*value.shape, wards))
    for sign, side in zip((1.0, -1.0), sides, strict=False):
        sums, counts = side.pooled(drawn)
        value += sign * gap(sums, counts)
        moved += sign * side.influence(sums, counts)
    squares = np.einsum("rmc,rmc,rc->rm", moved, moved, drawn)
    squares[squares <= CONSTANT**2] = 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(squares * (wards / (wards - 1) if wards > 1 else np.nan))
    return value, error


def _swapped(
    sides: list[_Side], observed: Array, alternative: Alternative, flips: int, rng: np.random.Generator
) -> Array:
    """p of the difference of two gaps, the conditions of wards swapped at random."""
    wards, outcomes, groups = sides[0].sums.shape
    exact = wards <= MOST_SWAPPED
    if exact:
        swaps = np.array(list(product((0.0, 1.0), repeat=wards))).reshape(-1, wards)
    else:
        swaps = rng.integers(0, 2, size=(flips, wards)).astype(float)
    extreme = np.zeros(outcomes)
    tie = TIE * sum(gap(*side.pooled(np.ones((1, wards))))[0] for side in sides)
    turn = -1.0 if alternative == "less" else 1.0
    known = np.abs(observed) if alternative == "two-sided" else turn * observed
    step = max(1, _CELLS // max(1, outcomes * groups))
    for start in range(0, len(swaps), step):
        kept = swaps[start : start + step]
        a, b = (x.pooled(1 - kept) for x in sides), (x.pooled(kept) for x in sides)
        (s1, c1), (s2, c2) = a
        (t1, d1), (t2, d2) = b
        value = turn * (gap(s1 + t2, c1 + d2) - gap(s2 + t1, c2 + d1))
        value = np.abs(value) if alternative == "two-sided" else value
        extreme += (~(value < known - tie)).sum(axis=0)
    p = extreme / len(swaps) if exact else (1 + extreme) / (1 + len(swaps))
    return np.where(np.isnan(observed), np.nan, p)
