"""What is kept of a run: the run record, one JSON document, and the only thing that `evals` reads.

`Record` is what every setting keeps; here is the debate's own. Those of the commons and of games stand in
`nodes.commons.record` and `nodes.games.record`, all of them together in `nodes.records`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from negotiators.protocol import Incident, Move, Passage, Usage
from nodes.findings.emergence import Emergence
from nodes.settings import Table
from personas.persona import Persona, Values
from scenarios.measures import MEASURES
from scenarios.model import Model
from scenarios.ward import Allocation, Ward

SCHEMA_VERSION = "1.0"


class Seat(Model):
    """A place at the table: its persona, its negotiator, for `chat` its model, and the values it declares."""

    seat: str
    persona: Persona
    negotiator: Literal["reference", "chat"]
    model: str | None = None
    server: str | None = Field(
        default=None, description="scheme and host of the model's server, if one was named"
    )
    policy: dict[str, Any] = Field(default_factory=dict, description="of a reference seat: concession, ρ")
    declared: Values = Field(default_factory=dict)


class EdgeEvent(Model):
    """One transition of the graph: who moved, what changed, which strategy that was."""

    index: int
    source: str
    target: str
    round: int
    seat: str | None = None
    persona: str | None = None
    strategy: str | None = Field(default=None, description="headline of what the move did")
    step: str | None = Field(default=None, description="step class (Hindriks, Jonker & Tykhonov 2007)")
    delta_own: float | None = Field(
        default=None, description="change of its own declared utility by its move"
    )
    delta_other: float | None = None
    cells: dict[str, str] = Field(default_factory=dict, description="contested cell -> hold, contest, …")
    delta: dict[str, tuple[float | None, float | None]] = Field(
        default_factory=dict, description="cell -> (before, after), changed cells alone"
    )


class Solo(Model):
    """What a seat would do with nobody opposite, and what it had retrieved for that."""

    move: Move
    retrieved: list[Passage] = Field(default_factory=list)


class Round(Model):
    """One round: what was retrieved, the moves in the order spoken, the merge, what is still contested."""

    round: int
    retrieved: dict[str, list[Passage]] = Field(default_factory=dict)
    moves: list[Move]
    joint: Allocation
    marginals: Allocation | None = Field(
        default=None, description="chances of the lottery, where one was drawn"
    )
    gap: float = Field(default=0.0, description="proven bound on how far the merge is from its optimum")
    notes: list[str] = Field(default_factory=list)
    amended: bool = Field(default=False, description="a person changed the merge")
    contested: list[str]
    overridden: dict[str, str] = Field(default_factory=dict, description="cell -> seat whose solo prevailed")


class Outcome(Model):
    """One allocation measured: raw and normalised measures, utilities by seat, criteria."""

    allocation: Allocation
    measures: dict[str, float | None]
    normalised: dict[str, float | None]
    utilities: dict[str, float] = Field(
        description="by seat, declared; a seat that wants nothing here has none"
    )
    criteria: dict[str, bool | None]


class Influence(Model):
    """Who moved whom: w(A) = <J − B, A − B> / ‖A − B‖², with the part that debate added."""

    joint: float
    joint_r2: float
    no_debate: float
    debate_added: float


class Record(Model):
    """What every run keeps. The date and versions stand in `provenance`, seconds in `usage`; all else is determined."""

    schema_version: str = SCHEMA_VERSION
    run_id: str
    setting: str
    status: Literal["complete", "invalid"] = Field(
        description="invalid: a seat made no valid move at all; such runs are counted apart, never filled in"
    )
    seed: int
    replicate: int
    edges: list[EdgeEvent]
    usage: list[Usage]
    incidents: list[Incident]
    provenance: dict[str, Any]


class RunRecord(Record):
    """The whole of one debate."""

    setting: Literal["triage"] = "triage"
    scenario: Ward
    seats: list[Seat]
    protocol: Table
    solo: dict[str, Solo]
    rounds: list[Round]
    exit_solo: dict[str, Solo]
    joint: Allocation | None
    no_debate: Allocation | None = Field(
        description="the same rule on the solos; None where a solo is missing"
    )
    measures: dict[str, Outcome] = Field(
        description="`solo:A`, …, `no_debate`, `round:1`, …, `joint`, `exit_solo:A`, …"
    )
    influence: Influence | None = Field(
        description="of the first two seats; None where their solos are alike"
    )
    emergence: Emergence | None
    lost_in_debate: list[str] = Field(
        description="criteria that the no-debate merge meets and the joint does not"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        criteria = next(iter(self.measures.values())).criteria.keys() if self.measures else set()
        for name, outcome in self.measures.items():
            if outcome.normalised.keys() != MEASURES.keys() or outcome.criteria.keys() != criteria:
                raise ValueError(f"measures.{name}: not the measures and criteria that the others have")
        if self.influence is not None and len(self.seats) < 2:
            raise ValueError("influence: told of one seat alone")
        return self


def canonical(data: Any) -> str:
    """Data as JSON with sorted keys and no spaces: what hashes are taken of."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(data: Any) -> str:
    """sha256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical(data).encode()).hexdigest()
