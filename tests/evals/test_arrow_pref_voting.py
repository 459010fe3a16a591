"""Does pref-voting, recorded and where it is installed also live, rank every profile as the audit does?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from evals.arrow.audit import society
from evals.arrow.orders import Order, Profile, is_strict, orders
from evals.arrow.rules import RULES, borda

ORACLE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "oracles" / "pref_voting.json").read_text(encoding="utf-8")
)
ANONYMOUS = [name for name in RULES if not name.startswith("last-word")]


def ranked(name: str) -> Callable[[Profile], str]:
    def levels(profile: Profile) -> str:
        order = RULES[name].rank(profile)
        assert order is not None
        return "".join(map(str, order))

    return levels


def nash_where_all_gain(profile: Profile) -> str:
    """Our order of what leaves nobody at 0, and the rest `-`, as pref-voting has it."""
    borda_of = [borda(order) for order in profile]
    gain = [all(us[x] > 0 for us in borda_of) for x in range(len(profile[0]))]
    order = RULES["nash"].rank(profile)
    assert order is not None
    kept = sorted({at for at, g in zip(order, gain, strict=True) if g})
    return "".join(str(kept.index(at)) if g else "-" for at, g in zip(order, gain, strict=True))


def unanimity(profile: Profile) -> str:
    """Where every seat puts x above y, as the axiom reads it off a society."""
    pairs = product(range(len(profile[0])), repeat=2)
    return "".join(str(int(all(order[x] < order[y] for order in profile))) for x, y in pairs)


OURS: dict[str, Callable[[Profile], str]] = {
    "borda": ranked("utilitarian"),
    "maximin": ranked("egalitarian"),
    "leximin": ranked("leximin"),
    "nash": nash_where_all_gain,
    "unanimity": unanimity,
}


def as_written(n: int) -> list[Order]:
    """All orders in the order in which the oracle takes them."""
    return sorted(orders(n))


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize("n", ["3", "4"])
def test_every_profile_is_ranked_as_pref_voting_ranks_it(n: str, kind: str) -> None:
    kept = [tuple(map(int, order)) for order in ORACLE[n]["orders"]]
    assert kept == [order for order in as_written(int(n)) if n == "3" or is_strict(order)]
    assert "".join(OURS[kind](p) for p in product(kept, repeat=2)) == ORACLE[n][kind]


@pytest.mark.parametrize("kind", OURS)
def test_ties_over_four_alternatives_too(kind: str) -> None:
    text = "".join(OURS[kind](p) for p in product(as_written(4), repeat=2))
    assert hashlib.sha256(text.encode()).hexdigest() == ORACLE["4"][f"{kind}:sha256"]


def pairwise(name: str, n: int, only_strict: bool) -> str:
    s = society(RULES[name], n, "binary")
    at = {p: i for i, p in enumerate(s.profiles)}
    kept = [order for order in as_written(n) if is_strict(order) or not only_strict]
    pairs = list(combinations(range(n), 2))
    return "".join("~><"[int(s.social[at[p], x, y])] for p in product(kept, repeat=2) for x, y in pairs)


@pytest.mark.parametrize("name", ANONYMOUS)
def test_menus_of_two_are_majority_margins(name: str) -> None:
    assert pairwise(name, 3, only_strict=False) == ORACLE["3"]["majority"]
    assert pairwise(name, 4, only_strict=True) == ORACLE["4"]["majority"]


@pytest.mark.parametrize("name", RULES)
def test_live_pref_votings_own_pareto_check_finds_nothing(name: str) -> None:
    pytest.importorskip("pref_voting.profiles_with_ties", exc_type=ImportError)
    from pref_voting.profiles_with_ties import ProfileWithTies
    from pref_voting.rankings import Ranking
    from pref_voting.swf_axioms import has_pareto_ranking_violation

    for profile in product(as_written(3), repeat=2):
        order = RULES[name].rank(profile)
        assert order is not None
        society_says = Ranking(dict(enumerate(order)))
        voters = ProfileWithTies([dict(enumerate(o)) for o in profile])
        assert not has_pareto_ranking_violation(voters, lambda _, says=society_says: says)


def test_live_the_oracle_is_what_pref_voting_says_now() -> None:
    pytest.importorskip("pref_voting.profiles_with_ties", exc_type=ImportError)
    from tests.evals.oracles.record_pref_voting import record

    assert record(3) == ORACLE["3"]
