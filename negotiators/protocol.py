"""What passes between the table and a seat: the view a negotiator is given and the reply it returns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import Field

from personas.persona import Persona, Values
from scenarios.errors import Unreachable
from scenarios.model import Model
from scenarios.ward import Allocation, Ward

__all__ = [
    "Answer",
    "Incident",
    "Move",
    "Negotiator",
    "Occasion",
    "Passage",
    "Pay",
    "Reply",
    "Request",
    "Status",
    "Unreachable",
    "Usage",
    "View",
    "move_hash",
    "view_hash",
]

Occasion = Literal["solo", "propose", "critique", "exit_solo"]
Status = Literal["made", "repaired", "abstained"]


class Passage(Model):
    """One retrieved passage, as a seat sees it and as the record keeps it."""

    id: str
    framework: str
    kind: str = Field(default="", description="holds, scarcity, objection, reply, policy or user")
    title: str
    text: str
    source: str
    principles: Values = Field(default_factory=dict, description="what it would have one weigh; may be empty")
    score: float | None = None


class Move(Model):
    """One seat's turn: a full allocation, an argument, citations, what it gives up and what it contests."""

    seat: str
    round: int = Field(ge=0, description="0 for a solo")
    allocation: Allocation | None = Field(description="None only where the seat abstained")
    argument: str = ""
    citations: list[str] = Field(default_factory=list, description="ids of passages it was shown")
    concedes: list[str] = Field(
        default_factory=list, description="cells `patient.resource`, as the seat says"
    )
    contests: list[str] = Field(
        default_factory=list, description="cells `patient.resource`, as the seat says"
    )
    principle: Values = Field(
        default_factory=dict, description="the values its argument appeals to, if stated"
    )
    status: Status = "made"
    seen: list[str] = Field(default_factory=list, description="hashes of the moves its prompt showed")
    prompt_hash: str = Field(default="", description="sha256 of the exact prompt (reference: of its view)")


class Incident(Model):
    """Something that did not go as asked: what, where, and what was done about it."""

    kind: Literal["retry", "corrected", "repaired", "abstained", "truncated", "fallback", "notice"]
    seat: str = ""
    node: str = ""
    round: int = 0
    detail: str = ""


class Usage(Model):
    """What one move cost. Tokens and cost are None where the server did not say: missing, not zero."""

    seat: str = ""
    node: str = ""
    calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class View:
    """All that a seat may know when it decides. The ward is blinded already, where attributes are hidden."""

    ward: Ward
    seat: str
    persona: Persona
    occasion: Occasion
    round: int  # 1.. in the debate; 0 for solo; rounds + 1 for exit solo
    rounds: int
    seed: int
    values: Values = field(default_factory=dict)  # declared, fixed for the run (see Negotiator.declare)
    passages: tuple[Passage, ...] = ()
    moves: tuple[Move, ...] = ()  # all moves of the debate that this seat has seen, in the order spoken
    solo: Allocation | None = None  # its own
    joint: Allocation | None = None  # the last merge, None before the first
    contested: tuple[str, ...] = ()  # cells `patient.resource` in dispute after the last merge


@dataclass(frozen=True)
class Reply:
    """A move and what it took to get it."""

    move: Move
    incidents: tuple[Incident, ...] = ()
    usage: Usage = Usage()
    model: str | None = None  # what the server says it ran, with its fingerprint


Request = dict[str, Any]
Answer = dict[str, Any]
Pay = Callable[[Request, Callable[[Request], Awaitable[Answer]]], Awaitable[Answer]]
"""pay(request, call) gives the answer to a request: from a journal of what was paid for, else by call(request)."""


class Negotiator(Protocol):
    """What turns a view of the debate into a move."""

    name: str

    def declare(self, persona: Persona, passages: tuple[Passage, ...]) -> Values:
        """The values that the seat declares for the whole run, given what was retrieved before its solo."""
        ...

    async def decide(self, view: View, *, pay: Pay | None = None) -> Reply:
        """A move that is feasible in `view.ward`, or an abstention. Raises Unreachable, never a partial reply.

        `pay` stands between a seat and every call that costs money; a seat that calls nothing ignores it.
        """
        ...


def move_hash(move: Move) -> str:
    """sha256 of the move as canonical JSON: what a later prompt that showed it names it by."""
    return _sha256(move.model_dump(mode="json"))


def view_hash(view: View) -> str:
    """sha256 of all that a seat was shown, as canonical JSON."""
    shown = {name: getattr(view, name) for name in view.__dataclass_fields__}
    dumped = {k: v.model_dump(mode="json") if isinstance(v, Model) else v for k, v in shown.items()}
    for name in ("passages", "moves"):
        dumped[name] = [item.model_dump(mode="json") for item in shown[name]]
    return _sha256(dumped)


def _sha256(data: object) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
