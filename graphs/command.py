"""How is a graph used from a terminal: options in, progress on stderr, a page or the record out."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from graphs.options import Opened, options_of

if TYPE_CHECKING:
    from graphs.session import Session
    from graphs.setting import Setting

Json = dict[str, Any]


@dataclass(frozen=True)
class Front:
    """What a command line says of its setting; nothing is imported for it."""

    help: str
    invoke: str
    example: str
    listings: tuple[str, ...]


FRONTS = {
    "triage": Front(
        help="Two agents debate over rounds who gets care in an overrun ward; a mediator merges what they ask for.",
        invoke="Run one debate: live progress, then what came of it.",
        example="invoke --scenario one-ventilator --opponent biased-insurance --strength 0.8 · "
        "invoke --model openai:NAME --thread ward-7 · invoke --retrieval off --json > run.json",
        listings=("scenarios", "personas", "merge-rules"),
    ),
    "commons": Front(
        help="Agents share a pool over a season: what they take, what they agree on, and what the law can see.",
        invoke="Run one season: live progress, then what came of it.",
        example="invoke --regime enforced --prosocial 2 · invoke --scenario fishery,agents=6,world=7 "
        "--regrowth stochastic · invoke --regime enforced --law half-stock --no-negotiate",
        listings=("scenarios", "personas", "laws"),
    ),
    "games": Front(
        help="Agents play a game, once or repeatedly, with no contract, a spoken one, or one that is enforced.",
        invoke="Play one game: live progress, then what came of it.",
        example="invoke --scenario lift:prisoners-dilemma --regime best · invoke --prosocial 2 --concern 1 · "
        "invoke --rounds 10 --strategy tit-for-tat --opponent-strategy grim",
        listings=("scenarios", "personas", "laws"),
    ),
    "deliberation": Front(
        help="Seats with opposed personas talk one dilemma through to a plan, until a judge says that they agree.",
        invoke="Run one dialogue: live progress, then what came of it.",
        example="invoke --scenario any:7 --pair speed-quality · invoke --model openai:NAME --window all --rounds 5 · "
        "invoke --model openai:NAME --opponent-model reference · invoke --alone",
        listings=("scenarios", "personas"),
    ),
}

AsJson = Annotated[
    bool, typer.Option("--json", help="For machines: JSON alone on stdout, all else on stderr.")
]
RunsFolder = Annotated[
    Path | None, typer.Option("--out", help="Folder of records (default runs/).", show_default=False)
]


@cache
def command_line(name: str) -> typer.Typer:
    """The command line of a setting's graph."""
    front = FRONTS[name]
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        help=front.help,
        epilog=f"Begin with: python -m graphs.{name} invoke",
    )
    _add_running(app, name, front)
    _add_looking(app, name, front)
    return app


def _add_running(app: typer.Typer, name: str, front: Front) -> None:
    """The commands that run a graph."""

    @app.command(help=front.invoke, epilog=f"Examples: {front.example}")
    @options_of(name)
    def invoke(*, open_: Opened = False, as_json: AsJson = False, **chosen: Any) -> None:
        given, table = _asked(_setting(name), chosen)
        record = _run(name, _Progress(), lambda session: session.begin(given, table, chosen["thread"]))
        _present(record, as_json)
        if open_:
            _open(record["run_id"])

    @app.command(epilog="Examples: stream · stream --json | jq .text")
    @options_of(name)
    def stream(*, as_json: AsJson = False, **chosen: Any) -> None:
        """Run, and print every event as it happens, a line each."""

        def show(event: Json) -> None:
            print(json.dumps(event, ensure_ascii=False) if as_json else _printable(event["text"]), flush=True)

        given, table = _asked(_setting(name), chosen)
        _run(name, show, lambda session: session.begin(given, table, chosen["thread"]))

    @app.command(epilog="Example: resume ward-7")
    def resume(
        thread: Annotated[str, typer.Argument(help="The name given to `invoke --thread`.")],
        as_json: AsJson = False,
    ) -> None:
        """Go on with a run that was stopped, with the settings it began with; nothing answered is paid again."""
        _present(_run(name, _Progress(), lambda session: session.resume(thread)), as_json)


