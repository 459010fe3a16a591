"""How did a commons fare: the measures of GovSim and of Huang et al. (arXiv 2605.08426), ours where theirs fail.

Catches have shape (m, n): the months that were played, the one of the collapse included, by agents. All are
functions of arrays; None where a measure is undefined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scenarios.commons.commons import Commons
from scenarios.measures import gini
from scenarios.ward import Array


def survival_months(catches: Array) -> int:
    """m: months that were played, in [0, months], higher is better; the month of the collapse counts."""
    return len(catches)


def total_catch(catches: Array) -> int:
    """R = Σ_t Σ_i catch_ti, in units of the pool, >= 0, higher is better."""
    return int(catches.sum())


def equality(catches: Array) -> float | None:
    """e = 1 − Gini of the agents' total catches, in [1/n, 1], higher is better; 1 if nobody caught anything.

    None where no month was played.
    """
    return None if len(catches) == 0 else 1.0 - float(gini(catches.sum(axis=0, dtype=float)))


def normalised_equality(catches: Array) -> float | None:
    """1 − Gini · n/(n − 1), in [0, 1], higher is better: e brought to the whole range, so groups of different
    sizes compare; 1 if nobody caught anything, None where no month was played or n = 1."""
    n = int(catches.shape[1])
    if len(catches) == 0 or n < 2:
        return None
    return max(0.0, 1.0 - float(gini(catches.sum(axis=0, dtype=float))) * n / (n - 1))


def sustainable(commons: Commons, stock: int) -> int:
    """f: the greatest total catch after which the pool is expected back at its stock, >= 0, in units.

    max x with int(min(capacity, (stock − x) · E[r])) >= stock, 0 where there is none; E[r] is the rate of a
    healthy pool in a calm month. The sustainability threshold of Piatti et al. 2024.
    """
    growth = commons.regrowth
    rate = float(np.mean(growth.rates)) if growth.kind == "stochastic" else growth.rate
    for catch in range(stock, 0, -1):
        left = stock - catch
        if left >= commons.collapse and int(min(commons.capacity, left * rate)) >= stock:
            return catch
    return 0


def over_use(catches: Array, thresholds: Sequence[float]) -> float | None:
    """o = #{(t, i): catch_ti > f_t / n} / (m · n), in [0, 1], lower is better: the share of catches, over agents and
    played months, above an even share of what the month's stock sustained.

    thresholds: f_t of the m played months (`sustainable`). None where no month was played. Piatti et al. 2024;
    that the month's own stock is the yardstick, not the full pool's 10 each, is ours.
    """
    if len(catches) == 0:
        return None
    shares = np.asarray(thresholds, dtype=float)[:, None] / catches.shape[1]
    return float((catches > shares + 1e-9).mean())


def efficiency(total: float, optimum: float) -> float | None:
    """u = total / the planner's expected optimum, both in payoff units, >= 0, higher is better.

    Above 1 only where a world was kinder than expected. Where a unit is worth 1 the total is R. None where
    the optimum is 0.
    """
    return None if optimum <= 0 else total / optimum


def yield_efficiency(commons: Commons, catches: Array) -> float | None:
    """R / (months · f(capacity)), >= 0, higher is better: over what a full pool yields over the whole horizon (600 in
    the fishery), which the planner beats by emptying the pool in the end. None where nothing is sustainable."""
    most = commons.months * sustainable(commons, commons.capacity)
    return None if most == 0 else total_catch(catches) / most


def efficiency_of_played_months(commons: Commons, catches: Array) -> float | None:
    """u as the paper has it: 1 − max(0, m·f − R)/(m·f), in [0, 1], f = f(capacity), over the *played* months only.

    A defect, shown for comparison alone: a pool emptied in month 1 scores 1. None where no month was played.
    """
    most = len(catches) * sustainable(commons, commons.capacity)
    return None if most == 0 else min(1.0, total_catch(catches) / most)


def welfare(worths: Array, burnt: float = 0.0) -> tuple[float, float]:
    """(gross, net) in payoff units, higher is better: Σ of what catches were worth, and that less what was burnt.

    worths (m, n). Transfers between agents cancel; what stays in a pot at the end goes back to them.
    """
    gross = float(worths.sum())
    return gross, gross - burnt


def by_type(payoffs: Sequence[float], types: Sequence[str]) -> Mapping[str, float]:
    """Mean payoff of the agents of each type, in the order in which types first occur; payoffs net of payments."""
    of: dict[str, list[float]] = {}
    for payoff, kind in zip(payoffs, types, strict=True):
        of.setdefault(kind, []).append(float(payoff))
    return {kind: float(np.mean(values)) for kind, values in of.items()}


def measures(
    commons: Commons, catches: Array, stocks: Sequence[int], total: float, optimum: float
) -> dict[str, float | None]:
    """All of them by name. stocks: of the m played months, at their start; total: welfare gross; optimum: planner's."""
    return {
        "survival_months": survival_months(catches),
        "total_catch": total_catch(catches),
        "equality": equality(catches),
        "normalised_equality": normalised_equality(catches),
        "over_use": over_use(catches, [sustainable(commons, s) for s in stocks]),
        "efficiency": efficiency(total, optimum),
        "yield_efficiency": yield_efficiency(commons, catches),
        "efficiency_of_played_months": efficiency_of_played_months(commons, catches),
    }
