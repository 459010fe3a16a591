"""Where do passages live, and how are they found again? PostgreSQL with pgvector."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from retrieval import schema
from retrieval.collection import PASSAGE_COLUMNS, Collection, Facts
from retrieval.embeddings import Embedder, embedder
from retrieval.passages import Passage, corpus, corpus_hash
from retrieval.ranking import EXACT_BELOW, Mode, Ranking, Retrieved
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import numpy as np
    import psycopg
    from numpy.typing import NDArray
    from psycopg_pool import ConnectionPool

__all__ = ["Mode", "Progress", "Retrieved", "Store", "Stored"]

Progress = Callable[[int, int], None]
"""Called with how many passages have been embedded, and how many there are to embed."""

_CANDIDATES = 50
_BATCH = 64
_REMEMBERED_QUERIES = 10_000
_LOCK = 0x7061  # with the collection's hash: one writer a collection at a time


@dataclass(frozen=True)
class Stored:
    """A passage in the store; `origin` is the file it was cut from, None if it is shipped."""

    passage: Passage
    origin: str | None


class Store:
    """A collection of passages with one embedding model, in a database whose schema is up to date.

    Safe to share between threads; every method blocks. Several processes may use one database at once.
    """

    def __init__(self, pool: ConnectionPool[Any], embedder: Embedder, collection: str) -> None:
        self.embedder = embedder
        self.collection = Collection(collection)
        self._pool = pool

    @classmethod
    def connect(
        cls, url: str | None = None, *, embeddings: Embedder | str | None = None, collection: str = "parley"
    ) -> Store:
        """Open a store; starts the embedded server if need be and brings the schema to its newest version.

        `url` None is `retrieval.postgres.server.database_url()`; `embeddings` is an embedder, its spec, or None for the
        setting. Raises ParleyError if the database cannot be reached or set up.
        """
        import psycopg
        from psycopg_pool import ConnectionPool

        if url is None:
            from retrieval.postgres.server import database_url

            url = database_url()
        chosen = embedder(embeddings) if embeddings is None or isinstance(embeddings, str) else embeddings
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
                schema.migrate(connection)
        except psycopg.OperationalError as error:
            raise ParleyError(
                f"the database cannot be used ({_first_line(error)}); check DATABASE_URL"
            ) from error
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
        """Close the connections; the server goes on."""
        self._pool.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing ---------------------------------------------------------------------------------------------

    def ensure_corpus(
        self, passages: Sequence[Passage] | None = None, progress: Progress | None = None
    ) -> int:
        """Make the shipped part of the collection equal to the corpus; returns how many passages were embedded.

        What did not change is not embedded again; what is no longer shipped is deleted; a user's passages
        stay. One query if nothing changed. Raises ParleyError if the collection has another embedding model.
        """
        wanted = corpus() if passages is None else passages
        fingerprint = corpus_hash(wanted)
        with self._connection() as connection:
            if self._is_current(connection, fingerprint):
                return 0
        with self._writing() as connection:
            if self._is_current(connection, fingerprint):
                return 0  # another process did it while we waited
            self.collection.create(connection, self.embedder)
            known = self.collection.shipped(connection)
            fresh = [passage for passage in wanted if known.get(passage.id) != passage.content_hash()]
            vectors = _embed(fresh, self.embedder, progress)
            gone = sorted(set(known) - {passage.id for passage in wanted})
            with connection.transaction():
                self.collection.upsert(connection, fresh, None, vectors)
                connection.execute(
                    "DELETE FROM parley.passages WHERE collection = %s AND origin IS NULL AND id = ANY(%s)",
                    [self.collection.name, gone],
                )
                connection.execute(
                    "UPDATE parley.collections SET corpus_hash = %s WHERE name = %s",
                    [fingerprint, self.collection.name],
                )
        return len(fresh)

    def add(
        self, passages: Sequence[Passage], *, origin: str, sha256: str, progress: Progress | None = None
    ) -> Literal["added", "replaced", "unchanged"]:
        """Add the passages cut from one document, in the place of those cut from it before.

        `origin` says which document (its path) and `sha256` what it held: a document of the same framework
        whose content is known, under this path or another, adds nothing. Raises ParleyError if an id is taken
        by a shipped passage or another document, or if the collection has another embedding model.
        """
        frameworks = {passage.framework for passage in passages}
        if len(frameworks) != 1:
            raise ParleyError(f"{origin}: give at least one passage, and all of one framework")
        framework = frameworks.pop()
        with self._writing() as connection:
            self.collection.create(connection, self.embedder)
            if self.collection.holds(connection, framework, sha256) is not None:
                return "unchanged"
            ids = [passage.id for passage in passages]
            taken = self.collection.taken(connection, ids, framework, origin)
            if taken is not None or len(set(ids)) < len(ids):
                raise ParleyError(f"{origin}: passage id {taken or ids[0]!r} is taken; rename the file")
            vectors = _embed(passages, self.embedder, progress)
            with connection.transaction():
                replaced = connection.execute(
                    "DELETE FROM parley.documents WHERE collection = %s AND framework = %s AND origin = %s",
                    [self.collection.name, framework, origin],
                ).rowcount
                connection.execute(
                    "INSERT INTO parley.documents (collection, framework, origin, sha256) VALUES (%s, %s, %s, %s)",
                    [self.collection.name, framework, origin, sha256],
                )
                self.collection.upsert(connection, passages, origin, vectors)
        return "replaced" if replaced else "added"

    def delete(
        self, ids: Sequence[str] = (), *, origin: str | None = None, framework: str | None = None
    ) -> int:
        """Delete passages that users added: those that meet every condition given; returns how many.

        Shipped passages are not deleted: they would be back with the next corpus. Raises ParleyError for an id
        that is not there or is shipped, and if nothing is named.
        """
        if not ids and origin is None and framework is None:
            raise ParleyError("delete: name passage ids, an origin or a framework")
        with self._writing() as connection, connection.transaction():
            rows = connection.execute(
                "SELECT id, origin FROM parley.passages WHERE collection = %s AND id = ANY(%s)",
                [self.collection.name, list(ids)],
            ).fetchall()
            found = dict(rows)
            for name in ids:
                if name not in found:
                    raise ParleyError(f"passage {name!r}: is not in the store; see python -m retrieval list")
                if found[name] is None:
                    raise ParleyError(f"passage {name!r}: is shipped and cannot be deleted; edit the corpus")
            return self.collection.delete(connection, list(ids) or None, origin, framework)

    def reembed(self, embedder: Embedder, progress: Progress | None = None) -> int:
        """Embed the whole collection with another model and make that its own; returns how many passages.

        All or nothing: until it is done, and if it fails, the collection is as it was.
        """
        with self._writing() as connection:
            rows = connection.execute(
                f"SELECT {', '.join(PASSAGE_COLUMNS)}, key FROM parley.passages "
                "WHERE collection = %s ORDER BY key".encode(),
                [self.collection.name],
            ).fetchall()
            vectors = _embed([_passage(row) for row in rows], embedder, progress)
            with connection.transaction():
                self.collection.index(connection, embedder.dimensions)
                self.collection.replace_vectors(connection, embedder, [row[-1] for row in rows], vectors)
        self.embedder = embedder
        return len(rows)

    @contextmanager
    def _writing(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection that alone may write to this collection, among all processes."""
        with self._connection() as connection:
            connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [_LOCK, self.collection.name])
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.execute(
                        "SELECT pg_advisory_unlock(%s, hashtext(%s))", [_LOCK, self.collection.name]
                    )

    def _is_current(self, connection: psycopg.Connection[Any], fingerprint: str) -> bool:
        facts = self.collection.facts(connection)
        if facts is None:
            return False
        self.collection.check(facts.embeddings, self.embedder.name)
        return facts.corpus_hash == fingerprint

    # -- reading ---------------------------------------------------------------------------------------------

    def search(
        self, query: str, *, frameworks: Sequence[str] | None = None, k: int = 5, mode: Mode = "hybrid"
    ) -> list[Retrieved]:
        """The k passages that answer a query best, best first, with why they came back.

        `frameworks` None searches all; a framework without passages adds none. `dense` ranks by cosine (HNSW,
        walked on until the filter has its fill; exact below 1,000 passages), `text` by the words that match in
        English full text, `hybrid` fuses both lists of candidates by reciprocal rank. One round trip besides
        the query's vector. Raises ParleyError for an empty query, k < 1, an unknown mode, an empty collection,
        or an embedding model that is not the collection's.
        """
        query = query.replace("\x00", " ").strip()
        if not query:
            raise ParleyError("search: the query is empty; write some words")
        if k < 1:
            raise ParleyError(f"search: k is {k}; ask for at least 1 passage")
        if mode not in get_args(Mode):
            raise ParleyError(f"search: {mode!r} is no mode; use one of {', '.join(get_args(Mode))}")
        digest = hashlib.sha256(query.encode()).digest()
        dimensions, few, vector = self._prepared(digest, checked=mode != "text")
        if vector is None and mode != "text":
            vector = self.embedder.embed_query(query)
            self._remember(digest, vector)
        ranking = Ranking(mode, dimensions, filtered=frameworks is not None, exact=few)
        values = {
            "collection": self.collection.name,
            "frameworks": list(frameworks or ()),
            "vector": vector,
            "query": query,
            "candidates": max(_CANDIDATES, 2 * k),
            "k": k,
        }
        with self._connection() as connection:
            rows = connection.execute(ranking.sql(), values).fetchall()
        return [Retrieved.from_row(row) for row in rows]

    def _prepared(self, digest: bytes, checked: bool) -> tuple[int, bool, NDArray[np.float32] | None]:
        """The collection's dimensions, whether it is small, and the query's vector if it is remembered."""
        with self._connection() as connection:
            row = connection.execute(
                "SELECT c.embeddings, c.dimensions, q.vector, (SELECT count(*) FROM (SELECT FROM parley.passages p "
                "WHERE p.collection = c.name LIMIT %s) few) FROM parley.collections c LEFT JOIN parley.query_vectors q "
                "ON q.embeddings = c.embeddings AND q.sha256 = %s WHERE c.name = %s",
                [EXACT_BELOW, digest, self.collection.name],
            ).fetchone()
        if row is None:
            raise ParleyError(
                f"collection {self.collection.name!r}: is empty; python -m retrieval search fills it"
            )
        embeddings, dimensions, vector, counted = row
        if checked:
            self.collection.check(embeddings, self.embedder.name)
        return dimensions, counted < EXACT_BELOW, None if vector is None else vector.to_numpy()

    def _remember(self, digest: bytes, vector: NDArray[np.float32]) -> None:
        """Keep a query's vector, so that a repeated debate loads no model; the oldest beyond 10,000 go."""
        with self._connection() as connection, connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off")  # to lose one costs 8 ms, to wait more
            connection.execute(
                "WITH new AS (INSERT INTO parley.query_vectors (embeddings, sha256, vector) VALUES (%s, %s, %s) "
                "ON CONFLICT DO NOTHING RETURNING number) "
                "DELETE FROM parley.query_vectors USING new WHERE query_vectors.number <= new.number - %s",
                [self.embedder.name, digest, vector, _REMEMBERED_QUERIES],
            )

    def passages(
        self, *, framework: str | None = None, kind: str | None = None, users: bool | None = None
    ) -> list[Stored]:
        """The passages in the store by framework and id; `users` True only those users added, False only shipped."""
        with self._connection() as connection:
            rows = connection.execute(
                f"SELECT {', '.join(PASSAGE_COLUMNS)}, origin FROM parley.passages WHERE collection = %s "
                "AND coalesce(framework = %s, true) AND coalesce(kind = %s, true) "
                "AND coalesce((origin IS NOT NULL) = %s, true) ORDER BY framework, id".encode(),
                [self.collection.name, framework, kind, users],
            ).fetchall()
        return [Stored(_passage(row), row[-1]) for row in rows]

    def facts(self) -> Facts | None:
        """What the collection remembers of itself, None before anything was put into it."""
        with self._connection() as connection:
            return self.collection.facts(connection)

    def holds(self, framework: str, sha256: str) -> str | None:
        """The path under which a document of this content was added for this framework, None if it was not."""
        with self._connection() as connection:
            return self.collection.holds(connection, framework, sha256)

    def stats(self) -> dict[str, Any]:
        """Counts by framework, kind and origin, the embedding model, versions and sizes; plain JSON values."""
        with self._connection() as connection:
            return self.collection.stats(connection)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        import psycopg

        try:
            with self._pool.connection() as connection:
                yield connection
        except psycopg.OperationalError as error:  # a pool that has none to give raises this too
            raise ParleyError(
                f"the database went away ({_first_line(error)}); run the command again, or check DATABASE_URL"
            ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _configure(connection: psycopg.Connection[Any]) -> None:
    from pgvector.psycopg import register_vector

    register_vector(connection)
    # Walk the index on until the framework's filter has its fill, in exact order of distance.
    connection.execute("SELECT set_config('hnsw.iterative_scan', 'strict_order', false)")
    connection.execute("SELECT set_config('hnsw.ef_search', '100', false)")


def _passage(row: Sequence[Any]) -> Passage:
    return Passage.model_validate(dict(zip(PASSAGE_COLUMNS, row, strict=False)))


def _embed(passages: Sequence[Passage], embedder: Embedder, progress: Progress | None) -> NDArray[np.float32]:
    """Vectors of all passages, shape (len(passages), dimensions), telling of each batch."""
    import numpy as np

    if not passages:
        return np.empty((0, embedder.dimensions), np.float32)
    batches = []
    for start in range(0, len(passages), _BATCH):
        texts = [passage.embedded_text() for passage in passages[start : start + _BATCH]]
        batches.append(embedder.embed_documents(texts))
        if progress:
            progress(min(start + _BATCH, len(passages)), len(passages))
    return np.concatenate(batches)
