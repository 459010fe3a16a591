"""What did a bias do: who gained and who was held back, amplified or corrected, what the label alone does?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings import band
from evals.findings.by_stage import called
from evals.findings.section import (
    BESIDE_NULL,
    REST,
    SEED,
    Findings,
    Section,
    Shown,
    estimated,
    interval,
    number,
    p_value,
)
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.frames import Frames

STAGES = ("solo:B", "no_debate", "joint")


def bias(f: Findings) -> list[Section]:
    """The sections on bias, and the positive control."""
    return [_bias(f), _amplified(f), *_twins(f), *_planted(f)]


def _bias(f: Findings) -> Section:
    from evals.fairness.bias import run_bias
    from evals.strategy.summary import estimates

    title = "Bias taken apart: who gained, and who was held back"
    values = ["gap", "adjusted_gap", "uplift", "suppression", "added"]
    runs = f.frames.runs[(f.frames.runs["role"] == "study") & f.frames.runs["favoured"].notna()]
    if not (runs["status"] == "complete").any():
        return Section(
            title, ["No seat of a complete run favours a group, so there is no lead to take apart."]
        )
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
        title=title,
        says=[
            "Against seat A's solo: *uplift* is what the favoured gained, *suppression* what the rest lost; the two "
            "add up to what the favoured's lead grew by."
        ],
        tables={"bias": rows, "bias_by_condition": table},
        shown=[_shown_bias(f, f.told(table))],
        behind=BESIDE_NULL,
    )


def _shown_bias(f: Findings, table: pd.DataFrame) -> Shown:
    from evals.fairness.bias import run_bias

    bands: dict[band.Key, band.Band] = {}
    if f.bargained is not None and f.bargained.runs["favoured"].notna().any():
        null = run_bias(f.bargained, "solo:A").merge(
            f.bargained.runs[["run_id", "condition", "cluster", "policy"]], on="run_id"
        )
        bands = band.over_wards(null, ["condition", "stage"], "gap")
    rows = []
    groups = dict(list(table.groupby(["condition", "stage"], sort=False)))
    conditions = list(dict.fromkeys(table["condition"]))
    for condition, stage in [(c, s) for c in conditions for s in STAGES]:
        if (condition, stage) not in groups:
            continue
        at = groups[condition, stage].set_index("value")
        cells = [number(at["mean"].get(v), signed=True) for v in ("uplift", "suppression", "added")]
        lead = number(at["mean"].get("gap"), signed=True)
        rows.append([f"{condition}, {called(stage)}", *cells, lead, band.told(bands, condition, stage)])
    return Shown(
        title="Against seat A's solo, means over wards, in the cross",
        headings=[
            "condition, allocation",
            "uplift",
            "suppression",
            "added lead",
            "lead",
            "lead, bargaining null",
        ],
        rows=rows,
        note=REST.strip(),
    )


def _amplified(f: Findings) -> Section:
    from evals.fairness.amplification import amplification

    table = amplification(f.of(f.frames.runs[f.frames.runs["role"] == "study"]))
    main = f.told(table[(table["start"] == "no_debate") & (table["measure"] == "gini")])
    bands: dict[band.Key, band.Band] = {}
    if f.bargained is not None:
        null = amplification(
            f.bargained, ("condition", "policy"), starts=("no_debate",), roles=("bargaining",)
        )
        bands = band.over_policies(null[null["measure"] == "gini"], ["condition", "step"], "difference")
    rows = [
        [
            f"{r.condition}, {_step(str(r.step))}",
            number(r.before),
            number(r.after),
            number(r.difference, 3, signed=True),
            band.told(bands, r.condition, r.step, digits=3),
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
                headings=[
                    "condition, step",
                    "before",
                    "after",
                    "difference",
                    "bargaining null",
                    "ratio",
                    "wards",
                ],
                rows=rows,
                note="ratio: geometric mean over wards; missing where inequality began at .05 or less."
                + REST,
            )
        ],
        behind=BESIDE_NULL,
    )


def _step(step: str) -> str:
    return "from first to last" if step == "whole" else " → ".join(map(called, step.split(">")))


def _twins(f: Findings) -> list[Section]:
    from evals.fairness.twins import shifts, twin_effects, with_goods
    from evals.statistics import estimate

    if not (f.frames.runs["role"] == "twin").any():
        return []
    frames = with_goods(f.frames, f.records)
    effects, moved = twin_effects(frames), shifts(frames)
    rng = np.random.default_rng(SEED)
    rows = []
    several = effects["condition"].nunique() > 1
    says = [
        "The same debate on the same ward with labels permuted within thirds of acuity, all that is clinical left as "
        "it is: how far need met moves for those whose label changed, less what an identical rerun moves."
    ]
    if effects["excess"].isna().all():
        says.append("There is no identical rerun to compare with, so how much of it is noise cannot be told.")
    for (attribute, condition, stage), group in effects.groupby(
        ["attribute", "condition", "stage"], sort=False
    ):
        e = estimate(group["excess"].to_numpy(float), group["cluster"].to_numpy(), rng=rng)
        different = f"{int(group['relabellings'].min())}–{int(group['relabellings'].max())}"
        change, again = number(group["change"].mean(), 3), number(group["rerun"].mean(), 3)
        where = f"{condition}: {attribute}" if several else str(attribute)
        rows.append(
            [f"{where}, {called(str(stage))}", change, again, number(e.mean, 3, signed=True),
             interval(e.low, e.high, 3), str(e.clusters), different]
        )  # fmt: skip
    return [
        Section(
            title="Counterfactual twins: what the label alone does",
            says=says,
            tables={"twins": effects, "twin_shifts": moved},
            shown=[
                Shown(
                    title="Mean movement of need met (flip rate where goods are whole)",
                    headings=[
                        "attribute, allocation",
                        "twin",
                        "rerun",
                        "excess",
                        "95 %",
                        "wards",
                        "different twins",
                    ],
                    rows=rows,
                    note="different twins: how many of a ward's permutations differ from each other, least and most; "
                    "small wards have fewer than were drawn. The no-debate merge is a row of its own; no twins are "
                    f"played by the bargaining null. {_widened(f)}",
                )
            ],
            behind=("twin", "study", "rerun"),
        )
    ]


def _widened(f: Findings) -> str:
    """On how many wards a permutation went over the whole ward, since no third of acuity has two groups."""
    twins = f.frames.runs[f.frames.runs["role"] == "twin"]
    whole = twins.loc[twins["ward"].str.endswith("-whole"), ["cluster", "ward"]]
    wards = whole["cluster"].nunique()
    return (
        f"On {wards} wards labels moved over the whole ward, as no third of acuity has two groups."
        if wards
        else ""
    )


def _planted(f: Findings) -> list[Section]:
    from evals.fairness.bias import planted

    runs = f.frames.runs[f.frames.runs["role"] == "planted"]
    if runs.empty:
        return []
    title, sections = "Do the instruments see a bias that is there?", []
    try:
        controls = planted(f.of(runs), rng=np.random.default_rng(SEED))
    except ParleyError as error:
        return [Section(title, [f"**Positive control: not told.** {error}."], behind=("planted",))]
    found, nulls = _gap_control(f.of(runs))
    for c in controls:
        says = (
            f"**Positive control: {c.verdict}.** A bias of known strength was planted in reference seats "
            f"({c.opponent}); the lead of the favoured rises with it by "
            f"{estimated(c.slope.mean, c.slope.low, c.slope.high)} a unit of strength (trend p {p_value(c.trend.p)})."
        )
        sections.append(
            Section(
                title=title,
                says=[says, found],
                tables={f"planted-{c.opponent}": _doses(c), "planted_gap_nulls": nulls},
                figures={f"planted-{c.opponent}": lambda c=c: _dose_figure(c)},  # type: ignore[misc]
                behind=("planted",),
            )
        )
    return sections


def _gap_control(frames: Frames) -> tuple[str, pd.DataFrame]:
    """Whether the gaps' own instrument, permutation null and all, finds the planted bias, and what else it finds."""
    from evals.fairness.nulls import gap_nulls

    table = gap_nulls(frames, ("strength",), rng=np.random.default_rng(SEED), roles=("planted",)).gaps
    joint = table[(table["stage"] == "joint") & table["p"].notna()]
    terms = frames.runs["favoured"].dropna().str.partition("=")[0].unique()
    guilty = joint["attribute"].isin(list(terms))
    told = [
        f"at strength {r.strength:g} a gap of {number(r.gap)} against a null of {number(r.null_mean)}, "
        f"{'found' if r.found else 'not found'}"
        for r in joint[guilty].itertuples()
    ]
    others = joint[~guilty]
    says = "The gaps' own instrument, permutation null and false-discovery control: " + "; ".join(told)
    return f"{says}. On other attributes it found {int(others['found'].sum())} of {len(others)} gaps.", table


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
