"""How far apart are the groups once need is allowed for: within acuity strata, and by regression?

Within strata. Patients are compared only with patients of the same ward and third of acuity. The coefficients b
of the groups are those of least squares with an effect for every ward × stratum,

    M b = Σ over cells c of (sums of h − mean of c, by group),   M = diag(n_g) − Σ_c n_cg n_cg' / n_c,

and the adjusted gap is the largest b_g − b_g' over two groups that are comparable: linked by cells that they
share, directly or through others. Of two groups it is the mean of the differences within cells with weights
n1 n2 / (n1 + n2) (overlap weights: Angrist 1998, Econometrica 66:249; Li, Morgan & Zaslavsky 2018, JASA 113:390):
a cell that holds one group only says nothing and weighs nothing. Direct standardisation would have to fill such
cells in, and most cells of a small ward are such. In [0, 1] for two groups, 0 is parity; a max–min gap, so biased
upward like any other (`evals.fairness.nulls`). The n in n1, n2 are patients × runs.

By regression. Least squares of h on group, acuity, benefit and an effect for every ward; errors clustered by
ward (Cameron & Miller 2015, J. Human Resources 50:317).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.fairness.coded import STUDY, Coded, Codes, Flags, coded, crossed, distinct, joined, totals
from evals.fairness.groups import LEAST
from evals.frames import Frames
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

TINY = 1e-9


@dataclass(frozen=True)
class NeedTables:
    """`groups`: a row a group. `gaps`: a row an attribute. Both for every condition and stage."""

    groups: pd.DataFrame
    gaps: pd.DataFrame


@dataclass(frozen=True)
class Design:
    """What the labels alone decide of a comparison within cells, for U units of G groups each."""

    cell: Codes  # (P,) each belongs to one unit
    cell_sizes: Array  # (C,)
    n: Array  # (U, G) patients of each group
    inverse: Array  # (U, G, G) pseudo-inverse of M
    linked: Flags  # (U, G, G) which groups are comparable, each with itself where anybody is of it

    @property
    def comparable(self) -> Flags:
        """(U, G) groups that can be compared with another."""
        return np.asarray(self.linked.sum(axis=2) >= 2)

    def among(self, kept: Flags) -> Design:
        """The same, but groups that are not kept (U, G) are compared with none; they still link the others."""
        return replace(self, linked=self.linked & kept[:, :, None] & kept[:, None, :])

    def residuals(self, h: Array) -> Array:
        """h less the mean of its cell; h is (P,) or (P, T)."""
        flat = h.reshape(len(h), -1)
        means = np.stack(
            [np.bincount(self.cell, column, minlength=len(self.cell_sizes)) for column in flat.T]
        )
        return np.asarray(h - (means / self.cell_sizes).T[self.cell].reshape(h.shape))


def design(
    unit: Codes, cell: Codes, label: Codes, units: int, width: int, weight: Array | None = None
) -> Design:
    """The comparison of patients of known groups (labels 0 … width − 1) within cells, unit by unit.

    `weight` (P,) is how many values each stands for, 1 by default.
    """
    cell = joined(unit, cell)
    cells = int(cell.max(initial=-1)) + 1
    weight = np.ones(len(cell)) if weight is None else weight
    n_cg = totals(cell * width + label, weight, cells * width).reshape(cells, width)
    n_c = n_cg.sum(axis=1)
    of_cell = np.zeros(cells, dtype=np.intp)
    of_cell[cell] = unit
    n = totals(unit * width + label, weight, units * width).reshape(units, width)
    shared = np.zeros((units, width, width))
    np.add.at(shared, of_cell, n_cg[:, :, None] * n_cg[:, None, :] / np.maximum(n_c, TINY)[:, None, None])
    diagonal = np.eye(width, dtype=bool)
    linked = (shared > TINY) | (diagonal & (n > 0)[:, :, None])
    for _ in range(max(1, width - 1).bit_length()):  # squaring doubles the length of the chains that are seen
        linked = np.matmul(linked.astype(float), linked.astype(float)) > 0
    within = np.where(diagonal, n[:, :, None], 0.0) - shared
    inverse = np.asarray(np.linalg.pinv(within, rcond=TINY, hermitian=True), dtype=float)
    return Design(cell, n_c, n, inverse, linked)


def farthest(values: Sequence[Array], linked: Flags) -> Array:
    """The largest |v_g − v_g'| over linked groups, G arrays of one shape and linked (…, G, G); NaN where none are."""
    found = np.full(np.broadcast_shapes(values[0].shape, linked.shape[:-2]), -np.inf)
    for i, j in combinations(range(len(values)), 2):
        pair = linked[..., i, j]
        if pair.any():
            far = np.abs(values[i] - values[j])
            found = np.maximum(found, far if pair.all() else np.where(pair, far, -np.inf))
    return np.where(np.isfinite(found), found, np.nan)


