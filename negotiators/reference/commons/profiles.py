"""Which demands of one month are in equilibrium, for every stock.

A group's seats share a total A evenly, ⌊A/m⌋ each, the odd units one each by a public lot: play is symmetric in
expectation, and totals can be hit to the unit, which pure demands that are all alike could not. Two kinds of profile:

- *exact*: all together ask for no more than the room. All of them are looked at, and each is checked against every
  deviation of a seat of every group: up, down, and to asking for all it may (or all that goes unfined), which takes
  from the others;
- *scramble*: everybody asks for all that one may (or all that goes unfined), and that is more than the room. Then
  mostly no seat alone changes what is left, so it is an equilibrium that nobody need have wanted.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from negotiators.reference.commons.grabbing import Grabbing
from negotiators.reference.commons.stage import (
    TOLERANCE,
    Profiles,
    Stage,
    Truth,
    Values,
    Whole,
    roles,
    shortfall,
    unfined,
)
from scenarios.errors import ParleyError
from scenarios.ward import Array

MOST_ROWS = 4_000_000
"""Profiles under examination at once."""


def exact(stage: Stage, values: tuple[Values, ...]) -> Profiles:
    """Every exact profile in which no seat gains within the room, nor surely by grabbing; `Grabbing` tells the rest."""
    rows = _within(stage, values[0], 0, _first(stage, values))
    for g in range(1, len(values)):
        rows = _within(stage, values[g], g, _joined(stage, rows, last=g == len(values) - 1))
    return rows.kept(~Grabbing.of(stage, values, rows).sure())


def nearest(stage: Stage, values: tuple[Values, ...], stocks: Whole) -> Profiles:
    """For each of these stocks an exact profile of least regret within the room (of three concerns, an even one)."""
    if len(values) > 2:
        rows = _even(stage, values, stocks)
    else:
        rows = _first(stage, values)
        rows = rows.kept(np.isin(rows.stock, stocks))
        rows = _joined(stage, rows, last=True) if len(values) == 2 else rows
    regret = np.zeros(len(rows.stock))
    for g, of in enumerate(values):
        regret = np.maximum(regret, _regret(stage, of, rows, rows.totals[:, g]))
    order = np.lexsort((regret, rows.stock))
    first = order[np.unique(rows.stock[order], return_index=True)[1]]
    least = rows.kept(first)
    return Profiles(least.stock, least.rest, least.totals, least.ask, regret[first])


def _even(stage: Stage, values: tuple[Values, ...], stocks: Whole) -> Profiles:
    """Every profile of these stocks in which all seats ask for the same."""
    stock, each = (a.ravel() for a in np.meshgrid(stocks, np.arange(len(stage.open)), indexing="ij"))
    fits = (stage.seats * each <= stage.room[stock]) & (each <= stage.cap[stock])
    stock, each = stock[fits], each[fits]
    totals = each[:, None] * np.array([of.group.seats for of in values])
    nothing = np.zeros(len(stock))
    return Profiles(stock, stage.room[stock] - stage.seats * each, totals, np.full(len(stock), -1), nothing)


def _within(stage: Stage, of: Values, g: int, rows: Profiles) -> Profiles:
    """The rows in which no seat of group g gains within the room."""
    if of.free:
        good = _undisturbed(of)
        return rows.kept(good[rows.rest, rows.totals[:, g]])
    for role in (0, 1):  # one after the other, since few remain
        ask, count = roles(rows.totals[:, g], of.group.seats)[role]
        asked = np.minimum(ask, len(stage.open) - 1)
        some = np.flatnonzero(count > 0)
        regret = np.zeros(len(ask))
        regret[some] = of.regret(rows.stock[some], asked[some], rows.rest[some])
        rows = rows.kept((count == 0) | ((regret <= TOLERANCE) & (ask <= stage.cap[rows.stock])))
    return rows


def _undisturbed(of: Values) -> Truth:
    """By (rest, total) whether no seat of the group gains within the room, where the stock does not count."""
    size = of.now[0].shape[1]
    rest, total = np.indices((size, size))
    fits = rest + total < size
    good = np.zeros((size, size), dtype=bool)
    (low, many), (high, few) = roles(total[fits], of.group.seats)
    none = np.zeros_like(low)
    first = of.regret(none, low, rest[fits]) <= TOLERANCE
    second = of.regret(none, np.where(few > 0, high, low), rest[fits]) <= TOLERANCE
    good[fits] = ((many == 0) | first) & ((few == 0) | second)
    return good


def _joined(stage: Stage, rows: Profiles, *, last: bool) -> Profiles:
    """The rows with every total of the next group; the last group takes what is missing."""
    room = stage.room[rows.stock] - rows.rest - rows.totals.sum(axis=1)
    if last:
        return Profiles(rows.stock, rows.rest, np.column_stack([rows.totals, room]), rows.ask, rows.regret)
    times = room + 1
    if times.sum() > MOST_ROWS:
        raise ParleyError("concerns: too many different ones to list equilibria of; use two or three")
    more = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    wide = rows.kept(np.repeat(np.arange(len(times)), times))
    return Profiles(wide.stock, wide.rest, np.column_stack([wide.totals, more]), wide.ask, wide.regret)


def _first(stage: Stage, values: tuple[Values, ...]) -> Profiles:
    """The rows to begin with: every stock, rest and total of the first group; if it is the only one, it takes all."""
    return _rows(tuple(stage.room.tolist()), len(values) == 1)


@lru_cache(maxsize=64)
def _rows(rooms: tuple[int, ...], alone: bool) -> Profiles:
    size, room = len(rooms), np.array(rooms, dtype=np.int64)
    if alone:
        stock, total = (a.ravel() for a in np.indices((size, size)))
        fits = total <= room[stock]
        stock, total = stock[fits], total[fits]
        rest = room[stock] - total
    else:
        totals, rests, starts = _splits(size)
        times = starts[room + 1] - starts[room]
        stock = np.repeat(np.arange(size), times)
        at = np.arange(len(stock)) - np.repeat(np.cumsum(times) - times, times) + starts[room[stock]]
        total, rest = totals[at], rests[at]
    return Profiles(stock, rest, total[:, None], np.full(len(stock), -1), np.zeros(len(stock)))


@lru_cache(maxsize=8)
def _splits(size: int) -> tuple[Whole, Whole, Whole]:
    """All (total, rest) with total + rest <= room, for rooms 0, 1, … one after another, and where each begins."""
    room, total, rest = (a.ravel() for a in np.indices((size, size, size)))
    fits = total + rest <= room
    return total[fits], rest[fits], np.concatenate([[0], np.cumsum(np.bincount(room[fits], minlength=size))])


def _regret(stage: Stage, of: Values, rows: Profiles, total: Whole) -> Array:
    """The greatest regret of a seat of a group in each row; infinite where it asks for more than the law lets it."""
    (low, many), (high, few) = roles(total, of.group.seats)
    out = np.where(many > 0, of.regret(rows.stock, low, rows.rest), 0.0)
    odd = np.flatnonzero(few > 0)
    out[odd] = np.maximum(out[odd], of.regret(rows.stock[odd], high[odd], rows.rest[odd]))
    out[np.where(few > 0, high, low) > stage.cap[rows.stock]] = np.inf
    return np.asarray(out, dtype=float)


def scrambles(stage: Stage, values: tuple[Values, ...]) -> Profiles:
    """For each stock: everybody asks for all it may, or for all that costs no more than asking for nothing."""
    found = _scramble(stage, values, stage.cap)
    return found if stage.pays is None else found.with_(_scramble(stage, values, unfined(stage)))


def _scramble(stage: Stage, values: tuple[Values, ...], ask: Whole) -> Profiles:
    """Everybody asks for `ask` (S,); only stocks at which that is more than the room."""
    n, size = stage.seats, len(stage.open)
    stock = np.flatnonzero(n * ask > stage.room)
    room, each = stage.room[stock], ask[stock]
    rows, d = np.indices((len(stock), size))
    at = stock[rows]
    earned, others = scrambled(stage, stock, each)
    regret = np.zeros(len(stock))
    spare = np.flatnonzero((n - 1) * each < room)  # there, one who holds back leaves something in the pool
    free, none = (room - (n - 1) * each)[spare], np.zeros(len(spare), dtype=np.int64)
    for of in values:
        together = np.asarray(earned + others - stage.burnt(at, d), dtype=float)
        now = of.group.keys(np.asarray(earned - stage.cost(at, d), dtype=float), together)
        have = now[0][rows[:, 0], each], now[1][rows[:, 0], each]
        may = d <= stage.cap[at]
        tried = tuple(np.where(may, keys, mine[:, None]) for keys, mine in zip(now, have, strict=True))
        less = shortfall((have[0][:, None], have[1][:, None]), (tried[0], tried[1]))
        regret = np.maximum(regret, less.max(axis=1))
        kept = of.group.keys(np.zeros(len(free)), (n - 1) * stage.worths[each[spare]])
        best, after = of.best_in(stock[spare], free), of.afterwards(stock[spare], none)
        whole = have[0][spare] + after[0], have[1][spare] + after[1]
        less = shortfall(whole, (best[0] + kept[0], best[1] + kept[1]))
        regret[spare] = np.maximum(regret[spare], less)
    seats = np.array([of.group.seats for of in values])
    totals = each[:, None] * seats
    return Profiles(stock, np.zeros(len(stock), dtype=np.int64), totals, each, regret)


def scrambled(stage: Stage, stock: Whole, each: Whole) -> tuple[Array, Array]:
    """(expected worth of a seat's catch if it asks for d = 0..S − 1, all others' worth then), (K, S), the others
    asking for `each` (K,), together more than the room.

    Exact where they ask for the whole room and are rationed: X ~ Binomial(room, 1/n) of who asks for everything,
    min(X, d) of who asks for d, and the rest falls to the others in the same way. Else min(d, room/n), and the rest
    evenly: exact for the quota's level up to the odd units, and where worths are linear and d >= room/n.
    """
    size, n, room = len(stage.open), stage.seats, stage.room[stock]
    d, steps = np.arange(size), np.diff(stage.worths)
    share = np.minimum(d[None, :], (room / n)[:, None])
    even = np.interp((room[:, None] - share) / (n - 1), d, stage.worths)
    tails = _tails(size, n)[room]  # (K, S): P(X > x)
    earned = np.concatenate([np.zeros((len(stock), 1)), np.cumsum(tails[:, :-1] * steps, axis=1)], axis=1)
    chance = -np.diff(tails, axis=1, prepend=1.0)  # P(X = x)
    of_rest = (
        np.concatenate([[0.0], steps]) @ _shifted(_tails(size, n - 1)).T
    )  # E worth of Binomial(rest, 1/(n − 1))
    rest = of_rest[np.maximum(room[:, None] - d[None, :], 0)]
    others = np.cumsum(chance * rest, axis=1) + tails * rest
    flat = (stage.levelled[stock] | (each < room))[:, None]
    return (
        np.where(flat, np.interp(share, d, stage.worths), earned),
        (n - 1) * np.where(flat, even, others),
    )


def _shifted(tails: Array) -> Array:
    """P(X >= x) of P(X > x), along the last axis."""
    return np.concatenate([np.ones((len(tails), 1)), tails[:, :-1]], axis=1)


@lru_cache(maxsize=8)
def _tails(size: int, n: int) -> Array:
    """P(X > x), X ~ Binomial(room, 1/n), by room and x, (S, S)."""
    mass, out = np.eye(1, size)[0], np.zeros((size, size))
    for room in range(1, size):
        mass = mass * (1 - 1 / n) + np.concatenate([[0.0], mass[:-1]]) / n
        out[room] = 1 - np.cumsum(mass)
    return np.clip(out, 0.0, 1.0)
