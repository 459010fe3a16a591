"""Deliberation: seats with opposed personas talk one dilemma through to a plan, until a judge says that they agree.

brief ─► ┌► speak (each seat in turn) ─► [mediate] ─► judge ─┐ ─► complete ─► record
         └──────────────────── next round ◄──────────────────┘
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph


def build() -> StateGraph[Any, Any, Any, Any]:
    """The state machine of a deliberation, uncompiled."""
    from langgraph.graph import END, START, StateGraph  # 2 s to import: not on the way to --help

    from nodes.deliberation.brief import brief
    from nodes.deliberation.judge import judge
    from nodes.deliberation.recorder import complete, record
    from nodes.deliberation.settings import DeliberationTable
    from nodes.deliberation.speaker import mediate, speak
    from nodes.deliberation.state import Deliberation, DeliberationInput

    table = StateGraph(Deliberation, context_schema=DeliberationTable, input_schema=DeliberationInput)
    for step in (brief, speak, mediate, judge, complete, record):
        table.add_node(step)
    table.add_edge(START, "brief")  # every other way on is a step's own: see nodes/deliberation/dialogue.py
    table.add_edge("complete", "record")
    table.add_edge("record", END)
    return table


@cache
def compiled() -> CompiledStateGraph[Any, Any, Any, Any]:
    """The machine, compiled without a checkpointer, once."""
    return build().compile(name="deliberation")


async def graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    """What `langgraph.json` exports; the server brings its own checkpointer and must not be kept from its loop."""
    return await asyncio.to_thread(compiled)


if __name__ == "__main__":
    import sys

    try:
        from graphs.command import keep_stdout, main

        keep_stdout()
        main("deliberation")
    except KeyboardInterrupt:  # before anything had begun
        sys.exit(130)
