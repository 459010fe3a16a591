"""How does a law see a month of a commons: its language, its facts, and the best quota as a law to enforce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scenarios.commons.commons import CALM, Commons
from scenarios.commons.contingencies import cells
from scenarios.commons.optimum import Plan, best_law, planner

if TYPE_CHECKING:
    from scenarios.contracts import Allowed, Books, Facts, Language, Settlement


def language(
    commons: Commons, parties: Sequence[str] | None = None, *, most: float | None = None
) -> Language:
    """The language of contracts over this commons: it tells the cells of events apart, and has no word for others.

    most: payoff units that a contract may take from a party in a month; None: what a whole stock is worth.
    """
    from scenarios.contracts import commons_language

    told = cells(commons)
    return commons_language(
        tuple(parties or commons.names),
        tells_events=told if len(told) > 1 else False,
        most=float(commons.worth_table[-1]) if most is None else most,
        capacity=float(commons.capacity),
        months=commons.months,
    )


def facts(
    commons: Commons,
    month: int,
    stock: int,
    cell: str,
    asked: Mapping[str, int],
    *,
    taken: Mapping[str, int] | None = None,
    violations: Mapping[str, int] | None = None,
    books: Books | None = None,
) -> Facts:
    """What is so in a month, from 1, as the language names it: party -> asked, and taken once that is known.

    `cell`: what the language calls the month's event. Violations and books left out are none and empty.
    """
    from scenarios.contracts import Books, Facts

    kept = Books.of(tuple(asked)) if books is None else books
    shared: dict[str, object] = {
        "month": float(month),
        "months": float(commons.months),
        "stock": float(stock),
        "capacity": float(commons.capacity),
        "n": float(len(asked)),
        "total_asked": float(sum(asked.values())),
    }
    if len(cells(commons)) > 1:
        shared["event"] = cell
    own: dict[str, dict[str, object]] = {
        party: {
            "me": party,
            "asked": float(amount),
            "violations": float((violations or {}).get(party, 0)),
            "balance": kept.balance(party),
        }
        for party, amount in asked.items()
    }
    if taken is not None:
        shared["total_taken"] = float(sum(taken.values()))
        for party, amount in taken.items():
            own[party]["taken"] = float(amount)
    return Facts(shared, own, kept)


@dataclass(frozen=True)
class QuotaLaw:
    """A plan's totals as quotas: all together may take so much, cut to one level; nobody pays. A `Law`.

    A law as contracts are reads month, stock and cell off the facts. The planner's sees more: `seeing` tells it
    the month's event and regime, which no facts hold.
    """

    plan: Plan
    event: str | None = None
    regime: int = 0

    def seeing(self, event: str, regime: int) -> QuotaLaw:
        """The same law for a month whose event and regime it is told."""
        return replace(self, event=event, regime=regime)

    def quota(self, month: int, stock: int, cell: str = CALM) -> int:
        """What all together may take in a month, from 1."""
        return self.plan.total(month, stock, cell, self.regime)

    def allowed(self, facts: Facts, rng: np.random.Generator | None = None) -> Allowed:
        """Before a month: what everybody may take. Units that do not divide are dealt by `rng`, if there is one."""
        from scenarios.contracts import Allowed, Bite
        from scenarios.contracts.sharing import levelled, shared_out

        cell = self.event or str(facts.shared.get("event", CALM))
        quota = self.quota(_whole(facts.shared["month"]), _whole(facts.shared["stock"]), cell)
        asked = {party: _whole(own["asked"]) for party, own in facts.own.items()}
        amounts = shared_out(asked, quota, rng)
        bites = tuple(
            Bite(0, "quota", party, float(amounts[party] - amount), violation=True)
            for party, amount in asked.items()
            if amounts[party] < amount
        )
        return Allowed(amounts=amounts, shares=levelled(asked, quota), bites=bites)

    def settled(self, facts: Facts) -> Settlement:
        """After a month: nobody pays."""
        from scenarios.contracts import Settlement

        return Settlement(payments=dict.fromkeys(facts.own, 0.0))


def best_quota_law(commons: Commons) -> QuotaLaw:
    """The best law that the commons' language can say, by `best_law`."""
    return QuotaLaw(best_law(commons))


def planner_law(commons: Commons) -> QuotaLaw:
    """The planner's totals as quotas; call `seeing` in every month."""
    return QuotaLaw(planner(commons), event=CALM)


def _whole(value: object) -> int:
    return int(float(str(value)))
