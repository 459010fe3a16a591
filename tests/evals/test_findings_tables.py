"""Do tables of stages add up by hand, and is what is written what was found, whatever the names in it?"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from evals.findings.by_stage import by_stage, called, ordered, shown
from evals.findings.section import (
    NOISE,
    Findings,
    Section,
    Shown,
    estimated,
    interval,
    number,
    p_value,
    settled,
    share,
)
from evals.findings.write import markdown, show, write
from scenarios.errors import ParleyError
from tests.evals.contrasting import OUTCOME, crossed, made
from tests.evals.experiments import study

STAGES = ("solo:A", "solo:B", "no_debate", "round:1", "joint", "exit_solo:A", "exit_solo:B")


def findings_of(value: Any, runs: list[dict[str, Any]]) -> Findings:
    return Findings(study(), made(value, runs, STAGES), [], reference_only=True)


class TestByStage:
    @pytest.fixture(scope="class")
    @classmethod
    def drawn(cls) -> tuple[pd.DataFrame, dict[tuple[str, str], float], list[dict[str, Any]]]:
        """A table of two conditions, five wards, two seeds, three policies, and every value in it."""
        rng = np.random.default_rng(7)
        runs = crossed(wards=5, seeds=(1, 2), opponent=["x", "y"])
        runs += [
            r | {"run_id": f"{r['run_id']}|{p}", "role": "bargaining", "policy": p}
            for r in runs
            for p in ("soft", "hard", "tough")
        ]
        runs += [r | {"run_id": f"{r['run_id']}|t", "role": "twin"} for r in runs[:5]]
        values: dict[tuple[str, str], float] = {}

        def value(r: Mapping[str, Any], stage: str) -> float | None:
            if r["cluster"] == "w1" and r["seed"] == 2 and stage == "joint" and r["role"] == "study":
                return None
            if r["role"] == "twin":
                return 1e6
            return values.setdefault((r["run_id"], stage), float(rng.normal()))

        return by_stage(findings_of(value, runs), [OUTCOME]), values, runs

    def test_a_row_a_condition_and_stage(self, drawn: Any) -> None:
        table, _, runs = drawn
        conditions = list(dict.fromkeys(r["condition"] for r in runs))
        assert [(r.condition, r.stage) for r in table.itertuples()] == [
            (c, s) for c in conditions for s in STAGES
        ]

    def test_every_number_by_hand(self, drawn: Any) -> None:
        table, values, runs = drawn
        for row in table.to_dict("records"):
            mine = [r for r in runs if r["condition"] == row["condition"]]

            def mean(policy: str, role: str, over: bool, row: Any = row, mine: Any = mine) -> float:
                wards: dict[str, list[float]] = {}
                for r in mine:
                    key = (r["run_id"], row["stage"])
                    if (r["role"], r["policy"]) == (role, policy) and key in values:
                        base = values[r["run_id"], "no_debate"] if over else 0.0
                        wards.setdefault(r["cluster"], []).append(values[key] - base)
                return sum(sum(v) / len(v) for v in wards.values()) / len(wards)

            assert row["mean"] == pytest.approx(mean("", "study", False))
            assert row["over_no_debate"] == pytest.approx(mean("", "study", True), abs=1e-12)
            band = [mean(p, "bargaining", False) for p in ("soft", "hard", "tough")]
            assert (row["bargaining_low"], row["bargaining_high"]) == pytest.approx((min(band), max(band)))
            joint = row["stage"] == "joint"
            assert (row["wards"], row["runs"], row["missing"]) == (5, 9 if joint else 10, 1 if joint else 0)
            assert pd.isna(row["low"]) and pd.isna(row["over_low"]), "five wards have no interval"

    def test_both_nulls_stand_in_every_row(self, drawn: Any) -> None:
        table, _, _ = drawn
        assert table[["over_no_debate", "over_p", "bargaining_low", "bargaining_high"]].notna().all().all()
        merge = table[table["stage"] == "no_debate"]
        assert (merge["over_no_debate"] == 0).all() and (merge["over_p"] == 1).all()

    def test_twenty_wards_have_intervals_around_both_means(self) -> None:
        rng = np.random.default_rng(1)
        table = by_stage(findings_of(lambda r, s: float(rng.normal()), crossed(wards=20)), [OUTCOME])
        assert (table["low"] < table["mean"]).all() and (table["mean"] < table["high"]).all()
        rest = table[table["stage"] != "no_debate"]
        assert (rest["over_low"] < rest["over_no_debate"]).all() and (
            rest["over_no_debate"] < rest["over_high"]
        ).all()

    def test_without_bargaining_runs_that_null_is_missing_and_shown_as_a_dash(self) -> None:
        table = by_stage(findings_of(lambda r, s: 0.5, crossed()), [OUTCOME])
        assert table["bargaining_low"].isna().all()
        (row,) = shown(table, OUTCOME, "t").rows
        assert row == ["|{}", "0.50", "0.50", "0.50", "–", "0.50", "0.00", "1"]

    def test_what_nobody_has_is_no_row_of_the_text(self) -> None:
        table = by_stage(findings_of(lambda r, s: None, crossed()), [OUTCOME])
        assert table["mean"].isna().all() and (table["missing"] == 4).all()
        assert shown(table, OUTCOME, "t").rows == []

    def test_stages_are_ordered_as_a_debate_goes_and_named_in_words(self) -> None:
        mixed = ["joint", "exit_solo:A", "round:10", "round:2", "no_debate", "solo:B", "solo:A", "oracle"]
        right = ["solo:A", "solo:B", "no_debate", "round:2", "round:10", "joint", "exit_solo:A"]
        assert ordered(mixed) == right
        assert [called(s) for s in right] == [
            *("A alone", "B alone", "merged", "round 2", "round 10", "joint", "A after")
        ]


class TestWords:
    def test_numbers(self) -> None:
        assert [number(v) for v in (None, float("nan"), 0.125, -0.5, -0.001)] == [
            "–",
            "–",
            "0.12",
            "−0.50",
            "0.00",
        ]
        assert [number(v, signed=True) for v in (0.5, -0.5, 0, -0.001)] == ["+0.50", "−0.50", "0.00", "0.00"]
        assert number(1 / 3, 3) == "0.333"

    def test_intervals_and_estimates(self) -> None:
        assert interval(None, None) == interval(float("nan"), 1.0) == "–"
        assert interval(-0.1, 0.25) == "[−0.10, 0.25]"
        assert estimated(0.2, -0.1, 0.25, signed=True) == "+0.20 [−0.10, 0.25]"
        assert estimated(0.2, None, None) == "0.20" and estimated(None, None, None) == "–"

    def test_p_values_are_never_nought(self) -> None:
        told = [p_value(p) for p in (None, float("nan"), 0.0001, 0.001, 0.0494, 0.5, 0.9994, 0.9996, 1.0)]
        assert told == ["–", "–", "<.001", ".001", ".049", ".500", ".999", "1", "1"]

    def test_shares_of_nothing_are_missing(self) -> None:
        assert (share(0, 0), share(0, 3)) == ("–", "0 of 3")

    def test_what_is_within_noise_is_0_and_what_is_missing_stays(self) -> None:
        found = settled(pd.Series([NOISE, -NOISE, NOISE * 1.01, float("nan"), -0.3]))
        assert list(found[:2]) == [0, 0] and found[2] > NOISE and np.isnan(found[3]) and found[4] == -0.3


EVIL = "<img src=x onerror=alert(1)> | [a](http://e.example) `b` ![c](http://e.example) \x1b[31m\nnext"


class TestWritten:
    def test_names_that_others_chose_are_words_and_nothing_else(self, tmp_path: Path) -> None:
        section = Section(
            "Title", ["Says."], {"t": pd.DataFrame({"name": [EVIL]})}, [Shown("S", ["", "n"], [[EVIL, "1"]])]
        )
        text = write("A study", [section], tmp_path).read_text()
        (row,) = [line for line in text.splitlines() if "onerror" in line]
        assert len(re.findall(r"(?<!\\)\|", row)) == 3, "two cells and no more"
        assert not re.search(r"(?<!\\)<[a-z]", row) and not re.search(r"(?<!\\)\]\(", row)
        assert "\x1b" not in text and not re.search(r"(?<!\\)`", row)
        assert pd.read_csv(tmp_path / "tables" / "t.csv")["name"][0] == EVIL, "the table has it as it was"

    def test_sentences_keep_their_markdown_and_hold_no_html(self) -> None:
        text = markdown("a <script>", [Section("T", ["**bold** `code` p <.001 <script>x</script>"])])
        assert "# a \\<script>" in text and "**bold** `code` p <.001 \\<script>x\\</script>" in text

    @pytest.mark.parametrize("width", [60, 80, 120, 200])
    def test_tables_fit_the_terminal_whole_words_and_all(self, width: int) -> None:
        rng = np.random.default_rng(width)
        names = [f"condition-{'x' * int(rng.integers(3, 15))} × other" for _ in range(4)]
        rows = [[n, *(f"{v:.2f} [{v:.2f}, {v:.2f}]" for v in rng.normal(size=7)), "supported"] for n in names]
        heads = ["condition", *(f"heading{i} words" for i in range(7)), "verdict"]
        out = show_at(width, [Section("T", ["Says."], shown=[Shown("Table", heads, rows, "The note.")])])
        assert max(map(len, out.splitlines())) <= width
        words = out.split()
        for row in rows:
            for cell in row[1:8]:
                assert cell.split(" ", 1)[1] in out, "no interval is broken"
            assert all(w in words for w in row[0].split())
        assert all(f"heading{i}" in words for i in range(7)) and words.count("supported") == 4
        assert out.count("The note.") == 1

    def test_markup_and_control_characters_do_nothing_on_a_terminal(self) -> None:
        section = Section(
            "[red]T", ["[bold]x"], shown=[Shown("[i]S", ["[b]h", "n"], [["[red]\x1b[31mrow", "1"]])]
        )
        out = show_at(80, [section])
        assert "\x1b" not in out
        for words in ("[red]T", "[bold]x", "[i]S", "[b]h", "[red] [31mrow"):
            assert words in out

    def test_a_table_without_rows_says_so(self) -> None:
        section = Section("T", [], shown=[Shown("Lead", ["a"], [])])
        assert "**Lead**: no run has a value." in markdown("t", [section])
        assert "Lead: no run has a value." in show_at(80, [section])

    def test_a_table_without_columns_is_neither_written_nor_linked(self, tmp_path: Path) -> None:
        path = write(
            "t",
            [Section("T", ["x"], {"none": pd.DataFrame(), "empty": pd.DataFrame(columns=["a"])})],
            tmp_path,
        )
        assert [p.name for p in (tmp_path / "tables").iterdir()] == ["empty.csv"]
        assert "none" not in path.read_text() and "[empty.csv](tables/empty.csv)" in path.read_text()

    def test_where_nothing_can_be_written_it_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ParleyError, match="cannot write .*; name a folder with --out"):
            write("t", [], tmp_path / "file")


def show_at(width: int, sections: list[Section]) -> str:
    stream = io.StringIO()
    show("a study", sections, Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


class TestFigures:
    def test_a_dollar_in_a_name_is_a_dollar(self, tmp_path: Path) -> None:
        from evals.findings.drawing import figure, forest, titled

        def drawn() -> Any:
            fig, axes = figure()
            forest(
                axes[0, 0],
                ["a$b_{$", "c"],
                [0.1, None],
                [(0.0, 0.2), (None, None)],
                [(0.3, 0.3), (None, None)],
            )
            return titled(fig, "$x$ and $y", "note")

        write("t", [Section("T", ["x"], figures={"f": drawn})], tmp_path)
        svg = (tmp_path / "figures" / "f.svg").read_text()
        assert "a$b_{$" in svg and "not tested" in svg and "$x$ and $y" in svg

    def test_no_two_of_sixty_four_lines_look_alike(self) -> None:
        from evals.findings.drawing import look

        looks = {tuple(look(i).values()) for i in range(64)}
        assert len(looks) == 64
