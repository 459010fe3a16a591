"""Is λ read off choices the likeliest, does its interval hold what was planted, is what cannot be known left open?"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp

from evals.prosociality import (
    Choices,
    Concern,
    calibrate,
    choices,
    concern_of,
    joined,
    played,
    recover,
    recovered,
    weight_of,
)
from evals.prosociality.calibrate import CELLS, Cell, simulated
from evals.prosociality.likelihood import Likelihood
from scenarios.errors import ParleyError
from scenarios.ward import Array

NUMBERS = tuple(f for f in Concern.__dataclass_fields__ if f.startswith(("concern", "weight", "likeliest")))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def agent(concern: float, precision: float, n: int, seed: int) -> Choices:
    return simulated(Cell("any", concern, precision, n), rng(seed))


def loglik(of: Choices, w: float, precision: float) -> float:
    """Written down anew."""
    v = precision * ((1 - w) * of.own + w * of.welfare)
    return float((v[np.arange(len(of)), of.chosen] - logsumexp(v, axis=1)).sum())


def greatest(of: Choices, w: float) -> float:
    """The profile likelihood by an optimiser that knows nothing of ours."""
    found = minimize_scalar(
        lambda b: -loglik(of, w, b), bounds=(0, 50), method="bounded", options={"xatol": 1e-7}
    )
    return -float(found.fun)


@pytest.mark.parametrize("concern,precision", [(0.0, 2.0), (0.5, 1.0), (2.0, 3.0), (-0.25, 2.0)])
def test_the_likeliest_is_that_of_an_independent_optimiser(concern: float, precision: float) -> None:
    of = agent(concern, precision, 50, 3)
    found = recover({"a": of})[0]
    assert found.weight is not None and found.precision is not None

    def loss(at: Array) -> float:
        return -loglik(of, float(np.clip(at[0], -1, 1)), float(np.exp(at[1])))

    starts = product((-0.5, 0.5), (0.0, 1.0))
    least = min(float(minimize(loss, s, method="Nelder-Mead").fun) for s in starts)
    assert -loglik(of, found.weight, found.precision) <= least + 1e-6
    assert found.explained == pytest.approx(1 - least / (50 * math.log(4)), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_ends_are_where_the_profile_has_fallen_by_half_of_chi_square(seed: int) -> None:
    of = agent(0.5, 2.0, 40, seed)
    found = recover({"a": of})[0]
    assert found.verdict == "interval" and found.weight is not None
    top = greatest(of, found.weight)
    for end in (found.weight_low, found.weight_high):
        assert end is not None
        assert 2 * (top - greatest(of, end)) == pytest.approx(3.841459, abs=1e-3)


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.floats(0.2, 50), st.floats(-30, 30))
def test_units_and_origins_of_payoffs_change_nothing_but_the_precision(
    seed: int, unit: float, origin: float
) -> None:
    of = agent(0.5, 1.5, 15, seed)
    moved = Choices(unit * of.own + origin, unit * of.welfare + 5 * origin, of.chosen)
    first, second = (recover({"a": c})[0] for c in (of, moved))
    assert first.verdict == second.verdict
    # a flat top or a shallow profile leaves the ends a little room, in numbers
    for one, other in zip(
        (first.weight_low, first.weight_high), (second.weight_low, second.weight_high), strict=True
    ):
        assert (one is None) == (other is None)
        assert one is None or other is None or one == pytest.approx(other, abs=1e-4)
    if first.weight is not None and first.precision is not None and math.isfinite(first.precision):
        assert second.weight == pytest.approx(first.weight, abs=1e-3)
        assert second.precision == pytest.approx(first.precision / unit, rel=1e-2)


@settings(deadline=None, max_examples=40)
@given(st.floats(-0.5, 1e6))
def test_concern_and_weight_are_each_others_inverse(concern: float) -> None:
    assert concern_of(weight_of(concern)) == pytest.approx(concern, rel=1e-6, abs=1e-9)
    assert -1 <= weight_of(concern) < 1


def test_the_ends_of_the_dial() -> None:
    assert weight_of(-0.5) == -1 and weight_of(0) == 0 and weight_of(math.inf) == 1 and weight_of(2) == 2 / 3
    assert concern_of(1.0) == math.inf
    with pytest.raises(ParleyError, match="must be above -1"):
        weight_of(-1)


def effort_game() -> Array:
    """The Prisoner's Dilemma lift with T, R, P, S = 5, 3, 1, 0: what a contract on C and D leaves open."""
    t, r, p, s = 5.0, 3.0, 1.0, 0.0
    e = (r - p) / 6
    h = e / 2
    row = [
        [r - e, r - 2 * e - h, s - e, s - e],
        [r, (r + p) / 2, s - 3 * e, s - 3 * e],
        [t - e, t - e, p - e, p],
        [t - 2 * e, t - 2 * e, p - 2 * e, p - 3 * e],
    ]
    return np.stack([np.array(row), np.array(row).T], axis=-1)


