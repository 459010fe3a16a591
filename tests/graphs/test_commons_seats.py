"""Who sits at a season, who knows what of whom, what is recorded, and what do reference seats do there?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negotiators.dilemma import DilemmaView
from scenarios.commons import load
from scenarios.contracts import Contract
from tests.play import without_times
from tests.seasons import Json, every, scripted, season, totals

QUIET: Json = {"regime": "none", "talk": False}


def contract(*clauses: Json, says: str = "") -> Contract:
    """A contract of these clauses."""
    return Contract.model_validate({"says": says, "clauses": list(clauses)})


EVEN = contract({"kind": "cap", "amount": "stock / 2.0 / n"}, says="Half stays.")


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
