"""What becomes of the moves of a round: one merge, what is still contested, and what comes next."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Literal

from langgraph.types import Command, interrupt

from negotiators.protocol import Incident, Move
from nodes.findings.strategy import contested, overridden
from nodes.merging.rules import Bargain, Merged, merge, settle
from nodes.record import EdgeEvent, Round
from nodes.state import Debate
from nodes.table.edges import changes, emit, say
from nodes.table.seats import Sitting, last_valid_moves, sitting
from nodes.table.turns import payer
from scenarios.errors import ParleyError
from scenarios.ward import Allocation, Array


async def mediate(state: Debate) -> Command[Literal["retrieve", "exit_solo", "record"]]:
    """Merge the seats' last valid moves, then go on to the next round, the exit solos, or a person's review."""
    sat = sitting(state)
    round_ = len(state["rounds"]) + 1
    moves = last_valid_moves(state, sat)
    silent = [sat.name(s) for s in sat.seats if s not in moves]
    if silent:
        edge = EdgeEvent(index=len(state["edges"]), source="mediate", target="record", round=round_)
        edges = await asyncio.to_thread(emit, sat, [edge])
        return Command(goto="record", update={"incidents": [_no_move(round_, silent)], "edges": edges})
    bargain = bargain_of(sat, state, moves)
    merged, incidents, usage = await merged_by_rule(sat, bargain, moves, round_)
    amended = _review(sat, bargain, merged, round_) if sat.settings.review else None
    joint = sat.ward.allocation(merged.allocation if amended is None else amended)
    disputed = contested(sat.ward, bargain.moves)
    done = round_ >= sat.settings.rounds or (sat.settings.until_agreement and not disputed)
    target: Literal["exit_solo", "retrieve"] = "exit_solo" if done else "retrieve"
    kept = Round(
        round=round_,
        retrieved=state["retrieved"],
        moves=[Move.model_validate(m) for m in state["moves"]],
        joint=joint,
        marginals=None if merged.marginals is None else _chances(sat, merged.marginals),
        gap=merged.gap,
        notes=list(merged.notes),
        amended=amended is not None,
        contested=list(disputed),
        overridden=_overridden(sat, state, joint, moves),
    ).model_dump(mode="json")
    edge = EdgeEvent(
        index=len(state["edges"]),
        source="mediate",
        target=target,
        round=round_,
        strategy=sat.settings.merge_rule,
        delta=changes(sat.ward, state["joint"], joint),
    )
    say(
        f"round {round_}: merged by {sat.settings.merge_rule}, {len(disputed)} cells still contested",
        kind="joint",
        round=round_,
        joint=joint,
    )
    update: dict[str, Any] = {"rounds": [kept], "joint": joint, "contested": list(disputed), "moves": []}
    update |= {"incidents": incidents, "usage": usage, "edges": await asyncio.to_thread(emit, sat, [edge])}
    return Command(goto=target, update=update)


def bargain_of(sat: Sitting, state: Debate, moves: dict[str, Move]) -> Bargain:
    """The moves, solos and declared utilities as the merge rules take them, in the order seated."""
    arrays = {s: sat.ward.array(m.allocation or {}) for s, m in moves.items()}
    return Bargain(
        ward=sat.ward,
        moves=tuple(arrays.values()),
        solos=tuple(_solos(sat, state)),
        utilities=tuple(sat.utilities(arrays).values()),
        seed=sat.settings.seed,
        names=tuple(arrays),
    )


def _solos(sat: Sitting, state: Debate) -> list[Array]:
    """The solo allocations there are, in the order seated."""
    moves = [state["solo"][seat] for seat in sat.seats]
    return [sat.ward.array(m["allocation"]) for m in moves if m["allocation"] is not None]


async def merged_by_rule(
    sat: Sitting, bargain: Bargain, moves: dict[str, Move], round_: int
) -> tuple[Merged, list[dict[str, Any]], list[dict[str, Any]]]:
    """The merge of moves by the debate's rule, with the incidents and usage of a mediating model if there is one."""
    model = sat.mediator
    if model is None:
        return await asyncio.to_thread(merge, sat.settings.merge_rule, bargain), [], []
    cells = contested(sat.ward, bargain.moves)
    pay = payer(sat.run_id, "mediator", "mediate", round_)
    reply = await model.propose_merge(
        sat.shown, list(moves.values()), cells, pay=pay, seed=sat.settings.model_seed, round_=round_
    )
    where = {"seat": "mediator", "node": "mediate", "round": round_}
    incidents = [i.model_copy(update=where).model_dump(mode="json") for i in reply.incidents]
    usage = [reply.usage.model_copy(update={"seat": "mediator", "node": "mediate"}).model_dump(mode="json")]
    if (
        reply.move.allocation is None
    ):  # nothing could be parsed: the default rule settles, and the record says so
        fallback = await asyncio.to_thread(merge, "mean-and-repair", bargain)
        note = "the mediating model abstained: merged by mean-and-repair"
        return replace(fallback, notes=(*fallback.notes, note)), incidents, usage
    return await asyncio.to_thread(settle, bargain, sat.ward.array(reply.move.allocation)), incidents, usage


