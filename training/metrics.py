"""Where do a training run's numbers go: a line a step in metrics.jsonl, TensorBoard beside it, and back again?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

METRICS = "metrics.jsonl"


class Metrics:
    """The numbers of one run's steps. On resuming, lines of the step that is done again and of later ones go."""

    def __init__(self, folder: Path, *, start: int = 0, tensorboard: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / METRICS
        kept = [row for row in read_metrics(folder) if row["step"] < start]
        self._path.write_text("".join(_line(row) for row in kept), encoding="utf-8")
        self._board = _board(folder, start) if tensorboard else None

    def add(self, step: int, numbers: Mapping[str, float]) -> None:
        """Append a step's numbers; what is not finite is null, which is missing."""
        row = {"step": step} | {k: v if math.isfinite(v) else None for k, v in numbers.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(row))
        if self._board is not None:
            for name, value in row.items():
                if name != "step" and value is not None:
                    self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what TensorBoard holds back."""
        if self._board is not None:
            self._board.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run, in order; a line that a crash cut off is left out."""
    path = folder / METRICS
    return list(_whole(path.read_text(encoding="utf-8").splitlines())) if path.is_file() else []


def _whole(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and "step" in row:
            yield row


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, allow_nan=False) + "\n"


def _board(folder: Path, start: int) -> Any:
    """TensorBoard's writer, where it is installed."""
    from importlib.util import find_spec

    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard.writer import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"), purge_step=start or None)
