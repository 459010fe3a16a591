"""Does training deal its dilemmas fairly, whole groups alike, and never one that is held out?"""

from __future__ import annotations

from collections import Counter

import pytest

from scenarios.dilemmas import catalogue
from scenarios.dilemmas.reward import clause_reward
from scenarios.errors import ParleyError
from training.curriculum import Curriculum, dilemmas_of, fixed_cases, pairs_of


def _curriculum(seed: int = 1) -> Curriculum:
    return Curriculum(tuple(dilemmas_of("train")[:7]), tuple(pairs_of("substance")), seed)


def test_nothing_held_out_is_trained_on() -> None:
    train, held = dilemmas_of("train"), dilemmas_of("held_out")
    assert {d.theme for d in train}.isdisjoint(d.theme for d in held)
    assert len(train) + len(held) == len(catalogue())
    with pytest.raises(ParleyError, match="held out"):
        dilemmas_of("train", [held[0].name])


def test_a_group_shares_dilemma_pair_and_seats() -> None:
    cases = _curriculum().groups(3, 2, 4)
    assert [c == cases[0] for c in cases] == [True] * 4 + [False] * 4
    assert len({c.group_id for c in cases}) == 2


def test_every_dilemma_comes_once_before_any_comes_again() -> None:
    dealt = [c.dilemma.name for c in _curriculum().groups(0, 21, 1)]
    assert all(set(Counter(dealt[k : k + 7]).values()) == {1} for k in (0, 7, 14))
    assert dealt[:7] != dealt[7:14]


def test_the_same_seed_deals_the_same_and_another_does_not() -> None:
    assert _curriculum().groups(0, 9, 1) == _curriculum().groups(0, 9, 1)
    assert _curriculum().groups(0, 9, 1) != _curriculum(2).groups(0, 9, 1)


def test_the_rule_has_a_reward_for_whatever_is_dealt() -> None:
    every = Curriculum(tuple(dilemmas_of("train")), tuple(pairs_of("all")), 1)
    for case in every.groups(0, 90, 1):
        assert clause_reward({}, case.dilemma, [p.values for p in case.poles]) == 0.0


def test_who_is_evaluated_changes_nothing_about_the_cases() -> None:
    among = pairs_of("substance")
    assert fixed_cases(dilemmas_of("held_out"), among, 5, 1) == fixed_cases(
        dilemmas_of("held_out"), among, 5, 1
    )
