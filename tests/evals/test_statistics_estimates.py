"""Clusters, the bootstrap-t and ratios: against a slow double loop with the same draws, and by property."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.statistics import (
    Estimate,
    cluster_means,
    estimate,
    estimates,
    paired,
    ratio,
    ratio_estimate,
    shortfall,
    sign_flip,
)
from evals.statistics.bootstrap import bootstrap_t, weights
from scenarios.errors import ParleyError
from scenarios.ward import Array


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def slow_interval(
    values: Array, drawn: Array, level: float, below: Array | None = None
) -> tuple[float, float]:
    """The textbook's bootstrap-t: every resample written out, its own mean (ratio), its own standard error."""

    def centre_and_error(a: Array, b: Array) -> tuple[float, float]:
        r = float(a.mean() / b.mean())
        residual = a - r * b
        return r, float(np.sqrt((residual**2).sum() / (len(a) - 1) / len(a)) / b.mean())

    b = np.ones_like(values) if below is None else below
    r, se = centre_and_error(values, b)
    t = []
    for counts in drawn:
        picked = [i for i, count in enumerate(counts) for _ in range(int(count))]
        again, error = centre_and_error(values[picked], b[picked])
        t.append((again - r) / error)
    t.sort()
    k = round((len(drawn) + 1) * (1 - level) / 2)
    return r - t[len(drawn) - k] * se, r - t[k - 1] * se


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_is_that_of_a_double_loop_over_the_same_draws(level: float) -> None:
    values = rng(1).exponential(size=(23, 3)) + np.array([0.0, 5.0, -40.0])
    below = rng(2).uniform(0.5, 1.5, size=(23, 3))
    drawn = weights(23, 399, rng(3))
    low, high = bootstrap_t(values, drawn, level)
    ratio_low, ratio_high = bootstrap_t(values, drawn, level, below)
    for j in range(3):
        assert (low[j], high[j]) == pytest.approx(slow_interval(values[:, j], drawn, level))
        slow = slow_interval(values[:, j], drawn, level, below[:, j])
        assert (ratio_low[j], ratio_high[j]) == pytest.approx(slow)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(-3, 3), st.floats(0.1, 10))
def test_the_interval_moves_and_stretches_with_the_values(seed: int, shift: float, scale: float) -> None:
    values, drawn = rng(seed).normal(size=(20, 1)), weights(20, 199, rng(seed + 1))
    low, high = bootstrap_t(values, drawn)
    moved_low, moved_high = bootstrap_t(shift + scale * values, drawn)
    assert moved_low == pytest.approx(shift + scale * low, abs=1e-7)
    assert moved_high == pytest.approx(shift + scale * high, abs=1e-7)
    mirrored_low, mirrored_high = bootstrap_t(-values, drawn)
    assert (mirrored_low[0], mirrored_high[0]) == pytest.approx((-high[0], -low[0]))


def test_skew_lengthens_the_side_where_the_long_tail_may_hide() -> None:
    values = rng(8).exponential(size=25)
    found = estimate(values, range(25), rng=rng())
    assert found.mean is not None and found.low is not None and found.high is not None
    assert found.high - found.mean > 1.2 * (found.mean - found.low)


def test_resamples_without_variance_cost_the_interval_and_are_not_dropped() -> None:
    lone = np.zeros(20)
    lone[0] = 1.0  # 36 of 100 resamples miss it: their t is −∞
    found = estimate(lone, range(20), rng=rng())
    assert (found.low, found.high) == (None, None)
    assert found.note == "too few wards differ from the rest: no interval"
    assert found.p == 1.0 and found.effect == pytest.approx(0.05 / np.std(lone, ddof=1))
    several = np.where(np.arange(20) < 10, 1.0, 0.0)
    found = estimate(several, range(20), rng=rng())
    assert found.low is not None and found.high is not None and found.low < 0.5 < found.high


