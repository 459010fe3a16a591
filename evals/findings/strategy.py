"""How did seats deal with each other: concession, replies, who moved whom, what was won back, by what they act."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.section import SEED, Findings, Section, Shown, estimated, interval, number, p_value, share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.strategy import StrategyFrames

STATES = ("fortunate", "selfish", "concession", "unfortunate", "nice", "silent")
SHORT = {
    "survival": "ESG",
    "worst_off": "RMG",
    "evenness": "VAR",
    "disadvantage_weighted_survival": "DW-ESG",
    "vulnerability_weighted_care": "VWCI",
    "equality": "Gini",
}


def strategy(f: Findings) -> list[Section]:
    """The sections on strategy, of the study's own runs."""
    from evals.strategy import frames

    runs = f.frames.runs
    told = runs[runs["role"].isin(["study", "rerun"]) & (runs["status"] == "complete")]
    told = told.drop_duplicates("run_id")
    own = told[told["role"] == "study"]
    files = [p for p in f.records if p.stem in set(told["run_id"])]
    if own.empty:
        return []
    tables = frames(files)
    return [
        _conceded(f, tables, own),
        _replied(f, tables, own),
        _moved(f, tables, told),
        _won_back(f, tables, own),
        _leaning(f),
    ]


def _rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


def _conceded(f: Findings, s: StrategyFrames, runs: pd.DataFrame) -> Section:
    from evals.strategy import estimates, mean_curve

    curve = mean_curve(s.points, runs, rng=_rng())
    given = estimates(s.concessions, runs, ["total", "share"], by=["condition", "seat"], rng=_rng())
    rows = [
        [f"{r.condition}, seat {r.seat}", estimated(r.mean, r.low, r.high), str(int(r.clusters))]
        for r in f.told(given[given["value"] == "total"]).itertuples()
    ]
    return Section(
        title="Concession",
        says=["What each seat gave up of its own declared utility, from its solo to its last move."],
        tables={"concession_curves": curve, "concessions": s.concessions, "concession_by_condition": given},
        shown=[
            Shown("Given up, in utility, in the cross", ["condition, seat", "mean and 95 %", "wards"], rows)
        ],
        figures={
            "concession-curves": partial(_curves, f.told(curve)),
            "negotiation-dance": partial(_dance, f.told(curve)),
        },
    )


def _replied(f: Findings, s: StrategyFrames, runs: pd.DataFrame) -> Section:
    from evals.strategy import dependence, matrix, shares
    from evals.strategy.summary import with_runs

    moves = with_runs(s.steps, runs, ["condition"])
    cross = f.told(moves)
    by = ["persona", "other"]
    step_shares, replies = shares(cross, by), matrix(cross, by)
    headlines = matrix(cross, by, what="strategy")
    hangs = dependence(cross, rng=_rng(), by=by)
    rows = []
    for (persona, other), group in step_shares.groupby(by, sort=False):
        at = group.set_index("state")["share"]
        total = int(group["total"].max())
        rows.append([f"{persona} against {other}", *(number(at.get(state)) for state in STATES), str(total)])
    tested = [
        [f"{r.persona} against {r.other}, {r.null}", number(r.excess, 3), p_value(r.p), str(int(r.pairs))]
        for r in hangs.itertuples()
    ]
    return Section(
        title="Steps and replies",
        says=[
            "Each move by what it did to its own and to the other's utility (Hindriks, Jonker & Tykhonov 2007), in the "
            "cross alone. Whether a reply hangs on what was received is tested by shuffling."
        ],
        tables={
            "step_shares": step_shares,
            "transitions": replies,
            "transitions_of_headlines": headlines,
            "dependence_of_replies": hangs,
            "steps": moves,
        },
        shown=[
            Shown("Step classes, shares of moves", ["persona", *STATES, "moves"], rows),
            Shown(
                "Does the reply hang on the move before?",
                ["persona, null", "excess nats", "p", "pairs"],
                tested,
            ),
        ],
        figures={"transitions": partial(_matrices, replies)},
    )


