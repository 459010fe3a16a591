"""Do exactly the sampled tokens train, as they were sampled, and nothing that anybody else put there?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import ParleyError
from tests.training.playing import (
    END,
    POLES,
    Letters,
    Scripted,
    Terse,
    case,
    ids_of,
    said,
    verdicts,
    worth_of,
)
from training.advantages import Advantages
from training.dialogue import Stage
from training.policy import Sampled
from training.rollout import NOT_SPOKEN, Rollout, View, rows
from training.rules import Rules
from training.tokens import Conversation, Template


def rollout(lines: list[Sampled], **rules: Any) -> Rollout:
    """A dialogue of two rounds in which the lines are said in turn, the last one the plan."""
    settings = Rules(**{"rounds": 2} | rules)
    with Stage(
        Scripted(lines),
        Letters(),
        settings,
        agree=verdicts("debating", "agreed"),
        reward=worth_of(),
        words=Terse(),
    ) as stage:
        return stage.play([case()], np.random.default_rng(0))[0]


FOUR = [said("ab"), said("th"), said("c", ended=False), said("d"), said("p")]


def test_a_whole_dialogue_is_one_row_a_seat_with_its_ids_spelled_out() -> None:
    made = rollout(FOUR, window="full", train_roles="both")
    first, second = made.views
    assert first.prompt_ids == tuple(ids_of("<s:x><u:D><a:"))
    assert first.completion_ids == (ord("a"), ord("b"), END, *ids_of("<u:[th]><a:"), ord("c"))
    assert first.mask == (1, 1, 1, *[0] * len(ids_of("<u:[th]><a:")), 1)
    assert first.turns == (0, 0, 0, *[-1] * len(ids_of("<u:[th]><a:")), 2)
    assert second.prompt_ids == tuple(ids_of("<s:y><u:D[ab]><a:"))
    assert second.completion_ids == (ord("t"), ord("h"), END, *ids_of("<u:[c]><a:"), ord("d"), END)
    assert second.mask == (1, 1, 1, *[0] * len(ids_of("<u:[c]><a:")), 1, 1)


def test_sampled_ids_stand_as_sampled_though_their_text_has_others() -> None:
    """`th` was sampled as two letters; read again, its text is one token, as it is where the other is quoted it."""
    first, second = rollout(FOUR, window="full", train_roles="both").views
    assert second.completion_ids[:2] == (ord("t"), ord("h"))
    assert ids_of("th")[0] in first.completion_ids, "the quote is the text's own ids"
    assert len(ids_of("th")) == 1


def test_an_end_of_turn_that_was_not_sampled_is_the_templates_and_does_not_train() -> None:
    lines = [said("ab", ended=False), *FOUR[1:]]
    first = rollout(lines, window="full").views[0]
    assert first.completion_ids[:3] == (ord("a"), ord("b"), END)
    assert first.mask[:3] == (1, 1, 0)


def test_logprobs_are_those_of_the_sampler_and_missing_elsewhere() -> None:
    first = rollout(FOUR, window="full").views[0]
    known = [p for p, m in zip(first.logprobs, first.mask, strict=True) if m]
    assert known == [-0.1, -0.2, -0.1 * 3, -0.1]
    assert all(np.isnan(p) for p, m in zip(first.logprobs, first.mask, strict=True) if not m)


def test_with_a_window_every_own_turn_is_a_row_that_trains_to_its_last_token() -> None:
    made = rollout(FOUR, window=2, train_roles="both")
    prompts = [
        "<s:x><u:D><a:",
        "<s:y><u:D[ab]><a:",
        "<s:x><u:D><a:ab><u:[th]><a:",
        "<s:y><u:D><a:th><u:[c]><a:",
    ]
    assert [v.prompt_ids for v in made.views] == [tuple(ids_of(p)) for p in prompts]
    assert [v.completion_ids for v in made.views] == [line.ids for line in FOUR[:4]]
    assert all(set(v.mask) == {1} for v in made.views)
    assert [set(v.turns) for v in made.views] == [{0}, {1}, {2}, {3}]


def test_a_window_of_one_shows_the_last_turn_alone() -> None:
    made = rollout(FOUR, window=1)
    assert made.views[1].prompt_ids == tuple(ids_of("<s:x><u:D[th]><a:"))


@pytest.mark.parametrize("window", ["full", 2])
def test_both_windows_train_the_same_tokens(window: Any) -> None:
    made = rollout(FOUR, window=window, train_roles="both")
    trained = [
        (t, i) for v in made.views for i, m, t in zip(v.completion_ids, v.mask, v.turns, strict=True) if m
    ]
    assert sorted(trained) == sorted((k, i) for k, line in enumerate(FOUR[:4]) for i in line.ids)


@pytest.mark.parametrize(("roles", "seats"), [("first", {"A"}), ("second", {"B"}), ("both", {"A", "B"})])
@pytest.mark.parametrize("window", ["full", 2])
def test_only_the_seats_that_train_have_rows(window: Any, roles: str, seats: set[str]) -> None:
    assert {v.seat for v in rollout(FOUR, window=window, train_roles=roles).views} == seats


@pytest.mark.parametrize("window", ["full", 2])
def test_the_plan_trains_only_if_it_is_asked_to(window: Any) -> None:
    without = rollout(FOUR, window=window)
    with_ = rollout(FOUR, window=window, train_final=True)
    assert with_.views[: len(without.views)] == without.views
    (plan,) = with_.views[len(without.views) :]
    assert (plan.completion_ids, plan.mask, set(plan.turns)) == (FOUR[4].ids, (1, 1), {4})


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("roles", ["first", "both"])
@pytest.mark.parametrize("window", ["full", 2])
def test_rules_say_how_many_rows_there_are_at_most(window: Any, roles: str, final: bool) -> None:
    made = rollout(FOUR, window=window, train_roles=roles, train_final=final, rounds=2)
    rules = Rules(window=window, train_roles=roles, train_final=final, rounds=2)  # type: ignore[arg-type]
    assert len(made.views) == rules.rows_per_dialogue, "this dialogue goes to the cap, so it has them all"


def given_(made: Rollout, value: float = 1.5, *, valid: bool = True) -> Advantages:
    return Advantages((dict.fromkeys(made.turns, value),), (valid,))


def test_rows_are_padded_to_a_fixed_number_and_padding_does_not_train() -> None:
    made = rollout(FOUR, window=2)
    lines = rows([made], given_(made), 5, pad_id=9)
    assert len(lines) == 5
    assert [r.tokens for r in lines] == [3, 1, 0, 0, 0]
    assert lines[4].prompt_ids == lines[4].completion_ids == (9,)
    assert lines[0].advantages == (1.5, 1.5, 1.5)


def test_in_a_row_only_own_tokens_have_an_advantage_each_its_own_turns() -> None:
    made = rollout(FOUR, window="full")
    (line,) = rows([made], Advantages(({0: 1.0, 2: -2.0},), (True,)), 1, pad_id=0)
    assert line.advantages == (1.0, 1.0, 1.0, *[0.0] * len(ids_of("<u:[th]><a:")), -2.0)


def test_a_dialogue_that_is_not_valid_keeps_its_rows_and_trains_no_token() -> None:
    made = rollout(FOUR, window="full")
    (line,) = rows([made], given_(made, valid=False), 1, pad_id=0)
    assert line.completion_ids == made.views[0].completion_ids
    assert (line.tokens, set(line.advantages)) == (0, {0.0})


def test_more_rows_than_are_given_are_refused_and_never_dropped() -> None:
    made = rollout(FOUR, window=2)
    with pytest.raises(ParleyError, match="2 rows, where 1 are given"):
        rows([made], given_(made), 1, pad_id=0)


@pytest.mark.parametrize(
    "wrong", [{"mask": (1,)}, {"logprobs": ()}, {"turns": (NOT_SPOKEN, 0)}, {"prompt_ids": ()}]
)
def test_a_view_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "prompt_ids": (1,),
        "completion_ids": (5, 6),
        "mask": (1, 1),
        "logprobs": (0.0, 0.0),
        "turns": (0, 0),
        "seat": "A",
    }
    View(**right)
    with pytest.raises(ParleyError, match="view of seat A"):
        View(**right | wrong)


@given(
    st.lists(
        st.tuples(st.text("abth", min_size=0, max_size=4), st.booleans(), st.text("<>:th", max_size=5)),
        min_size=1,
        max_size=5,
    )
)
def test_a_conversation_only_grows_whatever_is_said(turns: list[tuple[str, bool, str]]) -> None:
    """What a turn was sampled from is a prefix of what the next one is, and every sampled id is where it was."""
    talk = Conversation(Template(Letters()), [{"role": "user", "content": "D"}])
    sampled: list[int] = []
    for k, (text, ended, heard) in enumerate(turns):
        before, turn = talk.ids, said(text, ended=ended)
        talk.say(turn.ids, turn.logprobs, k)
        talk.hear([{"role": "user", "content": heard}])
        assert talk.ids[: len(before) + len(turn.ids)] == before + list(turn.ids)
        sampled += turn.ids
    view = talk.view("A")
    assert [i for i, m in zip(view.completion_ids, view.mask, strict=True) if m] == sampled


def test_personas_are_seen_by_their_own_seat_alone() -> None:
    first, second = rollout(FOUR, window="full", train_roles="both").views
    assert ord(POLES[0].name) in first.prompt_ids
    assert ord(POLES[0].name) not in second.prompt_ids
