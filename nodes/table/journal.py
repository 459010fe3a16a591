"""Where is a run written while it goes on: runs/RUN_ID.jsonl, and the record beside it at the end.

The journal is append-only and is also the memory of what was paid for: every answered call is written
before it is used, under a hash of its request, so that a debate which was killed and is begun again, or
resumed, takes the answer from here.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from nodes.record import Record, digest
from nodes.table.equipment import equipment
from scenarios.errors import ParleyError

Json = dict[str, Any]

DURABLE = {"answered", "finished"}
"""Events that even a power cut must not lose; all others can be computed again."""


class Journal:
    """The events of one run, one JSON object a line."""

    def __init__(self, run_id: str, folder: Path) -> None:
        self.run_id = run_id
        self.path = folder / f"{run_id}.jsonl"
        self.record_path = folder / f"{run_id}.json"
        self._lock = threading.Lock()
        self._answers: dict[str, Json] | None = None
        self._claim: BinaryIO | None = None

    def append(self, event: str, **data: Any) -> None:
        """Write one event. What was paid for is on the disk when this returns; the rest outlives this process."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), "event": event, **data}, ensure_ascii=False)
        with self._lock:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(self._mend_torn_line() + line + "\n")
                    file.flush()
                    if event in DURABLE:
                        os.fsync(file.fileno())
            except OSError as error:
                raise _cannot_write(self.path.parent, error) from error

    def _mend_torn_line(self) -> str:
        """A newline, if a kill left the last line without one."""
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return ""
            file.seek(-1, os.SEEK_END)
            return "" if file.read(1) == b"\n" else "\n"

    def answers(self) -> dict[str, Json]:
        """Every answered call of this run, by the hash of its request."""
        if self._answers is None:
            self._answers = {e["request"]: e["answer"] for e in self.events() if e["event"] == "answered"}
        return self._answers

    def claim(self) -> None:
        """Keep other processes from paying for this run at the same time, until this one ends or finishes it.

        Raises ParleyError if another process has claimed it. Where locks are unknown, nothing is claimed.
        """
        try:
            import fcntl
        except ImportError:
            return
        with self._lock:  # two seats of this process may come at once
            if self._claim is not None:
                return
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                claim = self.path.open("ab")
            except OSError as error:
                raise _cannot_write(self.path.parent, error) from error
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                claim.close()
                raise ParleyError(
                    f"run {self.run_id} is under way in another process; wait for it, or name another --replicate"
                ) from None
            self._claim = claim

    def release(self) -> None:
        """Give up a claim."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def events(self) -> list[Json]:
        """All whole lines, in order; a line torn by a kill is passed over."""
        if not self.path.exists():
            return []
        out = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(event, dict) and "event" in event:
                out.append(event)
        return out

    async def pay(self, request: Json, call: Callable[[Json], Awaitable[Json]]) -> Json:
        """The answer to a request: from the journal if it was answered before, else by calling, then kept."""
        key = digest(request)
        await asyncio.to_thread(
            self.claim
        )  # before reading: what another process paid for is in the journal then
        answers = await asyncio.to_thread(self.answers)
        if key not in answers:
            answer = await call(request)
            await asyncio.to_thread(self.append, "answered", request=key, answer=answer)
            answers[key] = answer
        return answers[key]

    def finish(self, record: Record) -> Path:
        """Write the record beside the journal, whole or not at all."""
        text = record.model_dump_json(indent=1)
        temporary = self.record_path.with_suffix(f".{os.getpid()}.part")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.record_path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise ParleyError(
                f"{self.record_path}: cannot write ({error.strerror}); make room, and run the same command again"
            ) from error
        return self.record_path


_journals: dict[tuple[str, Path], Journal] = {}
"""Journals of this process: one a run, so that its lock and its memory of answers are one."""


def journal(run_id: str) -> Journal:
    """The journal of a run in the folder that this machine keeps runs in."""
    key = (run_id, equipment().runs)
    return _journals.setdefault(key, Journal(*key))


def put_away(*run_ids: str) -> None:
    """Release journals and forget them: of these runs, or of all when a session ends."""
    for key in [k for k in _journals if not run_ids or k[0] in run_ids]:
        _journals.pop(key).release()


def _cannot_write(folder: Path, error: OSError) -> ParleyError:
    return ParleyError(f"{folder}: cannot write ({error.strerror}); name a folder with --out")
