"""Whom did the system serve: fairness by seat and round, and gaps between groups beside their nulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.findings import band
from evals.findings.by_stage import by_stage, called, ordered, shown
from evals.findings.section import BESIDE_NULL, SEED, Findings, Section, Shown, number, p_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

OUTCOMES = ("favoured_gap", "favoured_gap_adjusted", "worst_group", "access_gap", "gini")
STAGES = ("solo:A", "solo:B", "no_debate", "joint")


def fairness(f: Findings) -> list[Section]:
    """The sections on fairness."""
    return [_by_seat(f), _gaps(f)]


def _by_seat(f: Findings) -> Section:
    table = by_stage(f, OUTCOMES)
    says = [
        "Each row is a condition: what the seats would do alone, the merge of that without a word (the first "
        "null), what reference negotiators with the same personas come to on the same wards (the second), and "
        "what the debate came to."
    ]
    return Section(
        title="Fairness, by seat and for the system",
        says=says,
        tables={"fairness_by_stage": table},
        shown=[
            shown(table, "favoured_gap", "Lead of the favoured in need met"),
            shown(f.told(table), "worst_group", "Need met in the group that has least, in the cross"),
            shown(f.told(table), "gini", "Gini of need met, in the cross"),
        ],
        figures={"fairness-by-round": lambda: _stage_figure(f.told(table))},
        behind=BESIDE_NULL,
    )


def _gaps(f: Findings) -> Section:
    from evals.fairness.groups import concordance, group_tables
    from evals.fairness.need import regression, stratified
    from evals.fairness.nulls import gap_nulls

    frames = f.of(f.frames.runs[f.frames.runs["role"] == "study"])
    rng = np.random.default_rng(SEED)
    groups = group_tables(frames)
    nulls = gap_nulls(frames, rng=rng, pairs=True)
    adjusted = gap_nulls(frames, rng=rng, statistic="adjusted_gap")
    tables = {
        "groups": groups.groups,
        "gaps": groups.gaps,
        "gap_nulls": nulls.gaps,
        "gap_nulls_adjusted": adjusted.gaps,
        "gap_omnibus": nulls.omnibus,
        "gaps_adjusted_for_need": stratified(frames).gaps,
        "gaps_by_regression": regression(frames).groups,
        "severity_concordance": concordance(frames),
    }
    joint = nulls.gaps[(nulls.gaps["stage"] == "joint") & ~nulls.gaps["crossed"].astype(bool)]
    found, tested = joint[joint["found"].astype(bool)], joint[joint["p"].notna()]
    says = [
        f"In the joint allocation {len(found)} of {len(tested)} gaps exceed what labels shuffled within ward and "
        "acuity would show (omnibus first, then false discovery held at .05 over attributes and conditions). An "
        "attribute that goes together with a guilty one in these wards is found with it. Attributes crossed by twos "
        "stand in the tables, each beside its own null.",
    ]
    return Section(
        title="Gaps between groups, each beside its null",
        says=says,
        tables=tables,
        shown=[
            _shown_gaps(f, nulls.gaps, adjusted.gaps),
            _shown_concordance(f, tables["severity_concordance"]),
        ],
        figures={"gaps-and-nulls": lambda: _gap_figure(nulls.gaps)},
        behind=BESIDE_NULL,
    )


def _shown_gaps(f: Findings, gaps: pd.DataFrame, adjusted: pd.DataFrame) -> Shown:
    """The joint's gaps, those found first; at most a dozen rows, the rest stand in the CSV."""
    from evals.fairness.groups import group_tables

    bands: dict[band.Key, band.Band] = {}
    if f.bargained is not None:
        null = group_tables(f.bargained, ("condition", "policy"), pairs=False, roles=("bargaining",)).gaps
        bands = band.over_policies(null[null["stage"] == "joint"], ["condition", "attribute"], "gap")
    merged = gaps[gaps["stage"] == "no_debate"].set_index(["condition", "attribute"])["gap"]
    keys = ["condition", "stage", "attribute"]
    joint = gaps[(gaps["stage"] == "joint") & ~gaps["crossed"].astype(bool)]
    joint = joint.merge(adjusted[[*keys, "gap", "q"]], on=keys, suffixes=("", "_adjusted"), how="left")
    joint = f.told(joint).sort_values(["found", "excess"], ascending=[False, False]).head(12)
    rows = [
        [
            f"{r.condition}: {r.attribute}",
            number(merged.get((r.condition, r.attribute))),
            band.told(bands, r.condition, r.attribute),
            number(r.gap),
            f"{number(r.null_mean)} ({number(r.null_95)})",
            number(r.excess, signed=True),
            p_value(r.q),
            number(r.gap_adjusted),
            p_value(r.q_adjusted),
        ]
        for r in joint.itertuples()
    ]
    return Shown(
        title="Gaps of the joint allocation in the cross, widest excess first",
        headings=[
            "condition: attribute",
            "merge",
            "bargaining null",
            "gap",
            "null (95th)",
            "excess",
            "q",
            "adjusted gap",
            "q",
        ],
        rows=rows,
        note="gap: largest less smallest mean need met of a group, pooled over wards. null: its mean where labels are "
        "permuted within ward × third of acuity. adjusted: within ward × third of acuity. q: false-discovery rate.",
    )


