"""Which way did debates go, edge by edge, as tables: from run records, or read back from a LangSmith project.

events    one row an edge event (EVENT_COLUMNS): who moved, from where to where, which strategy that was
cells     one row a cell in dispute at a move (CELL_COLUMNS), with what became of it: hold, contest, concede, trade
changes   one row a cell that an edge changed (CHANGE_COLUMNS), `before` missing where there was nothing before

Both sources give the same rows in the same order, by run and index, each edge once. What has no value is missing
(NaN or None), never 0. A record is of a debate that ended; a project also holds debates that were broken off:
their last event does not go to `record`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.records import each, paths
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd
    from langsmith import Client

    from nodes.record import RunRecord

Row = dict[str, Any]

_TOLD = ("index", "source", "target", "round", "seat", "persona", "strategy", "step")
_DELTAS = ("delta_own", "delta_other")

EVENT_COLUMNS = ("run_id", "scenario", *_TOLD, *_DELTAS, "n_cells")
"""`n_cells` counts the cells in dispute at a move that were tagged: those of `cells`."""

CELL_COLUMNS = ("run_id", "index", "round", "seat", "cell", "tag")
CHANGE_COLUMNS = ("run_id", "index", "cell", "before", "after")

_NAME = "edge "
_SELECT = ("id", "trace_id", "session_id", "name", "run_type", "start_time", "tags", "extra")


def from_records(where: Iterable[str | Path]) -> pd.DataFrame:
    """The events of every record that files and folders name. Raises ParleyError as `evals.records` does."""
    return events(row for rows in each(paths(where), _bare_events_of) for row in rows)


def from_langsmith(project: str, client: Client | None = None, limit: int | None = None) -> pd.DataFrame:
    """The events that a LangSmith project holds; see `read_langsmith`."""
    return events(read_langsmith(project, client, limit))


def read_records(where: Iterable[str | Path]) -> list[Row]:
    """Everything told of the edges of these records, for `events`, `cells` and `changes`."""
    return [row for rows in each(paths(where), events_of) for row in rows]


def read_langsmith(project: str, client: Client | None = None, limit: int | None = None) -> list[Row]:
    """Everything told of the edges that a LangSmith project holds, for `events`, `cells` and `changes`.

    `client` is by default one of the environment (LANGSMITH_API_KEY, LANGSMITH_ENDPOINT); for a server of your own
    give `langsmith.Client(api_url=…, api_key=…)`. Runs tagged `edge` and named `edge …` are read, page by page,
    newest first, without inputs and outputs. At most `limit` events are read; a debate that the limit cuts is left out.
    An edge that was traced more than once (a resumed or repeated run) counts once, as it was traced last.
    Raises ParleyError, in one line and never with the key, where the project cannot be read.
    """
    if limit is not None and limit < 1:
        raise ParleyError(f"limit is {limit}; read at least 1 event")
    client = client or _client()
    latest: dict[tuple[str, int], tuple[Any, Row]] = {}
    read = 0
    for run in islice(_edge_runs(client, project), limit):
        told, read = _told(run, project), read + 1
        key = (told["run_id"], told["index"])
        if key not in latest or latest[key][0] <= run.start_time:
            latest[key] = (run.start_time, told)
    rows = [told for _, told in latest.values()]
    return _uncut(rows) if read == limit else rows


def events_of(record: RunRecord) -> list[Row]:
    """One row an edge of a record: EVENT_COLUMNS, and `cells` and `delta` as the record has them."""
    return [
        row | {"cells": dict(edge.cells), "delta": dict(edge.delta)}
        for row, edge in zip(_bare_events_of(record), record.edges, strict=True)
    ]


def events(rows: Iterable[Row]) -> pd.DataFrame:
    """One row an edge event, EVENT_COLUMNS, by run and index; an edge told twice stands once."""
    frame = _frame(([row[c] for c in EVENT_COLUMNS] for row in rows), EVENT_COLUMNS, ["run_id", "index"])
    return frame.astype(dict.fromkeys(_DELTAS, "float64"))


def cells(rows: Iterable[Row]) -> pd.DataFrame:
    """One row a cell in dispute at a move, CELL_COLUMNS; rows are those of `read_records` or `read_langsmith`."""
    told = (
        [*(row[c] for c in CELL_COLUMNS[:4]), cell, tag] for row in rows for cell, tag in row["cells"].items()
    )
    return _frame(told, CELL_COLUMNS, ["run_id", "index", "cell"])


def changes(rows: Iterable[Row]) -> pd.DataFrame:
    """One row a changed cell, CHANGE_COLUMNS, amounts in the resource's unit; rows as for `cells`."""
    told = ([row["run_id"], row["index"], cell, *pair] for row in rows for cell, pair in row["delta"].items())
    frame = _frame(told, CHANGE_COLUMNS, ["run_id", "index", "cell"])
    return frame.astype({"before": "float64", "after": "float64"})


