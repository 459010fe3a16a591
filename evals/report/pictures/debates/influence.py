"""Who moved whom: a map a condition, on which the joint lies as far from each seat as it is that seat's?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evals.findings.section import SEED, Section, Shown, estimated, number
from evals.findings.strategy_figures import PANEL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evals.frames import Frames

VALUES = ("influence", "influence_no_debate", "debate_added", "mind_moved:A", "mind_moved:B")
COLUMNS = ("condition", "value", "mean", "low", "high", "wards", "runs", "missing", "A", "B", "seats")
MOST = 12
"""Maps in a figure; of more conditions the table has the rest."""
STILL = 0.005
"""A mind that moved less than this is told as one that did not: two digits show no more."""

NONE = "Influence is undefined in these runs: alone, the first two seats would all have done the same."
SAYS = (
    "A stands where A alone would be, B where B alone would be; the joint lies between them, nearer the seat whose it "
    "is more. The open square is where a merge without debate lies, so the way from it to the joint is what debate "
    "added."
)


@dataclass(frozen=True)
class Told:
    """One number: its mean over wards and interval; None is missing."""

    mean: float | None
    low: float | None
    high: float | None


def influence(frames: Frames, conditions: Sequence[str]) -> Section:
    """The influence map of these conditions, as a section."""
    table = influence_by_condition(frames, conditions)
    known = table["mean"].notna().any() if len(table) else False
    told = list(dict.fromkeys(table["condition"]))
    return Section(
        title="An influence map: whose the joint is, and whose mind moved",
        says=[SAYS if known else NONE],
        tables={"influence_map": table},
        shown=[_shown(table)] if len(table) else [],
        figures={"influence-map": lambda: drawn(table, told[:MOST])} if known else {},
    )


def influence_by_condition(frames: Frames, conditions: Sequence[str]) -> pd.DataFrame:
    """COLUMNS, a row a condition and each of VALUES, over the study's own complete runs.

    influence            ⟨J − B, A − B⟩ / ‖A − B‖²: how much of the joint is seat A's, 1 its solo, 0 seat B's
    influence_no_debate  the same of the no-debate merge; debate_added: the joint's less that, signed
    mind_moved:SEAT      how far its exit solo went from its solo toward the other's solo, 1 being all the way
    mean, low, high      over wards; bootstrap-t, missing under 20 wards; `missing` counts runs whose solos are alike
    A, B, seats          the personas of the first two seats, who alone are measured, and how many seats there are
    """
    import pandas as pd

    from evals.statistics import estimates

    runs = frames.runs[(frames.runs["role"] == "study") & (frames.runs["status"] == "complete")]
    rng, rows = np.random.default_rng(SEED), []
    for condition in conditions:
        here = runs[runs["condition"] == condition].reindex(columns=[*runs.columns.union(VALUES, sort=False)])
        if here.empty:
            continue
        found = estimates(here[list(VALUES)].astype(float).to_numpy(), here["cluster"], rng=rng)
        seated = [" / ".join(dict.fromkeys(here[f"persona:{s}"].dropna())) for s in "AB"]
        seats = int(here[[c for c in here if c.startswith("persona:")]].notna().sum(axis=1).max())
        rows += [
            (condition, v, e.mean, e.low, e.high, e.clusters, e.n, e.missing, *seated, seats)
            for v, e in zip(VALUES, found, strict=True)
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"mean": float, "low": float, "high": float})


def _values(table: pd.DataFrame, condition: str) -> dict[str, Told]:
    here = table[table["condition"] == condition]
    return {
        str(r.value): Told(*(None if v != v else float(v) for v in (r.mean, r.low, r.high)))
        for r in here.itertuples()
    }


def _shown(table: pd.DataFrame) -> Shown:
    rows = []
    for condition, group in table.groupby("condition", sort=False):
        at = _values(table, str(condition))
        told = [estimated(v.mean, v.low, v.high, signed=name == "debate_added") for name, v in at.items()]
        n, few = group["runs"].max(), group["missing"].min()
        rows.append([str(condition), *told, f"{n}" + (f" ({few} undefined)" if few else "")])
    return Shown(
        title="How much of the joint is seat A's, and how far each mind moved",
        headings=[
            "condition",
            "joint: A's",
            "merge: A's",
            "debate added",
            "A's mind moved",
            "B's mind moved",
            "runs",
        ],
        rows=rows,
        note="Means over wards, [95 %] bootstrap-t (none under 20 wards). What is not A's of the joint is B's. A mind "
        "moves from its solo (0) toward the other's (1), by its exit solo. Undefined where the solos are alike.",
    )


def drawn(table: pd.DataFrame, conditions: Sequence[str]) -> Figure:
    """A map a condition: A left, B right, the joint between them as far from each as its share says."""
    from evals.findings.drawing import figure, keyed, titled

    named, key = keyed(conditions, PANEL)
    columns = min(3, max(1, len(conditions)))
    rows = max(1, -(-len(conditions) // columns))
    fig, axes = figure(rows, columns, width=3.5 * columns, height=2.55 * rows + 1.0)
    for ax in axes.flat:
        ax.axis("off")
    maps = {c: _values(table, c) for c in conditions}
    low, high = _reach(maps)
    for ax, condition in zip(axes.flat, conditions, strict=False):
        row = table[table["condition"] == condition].iloc[0]
        ax.set_xlim(low - 0.3, high + 0.3)
        ax.set_ylim(-0.62, 1.42)
        ax.set_title(named[condition])
        _map(ax, maps[condition], row)
    note = (
        "Width and number of an arrow to the joint: how much of it is that seat's. Arrow from a seat toward the other: "
        "how far its mind,\nasked again alone, moved. □: the merge without debate; from it to ◆, the joint: what "
        "debate added. Means over wards, [95 %] where 20 or more."
    )
    return titled(fig, "Who moved whom: whose the joint is, and whose mind moved", note, key)


def _reach(maps: Mapping[str, Mapping[str, Told]]) -> tuple[float, float]:
    """The least and the greatest place of anything, 0 being A and 1 being B: a joint may lie beyond both."""
    shares = [m[v].mean for m in maps.values() for v in VALUES[:2]]
    places = [1 - share for share in shares if share is not None]
    return min([0.0, *places]), max([1.0, *places])


def _map(ax: Axes, at: Mapping[str, Told], row: pd.Series) -> None:
    from evals.findings.drawing import COLOURS, INK, QUIET

    for place, seat, colour in ((0.0, "A", COLOURS[0]), (1.0, "B", COLOURS[1])):
        ax.plot(place, 1, "o", markersize=21, color=colour)
        ax.text(place, 0.99, seat, color="white", ha="center", va="center", fontweight="bold", fontsize=13)
        ax.text(place, 1.25, row[seat], ha="center", fontsize=9, color=INK)
    if row["seats"] > 2:
        ax.text(0.5, -0.6, f"the first two of {row['seats']} seats", ha="center", fontsize=8, color=QUIET)
    joint = at["influence"].mean
    if joint is None:
        ax.plot([0.12, 0.88], [1, 1], color=QUIET, linestyle=":")
        words = "undefined: alone,\nboth do the same"
        ax.text(0.5, 0.42, words, ha="center", va="center", color=QUIET, fontsize=9)
        return
    _minds(ax, at["mind_moved:A"].mean, at["mind_moved:B"].mean)
    _shares(ax, joint)
    _line(ax, joint, at["influence_no_debate"].mean)
    ax.text(0.5, -0.3, _added(at["debate_added"]), ha="center", va="top", fontsize=9, color=INK)


def _minds(ax: Axes, a: float | None, b: float | None) -> None:
    """How far each mind moved: an arrow from its seat toward the other, as long as the way it went, and in words."""
    from evals.findings.drawing import COLOURS, INK

    if a is not None and b is not None and max(abs(a), abs(b)) < STILL:
        ax.text(0.5, 1.0, "neither mind moved", ha="center", va="center", fontsize=8.5, color=INK)
        return
    for moved, place, side, colour in ((a, 0.0, 1, COLOURS[0]), (b, 1.0, -1, COLOURS[1])):
        if moved is None or abs(moved) < STILL:
            words = "unknown" if moved is None else "unmoved"
        else:
            words = number(moved, signed=True)
            look = {"arrowstyle": "-|>", "color": colour, "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0}
            ax.annotate(
                "",
                xy=(place + side * moved, 1.0),
                xytext=(place, 1.0),
                arrowprops=look,
                annotation_clip=False,
            )
        align = "left" if side == 1 else "right"
        ax.text(place + side * 0.13, 1.04, f"mind {words}", ha=align, va="bottom", fontsize=8, color=INK)


def _shares(ax: Axes, joint: float) -> None:
    """An arrow from each seat to the joint, as wide as the seat's share of it, with its number."""
    from evals.findings.drawing import COLOURS, INK

    x = 1 - joint
    for place, share, colour, side in ((0.0, joint, COLOURS[0], -1), (1.0, 1 - joint, COLOURS[1], 1)):
        width = 1 + 9 * min(max(share, 0.0), 1.0)
        head = f"-|>,head_length={0.25 + 0.03 * width},head_width={0.12 + 0.02 * width}"
        look = {
            "arrowstyle": head,
            "color": colour,
            "linewidth": width,
            "shrinkA": 12,
            "shrinkB": 10,
            "mutation_scale": 12,
        }
        ax.annotate("", xy=(x, 0.1), xytext=(place, 1.0), arrowprops=look)
        align = "right" if side < 0 else "left"
        middle = (place + x) / 2 + side * 0.13
        ax.text(middle, 0.5, number(share), ha=align, va="center", fontsize=11, fontweight="bold", color=INK)


