"""What can be asked of scenarios on the command line: list, show, check, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from scenarios.ward import Patient, Ward

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
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text.assemble((ward.title, "bold"), f" ({ward.name})\n{ward.setting}\n"))
    for name, resource in ward.resources.items():
        wanted = sum(p.needs.get(name, 0) for p in ward.patients)
        kind = "divisible" if resource.divisible else "whole"
        console.print(Text(f"{name}: {resource.capacity:g} of {wanted:g} demanded ({resource.unit}, {kind})"))
    table = Table(box=None, show_header=False, padding=(0, 2, 1, 0))
    for p in ward.patients:
        groups = ", ".join(f"{a} {p.group(a) or 'unknown'}" for a in ward.protected)
        needs = ", ".join(f"{amount:g} {name}" for name, amount in p.needs.items())
        facts = Text(
            f"{_scores(p)}\nsurvives {p.survival_without_care:.0%} → {p.survival_if_treated:.0%}\nneeds {needs}"
        )
        table.add_row(Text(p.id, "bold"), facts, Text.assemble(f"{p.summary}\n", (groups, "dim")))
    console.print(table)


def _scores(patient: Patient) -> str:
    scores = [
        f"{name} {score}"
        for name, score in (("SOFA", patient.sofa), ("NEWS2", patient.news2))
        if score is not None
    ]
    return ", ".join(scores) or f"severity {patient.acuity:g}"


if __name__ == "__main__":
    app()
