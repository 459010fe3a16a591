"""`python -m evals.experiment`: what it prints, how it ends, and that it can be killed, doubled and spread out."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evals.experiment.__main__ import main
from evals.experiment.ledger import Folder
from nodes.table.journal import Journal
from tests.evals.experiments import alive, begun, chatting, command, ledger, plan, write
from tests.loopback import Answer, Heard, Loopback, honest_seat, slow
from tests.negotiators.small import KEY, clear_environment

H1 = {
    "id": "H1",
    "claim": "c",
    "outcome": "worst_off",
    "of": {"stage": "joint"},
    "against": {"stage": "no_debate"},
}


def typed(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Type a command in this process, which is quicker, and return its exit code."""
    clear_environment(monkeypatch)
    monkeypatch.setattr(sys, "argv", ["experiment", *words])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


class TestWords:
    def test_plan_freeze_run_status_export(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path, out = write(tmp_path / "tiny.yaml", hypotheses=[H1]), str(tmp_path / "out")

        def said(*words: str) -> Any:
            code = typed(words[0], str(path), "--out", out, "--json", *words[1:], monkeypatch=monkeypatch)
            assert code == 0
            return json.loads(capsys.readouterr().out)

        seen = said("plan")
        assert (seen["runs"], seen["by_role"], seen["calls"]) == (3, {"study": 3}, {})
        assert seen["contrasts"][0]["clusters"] == 3 and seen["contrasts"][0]["hypothesis"]["id"] == "H1"
        assert not (tmp_path / "out").exists(), "planning writes nothing"
        frozen = said("freeze")
        assert frozen["path"] == str(tmp_path / "out" / "plan.json") and len(frozen["sha256"]) == 64
        assert said("run")["complete"] == 3
        found = said("status")
        assert found["runs"] == {"complete": 3, "invalid": 0, "failed": 0, "missing": 0}
        assert found["standing"] == {"H1": "confirmatory"}
        assert len(said("export")["files"]) == 8

    def test_people_are_told_the_same_in_words(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path, out = str(write(tmp_path / "tiny.yaml", hypotheses=[H1])), str(tmp_path / "out")
        assert typed("plan", path, "--out", out, monkeypatch=monkeypatch) == 0
        page = capsys.readouterr().out
        assert "3 runs (3 study) on 3 wards" in page and "no model is called" in page and "H1" in page
        assert typed("run", path, "--out", out, monkeypatch=monkeypatch) == 0
        ended = capsys.readouterr()
        assert "3 complete, 0 invalid, 0 failed" in ended.out and "results are exploratory" in ended.out
        assert "3/3 runs" in ended.err
        assert typed("status", path, "--out", out, monkeypatch=monkeypatch) == 0
        assert "every number is exploratory" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            (("plan", "nowhere"), 2, "no study 'nowhere'"),
            (("plan", "{study}", "--set", "rounds"), 2, "--set rounds: write FIELD=VALUE"),
            (("plan", "{study}", "--set", "rounds=many"), 2, "tiny.yaml: settings.rounds: "),
            (("run", "{study}", "--model", "openai:x"), 2, "model 'openai:x': no key; set OPENAI_API_KEY"),
            (("export", "{study}"), 2, "no run of study tiny is recorded there"),
            (("freeze", "{study}", "--amend", " "), 2, "--amend: empty; say why"),
            (("run", "{study}", "--model", "openai:x", "--base-url", "http://127.0.0.1:9/v1", "--retries", "0"),
             3, "3 runs failed: model openai:x at 127.0.0.1:9: no connection"),
        ],
    )  # fmt: skip
    def test_what_goes_wrong_is_one_line_and_an_exit_code(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        words: tuple[str, ...],
        code: int,
        said: str,
    ) -> None:
        path = write(tmp_path / "tiny.yaml")
        monkeypatch.setattr("asyncio.sleep", _no_sleep)
        filled = [w.format(study=path) for w in words]
        assert typed(*filled, "--out", str(tmp_path / "out"), monkeypatch=monkeypatch) == code
        line = capsys.readouterr().err.strip().splitlines()[-1]
        assert said in line


async def _no_sleep(delay: float, result: Any = None) -> Any:
    """Retries are not waited for."""
    return result


