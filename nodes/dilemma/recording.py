"""What do the records of the commons and of games keep alike: what it cost, who got what, what it rests on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nodes.dilemma.edges import untold
from nodes.dilemma.record import DilemmaRecord
from nodes.dilemma.sitting import Sitting
from nodes.recorder import versions
from nodes.table.edges import say
from nodes.table.journal import journal, put_away

Measured = dict[str, float | None]

LEAST_GAIN = 0.05
"""Of what was attained without a contract: where the best law adds less, no share of it is told."""


async def finished(sat: Sitting, document: DilemmaRecord) -> dict[str, Any]:
    """Write the record beside the journal, whole or not at all, and say so."""
    record = document.model_dump(mode="json")
    path = await asyncio.to_thread(_written, sat, document, record["edges"])
    say(f"recorded: {path}", kind="record", run_id=sat.run_id, path=str(path))
    return {"record": record}


def _written(sat: Sitting, document: DilemmaRecord, edges: list[Any]) -> Any:
    path = journal(sat.run_id).finish(document)
    if left := untold(sat, edges):
        journal(sat.run_id).append("edges", edges=left)
    journal(sat.run_id).append("finished", run_id=sat.run_id, status=document.status)
    put_away(sat.run_id)
    return path


def kept(state: Mapping[str, Any], sat: Sitting, *, complete: bool) -> dict[str, Any]:
    """The fields of a record that stand in the state as they are."""
    return {
        "run_id": sat.run_id,
        "status": "complete" if complete else "invalid",
        "seats": list(sat.seats.values()),
        "laws": state["laws"],
        "seed": sat.settings.seed,
        "replicate": sat.settings.replicate,
        "edges": state["edges"],
        "usage": state["usage"],
        "incidents": state["incidents"],
        "notes": state["notes"],
        "provenance": provenance(sat, state),
    }


def provenance(sat: Sitting, state: Mapping[str, Any]) -> dict[str, Any]:
    """What made the run: versions, hashes of prompts, what the models' servers said they ran."""
    out: dict[str, Any] = {
        "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
    }
    if sat.settings.models:
        from negotiators.chat import prompt_hashes

        named: dict[str, list[str]] = {}
        for seat, model in state["models"]:
            if model not in named.setdefault(seat, []):
                named[seat].append(model)
        out |= {"prompts": prompt_hashes("dilemma"), "models": named}
    return out


def by_type(sat: Sitting, net: Mapping[str, float]) -> dict[str, list[float]]:
    """Net payoffs of the prosocial seats and of the others."""
    out: dict[str, list[float]] = {"prosocial": [], "selfish": []}
    for seat, at in sat.seats.items():
        out["prosocial" if at.prosocial else "selfish"].append(net[seat])
    return out


def of_payoffs(types: Mapping[str, list[float]]) -> Measured:
    """Mean net payoff of each type, None where nobody is of it, and the advantage: selfish less prosocial."""
    means: Measured = {kind: sum(got) / len(got) if got else None for kind, got in types.items()}
    selfish, prosocial = means["selfish"], means["prosocial"]
    both = None if selfish is None or prosocial is None else selfish - prosocial
    return {"payoff_prosocial": prosocial, "payoff_selfish": selfish, "advantage": both}


def share_written(net: float, without: float | None, best: float | None) -> float | None:
    """(W − W without a law) / (W under the best law − W without): how much of it was written down and kept.

    1 is all, 0 nothing, below 0 harm; None where the best law hardly adds anything.
    """
    if without is None or best is None or best - without <= LEAST_GAIN * max(1.0, abs(without)):
        return None
    return (net - without) / (best - without)
