"""How far do judges agree: Krippendorff's α, of a judge with itself, with a second judge, and with people."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evals.rhetoric.asking import LABELS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Units = Sequence[Sequence[Hashable | None]]
"""One sequence a unit: the value each coder gave it, None or NaN where a coder gave none."""

FEWEST_WARDS = 20
FEWEST_UNITS = 10
MOST_UNDEFINED = 0.05
BY_ITSELF, BY_SECOND, BY_PEOPLE, AMONG_PEOPLE = "itself", "second judge", "people", "people among themselves"


@dataclass(frozen=True)
class Agreement:
    """α with its bootstrap interval; what it rests on; the share of agreeing pairs; why an interval is missing."""

    alpha: float
    low: float | None
    high: float | None
    units: int
    values: int
    agreeing: float
    resampled: str = ""
    note: str = ""


def alpha(units: Units) -> float:
    """Krippendorff's α for nominal values, any number of coders, missing values left out (Krippendorff 2011).

    With m_u values in unit u, n_uc of them equal to c, units with m_u < 2 left out, n_c = Σ_u n_uc, n = Σ_c n_c:

        D_o = (1/n) Σ_u Σ_c n_uc·(m_u − n_uc)/(m_u − 1),   D_e = Σ_c n_c·(n − n_c) / (n·(n − 1)),   α = 1 − D_o/D_e

    1 is perfect agreement, 0 what chance would give, below 0 systematic disagreement. NaN where nothing can be
    paired, or every paired value is the same: then nothing could have disagreed (0/0).
    """
    counts = [c for c in (Counter(v for v in unit if not _missing(v)) for unit in units) if c.total() > 1]
    totals: Counter[Hashable] = sum(counts, Counter())
    n = totals.total()
    expected = sum(c * (n - c) for c in totals.values())
    if expected == 0:
        return math.nan
    observed = sum(k * (c.total() - k) / (c.total() - 1) for c in counts for k in c.values())
    return 1.0 - (n - 1) * observed / expected


def agreement(
    units: Units,
    *,
    rng: np.random.Generator,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
) -> Agreement:
    """α of these units with a percentile bootstrap interval.

    Wards (`clusters`, one a unit) are resampled where there are at least 20, else units, which takes coding
    errors for independent of the ward; `resampled` says which. No interval, with a note: under 10 units; where
    over 5 % of the resamples have no α (a value too rare); where nobody disagreed (it would have no width).
    """
    import numpy as np

    kept = [i for i, unit in enumerate(units) if sum(not _missing(v) for v in unit) > 1]
    paired = [[v for v in units[i] if not _missing(v)] for i in kept]
    value = alpha(paired)
    counted, m = _counts(paired)
    disagreeing = (counted * (m[:, None] - counted)).sum(1) / np.maximum(m * (m - 1), 1)
    agreeing = float(1 - disagreeing.mean()) if paired else math.nan
    found = Agreement(value, None, None, len(paired), int(m.sum()), agreeing)
    if why := _no_interval(value, agreeing, len(paired)):
        return replace(found, note=why)
    wards = [clusters[i] for i in kept] if clusters is not None else []
    by_ward = len(set(wards)) >= FEWEST_WARDS
    names = [str(w) for w in wards] if by_ward else list(map(str, kept))
    groups = np.unique(np.array(names), return_inverse=True)[1]
    drawn = _resampled(counted, m, groups, rng, resamples)
    missing = np.isnan(drawn).mean()
    if missing > MOST_UNDEFINED:
        return replace(found, note=f"too rare: {missing:.0%} of resamples have one value alone")
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return replace(found, low=float(low), high=float(high), resampled="wards" if by_ward else "arguments")


def agreements(
    labels: pd.DataFrame, people: pd.DataFrame | None, *, rng: np.random.Generator
) -> pd.DataFrame:
    """α of every label: the judge with itself, with the second judge, with people; and people among themselves.

    `labels` as `evals.rhetoric.judge` returns them, `people` as `evals.rhetoric.people.votes` does (or None).
    One row a label and pair: `label`, `between`, `judge`, then the fields of `Agreement`. A pair that was not
    measured has a row that says so.
    """
    import pandas as pd

    first = labels[labels.reading == "first"]
    judge = str(first.judge.iloc[0]) if len(first) else ""
    sides = [(BY_ITSELF, labels[labels.reading == "again"]), (BY_SECOND, labels[labels.reading == "other"])]
    ward = dict(zip(labels.turn, labels.cluster, strict=True))
    rows = []
    for label in LABELS:
        own = first[first.label == label].set_index("turn").score
        pairs = [(name, own, side[side.label == label].set_index("turn").score) for name, side in sides]
        voted = None if people is None else people[people.label == label]
        if voted is not None:
            pairs.append((BY_PEOPLE, own, _majority(voted)))
        measured = {
            name: [(turn, (a.get(turn), b[turn])) for turn in b.index if turn in a.index]
            for name, a, b in pairs
        }
        if voted is not None:
            by_turn = voted.groupby("turn", sort=True).value
            measured[AMONG_PEOPLE] = [(turn, tuple(values)) for turn, values in by_turn]
        for between in (BY_ITSELF, BY_SECOND, BY_PEOPLE, AMONG_PEOPLE):
            units = measured.get(between, [])
            found = agreement(
                [values for _, values in units], clusters=[ward.get(turn, turn) for turn, _ in units], rng=rng
            )
            rows.append({"label": label, "between": between, "judge": judge} | vars(found))
    return pd.DataFrame(rows)


def _majority(voted: pd.DataFrame) -> pd.Series:
    from evals.rhetoric.people import majority

    return majority(voted).set_index("turn").truth


def _counts(units: Units) -> tuple[Any, Any]:
    """n_uc of shape (units, values) and m_u of shape (units,)."""
    import numpy as np

    values = {v: k for k, v in enumerate(dict.fromkeys(v for unit in units for v in unit))}
    counted = np.zeros((len(units), max(1, len(values))))
    for i, unit in enumerate(units):
        for v in unit:
            counted[i, values[v]] += 1
    return counted, counted.sum(1)


def _resampled(counted: Any, m: Any, groups: Any, rng: np.random.Generator, resamples: int) -> Any:
    """α of each resample of whole groups, NaN where it has none; from sums over units, so that none is copied."""
    import numpy as np

    size = int(groups.max()) + 1
    weight = rng.multinomial(size, np.full(size, 1 / size), size=resamples)[:, groups]  # (resamples, units)
    totals = weight @ counted
    n = totals.sum(1)
    observed = weight @ ((counted * (m[:, None] - counted)).sum(1) / (m - 1))
    expected = (totals * (n[:, None] - totals)).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * observed / expected, np.nan)


def _no_interval(value: float, agreeing: float, units: int) -> str:
    if units == 0:
        return "not measured"
    if math.isnan(value):
        return "every value is the same"
    if units < FEWEST_UNITS:
        return f"under {FEWEST_UNITS} arguments"
    return "nobody disagreed" if agreeing == 1.0 else ""


def _missing(value: Any) -> bool:
    return value is None or value != value
