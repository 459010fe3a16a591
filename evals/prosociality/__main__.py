"""How is concern for others measured from a terminal: `python -m evals.prosociality recover|calibrate`."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals import terminal
from evals.terminal import console, print_json

if TYPE_CHECKING:
    from evals.prosociality.recovery import Concern

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="What concern for others do choices show: λ by quantal-response maximum likelihood, with its interval.",
    epilog="Begin with: python -m graphs.games invoke --rounds 40 --precision 2, then "
    "python -m evals.prosociality recover runs/",
)

AsJson = Annotated[bool, typer.Option("--json", help="For machines: JSON alone on stdout.")]


class By(StrEnum):
    """Who counts as one agent."""

    persona = "persona"
    seat = "seat"


@app.command(
    epilog="Examples: recover runs/ · recover runs/not-enough-games/records --by persona --out concern/"
)
def recover(
    records: Annotated[list[str], typer.Argument(help="Records of games, or folders of them.")],
    by: Annotated[
        By, typer.Option(help="One agent: a persona with its model, or a seat of a run.")
    ] = By.persona,
    shared: Annotated[bool, typer.Option("--shared", help="One precision for all agents.")] = False,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the interval.")] = 0.95,
    out: Annotated[
        Path | None, typer.Option(help="Folder for a table and a figure.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """λ of every agent of recorded games, from what it chose, beside what its persona declares."""
    from evals.prosociality.recorded import gathered
    from evals.prosociality.recovery import recover as fitted
    from evals.prosociality.recovery import recovered
    from evals.records import paths

    found = gathered(paths(records), by.value)
    concerns = fitted(found.choices, shared=shared, level=level)
    table = recovered(concerns).assign(declared=[found.declared[c.agent] for c in concerns])
    if out is not None:
        _write(out, table, concerns)
    if as_json:
        print_json(table.to_dict(orient="records"))
        return
    _show(concerns, found.declared, level)
    if out is not None:
        print(f"written: {out}")


@app.command(epilog="Example: calibrate --studies 100 --seed 1")
def calibrate(
    studies: Annotated[int, typer.Option(min=2, help="Simulated agents a cell.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of all draws.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Simulate agents of known λ and print how often the interval covers it; minutes for a few hundred."""
    from evals.prosociality.calibrate import calibrate as simulated

    table = simulated(studies, seed, progress=terminal.counter("cells"))
    if as_json:
        print_json(table.to_dict(orient="records"))
    else:
        console().print(
            _grid(list(table.columns), [[_cell(v) for v in row] for row in table.itertuples(index=False)])
        )


def _show(concerns: list[Concern], declared: dict[str, float], level: float) -> None:
    rows = []
    for c in concerns:
        between = "–" if c.concern_low is None else f"[{_number(c.concern_low)}, {_number(c.concern_high)}]"
        rows.append([c.agent, _number(declared[c.agent]), c.verdict, _number(c.concern), between, c.note])
    heads = ["agent", "λ declared", "λ shown", "", f"{level:.0%}", "note"]
    console().print(_grid(heads, rows))
    console().print(
        "[dim]λ shown: of V = u + λ·W, by logit choice; what is declared is not used. At least, at most: nothing "
        "speaks against any λ beyond. An agent's choices are taken as independent: with memory, intervals are too "
        "narrow.[/dim]"
    )


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else f"{value:.2f}".replace("-", "−")


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _grid(heads: list[str], rows: list[list[str]]) -> Any:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for head in heads:
        table.add_column(escape(head), overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _write(folder: Path, table: Any, concerns: list[Concern]) -> None:
    from evals.findings.drawing import styled
    from evals.prosociality.figures import concern_figure
    from scenarios.errors import ParleyError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / "concern.csv", index=False)
        with styled():
            drawn = concern_figure(concerns)
            for kind in ("svg", "png"):
                drawn.savefig(folder / f"concern.{kind}", dpi=160, bbox_inches="tight")
    except OSError as error:
        raise ParleyError(f"--out {folder}: cannot write ({error.strerror}); name another folder") from None


if __name__ == "__main__":
    terminal.run(app)
