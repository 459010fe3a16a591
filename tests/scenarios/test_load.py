"""Does a scenario's name lead to its ward, and every wrong one to a line that names file, patient, field, mend?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from scenarios.__main__ import app
from scenarios.errors import ParleyError
from scenarios.generator import generate
from scenarios.load import WARDS, catalogue, load, names, schema
from scenarios.reading import LIMIT_BYTES, parse_ward, read_ward
from scenarios.twin import twin

ROOT = Path(__file__).parents[2]
PATIENT: dict[str, Any] = {
    "id": "p3", "severity": 0.5, "survival_with_care": 0.9, "survival_without_care": 0.2, "needs": {"bed": 1}
}  # fmt: skip
VITALS: dict[str, Any] = {
    "respiration_rate": 16, "spo2": 97, "supplemental_oxygen": False, "systolic_bp": 120, "pulse": 80,
    "consciousness": "A", "temperature": 37.0,
}  # fmt: skip


def ward_data(**patient: Any) -> dict[str, Any]:
    other = PATIENT | {"id": "p1"}
    resources = {"bed": {"capacity": 1, "divisible": False}}
    return {"name": "w", "title": "W", "resources": resources, "patients": [other, PATIENT | patient]}


def refusal(tmp_path: Path, text: str, name: str = "ward.yaml") -> str:
    """What is said of a file with this text, without the folder."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParleyError) as error:
        read_ward(path)
    message = str(error.value)
    assert "\n" not in message
    return message.replace(f"{tmp_path}/", "")


def test_a_catalogue_name_leads_to_its_file() -> None:
    assert load("pandemic-wave").name == "pandemic-wave"
    assert load(" one-ventilator ").name == "one-ventilator"
    assert list(catalogue()) == names()


def test_an_unknown_name_brings_up_the_nearest() -> None:
    with pytest.raises(ParleyError, match=r"^no scenario 'pandemic-wav'; did you mean pandemic-wave"):
        load("pandemic-wav")
    with pytest.raises(ParleyError, match=r"^no scenario 'zzzz'; there are bus-crash, chemical"):
        load("zzzz")
    with pytest.raises(ParleyError, match=r"^no scenario 'generated'; write generated:7"):
        load("generated")


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_a_path_leads_to_the_file_and_both_formats_say_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    write = json.dumps if suffix == ".json" else yaml.safe_dump
    path.write_text(write(ward_data()), encoding="utf-8")
    assert load(str(path)) == parse_ward(ward_data(), "here")


def test_generated_takes_a_seed_and_parameters() -> None:
    assert load("generated:7") == generate(7)
    assert load("generated:7, n=9 ,scarcity=0.4") == generate(7, n=9, scarcity=0.4)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("generated:x", "generated: seed is 'x'; give a whole number, as in generated:7,n=12,scarcity=0.4"),
        ("generated:", "generated: seed is ''; give a whole number"),
        ("generated:7,scarcty=0.4", "generated: no parameter 'scarcty=0.4'; did you mean scarcity=…?"),
        (
            "generated:7,q=1",
            "generated: no parameter 'q=1'; there are n, scarcity, divisible, correlation, res",
        ),
        ("generated:7,n", "generated: no parameter 'n'; did you mean n=…?"),
        ("generated:7,n=4.5", "generated: n is '4.5'; give a whole number"),
        ("generated:7,n=4,n=5", "generated: n stands twice; remove one"),
        ("generated:7,scarcity=2", "generated: scarcity is 2.0; give a number from 0 to 0.95"),
        ("generated:7,scarcity=nan", "generated: scarcity is nan"),
    ],
)
def test_what_is_wrong_with_a_generated_name_is_said(spec: str, says: str) -> None:
    with pytest.raises(ParleyError) as error:
        load(spec)
    assert str(error.value).startswith(says)


def test_a_suffix_makes_a_twin() -> None:
    ward = load("pandemic-wave")
    assert load("pandemic-wave~sex@3").model_dump() == twin(ward, ["sex"], seed=3).model_dump()
    assert load("pandemic-wave~sex").model_dump() == twin(ward, ["sex"]).model_dump()
    several = twin(ward, ["sex", "age_group"], seed=1)
    assert load("pandemic-wave~sex+age_group@1").model_dump() == several.model_dump()
    assert load("pandemic-wave~all@2").model_dump() == twin(ward, seed=2).model_dump()
    assert load("generated:3,n=5~ethnicity").name.startswith("generated-3-n5")
    with pytest.raises(ParleyError, match="attribute 'faith': unknown here"):
        load("pandemic-wave~faith")


