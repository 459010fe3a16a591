"""Gaps, their intervals, and permutations within blocks: against loops, scipy and the traps they are there for."""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.statistics import (
    Alternative,
    cluster_gap,
    cluster_gaps,
    gap,
    permutation_test,
    permutation_tests,
    permuted_within,
    spread,
)
from evals.statistics.bootstrap import weights
from scenarios.errors import ParleyError
from scenarios.ward import Array


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def counted(wards: int, groups: int, seed: int) -> tuple[Array, Array]:
    """Sums of need satisfaction and counts of patients, some groups absent from some wards."""
    counts = rng(seed).integers(0, 5, (wards, groups)).astype(float)
    shares = np.clip(rng(seed + 1).normal(0.5 + 0.1 * np.arange(groups), 0.2, (wards, groups)), 0, 1)
    return counts * shares, counts


def slow_gap(sums: Array, counts: Array) -> tuple[float, float]:
    """Gap and standard error by hand: ward by ward influence of the top and the bottom group."""
    total, people = sums.sum(axis=0), counts.sum(axis=0)
    there = [g for g in range(sums.shape[1]) if people[g] > 0]
    means = {g: total[g] / people[g] for g in there}
    top, bottom = max(there, key=lambda g: means[g]), min(there, key=lambda g: means[g])
    n = len(sums)
    influence = [
        (sums[c, top] - means[top] * counts[c, top]) / people[top]
        - (sums[c, bottom] - means[bottom] * counts[c, bottom]) / people[bottom]
        for c in range(n)
    ]
    return means[top] - means[bottom], math.sqrt(n / (n - 1) * sum(x**2 for x in influence))


def test_the_interval_of_a_gap_is_that_of_a_double_loop_over_the_same_draws() -> None:
    sums, counts = counted(22, 4, 5)
    found = cluster_gap(sums, counts, rng=rng(1), resamples=399)
    drawn = weights(22, 399, np.random.default_rng([int(rng(1).integers(2**63)), 1, 22]))
    value, se = slow_gap(sums, counts)
    t = []
    for times in drawn:
        picked = [i for i, count in enumerate(times) for _ in range(int(count))]
        again, error = slow_gap(sums[picked], counts[picked])
        t.append(abs(again - value) / error)
    reach = sorted(t)[399 - 20] * se  # the 380th of 399: (399 + 1) · .95
    assert found.mean == pytest.approx(value)
    assert (found.low, found.high) == pytest.approx((value - reach, value + reach))
    assert found.p is None and "permutation null" in found.note


def test_two_groups_and_as_many_patients_everywhere_are_a_mean_of_paired_differences() -> None:
    shares = rng(3).normal([0.7, 0.4], 0.1, (30, 2))
    found = cluster_gap(5 * shares, np.full((30, 2), 5.0), rng=rng(1))
    differences = shares[:, 0] - shares[:, 1]
    assert found.mean == pytest.approx(differences.mean())
    assert found.low is not None and found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(
        2.05 * differences.std(ddof=1) / np.sqrt(30), rel=0.1
    )


def test_the_difference_of_two_gaps_is_tested_by_swapping_wards() -> None:
    sums, counts = counted(8, 3, 1)
    other, others = counted(8, 3, 9)
    for alternative in ("two-sided", "greater", "less"):
        found = cluster_gap(sums, counts, rng=rng(), against=(other, others), alternative=alternative)
        observed = slow_gap(sums, counts)[0] - slow_gap(other, others)[0]
        reached = 0
        for swap in product((False, True), repeat=8):
            turn = np.array(swap)[:, None]
            a = slow_gap(np.where(turn, other, sums), np.where(turn, others, counts))[0]
            b = slow_gap(np.where(turn, sums, other), np.where(turn, counts, others))[0]
            value = {"two-sided": abs(a - b), "greater": a - b, "less": b - a}[alternative]
            known = {"two-sided": abs(observed), "greater": observed, "less": -observed}[alternative]
            reached += value >= known - 1e-12
        assert found.mean == pytest.approx(observed)
        assert found.p == reached / 2**8
        assert found.low is None and found.note == "under 20 wards: no interval"


