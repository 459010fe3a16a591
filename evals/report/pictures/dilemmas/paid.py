"""Who got what, at a glance: the spread of payoffs by type and regime, where the findings do not draw it already?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.dilemmas.frames import TYPES
from evals.findings.section import Section, Shown, number
from evals.report.pictures.ground import key_at_right, spread

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.dilemmas.gathered import Gathered
    from evals.report.source import Source

DRAWN = "payoffs_by_type"
"""The figure of the findings by make-up; it is there where both types play."""

BY = ["dynamics", "regime", "type"]
MOST_PANELS, MOST_LETTERS = 6, 28
"""Circumstances in the figure, and letters of one there."""


def payoffs(g: Gathered, source: Source) -> list[Section]:
    """The section, where it is not among the findings: the spread over worlds or games of the payoff of one seat."""
    if any(DRAWN in section.figures for section in source.sections):
        return []
    table = payoff_spread(g)
    unit = "payoff of a season" if g.study.setting == "commons" else "payoff a round"
    rows = [
        [
            g.named(r.dynamics, r.regime),
            r.type,
            number(r.median, 1),
            f"{number(r.low, 1)}–{number(r.high, 1)}",
        ]
        for r in table.itertuples()
    ]
    return [
        Section(
            title="Who got what",
            says=[f"The {unit} of one seat, net of payments: its middle half over {g.study.unit}s."],
            tables={"payoff_spread": table},
            shown=[Shown("Payoff by type and regime", ["", "type", "median", "middle half"], rows)],
            figures={"payoff_spread": lambda: _drawn(g, table, unit)} if len(table) else {},
        )
    ]


def payoff_spread(g: Gathered) -> pd.DataFrame:
    """dynamics, regime, type, and the quartiles over clusters of the mean net payoff of one seat of the cross."""
    runs = g.cross.drop_duplicates("run_id")[["run_id", "cluster"]]
    table = spread(g.payoffs().drop(columns=["cluster"]).merge(runs, on="run_id"), BY, "payoff")
    places = {name: i for i, name in enumerate([*g.dynamics, *g.regimes, *TYPES])}
    return table.sort_values(BY, key=lambda c: c.map(places), kind="stable", ignore_index=True)


def _drawn(g: Gathered, table: pd.DataFrame, unit: str) -> Figure:
    from evals.findings.drawing import figure, keyed, look, titled

    shown = g.dynamics[:MOST_PANELS]
    short, key = keyed(shown, MOST_LETTERS)
    fig, axes = figure(1, len(shown), width=2.6 * len(shown) + 2.2, height=3.1, sharey=True)
    for ax, dynamics in zip(axes[0], shown, strict=True):
        for i, kind in enumerate(TYPES):
            here = table[(table["dynamics"] == dynamics) & (table["type"] == kind)]
            here = here.set_index("regime").reindex(g.regimes)
            places = np.arange(len(here)) + (i - 0.5) * 0.24
            ax.vlines(places, here["low"], here["high"], color=look(i)["color"], linewidth=3, alpha=0.35)
            ax.plot(places, here["median"], linestyle="none", label=kind, **look(i))
        ax.set_xticks(range(len(g.regimes)), g.regimes)
        ax.set_xlim(-0.6, len(g.regimes) - 0.4)
        ax.set_title(short[dynamics])
    axes[0, 0].set_ylabel(unit)
    key_at_right(fig, axes[0, 0], {kind for kind in TYPES if (table["type"] == kind).any()})
    return titled(
        fig, "Payoff by type and regime", f"Mark: median over {g.study.unit}s. Bar: the middle half.", key
    )