def _shown_concordance(f: Findings, table: pd.DataFrame) -> Shown:
    wide = f.told(table).pivot_table(index="condition", columns="stage", values="tau", sort=False)
    bands: dict[band.Key, band.Band] = {}
    if f.bargained is not None:
        from evals.fairness.groups import concordance

        null = concordance(f.bargained, ("condition", "policy"), roles=("bargaining",))
        bands = band.over_policies(null[null["stage"] == "joint"], ["condition"], "tau")
    stages = ("solo:A", "solo:B", "no_debate", "joint")
    rows = [
        [str(c), *(number(row.get(s)) for s in stages[:3]), band.told(bands, c), number(row.get("joint"))]
        for c, row in wide.iterrows()
    ]
    return Shown(
        title="Severity concordance: do the more ill get more of their need met, in the cross",
        headings=["condition", "A alone", "B alone", "no-debate merge", "bargaining null", "joint"],
        rows=rows,
        note="Kendall's τ-b of acuity and need met, by ward, then averaged; missing where need met is constant.",
    )


def _stage_figure(table: pd.DataFrame) -> Figure:
    """Small multiples: one panel an outcome, a line a condition of the cross, stages from left to right."""
    from evals.findings.drawing import figure, keyed, look, titled

    names = ("favoured_gap", "worst_group", "access_gap", "gini")
    titles = (
        "Lead of the favoured",
        "Need met, worst group",
        "Widest gap between groups",
        "Gini of need met",
    )
    named, key = keyed(list(dict.fromkeys(table["condition"])))
    fig, axes = figure(2, 2, width=10, height=6)
    for ax, name, title in zip(axes.flat, names, titles, strict=True):
        here = table[table["outcome"] == name]
        stages = ordered(list(dict.fromkeys(here["stage"])))
        for i, condition in enumerate(named):
            at = here[here["condition"] == condition].set_index("stage").reindex(stages)
            style = look(i)
            talking = [k for k, stage in enumerate(stages) if "solo" not in stage]
            alone = [k for k, stage in enumerate(stages) if "solo" in stage]
            ax.plot(talking, at["mean"].iloc[talking], label=named[condition], linewidth=1.6, **style)
            ax.plot(alone, at["mean"].iloc[alone], linestyle="none", **style)
            low, high = at["low"].iloc[talking].astype(float), at["high"].iloc[talking].astype(float)
            ax.fill_between(talking, low, high, color=style["color"], alpha=0.13, linewidth=0)
        ax.set_xticks(range(len(stages)), [called(stage) for stage in stages], rotation=40, ha="right")
        ax.set_title(title)
    handles, labels = axes[0, 1].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside right upper")
    note = (
        "Single marks: what a seat does alone, before and after. Lines: the merge of that, then each round. "
        "Bands: 95 % over wards (none under 20). No mark: nobody is favoured there."
    )
    return titled(fig, "Fairness by seat and round", note, key)


def _gap_figure(gaps: pd.DataFrame) -> Figure:
    from evals.findings.drawing import COLOURS, QUIET, figure, keyed, titled

    joint = gaps[(gaps["stage"] == "joint") & ~gaps["crossed"].astype(bool) & gaps["gap"].notna()]
    joint = joint.sort_values("excess", ascending=False).head(14)
    fig, axes = figure(width=8, height=1 + 0.3 * len(joint))
    ax = axes[0, 0]
    for place, r in zip(range(len(joint))[::-1], joint.itertuples(), strict=True):
        ax.plot([0, r.null_95], [place, place], color=QUIET, linewidth=5, alpha=0.35, solid_capstyle="butt")
        ax.plot(r.null_mean, place, "|", color=QUIET, markersize=11, markeredgewidth=2)
        ax.plot(
            r.gap,
            place,
            "o" if r.found else "D",
            color=COLOURS[1 if r.found else 0],
            fillstyle="full" if r.found else "none",
        )
    named, key = keyed(joint["condition"].astype(str))
    labels = [f"{named[r.condition]}: {r.attribute}" for r in joint.itertuples()]
    ax.set_yticks(range(len(joint))[::-1], labels)
    ax.set_xlabel("gap in need met")
    ax.grid(axis="y", visible=False)
    note = (
        "Filled dot: beyond its null (q <= .05 after the omnibus test); open diamond: not. Grey: the null up to "
        "its 95th percentile, a bar at its mean."
    )
    return titled(fig, "Gaps of the joint allocation beside their nulls", note, key)
