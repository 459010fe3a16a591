"""Can people label without knowing who spoke, in a spreadsheet that runs nothing, and is their work read back whole?"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.rhetoric import LABELS, arguments, read_sheet, sample, write_sheet
from evals.rhetoric.people import votes
from evals.rhetoric.sheet import COLUMNS, guarded, table, unguarded
from scenarios.errors import ParleyError
from tests.evals.rhetoric_judges import argument, speeches
from tests.play import play

NASTY = {
    "formula": '=HYPERLINK("http://evil","click")',
    "plus, minus, at": "+1 -1 @SUM(A1)",
    "dash": "- p1 gets the bed",
    "apostrophe before a formula": "'=1+1",
    "apostrophe in words": "'Tis need that counts; it's so",
    "newlines": "First,\nsecond.\r\nThird.",
    "quotes": 'He said "need", she said ""merit""',
    "right to left": "أعط السرير للمريض الأكثر مرضا، ثم p2",
    "after a separator": 'x;=cmd|"/c calc"!A1,@SUM(A1)\t+1',
    "after a line end": "x\n=1+1\n  -2",
    "wide": "＝1＋1",
    "blank first": "  =1",
    "bom": "\ufeff=1",
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY.keys())
class TestACell:
    def test_comes_back_as_it_was_through_a_file(self, text: str) -> None:
        rows = list(csv.reader(io.StringIO(table([{"a": text, "b": text}], ["a", "b"]), newline="")))
        assert [unguarded(cell) for cell in rows[1]] == [text, text]

    def test_begins_no_formula_whatever_separates_cells(self, text: str) -> None:
        line = table([{"a": text}], ["a"]).partition("\r\n")[2]
        for separator in ",;\t":
            for cell in re.split(rf"[{separator}\r\n]", line):
                assert not re.match(r'[ "]*[=+\-@＝＋－＠]', cell), cell


@given(st.text(alphabet="=+-@'\"; ,\t\r\naé＝", max_size=30))
def test_a_guard_is_always_undone(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not re.match(r"[=+\-@＝＋－＠\t\r]", guarded(text))


class TestASheet:
    def test_is_read_back_word_for_word(self, tmp_path: Path) -> None:
        those = [argument(text, i) for i, text in enumerate(NASTY.values())]
        path = write_sheet(those, tmp_path / "ada.csv")
        assert [(m.turn, m.argument) for m in read_sheet(path)] == [(a.turn, a.text) for a in those]
        assert all(set(m.marks.values()) == {None} for m in read_sheet(path))

    def test_tells_neither_persona_nor_seat_nor_round_nor_judge(self, tmp_path: Path) -> None:
        path = write_sheet(speeches(), tmp_path / "ada.csv")
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
        assert rows[0] == list(COLUMNS) == ["run_id", "turn", "argument", *LABELS]
        assert all(row[3:] == [""] * len(LABELS) for row in rows[1:])
        assert "rawlsian" not in path.read_text("utf-8-sig")

    def test_is_never_written_over(self, tmp_path: Path) -> None:
        path = tmp_path / "ada.csv"
        path.write_text("a person's work")
        with pytest.raises(ParleyError, match="may hold labels"):
            write_sheet(speeches(), path)
        assert path.read_text() == "a person's work"

    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    def test_is_read_as_a_spreadsheet_saved_it(self, separator: str, tmp_path: Path) -> None:
        path = tmp_path / "ada.csv"
        row = ["r", "t00000000000a", "one; two, three", "1", "0", "x", "", "No"]
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter=separator).writerows([COLUMNS, row, [""] * 8])
        (marked,) = read_sheet(path)
        assert list(marked.marks.values()) == [True, False, True, None, False]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "empty"),
            (b"a,b\n1,2\n", "no column turn, appeal_to_principle"),
            (b"\xff\xfe\x00", "save it as `CSV UTF-8`"),
            (
                ",".join(COLUMNS).encode() + b"\nr,t00000000000a,x,maybe,,,,\n",
                "row 2, appeal_to_principle: 'maybe'",
            ),
            (",".join(COLUMNS).encode() + b"\nr,1.2E+08,x,1,,,,\n", "row 2: '1.2E\\+08' is no turn"),
            (
                ",".join(COLUMNS).encode() + 2 * b"\nr,t00000000000a,x,1,,,,",
                "row 3: turn t00000000000a stands",
            ),
            (",".join(COLUMNS).encode() + b'\nr,t00000000000a,"x', "no CSV"),
        ],
    )
    def test_that_is_wrong_is_refused_in_one_line(self, content: bytes, said: str, tmp_path: Path) -> None:
        path = tmp_path / "ada.csv"
        path.write_bytes(content)
        with pytest.raises(ParleyError, match=said) as caught:
            read_sheet(path)
        assert "\n" not in str(caught.value)

    def test_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ParleyError, match=r"ada\.csv: cannot be read"):
            read_sheet(tmp_path / "ada.csv")


class TestASample:
    def those(self) -> list:
        many = [argument(f"common {i}", i, persona="plain") for i in range(90)]
        few = [argument(f"rare {i}", 100 + i, persona="rawlsian", round=3) for i in range(4)]
        return many + few

    def test_takes_as_many_of_every_persona_and_round_as_there_are(self) -> None:
        drawn = sample(self.those(), 20, np.random.default_rng(1))
        assert Counter(a.persona for a in drawn) == {"plain": 16, "rawlsian": 4}

    def test_is_the_seeds_own_and_in_no_telling_order(self) -> None:
        first, same, other = (sample(self.those(), 20, np.random.default_rng(s)) for s in (1, 1, 2))
        assert first == same != other
        assert [a.persona for a in first] != sorted(a.persona for a in first)

    def test_asks_about_the_same_words_once(self) -> None:
        twins = [argument("I give way.", i) for i in range(30)]
        assert len(sample(twins, 10, np.random.default_rng(1))) == 1

    def test_takes_all_where_there_are_fewer(self) -> None:
        assert set(sample(speeches(), 60, np.random.default_rng(1))) == set(speeches())

    def test_of_nothing_is_refused(self) -> None:
        with pytest.raises(ParleyError, match="give 1 or more"):
            sample(speeches(), 0, np.random.default_rng(1))


class TestVotes:
    def filled(self, path: Path, *rows: str) -> Path:
        path.write_text("\n".join([",".join(COLUMNS), *rows]), encoding="utf-8")
        return path

    def test_are_what_is_marked_and_an_empty_cell_is_none(self, tmp_path: Path) -> None:
        ada = self.filled(tmp_path / "ada.csv", "r,t000000000001,x,1,0,,,", "r,t00000000ffff,x,1,1,1,1,1")
        ben = self.filled(tmp_path / "ben.csv", "r,t000000000001,x,0,,,,")
        voted = votes([ada, ben], [a.turn for a in speeches()])
        assert list(voted.itertuples(index=False, name=None)) == [
            ("ada", "t000000000001", "appeal_to_principle", 1.0),
            ("ada", "t000000000001", "appeal_to_evidence", 0.0),
            ("ben", "t000000000001", "appeal_to_principle", 0.0),
        ]
        assert voted.attrs["elsewhere"] == 1

    @pytest.mark.parametrize(
        ("row", "said"),
        [("r,t00000000ffff,x,1,1,1,1,1", "of other runs"), ("r,t000000000001,x,,,,,", "nothing is marked")],
    )
    def test_that_say_nothing_of_these_runs_are_refused(self, row: str, said: str, tmp_path: Path) -> None:
        with pytest.raises(ParleyError, match=said):
            votes([self.filled(tmp_path / "ada.csv", row)], [a.turn for a in speeches()])

    def test_of_one_person_are_counted_once(self, tmp_path: Path) -> None:
        path = self.filled(tmp_path / "ada.csv", "r,t000000000001,x,1,,,,")
        with pytest.raises(ParleyError, match="second sheet named 'ada'"):
            votes([path, path], [a.turn for a in speeches()])


@pytest.fixture(scope="module")
def debates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("debates")
    for opponent in ("biased-age", "plain"):
        play("generated:3,n=5,divisible=1", folder, opponent=opponent, rounds=2)
    return folder


class TestArgumentsOfDebates:
    def test_are_every_move_of_every_round_and_no_solo(self, debates: Path) -> None:
        found = arguments([debates])
        assert len(found.arguments) + found.silent == 2 * 2 * 2 and found.invalid == 0
        assert {a.round for a in found.arguments} == {1, 2}
        assert {(a.seat, a.persona) for a in found.arguments} == {
            ("A", "rawlsian"),
            ("B", "biased-age"),
            ("B", "plain"),
        }
        assert len({a.turn for a in found.arguments}) == len(found.arguments)

    def test_have_as_condition_what_differs(self, debates: Path) -> None:
        assert {a.condition for a in arguments([debates]).arguments} == {
            "opponent=biased-age",
            "opponent=plain",
        }
        one = arguments([next(debates.glob("*.json"))])
        assert {a.condition for a in one.arguments} == {""}
        named = arguments([debates], {a.run_id: "base" for a in one.arguments})
        assert {a.condition for a in named.arguments} == {"base", ""}

    def test_of_one_run_given_twice_are_refused(self, debates: Path, tmp_path: Path) -> None:
        record = next(debates.glob("*.json"))
        (tmp_path / "copy.json").write_bytes(record.read_bytes())
        with pytest.raises(ParleyError, match="given twice"):
            arguments([debates, tmp_path])
