"""What does one collection hold, as SQL over one connection?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval import schema
from retrieval.embeddings import Embedder
from retrieval.passages import Passage
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import numpy as np
    import psycopg
    from numpy.typing import NDArray

PASSAGE_COLUMNS = ("id", "framework", "kind", "title", "text", "source", "principles")

_UPSERT = f"""
    INSERT INTO parley.passages (collection, {", ".join(PASSAGE_COLUMNS)},
                                 content_hash, origin, dimensions, embedding)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (collection, id) DO UPDATE SET
        framework = excluded.framework, kind = excluded.kind, title = excluded.title, text = excluded.text,
        source = excluded.source, principles = excluded.principles, content_hash = excluded.content_hash,
        origin = excluded.origin, dimensions = excluded.dimensions, embedding = excluded.embedding
"""


@dataclass(frozen=True)
class Facts:
    """What a collection remembers of itself."""

    embeddings: str
    dimensions: int
    corpus_hash: str | None


@dataclass(frozen=True)
class Collection:
    """A collection by name. Its methods read or write over the connection they are given, and hold none."""

    name: str

    def facts(self, connection: psycopg.Connection[Any]) -> Facts | None:
        """None before anything was put into it."""
        row = connection.execute(
            "SELECT embeddings, dimensions, corpus_hash FROM parley.collections WHERE name = %s", [self.name]
        ).fetchone()
        return Facts(*row) if row else None

    def check(self, embeddings: str, asked: str) -> None:
        """Raise ParleyError unless the model asked for is the one the collection was embedded with."""
        if embeddings != asked:
            raise ParleyError(
                f"collection {self.name!r}: was embedded with {embeddings!r}, not {asked!r}; use --embeddings "
                f"{embeddings}, or re-embed it: python -m retrieval reembed --embeddings {asked}"
            )

    def create(self, connection: psycopg.Connection[Any], embedder: Embedder) -> None:
        """Make it, with this model, unless it is there; raise ParleyError if it is there with another."""
        facts = self.facts(connection)
        if facts is None:
            dimensions = embedder.dimensions
            with connection.transaction():
                self.index(connection, dimensions)
                connection.execute(
                    "INSERT INTO parley.collections (name, embeddings, dimensions) VALUES (%s, %s, %s)",
                    [self.name, embedder.name, dimensions],
                )
        else:
            self.check(facts.embeddings, embedder.name)

    def index(self, connection: psycopg.Connection[Any], dimensions: int) -> None:
        """Make sure of the HNSW index for vectors of this length."""
        # Collections share these indexes, so this needs the lock of the schema, not of the collection.
        with connection.transaction():
            schema.lock(connection)
            schema.ensure_index(connection, dimensions)

    def shipped(self, connection: psycopg.Connection[Any]) -> dict[str, str]:
        """The content hash of each shipped passage, by id."""
        rows = connection.execute(
            "SELECT id, content_hash FROM parley.passages WHERE collection = %s AND origin IS NULL",
            [self.name],
        ).fetchall()
        return dict(rows)

    def holds(self, connection: psycopg.Connection[Any], framework: str, sha256: str) -> str | None:
        """The origin under which a document of this content is known to this framework, if it is."""
        row = connection.execute(
            "SELECT origin FROM parley.documents WHERE collection = %s AND framework = %s AND sha256 = %s",
            [self.name, framework, sha256],
        ).fetchone()
        return str(row[0]) if row else None

    def taken(
        self, connection: psycopg.Connection[Any], ids: Sequence[str], framework: str, origin: str
    ) -> str | None:
        """The first of these ids that belongs to a shipped passage or to another document."""
        row = connection.execute(
            "SELECT id FROM parley.passages WHERE collection = %s AND id = ANY(%s) "
            "AND (origin, framework) IS DISTINCT FROM (%s, %s) ORDER BY id LIMIT 1",
            [self.name, list(ids), origin, framework],
        ).fetchone()
        return str(row[0]) if row else None

    def upsert(
        self,
        connection: psycopg.Connection[Any],
        passages: Sequence[Passage],
        origin: str | None,
        vectors: NDArray[np.float32],
    ) -> None:
        """Write passages with their vectors, (len(passages), dimensions); those of the same id are replaced."""
        with connection.cursor() as cursor:
            cursor.executemany(
                _UPSERT,
                [
                    (
                        self.name,
                        *(getattr(passage, column) for column in PASSAGE_COLUMNS[:-1]),
                        json.dumps(passage.principles),
                        passage.content_hash(),
                        origin,
                        vectors.shape[1],
                        vector,
                    )
                    for passage, vector in zip(passages, vectors, strict=True)
                ],
            )

    def replace_vectors(
        self,
        connection: psycopg.Connection[Any],
        embedder: Embedder,
        keys: Sequence[int],
        vectors: NDArray[np.float32],
    ) -> None:
        """Give the passages of these keys vectors of another model, and the collection that model."""
        connection.execute(
            "INSERT INTO parley.collections (name, embeddings, dimensions) VALUES (%s, %s, %s) "
            "ON CONFLICT (name) DO UPDATE SET embeddings = excluded.embeddings, dimensions = excluded.dimensions",
            [self.name, embedder.name, embedder.dimensions],
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE parley.passages SET dimensions = %s, embedding = %s WHERE key = %s",
                [(vectors.shape[1], vector, key) for key, vector in zip(keys, vectors, strict=True)],
            )

    def delete(
        self,
        connection: psycopg.Connection[Any],
        ids: Sequence[str] | None,
        origin: str | None,
        framework: str | None,
    ) -> int:
        """Delete the users' passages that meet every condition given, and documents left empty; how many."""
        conditions = {"id = ANY(%s)": ids, "origin = %s": origin, "framework = %s": framework}
        given = {condition: value for condition, value in conditions.items() if value is not None}
        deleted = connection.execute(
            " AND ".join(
                ["DELETE FROM parley.passages WHERE collection = %s", "origin IS NOT NULL", *given]
            ).encode(),
            [self.name, *(list(value) if not isinstance(value, str) else value for value in given.values())],
        ).rowcount
        connection.execute(
            "DELETE FROM parley.documents d WHERE collection = %s AND NOT EXISTS ("
            "SELECT FROM parley.passages p "
            "WHERE (p.collection, p.framework, p.origin) = (d.collection, d.framework, d.origin))",
            [self.name],
        )
        return deleted

    def stats(self, connection: psycopg.Connection[Any]) -> dict[str, Any]:
        """Counts by framework, kind and origin, the embedding model, versions and sizes; plain JSON values."""
        facts = self.facts(connection)
        groups = connection.execute(
            "SELECT framework, kind, origin IS NOT NULL, count(*) FROM parley.passages "
            "WHERE collection = %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            [self.name],
        ).fetchall()
        row = connection.execute(
            "SELECT (SELECT count(*) FROM parley.documents WHERE collection = %s), "
            "(SELECT count(*) FROM parley.query_vectors), pg_database_size(current_database()), "
            "(SELECT extversion FROM pg_extension WHERE extname = 'vector'), "
            "current_setting('server_version')",
            [self.name],
        ).fetchone()
        version = schema.version(connection)
        assert row is not None  # a SELECT without FROM has one row
        frameworks: dict[str, dict[str, int]] = {}
        for framework, kind, _, count in groups:
            kinds = frameworks.setdefault(framework, {})
            kinds[kind] = kinds.get(kind, 0) + count
        return {
            "collection": self.name,
            "embeddings": facts.embeddings if facts else None,
            "dimensions": facts.dimensions if facts else None,
            "corpus_hash": facts.corpus_hash if facts else None,
            "passages": sum(group[3] for group in groups),
            "shipped": sum(group[3] for group in groups if not group[2]),
            "users": sum(group[3] for group in groups if group[2]),
            "frameworks": frameworks,
            "documents": row[0],
            "remembered_queries": row[1],
            "database_bytes": row[2],
            "pgvector": row[3],
            "postgresql": row[4],
            "schema_version": version,
        }
