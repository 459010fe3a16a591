"""How is a batch of dialogues played in training: in lock-step, so that the policy samples for all of them at once?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, cast

import numpy as np

from negotiators.deliberation import Completion, Dialogue, Said, Speaker, Utterance, Verdict
from personas.opposing import Pole
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.errors import ParleyError, Unreachable
from training.policy import Policy, Sampled
from training.rollout import Rollout
from training.rules import SEATS, Case, Rules
from training.table import Table, Words
from training.tokens import Template

Agree = Callable[[Dialogue], Verdict | Awaitable[Verdict]]
"""Whether they agree after a round. A verdict of kind None, or Unreachable raised, is a judge that failed."""

Reward = Callable[
    [Dilemma, str, tuple[Pole, Pole], tuple[Utterance, ...]], float | Awaitable[float | None] | None
]
"""What a plan is worth: of the dilemma, the plan's words, both personas and the dialogue (empty for one agent alone).

None, or Unreachable raised, is missing. It is asked only where they agreed, or of one agent alone; a plan of no words
is the policy's own doing and its to score.
"""


class Stage:
    """Plays dialogues with a policy in training. It keeps one event loop for every judge it asks, until `close`.

    `opponent` speaks for the seat that does not train: None is the policy itself as it is now, frozen in that
    its tokens have mask 0; a `Policy` is another model, such as the same of some steps ago; a `Speaker` is a
    negotiator of the graphs, whose words alone are seen. `words` are the prompts, by default those of the chat
    negotiators in the graph; `template` are options for the chat template.
    """

    def __init__(
        self,
        policy: Policy,
        tokenizer: Any,
        rules: Rules,
        *,
        agree: Agree,
        reward: Reward,
        opponent: Policy | Speaker | None = None,
        words: Words | None = None,
        template: Mapping[str, Any] | None = None,
    ) -> None:
        if opponent is not None and rules.train_roles == "both" and not rules.alone:
            raise ParleyError("opponent: with train_roles both there is none; train first or second")
        self.policy = policy
        self.opponent = opponent
        self.rules = rules
        self._agree = agree
        self._reward = reward
        self._words = words if words is not None else _prompts()
        self._template = Template(tokenizer, template)
        self._runner: asyncio.Runner | None = None

    def play(self, cases: Sequence[Case], rng: np.random.Generator) -> list[Rollout]:
        """One dialogue a case, in order. Not for use inside a running event loop: there, await `played`."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self.played(cases, rng))

    def close(self) -> None:
        """Close the event loop, if one was made."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def played(self, cases: Sequence[Case], rng: np.random.Generator) -> list[Rollout]:
        """One dialogue a case, in order. The same generator state, weights and judge give the same dialogues."""
        seeds = rng.integers(2**31, size=len(cases))
        tables = [
            Table(case, self.rules, self._words, self._template, int(seed))
            for case, seed in zip(cases, seeds, strict=True)
        ]
        if not self.rules.alone:
            for round_ in range(1, self.rules.rounds + 1):
                for seat in SEATS:
                    await self._speak([t for t in tables if not t.over], seat, round_, rng)
                await self._judge([t for t in tables if not t.over], round_)
        await self._write([t for t in tables if self.rules.alone or t.agreed], rng)
        await asyncio.gather(*(self._score(table) for table in tables))
        return [table.rollout() for table in tables]

    def _voice(self, seat: str) -> Policy | Speaker:
        return self.policy if self.opponent is None or seat in self.rules.trained else self.opponent

    async def _speak(self, tables: Sequence[Table], seat: str, round_: int, rng: np.random.Generator) -> None:
        """The next turn of a seat in every dialogue that is still on."""
        voice = self._voice(seat)
        if isinstance(voice, Policy):
            prompts = [t.prompt(seat, round_) for t in tables]
            turns = self._sampled(voice, prompts, self.rules.max_tokens, self.rules.temperature, rng)
            for table, turn in zip(tables, turns, strict=True):
                table.say(seat, round_, turn)
            return
        said = await asyncio.gather(*(_reached(voice.speak, t.view(seat, round_)) for t in tables))
        for table, one in zip(tables, said, strict=True):
            if isinstance(one, Said):
                table.dialogue.append(cast(Utterance, one.what))
            else:
                table.missing = f"seat {seat} in round {round_}: {one}"

    async def _judge(self, tables: Sequence[Table], round_: int) -> None:
        """The verdict on the round that is over, of every dialogue that is still on."""
        verdicts = await asyncio.gather(*(_reached(self._agree, t.judged()) for t in tables))
        for table, verdict in zip(tables, verdicts, strict=True):
            if not isinstance(verdict, Verdict):
                verdict = Verdict(round=round_, kind=None, why=str(verdict), judge="unreachable")
            table.verdicts.append(verdict)

    async def _write(self, tables: Sequence[Table], rng: np.random.Generator) -> None:
        """The plan, written down by the first seat."""
        voice = self.policy if self.rules.alone else self._voice(SEATS[0])
        if isinstance(voice, Policy):
            prompts = [t.plan_prompt() for t in tables]
            temperature = tables[0].completion_temperature if tables else self.rules.temperature
            plans = self._sampled(voice, prompts, self.rules.completion_tokens, temperature, rng)
            for table, plan in zip(tables, plans, strict=True):
                table.write(plan)
            return
        said = await asyncio.gather(*(_reached(voice.complete, t.closing()) for t in tables))
        for table, one in zip(tables, said, strict=True):
            if isinstance(one, Said):
                table.completion = cast(Completion, one.what).text
            else:
                table.missing = f"the plan: {one}"

    async def _score(self, table: Table) -> None:
        """The reward: 0 without agreement, missing where a judge failed, else what the plan is worth."""
        if table.missing:
            return
        if not self.rules.alone and table.agreed is False:
            table.reward = 0.0
        elif table.completion is None:
            failed = next((v for v in table.verdicts if v.kind is None), None)
            table.missing = f"no verdict: {failed.why if failed else 'nobody judged'}"
        else:
            case, dialogue = table.case, tuple(table.dialogue)
            reward = await _reached(self._reward, case.dilemma, table.completion, case.poles, dialogue)
            if isinstance(reward, Unreachable):
                table.missing = f"no reward: {reward}"
            elif reward is None or not np.isfinite(reward):
                table.missing = "no reward: its judge gave none"
            else:
                table.reward = float(reward)

    def _sampled(
        self,
        voice: Policy,
        prompts: Sequence[Sequence[int]],
        max_tokens: int,
        temperature: float,
        rng: np.random.Generator,
    ) -> list[Sampled]:
        if not prompts:
            return []
        return voice.sample(
            prompts, max_tokens=max_tokens, temperature=temperature, top_p=self.rules.top_p, rng=rng
        )


def judged_by(speaker: Speaker) -> Agree:
    """The agreement judge that a negotiator of the graphs is: the rule of the reference, or a model."""

    async def agree(dialogue: Dialogue) -> Verdict:
        return cast(Verdict, (await speaker.judge(dialogue)).what)

    return agree


async def _reached(ask: Callable[..., Any], *about: Any) -> Any:
    """An answer, awaited if it has to be; Unreachable is handed back, so that the other dialogues go on."""
    try:
        answer = ask(*about)
        return await answer if isawaitable(answer) else answer
    except Unreachable as error:
        return error


def _prompts() -> Words:
    from negotiators.chat.deliberation import prompting

    return cast(Words, prompting)
