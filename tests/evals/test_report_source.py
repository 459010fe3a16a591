"""Is a report made of what it was given: studies by name or folder, records by setting, effects pair by pair?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.experiment.ledger import Folder
from evals.experiment.reading import load_study
from evals.outcomes import outcome
from evals.report.effects import effects
from evals.report.gathering import Asked, sources
from evals.report.index import COMPARED, uses
from evals.report.source import Source
from scenarios.errors import ParleyError
from tests.evals import experiments
from tests.play import play

FACTORS = {"framework": ["plain", "rawlsian"], "opponent": ["biased-age"]}


def _told(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two conditions, three wards and two seeds, run."""
    where = tmp_path_factory.mktemp("study") / "tiny"
    experiments.run(experiments.plan(runs=where, factors=FACTORS, seeds=[1, 2]), where)
    return where


@pytest.fixture(scope="module")
def source(folder: Path) -> Iterator[Source]:
    """Its runs, without findings."""
    (found,) = sources([str(folder)], Asked(), _told, quick=True)
    yield found


def test_a_folder_tells_by_itself_which_study_it_holds(folder: Path, source: Source) -> None:
    kept, run = load_study(Folder(folder).study), experiments.study(factors=FACTORS, seeds=[1, 2])
    assert kept.model_dump() == run.model_dump()
    assert (source.name, source.setting, source.unit, source.planned) == ("tiny", "triage", "ward", 12)
    assert [s.title for s in source.sections] == ["What ran"]
    assert "Reference negotiators alone" in source.negotiators


def test_a_folder_that_does_not_tell_its_study_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "tiny"
    shutil.copytree(folder, kept)
    Folder(kept).study.unlink()
    with pytest.raises(ParleyError, match=r"tiny: does not say which study it is; name the study"):
        sources([str(kept)], Asked(), _told, quick=True)


@pytest.mark.parametrize("word", ["no-such-thing", "evals"])
def test_what_is_no_run_is_refused_in_one_line(word: str) -> None:
    with pytest.raises(ParleyError, match=word) as error:
        sources([word], Asked(), _told, quick=True)
    assert "\n" not in str(error.value)


def test_records_of_no_study_are_a_source_a_setting_with_conditions_by_what_differs(
    folder: Path, tmp_path: Path
) -> None:
    for path in (folder / "records").glob("*.json"):
        shutil.copy(path, tmp_path)
    play("one-ventilator", tmp_path, framework="utilitarian", opponent="biased-age", rounds=1)
    season = _season(tmp_path)
    found = sources([str(tmp_path)], Asked(), _told, quick=True)
    assert [s.setting for s in found] == ["triage", "commons"]
    debates, commons = found
    assert [p.stem for p in commons.files] == [season]
    assert debates.frames is not None
    runs = debates.frames.runs
    assert sorted(runs["condition"].unique()) == ["plain", "rawlsian", "utilitarian"]
    assert len(runs) == 13 and (runs["role"] == "study").all()
    assert runs.loc[runs["condition"] == "utilitarian", "cluster"].tolist() == ["one-ventilator"]
    assert debates.hypotheses is None and debates.planned is None


def _season(runs: Path) -> str:
    from tests.seasons import season

    record = season("fishery,months=3,agents=2", runs)
    return str(record.run_id)


def test_the_index_has_every_run_once_a_use_with_the_outcomes_of_its_joint(source: Source) -> None:
    table = uses(source)
    assert source.frames is not None
    assert len(table) == 12 and set(table["id"]) == {p.stem for p in source.files}
    assert set(table["speaks"]) == {"reference"} and set(table["source"]) == {"tiny"}
    for name in COMPARED["triage"]:
        all_stages = outcome(source.frames, name)
        final = all_stages[all_stages["stage"] == "joint"].set_index("run_id")["value"].astype(float)
        np.testing.assert_allclose(table.set_index("id")[f"o:{name}"], final.reindex(table["id"]))


def test_effects_are_the_mean_over_wards_of_the_differences_pair_by_pair(source: Source) -> None:
    table = uses(source)
    (found,) = effects(source, table)
    one, other = found["one"], found["other"]
    assert {one, other} == {"plain", "rawlsian"}
    for told in found["outcomes"]:
        by_ward: dict[str, list[float]] = {}
        for a, b in combinations(table.to_dict("records"), 2):
            a, b = (a, b) if a["condition"] == one else (b, a)
            alike = (a["cluster"], a["seed"]) == (b["cluster"], b["seed"])
            if alike and (a["condition"], b["condition"]) == (one, other):
                difference = a[f"o:{told['name']}"] - b[f"o:{told['name']}"]
                by_ward.setdefault(a["cluster"], []).append(0.0 if abs(difference) <= 1e-4 else difference)
        means = [np.nanmean(d) for d in by_ward.values() if not np.isnan(d).all()]
        assert told["mean"] == pytest.approx(np.mean(means)) and told["clusters"] == len(means) == 3
        assert told["n"] == 6 and told["low"] is None and told["note"].startswith("under 20")


def test_invalid_runs_enter_no_effect(source: Source) -> None:
    table = uses(source)
    table.loc[table["condition"] == "plain", "status"] = "invalid"
    assert effects(source, table) == []


def test_the_same_records_give_the_same_effects(source: Source) -> None:
    first: Any = effects(source, uses(source))
    assert json.dumps(first) == json.dumps(effects(source, uses(source)))
