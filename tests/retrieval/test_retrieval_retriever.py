"""Does the retriever give nodes what the store holds, from any thread and loop, and show in a trace?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document

from retrieval import retriever as module
from retrieval.retriever import FrameworkRetriever, retriever
from retrieval.store import Store
from scenarios.errors import ParleyError
from tests.retrieval.retrieval_fakes import BagOfWords, passage

pytestmark = pytest.mark.postgres

CORPUS = (
    passage("worst-off-first", "The worst off come first when beds are scarce"),
    passage("most-lives", "Save the most lives with the beds there are", framework="utilitarian"),
    passage("lottery", "Draw lots for the beds", framework="equal-chance"),
)


@pytest.fixture
def asked(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[FrameworkRetriever, list[Store]]]:
    """A retriever over a fresh database, and the stores it has opened."""
    url = new_database()
    opened: list[Store] = []
    connect = Store.connect

    def recorded(*_: Any, **options: Any) -> Store:
        opened.append(connect(url, embeddings=BagOfWords()))
        return opened[-1]

    monkeypatch.setattr(Store, "connect", recorded)
    monkeypatch.setattr("retrieval.store.corpus", lambda: CORPUS)
    made = FrameworkRetriever()
    yield made, opened
    made.close()


async def test_a_node_gets_what_the_store_finds(asked: tuple[FrameworkRetriever, list[Store]]) -> None:
    made, opened = asked
    found = await made.retrieve("who gets the beds", ["rawlsian", "utilitarian"], 2)
    assert found == opened[0].search("who gets the beds", frameworks=["rawlsian", "utilitarian"], k=2)
    assert {result.passage.framework for result in found} == {"rawlsian", "utilitarian"}
    assert len(await made.retrieve("who gets the beds")) == 3


async def test_it_is_opened_once_however_many_ask_at_once(
    asked: tuple[FrameworkRetriever, list[Store]],
) -> None:
    made, opened = asked
    answers = await asyncio.gather(*(made.retrieve("beds", k=1) for _ in range(12)))
    assert all(answer == answers[0] for answer in answers)
    assert len(opened) == 1


def test_one_retriever_serves_one_event_loop_after_another(
    asked: tuple[FrameworkRetriever, list[Store]],
) -> None:
    made, _ = asked
    first = asyncio.run(made.retrieve("beds"))
    assert asyncio.run(made.retrieve("beds")) == first


async def test_the_loop_goes_on_while_the_database_is_slow(
    asked: tuple[FrameworkRetriever, list[Store]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = asked
    await made.retrieve("beds")
    search = Store.search

    def slow(*positional: Any, **named: Any) -> Any:
        time.sleep(0.2)
        return search(*positional, **named)

    monkeypatch.setattr(Store, "search", slow)
    waiting = asyncio.create_task(made.retrieve("beds"))
    ticks = 0
    while not waiting.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 5


class Spans(BaseCallbackHandler):
    def __init__(self) -> None:
        self.ended: list[list[Document]] = []
        self.queries: list[str] = []

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: UUID, **kwargs: Any) -> None:
        self.queries.append(query)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.ended.append(list(documents))


def test_a_trace_shows_a_retriever_with_its_documents(asked: tuple[FrameworkRetriever, list[Store]]) -> None:
    made, _ = asked
    spans = Spans()
    made.invoke("lots for beds", {"callbacks": [spans]}, frameworks=["equal-chance"])
    assert spans.queries == ["lots for beds"]
    (shown,) = spans.ended[0]
    assert (shown.id, shown.page_content) == ("lottery", "Draw lots for the beds")
    assert shown.metadata["source"] == "ours, p. 1"
    assert shown.metadata["dense_rank"] == shown.metadata["text_rank"] == 1


async def test_a_refusal_reaches_the_node_as_it_is(asked: tuple[FrameworkRetriever, list[Store]]) -> None:
    with pytest.raises(ParleyError, match="query is empty"):
        await asked[0].retrieve("  ")


async def test_a_slow_opening_is_announced_and_a_fast_one_is_not(
    asked: tuple[FrameworkRetriever, list[Store]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made, _ = asked
    monkeypatch.setattr(module, "_PATIENCE_S", 60.0)
    await made.retrieve("beds")
    assert capsys.readouterr() == ("", "")
    made.close()
    monkeypatch.setattr(module, "_PATIENCE_S", 0.0)
    await made.retrieve("beds")
    captured = capsys.readouterr()
    assert "this happens once" in captured.err
    assert captured.out == ""


def test_the_factory_makes_one_a_model_and_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_built", {})
    monkeypatch.setattr(Store, "connect", lambda *_, **__: pytest.fail("opened before it was asked"))
    assert retriever() is retriever()
    assert retriever("minilm") is retriever("minilm")
    assert retriever("openai:x") is not retriever("minilm")
