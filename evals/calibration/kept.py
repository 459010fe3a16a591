"""How are the numbers of a calibration kept, so that they can be drawn without a study being simulated again?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import ParleyError
from scenarios.model import Model

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 6
"""Shares are kept to so many places: the simulation tells fewer."""


class Kept(Model):
    """A calibration as it was made: the command, its numbers, the day, and both tables, missing values None.

    `coverage` has the rows of `evals.calibration.coverage.coverage`, `recovery` those of the summary of
    `evals.calibration.recovery`.
    """

    command: str
    made: str
    studies: int
    recoveries: int
    seed: int
    coverage: list[dict[str, Any]]
    recovery: list[dict[str, Any]]


def keep(path: Path, how: Mapping[str, Any], covered: pd.DataFrame, recovered: pd.DataFrame) -> None:
    """Write both tables as JSON; `how` says the command, studies, recoveries and seed. Dated by the day, in UTC."""
    made = datetime.now(UTC).date().isoformat()
    kept = Kept.model_validate(
        {**how, "made": made, "coverage": _rows(covered), "recovery": _rows(recovered)}
    )
    path.write_text(json.dumps(kept.model_dump(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_kept(path: Path) -> Kept:
    """The calibration that a file keeps. Raises ParleyError, in one line, for a file that keeps none."""
    try:
        return Kept.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        why = "cannot be read" if isinstance(error, OSError) else "keeps no calibration"
        raise ParleyError(
            f"{path}: {why}; make it by `python -m evals.calibration check --out {path.with_suffix('.md')}`"
        ) from None


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain data: what is missing is None."""
    found: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=DIGITS))
    return found
