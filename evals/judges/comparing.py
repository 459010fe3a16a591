"""Whose plans are better, trained or base: won, tied and lost on the same dilemmas, personas and seeds?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evals.judges.judging import Comparison, Side
from evals.judges.reliability import in_dilemmas
from evals.statistics import Estimate, estimate
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from evals.judges.outcome import Outcome

Pair = tuple["Outcome", "Outcome"]


@dataclass(frozen=True)
class Matched:
    """Runs of two conditions matched by dilemma, pair, order of seats, seed and replicate; as (trained, base)."""

    both: tuple[Pair, ...]  # both wrote a plan
    one_sided: tuple[Pair, ...]  # one wrote a plan, the other came to none
    neither: int
    unmatched: int  # runs of either side without a counterpart


@dataclass(frozen=True)
class Tally:
    """Pairs won, tied and lost by the trained side, and what that comes to. None is missing, never 0.

    Shares and `net` are means over dilemmas, so that each weighs the same. `net` = win − loss share, in [−1, 1],
    0 is a draw, with its interval and sign-flip test by dilemma; `win_rate` = (1 + net)/2, ties half.
    """

    wins: int
    ties: int
    losses: int
    missing: int
    identical: int  # ties of plans with the same words
    split: int  # ties where the two orders named different plans
    win: float | None
    tie: float | None
    loss: float | None
    net: Estimate
    win_rate: float | None


def matched(trained: Sequence[Outcome], base: Sequence[Outcome]) -> Matched:
    """Match the runs of two conditions. Raises ParleyError where a side has two runs that match, or no two match."""
    sides = {"trained": _keyed(trained, "trained"), "base": _keyed(base, "base")}
    keys = [k for k in sides["trained"] if k in sides["base"]]
    if not keys:
        raise ParleyError(
            "no run of one side has dilemma, pair, seed and replicate of one of the other; compare runs that do"
        )
    pairs = [(sides["trained"][k], sides["base"][k]) for k in keys]
    for one, other in pairs:
        if one.run_id == other.run_id:
            raise ParleyError(
                f"run {one.run_id}: is on both sides; choose with --base-where and --trained-where"
            )
        if one.dilemma != other.dilemma:
            raise ParleyError(
                f"runs {one.run_id} and {other.run_id}: '{one.cluster}' reads differently in them; run one again"
            )
    written = [(a.completion is not None) + (b.completion is not None) for a, b in pairs]
    return Matched(
        both=tuple(p for p, n in zip(pairs, written, strict=True) if n == 2),
        one_sided=tuple(p for p, n in zip(pairs, written, strict=True) if n == 1),
        neither=written.count(0),
        unmatched=len(trained) + len(base) - 2 * len(keys),
    )


def _keyed(outcomes: Sequence[Outcome], side: str) -> dict[tuple[str, str, bool, int, int], Outcome]:
    found: dict[tuple[str, str, bool, int, int], Outcome] = {}
    for o in outcomes:
        there = found.setdefault(o.matched_by, o)
        if there is not o:
            apart = next((n for n, v in o.settings.items() if v != there.settings.get(n)), "a setting")
            raise ParleyError(
                f"runs {there.run_id} and {o.run_id} of the {side} side have one dilemma, pair and seed; "
                f"they differ in {apart}: choose with --{side}-where {apart}=VALUE"
            )
    return found


def tally(comparisons: Sequence[Comparison], *, rng: np.random.Generator) -> Tally:
    """Count comparisons in which `one` is the trained side (see `Tally`); what is missing is counted apart."""
    points = {"one": 1.0, "tie": 0.0, "other": -1.0}
    net = [np.nan if c.winner is None else points[c.winner] for c in comparisons]
    clusters = [c.one.cluster for c in comparisons]
    column = np.array(net, dtype=float)
    shares = [_share(np.where(np.isnan(column), np.nan, column == v), clusters, rng) for v in (1, 0, -1)]
    ties = [c for c in comparisons if c.winner == "tie"]
    found = in_dilemmas(estimate(column, clusters, rng=rng))
    return Tally(
        wins=net.count(1.0),
        ties=len(ties),
        losses=net.count(-1.0),
        missing=sum(c.winner is None for c in comparisons),
        identical=sum(c.one.completion == c.other.completion for c in ties),
        split=sum(c.asked for c in ties),
        win=shares[0],
        tie=shares[1],
        loss=shares[2],
        net=found,
        win_rate=None if found.mean is None else (1 + found.mean) / 2,
    )


def compared(judged: Sequence[Comparison], pairs: Matched, *, rng: np.random.Generator) -> dict[str, Tally]:
    """Two tallies: `plans`, of pairs where both wrote a plan; `with_failures`, where who came to none loses.

    A plan is written by who agreed: a side that agrees on easy dilemmas alone is judged on easy ones, which the
    second tally makes up for. There a side whose seats did not agree loses to a plan; one whose judge of agreement
    failed, or whose writer abstained, is missing. Pairs in which neither wrote a plan are in no tally.
    """
    failed = [_failed(one, other) for one, other in pairs.one_sided]
    return {"plans": tally(judged, rng=rng), "with_failures": tally([*judged, *failed], rng=rng)}


def _failed(one: Outcome, other: Outcome) -> Comparison:
    """A pair of which one side came to no plan."""
    side: Side = "one" if one.completion is not None else "other"
    loser = other if side == "one" else one
    if loser.agreed is not False:
        return Comparison(one, other, None, None, f"run {loser.run_id} has no plan, and not for disagreeing")
    return Comparison(one, other, side, side, "the other side came to no plan", asked=False)


def _share(values: np.ndarray, clusters: Sequence[str], rng: np.random.Generator) -> float | None:
    return estimate(values, clusters, rng=rng).mean
