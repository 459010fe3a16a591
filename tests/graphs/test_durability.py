"""What survives a kill: a thread goes on where it stopped, with what it began with, and pays for nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodes.record import RunRecord
from tests.forking import Begun
from tests.graphs.test_wire import KEY, kill_after
from tests.loopback import Loopback, honest_seat, slow
from tests.play import command, environment, without_times

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def test_a_thread_killed_in_its_second_round_goes_on_and_pays_once(tmp_path: Path) -> None:
    with Loopback(lambda h: slow(honest_seat(h), 0.25)) as server:
        chosen = (
            "--retrieval",
            "off",
            "--model",
            "openai:scripted",
            "--base-url",
            server.base_url,
            "--rounds",
            "2",
        )
        kill_after(server, 5, ("invoke", *chosen, "--thread", "killed", "--out", "kept"), tmp_path)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        done = command("resume", "killed", "--json", cwd=elsewhere, env={"OPENAI_API_KEY": KEY})
        assert done.returncode == 0, done.stderr
        assert len(server.heard) <= 8 + 1, "at most the call in flight at the kill is paid again"
    record = RunRecord.model_validate_json(done.stdout)
    assert record.protocol.rounds == 2
    assert len(record.rounds) == 2
    assert [e.index for e in record.edges] == list(range(len(record.edges)))
    assert (tmp_path / "kept" / f"{record.run_id}.json").is_file(), "the record goes where it was to go"


def test_a_resumed_record_is_the_record_of_a_debate_that_was_never_stopped(tmp_path: Path) -> None:
    words = ("--retrieval", "off", "--rounds", "2", "--review")
    stopped = command("invoke", *words, "--thread", "reviewed", "--out", "a", cwd=tmp_path, input="\n")
    assert stopped.returncode == 2, "no answer for round 2"
    resumed = command("resume", "reviewed", "--json", cwd=tmp_path, input="\n")
    assert resumed.returncode == 0, resumed.stderr
    whole = command("invoke", *words, "--out", "b", "--json", cwd=tmp_path, input="\n\n")
    first, second = (RunRecord.model_validate_json(r.stdout) for r in (resumed, whole))
    assert without_times(first) == without_times(second)


def test_an_existing_thread_is_refused_and_an_unknown_one_too(tmp_path: Path) -> None:
    assert command("invoke", "--retrieval", "off", "--thread", "twice", cwd=tmp_path).returncode == 0
    again = command("invoke", "--retrieval", "off", "--thread", "twice", cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr.strip() == "thread 'twice' exists; go on with `resume twice`, or name another"
    unknown = command("resume", "nobody", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "no thread 'nobody'" in unknown.stderr


def test_resuming_what_is_done_shows_it_again(tmp_path: Path) -> None:
    first = command("invoke", "--retrieval", "off", "--thread", "done", "--json", cwd=tmp_path)
    again = command("resume", "done", "--json", cwd=tmp_path)
    assert json.loads(first.stdout) == json.loads(again.stdout)


def test_a_bad_beginning_leaves_no_thread_behind(tmp_path: Path) -> None:
    bad = command("invoke", "--thread", "fresh", "--blind", "shoe_size", "--retrieval", "off", cwd=tmp_path)
    assert bad.returncode == 2
    good = command("invoke", "--thread", "fresh", "--retrieval", "off", cwd=tmp_path)
    assert good.returncode == 0, good.stderr


def test_a_thread_resumed_twice_at_once_is_paid_for_once(tmp_path: Path) -> None:
    with Loopback(lambda h: slow(honest_seat(h), 0.4)) as server:
        chosen = (
            "--retrieval",
            "off",
            "--model",
            "openai:scripted",
            "--base-url",
            server.base_url,
            "--rounds",
            "1",
        )
        kill_after(server, 3, ("invoke", *chosen, "--thread", "torn"), tmp_path)
        env = environment({"OPENAI_API_KEY": KEY})
        both = [Begun("graphs.triage", "resume", "torn", cwd=tmp_path, env=env) for _ in range(2)]
        codes = sorted(process.wait(60) for process in both)
        assert codes in ([0, 0], [0, 2])
        assert len(server.heard) <= 6 + 1, "at most the call in flight at the kill is paid again"
