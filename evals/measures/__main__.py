"""What does every number mean, from a terminal? `python -m evals.measures` prints docs/reference-measures.md."""

from __future__ import annotations

from typing import Annotated

import typer

from evals import terminal

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Examples: python -m evals.measures · python -m evals.measures favoured_gap")
def measures(
    name: Annotated[
        str, typer.Argument(help="One measure; without it, all of them.", show_default=False)
    ] = "",
) -> None:
    """Print the reference of every measure, or of one, as Markdown: formula, unit, range, direction, source."""
    from evals.measures.page import page, parts_named

    print(parts_named(name) if name else page(), end="")


if __name__ == "__main__":
    terminal.run(app)
