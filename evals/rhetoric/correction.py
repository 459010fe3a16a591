"""What are the rates once the judge's errors are taken out, and how sure is that, given how few people labelled?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEWEST_WARDS = 20
LEAST_YOUDEN = 0.1
"""Sensitivity + specificity − 1 must exceed this with a probability of .975, or there is nothing to divide by."""


def rogan_gladen(rate: float, sensitivity: float, specificity: float) -> float:
    """The true rate behind a judge's: (rate + specificity − 1)/(sensitivity + specificity − 1), cut to [0, 1].

    Rogan & Gladen 1978. NaN where sensitivity + specificity <= 1: the judge then says nothing about the label.
    """
    youden = sensitivity + specificity - 1
    return min(1.0, max(0.0, (rate + specificity - 1) / youden)) if youden > 0 else math.nan


def corrected(
    rates: pd.DataFrame,
    labelled: pd.DataFrame,
    *,
    rng: np.random.Generator,
    draws: int = 10_000,
    level: float = 0.95,
) -> pd.DataFrame:
    """The rates with the judge's errors, as the labelled set shows them, taken out and their uncertainty carried along.

    `rates` as `evals.rhetoric.rates`, `labelled` as `evals.rhetoric.labelled` returns it. Added to each row:
    `sensitivity`, `specificity` (over `carrying` and `without` labelled arguments; `ties` and `unjudged` take no
    part), `corrected`, `corrected_low`, `corrected_high` (NaN under 20 wards), `labelling_low`, `labelling_high`
    (what the labelled set alone leaves open, the judge's rate taken as it stands), `correction` (why not, if not).

    Draws from Jeffreys posteriors, Beta(k + ½, n − k + ½), of sensitivity, specificity and the judge's rate (n its
    `effective` sample size) go through `rogan_gladen`; the interval is their quantiles, in [0, 1]. A draw in
    which the judge is no better than chance counts as 0 for the lower end and 1 for the upper. The frame is Lee
    et al. 2025 (2511.21140), with draws in place of their normal approximation. It takes sensitivity and
    specificity to be the same in every group, and the labelled arguments to be few among the judged: where they
    are most of them the interval is too wide, never too narrow (simulated: .94–.96 of 95 % intervals hold the truth
    with a labelled set apart, .98 and more where a quarter to all of the judged are labelled).
    """
    known = {label: _errors(group) for label, group in labelled.groupby("label")}
    rows = [
        _corrected(row, known.get(row.label, _errors(labelled.iloc[:0])), rng, draws, level)
        for row in rates.itertuples(index=False)
    ]
    import pandas as pd

    return pd.concat([rates.reset_index(drop=True), pd.DataFrame(rows, columns=list(ADDED))], axis=1)


ADDED = (
    *("sensitivity", "specificity", "carrying", "without", "ties", "unjudged"),
    *("corrected", "corrected_low", "corrected_high", "labelling_low", "labelling_high", "correction"),
)


def _errors(group: pd.DataFrame) -> dict[str, Any]:
    """What the labelled set says of one label: how many carry it and how many of those the judge found, …"""
    ties, unjudged = int(group.truth.isna().sum()), int(group.judged.isna().sum())
    kept = group[group.truth.notna() & group.judged.notna()]
    carrying, without = kept[kept.truth == 1].judged, kept[kept.truth == 0].judged
    return {
        "sensitivity": float(carrying.mean()) if len(carrying) else math.nan,
        "specificity": float(1 - without.mean()) if len(without) else math.nan,
        "carrying": len(carrying),
        "without": len(without),
        "ties": ties,
        "unjudged": unjudged,
    }


def _corrected(
    row: Any, known: dict[str, Any], rng: np.random.Generator, draws: int, level: float
) -> dict[str, Any]:
    import numpy as np

    nothing = dict.fromkeys(ADDED[6:11], math.nan)
    if known["carrying"] == 0 or known["without"] == 0:
        lacking = "carries it" if known["carrying"] == 0 else "is without it"
        return known | nothing | {"correction": f"not correctable: no labelled argument {lacking}"}
    found = _posterior(known["sensitivity"], known["carrying"], rng, draws)
    spared = _posterior(known["specificity"], known["without"], rng, draws)
    if np.mean(found + spared - 1 > LEAST_YOUDEN) < 0.975:
        youden = known["sensitivity"] + known["specificity"] - 1
        why = f"sensitivity + specificity − 1 is {youden:.2f}, not surely above {LEAST_YOUDEN:g}"
        return known | nothing | {"correction": f"not correctable: {why}"}
    if math.isnan(row.rate):
        return known | nothing | {"correction": "no rate to correct"}
    out = known | nothing | {"correction": ""}
    out["corrected"] = rogan_gladen(row.rate, known["sensitivity"], known["specificity"])
    out["labelling_low"], out["labelling_high"] = _interval(np.full(draws, row.rate), found, spared, level)
    if row.wards < FEWEST_WARDS:
        return out | {"correction": f"under {FEWEST_WARDS} wards: interval of the labelling alone"}
    judged = _posterior(row.rate, row.effective, rng, draws)
    out["corrected_low"], out["corrected_high"] = _interval(judged, found, spared, level)
    return out


def _posterior(share: float, n: float, rng: np.random.Generator, draws: int) -> Any:
    return rng.beta(share * n + 0.5, (1 - share) * n + 0.5, draws)


def _interval(rate: Any, found: Any, spared: Any, level: float) -> tuple[float, float]:
    """Quantiles of the corrected draws; one without a judge better than chance leaves everything open."""
    import numpy as np

    youden = found + spared - 1
    good = youden > 0
    theta = np.clip((rate + spared - 1) / np.where(good, youden, 1.0), 0, 1)
    tail = (1 - level) / 2
    return (
        float(np.quantile(np.where(good, theta, 0.0), tail)),
        float(np.quantile(np.where(good, theta, 1.0), 1 - tail)),
    )
