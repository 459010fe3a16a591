"""Which of Arrow's axioms does each merge rule keep, what case shows where it fails, and what do debates keep?"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from evals.findings.section import Section, Shown, number, share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.arrow.audit import Audit, Induction, Verdict
    from evals.report.source import Source

COMPARED = ("mean-and-repair", "nash", "leximin")
"""Rules that stand beside those of the runs, whatever these were."""

ALTERNATIVES = 3
"""Arrow's theorem begins here. Four alternatives find the same axioms broken, at fifty times the work."""

ASKED: dict[Induction, str] = {"full": "whole menu", "binary": "pair by pair"}
MOST = 500
"""Debates of which every condition is audited: each takes a tenth of a second."""

YES, NO = "✓", "✗"

MEANS = {
    "unrestricted domain": "all rankings get\nan answer",
    "weak Pareto": "what all prefer,\nsociety prefers",
    "independence": "a against b hangs\non a and b alone",
    "non-dictatorship": "no seat always\nhas its way",
    "transitive preference": "a > b and b > c\ngive a > c",
    "transitive indifference": "a ~ b and b ~ c\ngive a ~ c",
}
"""Each axiom in a few words, for its column."""

SAYS = (
    "Arrow's theorem (1963) says that no rule keeps all of these axioms at once, so the question is which one each "
    "gives up. Every rule was asked at every profile of rankings that two agents can have of three alternatives, once "
    "with the whole menu before it and once pair by pair. Where it fails, the smallest case is told in words."
)
DEBATES = (
    ("weak_pareto", "nothing better for all"),
    ("strong_pareto", "nothing better for one, worse for none"),
    ("transitive", "no circle"),
    ("contraction", "same choice from fewer"),
)
"""Axioms that are read off a record, and how each is headed."""


def axioms(source: Source) -> Section:
    """The Arrow table of the rules of these runs and of COMPARED; and what recorded debates of the study's own kept.

    No debate is played again, so independence of null patients is not told. Rules that the theorem does not speak
    of are named, with the reason.
    """
    from evals.arrow.audit import table
    from evals.arrow.rules import OUTSIDE

    runs = own_runs(source)
    used = list(dict.fromkeys(runs["merge_rule"])) if len(runs) else []
    found = audited(tuple(dict.fromkeys([*(r for r in used if r not in OUTSIDE), *COMPARED])))
    kept = debates(source, runs)
    says = [SAYS, *_outside(used), *_in_debates(kept)]
    return Section(
        title="The Arrow table: which axiom each merge rule gives up",
        says=says,
        tables={"arrow_axioms": table(found), "arrow_debates": kept},
        shown=[_shown(found, used), *([_shown_debates(kept)] if len(kept) else [])],
        figures={"arrow-table": partial(drawn, found, used)},
    )


@cache
def audited(rules: tuple[str, ...]) -> tuple[Audit, ...]:
    """Each rule, asked both ways, over ALTERNATIVES; kept for as long as the process lasts."""
    from evals.arrow.audit import audit

    return tuple(audit(rule, ALTERNATIVES, induction) for induction in ASKED for rule in rules)


def own_runs(source: Source) -> pd.DataFrame:
    """The study's own complete runs of debates, a row each."""
    import pandas as pd

    from evals.frames import Frames

    if not isinstance(source.frames, Frames) or source.frames.runs.empty:
        return pd.DataFrame(columns=["run_id", "condition", "merge_rule"])
    runs = source.frames.runs
    return runs[(runs["role"] == "study") & (runs["status"] == "complete")].drop_duplicates("run_id")


def debates(source: Source, runs: pd.DataFrame) -> pd.DataFrame:
    """What each of these debates kept, by `evals.arrow.debate_axioms` without reruns, with its condition; of more than
    MOST those of the cross alone."""
    from evals.arrow import debate_axioms

    if len(runs) > MOST:
        runs = runs[runs["control"] == ""]
    wanted = dict(zip(runs["run_id"], runs["condition"], strict=True))
    files = [path for path in source.files if path.stem in wanted]
    if not files:
        return runs[["run_id", "condition"]].head(0)
    found = debate_axioms(files, reruns=0)
    return found.assign(condition=found["run_id"].map(wanted))


def _outside(used: Sequence[str]) -> list[str]:
    from evals.arrow.rules import MEAN_AND_REPAIR, OUTSIDE

    said = [f"Of these runs' rules `{r}` is outside the theorem: {OUTSIDE[r]}." for r in used if r in OUTSIDE]
    return [*said, f"`mean-and-repair`: {MEAN_AND_REPAIR}"]


def _in_debates(kept: pd.DataFrame) -> list[str]:
    from evals.arrow import summary

    if kept.empty:
        return []
    told = summary(kept)
    one, left = told["influence"], told["weak_pareto"]
    dictated = one["first_dictates"] + one["second_dictates"]
    says = f"{share(left['keep'], left['of'])} recorded debates left nothing on the table that every seat would have "
    says += "preferred."
    if one["of"]:
        says += f" In {share(dictated, one['of'])} the joint was one seat's alone (influence from .95)."
    return [says]


