"""What proves that a first-best profile cannot be sustained without loss, so that anyone can check it by adding up?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scenarios.mechanisms.incentives import SAME, Deviation, Incentives, incentives
from scenarios.mechanisms.mechanism import Budget
from scenarios.mechanisms.problem import Array, Problem, Strategies
from scenarios.mechanisms.rows import WEIGHT, Rows, Unsolved

CLEAR = 1e-8
"""A ray proves a loss where its excess is above this, in ranges."""


@dataclass(frozen=True)
class Certificate:
    """An infeasibility ray (Farkas 1902) of one strategy profile; payoffs in ranges.

    weights: w >= 0 on the profile's deviations, adding up to 1. budgets: q on Σ_j t_j(r) of each record (any sign
    when balanced, >= 0 when burnt). path: v >= 0 on what is burnt on the path. For any transfers within the bound
    and the budget the weighted gains are at least `excess` = w·g − B·‖w·G + q·S − v·P‖₁ > 0, in payoff units, so that
    one of these deviations pays (or something is burnt). pair: a deviation that pays and leaves the same records,
    which is proof alone, whatever the bound and the budget.
    """

    strategies: Strategies
    deviations: tuple[Deviation, ...]
    weights: tuple[float, ...]
    budgets: tuple[float, ...]
    path: float
    excess: float
    pair: Deviation | None


def certificate(problem: Problem, strategies: Strategies, bound: float, budget: Budget) -> Certificate | None:
    """The ray of greatest excess, or None where the profile can be sustained with nothing lost."""
    rows = incentives(problem, strategies)
    weights, budgets, path = _ray(rows, bound / problem.range, budget)
    excess = _excess(rows, weights, budgets, path, bound / problem.range)
    if excess <= CLEAR:
        return None
    return Certificate(
        strategies=strategies,
        deviations=rows.deviations,
        weights=tuple(float(x) for x in weights),
        budgets=tuple(float(x) for x in budgets),
        path=path,
        excess=excess * problem.range,
        pair=_pair(rows),
    )


def excess(problem: Problem, strategies: Strategies, bound: float, budget: Budget) -> float:
    """The greatest excess of a ray, in ranges, >= 0: 0 where the profile can be sustained with nothing lost."""
    rows = incentives(problem, strategies)
    size = bound / problem.range
    return max(0.0, _excess(rows, *_ray(rows, size, budget), size))


def _ray(rows: Incentives, size: float, budget: Budget) -> tuple[Array, Array, float]:
    """w, q and v of greatest excess, with Σw <= 1; WEIGHT, since HiGHS takes a cost under 1e-9 for none.

    q − v·P need not exceed the greatest of |G|, and so bounds are put on q and v that leave out no ray of worth.
    """
    most = 2.0 * float(np.abs(rows.by_transfer).max(initial=0.0))
    least_path = rows.on_path[rows.on_path > 0].min()
    most_v = most / least_path if budget == "burn" else 0.0
    programme = Rows()
    w = [programme.column(0.0, 1.0, WEIGHT * gain) for gain in rows.gains]
    programme.row(dict.fromkeys(w, 1.0), high=1.0)
    q = {
        int(r): programme.column(
            -most if budget == "balanced" else 0.0, most + most_v * float(rows.on_path[r])
        )
        for r in rows.reached
    }
    v = programme.column(0.0, most_v)
    for r, column in q.items():
        for j in range(rows.by_transfer.shape[2]):
            size_of = programme.column(0.0, np.inf, -WEIGHT * size)
            sum_of = {w[k]: float(rows.by_transfer[k, r, j]) for k in range(len(w))}
            sum_of |= {column: 1.0, v: -float(rows.on_path[r])}
            programme.row({size_of: 1.0} | {c: -x for c, x in sum_of.items()}, low=0.0)
            programme.row({size_of: 1.0} | sum_of, low=0.0)
    found = programme.solved()
    if found is None:
        raise Unsolved("HiGHS: a programme of which 0 is a solution has none")
    budgets = np.zeros(len(rows.on_path))
    for r, column in q.items():
        budgets[r] = found[column]
    return np.maximum(found[w], 0.0), budgets, max(0.0, float(found[v]))


def proves(problem: Problem, shown: Certificate, bound: float, budget: Budget) -> bool:
    """Whether the certificate proves its profile out of reach: signs right, and the excess recomputed above 0."""
    rows = incentives(problem, shown.strategies)
    weights, budgets = np.array(shown.weights), np.array(shown.budgets)
    signs = (weights >= 0).all() and shown.path >= 0
    if budget == "burn":
        signs = signs and (budgets >= 0).all()
    elif shown.path:
        return False
    return bool(signs) and _excess(rows, weights, budgets, shown.path, bound / problem.range) > SAME


def _excess(rows: Incentives, weights: Array, budgets: Array, path: float, size: float) -> float:
    """w·g − B·‖w·G + q·S − v·P‖₁: the least that the weighted gains can be brought to, in ranges."""
    reach = np.tensordot(weights, rows.by_transfer, 1) + budgets[:, None] - path * rows.on_path[:, None]
    return float(weights @ rows.gains - size * np.abs(reach).sum())


def _pair(rows: Incentives) -> Deviation | None:
    pays = np.where(rows.unseen, rows.gains, -np.inf)
    best = int(np.argmax(pays)) if len(pays) else -1
    return rows.deviations[best] if best >= 0 and pays[best] > SAME else None


def in_words(problem: Problem, shown: Certificate, bound: float) -> str:
    """The certificate as a sentence or two."""
    rows = incentives(problem, shown.strategies)
    if shown.pair is not None:
        gain = rows.gains[rows.deviations.index(shown.pair)] * problem.range
        return (
            f"{_profile(problem, shown.strategies)}: {_does(problem, shown.pair)} and gains {gain:.4g}, and the record "
            "stays the same, so that no transfer tells the two apart."
        )
    parts = [
        (weight, gain * problem.range, _does(problem, deviation))
        for weight, gain, deviation in zip(shown.weights, rows.gains, shown.deviations, strict=True)
        if weight > SAME
    ]
    told = "; ".join(f"{does}, gaining {gain:.4g} (weight {weight:.3g})" for weight, gain, does in parts)
    lost = " or something is burnt" if shown.path > SAME else ""
    return (
        f"{_profile(problem, shown.strategies)}: {told}. Weighed so, transfers within ±{bound:.4g} leave a gain of at "
        f"least {shown.excess:.4g}, so that one of them pays{lost}."
    )


def _does(problem: Problem, deviation: Deviation) -> str:
    i = deviation.party
    when = f" at {problem.seen[i][deviation.signal]}" if len(problem.seen[i]) > 1 else ""
    return f"{problem.parties[i]} turns to {problem.actions[i][deviation.action]}{when}"


def _profile(problem: Problem, strategies: Strategies) -> str:
    plans = problem.plans(strategies)
    if all(len(plan) == 1 for plan in plans.values()):
        return "(" + ", ".join(next(iter(plan.values())) for plan in plans.values()) + ")"
    return "; ".join(
        f"{party} " + ", ".join(f"{action} at {signal}" for signal, action in plan.items())
        for party, plan in plans.items()
    )
