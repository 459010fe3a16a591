"""To the unit: what scripted agents do to the commons of the paper, what a month does, and how seasons are measured."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scenarios.commons import Commons, catalogue, load, lot, played, regrown
from scenarios.commons.contingencies import Event, cell_of, cells, chances, event, events, hidden
from scenarios.commons.measures import (
    by_type,
    efficiency_of_played_months,
    equality,
    measures,
    normalised_equality,
    over_use,
    survival_months,
    sustainable,
    welfare,
    yield_efficiency,
)
from scenarios.commons.month import open_to
from scenarios.commons.optimum import planner
from scenarios.commons.regrowth import DEGRADED, HEALTHY, transition
from scenarios.commons.worth import split_worth, worth
from tests.scenarios.commons_cases import TINIES, catches, scripted, tiny, total

FISHERY = load("fishery")
STOCHASTIC = load("fishery-stochastic")


def ten_each(_month: int, _stock: int) -> list[int]:
    return [10] * 5


def everything(_month: int, stock: int) -> list[int]:
    return [100] * 5


def test_ten_each_lasts_twelve_months_and_yields_600():
    months = scripted(FISHERY, ten_each)
    assert (len(months), total(months)) == (12, 600)
    assert all(m.stock == 100 for m in months)


def test_greed_ends_it_in_the_first_month_with_100():
    months = scripted(FISHERY, everything)
    assert (len(months), total(months), months[-1].collapsed) == (1, 100, True)


def test_greed_under_a_law_of_half_the_stock_lasts_twelve_months_and_yields_600():
    months = scripted(FISHERY, lambda month, stock: [min(100, stock // 2 // 5)] * 5)
    assert (len(months), total(months)) == (12, 600)


def _ten_each_at_rates(rates: tuple[float, ...]) -> tuple[int, int]:
    """(months, total) when all ask for ten and r is as given: the pool's arithmetic anew, in plain numbers."""
    stock, caught = 100, 0
    for month, rate in enumerate((*rates, 0.0), start=1):
        taken = min(50, stock)
        caught, left = caught + taken, stock - taken
        if left < 5 or month == 12:
            return month, caught
        stock = int(min(100, left * rate))
    raise AssertionError("more months than rates")


def test_ten_each_under_stochastic_regrowth_follows_its_exact_law():
    """Months 3–5 with probability 13/16; month 3 at the earliest, 137 tons if the first two draws are 1.5; 600 if
    the first eleven are 2.5. The world's draws must agree with the enumeration in every one of 200 worlds."""
    law: dict[tuple[int, int], float] = {}
    for rates in itertools.product((1.5, 2.5), repeat=11):
        end = _ten_each_at_rates(rates)
        law[end] = law.get(end, 0.0) + 2.0**-11
    assert min(month for month, _ in law) == 3
    assert sum(p for (month, _), p in law.items() if 3 <= month <= 5) == pytest.approx(13 / 16)
    assert _ten_each_at_rates((1.5, 1.5, *[2.5] * 9)) == (3, 137)
    assert _ten_each_at_rates((2.5,) * 11) == (12, 600)
    for world in range(200):
        commons = STOCHASTIC.model_copy(update={"world": world})
        months = scripted(commons, ten_each)
        rates = [commons.stream("regrowth", m).integers(2) for m in range(1, 12)]
        drawn = tuple((1.5, 2.5)[int(r)] for r in rates)
        assert (len(months), total(months)) == _ten_each_at_rates(drawn)


def test_stochastic_rates_are_equally_likely_over_worlds():
    draws = [
        regrown(STOCHASTIC.model_copy(update={"world": w}), 40, 1, HEALTHY, Event())[0] for w in range(2000)
    ]
    assert set(draws) == {60, 100}
    assert abs(draws.count(60) / 2000 - 0.5) < 0.05


def test_nothing_that_agents_do_moves_what_a_world_draws():
    """Else conditions could not be paired by world."""
    commons = load("fishery-contingent,regrowth=stochastic,contingencies=0.6,world=3")
    few, many = (scripted(commons, lambda m, s, a=a: [a] * 5) for a in (1, 9))
    for one, other in zip(few, many, strict=False):
        assert one.event == other.event
        assert (lot(commons, one.month) == lot(commons, other.month)).all()
    again = scripted(commons, lambda m, s: [9] * 5)
    assert (catches(again) == catches(many)).all()
    names = [m.event.name for m in many]
    moved = scripted(commons.model_copy(update={"world": 4}), lambda m, s: [9] * 5)
    assert names != [m.event.name for m in moved][: len(names)]


