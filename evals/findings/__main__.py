"""How are findings made from a terminal: `python -m evals.findings STUDY`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from evals import terminal
from evals.experiment.options import Address, AsJson, Model, Named, Out, Settings, planned_by

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(epilog="Example: python -m evals.findings beyond-arrow")
def findings(
    study: Named,
    out: Out = None,
    as_json: AsJson = False,
    model: Model = None,
    settings: Settings = None,
    base_url: Address = None,
    brief: Annotated[
        bool, typer.Option("--brief", help="On the terminal, what ran and the hypotheses alone.")
    ] = False,
) -> None:
    """Print what a study found; write findings.md, tables/*.csv and figures/*.svg and .png beside its records.

    Give --model, --set and --base-url as they were given to `python -m evals.experiment run`.
    """
    from evals.findings.report import findings as make
    from evals.findings.write import show

    plan, folder, _ = planned_by(study, out, model, settings, base_url)
    title, sections, path = make(folder, plan, _tell)
    if as_json:
        print(json.dumps(json.loads(sections[1].tables["hypotheses"].to_json(orient="records")), indent=1))
        return
    show(title, sections[:2] if brief else sections, terminal.console())
    print(f"\nwritten: {path}, with tables/ and figures/ beside it")


def _tell(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    terminal.run(app)
