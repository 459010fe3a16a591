"""Which numbers can a hypothesis about a deliberation be about: outcomes by name, one value a run.

Every outcome is a table of (run_id, stage, value) with the one stage `final`, read off `DeliberationFrames` alone. An
invalid run has no row. What is undefined is NaN, never 0: the rounds of a dialogue that did not end in agreement, the
worth of a plan that was never whole, whatever a judge that failed did not say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from evals.dilemmas.outcomes import column, made
from evals.outcomes import Better, Outcome
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

EARLY = 2
"""An agreement in the first or second round, on what was contested, is called early (ours)."""

Values = Callable[["pd.DataFrame"], Array]


def _made(
    name: str, says: str, unit: str, values: Values, better: Better = "higher", **ends: float
) -> Outcome:
    return made(name, says, unit, lambda _, runs: values(runs), better, **ends)


def _of(name: str) -> Values:
    return lambda runs: column(runs, name)


def _early(runs: pd.DataFrame) -> Array:
    """1 where seats that began apart agreed within EARLY rounds, 0 where later or not; NaN where nothing was apart."""
    agreed, rounds, contested = (column(runs, f"m:{n}") for n in ("agreed", "rounds", "contested"))
    known = ~np.isnan(agreed) & (contested > 0)
    return np.where(known, ((agreed == 1) & (rounds <= EARLY)).astype(float), np.nan)


def _lead(runs: pd.DataFrame) -> Array:
    return column(runs, "m:kept:A") - column(runs, "m:kept:B")


def _ahead(runs: pd.DataFrame) -> Array:
    return column(runs, "m:worth:A") - column(runs, "m:worth:B")


def _capitulated(runs: pd.DataFrame) -> Array:
    """1 where the last verdict was that one side gave in."""
    said = runs["last_verdict"].astype(object)
    return np.array([np.nan if k is None or k != k else float(k == "capitulated") for k in said])


def _twin(runs: pd.DataFrame) -> Array:
    """1 where the rule and the judge say the same of the last round; NaN where either did not."""
    rule, judge = column(runs, "m:rule"), column(runs, "m:agreed")
    return np.where(np.isnan(rule) | np.isnan(judge), np.nan, (rule == judge).astype(float))


SHARE, YES, WORTH = "share", "yes or no", "worth, 0 to 1"

SCORED = {
    "collective_agency": "how far the plan advances collective agency, by the judges of the study",
    "conflict_resolution": "how well the plan resolves what is in conflict, by the judges of the study",
    "joint_worth": "geometric mean of the worths, 5 being the best that any plan has, by the rule",
}
"""What judges score, from 0 to 5 (see `evals.judges`); joined by `evals.deliberation.judged`, missing where not."""

JUDGED = {name: f"j:{name}" for name in SCORED} | {f"won:{name}": f"won:{name}" for name in SCORED}
"""Outcome -> the column of `runs` that it stands in."""


def _of_judges() -> Iterator[Outcome]:
    for name, says in SCORED.items():
        yield _made(name, says, "score, 0 to 5", _of(JUDGED[name]), high=5)
        won = f"share of its comparisons that the plan won, a tie ½: {name}"
        yield _made(f"won:{name}", won, SHARE, _of(JUDGED[f"won:{name}"]), high=1)


OUTCOMES: dict[str, Outcome] = {
    o.name: o
    for o in (
        _made("agreed", "whether the seats agreed, by their judge", YES, _of("m:agreed"), high=1),
        _made("rounds", "rounds until agreement; missing without one", "rounds", _of("m:rounds"), "lower"),
        _made("worth_mean", "mean worth of the plan to the seats", WORTH, _of("m:mean"), high=1),
        _made("worth_least", "worth of the plan to the seat that has least", WORTH, _of("m:least"), high=1),
        _made("nash", "product of the worths", WORTH, _of("m:nash"), high=1),
        _made(
            "regret", "best attainable worth of the worse off less what it got", WORTH,
            _of("m:regret_egalitarian"), "lower", high=1,
        ),
        _made(
            "regret_mean", "best attainable mean worth less the mean worth", WORTH,
            _of("m:regret_utilitarian"), "lower", high=1,
        ),
        _made("efficient", "no plan is better for one seat and worse for none", YES, _of("m:pareto"), high=1),
        _made(
            "one_sided", "greatest less least share of contested clauses that survived", SHARE,
            _of("m:one_sided"), "nearer 0", high=1,
        ),
        _made(
            "lead", "share of contested clauses that the first speaker kept, less the second's", SHARE, _lead,
            "nearer 0", low=-1, high=1,
        ),
        _made(
            "ahead", "worth of the plan to the first speaker, less to the second", WORTH, _ahead, "nearer 0",
            low=-1, high=1,
        ),
        _made("early", f"agreed within {EARLY} rounds on what was contested", YES, _early, "neither", high=1),
        _made("capitulated", "ended in a verdict that one side gave in", YES, _capitulated, "lower", high=1),
        _made("faithful", "what was written down is what was agreed", YES, _of("m:faithful"), high=1),
        _made("judge_is_rule", "the judge says what the rule says of the last round", YES, _twin, high=1),
        _made("plans", "different whole plans that were named", "plans", _of("m:plans"), "neither"),
        _made("words", "words a turn", "words", _of("m:words"), "neither"),
        _made("turns", "utterances", "turns", _of("m:turns"), "neither"),
        *_of_judges(),
    )
}  # fmt: skip
"""Every outcome by name."""