def _line(ax: Axes, joint: float, merged: float | None) -> None:
    """The way from A to B, with the joint and the merge without debate on it, and the way between those."""
    from evals.findings.drawing import INK, QUIET

    x, y = 1 - joint, -0.14
    ax.plot([0, 1], [0, 0], color=QUIET, linewidth=0.8)
    left = merged is None or joint >= merged
    ax.text(
        x + (-0.05 if left else 0.05),
        y,
        "joint",
        ha="right" if left else "left",
        va="center",
        fontsize=8,
        color=INK,
    )
    if merged is not None:
        ax.plot(1 - merged, 0, "s", color=INK, fillstyle="none", markersize=8)
        ax.text(1 - merged + (0.05 if left else -0.05), y, "merge", ha="left" if left else "right", va="center",
                fontsize=8, color=INK)  # fmt: skip
        if abs(merged - joint) > STILL:
            look = {"arrowstyle": "->", "color": INK, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", xy=(x, y), xytext=(1 - merged, y), arrowprops=look)
    ax.plot(x, 0, "D", color=INK, markersize=7)


def _added(added: Told) -> str:
    """What debate added, in words: how far, and toward whom."""
    if added.mean is None:
        return "no merge without debate"
    if abs(added.mean) < STILL:
        return "debate added nothing"
    toward = "A" if added.mean > 0 else "B"
    return f"debate: {estimated(added.mean, added.low, added.high, signed=True)}, toward {toward}"
