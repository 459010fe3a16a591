"""Games: seats agree or not, then act at once; Prisoner's Dilemmas and others, played once or repeatedly.

brief ─► ┌► talk ─► negotiate ─► vote ─► enact ─► act ─► enforce ─┐ ─► record
         └───────────────────── next round ◄─────────────────────┘

Where nothing may be proposed, `hear` stands between talk and act.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph


def build() -> StateGraph[Any, Any, Any, Any]:
    """The state machine of a game, uncompiled."""
    from langgraph.graph import END, START, StateGraph  # 2 s to import: not on the way to --help

    from nodes.dilemma.drafter import negotiate
    from nodes.dilemma.routing import after_enacting, after_hearing, after_negotiating, after_talking
    from nodes.dilemma.speaker import hear, talk
    from nodes.dilemma.steps import routed
    from nodes.dilemma.voters import enact, vote
    from nodes.games.brief import begin_round, brief
    from nodes.games.player import act
    from nodes.games.recorder import record
    from nodes.games.settings import GamesTable
    from nodes.games.state import Match, MatchInput
    from nodes.games.warden import after_enforcing, enforce

    match = StateGraph(Match, context_schema=GamesTable, input_schema=MatchInput)

    def then(step: Any, route: Any, *targets: str) -> None:  # `Send`s go to every seat at once
        node: Any = routed(Match, step, route)
        match.add_node(step.__name__, node, destinations=targets, input_schema=Match)

    for step in (brief, vote, act, record):
        match.add_node(step)
    match.add_edge(START, "brief")
    match.add_conditional_edges("brief", begin_round, ["talk", "negotiate", "act"])
    then(talk, after_talking, "negotiate", "hear")
    then(hear, after_hearing, "act")
    then(negotiate, after_negotiating, "vote", "act")
    match.add_edge("vote", "enact")
    then(enact, after_enacting, "act")
    match.add_edge("act", "enforce")
    then(enforce, after_enforcing, "talk", "negotiate", "act", "record")
    match.add_edge("record", END)
    return match


@cache
def compiled() -> CompiledStateGraph[Any, Any, Any, Any]:
    """The machine, compiled without a checkpointer, once."""
    return build().compile(name="games")


async def graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    """What `langgraph.json` exports; the server brings its own checkpointer and must not be kept from its loop."""
    return await asyncio.to_thread(compiled)


if __name__ == "__main__":
    import sys

    try:
        from graphs.command import keep_stdout, main

        keep_stdout()
        main("games")
    except KeyboardInterrupt:  # before anything had begun
        sys.exit(130)
