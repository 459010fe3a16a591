"""How does a person review a merge: the question on stderr, the answer from the terminal or from stdin."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from scenarios.errors import ParleyError

Json = dict[str, Any]


def ask(question: Json) -> Json:
    """Show a merge and take a line: empty accepts; `p1.icu_bed=0 p2.icu_bed=1`, JSON, or a file amend it.

    Raises ParleyError where there is no more input.
    """
    if "error" in question:
        print(f"\nnot possible: {question['error']}", file=sys.stderr)
    print(f"round {question['round']}: {question['ask']}", file=sys.stderr)
    for patient, shares in question["joint"].items():
        cells = (
            f"{patient}.{r}={v:g}{' (contested)' if f'{patient}.{r}' in question['contested'] else ''}"
            for r, v in shares.items()
        )
        print("  " + "  ".join(cells), file=sys.stderr)
    print(
        "Enter accepts; cells such as p1.icu_bed=0, JSON, or a file's path amend: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # the event loop's own would wait for a line
    try:
        line = sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, before)
    if not line:
        raise ParleyError("--review: no answer on stdin; press Enter to accept, or send cells to amend")
    return answer(line.strip())


def answer(line: str) -> Json:
    """A line as an answer to the mediator; what cannot be read is sent as it is, so that the mediator asks again."""
    if not line or line.lower() in ("y", "yes", "accept"):
        return {"accept": True}
    try:
        if Path(line).is_file():
            line = Path(line).read_text(encoding="utf-8")
        if line.lstrip().startswith("{"):
            sent: Json = json.loads(line)
            return sent if {"accept", "allocation"} & sent.keys() else {"allocation": sent}
        allocation: dict[str, dict[str, float]] = {}
        for part in line.split():
            cell, _, amount = part.partition("=")
            patient, _, resource = cell.partition(".")
            allocation.setdefault(patient, {})[resource] = float(amount)
        return {"allocation": allocation}
    except (ValueError, OSError):
        return {"unreadable": line[:200]}