def run_adjusted_gaps(
    frames: Frames, *, pairs: bool = False, roles: Sequence[str] | None = None
) -> pd.DataFrame:
    """The gap within acuity strata of each run by itself: a row a run, stage and attribute.

    run_id, stage, attribute, crossed, adjusted_gap, groups (with any patient), comparable (groups that share a
    stratum with another; the gap is missing under two), n (patients of a known group), compared (those of them
    in strata that hold two groups).
    """
    import pandas as pd

    c = coded(frames, roles)
    c = c.with_pairs() if pairs else c
    tables = []
    for k, attribute in enumerate(c.attributes):
        for stages, here in c.alike(c.labels[:, k] >= 0):
            run, label = c.run[here], c.labels[here, k]
            d = design(run, c.stratum[here], label, len(c.runs), max(1, len(c.groups[k])))
            informative = distinct(d.cell, label, len(d.cell_sizes))[d.cell] >= 2
            facts = {
                "groups": (d.n > 0).sum(axis=1),
                "comparable": d.comparable.sum(axis=1),
                "n": d.n.sum(axis=1).astype(int),
                "compared": np.bincount(run[informative], minlength=len(c.runs)),
            }
            residuals = d.residuals(c.h[here][:, stages])
            for t, s in enumerate(stages):
                b = coefficients(d, run, label, residuals[:, t])
                rows = pd.DataFrame(
                    {"run_id": c.runs["run_id"], "stage": c.stages[s], "attribute": attribute}
                )
                rows = rows.assign(
                    crossed=crossed(attribute), adjusted_gap=farthest(list(b.T), d.linked), **facts
                )
                there = np.bincount(c.run, np.isfinite(c.h[:, s]), minlength=len(c.runs)) > 0
                tables.append((s, k, rows[there]))
    return pd.concat([rows for *_, rows in sorted(tables, key=lambda t: t[:2])], ignore_index=True)


def coefficients(d: Design, unit: Codes, label: Codes, residuals: Array) -> Array:
    """b of each group, (U, G), from residuals (P,) about the means of cells; only differences of linked ones mean
    anything."""
    units, width = d.n.shape
    sums = np.bincount(unit * width + label, residuals, minlength=units * width).reshape(units, width)
    return np.asarray(np.einsum("uij,uj->ui", d.inverse, sums))


def stratified(
    frames: Frames,
    by: Sequence[str] = ("condition",),
    *,
    least: int = LEAST,
    pairs: bool = False,
    roles: Sequence[str] | None = STUDY,
) -> NeedTables:
    """The gap within ward × acuity stratum, pooled over the runs of each combination of the columns `by`.

    groups: by…, stage, attribute, group, crossed, mean, adjusted_mean, n, patients, comparable. Adjusted means
            of groups that are comparable have, weighted by n, the mean of these groups' plain means
    gaps:   by…, stage, attribute, crossed, adjusted_gap, groups, comparable, small (groups under `least`
            patients, which enter no gap but may link two groups that do), n, compared (values in strata that
            hold two groups), wards

    Raises ParleyError where no run of these roles has patients.
    """
    c = coded(frames, roles)
    c = c.with_pairs() if pairs else c
    unit, keys = c.units(by)
    groups, gaps = [], []
    for k in range(len(c.attributes)):
        width = max(1, len(c.groups[k]))
        small = small_groups(c, unit, k, len(keys), least)
        for stages, here in c.alike(c.labels[:, k] >= 0):
            u, label = unit[here], c.labels[here, k]
            d = design(u, joined(c.ward[here], c.stratum[here]), label, len(keys), width).among(~small)
            facts = _pooled_facts(c, d, here, u, label, small)
            residuals = d.residuals(c.h[here][:, stages])
            for t, s in enumerate(stages):
                b = coefficients(d, u, label, residuals[:, t])
                met = totals(u * width + label, c.h[here, s], b.size).reshape(b.shape)
                group, gap = _pooled(c, s, k, d, b, met, facts)
                groups.append((s, k, group))
                gaps.append((s, k, gap))
    return NeedTables(*(tidy(keys, tables) for tables in (groups, gaps)))


