"""How is strategy drawn: concession curves, the dance, replies, who moved whom, leanings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PANEL = 38
"""Characters that stand above a panel."""

STATES = ("fortunate", "selfish", "concession", "unfortunate", "nice", "silent")
SHORT = {
    "survival": "ESG",
    "worst_off": "RMG",
    "evenness": "VAR",
    "disadvantage_weighted_survival": "DW-ESG",
    "vulnerability_weighted_care": "VWCI",
    "equality": "Gini",
}


def curves(curve: pd.DataFrame) -> Figure:
    """A panel a condition of the cross: each seat's own utility, from its solo through its moves to the joint."""
    from evals.findings.drawing import figure, keyed, series, titled

    conditions = list(dict.fromkeys(curve["condition"]))
    named, key = keyed(conditions, PANEL)
    columns = min(3, max(1, len(conditions)))
    rows = -(-len(conditions) // columns)
    fig, axes = figure(rows, columns, width=3.2 * columns + 0.5, height=2.6 * rows + 0.9, sharey=True)
    for ax in axes.flat[len(conditions) :]:
        ax.set_visible(False)
    for ax, condition in zip(axes.flat, conditions, strict=False):
        here = curve[(curve["condition"] == condition) & (curve["value"] == "u_own")]
        points = list(dict.fromkeys(zip(here["what"], here["round"], strict=True)))
        lines: dict[str, Any] = {}
        bands: dict[str, Any] = {}
        for seat, group in here.groupby("seat", sort=False):
            lines[f"seat {seat}"] = list(group["mean"])
            bands[f"seat {seat}"] = list(zip(group["low"], group["high"], strict=True))
        names = [
            "alone" if w == "solo" else "joint" if w == "joint" else f"round {int(r)}" for w, r in points
        ]
        series(ax, names, lines, bands)
        ax.set_title(named[condition])
        ax.tick_params(axis="x", rotation=45)
    axes[0, 0].set_ylabel("own declared utility")
    axes[0, 0].legend(loc="lower left")
    title = "Concession: what each seat asks for, and what it gets"
    return titled(fig, title, "Bands: 95 % over wards.", key)


def dance(curve: pd.DataFrame) -> Figure:
    """A panel a condition: both seats' utilities of what each seat asks for, from its solo to its last move."""
    from evals.findings.drawing import COLOURS, INK, MARKERS, figure, keyed, titled

    conditions = list(dict.fromkeys(curve["condition"]))
    named, key = keyed(conditions, PANEL)
    columns = min(3, max(1, len(conditions)))
    rows = -(-len(conditions) // columns)
    fig, axes = figure(rows, columns, width=3.2 * columns + 0.5, height=2.8 * rows + 0.9)
    for ax in axes.flat[len(conditions) :]:
        ax.set_visible(False)
    for ax, condition in zip(axes.flat, conditions, strict=False):
        here = curve[(curve["condition"] == condition) & curve["seat"].isin(["A", "B"])]
        for i, (seat, group) in enumerate(here.groupby("seat", sort=True)):
            wide = group.pivot_table(index=["round", "what"], columns="value", values="mean", sort=False)
            asked, joint = wide.drop("joint", level="what"), wide.xs("joint", level="what")
            x, y = ("u_own", "u_other") if seat == "A" else ("u_other", "u_own")
            ax.plot(
                asked[x],
                asked[y],
                color=COLOURS[i],
                marker=MARKERS[i],
                markersize=4,
                label=f"asked by {seat}",
            )
            ax.plot(
                asked[x].iloc[0],
                asked[y].iloc[0],
                MARKERS[i],
                color=COLOURS[i],
                markersize=9,
                fillstyle="none",
            )
            ax.plot(joint[x], joint[y], "*", color=INK, markersize=11, label="joint" if seat == "A" else None)
        ax.set_title(named[condition])
        ax.set_xlabel("utility of A")
    axes[0, 0].set_ylabel("utility of B")
    axes[0, 0].legend(loc="best")
    note = "Ringed: alone; then round by round. Means over wards. Each panel has scales of its own."
    return titled(fig, "The dance: what each seat asks for, worth to both", note, key)


def matrices(replies: pd.DataFrame) -> Figure:
    """A panel a persona pair: what was received, down; what was answered, across."""
    from evals.findings.drawing import figure, heatmap, titled

    pairs = [k for k, g in replies.groupby(["persona", "other"], sort=False) if g["total"].sum() > 0]
    made = replies[replies["count"] > 0]
    seen = [s for s in STATES if s in set(made["before"]) | set(made["after"])]
    columns = min(3, max(1, len(pairs)))
    rows = max(1, -(-len(pairs) // columns))
    fig, axes = figure(rows, columns, width=3.6 * columns, height=(0.9 + 0.38 * len(seen)) * rows + 0.7)
    for ax in axes.flat[len(pairs) :]:
        ax.set_visible(False)
    for ax, (persona, other) in zip(axes.flat, pairs, strict=False):
        here = replies[(replies["persona"] == persona) & (replies["other"] == other)]
        wide = here.pivot(index="before", columns="after", values="share").reindex(index=seen, columns=seen)
        count = here.pivot(index="before", columns="after", values="count").reindex(index=seen, columns=seen)
        text = [[f"{n:.0f}" if n else "" for n in row] for row in count.to_numpy(float)]
        heatmap(ax, seen, seen, wide.to_numpy(float), text)
        ax.set_title(f"{persona} answers {other}")
    return titled(
        fig,
        "Replies: step received (down), step made (across)",
        "Shade: share of the row. Number: moves. A white row: that step was never received.",
    )


def influence_figure(who: pd.DataFrame, conditions: list[str]) -> Figure:
    from evals.findings.drawing import COLOURS, QUIET, figure, keyed, titled

    mine = who[who["seat"] == "A"]
    fig, axes = figure(width=7.5, height=1 + 0.32 * len(conditions))
    ax = axes[0, 0]
    for place, condition in zip(range(len(conditions))[::-1], conditions, strict=True):
        at = mine[mine["condition"] == condition].set_index("value")["mean"]
        joint, added = (np.nan if (v := at.get(k)) is None else v for k in ("influence", "debate_added"))
        if joint != joint:
            ax.annotate("undefined", (0.505, place), color=QUIET, va="center", fontsize=8)
            continue
        ax.plot([joint - added, joint], [place, place], color=QUIET)
        ax.plot(joint - added, place, "s", color=COLOURS[0], fillstyle="none")
        ax.plot(joint, place, "o", color=COLOURS[1])
    ax.axvline(0.5, color=QUIET, linestyle=":")
    ax.set_ylim(-0.6, len(conditions) - 0.4)
    named, key = keyed(conditions)
    ax.set_yticks(range(len(conditions))[::-1], [named[c] for c in conditions])
    ax.set_xlabel("share of the way from B's solo (0) to A's solo (1)")
    note = (
        "Open square: the no-debate merge. Dot: the joint. Line: what debate added. Means over wards. Undefined "
        "where the solos are alike."
    )
    return titled(fig, "Who moved whom: how much of the allocation is seat A's", note, key)


def leanings_figure(table: pd.DataFrame) -> Figure:
    """A panel a persona and model, a row a measure: the set as a bar, the point as a mark, before and after."""
    from evals.findings.drawing import COLOURS, MARKERS, figure, titled

    seated = list(dict.fromkeys(zip(table["persona"], table["model"], strict=True)))
    models = {model for _, model in seated}
    names = {**SHORT, "favoured": "favoured"}
    places = {measure: place for place, measure in enumerate(reversed(names))}
    columns = min(4, max(1, len(seated)))
    rows = max(1, -(-len(seated) // columns))
    fig, axes = figure(rows, columns, width=2.6 * columns + 1.5, height=3.1 * rows + 0.6, sharey=True)
    for ax in axes.flat[len(seated) :]:
        ax.set_visible(False)
    for ax, (persona, model) in zip(axes.flat, seated, strict=False):
        mine = table[(table["persona"] == persona) & (table["model"] == model)]
        for w, when in enumerate(("solo", "exit_solo")):
            here = mine[mine["when"] == when]
            at = here["measure"].map(lambda m: places["favoured" if "=" in m else m]) + (0.17, -0.17)[w]
            for place, low, high in zip(at, here["low"], here["high"], strict=True):
                ax.plot(
                    [low, high], [place] * 2, color=COLOURS[w], linewidth=4, alpha=0.3, solid_capstyle="butt"
                )
            label = ("before: solo", "after: exit solo")[w]
            ax.plot(
                here["point"], at, MARKERS[w], color=COLOURS[w], markersize=5, linestyle="none", label=label
            )
        ax.set_title(f"{persona} ({model})" if len(models) > 1 else str(persona))
        ax.set_xlim(-0.05, 1.05)
        ax.set_xlabel("weight")
        ax.set_yticks(list(places.values()), [names[measure] for measure in places])
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
    note = "Bar: every weight that explains the choices. Mark: the likeliest. Favoured: the groups a bias is for."
    return titled(fig, "Leanings before and after debate", note)
