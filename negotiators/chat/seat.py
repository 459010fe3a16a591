"""How does a chat model decide: asked, read, answered once with what is wrong, projected, or abstaining."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np

from negotiators.chat.asking import Account, Asker, Question, R, listed
from negotiators.chat.calling import Limits, Line
from negotiators.chat.cost import Prices, load_prices, price_of
from negotiators.chat.debate.parse import Reading, read
from negotiators.chat.debate.prompting import PROMPTS, Asked, merge_question, question
from negotiators.chat.deliberation import speaking
from negotiators.chat.deliberation.prompting import PROMPTS as DELIBERATION_PROMPTS
from negotiators.chat.dilemma.moving import act, code
from negotiators.chat.dilemma.prompting import PROMPTS as DILEMMA_PROMPTS
from negotiators.chat.models import build, server
from negotiators.deliberation import DeliberationView, Dialogue, Said
from negotiators.dilemma import DilemmaReply, DilemmaView
from negotiators.protocol import Move, Passage, Pay, Reply, Status, View
from personas.persona import Persona, Values
from scenarios.ward import Array, Ward

Json = dict[str, Any]


class Chat:
    """A seat decided by a chat model, named as `PROVIDER:NAME` (`openai:` speaks to any compatible server).

    `base_url` and `api_key` come from the command line or the environment (OPENAI_BASE_URL, OPENAI_API_KEY)
    and nowhere else; they stand in no prompt, record, log or error. Temperature and the cap on a reply are
    sent only if set: some models refuse them. The view's seed is sent to `openai:` servers, as far as they
    take it. Cost is known only with a price table (`prices`, or PARLEY_PRICES: see `negotiators.chat.cost`).

    One instance may serve many seats, debates and event loops at once; whoever ends a loop calls `aclose`
    in it first. Raises ParleyError for a wrong spec or address, a missing key or a missing package.
    """

    name = "chat"

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        tries: int = 5,
        backoff_s: float = 0.5,
        longest_wait_s: float = 60.0,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        prices: Prices | None = None,
    ) -> None:
        self.server = server(model, base_url, api_key)
        if not self.server.openai:
            build(self.server, timeout_s=timeout_s, temperature=temperature)  # a missing package is said now
        self._line = Line(
            self.server, Limits(timeout_s, tries, backoff_s, longest_wait_s), temperature, max_output_tokens
        )
        self._asker = Asker(self._line, max_output_tokens, self.call)
        self._price = price_of(model, load_prices() if prices is None else prices)
        for prompts in (PROMPTS, DILEMMA_PROMPTS, DELIBERATION_PROMPTS):
            prompts.texts()  # read now: a file read in an event loop would block it

    def __repr__(self) -> str:
        return f"Chat({self.server.where})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close what is open in the running event loop; the next decision in it opens anew."""
        await self._line.aclose()

    def declare(self, persona: Persona, passages: tuple[Passage, ...]) -> Values:
        """The values its persona declares: the yardstick it is measured by, never its preference."""
        return persona.declared()

    async def call(self, request: Json) -> Json:
        """One answered call, plain JSON in and out (see `Line.call`): what `pay` may keep and replay."""
        return await self._line.call(request)

    async def decide(self, view: View, *, pay: Pay | None = None) -> Reply:
        """A move that is feasible in the view's ward, or an abstention, in at most two answered calls.

        The first reply stands if it is whole and feasible. Else the model is told once exactly what is wrong.
        If that is feasible it is `made`; if it is whole but infeasible, the last whole allocation is projected
        to the nearest feasible one (`repaired`); if neither reply was whole the seat abstains. `pay` is called
        with each request and the function that makes the call. Raises Unreachable, never a partial reply.
        """
        asked = question(view)
        account = Account(view.seat, view.occasion, view.round)
        return await self._settle(asked, view.ward, None, view.seed, account, pay)

    async def propose_merge(
        self,
        ward: Ward,
        moves: Sequence[Move],
        contested: Sequence[str],
        *,
        pay: Pay | None = None,
        seed: int | None = None,
        round_: int | None = None,
    ) -> Reply:
        """A mediating model's merge of the seats' last moves, for the `llm` rule: checked as a seat's move is.

        Feasible, and within what the seats submitted on every cell: least <= x <= most over the moves. Its
        move has seat `mediator`. Raises ValueError if no move has an allocation, Unreachable as `decide` does.
        """
        arrays = [ward.array(m.allocation) for m in moves if m.allocation is not None]
        if not arrays:
            raise ValueError("no move has an allocation: there is nothing to merge")
        least, most = np.min(arrays, axis=0), np.max(arrays, axis=0)
        asked = merge_question(ward, moves, contested, least, most)
        account = Account("mediator", "mediate", max(m.round for m in moves) if round_ is None else round_)
        return await self._settle(asked, ward, (least, most), seed, account, pay)

    async def act(self, view: DilemmaView, *, pay: Pay | None = None) -> DilemmaReply:
        """A seat's move on the commons or in a game: possible, or an abstention, in at most two answered calls.

        The first answer stands if nothing is wrong with it. Else the model is told once exactly what is. An amount
        that is still no whole number from 0 to the capacity is bounded (`repaired`); a contract that still cannot
        be adopted, and anything else that is not there, is an abstention: it never counts as 0, no, or nothing
        to propose. Raises Unreachable, never a partial reply; ParleyError for a game too large to be told.
        """
        return await act(self._asker, view, self._price, pay)

    async def code(self, view: DilemmaView, words: str, *, pay: Pay | None = None) -> DilemmaReply:
        """As a coder that holds no seat: clauses for what the view's seat proposed in words, checked as its own are.

        The move is that seat's draft, with its words. Raises as `act` does, and ParleyError without a language.
        """
        return await code(self._asker, view, words, self._price, pay)

    async def ask(
        self,
        question: Question,
        read: Callable[[str, str | None], R],
        seed: int | None,
        account: Account,
        *,
        pay: Pay | None = None,
    ) -> tuple[R, R | None]:
        """The readings of one or two replies to a question of the caller's own (see `Asker.ask`)."""
        return await self._asker.ask(question, read, seed, account, pay)

    async def speak(self, view: DeliberationView, *, pay: Pay | None = None) -> Said:
        """Its `Utterance` in a deliberation, or a mediator's: plain words, or an abstention, in at most two calls.

        The view's sampling goes before the temperature of the seat. Words that were cut off stand as `truncated`;
        where two replies held none the seat abstains. Raises Unreachable, never a partial reply.
        """
        return await speaking.speak(self._asker, view, self._price, pay)

    async def complete(self, view: DeliberationView, *, pay: Pay | None = None) -> Said:
        """The `Completion` of a dialogue, or a plan by this agent alone where nothing was said. Raises as `speak`."""
        return await speaking.complete(self._asker, view, self._price, pay)

    async def judge(self, dialogue: Dialogue, *, pay: Pay | None = None) -> Said:
        """Its `Verdict` after a round: missing, never a NO, where neither of two replies can be read."""
        return await speaking.judge(self._asker, dialogue, self._price, pay, name=self.server.spec)

    async def _settle(
        self,
        asked: Asked,
        ward: Ward,
        span: tuple[Array, Array] | None,
        seed: int | None,
        account: Account,
        pay: Pay | None,
    ) -> Reply:
        reader = partial(read, ward=ward, shown=asked.shown, span=span)
        first, second = await self._asker.ask(asked, reader, seed, account, pay)
        reading, x, status = await self._conclude(first, second, ward, span, account)
        for notice in reading.notices:
            account.note("notice", notice)
        move = Move(
            seat=account.seat,
            round=account.round,
            allocation=None if x is None else ward.allocation(x),
            argument=reading.argument,
            citations=list(reading.citations),
            concedes=list(reading.concedes),
            status=status,
            seen=list(asked.seen),
            prompt_hash=asked.hash,
        )
        return Reply(move, tuple(account.incidents), account.usage(self._price), account.model)

    async def _conclude(
        self,
        first: Reading,
        second: Reading | None,
        ward: Ward,
        span: tuple[Array, Array] | None,
        account: Account,
    ) -> tuple[Reading, Array | None, Status]:
        """Which reading stands, the allocation it comes to, and how it came to it."""
        last = second or first
        if not last.problems:
            return last, last.x, "made"
        if last.truncated:
            account.note("truncated", "cut off again; not asked a third time")
        whole = last if last.x is not None else first
        if whole.x is None:
            account.note("abstained", f"no usable allocation: {listed(last.problems)}")
            return replace(last, citations=(), concedes=()), None, "abstained"
        x = await asyncio.to_thread(_nearest, ward, whole.x, span)
        moved = float(np.abs(np.nan_to_num(whole.x) - x).sum())
        wrong = listed(whole.problems)
        account.note("repaired", f"projected to the nearest feasible allocation, {moved:.6g} moved: {wrong}")
        return whole, x, "repaired"


def _nearest(ward: Ward, x: Array, span: tuple[Array, Array] | None) -> Array:
    """The feasible allocation nearest to x, within the span of a merge if there is one.

    What is wildly out of range is brought near first: the solver's figures hold no 1e300.
    """
    from scenarios.optimum import Nearest, maximise, project

    far = 1e3 * (1.0 + ward.arrays.demand.max(initial=0.0))
    x = np.clip(x, -far, far)
    if span is None:
        return project(ward, x)
    return maximise(ward, Nearest(x), lower=span[0], upper=span[1]).x
