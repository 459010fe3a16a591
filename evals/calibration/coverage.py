"""Do the intervals cover and do the tests keep their size: simulated studies with a known truth.

A cell is a shape of data at a number of wards. Each of its studies is simulated, estimated by `evals.statistics`
as any study is, and compared with the truth: a parameter where it is one, else (a gap) a large simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evals.statistics import (
    Estimate,
    cluster_gaps,
    estimates,
    gap,
    minimum_detectable_effect,
    permutation_tests,
    sign_flips,
)
from scenarios.errors import ParleyError
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 999
DRAWN = 999
"""Sign assignments, swaps and permutations drawn: (999 + 1) · .05 is whole, so a drawn test can be exact."""
ALPHA = 0.05
COVERS = (0.93, 0.97)
PORTION = 100
"""Studies that share resamples."""
LARGE = 200_000
"""Wards of the simulation that stands for the truth of a gap."""

PATIENTS = 12
GROUPS = np.array([0.45, 0.3, 0.15, 0.1])
ORDERED = np.array([0.0, -0.07, -0.14, -0.21])
ONE_APART = np.array([0.0, 0.0, 0.0, -0.21])
NONE_APART = np.zeros(4)
CONTROL = 0.5
"""Share of the group shifts that the control condition has, in cells that compare two gaps."""


@dataclass
class Tally:
    """Counts of one cell, added up portion by portion; `tested` of an event that was not looked for stays 0."""

    truth: float = float("nan")
    counts: dict[str, int] = field(default_factory=dict)
    tested: dict[str, int] = field(default_factory=dict)

    def add(self, event: str, happened: NDArray[np.bool_]) -> None:
        """So many studies in which the event happened, of so many."""
        self.counts[event] = self.counts.get(event, 0) + int(happened.sum())
        self.tested[event] = self.tested.get(event, 0) + len(happened)

    def intervals(self, found: Sequence[Estimate]) -> None:
        """Intervals against the truth; a study without one is counted apart."""
        ends = np.array([(e.low, e.high) for e in found], dtype=float).reshape(-1, 2)
        there = ~np.isnan(ends).any(axis=1)
        self.add("no_interval", ~there)
        self.add("too_high", ends[there, 0] > self.truth)
        self.add("too_low", ends[there, 1] < self.truth)

    def share(self, event: str) -> float:
        """Share of studies in which the event happened; NaN where it was not looked for."""
        tested = self.tested.get(event, 0)
        return self.counts[event] / tested if tested else float("nan")


@dataclass(frozen=True)
class Cell:
    """A shape of data at a number of wards; `simulate` adds a portion of studies to the tally."""

    name: str
    wards: int
    test: str
    simulate: Callable[[Tally, np.random.Generator, int, int], None]
    truth: Callable[[np.random.Generator, int], float]


def coverage(
    studies: int,
    rng_seed: int,
    progress: Callable[[int, int], None] | None = None,
    cells: Sequence[Cell] | None = None,
) -> pd.DataFrame:
    """Coverage of the 95 % interval, and size and power of the tests at .05: one row a cell.

    cell, wards, studies, resamples
    truth            what the interval is to cover
    coverage         share of the intervals that hold it; NaN where no interval is given (12 wards)
    too_high, too_low   shares of intervals wholly above and wholly below it
    no_interval      share of studies that gave none (under 20 wards left, or no finite end)
    test             the test whose size and power follow
    size             share rejected where the conditions (or labels) are exchangeable, the null of the test
    mean_zero_size   the same where only the mean is 0: what a sign-flip does not promise for skewed differences
    power            share rejected at the least effect that normal differences detect with power .8 (for gaps:
                     at the truth named)
    low_band, high_band   99 % Monte Carlo band of a size of .05
    verdict          "within", or the shortfall in words: coverage in [.93, .97] and size in the band

    The same seed gives the same table, and a cell the same row whatever stands beside it.
    """
    import pandas as pd

    if studies < 1:
        raise ParleyError(f"studies is {studies}: simulate at least 1, better 2000")
    chosen = CELLS if cells is None else tuple(cells)
    rows = []
    for done, cell in enumerate(chosen):
        rows.append(_row(cell, studies, rng_seed))
        if progress is not None:
            progress(done + 1, len(chosen))
    return pd.DataFrame(rows)


def _row(cell: Cell, studies: int, rng_seed: int) -> dict[str, Any]:
    rng = np.random.default_rng([rng_seed, cell.wards, *cell.name.encode()])
    tally = Tally(truth=cell.truth(rng, cell.wards))
    for start in range(0, studies, PORTION):
        cell.simulate(tally, rng, min(PORTION, studies - start), cell.wards)
    low, high = band(studies)
    covered = 1 - tally.share("too_high") - tally.share("too_low")
    return {
        "cell": cell.name,
        "wards": cell.wards,
        "studies": studies,
        "resamples": RESAMPLES,
        "truth": tally.truth,
        "coverage": covered,
        **{name: tally.share(name) for name in ("too_high", "too_low", "no_interval")},
        "test": cell.test,
        **{name: tally.share(name) for name in ("size", "mean_zero_size", "power")},
        "low_band": low,
        "high_band": high,
        "verdict": verdict(covered, tally.share("size"), low, high),
    }


def band(studies: int) -> tuple[float, float]:
    """The shares of rejections between which 99 % of runs of `studies` studies lie if the size is .05."""
    from scipy.stats import binom

    low, high = (float(binom.ppf(tail, studies, ALPHA)) / studies for tail in (0.005, 0.995))
    return low, high


def verdict(covered: float, size: float, low: float, high: float) -> str:
    """ "within", or what falls short."""
    said = []
    if covered < COVERS[0]:
        said.append(f"95 % interval covers {covered:.3f}")
    elif covered > COVERS[1]:
        said.append(f"95 % interval is wide: covers {covered:.3f}")
    if size > high:
        said.append(f"test rejects {size:.3f}, above {high:.3f}")
    elif size < low:
        said.append(f"test is timid: rejects {size:.3f}, below {low:.3f}")
    return "; ".join(said) or "within"


# ── differences of wards ──────────────────────────────────────────────────────────────────────────────

Draw = Callable[[np.random.Generator, tuple[int, int], float], Array]
"""Differences (rows, studies) with a given mean."""


def _normal(rng: np.random.Generator, shape: tuple[int, int], centre: float) -> Array:
    return centre + rng.standard_normal(shape)


def _skewed(rng: np.random.Generator, shape: tuple[int, int], centre: float) -> Array:
    return centre + rng.standard_exponential(shape) - 1


def _heavy(rng: np.random.Generator, shape: tuple[int, int], centre: float) -> Array:
    return centre + rng.standard_t(3, shape)


def _zeros(rng: np.random.Generator, shape: tuple[int, int], centre: float) -> Array:
    """Six wards of ten do not differ at all."""
    differ = rng.random(shape) < 0.4
    return np.where(differ, centre / 0.4 + rng.standard_normal(shape), 0.0)


def _seeds(rng: np.random.Generator, shape: tuple[int, int], centre: float) -> Array:
    """Two seeds a ward, one value of ten missing at random."""
    wards = centre + rng.standard_normal((shape[0] // 2, shape[1]))
    values = np.repeat(wards, 2, axis=0) + 0.7 * rng.standard_normal(shape)
    return np.where(rng.random(shape) < 0.1, np.nan, values)


def _of_wards(name: str, draw: Draw, deviation: float, wards: int, seeds: int = 1) -> Cell:
    """A cell of paired differences; the truth is the effect, in units of the shape's standard deviation."""

    def truth(rng: np.random.Generator, wards: int) -> float:
        return (minimum_detectable_effect(wards) or 1.0) * deviation

    def simulate(tally: Tally, rng: np.random.Generator, studies: int, wards: int) -> None:
        clusters = np.repeat(np.arange(wards), seeds)
        shape = (len(clusters), studies)
        found = _estimated(draw(rng, shape, tally.truth), clusters, rng)
        if wards >= 20:
            tally.intervals(found)
        tally.add("power", _rejected([e.p for e in found]))
        centred = draw(rng, shape, 0.0)
        swapped = centred * rng.choice([-1.0, 1.0], size=(wards, studies))[clusters]
        for event, values in (("mean_zero_size", centred), ("size", swapped)):
            tally.add(event, _rejected([e.p for e in _estimated(values, clusters, rng)]))

    return Cell(name, wards, "sign-flip", simulate, truth)