def _moved(f: Findings, s: StrategyFrames, runs: pd.DataFrame) -> Section:
    from evals.strategy import estimates, minds

    own = runs[runs["role"] == "study"]
    who = estimates(s.influences, own, ["influence", "debate_added"], by=["condition", "seat"], rng=_rng())
    mind_rows = minds(s.minds, runs)
    mind = estimates(mind_rows, own, ["mind_changed", "offer_beyond"], by=["condition", "seat"], rng=_rng())
    rows = []
    for (condition, seat), group in f.told(who).groupby(["condition", "seat"], sort=False):
        at = group.set_index("value")
        mine = mind[(mind["condition"] == condition) & (mind["seat"] == seat)].set_index("value")
        rows.append(
            [
                f"{condition}, seat {seat}",
                number(at["mean"].get("influence")),
                number(at["mean"].get("debate_added"), signed=True),
                number(mine["mean"].get("mind_changed"), signed=True),
                number(mine["mean"].get("offer_beyond"), signed=True),
            ]
        )
    return Section(
        title="Who moved whom: minds changed, and bargains struck",
        says=[
            "Influence is how far the joint lies from the other's solo toward one's own; *debate added* is what of it "
            "the no-debate merge did not have. *Mind changed* is how far the exit solo went from the solo toward the "
            "other's, beyond a re-ask; *bargain* is how much further the last move went than the mind."
        ],
        tables={
            "influence": s.influences,
            "influence_by_condition": who,
            "minds": mind_rows,
            "minds_by_condition": mind,
        },
        shown=[
            Shown(
                "Means over wards, in the cross",
                ["condition, seat", "influence", "debate added", "mind changed", "bargain"],
                rows,
            )
        ],
        figures={"influence": partial(_influence, who, f.conditions)},
    )


def _won_back(f: Findings, s: StrategyFrames, runs: pd.DataFrame) -> Section:
    from evals.strategy import contestation, patched, tagged
    from evals.strategy.summary import with_runs

    tags = tagged(with_runs(s.tags, runs, ["condition"]), ["condition", "seat", "persona"])
    contests = contestation(with_runs(s.rounds, runs, ["condition"]), ["condition", "round"])
    patches = patched(with_runs(s.patches, runs, ["condition"]), ["condition", "attribute", "group"])
    last = contests.groupby("condition", sort=False).last()
    rows = []
    for r in f.told(tags).itertuples():
        over = last.loc[r.condition]
        rows.append(
            [
                f"{r.condition}, {r.seat} {r.persona}",
                *(
                    share(int(getattr(r, tag)), int(r.disputed))
                    for tag in ("hold", "contest", "concede", "trade")
                ),
                share(int(over["overridden_contested"]), int(over["contested"])),
            ]
        )
    back = [
        [
            f"{r.condition}: {r.group} ({r.which.replace('_', ' ')})",
            share(int(r.cells_joint), int(r.cells)),
            share(int(r.cells_no_debate), int(r.cells)),
            number(r.restored_added, signed=True),
            share(int(r.converted), int(r.exits)),
        ]
        for r in f.told(patches).itertuples()
    ]
    return Section(
        title="Contestation, override, and what was won back",
        says=[
            "Exact counts. *Overridden* are cells of the last round where the joint equals one seat's solo though the "
            "other still contests it. A *corrective patch* gives a disfavoured group some of what the biased solo "
            "withheld; *debate added* is what of it the no-debate merge had not restored."
        ],
        tables={"cells": tags, "contestation": contests, "patches": patches, "patches_by_run": s.patches},
        shown=[
            Shown(
                "Dealings with disputed cells, in the cross",
                ["condition, seat", "hold", "contest", "concede", "trade", "overridden"],
                rows,
            ),
            Shown(
                "Corrective patches, in the cross",
                ["condition: group", "cells, joint", "cells, merge", "debate added", "biased seat converted"],
                back,
            ),
        ],
    )