def test_the_same_condition_twice_differs_by_nothing() -> None:
    sums, counts = counted(25, 3, 2)
    found = cluster_gap(sums, counts, rng=rng(), against=(sums, counts))
    assert found.mean == 0 and found.p == 1 and found.low is None
    assert found.note == "every ward has the same value: no interval"


def test_many_gaps_at_once_are_the_gaps_one_by_one() -> None:
    pairs = [counted(24, 4, seed) for seed in range(6)]
    pairs[2][1][5] = 0  # a ward nobody of which is counted: left out of that outcome alone
    sums, counts = (np.stack(x) for x in zip(*pairs, strict=True))
    together = cluster_gaps(sums, counts, rng=rng(4), resamples=199)
    alone = [cluster_gap(s, c, rng=rng(4), resamples=199) for s, c in pairs]
    for a, b in zip(alone, together, strict=True):
        assert (a.mean, a.low, a.high) == pytest.approx((b.mean, b.low, b.high))
        assert (a.n, a.clusters, a.missing) == (b.n, b.clusters, b.missing)
    assert [e.clusters for e in together] == [24, 24, 23, 24, 24, 24]


def test_a_group_without_patients_is_no_group_and_one_group_has_no_gap() -> None:
    assert gap(np.array([1.0, 5.0, 0.0]), np.array([2.0, 5.0, 0.0])) == pytest.approx(0.5)
    assert np.isnan(gap(np.array([1.0, 0.0]), np.array([2.0, 0.0])))
    found = cluster_gap(np.ones((20, 2)) * [1, 0], np.ones((20, 2)) * [2, 0], rng=rng())
    assert found.mean is None and found.low is None and found.note == "under two groups have patients"
    with pytest.raises(ParleyError, match="have shapes"):
        cluster_gap(np.ones((20, 2)), np.ones((20, 3)), rng=rng())
    with pytest.raises(ParleyError, match="group sum is NaN"):
        cluster_gap(np.full((20, 2), np.nan), np.ones((20, 2)), rng=rng())


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 999))
def test_permutations_stay_within_their_blocks(blocks: list[int], seed: int) -> None:
    kept = np.array(blocks)
    for permuted in permuted_within(blocks, 3, rng(seed)):
        assert sorted(permuted) == list(range(len(blocks)))
        assert (kept[permuted] == kept).all()


def test_every_permutation_within_a_block_is_as_likely() -> None:
    drawn = permuted_within(["a", "b", "a", "a", "b"], 12_000, rng(1))
    seen, times = np.unique(drawn, axis=0, return_counts=True)
    assert len(seen) == 6 * 2
    assert np.abs(times / 12_000 - 1 / 12).max() < 4 * np.sqrt(1 / 12 * 11 / 12 / 12_000)


def test_the_test_comes_near_all_permutations_counted_by_hand() -> None:
    values, labels, blocks = [0.9, 0.1, 0.4, 0.8, 0.2, 0.7], list("xyyxyx"), [0, 0, 0, 1, 1, 1]

    def by_hand(order: tuple[int, ...]) -> float:
        moved = [labels[i] for i in order]
        means = [np.mean([v for v, m in zip(values, moved, strict=True) if m == g]) for g in "xy"]
        return float(abs(means[0] - means[1]))

    orders = [(*a, *b) for a in permutations((0, 1, 2)) for b in permutations((3, 4, 5))]
    null = [by_hand(o) for o in orders]
    exact = np.mean([x >= null[0] - 1e-12 for x in null])
    found = permutation_test(values, labels, blocks, rng=rng(), permutations=8000)
    assert found.observed == pytest.approx(null[0])
    assert found.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 8000))
    assert found.null_mean == pytest.approx(np.mean(null), abs=0.02)


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_a_signed_difference_in_one_block_is_scipys_independent_samples_test(
    alternative: Alternative,
) -> None:
    from scipy.stats import permutation_test as theirs

    a, b = rng(1).normal(0.6, 1, 7), rng(2).normal(0, 1, 6)
    expected = theirs(
        (a, b), lambda x, y, axis: x.mean(axis) - y.mean(axis), alternative=alternative, n_resamples=2_000
    ).pvalue
    found = permutation_test(
        np.concatenate([a, b]),
        ["a"] * 7 + ["b"] * 6,
        [0] * 13,
        rng=rng(3),
        statistic=lambda sums, counts: (sums / counts)[..., 0] - (sums / counts)[..., 1],
        permutations=20_000,
        alternative=alternative,
    )
    assert found.p == pytest.approx(expected, abs=0.015)