def _estimated(values: Array, clusters: NDArray[np.intp], rng: np.random.Generator) -> list[Estimate]:
    return estimates(values, clusters, rng=rng, resamples=RESAMPLES, flips=DRAWN)


def _rejected(p: Sequence[float | None]) -> NDArray[np.bool_]:
    """Where the test rejects; what could not be tested did not."""
    rejected: NDArray[np.bool_] = np.array([x is not None and x <= ALPHA for x in p])
    return rejected


# ── gaps between groups of patients ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Wards:
    """Simulated patients (studies, wards, patients): their group, acuity stratum and ward's own level."""

    group: NDArray[np.intp]
    stratum: NDArray[np.intp]
    level: Array

    @classmethod
    def draw(
        cls, rng: np.random.Generator, studies: int, wards: int, *, sicker: bool = True, same: bool = False
    ) -> Wards:
        """Groups of unequal size, the smaller ones `sicker`; or the `same` patients in every study."""
        shape = (1 if same else studies, wards, PATIENTS)
        stratum = rng.integers(0, 3, size=shape)
        tilt = 0.25 * sicker
        edges = np.cumsum(GROUPS * (1 + tilt * np.outer(np.arange(3) - 1, [-1, 0, 1, 2])), axis=1)
        edges /= edges[:, -1:]
        group = (rng.random(shape)[..., None] > edges[stratum]).sum(axis=-1)
        level = 0.15 * rng.standard_normal((studies, wards, 1))
        whole = (studies, wards, PATIENTS)
        return cls(np.broadcast_to(group, whole), np.broadcast_to(stratum, whole), level)

    def satisfied(self, rng: np.random.Generator, shift: Array) -> Array:
        """Need satisfaction in [0, 1]: more for the sicker, plus what the ward and the group do."""
        noise = 0.25 * rng.standard_normal(self.group.shape)
        return np.clip(0.45 + 0.15 * (self.stratum - 1) + self.level + shift[self.group] + noise, 0, 1)

    def pooled(self, values: Array) -> tuple[Array, Array]:
        """Sums and counts of groups (studies, wards, groups)."""
        member = self.group[..., None] == np.arange(len(GROUPS))
        return (member * values[..., None]).sum(axis=2), member.sum(axis=2).astype(float)


