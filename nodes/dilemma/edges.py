"""Which transitions of a step are told: everybody's deed, what was proposed, how everybody voted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodes.dilemma.sitting import Sitting
from nodes.record import EdgeEvent

Json = dict[str, Any]


def deeds(
    sat: Sitting, state: Mapping[str, Any], strategies: Mapping[str, str], target: str
) -> list[EdgeEvent]:
    """The edges of a step that is over, numbered on: deeds with their strategies, the draft, the votes.

    `strategies` says of every seat's deed what it was: over-use or restraint, cooperation or defection.
    """
    found = [*_done(sat, state, strategies), *_agreed(sat, state)]
    if not found:
        found = [EdgeEvent(index=0, source="regrow", target=target, round=state["step"])]
    first = len(state["edges"])
    last = len(found) - 1
    return [
        edge.model_copy(update={"index": first + i, **({"target": target} if i == last else {})})
        for i, edge in enumerate(found)
    ]


def _done(sat: Sitting, state: Mapping[str, Any], strategies: Mapping[str, str]) -> list[EdgeEvent]:
    now, out = state["now"], []
    node = "harvest" if "taken" in now else "act"
    for seat, strategy in strategies.items():
        delta: Json = {}
        if "taken" in now:
            delta["catch"] = (float(now["asked"][seat]), float(now["taken"][seat]))
        if seat in now["payments"]:
            delta["payment"] = (0.0, float(now["payments"][seat]))
        out.append(_edge(sat, state, node, "enforce", seat, strategy, delta))
    return out


def _agreed(sat: Sitting, state: Mapping[str, Any]) -> list[EdgeEvent]:
    now = state["now"]
    if not now.get("proposal"):
        return []
    out = [_edge(sat, state, "negotiate", "vote", now["proposal"]["by"], "propose", {})]
    for seat, vote in now["votes"].items():
        strategy = "abstain" if vote is None else "accept" if vote else "reject"
        out.append(_edge(sat, state, "vote", "enact", seat, strategy, {}))
    return out


def _edge(
    sat: Sitting, state: Mapping[str, Any], source: str, target: str, seat: str, strategy: str, delta: Json
) -> EdgeEvent:
    persona = sat.seats[seat].persona.name if seat in sat.seats else None
    return EdgeEvent(
        index=0,
        source=source,
        target=target,
        round=state["step"],
        seat=seat,
        persona=persona,
        strategy=strategy,
        delta=delta,
    )
