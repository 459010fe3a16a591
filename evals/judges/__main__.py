"""How are plans judged from a terminal: scored, compared with another condition's, and the judge itself measured?"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from evals import terminal

if TYPE_CHECKING:
    from evals.judges.judging import Bench

Result = TypeVar("Result")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="What judges say of the plans that deliberations come to, and how far a judge can be believed.",
    epilog="Begin with: python -m evals.judges measure runs/ --judge openai:NAME",
)

SHORT = {"ca": "collective_agency", "conflict": "conflict_resolution", "worth": "joint_worth"}

Runs = Annotated[
    list[Path], typer.Argument(help="Records of deliberations, or folders of them.", show_default=False)
]
JudgeName = Annotated[str, typer.Option("--judge", help="rule, openai:NAME, or another provider's model.")]
What = Annotated[
    str | None,
    typer.Option(help="ca, conflict or both with a comma (default ca); the rule has joint worth alone."),
]
BaseUrl = Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of answers and findings (default: judges/ beside the runs)."),
]
Seed = Annotated[int, typer.Option(help="Seed of every draw, and the one sent to the judge.", min=0)]
AtOnce = Annotated[int, typer.Option(help="Calls under way at once.", min=1, max=1000)]
Temperature = Annotated[float | None, typer.Option(help="Sent only if given.", min=0, max=2)]
Cap = Annotated[int | None, typer.Option("--max-output-tokens", help="Cap on a reply, if given.", min=16)]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds a call may take.", min=0.1)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON alone on stdout, all else on stderr.")]
Where = "A setting that its runs have, NAME=VALUE; repeat for more."


@app.command(epilog="Examples: score runs/ --judge rule · score runs/ --judge openai:NAME --what ca,conflict")
def score(
    runs: Runs,
    judge: JudgeName,
    what: What = None,
    base_url: BaseUrl = None,
    out: Out = None,
    seed: Seed = 1,
    at_once: AtOnce = 8,
    temperature: Temperature = None,
    max_output_tokens: Cap = None,
    timeout_s: Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Score every plan from 0 to 5, and keep a line a run in verdicts.jsonl.

    Every answer is kept: stopped and run again, the same command asks only for what is missing.
    """
    from evals.judges import page, report
    from evals.judges.outcome import gather
    from evals.judges.session import at_work, means

    keys, gathered = _keys(what, judge), gather(runs)
    options = _options(base_url, temperature, max_output_tokens, timeout_s)

    async def ask(bench: Bench) -> dict[str, Any]:
        return {k: await bench.scores(k, gathered.outcomes, seed, terminal.counter(k)) for k in keys}

    folder = _folder(out, runs)
    marks, spent = _run(at_work(judge, ask, folder=folder, at_once=at_once, **options))
    for key, of in marks.items():
        lines = report.verdicts(gathered.outcomes, of, key=key, judge=judge)
        report.keep_lines(folder / report.VERDICTS, lines, report.VERDICT)
    found = means(gathered.outcomes, marks, seed)
    asked = {"judge": judge, "what": keys, "seed": seed, "temperature": temperature}
    document = report.summary({"runs": gathered}, [spent], asked, means=report.of_means(found))
    report.keep(folder / "scores.json", document)
    _show(document, [*page.told({"runs": gathered}, [spent]), page.scores(found)], folder, as_json)