def _bare_events_of(record: RunRecord) -> list[Row]:
    whose = {"run_id": record.run_id, "scenario": record.scenario.name}
    return [
        whose | {name: getattr(edge, name) for name in (*_TOLD, *_DELTAS)} | {"n_cells": len(edge.cells)}
        for edge in record.edges
    ]


def _frame(rows: Iterable[list[Any]], columns: tuple[str, ...], key: list[str]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(columns))
    if frame.empty:  # columns of an empty table have no type of their own
        frame = frame.astype({c: "int64" if c in ("index", "round", "n_cells") else "str" for c in columns})
    return frame.drop_duplicates(key, keep="last").sort_values(key, ignore_index=True)


def _client() -> Client:
    """A client of the environment; it only reads, so nothing of it runs in the background."""
    import langsmith

    return langsmith.Client(auto_batch_tracing=False)


def _edge_runs(client: Client, project: str) -> Iterator[Any]:
    """The edge runs of a project. Nodes carry the tag too, so the name decides."""
    from langsmith.utils import LangSmithError
    from pydantic import ValidationError
    from requests import RequestException

    try:
        with warnings.catch_warnings():  # of its successor `runs.query`, which servers of one's own may lack
            warnings.simplefilter("ignore", DeprecationWarning)
            runs = client.list_runs(project_name=project, filter='has(tags, "edge")', select=_SELECT)
        yield from (run for run in runs if run.name.startswith(_NAME))
    except (LangSmithError, RequestException, ValidationError, ValueError) as error:
        # From None and without its words: they quote the key's ends, and run over many lines.
        raise ParleyError(f"LangSmith project '{project}' at {client.api_url}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    from langsmith import utils

    reasons: dict[type[Exception], str] = {
        utils.LangSmithNotFoundError: "there is no such project; name one that was traced to",
        utils.LangSmithAuthError: "the key is missing or was refused; set LANGSMITH_API_KEY",
        utils.LangSmithRateLimitError: "too many requests; wait a minute, or give a limit",
        utils.LangSmithConnectionError: "it cannot be reached; check LANGSMITH_ENDPOINT and the network",
        utils.LangSmithAPIError: "the server failed; try again later",
    }
    for kind, reason in reasons.items():
        if isinstance(error, kind):
            return reason
    return f"it cannot be read ({type(error).__name__}); check the key, its workspace and the endpoint"


def _told(run: Any, project: str) -> Row:
    """What a traced edge tells of itself: its metadata, as `nodes.table.edges` wrote it."""
    told = run.metadata
    missing = [
        name for name in ("run_id", "scenario", "index", "source", "target", "round") if name not in told
    ]
    if missing:
        raise ParleyError(
            f"LangSmith project '{project}': run {run.id} is named as an edge but has no {', '.join(missing)} "
            "in its metadata; read a project of Parley's debates alone"
        )
    row = {name: told.get(name) for name in ("run_id", "scenario", *_TOLD, *_DELTAS)}
    cells_, delta = told.get("cells") or {}, told.get("delta") or {}
    return row | {"n_cells": len(cells_), "cells": cells_, "delta": delta}


def _uncut(rows: list[Row]) -> list[Row]:
    """The rows of debates that are there from their first event on."""
    indices: dict[str, set[int]] = {}
    for row in rows:
        indices.setdefault(row["run_id"], set()).add(row["index"])
    whole = {run for run, seen in indices.items() if seen == set(range(len(seen)))}
    return [row for row in rows if row["run_id"] in whole]
