"""Do recorded debates get the axioms they kept: Pareto, dictatorship, menus, patients who need nothing?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.arrow import debate_axioms, rerun, summary
from evals.arrow.debates import on_the_table, tabled
from evals.arrow.menus import Choices, MenuDebate, contraction_consistent, menus, no_cycle, sitting_of
from evals.arrow.rerun import joint_satisfaction, null_patient, with_null_patient
from evals.records import read
from nodes.merging.rules import MERGE_RULES
from nodes.record import RunRecord
from nodes.table.equipment import equipment
from scenarios.errors import ParleyError
from scenarios.load import load
from tests.loopback import Loopback, honest_seat
from tests.play import play

DIVISIBLE, WHOLE = "generated:3,n=6,divisible=1", "generated:1,n=6,divisible=0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("arrow")
    for ward, opponent in ((DIVISIBLE, "biased-age"), (WHOLE, "biased-sex")):
        for rule in ("mean-and-repair", "utilitarian", "nash", "last-word-first"):
            play(ward, runs, framework="rawlsian", opponent=opponent, merge_rule=rule)
    play(DIVISIBLE, runs, framework="rawlsian", opponent="rawlsian")
    return runs


@pytest.fixture(scope="module")
def records(folder: Path) -> list[RunRecord]:
    return [read(path) for path in sorted(folder.glob("*.json"))]


def one(records: list[RunRecord], rule: str, divisible: bool = True) -> RunRecord:
    return next(
        r
        for r in records
        if r.protocol.merge_rule == rule
        and r.protocol.opponent != "rawlsian"
        and bool(r.scenario.arrays.whole.all()) != divisible
    )


def settled(record: RunRecord, joint: Any) -> RunRecord:
    """The record as if another allocation had been settled on."""
    return record.model_copy(update={"joint": joint})


# -- Pareto over what was on the table -------------------------------------------------------------------


def test_all_that_was_said_is_on_the_table(records: list[RunRecord]) -> None:
    r = one(records, "utilitarian")
    names = {"solo:A", "solo:B", "no_debate", "joint"} | {f"round:{i}" for i in (1, 2, 3)}
    assert tabled(r).keys() == names | {f"move:{s}:{i}" for s in "AB" for i in (1, 2, 3)}


def test_a_joint_that_gives_nothing_is_dominated_for_all_by_the_best_of_the_table(
    records: list[RunRecord],
) -> None:
    r = one(records, "utilitarian")
    nothing = {p: dict.fromkeys(cells, 0.0) for p, cells in (r.joint or {}).items()}
    found = on_the_table(settled(r, nothing))
    assert not found.weak
    assert not found.strong
    u = r.measures
    sat = sitting_of(r)
    here = [sat.utility(s).value(sat.shown, np.zeros_like(sat.ward.arrays.demand)) for s in "AB"]
    of_solos = [min(u[f"solo:{x}"].utilities[s] - here[i] for i, s in enumerate("AB")) for x in "AB"]
    assert found.gain >= max(of_solos) - 1e-6 > 0
    assert found.dominated_by in tabled(r)


def test_a_seats_own_best_is_dominated_by_nothing(records: list[RunRecord]) -> None:
    for r in records:
        found = on_the_table(settled(r, r.solo["A"].move.allocation))
        assert found.weak
        assert found.gain <= 1e-6


def test_pareto_is_what_the_records_own_utilities_say(records: list[RunRecord]) -> None:
    """Solos and merges have their utilities in the record: none of them may dominate where `weak` holds."""
    for r in records:
        found = on_the_table(r)
        at = r.measures["joint"].utilities
        stages = [o.utilities for name, o in r.measures.items() if not name.startswith("exit_solo")]
        dominated = any(all(u[s] > at[s] + 1e-3 for s in at) for u in stages)
        assert not (found.weak and dominated)
        assert found.strong <= found.weak


# -- menus -----------------------------------------------------------------------------------------------


def choices(ab: str, ac: str, bc: str, abc: str = "a") -> Choices:
    return {("a", "b"): ab, ("a", "c"): ac, ("b", "c"): bc, ("a", "b", "c"): abc}


def test_circles_and_broken_contraction_are_told() -> None:
    assert no_cycle(choices("a", "a", "b"))
    assert not no_cycle(choices("a", "c", "b"))
    assert not no_cycle(choices("b", "a", "c"))
    assert contraction_consistent(choices("a", "a", "b"))
    assert contraction_consistent(choices("a", "a", "c"))
    assert not contraction_consistent(choices("b", "a", "b"))
    assert not contraction_consistent(choices("a", "c", "b"))
    assert contraction_consistent(choices("b", "a", "b", "b"))


def menu_of(r: RunRecord) -> dict[str, Any]:
    solos = {f"solo:{s}": r.scenario.array(r.solo[s].move.allocation or {}) for s in "AB"}
    return solos | {"joint": r.scenario.array(r.joint or {})}


def test_the_last_word_takes_what_its_seat_asks_for_last(records: list[RunRecord]) -> None:
    """Against the policy worked out by hand: three rounds, linear, floor ½, the other's offers in own utility."""
    r = one(records, "last-word-first")
    sat, menu = sitting_of(r), menu_of(r)
    x = (menu["solo:A"], menu["solo:B"])
    u = np.array([sat.utility("A").value(sat.shown, m) for m in x])
    # B opens with its solo; by the deadline A holds out for half way between that and its own: not B's solo.
    assert u[1] < u[0] - (u[0] - u[1]) / 2
    assert MenuDebate(r, sat, x).choose() == 0


