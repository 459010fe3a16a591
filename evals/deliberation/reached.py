"""What did the seats reach: agreement, and what the plan is worth to them, by condition?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.deliberation.gathered import MEASURES, Gathered
from evals.deliberation.outcomes import OUTCOMES, SHARE, YES
from evals.findings.section import SEED, Section, Shown, number

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
    """The section: means over dilemmas by arm, with intervals, and a figure of them."""
    table = g.by_arm(MEASURES, np.random.default_rng(SEED))
    return Section(
        title="What was reached",
        says=[
            "Means over dilemmas, all pairs of personas together; by pair in `by_pair`. In the table every mean has "
            "its interval (bootstrap-t, none under 20 dilemmas) and the runs in which it is undefined: rounds without "
            "agreement, worth without a whole plan. So an arm that agrees seldom is told of by those of its dialogues "
            "that did agree, which are the easy ones: its worth is not that of an arm that always agrees."
        ],
        tables={"measures": table, "by_pair": by_pair(g)},
        shown=[_shown(g, table)],
        figures={"measures": lambda: _drawn(g, table)},
    )


def _shown(g: Gathered, table: pd.DataFrame) -> Shown:
    at = {(r.arm, r.outcome): r for r in table.itertuples()}
    rows = [[arm, *(number(at[arm, name].mean) for name in TOLD)] for arm in g.arms]
    said = "; ".join(f"`{n}`: {OUTCOMES[n].says} ({OUTCOMES[n].unit})" for n in TOLD)
    return Shown("What was reached", ["", *TOLD], rows, f"{said}.")


def by_pair(g: Gathered) -> pd.DataFrame:
    """pair, and the mean of every outcome over the dilemmas of the cross."""
    made = g.values(MEASURES)
    cross = made[made["control"] == ""]
    columns = [f"o:{n}" for n in MEASURES]
    means: pd.DataFrame = cross.groupby(["pair", "cluster"])[columns].mean().groupby("pair").mean()
    return means.rename(columns=lambda c: c.removeprefix("o:")).reset_index()


def _drawn(g: Gathered, table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import COLOURS, INK, QUIET, figure, titled

    fig, axes = figure(2, 3, width=9.5, height=1.6 + 0.5 * len(g.arms), sharey=True)
    places = np.arange(len(g.arms))[::-1]
    for ax, name in zip(axes.flat, DRAWN, strict=True):
        here = table[table["outcome"] == name].set_index("arm").reindex(g.arms)
        for place, row in zip(places, here.itertuples(), strict=True):
            if row.mean == row.mean and row.mean is not None:
                if row.low == row.low and row.low is not None:
                    ax.plot([row.low, row.high], [place, place], color=COLOURS[0], linewidth=2)
                ax.plot(row.mean, place, "o", color=COLOURS[0])
        if (OUTCOMES[name].low or 0) < 0:
            ax.axvline(0, color=INK, linewidth=0.9)
        if OUTCOMES[name].unit in (YES, SHARE) and OUTCOMES[name].low == 0:
            ax.set_xlim(-0.04, 1.04)
        if here["mean"].isna().all():
            ax.text(0.5, 0.5, "no run has a value", transform=ax.transAxes, ha="center", color=QUIET)
        ax.set_title(name)
        ax.set_xlabel(OUTCOMES[name].unit, color=QUIET, fontsize=8)
        ax.set_yticks(places, g.arms)
        ax.set_ylim(-0.7, len(g.arms) - 0.3)
    return titled(
        fig,
        "What the seats reached",
        "Mean over dilemmas; lines: 95 %, where there are 20 or more. Worth and clauses: of dialogues that came to a "
        "plan.",
    )
