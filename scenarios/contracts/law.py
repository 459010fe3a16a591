"""What does a law do to a period: what it lets each party take or do, and what each then pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from scenarios.contracts.books import Posting
from scenarios.contracts.language import Facts


@dataclass(frozen=True)
class Bite:
    """A clause (its number, from 1; 0 where a law has none) that changed something for a party.

    `change`: what the party's amount changed by where it was stopped, what it was paid (+) or paid (−) else;
    0 where its choice was overridden, or it was warned. `violation`: whether this counts as a violation.
    """

    clause: int
    kind: str
    party: str
    change: float = 0.0
    violation: bool = False


@dataclass(frozen=True)
class Allowed:
    """What the parties' actions become before they are carried out; party -> amount, or party -> label.

    `amounts` are whole tons; `shares` the same before what is left over was dealt: the expectation where the
    deal is fair. `choices` are verifiable labels: which action of a label is played stays with the party.
    `problems`: what a clause could not do, and why, a line each.
    """

    amounts: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    bites: tuple[Bite, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settlement:
    """Who pays whom: `postings` go into the books; the rest says the same in payoff units.

    `payments`: party -> net change, below 0 where it pays. `burnt`: what left the table. `pot`: what the pot and
    the escrows grew by. So sum(payments) + burnt + pot = 0.
    """

    postings: tuple[Posting, ...] = ()
    payments: Mapping[str, float] = field(default_factory=dict)
    burnt: float = 0.0
    pot: float = 0.0
    bites: tuple[Bite, ...] = ()
    problems: tuple[str, ...] = ()


class Law(Protocol):
    """What is in force. A compiled contract is one; a law computed by optimisation is another."""

    def allowed(self, facts: Facts, rng: np.random.Generator | None = None) -> Allowed:
        """Before a period: what becomes of each party's action.

        What whole tons leave over is dealt by `rng`; without one it stays in the pool.
        """
        ...

    def settled(self, facts: Facts) -> Settlement:
        """After a period: who pays what. `facts.books` are the books before these payments."""
        ...


@runtime_checkable
class Lasting(Law, Protocol):
    """A law that takes deposits: it also acts when it is adopted, and when it ends or the run does."""

    def adopted(self, facts: Facts) -> Settlement:
        """On adoption: the deposits."""
        ...

    def ended(self, facts: Facts) -> Settlement:
        """At its end: deposits that nobody forfeited go back."""
        ...


def violators(allowed: Allowed, settlement: Settlement) -> frozenset[str]:
    """The parties whose count of violations goes up by one after this period."""
    return frozenset(bite.party for bite in (*allowed.bites, *settlement.bites) if bite.violation)
