"""Who gets what where more is asked than there is: one unit at a time, each to a random claimant.

The rule of GovSim (Piatti et al. 2024): every unit goes to one of the agents with an open claim, all equally likely,
until the pool or the claims are exhausted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import ParleyError

Whole = NDArray[np.int64]


def rationed(asked: Sequence[int] | Whole, stock: int, rng: np.random.Generator) -> Whole:
    """Catches (n,), whole, 0 <= catch <= asked, Σ catch = min(stock, Σ asked).

    Equal claims have equal expectations, whatever the order of the agents; a greater claim never expects less.
    Raises ParleyError for a claim that is negative or no whole number.
    """
    claims = np.asarray(asked)
    if claims.ndim != 1 or not np.issubdtype(claims.dtype, np.integer) or (claims < 0).any():
        raise ParleyError(f"catches {list(asked)!r}: each must be a whole number, 0 or more; correct them")
    if stock < 0:
        raise ParleyError(f"stock {stock}: must be 0 or more; correct it")
    open_: Whole = np.minimum(claims, stock).astype(np.int64)  # a claim beyond the stock changes nothing
    if open_.sum() <= stock:
        return open_
    taken: Whole = np.zeros_like(open_)
    for _ in range(stock):
        claimants = np.flatnonzero(open_ > taken)
        taken[claimants[int(rng.integers(len(claimants)))]] += 1
    return taken
