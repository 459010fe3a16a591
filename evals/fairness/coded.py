"""How do the patients of many runs become arrays that sums by group, ward and stage can be taken of at once?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evals.frames import Frames
from scenarios.errors import ParleyError
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]

STUDY = ("study",)
"""The role whose runs a table is about; frames without a column `role` are all of it."""
CROSS = " & "
"""Stands between the names of two attributes, and of two groups, that are crossed."""


@dataclass(frozen=True)
class Coded:
    """P patients of R runs as arrays. A code is a position in a list of names; −1 stands for unknown."""

    runs: pd.DataFrame  # (R,) the runs that have patients, as they stand in Frames.runs
    stages: tuple[str, ...]  # (S,)
    h: Array  # (P, S) need satisfaction, NaN where the run has no such stage
    run: Codes  # (P,) position in `runs`
    ward: Codes  # (P,) which ward: runs of one ward share patients and labels
    person: Codes  # (P,) which patient of which ward, the same in all its runs
    stratum: Codes  # (P,) third of acuity within the ward
    acuity: Array  # (P,)
    benefit: Array  # (P,)
    attributes: tuple[str, ...]  # (K,)
    groups: tuple[tuple[str, ...], ...]  # (K,) names of the groups of each attribute, sorted
    labels: Codes  # (P, K) group of each patient, −1 where it is not known
    favoured: Codes  # (P,) 1 whom the run's biased seat favours, 0 the rest, −1 where nobody is biased

    def with_pairs(self) -> Coded:
        """The same, every two attributes crossed as well: a group is then a cell of the two."""
        names, groups, columns = list(self.attributes), list(self.groups), [self.labels]
        for a, b in combinations(range(len(self.attributes)), 2):
            first, second, width = self.labels[:, a], self.labels[:, b], len(self.groups[b])
            crossed = np.where((first < 0) | (second < 0), -1, first * width + second)
            columns.append(crossed[:, None])
            names.append(self.attributes[a] + CROSS + self.attributes[b])
            groups.append(tuple(x + CROSS + y for x in self.groups[a] for y in self.groups[b]))
        return replace(
            self, attributes=tuple(names), groups=tuple(groups), labels=np.concatenate(columns, axis=1)
        )

    def alike(self, among: Flags) -> Iterator[tuple[list[int], Flags]]:
        """Stages that the same patients among these (P,) have, and who these are: counts of them are the same."""
        masks: dict[bytes, tuple[list[int], Flags]] = {}
        for s in range(len(self.stages)):
            here = among & np.isfinite(self.h[:, s])
            if here.any():
                masks.setdefault(here.tobytes(), ([], here))[0].append(s)
        yield from masks.values()

    def units(self, by: Sequence[str]) -> tuple[Codes, pd.DataFrame]:
        """For each patient the code of its run's values of the columns `by`, and those values, a row a code.

        Raises ParleyError for a column that `runs` does not have.
        """
        if missing := [name for name in by if name not in self.runs]:
            raise ParleyError(f"runs: no column '{missing[0]}' to group by; there are {', '.join(self.runs)}")
        if not by:
            return np.zeros(len(self.run), dtype=np.intp), self.runs.iloc[:1][[]].reset_index(drop=True)
        code = self.runs.groupby(list(by), dropna=False, sort=True).ngroup().to_numpy()
        keys = self.runs[list(by)].assign(_code=code).drop_duplicates("_code").sort_values("_code")
        return np.asarray(code, dtype=np.intp)[self.run], keys.drop(columns="_code").reset_index(drop=True)


def coded(frames: Frames, roles: Sequence[str] | None = STUDY) -> Coded:
    """The patients of the runs of these roles; `roles=None` takes all. Stages in the order of a debate.

    Raises ParleyError where no run of these roles has patients.
    """
    runs, patients = frames.runs, frames.patients
    if roles is not None and "role" in runs:
        runs = runs[runs["role"].isin(list(roles))]
    if len(patients):
        patients = patients[patients["run_id"].isin(runs["run_id"])]
        runs = runs[runs["run_id"].isin(patients["run_id"])].reset_index(drop=True)
    if not len(patients) or not len(runs):
        raise ParleyError(
            f"no patients in runs of role {', '.join(roles or ('any',))}; give frames of valid runs"
        )
    import pandas as pd

    position = pd.Series(np.arange(len(runs)), index=runs["run_id"].to_numpy())
    run = patients["run_id"].map(position).to_numpy().astype(np.intp)
    ward = pd.factorize(runs["ward"])[0].astype(np.intp)[run]
    names = pd.factorize(patients["patient"])[0].astype(np.intp)
    person = np.unique(ward * (names.max() + 1) + names, return_inverse=True)[1].astype(np.intp)
    stages = sorted((str(c)[2:] for c in patients if str(c).startswith("h:")), key=_when)
    attributes = tuple(str(c)[3:] for c in patients if str(c).startswith("is:"))
    favours = (
        patients["favoured"] if "favoured" in patients else pd.Series(None, patients.index, dtype=object)
    )
    factors = [_factor(patients[f"is:{attribute}"]) for attribute in attributes]
    return Coded(
        runs=runs,
        stages=tuple(stages),
        h=patients[[f"h:{stage}" for stage in stages]].to_numpy(dtype=float),
        run=run,
        ward=ward,
        person=person,
        stratum=patients["stratum"].to_numpy(dtype=np.intp),
        acuity=patients["acuity"].to_numpy(dtype=float),
        benefit=patients["benefit"].to_numpy(dtype=float),
        attributes=attributes,
        groups=tuple(groups for _, groups in factors),
        labels=np.stack([codes for codes, _ in factors], axis=1)
        if factors
        else np.empty((len(run), 0), np.intp),
        favoured=np.where(favours.isna(), -1, favours == True).astype(np.intp),  # noqa: E712
    )


def crossed(attribute: str) -> bool:
    """Whether the name is that of two attributes crossed."""
    return CROSS in attribute


def joined(*codes: Codes) -> Codes:
    """One dense code for each combination of codes (none negative), numbered in their sorted order."""
    key = codes[0].astype(np.int64)
    for code in codes[1:]:
        key = key * (int(code.max(initial=0)) + 1) + code
    return np.asarray(np.unique(key, return_inverse=True)[1], dtype=np.intp)


def distinct(cell: Codes, of: Codes, cells: int) -> Codes:
    """How many different values of `of` each cell holds, (cells,)."""
    width = int(of.max(initial=0)) + 1
    pairs = np.unique(cell.astype(np.int64) * width + of)
    return np.bincount(pairs // width, minlength=cells)


def totals(code: Codes, values: Array, size: int) -> Array:
    """Sum of the values (P,) of each code, (size,)."""
    return np.asarray(np.bincount(code, values, minlength=size), dtype=float)


def _factor(column: Any) -> tuple[Codes, tuple[str, ...]]:
    import pandas as pd

    codes, names = pd.factorize(column, sort=True)
    return codes.astype(np.intp), tuple(str(name) for name in names)


def _when(stage: str) -> tuple[int, int, str]:
    """Where a stage stands in a debate."""
    kind, _, which = stage.partition(":")
    order = {"solo": 0, "no_debate": 1, "round": 2, "joint": 3, "exit_solo": 4}
    return order.get(kind, 5), int(which) if kind == "round" else 0, which
