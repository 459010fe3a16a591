"""How is a debate run from a command line: streamed, durable where a thread is named, paused for a person."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from graphs.threads import Begun, Threads
from graphs.triage import build
from nodes.equipment import Equipment, equipment, hang_up, lend
from nodes.settings import Table
from scenarios.errors import ParleyError

Json = dict[str, Any]
OnEvent = Callable[[Json], None]
Review = Callable[[Json], Json]
"""Takes the mediator's question, returns {"accept": true} or {"allocation": …}."""


async def begin(
    given: Json, table: Table, on_event: OnEvent, review: Review, thread: str | None = None
) -> Json:
    """Run a debate from its input to its record; with a thread, checkpointed in PostgreSQL.

    Raises ParleyError for bad input or a thread that exists, Unreachable for a model that cannot be reached.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(hang_up)
        if thread is None:
            return await _run(given, table, on_event, review, None, None)
        threads = await stack.enter_async_context(Threads.open())
        await threads.begin(thread, Begun(given=given, table=table, equipment=equipment()))
        briefed = False

        def heard(event: Json) -> None:
            nonlocal briefed
            briefed = True
            on_event(event)

        try:
            return await _run(given, table, heard, review, threads, thread)
        except ParleyError:
            if not briefed:  # refused before it began: the name is free again
                await threads.forget(thread)
            raise


async def resume(thread: str, on_event: OnEvent, review: Review) -> Json:
    """Go on with a thread where it stopped, with the settings and the equipment it began with."""
    async with Threads.open() as threads:
        begun = await threads.begun(thread)
        lend(begun.equipment)
        given = None if await threads.started(thread) else begun.given
        try:
            return await _run(given, begun.table, on_event, review, threads, thread)
        finally:
            await hang_up()


async def _run(
    given: Json | None,
    table: Table,
    on_event: OnEvent,
    review: Review,
    threads: Threads | None,
    thread: str | None,
) -> Json:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.types import Command

    saver = threads.saver if threads else InMemorySaver() if table.review else None
    machine = build().compile(checkpointer=saver, name="triage")
    config: Any = {
        "configurable": {"thread_id": thread or "here"},
        "metadata": {"scenario": given and given.get("scenario")},
    }
    options: Json = {"durability": _durability(table)} if threads else {}
    config["recursion_limit"] = 10 + 6 * table.rounds
    if given is None and threads and thread:
        finished = await threads.finished(machine, config)
        if finished is not None:
            return finished
    step: Any = given
    while True:
        record: Json | None = None
        question: Json | None = None
        stream: Any = machine.astream(
            step, config, context=table, stream_mode=["custom", "updates"], **options
        )
        async for mode, chunk in stream:
            if mode == "custom":
                on_event(chunk)
            elif "__interrupt__" in chunk:
                question = chunk["__interrupt__"][0].value
            elif "record" in chunk:
                record = chunk["record"]["record"]
        if question is not None:
            step = Command(resume=review(question))
        elif record is not None:
            return record
        else:
            raise ParleyError("the debate ended without a record; run it again")


def _durability(table: Table) -> str:
    """`sync` where a model is paid, so that no answer is lost; `async` where computing again costs nothing."""
    return "sync" if table.models else "async"


def lent(**changes: Any) -> Equipment:
    """Lend what the environment says, with the command line's changes laid over it."""
    from dataclasses import replace

    told = {k: v for k, v in changes.items() if v is not None}
    lend(replace(Equipment.from_environment(), **told))
    return equipment()
