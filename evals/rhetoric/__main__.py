"""How is rhetoric judged from a terminal: a sheet for people to fill in, and a judge held against it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evals import terminal

if TYPE_CHECKING:
    import pandas as pd

    from evals.rhetoric.gathering import Gathered
    from evals.rhetoric.session import Judged

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="What kind of argument was made: to principle, evidence or identity, a threat, a concession.",
    epilog="Begin with: python -m evals.rhetoric sheet runs/ --out labels.csv",
)

NOBODY = "Nobody labelled any of them (--labels): the rates are the judge's own, its errors still in them."

Runs = Annotated[list[Path], typer.Argument(help="Records of runs, or folders of them.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Seed of every draw, and of the judge's first reading.", min=0)]


@app.command(epilog="Example: sheet runs/ --n 60 --seed 1 --out labels-ada.csv")
def sheet(
    runs: Runs,
    out: Annotated[
        Path, typer.Option("--out", help="The sheet; a file that is there is never written over.")
    ],
    n: Annotated[int, typer.Option("--n", help="Arguments, spread over persona and round.", min=1)] = 60,
    seed: Seed = 1,
) -> None:
    """Make a sheet for a person to fill in: arguments without who spoke or when, an empty column a label.

    Write 1 where a label applies and 0 where it does not; empty means no answer. One file a person, named after
    them, copied from the same sheet. What the labels mean stands beside it, in the words the judge gets too.
    """
    import numpy as np

    from evals.rhetoric.asking import codebook
    from evals.rhetoric.gathering import arguments
    from evals.rhetoric.report import write
    from evals.rhetoric.sheet import sample, write_sheet

    drawn = sample(arguments(runs).arguments, n, np.random.default_rng(seed))
    path = write_sheet(drawn, out)
    write(path.with_suffix(".codebook.md"), codebook())
    fewer = "" if len(drawn) == n else f" (there are no more of distinct words than {len(drawn)})"
    print(f"{path}: {len(drawn)} arguments{fewer}; what the labels mean: {path.with_suffix('.codebook.md')}")


@app.command(
    epilog="Examples: judge runs/ --model openai:NAME · "
    "judge runs/ --model openai:NAME --second openai:OTHER --retest 40 --labels ada.csv --labels ben.csv"
)
def judge(
    runs: Runs,
    model: Annotated[str, typer.Option(help="The judge: openai:NAME, or another provider's.")],
    second: Annotated[str | None, typer.Option(help="A second judge, of the arguments read twice.")] = None,
    retest: Annotated[
        int, typer.Option(help="Arguments the judge reads again, drawn by --seed.", min=0)
    ] = 20,
    labels: Annotated[list[Path] | None, typer.Option(help="A filled-in sheet; once a person.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")] = None,
    second_base_url: Annotated[str | None, typer.Option(help="The same for the second judge.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of answers and tables (default runs/rhetoric)."),
    ] = None,
    seed: Seed = 1,
    at_once: Annotated[int, typer.Option(help="Calls under way at once.", min=1, max=1000)] = 8,
    temperature: Annotated[float | None, typer.Option(help="Sent only if given.", min=0, max=2)] = None,
    max_output_tokens: Annotated[int | None, typer.Option(help="Cap on a reply, if given.", min=16)] = None,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds a call may take.", min=0.1)] = 60.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON alone on stdout, all else on stderr.")
    ] = False,
) -> None:
    """Have a chat model label every argument, and say how far its labels can be believed.

    Every answer is kept: stopped and run again, the same command asks only for what is missing.
    """
    import numpy as np

    from evals.rhetoric.gathering import arguments
    from evals.rhetoric.people import votes
    from evals.rhetoric.session import judged
    from negotiators.chat.calling import Limits
    from nodes.table.equipment import equipment

    gathered = arguments(runs)
    voted = votes(labels, [a.turn for a in gathered.arguments]) if labels else None
    folder = out or equipment().runs / "rhetoric"
    rng = np.random.default_rng(seed)
    found = _run(
        judged(
            gathered.arguments,
            model,
            folder=folder,
            rng=rng,
            second=second,
            second_base_url=second_base_url,
            retest=retest,
            seed=seed,
            base_url=base_url,
            progress=_progress(),
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            at_once=at_once,
            limits=Limits(timeout_s=timeout_s),
        )
    )
    asked = {"model": model, "second": second, "retest": retest, "seed": seed, "temperature": temperature}
    _conclude(gathered, found, voted, rng, folder, asked, as_json)


def _run(job: Coroutine[Any, Any, Judged]) -> Judged:
    """Run a job to its end; a Ctrl-C ends it with what was answered kept."""
    import asyncio

    try:
        return asyncio.run(job)
    except KeyboardInterrupt:
        terminal.stop(terminal.STOPPED, 130)


def _conclude(
    gathered: Gathered,
    found: Judged,
    voted: pd.DataFrame | None,
    rng: Any,
    folder: Path,
    asked: dict[str, Any],
    as_json: bool,
) -> None:
    """Measure, keep and show."""
    from evals.rhetoric.correction import corrected
    from evals.rhetoric.frequency import rates
    from evals.rhetoric.people import labelled
    from evals.rhetoric.reliability import agreements
    from evals.rhetoric.report import keep, summary

    beside = None if voted is None else labelled(found.labels, voted)
    agreed = agreements(found.labels, voted, rng=rng)
    groups = {"rates_by_round": ("persona", "round"), "rates_by_condition": ("persona", "condition")}
    tables = {name: rates(found.labels, by, rng=rng) for name, by in groups.items()}
    if beside is not None:
        tables = {name: corrected(table, beside, rng=rng) for name, table in tables.items()}
    frames = {"labels_of_judge": found.labels, "agreement": agreed, **tables}
    if beside is not None:
        frames["labelled"] = beside
    document = summary(
        gathered, found.spent, {k: v for k, v in frames.items() if k != "labels_of_judge"}, asked
    )
    keep(folder, document, frames)
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=1))
        return
    from rich.console import Console

    from evals.rhetoric.page import page

    console = Console(highlight=False)
    titles = {"rates_by_round": "persona and round", "rates_by_condition": "persona and condition"}
    shown = {titles[name]: table for name, table in tables.items()}
    notes = [NOBODY if voted is None else _of_people(voted)]
    for part in page(gathered, found.spent, agreed, shown, notes):
        console.print(part)
    print(f"kept in {folder}", file=sys.stderr)


def _of_people(voted: pd.DataFrame) -> str:
    """What the people's sheets come to, in a line."""
    from evals.rhetoric.people import majority

    told = majority(voted)
    people, ties = voted.labeller.nunique(), int(told.truth.isna().sum())
    return (
        f"Labelled by {people} {'person' if people == 1 else 'people'}: {told.turn.nunique()} arguments, {len(told)} "
        f"labels; the majority counts, {int(told.split.sum())} were disputed, {ties} tied and take no part; "
        f"{voted.attrs['elsewhere']} arguments of other runs passed over."
    )


def _progress() -> Callable[[str, int, int], None]:
    """Progress on stderr, a counter a reading."""

    def told(reading: str, done: int, of: int) -> None:
        counters.setdefault(reading, terminal.counter(reading))(done, of)

    counters: dict[str, Callable[[int, int], None]] = {}
    return told


def main() -> None:
    """The command line."""
    terminal.run(app)


if __name__ == "__main__":
    main()
