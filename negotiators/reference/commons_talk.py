"""What does a reference seat say on the commons: what it means to take, which law it proposes, how it votes.

It reckons with equilibrium play (`markov_perfect`) of all seats under each law, from the present month, stock and
regime on, and compares by its own V = u + λ·W. It proposes only what is on a published menu: the shipped contracts that
its language can say, and the best quota rule in readable form. It says what it will do, truthfully.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from negotiators.reference.commons import Policy, Select, markov_perfect
from negotiators.reference.commons_stage import TOLERANCE
from scenarios.commons import Commons, cells
from scenarios.commons.optimum import attained, best_law

if TYPE_CHECKING:
    from scenarios.contracts import Contract, Language, Law

BEST = "best-quota"
"""The name of the best quota rule on the menu."""


TRIED, SWEEPS = 12, 2
"""How many amounts to leave are tried a cell, and how often round the cells."""


@dataclass(frozen=True)
class Place:
    """Where the season stands when something is proposed or voted on: the next month to be played."""

    month: int = 1
    stock: int | None = None  # None: the commons' own
    regime: int = 0


@dataclass(frozen=True)
class Draft:
    """What a seat proposes: a contract of the menu by name, and what it and all expect under it and without."""

    name: str
    contract: Contract
    own: float  # u from here on, in payoff units
    together: float  # W
    own_now: float  # the same under the law in force
    together_now: float


def menu(commons: Commons, language: Language) -> dict[str, Contract]:
    """The contracts that a seat may propose, by name: the shipped ones that its language can say, the best quota."""
    from scenarios.contracts import catalogue

    return dict(catalogue(language)) | {BEST: quota_rule(commons)}


def quota_rule(commons: Commons) -> Contract:
    """The best law's quotas as a rule that a person can read: keep so much in the pool, take all in the last month.

    One quota a cell of the language, `stock > E ? stock - E : 0.0`, E one of the amounts that the best law leaves
    in that cell: the ones that are best in expectation, found cell by cell. In the fishery E = 50. Where the best
    law is no such rule this is near it; `markov_perfect` says what it is worth.
    """
    return _quota_rule(commons.rules)


@lru_cache(maxsize=64)
def _quota_rule(rules: Commons) -> Contract:
    from scenarios.contracts import Clause, Contract

    told = cells(rules)
    clauses = [
        Clause(
            kind="quota",
            when="true" if len(told) == 1 else f"event == '{cell}'",
            amount=f"month == months ? stock : (stock > {keep}.0 ? stock - {keep}.0 : 0.0)",
            says=f"{keep} stay in the pool{'' if len(told) == 1 else f' in a month of {cell}'}, what is above may be "
            "taken; in the last month, all.",
        )
        for cell, keep in _kept(rules).items()
    ]
    return Contract(says="A part of the pool stays, so that it can grow back.", clauses=tuple(clauses))


def _kept(rules: Commons) -> dict[str, int]:
    """What to leave in each cell: the greatest welfare over what the best law leaves anywhere, one cell at a time."""
    plan, told, stocks = best_law(rules), cells(rules), np.arange(rules.capacity + 1)
    tried = {}
    for c, cell in enumerate(told):
        totals = plan.totals[:, 0, c]
        left = np.bincount((stocks - totals)[totals > 0], minlength=1)
        tried[cell] = [int(e) for e in np.argsort(-left, kind="stable")[:TRIED] if left[e]]
    kept = {cell: some[0] if some else rules.capacity for cell, some in tried.items()}

    def worth(leave: Mapping[str, int]) -> float:
        totals = np.stack([np.maximum(0, stocks - leave[cell]) for cell in told])
        whole = np.broadcast_to(totals[None, None], plan.totals.shape).copy()
        whole[-1] = stocks
        return attained(rules, told, whole)

    for _ in range(SWEEPS):
        for cell in told:
            kept[cell] = max(tried[cell], key=lambda e: worth(kept | {cell: e}), default=kept[cell])
    return kept


def prefers(one: Policy, other: Policy, seat: int, place: Place = Place()) -> float:
    """By how much V of a seat is greater under `one` than `other` from here on: in W and, at a tie, u if λ = ∞."""
    first, second = (p.value(seat, place.month, place.stock, place.regime) for p in (one, other))
    by_first = first[0] - second[0]
    return by_first if abs(by_first) > TOLERANCE else first[1] - second[1]


def draft(
    commons: Commons,
    concerns: Sequence[float],
    seat: int,
    contracts: Mapping[str, Contract],
    language: Language,
    in_force: Law | None = None,
    *,
    place: Place = Place(),
    select: Select = "best",
) -> Draft | None:
    """The contract that maximises the seat's V under equilibrium play; None where none beats the law in force.

    concerns: λ of every seat as this seat takes them to be. At a tie, the first of `contracts`.
    """
    from scenarios.contracts import compile_contract

    now = markov_perfect(commons, concerns, in_force, select)
    best, name = now, ""
    for candidate, contract in contracts.items():
        policy = markov_perfect(commons, concerns, compile_contract(contract, language), select)
        if prefers(policy, best, seat, place) > TOLERANCE:
            best, name = policy, candidate
    if not name:
        return None
    where = (place.month, place.stock, place.regime)
    return Draft(
        name=name,
        contract=contracts[name],
        own=best.expects(seat, *where),
        together=best.expects_together(*where),
        own_now=now.expects(seat, *where),
        together_now=now.expects_together(*where),
    )


def vote(
    commons: Commons,
    concerns: Sequence[float],
    seat: int,
    proposal: Law,
    in_force: Law | None = None,
    *,
    place: Place = Place(),
    select: Select = "best",
) -> bool:
    """Yes where the seat's V under the proposal is no less than under the law in force."""
    with_it = markov_perfect(commons, concerns, proposal, select)
    without = markov_perfect(commons, concerns, in_force, select)
    return prefers(with_it, without, seat, place) >= -TOLERANCE


@dataclass(frozen=True)
class Statement:
    """What a seat says it will do next month, where nothing happens, and so would all if they kept to the policy."""

    ask: int
    all_ask: int
    words: str


def statement(policy: Policy, seat: int, place: Place = Place()) -> Statement:
    """The seat's plan for the month to come in words: what it asks for in a calm month, and how long the pool lasts."""
    commons = policy.commons
    stock = commons.stock if place.stock is None else place.stock
    asks = [
        policy.ask(place.month, stock, "calm", i, regime=place.regime, places=range(commons.agents))
        for i in range(commons.agents)
    ]
    total = min(stock, sum(asks))
    share = policy.expects_together(place.month, stock, place.regime)
    words = (
        f"With {stock} in the pool I mean to ask for {asks[seat]}. If all do as I expect, {total} are taken this "
        f"month, and all of us together get {share:.0f} from now on."
    )
    return Statement(asks[seat], total, words)
