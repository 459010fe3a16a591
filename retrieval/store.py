"""Where do passages live, and how are they found again? PostgreSQL with pgvector."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from retrieval import schema
from retrieval.embeddings import Embedder, embedder
from retrieval.passages import Passage, corpus, corpus_hash
from retrieval.ranking import EXACT_BELOW, Mode, Ranking, Retrieved
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import numpy as np
    import psycopg
    from numpy.typing import NDArray
    from psycopg_pool import ConnectionPool

__all__ = ["Progress", "Retrieved", "Store", "Stored"]

Progress = Callable[[int, int], None]
"""Called with how many passages have been embedded, and how many there are to embed."""

COLLECTION = "parley"
_CANDIDATES = 50
_BATCH = 64
_REMEMBERED_QUERIES = 10_000
_LOCK = 0x7061  # with the collection's hash: one writer a collection at a time

_UPSERT = """
    INSERT INTO parley.passages (collection, id, framework, kind, title, text, source, principles,
                                 content_hash, origin, dimensions, embedding)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (collection, id) DO UPDATE SET
        framework = excluded.framework, kind = excluded.kind, title = excluded.title, text = excluded.text,
        source = excluded.source, principles = excluded.principles, content_hash = excluded.content_hash,
        origin = excluded.origin, dimensions = excluded.dimensions, embedding = excluded.embedding
