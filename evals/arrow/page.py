"""How does an audit look on a terminal: axioms by rules, and under them the smallest counterexamples."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pandas as pd

    from evals.arrow.audit import Audit, Verdict

YES, NO = "✓", "✗"

READING = (
    "Two agents, A and B, rank given allocations a, b, c, d; a > b: a is better, a ~ b: a tie. Each rule is "
    f"asked at every profile. {YES} holds, {NO} fails, {NO} ties: fails only where rankings may tie."
)


def console() -> Console:
    """A console as wide as the terminal; where the output is piped, wide and plain."""
    width = None if sys.stdout.isatty() else shutil.get_terminal_size(fallback=(130, 50)).columns
    return Console(width=width, highlight=False, markup=False, emoji=False)


def show_audits(audits: list[Audit], out: Console) -> None:
    """A table and its counterexamples for each way of asking, what stays outside, and Arrow's verdict."""
    from evals.arrow.rules import MEAN_AND_REPAIR, OUTSIDE

    out.print(READING)
    for alternatives, induction in dict.fromkeys((a.alternatives, a.induction) for a in audits):
        _show([a for a in audits if (a.alternatives, a.induction) == (alternatives, induction)], out)
    out.print("\nUnrestricted domain: an answer at every profile; that it is transitive stands by itself.")
    out.print(f"mean-and-repair: {MEAN_AND_REPAIR}", soft_wrap=False)
    for name, why in OUTSIDE.items():
        out.print(f"Outside: {name}: {why}.")
    show_verdict(audits, out)


def show_verdict(audits: list[Audit], out: Console) -> None:
    """Whether each rule fails an axiom, as the theorem says it must; loud where one does not."""
    wrong = [a for a in audits if a.contradicts_arrow]
    for a in wrong:
        where = f"{a.rule}, {a.induction} menu, {a.alternatives} alternatives"
        out.print(
            f"CONTRADICTS ARROW: {where} passes every axiom; the audit is wrong, not the theorem.",
            style="bold red",
        )
    if not wrong:
        out.print(
            f"\nArrow's theorem: each of {len(audits)} audits must fail an axiom, and each does.",
            style="bold",
        )


def _show(audits: list[Audit], out: Console) -> None:
    from evals.arrow.audit import INDUCTIONS

    first = audits[0]
    out.print(
        f"\n{first.alternatives} alternatives: {first.strict_profiles:,} strict and {first.weak_profiles:,} weak "
        f"profiles. By {INDUCTIONS[first.induction]}.",
        style="bold",
    )
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("rule", no_wrap=True)
    for v in first.verdicts:
        grid.add_column(Text(v.axiom.replace(" ", "\n")), vertical="bottom")
    for a in audits:
        grid.add_row(a.rule, *(_cell(v) for v in a.verdicts))
    out.print(grid)
    same: dict[tuple[str, str], list[str]] = {}
    for a in audits:
        for v in a.verdicts:
            if not v.holds:
                same.setdefault((v.axiom, v.counterexample), []).append(a.rule)
    for (axiom, says), rules in same.items():
        fail = "fails" if len(rules) == 1 else "fail"
        out.print(Text.assemble((f"\n– {', '.join(rules)} {fail} {axiom}: ", "bold"), says))


def _cell(v: Verdict) -> Text:
    if v.holds:
        return Text(YES, style="green")
    return Text(NO if not v.strict else f"{NO} ties", style="red")


def show_debates(found: pd.DataFrame, summed: dict[str, Any], out: Console) -> None:
    """What the debates keep, in a table of a line each, and the runs that break something."""
    from evals.arrow.debates import SEPARATOR

    out.print(
        f"{summed['runs']} runs, {summed['complete']} complete. One record is a choice, not a ranking; utilities "
        "are those the seats declare."
    )
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("axiom", "kept", "what was asked"):
        grid.add_column(title, overflow="fold")
    for name, title, asks in _LINES:
        kept = summed[name]
        grid.add_row(title, f"{kept['keep']} of {kept['of']}" if kept["of"] else "not told", asks)
    i = summed["influence"]
    told = f"{i['of'] - i['first_dictates'] - i['second_dictates']} of {i['of']}" if i["of"] else "not told"
    grid.add_row("no dictator", told, _influence_words(i))
    out.print(grid)
    if "most_shift" in summed["null_independent"]:
        n = summed["null_independent"]
        out.print(
            f"Null patients: h moved by {n['most_shift']:.4f} at most, reruns by {n['most_noise']:.4f}."
        )
    _show_broken(found, out)
    reasons = Counter(why for each in found["missing"] if each for why in each.split(SEPARATOR))
    for why, count in reasons.most_common():
        out.print(f"Missing in {count} of {len(found)} runs: {why}")


_LINES = (
    ("weak_pareto", "weak Pareto", "nothing on the table (solos, moves, merges) was better for every seat"),
    ("strong_pareto", "strong Pareto", "nor better for one and worse for none"),
    ("transitive", "transitivity", "no cycle over the pairs of solo A, solo B, joint (menu debates, ours)"),
    ("contraction", "contraction", "what wins the three wins its pairs (Sen's α; menu debates, ours)"),
    (
        "null_independent",
        "null patients",
        "one patient more who needs nothing moves nobody beyond rerun noise",
    ),
)


def _influence_words(i: dict[str, Any]) -> str:
    if not i["of"]:
        return "influence: undefined where the solos are alike"
    least, low, middle, high, most = i["quantiles"]
    return (
        f"influence of the first seat: median {middle:.2f}, quartiles {low:.2f} and {high:.2f}, from {least:.2f} "
        f"to {most:.2f}; the first seat dictates {i['first_dictates']}, the second {i['second_dictates']}"
    )


def _show_broken(found: pd.DataFrame, out: Console, most: int = 5) -> None:
    for name, column, words in (
        ("weak_pareto", "dominated_by", "all seats preferred"),
        ("transitive", "choices", "chose in a circle:"),
        ("contraction", "choices", "is not contraction consistent:"),
        ("null_independent", "null_patient", "moved with a patient who needs nothing:"),
    ):
        broken = found[found[name].eq(False)]
        for _, row in broken.head(most).iterrows():
            out.print(f"{row['run_id']}: {words} {row[column]}")
        if len(broken) > most:
            out.print(f"… and {len(broken) - most} more")
