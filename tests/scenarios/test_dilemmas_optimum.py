"""Are the best plans of a dilemma, and the distance of a plan from them, what going through all plans finds?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.dilemmas import Dilemma, Values
from scenarios.dilemmas.optimum import (
    JOINT,
    attainable,
    egalitarian_optimum,
    frontier,
    landscape,
    measures,
    nash_optimum,
    utilitarian_optimum,
)
from scenarios.dilemmas.plan import plans, worth
from tests.scenarios.dilemmas_cases import dilemma, dilemmas, supper, values, words_alone

CANDOUR, CARE = {"candour": 1.0}, {"care": 1.0}

Seats = dict[str, Values]


def seats(least: int = 2, most: int = 3) -> st.SearchStrategy[Seats]:
    return st.lists(values(1), min_size=least, max_size=most).map(
        lambda each: dict(zip("ABC", each, strict=False))
    )


def points(case: Dilemma, of: Seats) -> list[list[float]] | None:
    """Every plan's worths, the slow way; None where some seat has none."""
    table = [[worth(plan, case, v) for v in of.values()] for plan in plans(case)]
    return (
        None if any(w is None for row in table for w in row) else [[w or 0.0 for w in row] for row in table]
    )


def dominated(point: list[float], by: list[float]) -> bool:
    return all(b >= a - 1e-9 for a, b in zip(point, by, strict=True)) and any(
        b > a + 1e-9 for a, b in zip(point, by, strict=True)
    )


def test_the_small_case_is_as_worked_out_by_hand() -> None:
    of = {"A": CANDOUR, "B": CARE}
    trade = {"what": "tell", "when": "later"}
    assert nash_optimum(supper(), of) == egalitarian_optimum(supper(), of) == trade
    assert utilitarian_optimum(supper(), of) == trade
    assert {tuple(p.values()) for p in frontier(supper(), of)} == {
        ("tell", "later"), ("tell", "now"), ("hush", "later")
    }  # fmt: skip
    got = measures({"what": "hush", "when": "now"}, supper(), of)
    assert got["worth:A"] == pytest.approx(1 / 3) and got["worth:B"] == pytest.approx(1 / 3)
    assert (got["mean"], got["least"], got["nash"]) == pytest.approx((1 / 3, 1 / 3, 1 / 9))
    assert got["pareto"] == 0
    assert got["regret_egalitarian"] == pytest.approx(1 / 3) and got["regret_nash"] == pytest.approx(1 / 3)
    assert attainable(supper(), of) == pytest.approx({"mean": 2 / 3, "least": 2 / 3, "nash": 4 / 9})


@settings(max_examples=30, deadline=None)
@given(dilemmas(), seats())
def test_the_optima_are_the_best_of_all_plans_and_efficient(case: Dilemma, of: Seats) -> None:
    """A wrong optimum would make every gap that a report prints wrong, by as much."""
    table = points(case, of)
    if table is None:
        assert nash_optimum(case, of) is None and frontier(case, of) == [] and attainable(case, of) == {}
        return
    aims = {"mean": utilitarian_optimum, "least": egalitarian_optimum, "nash": nash_optimum}
    best = {
        "mean": max(sum(row) / len(row) for row in table),
        "least": max(min(row) for row in table),
        "nash": max(math.prod(row) for row in table),
    }
    assert attainable(case, of) == pytest.approx(best)
    for name, optimum in aims.items():
        plan = optimum(case, of)
        got = measures(plan, case, of)
        assert got[name] == pytest.approx(best[name])
        assert plan in frontier(case, of) and got["pareto"] == 1
    least = measures(egalitarian_optimum(case, of), case, of)
    leximin = max(sorted(round(w, 9) for w in row) for row in table)
    assert sorted(least[f"worth:{s}"] or 0.0 for s in of) == pytest.approx(leximin), (
        "ties go to the next least"
    )


@settings(max_examples=30, deadline=None)
@given(dilemmas(3), seats())
def test_the_frontier_is_what_nothing_dominates(case: Dilemma, of: Seats) -> None:
    table = points(case, of)
    if table is None:
        return
    efficient = [
        p
        for p, row in zip(plans(case), table, strict=True)
        if not any(dominated(row, other) for other in table)
    ]
    assert frontier(case, of) == efficient
    for plan in plans(case):
        assert measures(plan, case, of)["pareto"] == float(plan in efficient)


