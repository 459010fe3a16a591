"""Is the journal what a kill cannot hurt: whole lines, answers kept before use, records whole or not at all."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from nodes.record import RunRecord
from nodes.records import schema
from nodes.table.journal import Journal
from scenarios.errors import ParleyError
from tests.play import ROOT, play


def test_a_torn_line_is_passed_over_and_the_next_event_begins_a_new_one(tmp_path: Path) -> None:
    journal = Journal("run", tmp_path)
    journal.append("started")
    with journal.path.open("a") as file:
        file.write('{"at": "2026-01-01", "event": "ans')  # as a kill leaves it
    journal.append("finished")
    assert [e["event"] for e in Journal("run", tmp_path).events()] == ["started", "finished"]


def test_an_answer_is_paid_for_once_even_by_another_process(tmp_path: Path) -> None:
    paid: list[Any] = []

    async def call(request: dict[str, Any]) -> dict[str, Any]:
        paid.append(request)
        return {"text": "x" * len(paid)}

    request = {"messages": ["hello"]}

    def pay(request: dict[str, Any]) -> dict[str, Any]:
        journal = Journal("run", tmp_path)
        try:
            return asyncio.run(journal.pay(request, call))
        finally:
            journal.release()

    first, again, other = pay(request), pay(request), pay({"messages": ["bye"]})
    assert first == again
    assert other != first
    assert paid == [request, {"messages": ["bye"]}]


def test_a_call_that_fails_is_not_an_answer(tmp_path: Path) -> None:
    async def fail(request: dict[str, Any]) -> dict[str, Any]:
        raise ConnectionError("gone")

    async def answer(request: dict[str, Any]) -> dict[str, Any]:
        return {"text": "here"}

    journal = Journal("run", tmp_path)
    with pytest.raises(ConnectionError):
        asyncio.run(journal.pay({}, fail))
    assert asyncio.run(journal.pay({}, answer)) == {"text": "here"}
    with pytest.raises(ParleyError, match="under way in another process"):
        Journal("run", tmp_path).claim()
    journal.release()


def test_lines_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    journal = Journal("run", tmp_path)
    threads = [
        threading.Thread(target=lambda: [journal.append("e", x="y" * 5000) for _ in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.events()) == 80


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ParleyError, match="cannot write .*--out"):
        Journal("run", tmp_path / "file").append("started")


def test_the_record_is_written_whole_and_reads_back_the_same(tmp_path: Path) -> None:
    record = play("one-ventilator", tmp_path, rounds=1)
    kept = tmp_path / f"{record.run_id}.json"
    assert RunRecord.model_validate_json(kept.read_text()) == record
    assert not list(tmp_path.glob("*.part"))


def test_the_schema_in_docs_is_current() -> None:
    assert json.loads((ROOT / "docs" / "record.schema.json").read_text()) == schema(), "run `make docs`"
