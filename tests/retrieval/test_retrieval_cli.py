"""Does `python -m retrieval` do what its help says, quickly, and fail in one line?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def environment(database: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARLEY", "OPENAI"))}
    return {
        **kept,
        "DATABASE_URL": database,
        "PARLEY_HOME": str(tmp_path_factory.mktemp("home")),
        "COLUMNS": "200",
    }


@pytest.fixture(scope="module")
def parley(environment: dict[str, str]) -> Callable[..., Any]:
    def run(*words: str, module: str = "retrieval", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", module, *words],
            cwd=REPOSITORY,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, runpy; sys.argv = ['retrieval', '--help']\n"
        "try: runpy.run_module('retrieval', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print([name for name in ('numpy', 'psycopg', 'pydantic', 'yaml', 'onnxruntime', 'langchain_core') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
    for command in ("ingest", "search", "list", "delete", "stats", "reembed", "stop"):
        assert command in done.stdout


def test_search_shows_what_comes_back_and_why(parley: Callable[..., Any]) -> None:
    shown = parley("search", "draw lots for the last ventilator", "--framework", "equal-chance", "-k", "2")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.count("why: ") == 2
    assert "meaning no." in shown.stdout
    assert "equal-chance" in shown.stdout
    as_json = parley(
        "search", "draw lots for the last ventilator", "--framework", "equal-chance", "-k", "2", "--json"
    )
    results = json.loads(as_json.stdout)
    assert [result["passage"]["framework"] for result in results] == ["equal-chance"] * 2
    assert results[0]["score"] >= results[1]["score"] > 0
    assert all(result["passage"]["title"] in shown.stdout for result in results)


def test_a_document_comes_is_found_is_listed_and_goes(parley: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "rota.md"
    file.write_text("# Rota\n\nThe zeppelin pilot is triaged by the harbour master.\n")
    first = parley("ingest", str(file), "--framework", "harbour")
    assert (first.returncode, first.stdout) == (0, "")
    assert "rota.md: added, 1 passages" in first.stderr
    assert "rota.md: unchanged" in parley("ingest", str(file), "--framework", "harbour").stderr
    found = json.loads(parley("search", "zeppelin pilot", "-k", "1", "--json").stdout)
    assert found[0]["passage"]["source"] == "rota.md, Rota"
    listed = json.loads(parley("list", "--users", "--json").stdout)
    assert [entry["origin"] for entry in listed] == [str(file)]
    assert json.loads(parley("stats", "--json").stdout)["frameworks"]["harbour"] == {"user": 1}
    assert "1 passages deleted" in parley("delete", "--origin", str(file)).stderr
    assert json.loads(parley("list", "--users", "--json").stdout) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("search", "x", "--framework", "nobodys"),
            "framework 'nobodys': has no passages; there are capability",
        ),
        (("search", " "), "the query is empty"),
        (("search", "x", "--mode", "fuzzy"), "'fuzzy' is no mode; use one of dense, text, hybrid"),
        (("ingest", "/no/such/file.md", "--framework", "mine"), "/no/such/file.md: cannot be read"),
        (("delete", "nothing-of-that-name"), "'nothing-of-that-name': is not in the store"),
        (("search", "x", "--embeddings", "cohere:x"), "write 'minilm' or 'openai:MODEL'"),
        (("search", "x", "--embeddings", "openai:e"), "reembed --embeddings openai:e"),
    ],
)
def test_bad_input_is_exit_2_and_one_line(
    parley: Callable[..., Any], words: tuple[str, ...], says: str
) -> None:
    parley("stats")
    done = parley(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_the_benchmark_judges_the_shipped_queries_and_hybrid_is_best(parley: Callable[..., Any]) -> None:
    done = parley("--json", module="retrieval.benchmark")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    modes = report["modes"]
    assert report["best"] == "hybrid"
    assert modes["hybrid"]["recall@5"] > max(modes["dense"]["recall@5"], modes["text"]["recall@5"])
    table = parley(module="retrieval.benchmark")
    assert "recall@5" in table.stdout
    assert f"{modes['hybrid']['ndcg@10']:.3f}" in table.stdout


def test_ctrl_c_is_exit_130(environment: dict[str, str], tmp_path: Path) -> None:
    """The lock of another writer makes the command wait, so that there is something to interrupt."""
    import psycopg

    (tmp_path / "a.md").write_text("A rule.")
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(28769, hashtext('parley'))")
        command = [sys.executable, "-m", "retrieval", "ingest", str(tmp_path / "a.md"), "--framework", "mine"]
        with subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True
        ) as waiting:
            deadline = time.monotonic() + 30
            while (
                waiting.poll() is None
                and not connection.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
                ).fetchone()
            ):
                if time.monotonic() > deadline:
                    waiting.kill()
                time.sleep(0.05)
            waiting.send_signal(signal.SIGINT)
            _, told = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert "Traceback" not in told


def test_stop_ends_the_embedded_server(
    parley: Callable[..., Any], own_home: Callable[[Path], Path], short_folder: Path
) -> None:
    from retrieval.postgres.server import database_url

    home = own_home(short_folder / "home")
    database_url()
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    assert pid_file.exists()
    assert parley("stop", PARLEY_HOME=str(home)).stderr == "stopped\n"
    assert not pid_file.exists()
    assert "no embedded PostgreSQL was running" in parley("stop", PARLEY_HOME=str(home)).stderr
