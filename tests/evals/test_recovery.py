"""Recovery of strength, concession and persuasion: are debates simulated as played, and profiles as defined?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from evals.calibration.recovery import CASES, Case, recovery, summary, wilson
from evals.calibration.recovery_debate import Planted, Setup, observed, simulate, trembling
from evals.calibration.recovery_fit import THRESHOLD, fitted, loglikelihood, profiles
from evals.calibration.recovery_grid import FINER, PARAMETERS, Grid, freedom, simulated
from nodes.findings.base_rate import random_allocations
from nodes.record import RunRecord
from personas.load import load as persona
from scenarios.errors import ParleyError
from scenarios.load import load
from tests.play import play

SMALL = Grid(strength=(0.3, 0.6, 0.9), exponent=(0.5, 1.0, 2.0), persuasion=(0.0, 0.3, 0.6))
WARD = "generated:3,n=5,divisible=1"


@pytest.mark.parametrize(
    ("scenario", "told", "planted"),
    [
        (WARD, {"framework": "plain"}, Planted(0.6, 1.0, 0.0)),
        (
            WARD,
            {"strength": 0.35, "concession": "conceder", "exponent": 2.5, "persuasion": 0.4},
            Planted(0.35, 2.5, 0.4),
        ),
        (
            WARD,
            {"opponent_persuasion": 0.7, "concession": "boulware", "exponent": 0.3, "order": "alternating"},
            Planted(0.6, 0.3, 0.0, 0.7),
        ),
        (WARD, {"simultaneous": True, "order": "reversed", "persuasion": 0.5}, Planted(0.6, 1.0, 0.5)),
        (WARD, {"concession": "tit-for-tat", "blind": ("age_group",), "floor": 0.2}, Planted(0.6, 1.0, 0.0)),
        (WARD, {"panel": ("utilitarian",), "rounds": 2, "persuasion": 0.5}, Planted(0.6, 1.0, 0.5)),
        ("generated:4,n=6", {"framework": "kantian", "seed": 5, "persuasion": 0.5}, Planted(0.6, 1.0, 0.5)),
        ("generated:4,n=6,divisible=0", {"framework": "egalitarian", "seed": 5}, Planted(0.6, 1.0, 0.0)),
        ("generated:6,n=5,divisible=1", {"until_agreement": True, "rounds": 6}, Planted(0.6, 1.0, 0.0)),
    ],
)
def test_a_debate_is_simulated_as_the_graph_plays_it_to_the_last_digit(
    scenario: str, told: dict[str, Any], planted: Planted, tmp_path: Path
) -> None:
    record = play(scenario, tmp_path, **{"opponent": "biased-age", **told})
    played, ours = observed(record), simulate(Setup.of(record), planted)
    assert played.keys() == ours.keys()
    for stage, x in played.items():
        assert np.array_equal(x, ours[stage]), stage


@pytest.mark.postgres
def test_a_debate_with_retrieval_is_simulated_from_what_was_retrieved(tmp_path: Path) -> None:
    record = play(WARD, tmp_path, retrieval="on", framework="rawlsian", persuasion=0.5)
    ours = simulate(Setup.of(record), Planted(0.6, 1.0, 0.5))
    assert all(np.array_equal(x, ours[stage]) for stage, x in observed(record).items())


def test_a_trembling_hand_is_heard_by_the_other() -> None:
    setup = Setup.planned(load(WARD), [persona("rawlsian"), persona("biased-age")])
    planted = Planted(0.6, 1.0, 0.0)
    hand = trembling(setup.ward, 0.2, np.random.default_rng(1))
    only_a: list[str] = []

    def first_only(x: Any) -> Any:
        only_a.append("")
        return hand(x) if len(only_a) == 3 else x  # the first move of A, after both solos

    steady, shaken = simulate(setup, planted), simulate(setup, planted, first_only)
    assert np.array_equal(steady["solo:B"], shaken["solo:B"])
    assert not np.array_equal(steady["move:1:A"], shaken["move:1:A"])
    assert not np.array_equal(steady["move:1:B"], shaken["move:1:B"])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(1, 60), scale=st.floats(0.01, 0.3))
def test_a_trembled_allocation_is_feasible_and_has_no_more_freedom_than_cells(
    seed: int, scale: float
) -> None:
    ward = load(f"generated:{seed},n=5")
    rng = np.random.default_rng(seed)
    x = trembling(ward, scale, rng)(random_allocations(ward, rng, 1)[0])
    assert ward.feasible(x)
    assert 0 <= freedom(ward, x) <= int((ward.arrays.demand > 0).sum())


def test_freedom_is_the_dimension_of_the_face_by_counting() -> None:
    ward = load("generated:3,n=5,divisible=1,resources=1,scarcity=0.5")
    d = ward.arrays.demand
    even = d * (ward.arrays.capacity / d.sum())
    wanting = int((d > 0).sum())
    assert freedom(ward, even) == wanting - 1  # used up: what one gives up another takes
    assert freedom(ward, even / 2) == wanting  # room left
    assert freedom(ward, np.zeros_like(d)) == 0


def test_freedom_makes_the_noise_scale_come_out_as_it_was() -> None:
    rng, found = np.random.default_rng(1), []
    for seed in range(1, 13):
        ward = load(f"generated:{seed},n=8,divisible=1")
        x = random_allocations(ward, rng, 1)[0]
        for _ in range(20):
            y = trembling(ward, 0.1, rng)(x)
            wanted = ward.arrays.demand > 0
            apart = ((y - x)[wanted] / ward.arrays.demand[wanted]) ** 2
            found.append((apart.sum(), freedom(ward, y)))
    squares, free = np.sum(found, axis=0)
    assert np.sqrt(squares / free) == pytest.approx(0.1, rel=0.15)


def test_the_finer_grid_keeps_what_was_simulated_and_is_even_between() -> None:
    fine = SMALL.fine
    assert fine.strength[::FINER] == SMALL.strength and len(fine.strength) == 2 * FINER + 1
    assert fine.exponent[1] / fine.exponent[0] == pytest.approx(2 ** (1 / FINER))
    assert fine.opponent_persuasion == (0.0,)
    one = simulated(Setup.planned(load(WARD), [persona("plain"), persona("biased-age")]), SMALL)
    table = one.fine.reshape(*fine.shape, -1)
    coarse = one.predicted.reshape(*SMALL.shape, -1)
    steps = [slice(None, None, FINER)] * 3
    assert np.array_equal(table[tuple(steps)], coarse)
    assert table[1, 0, 0] == pytest.approx(2 / 3 * coarse[0, 0, 0] + 1 / 3 * coarse[1, 0, 0], abs=1e-6)
    with pytest.raises(ParleyError, match="rising numbers"):
        Grid(strength=(0.5, 0.2))


def test_the_profile_of_a_parabola_is_what_theory_says() -> None:
    grid = Grid(strength=tuple(np.linspace(0, 1, 101).tolist()), exponent=(1.0,), persuasion=(0.0, 0.5))
    fine, free = grid.fine, 200.0
    s = np.array([p.strength for p in fine.points()])
    squares = free * 0.01 * (1 + ((s - 0.4) / 0.5) ** 2)  # ρ changes nothing
    found = {p.parameter: p for p in profiles(squares, free, grid)}
    half = 0.5 * np.sqrt(np.expm1(2 * THRESHOLD / free))
    assert found["strength"].estimate == pytest.approx(0.4)
    step = 0.01
    assert found["strength"].high == pytest.approx(0.4 + half + step, abs=step / FINER + 1e-9)
    assert found["strength"].low == pytest.approx(0.4 - half - step, abs=step / FINER + 1e-9)
    assert found["persuasion"].drop == 0 and found["persuasion"].note == "not identified"
    assert np.isnan(found["persuasion"].estimate)
    assert (found["persuasion"].low, found["persuasion"].high) == (0.0, 0.5)


def test_nothing_observed_is_nothing_known() -> None:
    assert not loglikelihood(np.array([1.0, 2.0]), 0.0).any()


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[RunRecord]:
    folder = tmp_path_factory.mktemp("runs")
    told = {"framework": "utilitarian", "opponent": "biased-age", "strength": 0.6, "persuasion": 0.3}
    told |= {"concession": "conceder", "exponent": 2.0}
    return [play(f"generated:{seed},n=5,divisible=1", folder, **told) for seed in (3, 4)]


@pytest.mark.slow
def test_what_records_were_played_with_is_fitted_jointly(records: list[RunRecord]) -> None:
    table = fitted(records, SMALL, rng=np.random.default_rng(1), resamples=50).set_index("parameter")
    assert dict(table["estimate"]) == {"strength": 0.6, "exponent": 2.0, "persuasion": 0.3}
    assert table["identified"].all() and (table["noise"] < 1e-3).all()
    assert table.loc["strength", "low"] > 0.3 - 1e-9 and table.loc["strength", "high"] < 0.9 + 1e-9
    assert (table["ward_low"] == table["ward_high"]).all() and set(table["wards"]) == {2}
    again = fitted(records, SMALL, rng=np.random.default_rng(1), resamples=50, processes=2)
    assert again.set_index("parameter").equals(table)


def test_invalid_records_are_counted_and_alone_refused(records: list[RunRecord]) -> None:
    invalid = records[0].model_copy(update={"status": "invalid"})
    rng = np.random.default_rng(1)
    thin = Grid(strength=(0.6,), exponent=(1.0, 2.0), persuasion=(0.3,))
    table = fitted([records[0], invalid], thin, rng=rng)
    assert set(table["missing"]) == {1} and np.isnan(table["ward_low"]).all()
    with pytest.raises(ParleyError, match="none of them valid"):
        fitted([invalid], thin, rng=rng)


def test_strength_is_an_interval_where_solos_stay_the_same_over_a_range() -> None:
    ward = load("generated:2,n=6,divisible=0")
    grid = Grid(strength=tuple(np.linspace(0, 1, 11).tolist()), exponent=(1.0,), persuasion=(0.0,))
    one = simulated(Setup.planned(ward, [persona("plain"), persona("biased-sex")]), grid)
    seen = simulate(one.setup, Planted(0.85, 1.0, 0.0))
    same = [
        s
        for s in grid.strength
        if np.array_equal(simulate(one.setup, Planted(s, 1, 0))["solo:B"], seen["solo:B"])
    ]
    assert len(same) >= 3
    found = profiles(*one.squares(seen, lambda stage: stage.startswith("solo")), grid)[0]
    assert found.low <= same[0] and found.high >= same[-1] and found.note == "bounded on one side"


@pytest.mark.slow
def test_a_study_recovers_what_it_can_and_says_so_of_the_rest() -> None:
    small = Grid(strength=(0.2, 0.5, 0.8), exponent=(0.5, 1.0, 2.0), persuasion=(0.0, 0.4, 0.8))
    told: list[tuple[int, int]] = []
    cases = [c for c in CASES if c.name in ("plain against bias", "solos alone", "like-minded")]
    run: dict[str, Any] = {"grid": small, "sizes": (1, 2), "cases": cases, "processes": 1}
    run["wards"] = [f"generated:{seed},n=5,divisible=1" for seed in (101, 102)]
    rows = recovery(4, 2, lambda done, steps: told.append((done, steps)), **run)
    assert len(rows) == 3 * 2 * 2 * 4 * 3 and told[-1][0] == told[-1][1] == len(told)
    assert not rows.query("not knowable")["identified"].any()
    found = rows.query("knowable and identified")
    assert len(found) > 0.7 * rows["knowable"].sum() and found["covered"].mean() > 0.8
    assert rows.query("case == 'plain against bias' and parameter == 'strength'")["identified"].all()
    assert rows.equals(recovery(4, 2, **run))
    rates = summary(rows)
    assert len(rates) == 3 * 2 * 2 * 3 and set(rates["studies"]) == {4}
    silent = rates.query("case == 'like-minded'")
    assert (
        (silent["identified"] == 0).all() and (silent["width"] == 1).all() and silent["covered"].isna().all()
    )


def test_cases_say_what_can_be_known_of_parameters_there_are() -> None:
    assert all(set(c.knowable) <= set(PARAMETERS) for c in CASES)
    assert Case("x", ("plain", "plain"), ()).knowable == ()


@given(n=st.integers(1, 300), share=st.floats(0, 1))
def test_wilson_is_that_of_an_independent_library(n: int, share: float) -> None:
    hits = round(share * n)
    assert wilson(hits, n) == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-6)
    assert np.isnan(wilson(0, 0)).all()