def _shown(found: Sequence[Audit], used: Sequence[str]) -> Shown:
    rows = []
    for a in found:
        for v in a.verdicts:
            if v.holds:
                continue
            few, all_ = (
                f"{n} of {of}"
                for n, of in ((v.broken_strict, a.strict_profiles), (v.broken_weak, a.weak_profiles))
            )
            rows.append([_called(a.rule, used), ASKED[a.induction], v.axiom, few, all_, v.counterexample])
    return Shown(
        title="Axioms that fail, each with its smallest counterexample",
        headings=[
            "merge rule",
            "asked",
            "fails",
            "profiles without ties",
            "profiles in all",
            "counterexample",
        ],
        rows=rows,
        note="* used in these runs. Profiles: how many take part in a violation. a > b: a is better; a ~ b: a tie. The "
        "other axioms hold, of " + ", ".join(v.axiom for v in found[0].verdicts) + ".",
    )


def _shown_debates(kept: pd.DataFrame) -> Shown:
    """Counts by condition; what was not told of a debate is in neither count."""
    from evals.arrow import summary

    rows = []
    for condition, mine in kept.groupby("condition", sort=False):
        told = summary(mine)
        one = told["influence"]
        counts = [share(told[name]["keep"], told[name]["of"]) for name, _ in DEBATES]
        middle = number(one["quantiles"][2]) if one["of"] else "–"
        dictated = share(one["first_dictates"] + one["second_dictates"], one["of"])
        rows.append([str(condition), *counts, middle, dictated])
    return Shown(
        title="What the recorded debates kept",
        headings=["condition", *(words for _, words in DEBATES), "A's influence", "one seat's alone"],
        rows=rows,
        note="Read off each record, nothing played again. Better: by the seats' declared utilities, among solos, moves "
        "and merges (weak and strong Pareto). No circle, and the same choice from fewer (Sen's α): by debates over "
        "menus of both solos and the joint (ours). A's influence: median; one seat's alone: from .95.",
    )


def _called(rule: str, used: Sequence[str]) -> str:
    return f"{rule} *" if rule in used else rule


def numbered(found: Sequence[Audit]) -> dict[tuple[str, str], int]:
    """(axiom, counterexample) -> its number under the grid, in the order that they are met."""
    cases = dict.fromkeys((v.axiom, v.counterexample) for a in found for v in a.verdicts if not v.holds)
    return {case: n for n, case in enumerate(cases, start=1)}


def drawn(found: Sequence[Audit], used: Sequence[str]) -> Figure:
    """Rules down, axioms across: ✓ where it holds, ✗ and a number where it fails; below, the counterexample of each."""
    from evals.findings.drawing import INK, QUIET, figure, titled

    cases = numbered(found)
    told = [
        textwrap.fill(f"{n}  {axiom}: {says}", 118, subsequent_indent="    ")
        for (axiom, says), n in cases.items()
    ]
    below = sum(t.count("\n") + 1 for t in told) + 0.6 * len(told)
    lines = len(found) + 0.5 * (len(ASKED) - 1)
    fig, axes = figure(width=9.5, height=1.9 + 0.34 * lines + 0.17 * below)
    ax = axes[0, 0]
    names = [v.axiom for v in found[0].verdicts]
    ax.set_xlim(-2.3, len(names))
    ax.set_ylim(-lines - 0.5 * below, 1.9)
    ax.axis("off")
    for j, name in enumerate(names):
        head = name.replace(" ", "\n", 1)
        ax.text(j + 0.5, 0.95, head, ha="center", va="bottom", fontsize=8.5, fontweight="bold", color=INK)
        ax.text(j + 0.5, 0.1, MEANS[name], ha="center", va="bottom", fontsize=7.5, color=QUIET)
    y = 0.0
    for i, a in enumerate(found):
        if i and a.induction != found[i - 1].induction:
            y -= 0.5
        ax.text(-2.3, y - 0.5, _called(a.rule, used), va="center", fontsize=9.5, color=INK)
        ax.text(-0.05, y - 0.5, ASKED[a.induction], va="center", ha="right", fontsize=8.5, color=QUIET)
        for j, v in enumerate(a.verdicts):
            _cell(ax, j, y, v, cases)
        y -= 1
    ax.text(
        -2.3,
        y - 0.4,
        "\n".join(t + "\n" for t in told).rstrip(),
        va="top",
        fontsize=8.5,
        color=INK,
        linespacing=1.25,
    )
    note = (
        "✓ holds at every profile; ✗ fails, with the number of its counterexample. A and B rank alternatives a, b, c. "
        "* used in these runs."
    )
    return titled(fig, "Arrow's axioms: each merge rule gives one up", note)


def _cell(ax: Any, column: int, y: float, verdict: Verdict, cases: dict[tuple[str, str], int]) -> None:
    from matplotlib.patches import Rectangle

    from evals.findings.drawing import COLOURS, INK, PALE

    colour = COLOURS[0] if verdict.holds else COLOURS[1]
    number_ = "" if verdict.holds else f" {cases[verdict.axiom, verdict.counterexample]}"
    fill = "none" if verdict.holds else PALE
    ax.add_patch(Rectangle((column + 0.04, y - 0.95), 0.92, 0.9, facecolor=fill, edgecolor=PALE, linewidth=1))
    ax.text(column + (0.5 if verdict.holds else 0.42), y - 0.5, YES if verdict.holds else NO, color=colour, ha="center",
            va="center", fontsize=13, fontweight="bold")  # fmt: skip
    ax.text(column + 0.56, y - 0.5, number_, va="center", fontsize=9, color=INK)
