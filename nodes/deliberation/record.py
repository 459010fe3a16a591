"""What is kept of a deliberation: who sat there, every word in order, every verdict, the plan that came of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from negotiators.deliberation import Completion, Utterance, Verdict
from nodes.deliberation.settings import DeliberationTable
from nodes.record import Record
from personas.opposing import Pole
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.model import Model


class DeliberationSeat(Model):
    """A place at the table: its persona and the pair that it is of, its negotiator, for `chat` its model."""

    seat: str
    persona: Pole
    pair: str
    negotiator: Literal["reference", "chat"]
    model: str | None = None
    server: str | None = None
    policy: dict[str, Any] = Field(default_factory=dict, description="of a reference seat: how it gives way")


class DeliberationRecord(Record):
    """The whole of one deliberation."""

    setting: Literal["deliberation"] = "deliberation"
    scenario: Dilemma
    seats: list[DeliberationSeat]
    protocol: DeliberationTable
    dialogue: list[Utterance] = Field(description="in the order spoken; empty where one agent wrote alone")
    verdicts: list[Verdict] = Field(description="one a round")
    completion: Completion | None = Field(description="None where the seats did not agree")
    measures: dict[str, float | None] = Field(description="undefined is None, never 0")
    benchmarks: dict[str, float | None] = Field(
        description="exact: the best that any plan reaches, where the personas have values and the dilemma clauses"
    )

    @property
    def agreed(self) -> bool | None:
        """Whether the seats agreed; None where they were not asked to, or their last judge failed."""
        return self.verdicts[-1].agreed if self.verdicts else None
