"""How is a graph run from a command line: streamed, durable where a thread is named, paused for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from graphs.setting import Setting
from graphs.threads import Begun, Threads
from nodes.table.edges import begin_tracing, end_tracing, tracing
from nodes.table.equipment import Equipment, equipment, hang_up, lend
from nodes.table.journal import put_away
from scenarios.errors import ParleyError

Json = dict[str, Any]

MOST_STEPS = 100_000
"""Of a graph: every one ends by itself, after its rounds or months."""


@dataclass(frozen=True)
class Session:
    """One sitting at a terminal: the setting whose machine is built, whom to tell, whom to ask.

    `review` takes the mediator's question and returns {"accept": true} or {"allocation": …}.
    """

    setting: Setting
    on_event: Callable[[Json], None]
    review: Callable[[Json], Json]

    async def begin(self, given: Json, table: Any, thread: str | None = None) -> Json:
        """Run from an input to the record; with a thread, checkpointed in PostgreSQL.

        Raises ParleyError for bad input or a thread that exists, Unreachable for a model that cannot be reached.
        """
        begin_tracing()
        try:
            if thread is None:
                return await self._run(given, table, None, "here")
            async with Threads.open() as threads:
                begun = Begun(self.setting.name, given=given, table=table, equipment=equipment())
                await threads.begin(thread, begun)
                return await self._first(given, table, threads, thread)
        finally:
            put_away()
            await hang_up()
            await self._send_traces()

    async def resume(self, thread: str) -> Json:
        """Go on with a thread where it stopped, with the settings and the equipment it began with."""
        begin_tracing()
        try:
            async with Threads.open() as threads:
                begun = await threads.begun(thread)
                if begun.setting != self.setting.name:
                    raise ParleyError(
                        f"thread '{thread}' is of {begun.setting}; go on with `python -m graphs.{begun.setting} "
                        f"resume {thread}`"
                    )
                lend(begun.equipment)
                given = None if await threads.started(thread) else begun.given
                return await self._run(given, begun.table, threads, thread)
        finally:
            put_away()
            await hang_up()
            await self._send_traces()

    async def _send_traces(self) -> None:
        if tracing():
            self.on_event({"event": "tracing", "text": "sending traces to LangSmith"})
            await asyncio.to_thread(end_tracing)

    async def _first(self, given: Json, table: Any, threads: Threads, thread: str) -> Json:
        """A thread's first run; if it is refused before it began, its name is free again."""
        heard: list[Json] = []

        def hear(event: Json) -> None:
            heard.append(event)
            self.on_event(event)

        try:
            return await replace(self, on_event=hear)._run(given, table, threads, thread)
        except ParleyError:
            if not heard:
                await threads.forget(thread)
            raise

    async def _run(self, given: Json | None, table: Any, threads: Threads | None, thread: str) -> Json:
        from langgraph.checkpoint.memory import InMemorySaver
        from langgraph.types import Command

        reviewed = getattr(table, "review", False)
        saver = threads.saver if threads else InMemorySaver() if reviewed else None
        machine: Any = self.setting.build().compile(checkpointer=saver, name=self.setting.name)
        config: Json = {"configurable": {"thread_id": thread}, "recursion_limit": MOST_STEPS}
        if given is None and threads:
            finished = await threads.finished(machine, config)
            if finished is not None:
                return finished
        # Where a model is paid, no answer may be lost; where computing again costs nothing, nobody waits.
        durability: Json = {"durability": "sync" if table.models else "async"} if threads else {}
        step: Any = given
        while True:
            stream = machine.astream(
                step, config, context=table, stream_mode=["custom", "updates"], **durability
            )
            record, question = await self._listen(stream)
            if question is not None:
                step = Command(resume=self.review(question))
            elif record is not None:
                return record
            else:
                raise ParleyError("the run ended without a record; run it again")

    async def _listen(self, stream: Any) -> tuple[Json | None, Json | None]:
        """Follow a stream to its end: the record, or the question it stopped at."""
        record: Json | None = None
        question: Json | None = None
        async for mode, chunk in stream:
            if mode == "custom":
                self.on_event(chunk)
            elif "__interrupt__" in chunk:
                question = chunk["__interrupt__"][0].value
            elif "record" in chunk:
                record = chunk["record"]["record"]
        return record, question


def lent(**changes: Any) -> Equipment:
    """Lend what the environment says, with the command line's changes laid over it."""
    told = {k: v for k, v in changes.items() if v is not None}
    lend(replace(Equipment.from_environment(), **told))
    return equipment()
