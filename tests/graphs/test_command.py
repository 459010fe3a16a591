"""What does somebody at a terminal get: pages, records, one clear line for what is wrong, and exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from nodes.record import RunRecord
from nodes.records import schema
from tests.play import ROOT, command, environment, typed

OFF = ("--retrieval", "off")


def test_json_puts_the_record_alone_on_stdout_and_it_fits_its_schema(tmp_path: Path) -> None:
    done = command("invoke", *OFF, "--json", cwd=tmp_path, fresh=True)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    jsonschema.validate(data, schema())
    assert "round 1" in done.stderr
    kept = tmp_path / "runs" / f"{data['run_id']}.json"
    assert json.loads(kept.read_text()) == data
    events = [json.loads(line)["event"] for line in kept.with_suffix(".jsonl").read_text().splitlines()]
    assert events[0] == "started"
    assert events[-1] == "finished"
    assert events.count("move") == 10


def test_the_page_tells_a_person_all_that_the_run_was_about(tmp_path: Path) -> None:
    done = command("invoke", "--retrieval", "prompt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in (
        "Who got what",
        "Who moved whom",
        "What was cited",
        "What it is worth",
        "Emergence 1",
        "Emergence 2",
        "criterion",
        "no debate",
        "A exit",
        "not of any language model",
    ):
        assert words in done.stdout
    shown = command("show", _only_run(tmp_path)[:-4], cwd=tmp_path)
    assert shown.stdout == done.stdout


def _only_run(folder: Path) -> str:
    (found,) = (folder / "runs").glob("*.json")
    return found.stem


def test_stream_prints_events_as_they_happen(tmp_path: Path) -> None:
    done = command("stream", *OFF, "--json", cwd=tmp_path)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "brief"
    assert events[-1]["event"] == "record"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("invoke", "--scenario", "pandemic-wav"), "did you mean pandemic-wave"),
        (("invoke", "--framework", "rawlsien"), "rawlsian"),
        (("invoke", "--opponent", "nobody"), "nobody"),
        (("invoke", "--rounds", "0"), "--rounds"),
        (("invoke", "--strength", "1.5"), "--strength"),
        (("invoke", "--merge-rule", "borda"), "--merge-rule"),
        (("invoke", "--merge-rule", "llm"), "model"),
        (("invoke", "--order", "random"), "--order"),
        (("invoke", "--blind", "shoe_size", *OFF), "shoe_size"),
        (("invoke", "--scenario", "generated:1,n=0"), "n"),
        (("invoke", "--scenario", "no/such/ward.yaml"), "no/such/ward.yaml"),
        (("invoke", "--scenario", "broken.yaml"), "broken.yaml"),
        (("invoke", "--personas", "no-such-folder", *OFF), "no-such-folder"),
        (("invoke", "--model", "openai:gpt-test", *OFF), "OPENAI_API_KEY"),
        (("invoke", "--model", "nosuch:thing", *OFF), "nosuch"),
        (("invoke", "--out", "broken.yaml/here", *OFF), "--out"),
        (("invoke", "--timeout", "-5", *OFF), "--timeout"),
        (("invoke", "--concession", "boulware", "--exponent", "3", *OFF), "boulware"),
        (("invoke", "--sceanrio", "x"), "--scenario"),
        (("show", "nothing-here"), "nothing-here"),
        (("list", "wards"), "scenarios"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    words: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "broken.yaml").write_text("name: broken\npatients: [{id: p1, age: -3}]\n")
    assert typed(*words, monkeypatch=monkeypatch) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert says in err
    assert (
        len(err.strip().splitlines()) == 1 or "╭" in err
    )  # a command that is wrong as such gets typer's own box


def test_a_model_that_cannot_be_reached_is_exit_code_3_without_the_key(tmp_path: Path) -> None:
    env = {"OPENAI_API_KEY": "sk-very-secret-key"}
    words = (
        "invoke",
        *OFF,
        "--model",
        "openai:gpt-test",
        "--base-url",
        "http://127.0.0.1:9/v1",
        "--timeout",
        "2",
    )
    done = command(*words, cwd=tmp_path, env=env)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "127.0.0.1:9" in done.stderr
    assert "sk-very-secret-key" not in done.stderr + done.stdout
    for kept in (tmp_path / "runs").iterdir():
        assert "sk-very-secret-key" not in kept.read_text()


def test_ctrl_c_is_exit_code_130_and_keeps_what_was_done(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "graphs.triage", "invoke", *OFF, "--review"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("round 1: Accept"):
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert out == ""
    (journal,) = (tmp_path / "runs").glob("*.jsonl")
    assert journal.read_text().count('"event": "move"') >= 4


def test_a_review_takes_an_amended_allocation_and_asks_again_for_one_that_cannot_be(tmp_path: Path) -> None:
    answers = "p1.no_such=1\nnonsense\n\n\n\n"
    done = command("invoke", *OFF, "--review", "--json", cwd=tmp_path, input=answers)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("not possible") == 2
    record = RunRecord.model_validate_json(done.stdout)
    assert [r.amended for r in record.rounds] == [False, False, False]
    patient = record.scenario.patients[0]
    resource = next(r for r, amount in patient.needs.items() if amount > 0)
    line = f"{patient.id}.{resource}=0\n"
    amended = RunRecord.model_validate_json(
        command("invoke", *OFF, "--review", "--json", cwd=tmp_path, input=line + "\n\n").stdout
    )
    assert [r.amended for r in amended.rounds] == [True, False, False]
    assert amended.rounds[0].joint[patient.id][resource] == 0


def test_own_personas_and_wards_are_dropped_in_as_files(tmp_path: Path) -> None:
    people = tmp_path / "people"
    people.mkdir()
    (people / "hermit.yaml").write_text(
        "name: hermit\nsays: Leave everyone as they are.\nvalues: {evenness: 1}\nsource: this test\n"
    )
    ward = json.loads(command("list", "scenarios", "--json", cwd=tmp_path).stdout)[0]["name"]
    text = (ROOT / "scenarios" / "wards" / f"{ward}.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace(f"name: {ward}", "name: mine"))
    done = command(
        *(
            "invoke",
            *OFF,
            "--personas",
            str(people),
            "--opponent",
            "hermit",
            "--scenario",
            "mine.yaml",
            "--json",
        ),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    record = RunRecord.model_validate_json(done.stdout)
    assert record.seats[1].declared == {"evenness": 1}
    assert record.scenario.name == "mine"
    assert "hermit" in command("list", "personas", "--personas", str(people), cwd=tmp_path).stdout


def test_lists_name_everything_there_is(tmp_path: Path) -> None:
    rows = {
        w: json.loads(command("list", w, "--json", cwd=tmp_path).stdout)
        for w in ("scenarios", "personas", "merge-rules")
    }
    assert len(rows["scenarios"]) >= 20
    assert {"rawlsian", "plain", "biased-age"} <= {r["name"] for r in rows["personas"]}
    assert {"nash", "llm", "leximin"} <= {r["name"] for r in rows["merge-rules"]}
    assert all(r["reason"] for r in rows["scenarios"])


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    heavy = ("langgraph", "langchain", "pydantic", "numpy", "scipy", "psycopg", "onnxruntime")
    code = (
        "import sys, runpy; sys.argv = ['triage', '--help']\n"
        "try: runpy.run_module('graphs.triage', run_name='__main__')\n"
        f"finally: print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert "invoke" in done.stdout
    assert done.stderr.strip() == "[]"


def test_a_closed_pipe_is_no_accident(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m graphs.triage list personas | head -1",
        shell=True,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    assert os.linesep in done.stdout


@pytest.mark.parametrize("run", ["*", "/", "../runs/p", "", "no.json"])
def test_show_takes_names_not_patterns(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "pandemic-1.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert typed("show", run, monkeypatch=monkeypatch) == 2
    assert "no record" in capsys.readouterr().err


@pytest.mark.parametrize("env", [{"COLUMNS": "abc"}, {"COLUMNS": ""}, {"PYTHONIOENCODING": "ascii"}])
def test_a_strange_terminal_still_gets_the_page(env: dict[str, str], tmp_path: Path) -> None:
    fresh = "PYTHONIOENCODING" in env  # read as a process begins
    done = command("invoke", *OFF, "--rounds", "1", cwd=tmp_path, env=env, fresh=fresh)
    assert done.returncode == 0, done.stderr
    assert "Who got what" in done.stdout


def test_only_a_yes_accepts_a_merge(tmp_path: Path) -> None:
    answers = '{"accept": false}\n{"p1": 5}\n{"p1": {"nursing_hours": true}}\n\n'
    done = command("invoke", *OFF, "--review", "--rounds", "1", "--json", cwd=tmp_path, input=answers)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("not possible") == 3
    assert "every amount must be a number" in done.stderr


@pytest.mark.postgres
def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    env = {"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}
    done = command("invoke", *OFF, "--thread", "t", cwd=tmp_path, env=env)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "DATABASE_URL" in done.stderr
    assert "secret" not in done.stderr
