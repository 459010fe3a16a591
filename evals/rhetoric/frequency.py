"""How often is each kind of appeal made: the judge's rate by persona, round or condition, with wards as the unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def rates(
    labels: pd.DataFrame, by: Sequence[str] = ("persona", "round"), *, rng: np.random.Generator
) -> pd.DataFrame:
    """The share of arguments that each label applies to, as the judge says: not corrected for its errors.

    `labels` as `evals.rhetoric.judge` returns them (first readings count). One row a group of `by`, judge and
    label: `n` arguments with a usable answer, `missing` without (never filled in), `rejected` entries that had no
    verbatim span, `wards`, `rate` (mean over wards of the share within, in [0, 1]), `low`, `high` (95 %,
    bootstrap-t over wards, cut to [0, 1]; NaN under 20 wards), `effective` (how many independent arguments the
    rate is worth, NaN where that cannot be told), `note`.

    effective = p·(1 − p)/s² · (t_{n−1}/t_{G−1})², s the standard error over G wards, at most n; where all wards
    agree G is taken, as if the arguments of a ward were one (after Korn & Graubard 1998).
    """
    import pandas as pd

    first = labels[labels.reading == "first"]
    keys = [*by, "judge", "label"]
    rows = []
    for key, group in first.groupby(keys, sort=True, observed=True):
        rows.append(dict(zip(keys, key, strict=True)) | _rate(group, rng))
    order = {label: i for i, label in enumerate(labels.label.unique())}
    frame = pd.DataFrame(rows, columns=[*keys, *COLUMNS])
    return frame.sort_values(keys, key=lambda c: c.map(order) if c.name == "label" else c, ignore_index=True)


NO_INTERVAL = "under 20 wards: no interval"
COLUMNS = ("n", "missing", "rejected", "wards", "rate", "low", "high", "effective", "note")


def _rate(group: pd.DataFrame, rng: np.random.Generator) -> dict[str, Any]:
    import numpy as np

    from evals.statistics import FEWEST_FOR_INTERVAL, estimate

    known = group[group.score.notna()]
    found = estimate(group.score.to_numpy(float), group.cluster.to_numpy(), rng=rng)
    within = known.groupby("cluster").score.mean().to_numpy(float)
    low, high = (np.nan if v is None else min(1.0, max(0.0, v)) for v in (found.low, found.high))
    return {
        "n": len(known),
        "missing": len(group) - len(known),
        "rejected": int(group.rejected.sum()),
        "wards": len(within),
        "rate": np.nan if found.mean is None else found.mean,
        "low": low,
        "high": high,
        "effective": effective(within, len(known)),
        "note": found.note if len(within) >= FEWEST_FOR_INTERVAL else NO_INTERVAL,
    }


def effective(within: np.typing.NDArray[np.float64], n: int) -> float:
    """The effective sample size of a rate whose wards have these shares; see `rates`. NaN under two wards."""
    import numpy as np
    from scipy.stats import t

    wards = len(within)
    if wards < 2:
        return float("nan")
    p, variance = within.mean(), within.var(ddof=1) / wards
    if variance == 0 or p in (0.0, 1.0):
        return float(wards)
    ratio = t.ppf(0.975, max(n - 1, 1)) / t.ppf(0.975, wards - 1)
    return float(np.clip(p * (1 - p) / variance * ratio**2, 1.0, n))
