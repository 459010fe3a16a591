"""What does somebody at a terminal get of the commons and games: pages, records, one clear line, exit codes?"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from nodes.records import reader, schema
from tests.dilemma_partner import honest_party
from tests.forking import Begun
from tests.loopback import Loopback, slow
from tests.play import ROOT, environment, typed

Told = pytest.CaptureFixture[str]
GRAPHS = ("commons", "games")
QUICK = {
    "commons": ("--regime", "none", "--no-talk"),
    "games": ("--regime", "none", "--no-talk"),
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_json_puts_the_record_alone_on_stdout_and_it_fits_its_schema(
    graph: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("invoke", "--json", monkeypatch=monkeypatch, graph=graph) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, schema())
    assert data["setting"] == graph
    kept = tmp_path / "runs" / f"{data['run_id']}.json"
    assert json.loads(kept.read_text()) == data
    assert reader().validate_python(data).model_dump(mode="json") == data
    events = [json.loads(line)["event"] for line in kept.with_suffix(".jsonl").read_text().splitlines()]
    assert (events[0], events[-1]) == ("started", "finished")
    assert typed("show", data["run_id"][:-3], monkeypatch=monkeypatch, graph=graph) == 0
    assert "What it is worth" in capsys.readouterr().out


def test_the_journal_holds_every_edge_of_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("invoke", "--json", *QUICK["games"], monkeypatch=monkeypatch, graph="games") == 0
    data = json.loads(capsys.readouterr().out)
    lines = (tmp_path / "runs" / f"{data['run_id']}.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    edges = [e["edge"] for e in events if e["event"] == "edge"]
    edges += [edge for e in events if e["event"] == "edges" for edge in e["edges"]]
    assert edges == data["edges"]


@pytest.mark.parametrize("graph", GRAPHS)
def test_stream_prints_events_as_they_happen(
    graph: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("stream", "--json", *QUICK[graph], monkeypatch=monkeypatch, graph=graph) == 0
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert (events[0], events[-1]) == ("brief", "record")


PAGES = {
    ("commons", "--law", "half-stock", "--no-negotiate"): ("Month by month", "half of the stock", "Quota: "),
    ("commons", "--regime", "spoken", "--prosocial", "5", "--declared", "declared"): (
        "♥",
        "concerns declared",
    ),
    ("commons", "--regime", "best", "--no-talk"): ("What it is worth", "planner"),
    ("games", "--scenario", "lift:prisoners-dilemma", "--regime", "best"): ("loss", "best mechanism"),
    ("games", "--rounds", "3", "--strategy", "tit-for-tat", "--regime", "none"): ("Round by round",),
    ("games", "--declared", "false", "--prosocial", "1"): ("claims to be prosocial",),
}


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_the_page_tells_a_person_what_the_run_was_about(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Told,
) -> None:
    monkeypatch.chdir(tmp_path)
    graph, *options = words
    assert typed("invoke", *options, monkeypatch=monkeypatch, graph=graph) == 0
    out = capsys.readouterr().out
    for said in (*PAGES[words], "What everybody ended up with"):
        assert said in out


BOTH = [
    (("--scenario", "no/such/case.yaml"), "no/such/case.yaml"),
    (("--scenario", "broken.yaml"), "broken.yaml: line"),
    (("--law", "no-law"), "half-stock"),
    (("--law", "half-stock", "--regime", "none"), "--law"),
    (("--prosocial", "-1"), "--prosocial"),
    (("--prosocial", "9"), "prosocial"),
    (("--concern", "-1"), "-0.5"),
    (("--concern", "nan"), "--concern"),
    (("--concerns", "1", "--concerns", "2", "--concerns", "3"), "concerns: 3"),
    (("--concerns", "1", "--prosocial", "1"), "concerns"),
    (("--quorum", "8"), "quorum"),
    (("--regime", "strict"), "--regime"),
    (("--declared", "perhaps"), "--declared"),
    (("--equilibrium", "median"), "--equilibrium"),
    (("--prosocial-as", "nobody"), "nobody"),
    (("--personas", "no-such-folder"), "no-such-folder"),
    (("--personas", "people", "--prosocial-as", "bad", "--prosocial", "1"), "people/bad.yaml"),
    (("--model", "openai:gpt-test"), "OPENAI_API_KEY"),
    (("--model", "nosuch:thing"), "nosuch"),
    (("--out", "broken.yaml/here"), "--out"),
    (("--timeout", "-5"), "--timeout"),
    (("--seed", "-1"), "--seed"),
    (("--scenario", ""), "--scenario"),
    (("--sceanrio", "x"), "--scenario"),
]
OWN = {
    "commons": [
        (("--scenario", "fisheri"), "did you mean fishery"),
        (("--scenario", "fishery,agents=99"), "agents"),
        (("--scenario", "fishery,agnets=4"), "agents"),
        (("--contingencies", "2"), "--contingencies"),
        (("--hidden", "-1"), "--hidden"),
        (("--regrowth", "linear"), "--regrowth"),
        (("--law", "defection-burnt"), "does not fit"),
        (("--concerns", "0", *sum((("--concerns", str(c)) for c in (1, 2, 3, 4)), ())), "different λ"),
    ],
    "games": [
        (("--scenario", "prisoner"), "prisoners-dilemma"),
        (("--scenario", "lift:chess"), "chess"),
        (("--scenario", "csv:/nowhere.csv#1"), "/nowhere.csv"),
        (("--scenario", "prisoners-dilemma,T=x"), "T"),
        (("--rounds", "0"), "--rounds"),
        (("--strategy", "magic"), "--strategy"),
        (("--opponent-strategy", "random=2"), "--opponent-strategy"),
        (("--precision", "0"), "--precision"),
        (("--law", "half-stock"), "does not fit"),
    ],
}


@pytest.mark.parametrize(
    ("graph", "words", "says"),
    [(graph, words, says) for graph in GRAPHS for words, says in [*BOTH, *OWN[graph]]],
    ids=lambda v: v if isinstance(v, str) else " ".join(v),
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    graph: str,
    words: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Told,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "broken.yaml").write_text("name: broken\nstates: [\n")
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "bad.yaml").write_text("name: bad\nsays: x\nconcern: -7\nsource: this test\n")
    assert typed("invoke", *words, monkeypatch=monkeypatch, graph=graph) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert says in err
    told = [line for line in err.strip().splitlines() if not re.match(r" *\d+\.\ds  ", line)]  # less progress
    assert len(told) == 1 or "╭" in err
    assert not list(tmp_path.glob("runs/*.json")), "nothing is recorded"


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("listing", ["scenarios", "personas", "laws"])
def test_lists_name_everything_there_is(
    graph: str,
    listing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Told,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("list", listing, "--json", monkeypatch=monkeypatch, graph=graph) == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)}
    expected = {
        "scenarios": {
            "commons": {"fishery", "ward-shifts"},
            "games": {"hidden-temptation", "lift:prisoners-dilemma"},
        }[graph],
        "personas": {"selfish", "prosocial", "graded", "spiteful"},
        "laws": {"commons": {"half-stock", "escrow"}, "games": {"defection-burnt", "cooperation-ordered"}}[
            graph
        ],
    }[listing]
    assert expected <= names


@pytest.mark.parametrize("graph", GRAPHS)
def test_help_is_quick_and_loads_nothing_heavy(graph: str, tmp_path: Path) -> None:
    heavy = (
        "langgraph",
        "langchain",
        "numpy",
        "scipy",
        "psycopg",
        "nashpy",
        "cel_expr_python",
        "pandas",
    )
    code = (
        f"import sys, runpy; sys.argv = ['{graph}', 'invoke', '--help']\n"
        f"try: runpy.run_module('graphs.{graph}', run_name='__main__')\n"
        f"finally: print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert "--prosocial" in done.stdout
    assert "--no-negotiate" in done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("graph", GRAPHS)
def test_what_is_no_record_is_not_shown(
    graph: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "chess-1.json").write_text('{"setting": "chess"}')
    assert typed("show", "chess", monkeypatch=monkeypatch, graph=graph) == 2
    err = capsys.readouterr().err
    assert len(err.strip().splitlines()) == 1
    assert "not a run record" in err


@pytest.mark.parametrize("graph", GRAPHS)
def test_draw_shows_the_machine(graph: str, monkeypatch: pytest.MonkeyPatch, capsys: Told) -> None:
    assert typed("draw", monkeypatch=monkeypatch, graph=graph) == 0
    drawn = capsys.readouterr().out
    for node in ("talk", "negotiate", "vote", "enact", "enforce", "record"):
        assert f"\t{node}({node})" in drawn


@pytest.mark.slow
def test_a_model_that_cannot_be_reached_is_exit_code_3_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Told
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key")
    words = ("--model", "openai:x", "--base-url", "http://127.0.0.1:9/v1", "--timeout", "2")
    assert typed("invoke", *words, *QUICK["games"], monkeypatch=monkeypatch, graph="games") == 3
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert "127.0.0.1:9" in err
    assert "sk-very-secret-key" not in out + err + "".join(p.read_text() for p in tmp_path.glob("runs/*"))


@pytest.mark.slow
def test_ctrl_c_is_exit_code_130_and_keeps_what_was_done(tmp_path: Path) -> None:
    with Loopback(lambda h: slow(honest_party(h), 0.3)) as server:
        process = Begun(
            *("graphs.commons", "invoke", "--prosocial", "5", "--regime", "none", "--no-talk"),
            *("--model", "openai:x", "--base-url", server.base_url),
            cwd=tmp_path,
            env=environment({"OPENAI_API_KEY": "sk-none"}),
        )
        server.wait_for(12, timeout_s=60)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert out == ""
    (journal,) = (tmp_path / "runs").glob("*.jsonl")
    assert journal.read_text().count('"event": "move"') >= 10
