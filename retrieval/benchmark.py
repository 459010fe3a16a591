"""How good is retrieval, and how fast? `python -m retrieval.benchmark` judges it on a graded set of queries."""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from retrieval.store import Store

QUERIES = Path(__file__).parents[1] / "tests" / "data" / "retrieval_queries.yaml"
_RECALL_AT, _NDCG_AT = 5, 10


@dataclass(frozen=True)
class GradedQuery:
    """A query, the framework it is filtered by if any, and the grade (1 to 3) of each passage that answers it."""

    query: str
    framework: str | None
    relevant: Mapping[str, int]


def recall(found: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """recall@k = |relevant among the first k| / min(|relevant|, k), in [0, 1], higher is better.

    Divided by what k places can hold, so that a query with more than k relevant passages can reach 1.
    """
    return sum(name in relevant for name in found[:k]) / min(len(relevant), k)


def ndcg(found: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """nDCG@k = DCG / ideal DCG with DCG = sum over ranks i of (2^grade_i - 1) / log2(i + 1), in [0, 1].

    Järvelin & Kekäläinen 2002, with the exponential gain of Burges et al. 2005. Higher is better.
    """
    gained = _dcg([relevant.get(name, 0) for name in found[:k]])
    return gained / _dcg(sorted(relevant.values(), reverse=True)[:k])


def _dcg(grades: Sequence[int]) -> float:
    return sum((2.0**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def load_queries(path: Path) -> list[GradedQuery]:
    """The graded queries of a YAML list of {query, framework (optional), relevant: {passage id: 1..3}}.

    Raises ParleyError naming file, query and mend.
    """
    import yaml

    try:
        entries: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ParleyError(
            f"{path}: cannot be read ({' '.join(str(error).split())}); name a YAML file"
        ) from error
    if not isinstance(entries, list) or not entries:
        raise ParleyError(f"{path}: must be a list of query, framework and relevant")
    queries = []
    for number, entry in enumerate(entries, start=1):
        fits = isinstance(entry, dict) and set(entry) <= {"query", "framework", "relevant"}
        if not fits or not isinstance(entry.get("query"), str):
            raise ParleyError(f"{path}: query {number}: must have query, relevant and perhaps framework")
        relevant = entry.get("relevant")
        if (
            not isinstance(relevant, dict)
            or not relevant
            or not all(g in (1, 2, 3) for g in relevant.values())
        ):
            raise ParleyError(f"{path}: query {number}: relevant must map passage ids to grades 1, 2 or 3")
        queries.append(GradedQuery(entry["query"], entry.get("framework"), relevant))
    return queries


def judge(store: Store, queries: Sequence[GradedQuery]) -> dict[str, Any]:
    """Mean recall@5 and nDCG@10 of each mode over the queries, and the latency of each.

    Latency is that of a search beside the embedding of its query: each query is embedded first, and then every
    search finds its vector remembered. Milliseconds. Raises ParleyError if a judged passage is not there.
    """
    from retrieval.ranking import MODES

    known = {stored.passage.id for stored in store.passages()}
    for query in queries:
        missing = sorted(set(query.relevant) - known)
        if missing:
            raise ParleyError(
                f"query {query.query!r}: judges passage {missing[0]!r}, which is not in the store"
            )
    modes: dict[str, dict[str, float]] = {}
    for query in queries:
        store.search(query.query)
    for mode in MODES:
        recalls, gains, milliseconds = [], [], []
        for query in queries:
            frameworks = None if query.framework is None else [query.framework]
            begun = time.perf_counter()
            results = store.search(query.query, frameworks=frameworks, k=_NDCG_AT, mode=mode)
            milliseconds.append(1000 * (time.perf_counter() - begun))
            found = [result.passage.id for result in results]
            recalls.append(recall(found, query.relevant, _RECALL_AT))
            gains.append(ndcg(found, query.relevant, _NDCG_AT))
        modes[mode] = {
            "recall@5": statistics.fmean(recalls),
            "ndcg@10": statistics.fmean(gains),
            "p50_ms": percentile(milliseconds, 0.50),
            "p95_ms": percentile(milliseconds, 0.95),
        }
    return {
        "queries": len(queries),
        "passages": len(known),
        "embeddings": store.embedder.name,
        "modes": modes,
        "best": max(modes, key=lambda mode: modes[mode]["ndcg@10"]),
    }


def show(report: Mapping[str, Any]) -> None:
    """Print the report as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{report['queries']} graded queries over {report['passages']} passages ({report['embeddings']})"
    )
    table.add_column("mode")
    for heading in ("recall@5", "nDCG@10", "p50", "p95"):
        table.add_column(heading, justify="right")
    for mode, result in report["modes"].items():
        table.add_row(
            mode,
            f"{result['recall@5']:.3f}",
            f"{result['ndcg@10']:.3f}",
            f"{result['p50_ms']:.1f} ms",
            f"{result['p95_ms']:.1f} ms",
        )
    console = Console()
    console.print(table)
    console.print(f"best by nDCG@10: {report['best']}; latency is beside the embedding of the query")


app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(
    queries: Annotated[Path, typer.Option(help="Graded queries, YAML.")] = QUERIES,
    embeddings: Annotated[
        str | None, typer.Option(envvar="PARLEY_EMBEDDINGS", help="minilm or openai:MODEL.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report alone, as JSON.")] = False,
) -> None:
    """Judge dense, text and hybrid retrieval on graded queries: recall@5, nDCG@10, p50 and p95."""
    try:
        graded = load_queries(queries)
        from retrieval.store import Store

        with Store.connect(embeddings=embeddings) as store:
            store.ensure_corpus()
            report = judge(store, graded)
    except ParleyError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        show(report)


if __name__ == "__main__":
    app()
