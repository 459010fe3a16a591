"""By which SQL are passages ranked: by meaning, by words, or by both?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from retrieval.passages import Passage
from retrieval.schema import vector_type

Mode = Literal["dense", "text", "hybrid"]
MODES: tuple[Mode, ...] = ("dense", "text", "hybrid")

RRF_K = 60
"""The constant of reciprocal rank fusion, as Cormack, Clarke & Büttcher (2009) found it."""

_WEIGHTS = "{0.5, 0.2, 0.4, 1}"  # of the labels D to A

EXACT_BELOW = 1000
"""Collections smaller than this are scanned whole: as fast, exact, and the same on every machine."""


class Retrieved(BaseModel):
    """A passage that came back, and why.

    `score` is what the list is sorted by, higher first: for `hybrid` the sum of 1 / (60 + rank) over the lists
    that hold the passage, for `dense` the cosine similarity in [-1, 1], for `text` the text score. The ranks
    begin at 1; a rank is None where that list does not hold the passage among its candidates.
    `dense_distance` is 1 - cosine in [0, 2], lower is closer. `text_score` is >= 0, higher is better.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    passage: Passage
    score: float
    dense_rank: int | None = None
    dense_distance: float | None = None
    text_rank: int | None = None
    text_score: float | None = None

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> Retrieved:
        """From a row of `Ranking.sql`."""
        fields = ("id", "framework", "kind", "title", "text", "source", "principles")
        passage = Passage.model_validate(dict(zip(fields, row, strict=False)))
        dense_rank, dense_distance, text_rank, text_score, score = row[len(fields) :]
        return cls(
            passage=passage,
            score=score,
            dense_rank=dense_rank,
            dense_distance=dense_distance,
            text_rank=text_rank,
            text_score=text_score,
        )


@dataclass(frozen=True)
class Ranking:
    """One ranking as one statement, so that a search is one round trip.

    Its parameters are `collection`, `frameworks` (if filtered), `vector`, `query`, `candidates` and `k`.
    Ties are broken by passage id everywhere, so that the same search gives the same answer.
    """

    mode: Mode
    dimensions: int
    filtered: bool
    exact: bool

    def sql(self) -> bytes:
        lists = {"dense": self._dense(), "text": self._text()}
        used = list(lists) if self.mode == "hybrid" else [self.mode]
        both = f"""
        WITH {", ".join(f"{name} AS ({lists[name]})" for name in used)}
        SELECT p.id, p.framework, p.kind, p.title, p.text, p.source, p.principles,
               {self._columns()}
        FROM {"dense FULL JOIN text USING (key)" if self.mode == "hybrid" else self.mode}
        JOIN parley.passages p USING (key)
        ORDER BY score DESC, p.id LIMIT %(k)s
        """
        return both.encode()

    def _columns(self) -> str:
        none = {"rank": "NULL::integer", "number": "NULL::double precision"}
        has_dense, has_text = self.mode != "text", self.mode != "dense"
        score = {
            "dense": "1 - dense.distance",
            "text": "text.score",
            "hybrid": f"coalesce(1.0::double precision / ({RRF_K} + dense.rank), 0)"
            f" + coalesce(1.0::double precision / ({RRF_K} + text.rank), 0)",
        }[self.mode]
        return f"""
               {"dense.rank" if has_dense else none["rank"]} AS dense_rank,
               {"dense.distance" if has_dense else none["number"]} AS dense_distance,
               {"text.rank" if has_text else none["rank"]} AS text_rank,
               {"text.score" if has_text else none["number"]} AS text_score,
               {score} AS score
        """

    def _where(self) -> str:
        return "collection = %(collection)s" + (
            " AND framework = ANY(%(frameworks)s)" if self.filtered else ""
        )

    def _dense(self) -> str:
        kind = vector_type(self.dimensions)
        distance = f"embedding::{kind} <=> %(vector)s::{kind}"
        # HNSW is used only where this expression is its own, to the letter, and its WHERE is implied; OFFSET 0
        # keeps the planner from it.
        nearest = "OFFSET 0" if self.exact else f"ORDER BY {distance} LIMIT %(candidates)s"
        return f"""
            SELECT key, distance, rank FROM (
                SELECT key, distance, row_number() OVER (ORDER BY distance, id) AS rank
                FROM (
                    SELECT key, id, {distance} AS distance FROM parley.passages
                    WHERE dimensions = {self.dimensions} AND {self._where()} {nearest}
                ) nearest
            ) ranked WHERE rank <= %(candidates)s
        """

    def _text(self) -> str:
        # plainto_tsquery parses as the index does but joins with AND, by which a long query finds nothing.
        # A word in the title (label A) counts twice one in the text (D); 1 divides by 1 + log(length). Both
        # were chosen on the graded queries, where plain ts_rank beat cover density, which AND would suit.
        return f"""
            SELECT key, score::double precision, row_number() OVER (ORDER BY score DESC, id) AS rank
            FROM (
                SELECT key, id, ts_rank('{_WEIGHTS}', words, query, 1) AS score
                FROM parley.passages,
                     (SELECT replace(plainto_tsquery('english', %(query)s)::text, ' & ', ' | ')::tsquery) asked (query)
                WHERE words @@ query AND {self._where()}
                ORDER BY score DESC, id LIMIT %(candidates)s
            ) matching
        """
