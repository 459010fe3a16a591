"""What is emitted at every transition: an edge event, to the journal, to the stream and, if asked, to LangSmith."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from nodes.record import EdgeEvent
from nodes.table.journal import journal
from scenarios.ward import Allocation, Ward

Json = dict[str, Any]


class Sat(Protocol):
    """Of whom edges are told: a run, and what it is about."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        ...

    @property
    def about(self) -> str:
        """The name of its scenario."""
        ...


def changes(ward: Ward, before: Allocation | None, after: Allocation | None) -> Json:
    """Cell -> (before, after) for every cell that changed noticeably; before is None where there was nothing."""
    if after is None:
        return {}
    if before is None:
        return {f"{p}.{r}": (None, amount) for p, shares in after.items() for r, amount in shares.items()}
    names = list(ward.resources)
    cells = [
        (ward.patients[i].id, names[k])
        for i, k in np.argwhere(ward.differs(ward.array(before), ward.array(after)))
    ]
    return {f"{p}.{r}": (before[p][r], after[p][r]) for p, r in cells}


def say(text: str, kind: str = "progress", **data: Any) -> None:
    """Human-readable progress, for `stream_mode="custom"`."""
    from langgraph.config import get_stream_writer

    get_stream_writer()({"event": kind, "text": text, **data})


def emit(sat: Sat, edges: Sequence[EdgeEvent], *, at_once: bool = False) -> list[Json]:
    """Write edges to the journal, trace them if LangSmith tracing is on, and return them as the state keeps them.

    `at_once`: as one event of the journal, where a step has many.

    Call it last in a node: what is added to a LangSmith run later reaches no edge.
    """
    out = [e.model_dump(mode="json") for e in edges]
    if at_once:
        journal(sat.run_id).append("edges", edges=out)
    for edge in () if at_once else out:
        journal(sat.run_id).append("edge", edge=edge)
    if tracing():
        _trace(sat, out)
    return out


def tracing() -> bool:
    """Whether the user asked for LangSmith traces."""
    names = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2")
    return any(os.environ.get(n, "").lower() == "true" for n in names)


def begin_tracing() -> None:
    """Before a run: LangSmith's own errors quote the last characters of the key, so they are not logged."""
    if tracing():
        logging.getLogger("langsmith.client").setLevel(logging.CRITICAL + 1)


def end_tracing() -> None:
    """After a run: wait until its traces are sent, or given up."""
    if tracing():
        from langchain_core.tracers.langchain import wait_for_all_tracers

        wait_for_all_tracers()


def _trace(sat: Sat, edges: list[Json]) -> None:
    """One child run an edge, under the node's own run, with who moved, how, and what changed as metadata."""
    from langsmith.run_helpers import get_current_run_tree, trace

    logging.getLogger("langsmith.client").setLevel(
        logging.CRITICAL
    )  # its errors quote the key's last characters
    node = get_current_run_tree()
    for edge in edges:
        metadata = {k: v for k, v in edge.items() if v is not None}
        metadata |= {"run_id": sat.run_id, "scenario": sat.about}
        if node is not None:
            node.add_metadata({k: edge[k] for k in ("seat", "round", "persona", "strategy", "delta")})
            node.add_tags(["edge"])
        tags = ["edge", *([f"strategy:{edge['strategy']}"] if edge["strategy"] else [])]
        name = f"edge {edge['source']}->{edge['target']}"
        with trace(
            name, run_type="chain", inputs={"cells": edge["cells"]}, metadata=metadata, tags=tags
        ) as child:
            child.end(outputs={"delta": edge["delta"]})