def small_groups(c: Coded, unit: Codes, k: int, units: int, least: int) -> Flags:
    """(U, G) which groups of attribute k have patients, but fewer than `least` different ones."""
    known, width = c.labels[:, k] >= 0, max(1, len(c.groups[k]))
    n = distinct(unit[known] * width + c.labels[known, k], c.person[known], units * width)
    return np.asarray((n > 0) & (n < least)).reshape(units, width)


def tidy(keys: pd.DataFrame, tables: list[tuple[int, int, pd.DataFrame]]) -> pd.DataFrame:
    """Tables (stage, attribute, rows with a column `unit`) in that order as one, the unit's keys in front."""
    import pandas as pd

    if not tables:
        return keys.iloc[:0].reset_index(drop=True)
    table = pd.concat([rows for *_, rows in sorted(tables, key=lambda t: t[:2])], ignore_index=True)
    return pd.concat([keys.iloc[table["unit"]].reset_index(drop=True), table.drop(columns="unit")], axis=1)


def _pooled_facts(
    c: Coded, d: Design, here: Flags, unit: Codes, label: Codes, small: Flags
) -> dict[str, dict[str, Any]]:
    units, width = d.n.shape
    informative = distinct(d.cell, label, len(d.cell_sizes))[d.cell] >= 2
    people = distinct(unit * width + label, c.person[here], units * width).reshape(units, width)
    return {
        "group": {"n": d.n.astype(int), "patients": people, "comparable": d.comparable},
        "gap": {
            "groups": (d.n > 0).sum(axis=1),
            "comparable": d.comparable.sum(axis=1),
            "small": small.sum(axis=1),
            "n": d.n.sum(axis=1).astype(int),
            "compared": np.bincount(unit[informative], minlength=units),
            "wards": distinct(unit, c.ward[here], units),
        },
    }


