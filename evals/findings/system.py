"""What did the system do that no seat would: standards met, emergence, what debate lost, and what fairness cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.findings import band
from evals.findings.by_stage import by_stage, called, shown
from evals.findings.section import BESIDE_NULL, REST, SEED, Findings, Section, Shown, estimated, number, share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SHARES = (
    ("joint_share", "joint", "o"),
    ("no_debate_share", "no-debate merge", "s"),
    ("random_share", "random", "^"),
)
EFFECTS = (("beyond_share", "beyond the merge", "P"), ("lost_share", "lost in debate", "X"))
OUTCOMES = ("criteria_met", "beta", "survival", "worst_off", "least_utility")


def system(f: Findings) -> list[Section]:
    """The sections on the system."""
    return [_measures(f), _emergence(f), _price(f)]


def _measures(f: Findings) -> Section:
    from evals.fairness.standards import standards

    table = by_stage(f, OUTCOMES)
    return Section(
        title="What the system reached",
        says=[
            "Criteria are standards of adequacy, ours, whose thresholds a study may set. β is the least of the six "
            "normalised measures."
        ],
        tables={"system_by_stage": table, "standards": standards(f.frames)},
        shown=[
            shown(table, "criteria_met", "Share of criteria met"),
            shown(f.told(table), "beta", "Least of the measures, β, in the cross"),
        ],
        behind=BESIDE_NULL,
    )


def _emergence(f: Findings) -> Section:
    from evals.fairness.standards import by_ward, debate_table, emergence_table, negative_control, with_random

    base = f.base.runs
    ids = set(base.loc[base["status"] == "complete", "run_id"])
    frames = with_random(f.frames, [p for p in f.records if p.stem in ids])
    table, effects = emergence_table(frames), debate_table(f.frames)
    control = negative_control(f.of(f.frames.runs[f.frames.runs["role"] == "study"]))
    attained = control[control["attained"].astype(bool)]
    found = int(attained["emergence_2"].sum())
    says = [
        "Definition 1 is nearly vacuous, so what the no-debate merge and random allocations pass stands beside it. "
        "*Beyond the merge* are criteria that the joint meets and neither solo nor the no-debate merge did; *lost in "
        "debate* are criteria that the no-debate merge met and the joint does not.",
        "Negative control: "
        + (
            f"where a seat alone reached the maximum of all that is cared for, definition 2 held in {found} of "
            f"{len(attained)} runs (it must in none)."
            if len(attained)
            else "no ward here has an allocation that is best by every measure that is cared for."
        ),
    ]
    says.append(_why_not_balanced(f))
    wards = by_ward(f.frames)
    return Section(
        title="Emergence, and emergence beyond the merge",
        says=says,
        tables={"emergence": table, "debate_effects": effects, "emergence_by_ward": wards},
        shown=[_shown_emergence(f, f.told(table)), _shown_effects(f, effects)],
        figures={"emergence": lambda: _emergence_figure(table, effects)},
        behind=BESIDE_NULL,
    )


def _why_not_balanced(f: Findings) -> str:
    """Definition 2 over all six measures, and how often Pareto efficiency is what fails it."""
    runs = f.base.runs[f.base.runs["status"] == "complete"]
    six, six_merge = runs["emergence_2_all_six"].dropna(), runs["emergence_2_all_six_no_debate"].dropna()
    pareto = runs["pareto"].dropna()
    return (
        f"Over all six measures definition 2 holds in {share(int(six.sum()), len(six))} joints of the cross and "
        f"{share(int(six_merge.sum()), len(six_merge))} no-debate merges. Over the measures that seats care for, "
        f"{share(int((~pareto.astype(bool)).sum()), len(pareto))} joints are not Pareto-efficient, which the "
        "definition asks. Blinded seats are judged by the values they can still hold."
    )


def _shown_emergence(f: Findings, table: pd.DataFrame) -> Shown:
    from evals.fairness.standards import emergence_table

    bands: dict[band.Key, band.Band] = {}
    if f.bargained is not None:
        null = emergence_table(f.bargained, ("condition", "policy"), roles=("bargaining",))
        null = null[~null["common_maximiser"].astype(bool)]
        bands = band.over_policies(null, ["condition", "definition"], "joint_share")
    rows = []
    for r in table[~table["common_maximiser"].astype(bool)].itertuples():
        rows.append(
            [
                f"{r.condition}, definition {r.definition}",
                share(int(r.joint), int(r.defined)),
                share(int(r.no_debate), int(r.defined)),
                band.told(bands, r.condition, r.definition),
                number(r.random_share),
                str(int(r.undefined) + int(r.missing)),
            ]
        )
    return Shown(
        title="Emergence by both definitions, with base rates, in the cross",
        headings=["condition", "joint", "no-debate merge", "bargaining null", "random", "undefined"],
        rows=rows,
        note="bargaining null: share of its joints. random: mean share of 200 random feasible allocations that pass."
        + REST,
    )


def _shown_effects(f: Findings, effects: pd.DataFrame) -> Shown:
    """Criteria that the joint meets and the merge does not, and the other way round; of those, what no solo met."""
    from evals.fairness.standards import held
    from evals.statistics import estimate

    runs = f.frames.runs[f.frames.runs["role"].isin(["study", "bargaining"])]
    met = held(f.frames).pivot_table(index=["run_id", "criterion"], columns="stage", values="met", sort=False)
    both = met[["joint", "no_debate"]].dropna()
    change = both["joint"] - both["no_debate"]
    counts = (
        change.groupby("run_id")
        .agg(gained=lambda c: (c > 0).sum(), lost=lambda c: (c < 0).sum())
        .reset_index()
    )
    counts["net"] = counts["gained"] - counts["lost"]
    rows_of = runs[["run_id", "role", "condition", "cluster", "policy"]].merge(counts, on="run_id")
    bands = band.over_wards(rows_of[rows_of["role"] == "bargaining"], ["condition"], "net")
    beyond = effects[effects["criterion"] != "any"].groupby("condition")["beyond"].sum()
    rng, rows = np.random.default_rng(SEED), []
    for condition, mine in rows_of[rows_of["role"] == "study"].groupby("condition", sort=False):
        e = estimate(mine["net"].to_numpy(float), mine["cluster"].to_numpy(), rng=rng)
        told = [str(int(mine[c].sum())) for c in ("gained", "lost")]
        rows.append(
            [str(condition), str(len(mine)), *told, str(int(beyond.get(condition, 0))),
             estimated(e.mean, e.low, e.high, signed=True), band.told(bands, condition)]
        )  # fmt: skip
    return Shown(
        title="Criteria that debate added to the no-debate merge, and that it lost",
        headings=["condition", "runs", "gained", "lost", "beyond", "gained − lost, a run", "bargaining null"],
        rows=rows,
        note="gained: met by the joint and not by the merge. beyond: of these, met by no solo either.",
    )


def _price(f: Findings) -> Section:
    from evals.fairness.price import distance_table, price_table

    base = f.frames.runs[(f.frames.runs["role"] == "study") & (f.frames.runs["control"] == "")]
    ids = set(base["run_id"])
    files = [p for p in f.records if p.stem in ids]
    prices, distances = price_table(files, f.study.thresholds), distance_table(files)
    by_notion = prices.groupby("notion", sort=False)["price"].agg(["mean", "count"]).reset_index()
    rows = [[str(r.notion), number(r.mean, 3), str(int(r.count))] for r in by_notion.itertuples()]
    joined = distances.merge(base[["run_id", "condition", "cluster"]], on="run_id")
    means = (
        joined.groupby(["condition", "stage"], sort=False)[["loss", "distance", "slack"]].mean().reset_index()
    )
    bands = _loss_bands(f)
    lines = [
        [
            f"{r.condition}, {called(str(r.stage))}",
            number(r.loss, 3),
            number(r.distance, 3),
            number(r.slack, 3),
            band.told(bands, r.condition, digits=3) if r.stage == "joint" else "",
        ]
        for r in means.itertuples()
    ]
    return Section(
        title="What fairness costs, and what is left on the table",
        says=[
            "The price of a notion of fairness is the share of attainable survivors given up for it, at the exact "
            "optimum of each ward (Bertsimas, Farias & Trichakis 2011)."
        ],
        tables={"price_of_fairness": prices, "pareto_distance": joined},
        shown=[
            Shown("Price of fairness, mean over wards", ["notion", "price", "wards"], rows),
            Shown(
                "Distance to the Pareto front over the measures that a ward defines",
                ["condition, allocation", "survivors lost", "distance", "slack", "slack, bargaining null"],
                lines,
                note="survivors lost: share of the attainable. distance: how much every measure could rise at once. "
                "slack: how much they could rise in sum with none falling.",
            ),
        ],
        behind=BESIDE_NULL,
    )


def _loss_bands(f: Findings) -> dict[band.Key, band.Band]:
    """The slack of the bargaining null's joints, by condition."""
    from evals.fairness.price import distance_table

    if f.bargained is None:
        return {}
    runs = f.bargained.runs[["run_id", "condition", "cluster", "policy"]]
    ids = set(runs["run_id"])
    null = distance_table([p for p in f.records if p.stem in ids], ("joint",)).merge(runs, on="run_id")
    return band.over_wards(null, ["condition"], "slack")


