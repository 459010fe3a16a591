"""What do many records say of strategy, as tables: each record read once, everything worked out while it is at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evals.records import each, paths
from evals.strategy import cells, concession, movement, patches, transitions
from evals.strategy.played import Played, Row, table

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord


@dataclass(frozen=True)
class StrategyRows:
    """What is kept of one record: rows as the `…_of` functions give them."""

    points: list[Row]
    concessions: list[Row]
    steps: list[Row]
    influences: list[Row]
    minds: list[Row]
    rounds: list[Row]
    overrides: list[Row]
    tags: list[Row]
    patches: list[Row]


@dataclass(frozen=True)
class StrategyFrames:
    """The tables, joined to `Frames.runs` by `run_id`; a table without rows has its columns all the same."""

    points: pd.DataFrame
    concessions: pd.DataFrame
    steps: pd.DataFrame
    influences: pd.DataFrame
    minds: pd.DataFrame
    rounds: pd.DataFrame
    overrides: pd.DataFrame
    tags: pd.DataFrame
    patches: pd.DataFrame


def rows_of(record: RunRecord) -> StrategyRows:
    """All rows of one record; invalid runs have none."""
    run = Played(record)
    points = concession.curve_points(run)
    return StrategyRows(
        points=points,
        concessions=concession.concessions(run, points),
        steps=transitions.steps(run),
        influences=movement.influences(run),
        minds=movement.mind_rows(run),
        rounds=cells.round_rows(run),
        overrides=cells.override_rows(run),
        tags=cells.tag_rows(run),
        patches=patches.patch_rows(run),
    )


def frames(where: Iterable[str | Path], progress: Callable[[int, int], None] | None = None) -> StrategyFrames:
    """The tables of every record that files and folders name. Raises ParleyError as `evals.records` does."""
    files = paths(where)
    kept: list[StrategyRows] = []
    for rows in each(files, rows_of):
        kept.append(rows)
        if progress is not None:
            progress(len(kept), len(files))
    return framed(kept)


def framed(kept: Iterable[StrategyRows]) -> StrategyFrames:
    """Rows as tables."""
    kept = list(kept)
    columns = {
        "points": concession.POINT_COLUMNS,
        "concessions": concession.CONCESSION_COLUMNS,
        "steps": transitions.STEP_COLUMNS,
        "influences": movement.INFLUENCE_COLUMNS,
        "minds": (*movement.MIND_COLUMNS, "own", "way"),
        "rounds": cells.ROUND_COLUMNS,
        "overrides": cells.OVERRIDE_COLUMNS,
        "tags": cells.TAG_COLUMNS,
        "patches": patches.PATCH_COLUMNS,
    }
    return StrategyFrames(
        **{name: table((r for k in kept for r in getattr(k, name)), cols) for name, cols in columns.items()}
    )
