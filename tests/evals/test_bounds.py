"""Are the bounds of a ward feasible, alike for all its runs, where they should be, and joined to the right rows?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.bounds import (
    LOTTERIES,
    MIXTURES,
    _cached_lotteries,
    bounds_of,
    mixtures,
    outcomes_with,
    with_bounds,
)
from evals.frames import Frames, framed, rows_of
from nodes.record import RunRecord
from personas.utility import usable
from scenarios.measures import MEASURES, need_satisfaction
from scenarios.optimum import balanced_optimum, normalised_measures
from scenarios.ward import Array, Ward
from tests.play import play

WARD = "generated:3,n=6,divisible=1"
WHOLE = "generated:2,n=5,divisible=0"
PLAIN: dict[str, Any] = {"framework": "plain", "rounds": 1}
PLAYED: dict[str, tuple[str, dict[str, Any]]] = {
    "one": (WARD, PLAIN | {"opponent": "biased-age"}),
    "other": (WARD, PLAIN | {"opponent": "biased-sex", "seed": 5}),
    "blind": (WARD, PLAIN | {"opponent": "biased-age", "blind": ("age_group",)}),
    "whole": (WHOLE, PLAIN | {"opponent": "biased-ethnicity"}),
    "three": (WARD, PLAIN | {"opponent": "biased-age", "panel": ("biased-sex",)}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def records(folder: Path) -> dict[str, RunRecord]:
    return {name: play(ward, folder, **settings) for name, (ward, settings) in PLAYED.items()}


def allocations(record: RunRecord) -> dict[str, Array]:
    return {k: record.scenario.array(o.allocation) for k, o in outcomes_with(record).items()}


def feasible(ward: Ward, x: Array) -> bool:
    a = ward.arrays
    within = (
        (x >= -1e-6).all() and (x <= a.demand + 1e-6).all() and (x.sum(axis=0) <= a.capacity + 1e-6).all()
    )
    return bool(within and np.allclose(x[:, a.whole], np.round(x[:, a.whole]), atol=1e-6))


def floor(ward: Ward, x: Array) -> float:
    return min(g for g in normalised_measures(ward, x).values() if g is not None)


class TestBounds:
    @pytest.mark.parametrize("name", PLAYED)
    def test_everything_is_feasible_and_nothing_is_left_out(
        self, name: str, records: dict[str, RunRecord]
    ) -> None:
        made = allocations(records[name])
        lotteries = [f"lottery:{i + 1}" for i in range(LOTTERIES)]
        assert set(made) == {"oracle", *lotteries, *(f"mixture:{i}" for i in range(MIXTURES))}
        assert all(feasible(records[name].scenario, x) for x in made.values())

    @pytest.mark.parametrize("name", ["one", "whole"])
    def test_the_oracle_attains_the_balanced_optimum_and_nothing_passes_it(
        self, name: str, records: dict[str, RunRecord]
    ) -> None:
        ward, made = records[name].scenario, allocations(records[name])
        measures = list(usable(ward, dict.fromkeys(MEASURES, 1.0)))
        best = balanced_optimum(ward, measures)
        least = floor(ward, made.pop("oracle"))
        assert least == pytest.approx(min(normalised_measures(ward, best.x)[m] for m in measures), abs=1e-6)
        assert least == pytest.approx(best.value, abs=2e-3)
        assert all(floor(ward, x) <= least + 2e-3 for x in made.values())
        assert all(
            floor(ward, ward.array(o.allocation)) <= least + 2e-3 for o in records[name].measures.values()
        )

    def test_oracle_and_lotteries_are_the_wards_and_mixtures_the_runs(
        self, records: dict[str, RunRecord]
    ) -> None:
        one, other, blind = (allocations(records[n]) for n in ("one", "other", "blind"))
        for stage in ("oracle", *(f"lottery:{i + 1}" for i in range(LOTTERIES))):
            assert np.array_equal(one[stage], other[stage]) and np.array_equal(one[stage], blind[stage])
        _cached_lotteries.cache_clear()  # as another process, which has to draw them anew
        assert np.array_equal(allocations(records["other"])["lottery:7"], one["lottery:7"])
        assert not np.allclose(one["mixture:0"], other["mixture:0"], atol=1e-3)
        assert not np.allclose(one["lottery:1"], one["lottery:2"], atol=1e-3), "no two draws are alike"

    def test_lotteries_leave_nothing_idle_that_is_needed(self, records: dict[str, RunRecord]) -> None:
        for name in ("one", "whole"):
            a, made = records[name].scenario.arrays, allocations(records[name])
            used = np.array([made[f"lottery:{i + 1}"].sum(axis=0) for i in range(LOTTERIES)])
            wanted = np.minimum(a.capacity, a.demand.sum(axis=0))
            assert np.allclose(used, np.where(a.whole, np.floor(wanted + 1e-9), wanted), atol=1e-3)


class TestMixtures:
    def test_the_ends_are_the_solos_and_between_them_it_is_straight(
        self, records: dict[str, RunRecord]
    ) -> None:
        record = records["one"]
        a, b = (record.scenario.array(record.solo[s].move.allocation) for s in "AB")
        made = mixtures(record)
        assert abs(a - b).max() > 0.01
        for i in range(MIXTURES):
            share = i / (MIXTURES - 1)
            assert np.allclose(made[f"mixture:{i}"], share * a + (1 - share) * b, atol=1e-9)

    def test_of_whole_goods_the_ends_are_the_solos_and_the_rest_a_draw_between(
        self, records: dict[str, RunRecord]
    ) -> None:
        record = records["whole"]
        a, b = (record.scenario.array(record.solo[s].move.allocation) for s in "AB")
        made = mixtures(record)
        assert np.allclose(made["mixture:0"], b) and np.allclose(made[f"mixture:{MIXTURES - 1}"], a)
        low, high = np.minimum(a, b), np.maximum(a, b)
        assert all(((low - 1e-6 <= x) & (x <= high + 1e-6)).all() for x in made.values())
        assert all(np.array_equal(x, mixtures(record)[k]) for k, x in made.items()), "drawn by the run's seed"

    def test_of_a_panel_the_first_two_are_mixed(self, records: dict[str, RunRecord]) -> None:
        record = records["three"]
        made = mixtures(record)
        assert np.allclose(made["mixture:0"], record.scenario.array(record.solo["B"].move.allocation))

    def test_without_a_solo_there_is_none(self, records: dict[str, RunRecord]) -> None:
        record = records["one"]
        gone = record.solo["B"].move.model_copy(update={"allocation": None})
        solo = record.solo | {"B": record.solo["B"].model_copy(update={"move": gone})}
        lacking = record.model_copy(update={"solo": solo})
        assert mixtures(lacking) == {}
        assert "oracle" in outcomes_with(lacking), "the ward's own bounds are there all the same"


class TestMeasured:
    def test_a_solo_at_the_end_of_a_mixture_is_measured_as_the_record_measured_it(
        self, records: dict[str, RunRecord]
    ) -> None:
        for name in ("one", "blind", "whole"):
            record = records[name]
            found, recorded = outcomes_with(record)["mixture:0"], record.measures["solo:B"]
            assert found.utilities == pytest.approx(recorded.utilities, abs=1e-6)
            assert found.measures == pytest.approx(recorded.measures, abs=1e-6)
            assert found.normalised == pytest.approx(recorded.normalised, abs=1e-6)
            assert found.criteria == recorded.criteria


@pytest.fixture(scope="module")
def joined(folder: Path, records: dict[str, RunRecord]) -> Frames:
    """Every run's own stages, and those of two of them with their bounds."""
    plain = framed(map(rows_of, records.values()))
    return with_bounds(plain, [folder / f"{records[n].run_id}.json" for n in ("one", "whole")])