def _emergence_figure(table: pd.DataFrame, effects: pd.DataFrame) -> Figure:
    from evals.findings.drawing import COLOURS, figure, keyed, titled

    fig, axes = figure(1, 3, width=11, height=1.6 + 0.21 * effects["condition"].nunique(), sharey=True)
    conditions = list(dict.fromkeys(effects["condition"]))
    places = {c: len(conditions) - 1 - i for i, c in enumerate(conditions)}
    main = table[~table["common_maximiser"].astype(bool)]
    for ax, definition in zip(axes[0, :2], (1, 2), strict=True):
        here = main[main["definition"] == definition]
        for i, (column, label, shape) in enumerate(
            (
                ("joint_share", "joint", "o"),
                ("no_debate_share", "no-debate merge", "s"),
                ("random_share", "random", "^"),
            )
        ):
            kept = here[here[column].notna()]
            ax.plot(kept[column], [places[c] for c in kept["condition"]], shape, color=COLOURS[i], label=label,
                    fillstyle="full" if i == 0 else "none")  # fmt: skip
        ax.set_title(f"Emergence {definition}")
        ax.set_xlabel("share of runs")
        ax.set_xlim(-0.04, 1.04)
    some = effects[effects["criterion"] == "any"]
    for i, (column, label, shape) in enumerate(EFFECTS):
        axes[0, 2].plot(
            some[column], [places[c] for c in some["condition"]], shape, color=COLOURS[3 + i], label=label
        )
    axes[0, 2].set_title("Criteria won and lost")
    axes[0, 2].set_xlabel("share of runs")
    axes[0, 2].set_xlim(-0.04, 1.04)
    named, key = keyed(conditions)
    axes[0, 0].set_yticks(list(places.values()), [named[c] for c in places])
    marks = [*axes[0, 0].get_legend_handles_labels(), *axes[0, 2].get_legend_handles_labels()]
    fig.legend(marks[0] + marks[2], marks[1] + marks[3], loc="outside right upper")
    note = "Random: the share of 200 random feasible allocations that pass, in the cross for definition 2."
    return titled(fig, "What the system did that its seats did not", note, key)
