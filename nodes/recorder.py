"""What happened, in one document: everything of the run is measured and written, once, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from negotiators.protocol import Incident, Usage
from nodes.brief import corpus_of
from nodes.findings.emergence import Emergence, criteria, emergence
from nodes.findings.strategy import influence
from nodes.mediator import bargain_of, merged_by_rule
from nodes.record import EdgeEvent, Influence, Outcome, Round, RunRecord, Solo
from nodes.state import Debate
from nodes.table.edges import say
from nodes.table.journal import journal, put_away
from nodes.table.seats import Sitting, last_valid_moves, sitting
from scenarios.measures import raw_measures
from scenarios.objective import Objective
from scenarios.optimum import normalised_measures
from scenarios.ward import Allocation, Array, Ward


async def record(state: Debate) -> dict[str, Any]:
    """Measure every allocation of the run and write the run record beside the journal."""
    sat = sitting(state)
    say("measuring what came of it", kind="measuring")
    no_debate, incidents, usage = await merge_of_solos(state, sat)
    spent: Debate = {
        **state,
        "incidents": state["incidents"] + incidents,
        "usage": state["usage"] + usage,
    }
    document = await asyncio.to_thread(recorded, spent, sat, no_debate)
    path = await asyncio.to_thread(journal(sat.run_id).finish, document)
    await asyncio.to_thread(journal(sat.run_id).append, "finished", run_id=sat.run_id, status=document.status)
    put_away(sat.run_id)
    say(f"recorded: {path}", kind="record", run_id=sat.run_id, path=str(path))
    return {"record": document.model_dump(mode="json")}


def recorded(state: Debate, sat: Sitting, no_debate: Allocation | None) -> RunRecord:
    """The run record of a finished state."""
    rounds = [Round.model_validate(r) for r in state["rounds"]]
    solos = _solos(state, "solo")
    exits = _solos(state, "exit_solo")
    complete = bool(state["exit_solo"])
    joint = rounds[-1].joint if rounds and complete else None
    allocations = _allocations(solos, rounds, exits, no_debate, joint)
    outcomes = {name: outcome(sat, x) for name, x in allocations.items()}
    return RunRecord(
        run_id=sat.run_id,
        status="complete" if complete else "invalid",
        scenario=sat.ward,
        seats=list(sat.seats.values()),
        protocol=sat.settings,
        seed=sat.settings.seed,
        replicate=sat.settings.replicate,
        solo=solos,
        rounds=rounds,
        exit_solo=exits,
        joint=joint,
        no_debate=no_debate,
        measures=outcomes,
        influence=_influence(sat, solos, joint, no_debate),
        emergence=_emergence(sat, solos, joint, no_debate),
        lost_in_debate=lost_in_debate(outcomes),
        edges=[EdgeEvent.model_validate(e) for e in state["edges"]],
        usage=[Usage.model_validate(u) for u in state["usage"]],
        incidents=[Incident.model_validate(i) for i in state["incidents"]],
        provenance=provenance(sat, state),
    )


def _solos(state: Debate, which: str) -> dict[str, Solo]:
    moves: dict[str, Any] = state.get(which, {})  # type: ignore[assignment]
    return {
        s: Solo.model_validate({"move": m, "retrieved": state["solo_retrieved"].get(s, [])})
        for s, m in moves.items()
    }


async def merge_of_solos(
    state: Debate, sat: Sitting
) -> tuple[Allocation | None, list[dict[str, Any]], list[dict[str, Any]]]:
    """The no-debate merge, with its incidents and usage: the same rule, the same seed, on the solos.

    None where a seat has no solo.
    """
    before: Debate = {**state, "rounds": [], "moves": []}
    solos = last_valid_moves(before, sat)
    if len(solos) < len(sat.seats):
        return None, [], []
    merged, incidents, usage = await merged_by_rule(sat, bargain_of(sat, before, solos), solos, 0)
    return sat.ward.allocation(merged.allocation), incidents, usage


def _allocations(
    solos: Mapping[str, Solo],
    rounds: list[Round],
    exits: Mapping[str, Solo],
    no_debate: Allocation | None,
    joint: Allocation | None,
) -> dict[str, Allocation]:
    named: dict[str, Allocation | None] = {f"solo:{s}": x.move.allocation for s, x in solos.items()}
    named["no_debate"] = no_debate
    named |= {f"round:{r.round}": r.joint for r in rounds}
    named["joint"] = joint
    named |= {f"exit_solo:{s}": x.move.allocation for s, x in exits.items()}
    return {name: x for name, x in named.items() if x is not None}


def outcome(sat: Sitting, allocation: Allocation) -> Outcome:
    """One allocation measured: in the ward as it is, but utilities as the seats see it."""
    return measured(sat.ward, sat.shown, allocation, {s: sat.utility(s) for s in sat.seats if sat.wants(s)})


def measured(ward: Ward, shown: Ward, allocation: Allocation, utilities: Mapping[str, Objective]) -> Outcome:
    """One allocation measured in the ward; utilities, by seat, are taken over the ward as shown."""
    x = ward.array(allocation)
    return Outcome(
        allocation=allocation,
        measures={k: _number(v) for k, v in raw_measures(ward, x).items()},
        normalised={k: _number(v) for k, v in normalised_measures(ward, x).items()},
        utilities={s: round(u.value(shown, x), 9) for s, u in utilities.items()},
        criteria=criteria(ward, x),
    )


def _number(value: float | None) -> float | None:
    """A number as the record keeps it: missing stays missing, noise beyond 1e-9 goes."""
    return None if value is None or value != value else round(float(value), 9)


def lost_in_debate(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Criteria that the no-debate merge meets and the joint allocation does not: what debate cost."""
    if "joint" not in outcomes or "no_debate" not in outcomes:
        return []
    joint, merged = outcomes["joint"].criteria, outcomes["no_debate"].criteria
    return [c for c, met in joint.items() if met is False and merged[c]]


