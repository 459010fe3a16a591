"""How do wards and debates meet LangSmith from a terminal: `python -m evals.langsmith push|run|pull`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals import terminal
from evals.terminal import print_json, stop

if TYPE_CHECKING:
    import langsmith.schemas as ls
    from langsmith import Client

    from evals.langsmith.examples import Made
    from evals.langsmith.running import Experiment
    from nodes.settings import Table

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Wards as a LangSmith dataset, debates as experiments with feedback; --local does it without LangSmith.",
    epilog="Begin with: python -m evals.langsmith run --local 'generated:{1..4},n=8' --twins sex",
)

Twins = Annotated[
    str | None,
    typer.Option(
        "--twins",
        metavar="ATTRIBUTES",
        help="Counterfactual twins by these, as sex,age_group; + permutes together.",
        show_default=False,
    ),
]
Permutations = Annotated[int, typer.Option(help="Twins of a ward by each attribute.", min=1, max=10_000)]
AsJson = Annotated[bool, typer.Option("--json", help="For machines: JSON alone on stdout.")]


@app.command(
    epilog="Examples: push 'generated:{1..8},n=8' --dataset wards --twins sex,age_group · "
    "push pandemic-wave --to wards.jsonl"
)
def push(
    wards: Annotated[list[str], typer.Argument(metavar="WARDS…", help="Specs of wards; {1..8} expands.")],
    dataset: Annotated[str | None, typer.Option(help="The dataset's name.", show_default=False)] = None,
    twins: Twins = None,
    permutations: Permutations = 5,
    to: Annotated[
        Path | None,
        typer.Option(help="Into this file (JSON lines) instead; sends nothing.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a dataset hold these wards and their twins. Pushed again, only what is missing or changed is sent."""
    from evals.langsmith import page
    from evals.langsmith.examples import made, names_of
    from evals.langsmith.pushing import push as push_examples
    from evals.langsmith.pushing import push_to_file
    from evals.langsmith.reaching import client as reach

    name = (dataset or "").strip() or (to.stem if to is not None else "")
    if not name:
        stop("--dataset: missing; give the dataset a name, or a file with --to", 2)
    if to is not None:
        wanted = made(wards, names_of(twins), permutations)
        done, where = push_to_file(to, name, wanted.examples), str(to)
    else:
        with closing(reach()) as client:
            wanted = made(wards, names_of(twins), permutations)
            done, where = push_examples(client, name, wanted.examples), f"dataset {name}"
    notes = list(wanted.notes)
    if as_json:
        print_json({"dataset": name, "url": done.url, **done.counts, "notes": notes})
        return
    print("\n".join(page.pushed(done, where, notes)))