"""


@dataclass(frozen=True)
class Stored:
    """A passage in the store; `origin` is the file it was cut from, None if it is shipped."""

    passage: Passage
    origin: str | None


@dataclass(frozen=True)
class _Collection:
    embeddings: str
    dimensions: int
    corpus_hash: str | None


class Store:
    """A collection of passages with one embedding model, in a database whose schema is up to date.

    Safe to share between threads; every method blocks. Several processes may use one database at once.
    """

    def __init__(self, pool: ConnectionPool[Any], embedder: Embedder, collection: str = COLLECTION) -> None:
        self.embedder = embedder
        self.collection = collection
        self._pool = pool

    @classmethod
    def connect(
        cls, url: str | None = None, *, embeddings: Embedder | str | None = None, collection: str = COLLECTION
    ) -> Store:
        """Open a store; starts the embedded server if need be and brings the schema to its newest version.

        `url` None is `retrieval.server.database_url()`; `embeddings` is an embedder, its spec, or None for the
        setting. Raises ParleyError if the database cannot be reached or set up.
        """
        import psycopg
        from psycopg_pool import ConnectionPool

        if url is None:
            from retrieval.server import database_url

            url = database_url()
        chosen = embedder(embeddings) if embeddings is None or isinstance(embeddings, str) else embeddings
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
                schema.migrate(connection)
        except psycopg.OperationalError as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ParleyError(f"the database cannot be used ({reason}); check DATABASE_URL") from error
        pool: ConnectionPool[Any] = ConnectionPool(
            url,
            min_size=1,
            max_size=4,
            kwargs={"autocommit": True, "connect_timeout": 10},
            configure=_configure,
            check=ConnectionPool.check_connection,  # a server that was restarted costs a retry, not an error
            open=True,
            name="parley",
        )
        return cls(pool, chosen, collection)

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing ---------------------------------------------------------------------------------------------

    def ensure_corpus(self, passages: Sequence[Passage] | None = None, progress: Progress | None = None) -> int:
        """Make the shipped part of the collection equal to the corpus; returns how many passages were embedded.

        What did not change is not embedded again; what is no longer shipped is deleted; a user's passages stay.
        Costs one query when nothing changed. Raises ParleyError if the collection has another embedding model.
        """
        wanted = corpus() if passages is None else passages
        fingerprint = corpus_hash(wanted)
        with self._pool.connection() as connection:
            if self._checked(connection, fingerprint):
                return 0
        with self._writing() as connection:
            if self._checked(connection, fingerprint):
                return 0  # another process did it while we waited
            self._create_collection(connection)
            known = dict(
                connection.execute(
                    "SELECT id, content_hash FROM parley.passages WHERE collection = %s AND origin IS NULL",
                    [self.collection],
                ).fetchall()
            )
            fresh = [passage for passage in wanted if known.get(passage.id) != passage.content_hash()]
            vectors = self._embed(fresh, self.embedder, progress)
            gone = sorted(set(known) - {passage.id for passage in wanted})
            with connection.transaction():
                self._upsert(connection, fresh, None, vectors)
                connection.execute(
                    "DELETE FROM parley.passages WHERE collection = %s AND origin IS NULL AND id = ANY(%s)",
                    [self.collection, gone],
                )
                connection.execute(
                    "UPDATE parley.collections SET corpus_hash = %s WHERE name = %s",
                    [fingerprint, self.collection],
                )
        return len(fresh)

    def add(
        self, passages: Sequence[Passage], *, origin: str, sha256: str, progress: Progress | None = None
    ) -> Literal["added", "replaced", "unchanged"]:
        """Add the passages cut from one document, in the place of those cut from it before.

        `origin` says which document (its path) and `sha256` what it held: a document of the same framework whose
        content is known, under this path or another, adds nothing. Raises ParleyError if an id is taken by a
        shipped passage or another document, or for another embedding model.
        """
        frameworks = {passage.framework for passage in passages}
        if len(frameworks) != 1:
            raise ParleyError(f"{origin}: a document's passages are of one framework, at least one passage")
        framework = frameworks.pop()
        with self._writing() as connection:
            self._create_collection(connection)
            if self._holds(connection, framework, sha256):
                return "unchanged"
            ids = [passage.id for passage in passages]
            taken = connection.execute(
                "SELECT id FROM parley.passages WHERE collection = %s AND id = ANY(%s) "
                "AND (origin, framework) IS DISTINCT FROM (%s, %s) ORDER BY id LIMIT 1",
                [self.collection, ids, origin, framework],
            ).fetchone()
            if taken:
                raise ParleyError(f"{origin}: passage id {taken[0]!r} is taken; rename the file")
            vectors = self._embed(passages, self.embedder, progress)
            with connection.transaction():
                replaced = connection.execute(
                    "DELETE FROM parley.documents WHERE collection = %s AND framework = %s AND origin = %s",
                    [self.collection, framework, origin],
                ).rowcount
                connection.execute(
                    "INSERT INTO parley.documents (collection, framework, origin, sha256) VALUES (%s, %s, %s, %s)",
                    [self.collection, framework, origin, sha256],
                )
                self._upsert(connection, passages, origin, vectors)
        return "replaced" if replaced else "added"

    def holds(self, framework: str, sha256: str) -> bool:
        """Has a document of this content been added for this framework?"""
        with self._pool.connection() as connection:
            return self._holds(connection, framework, sha256)

    def delete(
        self, ids: Sequence[str] = (), *, origin: str | None = None, framework: str | None = None
    ) -> int:
        """Delete passages a user added, by id, or all of an origin and/or framework; returns how many.

        Shipped passages are not deleted: they would be back with the next corpus. Raises ParleyError for an id
        that is not there or is shipped, and if nothing is named.
        """
        if not ids and origin is None and framework is None:
            raise ParleyError("delete: name passage ids, an origin or a framework")
        with self._writing() as connection, connection.transaction():
            found = dict(
                connection.execute(
                    "SELECT id, origin FROM parley.passages WHERE collection = %s AND id = ANY(%s)",
                    [self.collection, list(ids)],
                ).fetchall()
            )
            for name in ids:
                if name not in found:
                    raise ParleyError(f"passage {name!r}: is not in the store; see python -m retrieval list")
                if found[name] is None:
                    raise ParleyError(f"passage {name!r}: is shipped and cannot be deleted; edit the corpus")
            deleted = connection.execute(
                "DELETE FROM parley.passages WHERE collection = %s AND origin IS NOT NULL "
                "AND (%s::text[] IS NULL OR id = ANY(%s)) AND (%s::text IS NULL OR origin = %s) "
                "AND (%s::text IS NULL OR framework = %s)",
                [self.collection, list(ids) or None, list(ids), origin, origin, framework, framework],
            ).rowcount
            connection.execute(
                "DELETE FROM parley.documents d WHERE collection = %s AND NOT EXISTS (SELECT FROM parley.passages p "
                "WHERE (p.collection, p.framework, p.origin) = (d.collection, d.framework, d.origin))",
                [self.collection],
            )
        return deleted

    def reembed(self, embedder: Embedder, progress: Progress | None = None) -> int:
        """Embed the whole collection with another model and make that its own; returns how many passages.

        All or nothing: until it is done, and if it fails, the collection is as it was.
        """
        with self._writing() as connection:
            rows = connection.execute(
                "SELECT id, framework, kind, title, text, source, principles, key FROM parley.passages "
                "WHERE collection = %s ORDER BY key",
                [self.collection],
            ).fetchall()
            vectors = self._embed([_passage(row) for row in rows], embedder, progress)
            with connection.transaction():
                connection.execute(
                    "INSERT INTO parley.collections (name, embeddings, dimensions) VALUES (%s, %s, %s) "
                    "ON CONFLICT (name) DO UPDATE SET embeddings = excluded.embeddings, dimensions = excluded.dimensions",
                    [self.collection, embedder.name, embedder.dimensions],
                )
                with connection.cursor() as cursor:
                    cursor.executemany(
                        "UPDATE parley.passages SET dimensions = %s, embedding = %s WHERE key = %s",
                        [
                            (embedder.dimensions, vector, row[-1])
                            for row, vector in zip(rows, vectors, strict=True)
                        ],
                    )
                self._index(connection, embedder.dimensions)
        self.embedder = embedder
        return len(rows)

    # -- reading ---------------------------------------------------------------------------------------------

    def search(
        self, query: str, *, frameworks: Sequence[str] | None = None, k: int = 5, mode: Mode = "hybrid"
    ) -> list[Retrieved]:
        """The k passages that answer a query best, best first, with why they came back.

        `frameworks` None searches all; a framework without passages simply adds none. `dense` ranks by cosine
        (HNSW, walked on until the filter has its fill; exact below 1,000 passages), `text` by the words that
        match in English full text, `hybrid` fuses the two lists of candidates by reciprocal rank. One round
        trip besides the query's vector. Raises ParleyError for an empty query, k < 1, an unknown mode, or an
        embedding model that is not the collection's.
        """
        if not query.strip():
            raise ParleyError("search: the query is empty; write some words")
        if k < 1:
            raise ParleyError(f"search: k is {k}; ask for at least 1 passage")
        if mode not in get_args(Mode):
            raise ParleyError(f"search: {mode!r} is no mode; use one of {', '.join(get_args(Mode))}")
        query = query.replace("\x00", " ")
        with self._pool.connection() as connection:
            vector, small = self._query_vector(connection, query, mode)
            if vector is None and mode != "text":
                vector = self._remember(connection, query, self.embedder.embed_query(query))
            ranking = Ranking(mode, self._dimensions(vector), frameworks is not None, exact=small)
            rows = connection.execute(
                ranking.sql(),
                {
                    "collection": self.collection,
                    "frameworks": list(frameworks or ()),
                    "vector": vector,
                    "query": query,
                    "candidates": max(_CANDIDATES, 2 * k),
                    "k": k,
                },
            ).fetchall()
        return [Retrieved.from_row(row) for row in rows]
