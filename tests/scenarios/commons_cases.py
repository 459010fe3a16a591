"""What do tests of the commons play: seasons of scripted agents, tiny pools, and rationing by enumeration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from scenarios.commons import Commons, Played, played
from scenarios.commons.commons import Contingencies, Regrowth

Rule = Callable[[int, int], Sequence[int]]
"""rule(month, stock) -> what each agent asks for."""


def scripted(commons: Commons, rule: Rule) -> list[Played]:
    """The months that are played when agents ask by rule, the one of the collapse included."""
    stock, regime, months = commons.stock, 0, []
    for month in range(1, commons.months + 1):
        months.append(played(commons, month, stock, regime, rule(month, stock)))
        if months[-1].collapsed:
            break
        stock, regime = months[-1].next_stock, months[-1].next_regime
    return months


def total(months: list[Played]) -> int:
    """Units taken by all agents."""
    return sum(int(m.taken.sum()) for m in months)


def catches(months: list[Played]) -> np.ndarray:
    """(m, n)"""
    return np.array([m.taken for m in months])


def tiny(**changes: object) -> Commons:
    """Two agents, three months, at most six units."""
    base: dict[str, object] = {
        "name": "tiny", "title": "Tiny", "agents": 2, "months": 3, "stock": 6, "capacity": 6, "collapse": 1,
    }  # fmt: skip
    return Commons.model_validate(base | changes)


TINIES = {
    "steady": tiny(),
    "stochastic": tiny(regrowth=Regrowth(kind="stochastic", rates=(1.5, 2.5))),
    "hysteresis": tiny(
        regrowth=Regrowth(kind="hysteresis", rate=2.0, degraded_rate=1.0, falls=2, recovers=4)
    ),
    "events": tiny(
        months=2,
        contingencies=Contingencies(chance=0.5, newcomer=2, poacher=1, price=2.0, drought=0.5, hidden=0.5),
    ),
    "three": tiny(agents=3),
    "concave": tiny(worths=(0.0, 3.0, 5.0, 6.0, 6.5, 6.5, 6.5)),
}


@cache
def rationings(asked: tuple[int, ...], stock: int) -> dict[tuple[int, ...], float]:
    """Every way in which `stock` units can be dealt one by one to random claimants, with its chance."""
    claimants = [i for i, claim in enumerate(asked) if claim > 0]
    if not claimants or stock == 0:
        return {(0,) * len(asked): 1.0}
    out: dict[tuple[int, ...], float] = {}
    for i in claimants:
        left = tuple(claim - (j == i) for j, claim in enumerate(asked))
        for rest, chance in rationings(left, stock - 1).items():
            taken = tuple(unit + (j == i) for j, unit in enumerate(rest))
            out[taken] = out.get(taken, 0.0) + chance / len(claimants)
    return out
