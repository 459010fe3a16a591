"""What did contracts say, clause by clause, and where did each clause bite: how often, whom, and when?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from evals.dilemmas.frames import PROSOCIAL, SELFISH
from evals.findings.section import Section, Shown, share
from evals.report.pictures.dilemmas.steps import IN_WORDS, Steps

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.dilemmas.gathered import Gathered

COLUMNS = (
    *("law", "clause", "regime", "kind", "words", "runs", "steps", "bitten_steps", "bites"),
    *("selfish", "selfish_of", "prosocial", "prosocial_of", "first", "last"),
)
BY_STEP = ("law", "clause", "regime", "kind", "step", "in_force", "bitten")

MOST_TOLD, MOST_DRAWN, LONGEST = 14, 10, 180
"""Clauses in the text and in the figure, and characters of one in the text; the tables have all."""

Law = tuple[str, tuple[str, ...]]
"""What tells laws apart: the regime, and the words of their clauses."""


def contract(g: Gathered, kept: Mapping[str, Steps]) -> Section:
    """The section: a row a clause, and the share of seasons or games in which it bit, by month or round."""
    table, by_step = clauses(g, kept)
    step = "month" if g.study.setting == "commons" else "round"
    title = "What the contracts said, and where each clause bit"
    if table.empty:
        return Section(title, ["No law was in force in any run."], {"clauses": table})
    biting = table[table["bites"] > 0]
    says = [
        f"A clause *bites* in a {step} in which it stopped, changed or charged somebody. Laws have letters, the most "
        "used first; clauses the numbers under which they were read back.",
        _told(table, biting, step),
    ]
    return Section(
        title=title,
        says=says,
        tables={"clauses": table, "clauses_by_step": by_step},
        shown=[_shown(table, step)],
        figures={} if biting.empty else {"bites": lambda: _drawn(biting, by_step, step)},
    )


def clauses(g: Gathered, kept: Mapping[str, Steps]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row a clause of every law of the study's own runs (COLUMNS), and a row a clause and step (BY_STEP).

    steps: run-steps in which the law was in force; bitten_steps: those in which the clause bit; selfish, prosocial:
    seat-steps in which it bit one of that type, of `…_of` in force; first, last: the steps it bit in, None where
    it never did. Laws of the same words under one regime are one law.
    """
    import pandas as pd

    regimes = dict(zip(g.runs["run_id"], g.runs["regime"], strict=True))
    counts = _counted({run_id: steps for run_id, steps in kept.items() if run_id in regimes}, regimes)
    order = sorted(counts, key=lambda law: (-counts[law].steps, law))
    rows, by_step = [], []
    for letter, law in zip(map(_letters, range(len(order))), order, strict=True):
        of = counts[law]
        for number, (kind, words) in sorted(of.clauses.items()):
            bitten = of.bitten.get(number, Counter())
            seats = of.seats.get(number, Counter())
            at = sorted(bitten)
            values = (
                *(letter, number, law[0], kind, words, len(of.runs), of.steps),
                *(sum(bitten.values()), of.bites[number]),
                *(seats[SELFISH], of.seated[SELFISH], seats[PROSOCIAL], of.seated[PROSOCIAL]),
                *((at[0], at[-1]) if at else (None, None)),
            )
            rows.append(dict(zip(COLUMNS, values, strict=True)))
            for step, times in sorted(of.by_step.items()):
                told = (letter, number, law[0], kind, step, times, bitten[step])
                by_step.append(dict(zip(BY_STEP, told, strict=True)))
    return pd.DataFrame(rows, columns=list(COLUMNS)), pd.DataFrame(by_step, columns=list(BY_STEP))


class _Count:
    """What is counted of one law over all runs that had it."""

    def __init__(self) -> None:
        self.runs: set[str] = set()
        self.steps = 0
        self.clauses: dict[int, tuple[str, str]] = {}
        self.by_step: Counter[int] = Counter()  # step -> runs in which the law was in force
        self.seated: Counter[str] = Counter()  # type -> seat-steps under it
        self.bites: Counter[int] = Counter()
        self.bitten: dict[int, Counter[int]] = {}  # clause -> step -> runs
        self.seats: dict[int, Counter[str]] = {}  # clause -> type -> seat-steps


