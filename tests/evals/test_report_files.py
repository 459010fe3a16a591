"""Figures and tables of a report on disk: the same that the page has, each source's under names of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from evals.findings.section import Section
from evals.report.files import write_files
from evals.report.gathering import _drawn_once
from scenarios.errors import ParleyError
from tests.evals.report_sources import page_of, small, source

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def test_tables_on_disk_are_the_sections_tables(tmp_path: Path) -> None:
    table = pd.DataFrame({"condition": ["a", "=b"], "value": [0.1 + 0.2, None]})
    made = source(sections=[Section("S", ["x"], {"t": table, "none": pd.DataFrame()}, [], {"f": small})])
    files = write_files([made], tmp_path)
    assert {str(f.relative_to(tmp_path)) for f in files} == {
        "tables/t.csv",
        "figures/f.svg",
        "figures/f.png",
    }
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "tables" / "t.csv"), table)
    assert (tmp_path / "figures" / "f.png").read_bytes().startswith(b"\x89PNG")


def test_sources_do_not_write_over_each_other(tmp_path: Path) -> None:
    made = [source(sections=[Section("S", ["x"], {"t": pd.DataFrame({"n": [i]})})], name="a") for i in (1, 2)]
    files = write_files([*made, source(name="b")], tmp_path)
    assert sorted(f.name for f in files) == ["a-1-t.csv", "a-2-t.csv"]
    assert [pd.read_csv(f)["n"].tolist() for f in files] == [[1], [2]]


def test_a_figure_is_drawn_once_for_page_and_files(tmp_path: Path) -> None:
    calls: list[int] = []

    def draw() -> Figure:
        calls.append(1)
        return small("Once")

    made = source(sections=[Section("S", ["x"], {}, [], {"f": draw})])
    once = _drawn_once(made)
    page = page_of(once)
    write_files([once], tmp_path)
    assert len(calls) == 1
    on_disk = (tmp_path / "figures" / "f.svg").read_text()
    assert "Once" in on_disk, "the page took the title off the figure"
    assert "<strong>Once</strong>" in page


def test_where_nothing_can_be_written_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ParleyError, match="file: cannot write"):
        write_files(
            [source(sections=[Section("S", ["x"], {"t": pd.DataFrame({"n": [1]})})])], tmp_path / "file"
        )
