"""Is a twin counterfactual: labels permuted within acuity, all else the same, never the ward itself?"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.errors import ParleyError
from scenarios.generator import generate
from scenarios.load import catalogue, load
from scenarios.twin import acuity_strata, permutation, twin
from scenarios.ward import Patient, Resource, Ward

LABELS = {"age", "sex", "attributes"}


def small(*labels: str, severities: tuple[float, ...] = (), story: bool = False) -> Ward:
    severities = severities or tuple(0.5 for _ in labels)
    patients = [
        Patient(
            id=f"p{i}", sex=label or None, severity=severity, survival_with_care=0.9, survival_without_care=0.1,
            needs={"bed": 1}, age=30,
            attributes={"side": label, "side_story": f"told {label}"} if story and label else {},
        )
        for i, (label, severity) in enumerate(zip(labels, severities, strict=True))
    ]  # fmt: skip
    return Ward(
        name="small", title="s", resources={"bed": Resource(capacity=1, divisible=False)}, patients=patients
    )


def clinical(ward: Ward) -> list[dict[str, object]]:
    return [p.model_dump(exclude=LABELS) for p in ward.patients]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(2, 20), st.booleans())
def test_a_twin_moves_labels_alone_and_always_some(ward_seed: int, seed: int, n: int, within: bool) -> None:
    ward = generate(ward_seed, n=n)
    for attribute in ward.protected:
        if len(set(ward.groups(attribute))) < 2:
            continue
        other = twin(ward, [attribute], seed=seed, within_acuity=within)
        assert clinical(other) == clinical(ward)
        assert other.groups(attribute) != ward.groups(attribute)
        assert Counter(other.groups(attribute)) == Counter(ward.groups(attribute))
        assert all(other.groups(a) == ward.groups(a) for a in ward.protected if a != attribute)
        for name in ("demand", "capacity", "benefit", "prioritarian", "care", "acuity"):
            assert np.array_equal(getattr(other.arrays, name), getattr(ward.arrays, name))
        if within and "-whole" not in other.name:
            strata = acuity_strata(ward)
            before = Counter(zip(strata, ward.groups(attribute), strict=True))
            assert before == Counter(zip(strata, other.groups(attribute), strict=True))
        assert twin(ward, [attribute], seed=seed, within_acuity=within).model_dump() == other.model_dump()


def test_every_ward_of_the_catalogue_has_a_twin_on_every_attribute_with_two_groups() -> None:
    for ward in catalogue().values():
        for attribute in ward.protected:
            if len(set(ward.groups(attribute)) - {None}) < 2:
                continue
            if attribute == "age_group" and ward.benefit == "life_years":
                continue
            assert twin(ward, [attribute]).groups(attribute) != ward.groups(attribute)


def test_all_possible_permutations_within_strata_are_drawn() -> None:
    ward = small("m", "f", "m", "f", severities=(0.1, 0.1, 0.9, 0.9))
    drawn = {tuple(twin(ward, ["sex"], seed=s).groups("sex")) for s in range(60)}
    assert drawn == {("f", "m", "m", "f"), ("m", "f", "f", "m"), ("f", "m", "f", "m")}


def test_ages_move_whole_for_age_group() -> None:
    ward = load("pandemic-wave")
    other = twin(ward, ["age_group"], seed=5)
    assert sorted(p.age or 0 for p in other.patients) == sorted(p.age or 0 for p in ward.patients)
    assert [p.sex for p in other.patients] == [p.sex for p in ward.patients]


def test_the_mapping_is_recoverable_from_seed_and_attribute() -> None:
    ward = load("pandemic-wave")
    sources, whole = permutation(ward, "insurance", seed=4)
    other = twin(ward, ["insurance"], seed=4)
    assert not whole
    assert other.groups("insurance") == [ward.groups("insurance")[s] for s in sources]
    both = twin(ward, ["sex", "insurance"], seed=4)
    assert both.groups("insurance") == other.groups("insurance")


def test_where_no_third_has_two_groups_the_whole_ward_is_permuted_and_says_so() -> None:
    ward = small("m", "f", severities=(0.1, 0.9))
    other = twin(ward, ["sex"])
    assert other.groups("sex") == ["f", "m"]
    assert other.name == "small--twin-sex-0-whole"
    assert "No third of acuity has two groups of sex: permuted over the whole ward" in other.reason


def test_seats_are_not_told_that_it_is_a_twin() -> None:
    ward = load("pandemic-wave")
    other = twin(ward, seed=2)
    assert (other.title, other.setting) == (ward.title, ward.setting)
    assert other.name == "pandemic-wave--twin-all-2"
    assert other.reason.startswith("Twin of pandemic-wave: ")


def test_an_unknown_group_stays_unknown() -> None:
    ward = small("m", "", "f", "m")
    for seed in range(20):
        assert twin(ward, ["sex"], seed=seed).patients[1].sex is None


def test_a_story_moves_with_its_attribute() -> None:
    ward = small("m", "f", "m", story=True)
    other = twin(ward, ["side"], seed=1)
    assert other.groups("side") != ward.groups("side")
    assert all(p.attributes["side_story"] == f"told {p.attributes['side']}" for p in other.patients)
    with pytest.raises(ParleyError, match="'side_story': it moves with 'side'; name that"):
        twin(ward, ["side_story"])
    assert "side_story" not in twin(ward).reason


def test_age_is_no_label_where_life_years_are_measured() -> None:
    ward = load("transplant-liver")
    with pytest.raises(ParleyError, match="'age_group': benefit is life_years, so a measure uses age"):
        twin(ward, ["age_group"])
    assert twin(ward, seed=3).groups("age_group") == ward.groups("age_group")


def test_what_cannot_be_permuted_is_refused_by_name() -> None:
    with pytest.raises(
        ParleyError, match="ward 'small', attribute 'faith': unknown here; the protected ones are"
    ):
        twin(small("m", "f"), ["faith"])
    with pytest.raises(ParleyError, match="attribute 'sex': all are 'm', so no twin can differ"):
        twin(small("m", "m"), ["sex"])
    with pytest.raises(ParleyError, match="no protected attribute has two groups"):
        twin(small("m", "m"))


def test_a_long_name_stays_a_name_and_its_own() -> None:
    ward = small("m", "f", "m").model_copy(update={"name": "w" * 64})
    names = {twin(ward, ["sex"], seed=s).name for s in range(5)}
    assert len(names) == 5
    assert all(len(name) <= 64 for name in names)


def test_strata_are_thirds_with_ties_kept_together() -> None:
    ward = small(*"mfmfmf", severities=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    assert acuity_strata(ward).tolist() == [0, 0, 1, 1, 2, 2]
    tied = small(*"mfmf", severities=(0.5, 0.5, 0.5, 0.9))
    assert len(set(acuity_strata(tied)[:3].tolist())) == 1
