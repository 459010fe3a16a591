"""Sign flips, effect sizes and families against brute force, scipy, statsmodels and the literature."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.statistics import false_discovery, holm, rank_biserial, sign_flip, sign_flips, standardised
from evals.statistics.flips import MOST_EXACT, Alternative
from scenarios.errors import ParleyError

ALTERNATIVES: tuple[Alternative, ...] = ("two-sided", "greater", "less")

DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
"""Crossed minus self-fertilised maize, eighths of an inch (Darwin 1876), Fisher's own example of the test."""


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def by_hand(differences: list[int], alternative: str) -> float:
    """Every sign assignment, one after the other, in whole numbers."""
    total = sum(differences)
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in product((1, -1), repeat=len(differences))
    ]
    extreme = {
        "two-sided": sum(abs(s) >= abs(total) for s in sums),
        "greater": sum(s >= total for s in sums),
        "less": sum(s <= total for s in sums),
    }
    return extreme[alternative] / len(sums)


def test_darwins_maize_gives_what_fisher_counted() -> None:
    # Fisher 1935, The Design of Experiments, §21: 863 of 32,768 assignments reach 314 one way, so 1,726 both ways.
    assert sum(DARWIN) == 314
    assert sign_flip(DARWIN, rng=rng(), alternative="greater") == 863 / 32_768
    assert sign_flip(DARWIN, rng=rng()) == 1_726 / 32_768


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-6, 6), min_size=1, max_size=10), st.sampled_from(ALTERNATIVES))
def test_the_exact_test_is_the_brute_force_one_ties_and_zeros_included(
    differences: list[int], alternative: Alternative
) -> None:
    p = sign_flip(
        np.array(differences) / 10, rng=rng(), alternative=alternative
    )  # tenths tie only within rounding
    assert p == pytest.approx(by_hand(differences, alternative), abs=1e-12)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_the_exact_test_is_scipys_at_sixteen(alternative: Alternative) -> None:
    from scipy.stats import permutation_test

    values = rng(4).normal(0.3, 1, 16)
    theirs = permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=2**16, alternative=alternative
    )
    assert sign_flip(values, rng=rng(), alternative=alternative) == pytest.approx(theirs.pvalue, abs=1e-12)


def test_ranks_as_differences_give_wilcoxons_exact_p() -> None:
    from scipy.stats import wilcoxon

    # Signed ranks have, under sign flips, the null of Wilcoxon's statistic.
    ranks = np.array([1, -2, 3, 4, -5, 6, 7, 8, 9, -10, 11, 12, 13, 14, 15, 16, 17, -18, 19, 20])
    for alternative in ALTERNATIVES:
        theirs = wilcoxon(ranks, alternative=alternative, method="exact").pvalue
        assert sign_flip(ranks, rng=rng(), alternative=alternative) == pytest.approx(theirs, rel=1e-9)


def test_drawn_assignments_come_near_the_exact_p_and_never_reach_zero() -> None:
    from scipy.stats import wilcoxon

    ranks = np.arange(1, 31) * np.where(np.arange(30) % 3 == 1, -1, 1)
    exact = wilcoxon(ranks, method="exact").pvalue
    drawn = sign_flip(ranks, rng=rng(1), flips=40_000)
    assert drawn == pytest.approx(exact, abs=4 * float(np.sqrt(exact * (1 - exact) / 40_000)))
    assert sign_flip(np.ones(30), rng=rng(), flips=99) == 1 / 100


def test_the_number_of_signs_to_flip_decides_how_p_is_found_and_not_the_zeros() -> None:
    padded = np.concatenate([np.array(DARWIN, float), np.zeros(30), [np.nan]])
    assert sign_flip(padded, rng=rng()) == 1_726 / 32_768
    few = rng(3).normal(size=MOST_EXACT)
    assert sign_flip(few, rng=rng(1)) == sign_flip(few, rng=rng(2)), "an exact p depends on no draw"


