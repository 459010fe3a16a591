"""Does each kind of clause do what its words say, to the ton and to the last billionth."""

from __future__ import annotations

import numpy as np
import pytest

from scenarios.contracts import (
    Books,
    Lasting,
    catalogue,
    closing,
    commons_language,
    compile_contract,
    game_language,
    load_contract,
    violators,
)
from scenarios.errors import ParleyError
from tests.scenarios.contracts_cases import COMMONS, FISHERS, GAME, MUTE, law, month, played

ALL = [100] * 5


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_cap_stops_whoever_asks_for_more_and_nobody_else() -> None:
    found = law({"kind": "cap", "amount": "stock / 2.0 / n"}).allowed(month([11, 10, 3, 0, 100]), rng())
    assert list(found.amounts.values()) == [10, 10, 3, 0, 10]
    assert [(b.party, b.change, b.clause) for b in found.bites] == [("ann", -1, 1), ("eve", -90, 1)]


def test_of_two_caps_the_lower_holds_whatever_their_order() -> None:
    two = [{"kind": "cap", "amount": "7.9"}, {"kind": "cap", "amount": "20.0", "who": "ann"}]
    for order in (two, two[::-1]):
        assert list(law(*order).allowed(month(ALL), rng()).amounts.values()) == [7] * 5


def test_a_cap_that_is_a_whole_number_but_for_noise_is_not_rounded_below_it() -> None:
    assert (
        law({"kind": "cap", "amount": "(0.1 + 0.2) * 10.0 - 0.0000000000000009"})
        .allowed(month(ALL), rng())
        .amounts["ann"]
        == 3
    )


def test_the_scripted_law_lets_the_greedy_take_ten_each_of_a_hundred() -> None:
    found = compile_contract(load_contract("half-stock"), COMMONS).allowed(month(ALL), rng())
    assert list(found.amounts.values()) == [10] * 5
    assert list(found.shares.values()) == [10.0] * 5


def test_a_quota_leaves_those_alone_who_ask_for_little() -> None:
    found = law({"kind": "quota", "amount": "30.0"}).allowed(month([2, 20, 5, 20, 20]), rng())
    assert sum(found.amounts.values()) == 30
    assert (found.amounts["ann"], found.amounts["cyd"]) == (2, 5)
    assert {b.party for b in found.bites} == {"bob", "dan", "eve"}


def test_what_a_quota_leaves_over_is_dealt_by_the_seed_or_not_at_all() -> None:
    quota = law({"kind": "quota", "amount": "13.0"})
    drawn = [tuple(quota.allowed(month(ALL), np.random.default_rng(k)).amounts.values()) for k in range(40)]
    assert {sum(d) for d in drawn} == {13}
    assert len(set(drawn)) > 5, "the same parties got the rest again and again"
    assert drawn[7] == tuple(quota.allowed(month(ALL), np.random.default_rng(7)).amounts.values())
    assert list(quota.allowed(month(ALL)).amounts.values()) == [2] * 5
    assert list(quota.allowed(month(ALL)).shares.values()) == pytest.approx([2.6] * 5)


def test_overrides_come_before_caps_and_the_first_that_holds_counts() -> None:
    found = law(
        {"kind": "cap", "amount": "8.0"},
        {"kind": "override", "who": "bob", "when": "asked > 50.0", "amount": "30.0"},
        {"kind": "override", "who": "bob", "amount": "1.0"},
    ).allowed(month(ALL), rng())
    assert found.amounts["bob"] == 8


def test_an_override_replaces_a_label_and_counts_as_a_violation() -> None:
    ordered = compile_contract(load_contract("cooperation-ordered"), GAME)
    found = ordered.allowed(played("D", "C"))
    assert found.choices == {"row": "C", "column": "C"}
    assert violators(found, ordered.settled(played("C", "C"))) == {"row"}


def test_cooperation_is_each_players_first_label() -> None:
    sick = game_language(("nurse", "ward"), (("come in", "stay home"), ("help", "coast")), ("only",))
    for name in ("cooperation-ordered", "defection-burnt", "defection-compensated"):
        assert name in catalogue(sick)
    found = compile_contract(load_contract("cooperation-ordered"), sick)
    assert found.allowed(played("stay home", "coast", language=sick)).choices == {
        "nurse": "come in",
        "ward": "help",
    }


