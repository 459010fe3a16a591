"""Do all embedders keep the Protocol's promises, over real HTTP where they speak HTTP?"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from retrieval.embeddings import Embedder, MiniLMEmbedder, OpenAIEmbedder, embedder
from scenarios.errors import ParleyError

KEY = "sk-test-0123456789abcdef"


class EmbeddingServer(ThreadingHTTPServer):
    """A loopback OpenAI-compatible /embeddings: a vector of 8 numbers is drawn from the words of the text."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.fault: str | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: EmbeddingServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, "key": self.headers["Authorization"], **body})
        vectors = [_bag_of_words(text) for text in body["input"]]
        if self.server.fault == "zero":
            vectors = [[0.0] * 8 for _ in vectors]
        if self.server.fault == "few":
            vectors = vectors[:-1]
        data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        reply = {"object": "list", "data": data, "model": body["model"], "usage": usage}
        self._answer(401 if self.server.fault == "unauthorised" else 200, json.dumps(reply).encode())

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _bag_of_words(text: str) -> list[float]:
    vector = np.full(8, 0.1)
    for word in text.lower().split():
        vector[hashlib.sha256(word.encode()).digest()[0] % 8] += 3.0
    numbers: list[float] = vector.tolist()
    return numbers


@pytest.fixture(scope="module")
def embedding_server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(params=["minilm", "openai:bag-of-words"], scope="module")
def any_embedder(
    request: pytest.FixtureRequest,
    embedding_server: EmbeddingServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Embedder]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARLEY_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("OPENAI_BASE_URL", embedding_server.base_url)
        made = embedder(request.param)
        assert made.name == request.param
        yield made


# -- what every embedder promises ----------------------------------------------------------------------------

TEXTS = [
    "the last ventilator",
    "an ambulance in the rain, far from town",
    "the last ventilator",
    "staff hours",
]


def test_vectors_are_unit_rows_in_the_order_of_the_texts(any_embedder: Embedder) -> None:
    vectors = any_embedder.embed_documents(TEXTS)
    assert vectors.shape == (4, any_embedder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
    assert vectors[0] @ vectors[1] < 0.99


def test_a_query_is_embedded_as_a_document_is(any_embedder: Embedder) -> None:
    query = any_embedder.embed_query(TEXTS[1])
    np.testing.assert_allclose(query, any_embedder.embed_documents(TEXTS)[1], atol=1e-5)


def test_no_texts_make_no_rows(any_embedder: Embedder) -> None:
    assert any_embedder.embed_documents([]).shape == (0, any_embedder.dimensions)


def test_threads_may_share_one(any_embedder: Embedder) -> None:
    expected = any_embedder.embed_query(TEXTS[0])
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(any_embedder.embed_query(TEXTS[0]))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for vector in found:
        np.testing.assert_allclose(vector, expected, atol=1e-5)


# -- the one that speaks HTTP --------------------------------------------------------------------------------


@pytest.fixture
def remote(embedding_server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIEmbedder]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    embedding_server.requests.clear()
    yield OpenAIEmbedder("bag-of-words", embedding_server.base_url)
    embedding_server.fault = None


def test_it_sends_the_texts_whole_with_the_key_to_the_base_url(
    remote: OpenAIEmbedder, embedding_server: EmbeddingServer
) -> None:
    remote.embed_documents(["one two", "three"])
    sent = embedding_server.requests[0]
    assert (sent["path"], sent["model"], sent["key"]) == ("/v1/embeddings", "bag-of-words", f"Bearer {KEY}")
    assert sent["input"] == ["one two", "three"]


@pytest.mark.parametrize(
    ("fault", "says"), [("unauthorised", "HTTP 401"), ("zero", "unusable"), ("few", "unusable")]
)
def test_a_bad_answer_is_one_line_without_the_key(
    remote: OpenAIEmbedder, embedding_server: EmbeddingServer, fault: str, says: str
) -> None:
    embedding_server.fault = fault
    with pytest.raises(ParleyError, match=says) as refusal:
        remote.embed_documents(["one", "two"])
    assert "\n" not in str(refusal.value)
    assert KEY not in str(refusal.value)


def test_without_a_key_or_a_server_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ParleyError, match="OPENAI_API_KEY is not set"):
        OpenAIEmbedder("text-embedding-3-small").embed_query("x")


def test_the_setting_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_EMBEDDINGS", raising=False)
    assert isinstance(embedder(), MiniLMEmbedder)
    monkeypatch.setenv("PARLEY_EMBEDDINGS", "openai:some-model")
    assert embedder().name == "openai:some-model"
    assert isinstance(embedder("minilm"), MiniLMEmbedder)
    for wrong in ("openai:", "cohere:x", "MiniLM"):
        with pytest.raises(ParleyError, match="write 'minilm' or 'openai:MODEL'"):
            embedder(wrong)
