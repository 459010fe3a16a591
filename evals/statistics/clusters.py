"""Which values belong together: means within clusters, and the matched differences of two conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenarios.errors import ParleyError
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd


def cluster_means(values: ArrayLike, clusters: Iterable[Any]) -> tuple[Array, list[Any]]:
    """The mean of the values of each cluster, missing values left out.

    values    (n,) or (n, m): one row a value (a ward × seed, say), one column an outcome; NaN is missing
    clusters  (n,) labels; clusters are returned in the order of their names, so the order of rows is immaterial

    Returns the means (clusters, m), NaN where a cluster has no value of an outcome, and the labels.
    Raises ParleyError where lengths differ, a label is missing, or a value is infinite.
    """
    matrix = _matrix(values)
    codes, labels = coded(clusters, "cluster")
    if len(codes) != len(matrix):
        raise ParleyError(f"{len(matrix)} values but {len(codes)} cluster labels: give one label a value")
    if np.isinf(matrix).any():
        where = labels[codes[np.argwhere(np.isinf(matrix))[0][0]]]
        raise ParleyError(f"an infinite value in cluster {where!r}: a value that is undefined must be NaN")
    seen = ~np.isnan(matrix)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    if not len(starts):
        return np.empty((0, matrix.shape[1])), []
    sums = np.add.reduceat(np.where(seen, matrix, 0.0)[order], starts, axis=0)
    counts = np.add.reduceat(seen[order].astype(float), starts, axis=0)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0), labels


def coded(labels: Iterable[Any], what: str) -> tuple[NDArray[np.intp], list[Any]]:
    """Labels as integers 0…k−1, and the k labels in the order of their names. Raises where one is missing."""
    import pandas as pd

    codes, found = pd.factorize(pd.Series(list(labels), dtype=object))
    if (codes < 0).any():
        raise ParleyError(f"row {int(np.argmax(codes < 0))} has no {what}: every value needs one")
    names = list(found)
    order = sorted(range(len(names)), key=lambda i: str(names[i]))
    rank = np.empty(len(names), dtype=np.intp)
    rank[order] = np.arange(len(names))
    return rank[codes], [names[i] for i in order]


def by_count(matrix: Array, keep: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], Array]]:
    """Columns that keep equally many rows, with only those rows: pairs of column numbers and a (k, columns) block.

    Whatever is resampled then has the same k for a whole block, so that one draw serves all of it.
    """
    counts = keep.sum(axis=0)
    for k in np.unique(counts):
        columns = np.flatnonzero(counts == k)
        block = matrix[:, columns].T[keep[:, columns].T].reshape(len(columns), int(k)).T
        yield columns, block


def paired(treatment: pd.DataFrame, control: pd.DataFrame, on: list[str], value: str) -> pd.DataFrame:
    """Rows of two conditions matched on the columns `on`, with difference = treatment − control.

    Columns: `on`, treatment, control, difference, side ("both", "treatment only", "control only"). A row
    without its counterpart is kept with a missing difference, so that `estimate` counts it; the number of
    such rows is also in `.attrs["unmatched"]`. Sorted by `on`.
    Raises ParleyError where a column is absent or two rows of one side have the same key.
    """
    sides = {"treatment": treatment, "control": control}
    for name, frame in sides.items():
        if absent := [c for c in [*on, value] if c not in frame.columns]:
            raise ParleyError(
                f"the {name} rows have no column {absent[0]!r}: they have {list(frame.columns)}"
            )
        if (doubled := frame.duplicated(on)).any():
            key = ", ".join(f"{c}={frame.loc[doubled, c].iloc[0]}" for c in on)
            raise ParleyError(
                f"two {name} rows have {key}: add to `on` the column that tells them apart, or average them first"
            )
    left, right = (frame[[*on, value]].rename(columns={value: name}) for name, frame in sides.items())
    both = left.merge(right, on=on, how="outer", indicator="side", sort=True)
    names = {"both": "both", "left_only": "treatment only", "right_only": "control only"}
    both["side"] = both["side"].astype(object).map(names)
    for name in sides:
        both[name] = both[name].astype(float)
    both["difference"] = both["treatment"] - both["control"]
    both = both[[*on, "treatment", "control", "difference", "side"]]
    both.attrs["unmatched"] = int((both["side"] != "both").sum())
    return both


def _matrix(values: ArrayLike) -> Array:
    matrix = np.asarray(values, dtype=float)
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2:
        raise ParleyError(f"values have {matrix.ndim} axes: give (values,) or (values, outcomes)")
    return matrix
