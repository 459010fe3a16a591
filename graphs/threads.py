"""Which runs can be resumed: threads, each with what it began with, and their checkpoints in PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nodes.table.equipment import Equipment
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection

Json = dict[str, Any]


@dataclass(frozen=True)
class Begun:
    """What a thread began with: its setting, its input, its settings and its equipment (which holds no key)."""

    setting: str
    given: Json
    table: Any
    equipment: Equipment

    def dump(self) -> str:
        """As JSON text."""
        lent = {k: str(v.absolute()) if isinstance(v, Path) else v for k, v in asdict(self.equipment).items()}
        table = self.table.model_dump(mode="json")
        return json.dumps({"setting": self.setting, "given": self.given, "table": table, "equipment": lent})

    @classmethod
    def load(cls, data: Json) -> Begun:
        """From what `dump` wrote; one without a setting was written before there were others than triage."""
        from graphs.setting import setting

        lent = dict(data["equipment"])
        lent["runs"] = Path(lent["runs"])
        lent["personas"] = Path(lent["personas"]) if lent["personas"] else None
        name = data.get("setting", "triage")
        return cls(name, data["given"], setting(name).table.model_validate(data["table"]), Equipment(**lent))


class Threads:
    """The threads of one database."""

    def __init__(self, connection: AsyncConnection[Json], saver: AsyncPostgresSaver) -> None:
        self.saver = saver
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Threads]:
        """Open the database that `DATABASE_URL` names, else the embedded one."""
        import asyncio

        import psycopg

        from retrieval.postgres.server import database_url

        try:
            async with cls._opened(await asyncio.to_thread(database_url)) as threads:
                yield threads
        except psycopg.Error as error:
            first = str(error).strip().splitlines()[0]
            raise ParleyError(
                f"the database cannot be used ({first}); check DATABASE_URL, or unset it"
            ) from None

    @classmethod
    @asynccontextmanager
    async def _opened(cls, url: str) -> AsyncIterator[Threads]:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        from psycopg import AsyncConnection
        from psycopg.rows import dict_row

        options: Json = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        async with await AsyncConnection.connect(url, **options) as connection:
            threads = cls(connection, AsyncPostgresSaver(connection))
            await threads._execute("SELECT pg_advisory_lock(7465)")  # two first users at once
            await threads.saver.setup()
            await threads._execute(
                "CREATE TABLE IF NOT EXISTS debate_threads "
                "(id text PRIMARY KEY, begun jsonb NOT NULL, at timestamptz NOT NULL DEFAULT now())"
            )
            await threads._execute("SELECT pg_advisory_unlock(7465)")
            yield threads

    async def begin(self, thread: str, begun: Begun) -> None:
        """Enter a new thread; refuses one that exists, and a name that is none."""
        if not re.fullmatch(r"[\w.-]{1,100}", thread):
            raise ParleyError(f"--thread {thread[:40]!r}: use letters, digits, '-', '_' and '.', at most 100")
        rows = await self._execute(
            "INSERT INTO debate_threads (id, begun) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id",
            thread,
            begun.dump(),
        )
        if not rows:
            raise ParleyError(f"thread '{thread}' exists; go on with `resume {thread}`, or name another")

    async def begun(self, thread: str) -> Begun:
        """What a thread began with."""
        rows = await self._execute("SELECT begun FROM debate_threads WHERE id = %s", thread)
        if not rows:
            raise ParleyError(f"no thread '{thread}'; `invoke --thread {thread}` begins one")
        return Begun.load(rows[0]["begun"])

    async def started(self, thread: str) -> bool:
        """Whether a first step of the thread was checkpointed."""
        return await self.saver.aget_tuple({"configurable": {"thread_id": thread}}) is not None

    async def forget(self, thread: str) -> None:
        """Remove a thread and its checkpoints."""
        await self.saver.adelete_thread(thread)
        await self._execute("DELETE FROM debate_threads WHERE id = %s", thread)

    async def finished(self, machine: Any, config: Any) -> Json | None:
        """The record of a thread that is done; None while it is not."""
        state = await machine.aget_state(config)
        return None if state.next else state.values.get("record")

    async def _execute(self, query: str, *values: str) -> list[Any]:
        async with self._connection.cursor() as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchall() if cursor.description else []
