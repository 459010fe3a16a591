"""What do the records of the commons and of games have in common: seats, laws, payments, who ended up with what?"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from negotiators.dilemma import Proposal
from nodes.record import Record
from personas.concern import Concern, Degree
from scenarios.model import Model


class DilemmaSeat(Model):
    """A place at the table: its persona with its λ, what it claims to be, its negotiator, for `chat` its model."""

    seat: str
    persona: Concern
    prosocial: bool = Field(
        description="whether it is one of the prosocial seats (with `concerns`: λ above 0)"
    )
    claims: str | None = Field(default=None, description="the persona it is announced as; None: private")
    claims_concern: Degree | None = Field(default=None, description="λ of what it is announced as")
    negotiator: Literal["reference", "chat"]
    model: str | None = None
    server: str | None = None
    policy: dict[str, Any] = Field(default_factory=dict, description="of a reference seat: how it plays")


class Bite(Model):
    """Where a law made a difference: a clause that stopped, changed or charged somebody."""

    clause: int = Field(description="from 1, as read back; 0 for a law that is no contract")
    kind: str
    seat: str
    before: float | str | None = None
    after: float | str | None = None


class LawInForce(Model):
    """A contract that was adopted, or given: since which step, by which votes."""

    since: int = Field(description="first step it was in force")
    proposal: Proposal
    votes: dict[str, bool | None] = Field(default_factory=dict, description="{} for one that was given")


class Ledger(Model):
    """The books at the end: what each party gained by payments, what left the table. Their sum is 0."""

    parties: dict[str, float]
    burnt: float = 0.0
    pot: float = Field(default=0.0, description="0 at the end: what is left is handed back")


class Payoffs(Model):
    """What every seat ended up with, by itself and net of payments, in units of the scenario."""

    gross: dict[str, float]
    net: dict[str, float]


class DilemmaRecord(Record):
    """What is kept of a season and of a game alike."""

    seats: list[DilemmaSeat]
    laws: list[LawInForce] = Field(description="in the order they came into force")
    ledger: Ledger
    payoffs: Payoffs | None = Field(description="None where the run is invalid")
    measures: dict[str, float | None] = Field(description="undefined is None, never 0")
    benchmarks: dict[str, float | None] = Field(
        description="exact baselines: what was attainable, with the best law, with no law at all"
    )
    notes: list[str] = Field(
        default_factory=list, description="what the exact play behind reference seats rests on"
    )
