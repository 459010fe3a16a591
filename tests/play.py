"""How tests play a debate: in this process, into a folder of their own; and how they type a command."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from graphs.session import Session
from graphs.setting import setting
from nodes.record import RunRecord
from nodes.settings import Table
from nodes.table.equipment import Equipment, lend
from scenarios.load import load
from tests import forking

ROOT = Path(__file__).resolve().parent.parent


def play(
    scenario: str,
    runs: Path,
    *,
    events: list[dict[str, Any]] | None = None,
    base_url: str | None = None,
    timeout_s: float = 10.0,
    **settings: Any,
) -> RunRecord:
    """Play a whole debate and return its record; retrieval is off unless asked for."""
    lend(Equipment(runs=runs, base_url=base_url, timeout_s=timeout_s))
    table = Table.model_validate({"retrieval": "off", **settings})
    given = {"ward": load(scenario).model_dump(mode="json")}
    heard: list[dict[str, Any]] = [] if events is None else events
    return RunRecord.model_validate(
        asyncio.run(Session(setting("triage"), heard.append, _nobody).begin(given, table))
    )


def _nobody(question: dict[str, Any]) -> dict[str, Any]:
    raise AssertionError(f"nobody was to be asked: {question}")


def transcript(record: RunRecord) -> list[tuple[int, str, str | None]]:
    """The moves of a debate as minutes: (round, seat, strategy)."""
    return [(e.round, e.seat or "", e.strategy) for e in record.edges if e.source in ("propose", "critique")]


def without_times(record: RunRecord) -> dict[str, Any]:
    """A record less what may differ between two runs that are the same: seconds and the date."""
    data = record.model_dump(mode="json")
    data["provenance"].pop("recorded_at")
    for usage in data["usage"]:
        usage.pop("seconds")
    return data


def command(
    *words: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    graph: str = "triage",
    input: str = "",
    fresh: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Type `python -m graphs.triage …`, or another graph's name, and wait for it.

    By a fork of a process that has done the imports; by a `fresh` process where what is imported and when matters.
    """
    module, whole = f"graphs.{graph}", environment(env)
    if not fresh:
        return forking.typed(module, *words, cwd=cwd, env=whole, input=input)
    line = [sys.executable, "-m", module, *words]
    return subprocess.run(line, cwd=cwd, env=whole, input=input, capture_output=True, text=True, timeout=300)


def typed(*words: str, monkeypatch: pytest.MonkeyPatch, graph: str = "triage") -> int:
    """Type a command in this process, which is quicker, and return its exit code."""
    from graphs.command import main

    monkeypatch.setattr(sys, "argv", [graph, *words])
    try:
        main(graph)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment for a command: the code on the path, no keys, no tracing."""
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("LANGSMITH_", "LANGCHAIN_", "OPENAI_"))
    }
    return {**inherited, "PYTHONPATH": str(ROOT), "COLUMNS": "140", **(changes or {})}
