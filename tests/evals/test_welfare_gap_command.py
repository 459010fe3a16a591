"""Does `python -m evals.welfare_gap` say what is lost and why, plainly for machines, and in one line what is wrong?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.play import ROOT

HEADER = (
    "id,formal_game,actions_row,actions_column,payoff_matrix_4x4,actions_row_4x4,actions_col_4x4\n"
    "1,Prisoner's Dilemma,\"['C', 'D']\",\"['C', 'D']\","
)
FOUR = "\"['CH', 'CL', 'DH', 'DL']\",\"['CH', 'CL', 'DH', 'DL']\"\n"


def typed(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Type `python -m evals.welfare_gap …` in this process and return its exit code."""
    from evals.welfare_gap.__main__ import main

    monkeypatch.setattr(sys, "argv", ["welfare_gap", *words])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def table(path: Path, effort: float = 0.0) -> Path:
    """A file of one lift, T, R, P, S = 5, 3, 1, 0 and ε = 1/3, low effort against CH worth `effort` more."""
    from scenarios.games.lift import lifted_payoffs

    payoffs = lifted_payoffs(5, 3, 1, 0)
    payoffs[1, 1] += effort
    path.write_text(f'{HEADER}"{payoffs.tolist()}",{FOUR}', encoding="utf-8")
    return path


def test_without_a_word_the_lift_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed(monkeypatch=monkeypatch) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in ("1/24", "1/6", "1/30", "Under the best contract λ = 2 closes the gap, and nothing less"):
        assert words in said
    assert "the record stays the same, so that no transfer tells the two apart" in said
    assert "\x1b" not in said


def test_one_concept_at_a_time(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("gap", "--concept", "nash", monkeypatch=monkeypatch) == 0
    assert "mediator" not in capsys.readouterr().out
    assert typed("gap", "--concept", "correlated", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert "mediator" in said and "no contract" in said and "a perfect contract" not in said
    assert "The best contract, in pure Nash" not in said


def test_json_alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        typed("hidden-temptation", "--bound", "3", "--budget", "burn", "--json", monkeypatch=monkeypatch) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["bound"], told["budget"], told["surplus"]) == pytest.approx((3.0, "burn", 4.0))
    assert told["contract"]["loss"] == pytest.approx(0.3)
    assert told["contract"]["certificates"][0]["same_record"] is False
    assert told["contract"]["clauses"]
    assert told["mediator"]["welfare"] >= told["contract"]["welfare"] - 1e-9
    assert told["concern"]["contract"] <= told["concern"]["no_contract"]
    assert typed("gap", "chicken", "--concept", "nash", "--json", monkeypatch=monkeypatch) == 0
    assert "mediator" not in json.loads(capsys.readouterr().out)


def test_a_curve_in_words_json_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evals.welfare_gap import drawing

    out = str(tmp_path / "out")
    assert typed("curve", "sick-leave", "--out", out, monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert "1 told apart, 1 way" in said and "sick-leave-partition.svg" in said
    assert len(list((tmp_path / "out").iterdir())) == 3
    monkeypatch.setattr(drawing, "keep", None)  # nothing is drawn unasked
    assert typed("curve", "sick-leave", "--json", monkeypatch=monkeypatch) == 0
    points = json.loads(capsys.readouterr().out)["points"]
    assert [p["best contract"] for p in points] == pytest.approx([1.4, 0.0], abs=1e-9)


def test_a_table_of_games_exits_1_where_theory_is_contradicted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evals.welfare_gap import tables

    path = table(tmp_path / "games.csv")
    assert typed("games", str(path), monkeypatch=monkeypatch) == 0
    assert "1 of 1 are lifts of a Prisoner's Dilemma" in " ".join(capsys.readouterr().out.split())
    assert typed("games", str(table(tmp_path / "other.csv", 0.5)), "--json", monkeypatch=monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)[0]["lift"] is None  # no lift any more, so nothing is checked
    monkeypatch.setattr(tables, "mixed_loss", lambda *_: 0.25)
    assert typed("games", str(path), monkeypatch=monkeypatch) == 1
    assert "the mixed equilibrium loses 1/6: 0.666667, and 0.25 was found" in " ".join(
        capsys.readouterr().out.split()
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("gap", "prisoners"), "did you mean prisoners-dilemma"),
        (("lift:prisoners-dilemma", "--bound", "-2"), "a bound of -2"),
        (("gap", "chicken", "--bound", "nan"), "a bound of nan"),
        (("curve", "commons:fishery"), "nothing unforeseen happens"),
        (("curve", "commons:fishery-contingent", "--over", "bound"), "not over bound"),
        (("games", "no/such.csv"), "no/such.csv"),
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
        "import sys; sys.argv=['welfare_gap','--help']\n"
        "from evals.welfare_gap.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy','scipy','pandas','pydantic','matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"COLUMNS": "100"},
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
