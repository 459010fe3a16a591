"""Is a trained policy compared fairly: the same cases, dilemmas drawn whole, no interval where there is none?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.playing import Letters, case
from training.evaluate import Outcome, compared, outcome, reference
from training.rules import Rules
from training.tokens import Template
from training.warmup import played


def _outcome(reward: np.ndarray, names: list[str]) -> Outcome:  # type: ignore[type-arg]
    whole = reference(Letters(), Rules(window="full"), [case()], 1)
    zero = np.zeros(len(names))
    return replace(whole, names=tuple(names), reward=reward, agreed=zero, rounds=zero, well_formed=zero)


def test_reference_seats_agree_and_their_plan_is_scored() -> None:
    found = reference(Letters(), Rules(window="full"), [case()] * 3, 1).means()
    assert found["agreed"] == 1.0
    assert found["reward"] > 0
    assert found["well_formed"] == 1.0


def test_a_clear_gain_is_found_and_none_where_there_is_none() -> None:
    rng = np.random.default_rng(0)
    names = [f"d{k // 2}" for k in range(60)]
    before = rng.normal(size=60)
    gained = compared(
        _outcome(before + 1 + rng.normal(0, 0.3, 60), names), _outcome(before, names), "reward", 1
    )
    same = compared(_outcome(before + rng.normal(0, 0.3, 60), names), _outcome(before, names), "reward", 1)
    assert gained.clear
    assert gained.mean == pytest.approx(1, abs=0.2)
    assert not same.clear


def test_cases_of_a_dilemma_do_not_count_as_many() -> None:
    """Were the 300 cases drawn one by one, three dilemmas would give a narrow interval."""
    names = [f"d{k % 3}" for k in range(300)]
    gap = np.array([float(k % 3) for k in range(300)])
    found = compared(_outcome(gap, names), _outcome(np.zeros(300), names), "reward", 1)
    assert (found.low, found.high, found.dilemmas) == (None, None, 3)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    names = [f"d{k}" for k in range(25)]
    zero = _outcome(np.zeros(25), names)
    hits = 0
    for k in range(60):
        found = compared(_outcome(rng.normal(0.5, 1, 25), names), zero, "reward", k)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.5 <= found.high
    assert hits >= 51  # a binomial of .95 falls below that less than once in a thousand times


def test_a_missing_reward_is_left_out_not_zero() -> None:
    names = [f"d{k}" for k in range(30)]
    gap = np.full(30, 2.0) + np.linspace(0, 1, 30)
    gap[3] = np.nan
    found = compared(_outcome(gap, names), _outcome(np.zeros(30), names), "reward", 1)
    assert found.dilemmas == 29
    assert found.mean > 2


def test_a_dialogue_without_agreement_counts_as_no_agreement() -> None:
    (rollout,) = played([case()], Rules(window="full", rounds=1), Template(Letters()), 1)
    assert outcome([replace(rollout, reward=0.0, agreed=False)]).means()["agreed"] == 0.0
