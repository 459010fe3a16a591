"""The triage debate: two seats negotiate over rounds who gets care; its wiring, its export, its command line.

brief ─► solo ─► ┌► retrieve ─► propose ─► critique ─► mediate ─┐ ─► exit solo ─► record
                 └──────────────── next round ◄────────────────┘
"""

from __future__ import annotations

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
    debate.add_sequence([brief, solo, retrieve, propose, critique, mediate])
    debate.add_sequence([exit_solo, record])
    debate.add_edge(START, "brief")
    debate.add_edge("record", END)  # mediate goes back to "retrieve", or on to "exit_solo", by Command
    return debate


@cache
def graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    """What `langgraph.json` exports: a factory, compiled without a checkpointer (the server brings its own)."""
    return build().compile(name="triage")


if __name__ == "__main__":
    from graphs.command import main

    main()
