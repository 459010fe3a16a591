"""How is a plan judged by a chat model: a score, or a choice between two, in at most two answered calls?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self, TypeVar

from negotiators.chat.asking import Account, Asker, Json, Question, listed, unkept
from negotiators.chat.calling import Limits, Line
from negotiators.chat.cost import Prices, load_prices, price_of
from negotiators.chat.judging.asking import PROMPTS, Quality, comparing, scoring
from negotiators.chat.judging.reading import Judgement, read_choice, read_score
from negotiators.chat.models import build, server
from negotiators.chat.wording import digest
from negotiators.protocol import Incident, Pay, Usage
from scenarios.dilemmas.dilemma import Dilemma

Value = TypeVar("Value")


@dataclass(frozen=True)
class Taken:
    """What a judgement took. `problem` says why it is missing, '' where it is not."""

    why: str
    problem: str
    usage: Usage
    incidents: tuple[Incident, ...]
    model: str | None
    prompt_hash: str


@dataclass(frozen=True)
class Scored(Taken):
    """A score from 0 to 5, higher better; None, missing, where the judge gave none that can be used."""

    score: int | None


@dataclass(frozen=True)
class Preferred(Taken):
    """The better of two plans as shown, `first` or `second`; None where the judge named none."""

    choice: str | None


class Judge:
    """Any chat model as a judge of plans, named as in a graph (`openai:NAME` speaks to compatible servers).

    It sees the dilemma and the plans' words alone. An unusable answer is answered once with what is wrong about
    it; after that the judgement is missing, which is no 0. Give it a temperature of 0 to judge as alike as the
    model can. Raises ParleyError for a model that cannot be built, Unreachable when asked and not answered.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        limits: Limits | None = None,
        prices: Prices | None = None,
    ) -> None:
        self.name = model
        named, limits = server(model, base_url, api_key), limits or Limits()
        if not named.openai:
            build(named, timeout_s=limits.timeout_s, temperature=temperature)  # a missing package is said now
        self._line = Line(named, limits, temperature, max_output_tokens)
        self._asker = Asker(self._line, max_output_tokens, self._line.call)
        self._price = price_of(model, load_prices() if prices is None else prices)
        self.asked_of: Json = {
            "model": model,
            "server": digest(named.base_url),
            "temperature": temperature,
            "cap": max_output_tokens,
        }
        """What decides an answer besides its prompt: part of each request, so that what is kept is told apart."""
        PROMPTS.texts()  # read now: a file read in an event loop would block it

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close what is open in the running event loop; the next judgement in it opens anew."""
        await self._line.aclose()

    async def score(
        self,
        quality: Quality,
        dilemma: Dilemma,
        plan: str,
        *,
        seed: int | None = None,
        pay: Pay | None = None,
    ) -> Scored:
        """How far a plan's words have the quality, from 0 to 5."""
        said, taken = await self._ask(scoring(quality, dilemma, plan), read_score, seed, pay)
        return Scored(**vars(taken), score=said.value)

    async def prefer(
        self,
        quality: Quality,
        dilemma: Dilemma,
        first: str,
        second: str,
        *,
        seed: int | None = None,
        pay: Pay | None = None,
    ) -> Preferred:
        """Which of two plans has more of the quality, shown in this one order."""
        said, taken = await self._ask(comparing(quality, dilemma, first, second), read_choice, seed, pay)
        return Preferred(**vars(taken), choice=said.value)

    async def _ask(
        self,
        question: Question,
        read: Callable[[str, str | None], Judgement[Value]],
        seed: int | None,
        pay: Pay | None,
    ) -> tuple[Judgement[Value], Taken]:
        account = Account("judge", "judge", 0)
        kept = pay or unkept

        async def paid(request: Json, call: Callable[[Json], Awaitable[Json]]) -> Json:
            return await kept(request | {"asked_of": self.asked_of}, call)

        first, second = await self._asker.ask(question, read, seed, account, paid)
        last = second or first
        problem = "" if last.complete else listed(last.problems)
        if problem:
            account.note("abstained", f"no usable judgement: {problem}")
        usage = account.usage(self._price)
        return last, Taken(last.why, problem, usage, tuple(account.incidents), account.model, question.hash)
