"""Does the store find what it should, embed no more than it must, and refuse what would be nonsense?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import psycopg
import pytest

from retrieval import ranking, schema, store
from retrieval.store import Store
from scenarios.errors import ParleyError
from tests.retrieval.retrieval_fakes import BagOfWords, passage

pytestmark = pytest.mark.postgres

HERE = Path(__file__).parent
NewDatabase = Callable[[], str]

CORPUS = [
    passage("worst-off-first", "The worst off come first when beds are scarce", title="Priority"),
    passage("lottery", "Draw lots among patients with equal claims", framework="equal-chance"),
    passage("most-lives", "Save the most lives with the beds there are", framework="utilitarian"),
    passage("queue", "First come first served is no lottery", framework="equal-chance", kind="objection"),
]


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    return new_database()


@pytest.fixture
def shelf(url: str) -> Iterator[Store]:
    with Store.connect(url, embeddings=BagOfWords()) as opened:
        opened.ensure_corpus(CORPUS)
        yield opened


def ids(results: list[ranking.Retrieved]) -> list[str]:
    return [result.passage.id for result in results]


# -- the schema ----------------------------------------------------------------------------------------------


def test_migrations_are_applied_once_and_recorded(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        assert schema.version(connection) == 0
        assert schema.migrate(connection) == 0
        assert schema.migrate(connection) == schema.version(connection) == schema.LATEST


def test_an_older_database_gets_only_what_it_lacks(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        schema.migrate(connection)
        newer = (*schema.MIGRATIONS, "CREATE TABLE parley.later (x integer)")
        monkeypatch.setattr(schema, "MIGRATIONS", newer)
        monkeypatch.setattr(schema, "LATEST", len(newer))
        assert schema.migrate(connection) == len(newer) - 1
        connection.execute("SELECT x FROM parley.later")


def test_a_failed_migration_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        broken = (*schema.MIGRATIONS, "CREATE TABLE parley.half (x integer); SELECT no_such_function()")
        monkeypatch.setattr(schema, "MIGRATIONS", broken)
        monkeypatch.setattr(schema, "LATEST", len(broken))
        with pytest.raises(psycopg.errors.UndefinedFunction):
            schema.migrate(connection)
        assert schema.version(connection) == 0


def test_a_newer_database_is_refused(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        schema.migrate(connection)
        connection.execute("INSERT INTO parley.migrations (version) VALUES (%s)", [schema.LATEST + 1])
    with pytest.raises(
        ParleyError, match=f"version {schema.LATEST + 1} and this Parley knows {schema.LATEST}"
    ):
        Store.connect(url, embeddings=BagOfWords())


def test_a_database_that_cannot_be_reached_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(ParleyError, match="the database cannot be used") as refusal:
        Store.connect("postgresql://me:secret@127.0.0.1:1/none", embeddings=BagOfWords())
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


# -- the corpus ----------------------------------------------------------------------------------------------


def test_only_what_changed_is_embedded_again(shelf: Store) -> None:
    fake = shelf.embedder
    assert isinstance(fake, BagOfWords)
    fake.embedded.clear()
    assert shelf.ensure_corpus(CORPUS) == 0
    changed = [*CORPUS[:2], passage("most-lives", "Save the most life-years", framework="utilitarian")]
    told: list[tuple[int, int]] = []
    assert shelf.ensure_corpus(changed, progress=lambda done, total: told.append((done, total))) == 1
    assert fake.embedded == ["Untitled. Save the most life-years"]
    assert told == [(1, 1)]
    stored = {entry.passage.id: entry.passage for entry in shelf.passages()}
    assert stored == {entry.id: entry for entry in changed}, "what is no longer shipped is gone"


def test_a_users_passages_survive_a_new_corpus(shelf: Store) -> None:
    shelf.add([passage("mine", "My own view", kind="user")], origin="/mine.md", sha256="1")
    shelf.ensure_corpus(CORPUS[:1])
    assert [entry.passage.id for entry in shelf.passages()] == ["mine", "worst-off-first"]


SECOND = """
import sys
from tests.retrieval.retrieval_fakes import BagOfWords, passage
from retrieval.store import Store
with Store.connect(sys.argv[1], embeddings=BagOfWords()) as shelf:
    shelf.ensure_corpus([passage(f"p{n}", f"text number {n}") for n in range(50)])
    print(shelf.add([passage(f"u{n}", f"words {n}", kind="user") for n in range(20)], origin="/a", sha256="1"))
    shelf.search("text number 7")
    print(shelf.stats()["passages"])
