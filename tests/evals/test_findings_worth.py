"""Is the worth of an attribute what its likelihood says, and bounded, never invented, where that has no maximum?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.findings.worth import worth


def test_a_logit_is_that_of_its_likelihood_with_errors_by_ward() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(5)
    x, wards = rng.uniform(-1, 1, 1200), rng.integers(0, 40, 1200)
    at = 1 + 4 * x + rng.normal(0, 0.5, 40)[wards]
    y = np.where(rng.random(1200) < 0.3, 0.5, (rng.random(1200) < 1 / (1 + np.exp(-at))).astype(float))
    found = worth(x, y, wards)
    design = np.column_stack([np.ones_like(x), x])

    def loss(beta: Any) -> float:
        eta = design @ beta
        return float(np.sum(np.logaddexp(0, eta) - y * eta))

    best = minimize(loss, np.zeros(2), method="BFGS", tol=1e-10).x
    assert (found.attribute, found.need) == pytest.approx(tuple(best), abs=1e-4)
    p = 1 / (1 + np.exp(-design @ best))
    bread = np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))
    scores = np.array([(design * (y - p)[:, None])[wards == w].sum(axis=0) for w in range(40)])
    cov = bread @ scores.T @ scores @ bread * 40 / 39 * 1199 / 1198
    assert (found.attribute_se, found.need_se) == pytest.approx(tuple(np.sqrt(np.diag(cov))), rel=1e-3)
    assert found.worth == pytest.approx(best[0] / best[1], abs=1e-4)
    assert found.worth_low is not None and found.worth_high is not None
    draws = rng.multivariate_normal(best, cov, 20_000)
    low, high = np.quantile(draws[:, 0] / draws[:, 1], [0.025, 0.975])
    assert (found.worth_low, found.worth_high) == pytest.approx((low, high), abs=0.01)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-9, 9), st.sampled_from([0.0, 0.0, 0.5, 1.0, 1.0])), min_size=8, max_size=20
    )
)
def test_a_logit_is_fitted_only_where_no_need_parts_the_treated_from_the_untreated(
    rows: list[tuple[int, float]],
) -> None:
    """A chance between stands for both (Albert & Anderson 1984), by brute force over every cut, either way round."""
    x, y = np.array([r[0] / 10 for r in rows]), np.array([r[1] for r in rows])
    whole = [(a, v) for a, b in zip(x, y, strict=True) for v in ({b} if b in (0, 1) else {0, 1})]
    cuts = [c / 20 for c in range(-20, 21)]
    parted = any(
        all((a > c and v == up) or (a < c and v != up) or abs(a - c) < 1e-9 for a, v in whole)
        for c in cuts
        for up in (0, 1)
    )
    found = worth(x, y, np.arange(len(x)))
    flat = np.ptp(x) == 0 or np.ptp(y) == 0
    assert found.finding.startswith("fitted") == (not parted and not flat)
    if not found.finding.startswith("fitted"):
        assert found.attribute is None and found.worth is None


@pytest.mark.parametrize(
    ("chance", "says", "bounds"),
    [
        (lambda x: np.ones_like(x), "separated: always treated", (0.8, math.inf)),
        (lambda x: np.zeros_like(x), "separated: never treated", (-math.inf, -0.7)),
        (lambda x: (x > -0.25).astype(float), "separated: one need decides", (0.2, 0.3)),
        (lambda x: (x < -0.25).astype(float), "separated: the lesser need decides", (None, None)),
        (lambda x: np.full_like(x, 0.5), "no slope: the same chance in all", (None, None)),
    ],
)
def test_what_cannot_be_fitted_is_bounded(chance: Any, says: str, bounds: tuple[float, float]) -> None:
    x = np.arange(-8, 8) / 10
    found = worth(x, chance(x), np.arange(16))
    assert (found.finding, found.attribute, found.need, found.worth) == (says, None, None, None)
    assert (found.worth_low, found.worth_high) == (bounds if bounds[0] is None else pytest.approx(bounds))


def test_few_wards_have_no_interval() -> None:
    x = np.arange(-8, 8) / 10
    y = np.tile([0.0, 1.0], 8)
    found = worth(x, y, np.arange(16))
    assert found.finding.endswith("under 20 wards: no interval")
    assert found.worth_low is None and found.attribute_se is None
