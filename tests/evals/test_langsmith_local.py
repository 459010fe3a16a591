"""Does --local do all of it without LangSmith, and does not a byte leave, whatever the environment asks for?"""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from evals.langsmith.evaluators import evaluate
from evals.records import read
from tests import forking
from tests.evals.langsmith_server import KEY, langsmith_server, typed
from tests.play import ROOT, environment

LOCAL = ("run", "--local", "--set", "retrieval=off", "--set", "rounds=1", "--opponent", "biased-sex")
WARDS = "generated:{1..2},n=5,divisible=1"

BLOCKED = """
import atexit, socket, sys
tried = []
def refuse(what):
    def refused(*given, **more):
        where = given[1] if given and isinstance(given[0], socket.socket) else given[0]
        if given and isinstance(given[0], socket.socket) and given[0].family == socket.AF_UNIX:
            return real[what](*given, **more)
        tried.append((what, where))
        raise OSError('blocked: ' + what)
    return refused
real = {n: getattr(socket.socket, n) for n in ('connect', 'connect_ex', 'sendto')}
for n in real:
    setattr(socket.socket, n, refuse(n))
socket.getaddrinfo = refuse('getaddrinfo')
atexit.register(lambda: print('TRIED', tried, file=sys.stderr))
"""
"""Every way out but unix sockets raises, and is told at the very end, when LangSmith's threads have had their turn."""

ENVIRONMENTS = {
    "replicas": {"LANGSMITH_TRACING": "true", "LANGSMITH_RUNS_ENDPOINTS": '{{"{url}": "k"}}'},
    "opentelemetry": {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_OTEL_ENABLED": "true",
        "LANGSMITH_ENDPOINT": "{url}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "{url}",
    },
    "by-default": {"LANGSMITH_TRACING": "true"},
    "untraced": {"LANGSMITH_TRACING": "false"},
}


