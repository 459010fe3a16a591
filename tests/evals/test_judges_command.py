"""Does `python -m evals.judges` do what it says, from the records of deliberations to files and a page?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.judges.outcome import gather
from scenarios.errors import ParleyError
from tests.deliberating import deliberate
from tests.evals import judges_served as served
from tests.loopback import Loopback, always, failing
from tests.play import ROOT, environment

LINEAR = ("--base-where", "concession=linear", "--base-where", "rounds=7")
ALSO = ("--trained-where", "concession=linear", "--trained-where", "rounds=7")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dilemmas, two ways of giving way; and a run in which nobody gives way at all."""
    folder = tmp_path_factory.mktemp("runs")
    for dilemma in ("late-result", "bakery-queue"):
        for concession in ("linear", "conceder"):
            deliberate(dilemma, folder, concession=concession)
    deliberate("late-result", folder, rounds=1, floor=1.0)
    return folder


def typed(*words: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """Type a command in this process, which is quicker, and return its exit code."""
    from evals.judges.__main__ import main

    monkeypatch.setattr(sys, "argv", ["judges", *map(str, words)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_outcomes_are_those_of_the_records(runs: Path) -> None:
    found = gather([runs])
    assert len(found.outcomes) == 5 and found.invalid == 0
    assert len(found.written) == 4, "who did not agree wrote nothing down"
    one = next(o for o in found.outcomes if o.settings["rounds"] == "1")
    assert (one.completion, one.agreed, one.words) == (None, False, 0)
    assert one.condition == "rounds=1, concession=linear, floor=1"
    assert len({o.group for o in found.outcomes}) == 2
    assert {p.name for p in one.poles} == {"evidence", "emotion"}
    assert len(gather([runs], {"concession": "linear"}).outcomes) == 3
    with pytest.raises(ParleyError, match="concession has conceder, linear"):
        gather([runs], {"concession": "none"})


def test_the_rule_scores_without_a_key(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert typed("score", runs, "--judge", "rule", "--out", tmp_path, monkeypatch=monkeypatch) == 0
    rows = lines(tmp_path / "verdicts.jsonl")
    assert {r["key"] for r in rows} == {"joint_worth"} and len(rows) == 5
    assert [r["score"] is None for r in rows].count(True) == 1, "no plan is missing, not 0"
    assert all(0 <= r["score"] <= 5 for r in rows if r["score"] is not None)
    page = capsys.readouterr().out
    assert "says nothing of collective agency" in page and "1 came to no plan" in page


def test_verdicts_of_another_judge_stand_beside_and_those_of_the_same_are_replaced(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with Loopback(served.honest) as server:
        asked = (
            "--judge",
            "openai:scripted",
            "--base-url",
            server.base_url,
            "--what",
            "ca,conflict",
            "--json",
        )
        assert typed("score", runs, "--out", tmp_path, "--judge", "rule", monkeypatch=monkeypatch) == 0
        capsys.readouterr()
        for _ in range(2):
            assert typed("score", runs, "--out", tmp_path, *asked, monkeypatch=monkeypatch) == 0
        document = json.loads(capsys.readouterr().out.split("\n}\n")[1] + "\n}")
        distinct = len({(o.cluster, o.completion) for o in gather([runs]).written})
        assert len(server.heard) == 2 * distinct, "once a plan and quality, never twice"
    rows = lines(tmp_path / "verdicts.jsonl")
    assert len(rows) == 15
    assert {(r["key"], r["judge"]) for r in rows} == {
        ("joint_worth", "rule"),
        ("collective_agency", "openai:scripted"),
        ("conflict_resolution", "openai:scripted"),
    }
    assert document["spent"][0]["paid"] == 0 and document["prompts"]
    assert {m["key"] for m in document["means"]} == {"collective_agency", "conflict_resolution"}


def test_two_conditions_are_compared_on_the_same_dilemmas(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    chosen = (*LINEAR, "--trained-where", "concession=conceder")
    words = ("compare", runs, runs, "--judge", "rule", *chosen, "--out", tmp_path)
    assert typed(*words, monkeypatch=monkeypatch) == 0
    rows = lines(tmp_path / "comparisons.jsonl")
    scores = {o.run_id: o for o in gather([runs]).outcomes}
    assert len(rows) == 2
    assert {scores[r["trained"]].settings["concession"] for r in rows} == {"conceder"}
    document = json.loads((tmp_path / "comparison.json").read_text())
    tally = document["tallies"]["joint_worth"]["plans"]
    assert tally["wins"] + tally["ties"] + tally["losses"] == 2
    assert tally["wins"] == sum(r["winner"] == "trained" for r in rows)
    assert "A win needs both orders" in capsys.readouterr().out


def test_a_judge_is_measured_beside_the_rule(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with Loopback(served.constant) as server:
        words = (
            "measure",
            runs,
            "--judge",
            "openai:scripted",
            "--judge",
            "rule",
            "--base-url",
            server.base_url,
        )
        assert typed(*words, "--out", tmp_path, monkeypatch=monkeypatch) == 0
    page = capsys.readouterr().out
    assert "every score is the same" in page and "ranks within groups" in page
    document = json.loads((tmp_path / "judges.json").read_text())
    kappa = next(r for r in document["measures"] if r["measure"] == "retest_kappa")
    assert kappa["value"] is None and kappa["beside"] == "itself"
    assert {r["reading"] for r in lines(tmp_path / "verdicts.jsonl")} == {1, 2}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("score", "nowhere", "--judge", "rule"), "no such record"),
        (("score", "RUNS", "--judge", "rule", "--what", "ca"), "leave --what out"),
        (("score", "RUNS", "--judge", "openai:x", "--what", "agency"), "give ca, conflict"),
        (("score", "RUNS", "--judge", "gpt"), "PROVIDER:NAME"),
        (("score", "RUNS", "--judge", "rule", "--out", __file__), "cannot be written (File exists)"),
        (("score", "RUNS", "--judge", "openai:x"), "no key"),
        (("measure", "RUNS", "--judge", "rule", "--judge", "rule"), "named twice"),
        (("compare", "RUNS", "RUNS", "--judge", "rule", "--base-where", "linear"), "write NAME=VALUE"),
        (
            ("compare", "RUNS", "RUNS", "--judge", "rule", "--base-where", "manner=x"),
            "no setting of these runs",
        ),
        (("compare", "RUNS", "RUNS", "--judge", "rule"), "one dilemma, pair and seed"),
        (("compare", "RUNS", "RUNS", "--judge", "rule", *LINEAR, *ALSO), "is on both sides"),
        (("score", "RUNS", "--judge", "rule", "--out", "RUNS"), "would be read as one"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    runs: Path,
    words: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    given: list[object] = [runs if w == "RUNS" else w for w in words]
    given += [] if "--out" in words else ["--out", tmp_path]
    assert typed(*given, monkeypatch=monkeypatch) == 2
    told = capsys.readouterr().err
    assert says in told and len(told.splitlines()) == 1


def test_a_file_that_is_not_ours_is_left_as_it_is(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "verdicts.jsonl").write_text("my notes\n")
    assert typed("score", runs, "--judge", "rule", "--out", tmp_path, monkeypatch=monkeypatch) == 2
    assert "line 1" in capsys.readouterr().err
    assert (tmp_path / "verdicts.jsonl").read_text() == "my notes\n"


def test_a_server_that_does_not_answer_is_exit_code_3(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with Loopback(always(failing(401, "no such key"))) as server:
        words = ("score", runs, "--judge", "openai:x", "--base-url", server.base_url, "--out", tmp_path)
        assert typed(*words, monkeypatch=monkeypatch) == 3
    assert "Nothing answered is lost" in capsys.readouterr().err


def test_what_a_server_says_is_shown_without_control_characters(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with Loopback(always(failing(400, "no\x1b[31m, \u202eand\nno"))) as server:
        words = ("score", runs, "--judge", "openai:x", "--base-url", server.base_url, "--out", tmp_path)
        assert typed(*words, monkeypatch=monkeypatch) == 3
    err = capsys.readouterr().err
    assert "refuses the request" in err and err.rstrip("\n").isprintable()


def test_help_imports_nothing_heavy() -> None:
    look = (
        "import sys, evals.judges.__main__; "
        "print([m for m in ('numpy', 'pandas', 'pydantic', 'scipy', 'rich.table') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0 and ran.stdout.strip() == "[]", ran.stdout + ran.stderr
