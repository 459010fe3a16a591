"""Do the curves of the gap fall where theory says so, over every partition, bound and concern?"""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import pytest

from evals.welfare_gap import curves
from evals.welfare_gap.account import account, as_fraction, mixed_loss
from evals.welfare_gap.curves import (
    Curve,
    _partitions,
    drawn_over,
    falls,
    over_bound,
    over_concern,
    over_partition,
)
from evals.welfare_gap.drawing import keep
from evals.welfare_gap.tables import as_lift
from scenarios.commons import load as load_commons
from scenarios.commons.optimum import best_law, planner
from scenarios.errors import ParleyError
from scenarios.games import Game, load
from scenarios.mechanisms import Problem, nash


@pytest.fixture(autouse=True)
def few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine points an axis: what is asked is whether they fall, not how smooth they look."""
    monkeypatch.setattr(curves, "POINTS", 9)


def three_states() -> Game:
    """The Prisoner's Dilemma with three temptations, all seen by both, two of which the language confuses."""
    states = [
        {"name": name, "chance": chance, "payoffs": [[[3, 3], [4 - t, t]], [[t, 4 - t], [1, 1]]]}
        for name, chance, t in (("calm", 0.5, 3.5), ("busy", 0.3, 5.0), ("wild", 0.2, 9.0))
    ]
    return Game.model_validate(
        {
            "name": "three-temptations",
            "title": "Three temptations",
            "source": "ours",
            "actions": [["help", "hinder"], ["help", "hinder"]],
            "states": states,
        }
    )


def test_every_partition_stands_once_and_the_finest_loses_least() -> None:
    curve = over_partition(Problem.of(three_states()), 1.0)
    assert [p.x for p in curve.points] == [1.0, 2.0, 2.0, 2.0, 3.0]
    assert curve.points[0].what == "calm = busy = wild"
    assert curve.points[-1].what == "calm | busy | wild"
    for concept in ("best contract", "mediator"):
        losses = [p.losses[concept] for p in curve.points]
        assert all(loss is not None for loss in losses)
        assert losses[-1] == pytest.approx(min(x for x in losses if x is not None), abs=1e-7)
        assert losses[0] == pytest.approx(max(x for x in losses if x is not None), abs=1e-7)


def test_there_are_as_many_partitions_as_bell_counted() -> None:
    assert [len(set(_partitions(n))) for n in range(1, 7)] == [1, 2, 5, 15, 52, 203]


def test_of_one_state_the_actions_are_told_apart() -> None:
    curve = over_partition(Problem.of(load("lift:prisoners-dilemma")))
    pure = {p.what: p.losses["best contract"] for p in curve.points}
    assert len(pure) == 15
    assert pure["action 1 = action 2 | action 3 = action 4"] == pytest.approx(4 / 24, abs=1e-9)
    assert pure["action 1 | action 2 | action 3 | action 4"] == pytest.approx(0.0, abs=1e-9)
    assert pure["action 1 = action 2 = action 3 = action 4"] == pytest.approx(4.0, abs=1e-9)


@pytest.mark.parametrize("budget", ["balanced", "burn"])
def test_the_loss_never_rises_with_the_bound(budget: str) -> None:
    curve = over_bound(Problem.of(load("hidden-temptation")), "burn" if budget == "burn" else "balanced")
    assert falls(curve)
    assert curve.points[0].losses["best contract"] == pytest.approx(4.0)
    assert curve.points[-1].losses["best contract"] == pytest.approx(0.0, abs=1e-9)


def test_the_loss_is_closed_from_the_smallest_concern_on() -> None:
    curve = over_concern(Problem.of(load("lift:prisoners-dilemma")))
    for point in curve.points:
        closed = point.x >= 2.0
        for concept in ("no contract", "best contract"):
            loss = point.losses[concept]
            assert loss is not None and (loss < 1e-7) == closed, point
    assert {p.x for p in curve.points} >= {-0.5, 2.0}


