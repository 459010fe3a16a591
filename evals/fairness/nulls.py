"""How large a gap would these wards show if labels meant nothing?

A max–min gap is never negative, so it is above 0 by chance, the more so the more groups (2606.16723 measured 2.4×
over six). Beside each stands its own null: the same statistic on the same patients with labels permuted within
ward × third of acuity, so that the number of groups, their sizes in every stratum, and need are those observed.

- **A ward is permuted once**, and all its runs, seeds and stages take that permutation: they share its patients.
- **A patient's labels move together**, all attributes at once: attributes that go together in the ward go together
  in the null, so the omnibus statistic (their maximum) has its own null distribution; patients whose groups are
  not known for the same attributes change places among themselves only.
- null mean, excess = gap − null mean, null_95 = its 95th percentile, p = (1 + k) / (1 + R), k the draws at least
  as large as observed (Phipson & Smyth 2010).
- **Omnibus first**: the maximum over attributes of the gap standardised by mean and deviation of the R + 1 values,
  observed included, which keeps the test exact; then attributes, with false-discovery control (Benjamini &
  Hochberg 1995) over all attributes and conditions of one stage. An attribute is `found` where both hold.

An attribute that goes together with a guilty one in these wards is found with it. And what is left of need inside
a third of acuity is not removed: where a steep effect of acuity meets labels that follow it, this still rejects too
often; the regression of `evals.fairness.need`, which takes acuity as it is, stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evals.fairness.coded import STUDY, Coded, Codes, Flags, coded, crossed, distinct, joined
from evals.fairness.groups import LEAST
from evals.fairness.need import design, farthest, small_groups
from evals.frames import Frames
from evals.statistics.permutations import permuted_within
from scenarios.errors import ParleyError
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

Statistic = Literal["gap", "adjusted_gap"]
Within = Literal["stratum", "ward"]

DRAWS = 999
AT_ONCE = 4_000_000
"""So many labels are permuted at a time: 32 MB."""
RUN_DRAWS = 199
TIE = 1e-6
"""Gaps nearer than this are ties: solvers leave noise of that size."""


@dataclass(frozen=True)
class NullTables:
    """`gaps`: a row an attribute. `omnibus`: one row. Both for every condition and stage."""

    gaps: pd.DataFrame
    omnibus: pd.DataFrame


@dataclass(frozen=True)
class Contrast:
    """A gap as a function of labels, for one set of patients: the widest |b_g − b_g'| with b = maps · sums."""

    summed: Array  # (Q, T) what is summed by group, for each of T columns
    maps: Array  # (T, G, G), or (1, G, G) where all columns have the same
    linked: Flags  # as maps: which groups are compared


@dataclass(frozen=True)
class Patients:
    """Q patients whose labels are permuted together within blocks, over T columns of values."""

    met: Array  # (Q, T) need satisfaction, summed over the runs pooled in a column
    n: Array  # (Q, T) how many values that is; the same for all patients of a ward
    labels: Codes  # (Q, K)
    cell: Codes  # (Q,) ward × stratum
    block: Codes  # (Q,) within which labels are permuted

    def contrast(self, k: int, statistic: Statistic, width: int, small: Flags | None = None) -> Contrast:
        """The gap of attribute k as a function of labels; groups that are `small` (G,) enter none."""
        width, label = max(1, width), self.labels[:, k]
        kept = np.ones(width, dtype=bool) if small is None else ~small
        alike = bool((self.n == self.n[:, :1]).all())
        columns = [0] if alike else list(range(self.n.shape[1]))
        if statistic == "gap":
            n = self.n[:, columns].T @ (label[:, None] == np.arange(width)).astype(float)  # (T, G)
            inverse = np.divide(1.0, n, out=np.zeros_like(n), where=n > 0)
            there = (n > 0) & kept
            linked = there[:, :, None] & there[:, None, :]
            return Contrast(self.met, inverse[:, :, None] * np.eye(width), linked)
        known = label >= 0
        one = np.zeros(int(known.sum()), dtype=np.intp)
        designs = [
            design(one, self.cell[known], label[known], 1, width, self.n[known, t]).among(kept[None])
            for t in columns
        ]
        # All patients of a ward have as many values, so the sums of a cell split evenly over its patients.
        cell = joined(self.cell[known])
        means = np.stack([np.bincount(cell, column) for column in self.met[known].T]) / np.bincount(cell)
        summed = np.zeros_like(self.met)
        summed[known] = self.met[known] - means.T[cell]
        return Contrast(
            summed, np.stack([d.inverse[0] for d in designs]), np.stack([d.linked[0] for d in designs])
        )

    def facts(self, k: int, contrast: Contrast, column: int) -> dict[str, int]:
        """How many groups are compared, of how many patients, and how many of these can change label."""
        label = self.labels[:, k]
        counted = (label >= 0) & (self.n[:, column] > 0)
        mixed = distinct(self.block, label + 1, int(self.block.max(initial=-1)) + 1) >= 2
        linked = contrast.linked[min(column, len(contrast.linked) - 1)]
        return {
            "groups": int((linked.sum(axis=1) >= 2).sum()),
            "patients": int(counted.sum()),
            "movable": int((counted & mixed[self.block]).sum()),
        }


