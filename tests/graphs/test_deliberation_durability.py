"""What survives a kill in mid-dialogue: a thread goes on with the next turn, and pays for no turn twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodes.deliberation.record import DeliberationRecord
from scenarios.dilemmas import load
from tests.deliberating import minutes, talker
from tests.graphs.test_wire import KEY, kill_after
from tests.loopback import Loopback, slow
from tests.play import command, without_times

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

ROUNDS = 4
CALLS = ROUNDS * 4 + 1
"""Of a dialogue to its cap: two seats, a mediator and a judge in every round, and the plan at the end."""

WORDS = ("--rounds", str(ROUNDS), "--completion", "always", "--mediator", "--model", "openai:scripted")
NEVER = talker(load("late-result"), agrees_after=10**6)
ENV = {"OPENAI_API_KEY": KEY}


def test_a_dialogue_killed_as_it_is_judged_goes_on_and_pays_once(tmp_path: Path) -> None:
    with Loopback(lambda h: slow(NEVER(h), 0.15)) as server:
        chosen = (*WORDS, "--base-url", server.base_url)
        words = ("invoke", *chosen, "--thread", "killed-talk", "--out", "kept")
        kill_after(server, 8, words, tmp_path, graph="deliberation")
        done = command("resume", "killed-talk", "--json", cwd=tmp_path, env=ENV, graph="deliberation")
        assert done.returncode == 0, done.stderr
        heard = len(server.heard)
        whole = command(
            "invoke", *chosen, "--out", "whole", "--json", cwd=tmp_path, env=ENV, graph="deliberation"
        )
    assert heard <= CALLS + 1, "at most the call in flight at the kill is paid again"
    record, other = (DeliberationRecord.model_validate_json(r.stdout) for r in (done, whole))
    assert (tmp_path / "kept" / f"{record.run_id}.json").is_file(), "the record goes where it was to go"
    assert without_times(record) == without_times(other), (  # type: ignore[arg-type]
        "as if it had never been stopped"
    )
    assert sum(u.calls for u in record.usage) == CALLS
    assert [e.index for e in record.edges] == list(range(len(record.edges)))
    assert [who for _, who, _ in minutes(record)] == ["A", "B", "mediator", "judge"] * ROUNDS


def test_a_command_killed_without_a_thread_pays_for_nothing_twice(tmp_path: Path) -> None:
    with Loopback(lambda h: slow(NEVER(h), 0.15)) as server:
        words = ("invoke", *WORDS, "--base-url", server.base_url, "--json")
        kill_after(server, 6, words, tmp_path, graph="deliberation")
        done = command(*words, cwd=tmp_path, env=ENV, graph="deliberation")
        assert done.returncode == 0, done.stderr
        assert len(server.heard) <= CALLS + 1
    assert json.loads(done.stdout)["status"] == "complete"
