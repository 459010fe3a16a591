"""Does a population drift where theory says, and do resampled worlds say what of it stands?"""

from __future__ import annotations

from itertools import pairwise
from math import comb
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evals.findings.drawing import styled
from evals.prosociality import Curves, Phase, curves, drift, phase, trajectory
from evals.prosociality.figures import phase_figure
from evals.prosociality.replicator import advantage, gains
from scenarios.errors import ParleyError


def two_players(t: float, r: float, p: float, s: float, mutation: float = 0.0) -> Phase:
    """π_S = (P beside a defector, T beside a cooperator), π_P = (S, R)."""
    return phase([p, t], [s, r], mutation=mutation)


def told(line: Phase) -> list[tuple[float, str]]:
    return [(pytest.approx(p.share, abs=1e-9), p.stability) for p in line.points]


def test_in_a_prisoners_dilemma_the_selfish_take_over_from_anywhere() -> None:
    line = two_players(5, 3, 1, 0)
    assert told(line) == [(0, "stable"), (1, "unstable")] and line.portrait == "selfish"
    assert line.points[0].basin == 1 and line.points[1].basin == 0
    assert trajectory(line, 0.99, [0, 50])[1] < 1e-6


def test_a_stag_hunt_is_bistable_at_its_closed_threshold() -> None:
    # x* = (P − S)/(R − T + P − S) = 2/3 for hare 2 or 3, stag 4 together, 0 alone.
    line = two_players(3, 4, 2, 0)
    assert told(line) == [(0, "stable"), (2 / 3, "unstable"), (1, "stable")] and line.portrait == "bistable"
    assert line.points[0].basin == pytest.approx(2 / 3) and line.points[2].basin == pytest.approx(1 / 3)
    assert trajectory(line, 0.66, [0, 200])[-1] < 1e-6 < 1 - 1e-6 < trajectory(line, 0.67, [0, 200])[-1]


@settings(deadline=None, max_examples=40)
@given(st.floats(0.1, 10), st.floats(0.05, 10))
def test_hawks_and_doves_coexist_at_v_over_c(value: float, more: float) -> None:
    cost = value + more
    line = two_players(value, value / 2, (value - cost) / 2, 0)
    doves = 1 - value / cost
    assume(1e-4 < doves < 1 - 1e-4)
    assert (
        told(line) == [(0, "unstable"), (doves, "stable"), (1, "unstable")] and line.portrait == "coexistence"
    )
    assert (line.points[1].low, line.points[1].high) == (0, 1)


def public_goods(n: int, benefit: float, cost: float, synergy: float) -> Phase:
    """Hauert et al. 2006: k contributors make (b/n)(1 + δ + … + δ^(k−1)) for each of n, a contributor pays c."""
    made = [benefit / n * sum(synergy**i for i in range(k)) for k in range(n + 1)]
    return phase(made[:-1], [m - cost for m in made[1:]])


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_public_goods_with_synergy_have_hauerts_threshold(n: int) -> None:
    cost, benefit, synergy = 1.0, 0.6 * n, 1.5
    line = public_goods(n, benefit, cost, synergy)
    at = ((cost * n / benefit) ** (1 / (n - 1)) - 1) / (synergy - 1)
    if not 0 < at < 1:
        assert line.portrait == "selfish"
        return
    assert told(line) == [(0, "stable"), (at, "unstable"), (1, "stable")]
    discounted = public_goods(n, 2.0 * n / 1.5, cost, 0.6)
    back = ((cost * 1.5 / 2.0) ** (1 / (n - 1)) - 1) / (0.6 - 1)
    if 0 < back < 1:
        assert told(discounted) == [(0, "unstable"), (back, "stable"), (1, "unstable")]


def test_linear_public_goods_turn_on_the_return_to_the_giver_alone() -> None:
    assert public_goods(5, 3.0, 1.0, 1.0).portrait == "selfish"
    assert public_goods(5, 6.0, 1.0, 1.0).portrait == "prosocial"
    assert public_goods(5, 5.0, 1.0, 1.0).portrait == "neutral"


@pytest.mark.parametrize("n", [2, 4, 10])
def test_the_volunteers_dilemma_has_diekmanns_mixture(n: int) -> None:
    # Diekmann 1985: one volunteer is enough; the share that does not volunteer is (c/b)^(1/(n−1)).
    line = phase([0.0] + [3.0] * (n - 1), [2.0] * n)
    assert told(line)[1] == (1 - (1 / 3) ** (1 / (n - 1)), "stable") and line.portrait == "coexistence"