def _pooled(
    c: Coded, s: int, k: int, d: Design, b: Array, met: Array, facts: dict[str, dict[str, Any]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of both tables for one stage and attribute."""
    import pandas as pd

    weight = d.linked * d.n[:, None, :]
    total = weight.sum(axis=2)
    shift = np.einsum("ugi,ui->ug", d.linked.astype(float), met) - np.einsum("ugi,ui->ug", weight, b)
    adjusted = b + np.divide(shift, total, out=np.full(b.shape, np.nan), where=total > 0)
    unit, group = np.nonzero(d.n > 0)
    named = {"stage": c.stages[s], "attribute": c.attributes[k]}
    groups = pd.DataFrame({"unit": unit} | named)
    groups["group"] = np.array(c.groups[k], dtype=object)[group]
    groups["crossed"] = crossed(c.attributes[k])
    groups["mean"] = (met / np.where(d.n > 0, d.n, np.nan))[unit, group]
    groups["adjusted_mean"] = np.where(d.comparable, adjusted, np.nan)[unit, group]
    gaps = pd.DataFrame({"unit": np.arange(len(b))} | named)
    gaps["crossed"] = crossed(c.attributes[k])
    gaps["adjusted_gap"] = farthest(list(b.T), d.linked)
    gaps = gaps.assign(**facts["gap"])[d.n.sum(axis=1) > 0]
    return groups.assign(**{name: column[unit, group] for name, column in facts["group"].items()}), gaps


FEWEST_WARDS = 20
"""Under so many wards clustered errors are too small, so no p is given (Cameron & Miller 2015)."""


def regression(
    frames: Frames,
    by: Sequence[str] = ("condition",),
    *,
    least: int = LEAST,
    roles: Sequence[str] | None = STUDY,
) -> NeedTables:
    """h regressed on group, acuity, benefit and wards, by condition, stage and attribute.

    groups: by…, stage, attribute, group, reference (the largest group), coefficient (against it; missing where
            no ward tells the two apart), se (clustered by `cluster`; missing under 2 wards), p (two-sided, t with
            wards − 1 degrees of freedom; missing under 20 wards), n, patients
    gaps:   by…, stage, attribute, regression_gap (largest − smallest coefficient, the reference's being 0),
            groups (told apart), small (groups under `least` patients, left out), n, wards

    Raises ParleyError where no run of these roles has patients.
    """
    import pandas as pd

    c = coded(frames, roles)
    unit, keys = c.units(by)
    cluster = pd.factorize(c.runs["cluster"])[0].astype(np.intp)[c.run]
    groups, gaps = [], []
    for k, attribute in enumerate(c.attributes):
        small = small_groups(c, unit, k, len(keys), least)
        known = (c.labels[:, k] >= 0) & ~small[unit, np.maximum(c.labels[:, k], 0)]
        for s, stage in enumerate(c.stages):
            for u in range(len(keys)):
                here = known & (unit == u) & np.isfinite(c.h[:, s])
                if not here.any():
                    continue
                named = {"unit": u, "stage": stage, "attribute": attribute}
                rows = _regressed(c, here, cluster[here], k, s)
                groups.append((s, k, pd.DataFrame(rows).assign(**named)))
                told = np.array([row["coefficient"] for row in rows])
                told = told[np.isfinite(told)]
                gap = float(np.ptp(told)) if len(told) >= 2 else np.nan
                facts = {"regression_gap": gap, "groups": len(told), "small": int(small[u].sum())}
                facts |= {"n": int(here.sum()), "wards": len(np.unique(cluster[here]))}
                gaps.append((s, k, pd.DataFrame([named | facts])))
    lead = ["unit", "stage", "attribute"]
    return NeedTables(
        *(
            tidy(keys, [(s, k, t[[*lead, *(n for n in t if n not in lead)]]) for s, k, t in tables])
            for tables in (groups, gaps)
        )
    )


def _regressed(c: Coded, here: Flags, cluster: Codes, k: int, s: int) -> list[dict[str, Any]]:
    """A row for each group with patients; the reference has coefficient 0 and no error."""
    from statsmodels.regression.linear_model import OLS

    label, ward = c.labels[here, k], c.ward[here]
    present, n = np.unique(label, return_counts=True)
    reference = present[n.argmax()]
    others = [g for g in present if g != reference]
    columns = [(label == g).astype(float) for g in others] + [c.acuity[here], c.benefit[here]]
    centred = np.stack([_within(column, ward) for column in [*columns, c.h[here, s]]], axis=1)
    x, wards = centred[:, :-1], len(np.unique(cluster))
    told = np.abs(np.diag(np.linalg.pinv(x, rcond=TINY) @ x) - 1) < 1e-6
    kept = _independent(x, told)
    values, errors, ps = (np.full(len(columns), np.nan) for _ in range(3))
    if kept:
        how = {"cov_type": "cluster", "cov_kwds": {"groups": cluster}, "use_t": True} if wards > 1 else {}
        fit = OLS(centred[:, -1], x[:, kept]).fit(**how)
        values[kept] = fit.params
        if wards > 1:
            errors[kept] = fit.bse
        if wards >= FEWEST_WARDS:
            ps[kept] = fit.pvalues
    rows = []
    for g, size in zip(present, n, strict=True):
        row: dict[str, Any] = {"group": c.groups[k][g], "reference": c.groups[k][reference]}
        j = others.index(g) if g != reference else None
        row["coefficient"] = 0.0 if j is None else float(values[j]) if told[j] else np.nan
        row["se"] = float(errors[j]) if j is not None and told[j] else np.nan
        row["p"] = float(ps[j]) if j is not None and told[j] else np.nan
        people = len(np.unique(c.person[here][label == g]))
        rows.append(row | {"n": int(size), "patients": people})
    return rows


def _independent(x: Array, told: Flags) -> list[int]:
    """Columns that span what all span, those that are told apart first: dropping the others leaves these alone."""
    kept: list[int] = []
    for j in sorted(range(x.shape[1]), key=lambda j: not told[j]):
        if np.abs(x[:, j]).max(initial=0.0) <= TINY:
            continue
        scaled = x[:, [*kept, j]] / np.linalg.norm(x[:, [*kept, j]], axis=0)
        if np.linalg.matrix_rank(scaled, tol=1e-7) > len(kept):
            kept.append(j)
    return kept


def _within(column: Array, ward: Codes) -> Array:
    """A column less its mean in each ward: what is left once every ward has an effect of its own."""
    sizes = np.bincount(ward)
    return np.asarray(column - (np.bincount(ward, column) / np.maximum(sizes, 1))[ward])