def test_falls_can_fail() -> None:
    curve = over_bound(Problem.of(load("hidden-temptation")))
    upside_down = Curve(curve.name, "", "", "", "", curve.points[::-1])
    assert not falls(upside_down)


def test_a_commons_loses_more_the_more_its_laws_cannot_tell() -> None:
    spec = "fishery-contingent,capacity=40,months=4"
    curve = drawn_over(f"commons:{spec}", "partition")
    losses = [p.losses["best quota"] for p in curve.points]
    assert losses[0] == pytest.approx(0.0, abs=1e-9)
    assert all(a is not None and b is not None and b >= a - 1e-9 for a, b in pairwise(losses))
    assert losses[-1] is not None and losses[-1] > 0.1
    half = load_commons(spec + ",hidden=0.5")
    assert losses[2] == pytest.approx(planner(half).expected - best_law(half).expected, abs=1e-9)


def test_what_is_kept_can_be_read_back(tmp_path: Path) -> None:
    curve = over_partition(Problem.of(three_states()), 1.0)
    paths = keep(curve, tmp_path / "curves")
    assert [p.suffix for p in paths] == [".csv", ".svg", ".png"]
    with paths[0].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["mediator"]) for row in rows] == [p.losses["mediator"] for p in curve.points]
    assert paths[1].read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    again = keep(curve, tmp_path / "again")
    assert again[1].read_bytes() == paths[1].read_bytes()  # nothing of the day it was drawn
    (tmp_path / "file").write_text("")
    with pytest.raises(ParleyError, match="cannot write"):
        keep(curve, tmp_path / "file")


def test_an_account_tells_none_where_nothing_stands() -> None:
    game = Game.model_validate(
        {
            "name": "pennies",
            "title": "Matching pennies",
            "source": "von Neumann 1928",
            "actions": [["heads", "tails"], ["heads", "tails"]],
            "verifiable": [["coin", "coin"], ["coin", "coin"]],
            "states": [{"payoffs": [[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]]}],
        }
    )
    found = account(game)
    assert found.none.loss is None and found.contract.loss is None and found.surplus is None
    assert found.share(0.0) is None
    assert found.mediation is not None and found.mediation.pays.loss == pytest.approx(
        0.0, abs=1e-8
    )  # the mixed equilibrium is a correlated one


def test_the_mixed_equilibrium_that_a_perfect_contract_leaves_loses_a_sixth() -> None:
    problem = Problem.of(load("lift:prisoners-dilemma"))
    assert mixed_loss(problem) == pytest.approx(4 / 6, abs=1e-9)
    assert mixed_loss(problem, 0.1) is None  # a fine that holds nobody leaves no such game
    assert mixed_loss(Problem.of(load("sick-leave"))) is None
    assert mixed_loss(problem, budget="burn") == pytest.approx(4 / 6, abs=1e-9)


def test_a_lift_is_known_by_its_payoffs() -> None:
    assert as_lift(load("lift:prisoners-dilemma,T=6,R=4,P=1,S=-1")) == pytest.approx((6, 4, 1, -1))
    assert as_lift(load("lift:stag-hunt")) is None  # a lift, but not of a Prisoner's Dilemma
    assert as_lift(load("prisoners-dilemma")) is None
    bare = load("lift:prisoners-dilemma").model_copy(update={"verifiable": None})
    assert as_lift(bare) is None


def test_shares_are_fractions_where_they_are() -> None:
    assert as_fraction(1 / 24) == "1/24"
    assert as_fraction(0.0417) == ""
    assert as_fraction(1.0) == as_fraction(None) == ""


def test_axes_that_a_spec_has_not_are_refused_in_a_line() -> None:
    with pytest.raises(ParleyError, match="not over bound"):
        drawn_over("commons:fishery-contingent", "bound")
    with pytest.raises(ParleyError, match="nothing unforeseen happens"):
        drawn_over("commons:fishery", "partition")
    with pytest.raises(ParleyError, match="leave one out"):
        drawn_over("hidden-temptation", "bound", 3.0)
    assert nash(Problem.of(load("chicken"))).loss == pytest.approx(0.0, abs=1e-9)
