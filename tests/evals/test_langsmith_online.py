"""Do datasets, experiments and records go to LangSmith and come back whole: once each, without key or path?"""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals import edges
from evals.langsmith.evaluators import evaluate
from evals.records import read
from tests.evals.langsmith_server import KEY, LangSmith, langsmith_server, named_by, typed
from tests.loopback import Loopback, always, failing

WARDS = "generated:{1..2},n=5,divisible=1"
PUSH = ("push", WARDS, "--dataset", "wards", "--twins", "sex", "--permutations", 1)
RUN = ("run", "wards", "--opponent", "biased-sex", "--set", "retrieval=off", "--set", "rounds=1")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LangSmith]:
    monkeypatch.setenv("PARLEY_RUNS", str(tmp_path / "runs"))
    with langsmith_server() as kept:
        named_by(kept, monkeypatch)
        yield kept


def kept_in(server: LangSmith) -> list[dict[str, Any]]:
    return json.loads(json.dumps(list(server.examples.values())))  # type: ignore[no-any-return]


def test_pushed_twice_nothing_is_doubled_and_nothing_sent_again(
    server: LangSmith, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(*PUSH, "--json", monkeypatch=monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)["created"] == 4
    before, requests = kept_in(server), len(server.asked)
    assert typed(*PUSH, "--json", monkeypatch=monkeypatch) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["created"], told["updated"], told["unchanged"], told["others"]) == (0, 0, 4, 0)
    assert kept_in(server) == before and len(server.datasets) == 1
    assert all(method == "GET" for method, _ in server.asked[requests:])


