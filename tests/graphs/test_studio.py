"""Does `langgraph dev` serve every graph: a form of settings, progress, a pause for a person, no mixing of runs?"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.play import ROOT, environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The development server on a free port, from a copy of the project: it writes beside langgraph.json."""
    folder = tmp_path_factory.mktemp("studio") / "project"
    ours = (
        "scenarios",
        "personas",
        "retrieval",
        "negotiators",
        "nodes",
        "graphs",
        "langgraph.json",
        "pyproject.toml",
    )
    folder.mkdir()
    for name in ours:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = environment(
        {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGGRAPH_NO_VERSION_CHECK": "1", "LANGSMITH_TRACING": "false"}
    )
    env |= {"PYTHONPATH": str(folder), "PARLEY_RUNS": str(folder / "runs")}
    log = (folder / "server.log").open("wb")
    command = [
        str(Path(sys.executable).parent / "langgraph"),
        "dev",
        "--no-browser",
        "--no-reload",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)
        log.close()
    assert "BlockingError" not in (folder / "server.log").read_text(), "a node kept the server's loop waiting"


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert process.poll() is None, "the server stopped"
        try:
            with urllib.request.urlopen(f"{url}/ok", timeout=1):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError("the server did not answer within a minute")


def with_client(url: str, job: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Run a job with a client of the server."""
    from langgraph_sdk import get_client

    async def main() -> Any:
        client = get_client(url=url)
        try:
            return await job(client)
        finally:
            await client.aclose()

    return asyncio.run(main())


async def run(
    client: Any,
    given: Any,
    context: dict[str, Any],
    thread: str | None = None,
    graph: str = "triage",
    **more: Any,
) -> list[Any]:
    """Stream a run and return its events."""
    stream = client.runs.stream(
        thread, graph, input=given, context=context, stream_mode=["custom", "updates"], **more
    )
    return [event async for event in stream]


def schemas_of(server: str, graph: str) -> Any:
    """The schemas of a graph's assistant."""

    async def job(client: Any) -> Any:
        (assistant,) = await client.assistants.search(graph_id=graph)
        return await client.assistants.get_schemas(assistant["assistant_id"])

    return with_client(server, job)


def test_settings_are_a_form_with_choices(server: str) -> None:
    schemas = schemas_of(server, "triage")
    form = schemas["context_schema"]["properties"]
    assert "rawlsian" in form["framework"]["enum"]
    assert form["rounds"]["default"] == 3
    assert not {"base_url", "out", "api_key", "personas"} & form.keys()
    assert set(schemas["input_schema"]["properties"]) == {"scenario", "ward"}


def test_an_empty_input_runs_the_default_and_a_second_run_starts_a_fresh_record(server: str) -> None:
    async def job(client: Any) -> Any:
        thread = (await client.threads.create())["thread_id"]
        first = await run(client, {}, {"retrieval": "off"}, thread)
        await run(client, {"scenario": "one-ventilator"}, {"retrieval": "off", "rounds": 2}, thread)
        return first, (await client.threads.get_state(thread))["values"]

    first, values = with_client(server, job)
    told = [e.data["text"] for e in first if e.event == "custom"]
    assert "pandemic" in told[0].lower()
    assert any("round 3: merged" in t for t in told)
    assert values["record"]["scenario"]["name"] == "one-ventilator"
    assert len(values["rounds"]) == len(values["record"]["rounds"]) == 2
    assert [e["index"] for e in values["edges"]] == list(range(len(values["edges"])))


def test_the_default_debate_retrieves_without_keeping_the_server_waiting(server: str) -> None:
    async def job(client: Any) -> Any:
        thread = (await client.threads.create())["thread_id"]
        await run(client, {}, {"rounds": 1}, thread)
        return (await client.threads.get_state(thread))["values"]

    record = with_client(server, job)["record"]
    assert {p["framework"] for p in record["rounds"][0]["retrieved"]["A"]} == {"rawlsian"}


def test_a_person_amends_the_merge(server: str) -> None:
    async def job(client: Any) -> Any:
        thread = (await client.threads.create())["thread_id"]
        context = {"retrieval": "off", "rounds": 1, "review": True}
        events = await run(client, {"scenario": "one-ventilator"}, context, thread)
        (pause,) = [e.data["__interrupt__"][0]["value"] for e in events if "__interrupt__" in (e.data or {})]
        patient, shares = next((p, s) for p, s in pause["joint"].items() if any(s.values()))
        amended = {patient: dict.fromkeys(shares, 0)}
        await run(client, None, {}, thread, command={"resume": {"allocation": amended}})
        return patient, (await client.threads.get_state(thread))["values"]["record"]

    patient, record = with_client(server, job)
    assert record["rounds"][0]["amended"] is True
    assert set(record["joint"][patient].values()) == {0}
    assert len(record["rounds"]) == 1, "the settings it began with hold, though it was resumed without them"


@pytest.mark.parametrize(
    ("given", "context"),
    [
        ({"scenario": "/etc/passwd"}, {}),
        ({"scenario": "itm:/etc/passwd#0"}, {}),
        ({"scenario": "no-such-ward"}, {}),
        ({"ward": {"name": "x"}}, {}),
        ({}, {"framework": "nobody"}),
        ({}, {"rounds": 0}),
    ],
)
def test_a_bad_request_is_refused_and_reads_no_file(server: str, given: Any, context: dict[str, Any]) -> None:
    async def job(client: Any) -> Any:
        return await run(client, given, {"retrieval": "off", **context})

    events = with_client(server, job)
    assert [e.event for e in events][-1] == "error", events[-1]
    assert "root:" not in json.dumps([e.data for e in events])


def test_an_address_in_a_request_goes_nowhere(server: str) -> None:
    async def job(client: Any) -> Any:
        thread = (await client.threads.create())["thread_id"]
        await run(client, {}, {"retrieval": "off", "rounds": 1, "base_url": "http://203.0.113.1"}, thread)
        return (await client.threads.get_state(thread))["values"]

    assert "203.0.113.1" not in json.dumps(with_client(server, job))


def test_the_export_needs_no_more_than_its_folder() -> None:
    exported = json.loads((ROOT / "langgraph.json").read_text())
    for graph in ("triage", "commons", "games", "deliberation"):
        assert exported["graphs"][graph].endswith(f"{graph}.py:graph")
        assert (ROOT / "graphs" / f"{graph}.py").exists()


@pytest.mark.parametrize(("graph", "key"), [("commons", "commons"), ("games", "game")])
def test_the_settings_of_a_dilemma_are_a_form_too(server: str, graph: str, key: str) -> None:
    schemas = schemas_of(server, graph)
    form = schemas["context_schema"]["properties"]
    assert form["regime"]["enum"] == ["none", "spoken", "enforced", "best"]
    assert form["regime"]["default"] == "enforced"
    assert "considerate" in form["prosocial_as"]["enum"]
    assert not {"base_url", "out", "api_key", "personas"} & form.keys()
    assert all(field.get("description") or name in ("seed",) for name, field in form.items())
    assert set(schemas["input_schema"]["properties"]) == {"scenario", key}


def test_a_whole_season_runs_with_the_servers_own_limits_and_a_second_starts_afresh(server: str) -> None:
    async def job(client: Any) -> Any:
        thread = (await client.threads.create())["thread_id"]
        law = {"law": "half-stock", "negotiate": False}
        first = await run(client, {}, law, thread, "commons")
        await run(
            client, {"scenario": "fishery,months=2"}, {"regime": "none", "talk": False}, thread, "commons"
        )
        return first, (await client.threads.get_state(thread))["values"]

    first, values = with_client(server, job)
    told = [e.data["text"] for e in first if e.event == "custom"]
    assert sum(t.startswith("month 12: 50 of 100") for t in told) == 1, told[-1]
    record = values["record"]
    assert record["scenario"]["months"] == 2
    assert len(values["months"]) == len(record["months"]) == 1, "selfish seats empty it in a month"
    assert [e["index"] for e in values["edges"]] == list(range(len(values["edges"])))


def test_a_game_is_played_over_many_rounds_on_the_server(server: str) -> None:
    async def job(client: Any) -> Any:
        thread = (await client.threads.create())["thread_id"]
        context = {"regime": "none", "rounds": 12, "strategy": "tit-for-tat"}
        await run(client, {"scenario": "stag-hunt"}, context, thread, "games")
        return (await client.threads.get_state(thread))["values"]

    record = with_client(server, job)["record"]
    assert [p["round"] for p in record["plays"]] == list(range(1, 13))
    assert record["scenario"]["name"] == "stag-hunt"


def test_a_deliberation_has_a_form_and_is_held_on_the_server(server: str) -> None:
    schemas = schemas_of(server, "deliberation")
    form = schemas["context_schema"]["properties"]
    assert "evidence-emotion" in form["pair"]["enum"]
    assert not {"base_url", "out", "api_key", "personas"} & form.keys()
    assert set(schemas["input_schema"]["properties"]) == {"scenario", "dilemma"}

    async def job(client: Any) -> Any:
        thread = (await client.threads.create())["thread_id"]
        await run(client, {}, {"mediator": True}, thread, "deliberation")
        await run(client, {"scenario": "any:5"}, {"window": "all"}, thread, "deliberation")
        return (await client.threads.get_state(thread))["values"]

    values = with_client(server, job)
    assert values["record"]["protocol"]["window"] == "all"
    assert values["dialogue"] == values["record"]["dialogue"], "a second run starts afresh"
    assert [e["index"] for e in values["edges"]] == list(range(len(values["edges"])))


@pytest.mark.parametrize(
    ("graph", "given", "context"),
    [
        ("deliberation", {"scenario": "moralchoice:/etc/passwd#1"}, {}),
        ("deliberation", {"scenario": "/etc/passwd#x"}, {}),
        ("deliberation", {"dilemma": {"name": "x"}}, {}),
        ("deliberation", {}, {"pair": "../../etc"}),
        ("deliberation", {}, {"window": 0}),
        ("commons", {"scenario": "/etc/passwd"}, {}),
        ("commons", {"scenario": "no-such-pool"}, {}),
        ("commons", {"commons": {"name": "x"}}, {}),
        (
            "commons",
            {"commons": {"name": "x", "title": "x", "need": {"ward": "/etc/passwd", "resource": "x"}}},
            {},
        ),
        ("commons", {}, {"prosocial": 9}),
        ("commons", {}, {"law": "../half-stock"}),
        ("commons", {}, {"regime": "strict"}),
        ("commons", {}, {"prosocial_as": "/etc/passwd"}),
        ("games", {"scenario": "csv:/etc/passwd#1"}, {}),
        ("games", {"scenario": "lift:/etc/passwd"}, {}),
        ("games", {"game": {"name": "x"}}, {}),
        ("games", {}, {"rounds": 0}),
        ("games", {}, {"strategy": "magic"}),
        ("games", {}, {"concerns": [1, 2, 3]}),
    ],
)
def test_a_bad_request_for_a_dilemma_is_refused_in_a_line_and_reads_no_file(
    server: str, graph: str, given: Any, context: dict[str, Any]
) -> None:
    async def job(client: Any) -> Any:
        return await run(client, given, context, None, graph)

    events = with_client(server, job)
    assert [e.event for e in events][-1] == "error", events[-1]
    assert "root:" not in json.dumps([e.data for e in events])
    assert context or "\n" not in events[-1].data["message"]