@pytest.mark.parametrize("concern,verdict", [(1.9, "at most"), (2.1, "at least"), (math.inf, "at least")])
def test_choices_without_noise_bound_concern_at_the_lambda_of_the_effort_gap(
    concern: float, verdict: str
) -> None:
    # Against CH, CL pays ε more to oneself and takes ε/2 from the group: λ = 2 is where the two meet.
    effort = effort_game()[:2, :2]
    w = weight_of(concern)
    value = (1 - w) * effort[..., 0] + w * effort.sum(axis=-1)
    takes = int(value[:, 0].argmax())
    found = recover({"a": played(effort, [[takes, 0]] * 40, 0)})[0]
    assert found.verdict == verdict and found.concern is None and found.precision == math.inf
    if verdict == "at least":
        assert found.likeliest_low == pytest.approx(2 / 3, abs=1e-6) and found.likeliest_high == 1
        assert found.concern_low == pytest.approx(2, abs=1e-5) and found.concern_high == math.inf
    else:
        assert found.likeliest_low == -1 and found.likeliest_high == pytest.approx(2 / 3, abs=1e-6)
        assert found.concern_low == pytest.approx(-0.5) and found.concern_high == pytest.approx(2, abs=1e-5)


def test_separated_choices_give_the_range_that_fits_all_of_them() -> None:
    of = agent(1.0, math.inf, 40, 5)
    found = recover({"a": of})[0]
    assert found.likeliest_low is not None and found.likeliest_high is not None
    assert found.weight_low is not None and found.weight_high is not None
    assert found.precision == math.inf and found.explained == pytest.approx(1, abs=1e-6)
    inside = np.linspace(found.likeliest_low + 1e-4, found.likeliest_high - 1e-4, 7)
    for w in inside:
        assert ((1 - w) * of.own + w * of.welfare).argmax(axis=1).tolist() == of.chosen.tolist()
    for w in (found.likeliest_low - 1e-2, found.likeliest_high + 1e-2):
        assert ((1 - w) * of.own + w * of.welfare).argmax(axis=1).tolist() != of.chosen.tolist()
    assert found.weight_low < found.likeliest_low <= 0.5 <= found.likeliest_high < found.weight_high


@pytest.mark.parametrize("proportion", [0.0, 1.0, 2.0])
def test_where_own_payoff_and_welfare_are_collinear_nothing_is_claimed(proportion: float) -> None:
    own = rng(1).normal(size=(50, 3))
    welfare = proportion * own + rng(2).normal(size=(50, 1))
    taken = (own + rng(3).gumbel(size=own.shape)).argmax(axis=1)
    found = recover({"a": choices(own, welfare, taken)})[0]
    assert found.verdict == "not identified" and found.drop == pytest.approx(0, abs=1e-6)
    assert "collinear" in found.note and found.weight is None and found.concern_low is None


