"""What is the welfare gap at a glance: no contract, the best law, the optimum, and what was reached between them?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.findings.section import number
from evals.report.pictures.ground import key_at_right

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evals.dilemmas.gathered import Gathered
    from scenarios.ward import Array

BASELINES = {
    "commons": ("b:no_law_here", "b:best_law_here", "b:planner_here"),
    "games": ("b:equilibrium", "b:best_mechanism", "b:first_best"),
}
"""Columns of `runs`, by setting: without a contract, under the best law, the optimum."""

COLUMNS = ("where", "none", "best_law", "optimum", "lost", "share")
MOST_ROWS = 12


def gaps(g: Gathered, by: str, wanted: int) -> pd.DataFrame:
    """COLUMNS and `reached:REGIME`: means over clusters of the cross's runs with so many prosocial seats.

    by: the column of runs that `where` is (dynamics or cluster). lost = optimum − best_law in payoff units, at least 0
    in expectation; share = lost / optimum, missing where the optimum is not above 0. What is missing is NaN.
    """
    import pandas as pd

    from evals.dilemmas.gathered import column

    runs = g.cross.drop_duplicates("run_id")
    runs = runs[runs["prosocial"] == wanted]
    values = {n: column(runs, c) for n, c in zip(COLUMNS[1:4], BASELINES[g.study.setting], strict=True)}
    runs = runs.assign(**values, welfare=column(runs, "welfare_net"))
    rows = []
    of_place = dict(list(runs.groupby(by, sort=False)))
    for where in dict.fromkeys(g.cross[by]):
        of = of_place.get(where)
        if of is None:
            continue
        once = of.groupby("cluster", sort=False)
        row = {"where": where} | {n: once[n].mean().mean() for n in COLUMNS[1:4]}
        row["lost"] = row["optimum"] - row["best_law"]
        row["share"] = row["lost"] / row["optimum"] if row["optimum"] > 0 else np.nan
        for regime in g.regimes:
            here = of[of["regime"] == regime].groupby("cluster")["welfare"].mean()
            row[f"reached:{regime}"] = here.mean() if len(here) else np.nan
        rows.append(row)
    columns = [*COLUMNS, *(f"reached:{r}" for r in g.regimes)]
    return pd.DataFrame(rows, columns=columns)


def told(table: pd.DataFrame, law: str, optimum: str) -> list[str]:
    """What the best law loses, in a sentence a row, the greatest loss first; three at most."""
    known = table.dropna(subset=["lost"]).sort_values("share", ascending=False, kind="stable")
    if known.empty:
        return [f"What the best {law} loses against {optimum} is not known here."]
    return [
        f"{r.where}: the best {law} reaches {number(r.best_law, 1)} of {number(r.optimum, 1)}, and loses "
        f"{number(r.lost, 1)}" + (f" ({number(100 * r.share, 1)} %)." if r.share == r.share else ".")
        for r in known.head(3).itertuples()
    ]


def gap_figure(
    table: pd.DataFrame, regimes: list[str], unit: str, who: str, names: tuple[str, str]
) -> Figure:
    """A row a place: from no contract to the optimum, what the best law leaves undone thick, what was reached below.

    names: of the best law and of the optimum.
    """
    from evals.findings.drawing import BAND, COLOURS, figure, keyed, titled

    shown = table.head(MOST_ROWS)
    short, key = keyed([str(w) for w in shown["where"]])
    places = np.arange(len(shown), dtype=float)[::-1]
    fig, axes = figure(width=9.2, height=1.3 + 0.62 * len(shown))
    ax = axes[0, 0]
    for place, r in zip(places, shown.itertuples(), strict=True):
        ax.plot([r.none, r.optimum], [place] * 2, color=BAND, linewidth=5, solid_capstyle="butt", zorder=1)
        thick = {"color": COLOURS[1], "linewidth": 5, "solid_capstyle": "butt", "zorder": 2}
        ax.plot([r.best_law, r.optimum], [place] * 2, **thick)
        if r.lost == r.lost:
            at = (np.nanmax([r.none, r.best_law, r.optimum]), place)
            ax.annotate(
                _lost(r.lost, r.optimum), at, (10, 0), textcoords="offset points", va="center", fontsize=8.5
            )
    _marks(ax, shown, places, regimes, names)
    ax.set_yticks(places, [short[str(w)] for w in shown["where"]])
    ax.set_ylim(-0.6, len(shown) - 0.5)
    ax.margins(x=0.1)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(unit)
    key_at_right(fig, ax)
    more = f" {len(table) - MOST_ROWS} more in the table." if len(table) > MOST_ROWS else ""
    note = f"{who} Means. Thick: what the {names[0]} leaves undone. Open marks: what was reached.{more}"
    return titled(fig, "The welfare gap", note, key)


def _lost(lost: float, optimum: float) -> str:
    """What is lost, to three digits; of worlds that are not the expected ones a law may win by chance."""
    if abs(lost) <= 1e-6 * max(1.0, abs(optimum)):
        return "nothing lost"
    return f"{-lost:+.3g}".replace("-", "−")


def _marks(ax: Axes, shown: pd.DataFrame, places: Array, regimes: list[str], names: tuple[str, str]) -> None:
    """The three baselines on each line, and below it what was reached under each regime."""
    from evals.findings.drawing import COLOURS, INK, QUIET, look

    marks = (
        ("no contract", "none", "|", QUIET),
        (names[0], "best_law", "d", COLOURS[1]),
        (names[1], "optimum", "*", INK),
    )
    for label, name, marker, colour in marks:
        ax.plot(shown[name], places, marker, color=colour, markersize=10, label=label, zorder=3)
    for i, regime in enumerate(r for r in regimes if r != "best"):
        style = look(i + 2) | {"fillstyle": "none", "linestyle": "none", "markersize": 5.5}
        ax.plot(shown[f"reached:{regime}"], places - 0.26, label=f"reached: {regime}", **style)