class TestJoined:
    def test_stages_are_added_to_the_runs_named_and_to_no_others(
        self, joined: Frames, records: dict[str, RunRecord]
    ) -> None:
        count = joined.stages[joined.stages["stage"].str.startswith("mixture:")].groupby("run_id").size()
        assert count.to_dict() == {records[n].run_id: MIXTURES for n in ("one", "whole")}
        own = joined.stages[joined.stages["run_id"] == records["other"].run_id]
        assert set(own["stage"]) == set(records["other"].measures)
        assert not joined.stages.duplicated(["run_id", "stage"]).any()

    def test_need_met_is_that_of_the_patient(self, joined: Frames, records: dict[str, RunRecord]) -> None:
        rows = joined.patients.set_index(["run_id", "patient"])
        for name in ("one", "whole"):
            record = records[name]
            ward, x = record.scenario, allocations(record)["oracle"]
            h = need_satisfaction(x, ward.arrays.demand)
            for i in np.flatnonzero(ward.arrays.counted):
                row = rows.loc[(record.run_id, ward.patients[i].id)]
                assert row["h:oracle"] == pytest.approx(h[i])
                recorded = ward.array(record.measures["joint"].allocation)
                assert row["h:joint"] == pytest.approx(need_satisfaction(recorded, ward.arrays.demand)[i])
        assert rows.loc[records["other"].run_id, "h:oracle"].isna().all(), "missing, never 0"

    def test_no_row_is_lost_or_doubled(self, joined: Frames, records: dict[str, RunRecord]) -> None:
        plain = framed(map(rows_of, records.values()))
        assert len(joined.patients) == len(plain.patients) and joined.runs.equals(plain.runs)
        added = bounds_of(records["one"]).stages
        assert len(joined.stages) == len(plain.stages) + len(added) * 2

    def test_of_no_records_nothing_changes(self, records: dict[str, RunRecord]) -> None:
        plain = framed(map(rows_of, records.values()))
        assert with_bounds(plain, []) is plain
