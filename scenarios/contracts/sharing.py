"""How is a quota shared among those who ask: cut to one level, so that nobody gets more than it asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

NOISE = 1e-9
"""What a computed number of tons may be short of a whole one and still be it."""


def whole(amount: float) -> int:
    """Whole tons of an amount, rounded down, but for noise: 2.9999999999 is 3."""
    return math.floor(amount + NOISE)


def levelled(asked: Mapping[str, float], quota: float) -> dict[str, float]:
    """Each party's share of `quota` were tons divisible: min(asked, level), the level such that all is shared out.

    Water-filling (the constrained equal awards of Maimonides; Thomson 2003): the shares sum to the lesser of the
    quota and what is asked; nobody gets more than it asks; those who are cut get the same.
    """
    left, shares = min(quota, float(sum(asked.values()))), dict.fromkeys(asked, 0.0)
    for waiting, party in zip(range(len(asked), 0, -1), sorted(asked, key=lambda p: asked[p]), strict=True):
        shares[party] = min(float(asked[party]), left / waiting)
        left -= shares[party]
    return shares


def shared_out(asked: Mapping[str, int], quota: float, rng: np.random.Generator | None) -> dict[str, int]:
    """Each party's whole tons of `quota`: the level rounded down, what is left over dealt one ton each.

    `asked`: whole tons, 0 or more. Who among those cut gets a ton more is a fair draw of `rng`; without one the
    rest is not dealt. The sum is at most the quota, and with `rng` the lesser of its whole tons and what is asked.
    """
    tons = whole(quota)
    if sum(asked.values()) <= tons:
        return dict(asked)
    level = _level(sorted(asked.values()), tons)
    given = {party: min(amount, level) for party, amount in asked.items()}
    cut = [party for party, amount in asked.items() if amount > level]
    rest = tons - sum(given.values())
    if rng is not None:
        for place in rng.permutation(len(cut))[:rest]:
            given[cut[int(place)]] += 1
    return given


def _level(amounts: list[int], tons: int) -> int:
    """The greatest whole level at which no more than `tons` are given; `amounts` in rising order."""
    left = tons
    for done, amount in enumerate(amounts):
        waiting = len(amounts) - done
        if amount * waiting > left:
            return left // waiting
        left -= amount
    return amounts[-1]
