"""What can be asked of scenarios on the command line: list, show, check, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from scenarios.ward import Ward

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Wards: who needs what.")


@app.command("list")
def list_() -> None:
    """Name the wards of the catalogue, each with its title."""
    from scenarios.load import catalogue

    for name, ward in catalogue().items():
        typer.echo(f"{name:28} {ward.title}")


@app.command()
def show(
    spec: Annotated[
        str, typer.Argument(help="a name, a path, generated:SEED, itm:PATH#INDEX; ~sex@3 for a twin")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="the ward as JSON")] = False,
) -> None:
    """Print a ward: its resources, and its patients with their scores."""
    from scenarios.load import load

    try:
        ward = load(spec)
    except ParleyError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(ward.model_dump_json(indent=2, exclude_none=True))
    else:
        _print(ward)


@app.command()
def check(paths: Annotated[list[Path], typer.Argument(help="ward files (.yaml, .yml, .json)")]) -> None:
    """Check ward files; exit 2 if any is wrong, one line each."""
    from scenarios.reading import read_ward

    wrong = 0
    for path in paths:
        try:
            ward = read_ward(path)
        except ParleyError as error:
            typer.echo(str(error), err=True)
            wrong += 1
        else:
            patients, resources = len(ward.patients), len(ward.resources)
            typer.echo(f"{path}: ward '{ward.name}', {patients} patients, {resources} resources")
    if wrong:
        raise typer.Exit(2)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a ward file."""
    from scenarios import load

    typer.echo(json.dumps(load.schema(), indent=2))


def _print(ward: Ward) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"[bold]{ward.title}[/bold] ({ward.name})\n{ward.setting}\n", highlight=False)
    for name, resource in ward.resources.items():
        wanted = sum(p.needs.get(name, 0) for p in ward.patients)
        kind = "divisible" if resource.divisible else "whole"
        console.print(f"{name}: {resource.capacity:g} of {wanted:g} demanded ({resource.unit}, {kind})")
    table = Table(
        "patient", "clinical picture", *ward.protected, "SOFA", "NEWS2", "without → with care", "needs"
    )
    for p in ward.patients:
        groups = [p.group(attribute) or "–" for attribute in ward.protected]
        scores = ["–" if score is None else str(score) for score in (p.sofa, p.news2)]
        chances = f"{p.survival_without_care:.0%} → {p.survival_if_treated:.0%}"
        needs = ", ".join(f"{amount:g} {name}" for name, amount in p.needs.items())
        table.add_row(p.id, p.summary, *groups, *scores, chances, needs)
    console.print(table)


if __name__ == "__main__":
    app()
