"""Edge events of records as tables: every edge once, every cell and change of it, and nothing missing made 0."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evals.edges import (
    CELL_COLUMNS,
    CHANGE_COLUMNS,
    EVENT_COLUMNS,
    cells,
    changes,
    events,
    from_records,
    read_records,
)
from nodes.record import RunRecord
from scenarios.errors import ParleyError
from tests.play import play


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edges")


@pytest.fixture(scope="module")
def played(folder: Path) -> list[RunRecord]:
    ward = "generated:5,n=6,divisible=1"
    return [
        play(ward, folder, framework="rawlsian", opponent="biased-age"),
        play(ward, folder, framework="rawlsian", opponent="biased-age", panel=("utilitarian",), rounds=2),
    ]


def test_every_edge_of_every_record_has_a_row_that_says_what_the_record_says(
    folder: Path, played: list[RunRecord]
) -> None:
    frame = from_records([folder])
    assert tuple(frame.columns) == EVENT_COLUMNS
    told = {(r.run_id, e.index): (r, e) for r in played for e in r.edges}
    assert len(frame) == len(told) and list(frame["run_id"]) == sorted(frame["run_id"])
    for row in frame.to_dict("records"):
        record, edge = told[row["run_id"], row["index"]]
        assert row["scenario"] == record.scenario.name
        assert row["n_cells"] == len(edge.cells)
        for name in ("source", "target", "round", "seat", "persona", "strategy", "step"):
            assert row[name] == getattr(edge, name) or (pd.isna(row[name]) and getattr(edge, name) is None)
        for name in ("delta_own", "delta_other"):
            value = getattr(edge, name)
            assert pd.isna(row[name]) if value is None else row[name] == value


def test_a_step_that_is_no_move_has_no_deltas_rather_than_zeros(
    folder: Path, played: list[RunRecord]
) -> None:
    frame = from_records([folder])
    moves = frame["source"].isin(["propose", "critique"])
    assert frame.loc[~moves, ["delta_own", "delta_other", "step"]].isna().all(axis=None)
    assert frame.loc[moves, ["delta_own", "delta_other", "step"]].notna().all(axis=None)


def test_cells_and_changes_are_those_of_the_record(folder: Path, played: list[RunRecord]) -> None:
    rows = read_records([folder])
    tags, changed = cells(rows), changes(rows)
    assert tuple(tags.columns) == CELL_COLUMNS and tuple(changed.columns) == CHANGE_COLUMNS
    assert len(tags) == sum(len(e.cells) for r in played for e in r.edges) > 0
    assert len(changed) == sum(len(e.delta) for r in played for e in r.edges) > 0
    record = played[0]
    for edge in record.edges:
        mine = tags[(tags["run_id"] == record.run_id) & (tags["index"] == edge.index)]
        assert dict(zip(mine["cell"], mine["tag"], strict=True)) == edge.cells
        of = changed[(changed["run_id"] == record.run_id) & (changed["index"] == edge.index)]
        for row in of.to_dict("records"):
            before, after = edge.delta[row["cell"]]
            assert row["after"] == after
            assert pd.isna(row["before"]) if before is None else row["before"] == before
    assert changed["before"].isna().any(), "a solo has nothing before it"
    assert events(rows).equals(from_records([folder]))


def test_an_edge_that_is_told_twice_stands_once(
    folder: Path, played: list[RunRecord], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes((folder / f"{played[0].run_id}.json").read_bytes())
    assert from_records([folder, copy]).equals(from_records([folder]))
    rows = read_records([folder, copy])
    assert cells(rows).equals(cells(read_records([folder])))


def test_no_events_are_tables_without_rows_but_with_their_columns() -> None:
    assert tuple(events([]).columns) == EVENT_COLUMNS
    assert tuple(cells([]).columns) == CELL_COLUMNS
    assert tuple(changes([]).columns) == CHANGE_COLUMNS
    assert events([])["delta_own"].dtype == "float64" and events([])["index"].dtype == "int64"


def test_a_folder_without_records_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="no record there") as refused:
        from_records([tmp_path])
    assert "\n" not in str(refused.value)
