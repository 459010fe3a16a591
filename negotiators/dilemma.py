"""What passes between a dilemma and a seat, in the commons and in games: what it is shown and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import Field

from negotiators.protocol import Incident, Pay, Status, Usage
from personas.concern import Concern
from scenarios.commons import Commons
from scenarios.contracts import Contract, Language
from scenarios.games import Game
from scenarios.model import Model

Occasion = Literal["harvest", "report", "talk", "draft", "vote", "act"]
"""What a seat is asked for: an amount, an amount it says it took, words, a contract, yes or no, an action."""

Regime = Literal["none", "spoken", "enforced", "best"]
"""No contract (talk alone); one in words that nobody enforces; one that is enforced; the best one there is."""


class Proposal(Model):
    """What is put to the vote: who drafted it, its clauses (enforced) or its words (spoken), read back to all."""

    by: str
    contract: Contract | None = Field(default=None, description="None where the regime is spoken")
    words: tuple[str, ...] = Field(description="what everybody is read, a line a clause")


class Told(Model):
    """What everybody knows of one step that is over: a month of the commons, a round of a game.

    Step 0 is the meeting before a season, in which seats may agree on something before anybody harvests.
    """

    step: int = Field(ge=0)
    facts: dict[str, float | str] = Field(
        default_factory=dict, description="stock, event, … as seats saw them"
    )
    done: dict[str, float | str | None] = Field(
        default_factory=dict, description="seat -> catch as reported, or the action taken"
    )
    said: dict[str, str] = Field(default_factory=dict)
    proposal: Proposal | None = None
    votes: dict[str, bool | None] = Field(default_factory=dict, description="None: abstained")
    adopted: bool = False
    payments: dict[str, float] = Field(default_factory=dict, description="net, under the law in force")


class Own(Model):
    """What a seat alone knows of one step that is over."""

    step: int = Field(ge=1)
    asked: float | str | None = None
    took: float | str | None = Field(default=None, description="after the law and rationing")
    payoff: float | None = Field(default=None, description="before payments")
    payment: float = 0.0


@dataclass(frozen=True)
class DilemmaView:
    """All that a seat may know when it acts."""

    scenario: Commons | Game
    regime: Regime
    seats: tuple[str, ...]
    seat: str
    persona: Concern
    occasion: Occasion
    step: int  # from 1; 0 at a meeting before the season
    steps: int
    seed: int
    now: Mapping[str, float | str]  # of this step: stock, event, … ; in a game its signal of the state
    claims: Mapping[str, str] = field(
        default_factory=dict
    )  # seat -> name of the persona it claims; {}: private
    prosocial_known: int | None = None  # how many are prosocial, where that is told
    told: tuple[Told, ...] = ()  # steps that are over, in order
    so_far: Told | None = None  # of this step: what was reported and said before this occasion
    own: tuple[Own, ...] = ()
    law: Proposal | None = None  # in force
    proposal: Proposal | None = None  # before a vote
    language: Language | None = None  # what an enforced contract may name
    coded: bool = False  # on `draft`: a coder writes down as clauses what the seat proposes in words
    quorum: int | None = None  # votes that adopt a contract, where that is told
    reports: Literal["public", "own-word"] = "public"  # whether `done` is what was done, or what seats say


class DilemmaMove(Model):
    """One seat's turn. Of `amount`, `choice`, `contract`, `vote` the one that the occasion asks for."""

    seat: str
    step: int
    occasion: Occasion
    amount: int | None = Field(default=None, ge=0, description="asked for, or said to have been taken")
    choice: str | None = Field(default=None, description="an action by its name")
    words: str = Field(default="", description="its statement, its reasons, or the contract in words")
    contract: Contract | None = Field(
        default=None, description="None on `draft`: it proposes nothing enforceable"
    )
    vote: bool | None = None
    mixture: dict[str, float] = Field(
        default_factory=dict, description="action -> chance, where a reference seat draws its action"
    )
    status: Status = "made"
    prompt_hash: str = ""


@dataclass(frozen=True)
class DilemmaReply:
    """A move and what it took to get it."""

    move: DilemmaMove
    incidents: tuple[Incident, ...] = ()
    usage: Usage = Usage()
    model: str | None = None


class Party(Protocol):
    """What turns a view of a dilemma into a move."""

    name: str

    async def act(self, view: DilemmaView, *, pay: Pay | None = None) -> DilemmaReply:
        """A move that is possible, or an abstention (`status`). Raises Unreachable, never a partial reply.

        `pay` stands between a seat and every call that costs money; a seat that calls nothing ignores it.
        """
        ...


Json = dict[str, Any]
