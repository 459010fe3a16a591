"""Is the reward of a plan what going through all plans gives, undefined where it is, and 0 only where it should be?"""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from personas.opposing import load_pair
from scenarios.dilemmas import Dilemma, Values, load
from scenarios.dilemmas.optimum import nash_optimum
from scenarios.dilemmas.plan import plans, worth
from scenarios.dilemmas.reward import BEST, clause_reward
from tests.scenarios.dilemmas_cases import dilemma, dilemmas, supper, values, words_alone

CANDOUR, CARE = {"candour": 1.0}, {"care": 1.0}
POLES = [CANDOUR, CARE]


def slowly(plan: dict[str, str], case: Dilemma, poles: list[Values]) -> float | None:
    """The reward by the formula, one plan after the other."""
    worths = [[worth(p, case, v) for v in poles] for p in plans(case)]
    if any(w is None for row in worths for w in row) or not worths:
        return None
    best = max(math.prod(w or 0.0 for w in row) for row in worths)
    own = math.prod(worth(plan, case, v) or 0.0 for v in poles)
    return None if best < 1e-9 else BEST * (own / best) ** (1 / len(poles))


def test_the_small_case_is_as_worked_out_by_hand() -> None:
    assert clause_reward({"what": "tell", "when": "later"}, supper(), POLES) == pytest.approx(5.0)
    assert clause_reward({"what": "hush", "when": "now"}, supper(), POLES) == pytest.approx(2.5)
    assert clause_reward({"what": "tell", "when": "now"}, supper(), POLES) == 0.0, "worth nothing to one"


def test_what_is_not_whole_settles_nothing_and_what_is_undefined_is_missing() -> None:
    assert clause_reward({}, supper(), POLES) == clause_reward({"what": "tell"}, supper(), POLES) == 0.0
    assert clause_reward({}, words_alone(), POLES) is None, "no clauses"
    assert clause_reward({"what": "tell", "when": "later"}, supper(), [CANDOUR, {}]) is None, "a style"
    assert clause_reward({"what": "tell", "when": "later"}, supper(), []) is None
    torn = dilemma({"what": {"tell": {"candour": 1, "care": -1}, "hush": {"candour": -1, "care": 1}}})
    assert clause_reward({"what": "tell"}, torn, POLES) is None, "every plan is somebody's worst: 0/0"


@settings(max_examples=40, deadline=None)
@given(case=dilemmas(3, 3), poles=st.lists(values(1), min_size=1, max_size=3), data=st.data())
def test_it_is_the_formula_within_its_range_whatever_the_order_of_the_poles(
    case: Dilemma, poles: list[Values], data: st.DataObject
) -> None:
    plan = data.draw(st.sampled_from(plans(case)))
    got = clause_reward(plan, case, poles)
    expected = slowly(plan, case, poles)
    assert (got is None) == (expected is None)
    assume(got is not None and expected is not None)
    assert got == pytest.approx(expected, abs=1e-6)
    assert 0.0 <= got <= BEST + 1e-9
    assert clause_reward(plan, case, poles[::-1]) == pytest.approx(got, abs=1e-6)


def test_the_best_plan_of_the_catalogue_s_own_gets_the_best_reward() -> None:
    case, poles = load("late-result"), [p.values for p in load_pair("evidence-emotion").poles]
    rewards = {tuple(p.values()): clause_reward(p, case, poles) for p in plans(case)}
    best = nash_optimum(case, {"A": poles[0], "B": poles[1]})
    assert best is not None
    assert rewards[tuple(best.values())] == pytest.approx(BEST) == max(r or 0.0 for r in rewards.values())
    assert len({round(r or 0.0, 6) for r in rewards.values()}) > 10, "it tells plans apart"
