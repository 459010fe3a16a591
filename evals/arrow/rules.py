"""What does a merge rule rank when it is given rankings: every deterministic rule over abstract alternatives.

An objective takes the seats' utilities at each alternative and their disagreement point, and gives each
alternative a key; keys compare lexicographically, higher is better. The objectives are those of
`nodes.merging.rules` (a test holds both together on wards whose feasible allocations are the alternatives).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import prod

from evals.arrow.orders import Order, Profile, dense, restricted
from scenarios.errors import ParleyError

Points = Sequence[Sequence[float]]
"""u[x][s]: the utility of seat s at alternative x."""

Keys = list[tuple[float, ...]]
Objective = Callable[[Points, Sequence[float]], Keys]

GAIN = 1e-6
"""A smaller gain over the disagreement point is none, as in `nodes.merging.bargain`."""

DIGITS = 9
"""Keys are compared to so many digits, so that 1/6 + 5/6 ties with 1/3 + 2/3."""

BEYOND_REASON: tuple[float, ...] = (float("-inf"),)
"""The key of an alternative that leaves a seat below its disagreement point."""


@dataclass(frozen=True)
class Rule:
    """A rule as a social welfare function: `rank` gives society's order of a menu, or None for no answer."""

    name: str
    says: str
    rank: Callable[[Profile], Order | None]


def utilitarian(points: Points, disagreement: Sequence[float]) -> Keys:
    """Σ_s u_s (Harsanyi 1955); over Borda utilities, Borda's rule."""
    return [(round(sum(u), DIGITS),) for u in points]


def egalitarian(points: Points, disagreement: Sequence[float]) -> Keys:
    """min_s (u_s − d_s)/(ideal_s − d_s) (Rawls 1971; Kalai 1977)."""
    return [key[:1] for key in leximin(points, disagreement)]


def leximin(points: Points, disagreement: Sequence[float]) -> Keys:
    """The shares (u_s − d_s)/(ideal_s − d_s), the least first (Sen 1970): Kalai–Smorodinsky (1975) as Imai
    (1983) completed it. A seat whose ideal is d is left out; ideals go over what leaves nobody below d."""
    return _by_shares(points, disagreement, lambda shares: tuple(sorted(shares)))


def nash(points: Points, disagreement: Sequence[float]) -> Keys:
    """Π_s (u_s − d_s) (Nash 1950). Where not all can gain, as many seats as can, then the product of their
    shares, so that alternatives of product 0 are ranked too (Caragiannis et al. 2019)."""

    def key(shares: Sequence[float]) -> tuple[float, ...]:
        gaining = [share for share in shares if share > GAIN]
        return (float(len(gaining)), round(prod(gaining), DIGITS))

    return _by_shares(points, disagreement, key)


OBJECTIVES: dict[str, Objective] = {
    "utilitarian": utilitarian,
    "egalitarian": egalitarian,
    "nash": nash,
    "kalai-smorodinsky": leximin,
    "leximin": leximin,
}


def _by_shares(
    points: Points, disagreement: Sequence[float], key: Callable[[Sequence[float]], tuple[float, ...]]
) -> Keys:
    rational = [all(u >= d - GAIN for u, d in zip(us, disagreement, strict=True)) for us in points]
    kept = [us for us, ok in zip(points, rational, strict=True) if ok]
    ideal = [max((us[s] for us in kept), default=d) for s, d in enumerate(disagreement)]
    gainers = [s for s, d in enumerate(disagreement) if ideal[s] - d > GAIN]
    scaled = [
        [round((us[s] - disagreement[s]) / (ideal[s] - disagreement[s]), DIGITS) for s in gainers]
        for us in points
    ]
    return [key(shares) if ok else BEYOND_REASON for shares, ok in zip(scaled, rational, strict=True)]


@cache
def borda(order: Order) -> tuple[float, ...]:
    """The utility of each alternative: its Borda rank over n − 1, in [0, 1]; ties share their mean rank."""
    n = len(order)
    below = [sum(at > level for at in order) for level in order]
    level_with = [sum(at == level for at in order) - 1 for level in order]
    return tuple((b + t / 2) / max(1, n - 1) for b, t in zip(below, level_with, strict=True))


