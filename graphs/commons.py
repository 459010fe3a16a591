"""The commons: seats share a pool over a season, with no contract, a spoken one, or one that is enforced.

brief ─► (talk, negotiate, vote, enact before the first month) ─►

         ┌► harvest ─► enforce ─► (report) ─► talk ─► negotiate ─► vote ─► enact ─► regrow ─┐ ─► record
         └──────────────────────────────── next month ◄────────────────────────────────────┘
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph


def build() -> StateGraph[Any, Any, Any, Any]:
    """The state machine of a season, uncompiled."""
    from langgraph.graph import END, START, StateGraph  # 2 s to import: not on the way to --help

    from nodes.commons.brief import begin, brief
    from nodes.commons.harvester import harvest, report
    from nodes.commons.nature import after_regrowing, regrow
    from nodes.commons.recorder import record
    from nodes.commons.settings import CommonsTable
    from nodes.commons.state import Season, SeasonInput
    from nodes.commons.warden import after_enforcing, after_publishing, enforce, publish
    from nodes.dilemma.drafter import negotiate
    from nodes.dilemma.routing import after_negotiating, after_talking
    from nodes.dilemma.speaker import talk
    from nodes.dilemma.steps import routed
    from nodes.dilemma.voters import enact, vote

    season = StateGraph(Season, context_schema=CommonsTable, input_schema=SeasonInput)

    def then(step: Any, route: Any, *targets: str) -> None:  # `Send`s go to every seat at once
        node: Any = routed(Season, step, route)
        season.add_node(step.__name__, node, destinations=targets, input_schema=Season)

    for step in (brief, harvest, report, vote, enact, record):
        season.add_node(step)
    season.add_edge(START, "brief")
    season.add_conditional_edges("brief", begin, ["talk", "negotiate", "harvest"])
    season.add_edge("harvest", "enforce")
    then(enforce, after_enforcing, "report", "talk", "negotiate", "regrow", "record")
    season.add_edge("report", "publish")
    then(publish, after_publishing, "talk", "negotiate", "regrow")
    then(talk, after_talking, "negotiate", "regrow")
    then(negotiate, after_negotiating, "vote", "regrow")
    season.add_edge("vote", "enact")
    season.add_edge("enact", "regrow")
    then(regrow, after_regrowing, "harvest", "record")
    season.add_edge("record", END)
    return season


@cache
def compiled() -> CompiledStateGraph[Any, Any, Any, Any]:
    """The machine, compiled without a checkpointer, once."""
    return build().compile(name="commons")


async def graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    """What `langgraph.json` exports; the server brings its own checkpointer and must not be kept from its loop."""
    return await asyncio.to_thread(compiled)


if __name__ == "__main__":
    import sys

    try:
        from graphs.command import main

        main("commons")
    except KeyboardInterrupt:  # before anything had begun
        sys.exit(130)