@pytest.mark.parametrize(
    ("to", "payments", "burnt", "pot"),
    [
        ("burn", (-6, 0, 0, 0, 0), 6, 0),
        ("pot", (-6, 0, 0, 0, 0), 0, 6),
        ("others", (-6, 1.5, 1.5, 1.5, 1.5), 0, 0),
        ("dan", (-6, 0, 0, 6, 0), 0, 0),
    ],
)
def test_a_fine_goes_where_it_says(to: str, payments: tuple[float, ...], burnt: float, pot: float) -> None:
    fine = law({"kind": "fine", "when": "taken > 10.0", "amount": "taken - 10.0", "to": to})
    found = fine.settled(month([16, 10, 0, 0, 0]))
    assert tuple(found.payments.values()) == payments
    assert (found.burnt, found.pot) == (burnt, pot)
    assert violators(fine.allowed(month(ALL), rng()), found) == {"ann"}


def test_a_transfer_moves_money_and_is_no_violation() -> None:
    paid = law({"kind": "transfer", "who": "eve", "to": "ann", "amount": "0.25 * taken"})
    found = paid.settled(month([0, 0, 0, 0, 10]))
    assert (found.payments["eve"], found.payments["ann"]) == (-2.5, 2.5)
    assert not violators(paid.allowed(month(ALL), rng()), found)


def test_nobody_pays_itself() -> None:
    found = law({"kind": "transfer", "to": "ann", "amount": "1.0"}).settled(month([1] * 5))
    assert tuple(found.payments.values()) == (4, -1, -1, -1, -1)
    assert {p.source for p in found.postings} == {"bob", "cyd", "dan", "eve"}
    fined = law({"kind": "fine", "to": "ann", "amount": "1.0"})
    assert "ann" not in violators(fined.allowed(month([1] * 5)), fined.settled(month([1] * 5)))


def test_a_sanction_warns_first_and_grows_with_every_violation_up_to_the_bound() -> None:
    graduated = law({"kind": "sanction", "when": "asked > 10.0", "amount": "30.0", "to": "pot"})
    found = graduated.settled(month([20, 20, 20, 20, 5], violations=[0, 1, 2, 9, 9]))
    assert tuple(found.payments.values()) == (0, -30, -60, -100, 0)
    assert violators(graduated.allowed(month(ALL), rng()), found) == {"ann", "bob", "cyd", "dan"}


def test_a_deposit_comes_back_unless_it_was_lost() -> None:
    pledge = law({"kind": "escrow", "amount": "12.0", "when": "taken > 10.0"})
    assert isinstance(pledge, Lasting)
    books = Books.of(FISHERS)
    books = books.posted(pledge.adopted(month([0] * 5)).postings)
    assert set(books.balances().values()) == {-12.0}
    lost = pledge.settled(month([11, 10, 10, 10, 10], books=books))
    assert [b.party for b in lost.bites if b.violation] == ["ann"]
    books = books.posted(lost.postings)
    again = pledge.settled(month([11, 10, 10, 10, 10], books=books))
    assert not again.postings and not again.bites, "a deposit was lost twice"
    books = books.posted(pledge.ended(month([0] * 5, books=books)).postings)
    assert tuple(books.balances().values()) == (-12, 3, 3, 3, 3)
    assert books.total() == 0
    assert not [name for name, amount in books.accounts.items() if name.startswith("escrow") and amount]


def test_insurance_pays_what_the_pot_can_and_cuts_claims_in_proportion() -> None:
    relief = law({"kind": "insurance", "when": "taken < 5.0", "amount": "2.0", "payout": "10.0 - taken"})
    found = relief.settled(month([0, 5, 5, 5, 4]))
    # five premiums of 2 are in the pot; claims are 10 and 6
    assert found.payments["ann"] == pytest.approx(-2 + 10 * 10 / 16)
    assert found.payments["eve"] == pytest.approx(-2 + 6 * 10 / 16)
    assert found.payments["bob"] == -2
    rich = Books.of(FISHERS).posted(relief.settled(month([9] * 5)).postings)
    assert relief.settled(month([0, 5, 5, 5, 4], books=rich)).payments["ann"] == 8


def test_a_claim_beyond_all_numbers_empties_the_pot_and_no_more() -> None:
    mad = law({"kind": "insurance", "amount": "1.0", "payout": "1e308 * 1.7"})
    found = mad.settled(month([0] * 5))
    assert found.pot == 0
    assert sum(found.payments.values()) == 0


def test_nobody_pays_more_than_the_bound_in_a_period_and_is_told() -> None:
    twice = law({"kind": "fine", "amount": "70.0"}, {"kind": "transfer", "amount": "70.0"})
    found = twice.settled(month([1] * 5))
    assert found.burnt == 350
    assert set(found.payments.values()) == {-70.0}
    assert found.problems[0] == (
        "clause 2 (transfer), ann: it takes 70 after 70 already, above the bound 100; it was not applied"
    )


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("1.0 / (stock - 100.0)", "infinite"),
        ("(stock - 100.0) / 0.0", "not a number"),
        ("asked - 60.0", "amount is -50; an amount is 0 or more"),
        ("double(me)", "cannot be worked out"),
        ("double(int(stock) / 0)", "divide by zero"),
        ("1.0e200 * asked", "above the bound"),
        ("[1.0][int(asked)]", "cannot be worked out"),
    ],
)
def test_what_gives_no_amount_is_not_applied_and_is_told(amount: str, says: str) -> None:
    found = law({"kind": "fine", "who": "bob", "amount": amount}).settled(month([10] * 5))
    assert not found.postings
    assert len(found.problems) == 1
    assert says in found.problems[0]
    assert found.problems[0].startswith("clause 1 (fine), bob:")


