"""What does one month do to the pool: outsider, catches, poacher, collapse, regrowth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scenarios.commons.commons import Commons
from scenarios.commons.contingencies import Event, event
from scenarios.commons.rationing import Whole, rationed
from scenarios.commons.regrowth import collapses, regrown
from scenarios.commons.worth import worth
from scenarios.ward import Array


@dataclass(frozen=True, eq=False)
class Played:
    """One month as it went; n agents, amounts whole and in units of the commons."""

    month: int
    stock: int  # at its start
    event: Event
    outsider: int  # taken before the agents
    taken: Whole  # (n,)
    worth: Array  # (n,), payoff units, before fines and payments
    poached: int
    left: int
    collapsed: bool
    next_stock: int
    next_regime: int


def open_to(stock: int, event: Event) -> int:
    """What the agents can take of a stock: all that an outsider has not taken first."""
    return max(0, stock - event.outsider)


def played(commons: Commons, month: int, stock: int, regime: int, asked: Sequence[int] | Whole) -> Played:
    """The month, from 1, when the agents ask for `asked` (n,), after the law; event and draws are the world's.

    Raises ParleyError for catches that are negative or no whole numbers.
    """
    happened = event(commons, month)
    there = open_to(stock, happened)
    taken = rationed(asked, there, commons.stream("rationing", month))
    after = there - int(taken.sum())
    poached = min(after, happened.poached)
    left = after - poached
    next_stock, next_regime = regrown(commons, left, month, regime, happened)
    return Played(
        month=month,
        stock=stock,
        event=happened,
        outsider=stock - there,
        taken=taken,
        worth=worth(commons, taken, happened),
        poached=poached,
        left=left,
        collapsed=collapses(commons, left),
        next_stock=next_stock,
        next_regime=next_regime,
    )


def lot(commons: Commons, month: int) -> Whole:
    """The public lot of a month: the agents' places in a random order, (n,), the same whatever anyone does.

    By it agents who share an amount that does not divide evenly settle who takes a unit more.
    """
    return np.asarray(commons.stream("lot", month).permutation(commons.agents), dtype=np.int64)
