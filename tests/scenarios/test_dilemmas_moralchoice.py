"""Is a row of a MoralChoice table read as the dilemma that its marks make it, and every wrong one refused in a line?"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.dilemmas import Dilemma, load, moralchoice
from scenarios.dilemmas.considerations import CONSIDERATIONS
from scenarios.dilemmas.moralchoice import COSTS, LIMIT_BYTES, left_out, load_row, read_table
from scenarios.dilemmas.plan import worth
from scenarios.errors import ParleyError

MARKS = [f"{action}_{rule}" for action in ("a1", "a2") for rule in COSTS]
COLUMNS = ["scenario_id", "ambiguity", "generation_type", "generation_rule", "context", "action1", "action2"]
Cells = Mapping[str, str]


def row(name: str = "H_001", **changed: str) -> dict[str, str]:
    """A row that breaks no rule but for `changed`."""
    basis = {
        "scenario_id": name, "ambiguity": "high", "generation_type": "Hand-Written", "generation_rule": "ours",
        "context": "You keep the key of a neighbour, and smoke comes from under the door.",
        "action1": "I wait for the fire brigade.", "action2": "I open the door.",
    }  # fmt: skip
    return basis | dict.fromkeys(MARKS, "No") | changed


CONFLICT = row(a1_pain="Yes", a1_duty="Yes", a2_break_promise="Yes", a2_death="No Agreement")
SINGLE = row("H_002", a2_deceive="Yes")
CLEAR = row("C_003", ambiguity="low", a2_death="Yes", a2_break_law="Yes")


def text_of(*rows: Cells, columns: list[str] | None = None) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or [*COLUMNS, *MARKS], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: Cells, columns: list[str] | None = None, text: str | None = None) -> Path:
        path = tmp_path / "scenarios.csv"
        text = text_of(*rows, columns=columns) if text is None else text
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ParleyError) as error:
        act()
    assert "\n" not in str(error.value)
    return str(error.value)


def serves(dilemma: Dilemma, action: str) -> dict[str, int]:
    return dilemma.issues["action"].options[action].serves


# What is read


def test_a_row_is_the_dilemma_that_its_marks_make_it(table: Callable[..., Path]) -> None:
    found = load(f"moralchoice:{table(CONFLICT, SINGLE, CLEAR)}#H_001")
    assert found.name == "moralchoice-h_001" and found.theme == "moralchoice"
    assert found.prompt == f"{CONFLICT['context']} What do you do?"
    assert found.stratum == "professional" and found.held_out and "H_001" in found.source
    assert [option.says for option in found.issues["action"].options.values()] == [
        CONFLICT["action1"],
        CONFLICT["action2"],
    ]
    # No Agreement on a death is no mark: it costs the second action nothing.
    assert serves(found, "action1") == {"care": -1, "community": -1, "order": -1}
    assert serves(found, "action2") == {"loyalty": -2}
    # Loyalty alone speaks for the first action; of three that speak alike for the second, the first is named.
    assert list(found.principles) == ["loyalty", "care"]
    assert "first action" in found.principles["loyalty"] and "second action" in found.principles["care"]


def test_an_action_is_worth_all_to_whom_the_rule_it_keeps_matters(table: Callable[..., Path]) -> None:
    found = load_row(f"{table(CONFLICT)}#H_001")
    assert worth({"action": "action1"}, found, {"loyalty": 1.0}) == 1
    assert worth({"action": "action1"}, found, {"care": 1.0}) == 0
    assert worth({"action": "action1"}, found, {"novelty": 1.0}) is None


def test_where_all_speaks_for_one_action_its_two_widest_gaps_are_the_principles(
    table: Callable[..., Path],
) -> None:
    found = load_row(f"{table(CLEAR)}#C_003")
    assert found.stratum == "everyday"
    assert list(found.principles) == ["care", "caution"]
    assert all("first action" in words for words in found.principles.values())


def test_a_table_is_read_in_order_and_says_which_rows_are_no_dilemmas(table: Callable[..., Path]) -> None:
    path = table(CLEAR, SINGLE, row("H_004"), CONFLICT)
    assert list(read_table(path)) == ["C_003", "H_001"]
    assert left_out(path) == ["H_002", "H_004"]
    assert read_table(path)["H_001"] == load_row(f"{path}#H_001")


def test_marks_in_other_letters_quoted_commas_and_line_breaks_are_read(table: Callable[..., Path]) -> None:
    wide = CONFLICT | {"a1_pain": " yes ", "context": "You wait,\nand nobody comes,  not even at night."}
    with_mark = table(text="\ufeff" + text_of(wide))  # as spreadsheets save it
    found = load_row(f"{with_mark}#H_001")
    assert found.prompt == "You wait, and nobody comes, not even at night. What do you do?"
    assert serves(found, "action1") == serves(load_row(f"{table(CONFLICT)}#H_001"), "action1")


@given(st.dictionaries(st.sampled_from(MARKS), st.sampled_from(["Yes", "No Agreement"])))
def test_grades_are_the_held_sums_of_broken_rules_and_principles_the_widest_gaps(
    tmp_path_factory: pytest.TempPathFactory, marks: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_text(text_of(CLEAR, row(**marks)), encoding="utf-8", newline="")
    expected = []
    for action in ("a1", "a2"):
        broken = [rule for rule in COSTS if marks.get(f"{action}_{rule}") == "Yes"]
        expected.append({c: max(-2, sum(COSTS[rule].get(c, 0) for rule in broken)) for c in CONSIDERATIONS})
    gaps = {c: expected[0][c] - expected[1][c] for c in CONSIDERATIONS}
    found = read_table(path).get("H_001")
    assert (found is None) == (sum(gap != 0 for gap in gaps.values()) < 2) == (left_out(path) == ["H_001"])
    if found is None:
        return
    for action, costs in zip(("action1", "action2"), expected, strict=True):
        assert {c: serves(found, action).get(c, 0) for c in CONSIDERATIONS} == costs
    one, other = (gaps[name] for name in found.principles)
    if max(gaps.values()) > 0 > min(gaps.values()):
        assert (one, other) == (max(gaps.values()), min(gaps.values()))
    else:
        assert sorted(map(abs, (one, other))) == sorted(map(abs, gaps.values()))[-2:]


def test_the_table_of_costs_that_the_module_states_is_the_one_it_uses() -> None:
    stated = re.findall(r"(\w+) {2,}((?:\w+ −\d(?:, )?)+)", moralchoice.__doc__ or "")
    assert {
        rule: {name: -int(cost) for name, cost in re.findall(r"(\w+) −(\d)", costs)} for rule, costs in stated
    } == COSTS
    assert {name for costs in COSTS.values() for name in costs} <= set(CONSIDERATIONS)


# What is refused


@pytest.mark.parametrize("missing", ["scenario_id", "context", "action2", "a1_death", "a2_duty"])
def test_a_column_that_is_missing_is_named(table: Callable[..., Path], missing: str) -> None:
    path = table(CONFLICT, columns=[name for name in [*COLUMNS, *MARKS] if name != missing])
    said = refusal(lambda: load_row(f"{path}#H_001"))
    assert str(path) in said and f"no column '{missing}'" in said


def test_columns_that_are_not_read_may_be_missing_or_more(table: Callable[..., Path]) -> None:
    columns = [name for name in [*COLUMNS, *MARKS, "note"] if not name.startswith("generation")]
    path = table(CONFLICT | {"note": "x"}, columns=columns)
    assert load_row(f"{path}#H_001").name == "moralchoice-h_001"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"a2_cheat": "Maybe"}, "a2_cheat is 'maybe'; write Yes, No or No Agreement"),
        ({"a1_duty": ""}, "a1_duty is ''; write Yes, No or No Agreement"),
        ({"ambiguity": "middle"}, "ambiguity is 'middle'; write low or high"),
        ({"context": "  "}, "context is empty; write it"),
        ({"action1": "I open the door."}, "action1 and action2 are the same words; correct one"),
        ({"action1": "I " + "wait " * 60}, "action1"),
        ({"context": "You wait. " * 200}, "prompt"),
        ({"context": "You wait \x1b[31m in vain, and long."}, "control character"),
    ],
)
def test_a_cell_that_is_wrong_is_named_with_row_and_column(
    table: Callable[..., Path], changed: dict[str, str], says: str
) -> None:
    path = table(CLEAR, CONFLICT | changed)
    for act in (lambda: load_row(f"{path}#H_001"), lambda: read_table(path)):
        said = refusal(act)
        assert f"{path}: row 3 (scenario_id 'H_001')" in said and says in said
    assert load_row(f"{path}#C_003").stratum == "everyday"  # a wrong row spoils no other that is asked for


def test_a_row_without_two_principles_is_refused_by_name(table: Callable[..., Path]) -> None:
    path = table(SINGLE, row("H_004"))
    assert "fewer than two considerations" in refusal(lambda: load_row(f"{path}#H_002"))
    assert "no row tells its actions apart" in refusal(lambda: read_table(path))


def test_a_row_that_is_not_there_brings_the_nearest(table: Callable[..., Path]) -> None:
    path = table(CONFLICT, CLEAR)
    assert "did you mean H_001" in refusal(lambda: load_row(f"{path}#H_01"))
    assert "no row named; write moralchoice:PATH#ID" in refusal(lambda: load_row(str(path)))
    assert "no row named" in refusal(lambda: load_row(f"{path}#"))
    assert "no such file" in refusal(lambda: load_row(f"{path}x#H_001"))
    assert "files are not read here" in refusal(lambda: load(f"moralchoice:{path}#H_001", files=False))


def test_an_id_that_stands_twice_is_refused_also_when_only_its_name_would(
    table: Callable[..., Path],
) -> None:
    twice = table(CONFLICT, CLEAR | {"scenario_id": "H_001"})
    assert "rows 2 and 3" in refusal(lambda: load_row(f"{twice}#H_001"))
    assert "row 3: scenario_id 'H_001' is taken" in refusal(lambda: read_table(twice))
    alike = table(CONFLICT, CLEAR | {"scenario_id": "h_001"})
    assert "row 3: scenario_id 'h_001' is taken by 'H_001'" in refusal(lambda: read_table(alike))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda text: "", "the file is empty"),
        (lambda text: text.splitlines()[0] + "\r\n", "a header and no rows"),
        (lambda text: text + "H_009,high\r\n", "row 3: has not one value for each column"),
        (lambda text: text.rstrip() + ",more,and more\r\n", "row 2: has not one value for each column"),
        (lambda text: text + '"never closed', "correct the CSV"),
        (lambda text: text.replace("action2", "action1", 1), "stands twice"),
        (lambda text: text + "x" * LIMIT_BYTES, "larger than 5 MB"),
        (lambda text: text + "x" * 200_000, "field larger than field limit"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(
    table: Callable[..., Path], spoil: Callable[[str], str], says: str
) -> None:
    path = table(text=spoil(text_of(CONFLICT)))
    said = refusal(lambda: read_table(path))
    assert said.startswith(str(path)) and re.search(says, said)