@app.command(
    epilog="Example: compare base/runs trained/runs --judge openai:NAME --what ca,conflict · of one folder: "
    "compare runs/ runs/ --judge rule --base-where model=openai:base --trained-where model=openai:trained"
)
def compare(
    base: Annotated[
        Path, typer.Argument(help="Runs of the base: a record, or a folder.", show_default=False)
    ],
    trained: Annotated[Path, typer.Argument(help="Runs of the trained side.", show_default=False)],
    judge: JudgeName,
    what: What = None,
    base_where: Annotated[list[str] | None, typer.Option(help=Where)] = None,
    trained_where: Annotated[list[str] | None, typer.Option(help=Where)] = None,
    base_url: BaseUrl = None,
    out: Out = None,
    seed: Seed = 1,
    at_once: AtOnce = 8,
    temperature: Temperature = None,
    max_output_tokens: Cap = None,
    timeout_s: Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Whose plans are better: every pair of runs of one dilemma, pair and seed, shown in both orders.

    A win needs both orders; where they differ it is a tie. A side that came to no plan is counted apart.
    """
    import numpy as np

    from evals.judges import page, report
    from evals.judges.comparing import compared, matched
    from evals.judges.outcome import gather
    from evals.judges.session import at_work

    keys = _keys(what, judge)
    sides = {
        "base": gather([base], _where(base_where, "base")),
        "trained": gather([trained], _where(trained_where, "trained")),
    }
    pairs = matched(sides["trained"].outcomes, sides["base"].outcomes)
    options = _options(base_url, temperature, max_output_tokens, timeout_s)

    async def ask(bench: Bench) -> dict[str, Any]:
        return {k: await bench.comparisons(k, pairs.both, seed, terminal.counter(k)) for k in keys}

    folder = _folder(out, [trained, base])
    judged, spent = _run(at_work(judge, ask, folder=folder, at_once=at_once, **options))
    tallies = {}
    for key, of in judged.items():
        lines = report.comparisons(of, key=key, judge=judge)
        report.keep_lines(folder / report.COMPARISONS, lines, report.COMPARISON)
        tallies[key] = compared(of, pairs, rng=np.random.default_rng(seed))
    asked = {"judge": judge, "what": keys, "seed": seed, "temperature": temperature}
    document = report.summary(sides, [spent], asked, **report.of_tallies(tallies, pairs))
    report.keep(folder / "comparison.json", document)
    _show(document, [*page.told(sides, [spent]), *page.wins(tallies, pairs)], folder, as_json)


@app.command(
    epilog="Examples: measure runs/ --judge openai:NAME · "
    "measure runs/ --judge openai:NAME --judge openai:OTHER --judge rule --retest 2"
)
def measure(
    runs: Runs,
    judge: Annotated[list[str], typer.Option("--judge", help="A judge; repeat to hold judges side by side.")],
    what: What = None,
    retest: Annotated[int, typer.Option(help="How many times a model scores every plan.", min=1, max=20)] = 2,
    pairs: Annotated[int, typer.Option(help="Pairs within groups to compare in both orders.", min=0)] = 40,
    base_url: Annotated[
        list[str] | None, typer.Option(help="Address of a server: one for all models, or one a model.")
    ] = None,
    out: Out = None,
    seed: Seed = 1,
    at_once: AtOnce = 8,
    temperature: Temperature = None,
    max_output_tokens: Cap = None,
    timeout_s: Timeout = 60.0,
    as_json: AsJson = False,
) -> None:
    """Measure a judge before it is trusted: asked again, swapped, beside others; length and position.

    Every answer is kept: stopped and run again, the same command asks only for what is missing.
    """
    import numpy as np

    from evals.judges import page, report
    from evals.judges.measuring import drawn_pairs, measured
    from evals.judges.outcome import gather
    from evals.judges.session import measuring

    keys, urls = _of_each(judge, what), _addresses(base_url, judge)
    gathered = gather(runs)
    drawn = drawn_pairs(gathered.outcomes, pairs, np.random.default_rng([seed, 1]))
    folder = _folder(out, runs)
    said, spent = _run(
        measuring(
            keys,
            gathered.outcomes,
            drawn,
            folder=folder,
            readings=retest,
            seed=seed,
            at_once=at_once,
            options={
                name: _options(urls.get(name), temperature, max_output_tokens, timeout_s) for name in judge
            },
            told=terminal.counter,
        )
    )
    report.keep_readings(folder, gathered.outcomes, said)
    rows = measured(gathered.outcomes, said, rng=np.random.default_rng(seed))
    asked = {"judges": judge, "seed": seed, "temperature": temperature, "retest": retest, "pairs": len(drawn)}
    document = report.summary({"runs": gathered}, spent, asked, measures=report.of_rows(rows))
    report.keep(folder / "judges.json", document)
    _show(document, [*page.told({"runs": gathered}, spent), *page.measures(rows)], folder, as_json)


def _keys(what: str | None, judge: str, *, mixed: bool = False) -> list[str]:
    """What is judged. `mixed`: beside other judges, the rule has its own whatever is asked of them."""
    if judge == "rule" and (what is None or mixed):
        return [SHORT["worth"]]
    named = [w.strip() for w in (what or "ca").split(",")]
    keys = [SHORT.get(w, w) for w in named]
    for given, key in zip(named, keys, strict=True):
        if key not in SHORT.values():
            _refuse(f"--what: '{given}'; give ca, conflict, or ca,conflict")
        if (judge == "rule") != (key == "joint_worth"):
            has = "worth alone: leave --what out" if judge == "rule" else "ca and conflict"
            _refuse(f"--what: '{given}' is not the judge {judge}'s; it has {has}")
    return list(dict.fromkeys(keys))


def _of_each(judges: Sequence[str], what: str | None) -> dict[str, list[str]]:
    """judge -> what it is asked for."""
    if len(set(judges)) < len(judges):
        _refuse("--judge: one judge is named twice; asked again it is by --retest")
    return {name: _keys(what, name, mixed=len(judges) > 1) for name in judges}


def _options(
    base_url: str | None, temperature: float | None, cap: int | None, timeout_s: float
) -> dict[str, Any]:
    from negotiators.chat.calling import Limits

    return {
        "base_url": base_url,
        "temperature": temperature,
        "max_output_tokens": cap,
        "limits": Limits(timeout_s=timeout_s),
    }


def _where(given: list[str] | None, side: str) -> dict[str, str]:
    out = {}
    for one in given or []:
        name, equals, value = one.partition("=")
        if not equals or not name:
            _refuse(f"--{side}-where: '{one}'; write NAME=VALUE, as in model=openai:base")
        out[name] = value
    return out


def _addresses(given: list[str] | None, judges: Sequence[str]) -> Mapping[str, str]:
    """judge -> address: one for all models, or one each in the order of the models."""
    models = [j for j in judges if j != "rule"]
    if not given:
        return {}
    if len(given) not in (1, len(models)):
        _refuse(f"--base-url: {len(given)} addresses for {len(models)} models; give one, or one each")
    return dict(zip(models, given * len(models) if len(given) == 1 else given, strict=False))


def _folder(out: Path | None, runs: Sequence[Path]) -> Path:
    folder = out or (runs[0] if runs[0].is_dir() else runs[0].parent) / "judges"
    if any(folder.resolve() == (run if run.is_dir() else run.parent).resolve() for run in runs):
        _refuse(f"--out: {folder} holds the runs, and what is kept there would be read as one; name another")
    return folder


def _refuse(line: str) -> None:
    from scenarios.errors import ParleyError

    raise ParleyError(line)


def _run(job: Awaitable[Result]) -> Result:
    """Run a job to its end; a Ctrl-C ends it with what was answered kept."""
    import asyncio

    async def done() -> Result:
        return await job

    try:
        return asyncio.run(done())
    except KeyboardInterrupt:
        terminal.stop(terminal.STOPPED, 130)


def _show(document: dict[str, Any], parts: Sequence[Any], folder: Path, as_json: bool) -> None:
    import sys

    if as_json:
        terminal.print_json(document)
    else:
        console = terminal.console(150)
        for part in parts:
            console.print(part)
    print(f"kept in {folder}", file=sys.stderr)


def main() -> None:
    """The command line."""
    terminal.run(app)


if __name__ == "__main__":
    main()