def alone(
    code: str, *words: object, env: dict[str, str], cwd: Path, fresh: bool = False
) -> subprocess.CompletedProcess[str]:
    """Type a command in a process of its own, after `code`: a fork, or one that is `fresh` and imports by itself."""
    script = cwd / "alone.py"
    script.write_text(f"{code}\nfrom evals.langsmith.__main__ import main; main()\n")
    whole = environment({"LANGSMITH_API_KEY": KEY, "PARLEY_RUNS": str(cwd / "runs"), **env})
    typed = [str(script), *map(str, words)]
    if not fresh:
        return forking.typed(*typed, cwd=cwd, env=whole)
    line = [sys.executable, *typed]
    return subprocess.run(line, cwd=cwd, env=whole, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nothing_leaves_this_machine(name: str, tmp_path: Path) -> None:
    with langsmith_server() as server:
        env = {k: v.format(url=server.url) for k, v in ENVIRONMENTS[name].items()}
        words = (*LOCAL, WARDS, "--twins", "sex", "--permutations", 1, "--json")
        fresh = name == "opentelemetry"  # is looked for as langsmith is imported
        done = alone(BLOCKED, *words, env=env, cwd=tmp_path, fresh=fresh)
        assert server.asked == [] and server.raw == b""
    assert done.returncode == 0, done.stderr
    assert "TRIED []" in done.stderr and "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert told["debates"] == 4 and told["failed"] == 0 and told["problems"] == []
    assert KEY not in done.stdout + done.stderr


@pytest.mark.slow
def test_the_blocked_sockets_would_tell_a_leak(tmp_path: Path) -> None:
    """Negative control: with the client that `aevaluate` takes by itself, the same command tries to get out."""
    leaky = (
        "import langsmith, evals.langsmith.running as running\n"
        "running.nowhere = lambda: langsmith.Client(api_url='http://127.0.0.1:9', info={})\n"
    )
    done = alone(BLOCKED + leaky, *LOCAL, "generated:1,n=5,divisible=1", env={}, cwd=tmp_path)
    assert "TRIED [(" in done.stderr


def test_no_socket_is_asked_for_where_everything_asks_for_traces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same in this process, which is quick: no address is looked up and nothing but unix sockets connected."""
    tried: list[object] = []
    connect = socket.socket.connect

    def refused(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX:
            tried.append(address)
            raise OSError("blocked")
        connect(self, address)  # type: ignore[arg-type]

    def unknown(*address: object, **_: object) -> None:
        tried.append(address)
        raise OSError("blocked")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    monkeypatch.setenv("PARLEY_RUNS", str(tmp_path / "runs"))
    assert typed(*LOCAL, "generated:1,n=5,divisible=1", "--json", monkeypatch=monkeypatch) == 0
    assert tried == [] and json.loads(capsys.readouterr().out)["failed"] == 0


def test_local_scores_are_those_of_its_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_RUNS", str(tmp_path / "runs"))
    out = tmp_path / "scores.csv"
    words = (*LOCAL, WARDS, "--twins", "sex", "--permutations", 1, "--json", "--out", out)
    assert typed(*words, monkeypatch=monkeypatch) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["scenario"] for row in told["examples"]] == [
        f"generated:{w},n=5,divisible=1{twin}" for w in (1, 2) for twin in ("", "~sex@1")
    ]
    for row in told["examples"]:
        assert row["scores"] == evaluate(read(tmp_path / "runs" / f"{row['run_id']}.json"))
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(row["scores"]) for row in told["examples"]) + len(told["summary"])
    assert {r["score"] for r in rows if r["key"] == "feasible"} == {"1"}
    assert {r["score"] for r in rows if r["key"] == "citation_validity"} == {
        ""
    }  # nothing cited: missing, not 0


def test_a_dataset_file_says_the_same_as_its_wards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_RUNS", str(tmp_path / "runs"))
    path = tmp_path / "wards.jsonl"
    assert (
        typed("push", WARDS, "--to", path, "--twins", "sex", "--permutations", 1, monkeypatch=monkeypatch)
        == 0
    )
    assert "4 created, 0 updated, 0 unchanged" in capsys.readouterr().out
    typed(*LOCAL, path, "--json", monkeypatch=monkeypatch)
    of_file = json.loads(capsys.readouterr().out)
    typed(*LOCAL, WARDS, "--twins", "sex", "--permutations", 1, "--json", monkeypatch=monkeypatch)
    of_wards = json.loads(capsys.readouterr().out)
    assert of_file["summary"] == of_wards["summary"]
    assert [r["scores"] for r in of_file["examples"]] == [r["scores"] for r in of_wards["examples"]]


def test_the_page_shows_scores_by_example_and_over_wards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COLUMNS", "120")
    before = dict(os.environ)
    assert typed(*LOCAL, WARDS, "--twins", "sex,nothing", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr()
    assert (
        "2 wards" in said.out and "twin_shift:sex" in said.out and "no twin by nothing: 2 wards" in said.out
    )
    assert "reference negotiators, which are algorithms and no evidence about models" in said.out
    assert max(map(len, said.out.splitlines())) <= 120 or str(tmp_path) in said.out
    assert "debates: 12 of 12" in said.err
    assert dict(os.environ) == before  # what was changed for LangSmith is put back


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.jsonl",), "cannot be read"),
        (("no-such-ward",), "no scenario 'no-such-ward'"),
        (("generated:1,n=5", "--split", "twins"), "no example in it"),
    ],
)
def test_bad_words_are_one_line(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(*LOCAL, *words, monkeypatch=monkeypatch) == 2
    heard = capsys.readouterr().err
    assert said in heard and heard.count("\n") == 1


def test_help_needs_nothing_heavy(tmp_path: Path) -> None:
    """What --help imports is on the way of everybody who asks what there is."""
    heavy = "('langsmith', 'numpy', 'langgraph', 'pandas', 'requests')"
    told = f"print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    code = f"import atexit, sys\natexit.register(lambda: {told})"
    done = alone(code, "run", "--help", env={}, cwd=tmp_path, fresh=True)
    assert done.returncode == 0 and done.stderr.strip() == "[]"


def test_the_room_and_the_library_of_the_same_name_are_two(tmp_path: Path) -> None:
    """`python -m evals.langsmith` must reach the library langsmith, not itself."""
    done = subprocess.run(
        [sys.executable, "-m", "evals.langsmith", *LOCAL, "generated:1,n=4,divisible=1", "--json"],
        cwd=tmp_path,
        env=environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and json.loads(done.stdout)["debates"] == 1