def _ward_gaps(values: Array, wards: Wards) -> Array:
    """Each ward's own gap, (wards, studies)."""
    return gap(*wards.pooled(values)).T


def _mean_gap(wards: int) -> Cell:
    """Mean over wards of the difference between a ward's gaps in two conditions."""

    def truth(rng: np.random.Generator, _: int) -> float:
        many = Wards.draw(rng, 1, LARGE)
        first, second = (_ward_gaps(many.satisfied(rng, s), many) for s in (ORDERED, CONTROL * ORDERED))
        return float(np.nanmean(first - second))

    def simulate(tally: Tally, rng: np.random.Generator, studies: int, wards: int) -> None:
        drawn = Wards.draw(rng, studies, wards)
        full, half, again = (
            _ward_gaps(drawn.satisfied(rng, s), drawn) for s in (ORDERED, CONTROL * ORDERED, ORDERED)
        )
        found = _estimated(full - half, np.arange(wards), rng)
        tally.intervals(found)
        tally.add("power", _rejected([e.p for e in found]))
        tally.add("size", sign_flips(full - again, rng=rng, flips=DRAWN) <= ALPHA)

    return Cell("difference of ward gaps", wards, "sign-flip", simulate, truth)


def _pooled_gap(name: str, shift: Array, wards: int, sicker: bool = True) -> Cell:
    """The gap pooled over wards: its interval, and the permutation test within ward × stratum."""

    def truth(rng: np.random.Generator, _: int) -> float:
        return _large_gap(rng, shift) if sicker or shift.any() else 0.0

    def simulate(tally: Tally, rng: np.random.Generator, studies: int, wards: int) -> None:
        drawn = Wards.draw(rng, studies, wards, sicker=sicker)
        sums, counts = drawn.pooled(drawn.satisfied(rng, shift))
        tally.intervals(cluster_gaps(sums, counts, rng=rng, resamples=RESAMPLES))
        one = Wards.draw(rng, studies, wards, sicker=sicker, same=True)
        blocks = (np.arange(wards)[:, None] * 3 + one.stratum[0]).reshape(-1)
        nulls = {"size": NONE_APART} | ({"power": shift} if shift.any() else {})
        for event, moved in nulls.items():
            matrix = one.satisfied(rng, moved).reshape(studies, -1).T
            tests = permutation_tests(matrix, one.group[0].reshape(-1), blocks, rng=rng, permutations=DRAWN)
            tally.add(event, _rejected([t.p for t in tests]))

    return Cell(name, wards, "permutation", simulate, truth)


