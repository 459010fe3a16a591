"""Does a season on the commons go as the paper and the definitions say, through the graph, to the ton?"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negotiators.dilemma import DilemmaView
from scenarios.commons import Commons, load
from scenarios.contracts import Contract
from scenarios.contracts.books import PER_UNIT
from tests.seasons import Json, every, scripted, season, totals

QUIET: Json = {"regime": "none", "talk": False}


def contract(*clauses: Json, says: str = "") -> Contract:
    """A contract of these clauses."""
    return Contract.model_validate({"says": says, "clauses": list(clauses)})


EVEN = contract({"kind": "cap", "amount": "stock / 2.0 / n"}, says="Half stays.")
NOTHING = contract({"kind": "cap", "amount": "stock"}, says="As before.")
PLEDGE = contract({"kind": "escrow", "when": "taken > 10.0", "amount": "7.5", "to": "others"})


def asking(amount: int | dict[str, int | None], **laws: Contract) -> Any:
    """Asks for an amount, or each seat its own; drafts the law of its month (`m3=…`) and votes for everything."""

    def script(view: DilemmaView) -> Json | None:
        if view.occasion == "harvest":
            asked = amount if isinstance(amount, int) else amount[view.seat]
            return None if asked is None else {"amount": asked}
        if view.occasion == "draft":
            return {"contract": laws.get(f"m{view.step}")}
        return {"vote": True} if view.occasion == "vote" else {}

    return script


# ---- the scripted checks of the paper and the definitions


def test_all_take_ten_and_the_pool_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, every(amount=10))
    record = season("fishery", tmp_path, **QUIET)
    assert totals(record) == [50] * 12
    assert [m.stock for m in record.months] == [100] * 12
    assert not record.collapsed
    m = record.measures
    assert (m["survival_months"], m["total_catch"], m["equality"], m["over_use"]) == (12, 600, 1, 0)
    assert m["efficiency"] == pytest.approx(600 / 650)


def test_all_ask_for_everything_and_it_is_gone_in_a_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, every(amount=100))
    record = season("fishery", tmp_path, **QUIET)
    assert totals(record) == [100]
    assert record.collapsed
    m = record.measures
    assert (m["survival_months"], m["total_catch"], m["over_use"]) == (1, 100, 1)
    assert m["efficiency"] == pytest.approx(100 / 650), "over the whole horizon, not the months played"


def test_the_same_greed_under_half_stock_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, every(amount=100))
    record = season("fishery", tmp_path, law="half-stock", negotiate=False, talk=False)
    assert totals(record) == [50] * 12
    assert all(set(m.allowed.values()) == {10} for m in record.months)
    assert all(set(m.asked.values()) == {100} for m in record.months)
    assert {(b.kind, b.before, b.after) for m in record.months for b in m.bites} == {("quota", 100, 10)}
    assert [law.since for law in record.laws] == [1]


def test_words_alone_do_not_stop_the_same_greed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, every(amount=100))
    record = season("fishery", tmp_path, law="half-stock", regime="spoken", negotiate=False, talk=False)
    assert totals(record) == [100]
    assert record.months[0].bites == []


@pytest.mark.parametrize(("first", "months", "total"), [([1.5] * 2, 3, 137), ([2.5] * 11, 12, 600)])
def test_ten_each_with_stochastic_regrowth_at_its_extremes(
    first: list[float], months: int, total: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = next(w for w in count() if rates(world_of(w), len(first)) == first)
    scripted(monkeypatch, every(amount=10))
    record = season(f"fishery,regrowth=stochastic,world={world}", tmp_path, **QUIET)
    assert (len(record.months), sum(totals(record))) == (months, total)


def test_ten_each_with_stochastic_regrowth_usually_dies_in_months_three_to_five(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, every(amount=10))
    ended = []
    for world in range(32):
        record = season(f"fishery,world={world}", tmp_path, regrowth="stochastic", **QUIET)
        stocks = [m.stock for m in record.months]
        assert stocks == by_hand(rates(world_of(world), 12)), world
        ended.append(len(record.months) if record.collapsed else 99)
    assert min(ended) >= 3
    assert np.mean([e <= 5 for e in ended]) == pytest.approx(13 / 16, abs=3 * (13 * 3 / 16**2 / 32) ** 0.5)


def world_of(world: int) -> Commons:
    """The stochastic fishery of a world."""
    return load(f"fishery,regrowth=stochastic,world={world}")


def rates(case: Commons, months: int) -> list[float]:
    """What the pool grows by in the first months of a world."""
    drawn = [int(case.stream("regrowth", month).integers(2)) for month in range(1, months + 1)]
    return [case.regrowth.rates[d] for d in drawn]


def by_hand(rates: list[float]) -> list[int]:
    """The stocks of a season in which all take ten, by the rule of the paper."""
    stock, out = 100, list[int]()
    for rate in rates:
        out.append(stock)
        left = stock - min(50, stock)
        if left < 5:
            break
        stock = int(min(100, left * rate))
    return out


# ---- what a model's silence is


def test_a_seat_that_abstains_stands_by_its_last_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(view: DilemmaView) -> Json | None:
        return None if view.seat == "a2" and view.step in (3, 4) else {"amount": 9 if view.step == 2 else 10}

    scripted(monkeypatch, script, model=True)
    record = season("fishery", tmp_path, model="openai:scripted", **QUIET)
    assert record.status == "complete"
    assert [record.months[t].asked["a2"] for t in (2, 3, 4)] == [None, None, 10]
    assert [record.months[t].taken["a2"] for t in (1, 2, 3, 4)] == [9, 9, 9, 10], (
        "what it last asked, never 0"
    )
    silences = [(i.kind, i.seat, i.node, i.round) for i in record.incidents]
    assert silences == [("abstained", "a2", "harvest", 3), ("abstained", "a2", "harvest", 4)]


def test_a_seat_that_never_answers_makes_the_run_invalid_and_the_record_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, asking({"a1": 10, "a2": 10, "a3": None, "a4": 10, "a5": 10}), model=True)
    record = season("fishery", tmp_path, model="openai:scripted", **QUIET)
    assert record.status == "invalid"
    assert (record.payoffs, record.measures, record.benchmarks, record.months) == (None, {}, {}, [])
    assert any("a3 made no valid move at all" in (i.detail or "") for i in record.incidents)
    assert (tmp_path / f"{record.run_id}.json").is_file()


def test_a_vote_that_is_not_given_is_no_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(view: DilemmaView) -> Json | None:
        silent = view.occasion == "vote" and view.seat in ("a4", "a5")
        return None if silent else asking(10, m0=EVEN)(view)

    scripted(monkeypatch, script, model=True)
    record = season("fishery", tmp_path, model="openai:scripted")
    assert record.opening is not None
    assert record.opening.votes == {"a1": True, "a2": True, "a3": True, "a4": None, "a5": None}
    assert not record.opening.adopted
    assert record.laws == []


# ---- laws: adopted, replaced, paid


def test_a_law_takes_a_quorum_and_binds_from_the_month_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    against = {"a1", "a2"}

    def script(view: DilemmaView) -> Json | None:
        if view.occasion == "vote":
            return {"vote": view.seat not in against or view.step >= 2}
        if view.occasion == "draft":
            return {"contract": EVEN if view.step <= 2 else None}
        return asking(11)(view)

    scripted(monkeypatch, script)
    record = season("fishery", tmp_path)
    assert record.opening is not None
    assert (record.opening.adopted, [m.adopted for m in record.months[:3]]) == (False, [False, True, False])
    assert [law.since for law in record.laws] == [3]
    assert sum(v is True for v in record.laws[0].votes.values()) == 5
    assert [m.law for m in record.months[:4]] == [None, None, 0, 0]
    assert [m.stock for m in record.months[:4]] == [100, 90, 70, 70], "over-use until the law"
    assert all(a <= m.stock // 10 for m in record.months[2:] for a in m.allowed.values())


@pytest.mark.parametrize(("quorum", "adopted"), [(3, True), (4, False), (None, False)])
def test_the_quorum_is_a_setting(
    quorum: int | None, adopted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(view: DilemmaView) -> Json | None:
        if view.occasion == "vote":
            return {"vote": view.seat in ("a1", "a2", "a3")}
        return asking(10, m0=EVEN)(view)

    scripted(monkeypatch, script)
    record = season("fishery", tmp_path, quorum=quorum)
    assert record.opening is not None
    assert record.opening.adopted is adopted


def test_a_law_that_is_replaced_binds_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, asking(11, m0=EVEN, m2=NOTHING))
    record = season("fishery", tmp_path)
    assert [law.since for law in record.laws] == [1, 3]
    assert [m.law for m in record.months[:4]] == [0, 0, 1, 1]
    assert [sum(m.allowed.values()) for m in record.months[:4]] == [50, 50, 55, 55]


def test_what_cannot_be_proposed_twice_goes_round_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = scripted(monkeypatch, asking(10))
    season("fishery", tmp_path)
    drafters = [v.seat for v in party.views("draft")]
    assert len(drafters) == 12, "before the season and after each month but the last"
    assert len(set(drafters[:5])) == len(set(drafters[5:10])) == 5
    assert drafters[:5] == drafters[5:10]


def test_a_pledge_goes_back_to_who_kept_it_and_to_the_others_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, asking({"a1": 11, "a2": 10, "a3": 10, "a4": 10, "a5": 9}, m0=PLEDGE))
    record = season("fishery", tmp_path)
    assert record.opening is not None
    assert record.opening.payments == dict.fromkeys(("a1", "a2", "a3", "a4", "a5"), -7.5)
    assert record.months[0].payments == dict.fromkeys(("a2", "a3", "a4", "a5"), 1.875)
    assert all(not m.payments for m in record.months[1:]), "it is lost once"
    assert record.ledger.parties == {"a1": -7.5} | dict.fromkeys(("a2", "a3", "a4", "a5"), 1.875)
    assert record.payoffs is not None
    assert record.payoffs.net["a1"] == record.payoffs.gross["a1"] - 7.5


def test_a_pledge_under_a_law_that_is_replaced_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, asking(10, m0=PLEDGE, m2=NOTHING))
    record = season("fishery", tmp_path)
    assert record.months[1].payments == dict.fromkeys(("a1", "a2", "a3", "a4", "a5"), 7.5)
    assert set(record.ledger.parties.values()) == {0}


@pytest.mark.parametrize("opening", [True, False])
def test_a_given_law_takes_its_pledges_too(
    opening: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, asking({"a1": 11, "a2": 10, "a3": 10, "a4": 10, "a5": 9}))
    record = season("fishery", tmp_path, law="escrow", opening=opening, talk=False)
    paid = record.opening.payments if record.opening else record.months[0].payments
    assert paid["a1"] == -60, "three fifths of what a month may cost"
    assert record.ledger.parties["a1"] == -60, "it asked for more than its share of half, and lost it"
    assert record.ledger.parties["a5"] == 15
    assert sum(m.payments.get("a5", 0) for m in record.months) == (15 if opening else -45)


FINES = {
    to: contract({"kind": "fine", "when": "asked > 10.0", "amount": "0.1", "to": to})
    for to in ("burn", "others")
}


@pytest.mark.parametrize("to", FINES)
def test_fines_reach_net_payoffs_and_welfare_is_net_of_what_is_burnt_alone(
    to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, asking({"a1": 11, "a2": 10, "a3": 10, "a4": 10, "a5": 9}, m0=FINES[to]))
    record = season("fishery", tmp_path)
    assert record.payoffs is not None
    gross, net = record.payoffs.gross, record.payoffs.net
    assert gross["a1"] == 132
    assert net["a1"] == pytest.approx(132 - 12 * 0.1)
    burnt = 1.2 if to == "burn" else 0.0
    assert record.ledger.burnt == pytest.approx(burnt)
    assert sum(m.burnt for m in record.months) == pytest.approx(burnt)
    assert net["a2"] - gross["a2"] == pytest.approx(0.0 if to == "burn" else 0.3)
    assert record.measures["welfare_gross"] == 600
    assert record.measures["welfare_net"] == pytest.approx(600 - burnt)


@pytest.mark.parametrize("law", ["over-use-fine", "graduated-sanctions", "escrow"])
def test_the_books_add_up_to_nothing_exactly(
    law: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, most = np.random.default_rng(3), {f"a{i}": 13 - i for i in range(1, 8)}
    scripted(monkeypatch, lambda view: asking(int(rng.integers(0, most[view.seat])))(view))
    record = season("fishery,agents=7", tmp_path, law=law)
    whole = [
        round(v * PER_UNIT) for v in (*record.ledger.parties.values(), record.ledger.burnt, record.ledger.pot)
    ]
    assert any(whole)
    assert sum(whole) == 0
    assert all(
        abs(v / PER_UNIT - p) < 1e-12 for v, p in zip(whole, record.ledger.parties.values(), strict=False)
    )
