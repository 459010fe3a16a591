"""What survives a kill, in the commons and in games: a thread goes on where it stopped and pays for nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodes.commons.record import CommonsRecord
from nodes.games.record import GameRecord
from tests.dilemma_partner import honest_party
from tests.graphs.test_wire import KEY, kill_after
from tests.loopback import Loopback, slow
from tests.play import command, without_times

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

SEASON = ("--scenario", "fishery,months=3", "--prosocial", "5", "--model", "openai:scripted")
CALLS = 48
"""Of such a season: 15 catches, and three meetings with five statements, a draft and five votes each."""


def test_a_season_killed_in_its_second_month_goes_on_and_pays_once(tmp_path: Path) -> None:
    with Loopback(lambda h: slow(honest_party(h), 0.1)) as server:
        chosen = (*SEASON, "--base-url", server.base_url)
        words = ("invoke", *chosen, "--thread", "killed-season", "--out", "kept")
        kill_after(server, 25, words, tmp_path, graph="commons")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        done = command(
            "resume", "killed-season", "--json", cwd=elsewhere, env={"OPENAI_API_KEY": KEY}, graph="commons"
        )
        assert done.returncode == 0, done.stderr
        heard = len(server.heard)
        whole = command(
            "invoke",
            *chosen,
            "--out",
            "whole",
            "--json",
            cwd=tmp_path,
            env={"OPENAI_API_KEY": KEY},
            graph="commons",
        )
    assert heard <= CALLS + 5, "at most the calls in flight at the kill are paid again"
    record, other = (CommonsRecord.model_validate_json(r.stdout) for r in (done, whole))
    assert (tmp_path / "kept" / f"{record.run_id}.json").is_file(), "the record goes where it was to go"
    assert without_times(record) == without_times(other), "as if it had never been stopped"
    assert sum(u.calls for u in record.usage) == CALLS


def test_a_command_killed_without_a_thread_pays_for_nothing_twice(tmp_path: Path) -> None:
    with Loopback(lambda h: slow(honest_party(h), 0.1)) as server:
        words = ("invoke", *SEASON, "--base-url", server.base_url, "--json")
        kill_after(server, 25, words, tmp_path, graph="commons")
        done = command(*words, cwd=tmp_path, env={"OPENAI_API_KEY": KEY}, graph="commons")
        assert done.returncode == 0, done.stderr
        assert len(server.heard) <= CALLS + 5
    assert json.loads(done.stdout)["status"] == "complete"


def test_a_reference_season_resumed_keeps_its_notes(tmp_path: Path) -> None:
    words = ("--thread", "calm", "--json")
    first = command("invoke", *words, cwd=tmp_path, graph="commons")
    assert first.returncode == 0, first.stderr
    again = command("resume", "calm", "--json", cwd=tmp_path, graph="commons")
    assert json.loads(again.stdout) == json.loads(first.stdout), "what is done is shown again"
    assert json.loads(first.stdout)["notes"]


def test_a_thread_of_one_setting_is_not_gone_on_with_by_another(tmp_path: Path) -> None:
    first = command("invoke", "--regime", "none", "--thread", "mine", cwd=tmp_path, graph="games")
    assert first.returncode == 0, first.stderr
    wrong = command("resume", "mine", cwd=tmp_path, graph="commons")
    assert wrong.returncode == 2
    assert (
        wrong.stderr.strip() == "thread 'mine' is of games; go on with `python -m graphs.games resume mine`"
    )
    twice = command("invoke", "--regime", "none", "--thread", "mine", cwd=tmp_path, graph="commons")
    assert twice.stderr.strip() == "thread 'mine' exists; go on with `resume mine`, or name another"


def test_a_game_killed_between_rounds_goes_on_and_pays_once(tmp_path: Path) -> None:
    with Loopback(lambda h: slow(honest_party(h), 0.1)) as server:
        chosen = ("--rounds", "6", "--regime", "none", "--model", "openai:x", "--base-url", server.base_url)
        kill_after(server, 12, ("invoke", *chosen, "--thread", "game"), tmp_path, graph="games")
        done = command("resume", "game", "--json", cwd=tmp_path, env={"OPENAI_API_KEY": KEY}, graph="games")
        assert done.returncode == 0, done.stderr
        assert len(server.heard) <= 24 + 2
    record = GameRecord.model_validate_json(done.stdout)
    assert [p.round for p in record.plays] == list(range(1, 7))
    assert [e.index for e in record.edges] == list(range(len(record.edges)))
