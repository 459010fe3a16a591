"""How is Arrow's theorem held against merge rules and debates from a terminal? `python -m evals.arrow`."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals import terminal

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    help="Arrow's theorem, audited: which axioms a merge rule gives up, and what recorded debates keep. "
    "Without a command: rules.",
    epilog="Begin with: python -m evals.arrow · python -m evals.arrow debates runs",
)

AsJson = Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV alone on stdout.")]


class Alternatives(StrEnum):
    """How many alternatives the agents rank."""

    three = "3"
    four = "4"
    both = "both"


@app.command(epilog="Examples: rules --alternatives 3 · rules nash leximin · rules --csv > axioms.csv")
def rules(
    names: Annotated[
        list[str] | None, typer.Argument(help="Merge rules; all that are deterministic if none are named.")
    ] = None,
    alternatives: Annotated[Alternatives, typer.Option(help="How many alternatives.")] = Alternatives.both,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Ask every deterministic merge rule at every profile of two agents; exit 1 if one passed every axiom."""
    from evals.arrow.audit import ALTERNATIVES, INDUCTIONS, audit, rows
    from evals.arrow.page import console, show_audits, show_verdict
    from evals.arrow.rules import RULES

    _one_format(as_json, as_csv)
    counts = ALTERNATIVES if alternatives is Alternatives.both else (int(alternatives),)
    found = [audit(name, n, induction) for n in counts for induction in INDUCTIONS for name in names or RULES]
    if as_json:
        print(json.dumps(rows(found), ensure_ascii=False, indent=1))
    elif as_csv:
        _print_csv(rows(found))
    else:
        show_audits(found, console())
    if any(a.contradicts_arrow for a in found):
        if as_json or as_csv:
            from rich.console import Console

            show_verdict(found, Console(stderr=True))
        raise typer.Exit(1)


@app.command(
    epilog="Examples: debates runs · debates runs/ward-1a2b.json --json · debates runs --reruns 5 --csv > axioms.csv"
)
def debates(
    runs: Annotated[list[Path], typer.Argument(help="Run records, or folders of them.")],
    reruns: Annotated[
        int,
        typer.Option(
            min=0,
            help="How often a debate is played again for its noise; several where lots are cast, 0 never.",
        ),
    ] = 1,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Play debates with models again too: this costs money.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Keep the records of reruns here, and play none twice.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Audit recorded debates: Pareto, dictatorship, transitivity, contraction, null patients."""
    from evals.arrow.debates import debate_axioms, summary
    from evals.arrow.page import console, show_debates

    _one_format(as_json, as_csv)
    if rerun and reruns and out is None:
        from nodes.table.equipment import equipment

        out = equipment().runs / "arrow"  # an answer that was paid for is kept
    found = debate_axioms(
        runs, reruns=reruns, with_models=rerun, folder=out, progress=terminal.counter("records")
    )
    if as_json:
        print(json.dumps({"summary": summary(found), "runs": _plain(found)}, ensure_ascii=False, indent=1))
    elif as_csv:
        print(found.to_csv(index=False), end="")
    else:
        show_debates(found, summary(found), console())


def _one_format(as_json: bool, as_csv: bool) -> None:
    from scenarios.errors import ParleyError

    if as_json and as_csv:
        raise ParleyError("--json and --csv are both given; choose one")


def _print_csv(rows: list[dict[str, Any]]) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _plain(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is missing."""
    return [dict(row) for row in json.loads(found.to_json(orient="records"))]


def main() -> None:
    """Run the command line; without a subcommand it audits rules. Exit code 1: an audit contradicts Arrow."""
    words = sys.argv[1:]
    commands = [
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    ]
    if not words or words[0] not in (*commands, "--help"):
        words = ["rules", *words]
    terminal.run(app, words)


if __name__ == "__main__":
    main()
