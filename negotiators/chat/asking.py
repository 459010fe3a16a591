"""How is a question settled with a model: asked, read, asked once more with what is wrong, and accounted for?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from negotiators.chat.calling import Line
from negotiators.chat.cost import Price, cost_usd, tokens, total
from negotiators.chat.wording import Message, Prompts, digest
from negotiators.protocol import Incident, Pay, Usage

Json = dict[str, Any]

LARGER_CAP = 2
"""By how much the cap on a reply is raised after one was cut off."""
LONGEST_ECHO = 8_000
MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Question:
    """One question to a model: its messages, the schema of the answer, and the prompts it is asked again by.

    `schema`: None where the answer is plain words. `tool`: the name under which the answer's form is offered to
    the model; None: the debate's. `sampling`: temperature and top_p, where they are not the line's.
    """

    messages: tuple[Message, ...]
    schema: Json | None
    prompts: Prompts
    tool: str | None = field(default=None, kw_only=True)
    sampling: Json = field(default_factory=dict, kw_only=True)

    @property
    def hash(self) -> str:
        """sha256 of the exact messages."""
        return digest(list(self.messages))


class Reading(Protocol):
    """What was made of a reply, whatever the question was."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with it, a line each; empty if it can stand."""
        ...

    @property
    def truncated(self) -> bool:
        """Whether it was cut off, so that nothing of it was read."""
        ...

    @property
    def complete(self) -> bool:
        """Whether it answers in full, though perhaps with what is not allowed."""
        ...


R = TypeVar("R", bound=Reading)


@dataclass
class Account:
    """What one move took so far: every answered call, usable or not, and everything that went otherwise."""

    seat: str
    node: str
    round: int
    replies: list[Json] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)

    def note(self, kind: Any, detail: str) -> None:
        """Something went otherwise."""
        self.incidents.append(
            Incident(kind=kind, seat=self.seat, node=self.node, round=self.round, detail=detail)
        )

    def take(self, reply: Json) -> None:
        """An answered call, with the incidents on the way to it."""
        self.replies.append(reply)
        for incident in reply.get("incidents", ()):
            self.note(incident["kind"], incident["detail"])

    @property
    def model(self) -> str | None:
        """What the server says it ran last."""
        return self.replies[-1].get("model")

    def usage(self, price: Price | None) -> Usage:
        """Summed over every answered call: a malformed answer was paid for as well."""
        spent = {k: total([tokens(r, k) for r in self.replies]) for k in ("input_tokens", "output_tokens")}
        return Usage(
            seat=self.seat,
            node=self.node,
            calls=len(self.replies),
            **spent,
            cost_usd=cost_usd(price, spent["input_tokens"], spent["output_tokens"]),
            seconds=sum(float(r.get("seconds") or 0.0) for r in self.replies),
        )


@dataclass(frozen=True)
class Asker:
    """Asks over a line to a model; `cap` is the cap on a reply in tokens, `call` what is paid for."""

    line: Line
    cap: int | None
    call: Callable[[Json], Awaitable[Json]]

    async def ask(
        self,
        question: Question,
        read: Callable[[str, str | None], R],
        seed: int | None,
        account: Account,
        pay: Pay | None = None,
    ) -> tuple[R, R | None]:
        """The reading of the first reply, and of the second where the first could not stand. Two calls at most.

        `read` makes a reading of a reply's text and its finish reason, and never raises for what a model may
        write. `pay` is called with each request and the function that makes the call. Raises Unreachable.
        """
        pay = pay or unkept
        request: Json = {"messages": list(question.messages), "seed": seed, **question.sampling}
        if question.schema is not None:
            request["schema"] = question.schema
        if question.tool is not None:
            request["tool"] = question.tool
        account.take(await pay(request, self.call))
        first = await _read(account, read)
        if not first.problems:
            return first, None
        account.take(await pay(self._again(request, question, first, account), self.call))
        second = await _read(account, read)
        if second.complete and account.replies[-1].get("route") == "tools":
            self.line.prefer("tools")
        return first, second

    def _again(self, request: Json, question: Question, first: Reading, account: Account) -> Json:
        """The second and last request: shorter after a cut, else naming what is wrong."""
        reply = account.replies[-1]
        if first.truncated:
            again = request | {"messages": shorter(question)}
            if self.cap:
                again["max_tokens"] = LARGER_CAP * self.cap
            account.note(
                "truncated", "cut off; asked again, shorter" + (", with a larger cap" if self.cap else "")
            )
            return again
        again = request | {"messages": corrective(question, str(reply.get("text") or ""), first.problems)}
        if question.schema is not None and not first.complete and reply.get("route") == "plain":
            again["route"] = "tools"
        hashed = digest(again["messages"])[:12]
        account.note("corrected", f"asked once more (prompt {hashed}): {listed(first.problems)}")
        return again


def closed(properties: Json) -> Json:
    """The schema of an object that has these keys, all of them and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def corrective(question: Question, text: str, problems: Sequence[str]) -> list[Message]:
    """The one corrective answer: the model's own reply and what exactly is wrong with it."""
    lines = [f"- {p}" for p in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"- and {len(problems) - MOST_PROBLEMS} more of the same kind")
    return [
        *question.messages,
        {"role": "assistant", "content": text[:LONGEST_ECHO] or "(nothing)"},
        {"role": "user", "content": question.prompts.render("correction", problems="\n".join(lines))},
    ]


def shorter(question: Question) -> list[Message]:
    """Asking again after a reply that was cut off: the same question, and to be brief."""
    *before, user = question.messages
    return [
        *before,
        {"role": "user", "content": f"{user['content']}\n\n{question.prompts.render('shorter')}"},
    ]


def listed(problems: Sequence[str], most: int = 6) -> str:
    """Problems in one line, the first few of them."""
    rest = f"; and {len(problems) - most} more" if len(problems) > most else ""
    return "; ".join(problems[:most]) + rest


async def unkept(request: Json, call: Callable[[Json], Awaitable[Json]]) -> Json:
    """Pay for a call and keep nothing."""
    return await call(request)


async def _read(account: Account, read: Callable[[str, str | None], R]) -> R:
    """The reading of the last reply, off the event loop: contracts are compiled and tried in it."""
    reply = account.replies[-1]
    return await asyncio.to_thread(read, str(reply.get("text") or ""), reply.get("finish_reason"))
