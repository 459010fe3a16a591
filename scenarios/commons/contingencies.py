"""What happens unforeseen in a month, how likely that is, and what of it a contract can tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scenarios.commons.commons import CALM, Commons, Contingencies
from scenarios.ward import Array


@dataclass(frozen=True)
class Event:
    """What is unusual about a month; the defaults are a calm one."""

    name: str = CALM
    growth: float = 1.0  # what regrowth is multiplied by
    outsider: int = 0  # tons taken before the agents harvest
    price: float = 1.0  # what the worth of a catch is multiplied by
    poached: int = 0  # tons gone after the harvest


def events(commons: Commons) -> tuple[Event, ...]:
    """All that can happen: first a calm month, then one event for each kind, in the order of the commons."""
    c = commons.contingencies
    if c.chance == 0:
        return (Event(),)
    by_kind = {
        "drought": Event("drought", growth=c.drought),
        "newcomer": Event("newcomer", outsider=c.newcomer),
        "price-shock": Event("price-shock", price=c.price),
        "poacher": Event("poacher", poached=c.poacher),
    }
    return (Event(), *(by_kind[kind] for kind in c.kinds))


def chances(commons: Commons) -> Array:
    """How likely each of `events` is in a month, (E,); they sum to 1 and do not depend on the month."""
    c = commons.contingencies
    if c.chance == 0:
        return np.ones(1)
    return np.array([1 - c.chance, *[c.chance / len(c.kinds)] * len(c.kinds)])


def event(commons: Commons, month: int) -> Event:
    """What happens in a month, from 1, in the commons' world."""
    kinds = events(commons)
    if len(kinds) == 1:
        return kinds[0]
    rng = commons.stream("event", month)
    happens, which = rng.random(), int(rng.integers(len(kinds) - 1))
    return kinds[1 + which] if happens < commons.contingencies.chance else kinds[0]


def hidden(commons: Commons) -> frozenset[str]:
    """Names of the events that contracts cannot tell from a calm month: the first ⌈hidden · kinds⌉ in seeded order."""
    return _hidden(commons.contingencies)


@lru_cache(maxsize=256)
def _hidden(c: Contingencies) -> frozenset[str]:
    order = np.random.default_rng(c.order).permutation(len(c.kinds))
    count = math.ceil(c.hidden * len(c.kinds) - 1e-9)
    return frozenset(c.kinds[int(i)] for i in order[:count])


def cell_of(commons: Commons, event: Event) -> str:
    """What the contract language calls a month with this event: its name, or `calm` for what it cannot tell."""
    return CALM if event.name in hidden(commons) else event.name


def cells(commons: Commons) -> tuple[str, ...]:
    """The cells of the language's partition of events, `calm` first; one cell: it tells nothing."""
    return tuple(dict.fromkeys(cell_of(commons, e) for e in events(commons)))