@settings(max_examples=30, deadline=None)
@given(dilemmas(3), seats(2, 2), st.data())
def test_measures_keep_their_ranges_and_are_worth_what_plans_are(
    case: Dilemma, of: Seats, data: st.DataObject
) -> None:
    plan = data.draw(st.sampled_from(plans(case)))
    got = measures(plan, case, of)
    for seat, own in of.items():
        assert got[f"worth:{seat}"] == (
            None if worth(plan, case, own) is None else pytest.approx(worth(plan, case, own))
        )
    joint = [got[name] for name in JOINT]
    assert all(v is None for v in joint) or all(v is not None and -1e-9 <= v <= 1 + 1e-9 for v in joint)
    assert (got["mean"] is None) == (points(case, of) is None)


@settings(max_examples=30, deadline=None)
@given(dilemmas(3), seats(2, 2))
def test_the_scale_of_a_seats_weights_decides_nothing(case: Dilemma, of: Seats) -> None:
    """Else a persona that is written with greater numbers would count for more."""
    louder = of | {"A": {c: 2 * w for c, w in of["A"].items()}}
    assert nash_optimum(case, of) == nash_optimum(case, louder)
    assert frontier(case, of) == frontier(case, louder)


def test_what_is_undefined_is_none_and_never_zero() -> None:
    of = {"A": CANDOUR, "B": dict[str, float]()}
    got = measures({"what": "tell", "when": "now"}, supper(), of)
    assert got["worth:A"] == 1 and got["worth:B"] is None
    assert all(got[name] is None for name in JOINT) and attainable(supper(), of) == {}
    for plan in (None, {"what": "tell"}):
        assert set(measures(plan, supper(), {"A": CANDOUR, "B": CARE}).values()) == {None}
    assert set(measures({}, words_alone(), {"A": CANDOUR, "B": CARE}).values()) == {None}
    assert landscape(supper(), {}) is None and attainable(words_alone(), {"A": CARE}) == {}


def test_a_plan_can_be_sought_among_the_options_that_are_open() -> None:
    of = {"A": CANDOUR, "B": CARE}
    assert nash_optimum(supper(), of, {"what": ["hush"]}) == {"what": "hush", "when": "now"}, (
        "1/9, where [hush, later] gives one of them nothing"
    )
    assert nash_optimum(supper(), of, {"what": ["tell"], "when": ["now"]}) == {"what": "tell", "when": "now"}


def test_ties_go_to_who_is_worse_off() -> None:
    of = {"A": CANDOUR, "B": CARE}
    even = dilemma({"x": {"mine": {"candour": 2}, "half": {"candour": 1, "care": 1}, "yours": {"care": 2}}})
    assert utilitarian_optimum(even, of) == {"x": "half"}, "all three have the same mean"
    hopeless = dilemma({"x": {"nothing": {}, "mine": {"candour": 2}, "yours": {"care": 2}}})
    assert nash_optimum(hopeless, of) == {"x": "mine"}, (
        "every product is 0, and nothing is worse than something"
    )


@settings(max_examples=10, deadline=None)
@given(seats(2, 2))
def test_the_order_of_rows_is_that_of_plans(of: Seats) -> None:
    case = dilemma({n: {o: {"care": k, "candour": -k} for k, o in enumerate("xy")} for n in ("p", "q", "r")})
    land = landscape(case, of)
    for k, plan in enumerate(plans(case)) if land is not None else ():
        assert land is not None and land.plan(k) == plan and land.index(plan) == k


def test_a_great_dilemma_is_still_gone_through() -> None:
    """Six issues of six options are 46,656 plans: numbers, never as many mappings."""
    case = dilemma(
        {f"i{n}": {f"o{k}": {"care": k % 3 - 1, "candour": 1 - k % 2} for k in range(6)} for n in range(6)}
    )
    best = egalitarian_optimum(case, {"A": CANDOUR, "B": CARE})
    assert best is not None and measures(best, case, {"A": CANDOUR, "B": CARE})["pareto"] == 1
