"""What can be set about any dilemma: who sits there with what concern, what may be agreed, who speaks for a seat."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from negotiators.dilemma import Regime
from nodes.settings import ModelName, open_choice
from personas.concern import LEAST, Degree
from personas.load import CONCERNS, shipped
from scenarios.contracts import Contract
from scenarios.model import Model, Slug

ConcernName = Annotated[Slug, open_choice(shipped(CONCERNS))]
Dial = Annotated[
    Degree,
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": LEAST}, {"type": "string", "const": "infinite"}]}
    ),
]

Declared = Literal["private", "declared", "false"]
"""Nobody is told who is prosocial; everybody is told truly; the selfish say that they are prosocial."""


class DilemmaTable(Model):
    """The settings that every dilemma has. Everything here is data: no path, no address, no key."""

    regime: Regime = Field(
        default="enforced",
        description="none: talk alone; spoken: a contract that nobody enforces; enforced; best: the best law there is",
    )
    prosocial: int = Field(
        default=0, ge=0, le=12, description="how many seats are prosocial; which ones, the seed draws"
    )
    selfish_as: ConcernName = Field(default="selfish", description="persona of the other seats")
    prosocial_as: ConcernName = Field(default="prosocial", description="persona of the prosocial seats")
    concern: Dial | None = Field(
        default=None, description="λ of the prosocial seats, who are then `graded`; None: their persona's"
    )
    concerns: tuple[Dial, ...] = Field(
        default=(), max_length=12, description="λ of every seat, dealt out by the seed; instead of the above"
    )
    declared: Declared = Field(
        default="private", description="whether seats are told who is prosocial, and whether that is true"
    )
    law: Slug | None = Field(
        default=None, description="a shipped contract that is in force from the start (spoken, enforced)"
    )
    contract: Contract | None = Field(
        default=None, description="the same with a contract of your own, whole; instead of `law`"
    )
    quorum: int | None = Field(
        default=None, ge=1, le=12, description="votes that adopt a contract; None: four of five, rounded up"
    )
    negotiate: bool = Field(
        default=True, description="whether contracts may be proposed; no: `law` alone stands"
    )
    talk: bool = Field(default=True, description="whether seats speak before they negotiate")
    equilibrium: Literal["best", "worst"] = Field(
        default="best", description="which one reference seats play, where there are several"
    )
    model: ModelName = Field(
        default="reference", description="`reference`, or a chat model such as openai:NAME"
    )
    prosocial_model: ModelName | None = Field(
        default=None, description="model of the prosocial seats; None: the same"
    )
    coder_model: ModelName | None = Field(
        default=None,
        description="model that writes down as clauses what a seat proposes in words; None: the seat",
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="sent to chat models only if set")
    max_output_tokens: int | None = Field(
        default=None, ge=16, le=1_000_000, description="cap on one reply, if set"
    )
    seed: int = Field(default=1, ge=0, lt=2**31)
    replicate: int = Field(default=0, ge=0, lt=2**31, description="tells identical reruns apart")

    @field_validator("concern", mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return _infinite(value)

    @field_validator("concerns", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return tuple(_infinite(v) for v in value) if isinstance(value, list | tuple) else value

    @field_validator("concern", "concerns")
    @classmethod
    def _on_the_dial(cls, value: Any) -> Any:
        for degree in value if isinstance(value, tuple) else (value,):
            if isinstance(degree, float) and not LEAST <= degree < float("inf"):
                raise ValueError(f"{degree:g} is off the dial; give λ from {LEAST:g}, or infinite")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.concerns and (self.prosocial or self.concern is not None):
            raise ValueError("concerns: says every seat's λ; leave prosocial and concern out")
        if self.law is not None and self.contract is not None:
            raise ValueError("law: a contract is given too; keep one of them")
        if self.given and self.regime in ("none", "best"):
            raise ValueError(f"law: the regime is {self.regime}; set regime to spoken or enforced")
        return self

    @property
    def given(self) -> bool:
        """Whether a contract is in force from the start."""
        return self.law is not None or self.contract is not None

    @property
    def model_seed(self) -> int:
        """The seed sent to models: the run's, and another for every replicate."""
        return (self.seed + 1_000_003 * self.replicate) % 2**31

    @property
    def models(self) -> list[str]:
        """Every chat model that may be called; empty where all is computed here."""
        named = [
            self.model,
            *([self.prosocial_model or self.model] if self.prosocial or self.concerns else []),
        ]
        seated = [m for m in dict.fromkeys(named) if m != "reference"]
        coder = [self.coder_model] if self.coder_model not in (None, "reference") and seated else []
        return list(dict.fromkeys([*seated, *(m for m in coder if m)]))


def _infinite(value: Any) -> Any:
    """`inf` and `.inf`, as a terminal and YAML write it, as the word that JSON keeps."""
    if value in ("inf", "infinity", ".inf") or value == float("inf"):
        return "infinite"
    return value