def test_a_month_does_what_it_says_in_order():
    """An outsider first, rationing of what is left, the poacher after, then collapse or regrowth."""
    base = {"chance": 1.0, "newcomer": 30, "poacher": 8, "price": 3.0, "drought": 0.5}
    for kind in ("newcomer", "poacher", "price-shock", "drought"):
        commons = FISHERY.model_copy(
            update={"contingencies": FISHERY.contingencies.model_copy(update={**base, "kinds": (kind,)})}
        )
        month = played(commons, 1, 100, 0, [10] * 5)
        assert month.event.name == kind
        assert month.outsider == (30 if kind == "newcomer" else 0)
        assert month.poached == (8 if kind == "poacher" else 0)
        assert month.left == 50 - month.outsider - month.poached
        rate = 1.0 if kind == "drought" else 2.0
        assert month.next_stock == int(min(100, month.left * rate))
        assert month.worth.sum() == (150 if kind == "price-shock" else 50)
        starved = played(commons, 1, 100, 0, [100] * 5)
        assert starved.taken.sum() == 100 - starved.outsider


def test_the_pool_collapses_below_the_threshold_and_not_at_it():
    assert not played(FISHERY, 1, 100, 0, [19] * 5).collapsed  # 5 are left
    last = played(FISHERY, 1, 100, 0, [19, 19, 19, 19, 20])
    assert (last.left, last.collapsed, last.next_stock) == (4, True, 0)


def test_a_degraded_pool_grows_slowly_until_it_has_recovered():
    water = load("groundwater")
    assert regrown(water, 40, 1, HEALTHY, Event()) == (72, HEALTHY)
    assert regrown(water, 39, 1, HEALTHY, Event()) == (int(39 * 1.2), DEGRADED)
    assert regrown(water, 70, 1, DEGRADED, Event()) == (84, DEGRADED)
    assert regrown(water, 75, 1, DEGRADED, Event()) == (90, HEALTHY)  # recovered: fast again from next month


@pytest.mark.parametrize("name", TINIES)
def test_the_transition_is_the_draw_of_all_worlds(name: str):
    """The arrays that the programmes use against `regrown` in 60 worlds: every next state, and no other."""
    commons = TINIES[name]
    for happens in events(commons):
        move = transition(commons, happens)
        for regime, left in itertools.product(range(len(commons.regimes)), range(commons.capacity + 1)):
            after = max(0, left - happens.poached)
            seen = {
                regrown(commons.model_copy(update={"world": w}), after, 1, regime, happens) for w in range(60)
            }
            said = set(
                zip(move.stock[regime, :, left].tolist(), move.regime[regime, :, left].tolist(), strict=True)
            )
            assert seen == said


def test_events_are_as_likely_as_said():
    commons = load("fishery-contingent,contingencies=0.4")
    drawn = [event(commons.model_copy(update={"world": w}), m).name for w in range(400) for m in range(1, 13)]
    for happens, chance in zip(events(commons), chances(commons), strict=True):
        assert abs(drawn.count(happens.name) / len(drawn) - chance) < 0.02
    assert {e.name for e in events(load("fishery"))} == {"calm"}


def test_hidden_events_are_nested_as_the_dial_grows():
    commons = load("fishery-contingent")
    shares = (0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 1.0)
    sets = [hidden(load(f"fishery-contingent,hidden={share}")) for share in shares]
    assert [len(s) for s in sets] == [0, 1, 1, 2, 2, 3, 4, 4]
    assert all(a <= b for a, b in itertools.pairwise(sets))
    for share, gone in zip(shares, sets, strict=True):
        told = load(f"fishery-contingent,hidden={share}")
        assert len(cells(told)) == 5 - len(gone)
        assert all(cell_of(told, e) == ("calm" if e.name in gone else e.name) for e in events(told))
    assert len({hidden(load(f"fishery-contingent,hidden=0.25,order={o}")) for o in range(12)}) > 1
    assert hidden(commons.model_copy(update={"world": 9})) == hidden(commons)


def test_measures_of_scripted_seasons():
    months = scripted(FISHERY, ten_each)
    best = planner(FISHERY).expected
    got = measures(FISHERY, catches(months), [m.stock for m in months], 600.0, best)
    assert got == {
        "survival_months": 12, "total_catch": 600, "equality": 1.0, "normalised_equality": 1.0, "over_use": 0.0,
        "efficiency": pytest.approx(600 / 650), "yield_efficiency": 1.0, "efficiency_of_played_months": 1.0,
    }  # fmt: skip
    greedy = scripted(FISHERY, everything)
    got = measures(FISHERY, catches(greedy), [100], 100.0, best)
    assert got["survival_months"] == 1
    assert got["efficiency"] == pytest.approx(100 / 650)
    assert got["yield_efficiency"] == pytest.approx(100 / 600)
    assert got["efficiency_of_played_months"] == 1.0  # the paper's defect: a collapse in month 1 scores 1
    assert got["over_use"] == 1.0


