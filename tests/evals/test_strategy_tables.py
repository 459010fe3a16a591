"""Many records in one go: the same rows as one by one, in parallel too, fast, and estimated over wards."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evals import strategy
from evals.frames import frames as run_frames
from evals.records import read
from evals.strategy import estimates, framed, frames
from evals.strategy.summary import ESTIMATED
from scenarios.errors import ParleyError
from tests.play import play

ROW_FUNCTIONS = {
    "points": strategy.curve_of,
    "concessions": strategy.concession_of,
    "steps": strategy.steps_of,
    "influences": strategy.influence_of,
    "minds": strategy.minds_of,
    "rounds": strategy.rounds_of,
    "overrides": strategy.overrides_of,
    "tags": strategy.tags_of,
    "patches": strategy.patches_of,
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("tables")
    for seed in (3, 4):
        play(f"generated:{seed},n=6,divisible=1", runs, framework="rawlsian", opponent="biased-age")
    return runs


def test_the_tables_hold_what_each_row_function_gives(played: Path) -> None:
    told, records = frames([played]), [read(p) for p in sorted(played.glob("*.json"))]
    assert {f.name for f in fields(told)} == ROW_FUNCTIONS.keys()
    for name, function in ROW_FUNCTIONS.items():
        rows = [row for record in records for row in function(record)]
        frame = getattr(told, name)
        assert len(frame) == len(rows) > 0
        for column in frame.columns:
            if column in ("own", "way"):
                continue
            expected = pd.Series([row[column] for row in rows])
            pd.testing.assert_series_equal(frame[column], expected, check_names=False, check_dtype=False)


def test_tables_without_rows_have_the_same_columns(played: Path) -> None:
    told, none = frames([played]), framed([])
    for field in fields(told):
        assert list(getattr(none, field.name).columns) == list(getattr(told, field.name).columns)
        assert getattr(none, field.name).empty


def test_progress_is_told_record_by_record(played: Path) -> None:
    heard: list[tuple[int, int]] = []
    frames([played], progress=lambda done, of: heard.append((done, of)))
    assert heard == [(1, 2), (2, 2)]


def test_estimates_are_means_of_ward_means_with_everything_missing_counted() -> None:
    rows = pd.DataFrame({"run_id": list("abcd"), "share": [0.0, 1.0, 2.0, None], "other": [1.0] * 4})
    runs = pd.DataFrame({"run_id": list("abcd"), "condition": ["x"] * 4, "cluster": ["w", "w", "v", "v"]})
    frame = estimates(rows, runs, ["share", "other"], rng=np.random.default_rng(1), resamples=50)
    assert list(frame.columns) == ["condition", "value", *ESTIMATED]
    share = frame.set_index("value").loc["share"]
    assert share["mean"] == pytest.approx((0.5 + 2.0) / 2)
    assert (share["n"], share["clusters"], share["missing"]) == (3, 2, 1)
    with pytest.raises(ParleyError, match="no column shore"):
        estimates(rows, runs, ["shore"], rng=np.random.default_rng(1))


def test_estimates_of_a_played_study_join_its_runs(played: Path) -> None:
    runs = run_frames([played]).runs.assign(condition="all")
    told = frames([played])
    frame = estimates(
        told.influences, runs, ["debate_added"], by=["condition", "seat"], rng=np.random.default_rng(1)
    )
    by_seat = frame.set_index("seat")["mean"]
    assert by_seat["A"] == pytest.approx(-by_seat["B"])
    assert by_seat["A"] == pytest.approx(runs["debate_added"].mean(), abs=1e-8)
