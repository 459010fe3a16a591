"""How does a season on the commons go: what is in the pool month by month, and what each type of agent takes?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evals.findings.section import Section, Shown, number, share
from evals.report.pictures.ground import key_at_right, spread

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.dilemmas.gathered import Gathered
    from evals.report.pictures.dilemmas.steps import Steps

MOST_ROWS, MOST_LETTERS = 6, 22
"""Circumstances in one figure, and letters of one there; the tables have them all."""

OVER = "A pool that has collapsed is empty, and its season is over: from then on it counts as 0, which is not missing."
BY = ["dynamics", "regime", "prosocial"]


def season(g: Gathered, kept: dict[str, Steps]) -> Section:
    """The section: stock and catches by month, and how many pools lasted."""
    stocks, taken = stock_spread(g), catch_spread(g, kept)
    of = make_up_of_catches(g)
    mixed = f"{of} prosocial seats" if of != 1 else "one prosocial seat"
    return Section(
        title="The season, month by month",
        says=[
            f"In every {g.study.unit} of the cross the stock before the harvest, and what one agent of each type "
            f"catches. {OVER}",
            f"Catches are drawn for groups with {mixed}; the table has every make-up.",
        ],
        tables={"stock_by_month": stocks, "catches_by_month": taken},
        shown=[_lasted(g)],
        figures={
            "stock_by_regime": lambda: _stocks(g, stocks),
            "catches_by_type": lambda: _catches(g, taken, of),
        },
    )


def stock_spread(g: Gathered) -> pd.DataFrame:
    """dynamics, regime, prosocial, step, and the quartiles over worlds of the stock before the harvest.

    0 after a collapse, up to the last month that the season was planned to have.
    """
    from evals.dilemmas.measured import stock_by_month

    clusters = g.cross.drop_duplicates("run_id")[["run_id", "cluster"]]
    return spread(stock_by_month(g).merge(clusters, on="run_id"), [*BY, "step"], "stock")


def catch_spread(g: Gathered, kept: dict[str, Steps]) -> pd.DataFrame:
    """dynamics, regime, prosocial, type, step, and the quartiles over worlds of the mean catch of one agent.

    0 in the months after a collapse: nobody can catch anything there.
    """
    import pandas as pd

    runs = g.cross.drop_duplicates("run_id")
    types = dict(
        zip(zip(g.frames.seats["run_id"], g.frames.seats["seat"], strict=True), g.frames.seats["type"], strict=True)
    )  # fmt: skip
    rows = []
    for run in runs.to_dict("records"):
        if run["run_id"] not in kept:
            continue
        taken = kept[run["run_id"]].taken
        seats = {seat for _, seat, _ in taken}
        at = {(step, seat): amount for step, seat, amount in taken}
        for step in range(1, int(run["months"]) + 1):
            for seat in seats:
                told = {k: run[k] for k in (*BY, "cluster")}
                kind = types[run["run_id"], seat]
                rows.append(told | {"type": kind, "step": step, "catch": at.get((step, seat), 0)})
    made = pd.DataFrame(rows, columns=[*BY, "cluster", "type", "step", "catch"])
    return spread(made, [*BY, "type", "step"], "catch")


def make_up_of_catches(g: Gathered) -> int:
    """The make-up whose catches are drawn: of those with both types the one nearest to half; else the first."""
    agents = int(g.cross["agents"].max())
    mixed = [k for k in g.make_ups if 0 < k < agents]
    return min(mixed, key=lambda k: (abs(2 * k - agents), k)) if mixed else g.make_ups[0]


def _lasted(g: Gathered) -> Shown:
    """How many pools were emptied before the season was out, and when the middle one of those was."""
    runs = g.cross.drop_duplicates("run_id")
    rows = []
    for dynamics in g.dynamics:
        for regime in g.regimes:
            of = runs[(runs["dynamics"] == dynamics) & (runs["regime"] == regime)]
            if of.empty:
                continue
            early = of[of["early_collapse"].astype(bool)]
            late = int(of["collapsed"].astype(bool).sum()) - len(early)
            when = number(early["steps"].median() if len(early) else None, 0)
            rows.append([g.named(dynamics, regime), share(len(early), len(of)), when, share(late, len(of))])
    return Shown(
        "Pools that collapsed",
        ["", "before the last month", "then in month (median)", "in the last month"],
        rows,
        "All make-ups together. A pool emptied in the last month costs this season nothing.",
    )


def _grid(g: Gathered, height: float) -> tuple[Any, Any, list[str], list[str]]:
    """A figure with a row a circumstance and a column a regime; those it has room for, and the key to their names."""
    from evals.findings.drawing import figure, keyed

    rows, columns = g.dynamics[:MOST_ROWS], g.regimes
    fig, axes = figure(
        len(rows), len(columns), width=2.1 * len(columns) + 2.4, height=height * len(rows) + 1.3,
        sharex=True, sharey=True,
    )  # fmt: skip
    short, key = keyed(rows, MOST_LETTERS)
    for row, dynamics in zip(axes, rows, strict=True):
        for ax, regime in zip(row, columns, strict=True):
            ax.set_title(regime if len(g.dynamics) == 1 else f"{regime}: {short[dynamics]}", fontsize=8.5)
    for ax in axes[-1]:
        ax.set_xlabel("month")
    return fig, axes, rows, [] if len(g.dynamics) == 1 else key


def _lines(ax: Any, months: list[int], named: dict[str, pd.DataFrame]) -> None:
    """A median with its quartiles as a band, a line a name; a tick every third month."""
    from evals.findings.drawing import series

    lines: dict[str, list[float]] = {}
    bands: dict[str, list[tuple[float | None, float | None]]] = {}
    for name, of in named.items():
        at = of.set_index("step").reindex(months)
        lines[name] = list(at["median"])
        bands[name] = list(zip(at["low"], at["high"], strict=True))
    series(ax, months, lines, bands)
    for i, line in enumerate(ax.lines):
        line.set_markersize(max(3.0, 7.0 - 2 * i))  # so that lines that lie on each other are all seen
    shown = [i for i, month in enumerate(months) if (month - 1) % 3 == 0]
    ax.set_xticks(shown, [str(months[i]) for i in shown])


def _stocks(g: Gathered, table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import titled

    fig, axes, rows, key = _grid(g, 1.75)
    months = sorted(int(m) for m in table["step"].unique())
    chosen = sorted({g.make_ups[0], g.make_ups[len(g.make_ups) // 2], g.make_ups[-1]})
    for row, dynamics in zip(axes, rows, strict=True):
        for ax, regime in zip(row, g.regimes, strict=True):
            here = table[(table["dynamics"] == dynamics) & (table["regime"] == regime)]
            _lines(ax, months, {_seats(k): here[here["prosocial"] == k] for k in chosen})
        row[0].set_ylabel("stock before the harvest")
    key_at_right(fig, axes[0, 0])
    note = f"Median over {g.study.unit}s, bands: quartiles. A pool that collapsed counts as 0: its season is over."
    return titled(fig, "What is in the pool", note, key)


def _catches(g: Gathered, table: pd.DataFrame, of: int) -> Figure:
    from evals.dilemmas.frames import TYPES
    from evals.findings.drawing import titled

    fig, axes, rows, key = _grid(g, 1.75)
    months = sorted(int(m) for m in table["step"].unique())
    mine = table[table["prosocial"] == of]
    there = [kind for kind in TYPES if (mine["type"] == kind).any()]
    for row, dynamics in zip(axes, rows, strict=True):
        for ax, regime in zip(row, g.regimes, strict=True):
            here = mine[(mine["dynamics"] == dynamics) & (mine["regime"] == regime)]
            _lines(ax, months, {f"a {kind} agent": here[here["type"] == kind] for kind in there})
        row[0].set_ylabel("catch of one agent")
    key_at_right(fig, axes[0, 0])
    note = f"{_seats(of)}. Median over {g.study.unit}s, bands: quartiles. 0 once the pool has collapsed."
    return titled(fig, "Who catches what, month by month", note, key)


def _seats(k: int) -> str:
    return f"{k} prosocial seat" if k == 1 else f"{k} prosocial seats"
