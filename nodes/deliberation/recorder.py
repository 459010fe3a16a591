"""What came of a deliberation: the plan written out, everything measured, in one document, written once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from negotiators.deliberation import Completion
from nodes.deliberation.asking import asked, costs, model_of
from nodes.deliberation.measures import benchmarks, measures
from nodes.deliberation.record import DeliberationRecord
from nodes.deliberation.sitting import Sitting, sitting, spoken
from nodes.deliberation.state import Deliberation
from nodes.record import EdgeEvent
from nodes.recorder import versions
from nodes.table.edges import emit, say
from nodes.table.journal import journal, put_away


async def complete(state: Deliberation) -> dict[str, Any]:
    """The first seat writes the plan out, from the prompt, the personas and the dialogue."""
    sat = sitting(state)
    dialogue, verdicts = spoken(state)
    view = sat.closing(dialogue, verdicts)
    model = model_of(sat, view.seat)
    said = await asked(
        sat, view.seat, "complete", view.round, model, lambda pay: sat.speaker(model).complete(view, pay=pay)
    )
    assert isinstance(said.what, Completion)
    say(f"{sat.name(view.seat)} writes the plan down", kind="completion", words=said.what.text)
    edge = EdgeEvent(
        index=len(state["edges"]),
        source="complete",
        target="record",
        round=view.round,
        seat=view.seat,
        persona=sat.seats[view.seat].persona.name,
        strategy="complete",
    )
    edges = await asyncio.to_thread(emit, sat, [edge])
    return {"completion": said.what.model_dump(mode="json"), "edges": edges, **costs(said, view.seat)}


async def record(state: Deliberation) -> dict[str, Any]:
    """Measure the dialogue and write the run record beside the journal."""
    sat = sitting(state)
    document = await asyncio.to_thread(recorded, state, sat)
    path = await asyncio.to_thread(_written, sat, document)
    say(f"recorded: {path}", kind="record", run_id=sat.run_id, path=str(path))
    return {"record": document.model_dump(mode="json")}


def recorded(state: Deliberation, sat: Sitting) -> DeliberationRecord:
    """The run record of a finished state."""
    dialogue, verdicts = spoken(state)
    completion = None if state["completion"] is None else Completion.model_validate(state["completion"])
    heard = [s for s in sat.talking if any(u.seat == s and u.text for u in dialogue)]
    complete = len(heard) == len(sat.talking) and (completion is not None or not sat.settings.alone)
    if completion is not None and completion.status == "abstained":
        complete = False
    return DeliberationRecord(
        run_id=sat.run_id,
        status="complete" if complete else "invalid",
        scenario=sat.dilemma,
        seats=list(sat.seats.values()),
        protocol=sat.settings,
        dialogue=dialogue,
        verdicts=verdicts,
        completion=completion,
        measures=measures(sat, dialogue, verdicts, completion) if complete else {},
        benchmarks=benchmarks(sat),
        seed=sat.settings.seed,
        replicate=sat.settings.replicate,
        edges=state["edges"],
        usage=state["usage"],
        incidents=state["incidents"],
        provenance=_provenance(sat, state),
    )


def _written(sat: Sitting, document: DeliberationRecord) -> Any:
    path = journal(sat.run_id).finish(document)
    journal(sat.run_id).append("finished", run_id=sat.run_id, status=document.status)
    put_away(sat.run_id)
    return path


def _provenance(sat: Sitting, state: Deliberation) -> dict[str, Any]:
    out: dict[str, Any] = {
        "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
    }
    if sat.settings.models:
        from negotiators.chat import prompt_hashes

        named: dict[str, list[str]] = {}
        for who, model in state["models"]:
            if model not in named.setdefault(who, []):
                named[who].append(model)
        out |= {"prompts": prompt_hashes("deliberation"), "models": named}
    return out