def _arrays(sat: Sitting, solos: Mapping[str, Solo]) -> dict[str, Array]:
    return {s: sat.ward.array(x.move.allocation) for s, x in solos.items() if x.move.allocation is not None}


def _influence(
    sat: Sitting, solos: Mapping[str, Solo], joint: Allocation | None, no_debate: Allocation | None
) -> Influence | None:
    alone = list(_arrays(sat, solos).values())
    if joint is None or no_debate is None:
        return None
    of_joint = influence(alone[0], alone[1], sat.ward.array(joint))
    of_merge = influence(alone[0], alone[1], sat.ward.array(no_debate))
    if of_joint is None or of_merge is None:
        return None
    numbers = (of_joint[0], of_joint[1], of_merge[0], of_joint[0] - of_merge[0])
    return Influence(
        **dict(
            zip(
                ("joint", "joint_r2", "no_debate", "debate_added"),
                (round(n, 9) for n in numbers),
                strict=True,
            )
        )
    )


def _emergence(
    sat: Sitting, solos: Mapping[str, Solo], joint: Allocation | None, no_debate: Allocation | None
) -> Emergence | None:
    if joint is None or no_debate is None:
        return None
    return emergence(
        sat.shown,
        solos=_arrays(sat, solos),
        joint=sat.ward.array(joint),
        no_debate=sat.ward.array(no_debate),
        values={s: at.declared for s, at in sat.seats.items()},
        seed=sat.settings.seed,
    )


def provenance(sat: Sitting, state: Debate) -> dict[str, Any]:
    """What made the run: versions, hashes of prompts and corpus, what the models' servers said they ran."""
    out: dict[str, Any] = {
        "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
    }
    if sat.settings.retrieval != "off" and any(s.persona.aligned for s in sat.seats.values()):
        out["corpus"] = corpus_of(sat.settings, sat.seats.values())
    if sat.settings.models:
        from negotiators.chat import prompt_hashes

        out["prompts"], out["models"] = prompt_hashes(), state["models"]
    return out


@cache
def versions() -> dict[str, str]:
    """Versions of Parley, Python and the parts that decide a result."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    out = {"python": platform.python_version()}
    for package in (
        "parley",
        "langgraph",
        "langchain-core",
        "langchain-openai",
        "numpy",
        "scipy",
        "clarabel",
        "onnxruntime",
    ):
        try:
            out[package] = version(package)
        except PackageNotFoundError:
            continue
    return out
