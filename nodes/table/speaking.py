"""How do seats speak in a round: groups in turn, those of one group at once, each move classified as it falls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from negotiators.protocol import Move, Passage
from nodes.findings.strategy import MoveStrategy, classify_move
from nodes.record import EdgeEvent
from nodes.solo import costs
from nodes.state import Debate
from nodes.table.edges import changes, emit, say
from nodes.table.seats import Sitting, last_valid_moves
from nodes.table.turns import Turn, take_turn


async def speak(
    sat: Sitting,
    state: Debate,
    groups: Sequence[Sequence[str]],
    node: Literal["propose", "critique"],
    target: str,
) -> dict[str, Any]:
    """Let groups of seats speak in turn; return the moves, edges and costs for the state."""
    round_ = len(state["rounds"]) + 1
    moves = list(state["moves"])
    edges: list[EdgeEvent] = []
    turns: list[Turn] = []
    for group in groups:
        heard: Debate = {**state, "moves": moves}
        passages = {s: _passages(state, s) for s in group}
        spoken = await asyncio.gather(*(take_turn(sat, s, node, heard, passages[s], round_) for s in group))
        for turn in spoken:
            edge = _edge(sat, heard, turn, node, target, len(state["edges"]) + len(edges))
            edges.append(edge)
            say(
                f"round {round_}: {sat.name(turn.move['seat'])} {_in_words(turn, edge)}",
                kind="move",
                round=round_,
            )
        turns += spoken
        moves = moves + [t.move for t in spoken]
    if not edges:  # everyone has spoken at once already
        edges = [EdgeEvent(index=len(state["edges"]), source=node, target=target, round=round_)]
    return {"moves": moves, "edges": await asyncio.to_thread(emit, sat, edges), **costs(turns, state)}


def _passages(state: Debate, seat: str) -> tuple[Passage, ...]:
    return tuple(Passage.model_validate(p) for p in state["retrieved"].get(seat, ()))


def _edge(sat: Sitting, heard: Debate, turn: Turn, node: str, target: str, index: int) -> EdgeEvent:
    move = Move.model_validate(turn.move)
    before = last_valid_moves(heard, sat)
    strategy = strategy_of(sat, heard, move, before)
    previous = before.get(move.seat)
    return EdgeEvent(
        index=index,
        source=node,
        target=target,
        round=move.round,
        seat=move.seat,
        persona=sat.seats[move.seat].persona.name,
        strategy="abstain" if move.allocation is None else strategy and strategy.label,
        step=strategy and strategy.step,
        delta_own=strategy and strategy.delta_own,
        delta_other=strategy and strategy.delta_other,
        cells=strategy.cells if strategy else {},
        delta=changes(sat.ward, previous.allocation if previous else None, move.allocation),
    )


def strategy_of(sat: Sitting, heard: Debate, move: Move, before: dict[str, Move]) -> MoveStrategy | None:
    """What a move did, against its seat's previous move and the others' last; None with nothing to compare."""
    others = {s: sat.ward.array(m.allocation or {}) for s, m in before.items() if s != move.seat}
    previous = before.get(move.seat)
    if move.allocation is None or previous is None or not others:
        return None
    own_before = sat.ward.array(previous.allocation or {})
    return classify_move(
        sat.ward,
        before=own_before,
        after=sat.ward.array(move.allocation),
        others=list(others.values()),
        own_utility=sat.utility(move.seat) if sat.wants(move.seat) else None,
        other_utilities=[sat.utility(s) for s in others if sat.wants(s)],
    )


def _in_words(turn: Turn, edge: EdgeEvent) -> str:
    if turn.move["status"] == "abstained":
        return "abstains; its last move stands"
    word = {None: "speaks", "silent": "stands by its allocation"}.get(edge.strategy, f"{edge.strategy}s")
    extra = " (repaired)" if turn.move["status"] == "repaired" else ""
    return f"{word}, {len(edge.delta)} cells changed{extra}"
