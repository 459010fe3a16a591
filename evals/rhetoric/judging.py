"""How does a judge read many arguments: several calls at once, every answer kept and none paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.rhetoric.asking import LABELS, corrective, messages, schema, shorter
from evals.rhetoric.reading import Reading, read
from negotiators.chat.calling import Limits, Line
from negotiators.chat.cost import Prices, cost_usd, load_prices, price_of, tokens, total
from negotiators.chat.models import build, server
from negotiators.chat.wording import digest
from nodes.table.journal import Journal
from scenarios.errors import ParleyError, Unreachable

Json = dict[str, Any]

LARGER_CAP = 2
"""By how much the cap on a reply is raised after one was cut off."""


@dataclass(frozen=True)
class Verdict:
    """What a judge made of one argument: a reading that can be used, or why there is none; and its answers."""

    reading: Reading
    answers: tuple[Json, ...] = ()

    def score(self, label: str) -> bool | None:
        """Whether the label applies: a span shows it. None where no answer could be used: missing, not no."""
        return None if self.reading.problem else bool(self.reading.spans.get(label))

    def judgements(self) -> list[Json]:
        """One `{key, score, comment, spans}` a label, as openevals' evaluators return them."""
        return [
            {
                "key": label,
                "score": self.score(label),
                "comment": self.reading.comment or self.reading.problem,
                "spans": list(self.reading.spans.get(label, ())),
            }
            for label in LABELS
        ]


@dataclass(frozen=True)
class Spent:
    """What a judge's reading took. Tokens and cost are None where a server did not say: missing, not zero.

    `answers` counts every answered call that the verdicts rest on, `paid` those made now and not taken from
    the cache; tokens, cost and seconds are of all `answers`.
    """

    judge: str
    arguments: int
    missing: int
    answers: int
    paid: int
    input_tokens: int | None
    output_tokens: int | None
    without_usage: int
    cost_usd: float | None
    seconds: float
    retries: int
    models: tuple[str, ...]


@dataclass
class Cache:
    """`judgements.jsonl` in a folder: every answered call, append-only, under a hash of its request."""

    folder: Path
    _journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self._journal = Journal("judgements", self.folder)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._journal.path

    def __enter__(self) -> Cache:
        try:
            self._journal.claim()
        except ParleyError as error:
            if error.__cause__ is not None:  # it cannot be written, and says so
                raise
            raise ParleyError(
                f"{self.path}: another judge is writing there; wait for it, or name another folder with --out"
            ) from None
        self._journal.answers()  # read now: calls that begin together would each read it
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.release()

    async def pay(self, request: Json, call: Callable[[Json], Any]) -> Json:
        """The answer to a request: kept from before, else by calling, then kept."""
        return await self._journal.pay(request, call)


