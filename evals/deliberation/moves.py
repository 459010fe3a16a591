"""How did they bargain: what turns do to the plan, what follows what, what it gains the speaker?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.deliberation.gathered import Gathered
from evals.findings.section import Section, Shown, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

ORDER = (
    "open",
    "hold",
    "concede",
    "trade",
    "explore",
    "insist",
    "talk",
    "consent",
    "part",
    "mediate",
    "abstain",
)
"""Strategies in the order they are read; see `nodes.deliberation.measures.strategy`."""


def moves(g: Gathered) -> Section:
    """The section: shares of strategies by arm, what answers what, mean gains of a strategy."""
    turns = told_turns(g)
    if turns.empty:
        return Section("How they bargained", ["No run has a dialogue."])
    shares, follows, gains = strategies(turns), answers(turns), gained(turns)
    return Section(
        title="How they bargained",
        says=[
            "What a turn does is read off its plan line beside the speaker's last one and what it was answered with."
        ],
        tables={"strategies": shares, "answers": follows, "gains": gains},
        shown=[_shares(g, shares), _gains(gains)],
        figures={"answers": lambda: _drawn(follows)},
    )


def told_turns(g: Gathered) -> pd.DataFrame:
    """Every turn of the study's own dialogues, with the arm it is of."""
    uses = g.talked[["run_id", "arm"]].drop_duplicates()
    return g.frames.turns.merge(uses, on="run_id")


def strategies(turns: pd.DataFrame) -> pd.DataFrame:
    """arm, strategy, turns, share of the arm's turns."""
    counts = turns.groupby(["arm", "strategy"], sort=False).size().rename("turns").reset_index()
    return counts.assign(share=counts["turns"] / counts.groupby("arm")["turns"].transform("sum"))


def answers(turns: pd.DataFrame) -> pd.DataFrame:
    """before, after, turns, share of what follows `before`: of consecutive turns of one dialogue by different seats."""
    ordered = turns.drop_duplicates(["run_id", "place"]).sort_values(["run_id", "place"])
    after = ordered.groupby("run_id")[["strategy", "seat"]].shift(-1)
    both = ordered.assign(after=after["strategy"], other=after["seat"]).dropna(subset=["after"])
    both = both[both["seat"] != both["other"]].rename(columns={"strategy": "before"})
    counts = both.groupby(["before", "after"]).size().rename("turns").reset_index()
    return counts.assign(share=counts["turns"] / counts.groupby("before")["turns"].transform("sum"))


def gained(turns: pd.DataFrame) -> pd.DataFrame:
    """strategy, turns, delta_own, delta_other: what a turn changes of the worth of its speaker's plan, on the mean."""
    known = turns.drop_duplicates(["run_id", "place"]).dropna(subset=["delta_own"])
    made = known.groupby("strategy").agg(
        turns=("place", "size"), delta_own=("delta_own", "mean"), delta_other=("delta_other", "mean")
    )
    return made.reset_index()


def _shares(g: Gathered, table: pd.DataFrame) -> Shown:
    at = {(r.arm, r.strategy): r.share for r in table.itertuples()}
    there = [s for s in ORDER if s in set(table["strategy"])]
    rows = [[c, *(number(at.get((c, s), 0.0)) for s in there)] for c in g.arms if (table["arm"] == c).any()]
    return Shown("Shares of what turns do", ["", *there], rows)


def _gains(table: pd.DataFrame) -> Shown:
    rows = [
        [r.strategy, str(r.turns), number(r.delta_own, 3, signed=True), number(r.delta_other, 3, signed=True)]
        for r in table.itertuples()
    ]
    return Shown(
        "What a turn gives away", ["", "turns", "own worth", "the other's"], rows,
        "Change of the worth of the plan it names, against its speaker's plan before; of seats that have values.",
    )  # fmt: skip


def _drawn(table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import figure, heatmap, titled

    rows, columns = ([s for s in ORDER if s in set(table[side])] for side in ("before", "after"))
    values = np.full((len(rows), len(columns)), np.nan)
    for r in table.itertuples():
        values[rows.index(r.before), columns.index(r.after)] = r.share
    text = [["" if v != v else f"{v:.2f}" for v in row] for row in values]
    fig, axes = figure(width=6.5, height=1.7 + 0.42 * len(rows))
    heatmap(axes[0, 0], rows, columns, values, text)
    axes[0, 0].set_ylabel("a turn")
    axes[0, 0].set_xlabel("is answered by")
    note = "Of the turns that follow one of the row's, by another seat, the share of each kind; all arms together."
    return titled(fig, "What answers what", note)