def test_permuting_over_strata_rejects_what_is_only_severity_and_within_them_does_not() -> None:
    # The sicker get more and one group is sicker: no one is treated by group, yet groups differ.
    stratum = rng(1).integers(0, 3, 600)
    group = np.where(rng(2).random(600) < 0.2 + 0.3 * stratum, "x", "y")
    ward = np.repeat(np.arange(20), 30)
    columns = 0.3 * stratum[:, None] + rng(3).normal(0, 0.2, (600, 60))
    within = permutation_tests(columns, group, ward * 3 + stratum, rng=rng(4), permutations=199)
    over = permutation_tests(columns, group, ward, rng=rng(4), permutations=199)
    assert np.mean([(t.p or 0) <= 0.05 for t in within]) < 0.15
    assert all(t.p == 1 / 200 for t in over)


def test_a_gap_grows_with_the_number_of_groups_and_its_null_says_by_how_much() -> None:
    values = rng(1).random((240, 30))
    few = permutation_tests(values, np.arange(240) % 2, np.zeros(240), rng=rng(2), permutations=199)
    many = permutation_tests(values, np.arange(240) % 6, np.zeros(240), rng=rng(2), permutations=199)
    assert np.mean([t.observed or 0 for t in many]) > 2 * np.mean([t.observed or 0 for t in few])
    for tests in (few, many):
        excess = np.mean([(t.observed or 0) - (t.null_mean or 0) for t in tests])
        assert abs(excess) < 0.02


def test_spread_is_the_variance_between_groups_and_needs_two() -> None:
    from scipy.stats import f_oneway

    groups = [rng(g).normal(g / 3, 1, 5 + g) for g in range(3)]
    sums, counts = np.array([g.sum() for g in groups]), np.array([float(len(g)) for g in groups])
    pooled = np.concatenate(groups)
    between = len(pooled) * spread(sums, counts)
    within = sum(((g - g.mean()) ** 2).sum() for g in groups)
    assert (between / 2) / (within / (len(pooled) - 3)) == pytest.approx(f_oneway(*groups).statistic)
    assert np.isnan(spread(np.array([1.0, 0.0]), np.array([2.0, 0.0])))


def test_missing_values_are_left_out_and_counted_and_what_cannot_be_permuted_is_said() -> None:
    values = np.array([0.1, np.nan, 0.9, 0.4])
    found = permutation_test(values, list("aabb"), [0, 0, 0, 0], rng=rng(), permutations=99)
    assert (found.n, found.missing) == (3, 1) and found.observed == pytest.approx(0.55)
    apart = permutation_test(values, list("aabb"), [0, 0, 1, 1], rng=rng())
    assert apart.p is None and apart.observed == pytest.approx(0.55) and "nothing to permute" in apart.note
    alone = permutation_test(values, list("aaaa"), [0, 0, 1, 1], rng=rng())
    assert (alone.observed, alone.p, alone.note) == (None, None, "under two groups")
    with pytest.raises(ParleyError, match="4 values, 2 labels, 4 blocks"):
        permutation_test(values, ["a", "b"], [0, 0, 1, 1], rng=rng())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999))
def test_a_test_of_many_outcomes_is_each_outcomes_own_under_the_same_permutations(seed: int) -> None:
    values = rng(seed).random((30, 3))
    values[rng(seed + 1).random((30, 3)) < 0.1] = np.nan
    labels, blocks = rng(seed + 2).integers(0, 3, 30), rng(seed + 3).integers(0, 4, 30)
    together = permutation_tests(values, labels, blocks, rng=rng(5), permutations=50)
    for j, found in enumerate(together):
        alone = permutation_test(values[:, j], labels, blocks, rng=rng(5), permutations=50)
        assert alone.p == found.p and alone.observed == pytest.approx(found.observed)
