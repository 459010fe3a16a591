"""Does the served page keep up with runs that come in, for this machine alone, whatever lies in the folder?"""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evals.report import listing
from evals.report.gathering import Asked
from evals.report.page import told_of
from evals.report.serving.answering import Server, serve
from evals.report.serving.live import NONE_YET, Live
from evals.report.serving.looking import Looking
from evals.report.serving.working import Worked, Worker
from scenarios.errors import ParleyError
from tests.evals.experiments import alive, begun, write
from tests.play import environment, play

Json = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Records of five short debates."""
    folder = tmp_path_factory.mktemp("played")
    for seed in range(1, 6):
        play("one-ventilator", folder, rounds=1, seed=seed)
    return sorted(folder.glob("*.json"))


class Idle(Worker):
    """Works nothing out, and remembers what it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.done: Worked | str | None = None
        self._at_work = False

    @property
    def busy(self) -> bool:
        return self._at_work

    def begin(self, what: Any, runs: int) -> None:
        assert not self._at_work, "two at once"
        self.asked.append(runs)
        self._at_work = True

    def news(self, tell: Any) -> Worked | str | None:
        if self.done is not None:
            self._at_work = False
        done, self.done = self.done, None
        return done


def watching(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Live, Idle]:
    """A page over a folder, looked after by hand: `step` after `step`."""
    live, idle = Live(Looking([str(folder)], Asked()), "", lambda what: None), Idle()
    monkeypatch.setattr(live, "_worker", idle)
    return live, idle


def step(live: Live) -> None:
    live._pause = 0.0
    live.step(threading.Event())


def listed(live: Live) -> set[str]:
    """The runs that the page lists: read off its own data, as the browser does."""
    return {row["id"] for row in rows(live)}


def rows(live: Live) -> list[Json]:
    data = embedded(live, "data")
    return [dict(zip(data["index"]["columns"], row, strict=True)) for row in data["index"]["rows"]]


def embedded(live: Live, name: str) -> Any:
    import base64
    import gzip

    text = live.page.decode().partition(f'id="{name}">')[2].partition("</script>")[0]
    return json.loads(gzip.decompress(base64.b64decode(text)))


