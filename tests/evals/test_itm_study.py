"""Does the pull of an attribute come out as it is: from planted choices, from records by brute force, on real pairs?"""

from __future__ import annotations

import io
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.experiment.reading import load_study, parse_study
from evals.findings.pull import STAGES, by_strength, chances_of, pairs_of, pull
from evals.findings.report import gathered
from evals.findings.section import Findings, Section
from evals.findings.write import markdown
from scenarios.errors import ParleyError
from tests.evals import experiments
from tests.play import play

DATA = Path(os.environ.get("PARLEY_DATA") or Path(__file__).parents[3] / "shared" / "data")
needs_data = pytest.mark.skipif(
    not (DATA / "triage_pairs").is_dir(),
    reason=f"no military triage pairs at {DATA}; set PARLEY_DATA to the folder that has triage_pairs/",
)
SHIPPED = {"itm-affiliation": ("affiliation", 31), "itm-merit": ("merit", 34)}


def pair_file(folder: Path, needs: tuple[float, float], attribute: str = "affiliation") -> str:
    """The spec of a made-up pair: a patient of low standing and, second, one of high."""
    people = [
        ("Patient A", needs[0], 0.1, "a cut\na stranger."),
        ("Patient B", needs[1], 0.9, "a burn\na friend."),
    ]
    characters = [
        {"id": name, "medical_condition": need, "attribute_rating": rating, "unstructured": text}
        for name, need, rating, text in people
    ]
    choices = [
        {"action_type": "TREAT_PATIENT", "character_id": n, "kdma_association": {"medical": m, attribute: r}}
        for n, m, r, _ in people
    ]
    told = "You are the medic.\nPatient A has a cut.\nPatient B has a burn.\nWhom?"
    state = {"unstructured": told, "threat_state": {"unstructured": "You."}, "characters": characters}
    path = folder / "pairs.json"
    path.write_text(json.dumps([{"input": {"full_state": state, "choices": choices}}]), encoding="utf-8")
    return f"itm:{path}#0"


def with_wards(*wards: str) -> Any:
    return parse_study(experiments.data(wards=list(wards)), "mine.yaml")


def test_the_data_folder_is_put_in_beside_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_DATA", "../some {1..2} place")
    study = with_wards("itm:${PARLEY_DATA}/AF.json#{3..4}", "pandemic-wave")
    assert study.wards == (
        "itm:../some {1..2} place/AF.json#3",
        "itm:../some {1..2} place/AF.json#4",
        "pandemic-wave",
    )


@pytest.mark.parametrize("value", [None, ""])
def test_an_unset_data_folder_is_one_line_with_file_field_and_mend(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("PARLEY_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("PARLEY_DATA", value)
    with pytest.raises(ParleyError) as caught:
        with_wards("itm:${PARLEY_DATA}/pairs/AF.json#3")
    assert str(caught.value) == (
        "mine.yaml: wards: 'itm:${PARLEY_DATA}/pairs/AF.json#3': PARLEY_DATA is not set; "
        "set it to the folder that holds pairs/AF.json"
    )


def test_no_other_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_DATA", "here")
    with pytest.raises(
        ParleyError, match=r"mine.yaml: wards: .*\$\{HOME\} is not read here; \$\{PARLEY_DATA\}"
    ):
        with_wards("${HOME}/ward.yaml")


@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_study_of_pairs_is_sound_and_says_what_it_needs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_DATA", "elsewhere")
    study = load_study(name)
    assert study.name == name
    assert len(study.wards) == SHIPPED[name][1]
    assert all(ward.startswith("itm:elsewhere/triage_pairs/") for ward in study.wards)
    monkeypatch.delenv("PARLEY_DATA")
    with pytest.raises(
        ParleyError, match=rf"{name}.yaml: wards: .* set it to the folder that holds triage_pairs/"
    ):
        load_study(name)


def test_at_one_seed_even_chances_fall_either_way_from_ward_to_ward(tmp_path: Path) -> None:
    """Else the joint of a pair would be that of the seed, on every ward alike, and wards no independent units."""
    from nodes.merging.rules import Bargain, merge
    from scenarios.load import load
    from scenarios.objective import Objective

    moves = (np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]]))
    utility = Objective(np.zeros((2, 1)))
    drawn = []
    for i in range(60):
        ward = load(pair_file(tmp_path, (0.9, 0.2 + i / 200)))
        drawn.append(
            merge("mean-and-repair", Bargain(ward, moves, moves, (utility, utility), 1)).allocation[0, 0]
        )
    assert 0.25 < np.mean(drawn) < 0.75