def _leaning(f: Findings) -> Section:
    from evals.leanings.choices import choices_of
    from evals.leanings.table import leanings
    from evals.records import each

    base = f.frames.runs[(f.frames.runs["role"] == "study") & (f.frames.runs["control"] == "")]
    ids = set(base["run_id"])
    table = leanings(each([p for p in f.records if p.stem in ids], choices_of), rng=_rng())
    rows = []
    for (persona, model, when), group in table.groupby(["persona", "model", "when"], sort=False):
        at = group.set_index("measure")
        cells = [
            f"{number(at['point'].get(m))} {interval(at['low'].get(m), at['high'].get(m))}" for m in SHORT
        ]
        biased = group[group["measure"].str.contains("=")]
        cells.append(number(biased["point"].max()) if len(biased) else "–")
        rows.append(
            [
                f"{persona} ({model}), {str(when).replace('_', ' ')}",
                *cells,
                number(group["misfit"].iloc[0], 3),
            ]
        )
    return Section(
        title="Leanings: by what each seat acts, whatever it was told",
        says=[
            "Revealed weights from solos and exit solos: the point of a logit over fixed candidate allocations, and in "
            "brackets the whole set of weights by which the choices are within a hundredth of optimal. ESG, DW-ESG and "
            "VWCI are nearly collinear, so the set says more than the point."
        ],
        tables={"leanings": table},
        shown=[
            Shown(
                "Revealed weights", ["persona", *SHORT.values(), "favoured group", "misfit"], rows,
                note="misfit: the least loss of utility at which any weights explain all choices.",
            )
        ],
        figures={"leanings": partial(_leanings, table)},
    )  # fmt: skip


