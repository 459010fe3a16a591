"""How sure is it where a population drifts: the phase line from runs, and from resamples of their worlds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.prosociality.groups import EVERYONE, PAIR, PROSOCIAL, by_type
from evals.prosociality.replicator import FixedPoint, Phase, gains, phase
from evals.statistics.bootstrap import FEWEST_FOR_INTERVAL, weights
from scenarios.errors import ParleyError
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 999
LEVEL = 0.95
POINTS = ("share", "stability", "basin", "basin_low", "basin_high", "stands", "share_low", "share_high")
PORTRAITS = ("portrait", "stands")


@dataclass(frozen=True, eq=False)
class Curves:
    """Payoffs by make-up of the group, world by world: NaN where a world lacks that run."""

    selfish: Array  # (worlds, n): π_S(0 … n−1)
    prosocial: Array  # (worlds, n): π_P(1 … n)
    worlds: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Drift:
    """The phase line of the means, and what of it stands when worlds are resampled."""

    phase: Phase
    points: pd.DataFrame
    """A row a fixed point (POINTS); `stands` is the share of resamples that have one like it."""
    portraits: pd.DataFrame
    """A row a portrait that came up (PORTRAITS), the most frequent first; shares of all resamples."""
    worlds: int
    resamples: int
    note: str = ""


def curves(
    table: pd.DataFrame, by: Sequence[str], pair: Sequence[str] = PAIR
) -> dict[tuple[Any, ...], Curves]:
    """`Curves` of each condition and size of group, by (*by, size), from a long table of payoffs.

    A world's value is the mean over its seeds of the runs that have one. Raises ParleyError as `groups.by_type`.
    """
    rows = by_type(table, by, pair)
    rows = rows[rows["type"] != EVERYONE]
    found: dict[tuple[Any, ...], Curves] = {}
    for key, group in rows.groupby([*by, "size"], dropna=False, sort=True):
        worlds = tuple(sorted(group["cluster"].unique(), key=str))
        n, order = int(key[-1]), {world: i for i, world in enumerate(worlds)}
        both = np.full((2, len(worlds), n), np.nan)
        means = group.groupby(["cluster", "prosocial", "type"])["payoff"].mean()
        for (world, k, kind), value in means.items():
            mine = int(kind == PROSOCIAL)
            both[mine, order[world], int(k) - mine] = value
        found[key] = Curves(both[0], both[1], worlds)
    return found


def drift(
    of: Curves, *, rng: np.random.Generator, mutation: float = 0.0, resamples: int = RESAMPLES
) -> Drift:
    """The phase line of mean payoffs over worlds, and in how many resamples of worlds its points stand.

    A point stands in a resample that has one of its stability at the same end, or, for one inside, anywhere inside;
    share_low, share_high are the 2.5 and 97.5 % quantiles of the nearest such point's share over those resamples
    (percentile bootstrap, Efron 1979). A world is drawn whole, with all its runs. A resample in which some make-up
    of the group has no world has no portrait ("unknown").
    Raises ParleyError where no run shows some make-up of the group, and for under one resample.
    """
    import pandas as pd

    if resamples < 1:
        raise ParleyError(f"resamples is {resamples}: draw at least 1, better {RESAMPLES}")
    means = [_means(v, np.ones((1, len(of.worlds))))[0] for v in (of.selfish, of.prosocial)]
    for values, name, first in zip(means, ("selfish", "prosocial"), (0, 1), strict=True):
        if np.isnan(values).any():
            k = int(np.argmax(np.isnan(values))) + first
            raise ParleyError(
                f"no run shows what a {name} agent gets with {k} prosocial agents in a group of {len(values)}: "
                "run that make-up, or take another condition"
            )
    told = phase(*means, mutation=mutation)
    drawn = weights(len(of.worlds), resamples, rng)
    both = np.stack([_means(v, drawn) for v in (of.selfish, of.prosocial)], axis=1)
    lines = [phase(*b, mutation=mutation) if not np.isnan(gains(*b)).any() else None for b in both]
    portraits = pd.Series([line.portrait if line else "unknown" for line in lines]).value_counts()
    few = len(of.worlds) < FEWEST_FOR_INTERVAL
    return Drift(
        phase=told,
        points=pd.DataFrame([_point(p, lines) for p in told.points], columns=list(POINTS)),
        portraits=pd.DataFrame({"portrait": portraits.index, "stands": portraits.to_numpy() / resamples}),
        worlds=len(of.worlds),
        resamples=resamples,
        note=f"under {FEWEST_FOR_INTERVAL} worlds: ranges of resamples, no interval" if few else "",
    )


def _means(values: Array, drawn: Array) -> Array:
    """Means over worlds (resamples, n) of (worlds, n), each world as often as drawn; NaN where no world has one."""
    seen = ~np.isnan(values)
    counts = drawn @ seen
    sums = drawn @ np.where(seen, values, 0.0)
    means: Array = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return means


def _point(p: FixedPoint, lines: Sequence[Phase | None]) -> dict[str, Any]:
    """The row of one fixed point, against the points of all resamples."""
    there = []
    for line in lines:
        alike = [q.share for q in line.points if _alike(p, q)] if line else []
        if alike:
            there.append(min(alike, key=lambda share: abs(share - p.share)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(there, [tail, 1 - tail]) if there else (np.nan, np.nan)
    return {
        "share": p.share,
        "stability": p.stability,
        "basin": p.basin,
        "basin_low": p.low,
        "basin_high": p.high,
        "stands": len(there) / len(lines),
        "share_low": float(low),
        "share_high": float(high),
    }


def _alike(p: FixedPoint, q: FixedPoint) -> bool:
    at_end = p.share in (0.0, 1.0) or q.share in (0.0, 1.0)
    return p.stability == q.stability and (not at_end or p.share == q.share)
