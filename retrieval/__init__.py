"""What may be cited: the framework corpus, embeddings, the pgvector store and the embedded PostgreSQL."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrieval.embeddings import Embedder, embedder
    from retrieval.passages import Passage, corpus, corpus_hash
    from retrieval.postgres.server import database_url, stop
    from retrieval.retriever import FrameworkRetriever
    from retrieval.store import Retrieved, Store

__all__ = [
    "Embedder",
    "FrameworkRetriever",
    "Passage",
    "Retrieved",
    "Store",
    "corpus",
    "corpus_hash",
    "database_url",
    "embedder",
    "stop",
]

_ROOM = {
    "Embedder": "embeddings",
    "FrameworkRetriever": "retriever",
    "Passage": "passages",
    "Retrieved": "store",
    "Store": "store",
    "corpus": "passages",
    "corpus_hash": "passages",
    "database_url": "server",
    "embedder": "embeddings",
    "stop": "server",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `--help` pays for none of them.

    `retrieval.retriever.retriever` is not among them: the file of that name would hide the function.
    """
    if name not in _ROOM:
        raise AttributeError(f"module 'retrieval' has no attribute {name!r}")
    return getattr(import_module(f"retrieval.{_ROOM[name]}"), name)
