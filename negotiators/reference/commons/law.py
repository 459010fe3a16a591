"""What does a law come to for whoever looks ahead: how much it lets all and one take, and what each ask costs.

A law is any `scenarios.contracts.Law`. It is probed once for every month, cell and stock (one month for all where a
compiled contract does not name the month), and summed up in arrays. Exact for quotas, for caps and overrides that
do not depend on what is asked, and for payments that depend on nothing but the month, the stock, the cell and the
party's own ask and catch. What is approximated is told in `Tables.notes`:

- a law that treats parties differently is taken as its mean over parties;
- payments that depend on what others ask are taken with the others at an even share of what the law (or, without a
  quota, the pool) sustains;
- `violations` is taken as 1, the state of someone who offends again, and `balance` as 0;
- an escrow counts in full in each month in which it can be lost; insurance is left out, as nobody's ask moves it
  much and it cancels in the sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scenarios.commons import Commons, cells
from scenarios.commons.law import QuotaLaw, facts
from scenarios.commons.measures import sustainable
from scenarios.ward import Array

if TYPE_CHECKING:
    from scenarios.contracts import Books, Law

Whole = NDArray[np.int64]

PAYING = ("fine", "transfer", "sanction", "escrow")
OFFENCES = 1.0


@dataclass(frozen=True, eq=False)
class Tables:
    """A law over T months (or 1, the same for all), C cells, S = capacity + 1 stocks and as many asks."""

    quota: Whole  # (T, C, S), what all may take together
    cap: Whole  # (T, C, S), what one may take
    pays: Array | None  # (T, C, S, S), what an ask costs its party; None where nobody ever pays
    burns: Array | None  # what of that leaves the table
    notes: tuple[str, ...] = ()

    def at(self, month: int, cell: int) -> tuple[Whole, Whole, Array | None, Array | None]:
        """(quota, cap, pays, burns) of a month, from 1, and the number of a cell."""
        t = min(month, len(self.quota)) - 1
        return (
            self.quota[t, cell],
            self.cap[t, cell],
            None if self.pays is None else self.pays[t, cell],
            None if self.burns is None else self.burns[t, cell],
        )


def tabulated(commons: Commons, law: Law | None, parties: Sequence[str] | None = None) -> Tables:
    """The law in arrays; without one, everything passes."""
    told, most = cells(commons), commons.capacity
    if law is None:
        free = np.full((1, len(told), most + 1), most * commons.agents, dtype=np.int64)
        return Tables(free, free, None, None)
    if isinstance(law, QuotaLaw) and law.plan.sees == told:
        quotas = law.plan.totals[:, law.regime]
        return Tables(quotas, quotas, None, None)
    probe = _Probe(commons, law, tuple(parties or commons.names))
    shape = (commons.months if probe.names("month") else 1, len(told), most + 1)
    quota, cap = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for t, c, stock in np.ndindex(*shape):
        quota[t, c, stock], cap[t, c, stock] = probe.most(t + 1, told[c], stock)
    if not probe.pays:
        return Tables(quota, cap, None, None, probe.notes())
    pays, burns = np.zeros((*shape, most + 1)), np.zeros((*shape, most + 1))
    for t, c, stock in np.ndindex(*shape):
        par = min(int(quota[t, c, stock]), probe.sustained[stock]) // commons.agents
        pays[t, c, stock], burns[t, c, stock] = probe.costs(t + 1, told[c], stock, par)
    if not pays.any():
        return Tables(quota, cap, None, None, probe.notes())
    return Tables(quota, cap, pays, burns, probe.notes())


class _Probe:
    """Asks a law what it does, one month at a time."""

    def __init__(self, commons: Commons, law: Law, parties: tuple[str, ...]) -> None:
        self.commons, self.law, self.parties = commons, law, parties
        self.contract: Any = getattr(law, "contract", None)
        self.named = frozenset(_named(law)) if self.contract is not None else None
        self.sustained = [sustainable(commons, s) for s in range(commons.capacity + 1)]
        self.unequal = False
        self.pays = self.contract is None or any(c.kind in PAYING for c in self.contract.clauses)
        self.books = self._deposited()

    def names(self, *variables: str) -> bool:
        """Whether the law may depend on one of these; a law that cannot be read may on any."""
        return self.named is None or bool(self.named & set(variables))

    def _deposited(self) -> Books:
        from scenarios.contracts import Books, Lasting

        books = Books.of(self.parties)
        if not isinstance(self.law, Lasting):
            return books
        asked = dict.fromkeys(self.parties, 0)
        start = facts(self.commons, 1, self.commons.stock, cells(self.commons)[0], asked, books=books)
        return books.posted(self.law.adopted(start).postings)

    def most(self, month: int, cell: str, stock: int) -> tuple[int, int]:
        """What all may take together, and one alone, when they ask for everything."""
        everything = dict.fromkeys(self.parties, self.commons.capacity)
        shares = self.law.allowed(
            facts(self.commons, month, stock, cell, everything, books=self.books)
        ).shares
        alone = dict.fromkeys(self.parties, 0) | {self.parties[0]: self.commons.capacity}
        one = self.law.allowed(facts(self.commons, month, stock, cell, alone, books=self.books)).shares
        self.unequal = self.unequal or max(shares.values()) - min(shares.values()) > 1e-6
        return int(sum(shares.values()) + 1e-6), int(one[self.parties[0]] + 1e-6)

    def costs(self, month: int, cell: str, stock: int, par: int) -> tuple[Array, Array]:
        """What each ask costs its party, and what of that is burnt, (S,); no ask beyond the stock differs."""
        pays, burns = np.zeros(self.commons.capacity + 1), np.zeros(self.commons.capacity + 1)
        several = not self.names("total_asked", "total_taken")
        asks = list(range(stock + 1))
        step = len(self.parties) if several else 1
        for start in range(0, len(asks), step):
            some = asks[start : start + step]
            filled = dict(zip(self.parties, [*some, *[par] * (len(self.parties) - len(some))], strict=True))
            for ask, (paid, burnt) in zip(some, self._paid(month, cell, stock, filled), strict=False):
                pays[ask], burns[ask] = paid, burnt
        pays[stock:], burns[stock:] = pays[stock], burns[stock]
        return pays, burns

    def _paid(
        self, month: int, cell: str, stock: int, asked: dict[str, int]
    ) -> Iterator[tuple[float, float]]:
        from scenarios.contracts.books import BURNT, ESCROW, PER_UNIT, POT

        offences = dict.fromkeys(self.parties, int(OFFENCES))
        month_facts = facts(
            self.commons, month, stock, cell, asked, taken=asked, violations=offences, books=self.books
        )
        kinds = (
            {0: ""} if self.contract is None else dict(enumerate((c.kind for c in self.contract.clauses), 1))
        )
        postings = [p for p in self.law.settled(month_facts).postings if kinds.get(p.clause) != "insurance"]
        n = len(self.parties)
        for party in self.parties:
            own = [
                p
                for p in postings
                if p.source == party or (p.source.startswith(ESCROW) and p.source.endswith(f":{party}"))
            ]
            # what goes into the pot comes back evenly in the end, a share of it to who paid it
            paid = sum(p.minor * ((n - 1) / n if p.target == POT else 1.0) for p in own)
            yield paid / PER_UNIT, sum(p.minor for p in own if p.target == BURNT) / PER_UNIT

    def notes(self) -> tuple[str, ...]:
        """What of this law is approximated, a line each."""
        out = []
        if self.unequal or (
            self.contract is not None and any(c.who != "each" for c in self.contract.clauses)
        ):
            out.append("the law treats parties differently: taken as the mean over parties")
        if self.named is not None and self.pays and self.named & {"total_asked", "total_taken"}:
            out.append(
                "payments depend on what others ask: taken with the others at an even sustainable share"
            )
        if self.named is not None and self.named & {"violations", "balance"}:
            out.append("the law looks at the past: violations are taken as 1, balances as 0")
        kinds = set() if self.contract is None else {c.kind for c in self.contract.clauses}
        if "sanction" in kinds:
            out.append("graduated sanctions are taken at their first step after the warning")
        if "escrow" in kinds:
            out.append("an escrow counts in full in each month in which it can be lost")
        if "insurance" in kinds:
            out.append("insurance is left out of what seats look ahead to")
        return tuple(dict.fromkeys(out))


def _named(law: Any) -> Iterator[str]:
    """The variables that a compiled contract names anywhere."""
    from scenarios.contracts.syntax import Name, walk

    for rule in law.rules:
        for formula in (rule.when, rule.amount, rule.payout):
            if formula is not None:
                yield from (node.name for node in walk(formula.node) if isinstance(node, Name))
