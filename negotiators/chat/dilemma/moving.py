"""Which move does a seat make in a dilemma: what its answers come to, or that it abstains."""

from __future__ import annotations

from functools import partial

from negotiators.chat.asking import Account, Asker, listed
from negotiators.chat.cost import Price
from negotiators.chat.dilemma.prompting import LONGEST_WORDS, Asked, code_question, question
from negotiators.chat.dilemma.reading import Answer, read
from negotiators.chat.quoting import clean
from negotiators.dilemma import DilemmaMove, DilemmaReply, DilemmaView
from negotiators.protocol import Pay, Status
from scenarios.errors import ParleyError


async def act(asker: Asker, view: DilemmaView, price: Price | None, pay: Pay | None) -> DilemmaReply:
    """A seat's move on the occasion of its view, in at most two answered calls."""
    account = Account(view.seat, view.occasion, view.step)
    return await _settled(asker, question(view), account, price, pay)


async def code(
    asker: Asker, view: DilemmaView, words: str, price: Price | None, pay: Pay | None
) -> DilemmaReply:
    """A coder's clauses for what a seat proposed in words, as its draft. Raises ParleyError without a language."""
    if view.language is None:
        raise ParleyError(
            f"seat '{view.seat}': its view has no language to write clauses in; set view.language"
        )
    asked = code_question(view, words, view.language)
    return await _settled(asker, asked, Account(view.seat, "code", view.step), price, pay, words)


async def _settled(
    asker: Asker,
    asked: Asked,
    account: Account,
    price: Price | None,
    pay: Pay | None,
    words: str | None = None,
) -> DilemmaReply:
    view = asked.view
    reader = partial(read, asked=asked)
    first, second = await asker.ask(asked, reader, view.seed, account, pay)
    answer, status = _concluded(first, second, account)
    for notice in answer.notices:
        account.note("notice", notice)
    move = DilemmaMove(
        seat=view.seat,
        step=view.step,
        occasion="draft" if account.node == "code" else view.occasion,
        amount=answer.amount,
        choice=answer.choice,
        words=answer.words if words is None else clean(words, LONGEST_WORDS),
        contract=answer.contract,
        vote=answer.vote,
        status=status,
        prompt_hash=asked.hash,
    )
    return DilemmaReply(move, tuple(account.incidents), account.usage(price), account.model)


def _concluded(first: Answer, second: Answer | None, account: Account) -> tuple[Answer, Status]:
    """Which answer stands and how it came to. An amount is brought within bounds; what is missing is not made up."""
    last = second or first
    if not last.problems:
        return last, "made"
    if last.truncated:
        account.note("truncated", "cut off again; not asked a third time")
    whole = last if last.given else first
    if not whole.given:
        account.note("abstained", f"no usable answer: {listed(last.problems)}")
        return Answer(), "abstained"
    account.note("repaired", f"taken as {whole.amount}: {listed(whole.problems)}")
    return whole, "repaired"
