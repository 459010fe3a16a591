"""How does a judge go through many plans: several calls at once, every answer kept and none paid for twice?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from negotiators.chat.cost import total
from negotiators.chat.judging import QUALITIES, Judge, Quality
from negotiators.chat.judging.judge import Taken
from scenarios.dilemmas.reward import clause_reward
from scenarios.errors import ParleyError, Unreachable

if TYPE_CHECKING:
    from evals.judges.outcome import Outcome
    from evals.rhetoric.judging import Cache

Json = dict[str, Any]
Side = Literal["one", "other"]
Result = TypeVar("Result")
Progress = Callable[[int, int], None]

RULE = "rule"
"""The judge that needs no model: it knows clauses alone, and says nothing about collective agency."""
JOINT_WORTH = "joint_worth"
KEYS = (*QUALITIES, JOINT_WORTH)

NOTHING_WRITTEN = "no plan was written down"
UNDEFINED = "undefined: a pole without values here, or no plan that is worth anything to all"
NOT_ASKED_FOR = "no whole plan in the words, and none was asked for"
IDENTICAL = "the same words: not asked"


@dataclass(frozen=True)
class Mark:
    """A judge's score of one plan, in [0, 5], higher better; None is missing, and the comment says why."""

    score: float | None
    comment: str


@dataclass(frozen=True)
class Comparison:
    """Two plans compared in both orders: who was named with `one` shown first, and with `other` shown first.

    A win needs both; where they differ it is a tie; where one is missing so is the winner. Plans of the same words
    tie without being asked about.
    """

    one: Outcome
    other: Outcome
    forward: Side | None
    backward: Side | None
    comment: str
    asked: bool = True

    @property
    def winner(self) -> Literal["one", "other", "tie"] | None:
        """Who won, a tie, or None where a judgement is missing."""
        if not self.asked:
            return "tie" if self.forward is None else self.forward
        if self.forward is None or self.backward is None:
            return None
        return self.forward if self.forward == self.backward else "tie"

    @property
    def first_shown(self) -> float | None:
        """Share of the two orders in which the plan shown first was named; None unless both were answered."""
        if not self.asked or self.forward is None or self.backward is None:
            return None
        return ((self.forward == "one") + (self.backward == "other")) / 2


@dataclass(frozen=True)
class Spent:
    """What a judge took. Tokens and cost are None where a server did not say: missing, not zero.

    `answers` counts the answered calls that its judgements rest on, `paid` those made now and not kept from before;
    tokens and cost are of all `answers`.
    """

    judge: str
    questions: int
    missing: int
    answers: int
    paid: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    models: tuple[str, ...]


