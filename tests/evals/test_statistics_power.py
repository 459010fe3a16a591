"""Power ahead of a study: against Cohen's tables, statsmodels and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.statistics import minimum_detectable_effect, power, simulated_power
from scenarios.errors import ParleyError


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_the_sample_sizes_that_textbooks_give_have_power_of_four_fifths(effect: float, pairs: int) -> None:
    # G*Power 3 (Faul et al. 2007), two-sided paired t test at .05: 199, 34 and 15 pairs, and no fewer.
    assert power(effect, pairs) >= 0.8 > power(effect, pairs - 1)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.05, 1.0), st.integers(21, 120), st.sampled_from(["two-sided", "greater", "less"]))
def test_power_is_statsmodels(effect: float, clusters: int, alternative: str) -> None:
    from statsmodels.stats.power import TTestPower

    signed = -effect if alternative == "less" else effect
    name = {"two-sided": "two-sided", "greater": "larger", "less": "smaller"}[alternative]
    theirs = TTestPower().power(signed, clusters, 0.05, alternative=name)
    if np.isfinite(theirs):  # its far tail is NaN for large effects
        assert power(signed, clusters, alternative=alternative) == pytest.approx(theirs, abs=1e-6)  # type: ignore[arg-type]


@pytest.mark.parametrize("clusters", [8, 20, 40])
def test_the_approximation_holds_for_the_sign_flip_test_itself(clusters: int) -> None:
    effect = minimum_detectable_effect(clusters)
    assert effect is not None
    seen = simulated_power(effect, clusters, rng=np.random.default_rng(clusters), studies=1500)
    assert seen == pytest.approx(0.8, abs=0.035)  # 3.4 standard errors


def test_no_effect_is_found_as_often_as_the_level_says() -> None:
    assert power(0.0, 30) == pytest.approx(0.05)
    assert power(0.0, 8) == pytest.approx(6 / 128)  # the exact test's p are multiples of 2/2^8
    assert simulated_power(0.0, 8, rng=np.random.default_rng(1)) == pytest.approx(6 / 128, abs=0.02)


def test_too_few_wards_can_never_reject() -> None:
    assert power(100.0, 5) == 0.0 and minimum_detectable_effect(5) is None
    assert power(3.0, 6) > 0.9 and minimum_detectable_effect(6) is not None
    assert power(100.0, 4, alternative="greater") == 0.0 and power(5.0, 5, alternative="greater") > 0.9
    assert power(1.0, 0) == 0.0 and power(1.0, 1) == 0.0


@given(st.integers(6, 300), st.floats(0.1, 3.0))
@settings(deadline=None, max_examples=40)
def test_power_grows_with_the_effect_and_the_least_detectable_shrinks_with_wards(
    clusters: int, effect: float
) -> None:
    assert 0 <= power(effect, clusters) <= power(effect * 1.5, clusters) + 1e-9 <= 1 + 1e-9
    assert power(effect, clusters) == pytest.approx(power(-effect, clusters))
    here, there = minimum_detectable_effect(clusters), minimum_detectable_effect(clusters + 20)
    assert here is not None and there is not None and there < here
    assert power(here, clusters) == pytest.approx(0.8, abs=1e-6)
    one_sided = minimum_detectable_effect(clusters, alternative="less")
    assert one_sided is not None and one_sided < here


def test_a_strong_effect_is_seen_where_the_librarys_tail_is_missing() -> None:
    assert power(2.0, 24) == pytest.approx(1.0)
    assert power(50.0, 24) == 1.0 and power(-50.0, 24, alternative="greater") == pytest.approx(0.0)


def test_levels_that_are_none_are_named() -> None:
    with pytest.raises(ParleyError, match="alpha"):
        power(0.5, 20, alpha=5)
    with pytest.raises(ParleyError, match="power is 80"):
        minimum_detectable_effect(20, power=80)
