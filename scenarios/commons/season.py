"""How does a season go in one world when the agents ask as told: by the planner, by the best law, by anybody's rule?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scenarios.commons.commons import Commons
from scenarios.commons.contingencies import Event, cell_of, event
from scenarios.commons.month import Played, lot, open_to, played
from scenarios.commons.optimum import Plan, best_law, planner

Asks = Callable[[int, int, int, Event], Sequence[int]]
"""asks(month from 1, stock, regime, event) -> what every agent asks for, (n,)."""


def season(commons: Commons, asks: Asks) -> list[Played]:
    """The months that are played, the one of the collapse included; events and draws are the world's."""
    stock, regime, out = commons.stock, 0, list[Played]()
    for month in range(1, commons.months + 1):
        asked = asks(month, stock, regime, event(commons, month))
        out.append(played(commons, month, stock, regime, asked))
        if out[-1].collapsed:
            break
        stock, regime = out[-1].next_stock, out[-1].next_regime
    return out


def caught(months: Sequence[Played]) -> float:
    """What all catches of a season were worth, in payoff units."""
    return float(sum(float(m.worth.sum()) for m in months))


def planned(commons: Commons) -> list[Played]:
    """The season in which every catch is the planner's."""
    plan = planner(commons)
    return season(
        commons, lambda month, stock, regime, e: _split(commons, plan, month, stock, regime, e, e.name)
    )


def lawful(commons: Commons) -> list[Played]:
    """The season under the best law, its quota taken in full."""
    plan = best_law(commons)
    return season(
        commons,
        lambda month, stock, regime, e: _split(commons, plan, month, stock, regime, e, cell_of(commons, e)),
    )


def _split(
    commons: Commons, plan: Plan, month: int, stock: int, regime: int, happens: Event, cell: str
) -> list[int]:
    """A total catch split evenly, as far as there is anything; who takes a unit more, the month's lot says."""
    total = min(plan.total(month, stock, cell, regime), open_to(stock, happens))
    each, more = divmod(total, commons.agents)
    return [each + int(place < more) for place in lot(commons, month)]
