"""How does a model speak, judge and write the plan down: asked, asked once more if need be, or abstaining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from negotiators.chat.asking import Account, Asker, Question, listed
from negotiators.chat.cost import Price
from negotiators.chat.deliberation.prompting import PROMPTS, judging, speaking, writing
from negotiators.chat.deliberation.reading import (
    VERDICT,
    Ruling,
    Words,
    read_ruling,
    read_words,
    shared,
)
from negotiators.chat.wording import Message
from negotiators.deliberation import (
    Completion,
    DeliberationView,
    Dialogue,
    Said,
    Sampling,
    Utterance,
    Verdict,
)
from negotiators.protocol import Pay
from scenarios.dilemmas.plan import consents, parts, read_plan

Status = Literal["made", "truncated", "abstained"]
TOOL = "submit_verdict"


async def speak(asker: Asker, view: DeliberationView, price: Price | None, pay: Pay | None) -> Said:
    """A turn in plain words, in at most two answered calls; words that were cut off stand, and are said to be so."""
    question = _in_words(speaking(view), view.sampling)
    account = Account(view.seat, "mediate" if view.persona is None else "speak", view.round)
    words, status = await _worded(asker, question, view, account, pay)
    utterance = Utterance(
        seat=view.seat,
        round=view.round,
        text=words,
        plan=read_plan(words, view.dilemma),
        consents=consents(words),
        parts=parts(words),
        status=status,
        seen=list(view.places),
        prompt_hash=question.hash,
    )
    return Said(utterance, tuple(account.incidents), account.usage(price), account.model)


async def complete(asker: Asker, view: DeliberationView, price: Price | None, pay: Pay | None) -> Said:
    """The plan in plain words, of the dialogue or, where nothing was said, by one agent alone."""
    question = _in_words(writing(view), view.sampling)
    account = Account(view.seat, "complete", view.round)
    words, status = await _worded(asker, question, view, account, pay)
    plan = read_plan(words, view.dilemma)
    completion = Completion(seat=view.seat, text=words, plan=plan, status=status, prompt_hash=question.hash)
    return Said(completion, tuple(account.incidents), account.usage(price), account.model)


async def judge(asker: Asker, dialogue: Dialogue, price: Price | None, pay: Pay | None, *, name: str) -> Said:
    """The verdict on a dialogue by the judge of this name; one that cannot be read twice is missing, never a NO."""
    sent = _sent(dialogue.sampling)
    question = Question(tuple(judging(dialogue)), VERDICT, PROMPTS, tool=TOOL, sampling=sent)
    account = Account("judge", "judge", dialogue.round)
    first, second = await asker.ask(question, read_ruling, dialogue.seed, account, pay)
    ruling: Ruling = second or first
    if ruling.kind is None:
        account.note("abstained", f"no usable verdict: {listed(ruling.problems)}")
    verdict = Verdict(
        round=dialogue.round,
        kind=ruling.kind,
        why=ruling.why,
        plan={} if ruling.kind is None else shared(dialogue),
        judge=name,
        prompt_hash=question.hash,
    )
    return Said(verdict, tuple(account.incidents), account.usage(price), account.model)


async def _worded(
    asker: Asker, question: Question, view: DeliberationView, account: Account, pay: Pay | None
) -> tuple[str, Status]:
    """The words of the first reply that has any, and how they came about."""
    first, second = await asker.ask(question, read_words, view.seed, account, pay)
    words: Words = second or first
    if not words.text:
        account.note("abstained", f"nothing was said: {listed(words.problems)}")
        return "", "abstained"
    if words.cut:
        account.note("truncated", f"cut off after {len(words.text)} characters; they stand")
    return words.text, "truncated" if words.cut else "made"


def _in_words(messages: Sequence[Message], sampling: Sampling) -> Question:
    return Question(tuple(messages), None, PROMPTS, sampling=_sent(sampling))


def _sent(sampling: Sampling) -> dict[str, Any]:
    drawn: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    return {k: v for k, v in drawn.items() if v is not None}
