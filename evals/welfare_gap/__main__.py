"""What does an incomplete contract cost, at least, from a terminal? `python -m evals.welfare_gap`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from evals import terminal
from graphs.command import keep_stdout

app = typer.Typer(
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    help="The welfare gap: what the best contract that a language can say still loses, by exact programmes, with "
    "its proof. Without a command: gap.",
    epilog="Begin with: python -m evals.welfare_gap · python -m evals.welfare_gap gap hidden-temptation",
)

DEFAULT = "lift:prisoners-dilemma"


class Concept(StrEnum):
    """What is taken for an equilibrium."""

    nash = "nash"
    correlated = "correlated"
    both = "both"


class Balance(StrEnum):
    """What becomes of what is paid."""

    balanced = "balanced"
    burn = "burn"


class Over(StrEnum):
    """Along what a curve goes."""

    PARTITION = "partition"  # str has a method of that name
    CONCERN = "concern"
    BOUND = "bound"


Spec = Annotated[
    str,
    typer.Argument(help="A game: a name, lift:NAME, csv:FILE#ID, or a file. curve takes commons:NAME too."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON alone on stdout.")]
Budgeted = Annotated[
    Balance,
    typer.Option("--budget", help="Transfers add up to 0 (balanced), or may be burnt, which is a loss."),
]
Bounded = Annotated[
    float | None,
    typer.Option(
        "--bound",
        help="The most a transfer may be; by default twice the range of payoffs.",
        show_default=False,
    ),
]


@app.command(
    epilog="Examples: gap · gap hidden-temptation --bound 3 · gap lift:stag-hunt --concept nash --json"
)
def gap(
    spec: Spec = DEFAULT,
    concept: Annotated[Concept, typer.Option(help="Pure Nash, a mediator, or both.")] = Concept.both,
    budget: Budgeted = Balance.balanced,
    bound: Bounded = None,
    as_json: AsJson = False,
) -> None:
    """What one game loses without contract, under the best one, with a mediator; and the λ that closes the gap."""
    from evals.welfare_gap.account import account, as_data
    from evals.welfare_gap.page import show_account
    from scenarios.games import load

    game = load(spec)
    concepts = ("nash", "correlated") if concept is Concept.both else (concept.value,)
    found = account(game, bound, budget.value, mediated="correlated" in concepts)
    if as_json:
        terminal.print_json(as_data(found, concepts))
    else:
        show_account(game, found, concepts, terminal.console())


@app.command(
    epilog="Examples: curve lift:prisoners-dilemma --over concern · curve commons:fishery-contingent --out curves"
)
def curve(
    spec: Spec = DEFAULT,
    over: Annotated[
        Over, typer.Option(help="How coarse the language is, how much all care, or what a transfer may be.")
    ] = Over.PARTITION,
    out: Annotated[
        Path | None, typer.Option(help="A folder for CSV, SVG and PNG.", show_default=False)
    ] = None,
    budget: Budgeted = Balance.balanced,
    bound: Bounded = None,
    as_json: AsJson = False,
) -> None:
    """The loss along an axis, as a table, and with --out as a figure."""
    from evals.welfare_gap.curves import drawn_over
    from evals.welfare_gap.page import show_curve

    found = drawn_over(spec, over.value, bound, budget.value, terminal.counter("points"))
    paths = []
    if out is not None:
        from evals.welfare_gap.drawing import keep

        paths = keep(found, out)
    if as_json:
        terminal.print_json(
            {"curve": found.name, "axis": found.axis, "unit": found.unit, "points": found.rows()}
        )
        return
    show_curve(found, terminal.console())
    for path in paths:
        print(path)


@app.command(epilog="Examples: games pd30-4x4.csv · games pd30-4x4.csv --json")
def games(
    file: Annotated[Path, typer.Argument(help="A table of games, as csv:FILE#ID takes them.")],
    budget: Budgeted = Balance.balanced,
    as_json: AsJson = False,
) -> None:
    """Every game of a table, a line each; exit 1 where a lift has not the gap that theory gives it."""
    from evals.welfare_gap.page import show_lines
    from evals.welfare_gap.tables import lines

    found = lines(file, budget.value, terminal.counter("games"))
    if as_json:
        terminal.print_json([each.row() for each in found])
    else:
        show_lines(found, terminal.console())
    if any(each.checks for each in found):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; without a subcommand it shows a gap. Exit code 1: a table contradicts theory."""
    words = sys.argv[1:]
    commands = [
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    ]
    if not words or words[0] not in (*commands, "--help"):
        words = ["gap", *words]
    terminal.run(app, words)


if __name__ == "__main__":
    keep_stdout()
    main()
