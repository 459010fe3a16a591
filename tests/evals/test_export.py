"""Can other tools read what is exported: lines, tables, and inspect_ai with its own library?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals import terminal
from evals.export.__main__ import app
from evals.records import read
from tests.loopback import Loopback
from tests.play import command, play

Json = dict[str, Any]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two debates that differ in their merge rule, one by a model, one that is invalid, and a game."""
    folder = tmp_path_factory.mktemp("export") / "runs"
    play("one-ventilator", folder, rounds=1)
    play("one-ventilator", folder, rounds=1, merge_rule="nash")
    with Loopback() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-none")
        play("one-ventilator", folder, rounds=1, base_url=server.base_url, model="openai:scripted")
    record = play("one-ventilator", folder, rounds=1, seed=2).model_dump(mode="json")
    record |= {"status": "invalid", "joint": None, "measures": {}, "emergence": None, "influence": None}
    (folder / f"{record['run_id']}.json").write_text(json.dumps(record))
    command("invoke", "--regime", "none", cwd=folder.parent, graph="games")
    yield folder


def typed(*words: str) -> int:
    """Type `python -m evals.export …` in this process; its exit code."""
    try:
        terminal.run(app, words)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def exported(capsys: pytest.CaptureFixture[str], *words: str) -> list[Path]:
    """The files that the command says it wrote."""
    assert typed(*words, "--json") == 0
    return [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]


def test_a_line_a_record_is_the_whole_record(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = exported(capsys, str(runs), "--to", "jsonl", "--out", str(tmp_path))
    assert {path.name for path in files} == {"triage-runs.jsonl", "games-runs.jsonl"}
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    kept = {path.stem: json.loads(path.read_text()) for path in runs.glob("*.json")}
    assert {(told := json.loads(line))["run_id"]: told for line in lines} == kept
    assert sorted(tmp_path.iterdir()) == sorted(files), "nothing half written is left"


def test_tables_hold_every_run_and_what_is_missing_is_empty(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pandas as pd

    for kind in ("csv", "parquet"):
        files = exported(capsys, str(runs), "--to", kind, "--out", str(tmp_path))
        assert {path.name for path in files if "triage" in str(path)} == {
            f"{name}.{kind}" for name in ("runs", "stages", "patients", "edges")
        }
    debates = pd.read_parquet(tmp_path / "triage-runs" / "runs.parquet")
    assert set(debates["run_id"]) == {
        p.stem for p in runs.glob("one-*.json")
    }  # an invalid run is a row, and has no outcome
    invalid = debates[debates["status"] == "invalid"]
    assert len(invalid) == 1 and invalid["emergence_1"].isna().all()
    lines = pd.read_csv(tmp_path / "triage-runs" / "runs.csv")
    assert list(lines["run_id"]) == list(debates["run_id"])
    assert set(lines["condition"]) == set(debates["condition"]) and lines["condition"].nunique() == 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # inspect_ai's own tables, on a newer pandas
def test_inspect_reads_the_logs_and_its_tables_hold_the_runs(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real library: its reader, its list of logs, and its three tables."""
    analysis, log = inspect_ai(monkeypatch, tmp_path)
    files = exported(capsys, str(runs), "--to", "inspect", "--out", str(tmp_path / "logs"))
    assert len(files) == 4, "a log a condition"
    assert {info.name.removeprefix("file://") for info in log.list_eval_logs(str(tmp_path / "logs"))} == {
        str(path) for path in files
    }
    logs = [log.read_eval_log(str(path)) for path in files]
    samples = {s.id: (made, s) for made in logs for s in made.samples}
    assert set(samples) == {path.stem for path in runs.glob("*.json")}
    for path in runs.glob("*.json"):
        _holds(read(path, None), *samples[path.stem])

    table = analysis.samples_df(str(tmp_path / "logs"), quiet=True).set_index("id")
    invalid = table[table["error"].fillna("") != ""]
    assert list(invalid["metadata_status"]) == ["invalid"]
    scores = [c for c in table if c.startswith("score_")]
    assert invalid[scores].isna().all(axis=None), "missing is no score, and never 0"
    assert set(analysis.evals_df(str(tmp_path / "logs"), quiet=True)["task_name"]) == {
        m.eval.task for m in logs
    }
    told = analysis.messages_df(str(tmp_path / "logs"), quiet=True)
    assert len(told) == sum(len(s.messages) for _, s in samples.values()), "every message is in its table"


def _holds(record: Any, made: Any, sample: Any) -> None:
    """That a sample says what its record says."""
    assert made.eval.task.startswith(f"{record.setting}: ")
    assert (sample.error is not None) == (record.status == "invalid")
    assert sample.metadata["seed"] == record.seed
    assert sample.metadata["settings"] == record.protocol.model_dump(mode="json")
    words = [m for m in sample.messages if m.role == "assistant"]
    if record.setting != "triage":
        assert made.eval.model == "reference/games"
        return
    speaks = {s.seat: "openai/scripted" if s.model else "reference/triage" for s in record.seats}
    assert {s: role.model for s, role in made.eval.model_roles.items()} == speaks
    assert made.eval.model == next(iter(speaks.values()))
    moves = [solo.move for solo in record.solo.values()] + record.rounds[0].moves
    for move in moves:
        assert any(
            move.argument.strip() in m.content
            and m.model == speaks[move.seat]
            and move.seat == m.metadata["seat"]
            for m in words
        ), move
    assert [m.model for m in words if m.metadata["kind"] == "merge"] == ["table/merge"]
    if record.status == "complete":
        worst = sample.scores["beta"].value
        assert worst == pytest.approx(
            min(v for v in record.measures["joint"].normalised.values() if v is not None)
        )
    counted = [u for u in record.usage if u.calls]
    tokens = sum((u.input_tokens or 0) + (u.output_tokens or 0) for u in counted)
    assert sum(u.total_tokens for u in sample.model_usage.values()) == tokens
    assert bool(counted) == bool(sample.model_usage)


def inspect_ai(monkeypatch: pytest.MonkeyPatch, home: Path) -> tuple[Any, Any]:
    """The library, at home in a folder of its own; skipped where it is not installed."""
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "share"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    analysis = pytest.importorskip(
        "inspect_ai.analysis", reason="INSPECT_AI IS NOT INSTALLED: export untested"
    )
    return analysis, pytest.importorskip("inspect_ai.log")


def test_without_inspect_one_line_says_what_to_install(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "inspect_ai" else found(name, *rest)
    )
    assert typed(str(runs), "--to", "inspect", "--out", str(tmp_path / "logs")) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and "pip install 'inspect_ai" in err
    assert not (tmp_path / "logs").exists()


def test_what_cannot_be_exported_is_one_line(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "metrics.jsonl").write_text("")
    for words, says in (
        ((str(tmp_path / "nowhere"), "--to", "csv"), "nowhere"),
        ((str(tmp_path / "training"), "--to", "jsonl"), "training run"),
        ((str(runs), "--to", "jsonl", "--out", str(tmp_path / "file")), "--out"),
        ((str(runs), "--to", "jsonl", "--out", str(tmp_path / "file" / "x")), "--out"),
    ):
        here = words if "--out" in words else (*words, "--out", str(tmp_path / "out"))
        assert typed(*here) == 2, words
        err = capsys.readouterr().err.strip().splitlines()
        assert says in err[-1] and not any("Traceback" in line for line in err)
