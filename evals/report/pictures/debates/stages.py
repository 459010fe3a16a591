"""How fair is each stage of a debate: need met by the favoured and by the rest, a panel a condition?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.by_stage import called, ordered
from evals.findings.section import SEED, Section, Shown, estimated, number
from evals.findings.strategy_figures import PANEL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evals.frames import Frames

COLUMNS = ("condition", "whose", "stage", "mean", "low", "high", "wards", "runs", "bias")
GROUPS = ("favoured", "rest")
MOST = 12
"""Panels in a figure; of more conditions the table has the rest."""

NOBODY = "No seat favours anybody in these runs, so nobody can be told from the rest."
SAYS = (
    "What the favoured get of their need, and what the rest get, from each seat alone through the rounds to the joint "
    "and each seat asked again alone. The shaded gap between the lines is the lead of the favoured."
)
UNBIASED = (
    " Where nobody is biased (dashed), the same groups are followed as in the other conditions: what they get of "
    "themselves."
)


def fairness(frames: Frames, conditions: Sequence[str]) -> Section:
    """Need met by the favoured and the rest, by stage, in these conditions."""
    table = met_by_stage(frames, conditions)
    title = "Fairness, seat by seat and round by round"
    if table.empty:
        return Section(title, [NOBODY], {"need_met_by_stage": table})
    told = list(dict.fromkeys(table["condition"]))
    says = SAYS + (UNBIASED if not table["bias"].all() else "")
    return Section(
        title=title,
        says=[says],
        tables={"need_met_by_stage": table},
        shown=[_shown(table)],
        figures={"need-met-by-stage": lambda: drawn(table, told[:MOST])},
    )


def met_by_stage(frames: Frames, conditions: Sequence[str]) -> pd.DataFrame:
    """Mean need met h, in [0, 1], higher is better, of the favoured and the rest: COLUMNS, a row a condition, group
    and stage of the study's own complete runs.

    mean, low, high   over wards of the means over patients; bootstrap-t, missing under 20 wards
    bias              whether a seat is biased there; where none is, the groups are those favoured elsewhere, if it is
                      the same groups in every biased condition, and the condition is left out otherwise
    Empty where nobody is favoured in any run.
    """
    import pandas as pd

    from evals.statistics import estimates

    runs = frames.runs[(frames.runs["role"] == "study") & (frames.runs["status"] == "complete")]
    runs = runs[runs["condition"].isin(list(conditions))]
    values, stages = _met(frames, runs)
    rng, rows = np.random.default_rng(SEED), []
    for condition in conditions:
        of = runs[runs["condition"] == condition]
        for whose in GROUPS:
            here = of[["run_id", "cluster"]].merge(values[values["whose"] == whose], on="run_id")
            if here.empty:
                continue
            found = estimates(here[stages].to_numpy(float), here["cluster"], rng=rng)
            bias = bool(of["favoured"].notna().any())
            rows += [
                (condition, whose, s, e.mean, e.low, e.high, e.clusters, e.n, bias)
                for s, e in zip(stages, found, strict=True)
                if e.clusters  # of a panel's further seats only its own condition knows
            ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"mean": float, "low": float, "high": float})


def _met(frames: Frames, runs: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """By run and group (`whose`) the mean need met at every stage, a column a stage; and the stages in order."""
    patients = frames.patients
    stages = ordered([c.removeprefix("h:") for c in patients if c.startswith("h:")])
    favoured = runs.drop_duplicates("run_id").set_index("run_id")["favoured"]
    terms = favoured.dropna().unique()
    mine = patients[patients["run_id"].isin(list(favoured.index))] if len(patients) else patients
    if not len(terms) or mine.empty:
        return mine.assign(whose=None)[["run_id", "whose"]] if len(mine) else _nothing(), stages
    theirs = mine["favoured"].astype(object)
    if len(terms) == 1:
        attribute, _, groups = str(terms[0]).partition("=")
        known = mine[f"is:{attribute}"].isin(groups.split(","))
        theirs = theirs.where(theirs.notna(), known)
    mine = mine.assign(whose=theirs.map({True: GROUPS[0], False: GROUPS[1]}))
    wide = mine.groupby(["run_id", "whose"])[[f"h:{s}" for s in stages]].mean()
    both = wide.groupby(level="run_id")[wide.columns[0]].transform("size") == len(GROUPS)
    return wide[both].rename(columns=lambda c: c.removeprefix("h:")).reset_index(), stages


def _nothing() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=["run_id", "whose"])


def _shown(table: pd.DataFrame) -> Shown:
    """The joint of each condition, and before it the merge: favoured, rest, and what lies between."""
    rows = []
    for condition, group in table.groupby("condition", sort=False):
        at = group.set_index(["whose", "stage"])
        row = [str(condition) + ("" if at["bias"].iloc[0] else ": nobody is biased")]
        for stage in ("no_debate", "joint"):
            means = [at["mean"].get((whose, stage)) for whose in GROUPS]
            for whose, mean in zip(GROUPS, means, strict=True):
                low, high = (at[end].get((whose, stage)) for end in ("low", "high"))
                row.append(estimated(mean, low, high))
            row.append(number(None if None in means else means[0] - means[1], signed=True))
        rows.append(row)
    return Shown(
        title="Need met by the favoured and by the rest",
        headings=[
            "condition",
            *(f"{when}: {what}" for when in ("merge", "joint") for what in (*GROUPS, "lead")),
        ],
        rows=rows,
        note="Means over wards, [95 %] bootstrap-t (none under 20 wards). Runs where all patients or none are favoured "
        "are left out.",
    )


def drawn(table: pd.DataFrame, conditions: Sequence[str]) -> Figure:
    """A panel a condition: the favoured and the rest, from the seats alone through the rounds to the seats after."""
    from evals.findings.drawing import figure, keyed, titled

    named, key = keyed(conditions, PANEL)
    columns = min(3, max(1, len(conditions)))
    rows = max(1, -(-len(conditions) // columns))
    fig, axes = figure(
        rows, columns, width=3.3 * columns + 0.4, height=2.5 * rows + 1.2, sharey=True, sharex=True
    )
    stages = ordered(list(dict.fromkeys(table["stage"])))
    for ax, condition in zip(axes.flat, conditions, strict=False):
        _panel(ax, table[table["condition"] == condition], stages)
        ax.set_title(named[condition])
    for ax in list(axes.flat)[len(conditions) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel("need met")
    at = next((k for k, c in enumerate(conditions) if table.loc[table["condition"] == c, "bias"].all()), 0)
    fig.legend(*axes.flat[at].get_legend_handles_labels(), loc="outside lower right", ncols=3)
    note = (
        "Single marks: a seat alone, before and after. Lines: the merge without debate, each round, the joint. Bars: "
        "95 % over wards\n(none under 20). Hollow and dashed: nobody is biased there; the groups are those favoured "
        "elsewhere."
    )
    if table.loc[table["condition"].isin(list(conditions)), "bias"].all():
        note = note.split(" Hollow")[0]
    title = "Fairness, seat by seat and round by round: what the favoured get, and the rest"
    return titled(fig, title, note, key)


def _panel(ax: Axes, here: pd.DataFrame, stages: Sequence[str]) -> None:
    from evals.findings.drawing import BAND

    biased = bool(here["bias"].all())
    wide = {whose: here[here["whose"] == whose].set_index("stage").reindex(stages) for whose in GROUPS}
    means = [wide[whose]["mean"].to_numpy(float) for whose in GROUPS]
    talking = np.array([k for k, s in enumerate(stages) if "solo" not in s])
    alone = np.array([k for k, s in enumerate(stages) if "solo" in s], dtype=int)
    ax.fill_between(
        talking, means[1][talking], means[0][talking], color=BAND, alpha=0.45, linewidth=0, label="lead"
    )
    ax.vlines(alone, means[1][alone], means[0][alone], color=BAND, linewidth=5, alpha=0.6)
    for i, whose in enumerate(GROUPS):
        _line(ax, wide[whose], i, talking, alone, biased)
    ax.set_ylim(-0.03, 1.03)
    ax.set_xticks(range(len(stages)), [called(s) for s in stages], rotation=55, ha="right", fontsize=8.5)
    ax.grid(axis="x", visible=False)


def _line(ax: Axes, at: pd.DataFrame, i: int, talking: Any, alone: Any, biased: bool) -> None:
    """One group: marks joined while there is talk, single marks for a seat alone; bars of the interval."""
    from evals.findings.drawing import COLOURS, MARKERS

    x = np.arange(len(at)) + (-0.08, 0.08)[i]
    mean, low, high = (at[c].to_numpy(float) for c in ("mean", "low", "high"))
    look: dict[str, Any] = {"color": COLOURS[1 - i], "marker": MARKERS[i], "markersize": 5}
    look["fillstyle"] = "full" if biased else "none"
    dashes = "-" if biased else "--"
    ax.vlines(x, low, high, color=COLOURS[1 - i], linewidth=1.1)
    ax.plot(x[talking], mean[talking], linestyle=dashes, linewidth=1.7, label=f"the {GROUPS[i]}", **look)
    ax.plot(x[alone], mean[alone], linestyle="none", **look)