def test_collinear_menus_tell_at_most_which_way_concern_turns_them() -> None:
    # W = 3u: V = (1 + 2w)·u, so who takes the higher u has w > −1/2, λ > −1/3, and nothing else is known.
    own = rng(1).normal(size=(50, 3))
    found = recover({"a": choices(own, 3 * own, own.argmax(axis=1))})[0]
    assert found.verdict == "at least" and found.concern is None and "collinear" in found.note
    assert found.likeliest_low == pytest.approx(-0.5, abs=1e-4) and found.likeliest_high == 1
    noisy = (own + rng(3).gumbel(size=own.shape)).argmax(axis=1)
    found = recover({"a": choices(own, 3 * own, noisy)})[0]
    assert found.verdict == "at least" and found.concern is None
    assert found.concern_low == pytest.approx(-1 / 3, abs=1e-3)


def test_random_and_missing_choices_are_said_to_say_nothing() -> None:
    own, welfare = rng(1).normal(size=(2, 40, 4))
    none = recover({"a": choices(own, welfare, [None] * 40)})[0]  # type: ignore[list-item]
    assert none.verdict == "no choices" and none.missing == 40 and none.choices == 0
    noise = recover({"a": choices(own, welfare, rng(2).integers(0, 4, 40))})[0]
    assert noise.verdict == "not identified" and noise.explained is not None and noise.explained < 0.05
    for found in (none, noise):
        assert all(getattr(found, name) is None for name in NUMBERS), "what is not known stood as a number"
    single = recover({"a": choices(np.ones((3, 1)), np.ones((3, 1)), [0, 0, 0])})[0]
    assert single.verdict == "not identified" and single.explained is None


def test_missing_choices_and_filled_up_menus_leave_the_estimate_as_it_is() -> None:
    of = agent(0.5, 2.0, 30, 8)
    holed = choices(
        np.vstack([of.own, of.own[:2]]), np.vstack([of.welfare, of.welfare[:2]]), [*of.chosen, np.nan, -1]
    )
    narrow = Choices(of.own[:1, :2], of.welfare[:1, :2], np.array([-1]))
    first, second = (recover({"a": c})[0] for c in (of, joined([holed, narrow])))
    assert second.missing == 3 and second.choices == 30
    assert first.weight == pytest.approx(second.weight, abs=1e-9)
    assert first.weight_low == pytest.approx(second.weight_low, abs=1e-9)


def test_a_shared_precision_is_the_joint_maximum_and_lends_strength() -> None:
    agents = {str(i): agent(0.5 * i, 2.0, 25, i) for i in range(3)}
    shared, alone = recover(agents, shared=True), recover(agents)
    assert len({c.precision for c in shared}) == 1

    def loss(at: Array) -> float:
        each = [
            loglik(a, float(np.clip(w, -1, 1)), float(np.exp(at[3])))
            for a, w in zip(agents.values(), at, strict=False)
        ]
        return -sum(each)

    least = float(minimize(loss, [0.0, 0.3, 0.5, 0.5], method="Nelder-Mead", options={"maxiter": 4000}).fun)
    assert shared[0].explained == pytest.approx(1 - least / (75 * math.log(4)), abs=1e-5)
    assert recover({"0": agents["0"]}, shared=True)[0] == alone[0]


def test_the_profile_rises_to_one_top_and_falls() -> None:
    for concern, precision in ((0.5, 1.0), (1.0, math.inf), (-0.4, 0.5)):
        of = Likelihood([agent(concern, precision, 12, 2)], -1.0)
        profile = np.array([of.best({0: w}).loglik for w in np.linspace(-1, 1, 41)])
        rising = np.sign(np.where(np.abs(np.diff(profile)) < 1e-7, 0, np.diff(profile)))
        turns = rising[rising != 0]
        assert (np.diff(turns) <= 0).all(), "an interval could have a hole in it"