def test_a_point_that_drift_only_touches_is_half_stable() -> None:
    # c of (x − 1/2)² in Bernstein form: 1/4, −1/4, 1/4; never negative, 0 at one half.
    line = phase([0, 0, 0], [0.25, -0.25, 0.25])
    assert told(line) == [(0, "unstable"), (0.5, "half-stable"), (1, "stable")]
    assert (line.points[1].low, line.points[1].high) == (0, 0.5) and line.points[2].low == 0.5
    weak = two_players(5, 3, 1, 1)  # P = S: nothing to lose beside a defector, all the same selfish
    assert told(weak) == [(0, "stable"), (1, "unstable")]


GAINS = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=7)


@settings(deadline=None, max_examples=150)
@given(GAINS, st.sampled_from([0.0, 0.05]))
def test_points_are_the_roots_and_basins_share_out_the_line(c: list[float], mutation: float) -> None:
    line = phase([0.0] * len(c), c, mutation=mutation)
    if not any(c) and not mutation:
        assert line.portrait == "neutral"
        return
    for p in line.points:
        assert float(line.drift(p.share)) == pytest.approx(0, abs=1e-7)
        assert p.low <= p.share <= p.high
        assert p.stability == "unstable" or p.basin > 0
    assert sum(p.basin for p in line.points) == pytest.approx(1)
    grid = np.linspace(0, 1, 4001)[1:-1]
    signs = np.sign(np.where(np.abs(line.drift(grid)) < 1e-12, 0, line.drift(grid)))
    turns = int((np.diff(signs[signs != 0]) != 0).sum())
    crossing = [p for p in line.points if 0 < p.share < 1 and p.stability in ("stable", "unstable")]
    assert turns <= len(crossing), "a fixed point was missed"
    if not mutation:
        nonzero = [x for x in c if x]
        changes = sum(a * b < 0 for a, b in pairwise(nonzero))
        assert len([p for p in line.points if 0 < p.share < 1]) <= changes, "more roots than signs change"


@settings(deadline=None, max_examples=20)
@given(GAINS, st.floats(0.02, 0.98))
def test_trajectories_go_to_the_point_in_whose_basin_they_start(c: list[float], start: float) -> None:
    line = phase([0.0] * len(c), c)
    assume(any(c) and min(abs(start - p.share) for p in line.points) > 0.02)
    path = trajectory(line, start, np.linspace(0, 2000, 50))
    home = next(p for p in line.points if p.low <= start <= p.high and p.basin)
    assert ((path >= 0) & (path <= 1)).all() and (np.diff(path) * np.sign(home.share - start) >= -1e-7).all()
    near = home.share + 1e-3 * np.sign(start - home.share)
    hurries = (
        abs(float(line.drift(near))) > 1e-5
    )  # where the drift fades faster than the distance, 2000 is not enough
    if home.stability == "stable" and hurries and abs(float(line.drift(start))) > 0.05:
        assert path[-1] == pytest.approx(home.share, abs=0.02)


def test_fitness_is_what_a_focal_agent_gets_in_groups_drawn_from_the_population() -> None:
    rng = np.random.default_rng(2)
    selfish, prosocial = rng.normal(size=(2, 5))
    x = 0.3
    others = rng.binomial(4, x, 400_000)
    drawn = (prosocial[others] - selfish[others]).mean()
    assert float(advantage(gains(selfish, prosocial), x)) == pytest.approx(drawn, abs=0.01)
    exact = sum(comb(4, j) * x**j * (1 - x) ** (4 - j) * (prosocial[j] - selfish[j]) for j in range(5))
    assert float(advantage(gains(selfish, prosocial), x)) == pytest.approx(exact)


def test_mutation_moves_points_off_the_ends_and_alone_leads_to_one_half() -> None:
    line = two_players(5, 3, 1, 0, mutation=0.1)
    (only,) = line.points
    assert only.stability == "stable" and 0 < only.share < 0.2 and line.portrait == "coexistence"
    assert told(phase([0, 0], [0, 0], mutation=0.2)) == [(0.5, "stable")]
    assert trajectory(line, 0.9, [0, 200])[-1] == pytest.approx(only.share, abs=1e-6)


