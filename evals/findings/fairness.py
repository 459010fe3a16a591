"""Whom did the system serve: fairness by seat and round, gaps beside their nulls, bias taken apart, twins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.by_stage import by_stage, ordered, shown
from evals.findings.section import REST, SEED, Findings, Section, Shown, interval, number, p_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

OUTCOMES = ("favoured_gap", "favoured_gap_adjusted", "worst_group", "access_gap", "gini")
STAGES = ("solo:A", "solo:B", "no_debate", "joint")


def fairness(f: Findings) -> list[Section]:
    """The sections on fairness."""
    return [_by_seat(f), _gaps(f), _bias(f), _amplified(f), *_twins(f), *_planted(f)]


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
    )


def _gaps(f: Findings) -> Section:
    from evals.fairness.groups import concordance, group_tables
    from evals.fairness.need import regression, stratified
    from evals.fairness.nulls import gap_nulls

    frames = f.of(f.frames.runs[f.frames.runs["role"] == "study"])
    rng = np.random.default_rng(SEED)
    groups = group_tables(frames)
    nulls = gap_nulls(frames, rng=rng)
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
    found = nulls.gaps[(nulls.gaps["stage"] == "joint") & nulls.gaps["found"].astype(bool)]
    tested = nulls.gaps[(nulls.gaps["stage"] == "joint") & nulls.gaps["p"].notna()]
    says = [
        f"In the joint allocation {len(found)} of {len(tested)} gaps exceed what labels shuffled within ward and "
        "acuity would show (omnibus first, then false discovery held at .05 over attributes and conditions).",
    ]
    return Section(
        title="Gaps between groups, each beside its null",
        says=says,
        tables=tables,
        shown=[_shown_gaps(nulls.gaps, adjusted.gaps)],
        figures={"gaps-and-nulls": lambda: _gap_figure(nulls.gaps)},
    )


def _shown_gaps(gaps: pd.DataFrame, adjusted: pd.DataFrame) -> Shown:
    """The joint's gaps, those found first; at most a dozen rows, the rest stand in the CSV."""
    keys = ["condition", "stage", "attribute"]
    joint = gaps[(gaps["stage"] == "joint") & ~gaps["crossed"].astype(bool)]
    joint = joint.merge(adjusted[[*keys, "gap", "q"]], on=keys, suffixes=("", "_adjusted"), how="left")
    joint = joint.sort_values(["found", "excess"], ascending=[False, False]).head(12)
    rows = [
        [
            f"{r.condition}: {r.attribute}",
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
        title="Gaps of the joint allocation, widest excess first",
        headings=["condition: attribute", "gap", "null (95th)", "excess", "q", "adjusted gap", "q"],
        rows=rows,
        note="gap: largest less smallest mean need met of a group, pooled over wards. null: its mean where labels are "
        "permuted within ward × third of acuity. adjusted: within ward × third of acuity. q: false-discovery rate.",
    )


def _bias(f: Findings) -> Section:
    from evals.fairness.bias import run_bias
    from evals.strategy.summary import estimates

    values = ["gap", "adjusted_gap", "uplift", "suppression", "added"]
    runs = f.frames.runs[f.frames.runs["role"] == "study"]
    rows = run_bias(f.of(runs), "solo:A")
    parts = []
    for condition, mine in runs.groupby("condition", sort=False):
        here = rows[rows["run_id"].isin(mine["run_id"])]
        if not here.empty:
            found = estimates(here, mine, values, by=("condition", "stage"), rng=np.random.default_rng(SEED))
            parts.append(found.assign(condition=condition))
    import pandas as pd

    table = (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["condition", "stage", "value"])
    )
    return Section(
        title="Bias taken apart: who gained, and who was held back",
        says=[
            "Against seat A's solo: *uplift* is what the favoured gained, *suppression* what the rest lost; the two "
            "add up to what the favoured's lead grew by."
        ],
        tables={"bias": rows, "bias_by_condition": table},
        shown=[_shown_bias(f.told(table))],
    )


