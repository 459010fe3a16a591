"""Leanings off records of debates: are solos and exit solos read as they were made?"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from evals.leanings import Choices, choices_of, leanings
from nodes.record import RunRecord
from tests.play import play

WARDS = [f"generated:{seed},n=5,divisible=1" for seed in range(1, 7)]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[RunRecord]:
    folder: Path = tmp_path_factory.mktemp("runs")
    told = {"opponent": "biased-sex", "persuasion": 0.9, "rounds": 2}
    return [play(w, folder, framework="plain", **told) for w in WARDS]


def test_every_seat_is_read_before_and_after(records: list[RunRecord]) -> None:
    kept = choices_of(records[0])
    assert [(c.seat, c.when) for c in kept.choices] == [
        ("A", "solo"),
        ("B", "solo"),
        ("A", "exit_solo"),
        ("B", "exit_solo"),
    ]
    assert kept.groups == ("sex=male",) and kept.choices[0].opponent == "biased-sex"
    allocation = records[0].exit_solo["A"].move.allocation
    assert allocation is not None and kept.choices[2].x is not None
    assert np.array_equal(kept.choices[2].x, records[0].scenario.array(allocation))
    back = pickle.loads(pickle.dumps(kept))
    assert isinstance(back, Choices) and back.digest == kept.digest


def test_persuasion_shows_in_the_exit_leaning_and_not_in_the_solo(records: list[RunRecord]) -> None:
    table = leanings(records, rng=np.random.default_rng(1), resamples=20)
    mine = table.query("persona == 'plain' and measure == 'sex=male'").set_index("when")
    assert mine.loc["solo", "high"] < 0.2 and mine.loc["solo", "inside"]
    assert mine.loc["exit_solo", "low"] > 0.2 and not mine.loc["exit_solo", "inside"]
    assert mine.loc["exit_solo", "change"] > 0.2
    other = table.query("persona == 'biased-sex' and measure == 'sex=male'").set_index("when")
    assert other.loc["solo", "low"] <= 0.6 <= other.loc["solo", "high"]
    assert set(table["seat"]) == {"A", "B"} and set(table["wards"]) == {6}


def test_by_any_field_and_from_kept_rows(records: list[RunRecord]) -> None:
    rng = np.random.default_rng(1)
    kept = [choices_of(r) for r in records[:2]]
    table = leanings(kept, by=("seat", "retrieval"), rng=rng, resamples=0)
    assert set(zip(table["seat"], table["retrieval"], strict=True)) == {("A", "off"), ("B", "off")}


def test_invalid_runs_are_missing_and_blinded_wards_are_read_as_seen(
    records: list[RunRecord], tmp_path: Path
) -> None:
    invalid = choices_of(records[0].model_copy(update={"status": "invalid"}))
    assert all(c.x is None for c in invalid.choices)
    blind = play(WARDS[0], tmp_path, framework="plain", opponent="biased-sex", blind=("sex",), rounds=1)
    kept = choices_of(blind)
    assert "sex" not in kept.ward.protected
    table = leanings([kept], rng=np.random.default_rng(1), resamples=0)
    rows = table.query("persona == 'biased-sex' and when == 'solo'").set_index("measure")
    assert np.isnan(rows.loc["sex=male", "low"]) and rows["inside"].all()
