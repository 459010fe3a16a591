"""Can the weights be told apart at all: how far the terms of a utility move together over a ward's candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evals.leanings.choices import Choices, read
from evals.leanings.menus import Menu, menu
from scenarios.measures import MEASURES
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

FLAT = 1e-9
"""A term whose standard deviation over the candidates is below this does not vary."""


def collinearity(records: Iterable[RunRecord | Choices]) -> pd.DataFrame:
    """Correlations of the terms over the fixed candidates, within wards: one row for every two terms.

    Columns: first, second, correlation (in [−1, 1]; NaN where one never varies), wards (that define both).
    ESG, DW-ESG and VWCI come out near 1: there a point estimate is a choice among many, the set is not.
    """
    import pandas as pd

    kept = read(records)
    names = terms_at(kept)
    menus = list({c.digest: menu(c.ward, names, c.digest) for c in kept}.values())
    correlation = correlations(menus)
    return pd.DataFrame(
        [
            {
                "first": names[i],
                "second": names[j],
                "correlation": correlation[i, j],
                "wards": int(sum(m.terms.defined[i] * m.terms.defined[j] for m in menus)),
            }
            for i in range(len(names))
            for j in range(i + 1, len(names))
        ]
    )


def terms_at(kept: Iterable[Choices]) -> tuple[str, ...]:
    """The six measures, then every group that a seat at one of the tables favours."""
    return (*MEASURES, *sorted({term for c in kept for term in c.groups}))


def correlations(menus: Sequence[Menu]) -> Array:
    """Pooled within-ward correlations of the terms over fixed candidates, (T, T); nan where a term never varies."""
    inner = [_centred(m) for m in menus]
    moment = np.sum([c.T @ c / len(c) for c in inner], axis=0)
    # A ward that does not define a term has zeros there, so it adds to neither moment nor variance of a pair.
    share = [np.outer(m.terms.defined, m.terms.defined) for m in menus]
    variance = np.sum(
        [np.diag(c.T @ c / len(c))[:, None] * s for c, s in zip(inner, share, strict=True)], axis=0
    )
    scale = np.sqrt(variance * variance.T)
    return np.asarray(np.divide(moment, scale, out=np.full_like(moment, np.nan), where=scale > FLAT**2))


def condition(menus: Sequence[Menu], allowed: Array) -> float:
    """Condition number of the correlation matrix of the terms that vary, >= 1; above some hundreds they are alike."""
    c = correlations(menus)[np.ix_(allowed > 0, allowed > 0)]
    varies = np.isfinite(np.diag(c))
    c = np.nan_to_num(c[np.ix_(varies, varies)])
    if not len(c):
        return float("nan")
    values = np.linalg.eigvalsh(c)
    return float(values[-1] / values[0]) if values[0] > 1e-12 else float("inf")


def _centred(m: Menu) -> Array:
    phi = m.phi[: m.fixed]
    return np.asarray(phi - phi.mean(axis=0))
