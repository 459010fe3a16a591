"""Calibration of intervals and tests: that it finds a faulty interval, and that ours is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evals.calibration import coverage as calibration
from evals.calibration.coverage import CELLS, Cell, Wards, band, coverage, verdict
from evals.statistics import Estimate, gap
from scenarios.errors import ParleyError

SKEWED_20 = next(c for c in CELLS if c.name.startswith("skewed") and c.wards == 20)


def cell(name: str, wards: int) -> Cell:
    return next(c for c in CELLS if c.name.startswith(name) and c.wards == wards)


def test_the_interval_covers_skewed_differences_at_twenty_wards() -> None:
    row = coverage(800, 4, cells=[SKEWED_20]).iloc[0]
    assert 0.93 <= row.coverage <= 0.97
    assert row.low_band <= row["size"] <= row.high_band
    assert row.verdict == "within" and row.no_interval == 0


@pytest.mark.parametrize("kind", ["percentile", "normal"])
def test_a_percentile_or_normal_interval_would_be_found_out(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(values: Any, clusters: Any, rng: np.random.Generator) -> list[Estimate]:
        n = len(values)
        if kind == "normal":
            reach = 1.96 * values.std(axis=0, ddof=1) / np.sqrt(n)
            ends = values.mean(axis=0) + np.array([-1, 1])[:, None] * reach
        else:
            means = rng.multinomial(n, np.full(n, 1 / n), size=999) @ values / n
            ends = np.quantile(means, [0.025, 0.975], axis=0)
        return [Estimate(0.0, low, high, 1.0, n, n, None, 0) for low, high in ends.T]

    monkeypatch.setattr(calibration, "_estimated", faulty)
    row = coverage(800, 4, cells=[SKEWED_20]).iloc[0]
    assert row.coverage < 0.925 and "95 % interval covers" in row.verdict


@pytest.mark.parametrize(
    "name", ["pooled gap, ordered", "pooled gap, one group", "difference of pooled", "difference of ward"]
)
def test_gaps_are_covered_and_their_tests_keep_their_size(name: str) -> None:
    row = coverage(300, 2, cells=[cell(name, 20)]).iloc[0]
    assert row.coverage > 0.9  # .94 to .965 with 2,000 studies; the equal-tailed interval covers .87 to .89
    assert row["size"] <= row.high_band


def test_the_boundary_where_no_group_differs_is_reported_as_a_shortfall() -> None:
    row = coverage(200, 2, cells=[cell("pooled gap, none", 20)]).iloc[0]
    assert row.truth == 0 and row.too_low == 0
    assert row.verdict.startswith("95 % interval covers 0.8") or row.verdict.startswith(
        "95 % interval covers 0.7"
    )
    assert row.low_band <= row["size"] <= row.high_band


def test_under_twenty_wards_only_the_test_is_calibrated() -> None:
    row = coverage(400, 1, cells=[cell("normal", 12)]).iloc[0]
    assert np.isnan(row.coverage) and row.verdict == "within"
    assert row.low_band <= row["size"] <= row.high_band
    assert row.power == pytest.approx(0.8, abs=0.08)  # at the least effect that twelve wards detect


def test_a_row_depends_on_its_seed_and_not_on_its_neighbours() -> None:
    progress: list[tuple[int, int]] = []
    both = coverage(
        60, 7, lambda done, total: progress.append((done, total)), [cell("normal", 20), SKEWED_20]
    )
    alone = coverage(60, 7, cells=[SKEWED_20])
    assert both.iloc[1].to_dict() == alone.iloc[0].to_dict()
    assert progress == [(1, 2), (2, 2)]
    other = coverage(60, 8, cells=[SKEWED_20])
    assert other.iloc[0].to_dict() != alone.iloc[0].to_dict()
    with pytest.raises(ParleyError, match="studies is 0"):
        coverage(0, 1)


def test_the_table_holds_every_cell_at_twenty_and_forty_wards() -> None:
    named = {(c.name, c.wards) for c in CELLS}
    assert len(named) == len(CELLS)
    assert {n for n, w in named if w == 20} == {n for n, w in named if w == 40}
    assert all(c.test == "sign-flip" for c in CELLS if c.wards == 12)


def test_the_band_is_the_binomials_and_the_verdict_says_which_way() -> None:
    low, high = band(2000)
    reach = 2.576 * np.sqrt(0.05 * 0.95 / 2000)
    assert (low, high) == pytest.approx((0.05 - reach, 0.05 + reach), abs=0.001)
    assert verdict(0.95, 0.05, low, high) == "within" == verdict(float("nan"), float("nan"), low, high)
    assert verdict(0.91, 0.05, low, high) == "95 % interval covers 0.910"
    assert verdict(0.98, 0.08, low, high).startswith(
        "95 % interval is wide: covers 0.980; test rejects 0.080"
    )
    assert "timid" in verdict(0.95, 0.01, low, high)


def test_simulated_patients_are_what_the_cells_say_they_are() -> None:
    rng = np.random.default_rng(1)
    drawn = Wards.draw(rng, 1, 20_000)
    values = drawn.satisfied(rng, calibration.NONE_APART)
    sums, counts = drawn.pooled(values)
    assert counts.sum() == values.size and sums.sum() == pytest.approx(values.sum())
    assert (np.diff(counts.sum(axis=(0, 1))) < 0).all(), "groups are of unequal size"
    level = values.mean(axis=2).reshape(-1)
    assert level.std() > 0.25 / np.sqrt(calibration.PATIENTS), "wards have a level of their own"
    even = Wards.draw(rng, 1, 20_000, sicker=False)
    by_acuity, none = (
        gap(*(x.sum(axis=1) for x in d.pooled(d.satisfied(rng, calibration.NONE_APART))))[0]
        for d in (drawn, even)
    )
    assert none < 0.01 < 0.05 < by_acuity, "the sicker groups get more where groups differ in acuity"
