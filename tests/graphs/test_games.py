"""Does a game go as it should through its graph: laws before acts, labels alone for the law, baselines beside it?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negotiators.dilemma import DilemmaView
from scenarios.contracts import Contract
from scenarios.contracts.books import PER_UNIT
from tests.play import without_times
from tests.seasons import Json, every, match, scripted

QUIET: Json = {"regime": "none", "talk": False}


def contract(*clauses: Json) -> Contract:
    """A contract of these clauses."""
    return Contract.model_validate({"clauses": list(clauses)})


FINE = contract({"kind": "fine", "when": "mine == 'defect'", "amount": "2.5", "to": "burn"})
COMPENSATION = contract({"kind": "fine", "when": "mine == 'defect'", "amount": "2.5", "to": "others"})
ORDER = contract({"kind": "override", "when": "mine != first", "choice": "first"})
PLEDGE = contract({"kind": "escrow", "when": "mine == 'defect'", "amount": "1.0", "to": "others"})


def acting(**choices: str) -> object:
    """Each player does its own action; nothing is proposed; all vote for what is."""

    def script(view: DilemmaView) -> Json:
        if view.occasion == "act":
            return {"choice": choices[view.seat]}
        return {"vote": True} if view.occasion == "vote" else {}

    return script


def drafting(draft: Contract | None, step: int = 1, **choices: str) -> object:
    """The same, with one contract proposed in one round."""

    def script(view: DilemmaView) -> Json:
        if view.occasion == "draft":
            return {"contract": draft if view.step == step else None}
        return acting(**choices)(view)  # type: ignore[operator, no-any-return]

    return script


def test_everybody_gets_what_the_table_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, acting(row="cooperate", column="defect"))  # type: ignore[arg-type]
    record = match("prisoners-dilemma", tmp_path, rounds=3, **QUIET)
    assert [p.gross for p in record.plays] == [{"row": 0, "column": 5}] * 3
    assert record.payoffs is not None
    assert record.payoffs.net == {"row": 0, "column": 15}
    m = record.measures
    assert (m["welfare_net"], m["loss"], m["best_cell"], m["worst_off"]) == (5, 1, 0, 0)
    assert record.benchmarks == {"first_best": 6, "equilibrium": 2, "best_mechanism": 6}
    assert m["captured"] == pytest.approx(3 / 4)


@pytest.mark.parametrize("model", [False, True])
def test_each_player_acts_once_a_round_and_knows_what_was_said(
    model: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(view: DilemmaView) -> Json:
        return {"words": f"{view.seat} {view.step}"} if view.occasion == "talk" else {"choice": "defect"}

    party = scripted(monkeypatch, script, model=model)
    settings: Json = {"model": "openai:scripted"} if model else {}
    record = match("prisoners-dilemma", tmp_path, regime="none", rounds=2, **settings)
    acted = [(v.step, v.seat) for v in party.views("act")]
    assert acted == [(1, "row"), (1, "column"), (2, "row"), (2, "column")]
    assert record.plays[1].said == {"row": "row 2", "column": "column 2"}
    for view in party.views("act") if model else ():
        assert view.so_far is not None
        assert view.so_far.said == {s: f"{s} {view.step}" for s in ("row", "column")}
        assert not view.so_far.done, "nobody's choice of this round"
        assert [t.done for t in view.told] == [{"row": "defect", "column": "defect"}] * (view.step - 1)


def test_a_contract_of_this_round_is_in_force_in_it_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, drafting(FINE, step=2, row="defect", column="defect"))  # type: ignore[arg-type]
    record = match("prisoners-dilemma", tmp_path, rounds=3)
    assert [law.since for law in record.laws] == [2]
    assert [p.net["row"] for p in record.plays] == [1, -1.5, -1.5]
    assert [p.law for p in record.plays] == [None, 0, 0]


@pytest.mark.parametrize(("law", "row", "welfare"), [(FINE, 5 - 2.5, 2.5), (COMPENSATION, 5 - 2.5, 5)])
def test_burnt_fines_cost_welfare_and_compensation_does_not(
    law: Contract, row: float, welfare: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, drafting(law, row="defect", column="cooperate"))  # type: ignore[arg-type]
    record = match("prisoners-dilemma", tmp_path)
    assert record.payoffs is not None
    assert record.payoffs.gross == {"row": 5, "column": 0}
    assert record.payoffs.net["row"] == row
    assert record.measures["welfare_net"] == welfare
    whole = [
        round(v * PER_UNIT) for v in (*record.ledger.parties.values(), record.ledger.burnt, record.ledger.pot)
    ]
    assert any(whole)
    assert sum(whole) == 0


def test_an_override_puts_another_label_in_the_place_of_what_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, drafting(ORDER, row="defect", column="cooperate"))  # type: ignore[arg-type]
    (play,) = match("prisoners-dilemma", tmp_path).plays
    assert play.chosen == {"row": "defect", "column": "cooperate"}
    assert play.done == {"row": "cooperate", "column": "cooperate"}
    assert [(b.kind, b.seat, b.before, b.after) for b in play.bites] == [
        ("override", "row", "defect", "cooperate")
    ]
    assert play.best


def test_effort_is_out_of_a_contracts_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = "lift:prisoners-dilemma"
    order = contract({"kind": "override", "when": "mine != first", "choice": "first"})

    def script(view: DilemmaView) -> Json:
        low = {"row": "CL", "column": "DL"}
        return drafting(order, **{s: _named(view, a) for s, a in low.items()})(view)  # type: ignore[operator, no-any-return]

    scripted(monkeypatch, script)
    (play,) = match(spec, tmp_path).plays
    assert play.done["row"] == play.chosen["row"], "its label is right already; how much effort, nobody sees"
    assert play.done["column"] == play.done["row"], "forced into the label, it makes no effort"
    assert [b.seat for b in play.bites] == ["column"]


def _named(view: DilemmaView, short: str) -> str:
    """An action of a lift by its letters: C or D, H or L."""
    names = view.scenario.actions[view.seats.index(view.seat)]  # type: ignore[union-attr]
    return names[["CH", "CL", "DH", "DL"].index(short)]


def test_a_pledge_is_paid_in_when_adopted_and_lost_by_defecting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, drafting(PLEDGE, row="defect", column="cooperate"))  # type: ignore[arg-type]
    record = match("prisoners-dilemma", tmp_path, rounds=2)
    assert record.plays[0].payments == {"row": -1, "column": 0} or record.plays[0].payments == {"row": -1}
    assert record.ledger.parties == {"row": -1, "column": 1}
    assert record.payoffs is not None
    assert record.payoffs.net == {"row": 9, "column": 1}


def test_a_player_that_abstains_does_what_it_did_last_and_one_that_never_acts_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(view: DilemmaView) -> Json | None:
        return None if (view.seat, view.step) == ("row", 2) else {"choice": "defect"}

    scripted(monkeypatch, script, model=True)
    settings: Json = {"model": "openai:scripted", "rounds": 3, **QUIET}
    record = match("prisoners-dilemma", tmp_path, **settings)
    assert record.status == "complete"
    assert [p.chosen["row"] for p in record.plays] == ["defect", None, "defect"]
    assert {p.done["row"] for p in record.plays} == {"defect"}
    scripted(monkeypatch, lambda view: None if view.seat == "row" else {"choice": "defect"}, model=True)
    silent = match("prisoners-dilemma", tmp_path, seed=2, **settings)
    assert (silent.status, silent.payoffs, silent.plays) == ("invalid", None, [])
    assert (tmp_path / f"{silent.run_id}.json").is_file()
    assert "row made no valid move at all" in [i.detail for i in silent.incidents][-1]  # type: ignore[operator]


def test_states_are_drawn_by_the_seed_alone_and_signals_go_to_those_who_see_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = scripted(monkeypatch, lambda v: {"choice": v.scenario.actions[v.seats.index(v.seat)][0]})  # type: ignore[union-attr]
    first = match("hidden-temptation", tmp_path, rounds=40, **QUIET)
    game = first.scenario
    states = [p.state for p in first.plays]
    assert set(states) == {s.name for s in game.states}
    for view in party.views("act"):
        k = [s.name for s in game.states].index(states[view.step - 1])
        assert view.now == {"signal": game.signal(k, view.seats.index(view.seat))}
    other = match("hidden-temptation", tmp_path, rounds=40, **{**QUIET, "regime": "spoken"})
    assert [p.state for p in other.plays] == states, "the same world under every condition"
    assert [p.state for p in match("hidden-temptation", tmp_path, rounds=40, seed=9, **QUIET).plays] != states


def test_which_player_is_prosocial_hangs_on_the_seed_and_never_on_its_place() -> None:
    from nodes.games.brief import seats_of
    from nodes.games.settings import GamesTable
    from scenarios.games import load

    game, many = load("public-goods,n=4"), 1200
    dealt = np.array(
        [[s.prosocial for s in seats_of(game, GamesTable(prosocial=1, seed=s))] for s in range(many)]
    )
    assert (dealt.sum(axis=1) == 1).all()
    assert abs(dealt.mean(axis=0) - 0.25).max() < 4 * (0.25 * 0.75 / many) ** 0.5


# ---- what reference players do


def test_selfish_players_defect_in_the_lift_and_lose_what_the_paper_says(tmp_path: Path) -> None:
    record = match("lift:prisoners-dilemma", tmp_path, **QUIET)
    game = record.scenario
    dh = {s: game.actions[i][2] for i, s in enumerate(game.players)}
    assert record.plays[0].done == dh
    r, p = 3.0, 1.0
    surplus = record.benchmarks["first_best"] - record.measures["welfare_net"]  # type: ignore[operator]
    assert surplus == pytest.approx(2 * (r - p))


def test_the_best_mechanism_on_what_can_be_seen_leaves_the_effort_gap_and_concern_two_closes_it(
    tmp_path: Path,
) -> None:
    spec = "lift:prisoners-dilemma"
    best = match(spec, tmp_path, regime="best", talk=False)
    surplus = 2 * (3.0 - 1.0)
    assert best.measures["loss"] == pytest.approx(surplus / 24), "1/24 at the asymmetric pure equilibrium"
    assert best.benchmarks["best_mechanism"] == pytest.approx(best.measures["welfare_net"])
    for concern, closed in ((1.5, False), (2.0, True)):
        caring = match(spec, tmp_path, regime="best", talk=False, prosocial=2, concern=concern)
        assert (caring.measures["loss"] < 1e-9) is closed, concern  # type: ignore[operator]


def test_reference_players_adopt_a_law_of_the_menu_and_it_is_written_down(tmp_path: Path) -> None:
    record = match("prisoners-dilemma", tmp_path)
    assert record.measures["captured"] == pytest.approx(1)
    assert record.plays[0].adopted
    assert sum(v is True for v in record.laws[0].votes.values()) == 2


def test_tit_for_tat_against_grim_reads_like_its_transcript(tmp_path: Path) -> None:
    record = match(
        "prisoners-dilemma",
        tmp_path,
        rounds=5,
        strategy="tit-for-tat",
        opponent_strategy="always-defect",
        **QUIET,
    )
    done = [(p.done["row"][0] + p.done["column"][0]).upper() for p in record.plays]
    assert done == ["CD", "DD", "DD", "DD", "DD"]


def test_noise_is_the_seeds_and_the_mixture_is_kept(tmp_path: Path) -> None:
    runs = [
        match("prisoners-dilemma", tmp_path / str(i), rounds=20, precision=0.5, **QUIET) for i in range(2)
    ]
    assert without_times(runs[0]) == without_times(runs[1])
    acts = [p.done["row"] for p in runs[0].plays]
    assert len(set(acts)) == 2
    mix = runs[0].plays[0].mixtures["row"]
    assert sum(mix.values()) == pytest.approx(1)
    assert mix["defect"] > mix["cooperate"]


def test_in_words_nothing_binds_and_nothing_is_proposed_twice(tmp_path: Path) -> None:
    record = match("prisoners-dilemma", tmp_path, regime="spoken", rounds=3)
    assert {p.net["row"] for p in record.plays} == {1}
    assert len(record.laws) <= 1
    assert all("propose nothing" not in w for law in record.laws for w in law.proposal.words)


def test_every_player_of_a_larger_game_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, every(choice="contribute"))
    record = match("public-goods,n=4,multiplier=1.6", tmp_path, **QUIET)
    assert len(record.plays[0].net) == 4
    assert record.plays[0].best
