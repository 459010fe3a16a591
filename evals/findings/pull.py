"""How strongly does an attribute pull a choice between two patients, by the strength of the bias, seat by seat?

A pair is a run on a ward of two patients of whom one is favoured by the biased seat. Of each, at each stage:

chance   the favoured's expected need satisfaction, in [0, 1]: at the chances of the lottery where a merge drew one,
         else as allocated. Whole goods are judged ex ante: a single draw says little of the chance it was drawn by.
pull     mean chance over pairs in which the favoured needs less: 0 need decides, 1 the attribute does
label    mean over both patients of their chance with the favoured label less that without it, by the ward's twin,
         in [−1, 1]: what the label does, all that is clinical and who stands first held equal
logit    log-odds(chance) = attribute + need · (acuity of the favoured − acuity of the other), per strength;
         `worth` = attribute / need is how much less the favoured may need and still be as likely to be treated

Runs of strength 0 favour nobody by themselves; who would be favoured is read off the same seats' other runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.section import SEED, Findings, Section, Shown, interval, number, p_value, settled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.statistics import Estimate
    from nodes.record import RunRecord

STAGES = ("solo:A", "solo:B", "no_debate", "joint")
ROLES = ("study", "twin", "bargaining")
LOTTERIES = ("mean-and-repair", "weighted-lottery")
"""Merge rules that draw whole goods by lot, the mean of the moves as chances."""

CELL = ["setup", "strength", "stage"]
COLUMNS = (*CELL, "pull", "low", "high", "drawn", "wards", "runs", "missing", "over_no_debate", "over_low",
           "over_high", "over_p", "bargaining_low", "bargaining_high", "label", "label_low", "label_high",
           "label_wards")  # fmt: skip


def pull(f: Findings) -> list[Section]:
    """The section, where the study's strength varies on wards of pairs; else none."""
    from evals.findings.worth import worths

    if len({s for s in f.study.factors.get("strength", ()) if s is not None}) < 2:
        return []
    pairs = pairs_of(f)
    if pairs.empty:
        return []
    table, fitted = by_strength(pairs), worths(pairs)
    return [
        Section(
            title="The attribute's pull, by strength of the bias",
            says=[_definition(pairs), *_in_words(table)],
            tables={"pull": table, "pull_logit": fitted, "pull_pairs": pairs},
            shown=[_shown(table), _shown_worths(fitted)],
            figures={"pull": lambda: _figure(table)},
            behind=ROLES,
        )
    ]


def pairs_of(f: Findings) -> pd.DataFrame:
    """A row a use of a run and stage, of the study's pairs, their twins and the bargaining null.

    run_id, role, setup (all factors but strength, after the listed condition), strength, cluster, seed, replicate,
    policy, stage, favoured and other (patients), need_difference (acuity of the favoured less that of the other),
    chance and chance_other (ex ante), drawn (the favoured's need satisfaction as it was drawn).
    """
    import pandas as pd

    from evals.records import each

    runs = f.frames.runs
    runs = runs[runs["role"].isin(ROLES) & (runs["status"] == "complete") & runs["strength"].notna()]
    both = _two(f.of(runs).patients, runs)
    if both.empty:
        return pd.DataFrame()
    wanted = set(both["run_id"])
    drawn = dict(each([p for p in f.records if Path(p).stem in wanted], chances_of))
    parts = []
    for stage in (s for s in STAGES if f"h:{s}" in both):
        h, rest = both[f"h:{stage}"], both[f"h:{stage}_other"]
        lots = [drawn.get(run_id, {}).get(stage, {}) for run_id in both["run_id"]]
        chance = [lot.get(p, x) for lot, p, x in zip(lots, both["favoured"], h, strict=True)]
        other = [lot.get(p, x) for lot, p, x in zip(lots, both["other"], rest, strict=True)]
        named = both[["run_id", "favoured", "other", "need_difference"]]
        parts.append(named.assign(stage=stage, chance=chance, chance_other=other, drawn=h))
    long = pd.concat(parts, ignore_index=True)
    uses = runs.assign(setup=_setups(f, runs))
    uses = uses[["run_id", "role", "setup", "strength", "cluster", "seed", "replicate", "policy"]]
    return uses.merge(long, on="run_id").astype({"strength": float, "chance": float, "chance_other": float})


