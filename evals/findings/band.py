"""Where would bargaining alone have ended up: least and greatest over the policies of the bargaining null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evals.findings.section import interval

if TYPE_CHECKING:
    import pandas as pd

Key = tuple[Any, ...]
Band = tuple[float, float]


def over_wards(rows: pd.DataFrame, by: Sequence[str], value: str = "value") -> dict[Key, Band]:
    """Of rows with `cluster` and `policy`: the mean over wards of each policy, its least and greatest by `by`."""
    wards = rows.groupby([*by, "policy", "cluster"], dropna=False)[value].mean().reset_index()
    return over_policies(wards.groupby([*by, "policy"], dropna=False)[value].mean().reset_index(), by, value)


def over_policies(table: pd.DataFrame, by: Sequence[str], value: str) -> dict[Key, Band]:
    """Of a table with a row a policy: least and greatest value by `by`; missing ones left out."""
    ends = table.dropna(subset=[value]).groupby(list(by))[value].agg(["min", "max"])
    keys = [key if isinstance(key, tuple) else (key,) for key in ends.index]
    return {
        key: (float(row["min"]), float(row["max"]))
        for key, (_, row) in zip(keys, ends.iterrows(), strict=True)
    }


def told(bands: Mapping[Key, Band], *key: Any, digits: int = 2) -> str:
    """The band of a key as a reader wants it; a dash where there is none."""
    low, high = bands.get(key, (None, None))
    return interval(low, high, digits)
