"""Is a deliberation used from a terminal as every graph is: records, pages, lists, bad input in a line?"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from nodes.records import reader, schema
from tests.play import ROOT, environment, typed

Told = pytest.CaptureFixture[str]
GRAPH = "deliberation"


def test_json_puts_the_record_alone_on_stdout_and_it_fits_its_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("invoke", "--json", monkeypatch=monkeypatch, graph=GRAPH) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, schema())
    assert data["setting"] == GRAPH
    kept = tmp_path / "runs" / f"{data['run_id']}.json"
    assert json.loads(kept.read_text()) == data
    assert reader().validate_python(data).model_dump(mode="json") == data
    events = [json.loads(line) for line in kept.with_suffix(".jsonl").read_text().splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("started", "finished")
    assert [e["edge"] for e in events if e["event"] == "edge"] == data["edges"]
    assert typed("show", data["run_id"][:-3], monkeypatch=monkeypatch, graph=GRAPH) == 0
    page = capsys.readouterr().out
    for part in (
        "What was said",
        "in the end",
        "YES",
        "What it is worth",
        "A null model",
    ):
        assert part in page, part


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--alone",), ("written by one agent alone", "not at the table")),
        (("--mediator", "--rounds", "3"), ("mediator",)),
        (("--panel", "speed-quality:speed", "--window", "all"), ("C speed", "sees all turns")),
        (("--scenario", "any:3", "--floor", "0.95", "--rounds", "2"), ("the seats did not agree",)),
    ],
    ids=lambda v: " ".join(v),
)
def test_a_page_says_what_was_set_and_what_came_of_it(
    words: tuple[str, ...],
    says: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Told,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("invoke", *words, monkeypatch=monkeypatch, graph=GRAPH) == 0
    page = capsys.readouterr().out
    for part in says:
        assert part in page, part


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--scenario", "late-resul"), "did you mean late-result"),
        (("--scenario", "any:x"), "any:7"),
        (("--scenario", "nowhere.yaml#x"), "nowhere.yaml"),
        (("--scenario", "broken.yaml#x"), "broken.yaml"),
        (("--scenario", "moralchoice:/nowhere.csv#1"), "/nowhere.csv"),
        (("--pair", "evidence-emotoin"), "did you mean 'evidence-emotion'"),
        (("--pair", "../etc"), "--pair"),
        (("--panel", "speed"), "--panel"),
        (("--panel", "speed-quality:nobody"), "speed and quality"),
        (("--window", "0"), "--window"),
        (("--window", "some"), "--window"),
        (("--rounds", "0"), "--rounds"),
        (("--alone", "--mediator"), "alone"),
        (("--floor", "2"), "--floor"),
        (("--judge", "openai:x"), "OPENAI_API_KEY"),
        (("--personas", "people", "--pair", "bad"), "bad.yaml"),
        (("--personas", "poeple"), "poeple: no such folder"),
        (("--model", "openai:x", "--base-url", "http://u:hush@[::1/v1"), "base_url: no http address"),
        (("--model", "openai:x", "--base-url", "http://u:hush@h:99999/v1"), "base_url: no http address"),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(v),
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    words: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "broken.yaml").write_text("theme: x\ndilemmas: [\n")
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "bad.yaml").write_text("kind: substance\nsource: this test\npoles: []\n")
    assert typed("invoke", *words, monkeypatch=monkeypatch, graph=GRAPH) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err and "hush" not in err
    assert says in err
    told = [line for line in err.strip().splitlines() if not re.match(r" *\d+\.\ds  ", line)]  # less progress
    assert len(told) == 1 or "╭" in err
    assert not list(tmp_path.glob("runs/*.json")), "nothing is recorded"


@pytest.mark.parametrize(
    ("listing", "expected"),
    [("scenarios", {"late-result"}), ("personas", {"evidence-emotion:evidence", "evidence-emotion:emotion"})],
)
def test_lists_name_everything_there_is(
    listing: str, expected: set[str], monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    assert typed("list", listing, "--json", monkeypatch=monkeypatch, graph=GRAPH) == 0
    assert expected <= {row["name"] for row in json.loads(capsys.readouterr().out)}


def test_a_list_names_pairs_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    shipped = (ROOT / "personas" / "pairs" / "speed-quality.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(
        shipped.replace("name: speed-quality", "name: mine"), encoding="utf-8"
    )
    words = ("list", "personas", "--personas", tmp_path, "--json")
    assert typed(*map(str, words), monkeypatch=monkeypatch, graph=GRAPH) == 0
    assert {"mine:speed", "mine:quality"} <= {row["name"] for row in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"setting": "deliberation", "seed": null}', "not a run record (deliberation."),
        (b"{", "not a run record (the file: Invalid JSON"),
        (b"\xff", "not a run record"),
    ],
)
def test_a_record_that_is_damaged_is_shown_where(
    text: bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    (tmp_path / "x.json").write_bytes(text)
    assert typed("show", str(tmp_path / "x.json"), monkeypatch=monkeypatch, graph=GRAPH) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1


def test_a_failure_is_told_without_control_characters(capsys: Told) -> None:
    from graphs.command import _stop

    with pytest.raises(SystemExit):
        _stop("a server's \x1b[31m\u202e\nwords", 3)
    assert capsys.readouterr().err == "a server's [31m words\n"


def test_a_reader_that_has_gone_is_no_failure() -> None:
    command = f"{sys.executable} -m graphs.{GRAPH} draw | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, env=environment(), check=True
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    heavy = (
        "langgraph",
        "langchain",
        "numpy",
        "scipy",
        "psycopg",
        "torch",
        "transformers",
        "trl",
        "pandas",
        "yaml",
    )
    code = (
        "import sys, runpy; sys.argv = ['deliberation', 'invoke', '--help']\n"
        "try: runpy.run_module('graphs.deliberation', run_name='__main__')\n"
        f"finally: print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert "--window" in done.stdout
    assert "--no-clauses" in done.stdout
    assert done.stderr.strip() == "[]"


def test_nothing_but_training_imports_torch(tmp_path: Path) -> None:
    code = (
        "import sys, runpy; sys.argv = ['deliberation', 'invoke', '--json']\n"
        "try: runpy.run_module('graphs.deliberation', run_name='__main__')\n"
        "finally: print([m for m in ('torch', 'transformers', 'trl') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert json.loads(done.stdout)["status"] == "complete"
    assert done.stderr.strip().endswith("[]")


def test_draw_shows_the_machine(monkeypatch: pytest.MonkeyPatch, capsys: Told) -> None:
    assert typed("draw", monkeypatch=monkeypatch, graph=GRAPH) == 0
    drawn = capsys.readouterr().out
    for node in ("speak", "mediate", "judge", "complete", "record"):
        assert f"\t{node}({node})" in drawn
