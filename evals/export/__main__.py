"""How are runs exported from a terminal: `python -m evals.export RUNS… --to inspect|parquet|csv|jsonl --out FOLDER`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals import terminal
from evals.experiment.options import Address, AsJson, Model, Settings

if TYPE_CHECKING:
    from evals.report.gathering import Named

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


class To(StrEnum):
    """The format of others."""

    inspect = "inspect"
    parquet = "parquet"
    csv = "csv"
    jsonl = "jsonl"


@app.command(
    epilog="Examples: python -m evals.export beyond-arrow --to parquet --out tables · "
    "python -m evals.export runs --to inspect --out logs, then inspect view --log-dir logs"
)
def export(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS…",
            help="Studies (a name, a YAML file, a folder), records, or folders of records.",
            show_default=False,
        ),
    ],
    to: Annotated[
        To,
        typer.Option(
            help="inspect: a log a condition; parquet, csv: a file a table; jsonl: a line a record.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for what is written.")] = Path("export"),
    as_json: AsJson = False,
    model: Model = None,
    settings: Settings = None,
    base_url: Address = None,
) -> None:
    """Write runs for other tools; what is missing stays missing."""
    from evals.report.gathering import Asked, named
    from scenarios.errors import ParleyError

    if to is To.inspect:
        _installed()
    what = named(runs, Asked(model, settings or [], base_url))
    if what.trainings:
        raise ParleyError(f"{what.trainings[0]}: a training run; it has no records to export, name runs")
    try:
        out.mkdir(parents=True, exist_ok=True)
        files = _written(what, to, out)
    except OSError as error:
        raise ParleyError(f"{out}: cannot write ({error.strerror}); name a folder with --out") from None
    if as_json:
        terminal.print_json({"files": [str(path) for path in files]})
    else:
        print("\n".join(str(path) for path in files))


def _written(what: Named, to: To, out: Path) -> list[Path]:
    """Write it; the files."""
    if to is To.jsonl:
        from evals.export import lines

        return lines.write(what, out, terminal.counter("records"))
    from evals.report.gathering import measured

    made = measured(what, _tell, quick=True)
    if to is To.inspect:
        from evals.export import logs

        return logs.write(made, out, terminal.counter("samples"))
    from evals.export import tables

    return tables.write(made, to.value, out, terminal.counter("sources"))


def _installed() -> None:
    """Raises ParleyError where inspect_ai is not installed, before anything is read for it."""
    from importlib.util import find_spec

    from scenarios.errors import ParleyError

    if find_spec("inspect_ai") is None:
        raise ParleyError(
            "--to inspect: inspect_ai is not installed; run `pip install 'inspect_ai>=0.3.285,<0.4'`"
        )


def _tell(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    terminal.run(app)