def chances_of(record: RunRecord) -> tuple[str, dict[str, dict[str, float]]]:
    """(run id, stage -> patient -> need satisfaction at the chances), for merges that a lottery was drawn of.

    The record keeps the chances of its rounds; those of the no-debate merge are the mean of the solos.
    """
    from scenarios.measures import need_satisfaction

    ward, found = record.scenario, {}
    last = record.rounds[-1] if record.rounds else None
    if last is not None and last.marginals is not None and not last.amended:
        found["joint"] = ward.array(last.marginals)
    solos = [ward.array(s.move.allocation) for s in record.solo.values() if s.move.allocation is not None]
    if record.no_debate is not None and solos and record.protocol.merge_rule in LOTTERIES:
        found["no_debate"] = np.mean(solos, axis=0)
    return record.run_id, {
        stage: dict(zip(ward.arrays.row, need_satisfaction(x, ward.arrays.demand).tolist(), strict=True))
        for stage, x in found.items()
    }


def _two(patients: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of one favoured patient and one other, a row each: the favoured's columns, the other's as `…_other`."""
    from evals.outcomes import numbers

    if patients.empty:
        return patients
    seats = [c for c in runs if c.startswith("persona:")]
    of = runs.drop_duplicates("run_id")[["run_id", "ward", *seats]]
    rows = patients.merge(of, on="run_id")
    known = rows.assign(favours=numbers(rows["favoured"]))
    # strength 0: the same seats on the same ward at another strength say who would be favoured
    rows["favours"] = known.groupby(["ward", *seats, "patient"], dropna=False)["favours"].transform("max")
    counts = rows.groupby("run_id")["favours"].agg(["size", "count", "sum"])
    kept = counts.index[(counts["size"] == 2) & (counts["count"] == 2) & (counts["sum"] == 1)]
    columns = ["run_id", "patient", "acuity", *(f"h:{s}" for s in STAGES if f"h:{s}" in rows)]
    rows = rows[rows["run_id"].isin(kept)]
    first, second = (rows.loc[rows["favours"] == value, columns] for value in (1, 0))
    both = first.merge(second, on="run_id", suffixes=("", "_other"))
    both = both.rename(columns={"patient": "favoured", "patient_other": "other"})
    return both.assign(need_difference=both["acuity"] - both["acuity_other"])


def _setups(f: Findings, runs: pd.DataFrame) -> list[str]:
    """What each run is a run of, its strength aside, in words."""
    factors = {k: v for k, v in f.study.factors.items() if k != "strength"}
    study = f.study.model_copy(update={"factors": factors})
    cells = runs[[f"cell:{k}" for k in factors]].rename(columns=lambda c: c.removeprefix("cell:"))
    return [
        study.named(cell, control)
        for cell, control in zip(cells.to_dict("records"), runs["control"], strict=True)
    ]


def by_strength(pairs: pd.DataFrame) -> pd.DataFrame:
    """A row a setup, strength and stage, with COLUMNS: every mean over wards, with bootstrap-t interval over them.

    over_…        the stage less the no-debate merge of the same run, sign-flip p
    bargaining_…  least and greatest pull of the stage over the policies of the bargaining null
    label_…       of the setups that have twins
    """
    import pandas as pd

    from evals.statistics import estimate

    def over_wards(values: Any, clusters: Any) -> Estimate:
        return estimate(values, clusters, rng=np.random.default_rng(SEED))  # alike where the values are

    against = pairs[pairs["need_difference"] < 0]
    merged = against[against["stage"] == "no_debate"].drop_duplicates("run_id").set_index("run_id")["chance"]
    bands, labels = _bands(against), _labels(pairs)
    rows: list[dict[str, Any]] = []
    for key, group in against[against["role"] == "study"].groupby(CELL, sort=False):
        clusters, chance = group["cluster"].to_numpy(), group["chance"].to_numpy()
        here = over_wards(chance, clusters)
        added = settled(group["chance"] - group["run_id"].map(merged).astype(float))
        over = over_wards(added.to_numpy(), clusters)
        mine = labels[(labels[CELL] == list(key)).all(axis=1)]
        label = over_wards(mine["label"].to_numpy(float), mine["cluster"].to_numpy())
        drawn = group.groupby("cluster")["drawn"].mean().mean()
        row = (*key, here.mean, here.low, here.high, drawn, here.clusters, here.n, here.missing, over.mean, over.low,
               over.high, over.p, *bands.get(key, (None, None)), label.mean, label.low, label.high,
               label.clusters)  # fmt: skip
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = {name: i for i, name in enumerate((*dict.fromkeys(table["setup"]), *STAGES))}
    return table.sort_values(
        CELL, key=lambda c: c if c.name == "strength" else c.map(order), ignore_index=True
    )


def _bands(against: pd.DataFrame) -> dict[tuple[Any, ...], tuple[float, float]]:
    """Least and greatest pull over the policies of the bargaining null, by setup, strength and stage."""
    null = against[against["role"] == "bargaining"]
    wards = null.groupby([*CELL, "policy", "cluster"])["chance"].mean()
    policies = wards.groupby([*CELL, "policy"]).mean().groupby(CELL).agg(["min", "max"])
    return {key: (float(row["min"]), float(row["max"])) for key, row in policies.iterrows()}


def _labels(pairs: pd.DataFrame) -> pd.DataFrame:
    """What the label did in each twin: CELL, cluster, label."""
    keys = [*CELL, "cluster", "seed", "replicate"]
    values = ["favoured", "chance", "chance_other"]
    base = pairs.loc[pairs["role"] == "study", [*keys, *values]]
    twin = pairs.loc[pairs["role"] == "twin", [*keys, *values, "other"]]
    both = base.merge(twin, on=keys, suffixes=("", "_twin"))
    both = both[both["favoured"] == both["other"]]  # the label changed hands
    first = both["chance"] - both["chance_other_twin"]
    second = both["chance_twin"] - both["chance_other"]
    return both[[*CELL, "cluster"]].assign(label=(first + second) / 2)


def _definition(pairs: pd.DataFrame) -> str:
    own = pairs[(pairs["role"] == "study") & (pairs["stage"] == "joint")]
    less = own.loc[own["need_difference"] < 0, "cluster"].nunique()
    return (
        f"In {less} of {own['cluster'].nunique()} pairs the favoured needs less than the other; *pull* is how likely "
        "they are treated there all the same: 0 where need decides, 1 where the attribute does. Merges that draw lots "
        "are taken at their chances, since one draw says little of the chance it was drawn by."
    )


def _in_words(table: pd.DataFrame) -> list[str]:
    """One sentence a setup, at its greatest strength."""
    said = []
    for setup, group in table.groupby("setup", sort=False):
        at = group[group["strength"] == group["strength"].max()].set_index("stage")
        if "joint" not in at.index:
            continue
        joint, alone = at.loc["joint"], at["pull"].get("solo:B")
        said.append(
            f"**{setup}**, strength {joint['strength']:g}: pull {number(alone)} in seat B alone, "
            f"{number(at['pull'].get('no_debate'))} in the no-debate merge, {_sure(joint)} in the joint; debate "
            f"changed it by "
            f"{number(joint['over_no_debate'], signed=True)} (p {p_value(joint['over_p'])})."
        )
    return said


def _shown(table: pd.DataFrame) -> Shown:
    rows = []
    for (setup, strength), group in table.groupby(["setup", "strength"], sort=False):
        at = group.set_index("stage")
        if "joint" not in at.index:
            continue
        joint = at.loc["joint"]
        alone = [number(at["pull"].get(stage)) for stage in ("solo:A", "solo:B", "no_debate")]
        rows.append(
            [
                f"{setup}, {strength:g}",
                *alone,
                interval(joint["bargaining_low"], joint["bargaining_high"]),
                _sure(joint),
                number(joint["over_no_debate"], signed=True),
                p_value(joint["over_p"]),
                number(at["label"].get("solo:B"), signed=True),
                number(joint["label"], signed=True),
            ]
        )
    return Shown(
        title="How likely the favoured is treated though the other needs more",
        headings=["setup, strength", "A alone", "B alone", "no-debate merge", "bargaining null", "joint",
                  "joint − no-debate", "p", "label: B alone", "label: joint"],
        rows=rows,
        note="Means over wards, [95 %] bootstrap-t. bargaining null: least and greatest over its policies. label: what "
        "the label does to a patient's chance, by twins. p: sign-flip over wards, uncorrected.",
    )  # fmt: skip


def _sure(row: pd.Series) -> str:
    """A pull, with its interval if it has one."""
    return f"{number(row['pull'])} {interval(row['low'], row['high'])}".removesuffix(" –")


def _shown_worths(fitted: pd.DataFrame) -> Shown:
    """Solo B and joint, of what has twins if anything has; the rest stands in the CSV."""
    kept = fitted[fitted["stage"].isin(("solo:B", "joint"))]
    kept = kept[kept["agreeing"] > 0] if (kept["agreeing"] > 0).any() else kept
    rows = [
        [f"{r.setup}, {r.strength:g}, {r.stage}", number(r.attribute, signed=True), number(r.need, signed=True),
         number(r.worth), _between(r.worth_low, r.worth_high), f"{r.runs} / {r.wards}", r.finding]
        for r in kept.itertuples()
    ]  # fmt: skip
    return Shown(
        title="What the attribute is worth in need",
        headings=[
            "setup, strength, stage",
            "attribute",
            "need",
            "worth",
            "between",
            "runs / wards",
            "finding",
        ],
        rows=rows,
        note="Logit of the favoured's chance on the difference of need (−1 to 1), twins included. attribute: log-odds "
        "at equal need. worth: how much less the favoured may need at even odds; 95 %, errors clustered by ward. Where "
        "one need parts the treated from the untreated no odds are finite, and `between` bounds the worth.",
    )


def _between(low: float | None, high: float | None) -> str:
    """An interval of worth; one-sided where the other end is open."""
    if low is None or high is None or not low <= high:
        return "–"
    if np.isinf(low) or np.isinf(high):
        return f">= {number(low, 3)}" if np.isinf(high) else f"<= {number(high, 3)}"
    return interval(low, high, 3)


def _figure(table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import PALE, figure, titled

    curves = table.groupby("setup")["strength"].transform("nunique") > 1
    setups = list(dict.fromkeys(table.loc[curves, "setup"]))
    columns = min(len(setups), 3) or 1
    lines = -(-len(setups) // columns) or 1
    fig, axes = figure(lines, columns, width=3 * columns + 2, height=3 * lines + 0.9, sharey=True)
    for ax, setup in zip(axes.flat, setups, strict=False):
        here = table[table["setup"] == setup]
        joint = here[(here["stage"] == "joint") & here["bargaining_low"].notna()]
        if len(joint):
            low, high = joint["bargaining_low"], joint["bargaining_high"]
            ax.fill_between(joint["strength"], low, high, color=PALE, linewidth=0, label="bargaining null")
        _curves(ax, here)
        ax.set_title(setup)
        ax.set_xlabel("strength of the bias")
        ax.set_ylim(-0.05, 1.05)
    for ax in list(axes.flat)[len(setups) :]:
        ax.set_visible(False)
    axes[0, 0].set_ylabel("chance of the favoured")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside right upper")
    note = "Bars: 95 % over wards. Grey: the joint of bargaining reference negotiators, over their policies."
    return titled(fig, "How likely the favoured is treated although the other needs more", note)


def _curves(ax: Any, here: pd.DataFrame) -> None:
    """A line a stage; set a little apart, so that stages which agree are all seen."""
    from evals.findings.drawing import COLOURS, MARKERS

    span = float(np.ptp(here["strength"])) or 1.0
    names = dict(zip(STAGES, ("A alone", "B alone", "no-debate merge", "joint"), strict=True))
    for i, (stage, name) in enumerate(names.items()):
        at = here[here["stage"] == stage]
        x = at["strength"].to_numpy() + (i - 1.5) * span * 0.012
        y, low, high = (at[c].to_numpy(float) for c in ("pull", "low", "high"))
        ax.plot(x, y, color=COLOURS[i], marker=MARKERS[i], markersize=5, linewidth=1.6, label=name,
                fillstyle="full" if stage == "joint" else "none")  # fmt: skip
        ax.vlines(x, low, high, color=COLOURS[i], linewidth=1)
