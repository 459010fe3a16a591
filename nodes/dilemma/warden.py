"""What does the law in force do to a step: what it lets everybody do, what everybody pays, what the books then say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nodes.dilemma.record import Ledger
from nodes.dilemma.sitting import Sitting
from scenarios.contracts import Allowed, Bite, Books, Lasting, Settlement, closing, violators

Json = dict[str, Any]


def permitted(sat: Sitting, state: Mapping[str, Any], rng: np.random.Generator) -> Allowed | None:
    """What becomes of the actions asked for, as `sat.facts` tells them; None where no law is in force."""
    law = sat.law(state)
    return None if law is None else law.allowed(sat.facts(state, books_of(state)), rng)


@dataclass(frozen=True)
class Settled:
    """A step settled, as the state keeps it."""

    books: Json
    payments: dict[str, float]
    burnt: float
    problems: list[str]
    violations: dict[str, int]
    bites: tuple[Bite, ...]


def settled(sat: Sitting, state: Mapping[str, Any], before: Allowed | None) -> Settled:
    """Who pays what after a step; `before` is what the law let them do."""
    books, law = books_of(state), sat.law(state)
    counts = dict(state["violations"])
    if law is None or before is None:
        return Settled(books.as_json(), {}, 0.0, [], counts, ())
    after = law.settled(sat.facts(state, books))
    for party in violators(before, after):
        counts[party] = counts.get(party, 0) + 1
    return Settled(
        books.posted(after.postings).as_json(),
        {p: v for p, v in after.payments.items() if v},
        after.burnt,
        list(dict.fromkeys([*before.problems, *after.problems])),
        counts,
        (*before.bites, *after.bites),
    )


@dataclass(frozen=True)
class Change:
    """One law in the place of another, as the state keeps it; `deposits`: seat -> what it was paid, below 0 paid in."""

    law: int | None
    books: Json
    deposits: dict[str, float]


def changed_law(sat: Sitting, state: Mapping[str, Any], coming: int | None) -> Change:
    """The books and the law as one law gives way to another: deposits go back, new ones are paid in.

    `coming` is the place of the new law in `laws`; None where everything stays as it is.
    """
    books, deposits = books_of(state), dict[str, float]()
    for law_at, lasting in ((state["law"], "ended"), (coming, "adopted")) if coming is not None else ():
        law = sat.law({**state, "law": law_at}) if law_at is not None else None
        if isinstance(law, Lasting):
            found: Settlement = getattr(law, lasting)(sat.facts(state, books))
            books = books.posted(found.postings)
            deposits = summed(deposits, found.payments)
    return Change(
        state["law"] if coming is None else coming, books.as_json(), {p: v for p, v in deposits.items() if v}
    )


def first_law(sat: Sitting, state: Mapping[str, Any]) -> Json:
    """What becomes of a first state as the law that settings put in force comes into it: deposits are paid in."""
    sat.law(state)  # the best law may take a second to work out: here, where no loop waits
    change = changed_law(sat, {**state, "law": None}, state["law"])
    now = {**state["now"], "deposits": change.deposits} if change.deposits else state["now"]
    return {"books": change.books, "now": now}


def summed(*payments: Mapping[str, float]) -> dict[str, float]:
    """Seat -> all that it was paid."""
    out: dict[str, float] = {}
    for part in payments:
        for seat, paid in part.items():
            out[seat] = out.get(seat, 0.0) + paid
    return out


def closed(sat: Sitting, state: Mapping[str, Any]) -> Ledger:
    """The books at the end: deposits handed back, the pot shared out."""
    books, law = books_of(state), sat.law(state)
    if isinstance(law, Lasting):
        books = books.posted(law.ended(sat.facts(state, books)).postings)
    books = books.posted(closing(books))
    return Ledger(parties=books.balances(), burnt=books.burnt, pot=books.pot)


def books_of(state: Mapping[str, Any]) -> Books:
    """The books as the state has them."""
    return Books.from_json(state["books"])


def bitten(bites: tuple[Bite, ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Json]:
    """Where a law made a difference, as the record's `Bite`: what was asked and what became of it, or what was paid."""
    out: list[Json] = []
    for bite in bites:
        stopped = bite.kind in ("cap", "quota", "override")
        of, to = (before.get(bite.party), after.get(bite.party)) if stopped else (None, bite.change)
        out.append({"clause": bite.clause, "kind": bite.kind, "seat": bite.party, "before": of, "after": to})
    return out
