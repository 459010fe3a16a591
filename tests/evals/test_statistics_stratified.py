"""Is the stratified test the one that turns whole worlds round, of the size it says, plain where one stratum is?"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from evals.statistics import Alternative, cluster_means, estimate, sign_flip, stratified_test
from evals.statistics.stratified import Weighting
from scenarios.errors import ParleyError
from scenarios.ward import Array

ALTERNATIVES: tuple[Alternative, ...] = ("two-sided", "greater", "less")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


PAIRS = st.lists(
    st.tuples(
        st.one_of(st.integers(-4, 4).map(float), st.just(float("nan"))),
        st.sampled_from("uvwxyz"),
        st.sampled_from([("p0", "calm"), ("p3", "calm"), ("p3", "stochastic")]),
    ),
    min_size=1,
    max_size=24,
)


def by_hand(pairs: list[Any], weighting: Weighting, alternative: Alternative) -> tuple[float, float] | None:
    """The statistic worked out anew for each way to turn whole worlds round."""
    pairs = [row for row in pairs if row[0] == row[0]]
    worlds = sorted({c for _, c, _ in pairs})

    def statistic(sign: dict[str, int]) -> float:
        means, sizes = [], []
        for stratum in sorted({s for _, _, s in pairs}):
            of = {
                c: [sign[c] * d for d, w, s in pairs if (w, s) == (c, stratum)]
                for c in sorted({w for _, w, s in pairs if s == stratum})
            }
            means.append(float(np.mean([np.mean(v) for v in of.values()])))
            sizes.append(len(of))
        return float(np.average(means, weights=None if weighting == "strata" else sizes))

    if not pairs:
        return None
    null = [
        statistic(dict(zip(worlds, signs, strict=True))) for signs in product((1, -1), repeat=len(worlds))
    ]
    observed = null[0]
    if alternative == "two-sided":
        extreme = [abs(t) >= abs(observed) - 1e-9 for t in null]
    else:
        turn = 1 if alternative == "greater" else -1
        extreme = [turn * t >= turn * observed - 1e-9 for t in null]
    return observed, float(np.mean(extreme))


@settings(deadline=None, max_examples=80)
@given(PAIRS, st.sampled_from(["strata", "clusters"]), st.sampled_from(ALTERNATIVES))
def test_it_is_the_brute_force_test_that_turns_whole_worlds_round(
    pairs: list[Any], weighting: Weighting, alternative: Alternative
) -> None:
    differences, worlds, strata = zip(*pairs, strict=True)
    found = stratified_test(
        differences, worlds, strata, rng=rng(), weighting=weighting, alternative=alternative
    )
    expected = by_hand(pairs, weighting, alternative)
    if expected is None:
        assert found.mean is None and found.p is None and found.note == "no values"
        assert len(found.dropped) == len(set(strata))
        return
    assert found.mean == pytest.approx(expected[0], abs=1e-12)
    assert found.p == pytest.approx(expected[1], abs=1e-12)
    assert found.exact and found.missing == sum(d != d for d in differences)


@pytest.mark.parametrize("count", [12, 20, 35])
@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_with_one_stratum_it_is_the_sign_flip_of_the_worlds(count: int, alternative: Alternative) -> None:
    worlds = np.repeat(np.arange(count), 2)
    values = rng(3).normal(0.3, 1, len(worlds))
    values[5] = np.nan
    means, _ = cluster_means(values, worlds)
    found = stratified_test(values, worlds, ["all"] * len(worlds), rng=rng(9), alternative=alternative)
    assert found.p == sign_flip(means[:, 0], rng=rng(9), alternative=alternative)
    assert found.mean == pytest.approx(means.mean())
    assert found.exact == (count <= 20)


@settings(deadline=None, max_examples=40)
@given(PAIRS, st.randoms(use_true_random=False), st.floats(0.1, 50))
def test_neither_order_nor_names_nor_units_matter(pairs: list[Any], shuffle: Any, unit: float) -> None:
    again = [(d * unit, f"world {w}", s[::-1]) for d, w, s in pairs]
    shuffle.shuffle(again)
    first, second = (stratified_test(*zip(*p, strict=True), rng=rng()) for p in (pairs, again))
    assert first.p == (None if second.p is None else pytest.approx(second.p))
    assert first.mean == (None if second.mean is None else pytest.approx(second.mean / unit, abs=1e-12))
    turned = stratified_test(*zip(*[(-d, w, s) for d, w, s in pairs], strict=True), rng=rng())
    assert turned.p == first.p, "which condition is called the treatment decided p"


def test_seeds_of_a_world_are_averaged_before_worlds_are() -> None:
    # World a: (1 + 3 + 5)/3 = 3, world b: 1; a mean over pairs would be 2.5.
    found = stratified_test([1, 3, 5, 1], ["a", "a", "a", "b"], ["s"] * 4, rng=rng())
    assert found.mean == 2.0 and found.pairs == 4 and found.clusters == 2


def test_a_stratum_without_a_pair_is_dropped_and_named_and_weighs_nothing() -> None:
    values = [1.0, 2.0, np.nan, np.nan, 4.0]
    strata = [("p0", "calm"), ("p0", "calm"), ("p1", "calm"), ("p1", "calm"), ("p2", "calm")]
    found = stratified_test(values, ["a", "b", "a", "b", "a"], strata, rng=rng())
    assert found.dropped == ("p1, calm",) and "no pair in p1, calm" in found.note
    assert found.mean == pytest.approx((1.5 + 4.0) / 2)
    weighted = stratified_test(values, ["a", "b", "a", "b", "a"], strata, rng=rng(), weighting="clusters")
    assert weighted.mean == pytest.approx((2 * 1.5 + 4.0) / 3)
    assert [s.mean for s in found.strata] == [1.5, None, 4.0]
    assert [(s.clusters, s.missing) for s in found.strata] == [(2, 0), (0, 2), (1, 0)]


def null_rejections(studies: int, worlds: int, shared: float, seed: int) -> Array:
    """p of stratified tests, and of the same with each world × stratum flipped alone, where nothing differs.

    Worlds share a part of their differences over three strata, one cell of eight is missing, sizes are skewed.
    """
    draw = rng(seed)
    both = np.empty((studies, 2))
    names = np.repeat(np.arange(worlds), 3)
    strata = np.tile(np.arange(3), worlds)
    for i in range(studies):
        world = np.repeat(draw.standard_exponential(worlds) - 1, 3)
        own = draw.standard_normal(3 * worlds) * (1 + strata)
        d = (shared * world + own) * np.repeat(draw.choice([-1.0, 1.0], worlds), 3)
        d[draw.random(len(d)) < 0.125] = np.nan
        both[i, 0] = stratified_test(d, names, strata, rng=draw, flips=399, resamples=39).p or 1.0
        apart = stratified_test(d, np.arange(len(d)), strata, rng=draw, flips=399, resamples=39)
        both[i, 1] = apart.p or 1.0
    return both


def test_the_size_is_what_it_says_and_flips_within_strata_alone_would_reject_too_often() -> None:
    studies = 250
    rejected = (null_rejections(studies, 24, 4.0, 11) <= 0.05).sum(axis=0)
    low, high = (binom.ppf(q, studies, 0.05) for q in (0.005, 0.995))
    assert low <= rejected[0] <= high
    assert rejected[1] > high, "the whole-world flip is not what keeps the size here: the test tests nothing"


def test_small_studies_keep_their_size_exactly() -> None:
    p = null_rejections(200, 8, 1.0, 5)[:, 0]
    assert (p <= 0.05).sum() <= binom.ppf(0.995, 200, 0.05)


def test_the_interval_is_the_bootstrap_t_of_worlds_and_only_where_strata_are_full() -> None:
    worlds, strata = np.repeat(np.arange(30), 2), np.tile(["s", "t"], 30)
    values = rng(2).normal(0.5, 1, 60)
    full = stratified_test(values, worlds, strata, rng=rng(4))
    averaged = estimate(values, worlds, rng=rng(4))
    assert full.mean == pytest.approx(averaged.mean)
    assert full.low is not None and full.high is not None and averaged.low is not None
    assert full.low < full.mean < full.high  # type: ignore[operator]
    assert full.low == pytest.approx(averaged.low, abs=0.05)
    holed = values.copy()
    holed[7] = np.nan
    assert stratified_test(holed, worlds, strata, rng=rng(4)).low is None
    assert "no interval" in stratified_test(holed, worlds, strata, rng=rng(4)).note
    few = stratified_test(values[:20], worlds[:20], strata[:20], rng=rng(4))
    assert few.low is None and few.p is not None and "under 20" in few.note


def test_bad_input_is_named_in_one_line() -> None:
    with pytest.raises(ParleyError, match="2 differences, 2 clusters, 1 strata"):
        stratified_test([1, 2], ["a", "b"], ["s"], rng=rng())
    with pytest.raises(ParleyError, match="row 1 has no stratum"):
        stratified_test([1, 2], ["a", "b"], [("s", 1), ("s", None)], rng=rng())
    with pytest.raises(ParleyError, match="infinite difference in cluster 'b'"):
        stratified_test([1, np.inf], ["a", "b"], ["s", "s"], rng=rng())
    with pytest.raises(ParleyError, match="weighting 'pairs' is unknown"):
        stratified_test([1.0], ["a"], ["s"], rng=rng(), weighting="pairs")  # type: ignore[arg-type]
    with pytest.raises(ParleyError, match="row 0 has no cluster"):
        stratified_test([1.0], [None], ["s"], rng=rng())
