"""What is one month's choice about for each group of seats: what an ask brings now, what is left brings later.

A stage is one (month, regime, event), for every stock at once. S = capacity + 1; stocks, asks and what is left run over
0..S − 1. The *room* is what all together may take: the lesser of the law's quota and what there is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.ward import Array

Whole = NDArray[np.int64]
Truth = NDArray[np.bool_]
Keys = tuple[Array, Array]

TOLERANCE = 1e-7
"""A gain below this, in payoff units, is none."""


@dataclass(frozen=True)
class Group:
    """Seats of one concern: λ in V = u + λ·W, and how many they are."""

    concern: float
    seats: int

    def keys(self, own: Array, welfare: Array) -> Keys:
        """What the group maximises, compared in order: V alone; W and then u where λ is infinite."""
        if math.isinf(self.concern):
            return welfare, own
        return (own + self.concern * welfare if self.concern else own), np.zeros_like(own)


def shortfall(have: Keys, best: Keys) -> Array:
    """By how much `best` beats `have`, >= 0: in the first key where they differ, else in the second."""
    first = best[0] - have[0]
    second = np.where(first > -TOLERANCE, best[1] - have[1], 0.0)
    return np.asarray(np.maximum(0.0, np.where(first > TOLERANCE, first, second)), dtype=float)


@dataclass(frozen=True, eq=False)
class Stage:
    """One month, regime and event; the same for all groups."""

    seats: int
    open: Whole  # (S,), what there is to take
    room: Whole  # (S,), what all may take: at most `open`
    cap: Whole  # (S,), what one may take: at most `room`
    levelled: Truth  # (S,), whether asking for more is cut by the quota, to one level; else it is rationed
    worths: Array  # (S,), of a catch, at this month's price
    together: Array  # (S,), the most that a total is worth to all
    linear: bool  # whether every unit is worth the same
    pays: Array | None  # (S, S), by stock and ask: what it costs its seat
    burns: Array | None  # (S, S), what of that leaves the table
    own: tuple[Array, ...]  # for each group, (S,): what a seat expects later, by what is left
    welfare: Array  # (S,): what all expect later

    def cost(self, stock: Whole, ask: Whole) -> Array:
        """What an ask costs its seat."""
        return np.zeros(np.broadcast(stock, ask).shape) if self.pays is None else self.pays[stock, ask]

    def burnt(self, stock: Whole, ask: Whole) -> Array:
        """What of the cost of an ask leaves the table."""
        return np.zeros(np.broadcast(stock, ask).shape) if self.burns is None else self.burns[stock, ask]

    def left(self, stock: Whole, rest: Whole) -> Whole:
        """What is left in the pool where `rest` of the room is not taken."""
        return np.asarray(np.minimum(self.open[stock] - self.room[stock] + rest, len(self.open) - 1))


@dataclass(frozen=True, eq=False)
class Values:
    """A group's keys at a stage. Others' worth is left out of W: it is the same whatever one seat asks in the room.

    Q = S; or 1 where the law leaves asks and room free, since then what counts is not the stock but what is left.
    """

    group: Group
    now: Keys  # (Q, S), of an ask that is met, by stock
    later: Keys  # (Q, S), by stock and what of the room is not taken
    best: Keys  # (Q, S), of the best ask, by stock and the room that the others leave

    @classmethod
    def of(cls, stage: Stage, group: Group, own: Array) -> Values:
        """own (S,): what a seat of the group expects later, by what is left."""
        size = len(stage.open)
        free = stage.pays is None and (stage.room == stage.open).all() and (stage.cap == stage.room).all()
        stocks = np.arange(size - 1 if free else 0, size)
        stock, ask = np.meshgrid(stocks, np.arange(size), indexing="ij")
        earned = stage.worths[ask]
        now = group.keys(earned - stage.cost(stock, ask), earned - stage.burnt(stock, ask))
        # there is no quota, so what of the room is not taken is what is left
        left = np.minimum(ask, size - 1) if free else stage.left(stock, ask)
        later = group.keys(own[left], stage.welfare[left])
        cap = np.array([size - 1]) if free else stage.cap
        return cls(group, now, later, _best(now, later, cap, math.isinf(group.concern)))

    @property
    def free(self) -> bool:
        """Whether the stock does not count."""
        return len(self.now[0]) == 1

    def of_ask(self, stock: Whole, ask: Whole, rest: Whole) -> Keys:
        """The keys where a seat asks `ask`, is given it, and `rest` of the room stays."""
        at = 0 if self.free else stock
        first = self.now[0][at, ask] + self.later[0][at, rest]
        return first, self.now[1][at, ask] + self.later[1][at, rest]

    def afterwards(self, stock: Whole, rest: Whole) -> Keys:
        """The keys of what comes later where `rest` of the room stays."""
        at = 0 if self.free else stock
        return self.later[0][at, rest], self.later[1][at, rest]

    def best_in(self, stock: Whole, free: Whole) -> Keys:
        """The keys of the best ask where the others leave `free` of the room."""
        at = 0 if self.free else stock
        return self.best[0][at, free], self.best[1][at, free]

    def regret(self, stock: Whole, ask: Whole, rest: Whole) -> Array:
        """How much more the best ask within the same room would bring, >= 0."""
        return shortfall(self.of_ask(stock, ask, rest), self.best_in(stock, rest + ask))


def _best(now: Keys, later: Keys, cap: Whole, lexicographic: bool) -> Keys:
    """The greatest now[s, x] + later[s, R − x] over x <= min(R, cap[s]), for every s and R: one ask at a time."""
    size, rising = now[0].shape[1], bool((np.diff(cap) >= 0).all())
    first, second = now[0][:, :1] + later[0], now[1][:, :1] + later[1]
    for ask in range(1, int(cap.max(initial=0)) + 1):
        # as a rule more may be taken of a greater stock: then a slice will do, which copies nothing
        may = slice(int(np.searchsorted(cap, ask)), None) if rising else np.flatnonzero(cap >= ask)
        a = now[0][may, ask][:, None] + later[0][may, : size - ask]
        was = first[may, ask:]
        if not lexicographic:
            first[may, ask:] = np.maximum(was, a)
            continue
        b, other = now[1][may, ask][:, None] + later[1][may, : size - ask], second[may, ask:]
        better = (a > was + TOLERANCE) | ((a >= was - TOLERANCE) & (b > other))
        first[may, ask:], second[may, ask:] = np.where(better, a, was), np.where(better, b, other)
    return first, second


@dataclass(frozen=True, eq=False)
class Profiles:
    """K profiles: a stock, what of the room nobody takes, each of G groups' total, what a seat could gain.

    A scramble has a rest of 0 and an `ask` at or above 0, which every seat makes; an exact profile has −1 there.
    """

    stock: Whole  # (K,)
    rest: Whole  # (K,)
    totals: Whole  # (K, G)
    ask: Whole  # (K,)
    regret: Array  # (K,)

    def kept(self, which: Truth | Whole) -> Profiles:
        """The rows that `which` marks."""
        return Profiles(
            self.stock[which], self.rest[which], self.totals[which], self.ask[which], self.regret[which]
        )

    def with_(self, other: Profiles) -> Profiles:
        """These rows and then the other's."""
        return Profiles(
            *(np.concatenate([a, b]) for a, b in zip(vars(self).values(), vars(other).values(), strict=True))
        )


def roles(totals: Whole, seats: int) -> tuple[tuple[Whole, Whole], tuple[Whole, Whole]]:
    """A group's two asks and how many seats make each: ((⌊A/m⌋, m − r), (⌊A/m⌋ + 1, r)), r = A mod m."""
    each, odd = np.divmod(totals, seats)
    return (each, seats - odd), (each + 1, odd)


def unfined(stage: Stage) -> Whole:
    """The most that one may ask for at no more cost than for asking nothing, (S,); the cap itself where nobody pays."""
    if stage.pays is None:
        return stage.cap
    free = stage.pays <= stage.pays[:, :1] + TOLERANCE
    free &= np.arange(len(stage.open))[None, :] <= stage.cap[:, None]
    return np.asarray(len(stage.open) - 1 - np.argmax(free[:, ::-1], axis=1), dtype=np.int64)