def test_wards_that_are_all_alike_have_a_test_and_no_interval() -> None:
    found = estimate([0.1] * 24, range(24), rng=rng())
    assert (found.low, found.high, found.effect) == (None, None, None)
    assert found.mean == pytest.approx(0.1) and found.p == pytest.approx(1 / 10_000)
    assert found.note == "every ward has the same value: no interval"


def test_under_twenty_wards_there_is_an_exact_test_and_no_interval() -> None:
    values = rng(2).normal(0.5, 1, 19)
    found = estimate(values, range(19), rng=rng(1))
    assert (found.low, found.high) == (None, None)
    assert found.note == "under 20 wards: exact test, no interval"
    assert found.p == sign_flip(values, rng=rng(9))
    assert estimate(np.append(values, 0.3), range(20), rng=rng()).low is not None


def test_seeds_are_averaged_within_their_ward_first_and_missing_values_counted() -> None:
    values = [1.0, 3.0, np.nan, 5.0, np.nan, np.nan]
    found = estimate(values, ["a", "a", "a", "b", "c", "c"], rng=rng())
    assert found.effect == pytest.approx(3.5 / np.std([2, 5], ddof=1))
    assert found == Estimate(
        mean=3.5,
        low=None,
        high=None,
        p=0.5,  # (2, 5): four assignments, two of them reach |7|
        n=3,
        clusters=2,
        effect=found.effect,
        missing=3,
        note="under 20 wards: exact test, no interval",
    )


def test_an_outcome_without_values_is_missing_throughout() -> None:
    nothing = Estimate(None, None, None, None, 0, 0, None, 2, "no values")
    assert estimate([np.nan, np.nan], ["a", "b"], rng=rng()) == nothing
    assert estimate([], [], rng=rng()) == Estimate(None, None, None, None, 0, 0, None, 0, "no values")


def test_an_outcome_has_the_same_estimate_alone_and_among_others_in_any_order_of_rows() -> None:
    wards = np.repeat([f"ward-{i}" for i in range(30)], 2)
    matrix = rng(1).normal(0.2, 1, (60, 6))
    matrix[rng(2).random(matrix.shape) < 0.3] = np.nan
    together = estimates(matrix, wards, rng=rng(3))
    shuffled = rng(4).permutation(60)
    for j, found in enumerate(together):
        alone = estimate(matrix[:, j], wards, rng=rng(3))
        moved = estimate(matrix[shuffled, j], wards[shuffled], rng=rng(3))
        for name in ("mean", "low", "high", "p", "effect"):
            assert getattr(alone, name) == pytest.approx(getattr(found, name), rel=1e-9), name
            assert getattr(moved, name) == pytest.approx(getattr(found, name), rel=1e-9), name
        assert (alone.n, alone.clusters, alone.missing) == (found.n, found.clusters, found.missing)


def test_the_direction_of_a_test_leaves_the_interval_alone() -> None:
    values = rng(4).normal(0.4, 1, 30)
    two, more, less = (
        estimate(values, range(30), rng=rng(1), alternative=a) for a in ("two-sided", "greater", "less")
    )
    assert two.low == more.low == less.low and two.high == more.high == less.high
    assert two.p is not None and more.p is not None and less.p is not None
    assert more.p < two.p < less.p


def test_what_cannot_be_used_is_named_with_its_place() -> None:
    with pytest.raises(ParleyError, match="3 values but 2 cluster labels"):
        estimate([1, 2, 3], ["a", "b"], rng=rng())
    with pytest.raises(ParleyError, match="row 1 has no cluster"):
        estimate([1, 2], ["a", None], rng=rng())
    with pytest.raises(ParleyError, match="infinite value in cluster 'b'"):
        estimate([1, np.inf], ["a", "b"], rng=rng())
    with pytest.raises(ParleyError, match="10 resamples are too few"):
        estimate(range(20), range(20), rng=rng(), resamples=10)
    with pytest.raises(ParleyError, match=r"level is 95"):
        estimate(range(20), range(20), rng=rng(), level=95)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-9, 9) | st.just(np.nan)), min_size=1, max_size=30))