def test_a_condition_that_fails_does_not_hold_and_is_told() -> None:
    found = law({"kind": "cap", "when": "int(asked) / 0 > 1", "amount": "1.0"}).allowed(month(ALL), rng())
    assert list(found.amounts.values()) == ALL
    assert len(found.problems) == 5


def test_an_empty_contract_lets_everything_pass() -> None:
    found = law()
    assert list(found.allowed(month(ALL), rng()).amounts.values()) == ALL
    assert not found.settled(month(ALL)).postings


def test_facts_that_are_missing_or_wrong_are_refused_in_one_line() -> None:
    capped = law({"kind": "cap", "amount": "stock"})
    facts = month(ALL)
    del facts.shared["stock"]  # type: ignore[attr-defined]
    with pytest.raises(ParleyError, match="'stock' is missing; give what there is"):
        capped.allowed(facts)
    for wrong in ("ten", True, -1, 2.5, float("nan"), float("inf"), None):
        asked = month(ALL)
        asked.own["bob"]["asked"] = wrong  # type: ignore[index]
        with pytest.raises(ParleyError, match="asked of 'bob'"):
            capped.allowed(asked)
    with pytest.raises(ParleyError, match="give one of its labels: C, D"):
        law({"kind": "override", "choice": "C"}, language=GAME).allowed(played("C", "E"))


def test_drought_insurance_needs_a_word_for_drought() -> None:
    assert "drought-insurance" in catalogue(COMMONS)
    assert "drought-insurance" not in catalogue(MUTE)
    assert set(catalogue(MUTE)) == {
        "half-stock",
        "even-caps",
        "graduated-sanctions",
        "over-use-fine",
        "escrow",
    }
    assert set(catalogue(GAME)) == {"defection-burnt", "defection-compensated", "cooperation-ordered"}


@pytest.mark.parametrize(
    ("parties", "capacity", "worth"), [(2, 30.0, 1.0), (12, 500.0, 7.5), (5, 100.0, 400.0)]
)
def test_shipped_laws_of_the_commons_fit_every_size(parties: int, capacity: float, worth: float) -> None:
    names = [f"h{i}" for i in range(parties)]
    language = commons_language(names, tells_events=("calm", "drought"), most=worth, capacity=capacity)
    assert len(catalogue(language)) == 6


def test_over_use_costs_at_least_what_it_brings_and_the_drought_is_relieved() -> None:
    found = compile_contract(load_contract("over-use-fine"), COMMONS).settled(month([20, 10, 10, 10, 10]))
    assert tuple(found.payments.values()) == (-20, 5, 5, 5, 5)
    insured = compile_contract(load_contract("drought-insurance"), COMMONS)
    assert set(insured.allowed(month(ALL, event="drought"), rng()).amounts.values()) == {5}
    paid = insured.settled(month([5] * 5, event="drought"))
    assert set(paid.payments.values()) == {0.0}
    assert len([b for b in paid.bites if b.change > 0]) == 5


def test_the_pot_is_shared_evenly_at_the_end() -> None:
    books = Books.of(FISHERS).posted(
        law({"kind": "fine", "who": "ann", "amount": "7.0", "to": "pot"}).settled(month([1] * 5)).postings
    )
    assert tuple(books.posted(closing(books)).balances().values()) == (-5.6, 1.4, 1.4, 1.4, 1.4)


def test_a_game_is_fined_by_its_cell_and_its_profile() -> None:
    fine = law(
        {"kind": "fine", "who": "row", "when": "cell == 'bad' && actions == ['D', 'C']", "amount": "1.5"},
        language=GAME,
    )
    assert fine.settled(played("D", "C", cell="bad")).burnt == 1.5
    assert not fine.settled(played("D", "C", cell="good")).postings
    assert not fine.settled(played("D", "D", cell="bad")).postings


def test_a_deposit_is_worked_out_from_what_is_known_on_adoption() -> None:
    facts = played("C", "C")
    for own in facts.own.values():
        del own["mine"]  # type: ignore[attr-defined]
    pledge = law({"kind": "escrow", "amount": "most / 2.0", "when": "mine == 'D'"}, language=GAME)
    assert pledge.adopted(facts).pot == 10
