"""Are the benchmark's figures what their formulas say, and does it judge only what is there?"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.benchmark import QUERIES, GradedQuery, judge, load_queries, ndcg, percentile, recall
from retrieval.passages import corpus
from retrieval.store import Store
from scenarios.errors import ParleyError
from tests.retrieval.retrieval_fakes import BagOfWords, passage


def test_recall_worked_by_hand() -> None:
    relevant = {"a": 3, "b": 1, "c": 2}
    assert recall(["a", "x", "b", "y", "z", "c"], relevant, 5) == pytest.approx(2 / 3)
    assert recall(["x", "y"], relevant, 5) == 0
    assert recall(["c", "a"], relevant, 2) == 1, "two places cannot hold three"


def test_ndcg_worked_by_hand() -> None:
    # Gains 2^g - 1: a 7, b 1, c 3. Found: c first (3/1), nothing second, a third (7/2).
    # Ideal: 7/1 + 3/log2(3) + 1/2.
    relevant = {"a": 3, "b": 1, "c": 2}
    ideal = 7 + 3 / math.log2(3) + 0.5
    assert ndcg(["c", "x", "a"], relevant, 10) == pytest.approx((3 + 3.5) / ideal)
    assert ndcg(["a", "c", "b"], relevant, 10) == pytest.approx(1)
    assert ndcg(["x", "c", "a"], relevant, 1) == 0


@given(st.permutations(["a", "b", "c", "d", "e"]), st.integers(1, 6))
def test_both_lie_between_0_and_1_and_the_ideal_order_is_best(order: list[str], k: int) -> None:
    relevant = {"a": 3, "b": 2, "c": 1}
    for metric in (recall, ndcg):
        assert 0 <= metric(order, relevant, k) <= metric(["a", "b", "c", "d", "e"], relevant, k) <= 1 + 1e-12


def test_percentiles_are_values_that_were_seen() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile(values, 0.2)) == (3.0, 5.0, 1.0)
    assert percentile([7.0], 0.95) == 7.0


@pytest.mark.postgres
def test_a_small_set_is_judged_as_by_hand(new_database: Callable[[], str]) -> None:
    with Store.connect(new_database(), embeddings=BagOfWords()) as store:
        store.ensure_corpus([passage("beds", "hospital beds"), passage("lots", "drawing lots")])
        queries = [
            GradedQuery("drawing lots", None, {"lots": 3}),
            GradedQuery("beds", "kantian", {"beds": 1}),
        ]
        report = judge(store, queries)
        assert report["modes"]["text"]["recall@5"] == 0.5, "the second query's filter lets nothing through"
        assert report["modes"]["text"]["ndcg@10"] == 0.5
        assert (report["queries"], report["passages"], report["embeddings"]) == (2, 2, "bag:1")
        with pytest.raises(ParleyError, match="judges passage 'gone', which is not in the store"):
            judge(store, [GradedQuery("x", None, {"gone": 1})])


def test_the_shipped_queries_judge_shipped_passages_within_their_filter() -> None:
    frameworks = {entry.id: entry.framework for entry in corpus()}
    queries = load_queries(QUERIES)
    assert len(queries) >= 20
    for query in queries:
        for name in query.relevant:
            assert query.framework in {None, frameworks[name]}, (query.query, name)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "must be a list"),
        ("- {query: x}", "query 1: relevant must map"),
        ("- {query: x, relevant: {a: 4}}", "grades 1, 2 or 3"),
        ("- {query: x, relevant: {a: 1}, k: 3}", "query 1: must have query, relevant"),
        ("- [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "queries.yaml"
    path.write_text(content)
    with pytest.raises(ParleyError, match=says) as refusal:
        load_queries(path)
    assert "\n" not in str(refusal.value)
