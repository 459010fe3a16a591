"""How does a dialogue go round by round: what the named plans are worth to both seats, which moves, which verdicts?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.section import Section
from evals.report.pictures.ground import key_at_right, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.deliberation.gathered import Gathered
    from nodes.deliberation.record import DeliberationRecord

Json = dict[str, Any]

MOST_PANELS, MOST_LETTERS = 9, 30
"""Arms in one figure, and letters of one there; the tables have all."""

BEFORE, OVER, MISSING = "agreed before", "over before, not agreed", "missing"
STATES = (BEFORE, "agreed", "debating", "vague", "disagreed", "capitulated", MISSING, OVER)
"""Where a dialogue stands in a round: what its judge says after it, or that it is over."""

LOOKS = {
    BEFORE: ("#0072b2", ""), "agreed": ("#56b4e9", "///"), "debating": ("#e5e7eb", ""), "vague": ("#e69f00", "..."),
    "disagreed": ("#d55e00", "\\\\\\"), "capitulated": ("#cc79a7", "xxx"), MISSING: ("#ffffff", "---"),
    OVER: ("#6b7280", ""),
}  # fmt: skip


@dataclass(frozen=True)
class Talk:
    """What is kept of one record: of every turn its round, its seat, and what the plan it names is worth to whom."""

    turns: list[tuple[int, str, dict[str, float | None]]]


def talk_of(record: DeliberationRecord) -> tuple[str, Talk]:
    """The run's id, and what is kept of it."""
    from scenarios.dilemmas.plan import worth

    values = {s.seat: s.persona.values for s in record.seats}
    return record.run_id, Talk(
        [
            (u.round, u.seat, {seat: worth(u.plan, record.scenario, v) if v else None for seat, v in values.items()})
            for u in record.dialogue
        ]
    )  # fmt: skip


def rounds(g: Gathered, kept: Mapping[str, Talk]) -> Section:
    """The section on what happens round by round; g has a dialogue."""
    worths, moves, stands = worth_by_round(g, kept), moves_by_round(g), states_by_round(g)
    says = [
        "A plan that a seat has named stands until it names another, and a dialogue that is over stands as it ended, "
        "so every round is told of the same dialogues.",
    ]
    if worths.empty:
        says.append("No seat has values that tell one plan from another, so worth is undefined here.")
    figures = {"worth_by_round": lambda: _worths(g, worths)} if len(worths) else {}
    if moves["strategy"].notna().any():
        figures["moves_by_round"] = lambda: _moves(g, moves)
    figures["verdicts_by_round"] = lambda: _states(g, stands)
    tables = {"worth_by_round": worths, "moves_by_round": moves, "verdicts_by_round": stands}
    return Section("The dialogue, round by round", says, tables, figures=figures)


def worth_by_round(g: Gathered, kept: Mapping[str, Talk]) -> pd.DataFrame:
    """arm, round, by, to, mean, dialogues: what the plan that seat `by` stands by is worth to seat `to`, 0 to 1.

    The mean over dilemmas of the dialogues' own means. Of a whole plan; before a seat has named one it is missing.
    """
    import pandas as pd

    rows: list[Json] = []
    for arm, here in g.talked.drop_duplicates(["run_id", "arm"]).groupby("arm", sort=False):
        of = [(kept[r.run_id].turns, r.cluster) for r in here.itertuples() if r.run_id in kept]
        last = max((turn[0] for turns, _ in of for turn in turns), default=0)
        for turns, cluster in of:
            standing: dict[str, dict[str, float | None]] = {}
            for round_ in range(1, last + 1):
                standing |= {
                    s: w for r, s, w in turns if r == round_ and any(v is not None for v in w.values())
                }
                for by, worths in standing.items():
                    told = {"arm": arm, "cluster": cluster, "round": round_, "by": by}
                    rows += [told | {"to": to, "worth": v} for to, v in worths.items() if v is not None]
    made = pd.DataFrame(rows, columns=["arm", "cluster", "round", "by", "to", "worth"])
    if made.empty:
        return pd.DataFrame(columns=["arm", "round", "by", "to", "mean", "dialogues"])
    keys = ["arm", "round", "by", "to"]
    means = made.groupby([*keys, "cluster"], sort=False)["worth"].mean().groupby(keys, sort=False).mean()
    counts = made.groupby(keys, sort=False).size().rename("dialogues")
    return pd.concat([means.rename("mean"), counts], axis=1).reset_index()


def moves_by_round(g: Gathered) -> pd.DataFrame:
    """arm, round, strategy, turns, share of the turns of that arm and round."""
    from evals.deliberation.moves import told_turns

    turns = told_turns(g)
    counts = turns.groupby(["arm", "round", "strategy"], sort=False).size().rename("turns").reset_index()
    whole = counts.groupby(["arm", "round"])["turns"].transform("sum")
    return counts.assign(share=counts["turns"] / whole)


