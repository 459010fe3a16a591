"""What are the equilibria of a tiny commons: by plain recursion, every deviation and every way of rationing played out.

Nothing of the policies under test is used here but what they are asked to be: state by state, the best or worst
equilibrium among profiles in which each group shares a total evenly, or everybody asks for everything.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from scenarios.commons import Commons, chances, events
from scenarios.commons.contingencies import Event
from scenarios.commons.month import open_to
from scenarios.commons.regrowth import transition
from tests.scenarios.commons_cases import rationings

Quota = Callable[[int], int]
Fine = Callable[[int, int], float]
"""fine(stock, asked) -> what it costs who asks; all of it is burnt."""
State = tuple[int, int, int]  # month, regime, stock
Worth = tuple[float, ...]  # each seat's payoff from here on, then everybody's

EPSILON = 1e-7


def levelled(asked: tuple[int, ...], quota: int) -> dict[tuple[int, ...], float]:
    """Every way in which a quota cuts the asks to one level, odd units by lot."""
    if sum(asked) <= quota:
        return {asked: 1.0}
    level = max(v for v in range(quota + 1) if sum(min(a, v) for a in asked) <= quota)
    given = [min(a, level) for a in asked]
    cut = [i for i, a in enumerate(asked) if a > level]
    lots = list(itertools.combinations(cut, quota - sum(given)))
    return {tuple(g + (i in lot) for i, g in enumerate(given)): 1 / len(lots) for lot in lots}


@dataclass
class Brute:
    """A tiny commons under a quota and a fine, played by seats of given concerns."""

    commons: Commons
    concerns: tuple[float, ...]
    select: str = "best"
    quota: Quota | None = None
    fine: Fine | None = None
    values: dict[State, Worth] = field(default_factory=dict)

    def keys(self, seat: int, worth: Worth) -> tuple[float, float]:
        """What a seat compares, in order."""
        concern = self.concerns[seat]
        return (worth[-1], worth[seat]) if math.isinf(concern) else (worth[seat] + concern * worth[-1], 0.0)

    def outcome(self, state: State, event: Event, asked: tuple[int, ...]) -> Worth:
        """Expected payoffs from a state on when seats ask so, later play as found."""
        month, regime, stock = state
        there, table = open_to(stock, event), self.commons.worth_table
        move, n = transition(self.commons, event), len(self.concerns)
        total = np.zeros(n + 1)
        quota = self.quota(stock) if self.quota else self.commons.capacity * n
        for allowed, p in levelled(asked, quota).items():
            for taken, q in rationings(allowed, there).items():
                paid = [self.fine(stock, a) if self.fine else 0.0 for a in asked]
                now = [event.price * table[t] - f for t, f in zip(taken, paid, strict=True)]
                here = np.array([*now, sum(now)])
                left = there - sum(taken)
                if month < self.commons.months and move.alive[left]:
                    ends = zip(move.regime[regime, :, left], move.stock[regime, :, left], strict=True)
                    here = here + np.mean([self.value((month + 1, int(r), int(s))) for r, s in ends], axis=0)
                total += p * q * here
        return tuple(total.tolist())

    def gains(self, state: State, event: Event, asked: tuple[int, ...]) -> float:
        """The most that a seat gains by any other ask, in the first key that rises."""
        base, most = self.outcome(state, event, asked), 0.0
        for seat in range(len(asked)):
            have = self.keys(seat, base)
            for other in range(self.commons.capacity + 1):
                deviant = (*asked[:seat], other, *asked[seat + 1 :])
                got = self.keys(seat, self.outcome(state, event, deviant))
                first = got[0] - have[0]
                more = first if first > EPSILON else got[1] - have[1] if first > -EPSILON else 0.0
                most = max(most, more)
        return most

    def profiles(self, stock: int, event: Event) -> Iterator[tuple[int, ...]]:
        """Each group's total evenly, one placing of the odd units; and everybody asking for everything."""
        there = open_to(stock, event)
        room = min(there, self.quota(stock)) if self.quota else there
        groups = [[i for i, c in enumerate(self.concerns) if c == one] for one in sorted(set(self.concerns))]
        for totals in itertools.product(range(room + 1), repeat=len(groups)):
            if sum(totals) <= room:
                asked = [0] * len(self.concerns)
                for seats, total in zip(groups, totals, strict=True):
                    for rank, seat in enumerate(seats):
                        asked[seat] = total // len(seats) + (rank < total % len(seats))
                yield tuple(asked)
        if room:
            yield (room,) * len(self.concerns)

    def fair(self, worth: Worth) -> Worth:
        """The same before the lot of odd units is drawn: seats of one concern expect the same."""
        out = list(worth)
        for one in set(self.concerns):
            seats = [i for i, c in enumerate(self.concerns) if c == one]
            for seat in seats:
                out[seat] = sum(worth[i] for i in seats) / len(seats)
        return tuple(out)

    def value(self, state: State) -> Worth:
        """Expected payoffs from a state on, before its event is known; raises where there is no equilibrium."""
        if state not in self.values:
            total = np.zeros(len(self.concerns) + 1)
            for event, chance in zip(events(self.commons), chances(self.commons), strict=True):
                good = [
                    self.fair(self.outcome(state, event, asked))
                    for asked in self.profiles(state[2], event)
                    if self.gains(state, event, asked) <= EPSILON
                ]
                if not good:
                    raise LookupError(f"no equilibrium at {state}, {event.name}")
                sign = 1.0 if self.select == "best" else -1.0
                total += chance * np.array(
                    max(good, key=lambda w: (sign * round(w[-1], 6), sign * round(min(w[:-1]), 6)))
                )
            self.values[state] = tuple(total.tolist())
        return self.values[state]
