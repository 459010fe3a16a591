"""Does the pipeline recover what was planted: strength, concession and persuasion, jointly, and only where it can?

Studies of reference debates with known values, drawn between the values of the grid, and seats whose hand trembles.
Where nothing can be known (like-minded seats; solos alone, of all but the strength) it must say so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.calibration.recovery_debate import Planted, Setup, Stages, simulate, trembling
from evals.calibration.recovery_fit import Progress, profiles
from evals.calibration.recovery_grid import Grid, Simulated, simulated_all
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

WARDS = tuple(f"generated:{seed},n=8,divisible=1" for seed in range(101, 107))
"""The pool that studies draw wards from; their debates are simulated over the grid once, for all studies."""

SIZES = (1, 4)
"""Wards in a study."""

NOISES = (0.05, 0.2)
"""Scale of the tremble, in shares of demand."""

STUDIES = 40
"""Studies of each case, size and noise; 800 in all."""

STRENGTH = ("strength",)
ALL = ("strength", "exponent", "persuasion")


@dataclass(frozen=True)
class Case:
    """A kind of study: who sits there, what is looked at, what could be known at all."""

    name: str
    pair: tuple[str, str]
    knowable: tuple[str, ...]
    solos_alone: bool = False
    heard: bool = (
        False  # others hear the tremble, and answer it; the likelihood takes it for noise all the same
    )


CASES = (
    Case("opposed", ("rawlsian", "biased-age"), ALL),
    Case("plain against bias", ("plain", "biased-age"), ALL),
    Case("opposed, tremble heard", ("rawlsian", "biased-age"), ALL, heard=True),
    Case("solos alone", ("plain", "biased-age"), STRENGTH, solos_alone=True),
    Case("like-minded", ("plain", "plain"), ()),
)


def recovery(
    studies: int = STUDIES,
    seed: int = 1,
    progress: Progress | None = None,
    *,
    grid: Grid | None = None,
    wards: Sequence[str] = WARDS,
    sizes: Sequence[int] = SIZES,
    cases: Sequence[Case] = CASES,
    processes: int | None = None,
) -> pd.DataFrame:
    """Plant and recover: one row a study and parameter, `studies` for each case, size and noise.

    Columns: case, wards, noise, study, parameter, planted, estimated (NaN where not identified), low, high, drop,
    identified, knowable (whether the case tells anything of the parameter), covered (planted within low, high).
    What is planted is uniform over the grid's range (the exponent by its logarithm), so hardly ever on the grid.
    """
    import pandas as pd

    grid = grid or Grid()
    rng = np.random.default_rng(seed)
    processes = processes or os.cpu_count() or 1
    pairs = list(dict.fromkeys(c.pair for c in cases))
    steps = len(pairs) * len(wards) + len(cases) * studies
    done = 0

    def told() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, steps)

    pool = {pair: simulated_all([_setup(w, pair) for w in wards], grid, processes, told) for pair in pairs}
    rows: list[Row] = []
    for case in cases:
        for study in range(studies):
            plants = _drawn(grid, rng)
            rows += [
                {"study": study} | row for row in _studied(case, pool[case.pair], plants, sizes, grid, rng)
            ]
            told()
    return pd.DataFrame(rows)


def _setup(ward: str, pair: tuple[str, str]) -> Setup:
    from personas.load import load as persona
    from scenarios.load import load

    return Setup.planned(load(ward), [persona(name) for name in pair])


def _drawn(grid: Grid, rng: np.random.Generator) -> Planted:
    def within(values: Sequence[float]) -> float:
        return float(rng.uniform(values[0], values[-1]))

    return Planted(
        strength=within(grid.strength),
        exponent=float(np.exp(within(np.log(grid.exponent).tolist()))),
        persuasion=within(grid.persuasion),
        opponent_persuasion=within(grid.opponent_persuasion),
    )


def _studied(
    case: Case,
    pool: Sequence[Simulated],
    planted: Planted,
    sizes: Sequence[int],
    grid: Grid,
    rng: np.random.Generator,
) -> list[Row]:
    """The studies of every size and noise with the same planted values and, one within another, the same wards."""
    wards = rng.permutation(len(pool))[: max(sizes)]
    meant = {int(i): simulate(pool[i].setup, planted) for i in wards} if not case.heard else {}
    rows: list[Row] = []
    for noise in NOISES:
        found = [_seen(case, pool[i], planted, meant.get(int(i)), noise, rng) for i in wards]
        for size in sizes:
            squares = np.sum([s for s, _ in found[:size]], axis=0)
            rows += [
                {"case": case.name, "wards": size, "noise": noise} | row
                for row in _recovered(case, planted, squares, sum(f for _, f in found[:size]), grid)
            ]
    return rows


def _seen(
    case: Case,
    ward: Simulated,
    planted: Planted,
    meant: Stages | None,
    noise: float,
    rng: np.random.Generator,
) -> tuple[Array, float]:
    """RSS of one debate as observed, and its degrees of freedom."""
    hand = trembling(ward.setup.ward, noise, rng)
    stages = simulate(ward.setup, planted, hand) if meant is None else {k: hand(x) for k, x in meant.items()}
    only: Callable[[str], bool] = _is_solo if case.solos_alone else lambda stage: True
    return ward.squares(stages, only)


def _is_solo(stage: str) -> bool:
    return stage.startswith("solo:")


def _recovered(case: Case, planted: Planted, squares: Array, free: float, grid: Grid) -> list[Row]:
    return [
        {
            "parameter": p.parameter,
            "planted": getattr(planted, p.parameter),
            "estimated": p.estimate,
            "low": p.low,
            "high": p.high,
            "drop": p.drop,
            "identified": p.identified,
            "knowable": p.parameter in case.knowable,
            "covered": p.low <= getattr(planted, p.parameter) <= p.high,
        }
        for p in profiles(squares, free, grid)
    ]


def summary(recovered: pd.DataFrame) -> pd.DataFrame:
    """Rates of `recovery`: one row a case, size, noise and parameter.

    Columns: case, wards, noise, parameter, studies, knowable, identified (share), covered (share of the identified
    whose interval holds what was planted; NaN where none is), covered_low, covered_high (Wilson 1927, 95 %), error
    (median |estimated − planted| of the identified), width (median share of the range that the interval takes; all
    where not identified).
    """
    import pandas as pd

    keys = ["case", "wards", "noise", "parameter"]
    span = recovered.groupby("parameter").agg(low=("low", "min"), high=("high", "max"))
    rows = []
    for key, mine in recovered.groupby(keys, sort=False):
        found = mine[mine["identified"]]
        low, high = wilson(int(found["covered"].sum()), len(found))
        whole = float(span.loc[key[3], "high"] - span.loc[key[3], "low"])
        rows.append(
            dict(zip(keys, key, strict=True))
            | {
                "studies": len(mine),
                "knowable": bool(mine["knowable"].iloc[0]),
                "identified": len(found) / len(mine),
                "covered": float(found["covered"].mean()) if len(found) else float("nan"),
                "covered_low": low,
                "covered_high": high,
                "error": float((found["estimated"] - found["planted"]).abs().median())
                if len(found)
                else None,
                "width": float((mine["high"] - mine["low"]).median()) / whole,
            }
        )
    return pd.DataFrame(rows)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); nan where n = 0."""
    if n == 0:
        return float("nan"), float("nan")
    z = 1.959964
    share = hits / n
    middle = share + z * z / (2 * n)
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))
