"""How does a deliberation begin: the dilemma and the settings are checked, the seats filled, the run named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import Command, Overwrite

from nodes.deliberation.record import DeliberationSeat
from nodes.deliberation.settings import DeliberationTable
from nodes.deliberation.sitting import Sitting, seat_everyone
from nodes.deliberation.state import Deliberation
from nodes.dilemma.opening import another_replicate
from nodes.record import SCHEMA_VERSION, EdgeEvent, digest
from nodes.table.edges import emit, say
from nodes.table.equipment import chat, equipment
from nodes.table.journal import journal
from scenarios.dilemmas import Dilemma, load
from scenarios.dilemmas.load import DEFAULT, parse_dilemma
from scenarios.errors import ParleyError

Json = dict[str, Any]

PAID = {"temperature", "completion_temperature", "judge_temperature", "top_p", "max_output_tokens", "clauses"}
"""Settings that determine a run only where a model is called."""

NAMED = {"model", "opponent_model", "mediator_model", "judge"}
"""Settings that determine a run through its seats, its mediator and its judge."""


def brief(state: Deliberation, runtime: Runtime[DeliberationTable]) -> Command[Literal["speak", "complete"]]:
    """Check what is asked for, seat everyone, name the run, and start its record afresh."""
    settings = runtime.context or DeliberationTable()
    dilemma = dilemma_of(state)
    seats = seat_everyone(settings)
    for model in settings.models:  # one that cannot be built is said before anything is begun
        chat(model, None, settings.max_output_tokens)
    settings, run_id = another_replicate(
        settings, state.get("record"), lambda table: name_run(dilemma, table)
    )
    sat = Sitting(settings, dilemma, {s.seat: s for s in seats}, run_id)
    journal(run_id).append(
        "started", run_id=run_id, scenario=dilemma.name, settings=settings.model_dump(mode="json")
    )
    target: Literal["speak", "complete"] = "complete" if settings.alone else "speak"
    edges = emit(sat, [EdgeEvent(index=0, source="brief", target=target, round=1)])
    say(_opening(sat), kind="brief", run_id=run_id)
    update: Json = {
        "scenario": None,
        "dilemma": None,
        "case": dilemma.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "seats": [s.model_dump(mode="json") for s in seats],
        "run_id": run_id,
        "completion": None,
        **{n: Overwrite([]) for n in ("dialogue", "verdicts", "usage", "incidents", "models")},
        "edges": Overwrite(edges),
    }
    return Command(goto=target, update=update)


def dilemma_of(state: Mapping[str, Any]) -> Dilemma:
    """The dilemma that an input gives or names; the default for an empty input. A request names no files."""
    given, name = state.get("dilemma"), state.get("scenario") or DEFAULT
    if given and state.get("scenario"):
        raise ParleyError("both `scenario` and `dilemma` are given; send one of them")
    return parse_dilemma(given, "dilemma") if given else load(name, files=False)


def name_run(dilemma: Dilemma, settings: DeliberationTable) -> str:
    """The run's id: the dilemma's name and a hash of all that determines the run, so that equal runs share it.

    Raises ParleyError for a dilemma that these seats cannot bargain over, or this judge cannot read.
    """
    _can_be_judged(dilemma, settings)
    determines: Json = {
        "schema": SCHEMA_VERSION,
        "scenario": dilemma.model_dump(mode="json"),
        "protocol": settings.model_dump(mode="json", exclude=PAID | NAMED),
        "seats": [s.model_dump(mode="json") for s in seat_everyone(settings)],
        "judge": None if settings.alone else settings.judging,
        "mediator": settings.mediating_model if settings.mediator else None,
    }
    if settings.models:
        from negotiators.chat import prompt_hashes

        determines["prompts"] = prompt_hashes("deliberation")
        determines["sampling"] = settings.model_dump(mode="json", include=PAID)
        determines["server"] = digest(equipment().base_url)
    return f"{dilemma.name[:40]}-{digest(determines)[:12]}"


def _can_be_judged(dilemma: Dilemma, settings: DeliberationTable) -> None:
    """A dilemma of words alone has no clauses that a reference seat or the rule could read."""
    if dilemma.issues:
        return
    speaks = [*settings.seat_models, *([settings.mediating_model] if settings.mediator else [])]
    if "reference" in speaks:
        raise ParleyError(
            f"dilemma '{dilemma.name}' has no issues to bargain over; give it some, or seats of a model (--model)"
        )
    if not settings.alone and settings.judging == "rule":
        raise ParleyError(
            f"dilemma '{dilemma.name}' has no issues that the rule could read; name a judge (--judge)"
        )


def _opening(sat: Sitting) -> str:
    people: Sequence[DeliberationSeat] = list(sat.seats.values())
    if sat.settings.alone:
        return (
            f"{sat.dilemma.goal}: {people[0].seat} alone, for {' and '.join(p.persona.name for p in people)}"
        )
    who = ", ".join(sat.name(s.seat) for s in people)
    mediated = ", a mediator" if sat.settings.mediator else ""
    rounds = "1 round" if sat.settings.rounds == 1 else f"{sat.settings.rounds} rounds"
    return f"{sat.dilemma.goal}: {who}{mediated}; at most {rounds}"
