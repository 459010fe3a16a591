"""What can be set about a deliberation; the protocol's defaults are the paper's (Anantaprayoon et al. 2026)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator

from nodes.settings import ModelName, Share, open_choice
from personas.opposing import pair_names
from scenarios.model import Model, Slug

SEATS = "ABCDEFGH"

PairName = Annotated[Slug, open_choice(tuple(pair_names()))]
PoleName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}:[a-z0-9_-]{1,64}$")]
"""A further seat's persona: `PAIR:POLE`."""

Window = Annotated[
    int | Literal["all"],
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 64}, {"const": "all"}]}),
]


class DeliberationTable(Model):
    """The settings of one deliberation. Everything here is data: no path, no address, no key."""

    pair: PairName = Field(default="evidence-emotion", description="opposing personas of seats A and B")
    swap: bool = Field(default=False, description="the pair's second persona takes seat A, who speaks first")
    panel: tuple[PoleName, ...] = Field(
        default=(), max_length=6, description="personas of seats C, D, …, each PAIR:POLE"
    )
    rounds: int = Field(
        default=7, ge=1, le=30, description="the cap; a dialogue ends once its judge says YES"
    )
    window: Window = Field(
        default=2, description="how many of the most recent turns a seat sees, whoever spoke them, or all"
    )
    mediator: bool = Field(default=False, description="whether a mediator speaks at the end of every round")
    alone: bool = Field(
        default=False, description="no dialogue: seat A writes the plan by itself, knowing both personas"
    )
    completion: Literal["agreed", "always"] = Field(
        default="agreed", description="whether a plan is written down without agreement too"
    )
    clauses: bool | None = Field(
        default=None,
        description="whether models are shown the clauses and asked for a plan line; None: where a reference "
        "seat or the rule has to read them",
    )
    model: ModelName = Field(
        default="reference", description="`reference`, or a chat model such as openai:NAME"
    )
    opponent_model: ModelName | None = Field(
        default=None, description="model of every other seat; None: the same"
    )
    mediator_model: ModelName | None = Field(default=None, description="model of the mediator; None: A's")
    judge: ModelName | None = Field(
        default=None,
        description="`rule`, or a model; None: the rule where every seat is a reference seat, else A's model",
    )
    temperature: float | None = Field(default=0.7, ge=0, le=2, description="of what models say")
    completion_temperature: float | None = Field(default=0.1, ge=0, le=2, description="of the completion")
    judge_temperature: float | None = Field(default=0.0, ge=0, le=2, description="of a model that judges")
    top_p: float | None = Field(default=0.95, gt=0, le=1)
    max_output_tokens: int | None = Field(
        default=None, ge=16, le=1_000_000, description="cap on one turn, if set"
    )
    concession: Literal["linear", "boulware", "conceder"] = Field(
        default="linear", description="how reference seats give way"
    )
    floor: Share = Field(
        default=0.0, description="worth below which a reference seat agrees to nothing: worst plan 0, best 1"
    )
    seed: int = Field(default=1, ge=0, lt=2**31)
    replicate: int = Field(default=0, ge=0, lt=2**31, description="tells identical reruns apart")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if isinstance(self.window, int) and not 1 <= self.window <= 64:
            raise ValueError(f"window: {self.window} turns; give 1 to 64, or all")
        if self.alone and (self.panel or self.mediator):
            raise ValueError("alone: nobody else sits there; leave panel and mediator out")
        if self.judge == "reference":
            raise ValueError("judge: reference is who sits there; the judge that needs no model is rule")
        for seat in ("model", "opponent_model", "mediator_model"):
            if getattr(self, seat) == "rule":
                raise ValueError(f"{seat}: rule is a judge; who needs no model to speak is reference")
        return self

    @property
    def model_seed(self) -> int:
        """The seed sent to models: the run's, and another for every replicate."""
        return (self.seed + 1_000_003 * self.replicate) % 2**31

    @property
    def seat_models(self) -> list[str]:
        """The model of every seat that speaks, A first."""
        others = [] if self.alone else [self.opponent_model or self.model] * (1 + len(self.panel))
        return [self.model, *others]

    @property
    def mediating_model(self) -> str:
        """Who speaks as the mediator."""
        return self.mediator_model or self.model

    @property
    def judging(self) -> str:
        """`rule`, or the model that judges."""
        if self.judge is not None:
            return self.judge
        chats = [m for m in self.seat_models if m != "reference"]
        return chats[0] if chats else "rule"

    @property
    def shows_clauses(self) -> bool:
        """Whether models are shown the clauses."""
        if self.clauses is not None:
            return self.clauses
        return self.judging == "rule" or "reference" in self.seat_models

    @property
    def models(self) -> list[str]:
        """Every chat model that may be called; empty where all is computed here."""
        named = [*self.seat_models, *([self.mediating_model] if self.mediator else [])]
        named += [] if self.alone else [self.judging]
        return [m for m in dict.fromkeys(named) if m not in ("reference", "rule")]
