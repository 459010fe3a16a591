"""How does a chat model decide: asked, read, answered once with what is wrong, projected, or abstaining."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from negotiators.chat.calling import Limits, Line
from negotiators.chat.cost import Prices, cost_usd, load_prices, price_of, tokens, total
from negotiators.chat.models import build, server
from negotiators.chat.parse import Reading, read
from negotiators.chat.prompting import (
    Asked,
    corrective,
    digest,
    merge_question,
    prompt_hashes,
    question,
    shorter,
    templates,
)
from negotiators.protocol import Incident, Move, Passage, Pay, Reply, Status, Usage, View
from personas.persona import Persona, Values
from scenarios.ward import Array, Ward

__all__ = ["Chat", "prompt_hashes"]

Json = dict[str, Any]

LARGER_CAP = 2
"""By how much the cap on a reply is raised after one was cut off."""


@dataclass
class _Account:
    """What one move took so far: every answered call, usable or not, and everything that went otherwise."""

    seat: str
    node: str
    round: int
    replies: list[Json] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)

    def note(self, kind: Any, detail: str) -> None:
        self.incidents.append(
            Incident(kind=kind, seat=self.seat, node=self.node, round=self.round, detail=detail)
        )

    def take(self, reply: Json) -> None:
        self.replies.append(reply)
        for incident in reply.get("incidents", ()):
            self.note(incident["kind"], incident["detail"])


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
        self._cap = max_output_tokens
        self._price = price_of(model, load_prices() if prices is None else prices)
        templates()  # read now: a file read in an event loop would block it

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
        account = _Account(view.seat, view.occasion, view.round)
        return await self._settle(asked, view.ward, None, view.seed, account, pay or _unkept)

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
        account = _Account("mediator", "mediate", max(m.round for m in moves) if round_ is None else round_)
        return await self._settle(asked, ward, (least, most), seed, account, pay or _unkept)

    async def _settle(
        self,
        asked: Asked,
        ward: Ward,
        span: tuple[Array, Array] | None,
        seed: int | None,
        account: _Account,
        pay: Pay,
    ) -> Reply:
        request: Json = {"messages": list(asked.messages), "schema": asked.schema, "seed": seed}
        account.take(await pay(request, self.call))
        first = self._read(account, ward, asked, span)
        second = None
        if first.problems:
            account.take(await pay(self._again(request, asked, first, account), self.call))
            second = self._read(account, ward, asked, span)
            if second.x is not None and account.replies[-1].get("route") == "tools":
                self._line.prefer("tools")
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
        return Reply(move, tuple(account.incidents), self._usage(account), account.replies[-1].get("model"))

    def _read(self, account: _Account, ward: Ward, asked: Asked, span: tuple[Array, Array] | None) -> Reading:
        reply = account.replies[-1]
        return read(str(reply.get("text") or ""), reply.get("finish_reason"), ward, asked.shown, span)

    def _again(self, request: Json, asked: Asked, first: Reading, account: _Account) -> Json:
        """The second and last request: shorter after a cut, else naming what is wrong."""
        reply = account.replies[-1]
        if first.truncated:
            again = request | {"messages": shorter(asked)}
            if self._cap:
                again["max_tokens"] = LARGER_CAP * self._cap
            account.note(
                "truncated", "cut off; asked again, shorter" + (", with a larger cap" if self._cap else "")
            )
            return again
        again = request | {"messages": corrective(asked, str(reply.get("text") or ""), first.problems)}
        if first.x is None and reply.get("route") == "plain":
            again["route"] = "tools"
        hashed = digest(again["messages"])[:12]
        account.note("corrected", f"asked once more (prompt {hashed}): {_listed(first.problems)}")
        return again

    async def _conclude(
        self,
        first: Reading,
        second: Reading | None,
        ward: Ward,
        span: tuple[Array, Array] | None,
        account: _Account,
    ) -> tuple[Reading, Array | None, Status]:
        """Which reading stands, the allocation it comes to, and how it came to it."""
        last = second or first
        if not last.problems:
            return last, last.x, "made"
        if last.truncated:
            account.note("truncated", "cut off again; not asked a third time")
        whole = last if last.x is not None else first
        if whole.x is None:
            account.note("abstained", f"no usable allocation: {_listed(last.problems)}")
            return replace(last, citations=(), concedes=()), None, "abstained"
        x = await asyncio.to_thread(_nearest, ward, whole.x, span)
        moved = float(np.abs(np.nan_to_num(whole.x) - x).sum())
        wrong = _listed(whole.problems)
        account.note("repaired", f"projected to the nearest feasible allocation, {moved:.6g} moved: {wrong}")
        return whole, x, "repaired"

    def _usage(self, account: _Account) -> Usage:
        """Summed over every answered call: a malformed answer was paid for as well."""
        spent = {k: total([tokens(r, k) for r in account.replies]) for k in ("input_tokens", "output_tokens")}
        return Usage(
            seat=account.seat,
            node=account.node,
            calls=len(account.replies),
            **spent,
            cost_usd=cost_usd(self._price, spent["input_tokens"], spent["output_tokens"]),
            seconds=sum(float(r.get("seconds") or 0.0) for r in account.replies),
        )


async def _unkept(request: Json, call: Callable[[Json], Awaitable[Json]]) -> Json:
    """Pay for a call and keep nothing."""
    return await call(request)


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


def _listed(problems: Sequence[str], most: int = 6) -> str:
    rest = f"; and {len(problems) - most} more" if len(problems) > most else ""
    return "; ".join(problems[:most]) + rest
