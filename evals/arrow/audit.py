"""What is left of Arrow's axioms for each merge rule: exhaustive over all profiles of two agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from evals.arrow import axioms as _axioms
from evals.arrow.axioms import Society
from evals.arrow.orders import profiles, restricted, signs
from evals.arrow.rules import RULES, Rule, rule_named
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

Induction = Literal["full", "binary"]

INDUCTIONS: dict[Induction, str] = {
    "full": "the whole menu at once: utility = Borda rank/(n − 1), d = 0; the rule's objective ranks, or repeated "
    "removal of winners",
    "binary": "menus of two: x is at least as good as y if the rule chooses x from {x, y}",
}

ALTERNATIVES = (3, 4)


@dataclass(frozen=True)
class Verdict:
    """One axiom: whether it holds over all strict and over all weak profiles (ties allowed).

    `broken_…` counts the profiles that take part in a violation; `counterexample` is the smallest one, in
    words, of strict rankings where those suffice; "" where the axiom holds.
    """

    axiom: str
    strict: bool
    weak: bool
    broken_strict: int
    broken_weak: int
    counterexample: str

    @property
    def holds(self) -> bool:
        """Whether it holds over both."""
        return self.strict and self.weak


@dataclass(frozen=True)
class Audit:
    """A rule, one way of asking it, and what became of each axiom."""

    rule: str
    says: str
    alternatives: int
    induction: Induction
    strict_profiles: int
    weak_profiles: int
    verdicts: tuple[Verdict, ...]

    @property
    def fails(self) -> tuple[str, ...]:
        """The axioms that fail over strict or over weak profiles."""
        return tuple(v.axiom for v in self.verdicts if not v.holds)

    @property
    def contradicts_arrow(self) -> bool:
        """Whether the rule would pass everything over strict or over weak profiles, which the theorem excludes."""
        passes = all(v.strict for v in self.verdicts) or all(v.weak for v in self.verdicts)
        return self.alternatives >= 3 and passes


def audit(rule: str | Rule, alternatives: int = 3, induction: Induction = "full") -> Audit:
    """Every axiom for one rule (a name, or a `Rule` of your own), over all profiles of two agents.

    Raises ParleyError for a rule that is no deterministic merge rule, or a number of alternatives out of 2 to 4.
    """
    if induction not in INDUCTIONS:
        raise ParleyError(f"induction '{induction}': there are {', '.join(INDUCTIONS)}")
    if not 2 <= alternatives <= 4:
        raise ParleyError(f"alternatives: {alternatives}; the audit is exhaustive for 2, 3 and 4")
    asked = rule_named(rule) if isinstance(rule, str) else rule
    weak = society(asked, alternatives, induction)
    strict = weak.only(weak.strict)
    verdicts = []
    for name, check in _axioms.AXIOMS.items():
        few, all_ = check(strict), check(weak)
        shown = few or all_
        verdicts.append(
            Verdict(
                axiom=name,
                strict=few is None,
                weak=all_ is None,
                broken_strict=0 if few is None else few.broken,
                broken_weak=0 if all_ is None else all_.broken,
                counterexample="" if shown is None else shown.says,
            )
        )
    counts = (len(strict.profiles), len(weak.profiles))
    return Audit(asked.name, asked.says, alternatives, induction, *counts, tuple(verdicts))


def society(rule: Rule, alternatives: int, induction: Induction) -> Society:
    """The rule written out over all weak profiles of two agents."""
    every = profiles(alternatives)
    social = np.zeros((len(every), alternatives, alternatives), dtype=np.int8)
    if induction == "full":
        ranked = [rule.rank(p) for p in every]
        answered = np.array([order is not None for order in ranked])
        blank = tuple([0] * alternatives)
        return Society(every, signs(blank if order is None else order for order in ranked), answered)
    answered = np.ones(len(every), dtype=bool)
    chosen = cache(rule.rank)
    for x, y in combinations(range(alternatives), 2):
        for i, p in enumerate(every):
            order = chosen(restricted(p, (x, y)))
            if order is None:
                answered[i] = False
            else:
                social[i, x, y] = np.sign(order[1] - order[0])
        social[:, y, x] = -social[:, x, y]
    return Society(every, social, answered)


def audits(alternatives: Sequence[int] = ALTERNATIVES) -> list[Audit]:
    """Every deterministic merge rule by both inductions, over each number of alternatives."""
    return [audit(name, n, induction) for n in alternatives for induction in INDUCTIONS for name in RULES]


def table(found: Sequence[Audit] | None = None) -> pd.DataFrame:
    """Audits as rows, one for each rule × induction × alternatives × axiom; all of them if none are given.

    Columns: rule, induction, alternatives, axiom, strict and weak (whether it holds), broken_strict and
    broken_weak (profiles in a violation), strict_profiles and weak_profiles (of how many), counterexample.
    """
    import pandas as pd

    return pd.DataFrame(rows(audits() if found is None else found))


def rows(found: Sequence[Audit]) -> list[dict[str, str | int | bool]]:
    """The rows of `table`."""
    return [
        {
            "rule": a.rule,
            "induction": a.induction,
            "alternatives": a.alternatives,
            "axiom": v.axiom,
            "strict": v.strict,
            "weak": v.weak,
            "broken_strict": v.broken_strict,
            "broken_weak": v.broken_weak,
            "strict_profiles": a.strict_profiles,
            "weak_profiles": a.weak_profiles,
            "counterexample": v.counterexample,
        }
        for a in found
        for v in a.verdicts
    ]