def test_nothing_to_test_and_nothing_that_differs() -> None:
    assert sign_flip([np.nan, np.nan], rng=rng()) is None
    assert sign_flip([], rng=rng()) is None
    for alternative in ALTERNATIVES:
        assert sign_flip([0.0, 0.0], rng=rng(), alternative=alternative) == 1.0


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12))
@settings(deadline=None, max_examples=60)
def test_turning_the_differences_round_turns_the_alternative_round(differences: list[float]) -> None:
    values = np.array(differences)
    assert sign_flip(values, rng=rng(), alternative="less") == sign_flip(
        -values, rng=rng(), alternative="greater"
    )
    assert sign_flip(values, rng=rng()) == sign_flip(-values, rng=rng())
    assert sign_flip(values * 3, rng=rng()) == pytest.approx(sign_flip(values, rng=rng()))


def test_a_column_has_the_same_p_alone_and_among_others() -> None:
    matrix = rng(5).normal(0.2, 1, (35, 12))
    matrix[rng(6).random(matrix.shape) < 0.15] = np.nan
    together = sign_flips(matrix, rng=rng(7))
    alone = [sign_flip(matrix[:, j], rng=rng(7)) for j in range(12)]
    assert together.tolist() == alone


def test_an_unknown_alternative_is_named() -> None:
    with pytest.raises(ParleyError, match="alternative 'more' is unknown"):
        sign_flip([1.0], rng=rng(), alternative="more")  # type: ignore[arg-type]


def test_standardised_is_the_mean_over_the_deviation_and_missing_where_nothing_varies() -> None:
    assert standardised([1.0, 2.0, 3.0, np.nan])[0] == pytest.approx(2.0)
    assert np.isnan(standardised([0.1] * 7)[0])
    assert np.isnan(standardised([0.4, np.nan])[0])
    # Darwin's maize: mean 314/15, t = 2.148 (Fisher 1935), so d_z = t/√15.
    assert standardised(DARWIN)[0] * np.sqrt(15) == pytest.approx(2.148, abs=5e-4)


def test_rank_biserial_is_wilcoxons_balance_of_ranks() -> None:
    from scipy.stats import wilcoxon

    smaller = wilcoxon(DARWIN).statistic
    assert rank_biserial(DARWIN) == pytest.approx(1 - 2 * smaller / (15 * 16 / 2))
    assert rank_biserial([0.0, 2.0, 1.0]) == 1.0
    assert rank_biserial([0.0, np.nan]) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 12))
@settings(deadline=None, max_examples=50)
def test_families_are_what_their_inventors_wrote_down(raw: list[float], at: int) -> None:
    at = min(at, len(raw))
    with_gap = [*raw[:at], None, *raw[at:]]
    ordered, m = sorted(raw), len(raw)
    step_down = [min(1.0, max((m - k) * ordered[k] for k in range(i + 1))) for i in range(m)]
    step_up = [min(1.0, min(m * ordered[k] / (k + 1) for k in range(i, m))) for i in range(m)]
    for adjust, expected in ((holm, step_down), (false_discovery, step_up)):
        adjusted = adjust(with_gap)
        assert np.isnan(adjusted[at])
        kept = np.delete(adjusted, at)
        assert np.allclose(sorted(kept), expected)
        assert (kept >= np.array(raw) - 1e-12).all()


def test_families_agree_with_statsmodels_on_benjamini_and_hochbergs_fifteen() -> None:
    from statsmodels.stats.multitest import multipletests

    # Benjamini and Hochberg 1995, section 3.2: FDR .05 rejects four of the fifteen, Bonferroni-Holm three.
    raw = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    assert (false_discovery(raw) <= 0.05).sum() == 4
    assert (holm(raw) <= 0.05).sum() == 3
    assert np.allclose(holm(raw), multipletests(raw, method="holm")[1])
    assert holm([]).tolist() == []
    with pytest.raises(ParleyError, match="outside"):
        holm([0.2, 1.2])
