"""How is a report made from a terminal: `python -m evals.report RUNS… --out report.html`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals import terminal
from evals.experiment.options import Address, AsJson, Model, Settings
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from evals.report.source import Source

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m evals.report beyond-arrow · python -m evals.report runs --out all.html · "
    "python -m evals.report my-study.yaml --files figures · python -m evals.report runs --serve"
)
def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS…",
            help="Studies (a name, a YAML file, a folder), training runs, records, or folders of records.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The page.")] = Path("report.html"),
    title: Annotated[
        str, typer.Option(help="Of the page; the question, if not given.", show_default=False)
    ] = "",
    runs_only: Annotated[
        bool, typer.Option("--runs-only", help="The runs to read, without working out findings: quick.")
    ] = False,
    files: Annotated[
        Path | None,
        typer.Option(
            "--files",
            help="A folder for every figure as SVG and PNG, every table as CSV.",
            show_default=False,
        ),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Serve the page on this machine alone, refreshed as records come in."),
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of --serve; 0 takes one that is free.")] = 8765,
    as_json: AsJson = False,
    model: Model = None,
    settings: Settings = None,
    base_url: Address = None,
) -> None:
    """Write one self-contained page: what was found, and every run behind it.

    It loads nothing and can be sent as it is. Give --model, --set and --base-url as they were given to
    `python -m evals.experiment run`, where a study is named and not its folder.
    """
    from evals.report.gathering import Asked, sources
    from evals.report.page import page

    asked = Asked(model, settings or [], base_url)
    if serve:
        from evals.report.serving import serve as begin

        begin(runs, asked, title, port, _tell)
        return
    from evals.report.files import write_files, write_page

    _writable(out)
    made = sources(runs, asked, _tell, quick=runs_only)
    text = page(made, _tell, terminal.counter("transcripts"), title=title, command=_command())
    written = [write_page(out, text)]
    if files is not None:
        written += write_files(made, files)
    if as_json:
        terminal.print_json(
            {"page": str(out), "bytes": len(text.encode()), "files": list(map(str, written[1:]))}
        )
        return
    print(f"written: {out}, {len(text.encode()) / 1e6:.1f} MB, {_counted(made)}; open it in any browser")
    if files is not None:
        print(f"written: {len(written) - 1} figures and tables under {files}")


def _command() -> str:
    """The command as it was typed, without the address of a server, which may carry a key."""
    words = iter(sys.argv[1:])
    kept = []
    for word in words:
        if word == "--base-url":
            next(words, None)
        elif not word.startswith("--base-url="):
            kept.append(word)
    return shlex.join(["python", "-m", "evals.report", *kept])


def _counted(made: Sequence[Source]) -> str:
    files = sum(len(source.files) for source in made)
    return f"{files:,} run{'s' * (files != 1)}"


def _writable(out: Path) -> None:
    """Say that a page cannot be written before minutes are spent on making it."""
    if out.is_dir():
        raise ParleyError(f"--out {out}: is a folder; name a file, as in {out / 'report.html'}")
    if not out.parent.is_dir():
        raise ParleyError(f"--out {out}: there is no folder {out.parent}; make it, or name another file")


def _tell(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    terminal.run(app)
