"""What does somebody get who asks to look at one run: a page of its own, at that run, in the browser?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evals import terminal
from evals.view import app
from tests import forking
from tests.play import environment, play


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two short debates on one ward."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in (1, 2):
        play("one-ventilator", folder, rounds=1, seed=seed)
    return folder


def ids(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.json"))


def typed(*words: str) -> int:
    """Type `python -m evals.view …` in this process; its exit code."""
    try:
        terminal.run(app, words)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_a_run_is_opened_at_its_place_in_a_page_beside_its_record(runs: Path, tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n')
    browser.chmod(0o755)
    run = ids(runs)[0]
    env = environment({"BROWSER": f"{browser} %s"})
    done = forking.typed("evals.view", "--runs", str(runs), run[:-3], cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    page = runs / f"{run}.html"
    written, address = done.stdout.splitlines()
    assert written == f"written: {page}"
    assert address == f"{page.as_uri()}#run={run}" == opened.read_text()
    text = page.read_text(encoding="utf-8")
    assert run in text
    assert "Reference negotiators alone made these runs" in text, "it must say that no model spoke"


def test_one_run_is_shown_without_the_tables_that_take_seconds_to_load(runs: Path, tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom evals.view import _page\n"
        f"_page([Path({str(runs / f'{ids(runs)[0]}.json')!r})])\n"
        "print(sorted({'pandas', 'matplotlib', 'langgraph'} & set(sys.modules)))\n"
    )
    fresh = [sys.executable, str(script)]  # a fork has what others imported
    done = subprocess.run(fresh, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True)
    assert "pandas" not in done.stdout and "matplotlib" not in done.stdout, done.stdout + done.stderr


def test_the_quick_index_says_of_a_run_what_the_report_says(runs: Path) -> None:
    """Two ways to one row: read off the record alone, and off the tables. They must never part."""
    from evals.records import read
    from evals.report.gathering import Named, measured
    from evals.report.index import uses
    from evals.report.listing import listed, of_loose

    files = sorted(runs.glob("*.json"))
    (told,) = measured(Named([], [], [str(runs)]), lambda what: None, quick=True)
    table = uses(told)
    ((source, rows),) = of_loose([listed(read(path, None)) for path in files])
    assert (source.name, source.unit, source.negotiators) == (told.name, told.unit, told.negotiators)
    for row, other in zip(rows, table.to_dict("records"), strict=True):
        assert row == {name: other[name] for name in row}


def test_two_runs_stand_side_by_side(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = ids(runs)
    page = tmp_path / "both.html"
    assert typed("--runs", str(runs), other, one, "--no-open", "--out", str(page)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{page.as_uri()}#pair={other},{one}"
    assert page.is_file()


def test_json_is_the_transcript_alone(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(runs.iterdir())
    assert typed(str(runs / f"{ids(runs)[0]}.json"), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["run_id"] == ids(runs)[0]
    assert [turn["kind"] for turn in told["turns"]][:3] == ["solo", "solo", "no_debate"]
    assert set(runs.iterdir()) == before, "--json writes no page"


def test_what_cannot_be_shown_is_one_line(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = tmp_path / "half.json"
    half.write_text((runs / f"{ids(runs)[0]}.json").read_text()[:1000])
    (tmp_path / "folder").mkdir()
    for words, says in (
        (("--runs", str(runs), "nobody"), "no record 'nobody'"),
        (("--runs", str(runs), "one-"), "ambiguous"),
        ((str(half),), "half.json"),
        ((str(runs / f"{ids(runs)[0]}.json"), "--no-open", "--out", str(tmp_path / "folder")), "--out"),
    ):
        assert typed(*words) == 2, words
        out, err = capsys.readouterr()
        assert out == "" and says in err and len(err.splitlines()) == 1, err
