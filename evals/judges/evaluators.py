"""What is a plan worth to a judge, one score at a time, in openevals' shape: inputs and outputs in, key and score out?

An evaluator is called as `evaluator(inputs=…, outputs=…, reference_outputs=…)` and returns `{key, score, comment}`.
inputs              the dilemma: a `Dilemma`, its name, its data, or `{"dilemma": …}` with one of them; the rule needs
                    `{"dilemma": …, "poles": […]}`, each a `Pole` or its data
outputs             the plan's words, or `{"completion": …}` with them (or with a completion's `{"text": …}`)
reference_outputs   for `pairwise` the plan it is held against, in the same form
A score that is missing is None, and its comment says why; it is never 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evals.langsmith.evaluators import Score, score
from negotiators.chat.judging import Judge, Quality
from negotiators.protocol import Pay
from personas.opposing import Pole
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.dilemmas.load import load, parse_dilemma
from scenarios.dilemmas.plan import read_plan
from scenarios.dilemmas.reward import clause_reward
from scenarios.errors import ParleyError


@dataclass(frozen=True)
class Evaluator:
    """One judgement at a time: `await evaluator.asked(…)`, or a plain call where no event loop runs."""

    key: str
    ask: Callable[[Any, Any, Any], Awaitable[Score]]
    close: Callable[[], Awaitable[None]] | None = None

    async def asked(self, inputs: Any, outputs: Any, reference_outputs: Any = None) -> Score:
        """The score of a plan. Raises ParleyError for what is no dilemma or plan, Unreachable as its model does."""
        return await self.ask(inputs, outputs, reference_outputs)

    def __call__(self, inputs: Any, outputs: Any, reference_outputs: Any = None) -> Score:
        """`asked`, in an event loop of its own."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._once(inputs, outputs, reference_outputs))
        raise ParleyError(f"{self.key}: called in a running event loop; await its `asked` instead")

    async def _once(self, inputs: Any, outputs: Any, reference_outputs: Any) -> Score:
        try:
            return await self.asked(inputs, outputs, reference_outputs)
        finally:
            if self.close is not None:
                await self.close()


def collective_agency(
    model: str, *, seed: int | None = None, pay: Pay | None = None, **options: Any
) -> Evaluator:
    """Collective agency by a model, 0 to 5 (Anantaprayoon et al. 2026); `options` are those of `Judge`."""
    return _absolute("collective_agency", Judge(model, **options), seed, pay)


def conflict_resolution(
    model: str, *, seed: int | None = None, pay: Pay | None = None, **options: Any
) -> Evaluator:
    """How well a plan resolves the conflict of the dilemma's two principles by a model, 0 to 5; the rubric is ours."""
    return _absolute("conflict_resolution", Judge(model, **options), seed, pay)


def pairwise(
    model: str,
    quality: Quality = "collective_agency",
    *,
    seed: int | None = None,
    pay: Pay | None = None,
    **options: Any,
) -> Evaluator:
    """Whether a plan beats its reference by a model: 1 in both orders, 0 in neither, .5 a tie where they differ.

    Plans of the same words tie without being asked about. `options` are those of `Judge`.
    """
    judge, key = Judge(model, **options), f"{quality}:pairwise"

    async def ask(inputs: Any, outputs: Any, reference: Any) -> Score:
        dilemma, one = _dilemma(inputs), _words(outputs, "outputs")
        other = _words(reference, "reference_outputs")
        if one == other:
            return score(key, 0.5, "the same words: a tie, not asked")
        forward = await judge.prefer(quality, dilemma, one, other, seed=seed, pay=pay)
        backward = await judge.prefer(quality, dilemma, other, one, seed=seed, pay=pay)
        if forward.choice is None or backward.choice is None:
            return score(key, None, f"no judgement: {forward.problem or backward.problem}")
        wins = (forward.choice == "first") + (backward.choice == "second")
        return score(key, wins / 2, f"{forward.why} / {backward.why}")

    return Evaluator(key, ask, judge.aclose)


def joint_worth() -> Evaluator:
    """What the plan line in the words is worth to both poles, 0 to 5, by the rule (see `clause_reward`); no model."""

    async def ask(inputs: Any, outputs: Any, _: Any) -> Score:
        dilemma, words = _dilemma(inputs), _words(outputs, "outputs")
        poles = inputs.get("poles") if isinstance(inputs, Mapping) else None
        if not isinstance(poles, list | tuple):
            raise ParleyError('inputs: no poles; give {"dilemma": …, "poles": [one, other]}')
        values = [_pole(p).values for p in poles]
        plan = read_plan(words, dilemma)
        worth = clause_reward(plan, dilemma, values)
        undefined = "undefined: a pole without values here, or no plan that is worth anything to all"
        return score("joint_worth", worth, undefined if worth is None else f"the plan read: {plan or 'none'}")

    return Evaluator("joint_worth", ask)


def _absolute(quality: Quality, judge: Judge, seed: int | None, pay: Pay | None) -> Evaluator:
    async def ask(inputs: Any, outputs: Any, _: Any) -> Score:
        said = await judge.score(quality, _dilemma(inputs), _words(outputs, "outputs"), seed=seed, pay=pay)
        return score(
            quality, said.score, said.why if said.score is not None else f"no judgement: {said.problem}"
        )

    return Evaluator(quality, ask, judge.aclose)


def _dilemma(inputs: Any) -> Dilemma:
    if isinstance(inputs, Mapping) and "dilemma" in inputs:
        inputs = inputs["dilemma"]
    if isinstance(inputs, Dilemma):
        return inputs
    return load(inputs, files=False) if isinstance(inputs, str) else parse_dilemma(inputs, "inputs")


def _pole(given: Any) -> Pole:
    from pydantic import ValidationError

    if isinstance(given, Pole):
        return given
    try:
        return Pole.model_validate(given)
    except ValidationError as error:
        said = error.errors()[0]
        where = ".".join(map(str, said["loc"])) or "it"
        raise ParleyError(f"inputs: poles: {where}: {said['msg']}; give a name, words and values") from None


def _words(outputs: Any, name: str) -> str:
    """The plan's words. Raises ParleyError where there are none: who wrote nothing has nothing to be judged."""
    for key in ("completion", "text"):
        if isinstance(outputs, Mapping) and key in outputs:
            outputs = outputs[key]
    text = getattr(outputs, "text", outputs)
    if not isinstance(text, str) or not text.strip():
        raise ParleyError(f'{name}: no plan in words; give its text, or {{"completion": text}}')
    return text.strip()
