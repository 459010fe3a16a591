"""What the steps of a debate share: plain JSON, so that every checkpoint can be read anywhere."""

from __future__ import annotations

from operator import add
from typing import Annotated, Any

from typing_extensions import TypedDict

Json = dict[str, Any]


class DebateInput(TypedDict, total=False):
    """A scenario's name, or a whole ward; an empty input runs the default."""

    scenario: str
    ward: Json


class Debate(TypedDict, total=False):
    """The state of one debate. Lists with a reducer grow; everything else is replaced."""

    scenario: str | None  # the input, read and cleared by `brief`, so that a thread can be run again
    ward: Json | None
    case: Json  # the ward as its author wrote it; seats see it blinded
    settings: Json  # a Table: copied here because context is not checkpointed
    seats: list[Json]  # Seat, with the values it declares
    run_id: str
    solo: dict[str, Json]  # seat -> Move
    solo_retrieved: dict[str, list[Json]]  # seat -> Passages
    retrieved: dict[str, list[Json]]  # seat -> Passages, of the round under way
    moves: list[Json]  # of the round under way, in the order spoken
    rounds: Annotated[list[Json], add]  # finished rounds
    contested: list[str]  # cells `patient.resource`
    joint: Json | None
    exit_solo: dict[str, Json]
    edges: Annotated[list[Json], add]
    usage: Annotated[list[Json], add]
    incidents: Annotated[list[Json], add]
    models: dict[str, list[str]]  # seat -> what the servers said they ran
    record: Json