def test_a_tilde_in_a_path_is_no_twin(tmp_path: Path) -> None:
    path = tmp_path / "a~b.yaml"
    path.write_text(yaml.safe_dump(ward_data()), encoding="utf-8")
    assert load(str(path)).name == "w"
    assert load(f"{path}", files=True).title == "W"


@pytest.mark.parametrize(
    "spec", ["/etc/passwd", "ward.yaml", "./x", "itm:AF.json#0", "~/ward.yaml", "x.json~sex"]
)
def test_a_request_reads_no_files(spec: str) -> None:
    with pytest.raises(ParleyError, match="files are not read here"):
        load(spec, files=False)


def test_a_request_may_name_a_ward_a_twin_or_a_generated_one() -> None:
    assert load("one-ventilator", files=False).name == "one-ventilator"
    assert load("one-ventilator~sex", files=False).name.startswith("one-ventilator--twin")
    assert load("generated:1", files=False).name.startswith("generated-1")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"vitals": VITALS | {"spo2": 130}}, "patient 'p3', vitals.spo2: 130 is not at most 100; correct it"),
    ({"vitals": VITALS | {"pulse": -1}}, "patient 'p3', vitals.pulse: -1 is not at least 0; correct it"),
    (
        {"vitals": VITALS | {"consciousness": "X"}},
        "patient 'p3', vitals.consciousness: 'X' is not one of 'A', 'C'",
    ),
    ({"vitals": VITALS | {"spo": 1}}, "patient 'p3', vitals.spo: no such field; did you mean 'spo2'?"),
    ({"vitals": {"spo2": 97}}, "patient 'p3', vitals.respiration_rate: missing; add it (and 5 more)"),
    ({"vitals": 5}, "patient 'p3', vitals: 5 is not a mapping; correct it"),
    ({"age": "old"}, "patient 'p3', age: 'old' is not a number; correct it"),
    ({"age": float("nan")}, "patient 'p3', age: nan is not at most 120; correct it"),
    ({"sex": True}, "patient 'p3', sex: true is not text; put it in quotes"),
    (
        {"attributes": {"disability": False}},
        "patient 'p3', attributes.disability: false is not text; put it in quotes",
    ),
    ({"dependants": 1.5}, "patient 'p3', dependants: 1.5 is not a whole number; correct it"),
    (
        {"id": "Mrs Smith"},
        "patient 'Mrs Smith', id: 'Mrs Smith' is no name; use small letters, digits, - and _",
    ),
    ({"id": 3}, "patient number 2, id: 3 is not text; put it in quotes"),
    ({"needs": {"bed": 2.5}}, "patient 'p3', needs.bed: 2.5 of a whole good; give a whole number"),
    ({"needs": {"cot": 1}}, "patient 'p3', needs: no resource 'cot'; there are bed"),
    ({"needs": {"Ice Bed": 1}}, "patient 'p3', needs.Ice Bed: 'Ice Bed' is no name; use small letters"),
    ({"holds": {"bed": 2}}, "patient 'p3': holds 2 bed but needs 1: lower holds"),
    ({"survival_with_care": 0.1}, "patient 'p3': survival_with_care 0.1 is below survival_without_care 0.2"),
    ({"severity": None}, "patient 'p3': no vitals, organs or severity: give one"),
    (
        {"organs": {"vasopressors": {"vasopressin": 0.03}}},
        "patient 'p3': sofa: no vasopressor 'vasopressin'; there are dopamine",
    ),
    ({"id": "p1"}, "patient 'p1': the id stands twice; give each patient an id of their own"),
    ({"diagnosis": "x"}, "patient 'p3', diagnosis: no such field; remove it"),
]


@pytest.mark.parametrize(("patient", "says"), WRONG)
def test_what_is_wrong_with_a_patient_is_one_line(tmp_path: Path, patient: dict[str, Any], says: str) -> None:
    found = refusal(tmp_path, yaml.safe_dump(ward_data(**patient)))
    assert found.startswith(f"ward.yaml: {says}")


def test_what_is_wrong_with_a_resource_is_one_line(tmp_path: Path) -> None:
    negative = ward_data() | {"resources": {"bed": {"capacity": -1, "divisible": False}}}
    says = "ward.yaml: resource 'bed', capacity: -1 is not at least 0; correct it"
    assert refusal(tmp_path, yaml.safe_dump(negative)) == says
    half = ward_data() | {"resources": {"bed": {"capacity": 1.5, "divisible": False}}}
    assert "resource 'bed', capacity: 1.5 of a whole good" in refusal(tmp_path, yaml.safe_dump(half))
    empty = ward_data() | {"patients": []}
    assert refusal(tmp_path, yaml.safe_dump(empty)).startswith("ward.yaml: patients: ")


