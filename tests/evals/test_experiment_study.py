"""A study's file: what it may say, and each mistake as one line that names file, field and mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.experiment.reading import changed, load_study, parse_study
from evals.experiment.study import expand, label
from scenarios.errors import ParleyError
from tests.evals.experiments import data, study

FACTORS = {"framework": ["rawlsian", "utilitarian"], "opponent": ["plain", "biased-age"]}
H = {
    "id": "H1",
    "claim": "c",
    "outcome": "worst_off",
    "of": {"stage": "joint"},
    "against": {"stage": "no_debate"},
}


def refused(**changes: Any) -> str:
    """What is said of a study that is wrong."""
    with pytest.raises(ParleyError) as caught:
        study(**changes)
    line = str(caught.value)
    assert "\n" not in line and line.startswith("tiny.yaml: ")
    return line.removeprefix("tiny.yaml: ")


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"question": None}, "question: None is not text"),
    ({"factor": {}}, "factor: no such field; did you mean 'factors'?"),
    ({"name": "Not A Name"}, "name: 'Not A Name' is no name"),
    ({"wards": []}, "wards: empty; give at least one entry"),
    ({"wards": ["generated:{5..2}"]}, "wards: {5..2} is empty; write {2..5}"),
    ({"wards": ["generated:1", "generated:1"]}, "wards: generated:1 stands twice; remove one"),
    ({"wards": ["generated:{1..999999}"]}, "expands to 999999 entries; 100000 are the most"),
    ({"seeds": [1, 1]}, "seeds: 1 stands twice"),
    ({"seeds": ["one"]}, "seeds.0: "),
    ({"replicates": 0}, "replicates: "),
    ({"settings": {"rounds": "three"}}, "settings.rounds: "),
    ({"settings": {"round": 3}}, "settings.round: no such setting; did you mean 'rounds'?"),
    ({"settings": {"seed": 3}}, "settings.seed: list them under `seeds` instead"),
    ({"settings": {"replicate": 1}}, "settings.replicate: say how many under `replicates` instead"),
    ({"settings": {"review": True}}, "settings.review: a study has nobody to ask"),
    ({"settings": {"framework": "rawlsain"}}, "settings.framework: no persona 'rawlsain'; did you mean 'rawlsian'?"),
    ({"settings": {"merge_rule": "nahs"}}, "settings.merge_rule: no rule 'nahs'"),
    ({"settings": {"merge_rule": "llm"}}, "condition 'base': merge_rule: llm needs a model"),
    ({"settings": {"exponent": 3.0}}, "condition 'base': exponent 3: linear takes 1"),
    ({"factors": {"framwork": ["plain"]}}, "factors.framwork: no such setting; did you mean 'framework'?"),
    ({"factors": {"framework": []}}, "factors.framework: no values"),
    ({"factors": {"rounds": [1, 1]}, "settings": {}}, "factors.rounds: 1 stands twice"),
    ({"factors": {"rounds": [1, 2]}}, "settings.rounds: it is a factor too; keep it in one place"),
    ({"factors": {"opponent": ["biased-aeg"]}}, "factors.opponent: no persona 'biased-aeg'; did you mean"),
    ({"factors": {"order": ["backwards"]}}, "factors.order: 'backwards' is not one of"),
    ({"factors": FACTORS, "conditions": [{"name": "base", "set": {"rounds": 2}}]},
     "conditions.0 'base': the name is taken"),
    ({"conditions": [{"name": "a", "set": {}}]}, "conditions.0.set: empty"),
    ({"conditions": [{"name": "a", "sets": {}}]}, "conditions.0.sets: no such field; did you mean 'set'?"),
    ({"conditions": [{"name": "a", "set": {"seed": 2}}]}, "conditions.0 'a', set.seed: list them under `seeds`"),
    ({"factors": FACTORS, "conditions": [{"name": "a", "set": {"rounds": 2}, "only": {"oponent": "plain"}}]},
     "conditions.0 'a', only.oponent: no such factor; did you mean 'opponent'?"),
    ({"factors": FACTORS, "conditions": [{"name": "a", "set": {"rounds": 2}, "only": {"opponent": "plian"}}]},
     "conditions.0 'a', only.opponent: no value 'plian'; did you mean 'plain'?"),
    ({"hypotheses": [H | {"id": "1"}]}, "hypotheses.0.id: '1' is no name"),
    ({"hypotheses": [H, H]}, "hypothesis H1: the id is taken"),
    ({"hypotheses": [H | {"outcome": "worst_of"}]},
     "hypothesis H1.outcome: none is called 'worst_of'; did you mean worst_off"),
    ({"hypotheses": [H | {"direction": "up"}]}, "hypotheses.0.direction: 'up' is not one of"),
    ({"hypotheses": [H | {"of": {"stage": "jiont"}}]},
     "hypothesis H1.of.stage: no stage 'jiont'; did you mean 'joint'?"),
    ({"hypotheses": [H | {"of": {"stage": "round:2"}}]}, "hypothesis H1.of.stage: no stage 'round:2'"),
    ({"hypotheses": [H | {"of": {"control": "blind"}}]}, "hypothesis H1.of.control: no control 'blind'"),
    ({"hypotheses": [H | {"against": {"stage": "joint"}}]}, "hypothesis H1.against: the same as `of`"),
    ({"hypotheses": [H | {"of": {"opponent": "plain"}}]}, "hypothesis H1.of.opponent: no such factor"),
    ({"nulls": {"bargaining": {"floors": [1]}}}, "nulls.bargaining.floors: no such field; did you mean 'floor'?"),
    ({"nulls": {"bargaining": {"concession": ["slowly"]}}}, "nulls.bargaining.concession.0: 'slowly' is not one of"),
    ({"twins": {"attributes": []}}, "twins.attributes: empty"),
    ({"twins": {"attributes": ["sex"], "only": {"opponent": "plain"}}}, "twins.only.opponent: no such factor"),
    ({"planted": {"opponent": "plain", "strengths": [1]}}, "planted.opponent: 'plain' favours nobody"),
    ({"planted": {"opponent": "biased-sex", "strengths": [2]}}, "planted.strengths.0: "),
    ({"caps": {"usd": 0}}, "caps.usd: "),
    ({"caps": {"euros": 3}}, "caps.euros: no such field"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), MISTAKES, ids=lambda v: v[:40] if isinstance(v, str) else "")
def test_a_mistake_is_one_line_with_its_place_and_mend(changes: dict[str, Any], said: str) -> None:
    assert said in refused(**changes)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ParleyError, match=r"^x\.yaml: question: missing; add it$"):
        parse_study({"name": "x", "wards": ["generated:1"]}, "x.yaml")
    with pytest.raises(ParleyError, match="a study is a mapping"):
        parse_study(["x"], "x.yaml")


class TestYaml:
    def read(self, path: Path, text: str) -> Any:
        path.write_text(text)
        return load_study(path)

    def test_off_and_on_are_words_and_no_booleans(self, tmp_path: Path) -> None:
        text = (
            "name: a\nquestion: q\nwards: ['generated:1']\nsettings: {retrieval: off, simultaneous: true}\n"
        )
        made = self.read(tmp_path / "a.yaml", text)
        assert made.settings == {"retrieval": "off", "simultaneous": True}
        both = text.replace("settings: {retrieval: off,", "factors: {retrieval: [on, off]}\nsettings: {")
        assert self.read(tmp_path / "a.yaml", both).factors == {"retrieval": ("on", "off")}
        assert made.text == text, "the text is kept as it stands, for the frozen plan"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("name: a\nname: b\n", "a.yaml: line 2: 'name' stands twice; keep one"),
            ("name: &x a\nquestion: *x\n", "a.yaml: line 2: '\\*x' is an alias; write it out"),
            (
                "name: a\nquestion: q\nwards: [generated:{1..3},n=4]\n",
                "a.yaml: wards: 'n=4' is no ward; put the whole spec, commas and all, in quotes",
            ),
            ("name: [\n", "a.yaml: line 2: "),
            ("", "the file is empty"),
        ],
    )
    def test_what_is_no_yaml_is_said_with_its_line(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(ParleyError, match=said):
            self.read(tmp_path / "a.yaml", text)

    def test_a_study_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(ParleyError, match="no study 'beyond-arow'; did you mean 'beyond-arrow'"):
            load_study("beyond-arow")
        with pytest.raises(ParleyError, match="no such file"):
            load_study(tmp_path / "none.yaml")


def test_settings_are_replaced_by_words() -> None:
    laid = changed(["rounds=5", "retrieval=off", "model=openai:a=b"])
    assert laid == {"rounds": 5, "retrieval": "off", "model": "openai:a=b"}
    made = parse_study(data(), "tiny.yaml", changes=laid)
    assert made.settings == {"retrieval": "off", "rounds": 5, "model": "openai:a=b"}
    with pytest.raises(ParleyError, match="write FIELD=VALUE"):
        changed(["rounds"])
    with pytest.raises(ParleyError, match="settings.framework: it is a factor too"):
        parse_study(data(factors=FACTORS), "tiny.yaml", changes={"framework": "plain"})


def test_conditions_are_named_by_the_factors_that_vary() -> None:
    made = study(
        settings={"retrieval": "off"},
        factors={"framework": ["rawlsian", "utilitarian"], "opponent": ["plain"], "strength": [0.5, 1.0]},
    )
    assert [made.named(c) for c in made.cells()] == [
        "rawlsian × strength=0.5",
        "rawlsian × strength=1",
        "utilitarian × strength=0.5",
        "utilitarian × strength=1",
    ]
    assert made.named(made.cells()[0], "swapped") == "swapped: rawlsian × strength=0.5"
    assert study().named({}) == "base" and study().named({}, "swapped") == "swapped"


@given(st.integers(0, 50), st.integers(0, 20), st.integers(0, 5), st.integers(0, 5))
def test_ranges_are_expanded_and_crossed(a: int, width: int, c: int, more: int) -> None:
    found = expand(f"generated:{{{a}..{a + width}}},n={{{c}..{c + more}}}")
    assert found == [f"generated:{i},n={j}" for i in range(a, a + width + 1) for j in range(c, c + more + 1)]


def test_a_spec_without_a_range_stays() -> None:
    assert expand("pandemic-wave") == ["pandemic-wave"]


def test_values_are_compared_as_they_are_read() -> None:
    assert label(1.0) == label(1) == "1"
    assert label(["a", "b"]) == "a+b" and label([]) == label(None) == "none"
    assert label(True) == "true"
