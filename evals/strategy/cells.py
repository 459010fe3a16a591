"""What became of what was in dispute: contestation against override, in exact counts with their denominators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from evals.strategy.played import Played, Row, table
from nodes.findings.strategy import Tag
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

TAGS: tuple[str, ...] = get_args(Tag)
ROUND_COLUMNS = ("run_id", "round", "cells", "contested", "overridden", "overridden_contested", "amended")
OVERRIDE_COLUMNS = ("run_id", "round", "seat", "persona", "contested", "overridden", "overridden_contested")
TAG_COLUMNS = ("run_id", "round", "seat", "persona", "cells", "disputed", *TAGS, "abstained")


def rounds_of(record: RunRecord) -> list[Row]:
    """One row a round (ROUND_COLUMNS); none for an invalid run.

    `cells` are those of which somebody demands something, `contested` those on which the last valid moves differ
    after the round, `overridden` those where the merge equals one seat's solo though another still contests it,
    `overridden_contested` those that are both (a person who amends a merge may override what was agreed; else all are).
    """
    return round_rows(Played(record))


def overrides_of(record: RunRecord) -> list[Row]:
    """One row a round and seat (OVERRIDE_COLUMNS): on how many cells this seat's solo prevailed over another's word."""
    return override_rows(Played(record))


def tags_of(record: RunRecord) -> list[Row]:
    """One row a move (TAG_COLUMNS): how many cells in dispute it held, contested, conceded or traded.

    `disputed` is their sum: cells that were in dispute before the move or are because of it.
    """
    return tag_rows(Played(record))


def round_rows(run: Played) -> list[Row]:
    """See `rounds_of`."""
    if run.record.status == "invalid":
        return []
    return [
        {
            "run_id": run.record.run_id,
            "round": r.round,
            "cells": run.demanded,
            "contested": len(r.contested),
            "overridden": len(r.overridden),
            "overridden_contested": len(r.overridden.keys() & set(r.contested)),
            "amended": r.amended,
        }
        for r in run.record.rounds
    ]


def override_rows(run: Played) -> list[Row]:
    """See `overrides_of`."""
    if run.record.status == "invalid":
        return []
    rows = []
    for r in run.record.rounds:
        disputed = set(r.contested)
        by_seat = Counter(r.overridden.values())
        contested = Counter(seat for cell, seat in r.overridden.items() if cell in disputed)
        for seat in run.seats:
            told = (run.record.run_id, r.round, seat, run.personas[seat], len(disputed))
            counts = (by_seat[seat], contested[seat])
            rows.append(dict(zip(OVERRIDE_COLUMNS, (*told, *counts), strict=True)))
    return rows


def tag_rows(run: Played) -> list[Row]:
    """See `tags_of`."""
    if run.record.status == "invalid":
        return []
    rows = []
    for edge in run.record.edges:
        if edge.seat is None or edge.source not in ("propose", "critique"):
            continue
        counts = Counter(edge.cells.values())
        told = (run.record.run_id, edge.round, edge.seat, run.personas[edge.seat], run.demanded)
        tagged = (len(edge.cells), *(counts[tag] for tag in TAGS), edge.strategy == "abstain")
        rows.append(dict(zip(TAG_COLUMNS, (*told, *tagged), strict=True)))
    return rows


def contestation(rounds: pd.DataFrame, by: Sequence[str] = ("round",)) -> pd.DataFrame:
    """Rows of `rounds_of` added up by group: `by`, `runs`, the counts, and shares with the counts they are of.

    contested_share = contested / cells; overridden_share = overridden_contested / contested, missing where nothing
    was contested. With `run_id` in `by` these are the shares of single runs, for statistics over wards.
    """
    counts = ["cells", "contested", "overridden", "overridden_contested"]
    out = added_up(rounds, by, counts)
    out["contested_share"] = share_of(out["contested"], out["cells"])
    out["overridden_share"] = share_of(out["overridden_contested"], out["contested"])
    return out


def overrides(rows: pd.DataFrame, by: Sequence[str] = ("round", "seat")) -> pd.DataFrame:
    """Rows of `overrides_of` added up by group, with share = overridden_contested / contested: whose solo prevailed."""
    out = added_up(rows, by, ["contested", "overridden", "overridden_contested"])
    out["share"] = share_of(out["overridden_contested"], out["contested"])
    return out


def tagged(rows: pd.DataFrame, by: Sequence[str] = ("persona",)) -> pd.DataFrame:
    """Rows of `tags_of` added up by group: counts of every tag, and TAG_share = count / disputed cells."""
    out = added_up(rows, by, ["disputed", *TAGS, "abstained"])
    for tag in TAGS:
        out[f"{tag}_share"] = share_of(out[tag], out["disputed"])
    return out


def added_up(rows: pd.DataFrame, by: Sequence[str], counts: Sequence[str]) -> pd.DataFrame:
    """Counts of rows added up by group, with the number of runs: `by`, `runs`, `counts`, all whole numbers."""
    if absent := [c for c in by if c not in rows.columns]:
        raise ParleyError(
            f"no column {', '.join(absent)} in the rows; join it first, or leave it out of `by`"
        )
    if rows.empty:
        return table([], [*by, "runs", *counts])
    groups = rows.groupby(list(by), dropna=False, sort=True)
    out = groups[list(counts)].sum().astype("int64")
    out.insert(0, "runs", groups["run_id"].nunique())
    return out.reset_index()


def share_of(part: pd.Series, whole: pd.Series) -> pd.Series:
    """part / whole, missing where whole is 0."""
    return part.astype("float64") / whole.astype("float64")  # 0 of 0 is NaN
