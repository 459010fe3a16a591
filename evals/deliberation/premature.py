"""How soon do seats agree, whose clauses survive, and does a quick agreement leave more undone?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.deliberation.gathered import Gathered
from evals.findings.section import SEED, Section, Shown, estimated, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

KINDS = ("agreed", "debating", "disagreed", "capitulated", "vague")
SOON = ("regret", "one_sided", "lead", "efficient")


def premature(g: Gathered) -> Section:
    """The section: agreement by round, verdicts by kind, and what is left undone by the round of agreement."""
    if g.talked.empty:
        return Section("How soon they agreed", ["No run has a dialogue."])
    by_round, soon, kinds = open_by_round(g), by_agreement(g), verdict_counts(g)
    return Section(
        title="How soon they agreed",
        says=[
            "A premature compromise is one that was reached before what divides the seats was worked through. Three "
            "signs of it, none of them proof: agreement in the first rounds, clauses of one side alone that survive, "
            "and a worse-off seat that could have had more (`regret`).",
        ],
        tables={"agreement_by_round": by_round, "by_round_of_agreement": soon, "verdicts": kinds},
        shown=[_open(g, by_round), _soon(soon), _kinds(kinds)],
        figures={} if by_round.empty else {"agreement": lambda: _drawn(g, by_round)},
    )


def open_by_round(g: Gathered) -> pd.DataFrame:
    """arm, round, at_risk, agreed, open: the share of dialogues that have not agreed by the end of a round.

    Kaplan–Meier (1958) over dialogues. One that ends at its cap is censored there; one whose judge failed at the end
    is censored at the last round that has a verdict, and is at risk in none after it: a missing verdict is no NO.
    """
    import pandas as pd

    last = g.frames.verdicts.dropna(subset=["kind"]).groupby("run_id")["round"].max()
    rows = []
    for arm, here in g.talked.groupby("arm", sort=False):
        ended = here.assign(last=here["run_id"].map(last), yes=here["m:agreed"] == 1).dropna(subset=["last"])
        left = 1.0
        for round_ in range(1, int(ended["last"].max()) + 1 if len(ended) else 1):
            risk = int((ended["last"] >= round_).sum())
            agreed = int(((ended["last"] == round_) & ended["yes"]).sum())
            left *= 1 - agreed / risk if risk else 1.0
            rows.append({"arm": arm, "round": round_, "at_risk": risk, "agreed": agreed, "open": left})
    return pd.DataFrame(rows, columns=["arm", "round", "at_risk", "agreed", "open"])


def by_agreement(g: Gathered) -> pd.DataFrame:
    """round, outcome, mean, low, high, runs: over all dialogues that agreed in that round, clustered by dilemma."""
    import pandas as pd

    from evals.statistics import estimates

    made = g.values(SOON)
    made = made[~made["alone"].astype(bool)].drop_duplicates("run_id").dropna(subset=["m:rounds"])
    rows = []
    for round_, here in made.groupby("m:rounds"):
        matrix = here[[f"o:{n}" for n in SOON]].to_numpy(dtype=float)
        found = estimates(matrix, here["cluster"], rng=np.random.default_rng(SEED))
        for name, e in zip(SOON, found, strict=True):
            rows.append(
                {
                    "round": int(round_),
                    "outcome": name,
                    "mean": e.mean,
                    "low": e.low,
                    "high": e.high,
                    "runs": len(here),
                }
            )
    return pd.DataFrame(rows, columns=["round", "outcome", "mean", "low", "high", "runs"])


def verdict_counts(g: Gathered) -> pd.DataFrame:
    """arm, round, and how many verdicts of each kind; `missing`: the judge gave none."""
    import pandas as pd

    uses = g.talked[["run_id", "arm"]].drop_duplicates()
    told = g.frames.verdicts.merge(uses, on="run_id")
    told = told.assign(kind=told["kind"].fillna("missing"))
    counts = pd.crosstab([told["arm"], told["round"]], told["kind"])
    counts = counts.reindex(columns=[*KINDS, "missing"], fill_value=0).reset_index()
    return counts.sort_values("arm", key=lambda c: c.map(g.arms.index), kind="stable", ignore_index=True)


def _open(g: Gathered, table: pd.DataFrame) -> Shown:
    rounds = sorted(table["round"].unique())
    at = {(r.arm, r.round): r.open for r in table.itertuples()}
    rows = [[c, *(number(at.get((c, r))) for r in rounds)] for c in g.arms if (c, 1) in at]
    return Shown(
        "Share that has not agreed by the end of round …", ["", *map(str, rounds)], rows,
        "Kaplan–Meier; dialogues that end at their cap are censored there.",
    )  # fmt: skip


def _soon(table: pd.DataFrame) -> Shown:
    at = {(r.round, r.outcome): r for r in table.itertuples()}
    rows = []
    for round_ in sorted(table["round"].unique()):
        cells = [at[round_, n] for n in SOON]
        rows.append([str(round_), str(cells[0].runs), *(estimated(c.mean, c.low, c.high) for c in cells)])
    return Shown(
        "By the round of agreement", ["agreed in round", "runs", *SOON], rows,
        "All arms together; intervals over dilemmas.",
    )  # fmt: skip


def _kinds(table: pd.DataFrame) -> Shown:
    kinds = [*KINDS, "missing"]
    total = table.groupby("arm", sort=False)[kinds].sum()
    rows = [[str(c), *(str(int(row[k])) for k in kinds)] for c, row in total.iterrows()]
    return Shown("Verdicts", ["", *kinds], rows, "Over all rounds; by round in the table.")


def _drawn(g: Gathered, table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import figure, look, titled

    fig, axes = figure(width=8.5, height=4)
    ax = axes[0, 0]
    for i, arm in enumerate(c for c in g.arms if (table["arm"] == c).any()):
        here = table[table["arm"] == arm]
        rounds, left = [0, *here["round"]], [1.0, *here["open"]]
        ax.step(rounds, left, where="post", label=arm, **look(i), markersize=5, linewidth=1.3, alpha=0.85)
    ax.set_xlabel("round")
    ax.set_ylabel("share not agreed yet")
    ax.set_ylim(-0.03, 1.03)
    ax.xaxis.get_major_locator().set_params(integer=True)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside right center", fontsize=8.5)
    return titled(
        fig,
        "How soon they agree",
        "Kaplan–Meier over dialogues; those that end at their cap are censored there. Lines may lie on each other.",
    )
