"""How did seats deal with each other: concession, replies, who moved whom, what was won back, by what they act."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evals.findings import band
from evals.findings.section import (
    BESIDE_NULL,
    SEED,
    Findings,
    Section,
    Shown,
    estimated,
    interval,
    number,
    p_value,
    share,
)
from evals.findings.strategy_figures import (
    SHORT,
    STATES,
    curves,
    dance,
    influence_figure,
    leanings_figure,
    matrices,
)

if TYPE_CHECKING:
    import pandas as pd

    from evals.strategy import StrategyFrames


LEANING_NOTE = (
    "misfit: the least loss of utility at which any weights explain all choices. A set wider than a half is given "
    "without a point: the choices do not tell. Declared weights stand in the table. No null can stand here: solos "
    "come before any bargain."
)
WIDE = 0.5
"""A set of weights wider than this tells too little for a point."""


def strategy(f: Findings) -> list[Section]:
    """The sections on strategy, of the study's own runs."""
    from evals.strategy import frames

    runs = f.frames.runs
    told = runs[runs["role"].isin(["study", "rerun"]) & (runs["status"] == "complete")]
    told = told.drop_duplicates("run_id")
    own = told[told["role"] == "study"]
    files = [p for p in f.records if p.stem in set(told["run_id"])]
    tables = frames(files)
    null = _bargained(f)
    return [
        _conceded(f, tables, own, null),
        _replied(f, tables, own, null),
        _moved(f, tables, told, null),
        _won_back(f, tables, own, null),
        _leaning(f),
    ]


