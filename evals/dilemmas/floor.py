"""What can no contract give: the shortfall under the best law, what concern does to it, what was written down?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.dilemmas.gathered import SHORTFALL, Gathered, degree, in_units
from evals.dilemmas.measured import pivot
from evals.findings.section import SEED, Section, Shown, estimated, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

CLOSED = 0.005
"""A mean shortfall up to this share counts as closed."""

CURVE = ("regime", "dynamics", "lambda", "mean", "low", "high", "clusters", "runs", "missing", "note")

OF_CONCERN = {"concern", "concerns", "prosocial", "prosocial_as", "selfish_as"}
"""Settings that say who is concerned for others, and how much."""

BEST = {
    "commons": "the best quota that its language can express, computed exactly",
    "games": "the best transfers on what can be verified, computed exactly",
}

NONE = {"commons": "no quota", "games": "no such transfers"}

WITHOUT = {
    "commons": "what these seats reach in this world without a contract",
    "games": "what selfish players reach without a contract",
}
BELOW = "below 0 the contract did harm. Undefined where the best law adds next to nothing."


def floor(g: Gathered) -> list[Section]:
    """The sections on what contracts leave undone."""
    return [_floor(g), _captured(g)]


def _floor(g: Gathered) -> Section:
    name = SHORTFALL[g.study.setting]
    table = g.by_condition([name], np.random.default_rng(SEED))
    curve = by_concern(g)
    says = [
        f"Under the regime `best` the law in force is {BEST[g.study.setting]}; what is still missing from the optimum "
        f"there, {NONE[g.study.setting]} of this language removes.",
        *_floors(g, table),
        *_closing(g, curve),
    ]
    shown = [pivot(g, table, name)]
    if curve["lambda"].nunique() > 2:
        shown.append(_shown(g, curve))
    return Section(
        title="The floor, and what concern does to it",
        says=says,
        tables={"shortfall": table, "shortfall_by_concern": curve},
        shown=shown,
        figures={"shortfall_by_concern": lambda: _figure(g, curve)} if len(curve) else {},
    )


def by_concern(g: Gathered) -> pd.DataFrame:
    """The shortfall where all seats have one λ: a row a regime, dynamics and λ (CURVE).

    Of the cross, and of those listed conditions that set nothing but who is concerned and how much.
    """
    import pandas as pd

    from evals.statistics import estimate

    name, rng = SHORTFALL[g.study.setting], np.random.default_rng(SEED)
    made = g.values([name])
    alike = ["", *(c.name for c in g.study.conditions if c.set.keys() <= OF_CONCERN)]
    made = made[made["lambda"].notna() & made["control"].isin(alike)].drop_duplicates("run_id")
    rows = []
    for key, here in made.groupby(["regime", "dynamics", "lambda"], sort=True):
        e = estimate(here[f"o:{name}"].to_numpy(float), here["cluster"], rng=rng)
        values = (*key, e.mean, e.low, e.high, e.clusters, e.n, e.missing, in_units(e.note, g.study))
        rows.append(dict(zip(CURVE, values, strict=True)))
    return pd.DataFrame(rows, columns=list(CURVE))


def _floors(g: Gathered, table: pd.DataFrame) -> list[str]:
    """What selfish seats lose under the best law, and what prosocial ones do, by dynamics."""
    here = table[(table["control"] == "") & (table["regime"] == "best")]
    out = []
    for dynamics in g.dynamics:
        of = here[here["dynamics"] == dynamics].set_index("prosocial")
        if of.empty or 0 not in of.index:
            continue
        selfish, most = of.loc[0], max(of.index)
        where = "Selfish" if len(g.dynamics) == 1 else f"**{dynamics}**: selfish"
        line = f"{where} seats under the best law fall short by "
        line += estimated(selfish["mean"], selfish["low"], selfish["high"], 3)
        if most > 0:
            caring = of.loc[most]
            line += f"; with {most} prosocial seats it is {estimated(caring['mean'], caring['low'], caring['high'], 3)}"
        out.append(line + ".")
    return out


def _closing(g: Gathered, curve: pd.DataFrame) -> list[str]:
    """The least λ of those that were run at which the mean shortfall is closed, by regime."""
    out = []
    for (regime, dynamics), of in curve.groupby(["regime", "dynamics"], sort=False):
        degrees = of.sort_values("lambda")
        if len(degrees) < 3:
            continue
        closed = [r for r in degrees.itertuples() if r.mean == r.mean and r.mean <= CLOSED]
        at = "none of the λ that were run" if not closed else f"λ = {degree(closed[0][3])}"
        where = f"`{regime}`" if len(g.dynamics) == 1 else f"{dynamics}, `{regime}`"
        out.append(f"{where}: the shortfall is closed (mean at most {CLOSED:g}) from {at}.")
    return out


def _shown(g: Gathered, curve: pd.DataFrame) -> Shown:
    degrees = sorted(curve["lambda"].unique())
    rows = []
    for (regime, dynamics), of in curve.groupby(["regime", "dynamics"], sort=False):
        if len(of) > 2:
            mine = of.set_index("lambda")["mean"]
            rows.append([g.named(dynamics, regime), *(number(mine.get(d), 3) for d in degrees)])
    return Shown(
        "Mean shortfall where all seats have the same λ",
        ["", *(f"λ {degree(d)}" for d in degrees)],
        rows,
        "λ 0: all selfish. λ ∞: the group's total first. A dash: not run.",
    )


def _figure(g: Gathered, curve: pd.DataFrame) -> Figure:
    from evals.findings.drawing import figure, series, titled

    degrees = sorted(curve["lambda"].unique())
    fig, axes = figure(1, len(g.dynamics), width=2.9 * len(g.dynamics) + 1.2, height=3.4, sharey=True)
    for ax, dynamics in zip(axes[0], g.dynamics, strict=True):
        lines, bands = {}, {}
        for regime in [r for r, of in curve.groupby("regime") if of["lambda"].nunique() > 2] or g.regimes:
            of = curve[(curve["dynamics"] == dynamics) & (curve["regime"] == regime)]
            of = of.set_index("lambda").reindex(degrees)
            lines[regime] = list(of["mean"])
            bands[regime] = list(zip(of["low"], of["high"], strict=True))
        series(ax, [degree(d) for d in degrees], lines, bands)
        ax.axhline(0, linewidth=0.9, color="#1b1f24")
        ax.set_title(dynamics)
        ax.set_xlabel("λ of every seat")
    axes[0, 0].set_ylabel("shortfall, share")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return titled(fig, "Welfare short of the optimum, by concern", "λ is spaced evenly, not to scale.")


def _captured(g: Gathered) -> Section:
    """What of the attainable the negotiated contracts wrote down."""
    table = g.by_condition(["captured"], np.random.default_rng(SEED))
    known = table.dropna(subset=["mean"])
    negotiated = known[known["regime"].isin(["spoken", "enforced"]) & (known["control"] == "")]
    says = [
        f"0 is {WITHOUT[g.study.setting]}, 1 what they would under the best law of the same language; {BELOW}"
    ]
    for regime, of in negotiated.groupby("regime", sort=False):
        least, most = number(of["mean"].min()), number(of["mean"].max())
        says.append(f"`{regime}`: {least} to {most} over the conditions in which it is defined.")
    if negotiated.empty:
        says.append("No condition with a negotiated contract has a value.")
    return Section(
        title="How much of the attainable was written down",
        says=says,
        tables={"captured": table},
        shown=[pivot(g, table, "captured")],
    )