class Judge:
    """Any chat model as a judge of rhetoric, named as in a debate (`openai:NAME` speaks to compatible servers).

    A judge sees the words of one argument and nothing else: not who spoke, for which persona, where or when.
    What it says counts only with a span that is in the argument word for word, so the instrument is the model
    *and* that check. An unusable answer is answered once with what is wrong about it (one that was cut off
    with a larger cap, if there is one); after that the argument's labels are missing.

    `base_url` and `api_key` come from the command line or the environment alone. Cost is known only with a
    price table (`prices`, or PARLEY_PRICES). Raises ParleyError as `negotiators.chat.Chat` does.
    """

    def __init__(
        self,
        model: str,
        cache: Cache,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        at_once: int = 8,
        limits: Limits | None = None,
        prices: Prices | None = None,
    ) -> None:
        if at_once < 1:
            raise ParleyError(f"--at-once: {at_once}; give 1 or more")
        self.model = model
        self._server = server(model, base_url, api_key)
        limits = limits or Limits()
        if not self._server.openai:
            build(
                self._server, timeout_s=limits.timeout_s, temperature=temperature
            )  # a missing package is said now
        self._line = Line(self._server, limits, temperature, max_output_tokens)
        self._cap = max_output_tokens
        self._cache = cache
        self._at_once = at_once
        self._price = price_of(model, load_prices() if prices is None else prices)
        # What decides an answer besides its prompt: part of the request, so that the cache keeps them apart.
        self._asked_of = {
            "model": model,
            "server": digest(self._server.base_url),
            "temperature": temperature,
            "cap": max_output_tokens,
        }
        self.paid = 0

    async def __aenter__(self) -> Judge:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._line.aclose()

    async def read_all(
        self, texts: Iterable[str], seed: int, progress: Callable[[int, int], None] | None = None
    ) -> dict[str, Verdict]:
        """A verdict for every distinct text, `at_once` calls at a time; equal texts are asked about once.

        Raises Unreachable when the server gives up on one: no further call is begun then, but those under way
        are waited for, since their answers are paid for.
        """
        unread = list(dict.fromkeys(texts))
        verdicts: dict[str, Verdict] = {}
        room, given_up = asyncio.Semaphore(self._at_once), list[Exception]()

        async def one(text: str) -> None:
            async with room:
                if given_up:
                    return
                try:
                    verdicts[text] = await self.verdict(text, seed)
                except (Unreachable, ParleyError, OSError) as error:
                    given_up.append(error)
                    return
            if progress is not None:
                progress(len(verdicts), len(unread))

        await asyncio.gather(*(one(text) for text in unread))
        if given_up:
            raise given_up[0]
        return {text: verdicts[text] for text in unread}

    async def verdict(self, text: str, seed: int) -> Verdict:
        """The verdict on one argument, in at most two answered calls."""
        asked = messages(text)
        request: Json = {"messages": asked, "schema": schema(), "seed": seed, "asked_of": self._asked_of}
        first = await self._answer(request)
        reading = _read(first, text)
        if not reading.problem:
            return Verdict(reading, (first,))
        reply = str(first.get("text") or "")
        if reading.truncated:
            again = request | {"messages": shorter(asked)}
            again |= {"max_tokens": LARGER_CAP * self._cap} if self._cap else {}
        else:
            again = request | {"messages": corrective(asked, reply, reading.problem)}
            again |= {"route": "tools"} if first.get("route") == "plain" else {}
        second = await self._answer(again)
        reading = _read(second, text)
        if not reading.problem and second.get("route") == "tools":
            self._line.prefer("tools")
        return Verdict(reading, (first, second))

    def spent(self, verdicts: Mapping[str, Verdict], paid: int) -> Spent:
        """What these verdicts took, `paid` of their answers just now."""
        answers = [a for v in verdicts.values() for a in v.answers]
        counted = {k: total([tokens(a, k) for a in answers]) for k in ("input_tokens", "output_tokens")}
        return Spent(
            judge=self.model,
            arguments=len(verdicts),
            missing=sum(bool(v.reading.problem) for v in verdicts.values()),
            answers=len(answers),
            paid=paid,
            **counted,
            without_usage=sum(
                None in (tokens(a, "input_tokens"), tokens(a, "output_tokens")) for a in answers
            ),
            cost_usd=cost_usd(self._price, counted["input_tokens"], counted["output_tokens"]),
            seconds=sum(float(a.get("seconds") or 0.0) for a in answers),
            retries=sum(i.get("kind") == "retry" for a in answers for i in a.get("incidents", ())),
            models=tuple(sorted({str(a["model"]) for a in answers if a.get("model")})),
        )

    async def _answer(self, request: Json) -> Json:
        return await self._cache.pay(request, self._call)

    async def _call(self, request: Json) -> Json:
        answer = await self._line.call(request)
        self.paid += 1
        return answer


def _read(answer: Json, text: str) -> Reading:
    return read(str(answer.get("text") or ""), answer.get("finish_reason"), text)
