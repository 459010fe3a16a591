"""How are the seats' last moves made one allocation: named merge rules, each a point of F(m).

Ties of every rule: nearest to the mean of the moves, in shares of demand, then a seeded draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from nodes.merging.bargain import (
    GAIN,
    SLACK,
    Bargain,
    Merged,
    bargained,
    best,
    by_cuts,
    checked,
    nearest,
    summed,
)
from scenarios.errors import ParleyError
from scenarios.lottery import draw
from scenarios.ward import TOLERANCE, Array

__all__ = ["MERGE_RULES", "Bargain", "MergeRule", "Merged", "describe", "merge", "merge_rule", "settle"]


@dataclass(frozen=True)
class MergeRule:
    """A named merge rule. `settle` is None where a model proposes and `settle_proposal` checks."""

    name: str
    says: str
    source: str
    settle: Callable[[Bargain], Merged] | None
    symmetric: bool = True

    @property
    def needs_model(self) -> bool:
        """Whether a model has to propose the allocation."""
        return self.settle is None


MERGE_RULES: dict[str, MergeRule] = {}


def merge_rule(
    name: str, *, source: str, says: str, symmetric: bool = True
) -> Callable[[Callable[[Bargain], Merged]], Callable[[Bargain], Merged]]:
    """Enter a function in MERGE_RULES; `symmetric` says that the order of seats makes no difference to it."""

    def enter(settle: Callable[[Bargain], Merged]) -> Callable[[Bargain], Merged]:
        MERGE_RULES[name] = MergeRule(name, says, source, settle, symmetric)
        return settle

    return enter


def merge(name: str, bargain: Bargain) -> Merged:
    """The joint allocation of a bargain by a named rule: feasible, in the span of the moves, the agreed kept.

    Where nothing is contested there is nothing to settle, whatever the rule: the moves are one and stand.
    Raises ParleyError for a name that is no rule or needs a model; AssertionError should a rule leave F(m).
    """
    if name not in MERGE_RULES:
        raise ParleyError(
            f"merge rule '{name}': there is none of that name; there are {', '.join(MERGE_RULES)}"
        )
    rule = MERGE_RULES[name].settle
    if rule is None:
        raise ParleyError(
            f"merge rule '{name}': needs a model to propose; name a mediator model, or another rule"
        )
    return checked(bargain, rule(bargain) if bargain.contested else Merged(bargain.lower))


def settle(bargain: Bargain, proposed: Array) -> Merged:
    """The point of F(m) nearest to a model's proposal, in shares of demand; nan and inf read as the mean."""
    from scenarios.optimum import Nearest, maximise

    target = np.where(np.isfinite(proposed), proposed, bargain.mean)
    found = maximise(bargain.ward, Nearest(target), lower=bargain.lower, upper=bargain.upper)
    moved = int((abs(found.x - proposed) > TOLERANCE * np.maximum(1, bargain.ward.arrays.demand)).sum())
    kept = moved + int((~np.isfinite(proposed)).sum())
    notes = (f"proposal brought into the span of the moves, {kept} cells changed",) if kept else ()
    return checked(bargain, Merged(found.x, gap=found.gap, notes=notes))


def describe() -> list[dict[str, str]]:
    """Name, meaning and source of every merge rule, in the order of the registry."""
    return [{"name": r.name, "says": r.says, "source": r.source} for r in MERGE_RULES.values()]


@merge_rule(
    "mean-and-repair",
    source="ours",
    says="the mean of the moves; whole goods by a lottery with these chances",
)
def mean_and_repair(b: Bargain) -> Merged:
    """The mean of the moves, feasible as each move is; whole goods are drawn with the mean as marginals."""
    if not b.ward.arrays.whole.any():
        return Merged(b.mean)
    return Merged(draw(b.ward, b.mean, b.rng()), marginals=b.mean)


@merge_rule("utilitarian", source="Harsanyi 1955", says="the greatest sum of the seats' declared utilities")
def utilitarian(b: Bargain) -> Merged:
    """max Σ_s u_s over F(m). Distances to several anchors have no one objective, so they come by cuts."""
    from scenarios.optimum import Total

    anchored = [u for u in b.utilities if u.distance]
    if len(anchored) < 2:
        return best(b, Total(summed(b.utilities)))
    return by_cuts(b, summed([replace(u, distance=0.0, anchor=None) for u in b.utilities]), anchored)


