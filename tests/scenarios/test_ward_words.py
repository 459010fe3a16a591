"""What may a ward file not hold: what a terminal would obey, and amounts too small to record."""

from __future__ import annotations

import pytest

from personas.load import load as persona
from scenarios.errors import ParleyError
from scenarios.load import load
from scenarios.reading import parse_ward


@pytest.mark.parametrize("word", ["\x1b[31mred", "a\u202eb", "bell\x07", "\x9b2J"])
@pytest.mark.parametrize("field", ["title", "setting", "reason"])
def test_control_characters_are_refused(word: str, field: str) -> None:
    data = load("one-ventilator").model_dump(mode="json")
    with pytest.raises(ParleyError, match=f"{field}.*control character"):
        parse_ward({**data, field: word}, "ward.yaml")


def test_they_are_refused_in_patients_too_and_letters_of_any_script_are_not() -> None:
    data = load("one-ventilator").model_dump(mode="json")
    data["patients"][0]["summary"] = "Atemnot, über Nacht — 呼吸困難\nzweite Zeile"
    assert parse_ward(data, "ward.yaml").patients[0].summary.startswith("Atemnot")
    data["patients"][0]["attributes"] = {"ethnicity": "\x1b[2J"}
    with pytest.raises(ParleyError, match="p1.*attributes.*control character"):
        parse_ward(data, "ward.yaml")


def test_a_need_too_small_to_record_is_refused() -> None:
    data = load("pandemic-wave").model_dump(mode="json")
    first = next(iter(data["patients"][0]["needs"]))
    data["patients"][0]["needs"][first] = 1e-9
    with pytest.raises(ParleyError, match="p1.*too little"):
        parse_ward(data, "ward.yaml")


def test_a_ward_in_which_nobody_needs_anything_is_refused() -> None:
    data = load("pandemic-wave").model_dump(mode="json")
    for patient in data["patients"]:
        patient["needs"] = patient["holds"] = {}
    with pytest.raises(ParleyError, match="nobody demands anything"):
        parse_ward(data, "ward.yaml")


def test_recorded_amounts_never_pass_a_capacity() -> None:
    import numpy as np

    ward = load("pandemic-wave")
    a = ward.arrays
    rng = np.random.default_rng(0)
    for _ in range(200):
        x = rng.random(a.demand.shape) * a.demand
        x *= np.minimum(1, a.capacity / x.sum(axis=0))
        recorded = ward.array(ward.allocation(x))
        assert (recorded.sum(axis=0) <= a.capacity + 1e-9).all()
        assert (recorded >= 0).all()


def test_personas_hold_no_control_characters_either() -> None:
    with pytest.raises(ValueError, match="says.*control character"):
        type(persona("plain")).model_validate({**persona("plain").model_dump(), "says": "\x1b[31m"})
