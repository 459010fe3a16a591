"""Is a military triage pair read faithfully: need from `medical`, standing apart from what is clinical?"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import ParleyError
from scenarios.itm import pair
from scenarios.load import load
from scenarios.twin import twin

DATA = Path(os.environ.get("PARLEY_DATA") or Path(__file__).parents[3] / "shared" / "data") / "triage_pairs"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(),
    reason=f"no military triage pairs at {DATA}; set PARLEY_DATA to the folder that has triage_pairs/",
)


def item(second_line: str = "an ally.") -> dict[str, Any]:
    people = [
        ("Patient A", 0.9, 0.2, "a deep cut\na prisoner."),
        ("Patient B", 0.1, 0.8, f"a sprain\n{second_line}"),
    ]
    characters = [
        {"id": name, "medical_condition": medical, "attribute_rating": rating, "unstructured": text}
        for name, medical, rating, text in people
    ]
    choices = [
        {
            "action_type": "TREAT_PATIENT",
            "character_id": name,
            "kdma_association": {"medical": m, "affiliation": r},
        }
        for name, m, r, _ in people
    ]
    told = (
        "You are the medic.\nPatient A has a deep cut. They are a prisoner.\nPatient B has a sprain.\nWhom?"
    )
    state = {
        "unstructured": told,
        "threat_state": {"unstructured": "You are the medic."},
        "characters": characters,
    }
    return {"input": {"full_state": state, "choices": choices}}


def test_need_becomes_gain_and_standing_a_group_with_its_story_apart() -> None:
    ward = pair(item(), "AF", 3, "AF.json#3")
    first, second = ward.patients
    assert ward.name == "itm-af-3"
    assert ward.setting == "You are the medic."
    assert first.summary == "The patient has a deep cut."
    assert first.attributes == {"affiliation": "low", "affiliation_story": "a prisoner."}
    assert second.attributes == {"affiliation": "high", "affiliation_story": "an ally."}
    assert first.acuity == first.severity == 0.9
    assert first.survival_gain == pytest.approx(0.9)
    assert {n: (r.capacity, r.divisible) for n, r in ward.resources.items()} == {"treatment": (1, False)}
    assert all(p.needs == {"treatment": 1} for p in ward.patients)


def test_a_twin_swaps_standing_and_story_together() -> None:
    ward = pair(item(), "AF", 3, "AF.json#3")
    other = twin(ward, ["affiliation"])
    assert other.patients[0].attributes == ward.patients[1].attributes
    assert other.patients[0].summary == ward.patients[0].summary


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"input": {}}, "x: not a triage pair: input.full_state: Field required; correct it"),
        ({}, "x: not a triage pair: input: Field required"),
        ([], "x: not a triage pair: "),
    ],
)
def test_what_is_no_pair_is_refused(change: Any, says: str) -> None:
    with pytest.raises(ParleyError) as error:
        pair(change, "x", 0, "x")
    assert str(error.value).startswith(says)


def test_an_address_without_item_or_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "AF.json"
    path.write_text(json.dumps([item()]), encoding="utf-8")
    assert load(f"itm:{path}#0").name == "itm-af-0"
    for address, says in [
        (f"itm:{path}", "no item named; write itm:PATH#INDEX"),
        (f"itm:{path}#x", "no item named"),
        (f"itm:{path}#1", "no item 1; there are 0 to 0"),
        (f"itm:{tmp_path}/MU.json#0", "no such file"),
    ]:
        with pytest.raises(ParleyError, match=re.escape(says)):
            load(address)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(ParleyError, match="not a list of triage pairs"):
        load(f"itm:{path}#0")


@needs_data
@pytest.mark.parametrize(("stem", "count"), [("AF", 87), ("MU", 327)])
def test_every_item_loads_and_no_word_of_standing_is_left_in_what_is_clinical(stem: str, count: int) -> None:
    items = json.loads((DATA / f"{stem}.json").read_text(encoding="utf-8"))
    assert len(items) == count
    for index, raw in enumerate(items):
        ward = pair(raw, stem, index, f"{stem}.json#{index}")
        characters = raw["input"]["full_state"]["characters"]
        attribute = next(k for k in raw["input"]["choices"][0]["kdma_association"] if k != "medical")
        assert len(ward.patients) == len(characters)
        for patient, character in zip(ward.patients, characters, strict=True):
            assert patient.severity == character["medical_condition"]
            assert patient.survival_gain == pytest.approx(character["medical_condition"])
            assert patient.attributes[attribute] == (
                "high" if character["attribute_rating"] >= 0.5 else "low"
            )
            story = patient.attributes.get(f"{attribute}_story", "")
            assert story or attribute == "search"
            assert not story or (story not in patient.summary and story not in ward.setting)
            clinical = character["unstructured"].split("\n")[0].strip()
            if "\n" in character["unstructured"]:
                assert patient.summary == f"The patient has {clinical}."
                assert clinical not in ward.setting


@needs_data
def test_the_four_kinds_are_told_apart() -> None:
    affiliation, merit, safety, search = (load(f"itm:{DATA}/MU.json#{i}") for i in (0, 87, 186, 270))
    assert affiliation.patients[0].attributes["affiliation_story"] == "a POW who just recently surrendered."
    assert merit.patients[0].attributes["merit"] == "low"
    assert "mass shooter" in merit.patients[0].attributes["merit_story"]
    assert len(safety.patients) == 1
    assert safety.patients[0].summary == "They are screaming, but you can't see their injury."
    assert "exposed" in safety.patients[0].attributes["personal_safety_story"]
    assert "sniper" in safety.setting
    assert "nothing to divide" in safety.reason
    assert search.patients[0].holds == {"treatment": 1}
    assert search.patients[1].summary == "Not found yet; nothing is known of their injuries."
    assert search.patients[1].survival_gain == 0
    assert [p.arrival for p in search.patients] == [1, 2]
