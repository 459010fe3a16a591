"""Who got what at each stage of one debate: a small map of the ward a stage, every patient in one place?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.by_stage import called, ordered
from evals.findings.section import number
from evals.frames import favoured_term
from personas.utility import in_group
from scenarios.measures import need_satisfaction
from scenarios.ward import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nodes.record import RunRecord

STAR, FLAG = "★", "⚑"
ALIKE = 1e-6
"""Amounts nearer than this are one: allocations are recorded to six digits."""
MOST_COLUMNS = 4
"""A ward of more resources is drawn by the need met in all, one column a patient."""
MOST_LETTERED = 24
"""In a ward of more patients a tile has no room for words."""


@dataclass(frozen=True)
class Map:
    """One allocation of a ward: `met` h_i of each patient, (patients,), and `shares` of each need, (patients,
    resources), in [0, 1], NaN where nothing is needed; `contested` are cells (patient, resource)."""

    stage: str
    title: str
    met: Array
    shares: Array
    lead: float | None
    """Mean need met of the favoured less that of the rest; None where nobody, or everybody, is favoured."""
    contested: frozenset[tuple[int, int]] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Tile:
    """Where a patient lies, and how it is told: the same in every map."""

    patient: int
    name: str
    favoured: bool
    x: float
    y: float
    columns: tuple[int, ...]
    """The resources it needs; none where only the need met in all is drawn."""


def maps(record: RunRecord) -> list[Map]:
    """The allocations of a debate as maps, in order: solos, their merge, each round, the joint, exit solos.

    The last round stands for the joint where both are the same allocation. [] for a run that is invalid.
    """
    ward, demand = record.scenario, record.scenario.arrays.demand
    stages = ordered(list(record.measures))
    at = {stage: ward.array(record.measures[stage].allocation) for stage in stages}
    favoured = favoured_in(record)
    disputed = {f"round:{r.round}": r.contested for r in record.rounds}
    last = f"round:{record.rounds[-1].round}" if record.rounds else ""
    same = last in at and "joint" in at and bool(np.allclose(at[last], at["joint"], atol=ALIKE))
    who = {s.seat: s.persona.name for s in record.seats}
    found = []
    for stage, x in at.items():
        if stage == "joint" and same:
            continue
        met = need_satisfaction(x, demand)
        shares = np.divide(x, demand, out=np.full_like(x, np.nan), where=demand > 0)
        title = f"{_title(stage, who)}: the joint" if stage == last and same else _title(stage, who)
        cells = frozenset(_cell(record, told) for told in disputed.get(stage, ()))
        found.append(Map(stage, title, met, shares, lead(met, favoured), cells))
    return found


def favoured_in(record: RunRecord) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which patients the last biased seat favours, (patients,); nobody where no seat is biased."""
    term = favoured_term(record)
    if term is None:
        return np.zeros(len(record.scenario.patients), dtype=bool)
    return np.asarray(in_group(record.scenario, term) > 0)


def lead(met: Array, favoured: np.ndarray[Any, np.dtype[np.bool_]]) -> float | None:
    """Mean need met of the favoured less that of the rest, in [−1, 1]; None where one of them is nobody."""
    known = ~np.isnan(met)
    one, other = known & favoured, known & ~favoured
    return float(met[one].mean() - met[other].mean()) if one.any() and other.any() else None


def ward_map(record: RunRecord) -> Figure:
    """One debate as small ward maps, a stage each: a tile a patient, a column in it each resource that it needs,
    filled to the share given. ★: favoured; ⚑: in dispute after that round. Of an invalid run, a figure that says so.
    """
    from evals.findings.drawing import figure, titled

    title = f"Who got what, round by round: {record.scenario.title}"
    drawn = maps(record)
    if not drawn:
        fig, axes = figure(width=6, height=1.4)
        axes[0, 0].axis("off")
        axes[0, 0].text(0, 0.5, "The run is invalid: it came to no allocation.", va="center")
        return titled(fig, title)
    tiles = tiles_of(record)
    across = int(max(t.x for t in tiles)) + 1
    down = int(max(-t.y for t in tiles)) + 1
    lines = _lines(drawn)
    columns = max(len(line) for line in lines)
    side = max(min(0.82, 11.0 / (columns * across)), 0.34)
    width, height = columns * (across * side + 0.2), len(lines) * (down * side + 0.3) + 0.9
    fig, axes = figure(len(lines), columns, width=width, height=height)
    fig.get_layout_engine().set(wspace=0.03)
    names = abbreviations(list(record.scenario.resources))
    for row, line in zip(axes, lines, strict=True):
        for ax, at in zip(row, line, strict=False):
            _draw(ax, at, tiles, list(names.values()), (across, down))
        for ax in row[len(line) :]:
            ax.set_visible(False)
    return titled(fig, title, _note(record, names, tiles))


