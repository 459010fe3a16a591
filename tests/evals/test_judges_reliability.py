"""Is a judge's agreement what other libraries and counting by hand give, and undefined where nothing can differ?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.judges.reliability import FEW, NO_GROUP, NO_PAIR, SAME, agreement, flat, kappa, ranks

GRADES = st.integers(0, 5)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


# cohen_kappa_score(a, b, labels=range(6), weights="quadratic") of scikit-learn 1.9.1, which takes seconds to import
RECORDED = [
    ("00423", "11221", 0.324324324),
    ("25303045", "53520323", -0.010752688),
    ("515024142354", "515203044353", 0.788732394),
    ("534134555042", "522055454053", 0.790697674),
    ("0135513011224225", "3442501005024450", 0.128994083),
    ("20150301511041200502", "20252120313250220310", 0.61393597),
]


@pytest.mark.parametrize(("a", "b", "expected"), RECORDED)
def test_kappa_is_scikit_learn_s(a: str, b: str, expected: float) -> None:
    assert kappa([int(c) for c in a], [int(c) for c in b]) == pytest.approx(expected, abs=1e-8)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(GRADES, GRADES), min_size=1, max_size=30))
def test_kappa_is_one_less_what_differs_over_what_would_by_chance(scores: list[tuple[int, int]]) -> None:
    a, b = zip(*scores, strict=True)
    chance = np.mean([(x - y) ** 2 for x in a for y in b])
    if chance == 0:
        assert kappa(a, b) is None, "0/0: nothing could have differed"
    else:
        own = np.mean([(x - y) ** 2 for x, y in scores])
        assert kappa(a, b) == pytest.approx(1 - own / chance, abs=1e-9)


def test_kappa_of_small_cases_by_hand() -> None:
    assert kappa([0, 5, 2], [0, 5, 2]) == 1.0
    assert kappa([0, 5], [5, 0]) == pytest.approx(-1.0)
    assert kappa([1, 1, 1], [4, 4, 4]) == 0.0, "constant, but not alike: no better than chance"
    # apart² is 1, 1, 0: mean 2/3; every a with every b: (0−1)²+(0−2)²+(0−2)²+… over 9 = 2
    assert kappa([0, 1, 2], [1, 2, 2]) == pytest.approx(
        1 - (2 / 3) / ((1 + 4 + 4 + 0 + 1 + 1 + 1 + 0 + 0) / 9)
    )


def test_what_is_missing_is_left_out_and_counted() -> None:
    found = agreement([1, np.nan, 4, 2], [1, 3, np.nan, 2], list("aabb"), rng=rng())
    assert (found.n, found.missing, found.clusters, found.exact) == (2, 2, 2, 1.0)
    nothing = agreement([np.nan, 2], [1, np.nan], list("ab"), rng=rng())
    assert (nothing.kappa, nothing.exact, nothing.note) == (None, None, NO_PAIR)


def test_a_constant_judge_has_no_kappa_and_that_is_said() -> None:
    found = agreement([3.0] * 60, [3.0] * 60, [i // 2 for i in range(60)], rng=rng())
    assert found.exact == 1.0
    assert found.kappa is None and found.low is None
    assert found.note == SAME


def test_few_dilemmas_give_no_interval() -> None:
    found = agreement([1, 2, 3, 4] * 10, [1, 2, 3, 5] * 10, [i % 19 for i in range(40)], rng=rng())
    assert found.kappa is not None and (found.low, found.note) == (None, FEW)


def test_the_interval_holds_the_known_kappa_and_is_wider_where_plans_of_a_dilemma_go_together() -> None:
    # b is a's score with probability .6, else drawn like a: E(a−b)² is .4 of what chance gives, so κ = .6.
    draw = np.random.default_rng(7)
    a = draw.integers(0, 6, size=2000).astype(float)
    b = np.where(draw.random(2000) < 0.6, a, draw.integers(0, 6, size=2000))
    found = agreement(a, b, [i // 10 for i in range(2000)], rng=rng())
    assert found.low is not None and found.high is not None
    assert found.low < 0.6 < found.high
    assert found.high - found.low < 0.15
    together = agreement(
        np.repeat(a[:200], 10), np.repeat(b[:200], 10), [i // 10 for i in range(2000)], rng=rng()
    )
    assert together.low is not None and together.high is not None
    assert together.high - together.low > 2 * (found.high - found.low), "copies of 200 plans are 200 plans"


def counted_tau_b(a: list[float], b: list[float]) -> float:
    """Kendall's τ-b by counting pairs."""
    pairs = list(combinations(range(len(a)), 2))
    signs = [(np.sign(a[i] - a[j]), np.sign(b[i] - b[j])) for i, j in pairs]
    score = sum(x * y for x, y in signs)
    return float(score / np.sqrt(sum(x != 0 for x, _ in signs) * sum(y != 0 for _, y in signs)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(GRADES, GRADES), min_size=1, max_size=6), min_size=1, max_size=5))
def test_ranks_are_the_mean_of_taus_counted_within_groups(groups: list[list[tuple[int, int]]]) -> None:
    a = [x for g in groups for x, _ in g]
    b = [y for g in groups for _, y in g]
    where = [i for i, g in enumerate(groups) for _ in g]
    usable = [g for g in groups if len({x for x, _ in g}) > 1 and len({y for _, y in g}) > 1]
    found = ranks(a, b, where, where, rng=rng())
    if not usable:
        assert found.mean is None and found.note == NO_GROUP
        return
    taus = [counted_tau_b([x for x, _ in g], [y for _, y in g]) for g in usable]
    assert found.mean == pytest.approx(np.mean(taus), abs=1e-9)
    assert found.n == len(usable)
    assert found.missing == sum(len(g) > 1 for g in groups) - len(usable)


@pytest.mark.parametrize("by", ["kendall", "spearman"])
def test_a_judge_that_is_stricter_on_some_dilemmas_ranks_within_groups_all_the_same(by: str) -> None:
    draw = np.random.default_rng(3)
    groups = [i // 4 for i in range(160)]
    a = draw.permuted(np.tile(np.arange(4.0), (40, 1)), axis=1).ravel()
    b = a / 2 + np.array([draw.integers(0, 4) for _ in range(40)])[groups]
    agreed = kappa(a, b)
    assert agreed is not None and agreed < 0.6
    assert ranks(a, b, groups, groups, by=by, rng=rng()).mean == pytest.approx(1.0)  # type: ignore[arg-type]


def test_a_group_without_variance_is_counted_and_one_alone_is_no_group() -> None:
    scores = [3, 3, 3, 1, 2, 4, np.nan, 4, 4]
    groups = list("aaabbcccd")
    found = flat(scores, groups, groups, rng=rng())
    assert found.mean == pytest.approx(2 / 3), "a and c are flat, b is not, d is one plan"
    assert found.n == 3