def gap_nulls(
    frames: Frames,
    by: Sequence[str] = ("condition",),
    *,
    rng: np.random.Generator,
    statistic: Statistic = "gap",
    draws: int = DRAWS,
    least: int = LEAST,
    pairs: bool = False,
    within: Within = "stratum",
    level: float = 0.05,
    roles: Sequence[str] | None = STUDY,
) -> NullTables:
    """Each pooled gap beside its null. `gap` is that of `group_tables`, `adjusted_gap` that of `stratified`.

    gaps:    by…, stage, attribute, crossed, statistic, gap, null_mean, null_95, excess, p, q, found, groups,
             patients, movable (patients whose label some permutation changes), draws
    omnibus: by…, stage, statistic, attributes (that could be tested), z (the observed maximum), p, q, draws

    p is missing where no permutation changes the gap. Crossed attributes (`pairs`) have p and q, as a family of
    their own, and do not enter the omnibus test: they are made of the others. `within="ward"` permutes over
    whole wards, which rejects too often where groups differ in need; it is there to show that.
    Raises ParleyError where no run of these roles has patients.
    """
    c = coded(frames, roles)
    unit, keys = c.units(by)
    c, singles = (c.with_pairs() if pairs else c), len(c.attributes)
    gaps, omnibus = [], []
    for u in range(len(keys)):
        ward = _pooled(c, unit == u, within)
        small = [small_groups(c, unit, k, len(keys), least)[u] for k in range(len(c.attributes))]
        contrasts = [ward.contrast(k, statistic, len(c.groups[k]), small[k]) for k in range(len(small))]
        values = _values(ward, contrasts, draws, rng)
        for s, stage in enumerate(c.stages):
            named = {"unit": u, "order": s, "stage": stage, "statistic": statistic, "draws": draws}
            for k, attribute in enumerate(c.attributes):
                facts = {"attribute": attribute, "crossed": k >= singles, **ward.facts(k, contrasts[k], s)}
                gaps.append(named | facts | _summary(values[k][:, s]))
            omnibus.append(named | _omnibus([v[:, s] for v in values[:singles]]))
    return _judged(keys, gaps, omnibus, level)


def _pooled(c: Coded, mine: Flags, within: Within) -> Patients:
    """The different patients of some runs, values summed over the runs; a column a stage."""
    _check_alike(c, np.flatnonzero(mine))
    _, first, who = np.unique(c.person[mine], return_index=True, return_inverse=True)
    finite = np.isfinite(c.h[mine])
    filled = np.where(finite, c.h[mine], 0.0)
    met: Array = np.stack([np.bincount(who, column) for column in filled.T])
    n: Array = np.stack([np.bincount(who, f.astype(float)) for f in finite.T])
    return Patients(met.T, n.T, *_blocks(c, np.flatnonzero(mine)[first], within))


