"""How are prosociality's findings drawn: payoffs by type against the group's make-up, the phase line, λ recovered."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.prosociality.groups import EVERYONE, PROSOCIAL, SELFISH

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evals.prosociality.drift import Drift
    from evals.prosociality.recovery import Concern

TYPES = (SELFISH, PROSOCIAL, EVERYONE)


def payoff_figure(table: pd.DataFrame, by: Sequence[str], unit: str = "payoff") -> Figure:
    """A panel a condition: mean payoff of each type against the number of prosocial agents; from `payoffs`."""
    from evals.findings.drawing import figure, series, titled

    panels = list(table.groupby([*by, "size"], sort=False, dropna=False))
    columns = min(3, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    fig, axes = figure(rows, columns, width=3.2 * columns + 0.8, height=2.6 * rows + 0.9, sharey=True)
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    for ax, (key, here) in zip(axes.flat, panels, strict=False):
        make_ups = range(int(key[-1]) + 1)
        lines, bands = {}, {}
        for kind in TYPES:
            mine = here[here["type"] == kind].set_index("prosocial").reindex(make_ups)
            lines[kind] = list(mine["mean"])
            bands[kind] = list(zip(mine["low"], mine["high"], strict=True))
        series(ax, [f"p{k}" for k in make_ups], lines, bands)
        ax.set_title(", ".join(str(part) for part in key[:-1]) or f"groups of {key[-1]}")
        ax.set_xlabel("prosocial agents in the group")
    if panels:
        axes[0, 0].set_ylabel(unit)
        axes[0, 0].legend(loc="best")
    return titled(
        fig, "Payoff by type and make-up of the group", "Bands: 95 % over worlds, where 20 or more."
    )


def phase_figure(drifts: dict[str, Drift]) -> Figure:
    """A row a condition: where the population drifts, its stable points filled, unstable ones open."""
    from evals.findings.drawing import figure, titled

    fig, axes = figure(max(1, len(drifts)), 1, width=7.0, height=1.5 * max(1, len(drifts)) + 0.9, sharex=True)
    for ax, (name, of) in zip(axes.flat, drifts.items(), strict=False):
        _line(ax, of)
        ax.set_title(f"{name}: {of.phase.portrait}")
    axes[-1, 0].set_xlabel("share of prosocial agents in the population")
    note = "Curve: drift. Filled: stable. Open: unstable. Half-filled: half-stable. Grey: 95 % of resampled worlds."
    return titled(fig, "Where a population of types drifts", note)


def _line(ax: Axes, of: Drift) -> None:
    """One phase line: the drift as a curve, arrows along 0, the fixed points on it."""
    from evals.findings.drawing import BAND, COLOURS, INK

    x = np.linspace(0, 1, 201)
    y = of.phase.drift(x)
    top = float(np.abs(y).max()) or 1.0
    ax.plot(x, y / top, color=COLOURS[0], linewidth=1.6)
    ax.axhline(0, color=INK, linewidth=0.9)
    edges = sorted({0.0, 1.0, *(p.share for p in of.phase.points)})
    for a, b in pairwise(edges):
        middle = (a + b) / 2
        way = float(np.sign(of.phase.drift(middle)))
        if way and b - a > 0.04:
            step = way * min(0.05, (b - a) / 4)
            ax.annotate(
                "", (middle + step, 0), (middle - step, 0), arrowprops={"arrowstyle": "-|>", "color": INK}
            )
    for point in of.points.itertuples():
        if 0 < point.share < 1 and point.share_low == point.share_low:
            ax.axvspan(point.share_low, point.share_high, color=BAND, alpha=0.6, linewidth=0)
        fill: Any = {"stable": "full", "half-stable": "left"}.get(str(point.stability), "none")
        ax.plot(point.share, 0, "o", color=COLOURS[1], markersize=8, fillstyle=fill, clip_on=False, zorder=3)
    ax.set_ylim(-1.15, 1.15)
    ax.set_xlim(-0.02, 1.02)
    ax.set_yticks([])


def concern_figure(concerns: Sequence[Concern]) -> Figure:
    """A line an agent: λ as its choices show it, on the scale of w = λ/(1+λ), with its interval."""
    from evals.findings.drawing import COLOURS, QUIET, figure, titled

    fig, axes = figure(width=7.0, height=1.1 + 0.32 * max(1, len(concerns)))
    ax = axes[0, 0]
    for place, c in zip(range(len(concerns))[::-1], concerns, strict=True):
        if c.weight_low is None or c.weight_high is None:
            ax.annotate(c.verdict, (0.0, place), color=QUIET, va="center", fontsize=8)
            continue
        ax.plot(
            [c.weight_low, c.weight_high], [place] * 2, color=COLOURS[0], linewidth=2, solid_capstyle="butt"
        )
        if c.verdict in ("at least", "at most"):
            end, mark = (c.weight_high, ">") if c.verdict == "at least" else (c.weight_low, "<")
            ax.plot(end, place, mark, color=COLOURS[0], markersize=7, clip_on=False)
        if c.weight is not None:
            ax.plot(c.weight, place, "o", color=COLOURS[0], markersize=6)
    ticks = (-0.5, 0.0, 0.5, 1.0, 2.0, 5.0, np.inf)
    ax.set_xticks(
        [t / (1 + t) if np.isfinite(t) else 1.0 for t in ticks], [f"{t:g}".replace("inf", "∞") for t in ticks]
    )
    ax.set_yticks(range(len(concerns))[::-1], [c.agent for c in concerns])
    ax.set_ylim(-0.6, max(1, len(concerns)) - 0.4)
    ax.set_xlim(-1.05, 1.05)
    ax.set_xlabel("λ, concern for the group's welfare beside the own payoff")
    note = "Dot: likeliest. Bar: 95 % profile likelihood. Arrow: no end on that side. No dot: a range is likeliest."
    return titled(fig, "Concern as choices show it, not as it was declared", note)
