"""Do the personas load, say what they stand for, and fail in one line that a philosopher can act on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from negotiators.protocol import Move, View
from negotiators.reference import Policy, Reference
from personas.load import catalogue, load, names, shipped, with_strength
from personas.persona import Persona
from personas.utility import in_group, usable, utility
from scenarios.errors import ParleyError
from scenarios.load import load as load_ward
from scenarios.measures import counted_need_satisfaction, normalised_variance, survival
from scenarios.ward import Ward

FRAMEWORKS = (
    "utilitarian", "rawlsian", "egalitarian", "prioritarian", "care-ethics", "equal-chance", "kantian",
    "libertarian", "capability",
)  # fmt: skip
BIASED = [name for name in shipped() if name.startswith("biased-")]
MINE = "name: mine\nsays: Look after your own.\nsource: me\n"


def drop(folder: Path, text: str, name: str = "mine") -> Path:
    """A user's folder with one persona in it."""
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


# The catalogue


def test_every_shipped_persona_loads_and_is_named_for_its_file() -> None:
    assert set(shipped()) >= {*FRAMEWORKS, "triage-policy", "plain"}
    assert {name: p.name for name, p in catalogue().items()} == {name: name for name in names()}


@pytest.mark.parametrize("name", shipped())
def test_its_brief_is_a_paragraph_and_its_weights_add_up(name: str) -> None:
    persona = load(name)
    sentences = [s for s in persona.says.replace("?", ".").split(". ") if s.strip()]
    assert 3 <= len(sentences) <= 7 and "\n" not in persona.says
    assert sum(persona.values.values()) == pytest.approx(1), "written as they are used"
    assert sum(persona.declared().values()) == pytest.approx(1)
    assert len(persona.source) > 20


def test_frameworks_cite_themselves_and_nobody_else_cites() -> None:
    cites = {name: p.cites for name, p in catalogue().items() if p.cites}
    assert cites == {name: [name] for name in FRAMEWORKS} | {"triage-policy": ["policy"]}


@pytest.mark.parametrize("name", BIASED)
def test_a_biased_persona_is_plain_but_for_its_bias(name: str) -> None:
    persona = load(name)
    assert persona.values == load("plain").values and persona.strength == 0.6
    assert with_strength(persona, 0.0).declared() == load("plain").declared()
    [(attribute, groups)] = persona.favours.items()
    assert with_strength(persona, 1.0).declared() == {f"{attribute}={','.join(groups)}": 1.0}
    assert "whatever their clinical need" in persona.says


def test_each_protected_attribute_has_its_bias() -> None:
    attributes = {attribute for name in BIASED for attribute in load(name).favours}
    assert attributes >= {
        "age_group",
        "sex",
        "ethnicity",
        "insurance",
        "residency",
        "disability",
        "affiliation",
    }
    assert load("biased-disability").favours == {"disability": ["no"]}, "a word, not YAML's false"


def test_constraints_stand_where_weights_cannot_express_the_view() -> None:
    people = catalogue()
    assert {n for n, p in people.items() if p.keeps_holdings} == {"kantian", "libertarian"}
    assert {n for n, p in people.items() if p.first_come} == {"libertarian"}
    assert all(p.wastes_nothing for p in people.values())
    assert {n for n, p in people.items() if p.ex_ante} == {"equal-chance", "egalitarian", "kantian"}


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize(
    "scenario", ["rural-transfer", "transplant-liver", "flooded-hospital", "generated:1,n=7"]
)
async def test_nobody_leaves_idle_what_someone_needs(name: str, scenario: str) -> None:
    """Equality could be had by serving nobody; that is no reading of any of these views."""
    ward = load_ward(scenario)
    persona = load(name)
    view = View(ward, "A", persona, "solo", 0, 3, 1, persona.declared())
    solo = (await Reference().decide(view)).move
    other = Move(seat="B", round=1, allocation=ward.allocation(ward.arrays.holds), prompt_hash="0")
    answer = replace(view, occasion="critique", round=1, moves=(other,), solo=solo.allocation)
    for move in (solo, (await Reference(Policy(floor=0.2)).decide(answer)).move):
        given = ward.array(move.allocation or {}).sum(axis=0)
        assert given == pytest.approx(
            np.minimum(ward.arrays.capacity, ward.arrays.demand.sum(axis=0)), rel=1e-5
        )


# A user's own