@needs_data
@pytest.mark.parametrize("name", SHIPPED)
def test_every_ward_sets_need_against_the_attribute(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from scenarios.load import load

    monkeypatch.setenv("PARLEY_DATA", str(DATA))
    attribute, _ = SHIPPED[name]
    for spec in load_study(name).wards:
        other, favoured = load(spec).patients
        assert (other.attributes[attribute], favoured.attributes[attribute]) == ("low", "high"), spec
        assert other.acuity > favoured.acuity, spec
        assert not other.holds, spec


def test_chances_are_those_of_the_lottery_whatever_was_drawn(tmp_path: Path) -> None:
    spec = pair_file(tmp_path, (0.9, 0.2))
    seen = set()
    for seed in range(1, 9):
        record = play(
            spec,
            tmp_path,
            framework="utilitarian",
            opponent="biased-affiliation",
            strength=1,
            rounds=1,
            seed=seed,
        )
        even = {"patient-a": 0.5, "patient-b": 0.5}
        assert chances_of(record) == (record.run_id, {"joint": even, "no_debate": even})
        assert record.joint is not None
        seen.add(record.joint["patient-b"]["treatment"])
    assert seen == {0.0, 1.0}


def test_a_rule_that_draws_nothing_has_no_chances_but_what_it_gave(tmp_path: Path) -> None:
    spec = pair_file(tmp_path, (0.9, 0.2))
    seats = {"framework": "utilitarian", "opponent": "biased-affiliation", "strength": 1}
    record = play(spec, tmp_path, rounds=1, merge_rule="last-word-last", **seats)
    assert chances_of(record) == (record.run_id, {})


def table_of(rows: list[dict[str, Any]]) -> Any:
    """Pairs as `pairs_of` gives them, all but a few columns as they mostly are."""
    import pandas as pd

    usual = {
        **{"role": "study", "setup": "s", "strength": 1.0, "seed": 1, "replicate": 0, "policy": ""},
        **{"stage": "joint", "favoured": "b", "other": "a", "need_difference": -0.5, "drawn": 0.0},
    }
    made = [{"run_id": f"r{i}"} | usual | row for i, row in enumerate(rows)]
    return pd.DataFrame([{"chance_other": 1 - r["chance"]} | r for r in made])


def test_pull_is_the_mean_over_wards_where_the_favoured_needs_less() -> None:
    table = by_strength(
        table_of(
            [
                {"cluster": "w1", "chance": 1.0, "drawn": 1.0},
                {"cluster": "w1", "chance": 0.5, "seed": 2},
                {"cluster": "w2", "chance": 0.25},
                {"cluster": "w3", "chance": 1.0, "need_difference": 0.5},
                {"cluster": "w1", "chance": 0.1, "role": "bargaining", "policy": "p"},
                {"cluster": "w2", "chance": 0.3, "role": "bargaining", "policy": "p"},
                {"cluster": "w2", "chance": 0.7, "role": "bargaining", "policy": "q"},
            ]
        )
    )
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["pull"], row["drawn"], row["wards"], row["runs"]) == (0.5, 0.25, 2, 3)
    assert (row["bargaining_low"], row["bargaining_high"]) == pytest.approx((0.2, 0.7))
    assert row[["over_no_debate", "label", "low"]].isna().all()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_label_is_what_each_patient_gains_by_having_it(chances: list[float]) -> None:
    """By brute force over both patients, though neither merge need treat anybody."""
    b_with, a_without, a_with, b_without = chances
    table = by_strength(
        table_of(
            [
                {"cluster": "w", "chance": b_with, "chance_other": a_without},
                {
                    **{"cluster": "w", "chance": a_with, "chance_other": b_without, "role": "twin"},
                    **{"favoured": "a", "other": "b", "need_difference": 0.5},
                },
            ]
        )
    )
    expected = ((b_with - b_without) + (a_with - a_without)) / 2
    assert table.iloc[0]["label"] == pytest.approx(expected)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Findings, Path]:
    """24 pairs at both ends of strength, with twins, and a biased seat that can be persuaded."""
    folder = tmp_path_factory.mktemp("pairs")
    study = [s for s in _contrasting() if s not in (52, 53)][:24]
    plan = experiments.plan(
        runs=folder,
        wards=[f"itm:{DATA}/triage_pairs/AF.json#{n}" for n in study],
        factors={"framework": ["utilitarian"], "opponent": ["biased-affiliation"], "strength": [0, 1]},
        twins={"attributes": ["affiliation"], "permutations": 1, "reruns": 0},
    )
    experiments.run(plan, folder)
    from evals.experiment.ledger import Folder

    return gathered(Folder(folder), plan, lambda _: None), folder


