"""What can be set about a debate: plain settings with defaults, which Studio shows as a form."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from personas.load import shipped
from scenarios.model import Model, Slug

MERGE_RULE_NAMES = (
    "mean-and-repair",
    "utilitarian",
    "egalitarian",
    "nash",
    "kalai-smorodinsky",
    "leximin",
    "weighted-lottery",
    "last-word-first",
    "last-word-last",
    "llm",
)


def open_choice(names: tuple[str, ...]) -> Any:
    """A slug that the schema shows as a choice; users may extend the choices."""
    return WithJsonSchema({"type": "string", "enum": list(names)})


PersonaName = Annotated[Slug, open_choice(shipped())]
Share = Annotated[float, Field(ge=0, le=1)]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]


class Table(Model):
    """The settings of one debate. Everything here is data: no path, no address, no key."""

    framework: PersonaName = Field(default="rawlsian", description="persona of seat A")
    opponent: PersonaName = Field(default="biased-age", description="persona of seat B")
    panel: tuple[Slug, ...] = Field(default=(), max_length=8, description="personas of seats C, D, …")
    strength: Share | None = Field(
        default=None, description="bias strength of every biased seat; None: its own"
    )
    rounds: int = Field(default=3, ge=1, le=20)
    until_agreement: bool = Field(default=False, description="end early when nothing is contested")
    merge_rule: Annotated[str, open_choice(MERGE_RULE_NAMES)] = "mean-and-repair"
    order: Literal["as-seated", "reversed", "alternating"] = Field(
        default="as-seated", description="who proposes: seat A, the last seat, or each in turn by round"
    )
    simultaneous: bool = Field(default=False, description="all speak at once, seeing earlier rounds only")
    retrieval: Literal["on", "off", "prompt"] = Field(
        default="on", description="passages by retrieval, none, or the framework's whole text in the prompt"
    )
    passages: int = Field(default=6, ge=1, le=20, description="passages retrieved a turn")
    blind: tuple[Slug, ...] = Field(default=(), description="protected attributes hidden from every seat")
    model: ModelName = Field(
        default="reference", description="`reference`, or a chat model such as openai:NAME"
    )
    opponent_model: ModelName | None = Field(
        default=None, description="model of every other seat; None: the same"
    )
    mediator_model: ModelName | None = Field(
        default=None, description="model of the `llm` merge rule; None: model"
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="sent to chat models only if set")
    max_output_tokens: int | None = Field(
        default=None, ge=16, le=1_000_000, description="cap on one reply, if set"
    )
    concession: Literal["linear", "boulware", "conceder", "tit-for-tat"] = "linear"
    exponent: float | None = Field(
        default=None, gt=0, le=100, description="concession exponent; None: the policy's"
    )
    floor: Share | None = Field(
        default=None, description="how far up a seat holds out: worst offer 0, own best 1; None: the policy's"
    )
    persuasion: Share = Field(default=0.0, description="ρ of seat A, reference only")
    opponent_persuasion: Share = Field(default=0.0, description="ρ of every other seat, reference only")
    review: bool = Field(default=False, description="pause at the mediator for a person's word")
    seed: int = Field(default=1, ge=0, lt=2**31)
    replicate: int = Field(default=0, ge=0, lt=2**31, description="tells identical reruns apart")

    @field_validator("blind")
    @classmethod
    def _each_once(cls, blind: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(blind)))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.merge_rule not in MERGE_RULE_NAMES:
            raise ValueError(
                f"merge_rule: no rule '{self.merge_rule}'; there are {', '.join(MERGE_RULE_NAMES)}"
            )
        if self.merge_rule == "llm" and (self.mediator_model or self.model) == "reference":
            raise ValueError(
                "merge_rule: llm needs a model; give mediator_model, or model other than reference"
            )
        return self

    @property
    def model_seed(self) -> int:
        """The seed sent to models: the run's, and another for every replicate."""
        return (self.seed + 1_000_003 * self.replicate) % 2**31

    @property
    def models(self) -> list[str]:
        """Every chat model that the debate calls, the mediator's too; empty where all is computed here."""
        mediator = [self.mediator_model or self.model] if self.merge_rule == "llm" else []
        return [
            m
            for m in dict.fromkeys([*(model for _, _, model, _ in self.seated()), *mediator])
            if m != "reference"
        ]

    def seated(self) -> list[tuple[str, str, str, float]]:
        """(seat, persona, model, persuasion) in the order seated: A, B, then the panel."""
        other = self.opponent_model or self.model
        rest = [(p, other, self.opponent_persuasion) for p in (self.opponent, *self.panel)]
        people = [(self.framework, self.model, self.persuasion), *rest]
        return [("ABCDEFGHIJ"[i], persona, model, rho) for i, (persona, model, rho) in enumerate(people)]

    def speaking(self, round_: int) -> list[str]:
        """Seats in the order they speak in a round (from 1)."""
        seats = [s for s, *_ in self.seated()]
        if self.order == "reversed":
            return seats[::-1]
        turn = (round_ - 1) % len(seats) if self.order == "alternating" else 0
        return seats[turn:] + seats[:turn]
