"""How is an experiment run from a terminal: `python -m evals.experiment plan|freeze|run|status|export STUDY`."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from evals import terminal
from evals.experiment.options import Address, AsJson, Model, Named, Out, Settings, Timeout, planned_by
from evals.terminal import console, print_json, stop

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="A study is a YAML file; its runs are planned, frozen, run and resumed, counted and exported.",
    epilog="Begin with: python -m evals.experiment plan beyond-arrow",
)


class Engine(StrEnum):
    """Where debates are played."""

    here = "here"
    ray = "ray"


@app.command("plan", epilog="Example: plan beyond-arrow --model openai:NAME")
def plan_(
    study: Named,
    out: Out = None,
    as_json: AsJson = False,
    model: Model = None,
    settings: Settings = None,
    base_url: Address = None,
) -> None:
    """Print ahead what a study takes and can show: runs, calls, tokens, cost, clusters, power."""
    from evals.experiment.ahead import ahead
    from evals.experiment.running import budget_of

    made, _, _ = planned_by(study, out, model, settings, base_url)
    budget_of(made)
    seen = ahead(made)
    if as_json:
        print_json(
            asdict(seen) | {"left_out": made.left_out, "contrasts": [_plain(c) for c in seen.contrasts]}
        )
        return
    from evals.experiment.page import show_ahead

    show_ahead(made, seen, console())


@app.command(epilog='Example: freeze my-study.yaml · freeze my-study.yaml --amend "ward 7 had a misprint"')
def freeze(
    study: Named,
    out: Out = None,
    as_json: AsJson = False,
    model: Model = None,
    settings: Settings = None,
    base_url: Address = None,
    amend: Annotated[
        str | None,
        typer.Option(help="Why another plan replaces the frozen one; stays listed.", show_default=False),
    ] = None,
) -> None:
    """Write the plan with its hash, so that what is confirmatory can be told from what is not."""
    from evals.experiment.freezing import freeze as freeze_plan

    made, folder, _ = planned_by(study, out, model, settings, base_url)
    if amend is not None and not amend.strip():
        stop('--amend: empty; say why, as in --amend "ward 7 had a misprint"', 2)
    version = freeze_plan(made, folder, amend)
    if as_json:
        print_json({k: v for k, v in version.items() if k != "content"} | {"path": str(folder.plan)})
        return
    print(f"frozen {version['at'][:19]}Z, {len(made.runs)} runs, sha256 {version['sha256']}\n{folder.plan}")


@app.command(epilog="Example: run beyond-arrow · run my-study.yaml --model openai:NAME --calls 32")
def run(
    study: Named,
    out: Out = None,
    as_json: AsJson = False,
    model: Model = None,
    settings: Settings = None,
    base_url: Address = None,
    timeout_s: Timeout = None,
    processes: Annotated[int, typer.Option(min=0, help="For reference debates; 0: one a core.")] = 0,
    calls: Annotated[int, typer.Option(min=1, help="At most so many model calls at once.")] = 64,
    debates: Annotated[int, typer.Option(min=1, help="At most so many debates with models at once.")] = 64,
    retries: Annotated[int, typer.Option(min=0, help="Times a failed run is begun again at the end.")] = 2,
    engine: Annotated[Engine, typer.Option(help="here, or on a Ray cluster.")] = Engine.here,
    address: Annotated[
        str | None,
        typer.Option(help="Of a Ray cluster that is up; else one is started here.", show_default=False),
    ] = None,
) -> None:
    """Do what is missing. Stop it whenever you like, run it again: nothing is lost, done or paid twice."""
    from evals.experiment.page import Bar, ended
    from evals.experiment.running import Ways, run_study

    made, folder, lent = planned_by(study, out, model, settings, base_url, timeout_s)
    ways = Ways(processes, debates, calls, retries, engine.value, address)
    try:
        with Bar(made) as bar:
            session = run_study(made, folder, ways, lent, bar.show)
    except KeyboardInterrupt:
        stop(terminal.STOPPED, 130)
    if as_json:
        print_json(asdict(session) | {"folder": str(folder.path)})
    else:
        ended(session, folder, console())
    if session.stopped:
        stop(session.stopped, 2)
    if session.failed:
        stop(
            f"{len(session.failed)} runs failed: {next(iter(session.failed.values()))}. Run again to retry.",
            3,
        )


@app.command(epilog="Example: status beyond-arrow")
def status(
    study: Named,
    out: Out = None,
    as_json: AsJson = False,
    model: Model = None,
    settings: Settings = None,
    base_url: Address = None,
) -> None:
    """How far a study has got, what it has cost, and how its numbers stand to the frozen plan."""
    from evals.experiment.tables import status as status_of

    made, folder, _ = planned_by(study, out, model, settings, base_url)
    found = status_of(folder, made)
    if as_json:
        print_json(asdict(found))
        return
    from evals.experiment.page import show_status

    show_status(made, folder, found, console())


@app.command(epilog="Example: export beyond-arrow")
def export(
    study: Named,
    out: Out = None,
    as_json: AsJson = False,
    model: Model = None,
    settings: Settings = None,
    base_url: Address = None,
) -> None:
    """Write runs, stages, patients and edges as Parquet and CSV, each run with what it is for."""
    from evals.experiment.tables import export as export_tables

    made, folder, _ = planned_by(study, out, model, settings, base_url)
    files = [str(path) for path in export_tables(folder, made)]
    if as_json:
        print_json({"files": files})
    else:
        print("\n".join(files))


def _plain(contrast: Any) -> dict[str, Any]:
    told = asdict(contrast) if not hasattr(contrast.hypothesis, "model_dump") else dict(vars(contrast))
    return told | {"hypothesis": contrast.hypothesis.model_dump(mode="json")}


def main() -> None:
    """This command line."""
    terminal.run(app)


if __name__ == "__main__":
    main()
