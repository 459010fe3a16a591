"""How is a report made from a terminal: `python -m evals.report RUNS… --out report.html`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from evals import terminal
from evals.experiment.options import Address, Model, Settings

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(
    epilog="Examples: python -m evals.report beyond-arrow · python -m evals.report runs --out report.html"
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
    model: Model = None,
    settings: Settings = None,
    base_url: Address = None,
) -> None:
    """Write one self-contained page: what was found, and every run behind it."""
    from evals.report.page import page
    from evals.report.source import Asked, sources

    made = sources(runs, Asked(model, settings or [], base_url), _tell, quick=runs_only)
    command = shlex.join(["python", "-m", "evals.report", *sys.argv[1:]])
    text = page(made, _tell, terminal.counter("transcripts"), title=title, command=command)
    out.write_text(text, encoding="utf-8", errors="replace")
    print(f"written: {out}")
    if files is not None:
        from evals.report.files import write_files

        print(f"written: {len(write_files(made, files))} files under {files}")


def _tell(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    terminal.run(app)
