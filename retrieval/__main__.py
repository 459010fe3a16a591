"""How does a user see and change what may be cited? `python -m retrieval`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from retrieval.ranking import Retrieved
    from retrieval.store import Store

app = typer.Typer(
    help="What may be cited: search, ingest and manage the passages of the frameworks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Embeddings = Annotated[
    str | None,
    typer.Option(envvar="PARLEY_EMBEDDINGS", help="minilm (the default) or openai:MODEL."),
]
Framework = Annotated[str | None, typer.Option(help="Only this framework's passages.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")]


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for, in words.")],
    framework: Framework = None,
    mode: Annotated[str, typer.Option(help="dense (meaning), text (words) or hybrid (both).")] = "hybrid",
    k: Annotated[int, typer.Option("-k", help="How many passages.", min=1, max=200)] = 5,
    embeddings: Embeddings = None,
    as_json: AsJson = False,
) -> None:
    """Show what comes back for a query, and why."""
    with _store(embeddings) as store:
        if framework is not None:
            _known_framework(store, framework)
        frameworks = None if framework is None else [framework]
        results = store.search(query, frameworks=frameworks, k=k, mode=mode)  # type: ignore[arg-type]
    if as_json:
        _print_json([result.model_dump() for result in results])
    else:
        for place, result in enumerate(results, start=1):
            _show_result(place, result)
        if not results:
            _tell("Nothing matches; try other words or --mode hybrid.")


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="PDF, HTML, Markdown or text files, or folders.")],
    framework: Annotated[
        str, typer.Option(help="The framework that may cite them: a known one or a new one.")
    ],
    embeddings: Embeddings = None,
) -> None:
    """Add documents to what a framework may cite; the same file twice adds nothing."""
    from retrieval.ingest import Ingested
    from retrieval.ingest import ingest as ingest_paths

    def report(outcome: Ingested) -> None:
        told = outcome.reason or f"{outcome.path}: {outcome.outcome}"
        _tell(told if outcome.outcome in {"failed", "unchanged"} else f"{told}, {outcome.passages} passages")

    with _store(embeddings) as store:
        outcomes = ingest_paths(store, paths, framework, report, _progress("embedded"))
    if outcomes and all(outcome.outcome == "failed" for outcome in outcomes):
        raise typer.Exit(2)


@app.command("list")
def list_passages(
    framework: Framework = None,
    kind: Annotated[
        str | None, typer.Option(help="holds, scarcity, objection, reply, policy or user.")
    ] = None,
    users: Annotated[bool | None, typer.Option("--users/--shipped", help="Only these.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the passages."""
    with _store_as_it_is() as store:
        found = store.passages(framework=framework, kind=kind, users=users)
    if as_json:
        _print_json([{**entry.passage.model_dump(), "origin": entry.origin} for entry in found])
        return
    console, table = _table("id", "framework", "kind", "title", "source")
    for entry in found:
        passage = entry.passage
        table.add_row(passage.id, passage.framework, passage.kind, passage.title, passage.source)
    console.print(table)
    console.print(f"{len(found)} passages")


@app.command()
def delete(
    ids: Annotated[list[str] | None, typer.Argument(help="Passage ids.")] = None,
    origin: Annotated[Path | None, typer.Option(help="All passages cut from this file.")] = None,
    framework: Framework = None,
) -> None:
    """Delete passages that were ingested; shipped ones stay."""
    from retrieval.ingest import origin_of

    path = None if origin is None else origin_of(origin)
    with _store_as_it_is() as store:
        count = store.delete(ids or [], origin=path, framework=framework)
    _tell(f"{count} passages deleted")


@app.command()
def stats(as_json: AsJson = False) -> None:
    """Count what is there: by framework and kind, with the embedding model and the versions."""
    with _store_as_it_is() as store:
        report = store.stats()
    if as_json:
        _print_json(report)
        return
    frameworks: dict[str, dict[str, int]] = report.pop("frameworks")
    console, table = _table("framework", "passages", "kinds")
    for name, kinds in frameworks.items():
        table.add_row(
            name, str(sum(kinds.values())), ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        )
    console.print(table)
    for name, value in report.items():
        console.print(f"{name.replace('_', ' ')}: {'-' if value is None else value}", highlight=False)


@app.command()
def reembed(embeddings: Embeddings = None) -> None:
    """Embed the whole collection anew with the model that --embeddings names, and make it the collection's."""
    with _store(embeddings, corpus=False) as store:
        count = store.reembed(store.embedder, _progress("embedded"))
        store.ensure_corpus(progress=_progress("embedded"))
    _tell(f"{count} passages re-embedded with {store.embedder.name}")


@app.command()
def stop() -> None:
    """Stop the embedded PostgreSQL, which otherwise goes on for the next command."""
    from retrieval.postgres.server import stop as stop_server

    _tell("stopped" if stop_server() else "no embedded PostgreSQL was running")


@contextmanager
def _store(embeddings: str | None, corpus: bool = True) -> Iterator[Store]:
    from retrieval.store import Store

    with Store.connect(embeddings=embeddings) as store:
        if corpus:
            store.ensure_corpus(progress=_progress("embedded"))
        yield store


@contextmanager
def _store_as_it_is() -> Iterator[Store]:
    """The store for commands that embed nothing: whatever model the collection has, it is shown."""
    from retrieval.store import Store

    with Store.connect() as store:
        facts = store.facts()
        if facts is None or facts.embeddings == store.embedder.name:
            store.ensure_corpus(progress=_progress("embedded"))
        yield store


def _progress(done: str) -> Callable[[int, int], None]:
    def tell(count: int, total: int) -> None:
        if sys.stderr.isatty():
            print(
                f"\r{done} {count} of {total} passages", end="\n" if count == total else "", file=sys.stderr
            )

    return tell


def _known_framework(store: Store, framework: str) -> None:
    known = sorted(store.stats()["frameworks"])
    if framework not in known:
        raise ParleyError(f"framework {framework!r}: has no passages; there are {', '.join(known)}")


def _show_result(place: int, result: Retrieved) -> None:
    from rich.console import Console
    from rich.markup import escape

    passage = result.passage
    console = Console(highlight=False)
    console.print(
        f"\n[bold]{place}. {escape(passage.title)}[/bold]  \\[{passage.id}] {passage.framework}, {passage.kind}"
    )
    console.print(escape(passage.text))
    console.print(f"[italic]{escape(passage.source)}[/italic]")
    console.print(f"[dim]why: {why(result)}[/dim]")


def why(result: Retrieved) -> str:
    """In words, what brought a passage back: its place and score in each list, and the score it is sorted by."""
    parts = []
    if result.dense_rank is not None and result.dense_distance is not None:
        parts.append(f"meaning no. {result.dense_rank} (cosine {1 - result.dense_distance:.3f})")
    if result.text_rank is not None and result.text_score is not None:
        parts.append(f"words no. {result.text_rank} (score {result.text_score:.3f})")
    return f"{' + '.join(parts)} → {result.score:.4f}"


def _table(*columns: str) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return Console(highlight=False), table


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _tell(message: str) -> None:
    print(message, file=sys.stderr)


def main() -> None:
    """Run the command line: 0 if all went well, 2 for bad input in one line, 130 on Ctrl-C."""
    try:
        app(standalone_mode=True)
    except ParleyError as error:
        _tell(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
