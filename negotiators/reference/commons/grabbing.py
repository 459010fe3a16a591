"""Who would gain by asking for more than the others leave, so that they are cut or rationed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negotiators.reference.commons.shares import at_least
from negotiators.reference.commons.stage import (
    TOLERANCE,
    Keys,
    Profiles,
    Stage,
    Truth,
    Values,
    Whole,
    roles,
    shortfall,
    unfined,
)
from scenarios.ward import Array


@dataclass(frozen=True, eq=False)
class Grabbing:
    """What seats could gain by asking for more than is free, in K profiles of one stage."""

    stage: Stage
    values: tuple[Values, ...]
    rows: Profiles
    grabs: tuple[_Grab, ...]

    @classmethod
    def of(cls, stage: Stage, values: tuple[Values, ...], rows: Profiles) -> Grabbing:
        """Two ways to grab: to ask for all that one may, and for all that goes unfined."""
        parts = [roles(rows.totals[:, g], v.group.seats) for g, v in enumerate(values)]
        worth = np.zeros(len(rows.stock))
        for part in parts:
            for ask, count in part:
                worth += count * stage.worths[np.minimum(ask, len(stage.open) - 1)]
        levels = {id(most): most for most in (stage.cap, unfined(stage))}.values()
        grabs = []
        for most in levels:
            for g, of in enumerate(values):
                for role, (ask, count) in enumerate(parts[g]):
                    may = np.flatnonzero((count > 0) & (most[rows.stock] > rows.rest + ask))
                    grabs.append(_Grab.by(stage, of, (g, role), may, rows, ask, worth, most))
        return cls(stage, values, rows, tuple(grabs))

    def sure(self) -> Truth:
        """In which rows somebody surely gains, (K,): what can be told at once, without the chances of rationing."""
        out = np.zeros(len(self.rows.stock), dtype=bool)
        for grab in self.grabs:
            out[grab.rows[grab.surely_gains(self.stage)]] = True
        return out

    def gain(self, row: int) -> float:
        """The most that a seat gains in a row, >= 0, payoff units; exact where catches are worth 1 a unit."""
        most = 0.0
        for grab in self.grabs:
            k = int(np.searchsorted(grab.rows, row))
            if k < len(grab.rows) and grab.rows[k] == row and grab.may_gain(self.stage, k):
                most = max(most, grab.gain(self.stage, k, self._others(row, *grab.seat)))
        return most

    def _others(self, row: int, g: int, role: int) -> tuple[int, ...]:
        """What the others ask for, rising, without one seat of group g in a role."""
        out: list[int] = []
        for h, of in enumerate(self.values):
            for r, (ask, count) in enumerate(roles(self.rows.totals[row, h], of.group.seats)):
                out += [int(ask)] * (int(count) - (h == g and r == role))
        return tuple(sorted(out))


@dataclass(frozen=True, eq=False)
class _Grab:
    """Asking for more than is free, in some rows by a seat of one group: J rows."""

    of: Values
    seat: tuple[int, int]  # its group, and which of the group's two asks it makes
    rows: Whole  # (J,), their numbers
    stock: Whole  # (J,)
    free: Whole  # (J,), of the room, when all others have what they ask for
    have: Keys  # (J,), without grabbing
    after: Keys  # (J,), later, when the whole room is taken
    others: Array  # (J,), what the others' catches are worth without grabbing
    most: Whole  # (J,), what it asks for

    @classmethod
    def by(
        cls,
        stage: Stage,
        of: Values,
        seat: tuple[int, int],
        may: Whole,
        rows: Profiles,
        ask: Whole,
        worth: Array,
        most: Whole,
    ) -> _Grab:
        """By seats that ask for `ask` (K,), in the rows `may`; most (S,): what they ask for instead, by stock."""
        stock, mine, rest = rows.stock[may], ask[may], rows.rest[may]
        after = of.afterwards(stock, np.zeros(len(may), dtype=np.int64))
        have = of.of_ask(stock, mine, rest)
        others = worth[may] - stage.worths[mine]
        return cls(of, seat, may, stock, rest + mine, have, after, others, most[stock])

    def _short(self, own: Array, welfare: Array, which: slice = slice(None)) -> Array:
        """By how much such an outcome now, and the room all taken, beats not grabbing."""
        now, later = self.of.group.keys(own, welfare), self.after
        have = self.have[0][which], self.have[1][which]
        return shortfall(have, (now[0] + later[0][which], now[1] + later[1][which]))

    def may_gain(self, stage: Stage, k: int) -> bool:
        """Whether it would gain in row k if it got all it asks for, and the room were split as is best for all."""
        one = slice(k, k + 1)
        stock, most, room = self.stock[one], self.most[one], stage.room[self.stock[one]]
        own = stage.worths[np.minimum(most, room)] - stage.cost(stock, most)
        together = stage.together[room] - self.others[one] - stage.burnt(stock, most)
        return bool(self._short(own, together, one)[0] > TOLERANCE)

    def surely_gains(self, stage: Stage) -> Truth:
        """Whether it gains by what it expects at least: room/n, and what is free, whatever the others ask for.

        What it gets is concave in what it would get if it asked for everything, so it is worth no less than the
        chord from `free` to the room. Never where W counts and catches are not worth the same a unit.
        """
        room, most = stage.room[self.stock], self.most
        if not (stage.linear or self.of.group.concern == 0):
            return np.zeros(len(room), dtype=bool)
        share = np.maximum(self.free, room / stage.seats)
        low, high = stage.worths[self.free], stage.worths[np.minimum(most, room)]
        span = room - self.free
        part = np.divide(share - self.free, span, out=np.zeros(len(room)), where=span > 0)
        own = low + (high - low) * part - stage.cost(self.stock, most)
        together = stage.together[room] - self.others - stage.burnt(self.stock, most)
        return np.asarray(self._short(own, together) > TOLERANCE)

    def gain(self, stage: Stage, k: int, others: tuple[int, ...]) -> float:
        """What it gains in row k; what the others lose is spread evenly over them, exact where worths are linear."""
        stock, one = int(self.stock[k]), slice(k, k + 1)
        room, most = int(stage.room[stock]), int(self.most[k])
        if stage.levelled[stock]:
            chances = np.clip(_level(others, room) - np.arange(room), 0.0, 1.0)
        else:
            chances = np.array(at_least(others, room, len(stage.open) - 1))
        chances[most:] = 0.0
        earned = float(np.diff(stage.worths)[:room] @ chances)
        share = (room - float(chances.sum())) / len(others)
        kept = len(others) * float(np.interp(share, np.arange(len(stage.worths)), stage.worths))
        before = float(self.others[k])
        at, ask = np.array([stock]), np.array([most])
        own = np.asarray(earned - stage.cost(at, ask), dtype=float)
        together = np.asarray(earned + min(before, kept) - before - stage.burnt(at, ask), dtype=float)
        return float(self._short(own, together, one)[0])


def _level(others: tuple[int, ...], room: int) -> float:
    """What a quota leaves to who asks for everything, the others asking for at most `room` together, rising."""
    left = room
    for done, claim in enumerate(others):
        waiting = len(others) - done + 1
        if claim * waiting > left:
            return left / waiting
        left -= claim
    return float(left)
