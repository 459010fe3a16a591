"""How far can the intervals and tests of a report be trusted: what they came to where the truth was planted?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.calibration.kept import Kept, read_kept
from evals.findings.section import NO_RUN, Section, Shown, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEPT = Path(__file__).resolve().parents[3] / "docs" / "calibration.json"
"""Where `make calibrate` keeps what it simulated."""

LEVEL, ALPHA = 0.95, 0.05
TITLE = "Do the intervals hold? Simulated studies with a known answer"
NOT_KEPT = "No calibration is kept with this installation, so none is drawn; `make calibrate` simulates one."


def of_calibration(path: Path = KEPT) -> list[Section]:
    """Coverage of the 95 % intervals, and size of the tests, by kind of data and number of wards; read from the file
    that `python -m evals.calibration check --out` keeps. Where there is no such file the section says so. Raises
    ParleyError, in one line, for a file that keeps no calibration.
    """
    import pandas as pd

    if not path.is_file():
        return [Section(TITLE, [NOT_KEPT], behind=NO_RUN)]
    kept = read_kept(path)
    table = pd.DataFrame(kept.coverage)
    return [
        Section(
            title=TITLE,
            says=_says(kept, table),
            tables={"calibration_coverage": table},
            shown=[_shown(table)],
            figures={"calibration": partial(drawn, table)},
            behind=NO_RUN,
        )
    ]


def band(share: float, studies: int) -> tuple[float, float]:
    """Between which shares 99 % of simulations of so many studies lie if the true share is this one."""
    from scipy.stats import binom

    low, high = (float(binom.ppf(tail, studies, share)) / studies for tail in (0.005, 0.995))
    return low, high


def _says(kept: Kept, table: pd.DataFrame) -> list[str]:
    known = table[table["coverage"].notna()]
    low, _ = band(LEVEL, kept.studies)
    short = known[known["coverage"] < low]
    said = [
        f"Studies were simulated from a known truth, {kept.studies} of each kind of data and number of wards. The 95 % "
        f"interval held it as often as it should, as far as simulation can tell ({number(low, 3)} of studies or more), "
        f"in {len(known) - len(short)} of {len(known)}.",
    ]
    if len(short):
        cases = [
            f"{cell}, {' and '.join(number(c, 3) for c in rows['coverage'])} at "
            f"{' and '.join(str(w) for w in rows['wards'])} wards"
            for cell, rows in short.groupby("cell", sort=False)
        ]
        said.append(
            f"Too seldom: {'; '.join(cases)}. What is under .93 is printed beside every interval that it concerns."
        )
    return [*said, f"Made by `{kept.command}`, {kept.made}."]


def _shown(table: pd.DataFrame) -> Shown:
    rows = [
        [
            *(str(r.cell), str(r.wards)),
            *(number(v, 3) for v in (r.coverage, r.too_low, r.too_high, r.size, r.power)),
            *(str(r.test), str(r.verdict)),
        ]
        for r in table.itertuples()
    ]
    return Shown(
        title="Coverage of the interval, size and power of the test",
        headings=[
            "kind of data",
            "wards",
            "coverage",
            "too low",
            "too high",
            "size",
            "power",
            "test",
            "verdict",
        ],
        rows=rows,
        note="too low, too high: shares of intervals wholly below and wholly above the truth. size: how often the test "
        "rejects at .05 where nothing differs. power: at the least effect that normal differences would show with "
        "power .8; for gaps, at the gap that was planted. No interval is given under 20 wards.",
    )


def drawn(table: pd.DataFrame) -> Figure:
    """Left, coverage against 95 %; right, size against 5 %; a line a kind of data, a mark a number of wards."""
    from evals.findings.drawing import figure, titled

    cells = list(dict.fromkeys(table["cell"]))
    fig, axes = figure(1, 2, width=9.5, height=1.5 + 0.46 * len(cells), sharey=True)
    studies = int(table["studies"].min())
    _panel(axes[0, 0], table, "coverage", LEVEL, band(LEVEL, studies))
    _panel(axes[0, 1], table, "size", ALPHA, band(ALPHA, studies))
    axes[0, 0].set_yticks(range(len(cells))[::-1], cells)
    axes[0, 0].set_ylim(-0.6, len(cells) - 0.4)
    axes[0, 0].set_title("How often the 95 % interval holds the truth")
    axes[0, 1].set_title("How often the test cries wolf at .05")
    handles, labels = axes[0, 1].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower right", ncols=len(labels))
    note = (
        f"{studies} simulated studies a mark. Line: what it should be. Grey: where 99 % of such\nsimulations lie if it "
        "is. A number: outside, on the side that misleads."
    )
    return titled(fig, "Do the intervals and tests do what they say?", note)


def _panel(ax: Axes, table: pd.DataFrame, column: str, nominal: float, within: tuple[float, float]) -> None:
    from evals.findings.drawing import BAND, INK, look

    cells = list(dict.fromkeys(table["cell"]))
    ax.axvspan(*within, color=BAND, alpha=0.6, linewidth=0)
    ax.axvline(nominal, color=INK, linewidth=1)
    wrong: Callable[[Any], bool] = (
        (lambda v: v < within[0]) if column == "coverage" else (lambda v: v > within[1])
    )
    counts = sorted(set(table["wards"]))
    for i, wards in enumerate(counts):
        here = table[(table["wards"] == wards) & table[column].notna()]
        y = np.array([len(cells) - 1 - cells.index(c) for c in here["cell"]]) + 0.2 * (
            (len(counts) - 1) / 2 - i
        )
        ax.plot(here[column], y, linestyle="none", markersize=6, label=f"{wards} wards", **look(i))
        for value, place in zip(here[column], y, strict=True):
            if wrong(value):
                ax.annotate(f"{value:.3f}", (value, place), xytext=(7, 0), textcoords="offset points", va="center",
                            fontsize=8, color=INK)  # fmt: skip
    ax.set_xlabel("share of simulated studies")
    ax.grid(axis="y", visible=False)
