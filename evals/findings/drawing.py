"""How do figures look: one style for all, colours that the colour-blind tell apart, and shapes beside colours."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, PALE = "#1b1f24", "#6b7280", "#e5e7eb"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Okabe & Ito 2008."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

BAND = "#c7ccd4"
"""Of a null behind an effect: darker than the grid, so that one without width is seen too."""

ON_PALE, ON_DARK = "#10151b", "#fdfdfd"
"""Of a number on a shade: these keep their colour whatever the theme of the page that the figure stands in."""

ROOM = 46
"""Characters of a name that a figure has room for."""

KEY = "Numbers stand for:"
"""Between the note of a figure and its key."""

STYLE: Any = {
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "xtick.color": QUIET,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "parley",
    "svg.fonttype": "none",
    "text.parse_math": False,
}


def look(i: int) -> dict[str, Any]:
    """Colour and marker of the i-th line: 64 that differ, though colours come again after eight."""
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]}


def styled() -> Any:
    """The style, for as long as a `with` lasts: figures are made and saved inside."""
    from matplotlib import rc_context

    return rc_context(STYLE)


def figure(rows: int = 1, columns: int = 1, *, width: float = 7.0, height: float = 4.0, **more: Any) -> Any:
    """A figure and its axes (always a 2-D array), drawn without a screen and without pyplot's state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    return fig, fig.subplots(rows, columns, squeeze=False, **more)


HASHED = re.compile(r"(?<=[#\"])([A-Za-z]+(?:[0-9a-f]+_[0-9a-f]+_)?)[0-9a-f]{10}(?=[\")])")
"""An id that matplotlib made of what it names, to the last digit of a float."""


def svg(fig: Figure, **how: Any) -> str:
    """A figure as SVG, its ids numbered as they come: the layout's last digits differ from process to process."""
    out = io.StringIO()
    fig.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None}, **how)
    seen: dict[str, str] = {}
    return HASHED.sub(lambda found: seen.setdefault(found[0], f"{found[1]}{len(seen)}"), out.getvalue())


def titled(fig: Figure, title: str, note: str = "", key: Sequence[str] = ()) -> Figure:
    """What the figure shows, above it in one sentence; below, how to read it, and the key of `keyed`."""
    fig.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold", color=INK)
    told = "\n".join([note, KEY, *key]).strip() if key else note
    if told:
        fig.supxlabel(told, x=0.01, ha="left", fontsize=8, color=QUIET)
    fig.set_size_inches(fig.get_figwidth(), fig.get_figheight() + 0.16 * len(key))
    return fig


def keyed(names: Sequence[str], room: int = ROOM) -> tuple[dict[str, str], list[str]]:
    """name -> as it is drawn, and the key: what has no room is drawn as a number, and told in full below.

    A key has a line a number, `(2) …`, for `titled`; it is empty where every name has room.
    """
    drawn: dict[str, str] = {}
    for name in dict.fromkeys(names):
        drawn[name] = name if len(name) <= room else f"({1 + sum(d != n for n, d in drawn.items())})"
    return drawn, [f"{short} {name}" for name, short in drawn.items() if short != name]


def forest(
    ax: Axes,
    labels: Sequence[str],
    means: Sequence[float | None],
    intervals: Sequence[tuple[float | None, float | None]],
    bands: Sequence[tuple[float | None, float | None]] = (),
) -> None:
    """Effects with their intervals, one a line, first on top; a grey band behind each is its null."""
    places = np.arange(len(labels))[::-1]
    for place, (low, high) in zip(places, bands, strict=False):
        if low is not None and high is not None:
            ax.fill_betweenx([place - 0.32, place + 0.32], low, high, color=BAND, linewidth=1.2)
    for place, mean, (low, high) in zip(places, means, intervals, strict=True):
        if mean is None:
            ax.annotate("not tested", (0, place), color=QUIET, va="center", fontsize=8)
            continue
        if low is not None and high is not None:
            ax.plot([low, high], [place, place], color=COLOURS[0], linewidth=2, solid_capstyle="butt")
        ax.plot(mean, place, marker="o", color=COLOURS[0], markersize=6)
    ax.axvline(0, color=INK, linewidth=0.9)
    ax.set_yticks(places, labels)
    ax.set_ylim(-0.7, len(labels) - 0.3)
    ax.grid(axis="y", visible=False)


def series(
    ax: Axes,
    x: Sequence[Any],
    lines: Mapping[str, Sequence[float | None]],
    bands: Mapping[str, Sequence[tuple[float | None, float | None]]] | None = None,
) -> None:
    """Lines with markers, each in a colour and a shape of its own, with a band where one is given."""
    places = np.arange(len(x))
    for i, (name, values) in enumerate(lines.items()):
        y = np.array([np.nan if v is None else v for v in values], dtype=float)
        ax.plot(places, y, **look(i), label=name, linewidth=1.6)
        if bands and name in bands:
            low, high = (
                np.array([np.nan if b[k] is None else b[k] for b in bands[name]], dtype=float) for k in (0, 1)
            )
            ax.fill_between(places, low, high, color=look(i)["color"], alpha=0.15, linewidth=0)
    ax.set_xticks(places, [str(v) for v in x])
    ax.margins(x=0.05)


def heatmap(
    ax: Axes,
    rows: Sequence[str],
    columns: Sequence[str],
    values: np.ndarray[Any, Any],
    text: Sequence[Sequence[str]],
) -> None:
    """Shares from 0 to 1 as shades, each with its number; a cell that is missing has none."""
    shown = np.ma.masked_invalid(values)
    ax.set_facecolor("white")
    ends = [np.arange(n + 1) - 0.5 for n in (len(columns), len(rows))]
    if shown.size:
        ax.pcolormesh(*ends, shown, cmap="Blues", vmin=0, vmax=1)
    ax.invert_yaxis()
    for i in range(len(rows)):
        for j in range(len(columns)):
            known = not np.ma.is_masked(shown[i, j])
            color = INK if not known else ON_DARK if shown[i, j] > 0.55 else ON_PALE
            ax.text(j, i, text[i][j], ha="center", va="center", fontsize=8, color=color)
    ax.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    ax.set_yticks(range(len(rows)), rows)
    ax.grid(visible=False)