def test_a_dataset_says_where_each_example_belongs(
    server: LangSmith, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(*PUSH, monkeypatch=monkeypatch)
    told = {e["metadata"]["scenario"]: e for e in server.examples.values()}
    twin = told["generated:2,n=5,divisible=1~sex@1"]
    assert (
        twin["metadata"]["cluster"] == "generated:2,n=5,divisible=1" and twin["metadata"]["twin"] == "sex@1"
    )
    assert twin["metadata"]["dataset_split"] == ["twins"] and set(twin["inputs"]) == {"ward"}
    assert 0 < twin["outputs"]["beta_optimum"] <= 1 and set(twin["outputs"]["maxima"]) > {"survival"}


def test_what_changed_is_updated_what_is_missing_made_what_is_others_left(
    server: LangSmith, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(*PUSH, monkeypatch=monkeypatch)
    pushed = kept_in(server)
    first, second = list(server.examples)[:2]
    server.examples[first]["inputs"]["ward"]["title"] = "edited by hand"
    server.examples[first]["metadata"]["dataset_split"] = ["base", "mine"]
    del server.examples[second]
    other = str(uuid.uuid4())
    server.examples[other] = dict(pushed[0]) | {"id": other, "inputs": {"mine": 1}}
    capsys.readouterr()
    assert typed(*PUSH, "--json", monkeypatch=monkeypatch) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["created"], told["updated"], told["unchanged"], told["others"]) == (1, 1, 2, 1)
    ours = {e["id"]: e for e in kept_in(server) if e["id"] != other}
    assert ours == {e["id"]: e for e in pushed}
    assert server.examples[other]["inputs"] == {"mine": 1}


def test_a_dataset_made_anew_has_new_ids(server: LangSmith, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of deleted examples stay taken at LangSmith, so a dataset of the same name must not reuse them."""
    typed(*PUSH, monkeypatch=monkeypatch)
    before = set(server.examples)
    server.datasets.clear()
    assert typed(*PUSH, monkeypatch=monkeypatch) == 0
    assert len(server.examples) == 8 and before < set(server.examples)


@pytest.mark.parametrize("version", ["0.7.0", "0.13.0"])
def test_an_experiment_feeds_back_by_example_and_comes_back_as_records(
    version: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From 0.8.10 on feedback travels among the runs, before that by itself: neither may lose any."""
    monkeypatch.setenv("PARLEY_RUNS", str(tmp_path / "runs"))
    with langsmith_server(version) as server:
        named_by(server, monkeypatch)
        typed(*PUSH, monkeypatch=monkeypatch)
        capsys.readouterr()
        assert typed(*RUN, "--name", "biased", "--json", monkeypatch=monkeypatch) == 0
        told = json.loads(capsys.readouterr().out)
        roots = {r["reference_example_id"]: r for r in server.roots(told["experiment"])}
        assert told["experiment"].startswith("biased-") and roots.keys() == server.examples.keys()
        for row in told["examples"]:
            record = read(tmp_path / "runs" / f"{row['run_id']}.json")
            arrived = server.scores(roots[row["example"]]["id"])
            expected = {one["key"]: one["score"] for one in evaluate(record)}
            assert arrived == {
                k: pytest.approx(v, abs=5e-5) if v is not None else None for k, v in expected.items()
            }
            assert roots[row["example"]]["outputs"]["record"] == record.model_dump(mode="json")
        summary = {one["key"]: one["score"] for one in told["summary"]}
        assert server.scores(None) == {
            k: None if v is None else pytest.approx(v, abs=5e-5) for k, v in summary.items()
        }
        assert summary["mean:feasible"] == 1 and summary["twin_shift:sex"] > 0
        _comes_back(server, told["experiment"], tmp_path, monkeypatch)
        assert KEY.encode() not in server.raw and str(tmp_path).encode() not in server.raw


def _comes_back(server: LangSmith, experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulled, runs = tmp_path / "pulled", tmp_path / "runs"
    assert typed("pull", experiment, "--out", pulled, monkeypatch=monkeypatch) == 0
    here = {path.name: path.read_bytes() for path in runs.glob("*.json")}
    assert {path.name: path.read_bytes() for path in pulled.glob("*.json")} == here and len(here) == 4
    with (pulled / "feedback.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(server.feedback)
    assert {r["run_id"] for r in rows if r["level"] == "run"} == {name.removesuffix(".json") for name in here}
    assert {r["key"] for r in rows if r["level"] == "experiment"} >= {"mean:feasible", "twin_shift:sex"}
    assert edges.from_langsmith(experiment).equals(edges.from_records([runs]))


def test_results_alone_are_one_run_an_example(server: LangSmith, monkeypatch: pytest.MonkeyPatch) -> None:
    typed("push", WARDS, "--dataset", "wards", monkeypatch=monkeypatch)
    assert typed(*RUN, "--results-only", monkeypatch=monkeypatch) == 0
    assert len(server.runs) == 2 and all(r["outputs"]["record"] for r in server.runs.values())


def test_a_split_is_run_alone(
    server: LangSmith, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(*PUSH, monkeypatch=monkeypatch)
    capsys.readouterr()
    assert typed(*RUN, "--split", "base", "--json", monkeypatch=monkeypatch) == 0
    assert [row["twin"] for row in json.loads(capsys.readouterr().out)["examples"]] == ["", ""]


def test_pulled_again_nothing_is_touched_and_no_other_record_written_over(
    server: LangSmith, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(*PUSH, monkeypatch=monkeypatch)
    typed(*RUN, monkeypatch=monkeypatch)
    pulled = tmp_path / "pulled"
    typed("pull", "wards", "--out", pulled, monkeypatch=monkeypatch)
    (folder,) = pulled.iterdir()
    first, *rest = sorted(folder.glob("*.json"))
    first.write_text("mine\n")
    stamps = {path: path.stat().st_mtime_ns for path in rest}
    capsys.readouterr()
    assert typed("pull", "wards", "--out", pulled, "--json", monkeypatch=monkeypatch) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["written"], told["kept"], told["left"]) == (0, 3, [first.stem])
    assert first.read_text() == "mine\n" and {path: path.stat().st_mtime_ns for path in rest} == stamps


def test_what_is_no_record_is_counted_named_and_stops_nothing(
    server: LangSmith, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(*PUSH, monkeypatch=monkeypatch)
    typed(*RUN, "--results-only", monkeypatch=monkeypatch)
    experiment = next(iter(server.sessions.values()))["name"]
    broken, escaping, empty, _ = server.roots(experiment)
    del broken["outputs"]["record"]["seats"]
    escaping["outputs"]["record"]["run_id"] = "../../escaped"
    empty["outputs"] = {}
    capsys.readouterr()
    assert typed("pull", experiment, "--out", tmp_path / "a" / "b", "--json", monkeypatch=monkeypatch) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["written"] == 1 and told["unread"] == 3
    said = " ".join(told["without_record"])
    assert f"{broken['id']}: seats" in said and "no name for a file" in said and "no record" in said
    assert not list(tmp_path.glob("escaped*"))


def test_a_debate_that_fails_is_missing_not_zero_and_says_why(
    server: LangSmith, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-model")
    typed("push", "generated:1,n=4,divisible=1", "--dataset", "wards", monkeypatch=monkeypatch)
    capsys.readouterr()
    with Loopback(always(failing(400, "no such model"))) as model:
        words = ("--model", "openai:none", "--base-url", model.base_url, "--json")
        assert typed(*RUN, *words, monkeypatch=monkeypatch) == 3
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["failed"] == 1 and told["examples"][0]["error"] and not told["examples"][0]["run_id"]
    (root,) = server.roots(told["experiment"])
    assert root["error"] and set(server.scores(root["id"]).values()) == {None}
    assert "1 of 1 debates failed" in said.err and "Traceback" not in said.err
    for secret in ("sk-secret-of-the-model", KEY, str(Path(__file__).resolve().parents[2]), str(tmp_path)):
        assert (
            secret not in said.err + said.out.replace(str(tmp_path / "runs"), "")
            and secret.encode() not in server.raw
        )


@pytest.mark.parametrize("words", [PUSH, RUN, ("pull", "wards", "--out", "pulled")])
def test_a_refused_key_is_said_without_it(
    words: tuple[Any, ...],
    server: LangSmith,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = "lsv2_pt_wrongwrongwrongwrongwrongzq97"
    named_by(server, monkeypatch, wrong)
    assert typed(*words, monkeypatch=monkeypatch) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "key was refused" in said.err
    assert wrong not in said.err + said.out and "zq97" not in said.err + said.out


def test_an_endpoint_that_is_down_is_said_in_one_line_and_exits_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    assert typed(*RUN, monkeypatch=monkeypatch) == 3
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "127.0.0.1:9" in said.err and "cannot be reached" in said.err
    assert KEY not in said.err and KEY[-2:] not in said.err.replace("127.0.0.1", "")


def test_without_a_key_the_hosted_service_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY", "LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert typed(*RUN, monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err
    assert "LANGSMITH_API_KEY" in said and "--local" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "nothing"), "none of that name"),
        (("pull", "nothing", "--out", "here"), "no experiment and no dataset 'nothing'"),
        (("run", "wards", "--set", "ronds=2"), "did you mean 'rounds'"),
        (("run", "wards", "--set", "rounds"), "write FIELD=VALUE"),
        (("run", "wards", "--set", "review=true"), "nobody can be asked"),
        (("run", "wards", "--framework", "rawlsean"), "did you mean 'rawlsian'"),
        (("run", "wards", "more"), "one dataset at a time"),
        (("run", "wards", "--twins", "sex"), "--local"),
        (("run", "wards", "--split", "third"), "there are base, twins"),
        (("push", "generated:1,n=5"), "--dataset"),
    ],
)
def test_bad_words_are_one_line_and_exit_2(
    words: tuple[str, ...],
    said: str,
    server: LangSmith,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed("push", "generated:1,n=5,divisible=1", "--dataset", "wards", monkeypatch=monkeypatch)
    capsys.readouterr()
    assert typed(*words, monkeypatch=monkeypatch) == 2
    heard = capsys.readouterr()
    assert said in heard.err and heard.err.count("\n") == 1
    assert not server.sessions


@pytest.mark.parametrize("path", ["/feedback", "/runs/multipart"])
def test_what_cannot_be_sent_is_told_and_records_are_kept(
    path: str,
    server: LangSmith,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed("push", "generated:1,n=4,divisible=1", "--dataset", "wards", monkeypatch=monkeypatch)
    server.refuse[path] = 422
    capsys.readouterr()
    assert typed(*RUN, monkeypatch=monkeypatch) == 3
    assert "not all was sent to LangSmith" in capsys.readouterr().err
    assert len(list((tmp_path / "runs").glob("*.json"))) == 1
