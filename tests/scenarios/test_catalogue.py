"""Is every ward of the catalogue what it says: recognisable, scarce, clinical in words, and open to bias?"""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml

from scenarios.load import DEFAULT, WARDS, catalogue, load, names
from scenarios.twin import twin
from scenarios.ward import Ward

VOCABULARY = {
    "sex": {"female", "male"},
    "insurance": {"private", "public", "none"},
    "residency": {"citizen", "resident", "undocumented", "visitor"},
    "ethnicity": {"majority", "minority"},
    "disability": {"yes", "no"},
    "affiliation": {"staff", "soldier", "civilian", "prisoner", "ally", "adversary"},
    "age_group": {"child", "adult", "older"},
}

TELLING = re.compile(
    r"""\b(
    he|she|his|her|hers|him|himself|herself|mr|mrs|ms|miss|sir|madam
    |m[ae]n|wom[ae]n|fe?male|males|females|boys?|girls?|lady|ladies|gentlem[ae]n|pregnan\w*|prostat\w*|testic\w*
    |mothers?|fathers?|parents?|sons?|daughters?|wife|wives|husbands?|widow\w*|brothers?|sisters?|grand\w+
    |uncle|aunt|famil\w+|spouse|married|years?|aged|age|elderly|geriatric|old|older|young|younger|senior|adults?
    |child\w*|infants?|bab(y|ies)|toddlers?|newborns?|neonat\w*|p(a|ae)ediatric\w*|teen\w*|adolescen\w*
    |middle-aged|retired|pension\w*|black|white|asian|african|arab|hispanic|latin\w*|caucasian|indigenous|roma
    |jewish|muslim|christian|hindu|ethnic\w*|minority|majority|migrants?|immigrants?|refugees?|foreign\w*
    |citizens?|residents?|undocumented|visitors?|tourists?|national\w*|insur\w+|uninsured|private|public
    |medicaid|medicare|rich|poor|homeless|wealthy|disab\w+|wheelchair|deaf|blind|nurses?|doctors?|physicians?
    |teachers?|students?|schools?|drivers?|workers?|employees?|farmers?|soldiers?
    |officers?|guards?|police\w*|prisoners?|inmates?|civilians?|staff|enem(y|ies)|adversar\w+|all(y|ies)
    |warfighters?|firefighters?|managers?|lawyers?|politicians?|celebrit\w+
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


@pytest.fixture(params=names())
def ward(request: pytest.FixtureRequest) -> Ward:
    return load(request.param)


def shares(ward: Ward) -> dict[str, float]:
    a = ward.arrays
    return {name: float(a.capacity[k] / a.demand[:, k].sum()) for name, k in a.column.items()}


def test_the_catalogue_is_broad_in_kind_and_size() -> None:
    wards = catalogue().values()
    kinds = [{r.divisible for r in w.resources.values()} for w in wards]
    assert len(kinds) >= 22
    assert kinds.count({True}) >= 8
    assert kinds.count({False}) >= 8
    assert kinds.count({True, False}) >= 2
    assert any(w.benefit == "life_years" for w in wards)
    assert {4, 5, 16} & {len(w.patients) for w in wards}
    assert len({w.title for w in wards}) == len(kinds)
    assert len({w.reason for w in wards}) == len(kinds)


def test_a_ward_says_why_it_is_here_and_is_named_as_its_file(ward: Ward) -> None:
    assert (WARDS / f"{ward.name}.yaml").exists()
    assert len(ward.reason) > 40
    assert len(ward.setting) > 80
    assert 4 <= len(ward.patients) <= 16
    assert all(len(p.summary) > 15 and p.summary.endswith(".") for p in ward.patients)


def test_every_resource_is_scarce_but_there(ward: Ward) -> None:
    assert all(0.15 <= share <= 0.8 for share in shares(ward).values()), shares(ward)


def test_care_helps_everybody_and_arrival_is_an_order(ward: Ward) -> None:
    assert all(p.survival_gain > 0 for p in ward.patients)
    assert all(any(amount > 0 for amount in p.needs.values()) for p in ward.patients)
    assert sorted(p.arrival or 0 for p in ward.patients) == list(range(1, len(ward.patients) + 1))


def test_a_summary_tells_nothing_of_a_protected_attribute(ward: Ward) -> None:
    told = {p.id: found.group() for p in ward.patients if (found := TELLING.search(p.summary))}
    assert not told


@pytest.mark.parametrize(
    "words", ["She is tired.", "An elderly patient", "Burnt soldier", "uninsured", "34 years"]
)
def test_the_lint_finds_what_tells(words: str) -> None:
    assert TELLING.search(words)


def test_attributes_keep_to_the_common_vocabulary(ward: Ward) -> None:
    for attribute in ward.protected:
        assert set(ward.groups(attribute)) <= VOCABULARY[attribute] | {None}


def test_a_bias_can_bite_on_three_attributes_at_least(ward: Ward) -> None:
    assert sum(len(set(ward.groups(a)) - {None}) > 1 for a in ward.protected) >= 3


def test_no_group_tracks_severity_perfectly(ward: Ward) -> None:
    """Of every attribute, two groups overlap in acuity: neither is iller than the other throughout."""
    for attribute in ward.protected:
        groups: dict[str | None, list[float]] = {}
        for group, acuity in zip(ward.groups(attribute), ward.arrays.acuity, strict=True):
            groups.setdefault(group, []).append(acuity)
        overlap = any(min(a) <= max(b) and min(b) <= max(a) for a, b in combinations(groups.values(), 2))
        assert overlap or len(groups) < 2, attribute


def test_one_ward_measures_acuity_in_one_way_and_no_score_is_used_on_the_very_young(ward: Ward) -> None:
    ways = {"sofa" if p.organs else "news2" if p.vitals else "severity" for p in ward.patients}
    assert len(ways) == 1
    if ways != {"severity"}:
        assert all((p.age or 0) >= 16 for p in ward.patients)


def test_scores_follow_the_story(ward: Ward) -> None:
    """The iller by score has the worse chance untreated: no ward's numbers contradict its own summaries."""
    untreated = np.array([p.survival_without_care for p in ward.patients])
    assert np.corrcoef(ward.arrays.acuity, untreated)[0, 1] < -0.35


def test_every_ward_has_its_twin(ward: Ward) -> None:
    other = twin(ward, seed=1)
    assert any(a.groups(x) != b.groups(x) for a, b in [(ward, other)] for x in ward.protected)


def test_some_hold_care_already_and_some_have_dependants() -> None:
    everybody = [p for w in catalogue().values() for p in w.patients]
    assert sum(bool(p.holds) for p in everybody) >= 8
    assert sum(p.dependants > 0 for p in everybody) >= 15
    assert sum(p.vulnerable for p in everybody) >= 40


def test_the_default_ward_is_small_divisible_and_tense() -> None:
    ward = load(DEFAULT)
    a = ward.arrays
    assert len(ward.patients) == 9
    assert not a.whole.any()
    assert all(abs(share - 0.55) < 0.02 for share in shares(ward).values())
    assert set(ward.groups("age_group")) == {"child", "adult", "older"}
    iller, gains_least = int(a.acuity.argmax()), int(a.benefit.argmin())
    assert iller == gains_least or a.benefit[iller] < np.median(a.benefit)  # worst off against saving most


def test_one_ventilator_is_one_ventilator() -> None:
    ward = load("one-ventilator")
    assert {name: r.capacity for name, r in ward.resources.items()} == {"ventilator": 1}
    assert len(ward.patients) >= 4


def test_words_that_yaml_reads_as_booleans_are_quoted() -> None:
    for path in sorted(Path(WARDS).glob("*.yaml")):
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert all(isinstance(v, str) for p in raw["patients"] for v in p["attributes"].values()), path.name
