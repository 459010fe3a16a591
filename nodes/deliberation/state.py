"""What the steps of a deliberation share: plain JSON, so that every checkpoint can be read anywhere."""

from __future__ import annotations

from operator import add
from typing import Annotated, Any

from typing_extensions import TypedDict

Json = dict[str, Any]


class DeliberationInput(TypedDict, total=False):
    """A dilemma's name, or a whole dilemma; an empty input runs the default."""

    scenario: str
    dilemma: Json


class Deliberation(TypedDict, total=False):
    """The state of one deliberation. Lists with a reducer grow; all else is replaced."""

    scenario: str | None  # the input, read and cleared by `brief`, so that a thread can be run again
    dilemma: Json | None
    case: Json  # the dilemma
    settings: Json  # copied here because context is not checkpointed
    seats: list[Json]  # DeliberationSeat
    run_id: str
    dialogue: Annotated[list[Json], add]  # Utterance, in the order spoken
    verdicts: Annotated[list[Json], add]  # Verdict, one a round
    completion: Json | None
    edges: Annotated[list[Json], add]
    usage: Annotated[list[Json], add]
    incidents: Annotated[list[Json], add]
    models: Annotated[list[list[str]], add]  # [seat, what its server said it ran]
    record: Json
