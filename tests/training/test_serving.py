"""Does a served model speak OpenAI's protocol, refuse what it cannot keep, and take part in every graph?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.dilemmas import load
from scenarios.errors import ParleyError
from tests import play
from tests.training.conftest import WITHOUT_TORCH
from training.config import parse_config
from training.curriculum import pairs_of
from training.run import Run
from training.serving.requests import Refused, parse
from training.warmup import phrases

CHAT = {"model": "trained", "messages": [{"role": "user", "content": "The last train is late."}]}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model that was trained for two steps, served."""
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    torch.set_num_threads(1)
    from training import run
    from training.models import build
    from training.serving import Served, Server

    folder = tmp_path_factory.mktemp("served") / "run"
    known = phrases([load("late-result")], [pole for pair in pairs_of("substance") for pole in pair.poles])
    told = parse_config(
        {
            "model": "tiny:0.1M",
            "steps": 2,
            "group": 2,
            "batch": 2,
            "threads": 1,
            "dilemmas": ["late-result"],
            "rules": {"window": "full", "rounds": 1, "max_tokens": 6, "completion_tokens": 6},
            "warm_up": {"steps": 2, "dialogues": 1, "said": "lines"},
        },
        "run",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            run,
            "from_scratch",
            lambda config: build("0.1M", ["The last train."], 0, phrases=known, context=16_384),
        )
        Run(told, folder, tell=lambda line: None, tensorboard=False).go()
    with Server([Served.read("trained", folder)]) as server:
        yield server.url


def _post(url: str, body: Any) -> httpx.Response:
    return httpx.post(f"{url}/chat/completions", json=body, timeout=60, trust_env=False)


def test_an_answer_has_words_a_reason_to_end_and_a_count(url: str) -> None:
    got = _post(url, CHAT | {"max_tokens": 5, "temperature": 0.7, "top_p": 0.9, "seed": 3}).json()
    choice = got["choices"][0]
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] in ("stop", "length")
    assert 1 <= got["usage"]["completion_tokens"] <= 5
    assert got["usage"]["total_tokens"] == got["usage"]["prompt_tokens"] + got["usage"]["completion_tokens"]
    assert (got["object"], got["model"]) == ("chat.completion", "trained")


def test_a_seed_gives_the_same_answer_and_another_seed_another(url: str) -> None:
    said = [
        _post(url, CHAT | {"max_tokens": 8, "seed": s}).json()["choices"][0]["message"]["content"]
        for s in (3, 3, 4)
    ]
    assert said[0] == said[1] != said[2]


def test_a_stream_adds_up_to_the_same_answer(url: str) -> None:
    asked = CHAT | {"max_tokens": 8, "seed": 3}
    whole = _post(url, asked).json()
    body = _post(url, asked | {"stream": True, "stream_options": {"include_usage": True}}).text
    lines = [row.removeprefix("data: ") for row in body.split("\n\n") if row]
    assert lines[-1] == "[DONE]"
    events = [json.loads(row) for row in lines[:-1]]
    parts = [c["delta"].get("content", "") for e in events for c in e["choices"]]
    assert "".join(parts) == whole["choices"][0]["message"]["content"]
    assert events[-2]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert events[-1]["usage"] == whole["usage"]


def test_it_stops_where_it_is_told_to(url: str) -> None:
    asked = CHAT | {"max_tokens": 8, "seed": 3}
    text = _post(url, asked).json()["choices"][0]["message"]["content"]
    got = _post(url, asked | {"stop": text[2:4]}).json()["choices"][0]
    assert got["message"]["content"] == text[: text.index(text[2:4])]
    assert got["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, 400, "response_format"),
        ({"tools": [{"type": "function"}]}, 400, "tools"),
        ({"model": "other"}, 404, "there is trained"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, 400, "role"),
        ({"messages": [{"role": "user", "content": None}]}, 400, "text alone"),
        ({"temperature": -1}, 400, "temperature"),
        ({"top_p": 0}, 400, "top_p"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"n": 2}, 400, "n: one answer"),
        ({"stop": [""]}, 400, "stop"),
        ({"messages": [{"role": "user", "content": "never " * 9000}], "max_tokens": 5}, 400, "context"),
    ],
)
def test_what_is_not_served_is_refused_in_one_line(
    url: str, change: dict[str, Any], status: int, said: str
) -> None:
    got = _post(url, CHAT | change)
    assert got.status_code == status
    assert said in got.json()["error"]["message"]


def test_other_paths_and_no_json_are_answered_too(url: str) -> None:
    assert httpx.get(f"{url}/models", trust_env=False).json()["data"][0]["id"] == "trained"
    assert httpx.get(f"{url}/nothing", trust_env=False).status_code == 404
    got = httpx.post(f"{url}/chat/completions", content=b"{", trust_env=False)
    assert (got.status_code, got.json()["error"]["message"]) == (400, "the body is no JSON")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("model", "messages", "temperature", "top_p", "max_tokens", "seed", "stop", "stream", "n", "tools")


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_whatever_a_body_holds_it_is_a_request_or_refused(body: dict[str, Any]) -> None:
    try:
        parse(json.dumps(CHAT | body).encode())
    except Refused as error:
        assert error.body["error"]["message"]


def test_it_deliberates_in_the_graph_to_a_recorded_end(url: str, tmp_path: Path) -> None:
    words = ("--model", "openai:trained", "--base-url", url, "--judge", "rule", "--rounds", "1")
    done = play.command(
        "invoke", *words, "--max-output-tokens", "16", "--json", cwd=tmp_path, graph="deliberation"
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert list((tmp_path / "runs").glob(f"*{record['run_id']}.json"))


def test_it_debates_in_triage_to_a_recorded_end_abstentions_and_all(url: str, tmp_path: Path) -> None:
    """Its words are no allocation, so its seats abstain; that has to be recorded, not to break the run."""
    words = ("--model", "openai:trained", "--base-url", url, "--scenario", "one-ventilator", "--rounds", "1")
    options = ("--retrieval", "off", "--max-output-tokens", "16", "--json")
    done = play.command("invoke", *words, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert any(incident["kind"] == "abstained" for incident in record["incidents"])
    assert list((tmp_path / "runs").glob(f"*{record['run_id']}.json"))


def test_a_checkpoint_that_is_none_is_named(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=WITHOUT_TORCH)
    from training.serving import Served

    with pytest.raises(ParleyError, match="no such folder"):
        Served.read("x", tmp_path / "none")


def test_half_a_character_is_refused_and_next_to_no_temperature_is_none() -> None:
    with pytest.raises(Refused, match="surrogate"):
        parse(json.dumps(CHAT | {"messages": [{"role": "user", "content": "\ud800"}]}).encode())
    assert parse(json.dumps(CHAT | {"temperature": 1e-300}).encode()).temperature == 0.0
    assert parse(json.dumps(CHAT | {"temperature": 0.7}).encode()).temperature == 0.7


def test_a_checkpoint_without_a_name_is_served_as_trained(tmp_path: Path) -> None:
    from training.serve import _named

    assert _named(str(tmp_path)) == ("trained", tmp_path)
    assert _named(f"base={tmp_path}") == ("base", tmp_path)
    with pytest.raises(ParleyError, match="no such folder"):
        _named("runs/none")
    with pytest.raises(ParleyError, match="write NAME=CHECKPOINT"):
        _named("=x")
