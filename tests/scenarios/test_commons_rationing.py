"""Is over-demand rationed fairly: the exact law by enumeration, whatever the order, and by the seed alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.commons import rationed
from scenarios.errors import ParleyError
from tests.scenarios.commons_cases import rationings

claims = st.lists(st.integers(0, 40), min_size=1, max_size=8)


@given(claims, st.integers(0, 120), st.integers(0, 2**32 - 1))
def test_nobody_gets_more_than_it_asks_and_nothing_is_left_that_anybody_asks(asked, stock, seed):
    taken = rationed(asked, stock, np.random.default_rng(seed))
    assert (taken >= 0).all()
    assert (taken <= asked).all()
    assert taken.sum() == min(stock, sum(asked))
    assert (taken == rationed(asked, stock, np.random.default_rng(seed))).all()


@pytest.mark.parametrize("asked, stock", [((3, 1, 2), 4), ((5, 5), 3), ((0, 4, 1, 1), 3), ((2, 2, 2), 5)])
def test_the_draw_follows_the_exact_law(asked: tuple[int, ...], stock: int):
    """Frequencies of whole outcomes over 4,000 draws, within five standard errors of the enumerated chance."""
    law = rationings(asked, stock)
    rng = np.random.default_rng(11)
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(4000):
        taken = tuple(int(v) for v in rationed(asked, stock, rng))
        seen[taken] = seen.get(taken, 0) + 1
    assert set(seen) <= set(law)
    for outcome, chance in law.items():
        assert abs(seen.get(outcome, 0) / 4000 - chance) < 5 * np.sqrt(chance * (1 - chance) / 4000) + 1e-9


def test_equal_claims_have_equal_expectations_whatever_their_place():
    for asked in itertools.permutations((4, 2, 2, 1)):
        law = rationings(asked, 5)
        mean = np.array([sum(p * taken[i] for taken, p in law.items()) for i in range(4)])
        by_claim = {claim: mean[[i for i in range(4) if asked[i] == claim]] for claim in (1, 2, 4)}
        assert by_claim[2] == pytest.approx(by_claim[2][0])
        assert by_claim[1].max() <= by_claim[2].min() <= by_claim[4].max()
        assert mean.sum() == pytest.approx(5)


def test_all_asking_for_everything_share_evenly_in_expectation():
    rng = np.random.default_rng(5)
    mean = np.mean([rationed([100] * 5, 100, rng) for _ in range(400)], axis=0)
    assert mean == pytest.approx([20] * 5, abs=1.0)  # five standard errors of Binomial(100, 1/5)
    huge = rationed([10**15] * 5, 100, rng)
    assert huge.sum() == 100


@pytest.mark.parametrize("asked", [[-1, 2], [1.5, 2], [float("nan")], [[1, 2]]])
def test_a_claim_that_is_no_amount_is_refused_in_a_line(asked):
    with pytest.raises(ParleyError) as refused:
        rationed(asked, 5, np.random.default_rng(0))
    assert "\n" not in str(refused.value)


def test_a_claim_beyond_the_pool_changes_nothing_but_being_beyond():
    """Asking for 100 of 5 is asking for all 5: claims are clipped, so the draw is the same."""
    for seed in range(20):
        one = rationed([100, 3], 5, np.random.default_rng(seed))
        other = rationed([5, 3], 5, np.random.default_rng(seed))
        assert (one == other).all()
