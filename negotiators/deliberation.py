"""What passes between a dialogue and a seat: what it is shown, what it says, how it is judged whether they agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import Field

from negotiators.protocol import Incident, Pay, Usage
from personas.opposing import Pole
from scenarios.dilemmas.dilemma import Dilemma, Plan
from scenarios.model import Model

Kind = Literal["agreed", "debating", "disagreed", "capitulated", "vague"]
"""How a round ends: YES, all consent to one plan that can be acted on; or one of four ways of NO: still debating,
agreed to disagree, one side gave in, or a plan too vague to act on (Anantaprayoon et al. 2026)."""

MEDIATOR = "mediator"
"""The seat of a mediator that speaks: it has no persona and never consents."""

LONGEST = 4000
"""Characters of an utterance that are kept; what is longer is cut, and the record says so."""


class Utterance(Model):
    """What one seat says in one round. `plan` and `consents` are what the rule reads in the text, whoever wrote it."""

    seat: str
    round: int = Field(ge=1)
    text: str = Field(description="the words alone, cleaned and bounded; '' where it abstained")
    plan: Plan = Field(default_factory=dict, description="clauses of its plan line; {} where there is none")
    consents: bool = Field(default=False, description="whether it says that it agrees to the plan it names")
    parts: bool = Field(default=False, description="whether it says that it will not agree")
    status: Literal["made", "truncated", "abstained"] = "made"
    seen: list[int] = Field(default_factory=list, description="places in the dialogue that its prompt showed")
    prompt_hash: str = ""


class Verdict(Model):
    """Whether the seats agree after a round. A judge that failed is missing (`kind` None), which is no NO."""

    round: int = Field(ge=1)
    kind: Kind | None
    why: str = ""
    plan: Plan = Field(default_factory=dict, description="what was agreed, as far as clauses can be read")
    judge: str = Field(description="`rule`, or the model that judged")
    prompt_hash: str = ""

    @property
    def agreed(self) -> bool | None:
        """YES, NO, or None where the judge failed."""
        return None if self.kind is None else self.kind == "agreed"


class Completion(Model):
    """The plan that comes of the dialogue, written out by the first seat from prompt, personas and dialogue."""

    seat: str
    text: str
    plan: Plan = Field(default_factory=dict)
    status: Literal["made", "truncated", "abstained"] = "made"
    prompt_hash: str = ""


@dataclass(frozen=True)
class Sampling:
    """How a model's words are drawn; None is not sent, and what a server refuses is left out."""

    temperature: float | None = None
    top_p: float | None = None


@dataclass(frozen=True)
class DeliberationView:
    """All that a seat may know when it speaks. It knows its own persona alone, but for who writes the completion."""

    dilemma: Dilemma
    seat: str
    seats: tuple[str, ...]
    persona: Pole | None  # None for a mediator
    round: int  # from 1
    rounds: int  # the cap
    heard: tuple[Utterance, ...]  # within its window, in the order spoken, its own among them
    places: tuple[int, ...]  # where in the whole dialogue those stand
    clauses: bool  # whether it is shown the clauses and asked for a plan line
    seed: int
    personas: tuple[Pole, ...] = ()  # every seat's, as seated: for the completion alone
    sampling: Sampling = Sampling()  # of a model
    agreed: Plan | None = None  # what the judge says was agreed: for the completion alone

    @property
    def opens(self) -> bool:
        """Whether nobody has spoken yet."""
        return self.round == 1 and not self.heard


@dataclass(frozen=True)
class Dialogue:
    """A dialogue as its judge sees it: never the personas, so that it judges what was said."""

    dilemma: Dilemma
    seats: tuple[str, ...]
    round: int
    utterances: tuple[Utterance, ...]  # all of them, in the order spoken
    seed: int
    sampling: Sampling = Sampling(temperature=0.0)  # of a model that judges


@dataclass(frozen=True)
class Said:
    """What came of asking a seat or a judge, and what it took."""

    what: Utterance | Verdict | Completion
    incidents: tuple[Incident, ...] = ()
    usage: Usage = Usage()
    model: str | None = None


class Speaker(Protocol):
    """What turns a view of a dialogue into words. Raises Unreachable, never a partial reply."""

    name: str

    async def speak(self, view: DeliberationView, *, pay: Pay | None = None) -> Said:
        """Its `Utterance`: of a seat with a persona, or of a mediator."""
        ...

    async def complete(self, view: DeliberationView, *, pay: Pay | None = None) -> Said:
        """The `Completion` of the dialogue; with an empty dialogue, a plan by one agent alone."""
        ...

    async def judge(self, dialogue: Dialogue, *, pay: Pay | None = None) -> Said:
        """Its `Verdict` after a round."""
        ...


Json = dict[str, Any]
