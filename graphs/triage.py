"""The triage debate: two seats negotiate over rounds who gets care; its wiring, its export, its command line.

brief ─► solo ─► ┌► retrieve ─► propose ─► critique ─► mediate ─┐ ─► exit solo ─► record
                 └──────────────── next round ◄────────────────┘
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph


def build() -> StateGraph[Any, Any, Any, Any]:
    """The state machine of the debate, uncompiled."""
    from langgraph.graph import END, START, StateGraph  # 2 s to import: not on the way to --help

    from nodes.brief import brief
    from nodes.critic import critique
    from nodes.mediator import mediate
    from nodes.proposer import propose
    from nodes.recorder import record
    from nodes.retriever import retrieve
    from nodes.settings import Table
    from nodes.solo import exit_solo, solo
    from nodes.state import Debate, DebateInput

    debate = StateGraph(Debate, context_schema=Table, input_schema=DebateInput)
    opening: list[Any] = [brief, solo, retrieve, propose, critique, mediate]
    closing: list[Any] = [exit_solo, record]
    debate.add_sequence(opening)
    debate.add_sequence(closing)
    debate.add_edge(START, "brief")
    debate.add_edge("record", END)  # mediate goes back to "retrieve", or on to "exit_solo", by Command
    return debate


@cache
def compiled() -> CompiledStateGraph[Any, Any, Any, Any]:
    """The machine, compiled without a checkpointer, once."""
    return build().compile(name="triage")


async def graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    """What `langgraph.json` exports; the server brings its own checkpointer and must not be kept from its loop."""
    return await asyncio.to_thread(compiled)


if __name__ == "__main__":
    import sys

    try:
        from graphs.command import main

        main("triage")
    except KeyboardInterrupt:  # before anything had begun
        sys.exit(130)