def tiles_of(record: RunRecord) -> list[Tile]:
    """Patients as tiles, the favoured first and the iller before the less ill; who needs nothing has none."""
    arrays, favoured = record.scenario.arrays, favoured_in(record)
    shown = [int(i) for i in np.flatnonzero(arrays.counted)]
    shown.sort(key=lambda i: (not favoured[i], -arrays.acuity[i], i))
    across = max(1, int(np.ceil(np.sqrt(2 * len(shown)))))
    by_resource = arrays.demand.shape[1] <= MOST_COLUMNS and len(shown) <= MOST_LETTERED
    out = []
    for place, i in enumerate(shown):
        columns = tuple(int(c) for c in np.flatnonzero(arrays.demand[i] > 0)) if by_resource else ()
        name = record.scenario.patients[i].id
        out.append(Tile(i, name, bool(favoured[i]), place % across, -(place // across), columns))
    return out


def abbreviations(names: Sequence[str]) -> dict[str, str]:
    """Each name by its first letters, at least three, as many as tell it from the others."""
    for letters in range(3, 1 + max(len(n) for n in names)):
        short = [n[:letters].rstrip("_") for n in names]
        if len(set(short)) == len(names):
            return dict(zip(names, short, strict=True))
    return {n: n for n in names}


def _title(stage: str, who: Mapping[str, str]) -> str:
    """A stage as a map is headed: `A alone · rawlsian`, `Round 1`."""
    words = "merged without debate" if stage == "no_debate" else called(stage)
    seat = who.get(stage.partition(":")[2])
    return words[0].upper() + words[1:] + (f" · {seat}" if seat else "")


def _cell(record: RunRecord, told: str) -> tuple[int, int]:
    """`patient.resource` as the places of both in the ward."""
    patient, _, resource = told.partition(".")
    ids = [p.id for p in record.scenario.patients]
    return ids.index(patient), list(record.scenario.resources).index(resource)


def _lines(drawn: Sequence[Map]) -> list[list[Map]]:
    """Maps by what they are: before the debate, its rounds, after it; at most four in a line."""
    kinds: dict[str, list[Map]] = {}
    for m in drawn:
        kind = m.stage.split(":")[0]
        kinds.setdefault(
            {"solo": "before", "no_debate": "before", "exit_solo": "after"}.get(kind, "debate"), []
        ).append(m)
    return [line[i : i + 4] for line in kinds.values() for i in range(0, len(line), 4)]


def _note(record: RunRecord, names: Mapping[str, str], tiles: Sequence[Tile]) -> str:
    ward = record.scenario
    goods = "; ".join(
        f"{names[n]}: {n.replace('_', ' ')}, {r.capacity:g} {r.unit}" for n, r in ward.resources.items()
    )
    term = favoured_term(record)
    order = "the iller first" if term is None else "the favoured first, then by how ill they are"
    columns = (
        "a column: a resource it needs" if any(t.columns for t in tiles) else "the column: all that it needs"
    )
    first = f"A tile: a patient, {order}; {columns}, filled to the share given; number: need met."
    marks = f"{FLAG} in dispute after the round."
    if term is not None:
        marks = f"{STAR} and orange: favoured ({_groups(term)}); " + marks
    return f"{first}\n{marks}\n{goods}."


def _groups(term: str) -> str:
    """`age_group=child,adult` as `age group: child, adult`."""
    return term.replace("_", " ").replace("=", ": ").replace(",", ", ")


def _draw(ax: Axes, at: Map, tiles: Sequence[Tile], names: Sequence[str], size: tuple[int, int]) -> None:
    from evals.findings.drawing import INK

    ax.set_xlim(-0.02, size[0])
    ax.set_ylim(1 - size[1] - 0.02, 1.02)
    ax.set_aspect("equal", adjustable="box")
    ax.axis("off")
    ax.set_title(at.title, fontsize=9.5, color=INK, pad=4)
    if at.lead is not None:
        words = f"lead of {STAR} {number(at.lead, signed=True)}"
        ax.set_title(words, loc="right", fontsize=9, fontweight="normal", color=INK, pad=4)
    head = min(7.5, 60 / (max(len(t.name) for t in tiles) + 6))
    for tile in tiles:
        _tile(ax, at, tile, names, head)


def _tile(ax: Axes, at: Map, tile: Tile, names: Sequence[str], size: float) -> None:
    """A patient: head, columns filled to the share given, and under each its resource."""
    from matplotlib.patches import Rectangle

    from evals.findings.drawing import COLOURS, INK, PALE, QUIET

    ax.add_patch(Rectangle((tile.x, tile.y), 0.96, 0.96, facecolor="none", edgecolor=PALE, linewidth=0.8))
    head = f"{tile.name} {STAR}" if tile.favoured else tile.name
    met = float(at.met[tile.patient])
    ax.text(tile.x + 0.05, tile.y + 0.85, head, fontsize=size, va="center", color=INK)
    ax.text(tile.x + 0.91, tile.y + 0.85, number(met), fontsize=size, va="center", ha="right", color=INK)
    shares = [float(at.shares[tile.patient, c]) for c in tile.columns] or [met]
    width, colour = 0.88 / len(shares), COLOURS[1] if tile.favoured else COLOURS[0]
    for k, share in enumerate(shares):
        x, y, whole = tile.x + 0.05 + k * width, tile.y + 0.2, 0.54
        box = (x, y), width - 0.03
        ax.add_patch(Rectangle(*box, whole * min(1.0, share), facecolor=colour, linewidth=0))
        ax.add_patch(Rectangle(*box, whole, facecolor="none", edgecolor=QUIET, linewidth=0.6))
        ax.text(x + width / 2 - 0.015, tile.y + 0.1, _label(at, tile, k, names), color=INK, va="center",
                ha="center", fontsize=7.5 if len(shares) < 3 else 5.5)  # fmt: skip


def _label(at: Map, tile: Tile, k: int, names: Sequence[str]) -> str:
    """Under a column: its resource, and a flag where the cell is in dispute; any cell, if none is named."""
    if not tile.columns:
        return FLAG if any(patient == tile.patient for patient, _ in at.contested) else ""
    flag = f" {FLAG}" if (tile.patient, tile.columns[k]) in at.contested else ""
    return names[tile.columns[k]] + flag