def test_a_seat_that_holds_out_for_its_best_never_gives_way_and_one_that_does_not_accepts(
    records: list[RunRecord],
) -> None:
    r = one(records, "last-word-first")
    menu = menu_of(r)

    def asked(floor: float) -> RunRecord:
        seats = [s.model_copy(update={"policy": s.policy | {"floor": floor}}) for s in r.seats]
        return r.model_copy(update={"seats": seats})

    hard = menus(asked(1.0), menu)
    assert set(hard.choices.values()) == {"solo:A", "joint"}
    assert hard.choices["solo:A", "solo:B"] == hard.choices["solo:A", "solo:B", "joint"] == "solo:A"
    assert (hard.transitive, hard.contraction) == (True, True)
    soft = menus(asked(0.0), menu)
    assert soft.choices["solo:A", "solo:B"] == "solo:B"  # at the deadline A takes what B holds out for


@pytest.mark.parametrize("rule", [name for name, r in MERGE_RULES.items() if not r.needs_model])
def test_every_rule_settles_a_menu_on_something_of_it_between_the_last_moves(
    rule: str, records: list[RunRecord]
) -> None:
    for divisible in (True, False):
        r = one(records, "mean-and-repair", divisible)
        r = r.model_copy(update={"protocol": r.protocol.model_copy(update={"merge_rule": rule})})
        found = menus(r, menu_of(r))
        assert len(found.choices) == 4
        assert all(chosen in menu for menu, chosen in found.choices.items())
        assert menus(r, menu_of(r)) == found  # nothing is drawn anew


def test_of_two_who_agree_on_the_menu_both_get_it(records: list[RunRecord]) -> None:
    """Both seats hold the one alternative best that gives something."""
    r = one(records, "utilitarian")
    nothing = np.zeros_like(r.scenario.arrays.demand)
    found = menus(r, {"nothing": nothing, "joint": menu_of(r)["joint"], "half": menu_of(r)["joint"] / 2})
    assert set(found.choices.values()) == {"joint", "half"}
    assert found.choices["nothing", "joint", "half"] == "joint"
    assert (found.transitive, found.contraction) == (True, True)


def test_no_menu_of_two_that_are_the_same_and_none_for_a_model(records: list[RunRecord]) -> None:
    r = one(records, "utilitarian")
    same = menus(r, menu_of(r) | {"joint": menu_of(r)["solo:A"]})
    assert (same.choices, same.transitive, same.contraction) == ({}, None, None)
    paid = r.model_copy(update={"protocol": r.protocol.model_copy(update={"model": "openai:x"})})
    with pytest.raises(ParleyError, match="a model sits here"):
        menus(paid)
    with pytest.raises(ParleyError, match="2 alternatives; give three"):
        menus(r, dict(list(menu_of(r).items())[:2]))


def test_persuaded_seats_weigh_a_menu_as_they_have_come_to(tmp_path: Path) -> None:
    r = play(DIVISIBLE, tmp_path, framework="rawlsian", opponent="biased-age", opponent_persuasion=1.0)
    sat = sitting_of(r)
    debate = MenuDebate(r, sat, tuple(menu_of(r).values()))
    alone, later = debate._worth("B", 0), debate._worth("B", 3)
    assert not np.allclose(alone, later)
    told = {k: v for k, v in r.rounds[0].moves[0].principle.items() if v > 0}
    moved = r.model_copy(update={"seats": [s.model_copy(update={"declared": told}) for s in r.seats]})
    wholly = MenuDebate(moved, sitting_of(moved), debate.menu)._worth("A", 0)
    np.testing.assert_allclose(later, wholly, atol=1e-6)


# -- patients who need nothing ---------------------------------------------------------------------------


def test_the_null_patient_is_one_more_who_needs_nothing() -> None:
    ward = load(DIVISIBLE)
    more = with_null_patient(ward)
    assert len(more.patients) == len(ward.patients) + 1
    assert not more.arrays.demand[-1].any()
    assert len(with_null_patient(more).patients) == len(ward.patients) + 2  # another name
    years = with_null_patient(ward.model_copy(update={"benefit": "survival"}))
    assert years.patients[:-1] == ward.patients


