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
from tests.play import without_times
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


# ---- who sits where, and who knows what


def test_which_seat_is_prosocial_hangs_on_the_seed_and_never_on_its_place() -> None:
    from nodes.commons.brief import seats_of
    from nodes.commons.settings import CommonsTable

    case, many = load("fishery"), 1500
    places = np.array(
        [[s.prosocial for s in seats_of(case, CommonsTable(prosocial=2, seed=seed))] for seed in range(many)]
    )
    assert (places.sum(axis=1) == 2).all()
    expected, spread = 0.4, 4 * (0.4 * 0.6 / many) ** 0.5
    assert abs(places.mean(axis=0) - expected).max() < spread
    both = np.mean(places[:, 0] & places[:, 1])
    assert abs(both - 0.1) < 4 * (0.1 * 0.9 / many) ** 0.5, "every pair alike, so not a rotation"


def test_concerns_are_dealt_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, every(amount=10), model=True)
    dials = [-0.5, 0.0, 1.0, 2.0, "infinite"]
    dealt = set()
    for seed in range(6):
        record = season("fishery", tmp_path, model="openai:scripted", concerns=dials, seed=seed, **QUIET)
        degrees = tuple(s.persona.concern for s in record.seats)
        assert sorted(map(str, degrees)) == sorted(map(str, dials))
        dealt.add(degrees)
    assert len(dealt) > 3


@pytest.mark.parametrize("declared", ["private", "declared", "false"])
def test_claims_reach_the_views_and_the_truth_does_not(
    declared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = scripted(monkeypatch, asking(10), model=True)
    record = season(
        "fishery",
        tmp_path,
        model="openai:scripted",
        prosocial=2,
        declared=declared,
        prosocial_as="considerate",
    )
    truth = {s.seat: s.persona.name for s in record.seats}
    assert sorted(truth.values()) == ["considerate"] * 2 + ["selfish"] * 3
    expected = {"private": {}, "declared": truth, "false": dict.fromkeys(truth, "considerate")}[declared]
    for view in party.seen:
        assert view.claims == expected
        assert view.persona.name == truth[view.seat], "it knows itself"
        others = {n for s, n in truth.items() if s != view.seat}
        if declared != "declared":
            told = repr({k: v for k, v in vars(view).items() if k not in ("persona", "scenario", "claims")})
            assert not any(name in told for name in others | {"selfish"} - {view.persona.name})


def test_a_false_claim_by_the_dial_is_the_greatest_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, every(amount=10))
    record = season("fishery", tmp_path, concerns=(0, 0, 0, 1, 2), declared="false", **QUIET)
    said = {(s.persona.concern, s.claims, s.claims_concern) for s in record.seats}
    assert said == {(0, "graded, λ = 2", 2), (1, "graded, λ = 1", 1), (2, "graded, λ = 2", 2)}


def test_nobody_sees_what_others_ask_for_before_all_have_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = {"a1": 7, "a2": 8, "a3": 9, "a4": 11, "a5": 13}
    party = scripted(monkeypatch, asking(asks, m0=EVEN), model=True)
    season("fishery", tmp_path, model="openai:scripted")
    for view in party.views("harvest"):
        assert view.so_far is not None
        assert not view.so_far.done
        assert "taken" not in view.now
        assert all(o.asked == asks[view.seat] for o in view.own), "its own asks alone"
        assert len(view.told) == view.step, "the meeting and every month before"
    for view in party.views("talk"):
        if view.step:
            assert view.so_far is not None
            assert view.so_far.done == {s: min(a, 10) for s, a in asks.items()} or view.step > 1
            assert view.now["taken"] == view.so_far.done[view.seat]


def test_what_is_said_is_heard_before_anything_is_drafted_or_voted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(view: DilemmaView) -> Json | None:
        if view.occasion == "talk":
            return {"words": f"I am {view.seat}, month {view.step}."}
        return asking(10, m0=EVEN, m1=EVEN)(view)

    party = scripted(monkeypatch, script, model=True)
    record = season("fishery", tmp_path, model="openai:scripted")
    for view in [*party.views("draft"), *party.views("vote")]:
        assert view.so_far is not None
        assert view.so_far.said == {s: f"I am {s}, month {view.step}." for s in view.seats}
        assert view.quorum == 4
    assert all(view.so_far is not None and not view.so_far.said for view in party.views("talk"))
    assert record.months[0].said["a3"] == "I am a3, month 1."
    assert record.months[-1].said == {}, "after the last month nobody could keep what would be agreed"


