"""What is the best law in words: the rule that a person can read and that comes to the best quotas, or near them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from scenarios.commons.commons import Commons
from scenarios.commons.contingencies import cells
from scenarios.commons.optimum import attained, best_law

if TYPE_CHECKING:
    from scenarios.contracts import Contract

TRIED, SWEEPS = 12, 2
"""How many amounts to leave are tried a cell, and how often round the cells."""


def quota_rule(commons: Commons) -> Contract:
    """The best law's quotas as a rule that a person can read: keep so much in the pool, take all in the last month.

    One quota a cell of the language, `stock > E ? stock - E : 0.0`, E one of the amounts that the best law leaves
    in that cell: the ones that are best in expectation, found cell by cell. In the fishery E = 50. Where the best
    law is no such rule this is near it.
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