def test_equality_and_over_use_by_hand():
    one_has_all = np.array([[20, 0, 0, 0, 0]])
    assert equality(one_has_all) == pytest.approx(1 / 5)
    assert normalised_equality(one_has_all) == pytest.approx(0.0)
    assert equality(np.zeros((3, 5), dtype=int)) == 1.0  # nobody caught anything: all are equal
    assert equality(np.zeros((0, 5), dtype=int)) is None
    assert normalised_equality(np.zeros((0, 5), dtype=int)) is None
    assert over_use(np.zeros((0, 5), dtype=int), []) is None
    assert efficiency_of_played_months(FISHERY, np.zeros((0, 5), dtype=int)) is None
    assert over_use(np.array([[10, 11, 10, 10, 9], [3, 2, 2, 2, 2]]), [50, 10]) == pytest.approx(2 / 10)
    assert survival_months(one_has_all) == 1
    assert welfare(np.array([[3.0, 4.0], [1.0, 0.0]]), burnt=2.5) == (8.0, 5.5)
    assert by_type([1.0, 3.0, 10.0], ["selfish", "selfish", "prosocial"]) == {
        "selfish": 2.0,
        "prosocial": 10.0,
    }


@pytest.mark.parametrize("name", ["fishery", "fishery-stochastic", "groundwater"])
def test_sustainable_is_the_greatest_total_after_which_the_pool_is_back(name: str):
    commons = load(name)
    rate = {"fishery": 2.0, "fishery-stochastic": 2.0, "groundwater": 1.8}[name]
    for stock in range(commons.capacity + 1):
        fits = [
            h
            for h in range(stock + 1)
            if stock - h >= commons.collapse and int(min(commons.capacity, (stock - h) * rate)) >= stock
        ]
        assert sustainable(commons, stock) == max(fits, default=0)
    assert sustainable(FISHERY, 100) == 50
    assert yield_efficiency(tiny(capacity=6, regrowth={"rate": 1.0}), np.ones((1, 2), dtype=int)) is None


def test_a_catch_on_the_wards_commons_is_worth_what_it_does_for_a_ward():
    """Concave, 0 to 100 per cent, and equal to the ward's own optimum at a few points."""
    from scenarios.load import load as load_ward
    from scenarios.objective import Objective
    from scenarios.optimum import Total, maximise, need_gradient
    from scenarios.ward import Ward

    commons = load("ward-shifts")
    table = commons.worth_table
    assert table[0] == 0
    assert table[-1] == pytest.approx(100, abs=1e-6)
    steps = np.diff(table)
    assert (steps >= -1e-12).all()
    assert (np.diff(steps) <= 1e-9).all()
    ward = load_ward("staffing-strike")
    goal = Total(Objective(ward.arrays.benefit[:, None] * need_gradient(ward.arrays.demand)))

    def reached(hours: float) -> float:
        goods = dict(ward.resources)
        goods["nursing_hours"] = goods["nursing_hours"].model_copy(update={"capacity": hours})
        kept = {name: getattr(ward, name) for name in Ward.model_fields}
        return maximise(Ward(**kept | {"resources": goods}), goal).value

    none, all_ = reached(0.0), reached(1000.0)
    for units in (3, 10, 25):
        assert table[units] == pytest.approx(100 * (reached(1.5 * units) - none) / (all_ - none), abs=1e-4)
    assert worth(commons, [10, 0], Event(price=2.0)).tolist() == [2 * table[10], 0.0]


@pytest.mark.parametrize("name", ["ward-shifts", "fishery", "groundwater"])
def test_an_even_split_is_worth_most(name: str):
    commons = load(name)
    table, together = commons.worth_table, split_worth(commons)
    rng = np.random.default_rng(0)
    for total_ in rng.integers(0, commons.capacity + 1, 60):
        shares = rng.multinomial(total_, rng.dirichlet(np.ones(commons.agents)))
        assert table[shares].sum() <= together[total_] + 1e-9


def test_every_commons_of_the_catalogue_is_told_in_words_with_its_own_numbers():
    from scenarios.commons.words import describe

    for name, commons in catalogue().items():
        assert commons.name == name
        assert commons.reason
        assert commons.source
        text = describe(commons)
        assert str(commons.agents) in text
        assert str(commons.capacity) in text
    other = load("fishery-contingent,agents=7,capacity=90,months=9,newcomer=11,rate=3")
    for number in ("7 agents", "9 months", "90 at most", "up to 11 first", "multiplied by 3"):
        assert number in describe(other)


def test_what_an_outsider_takes_is_not_there_to_take():
    assert open_to(10, Event(outsider=15)) == 0
    assert open_to(20, Event(outsider=15)) == 5


def _season_takes_less_than_there_is(commons: Commons) -> None:
    for month in scripted(commons, lambda m, s: [7] * commons.agents):
        assert month.taken.sum() + month.outsider + month.poached + month.left == month.stock


@pytest.mark.parametrize("name", catalogue())
def test_nothing_is_lost_or_made(name: str):
    for world in range(10):
        _season_takes_less_than_there_is(load(f"{name},contingencies=0.5,world={world}"))
