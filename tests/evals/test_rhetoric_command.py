"""Does `python -m evals.rhetoric` do what it says, from runs over a sheet and a judge to corrected rates?"""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.rhetoric import LABELS
from tests import forking
from tests.evals.rhetoric_judges import RULES, erring_judge, honest_judge
from tests.loopback import Loopback, Script, always, failing, slow
from tests.play import ROOT, environment, play


@pytest.fixture(scope="module")
def debates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("debates")
    for ward in range(1, 5):
        play(f"generated:{ward},n=5,divisible=1", folder, opponent="biased-age", rounds=2)
    return folder


def typed(*words: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """Type a command in this process, which is quicker, and return its exit code."""
    from evals.rhetoric.__main__ import main

    monkeypatch.setattr(sys, "argv", ["rhetoric", *map(str, words)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def fill(sheet: Path, path: Path, wrong: str = "") -> None:
    """Fill in a sheet as the rules say, but for the label `wrong`, on which this person says the opposite."""
    rows = list(csv.DictReader(sheet.read_text("utf-8-sig").splitlines()))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        for row in rows:
            marks = {k: bool(re.search(rule, row["argument"])) for k, rule in RULES.items()}
            writer.writerow(row | {k: int(v != (k == wrong)) for k, v in marks.items()})


def judging(
    debates: Path, folder: Path, script: Script, *more: object, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, Loopback]:
    with Loopback(script) as server:
        words = (
            "judge",
            debates,
            "--model",
            "openai:scripted",
            "--base-url",
            server.base_url,
            "--out",
            folder,
        )
        return typed(*words, *more, monkeypatch=monkeypatch), server


def test_help_names_the_options() -> None:
    asked = [sys.executable, "-m", "evals.rhetoric", "judge", "--help"]
    ran = subprocess.run(asked, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and "--second" in ran.stdout and "--labels" in ran.stdout


def test_help_imports_nothing_heavy() -> None:
    look = (
        "import sys, evals.rhetoric.__main__; "
        "print([m for m in ('numpy', 'pandas', 'pydantic', 'scipy') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert ran.stdout.strip() == "[]", ran.stderr


class TestFromRunsToRates:
    @pytest.fixture
    def told(
        self,
        debates: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> dict[str, Any]:
        sheet = tmp_path / "sheet.csv"
        assert typed("sheet", debates, "--n", 12, "--out", sheet, monkeypatch=monkeypatch) == 0
        fill(sheet, tmp_path / "ada.csv")
        fill(sheet, tmp_path / "ben.csv", wrong="appeal_to_evidence")
        capsys.readouterr()
        sheets = [w for who in ("ada", "ben") for w in ("--labels", tmp_path / f"{who}.csv")]
        options = ("--second", "openai:other", "--retest", 10, "--json", *sheets)
        code, _ = judging(debates, tmp_path / "out", erring_judge(), *options, monkeypatch=monkeypatch)
        assert code == 0
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        return said

    def test_agreement_stands_for_every_label_and_pair(self, told: dict[str, Any]) -> None:
        found = {(row["label"], row["between"]): row for row in told["agreement"]}
        assert len(found) == 4 * len(LABELS)
        assert found["concession", "itself"]["alpha"] == 1.0, "its errors do not depend on the seed"
        assert found["concession", "people"]["alpha"] < 0.9
        assert found["appeal_to_identity", "people"]["alpha"] == 1.0
        assert found["appeal_to_evidence", "people among themselves"]["alpha"] < 0
        assert found["threat", "itself"]["alpha"] is None, "nobody threatens: nothing could disagree"

    def test_rates_stand_by_round_and_by_condition_with_what_corrects_them(
        self, told: dict[str, Any]
    ) -> None:
        rows = {(r["persona"], r["round"], r["label"]): r for r in told["rates_by_round"]}
        assert rows["biased-age", 1, "appeal_to_identity"]["rate"] == 1.0
        assert rows["rawlsian", 1, "appeal_to_identity"]["rate"] == 0.0
        principle = rows["rawlsian", 1, "appeal_to_principle"]
        assert principle["wards"] == 4 and principle["corrected_low"] is None
        disputed = rows["rawlsian", 1, "appeal_to_evidence"]
        assert disputed["ties"] == 12 and disputed["correction"].startswith("not correctable")
        assert {r["condition"] for r in told["rates_by_condition"]} == {""}

    def test_says_what_it_took_and_in_which_words_it_asked(
        self, told: dict[str, Any], tmp_path: Path
    ) -> None:
        assert set(told["spent"]) == {"first", "again", "other"}
        assert told["spent"]["first"]["input_tokens"] > 0 and told["spent"]["first"]["cost_usd"] is None
        assert "system" in told["prompts"] and told["asked"]["seed"] == 1
        kept = {p.name for p in (tmp_path / "out").iterdir()}
        assert kept == {
            "judgements.jsonl",
            "rhetoric.json",
            "labels_of_judge.csv",
            "agreement.csv",
            "rates_by_round.csv",
            "rates_by_condition.csv",
            "labelled.csv",
        }


def test_the_page_prints_agreement_beside_every_rate(
    debates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    code, server = judging(debates, tmp_path, honest_judge, "--retest", 12, monkeypatch=monkeypatch)
    page = capsys.readouterr().out
    assert code == 0 and "Rates by persona and round" in page and "cost unknown" in page
    assert "corrected" not in page.partition("A label counts")[0], "nobody labelled anything"
    heads = [line for line in page.splitlines() if "judge says" in line]
    assert len(heads) == 2 and all("α itself" in line for line in heads)
    assert len(server.heard) > 12


@pytest.mark.slow
def test_what_a_killed_command_was_answered_is_not_asked_again(debates: Path, tmp_path: Path) -> None:
    with Loopback(lambda heard: slow(honest_judge(heard), 0.05 if heard.number < 3 else 5.0)) as server:
        asked = ["evals.rhetoric", "judge", str(debates), "--model", "openai:scripted"]
        asked += ["--base-url", server.base_url, "--out", str(tmp_path), "--at-once", "1", "--retest", "0"]
        with forking.Begun(*asked, cwd=ROOT, env=environment()) as running:
            server.wait_for(4, timeout_s=60)
            running.send_signal(signal.SIGKILL)
        kept = (tmp_path / "judgements.jsonl").read_text().count('"answered"')
        assert kept == 3 and not (tmp_path / "rhetoric.json").exists()
        server.script = honest_judge
        ran = forking.typed(*asked, cwd=ROOT, env=environment())
        assert ran.returncode == 0, ran.stderr
        texts = {h.user for h in server.heard}
        assert len(server.heard) == 4 + len(texts) - kept, (
            "the call that was under way, and no other, is repeated"
        )


def test_no_argument_is_sent_with_its_persona(
    debates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, server = judging(debates, tmp_path, honest_judge, "--retest", 0, monkeypatch=monkeypatch)
    sent = json.dumps([h.body for h in server.heard])
    assert "rawlsian" not in sent and "biased-age" not in sent and "generated-" not in sent


class TestWhatCannotBe:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("sheet", "nowhere", "--out", "s.csv"), "nowhere: no such record"),
            (("judge", "nowhere", "--model", "openai:x"), "nowhere: no such record"),
            (("judge", "{runs}", "--model", "gpt"), "write PROVIDER:NAME"),
            (("judge", "{runs}", "--model", "openai:x", "--base-url", "ftp://x"), "no http address"),
            (("judge", "{runs}", "--model", "openai:x", "--labels", "none.csv"), "none.csv: cannot be read"),
            (
                ("judge", "{runs}", "--model", "openai:x", "--base-url", "http://x", "--out", "/dev/null"),
                "write",
            ),
        ],
    )
    def test_is_said_in_one_line_with_exit_code_2(
        self,
        words: tuple[str, ...],
        said: str,
        debates: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        code = typed(*(w.format(runs=debates) for w in words), monkeypatch=monkeypatch)
        error = capsys.readouterr().err
        assert code == 2 and said in error and len(error.strip().splitlines()) == 1, error

    def test_a_server_that_gives_up_is_exit_code_3_and_loses_nothing(
        self,
        debates: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        code, _ = judging(debates, tmp_path, always(failing(404)), monkeypatch=monkeypatch)
        assert code == 3 and "Nothing answered is lost" in capsys.readouterr().err
