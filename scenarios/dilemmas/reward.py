"""How good is a plan for both poles at once, on a judge's scale, without a judge?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scenarios.dilemmas.dilemma import Dilemma, Values
from scenarios.dilemmas.optimum import TOLERANCE, landscape
from scenarios.dilemmas.plan import whole

BEST = 5.0
"""The greatest reward: that of a judge of collective agency, so that one can stand in for the other."""


def clause_reward(plan: Mapping[str, str], dilemma: Dilemma, poles_values: Sequence[Values]) -> float | None:
    """5 · (Π_i w_i(plan) / max over plans Π_i w_i)^(1/n), for n poles of worths w_i in [0, 1]. 0 … 5, higher better.

    The root makes it the plan's geometric mean worth over the best that any plan has (for two poles 5·√): 5 is the
    Nash optimum (Nash 1950), each pole's worst plan being what it falls back on; 0 is a plan that is some pole's
    worst. Ours. The optimum is exact, by enumeration.

    0 for a plan that is not whole, as it settles nothing. None, missing, where the measure is undefined: a pole
    without values (a style's) or none that matters here, a dilemma without clauses, no pole, or poles so opposed
    that every plan is some pole's worst. It knows clauses alone: words that contradict them go unseen.
    """
    land = landscape(dilemma, {str(i): values for i, values in enumerate(poles_values)})
    if land is None:
        return None
    best = float(land.product.max())
    if best <= TOLERANCE:
        return None
    if not whole(plan, dilemma):
        return 0.0
    share = float(land.product[land.index(plan)]) / best
    return float(BEST * share ** (1 / len(poles_values)))
