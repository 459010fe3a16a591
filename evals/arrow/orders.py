"""Which rankings can two agents hold: all strict and weak orders, all profiles of them, and both in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import ParleyError

Order = tuple[int, ...]
"""The level of each alternative, 0 the best, no level left out: (0, 1, 1) is a > b ~ c."""

Profile = tuple[Order, ...]
"""One order a seat."""

Signs = NDArray[np.int8]
"""[x, y] is 1 where x stands above y, −1 below, 0 where they tie; leading axes are profiles or seats."""

LETTERS = "abcd"
MARKS = {1: ">", 0: "~", -1: "<"}


@cache
def orders(alternatives: int) -> tuple[Order, ...]:
    """All weak orders of 1 to 4 alternatives, the strict ones first: 1, 3, 13 and 75 (Fubini numbers)."""
    if not 1 <= alternatives <= len(LETTERS):
        raise ParleyError(f"alternatives: {alternatives}; the audit is exhaustive for 1 to {len(LETTERS)}")
    levels = product(range(alternatives), repeat=alternatives)
    dense = [order for order in levels if len(set(order)) == max(order) + 1]
    return tuple(sorted(dense, key=lambda order: (-len(set(order)), order)))


@cache
def profiles(alternatives: int, seats: int = 2) -> tuple[Profile, ...]:
    """All profiles of weak orders; for two seats 169 over three alternatives, 5,625 over four."""
    return tuple(product(orders(alternatives), repeat=seats))


def is_strict(order: Order) -> bool:
    """Whether no two alternatives tie."""
    return len(set(order)) == len(order)


def dense(levels: Sequence[Any]) -> Order:
    """Comparable levels, the least the best, as an order."""
    rank = {level: place for place, level in enumerate(sorted(set(levels)))}
    return tuple(rank[level] for level in levels)


def restricted(profile: Profile, menu: Sequence[int]) -> Profile:
    """What a profile says of the alternatives of a menu, in the menu's order."""
    shown = tuple(menu)
    return tuple(_within(order, shown) for order in profile)


@cache
def _within(order: Order, menu: tuple[int, ...]) -> Order:
    """An order over a menu alone: there are few, and every profile asks for them again."""
    return dense([order[x] for x in menu])


def signs(ranked: Iterable[Order]) -> Signs:
    """How each order compares each pair; shape (orders, alternatives, alternatives)."""
    levels = np.array(list(ranked), dtype=np.int8)
    return np.asarray(np.sign(levels[:, None, :] - levels[:, :, None]), dtype=np.int8)


def in_words(order: Order) -> str:
    """`a > b ~ c`."""
    return " > ".join(
        " ~ ".join(LETTERS[x] for x, at in enumerate(order) if at == level) for level in sorted(set(order))
    )


def relation_in_words(relation: Signs) -> str:
    """A complete relation as an order where it is one, else pair by pair: `a > b, a ~ c, b ~ c`."""
    order = dense([-int((row > 0).sum()) + int((row < 0).sum()) for row in relation])
    if (signs([order])[0] == relation).all():
        return in_words(order)
    n = len(relation)
    pairs = [(x, y) if relation[x, y] >= 0 else (y, x) for x in range(n) for y in range(x + 1, n)]
    return ", ".join(pair_in_words(relation, x, y) for x, y in pairs)


def pair_in_words(relation: Signs, x: int, y: int) -> str:
    """`a > b`, `a ~ b`, or `b > a`, the better one first."""
    if relation[x, y] < 0:
        x, y = y, x
    return f"{LETTERS[x]} {MARKS[int(relation[x, y])]} {LETTERS[y]}"
