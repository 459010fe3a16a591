"""What did a move do: step classes in both declared utilities, and what became of each contested cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.objective import Objective
from scenarios.ward import NOTICEABLE, TOLERANCE, Array, Ward

Step = Literal["fortunate", "selfish", "concession", "unfortunate", "nice", "silent"]
Tag = Literal["hold", "contest", "concede", "trade"]
Label = Literal["hold", "contest", "concede", "trade", "silent"]

INDIFFERENCE = 1e-3
"""A change of utility of at most this counts as none (DEFINITIONS; the field's own choice is 0)."""

TRADE_SHARE = 0.1
"""A move is headed `trade` where the lesser of what it gave and claimed is this share of both (ours)."""


@dataclass(frozen=True)
class MoveStrategy:
    """What one move did.

    `step` and the two deltas are None where a seat declares no values. `cells` tags every cell that was in
    dispute before the move or is because of it; `counts` counts the tags. `toward` and `away` are how far the
    move came toward the other's allocation and went away from it: summed over cells, as shares of the cell's
    demand. `label` is the headline: see `headline`.
    """

    step: Step | None
    delta_own: float | None
    delta_other: float | None
    cells: dict[str, Tag]
    counts: dict[Tag, int]
    toward: float
    away: float
    label: Label


class Influence(NamedTuple):
    """How far the joint went from B's solo (weight 0) to A's (weight 1), and how well that fits."""

    weight: float
    r2: float


def contested(ward: Ward, moves: Sequence[Array]) -> tuple[str, ...]:
    """Cells `patient.resource`, in ward order, on which moves differ by more than a thousandth of the demand."""
    stacked = np.array(moves, dtype=float)
    return _names(ward, np.ptp(stacked, axis=0) > _margin(ward)) if len(stacked) else ()


def step_class(delta_own: float, delta_other: float) -> Step:
    """The step class of (Δu_own, Δu_other), |Δ| <= 1e-3 as 0 (Hindriks, Jonker & Tykhonov 2007).

    fortunate (+, +), selfish (+, <=0), concession (−, >=0), unfortunate (<=0, −), nice (0, +), silent (0, 0).
    """
    own, other = (0 if abs(d) <= INDIFFERENCE else int(np.sign(d)) for d in (delta_own, delta_other))
    if own > 0:
        return "fortunate" if other > 0 else "selfish"
    if other < 0:
        return "unfortunate"
    if own < 0:
        return "concession"
    return "nice" if other > 0 else "silent"


def classify_move(
    ward: Ward,
    *,
    before: Array,
    after: Array,
    others: Sequence[Array],
    own_utility: Objective | None = None,
    other_utilities: Sequence[Objective] = (),
) -> MoveStrategy:
    """What a move from `before` (the seat's previous move, its solo at first) to `after` did.

    `others` are the moves of the other seats that stand at that moment, each its solo until it has moved;
    with more than one, the other's value on a cell is their mean and u_other the mean of their utilities
    (ours). Utilities are those of declared values; leave out `own_utility`, or give no `other_utilities`,
    where a seat has none: the move is then not classified as a step. Arrays: (patients, resources), in units.
    """
    step, delta_own, delta_other = _step(ward, before, after, own_utility, other_utilities)
    margin, demand = _margin(ward), np.maximum(ward.arrays.demand, TOLERANCE)
    other = np.mean(np.array(others, dtype=float), axis=0) if len(others) else before
    far_before, far_after = abs(before - other), abs(after - other)
    disputed, moved = far_before > margin, abs(after - before) > margin
    nearer = disputed & moved & (far_after < far_before - margin)
    contest = moved & ~nearer & (disputed | (far_after > margin))
    hold = disputed & ~moved
    trade = nearer.any() and contest.any()
    tagged: dict[str, Tag] = dict.fromkeys(_names(ward, hold), "hold")
    tagged |= dict.fromkeys(_names(ward, nearer), "trade" if trade else "concede")
    tagged |= dict.fromkeys(_names(ward, contest), "trade" if trade else "contest")
    cells = {name: tagged[name] for name in _names(ward, disputed | contest)}
    change = (far_before - far_after) / demand
    toward, away = float(change[nearer].sum()), float(np.maximum(-change[contest], 0).sum())
    counts = dict(Counter(cells.values()))
    label = headline(toward, away, bool(contest.any()), bool(hold.any()))
    return MoveStrategy(step, delta_own, delta_other, cells, counts, toward, away, label)


def headline(toward: float, away: float, contests: bool, holds: bool) -> Label:
    """The move in one word: what most of its movement was, as shares of demand (ours).

    `trade` where it both gave and claimed and the lesser is at least a tenth of the two together; else
    `concede` or `contest`, whichever is more; `hold` where it moved nothing in dispute; `silent` where
    nothing was in dispute.
    """
    if toward or away:
        if min(toward, away) >= TRADE_SHARE * (toward + away):
            return "trade"
        return "concede" if toward > away else "contest"
    return "contest" if contests else "hold" if holds else "silent"


def overridden(ward: Ward, joint: Array, solos: Sequence[Array], moves: Sequence[Array]) -> dict[str, int]:
    """Override: cells where the joint equals one seat's solo although another still contests it.

    Another contests it where its last move differs there from the joint. The value is the index of the seat
    whose solo prevailed, the first of those if several panel members share it; where *all* solos equal the
    joint nobody was overridden.
    """
    margin = _margin(ward)
    kept = np.array([abs(joint - solo) <= margin for solo in solos])
    refuses = np.array([abs(joint - move) > margin for move in moves])
    out: dict[str, int] = {}
    for i, k in np.argwhere(kept.any(axis=0) & ~kept.all(axis=0)):
        prevailing = int(np.flatnonzero(kept[:, i, k])[0])
        if any(refuses[s, i, k] for s in range(len(moves)) if s != prevailing):
            out[_name(ward, i, k)] = prevailing
    return out


def influence(a: Array, b: Array, joint: Array) -> Influence | None:
    """How much of the joint is A's: w = ⟨J − B, A − B⟩ / ‖A − B‖², 1 at A's solo, 0 at B's; may pass both.

    R² = 1 − ‖J − B − w(A − B)‖² / ‖J − B‖², in [0, 1], of that regression through the origin: 1 where the
    joint lies on the line through the two solos (J = B included). None, undefined, where A = B, to within
    a ten-thousandth of their size: solvers leave as much between solos that are meant to be the same.
    """
    along, gone = (a - b).ravel(), (joint - b).ravel()
    length = float(along @ along)
    if length <= (1e-4 * max(1.0, float(np.linalg.norm(a) + np.linalg.norm(b)))) ** 2:
        return None
    weight = float(gone @ along) / length
    total, rest = float(gone @ gone), gone - weight * along
    r2 = 1.0 if total <= TOLERANCE**2 else 1 - float(rest @ rest) / total
    return Influence(weight, min(1.0, max(0.0, r2)))


def _step(
    ward: Ward, before: Array, after: Array, own: Objective | None, others: Sequence[Objective]
) -> tuple[Step | None, float | None, float | None]:
    def change(u: Objective) -> float:
        return u.value(ward, after) - u.value(ward, before)

    delta_own = None if own is None else change(own)
    delta_other = float(np.mean([change(u) for u in others])) if others else None
    if delta_own is None or delta_other is None:
        return None, delta_own, delta_other
    return step_class(delta_own, delta_other), delta_own, delta_other


def _margin(ward: Ward) -> Array:
    return np.maximum(NOTICEABLE * ward.arrays.demand, TOLERANCE)


def _name(ward: Ward, i: int, k: int) -> str:
    return f"{ward.patients[i].id}.{list(ward.resources)[k]}"


def _names(ward: Ward, where: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(_name(ward, i, k) for i, k in np.argwhere(where))