"""


def test_four_processes_may_fill_one_empty_database(url: str) -> None:
    command = [sys.executable, "-c", SECOND, url]
    racers = [
        subprocess.Popen(command, cwd=HERE.parents[1], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    answers = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert sorted(answer[0] for answer in answers) == ["added", "unchanged", "unchanged", "unchanged"]
    assert [answer[1] for answer in answers] == ["70"] * 4


# -- one model a collection ----------------------------------------------------------------------------------


def test_another_model_is_refused_with_the_way_out(shelf: Store, url: str) -> None:
    with Store.connect(url, embeddings=BagOfWords("bag:2")) as other:
        attempts: list[Callable[[], object]] = [
            lambda: other.search("beds"),
            lambda: other.ensure_corpus(CORPUS),
            lambda: other.add([passage("mine", "x", kind="user")], origin="/m", sha256="1"),
        ]
        for attempt in attempts:
            with pytest.raises(
                ParleyError, match="was embedded with 'bag:1', not 'bag:2'.*reembed --embeddings bag:2"
            ):
                attempt()
        assert ids(other.search("lots among patients", mode="text"))[0] == "lottery", "words need no model"


def test_reembedding_changes_model_and_length_and_search_goes_on(shelf: Store, url: str) -> None:
    before = {entry.passage.id for entry in shelf.passages()}
    with Store.connect(url, embeddings=BagOfWords("bag:2", 64)) as other:
        assert other.reembed(other.embedder) == len(CORPUS)
        assert ids(other.search("Draw lots among patients with equal claims", mode="dense"))[0] == "lottery"
        assert {entry.passage.id for entry in other.passages()} == before
        assert (other.stats()["embeddings"], other.stats()["dimensions"]) == ("bag:2", 64)
    with pytest.raises(ParleyError, match="was embedded with 'bag:2'"):
        shelf.search("beds")


def test_a_failed_reembedding_changes_nothing(shelf: Store) -> None:
    class Failing(BagOfWords):
        def embed_documents(self, texts: object) -> object:  # type: ignore[override]
            raise ParleyError("no answer")

    with pytest.raises(ParleyError, match="no answer"):
        shelf.reembed(Failing("bag:2", 16))  # type: ignore[arg-type]
    assert ids(shelf.search("Draw lots", mode="dense"))[0] == "lottery"


@pytest.mark.parametrize("dimensions", [8, 2500, 4500])
def test_vectors_of_any_length_are_stored_and_found(url: str, dimensions: int) -> None:
    with Store.connect(url, embeddings=BagOfWords(dimensions=dimensions)) as shelf:
        shelf.ensure_corpus(CORPUS)
        best = shelf.search("Untitled. Draw lots among patients with equal claims", mode="dense")[0]
        assert best.passage.id == "lottery"
        assert best.score == pytest.approx(1, abs=1e-3)


# -- searching -----------------------------------------------------------------------------------------------


def test_each_mode_says_why_a_passage_came_back(shelf: Store) -> None:
    query = "lottery among patients"
    dense, text, hybrid = (
        {result.passage.id: result for result in shelf.search(query, k=4, mode=mode)}
        for mode in ("dense", "text", "hybrid")
    )
    assert set(text) == {"lottery", "queue"}, "only passages that share a word"
    assert [result.text_rank for result in text.values()] == [1, 2]
    assert [result.dense_rank for result in dense.values()] == [1, 2, 3, 4]
    fake = BagOfWords()
    for name, result in dense.items():
        original = next(entry for entry in CORPUS if entry.id == name)
        vectors = fake.embed_documents([query, original.embedded_text()])
        assert result.dense_distance is not None
        assert result.dense_distance == pytest.approx(1 - float(vectors[0] @ vectors[1]), abs=1e-5)
        assert result.score == pytest.approx(1 - result.dense_distance)
    for name, result in hybrid.items():
        by_words = 1 / (60 + text[name].text_rank) if name in text else 0  # type: ignore[operator]
        assert result.score == pytest.approx(1 / (60 + dense[name].dense_rank) + by_words)  # type: ignore[operator]
        assert result.text_rank == (text[name].text_rank if name in text else None)
    assert [result.score for result in hybrid.values()] == sorted(
        (result.score for result in hybrid.values()), reverse=True
    )


def test_a_filter_lets_only_its_frameworks_through(shelf: Store) -> None:
    for mode in ranking.MODES:
        found = shelf.search("first lottery beds", frameworks=["equal-chance"], k=10, mode=mode)
        assert {result.passage.framework for result in found} == {"equal-chance"}
        assert shelf.search("first lottery beds", frameworks=["unheard-of"], mode=mode) == []
        assert shelf.search("first lottery beds", frameworks=[], mode=mode) == []


def test_a_long_query_matches_by_any_of_its_words(shelf: Store) -> None:
    query = (
        "one ventilator " * 30
        + "and patients propose a lottery; 'quotes' & | ! (signs) <-> :* \\ \x00 are words"
    )
    assert set(ids(shelf.search(query, mode="text"))) == {"lottery", "queue"}
    assert shelf.search("of the and", mode="text") == [], "stop words alone match nothing, and do not fail"


def test_ties_are_broken_by_id(url: str) -> None:
    with Store.connect(url, embeddings=BagOfWords()) as shelf:
        shelf.ensure_corpus([passage(name, "the very same words") for name in ("c", "a", "d", "b")])
        for mode in ranking.MODES:
            assert ids(shelf.search("same words", k=3, mode=mode)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("query", "k", "mode", "says"),
    [
        (" ", 5, "hybrid", "query is empty"),
        ("x", 0, "hybrid", "k is 0"),
        ("x", 5, "fuzzy", "'fuzzy' is no mode"),
    ],
)
def test_a_senseless_search_is_refused(shelf: Store, query: str, k: int, mode: str, says: str) -> None:
    with pytest.raises(ParleyError, match=says):
        shelf.search(query, k=k, mode=mode)  # type: ignore[arg-type]


def test_an_empty_collection_says_so(url: str) -> None:
    with Store.connect(url, embeddings=BagOfWords()) as shelf, pytest.raises(ParleyError, match="is empty"):
        shelf.search("beds")


def test_a_query_is_embedded_once_ever(shelf: Store, url: str) -> None:
    first = shelf.search("beds for whom", mode="dense")
    again = BagOfWords()
    with Store.connect(url, embeddings=again) as other:
        assert other.search("beds for whom", mode="dense") == first
    assert again.embedded == []


def test_remembered_queries_are_bounded_oldest_first(shelf: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_REMEMBERED_QUERIES", 3)
    for number in range(6):
        shelf.search(f"query {number}")
    assert shelf.stats()["remembered_queries"] == 3
    assert isinstance(shelf.embedder, BagOfWords)
    shelf.embedder.embedded.clear()
    shelf.search("query 5")
    shelf.search("query 0")
    assert shelf.embedder.embedded == ["query 0"]


def test_above_a_thousand_passages_hnsw_is_used_and_a_filter_loses_nothing(url: str) -> None:
    many = [passage(f"p{n:04d}", f"words {n} {n % 7} {n % 11}", framework="many") for n in range(1200)]
    few = [passage(f"rare{n}", f"words {n}", framework="rare") for n in range(12)]
    # Vectors this short are cheap to scan and to sort, so the planner is told that neither is.
    told = "-c enable_seqscan=off -c enable_sort=off -c enable_bitmapscan=off -c enable_incremental_sort=off"
    with Store.connect(f"{url}&options={quote(told)}", embeddings=BagOfWords()) as shelf:
        shelf.ensure_corpus([*many, *few])
        statement = ranking.Ranking("dense", 32, filtered=True, exact=False).sql()
        values = {
            "collection": "parley",
            "frameworks": ["rare"],
            "candidates": 50,
            "k": 5,
            "vector": np.ones(32),
        }
        with shelf._connection() as connection:
            plan = connection.execute(b"EXPLAIN " + statement, values).fetchall()
        assert any("Index Scan using passages_hnsw_32" in row[0] for row in plan)
        filtered = shelf.search("words 3", frameworks=["rare"], k=12, mode="dense")
        assert len(filtered) == 12, "the index is walked on until the filter has its fill"
        vectors = BagOfWords().embed_documents([entry.embedded_text() for entry in many])
        distances = 1 - vectors @ BagOfWords().embed_query("words 3")
        nearest = {many[index].id for index in np.argsort(distances)[:10]}
        found = shelf.search("words 3", frameworks=["many"], k=10, mode="dense")
        assert len(nearest & set(ids(found))) >= 9


# -- documents -----------------------------------------------------------------------------------------------


def test_a_document_is_added_once_replaced_when_changed_and_known_under_any_path(shelf: Store) -> None:
    def add(text: str, origin: str, sha256: str) -> str:
        one = passage(f"doc-{sha256}", text, kind="user")
        return shelf.add([one], origin=origin, sha256=sha256)

    assert add("one", "/a.md", "s1") == "added"
    assert add("one", "/a.md", "s1") == "unchanged"
    assert add("one", "/copy.md", "s1") == "unchanged"
    assert add("two", "/a.md", "s2") == "replaced"
    assert [(e.passage.id, e.origin) for e in shelf.passages(users=True)] == [("doc-s2", "/a.md")]
    assert shelf.holds("rawlsian", "s2") == "/a.md"
    assert shelf.holds("rawlsian", "s1") is None
    assert shelf.holds("kantian", "s2") is None


def test_an_id_that_is_taken_is_refused(shelf: Store) -> None:
    with pytest.raises(ParleyError, match="passage id 'lottery' is taken"):
        shelf.add([passage("lottery", "mine", kind="user")], origin="/a.md", sha256="1")
    assert not shelf.passages(users=True)


def test_deleting_takes_only_what_users_added(shelf: Store) -> None:
    for name, framework in (("a", "mine"), ("b", "mine"), ("c", "rawlsian")):
        shelf.add([passage(name, name, framework=framework, kind="user")], origin=f"/{name}", sha256=name)
    with pytest.raises(ParleyError, match="'lottery': is shipped and cannot be deleted"):
        shelf.delete(["a", "lottery"])
    with pytest.raises(ParleyError, match="'zzz': is not in the store"):
        shelf.delete(["a", "zzz"])
    with pytest.raises(ParleyError, match="name passage ids, an origin or a framework"):
        shelf.delete()
    assert len(shelf.passages(users=True)) == 3, "a refused deletion deletes nothing"
    assert shelf.delete(["a"]) == 1
    assert shelf.delete(origin="/b", framework="rawlsian") == 0
    assert shelf.delete(origin="/b") == 1
    assert shelf.delete(framework="rawlsian") == 1
    assert shelf.stats()["documents"] == 0
    assert {entry.passage.id for entry in shelf.passages()} == {entry.id for entry in CORPUS}


def test_stats_count_what_is_there(shelf: Store) -> None:
    shelf.add([passage("a", "a", kind="user")], origin="/a", sha256="a")
    report = shelf.stats()
    assert report["frameworks"] == {
        "equal-chance": {"holds": 1, "objection": 1},
        "rawlsian": {"holds": 1, "user": 1},
        "utilitarian": {"holds": 1},
    }
    assert (report["passages"], report["shipped"], report["users"], report["documents"]) == (5, 4, 1, 1)
    assert (report["embeddings"], report["dimensions"], report["schema_version"]) == (
        "bag:1",
        32,
        schema.LATEST,
    )


def test_a_lost_database_is_one_line(shelf: Store, server_url: str) -> None:
    with shelf._pool.connection() as connection:
        mine = connection.info.backend_pid
        with psycopg.connect(server_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [mine])
    assert shelf.search("beds"), "a connection that died idle is replaced"
    with pytest.raises(ParleyError, match="the database went away"), shelf._connection() as connection:
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