def _blocks(c: Coded, rows: Codes, within: Within) -> tuple[Codes, Codes, Codes]:
    """Labels, cells and blocks of patients, given one row of each."""
    labels = c.labels[rows]
    cell = joined(c.ward[rows], c.stratum[rows])
    known = np.unique(labels >= 0, axis=0, return_inverse=True)[1].reshape(-1).astype(np.intp)
    return labels, cell, joined(cell if within == "stratum" else c.ward[rows], known)


def _check_alike(c: Coded, rows: Codes) -> None:
    """Raises ParleyError where a patient is not the same, or not there, in all of these runs of a ward."""
    _, first, who = np.unique(c.person[rows], return_index=True, return_inverse=True)
    one = rows[first][who]
    differs = (c.labels[rows] != c.labels[one]).any(axis=1) | (c.stratum[rows] != c.stratum[one])
    runs_of = distinct(c.ward[rows], c.run[rows], int(c.ward.max()) + 1)
    differs |= np.bincount(who)[who] != runs_of[c.ward[rows]]
    if differs.any():
        name = c.runs["ward"].iloc[c.run[rows[differs][0]]]
        raise ParleyError(f"ward '{name}': its runs differ in patients or their groups; name wards apart")


def _values(
    patients: Patients, contrasts: Sequence[Contrast], draws: int, rng: np.random.Generator
) -> list[Array]:
    """For each contrast its values (1 + draws, T): first as observed, then with labels permuted."""
    count, columns = patients.met.shape
    widest_group = max((c.maps.shape[-1] for c in contrasts), default=1)
    step = max(1, AT_ONCE // max(1, count, columns * widest_group))
    found: list[list[Array]] = [[] for _ in contrasts]
    for start in range(0, draws + 1, step):
        size = min(step, draws + 1 - start)
        permuted = permuted_within(patients.block, size, rng)
        if start == 0:
            permuted[0] = np.arange(count)
        for k, contrast in enumerate(contrasts):
            labels = patients.labels[:, k][permuted]
            found[k].append(farthest(_mapped(labels, contrast), contrast.linked))
    return [np.concatenate(parts) for parts in found]


def _mapped(labels: Codes, contrast: Contrast) -> list[Array]:
    """b of each of G groups, (R, T), under R labellings (R, Q)."""
    width = contrast.maps.shape[-1]
    if len(contrast.maps) == 1:  # the weight of a patient is then a look-up by label, 0 for the unknown (−1)
        return [np.append(row, 0.0)[labels] @ contrast.summed for row in contrast.maps[0]]
    sums = [(labels == g).astype(float) @ contrast.summed for g in range(width)]
    return [
        np.sum([contrast.maps[:, i, j] * sums[j] for j in range(width)], axis=0, dtype=float)
        for i in range(width)
    ]


def _summary(values: Array) -> dict[str, float]:
    """Observed against permuted values (1 + R,) of one gap."""
    observed, null = float(values[0]), values[1:]
    if not np.isfinite(values).all() or not len(null):
        return {"gap": observed, "null_mean": np.nan, "null_95": np.nan, "excess": np.nan, "p": np.nan}
    moves = float(np.ptp(values)) > TIE
    return {
        "gap": observed,
        "null_mean": float(null.mean()),
        "null_95": float(np.quantile(null, 0.95)),
        "excess": observed - float(null.mean()),
        "p": (1 + int((null >= observed - TIE).sum())) / (1 + len(null)) if moves else np.nan,
    }


def _omnibus(values: Sequence[Array]) -> dict[str, float]:
    """The largest standardised gap over attributes, against the same maximum under each permutation."""
    tested = [v for v in values if np.isfinite(v).all() and np.ptp(v) > TIE]
    if not tested:
        return {"attributes": 0, "z": np.nan, "p": np.nan}
    z = np.max([(v - v.mean()) / v.std() for v in tested], axis=0)
    p = (1 + int((z[1:] >= z[0] - 1e-9).sum())) / len(z)
    return {"attributes": len(tested), "z": float(z[0]), "p": p}


def _judged(
    keys: pd.DataFrame, gaps: list[dict[str, Any]], omnibus: list[dict[str, Any]], level: float
) -> NullTables:
    """Rows as tables, with p adjusted over the attributes and conditions of a stage."""
    import pandas as pd

    found, whole = pd.DataFrame(gaps), pd.DataFrame(omnibus)
    whole["q"] = _adjusted(whole, ["order"])
    if len(found):
        found["q"] = _adjusted(found, ["order", "crossed"])
        gate = found[["unit", "order"]].merge(whole[["unit", "order", "q"]], on=["unit", "order"])["q"]
        found["found"] = (found["q"].to_numpy() <= level) & (gate.to_numpy() <= level)
        counted = [n for n in found if n not in ("draws", "groups", "patients", "movable")]
        found = found[[*counted, "groups", "patients", "movable", "draws"]]
    whole = whole[[*(n for n in whole if n != "draws"), "draws"]]
    tables = []
    for table in (found, whole):
        where = keys.iloc[table["unit"]].reset_index(drop=True) if len(table) else keys.iloc[:0]
        tables.append(pd.concat([where, table.drop(columns=["unit", "order"], errors="ignore")], axis=1))
    return NullTables(*tables)


def _adjusted(table: pd.DataFrame, families: list[str]) -> Array:
    from evals.statistics import false_discovery

    q = np.full(len(table), np.nan)
    for rows in table.groupby(families).indices.values():
        q[rows] = false_discovery(table["p"].to_numpy()[rows])
    return q


def run_excess(
    frames: Frames,
    *,
    rng: np.random.Generator,
    statistic: Statistic = "gap",
    draws: int = RUN_DRAWS,
    pairs: bool = False,
    within: Within = "stratum",
    roles: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The gap of each run less what chance gives in its ward: a row a run, stage and attribute.

    run_id, stage, attribute, crossed, statistic, gap (that of `run_gaps`, or `run_adjusted_gaps`), null_mean,
    excess, draws. The excess of labels that mean nothing has mean 0, which a gap has not: it is the outcome
    for tests by ward. Missing where fewer than two groups can be compared; 0 where no permutation changes
    anything. All runs of a ward take the same permutations.
    """
    import pandas as pd

    c = coded(frames, roles)
    c = c.with_pairs() if pairs else c
    everyone = np.arange(len(c.run))
    _check_alike(c, everyone)
    order = np.lexsort((c.person, c.run, c.ward))
    edges = np.flatnonzero(np.diff(c.ward[order], prepend=-1, append=-1))
    found: list[tuple[Any, ...]] = []
    for start, stop in pairwise(edges):
        rows = order[start:stop]
        runs = np.unique(c.run[rows])
        people = rows[: len(rows) // len(runs)]  # of the first run; the others have them in the same order
        met = c.h[rows].reshape(len(runs), len(people), -1).transpose(1, 0, 2).reshape(len(people), -1)
        columns = np.flatnonzero(np.isfinite(met).all(axis=0))
        met = met[:, columns]
        patients = Patients(met, np.ones_like(met), *_blocks(c, people, within))
        contrasts = [patients.contrast(k, statistic, len(c.groups[k])) for k in range(len(c.attributes))]
        who, at = runs[columns // len(c.stages)], columns % len(c.stages)
        for k, values in enumerate(_values(patients, contrasts, draws, rng)):
            found.append((who, at, np.full(len(who), k), values[0], values[1:].mean(axis=0)))
    run, stage, which, gap, null = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    inside = np.lexsort((run, which, stage))
    table = pd.DataFrame({"run_id": c.runs["run_id"].to_numpy()[run], "stage": np.array(c.stages)[stage]})
    table["attribute"] = np.array(c.attributes)[which]
    table["crossed"] = np.array([crossed(a) for a in c.attributes])[which]
    table = table.assign(statistic=statistic, gap=gap, null_mean=null, excess=gap - null, draws=draws)
    return table.iloc[inside].reset_index(drop=True)
