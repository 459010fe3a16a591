"""What the steps of a dilemma share: plain JSON, so that every checkpoint can be read anywhere."""

from __future__ import annotations

from operator import add
from typing import Annotated, Any

from typing_extensions import TypedDict

Json = dict[str, Any]


def joined(before: list[str], more: list[str]) -> list[str]:
    """What was there, and what is new."""
    return [*before, *(m for m in dict.fromkeys(more) if m not in before)]


class Dilemma(TypedDict, total=False):
    """The state that the commons and games have in common. Lists with a reducer grow; all else is replaced."""

    scenario: str | None  # the input, read and cleared by `brief`, so that a thread can be run again
    case: Json  # the scenario
    settings: Json  # copied here because context is not checkpointed
    seats: list[Json]  # DilemmaSeat
    run_id: str
    step: int  # the month or round under way, from 1
    now: Json  # what the step under way is like: seen by seats, by the law, and what came of it so far
    so_far: Json  # Told, of the step under way
    told: Annotated[list[Json], add]  # Told, of steps that are over
    own: dict[str, list[Json]]  # seat -> Own, of steps that are over
    moves: Annotated[list[Json], add]  # DilemmaMove, of the step under way
    law: int | None  # place in `laws` of the one in force
    laws: list[Json]  # LawInForce
    proposal: Json | None  # before the vote
    books: Json
    violations: dict[str, int]
    lasts: dict[str, Json]  # seat -> the last amount or action it really gave
    edges: Annotated[list[Json], add]
    usage: Annotated[list[Json], add]
    incidents: Annotated[list[Json], add]
    notes: Annotated[list[str], joined]  # on what exact play rests
    models: Annotated[list[list[str]], add]  # [seat, what its server said it ran]
    group: list[str]  # of a step that is sent: whom it asks
    record: Json
