"""How are the instruments calibrated from a terminal: `python -m evals.calibration`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals import terminal

if TYPE_CHECKING:
    import pandas as pd

    from evals.findings.section import Section, Shown

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Do the instruments find what was planted; and what do they read off records of yours?",
    epilog="Begin with: python -m evals.calibration check --studies 200 --recoveries 4",
)

TITLE = "Calibration: do the instruments find what was planted?"


@app.command(epilog="Example: check --studies 200 --recoveries 4")
def check(
    studies: Annotated[
        int, typer.Option(min=1, help="Simulated studies a cell, for coverage and size.")
    ] = 2000,
    recoveries: Annotated[int, typer.Option(min=1, help="Planted studies a case, for recovery.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Of every draw.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Write the tables there, as Markdown, and beside it as JSON.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines: JSON alone on stdout.")] = False,
) -> None:
    """Simulate studies whose answer is known, and print how often the instruments find it. Minutes."""
    from evals.calibration.coverage import coverage
    from evals.calibration.kept import keep
    from evals.calibration.recovery import recovery, summary
    from evals.findings.write import markdown, show
    from scenarios.errors import ParleyError

    if out is not None and out.suffix == ".json":
        raise ParleyError(
            f"--out {out}: is where the Markdown goes, JSON is written beside it; name a .md file"
        )
    covered = coverage(studies, seed, progress=terminal.counter("cells"))
    recovered = summary(recovery(recoveries, seed, progress=terminal.counter("planted studies")))
    if as_json:
        terminal.print_json(
            {"coverage": covered.to_dict("records"), "recovery": recovered.to_dict("records")}
        )
        return
    sections = [_covered(covered), _recovered(recovered, recoveries)]
    show(TITLE, sections, terminal.console(150))
    if out is not None:
        command = (
            f"python -m evals.calibration check --studies {studies} --recoveries {recoveries} --seed {seed}"
        )
        text = markdown(TITLE, sections).split("\n", 2)
        out.write_text(f"{text[0]}\n\nMade by `{command}` (`make calibrate`).\n\n{text[2]}", encoding="utf-8")
        kept = out.with_suffix(".json")
        numbers = {"studies": studies, "recoveries": recoveries, "seed": seed}
        keep(kept, {"command": command, **numbers}, covered, recovered)
        print(f"written: {out} and {kept}")


@app.command(epilog="Example: fit runs/my-study/records --most 6")
def fit(
    runs: Annotated[
        list[Path], typer.Argument(help="Records of runs, or folders of them.", show_default=False)
    ],
    most: Annotated[
        int, typer.Option(min=1, help="Fit to so many records, the first in order of name.")
    ] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap over wards.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="For machines: JSON alone on stdout.")] = False,
) -> None:
    """Fit bias strength, concession exponent and persuasion to records, jointly, and say what is not identified.

    Each record is simulated over a grid of reference policies, which takes some ten seconds a record and core.
    """
    import os

    import numpy as np

    from evals.calibration.recovery_fit import fitted
    from evals.findings.section import Section
    from evals.findings.write import show
    from evals.records import paths, read
    from evals.statistics import FEWEST_FOR_INTERVAL
    from nodes.record import canonical
    from scenarios.errors import ParleyError

    records = [read(path) for path in paths(runs)[:most]]
    kinds = {canonical(r.protocol.model_dump(mode="json", exclude={"seed", "replicate"})) for r in records}
    if len(kinds) > 1:
        raise ParleyError(
            f"{len(kinds)} conditions among these records: fit them one at a time, with their own files"
        )
    table = fitted(
        records,
        rng=np.random.default_rng(seed),
        progress=terminal.counter("debates"),
        processes=os.cpu_count() or 1,
    )
    if as_json:
        terminal.print_json(table.to_dict("records"))
        return
    says = [
        f"Fitted to {len(records)} records, as if a reference policy with a trembling hand had made them. That says "
        "which policy would look most like these seats, not that the seats follow one."
    ]
    few = table["wards"] < FEWEST_FOR_INTERVAL
    table.loc[few, ["ward_low", "ward_high"]] = float("nan")  # a bootstrap over so few wards means nothing
    columns = [
        "parameter",
        "estimate",
        "low",
        "high",
        "identified",
        "ward_low",
        "ward_high",
        "noise",
        "wards",
        "note",
    ]
    note = "Not identified: the likelihood is flat over the whole range, so these records tell nothing of it."
    section = Section(
        "What policy do these seats look like?", says, shown=[_shown(table, "Joint fit", columns, note)]
    )
    show("Fit", [section], terminal.console(150))


def _covered(table: pd.DataFrame) -> Section:
    from evals.findings.section import Section

    first = table.iloc[0]
    return Section(
        title="Intervals and tests",
        says=[
            f"Each row is {first['studies']} simulated studies, {first['resamples']} resamples in each. Coverage of a "
            "95 % interval should lie between .93 and .97; the size of a test at .05 within its 99 % Monte Carlo "
            f"band, {first['low_band']:.3f} to {first['high_band']:.3f}. A shortfall found here is printed beside "
            "every interval that it concerns.",
        ],
        shown=[
            _shown(
                table,
                "Coverage, size and power",
                ["cell", "wards", "coverage", "size", "mean_zero_size", "power", "test", "verdict"],
                "size: how often the test rejects where conditions are exchangeable. mean zero size: where only the "
                "mean is 0, which a sign-flip does not promise for skewed differences. power: at the least effect that "
                "normal differences would show with power .8; for gaps, at the gap that was planted.",
            )
        ],
    )


def _recovered(table: pd.DataFrame, studies: int) -> Section:
    from evals.findings.section import Section

    return Section(
        title="Bias strength, concession exponent and persuasion, recovered jointly",
        says=[
            f"Reference debates are played with known values between those of the grid, {studies} studies a case, by "
            "seats whose hand trembles; the three are then fitted together by simulated likelihood. A parameter whose "
            "profile is flat is *not identified*, and nothing is claimed of it. Recovery is asked only where something "
            "can be known: like-minded seats tell nothing, solos alone nothing but strength.",
        ],
        shown=[
            _shown(
                table,
                "What was planted, and what was found",
                [
                    "case",
                    "wards",
                    "noise",
                    "parameter",
                    "knowable",
                    "identified",
                    "covered",
                    "error",
                    "width",
                ],
                "identified: share of studies that claim to know. covered: of those, how often the interval holds what "
                "was planted. error: median, of those. width: median share of the range that the interval takes.",
            )
        ],
    )


def _shown(table: pd.DataFrame, title: str, columns: list[str], note: str) -> Shown:
    from evals.findings.section import Shown, number

    def told(name: str, value: object) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or str(value) in ("True", "False"):
            return "yes" if value else "no"
        return number(value, 0 if name == "wards" else 2 if name == "noise" else 3)

    rows = [[told(name, row[name]) for name in columns] for row in table.to_dict("records")]
    return Shown(title, [c.replace("_", " ") for c in columns], rows, note)


if __name__ == "__main__":
    terminal.run(app)
