"""Are planner and best law what they say: the published figures, and brute force on tiny pools."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest

from scenarios.commons import Commons, catalogue, cell_of, cells, chances, events, load
from scenarios.commons.law import QuotaLaw, best_quota_law, facts, language, planner_law
from scenarios.commons.month import open_to
from scenarios.commons.optimum import attained, best_law, gap, planner
from scenarios.commons.regrowth import transition
from scenarios.commons.season import caught, lawful, planned
from tests.scenarios.commons_cases import TINIES, scripted


def test_the_planner_takes_650_of_the_steady_fishery_and_540_of_the_stochastic():
    steady, stochastic = planner(load("fishery")), planner(load("fishery-stochastic"))
    assert steady.expected == steady.expected_catch == 650
    assert [steady.total(m, 100, "calm") for m in (1, 11, 12)] == [50, 50, 100]
    assert stochastic.expected == pytest.approx(540, abs=1e-9)
    assert caught(planned(load("fishery"))) == 650


@cache
def _value(commons: Commons, month: int, regime: int, stock: int) -> float:
    """The planner's value by plain recursion over every total and every split of it."""
    if month > commons.months:
        return 0.0
    table, value = commons.worth_table, 0.0
    for event, chance in zip(events(commons), chances(commons), strict=True):
        there, move, best = open_to(stock, event), transition(commons, event), -1.0
        for shares in itertools.product(range(there + 1), repeat=commons.agents):
            if sum(shares) <= there:
                left = there - sum(shares)
                now = event.price * sum(table[s] for s in shares)
                best = max(best, now + _after(commons, move, month, regime, left))
        value += chance * best
    return value


def _after(commons: Commons, move, month: int, regime: int, left: int) -> float:
    if not move.alive[left]:
        return 0.0
    ends = zip(move.regime[regime, :, left], move.stock[regime, :, left], strict=True)
    return float(np.mean([_value(commons, month + 1, int(r), int(s)) for r, s in ends]))


@pytest.mark.parametrize("name", TINIES)
def test_the_planner_agrees_with_brute_force_over_every_split(name: str):
    commons = TINIES[name]
    plan = planner(commons)
    for regime, stock in itertools.product(range(len(commons.regimes)), range(commons.capacity + 1)):
        assert plan.value[0, regime, stock] == pytest.approx(_value(commons, 1, regime, stock))
    assert plan.expected == pytest.approx(_value(commons, 1, 0, commons.stock))


@pytest.mark.parametrize("hidden", [0.0, 0.5, 1.0])
def test_no_quota_table_beats_the_best_law(hidden: float):
    """Two months, four units: every table of quotas by month, cell and stock is played out."""
    base = load("fishery-contingent").model_copy(
        update={"agents": 2, "months": 2, "stock": 4, "capacity": 4, "collapse": 1}
    )
    happen = base.contingencies.model_copy(
        update={"hidden": hidden, "kinds": ("newcomer", "price-shock"), "newcomer": 2, "chance": 0.6}
    )
    commons = base.model_copy(update={"contingencies": happen})
    told, best = cells(commons), 0.0
    for first in itertools.product(range(5), repeat=len(told)):
        # in the last month what is best is to take all; before it, only the quota at the stock of 4 counts
        totals = np.broadcast_to(np.arange(5), (2, 1, len(told), 5)).copy()
        totals[0, 0, :, 4] = first
        best = max(best, attained(commons, told, totals))
    assert best_law(commons).expected == pytest.approx(best)


def test_a_law_that_cannot_see_the_regime_beats_every_table_of_small_quotas_and_no_law_that_can():
    """Stocks reached in both regimes: the blind law's quotas against every table of three stocks."""
    commons = TINIES["hysteresis"].model_copy(update={"months": 3})
    best, told = 0.0, cells(commons)
    stocks = range(1, commons.capacity + 1)
    for second in itertools.product(range(2), repeat=len(stocks)):
        for first in range(commons.capacity + 1):
            totals = np.broadcast_to(np.arange(commons.capacity + 1), (3, 2, 1, commons.capacity + 1)).copy()
            totals[0, :, 0, commons.stock] = first
            totals[1, :, 0, 1:] = np.minimum(stocks, second)
            best = max(best, attained(commons, told, totals))
    law = best_law(commons)
    assert law.expected >= best - 1e-9
    assert law.bound >= law.expected - 1e-9
    assert planner(commons).expected >= law.expected - 1e-9


def test_the_gap_grows_with_what_the_language_cannot_tell():
    gaps = [gap(load(f"fishery-contingent,hidden={h}")) for h in (0, 0.25, 0.5, 0.75, 1)]
    assert gaps[0] == pytest.approx(0, abs=1e-9)
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(gaps))
    assert gaps[-1] > 10


@pytest.mark.parametrize("name", catalogue())
def test_plans_over_worlds_come_to_what_is_expected(name: str):
    """The mean over 120 worlds within five standard errors; exact where nothing is drawn."""
    commons = load(name)
    drawn = commons.regrowth.kind == "stochastic" or commons.contingencies.chance > 0
    for plan, season in ((planner(commons), planned), (best_law(commons), lawful)):
        worlds = [commons.model_copy(update={"world": w}) for w in range(120 if drawn else 2)]
        got = np.array([caught(season(world)) for world in worlds])
        error = 5 * got.std() / np.sqrt(len(got))
        assert abs(got.mean() - plan.expected) <= error + 1e-6


def test_a_best_law_stops_the_greedy_and_charges_nobody():
    commons = load("fishery")
    law = best_quota_law(commons)
    rng = np.random.default_rng(0)

    def asked(month: int, stock: int) -> list[int]:
        seen = facts(commons, month, stock, "calm", dict.fromkeys(commons.names, 100))
        allowed = law.allowed(seen, rng)
        assert law.settled(seen).payments == dict.fromkeys(commons.names, 0.0)
        assert sum(allowed.amounts.values()) == law.quota(month, stock)
        assert max(allowed.amounts.values()) - min(allowed.amounts.values()) <= 1
        return list(allowed.amounts.values())

    months = scripted(commons, asked)
    assert (len(months), sum(int(m.taken.sum()) for m in months)) == (12, 650)


def test_a_law_sees_cells_and_the_planner_events():
    commons = load("fishery-contingent,hidden=1")
    asked = dict.fromkeys(commons.names, 100)
    law, told = best_quota_law(commons), planner_law(commons)
    assert "event" not in language(commons).variables
    assert "event" in language(load("fishery-contingent,hidden=0")).variables
    seen = facts(commons, 1, 100, "calm", asked)
    assert sum(law.allowed(seen, np.random.default_rng(0)).amounts.values()) == law.quota(1, 100)
    quotas = {e.name: told.seeing(e.name, 0).quota(1, 100, e.name) for e in events(commons)}
    assert len(set(quotas.values())) > 1
    assert all(cell_of(commons, e) == "calm" for e in events(commons))
    assert isinstance(told.seeing("drought", 0), QuotaLaw)
