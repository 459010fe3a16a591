"""How is the triage debate used from a terminal: options in, progress on stderr, a page or the record out."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from graphs.options import debate_options

if TYPE_CHECKING:
    from graphs.session import Session
    from nodes.settings import Table

Json = dict[str, Any]
Build = Callable[[], Any]
"""Builds a state machine, uncompiled; handed down by the graph whose command line this is."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Two agents debate over rounds who gets care in an overrun ward; a mediator merges what they ask for.",
    epilog="Begin with: python -m graphs.triage invoke",
)

AsJson = Annotated[
    bool, typer.Option("--json", help="For machines: JSON alone on stdout, all else on stderr.")
]
RunsFolder = Annotated[
    Path | None, typer.Option("--out", help="Folder of records (default runs/).", show_default=False)
]


class Listing(StrEnum):
    """What `list` can list."""

    scenarios = "scenarios"
    personas = "personas"
    merge_rules = "merge-rules"


@app.command(
    epilog="Examples: invoke --scenario one-ventilator --opponent biased-insurance --strength 0.8 · "
    "invoke --model openai:NAME --thread ward-7 · invoke --retrieval off --json > run.json"
)
@debate_options
def invoke(ctx: typer.Context, *, as_json: AsJson = False, **chosen: Any) -> None:
    """Run one debate: live progress, then what came of it."""
    given, table = _asked(chosen)
    _present(_run(ctx, _Progress(), lambda session: session.begin(given, table, chosen["thread"])), as_json)


@app.command(epilog="Examples: stream · stream --json | jq .text")
@debate_options
def stream(ctx: typer.Context, *, as_json: AsJson = False, **chosen: Any) -> None:
    """Run one debate and print every event as it happens, a line each."""

    def show(event: Json) -> None:
        print(json.dumps(event, ensure_ascii=False) if as_json else _printable(event["text"]), flush=True)

    given, table = _asked(chosen)
    _run(ctx, show, lambda session: session.begin(given, table, chosen["thread"]))


@app.command(epilog="Example: resume ward-7")
def resume(
    ctx: typer.Context,
    thread: Annotated[str, typer.Argument(help="The name given to `invoke --thread`.")],
    as_json: AsJson = False,
) -> None:
    """Go on with a debate that was stopped, with the settings it began with; nothing answered is paid again."""
    _present(_run(ctx, _Progress(), lambda session: session.resume(thread)), as_json)


@app.command(
    epilog="Examples: show pandemic-wave-3f2a91c04b7d · show runs/pandemic-wave-3f2a91c04b7d.json --json"
)
def show(
    run: Annotated[str, typer.Argument(help="A run's id, the beginning of one, or the path of a record.")],
    out: RunsFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show a recorded run again."""
    from graphs.session import lent
    from nodes.table.equipment import equipment

    lent(runs=out)
    _present(_load(run, equipment().runs), as_json)


@app.command()
def draw(ctx: typer.Context) -> None:
    """Print the graph as Mermaid text."""
    print(ctx.obj().compile().get_graph().draw_mermaid())


@app.command(
    "list",
    epilog="Examples: list scenarios · list personas --personas my-personas/ · list merge-rules --json",
)
def list_(
    what: Annotated[Listing, typer.Argument(help="What to list.")],
    personas: Annotated[
        Path | None, typer.Option(help="A folder with personas of your own.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what can be named: scenarios, personas, merge rules."""
    from graphs.listing import listed

    rows = listed(what.value, personas)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False)
    columns = [c for c in rows[0] if (what, c) != (Listing.personas, "source")]  # whole in --json
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=column == "name")
    for row in rows:
        grid.add_row(*(Text(textwrap.shorten(str(row[c]), 130, placeholder=" …")) for c in columns))
    _console().print(grid)


def main(build: Build) -> None:
    """The command line of a graph. Expected failures are one line and an exit code: 2 input, 3 model, 130 Ctrl-C."""
    from scenarios.errors import ParleyError, Unreachable

    for stream in (sys.stdout, sys.stderr):  # a terminal without the letters still gets the rest
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app(obj=build)
    except ParleyError as error:
        _stop(str(error), 2)
    except Unreachable as error:
        _stop(f"{error}. Nothing answered is lost: the same command, or `resume` for a thread, goes on.", 3)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(line: str, code: int) -> NoReturn:
    print(" ".join(line.split()), file=sys.stderr)
    sys.exit(code)