@app.command(
    epilog="Examples: run wards --framework rawlsian --opponent biased-age · "
    "run --local 'generated:{1..4},n=8' --twins sex --set rounds=2 --out scores.csv"
)
def run(
    target: Annotated[
        list[str],
        typer.Argument(metavar="DATASET", help="A dataset; with --local a file of push --to, or wards."),
    ],
    local: Annotated[
        bool, typer.Option("--local", help="Without LangSmith; not a byte is sent to it.")
    ] = False,
    framework: Annotated[str | None, typer.Option(help="Persona of seat A.", show_default=False)] = None,
    opponent: Annotated[str | None, typer.Option(help="Persona of seat B.", show_default=False)] = None,
    model: Annotated[
        str | None, typer.Option(help="Every seat's model, as openai:NAME.", show_default=False)
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any other setting; repeat.", show_default=False),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="An OpenAI-compatible server.", show_default=False)
    ] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", help="Seconds to wait for one reply.", show_default=False)
    ] = None,
    twins: Twins = None,
    permutations: Permutations = 5,
    split: Annotated[
        list[str] | None, typer.Option(help="Only this split: base or twins; repeat.", show_default=False)
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Debates at once.", min=1, max=1000)] = 4,
    name: Annotated[str, typer.Option(help="What the experiment's name begins with.")] = "parley",
    results_only: Annotated[
        bool, typer.Option("--results-only", help="Send each debate's record, not its every step.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Every score as CSV.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Debate every example and feed its scores back; records are written as those of any run.

    A debate that stopped and is begun again pays for no answer twice.
    """
    from evals.experiment.reading import changed
    from evals.langsmith.reaching import client as reach
    from evals.langsmith.running import Ways, table_of
    from evals.langsmith.running import run as run_experiment
    from graphs.session import lent

    lent(base_url=base_url, timeout_s=timeout_s)
    named = {"framework": framework, "opponent": opponent, "model": model}
    table = table_of(changed(settings or []) | {k: v for k, v in named.items() if v is not None})
    if twins and not local:
        stop("--twins: a dataset has its twins from push; give them there, or name wards with --local", 2)
    client = None if local else reach(posts=True)
    ways = Ways(concurrency, not results_only, name)
    try:
        examples, notes = _examples(client, target, twins, permutations, split or [])
        found = run_experiment(client, examples, table, ways, terminal.counter("debates"))
    except KeyboardInterrupt:
        stop("stopped; the records of finished debates are kept, and no answer is paid for twice.", 130)
    finally:
        if client is not None:
            client.close(timeout=10)
    _conclude(found, table, notes, out, as_json)


@app.command(epilog="Example: pull parley-1a2b3c4d --out pulled/ · pull wards --out pulled/")
def pull(
    name: Annotated[
        str, typer.Argument(metavar="EXPERIMENT", help="An experiment, or a dataset: all its experiments.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for records and feedback.csv.")],
    as_json: AsJson = False,
) -> None:
    """Write an experiment's records as files that evals reads, and its feedback as CSV. Writes over no record."""
    from evals.langsmith import page
    from evals.langsmith.pulling import NAMED
    from evals.langsmith.pulling import pull as pull_records
    from evals.langsmith.reaching import client as reach

    with closing(reach()) as client:
        done = pull_records(client, name, out)
    if as_json:
        print_json([{**one.counts, "left": one.differing, "without_record": one.unread} for one in done])
        return
    for one in done:
        print("\n".join(page.pulled(one, NAMED)))


def _examples(
    client: Client | None, target: list[str], twins: str | None, permutations: int, splits: list[str]
) -> tuple[list[ls.Example], list[str]]:
    """What is to be debated: a dataset at LangSmith, a dataset file, or wards; and what is to be said of it."""
    from evals.langsmith.examples import SPLITS, made, names_of
    from evals.langsmith.pushing import read_file
    from evals.langsmith.running import examples_here, examples_of

    if unknown := [s for s in splits if s not in SPLITS]:
        stop(f"--split: there is no '{unknown[0]}'; there are {', '.join(SPLITS)}", 2)
    if client is not None:
        if len(target) > 1:
            stop(f"one dataset at a time, not {', '.join(target)}; wards are debated with --local", 2)
        return examples_of(client, target[0], splits), []
    if len(target) == 1 and target[0].endswith(".jsonl"):
        if twins:
            stop("--twins: a dataset file has its twins from push; give them there", 2)
        return examples_here(read_file(Path(target[0])), splits), []
    wanted: Made = made(target, names_of(twins), permutations, outputs=False)
    return examples_here(wanted.examples, splits), list(wanted.notes)


def _conclude(found: Experiment, table: Table, notes: list[str], out: Path | None, as_json: bool) -> None:
    """Write, show, and say what went wrong."""
    from evals.langsmith import page
    from nodes.table.equipment import equipment

    if out is not None:
        page.write_scores(out, found)
    folder = equipment().runs
    who = (
        ", ".join(table.models) or "reference negotiators, which are algorithms and no evidence about models"
    )
    if as_json:
        print_json(page.plain(found) | {"records": str(folder), "notes": notes, "negotiators": who})
    else:
        print(f"{found.name}: {len(found.rows)} debates, by {who}")
        if found.url:
            print(found.url)
        console = terminal.console(140)
        for part in page.page(found):
            console.print(part)
        print("\n".join([*notes, f"records: {folder}", *([f"scores: {out}"] if out else [])]))
    if found.failed:
        reasons = [row.error for row in found.failed]
        stop(f"{len(reasons)} of {len(found.rows)} debates failed: {reasons[0]}. Run again to retry.", 3)
    if found.problems:
        stop(f"not all was sent to LangSmith: {found.problems[0]}. The records are in {folder}.", 3)


def main() -> None:
    """The command line."""
    terminal.run(app)


if __name__ == "__main__":
    main()