@dataclass(frozen=True)
class Null:
    """The bargaining null in the cross: its runs and the tables of its strategy; None where it was not run."""

    runs: pd.DataFrame
    tables: StrategyFrames

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows of a table with condition, ward and policy."""
        from evals.strategy.summary import with_runs

        return with_runs(table, self.runs, ["condition", "cluster", "policy"])


def _bargained(f: Findings) -> Null | None:
    from evals.strategy import frames

    if f.bargained is None:
        return None
    runs = f.bargained.runs.drop_duplicates("run_id")
    ids = set(runs["run_id"])
    return Null(runs, frames([p for p in f.records if p.stem in ids]))


def _rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


def _conceded(f: Findings, s: StrategyFrames, runs: pd.DataFrame, null: Null | None) -> Section:
    from evals.strategy import estimates, mean_curve

    curve = mean_curve(s.points, runs, rng=_rng())
    given = estimates(s.concessions, runs, ["total", "share"], by=["condition", "seat"], rng=_rng())
    bands = (
        band.over_wards(null.rows(null.tables.concessions), ["condition", "seat"], "total") if null else {}
    )
    rows = [
        [
            f"{r.condition}, seat {r.seat}",
            estimated(r.mean, r.low, r.high),
            band.told(bands, r.condition, r.seat),
            str(int(r.clusters)),
        ]
        for r in f.told(given[given["value"] == "total"]).itertuples()
    ]
    return Section(
        title="Concession",
        says=["What each seat gave up of its own declared utility, from its solo to its last move."],
        tables={"concession_curves": curve, "concessions": s.concessions, "concession_by_condition": given},
        shown=[
            Shown(
                "Given up, in utility, in the cross",
                ["condition, seat", "mean and 95 %", "bargaining null", "wards"],
                rows,
                note="Nothing is given up where nobody talks: the no-debate merge is 0 here.",
            )
        ],
        figures={
            "concession-curves": partial(curves, f.told(curve)),
            "negotiation-dance": partial(dance, f.told(curve)),
        },
        behind=BESIDE_NULL,
    )


def _replied(f: Findings, s: StrategyFrames, runs: pd.DataFrame, null: Null | None) -> Section:
    from evals.strategy import dependence, matrix, shares
    from evals.strategy.summary import with_runs

    moves = with_runs(s.steps, runs, ["condition"])
    cross = f.told(moves)
    by = ["persona", "other"]
    step_shares, replies = shares(cross, by), matrix(cross, by)
    headlines = matrix(cross, by, what="strategy")
    hangs = dependence(cross, rng=_rng(), by=by)
    bands: dict[band.Key, band.Band] = {}
    if null:
        of_null = shares(null.rows(null.tables.steps), [*by, "policy"])
        bands = band.over_policies(of_null[of_null["state"] == "concession"], by, "share")
    rows = []
    for (persona, other), group in step_shares.groupby(by, sort=False):
        at = group.set_index("state")["share"]
        total = int(group["total"].max())
        rows.append([f"{persona} against {other}", *(number(at.get(state)) for state in STATES),
                     band.told(bands, persona, other), str(total)])  # fmt: skip
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
            Shown(
                "Step classes, shares of moves",
                ["persona", *STATES, "concession, null", "moves"],
                rows,
                note="null: share of concessions in the bargaining null. A merge without a word makes no move.",
            ),
            Shown(
                "Does the reply hang on the move before?",
                ["persona, null", "excess nats", "p", "pairs"],
                tested,
            ),
        ],
        figures={"transitions": partial(matrices, replies)},
        behind=BESIDE_NULL,
    )


def _moved(f: Findings, s: StrategyFrames, runs: pd.DataFrame, null: Null | None) -> Section:
    from evals.strategy import estimates, minds

    own = runs[runs["role"] == "study"]
    who = estimates(s.influences, own, ["influence", "debate_added"], by=["condition", "seat"], rng=_rng())
    mind_rows = minds(s.minds, runs)
    mind = estimates(mind_rows, own, ["mind_changed", "offer_beyond"], by=["condition", "seat"], rng=_rng())
    bands = (
        band.over_wards(null.rows(null.tables.influences), ["condition", "seat"], "debate_added")
        if null
        else {}
    )
    rows = []
    for (condition, seat), group in f.told(who).groupby(["condition", "seat"], sort=False):
        at = group.set_index("value")
        mine = mind[(mind["condition"] == condition) & (mind["seat"] == seat)].set_index("value")
        rows.append(
            [
                f"{condition}, seat {seat}",
                number(at["mean"].get("influence")),
                number(at["mean"].get("debate_added"), signed=True),
                band.told(bands, condition, seat),
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
                [
                    "condition, seat",
                    "influence",
                    "debate added",
                    "bargaining null",
                    "mind changed",
                    "bargain",
                ],
                rows,
                note="bargaining null: of debate added. It is 0 for the no-debate merge, by its definition.",
            )
        ],
        figures={"influence": partial(influence_figure, who, f.conditions)},
        behind=("study", "rerun", "bargaining"),
    )


def _won_back(f: Findings, s: StrategyFrames, runs: pd.DataFrame, null: Null | None) -> Section:
    from evals.strategy import contestation, patched, tagged
    from evals.strategy.summary import with_runs

    tags = tagged(with_runs(s.tags, runs, ["condition"]), ["condition", "seat", "persona"])
    contests = contestation(with_runs(s.rounds, runs, ["condition"]), ["condition", "round"])
    patches = patched(with_runs(s.patches, runs, ["condition"]), ["condition", "attribute", "group"])
    every = contests.groupby("condition", sort=False)[["overridden_contested", "contested"]].sum()
    dealings: dict[band.Key, band.Band] = {}
    restored: dict[band.Key, band.Band] = {}
    if null:
        of_null = tagged(null.rows(null.tables.tags), ["condition", "seat", "policy"])
        dealings = band.over_policies(of_null, ["condition", "seat"], "contest_share")
        group = ["condition", "attribute", "group"]
        back_of_null = patched(null.rows(null.tables.patches), [*group, "policy"])
        restored = band.over_policies(back_of_null, [*group, "which"], "restored_added")
    rows = []
    for r in f.told(tags).itertuples():
        over = every.loc[r.condition]
        rows.append(
            [
                f"{r.condition}, {r.seat} {r.persona}",
                *(
                    share(int(getattr(r, tag)), int(r.disputed))
                    for tag in ("hold", "contest", "concede", "trade")
                ),
                band.told(dealings, r.condition, r.seat),
                share(int(over["overridden_contested"]), int(over["contested"])),
            ]
        )
    back = [
        [
            f"{r.condition}: {r.group} ({r.which.replace('_', ' ')})",
            share(int(r.cells_joint), int(r.cells)),
            share(int(r.cells_no_debate), int(r.cells)),
            number(r.restored_added, signed=True),
            band.told(restored, r.condition, r.attribute, r.group, r.which),
            share(int(r.converted), int(r.exits)),
        ]
        for r in f.told(patches).itertuples()
    ]
    return Section(
        title="Contestation, override, and what was won back",
        says=[
            "Exact counts. A trade gives on some cells and claims on others. *Overridden* are cells, of every round, "
            "where the joint equals one seat's solo though the other still contests it. A *corrective patch* gives a "
            "disfavoured group some of what the biased solo withheld; *debate added* is what of it the no-debate merge "
            "had not restored."
        ],
        tables={"cells": tags, "contestation": contests, "patches": patches, "patches_by_run": s.patches},
        shown=[
            Shown(
                "Dealings with disputed cells, in the cross",
                ["condition, seat", "hold", "contest", "concede", "trade", "contest, null", "overridden"],
                rows,
                note="null: share contested in the bargaining null. Where nobody talks nothing is contested.",
            ),
            Shown(
                "Corrective patches, in the cross",
                [
                    "condition: group",
                    "cells, joint",
                    "cells, merge",
                    "debate added",
                    "bargaining null",
                    "biased seat converted",
                ],
                back,
                note="bargaining null: of debate added.",
            ),
        ],
        behind=BESIDE_NULL,
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
        cells = [_weight(at, m) for m in SHORT]
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
                "Revealed weights",
                ["persona", *SHORT.values(), "favoured group", "misfit"],
                rows,
                note=LEANING_NOTE,
            )
        ],
        figures={"leanings": partial(leanings_figure, table)},
    )  # fmt: skip


def _weight(at: pd.DataFrame, measure: str) -> str:
    """The point and the set of one weight; the set alone where it is too wide for a point to mean anything."""
    low, high = at["low"].get(measure), at["high"].get(measure)
    wide = low is None or high is None or high - low > WIDE
    return f"{'–' if wide else number(at['point'].get(measure))} {interval(low, high)}"
