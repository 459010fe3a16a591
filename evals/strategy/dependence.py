"""Does a reply depend on what came before it, or would any order of the same moves look alike: permutation tests.

Statistic: mutual information I(before; after) = Σ p(b, a) ln(p(b, a) / (p(b) p(a))) in nats, >= 0, 0 where the two
are independent. It is biased upward in small samples, so it stands beside its mean under the null (`expected`).

Two nulls, for each breaks when seats change with the rounds or differ from ward to ward:
  within-run    the moves of one seat in one run are shuffled among themselves. What is common to a run is kept;
                a trend over the rounds, shared by both seats, looks like a dependence.
  within-round  the moves of one seat in one round are shuffled among runs. A trend over the rounds is kept;
                wards that make both seats alike look like a dependence.
Believe a dependence that both find. Where the *other* seat answers this one, shuffling within a run is
approximate, and with few rounds conservative. (Exact tests of Markov order: Besag & Mondal 2013, Biometrics 69.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evals.strategy.played import table
from evals.strategy.transitions import PAIR, STATES, Given, What
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

Codes = NDArray[np.int64]
Null = Literal["within-run", "within-round"]

STRATA: dict[Null, tuple[str, ...]] = {"within-run": ("run_id", "seat"), "within-round": ("seat", "round")}
COLUMNS = ("what", "given", "null", "pairs", "runs", "information", "expected", "excess", "p")


def dependence(
    moves: pd.DataFrame,
    *,
    rng: np.random.Generator,
    by: Sequence[str] = PAIR,
    what: What = "step",
    given: Given = "received",
    resamples: int = 999,
) -> pd.DataFrame:
    """Whether moves depend on the move before: a row for each group of `by` and null (`by` and COLUMNS).

    `given` = received asks about replies, previous about the seat's own sequence (order 0 against order 1).
    `pairs` moves with a class and a class before them; information, expected and excess (their difference) in
    nats. p = (1 + permutations with at least this information) / (1 + resamples), one-sided; missing
    where no shuffle can change anything. Hand over the moves of one condition, or put `condition` into `by`.
    """
    if resamples < 1:
        raise ParleyError(f"resamples is {resamples}; shuffle at least once")
    rows = []
    groups = moves.groupby(list(by), dropna=False, sort=True) if len(by) else [((), moves)]
    for key, group in groups:
        for null in STRATA:
            found = _tested(group, what, given, null, resamples, rng)
            rows.append(
                dict(zip(by, key, strict=True)) | {"what": what, "given": given, "null": null} | found
            )
    return table(rows, [*by, *COLUMNS]).astype(dict.fromkeys(COLUMNS[-4:], "float64"))


def mutual_information(before: Codes, after: Codes, states: int) -> float:
    """I(before; after) in nats, >= 0, of two equally long arrays of classes 0 … states − 1; nan of nothing."""
    if not len(before):
        return float("nan")
    joint = np.bincount(before * states + after, minlength=states**2).reshape(states, states) / len(before)
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    seen = joint > 0
    return max(0.0, float((joint[seen] * np.log(joint[seen] / apart[seen])).sum()))


@dataclass(frozen=True)
class _Pairs:
    """Moves as classes, with the places to shuffle: rows of each block of `blocks` are shuffled, each by itself.

    The class before pair j is `fixed[j]`, or, where the seat's own sequence is asked about, that of move before[j].
    """

    codes: Codes
    before: Codes
    after: Codes
    fixed: Codes | None
    blocks: list[Codes]

    def information(self, codes: Codes, states: int) -> float:
        given = codes[self.before] if self.fixed is None else self.fixed
        return mutual_information(given, codes[self.after], states)

    def shuffled(self, rng: np.random.Generator) -> Codes:
        codes = self.codes.copy()
        for places in self.blocks:
            codes[places] = rng.permuted(self.codes[places], axis=1)
        return codes


def _tested(
    moves: pd.DataFrame, what: What, given: Given, null: Null, resamples: int, rng: np.random.Generator
) -> dict[str, Any]:
    pairs, runs = _pairs(moves, what, given, null)
    states = len(STATES[what])
    found = pairs.information(pairs.codes, states)
    row: dict[str, Any] = {"pairs": len(pairs.after), "runs": runs, "information": found}
    if not len(pairs.after) or not pairs.blocks:
        return row | {"expected": None, "excess": None, "p": None}
    drawn = np.array([pairs.information(pairs.shuffled(rng), states) for _ in range(resamples)])
    if np.ptp(np.append(drawn, found)) <= 1e-12:
        return row | {"expected": None, "excess": None, "p": None}
    expected = float(drawn.mean())
    p = (1 + int((drawn >= found - 1e-12).sum())) / (1 + resamples)
    return row | {"expected": expected, "excess": found - expected, "p": p}


def _pairs(moves: pd.DataFrame, what: What, given: Given, null: Null) -> tuple[_Pairs, int]:
    moves = moves.sort_values(["run_id", "seat", "round", "index"], ignore_index=True)
    number = {state: i for i, state in enumerate(STATES[what])}
    codes, told = (
        moves[c].map(number).fillna(-1).to_numpy(dtype=np.int64) for c in (what, f"{given}_{what}")
    )
    own = given == "previous"
    paired = (codes >= 0) & (told >= 0)
    if own:  # the move before must be among these moves: a group may hold some rounds alone
        who = moves[["run_id", "seat"]]
        paired &= (who == who.shift()).all(axis=1).to_numpy() & (np.roll(codes, 1) >= 0)
    after = np.flatnonzero(paired)
    # A seat's own sequence is shuffled whole; replies only among the moves that reply to something.
    shuffling = codes >= 0 if own else paired
    blocks = list(_blocks(moves, codes, shuffling, STRATA[null]))
    fixed = None if own else told[after]
    return _Pairs(codes, after - 1, after, fixed, blocks), int(moves.loc[paired, "run_id"].nunique())


def _blocks(
    moves: pd.DataFrame, codes: Codes, shuffling: NDArray[np.bool_], strata: tuple[str, ...]
) -> Iterator[Codes]:
    """The places of each stratum that can change anything, strata of one size together: (strata, size)."""
    number = moves.groupby(list(strata), sort=False).ngroup().to_numpy()
    places = np.flatnonzero(shuffling)
    places = places[np.argsort(number[places], kind="stable")]
    cuts = np.flatnonzero(np.diff(number[places])) + 1
    by_size: dict[int, list[Codes]] = {}
    for stratum in np.split(places, cuts):
        if len(stratum) and (codes[stratum] != codes[stratum[0]]).any():
            by_size.setdefault(len(stratum), []).append(stratum)
    yield from (np.array(same) for same in by_size.values())