def _asked(chosen: Json) -> tuple[Json, Table]:
    """The input and the settings that the options ask for; paths and addresses are lent, not sent."""
    from pydantic import ValidationError

    from graphs.session import lent
    from nodes.settings import Table
    from scenarios.errors import ParleyError
    from scenarios.load import load

    for name in ("out", "scenario", "thread"):
        if chosen[name] is not None and str(chosen[name]) in ("", "."[: name != "out"]):
            raise ParleyError(f"--{name}: empty; give a value or leave it out")
    lent(
        runs=chosen["out"],
        base_url=chosen["base_url"],
        personas=chosen["personas"],
        embeddings=chosen["embeddings"],
        timeout_s=chosen["timeout_s"],
    )
    given = {k: v for k, v in chosen.items() if v is not None and k in Table.model_fields}
    try:
        table = Table.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = (
            str(first["loc"][0])
            if first["loc"]
            else first["msg"].removeprefix("Value error, ").partition(":")[0]
        )
        what = first["msg"].removeprefix("Value error, ").removeprefix(f"{name}: ")
        if first["type"] == "string_pattern_mismatch":
            what = f"'{first['input']}' is no name; names are made of a-z, 0-9, '-' and '_'"
        raise ParleyError(f"--{name.replace('_', '-')}: {what}") from None
    return ({"ward": load(chosen["scenario"]).model_dump(mode="json")} if chosen["scenario"] else {}), table


def _run(ctx: typer.Context, on_event: Callable[[Json], None], job: Callable[[Session], Any]) -> Json:
    """Run a session's job; a Ctrl-C ends it with what was done kept."""
    import asyncio

    from graphs.review import ask
    from graphs.session import Session

    try:
        result: Json = asyncio.run(job(Session(ctx.obj, on_event, ask)))
    except KeyboardInterrupt:
        _stop("stopped; what was done is kept. The same command, or `resume` for a thread, goes on.", 130)
    return result


def _printable(text: str) -> str:
    """Somebody's words without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


class _Progress:
    """Progress as lines on stderr, with the seconds it took so far."""

    def __init__(self) -> None:
        import time

        self._clock = time.monotonic
        self._began = self._clock()

    def __call__(self, event: Json) -> None:
        print(
            f"{self._clock() - self._began:5.1f}s  {_printable(event['text'])}", file=sys.stderr, flush=True
        )


def _present(record: Json, as_json: bool) -> None:
    if as_json:
        print(json.dumps(record, ensure_ascii=False, indent=1))
        return
    from graphs.page import show as show_page
    from nodes.record import RunRecord

    show_page(RunRecord.model_validate(record), _console())


def _load(run: str, folder: Path) -> Json:
    """A record by its path, its id, or the beginning of one."""
    from scenarios.errors import ParleyError

    kept = sorted(folder.glob("*.json"))
    if run.endswith(".json"):
        found = [Path(run)] if Path(run).is_file() else []
    else:
        found = [p for p in kept if p.stem == run] or [p for p in kept if run and p.stem.startswith(run)]
    if len(found) > 1:
        raise ParleyError(f"'{run}' is ambiguous in {folder}: {', '.join(p.stem for p in found[:5])}")
    if not found:
        raise ParleyError(
            f"no record '{run}' in {folder}; there: {', '.join(p.stem for p in kept[:5]) or 'none'}"
        )
    try:
        from nodes.record import RunRecord

        return RunRecord.model_validate_json(found[0].read_text(encoding="utf-8")).model_dump(mode="json")
    except ValueError as error:
        raise ParleyError(
            f"{found[0]}: not a run record ({str(error).splitlines()[0]}); run the debate again"
        ) from None


def _console() -> Any:
    from rich.console import Console

    width = None if sys.stdout.isatty() else shutil.get_terminal_size(fallback=(130, 50)).columns
    return Console(width=width, highlight=False)
