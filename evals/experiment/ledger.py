"""What has become of each run: an append-only ledger, and the claims that keep two processes off one run.

`ledger.jsonl` has a line an event: session, started, complete, invalid, failed, stopped. The records are the
truth and the ledger their book: a run is done when its record lies there, and what a kill kept from being
entered is entered when the study is run again. Every line is appended by one write, so that processes may
share the file, and a line torn by a kill is passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scenarios.errors import ParleyError

Json = dict[str, Any]
DONE = ("complete", "invalid")


@dataclass(frozen=True)
class Folder:
    """A study's folder: where its plan, ledger and records lie."""

    path: Path

    @property
    def records(self) -> Path:
        """Run records, and the journals they grew from."""
        return self.path / "records"

    @property
    def plan(self) -> Path:
        """The frozen plan."""
        return self.path / "plan.json"

    @property
    def study(self) -> Path:
        """The study as it was last run there, every setting replaced that was to be."""
        return self.path / "study.json"

    @property
    def ledger(self) -> Path:
        """The ledger."""
        return self.path / "ledger.jsonl"

    def record(self, run_id: str) -> Path:
        """Where a run's record lies once it is done."""
        return self.records / f"{run_id}.json"

    def recorded(self) -> set[str]:
        """The ids of all runs whose record lies there."""
        if not self.records.is_dir():
            return set()
        with os.scandir(self.records) as entries:
            return {e.name.removesuffix(".json") for e in entries if e.name.endswith(".json") and e.is_file()}

    def keep(self, study: Json) -> None:
        """Write the study beside its records, so that the folder tells by itself what it holds."""
        temporary = self.study.with_suffix(f".{os.getpid()}.part")
        try:
            temporary.write_text(json.dumps(study, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            temporary.replace(self.study)
        except OSError as error:
            raise ParleyError(
                f"{self.path}: cannot write ({error.strerror}); name a folder with --out"
            ) from None

    def make(self) -> None:
        """Make the folder. Raises ParleyError where that cannot be."""
        try:
            self.records.mkdir(parents=True, exist_ok=True)
            self.ledger.touch()
        except OSError as error:
            raise ParleyError(
                f"{self.path}: cannot write ({error.strerror}); name a folder with --out"
            ) from None


@dataclass
class Standing:
    """What the ledger says of one run: its last event, how often it was begun and why it failed."""

    event: str = "missing"
    attempts: int = 0
    reason: str = ""
    line: Json = field(default_factory=dict)


def entries(folder: Folder) -> Iterator[Json]:
    """Every whole line of the ledger, in order."""
    if not folder.ledger.is_file():
        return
    with folder.ledger.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if (entry := _entry(line)) is not None:
                yield entry


def _entry(line: str) -> Json | None:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return None
    if not isinstance(entry, dict) or "event" not in entry:
        return None
    try:
        datetime.fromisoformat(entry.get("at", ""))
    except (TypeError, ValueError):
        return None
    return entry


def standings(folder: Folder) -> dict[str, Standing]:
    """Every run the ledger knows of; a run whose record is no longer there is missing again."""
    out: dict[str, Standing] = {}
    for entry in entries(folder):
        if "run_id" not in entry:
            continue
        known = out.setdefault(entry["run_id"], Standing())
        if entry["event"] == "started":
            known.attempts += 1
        if known.event not in DONE or entry["event"] in DONE:
            known.event, known.reason, known.line = entry["event"], entry.get("reason", ""), entry
    there = folder.recorded()
    for run_id, known in out.items():
        if known.event in DONE and run_id not in there:
            known.event = "missing"
    return out


def said_of(record: Json) -> Json:
    """What the ledger keeps of a record (as JSON): its status, what it cost by model, and what made it."""
    from nodes.record import digest

    made = record["provenance"]
    prompts = made.get("prompts")
    return {
        "event": record["status"],
        "run_id": record["run_id"],
        "recorded_at": made.get("recorded_at"),
        "spent": spent(record),
        "models": made.get("models", {}),
        "prompts": digest(prompts) if prompts else None,
        "versions": made.get("versions", {}),
    }


def spent(record: Json) -> dict[str, list[int | None]]:
    """Model -> [calls, input tokens, output tokens] of a record; None where a server did not count."""
    speaks = models_of(record)
    out: dict[str, list[int | None]] = {}
    for usage in record["usage"]:
        named = "coder" if usage["node"] == "code" and "coder" in speaks else usage["seat"]
        model = speaks.get(named, "reference")
        if not usage["calls"] or model == "reference":
            continue
        sofar = out.setdefault(model, [0, 0, 0])
        for i, name in enumerate(("calls", "input_tokens", "output_tokens")):
            before, count = sofar[i], usage[name]
            sofar[i] = None if before is None or count is None else before + count
    return out


def models_of(record: Json) -> dict[str, str]:
    """The model of every seat of a record; of a debate's mediator, of a dilemma's coder, of a dialogue's judge."""
    protocol = record["protocol"]
    if record.get("setting", "triage") == "triage":
        from nodes.settings import Table

        settings = Table.model_validate(protocol)
        seats = {seat: model for seat, _, model, _ in settings.seated()}
        return seats | {"mediator": settings.mediator_model or settings.model}
    seats = {seat["seat"]: seat["model"] or "reference" for seat in record["seats"]}
    if record["setting"] == "deliberation":
        from nodes.deliberation.settings import DeliberationTable

        table = DeliberationTable.model_validate(protocol)
        return seats | {"mediator": table.mediating_model, "judge": table.judging}
    return seats | ({"coder": protocol["coder_model"]} if protocol["coder_model"] else {})


class Ledger:
    """The ledger of a folder, open for appending; `news` tells what other processes have entered since."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._read = folder.ledger.stat().st_size
        self._file = os.open(folder.ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if self._read and not self._ends_whole():
            os.write(self._file, b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        os.fsync(self._file)
        os.close(self._file)

    def append(self, event: str, **data: Any) -> None:
        """Enter one event; a kill of this process no longer loses it."""
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "pid": os.getpid(),
        }
        text = json.dumps(entry | data, ensure_ascii=False) + "\n"
        try:
            os.write(self._file, text.encode())
        except OSError as error:
            raise ParleyError(
                f"{self.folder.ledger}: cannot write ({error.strerror}); make room, and run again"
            ) from None

    def news(self) -> list[Json]:
        """What other processes have entered since this was last asked."""
        with self.folder.ledger.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        found = (_entry(line) for line in whole.decode("utf-8", "replace").splitlines())
        return [e for e in found if e is not None and e.get("pid") != os.getpid()]

    def _ends_whole(self) -> bool:
        with self.folder.ledger.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


class Claims:
    """One process a run: a byte of one file stands for a run, and is locked while the run is under way.

    The system frees the locks of a process that dies. Where such locks are unknown (Windows) nothing is claimed.
    """

    def __init__(self, folder: Folder) -> None:
        self._held: set[str] = set()
        self._file = (folder.path / "claims.lock").open("ab")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._file.close()

    def take(self, run_id: str) -> bool:
        """Claim a run; False if another process has it."""
        try:
            import fcntl
        except ImportError:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(run_id))
        except OSError:
            return False
        self._held.add(run_id)
        return True

    def release(self, run_id: str) -> None:
        """Give a claim up."""
        if run_id in self._held:
            import fcntl

            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _place(run_id))
            self._held.discard(run_id)


def _place(run_id: str) -> int:
    """A run's byte, far beyond the end of the file: 48 bits of a hash, so that two runs hardly share one."""
    return int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:6], "big")
