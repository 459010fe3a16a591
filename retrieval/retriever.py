"""What may a seat cite for this question? What nodes ask, and what shows as a retriever in a trace."""

from __future__ import annotations

import asyncio
import atexit
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr

from retrieval.passages import Passage
from retrieval.ranking import Mode, Retrieved
from retrieval.store import Store

_PATIENCE_S = 2.0
_FIRST_RUN = "Setting up the passages that seats may cite; this happens once and takes some seconds."


class FrameworkRetriever(BaseRetriever):
    """LangChain's retriever over the store: a Document a passage, `Retrieved` in its metadata.

    Opens the database, starting the embedded one if need be, and makes sure of the corpus on first use, not
    when it is made; what takes over two seconds is announced on stderr. Safe in threads and event loops.
    """

    embeddings: str | None = None
    mode: Mode = "hybrid"
    k: int = 5
    _store: Store | None = PrivateAttr(default=None)
    _opening: Any = PrivateAttr(default_factory=threading.Lock)

    def store(self) -> Store:
        """The open store with the corpus in it. Blocks on first use. Raises ParleyError if it cannot be."""
        with self._opening:
            if self._store is None:
                with _announced(_FIRST_RUN):
                    store = Store.connect(embeddings=self.embeddings)
                    try:
                        store.ensure_corpus()
                    except BaseException:
                        store.close()
                        raise
                self._store = store
            return self._store

    def close(self) -> None:
        """Close the connections; the next question opens them again."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None

    async def retrieve(
        self, query: str, frameworks: Sequence[str] | None = None, k: int | None = None
    ) -> list[Retrieved]:
        """The k passages of these frameworks (None: of all) that answer the query best, best first.

        Runs as a traced retriever, its blocking work in a thread. Raises ParleyError as `Store.search` does.
        """
        documents = await self.ainvoke(query, frameworks=frameworks, k=k)
        return [retrieved(document) for document in documents]

    def whole(self, frameworks: Sequence[str]) -> list[Passage]:
        """Every passage of these frameworks, by id: what could be retrieved of them. Blocks."""
        stored = (s.passage for framework in frameworks for s in self.store().passages(framework=framework))
        return sorted(stored, key=lambda passage: passage.id)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun | None = None,
        frameworks: Sequence[str] | None = None,
        k: int | None = None,
    ) -> list[Document]:
        results = self.store().search(
            query, frameworks=frameworks, k=self.k if k is None else k, mode=self.mode
        )
        return [document(result) for result in results]

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun | None = None,
        frameworks: Sequence[str] | None = None,
        k: int | None = None,
    ) -> list[Document]:
        return await asyncio.to_thread(self._get_relevant_documents, query, frameworks=frameworks, k=k)


def document(result: Retrieved) -> Document:
    """A result as a LangChain Document: the text as content, all else as metadata."""
    metadata = {
        **result.passage.model_dump(exclude={"text"}),
        **result.model_dump(exclude={"passage"}),
    }
    return Document(id=result.passage.id, page_content=result.passage.text, metadata=metadata)


def retrieved(document: Document) -> Retrieved:
    """The result that `document` made this Document of."""
    fields = {**document.metadata, "text": document.page_content}
    passage = Passage.model_validate({name: fields.pop(name) for name in Passage.model_fields})
    return Retrieved(passage=passage, **fields)


@contextmanager
def _announced(message: str) -> Iterator[None]:
    """Say the message on stderr if what is inside takes longer than two seconds."""
    timer = threading.Timer(_PATIENCE_S, lambda: print(message, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


_built: dict[str | None, FrameworkRetriever] = {}
_building = threading.Lock()


def retriever(embeddings: str | None = None) -> FrameworkRetriever:
    """The process's retriever for an embedding model (None: the setting), made once and closed at exit.

    Returns at once: what is slow happens at the first question.
    """
    with _building:
        if embeddings not in _built:
            made = FrameworkRetriever(embeddings=embeddings)
            atexit.register(made.close)
            _built[embeddings] = made
        return _built[embeddings]
