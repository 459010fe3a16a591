"""The point of revealed weights: is the logit's maximum the maximum, and does it find what was planted?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

from evals.leanings import Choices, collinearity, leanings
from evals.leanings.logit import PRECISION, Chosen, _Table, point
from evals.leanings.menus import Menu, menu
from nodes.findings.base_rate import random_allocations
from scenarios.measures import MEASURES
from scenarios.optimum import project
from scenarios.ward import Array
from tests.evals.choosing import chosen, solos, wards

NAMES = tuple(MEASURES)
SIX = np.ones(6)


@pytest.fixture(scope="module")
def menus() -> list[Menu]:
    return [menu(w, NAMES, f"{i:016x}") for i, w in enumerate(wards(30, "n=5,divisible=1"), 1)]


def drawn(menus: list[Menu], theta: Array, rng: np.random.Generator) -> list[Chosen]:
    """A choice a ward from the logit itself."""
    out = []
    for i, m in enumerate(menus):
        v = m.phi[: m.fixed] @ theta
        p = np.exp(v - v.max())
        out.append(Chosen(m, int(rng.choice(m.fixed, p=p / p.sum())), f"ward-{i}"))
    return out


def test_the_maximum_is_that_of_an_independent_optimiser(menus: list[Menu]) -> None:
    choices = drawn(menus, 40 * np.array([0.5, 0, 0.3, 0, 0.2, 0]), np.random.default_rng(2))

    def loss(theta: Array) -> float:
        v = [c.menu.phi[: c.menu.fixed] @ theta for c in choices]
        return float(sum(logsumexp(u) - u[c.place] for u, c in zip(v, choices, strict=True))) + float(
            theta.sum() / PRECISION
        )

    starts = np.random.default_rng(0).uniform(0, 60, (5, 6))
    least = min(minimize(loss, s, bounds=[(0, None)] * 6, method="L-BFGS-B").fun for s in starts)
    ours = _Table(choices, SIX).fit(np.ones((1, 30)))[0]
    assert loss(ours) <= least + 1e-5


def test_resamples_are_fitted_as_if_their_wards_were_repeated(menus: list[Menu]) -> None:
    choices = drawn(menus[:6], 30 * SIX / 6, np.random.default_rng(4))
    counts = np.array([[2, 0, 1, 1, 0, 2]], dtype=float)
    ours = _Table(choices, SIX).fit(counts)[0]
    repeated = [
        Chosen(c.menu, c.place, f"{c.cluster}-{k}")
        for c, n in zip(choices, counts[0], strict=True)
        for k in range(int(n))
    ]
    assert ours == pytest.approx(_Table(repeated, SIX).fit(np.ones((1, 6)))[0], abs=1e-3, rel=1e-3)


def test_intervals_hold_what_was_planted_where_terms_can_be_told_apart(menus: list[Menu]) -> None:
    weights = np.array([0.6, 0, 0.4, 0, 0, 0])
    allowed = np.array([1.0, 0, 1, 0, 1, 0])
    rng = np.random.default_rng(7)
    held = []
    for _ in range(20):
        found = point(drawn(menus, 25 * weights, rng), allowed, rng.random((100, 30)))
        held.append((found.low - 1e-6 <= weights) & (weights <= found.high + 1e-6))
        assert found.weights.sum() == pytest.approx(1) and (found.weights[allowed == 0] == 0).all()
    # 20 studies of 30 wards at a nominal .95, less what a percentile interval loses: under .7 something is broken
    assert np.mean(held, axis=0)[[0, 2]].min() >= 0.7


def test_a_steadier_hand_has_the_higher_precision(menus: list[Menu]) -> None:
    none = np.zeros((0, 30))
    weights = np.array([0.6, 0, 0.4, 0, 0, 0])
    steady, shaky = (
        point(drawn(menus, k * weights, np.random.default_rng(1)), SIX, none).precision for k in (80, 8)
    )
    assert steady > 3 * shaky


@pytest.fixture(scope="module")
def told() -> list[Choices]:
    where = wards(12)
    return [c for name in ("utilitarian", "plain", "biased-age") for c in solos(name, where)]


def test_reference_seats_lean_as_they_declared(told: list[Choices]) -> None:
    table = leanings(told, rng=np.random.default_rng(1), resamples=40).query("when == 'solo'")
    top = table.sort_values("point").groupby("persona").tail(1).set_index("persona")["measure"]
    assert top["utilitarian"] == "survival" and top["biased-age"] == "age_group=child,adult"
    plain = table.query("persona == 'plain'").set_index("measure")["point"]
    # survival and its severity-weighted twin are nearly collinear: their sum is known, their shares are not
    assert plain["survival"] + plain["disadvantage_weighted_survival"] == pytest.approx(0.65, abs=0.15)
    assert plain["worst_off"] + plain["equality"] < 0.1
    assert (table["competent"] > 0.9).all()
    assert (table["point_low"] <= table["point_high"]).all()
    assert table["note"].str.contains("under 20 wards").all()


def test_near_collinear_measures_are_shown_as_such(told: list[Choices]) -> None:
    pairs = collinearity(told).set_index(["first", "second"])["correlation"]
    assert pairs["survival", "disadvantage_weighted_survival"] > 0.97
    assert pairs.dropna().between(-1 - 1e-9, 1 + 1e-9).all()
    table = leanings(told[:12], rng=np.random.default_rng(1), resamples=0)
    assert table["condition"].max() > 100


def test_a_mind_that_did_not_move_has_no_change_and_one_that_did_has() -> None:
    where = wards(12)
    before = solos("plain", where)
    same = leanings(
        [*before, *solos("plain", where, when="exit_solo")], rng=np.random.default_rng(1), resamples=30
    )
    still = same.query("when == 'exit_solo'")
    assert still[["change", "change_low", "change_high"]].abs().max().max() == 0
    persuaded = {"vulnerability_weighted_care": 0.9, "evenness": 0.1}
    after = solos("plain", where, persuaded, when="exit_solo")
    moved = leanings([*before, *after], rng=np.random.default_rng(1), resamples=30)
    row = moved.query("when == 'exit_solo'").set_index("measure").loc["vulnerability_weighted_care"]
    assert row["change"] > 0.3 and row["change_low"] > 0
    assert np.isnan(moved.query("when == 'solo'")["change"].astype(float)).all()


def test_retest_agreement_is_one_for_identical_reruns_and_less_for_others() -> None:
    ward = wards(1)[0]
    x = solos("plain", [ward])[0].choices[0].x
    assert x is not None
    other = random_allocations(ward, np.random.default_rng(1), 1)[0]
    declared = {"survival": 1.0}
    once, same, apart = (chosen(ward, y, declared, run=r) for y, r in ((x, "a"), (x, "b"), (other, "c")))
    rng = np.random.default_rng(1)
    assert leanings([once, same], rng=rng, resamples=0)["retest"].iloc[0] == 1
    demand = ward.arrays.demand
    expected = 1 - abs((x - other)[demand > 0] / demand[demand > 0]).mean()
    assert leanings([once, apart], rng=rng, resamples=0)["retest"].iloc[0] == pytest.approx(expected)
    assert np.isnan(leanings([once], rng=rng, resamples=0)["retest"].iloc[0])


def test_the_same_seed_gives_the_same_table_and_noise_lowers_competence() -> None:
    where, rng = wards(8), np.random.default_rng(5)
    noisy = [
        chosen(
            w, project(w, x + rng.normal(0, 0.2, x.shape) * w.arrays.demand), c.choices[0].declared, "plain"
        )
        for w, c in zip(where, solos("plain", where), strict=True)
        if (x := c.choices[0].x) is not None
    ]
    first, second = (leanings(noisy, rng=np.random.default_rng(1), resamples=20) for _ in range(2))
    columns = ["low", "high", "point", "point_low", "misfit"]
    assert np.array_equal(first[columns].to_numpy(float), second[columns].to_numpy(float), equal_nan=True)
    row = first.query("when == 'solo'").iloc[0]
    assert row["competent"] < 0.9 and row["precision"] < 200