def _review(sat: Sitting, bargain: Bargain, merged: Merged, round_: int) -> Array | None:
    """Pause for a person: None if they accept, else their amended allocation, asked again until it is feasible."""
    question: dict[str, Any] = {
        "round": round_,
        "ask": "Accept the merge, or send an amended allocation (cells you leave out stay as merged).",
        "joint": sat.ward.allocation(merged.allocation),
        "contested": list(contested(sat.ward, bargain.moves)),
    }
    while True:
        answer = interrupt(question)
        if not isinstance(answer, dict) or not ({"accept", "allocation"} & answer.keys()):
            question = {
                **question,
                "error": 'send {"accept": true} or {"allocation": {patient: {resource: amount}}}',
            }
        elif answer.get("allocation") is None and answer.get("accept") is True:
            return None
        else:
            x, wrong = _amended(sat, question["joint"], answer.get("allocation"))
            if x is not None:
                return x
            question = {**question, "error": wrong}


def _amended(sat: Sitting, joint: Allocation, amended: Any) -> tuple[Array | None, str]:
    """A person's allocation as an array, or what is wrong with it."""
    if not isinstance(amended, dict) or not all(isinstance(shares, dict) for shares in amended.values()):
        return None, 'send {"allocation": {patient: {resource: amount}}}'
    amounts = [amount for shares in amended.values() for amount in shares.values()]
    if not all(isinstance(a, int | float) and not isinstance(a, bool) for a in amounts):
        return None, "every amount must be a number"
    try:
        x = sat.ward.array(_over(joint, amended))
    except ParleyError as error:
        return None, str(error)
    wrong = sat.ward.violations(x)
    return (None, "; ".join(wrong)) if wrong else (x, "")


def _over(joint: Allocation, amended: Allocation) -> Allocation:
    """The merge with a person's cells laid over it; patients the merge does not know stay to be refused."""
    return {p: {**joint.get(p, {}), **amended.get(p, {})} for p in {**joint, **amended}}


def _overridden(sat: Sitting, state: Debate, joint: dict[str, Any], moves: dict[str, Move]) -> dict[str, str]:
    """Cell -> the seat whose solo prevailed there though another still contests it; {} where a solo is missing."""
    solos = _solos(sat, state)
    if len(solos) < len(sat.seats):
        return {}
    last = [sat.ward.array(m.allocation or {}) for m in moves.values()]
    names = list(sat.seats)
    return {cell: names[i] for cell, i in overridden(sat.ward, sat.ward.array(joint), solos, last).items()}


def _chances(sat: Sitting, marginals: Array) -> dict[str, dict[str, float]]:
    a = sat.ward.arrays
    return {
        p: {r: round(float(marginals[i, k]), 6) for r, k in a.column.items() if a.demand[i, k] > 0}
        for p, i in a.row.items()
    }


def _no_move(round_: int, silent: list[str]) -> dict[str, Any]:
    detail = f"{', '.join(silent)} made no valid move at all: the run is invalid"
    return Incident(kind="abstained", node="mediate", round=round_, detail=detail).model_dump(mode="json")
