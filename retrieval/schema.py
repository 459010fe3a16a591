"""What tables does the store stand on, and how does a database reach their newest version?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import psycopg

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE parley.collections (
        name        text PRIMARY KEY,
        embeddings  text NOT NULL,
        dimensions  integer NOT NULL CHECK (dimensions > 0),
        corpus_hash text
    );
    CREATE TABLE parley.documents (
        collection text NOT NULL REFERENCES parley.collections ON DELETE CASCADE,
        framework  text NOT NULL,
        origin     text NOT NULL,
        sha256     text NOT NULL,
        added_at   timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (collection, framework, origin),
        UNIQUE (collection, framework, sha256)
    );
    CREATE TABLE parley.passages (
        key          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        collection   text NOT NULL REFERENCES parley.collections ON DELETE CASCADE,
        id           text NOT NULL,
        framework    text NOT NULL,
        kind         text NOT NULL,
        title        text NOT NULL,
        text         text NOT NULL,
        source       text NOT NULL,
        principles   jsonb NOT NULL,
        content_hash text NOT NULL,
        origin       text,
        dimensions   integer NOT NULL,
        embedding    vector NOT NULL,
        words        tsvector GENERATED ALWAYS AS (
            setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', text), 'D')
        ) STORED,
        UNIQUE (collection, id),
        FOREIGN KEY (collection, framework, origin) REFERENCES parley.documents ON DELETE CASCADE
    );
    CREATE INDEX passages_words ON parley.passages USING gin (words);
    CREATE INDEX passages_document ON parley.passages (collection, framework, origin);
    CREATE TABLE parley.query_vectors (
        number     bigint GENERATED ALWAYS AS IDENTITY,
        embeddings text NOT NULL,
        sha256     bytea NOT NULL,
        vector     vector NOT NULL,
        PRIMARY KEY (embeddings, sha256)
    );
    CREATE UNIQUE INDEX query_vectors_number ON parley.query_vectors (number);
    """,
)
"""Version n is what the first n entries make. An entry that was released is never changed; add another.

`passages.origin` is null for a shipped passage, else the document it was cut from.
"""

LATEST = len(MIGRATIONS)
_LOCK = 0x7061726C6579  # "parley": the advisory lock under which one process at a time changes the schema


def migrate(connection: psycopg.Connection[Any]) -> int:
    """Bring the database to the newest schema, one process at a time; returns the version it had before.

    All or nothing: a migration that fails leaves the version it began with. Raises ParleyError if pgvector is
    missing or may not be created, or if a newer Parley has been here.
    """
    import psycopg

    found = version(connection)
    if found == LATEST:
        return found
    try:
        with connection.transaction():
            lock(connection)
            found = version(connection)  # another process may have been faster
            if found > LATEST:
                raise ParleyError(
                    f"the database's schema is version {found} and this Parley knows {LATEST}; "
                    "use a newer Parley, or another database"
                )
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute("CREATE SCHEMA IF NOT EXISTS parley")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS parley.migrations "
                "(version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            for number, statements in enumerate(MIGRATIONS[found:], start=found + 1):
                connection.execute(statements.encode())
                connection.execute("INSERT INTO parley.migrations (version) VALUES (%s)", [number])
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile) as error:
        raise ParleyError(
            "the database server has no pgvector; install the extension on it, or unset DATABASE_URL"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise ParleyError(
            f"this database user may not set up Parley's tables ({error.diag.message_primary}); "
            "have its administrator run CREATE EXTENSION vector and GRANT CREATE ON DATABASE"
        ) from error
    return found


def version(connection: psycopg.Connection[Any]) -> int:
    """The newest migration applied, 0 in a database where Parley has never been."""
    # Not by to_regclass: it answers from a cache that does not see what another process committed while this
    # one, in the same transaction, waited for the lock.
    there = connection.execute(
        "SELECT FROM pg_tables WHERE schemaname = 'parley' AND tablename = 'migrations'"
    ).fetchone()
    if there is None:
        return 0
    newest = connection.execute("SELECT coalesce(max(version), 0) FROM parley.migrations").fetchone()
    return int(newest[0]) if newest else 0


def lock(connection: psycopg.Connection[Any]) -> None:
    """Let one process at a time, to the end of its transaction, change tables and indexes."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def vector_type(dimensions: int) -> str:
    """The SQL type by which vectors of this length are compared and indexed.

    pgvector's HNSW takes `vector` to 2,000 dimensions and the half-precision `halfvec` to 4,000.
    """
    return f"vector({dimensions})" if dimensions <= 2000 else f"halfvec({dimensions})"


def ensure_index(connection: psycopg.Connection[Any], dimensions: int) -> None:
    """The HNSW index by cosine over all passages of this length; none above 4,000, where search is exact.

    One partial index a length, since an index must know it and a column that knew it would fit one model only.
    """
    if dimensions > 4000:
        return
    kind = vector_type(dimensions)
    operators = f"{kind.partition('(')[0]}_cosine_ops"
    connection.execute(
        f"CREATE INDEX IF NOT EXISTS passages_hnsw_{dimensions} ON parley.passages "
        f"USING hnsw ((embedding::{kind}) {operators}) WHERE dimensions = {dimensions}".encode()
    )