def _counted(kept: Mapping[str, Steps], regimes: Mapping[str, str]) -> dict[Law, _Count]:
    counts: dict[Law, _Count] = {}
    for run_id, run in kept.items():
        laws = [(regimes[run_id], tuple(c.words for c in law)) for law in run.laws]
        for law, told in zip(laws, run.laws, strict=True):
            of = counts.setdefault(law, _Count())
            of.runs.add(run_id)
            of.clauses |= {c.number: (c.kind, c.words) for c in told}
        for step, number in run.in_force:
            of = counts[laws[number]]
            of.steps += 1
            of.by_step[step] += 1
            of.seated.update(run.types.values())
        for b in run.bites:
            of = counts[laws[b.law]]
            of.bites[b.clause] += 1
            of.clauses.setdefault(b.clause, (b.kind, b.kind))
            if of.clauses[b.clause][0] == IN_WORDS:
                of.clauses[b.clause] = (b.kind, of.clauses[b.clause][1])
        for law, clause, step in {(laws[b.law], b.clause, b.step) for b in run.bites}:
            counts[law].bitten.setdefault(clause, Counter())[step] += 1
        for law, clause, _, seat in {(laws[b.law], b.clause, b.step, b.seat) for b in run.bites}:
            counts[law].seats.setdefault(clause, Counter())[run.types[seat]] += 1
    return counts


def _letters(i: int) -> str:
    """A, B, …, Z, AA, AB, …"""
    return (_letters(i // 26 - 1) if i >= 26 else "") + chr(ord("A") + i % 26)


def _name(law: str, clause: int) -> str:
    return f"{law}{clause}" if clause else law


def _told(table: pd.DataFrame, biting: pd.DataFrame, step: str) -> str:
    """Which clause bit most often, in a sentence."""
    if biting.empty:
        return (
            f"None of {len(table)} clauses bit in any {step}: whoever was bound did what the law asks, or nothing of "
            "it could be carried out by force."
        )
    most = biting.sort_values(["bitten_steps", "law", "clause"], ascending=[False, True, True]).iloc[0]
    return (
        f"{len(biting)} of {len(table)} clauses bit. Most often did {_name(most['law'], most['clause'])} "
        f"({most['kind']}, `{most['regime']}`): in {share(int(most['bitten_steps']), int(most['steps']))} {step}s in "
        "which it was in force."
    )


def _shown(table: pd.DataFrame, step: str) -> Shown:
    rows = [
        [
            _name(r.law, r.clause),
            r.words if len(r.words) <= LONGEST else r.words[: LONGEST - 1] + "…",
            str(r.regime),
            str(r.runs),
            share(int(r.bitten_steps), int(r.steps)),
            share(int(r.selfish), int(r.selfish_of)),
            share(int(r.prosocial), int(r.prosocial_of)),
            "never" if r.first != r.first or r.first is None else _between(int(r.first), int(r.last)),
        ]
        for r in table.head(MOST_TOLD).itertuples()
    ]
    more = f" {len(table) - MOST_TOLD} more in the table." if len(table) > MOST_TOLD else ""
    headings = [
        "",
        "as read back to all",
        "regime",
        "runs",
        f"{step}s it bit in",
        "selfish seats",
        "prosocial seats",
    ]
    return Shown(
        "Clauses", [*headings, f"bit in {step}"], rows,
        f"{step}s it bit in: of those in which its law was in force. Seats: seat-{step}s in which it bit one of that "
        f"type, of all under the law.{more}",
    )  # fmt: skip


def _between(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _drawn(biting: pd.DataFrame, by_step: pd.DataFrame, step: str) -> Figure:
    from evals.findings.drawing import figure, heatmap, titled

    top = biting.sort_values("bitten_steps", ascending=False, kind="stable").head(MOST_DRAWN)
    steps = sorted(int(s) for s in by_step["step"].unique())
    values = np.full((len(top), len(steps)), np.nan)
    for i, r in enumerate(top.itertuples()):
        here = by_step[(by_step["law"] == r.law) & (by_step["clause"] == r.clause)]
        for at, in_force, bitten in zip(here["step"], here["in_force"], here["bitten"], strict=True):
            values[i, steps.index(int(at))] = bitten / in_force
    text = [["" if v != v else f"{v:.0%}" for v in row] for row in values]
    names = [f"{_name(str(r.law), int(str(r.clause)))} {r.kind} ({r.regime})" for r in top.itertuples()]
    fig, axes = figure(width=2.6 + 0.48 * max(8, len(steps)), height=1.5 + 0.34 * len(top))
    heatmap(axes[0, 0], names, [str(s) for s in steps], values, text)
    axes[0, 0].tick_params(axis="x", rotation=0)
    axes[0, 0].set_xlabel(step)
    note = f"Share of the runs under the law in that {step} in which the clause bit. White: the law was not in force."
    return titled(fig, "Where clauses bit", note)