def ranked_by(objective: Objective, profile: Profile) -> Order:
    """The order of an objective at Borda utilities and d = 0."""
    utilities = [borda(order) for order in profile]
    keys = objective(list(zip(*utilities, strict=True)), [0.0] * len(profile))
    places = {key: place for place, key in enumerate(sorted(set(keys), reverse=True))}
    return tuple(places[key] for key in keys)


def by_removal(choose: Callable[[Profile], frozenset[int]], profile: Profile) -> Order:
    """The order of a rule that only chooses: its winners first, then the winners of what is left, and so on."""
    left, levels, level = list(range(len(profile[0]))), [0] * len(profile[0]), 0
    while left:
        winners = {left[place] for place in choose(restricted(profile, left))}
        for x in winners:
            levels[x] = level
        left, level = [x for x in left if x not in winners], level + 1
    return dense(levels)


def best_of_seat(seat: int, profile: Profile) -> frozenset[int]:
    """What one seat holds best: the choice of whoever has the last word."""
    return frozenset(x for x, level in enumerate(profile[seat]) if level == 0)


def nearest_to_mean(profile: Profile) -> frozenset[int]:
    """The alternatives nearest to the mean of what the seats hold best, all being equally far apart.

    Each seat spreads its move evenly over its best; the squared distance to alternative x falls with the share
    of the mean that lies on x, so the nearest are those of most share (with two seats: shared plurality).
    """
    share = [0.0] * len(profile[0])
    for order in profile:
        for x in (best := [x for x, level in enumerate(order) if level == 0]):
            share[x] += 1 / len(best)
    most = max(share)
    return frozenset(x for x, s in enumerate(share) if s > most - GAIN)


MEAN_AND_REPAIR = (
    "The mean of two allocations is a third one, which no ranking speaks of: over rankings alone the rule is "
    "no function. Audited is its menu form (ours): the alternatives nearest to the mean of the seats' best, "
    "in a ward where all are equally far apart (each serves one patient). Of whole goods the rule draws a "
    "lottery, of which the theorem does not speak."
)

RULES: dict[str, Rule] = {
    "mean-and-repair": Rule("mean-and-repair", MEAN_AND_REPAIR, partial(by_removal, nearest_to_mean)),
    "utilitarian": Rule("utilitarian", "the sum of the seats' utilities", partial(ranked_by, utilitarian)),
    "egalitarian": Rule("egalitarian", "the lesser of the seats' shares", partial(ranked_by, egalitarian)),
    "nash": Rule("nash", "the product of the seats' utilities", partial(ranked_by, nash)),
    "kalai-smorodinsky": Rule(
        "kalai-smorodinsky", "the shares of each seat's ideal, the least first", partial(ranked_by, leximin)
    ),
    "leximin": Rule("leximin", "the seats' shares, the least first", partial(ranked_by, leximin)),
    "last-word-first": Rule(
        "last-word-first",
        "no objective: the best of the first seat, then the best of what is left, and so on",
        partial(by_removal, partial(best_of_seat, 0)),
    ),
    "last-word-last": Rule(
        "last-word-last",
        "no objective: the best of the last seat, then the best of what is left, and so on",
        partial(by_removal, partial(best_of_seat, -1)),
    ),
}
"""Every deterministic merge rule, by its name in `nodes.merging.rules.MERGE_RULES`."""

OUTSIDE: dict[str, str] = {
    "weighted-lottery": "a lottery, and the theorem is about functions. Random dictatorship (Gibbard 1977) "
    "escapes: the ranking that is drawn respects unanimity, each pair depends on that pair alone, and no seat "
    "dictates for certain",
    "llm": "a model proposes; it is no function that could be asked about every profile",
}
"""Merge rules that the theorem does not speak of, with the reason."""


def rule_named(name: str) -> Rule:
    """The rule of a name. Raises ParleyError for a rule that is outside, with the reason, or unknown."""
    if name in OUTSIDE:
        raise ParleyError(f"merge rule '{name}': outside Arrow's theorem: {OUTSIDE[name]}")
    if name not in RULES:
        raise ParleyError(f"merge rule '{name}': no such rule to audit; there are {', '.join(RULES)}")
    return RULES[name]
