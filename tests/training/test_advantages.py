"""Are advantages relative to the valid dialogues of a group, each counted once, and never made of what is missing?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiators.deliberation import Utterance
from scenarios.dilemmas.plan import plans, worth
from scenarios.errors import ParleyError
from tests.training.playing import DILEMMA, POLES
from training.advantages import EPSILON, advantages, potential, signal
from training.rollout import Rollout, View


def dialogue(reward: float | None, group: str = "g", *, views: int = 1, **more: Any) -> Rollout:
    """A dialogue of one turn, shown in a number of rows."""
    view = View((1,), (2, 3), (1, 1), (0.0, 0.0), (0, 0), "A")
    known: dict[str, Any] = {"agreed": reward is not None and reward > 0, "rounds": 1, "sampled": 2}
    return Rollout(group, DILEMMA, POLES, (view,) * views, reward, **known | more)


def values(rollouts: list[Rollout]) -> list[float]:
    return [by_turn[0] for by_turn in advantages(rollouts).by_turn]


def test_the_number_is_the_rewards_distance_from_the_mean_in_sample_deviations() -> None:
    """By hand: mean 1, sample deviation √(2/2) = 1."""
    assert values([dialogue(0.0), dialogue(1.0), dialogue(2.0)]) == pytest.approx(
        [-1 / (1 + EPSILON), 0.0, 1 / (1 + EPSILON)]
    )


def test_a_dialogue_of_two_rows_counts_once() -> None:
    """Counted as rows, advantages would be √((2G−1)/(2(G−1))) too large: 1.035 at G = 8."""
    rewards = [0.0, 0.0, 1.0, 2.0, 2.0, 3.0, 4.0, 5.0]
    ours = np.array(values([dialogue(r, views=2) for r in rewards]))
    doubled = np.repeat(rewards, 2)
    wrong = (np.array(rewards) - doubled.mean()) / (doubled.std(ddof=1) + EPSILON)
    assert wrong[7] / ours[7] == pytest.approx(np.sqrt(15 / 14), rel=1e-4)


def test_a_missing_reward_counts_in_nothing_and_is_no_failure() -> None:
    among = advantages([dialogue(0.0), dialogue(None), dialogue(1.0)])
    alone = advantages([dialogue(0.0), dialogue(1.0)])
    assert among.valid == (True, False, True)
    assert [among.by_turn[0], among.by_turn[2]] == list(alone.by_turn)
    assert among.by_turn[1] == {0: 0.0}


def test_a_group_with_under_two_rewards_is_dropped() -> None:
    given_ = advantages([dialogue(3.0), dialogue(None), dialogue(None, "h"), dialogue(None, "h")])
    assert given_.valid == (False,) * 4
    assert [v[0] for v in given_.by_turn] == [0.0] * 4


@pytest.mark.parametrize("reward", [0.0, 0.1, 5.0])
def test_a_uniform_group_is_valid_and_says_exactly_nothing(reward: float) -> None:
    """0.1 · 7 / 7 is not 0.1 in floats, and over 1e-4 the difference would be blown up."""
    given_ = advantages([dialogue(reward)] * 7)
    assert given_.valid == (True,) * 7
    assert [v[0] for v in given_.by_turn] == [0.0] * 7


rewards_ = st.lists(st.floats(0, 5).map(lambda r: round(r, 3)), min_size=2, max_size=9)


@given(rewards_, rewards_)
def test_groups_do_not_see_each_other(first: list[float], second: list[float]) -> None:
    both = [dialogue(r, "a") for r in first] + [dialogue(r, "b") for r in second]
    mixed = [both[i] for i in np.random.default_rng(0).permutation(len(both))]
    apart = dict(zip(map(id, both), values(both[: len(first)]) + values(both[len(first) :]), strict=True))
    assert values(mixed) == pytest.approx([apart[id(r)] for r in mixed])


@given(rewards_, st.floats(-3, 3), st.floats(0.5, 4))
def test_advantages_sum_to_0_keep_the_order_and_do_not_hang_on_the_rewards_zero(
    rewards: list[float], shift: float, scale: float
) -> None:
    ours = values([dialogue(r) for r in rewards])
    assert sum(ours) == pytest.approx(0.0, abs=1e-6)
    shifted = values([dialogue(r + shift) for r in rewards])
    assert shifted == pytest.approx(ours, abs=1e-6)
    for a, x in zip(rewards, ours, strict=True):
        for b, y in zip(rewards, ours, strict=True):
            assert (a <= b) or (x >= y)


def of_plans(reward: float, plans_: list[dict[str, str]]) -> Rollout:
    """A dialogue of which every other turn, from the first, is the trained seat's."""
    said = [Utterance(seat="AB"[k % 2], round=k // 2 + 1, text="x", plan=p) for k, p in enumerate(plans_)]
    own = list(range(0, len(plans_), 2))
    view = View((1,), tuple(own), (1,) * len(own), (0.0,) * len(own), tuple(own), "A")
    return Rollout("g", DILEMMA, POLES, (view,), reward, True, 2, tuple(said))


JOINT = {
    tuple(p.values()): np.mean([worth(p, DILEMMA, pole.values) for pole in POLES]) for p in plans(DILEMMA)
}


def test_the_potential_is_what_the_plan_on_the_table_is_worth_to_both() -> None:
    good = {"when": "go", "call": "call"}
    one = of_plans(1.0, [{}, good, {}, {"when": "go"}, {}])
    assert [potential(one, t) for t in (0, 1, 2, 3)] == [0.0, 0.0, JOINT["go", "call"], JOINT["go", "call"]]
    assert potential(one, 4) == 0.0, "half a plan took the whole one off the table"
    assert 0 < JOINT["go", "call"] < 1


def test_credit_by_turn_is_the_reward_still_to_come() -> None:
    good = {"when": "go", "call": "call"}
    first, second = of_plans(0.8, [{}, good, {}]), of_plans(0.0, [{}, {}, {}])
    given_ = advantages([first, second], credit="turn", scale=1.0)
    phi = JOINT["go", "call"]
    among = np.array([0.8, 0.8 - phi, 0.0, 0.0])
    expected = (among - among.mean()) / (among.std(ddof=1) + EPSILON)
    assert [given_.by_turn[0][0], given_.by_turn[0][2]] == pytest.approx(list(expected[:2]))
    assert [given_.by_turn[1][0], given_.by_turn[1][2]] == pytest.approx(list(expected[2:]))


def test_without_plans_credit_by_turn_is_the_dialogues() -> None:
    batch = [of_plans(r, [{}, {}]) for r in (0.0, 1.0, 0.5)]
    assert advantages(batch, credit="turn").by_turn == advantages(batch).by_turn


def test_an_unknown_credit_is_refused() -> None:
    with pytest.raises(ParleyError, match="credit 'token'"):
        advantages([dialogue(1.0)], credit="token")  # type: ignore[arg-type]


def test_signal_counts_groups_and_what_is_missing() -> None:
    batch = [
        *(dialogue(r, "varied") for r in (0.0, 2.0)),
        *(dialogue(r, "uniform") for r in (1.0, 1.0)),
        *(dialogue(r, "failed") for r in (0.0, 0.0)),
        dialogue(1.0, "dropped"),
        dialogue(None, "dropped", agreed=None),
    ]
    seen = signal(batch)
    assert (seen.groups, seen.dropped, seen.zero_signal, seen.all_fail) == (4, 1, 2 / 3, 1 / 3)
    assert (seen.missing, seen.reward, seen.agreed) == (1 / 8, 5 / 7, 4 / 7)
    assert seen.carries
    assert not signal(batch[2:]).carries
    assert not signal([dialogue(None)] * 4).carries
    assert np.isnan(signal([dialogue(None)] * 4).reward), "no reward at all is not a reward of 0"


def test_a_failed_judge_does_not_make_an_all_fail_group() -> None:
    batch = [replace(dialogue(0.0), agreed=False), replace(dialogue(None), agreed=None)]
    assert np.isnan(signal(batch).all_fail)