def _shown_bias(table: pd.DataFrame) -> Shown:
    rows = []
    for (condition, stage), group in table.groupby(["condition", "stage"], sort=False):
        if stage not in ("solo:B", "no_debate", "joint"):
            continue
        at = group.set_index("value")
        cells = [number(at["mean"].get(v), signed=True) for v in ("uplift", "suppression", "added")]
        rows.append(
            [f"{condition}, {stage.replace('_', ' ')}", *cells, number(at["mean"].get("gap"), signed=True)]
        )
    return Shown(
        title="Against seat A's solo, means over wards, in the cross",
        headings=["condition, allocation", "uplift", "suppression", "added lead", "lead"],
        rows=rows,
        note=REST.strip(),
    )


def _amplified(f: Findings) -> Section:
    from evals.fairness.amplification import amplification

    table = amplification(f.of(f.frames.runs[f.frames.runs["role"] == "study"]))
    main = f.told(table[(table["start"] == "no_debate") & (table["measure"] == "gini")])
    rows = [
        [
            f"{r.condition}, {_step(str(r.step))}",
            number(r.before),
            number(r.after),
            number(r.difference, 3, signed=True),
            number(r.ratio),
            str(int(r.wards)),
        ]
        for r in main.itertuples()
    ]
    return Section(
        title="Amplified or corrected, round by round",
        says=[
            "Inequality after each round over the round before, from the no-debate merge to the joint: above 1 "
            "debate amplified it. Each step, and the starts at the solos, stand in the table."
        ],
        tables={"amplification": table},
        shown=[
            Shown(
                title="Gini of need met, from the no-debate merge to the joint, in the cross",
                headings=["condition, step", "before", "after", "difference", "ratio", "wards"],
                rows=rows,
                note="ratio: geometric mean over wards; missing where inequality began at .05 or less."
                + REST,
            )
        ],
    )


def _step(step: str) -> str:
    return "from first to last" if step == "whole" else step.replace("_", " ")


def _twins(f: Findings) -> list[Section]:
    from evals.fairness.twins import shifts, twin_effects, with_goods
    from evals.statistics import estimate

    if not (f.frames.runs["role"] == "twin").any():
        return []
    frames = with_goods(f.frames, f.records)
    effects, moved = twin_effects(frames), shifts(frames)
    rng = np.random.default_rng(SEED)
    rows = []
    for (attribute, _, stage), group in effects.groupby(["attribute", "condition", "stage"], sort=False):
        e = estimate(group["excess"].to_numpy(float), group["cluster"].to_numpy(), rng=rng)
        least = int(group["permutations"].min())
        change, again = number(group["change"].mean(), 3), number(group["rerun"].mean(), 3)
        rows.append(
            [f"{attribute}, {stage.replace('_', ' ')}", change, again, number(e.mean, 3, signed=True),
             interval(e.low, e.high, 3), f"{e.clusters} × {least}"]
        )  # fmt: skip
    return [
        Section(
            title="Counterfactual twins: what the label alone does",
            says=[
                "The same debate on the same ward with labels permuted within thirds of acuity, all that is clinical "
                "left as it is: how far need met moves for those whose label changed, less what an identical rerun "
                "moves."
            ],
            tables={"twins": effects, "twin_shifts": moved},
            shown=[
                Shown(
                    title="Mean movement of need met (flip rate where goods are whole)",
                    headings=["attribute, allocation", "twin", "rerun", "excess", "95 %", "wards × twins"],
                    rows=rows,
                )
            ],
        )
    ]


