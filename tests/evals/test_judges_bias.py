"""Is a planted bias found, at its size, and none where none was planted?"""

from __future__ import annotations

import numpy as np
import pytest

from evals.judges.bias import ALIKE, length_bias, position_bias, swap_consistency
from evals.judges.judging import Comparison
from tests.evals.judges_served import outcome


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def pair(forward: str | None, backward: str | None, dilemma: str = "small") -> Comparison:
    return Comparison(outcome("a", dilemma=dilemma), outcome("b", dilemma=dilemma), forward, backward, "")  # type: ignore[arg-type]


def test_the_slope_on_length_is_within_groups_alone() -> None:
    draw = np.random.default_rng(5)
    groups = [i // 5 for i in range(200)]
    words = 2.0 ** draw.uniform(5, 9, size=200)
    level = np.arange(40.0)[groups] / 10
    longer_where_worse = words * 2.0 ** (-level)  # between groups, the longer plans are the worse ones
    scores = level + 0.3 * np.log2(longer_where_worse)
    found = length_bias(scores, longer_where_worse, groups, groups, rng=rng())
    assert found.mean == pytest.approx(0.3)
    assert found.p is not None and found.p < 0.001


def test_the_slope_is_that_of_least_squares_with_a_level_for_each_group() -> None:
    draw = np.random.default_rng(6)
    groups = np.repeat(np.arange(30), 4)
    words, scores = draw.integers(5, 200, size=120), draw.integers(0, 6, size=120).astype(float)
    design = np.column_stack([np.log2(words), groups[:, None] == np.arange(30)])
    expected = np.linalg.lstsq(design, scores, rcond=None)[0][0]
    found = length_bias(scores, words, list(groups), list(groups), rng=rng())
    assert found.mean == pytest.approx(expected)
    assert found.low is not None and found.high is not None
    assert found.low < 0 < found.high, "scores drawn without regard to length"
    assert found.low < expected < found.high


def test_without_plans_of_different_length_there_is_no_slope() -> None:
    found = length_bias([1, 2, 3, 4], [10, 10, 20, 20], list("aabb"), list("aabb"), rng=rng())
    assert (found.mean, found.note) == (None, ALIKE)


def test_missing_scores_and_single_plans_take_no_part() -> None:
    found = length_bias([1.0, 2.0, np.nan, 5.0], [8, 16, 99, 4], list("aaab"), list("aaab"), rng=rng())
    assert found.mean == pytest.approx(1.0)
    assert (found.n, found.missing) == (2, 2)


def test_always_the_first_is_half_beyond_half_and_never_consistent() -> None:
    pairs = [pair("one", "other", f"d{i}") for i in range(12)]
    assert all(c.winner == "tie" for c in pairs)
    bias = position_bias(pairs, rng=rng())
    assert bias.mean == 0.5
    assert bias.p == pytest.approx(2 / 2**12), "the exact sign test of twelve dilemmas"
    assert swap_consistency(pairs, rng=rng()).mean == 0.0


def test_a_judge_that_goes_by_the_plans_has_no_bias() -> None:
    pairs = [pair("one", "one", f"d{i}") if i % 3 else pair("other", "other", f"d{i}") for i in range(12)]
    assert position_bias(pairs, rng=rng()).mean == 0.0
    assert swap_consistency(pairs, rng=rng()).mean == 1.0
    assert {c.winner for c in pairs} == {"one", "other"}


def test_an_order_that_was_not_answered_is_missing_on_both_sides() -> None:
    assert pair("one", None).winner is None
    bias = position_bias([pair("one", None), pair("one", "other", "d1")], rng=rng())
    assert (bias.mean, bias.missing, bias.n) == (0.5, 1, 1)
    nothing = position_bias([], rng=rng())
    assert nothing.mean is None and nothing.n == 0