def table(worlds: int, n: int, noise: float, seed: int) -> pd.DataFrame:
    """A stag hunt of n: prosocial agents get 4 where all are, nothing otherwise; the selfish get 2."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for world in range(worlds):
        for k in range(n + 1):
            for seat in range(n):
                kind = "prosocial" if seat < k else "selfish"
                payoff = 2.0 if kind == "selfish" else 4.0 * (k == n)
                of = {"run_id": f"{world}-{k}", "cluster": f"w{world}", "seed": 1, "seat": seat, "type": kind}
                rows.append(
                    of | {"prosocial": k, "payoff": payoff + noise * rng.normal(), "contract": "none"}
                )
    return pd.DataFrame(rows)


def test_points_of_the_means_stand_in_resamples_and_the_inner_one_has_a_range() -> None:
    of = curves(table(24, 3, 0.3, 1), ["contract"])[("none", 3)]
    found = drift(of, rng=np.random.default_rng(1), resamples=150)
    assert found.phase.portrait == "bistable" and found.worlds == 24 and found.note == ""
    assert found.portraits["portrait"].tolist() == ["bistable"] and found.portraits["stands"].tolist() == [
        1.0
    ]
    assert found.points["stands"].tolist() == [1, 1, 1]
    inner = found.points.iloc[1]
    assert inner["share_low"] < np.sqrt(0.5) < inner["share_high"]  # 4x² = 2
    again = drift(of, rng=np.random.default_rng(1), resamples=150)
    assert again.points.equals(found.points), "the same seed gave other resamples"


def test_what_does_not_stand_is_seen_not_to_and_few_worlds_are_named() -> None:
    rng = np.random.default_rng(3)
    of = Curves(rng.normal(0, 1, (8, 2)), rng.normal(0, 1, (8, 2)), tuple(range(8)))
    found = drift(of, rng=rng, resamples=200)
    assert found.portraits["stands"].sum() == pytest.approx(1) and len(found.portraits) > 1
    assert found.points["stands"].max() < 1 and "under 20 worlds" in found.note


def test_curves_are_means_within_worlds_and_holes_stay_holes() -> None:
    rows = table(3, 2, 0.0, 0)
    rows = rows[rows["run_id"] != "1-1"]
    rows.loc[rows["run_id"] == "2-0", "payoff"] = np.nan
    of = curves(rows, [])[(2,)]
    assert of.worlds == ("w0", "w1", "w2")
    assert np.array_equal(of.selfish, [[2, 2], [2, np.nan], [np.nan, 2]], equal_nan=True)
    assert np.array_equal(of.prosocial, [[0, 4], [np.nan, 4], [0, 4]], equal_nan=True)
    found = drift(of, rng=np.random.default_rng(0), resamples=60)
    assert "unknown" in found.portraits["portrait"].tolist(), "a resample without a make-up was filled in"
    with pytest.raises(ParleyError, match="a selfish agent gets with 1 prosocial agents in a group of 2"):
        drift(curves(rows[rows["prosocial"] != 1], [])[(2,)], rng=np.random.default_rng(0))


def test_bad_input_is_named_in_one_line() -> None:
    with pytest.raises(ParleyError, match=r"give π_S\(0 … n−1\) and π_P\(1 … n\)"):
        phase([1, 2, 3], [1, 2])
    with pytest.raises(ParleyError, match="missing"):
        phase([1, np.nan], [1, 2])
    with pytest.raises(ParleyError, match="infinite"):
        phase([1, np.inf], [1, 2])
    with pytest.raises(ParleyError, match="mutation is -1"):
        phase([1, 2], [1, 2], mutation=-1)
    line = two_players(5, 3, 1, 0)
    with pytest.raises(ParleyError, match="start is 2"):
        trajectory(line, 2, [0, 1])
    with pytest.raises(ParleyError, match="times must rise"):
        trajectory(line, 0.5, [1, 0])


def test_the_figure_marks_stable_points_full_and_unstable_ones_open() -> None:
    of = drift(curves(table(4, 3, 0.1, 1), [])[(3,)], rng=np.random.default_rng(1), resamples=20)
    with styled():
        (ax,) = phase_figure({"none": of}).axes
    marks = {line.get_xdata()[0]: line.get_fillstyle() for line in ax.lines if line.get_marker() == "o"}
    assert [marks[p.share] for p in of.phase.points] == ["full", "none", "full"]
    assert ax.get_title(loc="left") == "none: bistable" or ax.get_title() == "none: bistable"
