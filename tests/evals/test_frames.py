"""Do the tables say what the records say: every column against a plain reading of each record?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.frames import Frames, Row, favoured_term, framed, frames, rows_of
from nodes.record import RunRecord
from scenarios.errors import ParleyError
from scenarios.load import load
from scenarios.twin import acuity_strata
from tests.evals.causal import contest_share, override_share
from tests.play import play

SMALL = "generated:3,n=6,divisible=1"
OFF = {"framework": "plain", "opponent": "plain", "rounds": 2}
PLAYED: dict[str, tuple[str, dict[str, Any]]] = {
    "like minds": (SMALL, OFF),
    "B biased": (SMALL, OFF | {"opponent": "biased-age", "strength": 0.7}),
    "A biased": (SMALL, OFF | {"framework": "biased-sex", "seed": 4, "replicate": 2}),
    "three": (SMALL, OFF | {"opponent": "biased-age", "panel": ("biased-sex",), "rounds": 1}),
    "blind": (SMALL, OFF | {"opponent": "biased-age", "blind": ("sex", "age_group")}),
    "whole": ("generated:2,n=5,divisible=0", OFF | {"opponent": "biased-ethnicity", "persuasion": 0.5}),
    "last word": (SMALL, OFF | {"opponent": "biased-age", "merge_rule": "last-word-first", "floor": 1.0}),
    "twin": (f"{SMALL}~sex@7", OFF | {"opponent": "biased-sex"}),
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunRecord]:
    """Debates of every kind, and one that is invalid: nobody made a valid move."""
    runs = tmp_path_factory.mktemp("runs")
    made = {name: play(ward, runs, **settings) for name, (ward, settings) in PLAYED.items()}
    made["no demand"] = play(str(_idle(runs)), runs, **OFF | {"opponent": "biased-age"})
    made["invalid"] = _invalid(made["B biased"])
    for name, record in made.items():
        (runs / "kept").mkdir(exist_ok=True)
        (runs / "kept" / f"{name}.json").write_text(record.model_dump_json())
    return made


@pytest.fixture(scope="module")
def tables(records: dict[str, RunRecord]) -> Frames:
    return framed(map(rows_of, records.values()))


def _idle(folder: Path) -> Path:
    """A ward in which one patient, the second, demands nothing."""
    data = load(SMALL).model_dump(mode="json") | {"name": "idle"}
    data["patients"][1] |= {"needs": {}, "holds": {}}
    path = folder / "idle.ward.json"
    path.write_text(json.dumps(data))
    return path


def _invalid(record: RunRecord) -> RunRecord:
    """What is recorded where no seat made a valid move."""
    gone = record.solo["A"].move.model_copy(update={"allocation": None})
    silent = {s: x.model_copy(update={"move": gone}) for s, x in record.solo.items()}
    return record.model_copy(
        update={
            "run_id": "invalid-1",
            "status": "invalid",
            "solo": silent,
            "rounds": [],
            "exit_solo": {},
            "joint": None,
            "no_debate": None,
            "measures": {},
            "influence": None,
            "emergence": None,
            "lost_in_debate": [],
            "edges": [],
        }
    )


def same(found: Any, wanted: Any) -> bool:
    """Equal; NaN, None and NA are all missing, and missing is not 0."""
    if wanted is None or (isinstance(wanted, float) and math.isnan(wanted)):
        return found is None or found != found
    if found is None or found != found:
        return False
    return bool(found == pytest.approx(wanted)) if isinstance(wanted, float) else bool(found == wanted)


def moved(start: np.ndarray, toward: np.ndarray, end: np.ndarray) -> float | None:
    """By projection: 0 at the start, 1 where it was drawn to."""
    way = toward - start
    return float(((end - start) * way).sum() / (way * way).sum()) if abs(way).max() > 1e-3 else None


def expected_run(r: RunRecord) -> Row:
    """The row of a run, read off its record by hand."""
    p = r.protocol
    biased = [s for s in r.seats if any("=" in k for k in s.declared)]
    own = r.scenario.name.split("--twin-")
    row: Row = {
        "run_id": r.run_id,
        "status": r.status,
        "ward": r.scenario.name,
        "cluster": own[0],
        "twin": own[1] if len(own) > 1 else "",
        "panel": "+".join(p.panel),
        "blind": "+".join(p.blind),
        "seed": r.seed,
        "replicate": r.replicate,
        "biased_seat": biased[-1].seat if biased else None,
        "favoured": next((k for k in biased[-1].declared if "=" in k), None) if biased else None,
        "calls": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0.0,
        "seconds": sum(u.seconds for u in r.usage),
        "recorded_at": r.provenance["recorded_at"],
    }
    joined = {"panel", "blind", "review", "seed", "replicate"}
    row |= {name: value for name, value in p.model_dump().items() if name not in joined}
    for kind in ("abstained", "repaired", "corrected", "retry", "truncated"):
        row[f"incidents:{kind}"] = sum(i.kind == kind for i in r.incidents)
    for s in r.seats:
        row |= {f"persona:{s.seat}": s.persona.name, f"model:{s.seat}": "reference"}
    return row | expected_findings(r) | expected_strategy(r)


def expected_findings(r: RunRecord) -> Row:
    row: Row = {"lost_in_debate": "+".join(r.lost_in_debate)}
    if e := r.emergence:
        row |= {
            "emergence_1": e.first,
            "emergence_1_no_debate": e.first_no_debate,
            "emergence_1_random": e.first_base_rate_random,
            "emergence_2": e.second,
            "emergence_2_no_debate": e.second_no_debate,
            "beta_joint": e.beta_joint,
            "beta_no_debate": e.beta_no_debate,
            "beta_optimum": e.beta_optimum,
            "beta_best_solo": max(e.beta_solos.values()),
            "pareto": e.pareto,
            "emergence_2_all_six": e.all_six.holds,
            "emergence_2_all_six_no_debate": e.all_six.holds_no_debate,
            "beyond_the_merge": "+".join(e.beyond_the_merge),
        }
    if i := r.influence:
        row |= {
            "influence": i.joint,
            "influence_r2": i.joint_r2,
            "influence_no_debate": i.no_debate,
            "debate_added": i.debate_added,
        }
    return row


def expected_strategy(r: RunRecord) -> Row:
    if r.status == "invalid":
        return {}
    ward, demand = r.scenario, r.scenario.arrays.demand
    solo = {s: ward.array(x.move.allocation) for s, x in r.solo.items()}
    leave = {s: ward.array(x.move.allocation) for s, x in r.exit_solo.items()}
    row: Row = {
        "distance_from_merge": float(abs(ward.array(r.joint) - ward.array(r.no_debate)).sum() / demand.sum()),
        "contested_first": len(r.rounds[0].contested),
        "contested_last": len(r.rounds[-1].contested),
        "mind_moved:A": moved(solo["A"], solo["B"], leave["A"]),
        "mind_moved:B": moved(solo["B"], solo["A"], leave["B"]),
    }
    row["contest_share"], row["override_share"] = contest_share(r), override_share(r)
    return row


class TestRuns:
    @pytest.mark.parametrize("name", [*PLAYED, "no demand", "invalid"])
    def test_every_column_is_what_the_record_says(
        self, name: str, records: dict[str, RunRecord], tables: Frames
    ) -> None:
        record = records[name]
        found = tables.runs.set_index("run_id").loc[record.run_id].to_dict() | {"run_id": record.run_id}
        wanted = expected_run(record)
        assert set(wanted) <= set(found)
        wrong = {c: (v, wanted.get(c)) for c, v in found.items() if not same(v, wanted.get(c))}
        assert not wrong

    def test_each_record_is_one_row_in_the_order_given(
        self, records: dict[str, RunRecord], tables: Frames
    ) -> None:
        assert list(tables.runs["run_id"]) == [r.run_id for r in records.values()]

    def test_the_debates_tell_these_columns_apart(self, tables: Frames) -> None:
        """So that a column which is always the same, or always missing, is not taken for one that is right."""
        for column in ("distance_from_merge", "influence", "beta_joint", "contested_first", "debate_added"):
            assert tables.runs[column].nunique() >= 3, column
        for column in ("contest_share", "override_share", "contested_last"):
            assert tables.runs[column].max() > 0.05 and tables.runs[column].min() == 0, column
        assert tables.runs["mind_moved:A"].max() > 0.01, "a seat that can be persuaded was"
        assert set(tables.runs["biased_seat"].dropna()) == {"A", "B", "C"}

    def test_the_last_biased_seat_names_the_favoured(
        self, records: dict[str, RunRecord], tables: Frames
    ) -> None:
        told = dict(zip(tables.runs["run_id"], tables.runs["favoured"], strict=True))
        assert told[records["three"].run_id].startswith("sex=") and records["three"].seats[1].declared
        assert told[records["A biased"].run_id].startswith("sex=")
        assert favoured_term(records["like minds"]) is None
        assert same(told[records["like minds"].run_id], None)

    def test_like_minds_have_no_influence_no_dispute_and_no_mind_to_move(
        self, records: dict[str, RunRecord], tables: Frames
    ) -> None:
        row = tables.runs.set_index("run_id").loc[records["like minds"].run_id]
        for column in ("influence", "debate_added", "contest_share", "override_share", "mind_moved:A"):
            assert same(row[column], None), f"{column} is missing, never 0"
        assert row["contested_first"] == 0 and row["distance_from_merge"] == pytest.approx(0, abs=1e-6)

    def test_an_invalid_run_is_a_row_of_runs_alone(
        self, records: dict[str, RunRecord], tables: Frames
    ) -> None:
        assert "invalid-1" in set(tables.runs["run_id"])
        assert "invalid-1" not in set(tables.stages["run_id"]) | set(tables.patients["run_id"])

    def test_a_cost_that_is_not_known_in_part_is_missing(self, records: dict[str, RunRecord]) -> None:
        record = records["B biased"]
        paid = record.usage[0].model_copy(update={"calls": 2, "input_tokens": 7, "output_tokens": 3})
        priced = paid.model_copy(update={"cost_usd": 0.5, "calls": 1})
        unpriced = paid.model_copy(update={"cost_usd": None})
        row = rows_of(record.model_copy(update={"usage": [priced, unpriced]})).run
        assert (row["calls"], row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (3, 14, 6, None)
        row = rows_of(record.model_copy(update={"usage": [priced, priced]})).run
        assert row["cost_usd"] == 1.0


class TestStages:
    def test_every_value_is_that_of_the_record(self, records: dict[str, RunRecord], tables: Frames) -> None:
        by_key = {(row["run_id"], row["stage"]): row for row in tables.stages.to_dict("records")}
        seen = 0
        for record in records.values():
            for stage, o in record.measures.items():
                row = by_key.pop((record.run_id, stage))
                wanted: Row = {"run_id": record.run_id, "stage": stage, **o.normalised}
                wanted |= {f"raw:{k}": v for k, v in o.measures.items()}
                wanted |= {f"u:{k}": v for k, v in o.utilities.items()}
                wanted |= {f"criterion:{k}": v for k, v in o.criteria.items()}
                wrong = {c: (v, wanted.get(c)) for c, v in row.items() if not same(v, wanted.get(c))}
                assert not wrong and set(wanted) <= set(row), (stage, wrong)
                seen += 1
        assert not by_key and seen > 40

    def test_stages_are_those_of_the_debate(self, records: dict[str, RunRecord], tables: Frames) -> None:
        mine = tables.stages[tables.stages["run_id"] == records["three"].run_id]["stage"]
        seats = [f"{when}:{s}" for when in ("solo", "exit_solo") for s in "ABC"]
        assert set(mine) == {*seats, "no_debate", "round:1", "joint"}
        pair = tables.stages[tables.stages["run_id"] == records["B biased"].run_id]
        assert pair["u:C"].isna().all(), "a seat that is not at the table has no utility"


class TestPatients:
    def test_need_met_is_the_mean_share_of_what_is_demanded(
        self, records: dict[str, RunRecord], tables: Frames
    ) -> None:
        rows = {(r["run_id"], r["patient"]): r for r in tables.patients.to_dict("records")}
        for record, patient, row in _each_patient(records, rows):
            for stage, o in record.measures.items():
                got = o.allocation.get(patient.id, {})
                h = [got.get(k, 0.0) / d for k, d in patient.needs.items() if d > 0]
                assert same(row[f"h:{stage}"], min(1.0, sum(h) / len(h))), (stage, patient.id)
            others = {c for c in row if c.startswith("h:")} - {f"h:{s}" for s in record.measures}
            assert all(same(row[c], None) for c in others), "a stage that was not held is missing"

    def test_facts_groups_and_favour(self, records: dict[str, RunRecord], tables: Frames) -> None:
        rows = {(r["run_id"], r["patient"]): r for r in tables.patients.to_dict("records")}
        for record, patient, row in _each_patient(records, rows):
            at = [p.id for p in record.scenario.patients].index(patient.id)
            assert row["benefit"] == pytest.approx(patient.survival_gain)
            assert row["acuity"] == pytest.approx(patient.acuity)
            assert row["stratum"] == acuity_strata(record.scenario)[at]
            for attribute in record.scenario.protected:
                assert row[f"is:{attribute}"] == record.scenario.groups(attribute)[at]
            term = favoured_term(record)
            wanted = None
            if term is not None:
                attribute, _, groups = term.partition("=")
                wanted = record.scenario.groups(attribute)[at] in groups.split(",")
            assert same(row["favoured"], wanted)

    def test_who_demands_nothing_is_left_out(self, records: dict[str, RunRecord], tables: Frames) -> None:
        record = records["no demand"]
        mine = tables.patients[tables.patients["run_id"] == record.run_id]["patient"]
        ids = [p.id for p in record.scenario.patients]
        assert list(mine) == [ids[0], *ids[2:]]

    def test_what_is_hidden_from_seats_is_measured_all_the_same(
        self, records: dict[str, RunRecord], tables: Frames
    ) -> None:
        mine = tables.patients[tables.patients["run_id"] == records["blind"].run_id]
        assert mine["is:age_group"].nunique() > 1 and mine["favoured"].notna().all()

    def test_a_twin_has_labels_of_its_own(self, records: dict[str, RunRecord], tables: Frames) -> None:
        groups = [
            list(tables.patients[tables.patients["run_id"] == records[name].run_id]["is:sex"])
            for name in ("B biased", "twin")
        ]
        assert groups[0] != groups[1] and sorted(groups[0]) == sorted(groups[1])


def _each_patient(
    records: dict[str, RunRecord], rows: dict[tuple[str, str], Row]
) -> Iterator[tuple[RunRecord, Any, Row]]:
    counted = 0
    for record in records.values():
        for patient in record.scenario.patients if record.status == "complete" else ():
            if any(d > 0 for d in patient.needs.values()):
                counted += 1
                yield record, patient, rows[record.run_id, patient.id]
    assert counted == len(rows)


class TestReading:
    def test_files_and_folders_give_the_same_and_progress_is_told(
        self, records: dict[str, RunRecord], tables: Frames, tmp_path: Path
    ) -> None:
        for number, record in enumerate(records.values()):
            (tmp_path / f"{number}.json").write_text(record.model_dump_json())
        told: list[tuple[int, int]] = []
        found = frames([tmp_path], lambda done, of: told.append((done, of)))
        assert told == [(n + 1, len(records)) for n in range(len(records))]
        for name in ("runs", "stages", "patients"):
            assert getattr(found, name).equals(getattr(tables, name)), name
        with pytest.raises(ParleyError, match="no such record"):
            frames([tmp_path / "none.json"])

    def test_invalid_runs_alone_leave_the_other_tables_empty(self, records: dict[str, RunRecord]) -> None:
        found = framed([rows_of(records["invalid"])])
        assert len(found.runs) == 1 and found.stages.empty and found.patients.empty