def test_nobody_is_moved_by_a_patient_who_needs_nothing(records: list[RunRecord]) -> None:
    for r in (one(records, "nash"), one(records, "mean-and-repair", divisible=False)):
        found = null_patient(r)
        assert found.shift < 1e-3
        assert found.independent


def test_a_patient_who_needs_something_moves_others_and_is_caught(
    records: list[RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def needy(ward: Any) -> Any:
        more = with_null_patient(ward)
        last = more.patients[-1].model_copy(update={"needs": dict(more.patients[0].needs), "severity": 1.0})
        return type(ward)(**more.model_dump() | {"patients": [*more.patients[:-1], last]})

    monkeypatch.setattr(rerun, "with_null_patient", needy)
    found = null_patient(one(records, "mean-and-repair"))
    assert found.shift > 0.01
    assert not found.independent


def test_another_draw_of_the_same_chances_is_no_movement(tmp_path: Path) -> None:
    """Seats that never give way leave the last bed to a lot; who draws it is no movement, the chances are."""
    r = play(WHOLE, tmp_path, framework="rawlsian", opponent="biased-sex", floor=1.0)
    assert r.rounds[-1].marginals is not None
    assert null_patient(r, reruns=3).shift < 1e-3
    assert null_patient(r, reruns=3).noise < 1e-3
    chances = r.scenario.array(r.rounds[-1].marginals)
    h = joint_satisfaction(r)
    assert not np.isin(h, (0.0, 1.0)).all()
    np.testing.assert_allclose(h, joint_satisfaction(settled(r, r.solo["A"].move.allocation)))
    assert h == pytest.approx(
        np.nanmean(
            np.where(r.scenario.arrays.demand > 0, chances / r.scenario.arrays.demand.clip(1e-9), np.nan),
            axis=1,
        )
    )


def test_reruns_are_kept_where_asked_and_not_played_twice(
    records: list[RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = equipment()
    r = one(records, "utilitarian")
    first = null_patient(r, reruns=2, folder=tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 3
    assert equipment() == before

    async def never(*_: Any) -> RunRecord:
        raise AssertionError("played again")

    monkeypatch.setattr(rerun, "_played", never)
    assert null_patient(r, reruns=2, folder=tmp_path) == first


def test_a_model_is_asked_again_if_asked_for_and_paid_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    runs, kept = tmp_path / "runs", tmp_path / "kept"
    with Loopback(honest_seat) as server:
        play(DIVISIBLE, runs, model="openai:scripted", base_url=server.base_url, rounds=1)
        once = len(server.heard)
        found = debate_axioms([runs], with_models=True, folder=kept)
        assert len(server.heard) == 3 * once  # with the null patient, and once more for its noise
        assert found["null_independent"].notna().all()
        again = debate_axioms([runs], with_models=True, folder=kept)
        assert len(server.heard) == 3 * once
        assert again["null_shift"].equals(found["null_shift"])


# -- all of it, for many ---------------------------------------------------------------------------------


def test_one_row_a_run_and_what_it_comes_to(folder: Path, records: list[RunRecord]) -> None:
    found = debate_axioms([folder])
    assert len(found) == len(records) == 9
    assert found["null_independent"].eq(True).all()
    same = found[found["seats"] == "rawlsian | rawlsian"]
    assert same["influence"].isna().all()
    assert same["missing"].str.contains("the solos are alike").all()
    assert same["transitive"].isna().all()
    told = summary(found)
    assert told["runs"] == told["complete"] == 9
    assert told["influence"]["of"] == 8
    w = found["influence"].dropna()
    assert (
        told["influence"]["first_dictates"] == int((w >= 0.95).sum()) == int((found["dictator"] == "A").sum())
    )
    assert told["influence"]["quantiles"][2] == pytest.approx(float(w.median()), abs=1e-4)
    assert told["weak_pareto"] == {"keep": int(found["weak_pareto"].sum()), "of": 9}


def test_a_model_is_never_called_unasked_and_an_invalid_run_is_missing(
    records: list[RunRecord], tmp_path: Path
) -> None:
    r = one(records, "utilitarian")
    paid = r.model_copy(update={"protocol": r.protocol.model_copy(update={"model": "openai:x"})})
    (tmp_path / "paid.json").write_text(paid.model_dump_json(), encoding="utf-8")
    invalid = r.model_copy(update={"status": "invalid", "joint": None, "measures": {}})
    (tmp_path / "void.json").write_text(invalid.model_dump_json(), encoding="utf-8")
    found = debate_axioms([tmp_path])
    assert "ask for a rerun" in found["missing"][0]
    assert found["null_shift"].isna().all()
    assert found["missing"][1] == "the run is invalid"
    told = summary(found)
    assert (told["runs"], told["complete"], told["null_independent"]["of"]) == (2, 1, 0)
    assert told["transitive"]["of"] == 0


async def test_a_notebook_with_a_loop_of_its_own_can_ask_too(records: list[RunRecord]) -> None:
    assert null_patient(one(records, "nash")).independent