@merge_rule("egalitarian", source="Rawls 1971; Kalai 1977", says="the worse-off seat as well off as can be")
def egalitarian(b: Bargain) -> Merged:
    """max min_s (u_s − d_s)/(ideal_s − d_s) over F(m). Weakly efficient only: what the least seat cannot
    use may be left to the nearness to the mean; `leximin` completes it."""
    from scenarios.optimum import Least

    return bargained(b, Least(b.terms(b.gainers)))


@merge_rule(
    "nash", source="Nash 1950; Caragiannis et al. 2019", says="the greatest product of the seats' gains"
)
def nash(b: Bargain) -> Merged:
    """max Π_s (u_s − d_s) over F(m) with u >= d. Where not all can gain at once (whole goods) the product is 0
    everywhere; then as many seats as can, as Caragiannis et al. have it, and of such sets the one with the
    greatest product of (u_s − d_s)/(ideal_s − d_s), so that no utility's scale matters (ours)."""
    from scenarios.optimum import LogProduct

    for size in range(len(b.gainers), 0, -1):
        found: list[tuple[float, Merged]] = []
        for seats in combinations(b.gainers, size):
            terms = b.terms(seats)
            merged = bargained(b, LogProduct(tuple((u, d) for u, d, _ in terms)))
            shares = np.array([(u.value(b.ward, merged.allocation) - d) / scale for u, d, scale in terms])
            if shares.min() > GAIN:
                found.append((float(np.log(shares).sum()), merged))
        if found:
            best_product = max(product for product, _ in found)
            merged = nearest(b, [m for product, m in found if product >= best_product - SLACK])
            alone = size < len(b.gainers)
            note = (f"not all can gain at once, only {size} of {len(b.gainers)} do",) if alone else ()
            return replace(merged, notes=merged.notes + note)
    return bargained(b, LogProduct(()))


@merge_rule(
    "kalai-smorodinsky",
    source="Kalai & Smorodinsky 1975; Imai 1983",
    says="equal shares of what each seat could gain, the rest lexicographically",
)
def kalai_smorodinsky(b: Bargain) -> Merged:
    """max min_s (u_s − d_s)/(ideal_s − d_s) over F(m) with u >= d, completed lexicographically (Imai 1983);
    a seat whose ideal is d is left out."""
    from scenarios.optimum import Leximin

    return bargained(b, Leximin(b.terms(b.gainers)))


@merge_rule(
    "leximin", source="Sen 1970; Imai 1983", says="the worst-off seat first, then the next, and so on"
)
def leximin(b: Bargain) -> Merged:
    """Leximin over seats, utilities scaled by d and ideal. In these utilities it is Kalai–Smorodinsky as
    Imai (1983) completed it: both names stand for one rule, and a test holds them together."""
    from scenarios.optimum import Leximin

    return bargained(b, Leximin(b.terms(b.gainers)))


@merge_rule(
    "weighted-lottery",
    source="Gibbard 1977, random dictatorship",
    says="one seat's whole last move, drawn with its weight (equal by default)",
)
def weighted_lottery(b: Bargain) -> Merged:
    """One seat's move as a whole, divisible goods too, drawn with its weight; the marginals are the weighted
    mean. Where mean-and-repair breaks every move into cells, this never parts what a seat put together."""
    weights = b.weights or (1.0,) * len(b.moves)
    ordered = sorted(zip(b.moves, weights, strict=True), key=lambda pair: (pair[0].tobytes(), pair[1]))
    chances = np.cumsum([w for _, w in ordered]) / sum(w for _, w in ordered)
    pick = int(np.searchsorted(chances, b.rng().random(), side="right"))
    marginals = np.average([m for m, _ in ordered], axis=0, weights=[w for _, w in ordered])
    return Merged(ordered[min(pick, len(ordered) - 1)][0], marginals=np.clip(marginals, b.lower, b.upper))


@merge_rule("last-word-first", source="ultimatum rule", says="the first seat's last move", symmetric=False)
def last_word_first(b: Bargain) -> Merged:
    """The first seat has the last word."""
    return Merged(b.moves[0])


@merge_rule("last-word-last", source="ultimatum rule", says="the last seat's last move", symmetric=False)
def last_word_last(b: Bargain) -> Merged:
    """The last seat has the last word."""
    return Merged(b.moves[-1])


MERGE_RULES["llm"] = MergeRule(
    "llm", "a model proposes, `settle` brings it into the span of the moves", "ours", None
)
