"""Do the books add up to exactly nothing, whatever is paid, and does a quota share out exactly what it may."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scenarios.contracts import Books, Contract, Posting, closing, compile_contract, contract_from
from scenarios.contracts.books import PER_UNIT
from scenarios.contracts.sharing import levelled, shared_out
from scenarios.errors import ParleyError
from tests.scenarios.contracts_cases import COMMONS, FISHERS, month

AMOUNTS = (
    "1.0", "0.1", "1.0 / 3.0", "taken / 7.0", "most", "most * 1.1", "stock - 50.0", "1.0 / (asked - 3.0)", "0.0 / 0.0",
    "1e-9", "1e-12", "1e300 * 1e10", "violations * 3.3", "math.abs(balance)", "total_taken / 9.0", "asked * 0.7",
)  # fmt: skip
CONDITIONS = ("true", "false", "taken > 5.0", "stock < 40.0", "me == 'bob'", "violations > 0.0", "1 / 0 > 1")
BEFORE = ("1.0", "1.0 / 3.0", "most", "stock - 50.0", "stock / 2.0 / n", "0.0 / 0.0", "stock", "1e300", "2.7")


@st.composite
def written(pick: st.DrawFn) -> Mapping[str, object]:
    """A clause that compiles, though much of it comes to nothing usable."""
    kind = pick(
        st.sampled_from(["cap", "quota", "override", "fine", "transfer", "escrow", "insurance", "sanction"])
    )
    clause: dict[str, object] = {"kind": kind}
    if kind in ("cap", "quota", "override"):
        clause["amount"] = pick(st.sampled_from(BEFORE))
        return clause
    clause["amount"] = pick(st.sampled_from(BEFORE if kind == "escrow" else AMOUNTS))
    clause["when"] = pick(st.sampled_from(CONDITIONS[1:] if kind == "escrow" else CONDITIONS))
    if kind == "insurance":
        clause["payout"] = pick(st.sampled_from(AMOUNTS))
    else:
        clause["to"] = pick(st.sampled_from(["others", "pot", "eve"] + ["burn"] * (kind != "transfer")))
    clause["who"] = pick(st.sampled_from(["each", "ann"]))
    return clause


contracts = st.lists(written(), max_size=5).map(lambda found: contract_from({"clauses": found}))
asks = st.lists(st.integers(0, 120), min_size=5, max_size=5)


@given(contracts, st.lists(st.tuples(asks, st.integers(0, 100), st.integers(0, 3)), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_the_sum_of_all_accounts_is_nothing_under_any_contract(
    contract: Contract, months: list[tuple[list[int], int, int]]
) -> None:
    law = compile_contract(contract, COMMONS)
    rng = np.random.default_rng(0)
    books = Books.of(FISHERS)
    entered = law.adopted(month([0] * 5))
    books = books.posted(entered.postings)
    for asked, stock, earlier in months:
        facts = month(asked, stock=stock, violations=[earlier] * 5, books=books)
        found = law.allowed(facts, rng)
        assert all(type(tons) is int and tons >= 0 for tons in found.amounts.values())
        paid = law.settled(facts)
        assert sum(paid.payments.values()) + paid.burnt + paid.pot == pytest.approx(0, abs=1e-6)
        charged = dict.fromkeys(FISHERS, 0)
        for posting in paid.postings:
            assert posting.minor > 0
            if posting.source in charged:
                charged[posting.source] += posting.minor
        assert max(charged.values()) <= COMMONS.most * PER_UNIT
        before, books = books, books.posted(paid.postings)
        assert books.total() == 0
        assert books.minor("burnt") >= before.minor("burnt")
        assert books.minor("pot") >= 0, "the pot paid out more than was in it"
        for party in FISHERS:
            moved = (books.minor(party) - before.minor(party)) / PER_UNIT
            assert paid.payments[party] == pytest.approx(moved, abs=1e-9)
        assert Books.from_json(json.loads(json.dumps(books.as_json()))) == books
    books = books.posted(law.ended(month([0] * 5, books=books)).postings)
    books = books.posted(closing(books))
    assert books.total() == 0
    assert books.minor("pot") < len(FISHERS)
    left = [amount for name, amount in books.accounts.items() if name.startswith("escrow")]
    assert left == [0] * len(left)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "give {'parties'"),
        ([], "give {'parties'"),
        ({"parties": ["a"], "accounts": {"a": 1, "pot": 0, "burnt": 0}}, "do not add up to 0"),
        ({"parties": ["a"], "accounts": {"a": 0.5, "pot": -0.5, "burnt": 0}}, "no whole number"),
        ({"parties": ["a"], "accounts": {"a": True, "pot": 0, "burnt": 0}}, "no whole number"),
        ({"parties": ["a", "b"], "accounts": {"a": 0, "pot": 0, "burnt": 0}}, "no account 'b'"),
    ],
)
def test_books_that_were_tampered_with_are_refused(data: object, says: str) -> None:
    with pytest.raises(ParleyError, match=says.replace("{", "\\{")):
        Books.from_json(data)


def test_a_posting_below_nothing_or_to_nobody_is_refused() -> None:
    books = Books.of(("a", "b"))
    with pytest.raises(ParleyError, match="give an amount of 0 or more"):
        books.posted([Posting("a", "b", -1)])
    with pytest.raises(ParleyError, match="no account 'c'"):
        books.posted([Posting("a", "c", 1)])


@given(
    st.dictionaries(st.sampled_from(FISHERS), st.integers(0, 30), min_size=1),
    st.floats(0, 120),
    st.integers(0, 9),
)
@example({"ann": 0, "bob": 0}, 0.0, 0)
@example({"ann": 5}, 5.0, 0)
@settings(max_examples=300, deadline=None)
def test_a_quota_is_shared_as_dealing_ton_by_ton_would(
    asked: dict[str, int], quota: float, seed: int
) -> None:
    """Brute force: a ton each in turn to all who still want one, the last incomplete turn by lot."""
    given_ = shared_out(asked, quota, np.random.default_rng(seed))
    left, full = int(quota + 1e-9), dict.fromkeys(asked, 0)
    while True:
        waiting = [party for party in asked if full[party] < asked[party]]
        if not waiting or len(waiting) > left:
            break
        for party in waiting:
            full[party] += 1
        left -= len(waiting)
    assert sum(given_.values()) == min(sum(asked.values()), int(quota + 1e-9))
    for party in asked:
        extra = given_[party] - full[party]
        assert extra == 0 or (extra == 1 and party in waiting)
    assert shared_out(asked, quota, None) == full


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_the_shares_are_what_the_deal_comes_to_on_average(asked: list[int], quota: int) -> None:
    named = dict(zip("abcde", asked, strict=False))

    class Order(np.random.Generator):
        """A generator that turns the claimants round by so many places."""

        def __init__(self, turn: int) -> None:
            super().__init__(np.random.PCG64(0))
            self.turn = turn

        def permutation(self, x: int) -> list[int]:  # type: ignore[override]
            return [(k + self.turn) % x for k in range(x)]

    # over all turns each claimant gets the rest equally often
    deals = [shared_out(named, float(quota), Order(turn)) for turn in range(60)]
    shares = levelled(named, float(quota))
    for party in named:
        assert np.mean([deal[party] for deal in deals]) == pytest.approx(shares[party], abs=1e-9)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6), st.floats(0, 150))
@settings(max_examples=200, deadline=None)
def test_asking_for_more_never_gets_one_less_and_the_level_is_one(asked: list[int], quota: float) -> None:
    named = {f"p{i}": float(a) for i, a in enumerate(asked)}
    shares = levelled(named, quota)
    assert sum(shares.values()) == pytest.approx(min(quota, sum(asked)))
    cut = [shares[p] for p in named if shares[p] < named[p] - 1e-9]
    assert max(cut, default=0) - min(cut, default=0) < 1e-9
    more = levelled({**named, "p0": named["p0"] + 5}, quota)
    assert more["p0"] >= shares["p0"] - 1e-9