def ask(port: int, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        found = connection.getresponse()
        return found.status, dict(found.getheaders()), found.read()
    finally:
        connection.close()


@contextmanager
def answered(live: Live) -> Iterator[int]:
    """A page served over real HTTP; its port."""
    with Server(("127.0.0.1", 0), live) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_page_waits_for_its_first_run_and_shows_each_one_that_comes(
    tmp_path: Path, played: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    live, _ = watching(tmp_path, monkeypatch)
    step(live)
    assert NONE_YET in live.page.decode()
    assert listed(live) == set()
    version = live.state["version"]
    step(live)
    assert live.state["version"] == version, "nothing came, so nobody has to load the page again"
    for number, path in enumerate(played[:2], 1):
        shutil.copy(path, tmp_path)
        step(live)
        assert listed(live) == {p.stem for p in played[:number]}
        assert live.state["recorded"] == number
        assert live.state["version"] != version
        assert embedded(live, "data")["version"] == live.state["version"]
        version = live.state["version"]


def test_what_is_damaged_or_half_written_is_left_out_until_it_is_whole(
    tmp_path: Path,
    played: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    live, idle = watching(tmp_path, monkeypatch)
    shutil.copy(played[0], tmp_path)
    whole = played[1].read_bytes()
    half = tmp_path / played[1].name
    half.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "plan.json").write_text("[]")
    step(live)
    step(live)
    assert listed(live) == {played[0].stem}
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("left out: ")]
    assert len(told) == 2, "each once"
    assert all("Traceback" not in line for line in told)
    assert idle.asked == [1]
    half.write_bytes(whole)
    step(live)
    assert listed(live) == {played[0].stem, played[1].stem}


def test_a_record_that_breaks_its_reader_is_left_out(
    tmp_path: Path, played: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Valid by its schema, and still not what a transcript can be made of: a contested cell of no patient."""
    data = json.loads(played[0].read_text())
    data["rounds"][0]["contested"] = ["nobody.nothing"]
    (tmp_path / played[0].name).write_text(json.dumps(data))
    shutil.copy(played[1], tmp_path)
    live, _ = watching(tmp_path, monkeypatch)
    step(live)
    assert played[1].stem in listed(live)
    if played[0].stem not in listed(live):
        assert "left out: " in capsys.readouterr().err


def test_a_run_that_changed_or_went_is_read_again(
    tmp_path: Path, played: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in played[:2]:
        shutil.copy(path, tmp_path)
    live, _ = watching(tmp_path, monkeypatch)
    step(live)
    (tmp_path / played[0].name).unlink()
    step(live)
    assert listed(live) == {played[1].stem}
    data = json.loads(played[1].read_text())
    data["replicate"] = 7
    (tmp_path / played[1].name).write_text(json.dumps(data))
    step(live)
    assert [row["replicate"] for row in rows(live)] == [7]


def test_a_full_pack_is_packed_once(
    tmp_path: Path, played: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a page of thousands of runs takes ever longer to follow."""
    squeezed, full = listing.squeezed, list[tuple[str, ...]]()

    def counted(data: Any) -> str:
        if isinstance(data, list) and len(data) == 2:
            full.append(tuple(run["run_id"] for run in data))
        return squeezed(data)

    monkeypatch.setattr(listing, "RUNS_A_PACK", 2)
    monkeypatch.setattr(listing, "squeezed", counted)
    live, _ = watching(tmp_path, monkeypatch)
    for path in played:
        shutil.copy(path, tmp_path)
        step(live)
    assert len(full) == len(set(full)) == 2
    for row in rows(live):
        assert embedded(live, f"pack-{row['pack']}")[row["at"]]["run_id"] == row["id"]


def test_findings_follow_one_at_a_time_and_the_last_stay_with_their_age(
    tmp_path: Path, played: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    live, idle = watching(tmp_path, monkeypatch)
    shutil.copy(played[0], tmp_path)
    step(live)
    assert idle.asked == [1] and live.state["busy"]
    assert "Findings are being worked out" in live.page.decode()
    shutil.copy(played[1], tmp_path)
    step(live)
    assert idle.asked == [1], "the first are not done"
    source = live._listings()[0][0]
    told = [told_of(source, str) | {"parts": [part("What was found")]}]
    idle.done = Worked(told, [], [], {(source.name, played[0].stem): {"gini": 0.25}}, 1)
    step(live)
    page = live.page.decode()
    assert "as of 1 runs" in page and "2 runs" in page and "What was found" in page
    assert {p.stem for p in played[:2]} == listed(live), "runs are never older than the folder"
    assert embedded(live, "data")["index"]["values"][0] == {"gini": 0.25}
    assert idle.asked == [1], "as long again as they took has not passed"
    live._last = live._took = 0.0
    step(live)
    assert idle.asked == [1, 2]
    idle.done = "no reason"
    step(live)
    assert "What was found" in live.page.decode(), "findings that fail take none away"


def part(title: str) -> Any:
    from evals.report.document.parts import Part, Sentence

    return Part("part", title, [Sentence("A sentence.", [])], [])


def test_only_this_machine_is_answered_and_only_what_it_may_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, _ = watching(tmp_path, monkeypatch)
    with answered(live) as port:
        status, headers, body = ask(port, "/")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert body == live.page
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers
        assert json.loads(ask(port, "/state")[2]) == live.state
        assert ask(port, "/", Host=f"localhost:{port}")[0] == 200
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", ""):
            status, _, body = ask(port, "/", Host=host)
            assert status == 421 and b"<html" not in body, f"DNS rebinding by Host '{host}'"
            assert ask(port, "/state", Host=host)[0] == 421
        status, headers, body = ask(port, "/", "HEAD")
        assert (status, body, int(headers["Content-Length"])) == (200, b"", len(live.page))
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            assert ask(port, "/", method)[0] == 405
        for path in ("/runs", "/../etc/passwd", "/index.html", "/state/"):
            assert ask(port, path)[0] == 404


def test_a_port_that_is_taken_and_a_word_that_names_nothing_are_one_line(tmp_path: Path) -> None:
    other = Server(("127.0.0.1", 0), Live(Looking([str(tmp_path)], Asked()), "", str))
    with other, pytest.raises(ParleyError, match="--port"):
        serve([str(tmp_path)], Asked(), "", other.server_port, lambda what: None)
    with pytest.raises(ParleyError, match="--port"):
        serve([str(tmp_path)], Asked(), "", 70000, lambda what: None)
    with pytest.raises(ParleyError, match="nowhere"):
        serve([str(tmp_path / "nowhere")], Asked(), "", 0, lambda what: None)


SERVER = """
import signal, sys
from evals.report import studied
from evals.report.serving import serve
from evals.report.gathering import Asked
whole = studied.of_study
studied.of_study = lambda folder, plan, tell, quick=False: whole(folder, plan, tell, True)
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    serve(sys.argv[1:], Asked(), "", 0, lambda what: print(what, file=sys.stderr, flush=True))
"""
"""Serves a study; of its findings what ran alone, for the others take minutes."""


@pytest.mark.slow
def test_a_study_is_followed_while_it_runs_and_the_end_leaves_no_process(tmp_path: Path) -> None:
    """Whole and real: an experiment in a process of its own, findings in another, asked over HTTP."""
    (tmp_path / "serve.py").write_text(SERVER)
    study = write(tmp_path / "tiny.yaml", seeds=[1, 2])
    server = subprocess.Popen(
        [sys.executable, "serve.py", study.name],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().rstrip("/\n").rpartition(":")[2])
        wait_for(lambda: NONE_YET in ask(port, "/")[2].decode())
        with begun("run", "tiny.yaml", cwd=tmp_path) as experiment:
            experiment.communicate(timeout=120)
        wait_for(lambda: state(port)["recorded"] == 6)
        assert state(port)["planned"] == 6
        wait_for(lambda: "as of 6 runs" in ask(port, "/")[2].decode())
        records = tmp_path / "runs" / "tiny" / "records"
        one, other, *_ = sorted(records.glob("*.json"))
        shutil.copy(one, other)  # holds another run than it is named for
        wait_for(lambda: state(port)["recorded"] == 5)
        children = child_processes(server.pid)
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=60)
    finally:
        server.kill()
        server.communicate()
    assert server.returncode == 0, said
    assert "Traceback" not in said
    assert f"left out: {Path('runs/tiny/records') / other.name}: holds run {one.stem}" in said
    wait_for(lambda: not any(alive(pid) for pid in children))


def state(port: int) -> Json:
    found: Json = json.loads(ask(port, "/state")[2])
    return found


def wait_for(holds: Any, timeout_s: float = 240) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.2)


def child_processes(pid: int) -> list[int]:
    """Processes begun by one, and by those."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(entry.name), *child_processes(int(entry.name))]
    return found
