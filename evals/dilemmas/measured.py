"""How did dilemmas fare: every measure by regime, number of prosocial seats and dynamics, with what is missing?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evals.dilemmas.gathered import MEASURES, Gathered
from evals.dilemmas.outcomes import OUTCOMES
from evals.findings.section import SEED, Section, Shown, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TOLD = {
    "commons": ("survival_months", "gain", "equality", "over_use", "efficiency"),
    "games": ("best_cell", "welfare_net", "loss_share"),
}
"""Measures whose tables stand in the text."""

DRAWN = {"commons": "gain", "games": "best_cell"}

PAPER = (
    "u is the worth of all catches over the planner's expected optimum for the whole season; the paper's own counts "
    "the played months alone (`efficiency_paper`), which gives a pool emptied in month 1 a perfect score."
)


def measured(g: Gathered) -> Section:
    """The section of measures."""
    kind = g.study.setting
    table = g.by_condition(MEASURES[kind], np.random.default_rng(SEED))
    figures: dict[str, Callable[[], Figure]] = {
        f"{DRAWN[kind]}_by_regime": lambda: by_regime(g, table, DRAWN[kind])
    }
    if kind == "commons":
        figures["stock"] = lambda: _stock(g)
    says = [
        f"Means over {g.study.unit}s of the cross, by regime and by how many seats are prosocial (p0, p1, …). In the "
        "table every mean has its interval (bootstrap-t, none under 20) and the runs in which it is undefined.",
        *([PAPER] if kind == "commons" else []),
    ]
    return Section(
        title="How it went",
        says=says,
        tables={"measures": table},
        shown=[pivot(g, table, name) for name in TOLD[kind]],
        figures=figures,
    )


def pivot(g: Gathered, table: pd.DataFrame, name: str, regimes: Sequence[str] = ()) -> Shown:
    """One outcome in the cross: a row a regime and dynamics, a column a number of prosocial seats."""
    here = table[(table["outcome"] == name) & (table["control"] == "")]
    means = {(r.regime, r.dynamics, r.prosocial): r for r in here.itertuples()}
    rows = []
    for dynamics in g.dynamics:
        for regime in regimes or g.regimes:
            of = [means.get((regime, dynamics, k)) for k in g.make_ups]
            if any(r is not None for r in of):
                rows.append([g.named(dynamics, regime), *(_cell(r) for r in of)])
    about = OUTCOMES[g.study.setting][name]
    missing = int(here["missing"].sum())
    note = f"`{name}`: {about.says}; {about.unit}; better: {about.better}."
    note += f" Undefined in {missing} runs." if missing else ""
    return Shown(headed(about.says), ["", *(f"p{k}" for k in g.make_ups)], rows, note)


def headed(says: str) -> str:
    """What an outcome says, as a title: without its symbol, what is missing where, and with a capital."""
    said = says.partition(";")[0]
    said = said[3:] if said[1:3] == ": " else said
    return said[0].upper() + said[1:]


def _cell(row: object) -> str:
    return "–" if row is None else number(getattr(row, "mean", None))


def by_regime(g: Gathered, table: pd.DataFrame, name: str) -> Figure:
    """A panel a dynamics: an outcome against the number of prosocial seats, a line a regime."""
    from evals.findings.drawing import figure, series, titled

    here = table[(table["outcome"] == name) & (table["control"] == "")]
    fig, axes = figure(1, len(g.dynamics), width=2.9 * len(g.dynamics) + 1.2, height=3.4, sharey=True)
    for ax, dynamics in zip(axes[0], g.dynamics, strict=True):
        lines, bands = {}, {}
        for regime in g.regimes:
            of = here[(here["dynamics"] == dynamics) & (here["regime"] == regime)].set_index("prosocial")
            of = of.reindex(g.make_ups)
            lines[regime] = list(of["mean"])
            bands[regime] = list(zip(of["low"], of["high"], strict=True))
        series(ax, [f"p{k}" for k in g.make_ups], lines, bands)
        ax.set_title(dynamics)
        ax.set_xlabel("prosocial seats")
    about = OUTCOMES[g.study.setting][name]
    axes[0, 0].set_ylabel(about.unit)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
    note = f"Mean over {g.study.unit}s; bands: 95 %, where 20 or more and they differ."
    return titled(fig, headed(about.says), note)


def _stock(g: Gathered) -> Figure:
    """The stock month by month: a column a dynamics, a row a make-up, a line a regime."""
    from evals.findings.drawing import figure, series, titled

    chosen = sorted({g.make_ups[0], g.make_ups[len(g.make_ups) // 2], g.make_ups[-1]})
    stocks = stock_by_month(g)
    months = sorted(stocks["step"].unique())
    fig, axes = figure(
        len(chosen), len(g.dynamics), width=2.9 * len(g.dynamics) + 1.2, height=2.2 * len(chosen) + 1,
        sharex=True, sharey=True,
    )  # fmt: skip
    for i, k in enumerate(chosen):
        for ax, dynamics in zip(axes[i], g.dynamics, strict=True):
            here = stocks[(stocks["prosocial"] == k) & (stocks["dynamics"] == dynamics)]
            means = here.groupby(["regime", "step"])["stock"].mean()
            lines = {r: [means.get((r, m)) for m in months] for r in g.regimes if r in means.index}
            series(ax, months, lines)
            ax.set_title(f"{dynamics}, p{k}")
    axes[-1, 0].set_xlabel("month")
    axes[0, 0].set_ylabel("stock before the harvest")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return titled(
        fig, "The stock over the season", "Mean over worlds; a pool that has collapsed counts as 0."
    )


def stock_by_month(g: Gathered) -> pd.DataFrame:
    """run_id, regime, dynamics, prosocial, step, stock of the cross; 0 after a collapse, in every month there was."""
    import pandas as pd

    runs = g.cross.drop_duplicates("run_id")[["run_id", "regime", "dynamics", "prosocial", "months"]]
    steps = g.frames.steps[g.frames.steps["run_id"].isin(set(runs["run_id"]))]
    months = range(1, int(steps["step"].max()) + 1)
    whole = pd.MultiIndex.from_product([runs["run_id"], months], names=["run_id", "step"])
    stocks = steps.set_index(["run_id", "step"])["stock"].reindex(whole, fill_value=0).reset_index()
    stocks = stocks.merge(runs, on="run_id")
    return stocks[stocks["step"] <= stocks["months"]].drop(columns="months")
