"""What does `invoke --open` do at the end: show the run, and leave stdout to the record?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.play import ROOT, command

ARGUMENTS = {
    "triage": ("--retrieval", "off", "--rounds", "1"),
    "games": ("--regime", "none"),
}


@pytest.mark.parametrize("graph", sorted(ARGUMENTS))
def test_the_run_is_opened_and_stdout_stays_the_record(graph: str, tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n')
    browser.chmod(0o755)
    env = {"BROWSER": f"{browser} %s"}
    done = command("invoke", *ARGUMENTS[graph], "--open", "--json", cwd=tmp_path, env=env, graph=graph)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)["run_id"]
    page = tmp_path / "runs" / f"{run}.html"
    assert opened.read_text() == f"{page.as_uri()}#run={run}"
    assert run in page.read_text(encoding="utf-8")
    assert f"runs/{run}.html" in done.stderr


def test_where_pages_cannot_be_made_one_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    lacking = 'raise ModuleNotFoundError("No module named \'jinja2\'", name="jinja2")\n'
    (tmp_path / "without" / "jinja2.py").write_text(lacking)
    env = {"PYTHONPATH": f"{tmp_path / 'without'}:{ROOT}"}
    done = command("invoke", *ARGUMENTS["triage"], "--open", cwd=tmp_path, env=env)
    assert done.returncode == 0, "the run itself is done, and recorded"
    said = done.stderr.splitlines()
    assert said[-1] == "jinja2 is not installed; run `pip install -r requirements-evals.txt`"
    assert "Traceback" not in done.stderr