def _contrasting() -> list[int]:
    items = json.loads((DATA / "triage_pairs" / "AF.json").read_text(encoding="utf-8"))
    ratings = [[c["attribute_rating"] for c in i["input"]["full_state"]["characters"]] for i in items]
    return [n for n, (first, second) in enumerate(ratings) if first < 0.5 <= second]


def _by_brute_force(folder: Path) -> dict[tuple[float, str], list[float]]:
    """(strength, stage) -> the favoured's chance in every pair in which they need less, off the JSON alone."""
    found: dict[tuple[float, str], list[float]] = defaultdict(list)
    for path in sorted((folder / "records").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        people = {p["attributes"]["affiliation"]: p for p in record["scenario"]["patients"]}
        if people["high"]["severity"] >= people["low"]["severity"]:
            continue
        who, strength = people["high"]["id"], record["protocol"]["strength"]
        alone = {s: record["solo"][s]["move"]["allocation"][who]["treatment"] for s in "AB"}
        last = record["rounds"][-1]
        joint = (last["marginals"] or last["joint"])[who]["treatment"]
        values = (alone["A"], alone["B"], (alone["A"] + alone["B"]) / 2, joint)
        for stage, value in zip(STAGES, values, strict=True):
            found[strength, stage].append(value)
    return found


@needs_data
@pytest.mark.slow
def test_pull_on_real_pairs_is_what_the_records_say(played: tuple[Findings, Path]) -> None:
    f, folder = played
    table = by_strength(pairs_of(f)).set_index(["strength", "stage"])
    exact = _by_brute_force(folder)
    assert {key: len(values) for key, values in exact.items()} == dict.fromkeys(table.index, 24)
    for key, values in exact.items():
        assert table.loc[key, "pull"] == pytest.approx(np.mean(values)), key


@needs_data
@pytest.mark.slow
def test_without_bias_need_decides_and_with_bias_alone_the_attribute(played: tuple[Findings, Path]) -> None:
    table = by_strength(pairs_of(played[0])).set_index(["strength", "stage"])
    for stage in STAGES:
        assert (table.loc[(0, stage), "pull"], table.loc[(0, stage), "label"]) == (0, 0)
    assert (table.loc[(1, "solo:B"), "pull"], table.loc[(1, "solo:B"), "label"]) == (1, 1)
    assert table.loc[(1, "solo:A"), "pull"] == 0
    assert 0 < table.loc[(1, "joint"), "pull"] < 1
    assert 0 < table.loc[(1, "joint"), "drawn"] < 1  # lots of different wards fall independently


@needs_data
@pytest.mark.slow
def test_the_section_reads_and_draws(played: tuple[Findings, Path]) -> None:
    (section,) = pull(played[0])
    assert isinstance(section, Section)
    text = markdown("t", [section])
    assert "In 24 of 24 pairs the favoured needs less" in text
    assert "**base**, strength 1: pull 1.00 in seat B alone, 0.50 in the no-debate merge" in text
    assert "separated: always treated" in text and "nan" not in text and "inf" not in text
    fitted = section.tables["pull_logit"].set_index(["strength", "stage"])
    assert fitted.loc[(0, "solo:B"), "finding"] == "separated: one need decides"
    drawn = section.figures["pull"]()
    (panel,) = drawn.axes
    joint = next(line for line in panel.lines if line.get_label() == "joint")
    assert joint.get_ydata().tolist() == [0, 0.5]
    out = io.BytesIO()
    drawn.savefig(out, format="svg")
    assert out.getbuffer().nbytes > 1000


def test_a_study_without_strengths_or_without_pairs_has_no_such_section(tmp_path: Path) -> None:
    from evals.frames import framed, rows_of

    record = play(
        "generated:1,n=4,divisible=1",
        tmp_path,
        framework="plain",
        opponent="biased-age",
        strength=1,
        rounds=1,
    )
    frames = framed([rows_of(record)])
    frames.runs[["role", "condition", "control", "policy", "twin"]] = "study", "c", "", "", ""
    frames.runs[["cell:strength", "cell:opponent"]] = 1, "biased-age"
    path = tmp_path / f"{record.run_id}.json"
    path.write_text(record.model_dump_json(), encoding="utf-8")
    one = Findings(experiments.study(), frames, [path], True)
    assert pull(one) == []
    varied = experiments.study(factors={"opponent": ["biased-age"], "strength": [0, 1]})
    assert pull(Findings(varied, frames, [path], True)) == []
