"""What is left when many things are tested at once: adjusted p for families."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from scenarios.errors import ParleyError
from scenarios.ward import Array

Values = ArrayLike | Sequence[float | None]
"""p, one a test; None and NaN are tests that could not be made."""


def holm(p: Values) -> Array:
    """Adjusted p (n,) that controls the chance of any false rejection in the family (Holm 1979).

    None or NaN (not tested) comes out NaN and does not count toward the family. Raises ParleyError outside [0, 1].
    """
    return _adjusted(p, "holm")


def false_discovery(p: Values) -> Array:
    """Adjusted p (n,) that controls the expected share of false rejections (Benjamini and Hochberg 1995).

    For independent or positively dependent tests. NaN stays NaN and does not count toward the family.
    Raises ParleyError outside [0, 1].
    """
    return _adjusted(p, "fdr_bh")


def _adjusted(p: Values, method: str) -> Array:
    from statsmodels.stats.multitest import multipletests

    raw = np.array(p, dtype=float).reshape(-1)  # None becomes NaN
    tested = ~np.isnan(raw)
    if ((raw[tested] < 0) | (raw[tested] > 1)).any():
        raise ParleyError(f"p {raw[tested & ((raw < 0) | (raw > 1))][0]} is outside [0, 1]")
    adjusted = np.full(raw.shape, np.nan)
    if tested.any():
        adjusted[tested] = multipletests(raw[tested], method=method)[1]
    return adjusted