def test_in_their_own_word_catches_are_what_seats_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(view: DilemmaView) -> Json | None:
        if view.occasion == "report":
            return None if view.seat == "a5" else {"amount": 3}
        return asking(10)(view)

    party = scripted(monkeypatch, script, model=True)
    record = season("fishery", tmp_path, model="openai:scripted", reports="own-word")
    lies = {"a1": 3, "a2": 3, "a3": 3, "a4": 3, "a5": None}
    assert all(m.reported == lies for m in record.months)
    assert all(set(m.taken.values()) == {10} for m in record.months)
    assert all(v.reports == "own-word" for v in party.seen)
    heard = [t.done for v in party.views("harvest") for t in v.told if t.step]
    assert heard
    assert all(done == lies for done in heard)


def test_an_event_is_seen_by_seats_and_by_the_law_only_where_its_language_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = scripted(monkeypatch, every(amount=5))
    record = season("fishery,world=3", tmp_path, contingencies=1.0, hidden=1.0, **QUIET)
    events = [m.event for m in record.months]
    assert len(set(events) - {"calm"}) > 1
    assert {m.cell for m in record.months} == {"calm"}
    assert [v.now["event"] for v in party.views("harvest") if v.seat == "a1"] == events
    told = season("fishery,world=3", tmp_path, contingencies=1.0, hidden=0.0, **QUIET)
    assert [m.event for m in told.months] == [m.cell for m in told.months] == events, "one world, one weather"


# ---- the same run is the same record


def test_the_same_inputs_give_the_same_run_and_another_seed_another(tmp_path: Path) -> None:
    small = "fishery,world=4,months=4,stock=30,capacity=30"
    runs = [
        season(small, tmp_path / str(i), prosocial=2, regrowth="stochastic", contingencies=0.3)
        for i in range(2)
    ]
    first, again = map(without_times, runs)
    assert first == again
    other = season(small, tmp_path, prosocial=2, regrowth="stochastic", contingencies=0.3, seed=2)
    assert other.run_id != runs[0].run_id


def test_edges_are_numbered_through_and_say_who_over_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, asking({"a1": 11, "a2": 10, "a3": 10, "a4": 10, "a5": 9}, m0=EVEN))
    record = season("fishery", tmp_path)
    assert [e.index for e in record.edges] == list(range(len(record.edges)))
    assert {e.strategy for e in record.edges if e.seat == "a1" and e.source == "harvest"} == {"over-use"}
    assert {e.strategy for e in record.edges if e.seat == "a5" and e.source == "harvest"} == {"restraint"}
    assert [e.strategy for e in record.edges if e.round == 0].count("accept") == 5
    assert (record.edges[0].source, record.edges[0].target) == ("brief", "talk")
    assert record.edges[-1].target == "record"


# ---- what reference seats do


def test_reference_seats_empty_the_pool_without_a_law_and_agree_on_one_that_keeps_it(tmp_path: Path) -> None:
    alone = season("fishery", tmp_path, **QUIET)
    assert totals(alone) == [100], "with a last month, each month before it unravels"
    agreed = season("fishery", tmp_path)
    assert len(agreed.months) == 12
    assert agreed.laws[0].since == 1
    assert (
        agreed.measures["welfare_net"] == agreed.benchmarks["planner_here"] or agreed.measures["loss"] < 0.1
    )  # type: ignore[operator]


def test_prosocial_reference_seats_need_no_law(tmp_path: Path) -> None:
    record = season("fishery", tmp_path, prosocial=5, **QUIET)
    assert sum(totals(record)) == 650
    assert record.measures["loss"] == pytest.approx(0)


def test_the_best_law_binds_selfish_seats(tmp_path: Path) -> None:
    record = season("fishery", tmp_path, regime="best", talk=False)
    assert sum(totals(record)) == 650
    assert record.laws == []
    assert record.measures["captured"] == pytest.approx(1)


def test_in_words_reference_seats_propose_once_and_never_that_they_propose_nothing(tmp_path: Path) -> None:
    record = season("fishery", tmp_path, regime="spoken", prosocial=5)
    said = [
        *(law.proposal.words for law in record.laws),
        *(m.proposal.words for m in record.months if m.proposal),
    ]
    assert len(record.months) == 12
    assert all("propose nothing" not in line for words in said for line in words)


def test_half_hours_of_a_ward_are_shared_by_the_same_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, every(amount=2))
    record = season("ward-shifts", tmp_path, **QUIET)
    table = record.scenario.worth_table
    assert record.months[0].worth["a1"] == pytest.approx(float(table[2]))
    assert record.payoffs is not None
    assert record.payoffs.gross["a1"] == pytest.approx(len(record.months) * float(table[2]))