@pytest.mark.slow
class TestProcesses:
    def test_killed_in_the_middle_of_paid_runs_it_goes_on_and_pays_for_no_answer_twice(
        self, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "tiny.yaml", **chatting(), wards=["generated:{1..5},n=4,divisible=1"])
        out = tmp_path / "out"
        with Loopback(lambda heard: slow(honest_seat(heard), 0.15)) as server:
            words = (
                "run",
                str(path),
                "--out",
                str(out),
                "--base-url",
                server.base_url,
                "--calls",
                "3",
                "--debates",
                "3",
            )
            for heard in (7, 16):  # killed twice, both times with calls under way
                process = begun(*words, cwd=tmp_path, OPENAI_API_KEY=KEY)
                server.wait_for(heard, 60)
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
            time.sleep(0.3)
            made = plan(base_url=server.base_url, **chatting(), wards=["generated:{1..5},n=4,divisible=1"])
            kept = sum(len(Journal(r, out / "records").answers()) for r in made.runs)
            before = len(server.heard)
            done = command(*words, "--json", cwd=tmp_path, OPENAI_API_KEY=KEY)
            assert done.returncode == 0, done.stderr
            assert len(server.heard) - before == 5 * 6 - kept, (
                "what was answered before the kills is not asked again"
            )
        assert kept >= 7, "both kills left answers behind"
        for run_id in made.runs:
            events = Journal(run_id, out / "records").events()
            assert set(Counter(e["request"] for e in events if e["event"] == "answered").values()) == {1}
        assert Counter(e["run_id"] for e in ledger(out, "complete")) == dict.fromkeys(made.runs, 1)

    def test_two_at_once_share_the_runs_and_both_see_them_done(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tiny.yaml", **chatting(), wards=["generated:{1..6},n=4,divisible=1"])
        with Loopback(lambda heard: slow(honest_seat(heard), 0.1)) as server:
            words = (
                "run",
                str(path),
                "--out",
                str(tmp_path / "out"),
                "--base-url",
                server.base_url,
                "--json",
            )
            both = [begun(*words, "--debates", "2", cwd=tmp_path, OPENAI_API_KEY=KEY) for _ in range(2)]
            ended = [p.communicate(timeout=200) for p in both]
            assert [p.returncode for p in both] == [0, 0], ended
            assert len(server.heard) == 6 * 6, "no call is made by both"
        sessions = [json.loads(out) for out, _ in ended]
        assert sum(s["complete"] for s in sessions) == 6
        assert all(s["complete"] + s["elsewhere"] == s["missing"] for s in sessions)
        done = ledger(tmp_path / "out", "complete")
        assert len(done) == 6 and len({e["run_id"] for e in done}) == 6

    def test_a_killed_pool_leaves_no_process_behind(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tiny.yaml", wards=["generated:{1..80},n=8,divisible=1"])
        out = tmp_path / "out"
        process = begun("run", str(path), "--out", str(out), "--processes", "2", cwd=tmp_path)
        deadline = time.monotonic() + 120
        while len(Folder(out).recorded()) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        children = [
            int(c) for c in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        ]
        workers = [c for c in children if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]
        assert len(workers) == 2
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        while any(map(alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(map(alive, workers))

    def test_ctrl_c_ends_in_one_line_and_keeps_what_was_done(self, tmp_path: Path) -> None:
        path = write(tmp_path / "tiny.yaml", wards=["generated:{1..80},n=8,divisible=1"])
        out = tmp_path / "out"
        process = begun("run", str(path), "--out", str(out), "--processes", "2", cwd=tmp_path)
        deadline = time.monotonic() + 120
        while len(Folder(out).recorded()) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.strip().splitlines()[-1] == "stopped; what was done is kept. The same command goes on."
        assert "Traceback" not in err
        again = command("status", str(path), "--out", str(out), "--json", cwd=tmp_path)
        assert json.loads(again.stdout)["runs"]["complete"] == len(Folder(out).recorded()) >= 4

    def test_ray_does_the_same_with_one_gate_for_all_actors(self, tmp_path: Path) -> None:
        pytest.importorskip("ray")
        grid: dict[str, Any] = {"nulls": {"bargaining": {}}}
        path = write(tmp_path / "tiny.yaml", **chatting(), **grid, caps={"tokens": 10_000})
        out, most = tmp_path / "out", Busy()
        with Loopback(most) as server:
            words = ("run", str(path), "--out", str(out), "--base-url", server.base_url, "--engine", "ray")
            ways = ("--processes", "2", "--calls", "2", "--json")
            driver = begun(*words, *ways, cwd=tmp_path, OPENAI_API_KEY=KEY)
            out_said, err_said = driver.communicate(timeout=240)
            assert driver.returncode == 0, err_said
            assert json.loads(out_said)["complete"] == 6
            assert len(server.heard) == 3 * 6 and most.most <= 2
            made = plan(base_url=server.base_url, **chatting(), **grid)
        assert Folder(out).recorded() == set(made.runs)
        assert KEY not in out_said + err_said
        assert all(KEY not in p.read_text(errors="replace") for p in out.rglob("*") if p.is_file())


class Busy:
    """An honest server that remembers how many calls were under way at most."""

    def __init__(self) -> None:
        import threading

        self.most = self._now = 0
        self._lock = threading.Lock()

    def __call__(self, heard: Heard) -> Answer:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.05)
        with self._lock:
            self._now -= 1
        return honest_seat(heard)


def test_without_ray_its_engine_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    path = write(tmp_path / "tiny.yaml")
    words = ("run", str(path), "--out", str(tmp_path / "out"), "--engine", "ray")
    assert typed(*words, monkeypatch=monkeypatch) == 2
    assert "pip install 'ray>=2.50,<3'" in capsys.readouterr().err
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
