"""What did the seats reach: agreement, and what the plan is worth to them, by condition?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.deliberation.gathered import MEASURES, Gathered
from evals.deliberation.outcomes import OUTCOMES
from evals.findings.section import SEED, Section, Shown, estimated

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TOLD = (
    "agreed",
    "rounds",
    "worth_mean",
    "worth_least",
    "regret",
    "efficient",
    "one_sided",
    "lead",
    "early",
    "words",
)
"""Outcomes that stand in the text; all stand in the table."""

DRAWN = ("agreed", "rounds", "worth_mean", "worth_least", "one_sided", "lead")


def reached(g: Gathered) -> Section:
    """The section: means over dilemmas by condition, with intervals, and a figure of them."""
    table = g.by_condition(MEASURES, np.random.default_rng(SEED))
    return Section(
        title="What was reached",
        says=[
            "Means over dilemmas, by condition. In the table every mean has its interval (bootstrap-t, none under 20 "
            "dilemmas) and the runs in which it is undefined: rounds without agreement, worth without a whole plan."
        ],
        tables={"measures": table},
        shown=[_shown(g, table)],
        figures={"measures": lambda: _drawn(g, table)},
    )


def _shown(g: Gathered, table: pd.DataFrame) -> Shown:
    at = {(r.condition, r.outcome): r for r in table.itertuples()}
    rows = []
    for name in TOLD:
        cells = [at.get((c, name)) for c in g.conditions]
        rows.append([name, *("–" if r is None else estimated(r.mean, r.low, r.high) for r in cells)])
    said = "; ".join(f"`{n}`: {OUTCOMES[n].says}, {OUTCOMES[n].unit}" for n in TOLD)
    return Shown("By condition", ["", *g.conditions], rows, f"{said}.")


def _drawn(g: Gathered, table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import COLOURS, INK, QUIET, figure, titled

    fig, axes = figure(2, 3, width=9.5, height=1.6 + 0.5 * len(g.conditions), sharey=True)
    places = np.arange(len(g.conditions))[::-1]
    for ax, name in zip(axes.flat, DRAWN, strict=True):
        here = table[table["outcome"] == name].set_index("condition").reindex(g.conditions)
        for place, row in zip(places, here.itertuples(), strict=True):
            if row.mean == row.mean and row.mean is not None:
                if row.low == row.low and row.low is not None:
                    ax.plot([row.low, row.high], [place, place], color=COLOURS[0], linewidth=2)
                ax.plot(row.mean, place, "o", color=COLOURS[0])
        if (OUTCOMES[name].low or 0) < 0:
            ax.axvline(0, color=INK, linewidth=0.9)
        ax.set_title(name)
        ax.set_xlabel(OUTCOMES[name].unit, color=QUIET, fontsize=8)
        ax.set_yticks(places, g.conditions)
        ax.set_ylim(-0.7, len(g.conditions) - 0.3)
    return titled(
        fig, "What the seats reached", "Mean over dilemmas; lines: 95 %, where there are 20 or more."
    )
