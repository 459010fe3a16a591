"""Edges read back from a LangSmith project are those of the records, page by page, and no error tells the key."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from langsmith import Client

from evals.edges import cells, changes, events, from_langsmith, from_records, read_langsmith, read_records
from scenarios.errors import ParleyError
from tests.evals.edges_server import KEY, PAGE, AskedServer, asked_server
from tests.play import environment

PROJECT = "parley-edges"

DEBATES = """
import sys
from pathlib import Path
from tests.play import play
ward, runs = "generated:5,n=5,divisible=1", Path(sys.argv[1])
play(ward, runs, framework="rawlsian", opponent="biased-age")
play(ward, runs, framework="rawlsian", opponent="biased-age", panel=("utilitarian",), rounds=2)
play(ward, runs, framework="egalitarian", opponent="plain", rounds=1, simultaneous=True)
"""


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AskedServer, Path]]:
    """Three debates played in a process of their own with tracing on: the server they told, and their records."""
    runs = tmp_path_factory.mktemp("traced")
    with asked_server() as smith:
        tracing = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": smith.url, "LANGSMITH_API_KEY": KEY}
        done = subprocess.run(
            [sys.executable, "-c", DEBATES, str(runs)],
            env=environment({**tracing, "LANGSMITH_PROJECT": PROJECT}),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        yield smith, runs


@pytest.fixture
def smith(traced: tuple[AskedServer, Path]) -> Iterator[AskedServer]:
    traced[0].queries.clear()
    yield traced[0]
    traced[0].fail_with = 200


def client(smith: AskedServer, key: str = KEY) -> Client:
    return Client(api_url=smith.url, api_key=key, auto_batch_tracing=False)


def test_a_project_gives_the_same_tables_as_the_records(
    smith: AskedServer, traced: tuple[AskedServer, Path]
) -> None:
    told, kept = read_langsmith(PROJECT, client(smith)), read_records([traced[1]])
    assert events(told).equals(from_records([traced[1]]))
    assert cells(told).equals(cells(kept))
    assert changes(told).equals(changes(kept))
    assert len({row["run_id"] for row in told}) == 3


def test_every_page_is_read_and_no_inputs_or_outputs_are_asked_for(
    smith: AskedServer, traced: tuple[AskedServer, Path]
) -> None:
    frame = from_langsmith(PROJECT, client(smith))
    assert len(frame) == len(from_records([traced[1]])) > 3 * PAGE
    tagged = [r for r in smith.runs.values() if "edge" in (r.get("tags") or [])]
    assert len(tagged) > len(frame), "nodes are tagged too, and must not be taken for edges"
    assert len(smith.queries) == -(-len(tagged) // PAGE)
    assert not {"inputs", "outputs"} & set(smith.queries[0]["select"])


def test_the_environment_names_server_and_key(smith: AskedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from langsmith.utils import get_env_var

    monkeypatch.setenv("LANGSMITH_ENDPOINT", smith.url)
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    get_env_var.cache_clear()
    assert len(from_langsmith(PROJECT)) == len(from_langsmith(PROJECT, client(smith)))
    get_env_var.cache_clear()


def test_a_limit_keeps_whole_debates_of_the_newest(
    smith: AskedServer, traced: tuple[AskedServer, Path]
) -> None:
    everything = from_records([traced[1]])
    sizes = everything.groupby("run_id").size()
    newest = max((r for r in smith.named("edge ")), key=lambda r: str(r["start_time"]))["extra"]["metadata"][
        "run_id"
    ]
    limit = int(sizes[newest]) + 3  # the whole of the newest debate, and a piece of the one before
    read = from_langsmith(PROJECT, client(smith), limit=limit)
    assert set(read["run_id"]) == {newest} and len(read) == sizes[newest]
    assert len(smith.queries) < -(-len(smith.runs) // PAGE), "pages beyond the limit are not read"
    assert from_langsmith(PROJECT, client(smith), limit=3).empty


def test_an_edge_traced_again_counts_once_as_it_was_traced_last(smith: AskedServer) -> None:
    before = from_langsmith(PROJECT, client(smith))
    old = next(r for r in smith.named("edge mediate") if r["extra"]["metadata"]["index"] > 0)
    again = {**old, "start_time": "2999-01-01T00:00:00", "extra": {"metadata": {**old["extra"]["metadata"]}}}
    again["extra"]["metadata"]["strategy"] = "retold"
    smith.runs["00000000-0000-4000-8000-000000000000"] = again
    try:
        after = from_langsmith(PROJECT, client(smith))
    finally:
        del smith.runs["00000000-0000-4000-8000-000000000000"]
    assert len(after) == len(before)
    assert list(after.loc[after["strategy"] == "retold", "index"]) == [old["extra"]["metadata"]["index"]]


def test_a_run_that_only_looks_like_an_edge_is_named(smith: AskedServer) -> None:
    strange = {**smith.named("edge ")[0], "extra": {"metadata": {"index": 1}}, "name": "edge of the world"}
    smith.runs["00000000-0000-4000-8000-000000000001"] = strange
    try:
        with pytest.raises(
            ParleyError, match="run 00000000-0000-4000-8000-000000000001 .* has no run_id, scenario"
        ):
            from_langsmith(PROJECT, client(smith))
    finally:
        del smith.runs["00000000-0000-4000-8000-000000000001"]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "the key is missing or was refused"),
        (403, "cannot be read"),
        (404, "no such project"),
        (429, "too many requests"),
        (500, "the server failed"),
        (418, "cannot be read"),
    ],
)
def test_a_refusal_is_one_line_without_the_key(smith: AskedServer, status: int, says: str) -> None:
    smith.fail_with = status
    assert says in refusal(PROJECT, client(smith))


def test_a_wrong_key_an_unknown_project_and_no_server_are_told_apart(smith: AskedServer) -> None:
    assert "refused" in refusal(PROJECT, client(smith, "lsv2_pt_another_key"))
    assert "no such project" in refusal("never-traced", client(smith))
    nobody = Client(api_url="http://127.0.0.1:9", api_key=KEY, auto_batch_tracing=False)
    assert "cannot be reached" in refusal(PROJECT, nobody)
    with pytest.raises(ParleyError, match="at least 1"):
        from_langsmith(PROJECT, client(smith), limit=0)


def refusal(project: str, client: Client) -> str:
    """What is said when a project cannot be read: one line, with its name and server, without any part of a key."""
    with pytest.raises(ParleyError) as refused:
        from_langsmith(project, client)
    line = str(refused.value)
    assert "\n" not in line and project in line and client.api_url in line
    assert refused.value.__cause__ is None and refused.value.__suppress_context__
    for secret in (KEY, "lsv2", KEY[-4:], "another_key"):
        assert secret not in line
    return line
