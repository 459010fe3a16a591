"""What does pref-voting say of every profile of two voters? Recorded once, so that the tests need not install it.

Rerun, from the repository's root, in an environment of its own (it brings solvers and GPL parts along, so it is no
dependency):

    uv venv .pv && uv pip install --python .pv/bin/python pref-voting
    .pv/bin/python tests/evals/oracles/record_pref_voting.py > tests/evals/oracles/pref_voting.json

The tests that ask it live are skipped where it cannot be imported; with pytest and pytest-asyncio beside it:

    .pv/bin/python -m pytest --noconftest tests/evals/test_arrow_pref_voting.py

Nothing of Parley is imported. An order is written as the level of each alternative, 0 the best: `011` is
a > b ~ c. Of each profile are kept, as strings put end to end in the order of `product(orders, repeat=2)`:

borda       the order by ProfileWithTies.borda_scores (ties share their mean score)
maximin     the order by utility_methods.maximin_ranking, utilities Borda / the seat's own best
leximin     the order by utility_methods.lexicographic_maximin_ranking, of the same utilities
nash        the order by utility_methods.nash_ranking, status quo 0; `-` where it leaves an alternative out
unanimity   for each x, y in turn 1 where ProfileWithTies.support(x, y) is 2, else 0
majority    for each x < y `>`, `~` or `<`, by ProfileWithTies.margin(x, y)

Over four alternatives the strict profiles are kept so, and of all 5,625 the sha256 of the string.
"""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from itertools import combinations, product
from typing import Any

Order = tuple[int, ...]
KINDS = ("borda", "maximin", "leximin", "nash", "unanimity", "majority")


def orders(n: int) -> list[Order]:
    """All weak orders of n alternatives."""
    return [levels for levels in product(range(n), repeat=n) if set(levels) == set(range(max(levels) + 1))]


def said(first: Order, second: Order) -> dict[str, str]:
    """What pref-voting says of one profile."""
    from pref_voting.profiles_with_ties import ProfileWithTies
    from pref_voting.utility_methods import lexicographic_maximin_ranking, maximin_ranking, nash_ranking
    from pref_voting.utility_profiles import UtilityProfile

    n = len(first)
    profile = ProfileWithTies([dict(enumerate(order)) for order in (first, second)])
    profile.use_extended_strict_preference()
    shares = [{x: u / max(us) for x, u in enumerate(us)} for us in (borda(first), borda(second))]
    scores = profile.borda_scores()
    ranked = {
        "maximin": maximin_ranking(UtilityProfile(shares)).rmap,
        "leximin": lexicographic_maximin_ranking(UtilityProfile(shares)).rmap,
        "nash": nash_ranking(UtilityProfile([us | {n: Fraction(0)} for us in shares]), sq=n).rmap,
        "borda": {x: -scores[x] for x in range(n)},
    }
    margins = [profile.margin(x, y) for x, y in combinations(range(n), 2)]
    return {
        kind: levels({x: at for x, at in found.items() if x < n}, n) for kind, found in ranked.items()
    } | {
        "unanimity": "".join(str(int(profile.support(x, y) == 2)) for x, y in product(range(n), repeat=2)),
        "majority": "".join(">" if m > 0 else "<" if m < 0 else "~" for m in margins),
    }


def borda(order: Order) -> list[Fraction]:
    """Borda scores of one voter, ties sharing their mean."""
    n = len(order)
    return (
        [
            Fraction(sum(at > level for at in order)) + Fraction(sum(at == level for at in order) - 1, 2)
            for level in order
        ]
        if n > 1
        else [Fraction(1)]
    )


def levels(found: dict[int, Any], n: int) -> str:
    """A ranking as levels, `-` for what it leaves out."""
    rank = {value: str(place) for place, value in enumerate(sorted(set(found.values())))}
    return "".join(rank[found[x]] if x in found else "-" for x in range(n))


def record(n: int) -> dict[str, Any]:
    """What is kept for n alternatives."""
    every = orders(n)
    strict = {order for order in every if len(set(order)) == n}
    found = {pair: said(*pair) for pair in product(every, repeat=2)}
    kept = every if n < 4 else [order for order in every if order in strict]
    out: dict[str, Any] = {"orders": ["".join(map(str, order)) for order in kept]}
    for kind in KINDS:
        out[kind] = "".join(found[pair][kind] for pair in product(kept, repeat=2))
        if n == 4:
            text = "".join(found[pair][kind] for pair in found)
            out[f"{kind}:sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return out


if __name__ == "__main__":
    from importlib.metadata import version

    recorded = {"pref_voting": version("pref-voting"), "3": record(3), "4": record(4)}
    print(json.dumps(recorded, indent=0))
