"""What is an attribute worth in need: a logit of who is treated, or the bounds left where that has no maximum."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.statistics import FEWEST_FOR_INTERVAL
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

NORMAL_95 = 1.959964
FEWEST = 8
"""Fewer runs than this are not fitted."""
FLAT = 1e-6
"""A slope nearer 0 than this, or a chance nearer 0 or 1, is that."""


@dataclass(frozen=True)
class Worth:
    """log-odds(chance) = attribute + need · x over runs; None is missing.

    `worth` = attribute / need, in units of acuity: at x = −worth the odds are even. `worth_low` and `worth_high` are
    its 95 % interval (delta method, errors clustered by ward; none under 20 wards), or, where `finding` says
    separated, what the choices leave possible: no interval, no slope. Where `agreeing` is 0 need and attribute
    never agreed, so that equal need lies beyond what was seen.
    """

    runs: int
    wards: int
    agreeing: int
    finding: str
    attribute: float | None = None
    attribute_se: float | None = None
    need: float | None = None
    need_se: float | None = None
    worth: float | None = None
    worth_low: float | None = None
    worth_high: float | None = None


COLUMNS = ("setup", "strength", "stage", *Worth.__dataclass_fields__)


def worths(pairs: pd.DataFrame) -> pd.DataFrame:
    """A row a setup, strength and stage of pairs (see `evals.findings.pull`), twins included: the fields of `Worth`."""
    import pandas as pd

    own = pairs[pairs["role"].isin(("study", "twin"))].dropna(subset=["chance", "need_difference"])
    rows: list[dict[str, Any]] = []
    for (setup, strength, stage), group in own.groupby(["setup", "strength", "stage"], sort=False):
        x, y = group["need_difference"].to_numpy(float), group["chance"].to_numpy(float)
        found = worth(x, y, group["cluster"].to_numpy())
        rows.append({"setup": setup, "strength": strength, "stage": stage} | asdict(found))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def worth(x: Array, y: Array, clusters: Any) -> Worth:
    """The attribute's worth from x (n,), the favoured's need less the other's, and y (n,), their chance in [0, 1].

    A fractional logit (Papke & Wooldridge 1996), which takes chances as they are. It has a finite maximum only where
    no need parts treated from untreated (Albert & Anderson 1984); where one does, its bounds are given instead.
    """
    labels, codes = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    counts = (len(y), len(labels), int((x > 0).sum()))
    treated, untreated = x[y > FLAT], x[y < 1 - FLAT]
    if len(y) < FEWEST:
        return Worth(*counts, f"under {FEWEST} runs: not fitted")
    if not len(untreated):
        return Worth(*counts, "separated: always treated", worth_low=float(-x.min()), worth_high=math.inf)
    if not len(treated):
        return Worth(*counts, "separated: never treated", worth_low=-math.inf, worth_high=float(-x.max()))
    if np.ptp(y) < FLAT or np.ptp(x) < FLAT:
        return Worth(*counts, f"no slope: the same {'chance' if np.ptp(y) < FLAT else 'need'} in all")
    if untreated.max() <= treated.min():
        low, high = float(-treated.min()), float(-untreated.max())
        return Worth(*counts, "separated: one need decides", worth_low=low, worth_high=high)
    if treated.max() <= untreated.min():
        return Worth(*counts, "separated: the lesser need decides")
    return _fitted(x, y, codes, counts)


def _fitted(x: Array, y: Array, codes: Any, counts: tuple[int, int, int]) -> Worth:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    model = GLM(y, np.column_stack([np.ones_like(x), x]), family=Binomial())
    sure = counts[1] >= FEWEST_FOR_INTERVAL
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": codes}) if sure else model.fit()
    a, b = (float(v) for v in fit.params)
    cov = np.asarray(fit.cov_params(), dtype=float)
    told: dict[str, Any] = {"attribute": a, "need": b}
    if sure:
        told |= {"attribute_se": math.sqrt(cov[0, 0]), "need_se": math.sqrt(cov[1, 1])}
    if b > FLAT:
        gradient = np.array([1 / b, -a / b**2])
        half = NORMAL_95 * math.sqrt(max(0.0, float(gradient @ cov @ gradient)))
        told |= {"worth": a / b} | ({"worth_low": a / b - half, "worth_high": a / b + half} if sure else {})
    finding = "fitted" if b > FLAT else "fitted: the lesser need counts for more"
    return Worth(*counts, finding if sure else f"{finding}; under 20 wards: no interval", **told)
