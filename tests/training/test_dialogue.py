"""Is a dialogue in training played by the rules of the graph, and is what is missing never taken for a failure?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from negotiators.deliberation import Completion, DeliberationView, Dialogue, Said, Utterance, Verdict
from personas.opposing import load_pair
from scenarios.dilemmas import load
from scenarios.errors import ParleyError, Unreachable
from tests.training.playing import Letters, Scripted, Terse, case, said, texts, verdicts, worth_of
from training.dialogue import Stage, judged_by
from training.policy import Sampled
from training.rollout import Rollout
from training.rules import Case, Rules

HI, YES, PLAN = said("hi"), said("Plan: when=go; call=call. I agree to this plan."), said("we go")


def play(
    lines: list[Sampled], *, n: int = 1, seed: int = 0, **options: Any
) -> tuple[list[Rollout], Scripted]:
    """Play n dialogues of which both seats say the same lines."""
    policy = Scripted(lines)
    rules = options.pop("rules", Rules(rounds=2))
    options = {"agree": verdicts("debating", "agreed"), "reward": worth_of(0.5), "words": Terse()} | options
    with Stage(policy, Letters(), rules, **options) as stage:
        return stage.play([case()] * n, np.random.default_rng(seed)), policy


def test_after_agreement_the_first_seat_writes_the_plan_and_it_is_rewarded() -> None:
    (rollout,), policy = play([HI, said("no"), said("ok"), YES, PLAN])
    assert texts(rollout.utterances) == [
        "A hi",
        "B no",
        "A ok",
        "B Plan: when=go; call=call. I agree to this plan.",
    ]
    assert rollout.utterances[3].plan == {"when": "go", "call": "call"}
    assert rollout.utterances[3].consents
    assert (rollout.agreed, rollout.reward, rollout.rounds, rollout.completion) == (True, 0.5, 2, "we go")
    assert [a["temperature"] for a in policy.asked] == [0.7] * 4 + [0.1]
    assert [a["most"] for a in policy.asked] == [256] * 4 + [512]


def test_no_agreement_by_the_cap_is_a_failure_that_scores_0_and_writes_no_plan() -> None:
    (rollout,), policy = play([HI] * 4, agree=verdicts("debating", "vague"), reward=worth_of(None))
    assert (rollout.agreed, rollout.reward, rollout.completion, rollout.why) == (False, 0.0, None, "")
    assert len(policy.asked) == 4


def test_a_judge_that_failed_and_never_said_yes_leaves_the_reward_missing() -> None:
    (rollout,), _ = play([HI] * 4, agree=verdicts(None, "debating"))
    assert (rollout.agreed, rollout.reward, rollout.completion) == (None, None, None)
    assert "no verdict" in rollout.why


def test_a_judge_that_failed_ends_nothing_and_a_later_yes_counts() -> None:
    (rollout,), _ = play([*[HI] * 4, PLAN], agree=verdicts(None, "agreed"))
    assert (rollout.agreed, rollout.reward) == (True, 0.5)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_unreachable_judge_is_missing_and_its_line_is_kept(asynchronous: bool) -> None:
    def refuse(dialogue: Dialogue) -> Verdict:
        raise Unreachable("judge: nobody answers")

    async def refuse_later(dialogue: Dialogue) -> Verdict:
        raise Unreachable("judge: nobody answers")

    (rollout,), _ = play([HI] * 4, agree=refuse_later if asynchronous else refuse)
    assert rollout.reward is None
    assert "nobody answers" in rollout.why


@pytest.mark.parametrize("reward", [None, float("nan"), float("inf")])
def test_a_reward_that_is_no_number_is_missing_and_not_0(reward: float | None) -> None:
    (rollout,), _ = play([*[HI] * 4, PLAN], reward=worth_of(reward))
    assert (rollout.agreed, rollout.reward) == (True, None)
    assert rollout.why


def test_one_unreachable_reward_leaves_the_other_dialogues_their_own() -> None:
    asked: list[str] = []

    async def reward(dilemma: Any, text: str, poles: Any, dialogue: Any) -> float:
        asked.append(text)
        if len(asked) == 2:
            raise Unreachable("scorer: down")
        return 0.75

    rollouts, _ = play([*[HI] * 4, PLAN], n=3, reward=reward)
    assert [r.reward for r in rollouts] == [0.75, None, 0.75]
    assert rollouts[1].why == "no reward: scorer: down"


def test_a_seat_that_never_says_a_word_has_agreed_to_nothing() -> None:
    (rollout,), policy = play([HI, said(""), HI, said("")])
    assert rollout.utterances[1].status == "abstained"
    assert (rollout.agreed, rollout.reward) == (False, 0.0)
    assert len(policy.asked) == 4


def test_a_turn_that_is_cut_off_stands_and_says_so() -> None:
    (rollout,), _ = play([said("and so", ended=False), HI, HI, HI, PLAN])
    assert rollout.utterances[0].status == "truncated"
    assert rollout.utterances[0].text == "and so"


def test_dialogues_that_are_over_are_not_sampled_any_more() -> None:
    agree: Any = lambda d: Verdict(round=d.round, kind=kinds.pop(0), judge="s")  # noqa: E731
    kinds: list[Any] = ["agreed", "debating", "agreed"]
    rollouts, policy = play([*[HI] * 4, PLAN], n=2, agree=agree)
    assert [len(a["prompts"]) for a in policy.asked] == [2, 2, 1, 1, 2]
    assert [r.rounds for r in rollouts] == [1, 2]


class Opposite:
    """A seat of the graphs: it says what round it is, writes plans, and judges."""

    name = "opposite"

    async def speak(self, view: DeliberationView, *, pay: Any = None) -> Said:
        return Said(Utterance(seat=view.seat, round=view.round, text=f"r{view.round}"))

    async def complete(self, view: DeliberationView, *, pay: Any = None) -> Said:
        return Said(Completion(seat=view.seat, text=f"{view.personas[1].name} {view.agreed}"))

    async def judge(self, dialogue: Dialogue, *, pay: Any = None) -> Said:
        return Said(Verdict(round=dialogue.round, kind="agreed", plan={"when": "go"}, judge="opposite"))


def test_a_negotiator_of_the_graphs_may_sit_opposite_judge_and_write() -> None:
    agree = judged_by(Opposite())
    (rollout,), _ = play([HI, PLAN], opponent=Opposite(), agree=agree)
    assert texts(rollout.utterances) == ["A hi", "B r1"]
    assert rollout.completion == "we go"
    (rollout,), _ = play([HI], opponent=Opposite(), agree=agree, rules=Rules(train_roles="second"))
    assert texts(rollout.utterances) == ["A r1", "B hi"]
    assert rollout.completion == "y {'when': 'go'}", "the first seat writes the plan, whoever trains"
    assert [v.seat for v in rollout.views] == ["B"]


def test_an_opponent_that_cannot_be_reached_is_missing_and_no_failure() -> None:
    class Gone(Opposite):
        async def speak(self, view: DeliberationView, *, pay: Any = None) -> Said:
            if view.round == 1:
                return await super().speak(view)
            raise Unreachable("opposite: gone")

    (rollout,), _ = play([HI, HI], opponent=Gone())
    assert (rollout.reward, rollout.agreed) == (None, None), "no NO was the last word: it was cut short"
    assert rollout.why == "seat B in round 2: opposite: gone"


def test_a_past_policy_speaks_for_the_seat_that_does_not_train() -> None:
    past = Scripted([said("old"), said("old")])
    (rollout,), policy = play([HI, HI, PLAN], opponent=past)
    assert texts(rollout.utterances) == ["A hi", "B old", "A hi", "B old"]
    assert (len(policy.asked), len(past.asked)) == (3, 2)


def test_both_train_against_nobody_else() -> None:
    with pytest.raises(ParleyError, match="opponent: with train_roles both"):
        play([HI], rules=Rules(train_roles="both"), opponent=Opposite())


def test_one_agent_alone_talks_to_nobody_and_its_plan_trains() -> None:
    (rollout,), policy = play([PLAN], rules=Rules(alone=True))
    assert (rollout.utterances, rollout.verdicts, rollout.agreed, rollout.rounds) == ((), (), None, 0)
    assert (rollout.reward, rollout.completion) == (0.5, "we go")
    assert policy.asked[0]["temperature"] == 0.7, "what trains is drawn at the temperature of the loss"
    assert sum(rollout.views[0].mask) == len(PLAN.ids)


@pytest.mark.parametrize("window", ["full", 2])
def test_the_prompts_of_the_graph_are_the_prompts_of_training(window: Any) -> None:
    """With all turns in view `speaking` must only append, or a dialogue would be no one row."""
    dilemma, poles = load("any:3"), load_pair("evidence-emotion").poles
    policy = Scripted([said("one"), said(""), said("<think>hm</think>three"), said("four"), said("plan")])
    rules = Rules(window=window, rounds=2, train_roles="both")
    with Stage(policy, Letters(), rules, agree=verdicts("debating", "agreed"), reward=worth_of()) as stage:
        (rollout,) = stage.play([Case(dilemma=dilemma, poles=poles, group_id="g")], np.random.default_rng(0))
    assert texts(rollout.utterances) == ["A one", "B ", "A three", "B four"]
    assert len(rollout.views) == (2 if window == "full" else 4)
    assert sum(sum(v.mask) for v in rollout.views) == sum(len(line.ids) for line in policy.lines[:4])


def test_prompts_that_do_not_only_grow_are_refused_in_one_line() -> None:
    class Shifting(Terse):
        def speaking(self, view: DeliberationView, /) -> list[dict[str, str]]:
            return [{"role": "system", "content": f"round {view.round}"}, *super().speaking(view)[1:]]

    with pytest.raises(ParleyError, match="must only append") as error:
        play([HI] * 4, rules=Rules(window="full"), words=Shifting())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"window": 0}, "window"),
        ({"train_roles": "second", "train_final": True}, "train_final"),
        ({"temperature": 0}, "temperature"),
        ({"rounds": 0}, "rounds"),
        ({"windows": 2}, "windows"),
    ],
)
def test_rules_that_cannot_be_played_name_the_field(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Rules(**wrong)