class Bench:
    """A judge at work: `rule`, or a model whose every answered call is kept in a cache."""

    def __init__(self, judge: Judge | None, cache: Cache | None = None, *, at_once: int = 8) -> None:
        if at_once < 1:
            raise ParleyError(f"--at-once: {at_once}; give 1 or more")
        self.name = RULE if judge is None else judge.name
        self._judge, self._cache, self._at_once = judge, cache, at_once
        self._taken: list[Taken] = []
        self._paid = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """What it can judge."""
        return (JOINT_WORTH,) if self._judge is None else QUALITIES

    async def scores(
        self, key: str, outcomes: Sequence[Outcome], seed: int = 1, told: Progress | None = None
    ) -> list[Mark]:
        """A mark for every outcome, in order; equal plans of one dilemma are asked about once.

        Raises Unreachable where the server gives up, once the calls under way have been answered and kept.
        """
        self._check(key)
        judge = self._judge
        if judge is None:
            return [_by_rule(o) for o in outcomes]

        async def one(o: Outcome) -> Mark:
            assert o.completion is not None
            said = await judge.score(_quality(key), o.dilemma, o.completion, seed=seed, pay=self._pay)
            self._taken.append(said)
            return Mark(said.score, said.why if said.score is not None else f"no judgement: {said.problem}")

        written = {_words(o): o for o in outcomes if o.completion is not None}
        marks = await self._each({k: _job(one, o) for k, o in written.items()}, told)
        return [marks.get(_words(o), Mark(None, NOTHING_WRITTEN)) for o in outcomes]

    async def comparisons(
        self, key: str, pairs: Sequence[tuple[Outcome, Outcome]], seed: int = 1, told: Progress | None = None
    ) -> list[Comparison]:
        """Both orders of every pair, in order. Raises ParleyError for plans that are missing; Unreachable as above."""
        self._check(key)
        judge = self._judge
        for one, other in pairs:
            if one.completion is None or other.completion is None or one.dilemma != other.dilemma:
                raise ParleyError(
                    f"runs {one.run_id} and {other.run_id}: both need a plan of one dilemma; compare others"
                )
        if judge is None:
            return [_ruled(one, other) for one, other in pairs]

        async def shown(first: Outcome, second: Outcome) -> tuple[str | None, str]:
            said = await judge.prefer(
                _quality(key),
                first.dilemma,
                first.completion or "",
                second.completion or "",
                seed=seed,
                pay=self._pay,
            )
            self._taken.append(said)
            return said.choice, said.why if said.choice is not None else f"no judgement: {said.problem}"

        asked = [(a, b) for one, other in pairs for a, b in ((one, other), (other, one)) if _differ(a, b)]
        jobs: dict[Hashable, Callable[[], Awaitable[tuple[str | None, str]]]] = {
            (*_words(a), b.completion): _job(shown, a, b) for a, b in asked
        }
        said = await self._each(jobs, told)
        return [_both(one, other, said) for one, other in pairs]

    def spent(self) -> Spent:
        """What it took so far."""
        usages = [t.usage for t in self._taken]
        costs = [u.cost_usd for u in usages]
        return Spent(
            judge=self.name,
            questions=len(usages),
            missing=sum(bool(t.problem) for t in self._taken),
            answers=sum(u.calls for u in usages),
            paid=self._paid,
            input_tokens=total([u.input_tokens for u in usages]),
            output_tokens=total([u.output_tokens for u in usages]),
            cost_usd=sum(c for c in costs if c is not None) if costs and None not in costs else None,
            models=tuple(sorted({t.model for t in self._taken if t.model})),
        )

    def _check(self, key: str) -> None:
        if key not in self.keys:
            why = "makes no claim about it" if self._judge is None else "is for the rule alone"
            raise ParleyError(f"--what: {key}: the judge {self.name} {why}; it has {', '.join(self.keys)}")

    async def _pay(self, request: Json, call: Callable[[Json], Awaitable[Json]]) -> Json:
        async def paid(request: Json) -> Json:
            answer = await call(request)
            self._paid += 1
            return answer

        return await (paid(request) if self._cache is None else self._cache.pay(request, paid))

    async def _each(
        self, jobs: dict[Hashable, Callable[[], Awaitable[Result]]], told: Progress | None
    ) -> dict[Hashable, Result]:
        """The result of every job. After one could not reach the server no other is begun; those begun end."""
        done: dict[Hashable, Result] = {}
        room, given_up = asyncio.Semaphore(self._at_once), list[Exception]()

        async def one(key: Hashable, job: Callable[[], Awaitable[Result]]) -> None:
            async with room:
                if given_up:
                    return
                try:
                    done[key] = await job()
                except (Unreachable, ParleyError, OSError) as error:
                    given_up.append(error)
                    return
            if told is not None:
                told(len(done), len(jobs))

        await asyncio.gather(*(one(key, job) for key, job in jobs.items()))
        if given_up:
            raise given_up[0]
        return done


def _by_rule(o: Outcome) -> Mark:
    if o.completion is None:
        return Mark(None, NOTHING_WRITTEN)
    if not o.plan and not o.clauses:
        return Mark(None, NOT_ASKED_FOR)
    worth = clause_reward(o.plan, o.dilemma, [p.values for p in o.poles])
    if worth is None:
        return Mark(None, UNDEFINED)
    return Mark(
        worth, "5 is the Nash optimum of the poles' values" if o.plan else "no whole plan in the words"
    )


def _ruled(one: Outcome, other: Outcome) -> Comparison:
    """By joint worth; the order shown is nothing to a rule."""
    a, b = _by_rule(one), _by_rule(other)
    if a.score is None or b.score is None:
        return Comparison(one, other, None, None, a.comment if a.score is None else b.comment)
    said = f"{a.score:.3f} against {b.score:.3f}"
    if abs(a.score - b.score) <= 1e-9:
        return Comparison(one, other, None, None, said, asked=False)
    side: Side = "one" if a.score > b.score else "other"
    return Comparison(one, other, side, side, said, asked=False)


def _both(one: Outcome, other: Outcome, said: dict[Hashable, tuple[str | None, str]]) -> Comparison:
    if not _differ(one, other):
        return Comparison(one, other, None, None, IDENTICAL, asked=False)
    forward, why = said[(*_words(one), other.completion)]
    backward, why_again = said[(*_words(other), one.completion)]
    sides: dict[str | None, Side] = {"first": "one", "second": "other"}
    turned: dict[str | None, Side] = {"first": "other", "second": "one"}
    comment = f"{why} / {why_again}"
    return Comparison(one, other, sides.get(forward), turned.get(backward), comment)


def _differ(one: Outcome, other: Outcome) -> bool:
    return one.completion != other.completion


def _words(o: Outcome) -> tuple[str, str | None]:
    """What a judge is shown of it, and so what decides the judgement."""
    return o.dilemma.name, o.completion


def _quality(key: str) -> Quality:
    return next(q for q in QUALITIES if q == key)


def _job(ask: Callable[..., Awaitable[Result]], *args: Any) -> Callable[[], Awaitable[Result]]:
    return lambda: ask(*args)