def _curves(curve: pd.DataFrame) -> Figure:
    """A panel a condition of the cross: each seat's own utility, from its solo through its moves to the joint."""
    from evals.findings.drawing import figure, series, titled

    conditions = list(dict.fromkeys(curve["condition"]))
    columns = min(3, max(1, len(conditions)))
    rows = -(-len(conditions) // columns)
    fig, axes = figure(rows, columns, width=3.2 * columns + 0.5, height=2.6 * rows + 0.9, sharey=True)
    for ax in axes.flat[len(conditions) :]:
        ax.set_visible(False)
    for ax, condition in zip(axes.flat, conditions, strict=False):
        here = curve[(curve["condition"] == condition) & (curve["value"] == "u_own")]
        points = list(dict.fromkeys(zip(here["what"], here["round"], strict=True)))
        lines: dict[str, Any] = {}
        bands: dict[str, Any] = {}
        for seat, group in here.groupby("seat", sort=False):
            lines[f"seat {seat}"] = list(group["mean"])
            bands[f"seat {seat}"] = list(zip(group["low"], group["high"], strict=True))
        names = [
            "alone" if w == "solo" else "joint" if w == "joint" else f"round {int(r)}" for w, r in points
        ]
        series(ax, names, lines, bands)
        ax.set_title(str(condition))
        ax.tick_params(axis="x", rotation=45)
    axes[0, 0].set_ylabel("own declared utility")
    axes[0, 0].legend(loc="lower left")
    return titled(fig, "Concession: what each seat asks for, and what it gets", "Bands: 95 % over wards.")


def _dance(curve: pd.DataFrame) -> Figure:
    """A panel a condition: both seats' utilities of what each seat asks for, from its solo to its last move."""
    from evals.findings.drawing import COLOURS, INK, MARKERS, figure, titled

    conditions = list(dict.fromkeys(curve["condition"]))
    columns = min(3, max(1, len(conditions)))
    rows = -(-len(conditions) // columns)
    fig, axes = figure(rows, columns, width=3.2 * columns + 0.5, height=2.8 * rows + 0.9)
    for ax in axes.flat[len(conditions) :]:
        ax.set_visible(False)
    for ax, condition in zip(axes.flat, conditions, strict=False):
        here = curve[(curve["condition"] == condition) & curve["seat"].isin(["A", "B"])]
        for i, (seat, group) in enumerate(here.groupby("seat", sort=True)):
            wide = group.pivot_table(index=["round", "what"], columns="value", values="mean", sort=False)
            asked, joint = wide.drop("joint", level="what"), wide.xs("joint", level="what")
            x, y = ("u_own", "u_other") if seat == "A" else ("u_other", "u_own")
            ax.plot(
                asked[x],
                asked[y],
                color=COLOURS[i],
                marker=MARKERS[i],
                markersize=4,
                label=f"asked by {seat}",
            )
            ax.plot(
                asked[x].iloc[0],
                asked[y].iloc[0],
                MARKERS[i],
                color=COLOURS[i],
                markersize=9,
                fillstyle="none",
            )
            ax.plot(joint[x], joint[y], "*", color=INK, markersize=11, label="joint" if seat == "A" else None)
        ax.set_title(str(condition))
        ax.set_xlabel("utility of A")
    axes[0, 0].set_ylabel("utility of B")
    axes[0, 0].legend(loc="best")
    return titled(
        fig, "The dance: what each seat asks for, worth to both", "Ringed: alone. Means over wards."
    )


def _matrices(replies: pd.DataFrame) -> Figure:
    """A panel a persona pair: what was received, down; what was answered, across."""
    from evals.findings.drawing import figure, heatmap, titled

    pairs = [k for k, g in replies.groupby(["persona", "other"], sort=False) if g["total"].sum() > 0]
    made = replies[replies["count"] > 0]
    seen = [s for s in STATES if s in set(made["before"]) | set(made["after"])]
    columns = min(3, max(1, len(pairs)))
    rows = max(1, -(-len(pairs) // columns))
    fig, axes = figure(rows, columns, width=3.6 * columns, height=(0.9 + 0.38 * len(seen)) * rows + 0.7)
    for ax in axes.flat[len(pairs) :]:
        ax.set_visible(False)
    for ax, (persona, other) in zip(axes.flat, pairs, strict=False):
        here = replies[(replies["persona"] == persona) & (replies["other"] == other)]
        wide = here.pivot(index="before", columns="after", values="share").reindex(index=seen, columns=seen)
        count = here.pivot(index="before", columns="after", values="count").reindex(index=seen, columns=seen)
        text = [[f"{n:.0f}" if n else "" for n in row] for row in count.to_numpy(float)]
        heatmap(ax, seen, seen, wide.to_numpy(float), text)
        ax.set_title(f"{persona} answers {other}")
    return titled(
        fig, "Replies: step received (down), step made (across)", "Shade: share of the row. Number: moves."
    )


def _influence(who: pd.DataFrame, conditions: list[str]) -> Figure:
    from evals.findings.drawing import COLOURS, QUIET, figure, titled

    mine = who[who["seat"] == "A"]
    fig, axes = figure(width=7.5, height=1 + 0.32 * len(conditions))
    ax = axes[0, 0]
    for place, condition in zip(range(len(conditions))[::-1], conditions, strict=True):
        at = mine[mine["condition"] == condition].set_index("value")["mean"]
        joint, added = at.get("influence"), at.get("debate_added")
        if joint != joint:
            ax.annotate("solos alike", (0.5, place), color=QUIET, va="center", fontsize=8)
            continue
        ax.plot([joint - added, joint], [place, place], color=QUIET)
        ax.plot(joint - added, place, "s", color=COLOURS[0], fillstyle="none")
        ax.plot(joint, place, "o", color=COLOURS[1])
    ax.axvline(0.5, color=QUIET, linestyle=":")
    ax.set_yticks(range(len(conditions))[::-1], conditions)
    ax.set_xlabel("share of the way from B's solo (0) to A's solo (1)")
    note = "Open square: the no-debate merge. Dot: the joint. The line between them is what debate added."
    return titled(fig, "Who moved whom", note)


def _leanings(table: pd.DataFrame) -> Figure:
    """A panel a time; a row a persona, and for each measure its set as a bar and its point as a dot."""
    from evals.findings.drawing import COLOURS, MARKERS, figure, titled

    solo = table[table["when"] == "solo"]
    personas = list(dict.fromkeys(solo["persona"]))
    fig, axes = figure(
        1, max(1, len(personas)), width=2.6 * max(1, len(personas)) + 1, height=3.4, sharey=True
    )
    for ax, persona in zip(axes.flat, personas, strict=False):
        for w, when in enumerate(("solo", "exit_solo")):
            here = table[(table["persona"] == persona) & (table["when"] == when)].set_index("measure")
            for i, measure in enumerate(SHORT):
                if measure not in here.index:
                    continue
                r = here.loc[measure]
                place = len(SHORT) - 1 - i + (0.17 if w == 0 else -0.17)
                ax.plot([r["low"], r["high"]], [place] * 2, color=COLOURS[w], linewidth=4, alpha=0.3)
                label = when.replace("_", " ") if i == 0 else None
                ax.plot(r["point"], place, MARKERS[w], color=COLOURS[w], markersize=5, label=label)
        ax.set_title(str(persona))
        ax.set_xlim(-0.05, 1.05)
    axes[0, 0].set_yticks(range(len(SHORT))[::-1], list(SHORT.values()))
    axes[0, 0].legend(loc="lower right")
    return titled(
        fig,
        "Leanings before and after debate",
        "Bar: every weight that explains the choices. Dot: the likeliest.",
    )