LAUGHS = "a0: &a0 [1, 1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))

NOT_A_WARD = [
    ("", "ward.yaml: the file is empty; write a ward into it"),
    ("  \n", "ward.yaml: the file is empty"),
    ("# only a comment\n", "ward.yaml: a ward is a mapping of name, resources, patients, not nothing"),
    ("- 1\n- 2\n", "ward.yaml: a ward is a mapping of name, resources, patients, not a list"),
    ("just words", "ward.yaml: a ward is a mapping of name, resources, patients, not text"),
    ("name: w\ntitle: [\n", "ward.yaml: line 3: "),
    ("name: w\n\ttitle: x\n", "ward.yaml: line 2: "),
    ("name: w\nname: v\n", "ward.yaml: line 2: key 'name' stands twice in one mapping; remove one"),
    ("a: &x {b: 1}\nc: {<<: *x}\n", "ward.yaml: line 2: merge keys (<<) are not read; write them out"),
    ("a: &x [*x]\n", "ward.yaml: its aliases unfold to more than 200000 values; write them out"),
    (LAUGHS, "ward.yaml: its aliases unfold to more than 200000 values; write them out"),
    ("a: !!python/object/apply:os.getcwd []\n", "ward.yaml: line 1: could not determine a constructor"),
    ("[" * 5000, "ward.yaml: line 1: nested too deeply"),
    ("a: \x00", "ward.yaml: "),
    ("name: w", "ward.yaml: title: missing; add it (and 2 more)"),
]


@pytest.mark.parametrize(("text", "says"), NOT_A_WARD)
def test_a_file_that_is_no_ward_says_so_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    assert refusal(tmp_path, text).startswith(says)


NOT_JSON = [
    ('{"name": "w",\n}', "ward.json: line "),
    ('{"name": "w", "name": "v"}', "ward.json: key 'name' stands twice"),
    ('{"a": NaN}', "ward.json: NaN is no number in JSON"),
    ("[" * 100_000, "ward.json: "),
]


@pytest.mark.parametrize(("text", "says"), NOT_JSON)
def test_json_is_held_to_the_same(tmp_path: Path, text: str, says: str) -> None:
    assert refusal(tmp_path, text, "ward.json").startswith(says)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match=r"nowhere.yaml: no such file; check the path"):
        load(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(ParleyError, match="is a folder; name a file in it"):
        load(str(tmp_path))
    assert (
        refusal(tmp_path, "name: w", "ward.txt")
        == "ward.txt: a ward is a .yaml, .yml or .json file; rename it"
    )
    assert "larger than 1 MB" in refusal(tmp_path, "x" * (LIMIT_BYTES + 1))
    (tmp_path / "latin.yaml").write_bytes("name: caf\u00e9".encode("latin-1"))
    with pytest.raises(ParleyError, match=r"latin.yaml: not UTF-8 at byte 9; save it as UTF-8"):
        load(str(tmp_path / "latin.yaml"))


def test_the_schema_in_docs_is_current_and_holds_for_every_ward() -> None:
    path = ROOT / "docs" / "ward.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == schema(), (
        "python -m scenarios schema > docs/ward.schema.json"
    )
    validator = jsonschema.Draft202012Validator(schema())
    for name in names():
        validator.validate(yaml.safe_load((WARDS / f"{name}.yaml").read_text(encoding="utf-8")))
    wrong = ward_data(age=-1)
    assert not validator.is_valid(wrong)


def test_the_command_line_lists_shows_checks_and_prints_the_schema(tmp_path: Path) -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["list"])
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == names()
    shown = runner.invoke(app, ["show", "one-ventilator"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0
    assert "ventilator: 1 of 5 demanded (machine, whole)" in shown.stdout
    as_json = runner.invoke(app, ["show", "one-ventilator", "--json"])
    assert parse_ward(json.loads(as_json.stdout), "stdout") == load("one-ventilator")
    assert json.loads(runner.invoke(app, ["schema"]).stdout) == schema()
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(yaml.safe_dump(ward_data()), encoding="utf-8")
    bad.write_text("name: [", encoding="utf-8")
    checked = runner.invoke(app, ["check", str(good), str(bad)])
    assert checked.exit_code == 2
    assert "good.yaml: ward 'w', 2 patients, 1 resources" in checked.stdout
    assert checked.stderr.count("\n") == 1
    unknown = runner.invoke(app, ["show", "nowhere"])
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("no scenario 'nowhere'")


def test_help_and_names_import_nothing_heavy() -> None:
    probe = (
        "import sys, scenarios.__main__, scenarios.load; scenarios.load.names(); "
        "print([m for m in ('numpy', 'pydantic', 'yaml', 'scipy', 'jsonschema') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