def _pooled_difference(wards: int) -> Cell:
    """The difference of the pooled gaps of two conditions, its interval and the swap test."""

    def truth(rng: np.random.Generator, _: int) -> float:
        return _large_gap(rng, ORDERED) - _large_gap(rng, CONTROL * ORDERED)

    def simulate(tally: Tally, rng: np.random.Generator, studies: int, wards: int) -> None:
        drawn = Wards.draw(rng, studies, wards)
        full, half, again = (
            drawn.pooled(drawn.satisfied(rng, s)) for s in (ORDERED, CONTROL * ORDERED, ORDERED)
        )
        found = cluster_gaps(*full, rng=rng, against=half, resamples=RESAMPLES, flips=DRAWN)
        tally.intervals(found)
        tally.add("power", _rejected([e.p for e in found]))
        null = cluster_gaps(*full, rng=rng, against=again, resamples=39, flips=DRAWN)
        tally.add("size", _rejected([e.p for e in null]))

    return Cell("difference of pooled gaps", wards, "swap", simulate, truth)


def _large_gap(rng: np.random.Generator, shift: Array) -> float:
    many = Wards.draw(rng, 1, LARGE)
    sums, counts = many.pooled(many.satisfied(rng, shift))
    return float(gap(sums.sum(axis=1), counts.sum(axis=1))[0])


def _cells() -> tuple[Cell, ...]:
    shapes: list[tuple[str, Draw, float, int]] = [
        ("normal", _normal, 1.0, 1),
        ("skewed (exponential)", _skewed, 1.0, 1),
        ("heavy tails (t, 3)", _heavy, 3**0.5, 1),
        ("6 of 10 exactly 0", _zeros, 0.4**0.5, 1),
        ("2 seeds, 1 of 10 missing", _seeds, (1 + 0.49 / 2) ** 0.5, 2),
    ]
    cells = [_of_wards(name, draw, sd, n, seeds) for name, draw, sd, seeds in shapes for n in (12, 20, 40)]
    for n in (20, 40):
        cells.append(_mean_gap(n))
        cells += [
            _pooled_gap("pooled gap, ordered groups", ORDERED, n),
            _pooled_gap("pooled gap, one group apart", ONE_APART, n),
            _pooled_gap("pooled gap, of acuity alone", NONE_APART, n),
            _pooled_gap("pooled gap, none", NONE_APART, n, sicker=False),
        ]
        cells.append(_pooled_difference(n))
    return tuple(cells)


CELLS = _cells()