def test_cluster_means_are_pandas_means(rows: list[tuple[int, float]]) -> None:
    labels, values = [f"w{r[0]}" for r in rows], [r[1] for r in rows]
    means, names = cluster_means(values, labels)
    theirs = pd.Series(values, dtype=float).groupby(pd.Series(labels)).mean()
    assert names == list(theirs.index)
    assert np.allclose(means[:, 0], theirs.to_numpy(), equal_nan=True)


def test_pairs_are_matched_by_key_and_the_unmatched_are_counted_as_missing() -> None:
    treatment = pd.DataFrame({"cluster": ["a", "a", "b"], "seed": [1, 2, 1], "gap": [0.5, 0.4, None], "x": 0})
    control = pd.DataFrame({"cluster": ["b", "a", "c"], "seed": [1, 1, 1], "gap": [0.1, 0.2, 0.3]})
    both = paired(treatment, control, ["cluster", "seed"], "gap")
    assert list(both.columns) == ["cluster", "seed", "treatment", "control", "difference", "side"]
    assert both["side"].tolist() == ["both", "treatment only", "both", "control only"]
    assert both["difference"].tolist()[0] == pytest.approx(0.3)
    assert both["difference"].isna().tolist() == [False, True, True, True]
    assert both.attrs["unmatched"] == 2
    found = estimate(both["difference"], both["cluster"], rng=rng())
    assert (found.n, found.clusters, found.missing) == (1, 1, 3)
    with pytest.raises(ParleyError, match="two treatment rows have cluster=a"):
        paired(treatment, control, ["cluster"], "gap")
    with pytest.raises(ParleyError, match="control rows have no column 'x'"):
        paired(treatment, control, ["cluster", "seed"], "x")


def test_pairs_of_nothing_are_nothing() -> None:
    empty = pd.DataFrame({"cluster": [], "gap": []})
    both = paired(empty, empty, ["cluster"], "gap")
    assert len(both) == 0 and both.attrs["unmatched"] == 0
    assert estimate(both["difference"], both["cluster"], rng=rng()).mean is None


def test_a_ratio_is_missing_where_its_denominator_does_not_exceed_a_twentieth() -> None:
    found = ratio([1, 1, 1, np.nan], [0.5, 0.05, 0.0, 1])
    assert found[0] == 2 and np.isnan(found[1:]).all()
    small = ratio_estimate([0.1] * 20, [0.04] * 20, range(20), rng=rng())
    assert (small.mean, small.p, small.clusters) == (None, None, 20)
    assert "denominator does not exceed 0.05" in small.note


def test_a_ratio_estimate_is_the_ratio_of_means_over_wards() -> None:
    below = rng(1).uniform(0.3, 0.6, 40)
    above = 0.8 * below + rng(2).normal(0, 0.05, 40)
    below[3] = np.nan
    found = ratio_estimate(above, below, range(40), rng=rng(3))
    kept = ~np.isnan(below)
    assert found.mean == pytest.approx(above[kept].mean() / below[kept].mean())
    assert found.low is not None and found.high is not None and found.low < 0.8 < found.high < 1
    assert (found.n, found.clusters, found.missing) == (39, 39, 1)
    assert found.p == pytest.approx(1e-4) and found.effect is not None and found.effect < 0


def test_a_ratio_whose_denominator_may_vanish_has_no_interval() -> None:
    below = np.where(np.arange(20) < 2, 1.0, 0.0)  # one resample in eight has no denominator at all
    found = ratio_estimate(below * rng(0).random(20), below, range(20), rng=rng(1))
    assert found.mean is not None and found.low is None and "no interval" in found.note


def test_a_shortfall_is_said_beside_the_intervals_it_was_measured_for() -> None:
    assert shortfall(19) == "" and shortfall(1000) == ""
    found = estimate(rng(0).normal(size=20), range(20), rng=rng())
    assert found.note == shortfall(20) and ".92" in found.note
