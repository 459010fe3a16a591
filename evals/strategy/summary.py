"""How are rows of many runs brought to the ward: joined to their runs, grouped, estimated over wards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ESTIMATED = ("mean", "low", "high", "p", "effect", "n", "clusters", "missing", "note")
"""Columns of an estimate: see `evals.statistics.Estimate`."""


def with_runs(rows: pd.DataFrame, runs: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Rows of the runs that `runs` has, with these columns of theirs beside; columns that rows have stay as they are.

    So a selection of runs selects their rows: hand over the runs of one role, or of one condition.
    Raises ParleyError for a column that neither has, and for a run that stands twice.
    """
    lacking = [c for c in dict.fromkeys(columns) if c not in rows.columns]
    if absent := [c for c in lacking if c not in runs.columns]:
        raise ParleyError(f"no column {', '.join(absent)} in the runs; there are {', '.join(runs.columns)}")
    if not runs["run_id"].is_unique:
        twice = runs.loc[runs["run_id"].duplicated(), "run_id"].iloc[0]
        raise ParleyError(f"run '{twice}' stands twice in the runs; read each record once")
    return rows.merge(runs[["run_id", *lacking]], on="run_id", how="inner")


def estimates(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    values: Sequence[str],
    *,
    by: Sequence[str] = ("condition",),
    rng: np.random.Generator,
    resamples: int = 2000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Every value's mean over wards, by group: `by`, `value`, and ESTIMATED; wards are the column `cluster`.

    The mean is of the wards' own means, the interval a bootstrap-t over wards, missing under 20 wards; p tests
    a mean of 0. Missing values are counted and left out. Raises ParleyError as `with_runs` does.
    """
    import numpy as np
    import pandas as pd

    from evals import statistics

    by, values = list(by), list(values)
    joined = with_runs(rows, runs, [*by, "cluster", *values])
    found: list[dict[str, Any]] = []
    for key, group in joined.groupby(by, dropna=False, sort=True):
        numbers = group[values].to_numpy(dtype=np.float64, na_value=np.nan)
        of = statistics.estimates(numbers, group["cluster"], rng=rng, resamples=resamples, level=level)
        for value, estimate in zip(values, of, strict=True):
            row = dict(zip(by, key, strict=True)) | {"value": value}
            found.append(row | {name: getattr(estimate, name) for name in ESTIMATED})
    return pd.DataFrame(found, columns=[*by, "value", *ESTIMATED])