def _add_looking(app: typer.Typer, name: str, front: Front) -> None:
    """The commands that show what there is."""
    listing = StrEnum("Listing", {what.replace("-", "_"): what for what in front.listings})  # type: ignore[misc]

    @app.command(epilog="Examples: show RUN_ID · show runs/RUN_ID.json --json")
    def show(
        run: Annotated[
            str, typer.Argument(help="A run's id, the beginning of one, or the path of a record.")
        ],
        out: RunsFolder = None,
        as_json: AsJson = False,
    ) -> None:
        """Show a recorded run again."""
        from graphs.session import lent
        from nodes.table.equipment import equipment

        lent(runs=out)
        _present(_load(run, equipment().runs), as_json)

    @app.command()
    def draw() -> None:
        """Print the graph as Mermaid text."""
        print(_setting(name).build().compile().get_graph().draw_mermaid())

    def list_(
        what: Any,
        personas: Annotated[
            Path | None, typer.Option(help="A folder with personas of your own.", show_default=False)
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        from graphs.listing import listed

        _print_rows(what.value, listed(name, what.value, personas), as_json)

    list_.__annotations__["what"] = Annotated[listing, typer.Argument(help="What to list.")]
    examples = " · ".join(f"list {what}" for what in front.listings)
    said = f"List what can be named: {', '.join(front.listings).replace('-', ' ')}."
    app.command("list", help=said, epilog=f"Examples: {examples} --json")(list_)


def _print_rows(what: str, rows: list[Json], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False)
    columns = [c for c in rows[0] if (what, c) != ("personas", "source")]  # whole in --json
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=column == "name")
    for row in rows:
        grid.add_row(*(Text(textwrap.shorten(str(row[c]), 130, placeholder=" …")) for c in columns))
    _console().print(grid)


def main(name: str) -> None:
    """The command line of a graph. Expected failures are one line and an exit code: 2 input, 3 model, 130 Ctrl-C."""
    from scenarios.errors import ParleyError, Unreachable

    for stream in (sys.stdout, sys.stderr):  # a terminal without the letters still gets the rest
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        try:
            command_line(name)()
        finally:
            sys.stdout.flush()  # here, and not at the interpreter's end: a reader may have gone
    except ParleyError as error:
        _stop(str(error), 2)
    except Unreachable as error:
        _stop(f"{error}. Nothing answered is lost: the same command, or `resume` for a thread, goes on.", 3)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def keep_stdout() -> None:
    """Python alone writes to stdout: HiGHS, in C++, leaves a stray line there now and then, which goes to stderr."""
    kept = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = open(kept, "w", encoding=sys.stdout.encoding)  # noqa: SIM115, PTH123 — open until the end


def _setting(name: str) -> Setting:
    from graphs.setting import setting

    return setting(name)


def _stop(line: str, code: int) -> NoReturn:
    print(" ".join(_printable(line).split()), file=sys.stderr)
    sys.exit(code)


def _asked(setting: Setting, chosen: Json) -> tuple[Json, Any]:
    """The input and the settings that the options ask for; paths and addresses are lent, not sent."""
    from pydantic import ValidationError

    from graphs.session import lent
    from scenarios.errors import ParleyError

    for name in ("out", "scenario", "thread"):
        if chosen[name] is not None and str(chosen[name]) in ("", "."[: name != "out"]):
            raise ParleyError(f"--{name}: empty; give a value or leave it out")
    lent(
        runs=chosen["out"],
        base_url=chosen["base_url"],
        personas=chosen["personas"],
        embeddings=chosen.get("embeddings"),
        timeout_s=chosen["timeout_s"],
    )
    given = {k: v for k, v in chosen.items() if v is not None and k in setting.table.model_fields}
    if str(given.get("law", "")).endswith((".yaml", ".yml", ".json")):
        given["contract"] = _contract(Path(given.pop("law")))
    try:
        table = setting.table.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = (
            str(first["loc"][0])
            if first["loc"]
            else first["msg"].removeprefix("Value error, ").partition(":")[0]
        )
        what = first["msg"].removeprefix("Value error, ").removeprefix(f"{name}: ")
        if first["loc"] and name in ("concern", "concerns"):
            what = f"'{first['input']}' is no λ; give a number from -0.5, or infinite"
        if first["type"] == "string_pattern_mismatch":
            what = f"'{first['input']}' is no name; names are made of a-z, 0-9, '-' and '_'"
        raise ParleyError(f"--{name.replace('_', '-')}: {what}") from None
    return (setting.given(setting.load(chosen["scenario"])) if chosen["scenario"] else {}), table


def _contract(path: Path) -> Any:
    """A contract of the user's own, out of a file."""
    from scenarios.contracts import contract_from
    from scenarios.errors import ParleyError
    from scenarios.reading import read_data

    try:
        return contract_from(read_data(path.expanduser(), "contract"))
    except ParleyError as error:
        raise ParleyError(f"--law {path}: {str(error).removeprefix(f'{path}: ')}") from None


def _run(name: str, on_event: Callable[[Json], None], job: Callable[[Session], Any]) -> Json:
    """Run a session's job; a Ctrl-C ends it with what was done kept."""
    import asyncio

    from graphs.review import ask
    from graphs.session import Session

    try:
        result: Json = asyncio.run(job(Session(_setting(name), on_event, ask)))
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
    from graphs.pages import show
    from nodes.records import reader

    show(reader().validate_python(record), _console())


def located(run: str, folder: Path) -> Path:
    """Where a record lies: by its path, its id, or the beginning of one. Raises ParleyError for none or several."""
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
    return found[0]


def _load(run: str, folder: Path) -> Json:
    """A record by its path, its id, or the beginning of one."""
    from pydantic import ValidationError

    from scenarios.errors import ParleyError

    path = located(run, folder)
    try:
        from nodes.records import reader

        return reader().validate_json(path.read_text(encoding="utf-8")).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ParleyError(f"{path}: not a run record ({where}: {first['msg']}); run it again") from None
    except UnicodeDecodeError:
        raise ParleyError(f"{path}: not a run record (not UTF-8 text); run it again") from None
    except OSError as error:
        raise ParleyError(f"{path}: cannot be read ({error.strerror}); name another") from None


def _open(run_id: str) -> None:
    """Show a run just recorded in the browser: by a command of its own, as a graph knows nothing of reports."""
    import subprocess

    from nodes.table.equipment import equipment

    record = equipment().runs / f"{run_id}.json"
    sys.stdout.flush()
    # What it says goes to stderr: stdout is the page's or the record's.
    subprocess.run([sys.executable, "-m", "evals.view", str(record)], stdout=sys.stderr, check=False)


def _console() -> Any:
    from rich.console import Console

    width = None if sys.stdout.isatty() else shutil.get_terminal_size(fallback=(130, 50)).columns
    return Console(width=width, highlight=False)