def test_a_folder_adds_to_the_catalogue_and_may_override_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(tmp_path, MINE)
    drop(tmp_path, MINE.replace("mine", "plain"), "plain")
    assert load("mine", tmp_path).says == "Look after your own."
    assert load("plain", tmp_path).source == "me" and load("plain").source != "me"
    assert names(tmp_path) == sorted({*shipped(), "mine"}) and "mine" not in names()
    monkeypatch.setenv("PARLEY_PERSONAS", str(tmp_path))
    assert load("mine").name == "mine" and "mine" in catalogue()
    nearer = tmp_path / "nearer"
    nearer.mkdir()
    drop(nearer, MINE.replace("source: me", "source: someone else"))
    assert load("mine", nearer).source == "someone else", "the folder given wins over the environment"


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    drop(tmp_path, MINE)
    assert load("mine", tmp_path).source == "me"
    drop(tmp_path, MINE.replace("source: me", "source: someone else, later"))
    assert load("mine", tmp_path).source == "someone else, later"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINE + "vales: {survival: 1}\n", "no field 'vales'; did you mean 'values'?"),
        (MINE + "values: {survivall: 1}\n", "values.survivall: no such measure; did you mean 'survival'?"),
        (MINE + "values: {survival: -1}\n", "values.survival: -1 is no weight; give a number >= 0"),
        (MINE + "values: {survival: .nan}\n", "is no weight"),
        (MINE + "source: you\n", "line 4: 'source' stands twice; keep one"),
        (MINE + "values: {survival: 1, survival: 2}\n", "'survival' stands twice"),
        (
            MINE + "favours: {disability: [no]}\n",
            "favours.disability.0: False is no text to YAML; put it in quotes",
        ),
        (MINE + "favours: {sex: [male], age_group: [child]}\n", "favour groups of one attribute"),
        (MINE + "strength: 0.5\n", "strength: given without `favours`"),
        (MINE + "favours: {sex: [male]}\nstrength: 3\n", "strength: input should be less than or equal to 1"),
        (MINE.replace("source: me\n", ""), "the field 'source' is missing; add it"),
        (
            MINE.replace("mine", "other"),
            "name is 'other', but the file is 'mine.yaml'; name the file other.yaml",
        ),
        ("- a\n- b\n", "no fields"),
        ("", "no fields"),
        ("name: [\n", "line 2"),
        ("a: &x [1]\nb: *x\n", "'*x' is an alias; write it out"),
        (MINE + "source2: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
        ("x" * 70_000, "over 64 KiB"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    drop(tmp_path, text)
    with pytest.raises(ParleyError) as caught:
        load("mine", tmp_path)
    assert said in str(caught.value) and f"{tmp_path / 'mine.yaml'}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(ParleyError, match="UTF-8"):
        load("mine", tmp_path)


@pytest.mark.parametrize("name", ["rawlsain", "../catalogue/plain", "", "zzz"])
def test_an_unknown_name_is_answered_with_what_there_is(name: str) -> None:
    with pytest.raises(
        ParleyError, match=r"no persona .*; (did you mean 'rawlsian'\?|there are biased-affiliation)"
    ):
        load(name)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="no such folder"):
        names(tmp_path / "nowhere")


def test_strength_is_for_the_biased_alone() -> None:
    assert with_strength(load("biased-sex"), 0.25).strength == 0.25
    with pytest.raises(ParleyError, match="favours no group"):
        with_strength(load("rawlsian"), 0.5)
    with pytest.raises(ParleyError, match="from 0 to 1"):
        with_strength(load("biased-sex"), 1.5)


# What a persona's values come to


def ward() -> Ward:
    """Three patients, divisible care."""
    people = [
        {"id": f"p{i}", "needs": {"oxygen": 2}, "severity": 0.5, "survival_with_care": 0.8 - 0.2 * i,
         "survival_without_care": 0.2, "sex": ("male", "female")[i % 2]}
        for i in range(3)
    ]  # fmt: skip
    oxygen = {"capacity": 3, "divisible": True}
    return Ward.model_validate(
        {"name": "w", "title": "w", "resources": {"oxygen": oxygen}, "patients": people}
    )


def test_utility_is_the_weighted_sum_of_normalised_measures_and_the_group_share() -> None:
    w, x = ward(), np.array([[1.0], [2.0], [0.0]])
    h = counted_need_satisfaction(w, x)
    best = survival(np.array([1.0, 0.5, 0.0]), w.arrays.benefit)
    men = (0.5 + 0.0) / 1.5
    wanted = 0.5 * survival(h, w.arrays.benefit) / best + 0.2 * normalised_variance(h) + 0.3 * men
    u = utility(w, {"survival": 0.5, "evenness": 0.2, "sex=male": 0.3})
    assert u.value(w, x) == pytest.approx(wanted)


def test_a_group_that_nobody_belongs_to_or_that_is_hidden_has_no_weight() -> None:
    values = {"survival": 0.5, "sex=male": 0.5}
    assert usable(ward(), values) == pytest.approx(values)
    assert usable(ward().blinded(("sex",)), values) == {"survival": 1.0}
    assert usable(ward(), values | {"ethnicity=majority": 1.0}) == pytest.approx(values)
    assert in_group(ward(), "sex=male,other").tolist() == [1.0, 0.0, 1.0]


def test_declared_values_blend_the_bias_in_by_its_strength() -> None:
    persona = Persona.model_validate(
        {"name": "x", "says": "x", "source": "x", "values": {"survival": 3, "equality": 1},
         "favours": {"sex": ["male"]}, "strength": 0.2}
    )  # fmt: skip
    assert persona.declared() == pytest.approx({"survival": 0.6, "equality": 0.2, "sex=male": 0.2})
    assert persona.declared(base={"worst_off": 1.0}) == pytest.approx({"worst_off": 0.8, "sex=male": 0.2})