def test_beliefs_are_expectations_and_default_to_what_the_others_did() -> None:
    pd = np.stack([np.array([[3.0, 0.0], [5.0, 1.0]]), np.array([[3.0, 5.0], [0.0, 1.0]])], axis=-1)
    rounds = [[0, 0], [0, 0], [1, 1], [1, 0], [0, -1]]
    seen = played(pd, rounds, 0)
    # the other cooperated in three of four complete rounds
    assert seen.own[0].tolist() == [0.75 * 3, 0.75 * 5 + 0.25]
    assert seen.welfare[0].tolist() == [0.75 * 6 + 0.25 * 5, 0.75 * 5 + 0.25 * 2]
    assert seen.chosen.tolist() == [0, 0, 1, 1, 0]
    told = played(pd, rounds, 1, belief=[0.5, 0.5])
    assert told.own[0].tolist() == [1.5, 3.0] and told.chosen.tolist() == [0, 0, 1, 0, -1]
    fined = pd.copy()
    fined[1, :, 0] -= 2
    burnt = np.zeros((2, 2))
    assert played(fined, rounds, 0, burnt=burnt).welfare[0, 1] == seen.welfare[0, 1] - 2


def test_beliefs_over_two_others_are_joint() -> None:
    payoffs = rng(4).normal(size=(2, 3, 2, 3))
    rounds = [[0, 2, 1], [1, 0, 0], [0, 2, 1]]
    found = played(payoffs, rounds, 1)
    by_hand = (2 * payoffs[0, :, 1, 1] + payoffs[1, :, 0, 1]) / 3
    assert found.own[0] == pytest.approx(by_hand)
    total = payoffs.sum(axis=-1)
    assert found.welfare[0] == pytest.approx((2 * total[0, :, 1] + total[1, :, 0]) / 3)


def test_the_interval_covers_what_it_says_and_the_command_is_repeatable() -> None:
    few = [c for c in CELLS if c.name in ("half-hearted", "collinear")]
    row = calibrate(60, 1, cells=[Cell("half-hearted", 0.5, 2.0, 30)]).iloc[0]
    assert row["low_band"] <= row["coverage"] <= 1 and row["two_sided"] > 0.3
    assert abs(row["bias"]) < 0.1
    collinear = calibrate(10, 1, cells=few[1:]).iloc[0]
    assert collinear["verdict"] == "within" and collinear["not_identified"] == 1
    beside = calibrate(3, 1, cells=few)
    assert calibrate(3, 1, cells=few[:1]).equals(beside.head(1)), "a cell's row depends on its neighbours"
    with pytest.raises(ParleyError, match="studies is 0"):
        calibrate(0, 1)


def test_the_table_keeps_missing_and_infinite_apart() -> None:
    table = recovered(
        recover({"a": agent(math.inf, 2.0, 40, 1), "b": choices([[1.0, 2.0]], [[3.0, 1.0]], [-1])})
    )
    assert table["concern_high"].iloc[0] == math.inf and np.isnan(table["concern_high"].iloc[1])
    assert table["verdict"].tolist() == ["at least", "no choices"]
    assert recovered([]).columns.tolist() == table.columns.tolist()


def test_bad_input_is_named_in_one_line() -> None:
    with pytest.raises(ParleyError, match="row 1 chose alternative 2, which is not on its menu"):
        choices([[1, 2, 3], [1, 2, np.nan]], [[1, 2, 3], [1, 2, np.nan]], [0, 2])
    with pytest.raises(ParleyError, match="finite together"):
        choices([[1, 2]], [[1, np.nan]], [0])
    with pytest.raises(ParleyError, match="chose 0.5: name an alternative by its place"):
        choices([[1, 2]], [[1, 2]], [0.5])
    with pytest.raises(ParleyError, match="give own and welfare a row a choice"):
        choices([[1, 2]], [[1, 2]], [0, 1])
    with pytest.raises(ParleyError, match="level is 95"):
        recover({"a": agent(0, 1, 5, 0)}, level=95)
    pd = effort_game()
    with pytest.raises(ParleyError, match=r"round 1 is \[0, 4\], which the game does not have"):
        played(pd, [[0, 0], [0, 4]], 0)
    with pytest.raises(ParleyError, match="sums to 0.9"):
        played(pd, [[0, 0]], 0, belief=[0.9, 0, 0, 0])
    with pytest.raises(ParleyError, match="hand a belief over"):
        played(pd, [[0, -1]], 0)