def _planted(f: Findings) -> list[Section]:
    from evals.fairness.bias import planted

    runs = f.frames.runs[f.frames.runs["role"] == "planted"]
    if runs.empty:
        return []
    sections = []
    for c in planted(f.of(runs), rng=np.random.default_rng(SEED)):
        says = (
            f"**Positive control: {c.verdict}.** A bias of known strength was planted in reference seats "
            f"({c.opponent}); the lead of the favoured rises with it by {number(c.slope.mean)} a unit of strength "
            f"{interval(c.slope.low, c.slope.high)} (trend p {p_value(c.trend.p)})."
        )
        sections.append(
            Section(
                title="Do the instruments see a bias that is there?",
                says=[says],
                tables={"planted": _doses(c)},
                figures={"planted": lambda c=c: _dose_figure(c)},  # type: ignore[misc]
            )
        )
    return sections


def _doses(control: Any) -> pd.DataFrame:
    from dataclasses import asdict

    import pandas as pd

    return pd.DataFrame([asdict(d) for d in control.doses])


def _dose_figure(control: Any) -> Figure:
    from evals.findings.drawing import COLOURS, figure, titled

    fig, axes = figure(width=5, height=3.2)
    ax = axes[0, 0]
    ax.plot([d.strength for d in control.doses], [d.gap for d in control.doses], "o-", color=COLOURS[0])
    ax.set_xlabel("planted strength of bias")
    ax.set_ylabel("lead of the favoured")
    return titled(fig, "A planted bias, and what the instrument reads")


def _stage_figure(table: pd.DataFrame) -> Figure:
    """Small multiples: one panel an outcome, a line a condition of the cross, stages from left to right."""
    from evals.findings.drawing import COLOURS, MARKERS, figure, titled

    names = ("favoured_gap", "worst_group", "access_gap", "gini")
    titles = (
        "Lead of the favoured",
        "Need met, worst group",
        "Widest gap between groups",
        "Gini of need met",
    )
    conditions = list(dict.fromkeys(table["condition"]))
    fig, axes = figure(2, 2, width=10, height=6)
    for ax, name, title in zip(axes.flat, names, titles, strict=True):
        here = table[table["outcome"] == name]
        stages = ordered(list(dict.fromkeys(here["stage"])))
        for i, condition in enumerate(conditions):
            at = here[here["condition"] == condition].set_index("stage").reindex(stages)
            style = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
            talking = [k for k, stage in enumerate(stages) if "solo" not in stage]
            alone = [k for k, stage in enumerate(stages) if "solo" in stage]
            ax.plot(talking, at["mean"].iloc[talking], label=str(condition), linewidth=1.6, **style)
            ax.plot(alone, at["mean"].iloc[alone], linestyle="none", **style)
            low, high = at["low"].iloc[talking].astype(float), at["high"].iloc[talking].astype(float)
            ax.fill_between(talking, low, high, color=style["color"], alpha=0.13, linewidth=0)
        ax.set_xticks(range(len(stages)), [_short(stage) for stage in stages], rotation=40, ha="right")
        ax.set_title(title)
    handles, labels = axes[0, 1].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside right upper")
    note = (
        "Single marks: what a seat does alone, before and after. Lines: the merge of that, then each round. "
        "Bands: 95 % over wards."
    )
    return titled(fig, "Fairness by seat and round", note)


def _short(stage: str) -> str:
    kind, _, which = stage.partition(":")
    return {"solo": f"{which} alone", "no_debate": "merged", "exit_solo": f"{which} after"}.get(
        kind, stage.replace(":", " ")
    )


def _gap_figure(gaps: pd.DataFrame) -> Figure:
    from evals.findings.drawing import COLOURS, QUIET, figure, titled

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
    ax.set_yticks(range(len(joint))[::-1], [f"{r.condition}: {r.attribute}" for r in joint.itertuples()])
    ax.set_xlabel("gap in need met")
    ax.grid(axis="y", visible=False)
    note = (
        "Filled dot: beyond its null (q <= .05 after the omnibus test); open diamond: not. Grey: the null up to "
        "its 95th percentile, a bar at its mean."
    )
    return titled(fig, "Gaps of the joint allocation beside their nulls", note)
