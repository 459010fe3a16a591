"""What leaves the machine: nothing unless asked; with LangSmith tracing, every node and every edge, and no key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nodes.record import RunRecord
from nodes.records import reader
from tests import forking
from tests.play import command, environment
from tests.tracing_server import tracing_server

OWN = ("graphs.triage", "graphs.commons", "graphs.games", "graphs.deliberation")
IMPORTED = (*OWN, *forking.DEBATES)
"""What commands of every graph import, now or while they go on."""

WATCH = """
import runpy, socket, sys
tried = []
def hook(event, args):
    if event in ("socket.connect", "socket.sendto") and args[0].family != socket.AF_UNIX:
        tried.append(args[1]); raise ConnectionRefusedError("this test blocks sockets")
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        tried.append(args[0]); raise socket.gaierror("this test blocks names")
sys.addaudithook(hook)
{first}
sys.argv = ["{graph}", *sys.argv[1:]]
try:
    runpy.run_module("graphs.{graph}", run_name="__main__")
except SystemExit as stop:
    code = stop.code
else:
    code = 0
import json, os
open("tried.json", "w").write(json.dumps([str(t) for t in tried]))
os._exit(code or 0)
"""


def attempts(folder: Path, *words: str, graph: str = "triage", fresh: bool = False, **env: str) -> list[str]:
    """Every address that a command tried to reach while sockets were blocked.

    A fork has its imports done before that; a `fresh` process does them, those of every graph, within it.
    """
    first = f"import {', '.join(IMPORTED)}; [sys.modules.pop(n) for n in {OWN}]" if fresh else ""
    script = folder / "watch.py"
    script.write_text(WATCH.format(graph=graph, first=first))
    if fresh:
        line = [sys.executable, str(script), *words]
        whole = environment(env)
        done = subprocess.run(line, cwd=folder, env=whole, capture_output=True, text=True, timeout=120)
    else:
        done = forking.typed(str(script), *words, cwd=folder, env=environment(env))
    assert done.returncode == 0, done.stderr
    tried: list[str] = json.loads((folder / "tried.json").read_text())
    return tried


def test_without_tracing_nothing_leaves_the_machine(tmp_path: Path, parley_home: Path) -> None:
    assert attempts(tmp_path, "invoke", "--json", fresh=True) == []


def test_the_block_would_have_seen_a_leak(tmp_path: Path) -> None:
    tracing = {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": "http://203.0.113.1:9",
        "LANGSMITH_API_KEY": "x",
    }
    assert attempts(tmp_path, "invoke", "--retrieval", "off", "--json", **tracing) != []


def test_with_tracing_every_node_and_every_edge_is_a_run_with_who_moved_and_how(tmp_path: Path) -> None:
    key = "lsv2_pt_very_secret_key"
    with tracing_server() as smith:
        env = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": smith.url, "LANGSMITH_API_KEY": key}
        done = command("invoke", "--retrieval", "off", "--json", cwd=tmp_path, env=env, fresh=True)
        assert done.returncode == 0, done.stderr
    record = RunRecord.model_validate_json(done.stdout)
    for node in ("brief", "solo", "retrieve", "propose", "critique", "mediate", "exit_solo", "record"):
        assert smith.named(node), f"node {node} was not traced"
    edges = sorted(smith.named("edge "), key=lambda r: r["extra"]["metadata"]["index"])
    assert [r["name"] for r in edges] == [f"edge {e.source}->{e.target}" for e in record.edges]
    for run, edge in zip(edges, record.edges, strict=True):
        told = run["extra"]["metadata"]
        assert told["run_id"] == record.run_id
        assert (told.get("seat"), told["round"], told.get("persona")) == (edge.seat, edge.round, edge.persona)
        assert told.get("strategy") == edge.strategy
        assert told["delta"] == run["outputs"]["delta"]
        assert run["outputs"]["delta"] == {c: list(d) for c, d in edge.delta.items()}
        parent = smith.runs[run["parent_run_id"]]
        assert parent["name"] == edge.source
        assert "edge" in run["tags"]
    assert key.encode() not in smith.raw
    assert key not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("graph", "nodes", "strategies"),
    [
        (
            "commons",
            ("brief", "talk", "negotiate", "vote", "enact", "harvest", "enforce", "regrow", "record"),
            {"strategy:restraint", "strategy:propose", "strategy:accept"},
        ),
        (
            "games",
            ("brief", "talk", "negotiate", "vote", "enact", "act", "enforce", "record"),
            {"strategy:cooperate", "strategy:propose", "strategy:accept"},
        ),
        (
            "deliberation",
            ("brief", "speak", "judge", "complete", "record"),
            {"strategy:open", "strategy:consent", "strategy:agreed", "strategy:complete"},
        ),
    ],
)
def test_the_edges_of_a_dilemma_are_traced_with_their_strategies(
    graph: str, nodes: tuple[str, ...], strategies: set[str], tmp_path: Path
) -> None:
    key = "lsv2_pt_very_secret_key"
    with tracing_server() as smith:
        env = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": smith.url, "LANGSMITH_API_KEY": key}
        done = command("invoke", "--json", cwd=tmp_path, env=env, graph=graph)
        assert done.returncode == 0, done.stderr
    record = reader().validate_json(done.stdout)
    for node in nodes:
        assert smith.named(node), f"node {node} was not traced"
    edges = sorted(smith.named("edge "), key=lambda r: r["extra"]["metadata"]["index"])
    assert [r["name"] for r in edges] == [f"edge {e.source}->{e.target}" for e in record.edges]
    for run, edge in zip(edges, record.edges, strict=True):
        told = run["extra"]["metadata"]
        assert told["run_id"] == record.run_id
        assert (told.get("seat"), told["round"], told.get("strategy")) == (
            edge.seat,
            edge.round,
            edge.strategy,
        )
        assert run["outputs"]["delta"] == {c: list(d) for c, d in edge.delta.items()}
        assert "edge" in run["tags"]
    assert strategies <= {tag for run in edges for tag in run["tags"]}
    assert key.encode() not in smith.raw
    assert key not in done.stdout + done.stderr


@pytest.mark.parametrize("graph", ["commons", "games", "deliberation"])
def test_a_dilemma_without_tracing_leaves_nothing_to_the_net(graph: str, tmp_path: Path) -> None:
    assert attempts(tmp_path, "invoke", "--json", graph=graph) == []
