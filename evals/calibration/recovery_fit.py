"""Which strength, concession and persuasion fit records best, jointly: a simulated likelihood and its profiles.

What is observed is the share of demand in each cell of each solo, move and exit solo. It is taken to be what
reference seats would have done (`recovery_grid`) plus independent Gaussian noise of one scale for all, and that
scale is profiled out:

    ℓ(θ) = −(M / 2) · log(RSS(θ) / M),   M = Σ `freedom` of what is observed

A parameter's profile is the greatest ℓ over the others; its 95 % interval is where that is within THRESHOLD of the
maximum, a simulated step wider on either side. Real seats answer what they heard, so their noise carries on from
move to move: for seats other than reference ones the bootstrap over wards stands beside the profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evals.calibration.recovery_debate import Setup, observed
from evals.calibration.recovery_grid import FINER, PARAMETERS, Grid, simulated
from scenarios.errors import ParleyError
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

THRESHOLD = 1.9207
"""χ²₁(.95) / 2: a profile that drops by less over its whole range is flat, the parameter not identified."""

FINEST = 1e-4
"""Least noise scale, in shares of demand: records keep six digits and optima are good to about as many."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Profile:
    """One parameter: its likeliest value and its 95 % profile interval, no finer than a step of the simulated grid.

    `drop` is how far the profile falls over the grid's range. Under THRESHOLD nothing is known: not `identified`,
    the estimate nan and the ends those of the grid. `at_edge`: the interval reaches an end of the grid.
    """

    parameter: str
    estimate: float
    low: float
    high: float
    drop: float
    identified: bool
    at_edge: bool

    @property
    def note(self) -> str:
        """What to say of it in a word or two."""
        if not self.identified:
            return "not identified"
        return "bounded on one side" if self.at_edge else ""


def loglikelihood(squares: Array, free: float) -> Array:
    """ℓ of every point, the noise scale (at least FINEST) profiled out; 0 everywhere where nothing is observed."""
    if free <= 0:
        return np.zeros_like(squares)
    return np.asarray(-free / 2 * np.log(np.maximum(squares / free, FINEST**2)))


def profiles(squares: Array, free: float, grid: Grid) -> list[Profile]:
    """The profile of every parameter that the grid fits, from RSS over its finer points and degrees of freedom."""
    fine = grid.fine
    likelihood = loglikelihood(squares, free).reshape(fine.shape)
    return [_profile(name, likelihood, fine) for name in grid.fitted]


def _profile(name: str, likelihood: Array, fine: Grid) -> Profile:
    axis, values = PARAMETERS.index(name), getattr(fine, name)
    profile = likelihood.max(axis=tuple(i for i in range(likelihood.ndim) if i != axis))
    drop = float(profile.max() - profile.min())
    if drop < THRESHOLD:
        return Profile(name, float("nan"), values[0], values[-1], drop, False, True)
    inside = np.flatnonzero(profile >= profile.max() - THRESHOLD)
    first, last = max(int(inside[0]) - FINER, 0), min(int(inside[-1]) + FINER, len(values) - 1)
    edge = first == 0 or last == len(values) - 1
    return Profile(name, values[int(np.argmax(profile))], values[first], values[last], drop, True, edge)


def fitted(
    records: Iterable[RunRecord],
    grid: Grid | None = None,
    *,
    rng: np.random.Generator,
    resamples: int = 500,
    progress: Progress | None = None,
    processes: int = 1,
) -> pd.DataFrame:
    """Strength, exponent and persuasion that fit records best, jointly: one row a parameter.

    The records are of one condition: their seats share what is fitted. For `chat` seats the numbers say which
    reference seats would have moved most like them, and `noise` how unlike they still are. About 15 s a
    record and process.

    Columns: parameter, estimate, low, high (profile), drop, identified, at_edge, ward_low, ward_high (95 %
    percentile bootstrap over wards; NaN under two wards), noise (scale, in shares of demand), wards, records,
    missing (invalid records), note. Raises ParleyError where there is no valid record.
    """
    import pandas as pd

    grid = grid or Grid()
    records = list(records)
    valid = [r for r in records if r.status == "complete"]
    if not valid:
        raise ParleyError(f"{len(records)} records, none of them valid: nothing to fit; run debates first")
    squares: dict[str, Array] = {}
    free: dict[str, float] = {}
    jobs = [(record, grid) for record in valid]
    for done, (record, (rss, dof)) in enumerate(zip(valid, _mapped(jobs, processes), strict=True), start=1):
        ward = record.scenario.name.partition("--twin-")[0]
        squares[ward], free[ward] = squares.get(ward, 0.0) + rss, free.get(ward, 0.0) + dof
        if progress is not None:
            progress(done, len(valid))
    total, dof = np.sum(list(squares.values()), axis=0), sum(free.values())
    ends = _bootstrap(squares, free, grid, rng, resamples)
    about = {
        "noise": float(np.sqrt(total.min() / dof)) if dof else float("nan"),
        "wards": len(squares),
        "records": len(valid),
        "missing": len(records) - len(valid),
    }
    return pd.DataFrame(
        [
            vars(p)
            | dict(zip(("ward_low", "ward_high"), ends[p.parameter], strict=True))
            | about
            | {"note": p.note}
            for p in profiles(total, dof, grid)
        ]
    )


Job = tuple["RunRecord", Grid]


def _mapped(jobs: Sequence[Job], processes: int) -> Iterator[tuple[Array, float]]:
    """RSS and degrees of freedom of every record, in order."""
    if processes <= 1 or len(jobs) == 1:
        yield from map(_squares, jobs)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # `spawn`: a fork of a process that holds threads may hang.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_squares, jobs)


def _squares(job: Job) -> tuple[Array, float]:
    record, grid = job
    return simulated(Setup.of(record), grid).squares(observed(record))


def _bootstrap(
    squares: Mapping[str, Array],
    free: Mapping[str, float],
    grid: Grid,
    rng: np.random.Generator,
    resamples: int,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of the estimates over resampled wards."""
    wards, fine = list(squares), grid.fine
    if len(wards) < 2:
        return dict.fromkeys(grid.fitted, (float("nan"), float("nan")))
    rss, dof = np.array([squares[w] for w in wards]), np.array([free[w] for w in wards])
    counts = rng.multinomial(len(wards), np.full(len(wards), 1 / len(wards)), size=resamples)
    best = [int(np.argmax(loglikelihood(c @ rss, float(c @ dof)))) for c in counts]
    at = dict(zip(PARAMETERS, np.unravel_index(best, fine.shape), strict=True))
    out = {}
    for name in grid.fitted:
        low, high = np.quantile(np.array(getattr(fine, name))[at[name]], [0.025, 0.975])
        out[name] = (float(low), float(high))
    return out