def states_by_round(g: Gathered) -> pd.DataFrame:
    """arm, round, state, dialogues: every dialogue of the arm in one of STATES, in every round that any of them has."""
    import pandas as pd

    told: dict[str, dict[int, str]] = {}
    for v in g.frames.verdicts.itertuples():
        told.setdefault(v.run_id, {})[int(v.round)] = v.kind if isinstance(v.kind, str) else MISSING
    rows = []
    for arm, here in g.talked.drop_duplicates(["run_id", "arm"]).groupby("arm", sort=False):
        of = [told[r] for r in here["run_id"] if r in told]
        for round_ in range(1, max((max(kinds) for kinds in of), default=0) + 1):
            now = [_state(kinds, round_) for kinds in of]
            rows += [
                {"arm": arm, "round": round_, "state": s, "dialogues": now.count(s)}
                for s in STATES
                if s in now
            ]
    return pd.DataFrame(rows, columns=["arm", "round", "state", "dialogues"])


def _state(kinds: Mapping[int, str], round_: int) -> str:
    last = max(kinds)
    if round_ <= last:
        return kinds.get(round_, MISSING)
    return BEFORE if kinds[last] == "agreed" else OVER


def _grid(
    g: Gathered, table: pd.DataFrame, height: float, width: float = 2.7
) -> tuple[Any, list[tuple[Any, str]], list[str]]:
    """A figure with a panel an arm that the table has, as (axes, arm), the first one first, and the key to arms."""
    from evals.findings.drawing import figure, keyed

    arms = [a for a in g.arms if (table["arm"] == a).any()][:MOST_PANELS]
    rows, columns = panels(len(arms))
    fig, axes = figure(rows, columns, width=width * columns + 2.0, height=height * rows + 0.8, sharey=True)
    for ax in axes.flat[len(arms) :]:
        ax.set_visible(False)
    short, key = keyed(arms, MOST_LETTERS)
    for ax, arm in zip(axes.flat, arms, strict=False):
        ax.set_title(short[arm], fontsize=9)
    return fig, list(zip(axes.flat, arms, strict=False)), key


def _worths(g: Gathered, table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import look, titled

    fig, shown, key = _grid(g, table, 2.2)
    seats = sorted(table["to"].unique())
    for ax, arm in shown:
        here = table[table["arm"] == arm]
        for i, to in enumerate(seats):
            for by, of in here[here["to"] == to].groupby("by", sort=True):
                if by not in seats:
                    continue
                own = by == to
                ax.plot(
                    of["round"], of["mean"], linestyle="-" if own else ":", linewidth=1.6, markersize=4.5 if own else 3,
                    label=f"to {to}: {'its own plan' if own else f'the plan of {by}'}", **look(i),
                )  # fmt: skip
        ax.set_ylim(-0.04, 1.04)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel("round")
    shown[0][0].set_ylabel("worth of the plan")
    key_at_right(fig, shown[0][0])
    note = "Mean over dilemmas; 0: worst plan, 1: best. Where the lines of a colour meet, both seats name one plan."
    return titled(fig, "What the plans on the table are worth to each seat", note, key)


def _moves(g: Gathered, table: pd.DataFrame) -> Figure:
    from evals.deliberation.moves import ORDER
    from evals.findings.drawing import heatmap, titled

    kinds = [s for s in ORDER if (table["strategy"] == s).any()]
    fig, shown, key = _grid(g, table, 0.7 + 0.27 * len(kinds), 3.0)
    for ax, arm in shown:
        here = table[table["arm"] == arm]
        wide = here.pivot(index="strategy", columns="round", values="share").reindex(index=kinds)
        values = wide.fillna(0.0).to_numpy(float)
        text = [["" if v == 0 else f"{v:.2f}".lstrip("0") if v < 1 else "1" for v in row] for row in values]
        heatmap(ax, kinds, [str(int(r)) for r in wide.columns], values, text)
        ax.tick_params(axis="x", rotation=0)
        ax.set_xlabel("round")
    return titled(
        fig, "What turns do, round by round", "Shade and number: share of the turns of that round.", key
    )


def _states(g: Gathered, table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import titled

    fig, shown, key = _grid(g, table, 1.9)
    there = [s for s in STATES if (table["state"] == s).any()]
    for ax, arm in shown:
        here = table[table["arm"] == arm]
        wide = here.pivot(index="round", columns="state", values="dialogues").fillna(0.0)
        wide = wide.div(wide.sum(axis=1), axis=0).reindex(columns=there).fillna(0.0)
        below = np.zeros(len(wide))
        for state in there:
            colour, hatch = LOOKS[state]
            ax.bar(
                wide.index, wide[state], bottom=below, color=colour, hatch=hatch, width=0.85, edgecolor="#1b1f24",
                linewidth=0.3, label=state,
            )  # fmt: skip
            below = below + wide[state].to_numpy(float)
        ax.set_ylim(0, 1)
        ax.set_xlabel("round")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(axis="x", visible=False)
    shown[0][0].set_ylabel("share of dialogues")
    key_at_right(fig, shown[0][0])
    note = "What the judge said after each round. Missing: the judge gave no verdict, which is no NO."
    return titled(fig, "Where dialogues stand after each round", note, key)
