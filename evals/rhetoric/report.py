"""What is kept of a judging, beside the answers: tables as CSV, and what made them, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.rhetoric.asking import LABELS, prompt_hashes
from evals.rhetoric.sheet import table
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

    from evals.rhetoric.gathering import Gathered
    from evals.rhetoric.judging import Spent

Json = dict[str, Any]


def summary(
    gathered: Gathered,
    spent: Mapping[str, Spent],
    frames: Mapping[str, pd.DataFrame],
    asked: Mapping[str, Any],
) -> Json:
    """One JSON document: what was asked of whom in which words, what it took, and every table row by row."""
    return {
        "asked": dict(asked),
        "labels": list(LABELS),
        "prompts": prompt_hashes(),
        "at": datetime.now(UTC).isoformat(),
        "arguments": len(gathered.arguments),
        "silent": gathered.silent,
        "invalid": gathered.invalid,
        "spent": {reading: asdict(one) for reading, one in spent.items()},
        **{name: rows_of(frame) for name, frame in frames.items()},
    }


def rows_of(frame: pd.DataFrame) -> list[Json]:
    """The rows of a frame as plain JSON; what is missing is null."""
    return [{k: _plain(v) for k, v in row.items()} for row in frame.astype(object).to_dict(orient="records")]


def keep(folder: Path, document: Json, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write `rhetoric.json` and a CSV for each table. Raises ParleyError where the folder cannot be written."""
    write(
        folder / "rhetoric.json", json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    )
    for name, frame in frames.items():
        rows = frame.to_dict(orient="records")
        write(folder / f"{name}.csv", table(rows, list(frame.columns)), "utf-8-sig")


def write(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a file whole or not at all. Raises ParleyError where that cannot be done."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding=encoding, newline="") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # where its folder is none, there is nothing to take away
            temporary.unlink(missing_ok=True)
        raise ParleyError(f"{path}: cannot be written ({error.strerror}); name another --out") from None


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    item = value.item() if hasattr(value, "item") else value
    return None if item is None or item != item else item
