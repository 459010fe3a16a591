"""Does `python -m evals.arrow` say what it found, loudly where it must, and plainly for machines?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evals.arrow.axioms import AXIOMS
from tests.play import ROOT, play


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("arrow-command")
    for rule in ("nash", "last-word-last"):
        play("generated:3,n=5,divisible=1", runs, opponent="biased-age", merge_rule=rule)
    return runs


def typed(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Type `python -m evals.arrow …` in this process and return its exit code."""
    from evals.arrow.__main__ import main

    monkeypatch.setattr(sys, "argv", ["arrow", *words])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_rules_without_a_word_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed("--alternatives", "3", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert "each of 16 audits must fail an axiom, and each does" in said
    assert "\x1b" not in said
    assert "last-word-first fails non-dictatorship: A has its way at all 36 profiles" in " ".join(
        said.split()
    )


def test_the_command_is_loud_where_a_rule_would_escape(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(AXIOMS, "independence")
    assert typed("rules", "utilitarian", "--alternatives", "3", monkeypatch=monkeypatch) == 1
    assert "CONTRADICTS ARROW: utilitarian, full menu, 3 alternatives" in capsys.readouterr().out
    assert typed("rules", "utilitarian", "--json", "--alternatives", "3", monkeypatch=monkeypatch) == 1
    heard = capsys.readouterr()
    assert "CONTRADICTS ARROW" in heard.err
    assert len(json.loads(heard.out)) == 10


def test_rules_as_json_and_csv(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("nash", "--json", monkeypatch=monkeypatch) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 2 * 2 * 6
    assert {row["axiom"] for row in rows if not row["weak"]} == {"independence", "transitive indifference"}
    assert typed("nash", "--csv", monkeypatch=monkeypatch) == 0
    assert len(capsys.readouterr().out.splitlines()) == 25


def test_debates_in_words_json_and_csv(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("debates", str(folder), "--reruns", "0")
    assert typed(*asked, monkeypatch=monkeypatch) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 runs, 2 complete" in said
    assert "influence of the first seat: median" in said
    assert "Missing in 2 of 2 runs: null patients: no debate was played again" in said
    assert typed(*asked, "--json", monkeypatch=monkeypatch) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["summary"]["runs"] == len(told["runs"]) == 2
    assert typed(*asked, "--csv", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.startswith("run_id,status,ward")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rules", "llm"), "outside Arrow's theorem"),
        (("rules", "--json", "--csv"), "choose one"),
        (("debates", "no/such/place"), "no such record"),
    ],
)
def test_bad_input_is_one_line_and_2(
    words: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert typed(*words, monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv=['arrow','--help']\n"
        "from evals.arrow.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy','pandas','pydantic','langgraph') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
