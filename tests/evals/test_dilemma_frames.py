"""Do tables of dilemmas say what records say: payoffs by type, months, rounds, laws, and nothing where nothing is?"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from evals.dilemmas.frames import LAW_COLUMNS, exported, frames, rows_of
from evals.records import each, read
from scenarios.errors import ParleyError
from tests.evals.dilemmas import game, season, written
from tests.play import play


class TestSeason:
    def test_payoffs_are_net_of_payments_and_by_type(self) -> None:
        run = rows_of(season()).run
        assert (run["welfare_gross"], run["welfare_net"], run["burnt"]) == (90.0, 88.0, 2.0)
        assert run["payoff:prosocial"] == 31.0, "a2 took 20 and 10, and was paid 1"
        assert run["payoff:selfish"] == pytest.approx((30 - 3 + 30) / 2)
        assert run["least"] == 27.0 and run["prosocial"] == 1 and run["lambda"] is None

    def test_a_type_that_nobody_is_of_has_no_payoff(self) -> None:
        run = rows_of(season(prosocial=(True, True, True))).run
        assert run["payoff:selfish"] is None and run["lambda"] == math.inf

    def test_an_invalid_run_stands_in_runs_alone_and_has_no_number(self) -> None:
        rows = rows_of(season(status="invalid"))
        assert rows.seats == rows.steps == rows.laws == []
        assert not [k for k in rows.run if k.startswith(("m:", "payoff:", "welfare"))]

    def test_an_early_end_is_told_from_a_pool_emptied_in_the_last_month(self) -> None:
        early = season(catches=((30, 30, 40),)).model_copy(update={"collapsed": True})
        late = season(catches=((10, 10, 10),) * 3 + ((30, 30, 40),)).model_copy(update={"collapsed": True})
        assert rows_of(early).run["early_collapse"] is True
        assert rows_of(late).run["early_collapse"] is False

    def test_a_month_is_its_sums_and_a_law_where_it_bit(self) -> None:
        rows = rows_of(season())
        first, last = rows.steps
        assert (first["stock"], first["taken"], first["left"], first["regrown"]) == (100, 60, 40, 80)
        assert (last["stock"], last["taken"], last["paid"], last["burnt"]) == (80, 30, 1.0, 2.0)
        (law,) = rows.laws
        assert list(law) == LAW_COLUMNS
        assert (law["since"], law["steps"], law["by"], law["yes"], law["votes"]) == (2, 1, "a2", 2, 3)
        assert (law["kinds"], law["bites"], law["bitten_steps"], law["bitten_seats"]) == ("fine", 1, 1, 1)
        assert [s["catch"] for s in rows.seats] == [30, 30, 30]

    def test_what_somebody_did_not_say_makes_no_total(self) -> None:
        record = season()
        silent = record.months[0].model_copy(update={"asked": {"a1": None, "a2": 20, "a3": 30}})
        rows = rows_of(record.model_copy(update={"months": [silent, record.months[1]]}))
        assert rows.steps[0]["asked"] is None and rows.steps[1]["asked"] == 30


class TestGame:
    def test_payoffs_are_means_over_rounds(self) -> None:
        rows = rows_of(game())
        assert rows.run["welfare_net"] == pytest.approx((6 + 5) / 2)
        assert rows.run["payoff:prosocial"] == pytest.approx((3 + 5) / 2)
        assert rows.run["payoff:selfish"] == pytest.approx((3 + 0) / 2)
        assert [s["payoff"] for s in rows.seats] == [4.0, 1.5] and rows.run["best"] == 0.5
        assert [s["best"] for s in rows.steps] == [True, False]


class TestFiles:
    def test_records_of_a_setting_are_read_and_exported(self, tmp_path: Path) -> None:
        for number in (1, 2):
            written(season(run_id=f"s{number}", concern="infinite"), tmp_path)
        made = frames([tmp_path], "commons")
        assert list(made.runs["run_id"]) == ["s1", "s2"] and len(made.seats) == 6 and len(made.steps) == 4
        mixed = made.runs.assign(**{"cell:concern": [0.5, "infinite"]})
        told = exported(type(made)(made.setting, mixed, made.seats, made.steps, made.laws))
        assert list(told["runs"]["cell:concern"]) == ["0.5", "infinite"]
        for name, table in told.items():
            table.to_parquet(tmp_path / f"{name}.parquet")

    def test_a_record_of_another_setting_is_refused_by_its_name(self, tmp_path: Path) -> None:
        path = written(game(), tmp_path)
        with pytest.raises(
            ParleyError, match=r"game\.json: is a record of the setting games, this reads triage"
        ):
            read(path)
        with pytest.raises(ParleyError, match="of the setting games, this reads commons"):
            frames([tmp_path], "commons")
        assert read(path, None).setting == read(path, "games").setting == "games"

    def test_any_setting_is_read_and_a_document_of_none_is_refused(self, tmp_path: Path) -> None:
        debate = play("generated:1,n=4,divisible=1", tmp_path, framework="plain", rounds=1)
        written(season(), tmp_path)
        files = sorted(tmp_path.glob("*.json"))
        assert set(each(files, lambda r: r.setting, setting=None)) == {"triage", "commons"}
        path = tmp_path / f"{debate.run_id}.json"
        strange = json.loads(path.read_text()) | {"setting": "chess"}
        path.write_text(json.dumps(strange))
        for setting in (None, "triage", "commons"):
            with pytest.raises(ParleyError, match=f"{debate.run_id}.json: .*remove it and run again"):
                read(path, setting)  # type: ignore[arg-type]
