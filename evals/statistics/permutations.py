"""Could the labels be chance: permutation tests of group statistics, labels permuted within blocks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.statistics.clusters import coded
from evals.statistics.flips import TIE, Alternative, check
from evals.statistics.gaps import gap
from scenarios.errors import ParleyError
from scenarios.ward import Array

PERMUTATIONS = 1_999
_CELLS = 4_000_000

Statistic = Callable[[Array, Array], Array]
"""From sums and counts of groups, both (..., groups), to one number each (...); NaN where undefined."""


@dataclass(frozen=True)
class PermutationTest:
    """A group statistic beside what it would be if labels meant nothing within blocks."""

    observed: float | None
    p: float | None
    """(1+k)/(1+permutations); None where the statistic is undefined or nothing can be permuted."""
    null_mean: float | None
    """Mean of the statistic under the null: what a max–min gap is biased upward by."""
    null_high: float | None
    """Its 95 % quantile under the null."""
    permutations: int
    groups: int
    n: int
    missing: int
    note: str = ""


def spread(sums: Array, counts: Array) -> Array:
    """Variance between groups, Σ n_g (μ_g − μ)² / Σ n_g: an omnibus statistic that no single pair decides."""
    total = counts.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(counts > 0, sums / counts, 0.0)
        grand = sums.sum(axis=-1) / total
        varied: Array = (counts * (means - grand[..., None]) ** 2).sum(axis=-1) / total
    return np.where((counts > 0).sum(axis=-1) > 1, varied, np.nan)


def permutation_test(
    values: ArrayLike,
    labels: Iterable[Hashable],
    blocks: Iterable[Hashable],
    *,
    rng: np.random.Generator,
    statistic: Statistic = gap,
    permutations: int = PERMUTATIONS,
    alternative: Alternative = "greater",
) -> PermutationTest:
    """Is a statistic of group means larger than chance, labels permuted within blocks (ward × acuity stratum)?

    values (n,), NaN missing; labels and blocks (n,). p = (1+k)/(1+permutations), ties counted (Phipson and
    Smyth 2010); two-sided is twice the smaller tail. Permuting within blocks keeps what severity does to
    groups out of the null (Good 2005). Raises ParleyError where lengths differ or a label is missing.
    """
    column = np.asarray(values, dtype=float).reshape(-1, 1)
    found = permutation_tests(
        column,
        labels,
        blocks,
        rng=rng,
        statistic=statistic,
        permutations=permutations,
        alternative=alternative,
    )
    return found[0]


def permutation_tests(
    matrix: ArrayLike,
    labels: Iterable[Hashable],
    blocks: Iterable[Hashable],
    *,
    rng: np.random.Generator,
    statistic: Statistic = gap,
    permutations: int = PERMUTATIONS,
    alternative: Alternative = "greater",
) -> list[PermutationTest]:
    """`permutation_test` of every column of (patients, outcomes), all under the same permutations."""
    check(alternative)
    values = np.asarray(matrix, dtype=float)
    codes, names = coded(labels, "label")
    rows, _ = coded(blocks, "block")
    if not len(values) == len(codes) == len(rows):
        raise ParleyError(
            f"{len(values)} values, {len(codes)} labels, {len(rows)} blocks: give one of each a row"
        )
    if permutations < 1:
        raise ParleyError(f"permutations is {permutations}: draw at least 1, better {PERMUTATIONS}")
    observed = statistic(*_grouped(values, codes[None], len(names)))[0]
    mixed = len(np.unique(np.column_stack([rows, codes]), axis=0)) > len(np.unique(rows))
    null = np.empty((permutations, values.shape[1]))
    step = max(1, _CELLS // max(1, len(values)))
    for start in range(0, permutations if mixed else 0, step):
        size = min(step, permutations - start)
        permuted = codes[permuted_within(rows, size, rng)]
        null[start : start + size] = statistic(*_grouped(values, permuted, len(names)))
    missing = np.isnan(values).sum(axis=0)
    return [
        _tested(
            observed[j], null[:, j] if mixed else None, alternative, len(names), len(values), int(missing[j])
        )
        for j in range(values.shape[1])
    ]


def permuted_within(blocks: ArrayLike, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """`count` permutations of row numbers that stay within blocks: (count, n); `labels[...]` permutes labels."""
    _, codes = np.unique(np.asarray(blocks), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    keys = rng.random((count, len(codes))) * 0.999 + codes[order]
    permuted = np.empty((count, len(codes)), dtype=np.intp)
    permuted[:, order] = order[np.argsort(keys, axis=1)]
    return permuted


def _grouped(values: Array, codes: NDArray[np.intp], groups: int) -> tuple[Array, Array]:
    """Sums and counts (R, outcomes, groups) of values (n, outcomes) under R labellings (R, n)."""
    seen = ~np.isnan(values)
    filled = np.where(seen, values, 0.0)
    complete = bool(seen.all())
    sums = np.empty((len(codes), values.shape[1], groups))
    counts = np.empty_like(sums)
    for g in range(groups):
        member = (codes == g).astype(float)
        sums[..., g] = member @ filled
        counts[..., g] = member.sum(axis=1)[:, None] if complete else member @ seen
    return sums, counts


def _tested(
    observed: float, null: Array | None, alternative: Alternative, groups: int, rows: int, missing: int
) -> PermutationTest:
    if np.isnan(observed):
        return PermutationTest(None, None, None, None, 0, groups, rows - missing, missing, "under two groups")
    if null is None:
        text = "every block has one group only: nothing to permute"
        return PermutationTest(float(observed), None, None, None, 0, groups, rows - missing, missing, text)
    known = null[~np.isnan(null)]
    tie = TIE * max(abs(float(observed)), float(np.abs(known).max(initial=0.0)))
    tails: Sequence[float] = [
        (1 + int((known >= observed - tie).sum())) / (1 + len(known)),
        (1 + int((known <= observed + tie).sum())) / (1 + len(known)),
    ]
    p = {"greater": tails[0], "less": tails[1], "two-sided": min(1.0, 2 * min(tails))}[alternative]
    return PermutationTest(
        observed=float(observed),
        p=p,
        null_mean=float(known.mean()) if len(known) else None,
        null_high=float(np.quantile(known, 0.95)) if len(known) else None,
        permutations=len(known),
        groups=groups,
        n=rows - missing,
        missing=missing,
    )
