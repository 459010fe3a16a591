"""Which standards does the system meet that its seats did not, and which did debate lose: criteria and emergence.

Criteria are those of `nodes.findings.criteria`, at the thresholds of the record or at others (`restated`). Every
table counts what it leaves out: `missing` are runs without a needed allocation (invalid ones too), `undefined` runs
whose ward does not define the criterion. Both stay out of every share; neither is ever a no.

Emergence has two definitions (Chaki, Gourru & Velcin, arXiv 2604.13705; margins ours), and the first is nearly
vacuous: so each stands beside the rate at which the no-debate merge passes, and random feasible allocations.
**Beyond the merge** are criteria that the joint meets and neither a solo nor the no-debate merge did; **lost in
debate** those that the no-debate merge met and the joint does not. Negative control: where the measures that a
run's seats care for have a common maximiser, a seat that finds it cannot be beaten, so the second definition must
not hold; such runs are `control` and are counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evals.frames import Frames
from evals.outcomes import numbers
from nodes.findings.criteria import CRITERIA, criteria
from scenarios.errors import ParleyError
from scenarios.ward import TOLERANCE, Array

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

Indices = NDArray[np.intp]
STUDY = ("study",)
SECOND_RANDOM = "emergence_2_random"
EPSILON = 0.05
"""ε of the second definition."""
NAMES = list(CRITERIA)


def restated(
    frames: Frames, files: Sequence[Path], thresholds: Mapping[str, float], *, processes: int | None = None
) -> Frames:
    """The frames as if the criteria had had these thresholds, judged anew from the allocations of the records.

    Replaces the criteria of `stages`, those of `evals.bounds` included, and in `runs` `beyond_the_merge` and
    `lost_in_debate`. Raises ParleyError for
    a name that is no criterion, and where no record is among the files for an allocation of the frames.
    """
    import pandas as pd

    from evals.records import each

    if unknown := set(thresholds) - set(CRITERIA):
        raise ParleyError(f"thresholds: no criterion '{min(unknown)}'; there are {', '.join(CRITERIA)}")
    if frames.stages.empty:
        return frames
    judged: dict[tuple[str, str], list[bool | None]] = {}
    bounded = bool((frames.stages["stage"] == "oracle").any())
    for found in each(files, partial(_judged, dict(thresholds), bounded), processes=processes):
        judged |= found
    rows = list(zip(frames.stages["run_id"], frames.stages["stage"], strict=True))
    if absent := [row for row in rows if row not in judged]:
        run, stage = absent[0]
        raise ParleyError(
            f"thresholds: no record has {stage} of run {run}; name the folder that the frames were read from"
        )
    met = pd.DataFrame([judged[row] for row in rows], columns=[f"criterion:{n}" for n in NAMES], dtype=object)
    stages = frames.stages.assign(**{column: met[column].to_numpy() for column in met})
    again = replace(frames, stages=stages)
    moved = debate_effects(again, roles=None)
    known = moved[~moved["missing"]].groupby("run_id")
    runs = frames.runs
    for column, which in (("beyond_the_merge", "beyond"), ("lost_in_debate", "lost")):
        names = {run: "+".join(m.loc[m[which] == 1, "criterion"]) for run, m in known}
        runs = runs.assign(**{column: runs["run_id"].map(names)})
    return replace(again, runs=runs)


def _judged(
    thresholds: dict[str, float], bounded: bool, record: RunRecord
) -> dict[tuple[str, str], list[bool | None]]:
    """The verdicts on every allocation of a record; `bounded`: on those that `evals.bounds` adds, too."""
    from evals.bounds import outcomes_with

    ward, outcomes = record.scenario, dict(record.measures)
    if bounded and record.status == "complete":
        outcomes |= outcomes_with(record)
    return {
        (record.run_id, stage): list(criteria(ward, ward.array(o.allocation), thresholds).values())
        for stage, o in outcomes.items()
    }


def held(frames: Frames) -> pd.DataFrame:
    """Which criteria hold for whom: a row a run, stage and criterion; `met` is 1, 0 or, where undefined, NaN."""
    import pandas as pd

    if frames.stages.empty:
        return pd.DataFrame({"run_id": [], "stage": [], "criterion": [], "met": []})
    base = frames.stages[["run_id", "stage"]]
    parts = [base.assign(criterion=name, met=_met(frames.stages, name)) for name in NAMES]
    return pd.concat(parts, ignore_index=True)


def _met(stages: pd.DataFrame, name: str) -> Array:
    return _column(stages, f"criterion:{name}")


def standards(
    frames: Frames, by: Sequence[str] = ("condition",), *, roles: Sequence[str] | None = STUDY
) -> pd.DataFrame:
    """Share of runs that meet each criterion: a row a combination of `by`, a stage and a criterion.

    by…, stage, criterion, runs (all of the combination), missing (no such stage recorded), undefined, met, unmet,
    share = met / (met + unmet), in [0, 1], missing where no run defines it; wards (of those that define it).
    """
    import pandas as pd

    runs = _runs(frames, by, roles)
    if frames.stages.empty:
        return pd.DataFrame(columns=[*by, *_STANDARDS])
    rows = runs[["run_id", "cluster", *_distinct(by)]].merge(held(frames), on="run_id")
    keys = [*by, "stage", "criterion"]
    grouped = rows.groupby(keys, sort=False, dropna=False)
    table = grouped["met"].agg(met="sum", defined="count", recorded="size")
    known = rows.dropna(subset=["met"]).groupby(keys, dropna=False)["cluster"].nunique()
    table["wards"] = known.reindex(table.index).fillna(0)
    table["share"] = (table["met"] / table["defined"]).where(table["defined"] > 0)
    table = table.reset_index()
    sizes = runs.groupby(list(by), dropna=False).size().rename("runs").reset_index() if by else None
    table = table.assign(runs=len(runs)) if sizes is None else table.merge(sizes, on=list(by))
    table["unmet"] = table["defined"] - table["met"]
    table["undefined"] = table["recorded"] - table["defined"]
    table["missing"] = table["runs"] - table["recorded"]
    counts = ["runs", "missing", "undefined", "met", "unmet", "wards"]
    return table.astype(dict.fromkeys(counts, int))[[*by, *_STANDARDS]]


_STANDARDS = ["stage", "criterion", "runs", "missing", "undefined", "met", "unmet", "share", "wards"]


def debate_effects(frames: Frames, *, roles: Sequence[str] | None = STUDY) -> pd.DataFrame:
    """What debate did to each criterion of each run: a row a run and criterion.

    run_id, criterion
    beyond   1 where the joint meets it and neither a solo nor the no-debate merge did, else 0
    lost     1 where the no-debate merge met it and the joint does not, else 0
    missing  the run lacks the joint, the no-debate merge or every solo (invalid runs): beyond and lost are NaN
    Both are NaN too where the ward does not define the criterion.
    """
    import pandas as pd

    ids = pd.Index(_runs(frames, (), roles)["run_id"].unique(), name="run_id")
    stages = frames.stages if not frames.stages.empty else pd.DataFrame({"run_id": [], "stage": []})
    solos = sorted(s for s in stages["stage"].unique() if s.startswith("solo:"))
    place = {s: _places(stages, s, ids) for s in ("joint", "no_debate", *solos)}
    alone = np.any([place[s] >= 0 for s in solos], axis=0) if solos else np.zeros(len(ids), dtype=bool)
    missing = (place["joint"] < 0) | (place["no_debate"] < 0) | ~alone
    parts = []
    for name in NAMES:
        column = np.append(_met(stages, name), np.nan)  # place −1 reads the NaN
        joint, *before = (column[place[s]] for s in ("joint", "no_debate", *solos))
        undefined = missing | np.isnan(joint)
        beyond = (joint == 1) & ~np.any([b == 1 for b in before], axis=0)
        lost = (joint == 0) & (before[0] == 1)
        part = {"beyond": np.where(undefined, np.nan, beyond), "lost": np.where(undefined, np.nan, lost)}
        parts.append(pd.DataFrame({"run_id": ids, "criterion": name, **part, "missing": missing}))
    return pd.concat(parts, ignore_index=True)


def debate_table(
    frames: Frames, by: Sequence[str] = ("condition",), *, roles: Sequence[str] | None = STUDY
) -> pd.DataFrame:
    """Emergence beyond the merge and what debate lost: a row a combination of `by` and a criterion, and `any`.

    by…, criterion, runs, missing, undefined, defined (the denominator), beyond, beyond_share, lost, lost_share, wards.
    `any` counts the runs with one such criterion or more.
    """
    import pandas as pd

    runs = _runs(frames, by, roles)
    found = debate_effects(frames, roles=roles)
    fold = {"beyond": "max", "lost": "max", "missing": "first"}
    some = found.groupby("run_id", sort=False).agg(fold).reset_index().assign(criterion="any")
    rows = runs[["run_id", "cluster", *_distinct(by)]].merge(pd.concat([found, some]), on="run_id")
    keys = [*by, "criterion"]
    grouped = rows.groupby(keys, sort=False, dropna=False)
    table = grouped.agg(
        runs=("run_id", "size"),
        missing=("missing", "sum"),
        defined=("beyond", "count"),
        beyond=("beyond", "sum"),
        lost=("lost", "sum"),
    ).astype(int)
    table["undefined"] = table["runs"] - table["missing"] - table["defined"]
    for what in ("beyond", "lost"):
        table[f"{what}_share"] = (table[what] / table["defined"]).where(table["defined"] > 0)
    known = rows.dropna(subset=["beyond"]).groupby(keys, dropna=False)["cluster"].nunique()
    table["wards"] = known.reindex(table.index).fillna(0).astype(int)
    order = [
        "runs",
        "missing",
        "undefined",
        "defined",
        "beyond",
        "beyond_share",
        "lost",
        "lost_share",
        "wards",
    ]
    return table[order].reset_index()


def negative_control(frames: Frames) -> pd.DataFrame:
    """Where emergence must not be found: a row a run of which emergence was worked out.

    run_id, cluster
    common_maximiser  the measures J that the run's seats care for, all of them, reach their maximum in one
                      allocation of the ward: β_opt = 1, to within 1e-6 (J = {survival, and survival weighted by a
                      constant}, say)
    attained          a seat alone reached it, so that nothing can beat its floor. Under a common maximiser only a
                      seat whose values leave ties, or are biased or missing, can fail to
    emergence_2       the second definition of the joint, 1 or 0: must be 0 where `attained`
    """
    runs = frames.runs.drop_duplicates("run_id")
    best, alone, second = (_column(runs, c) for c in ("beta_optimum", "beta_best_solo", "emergence_2"))
    common = best >= 1 - TOLERANCE
    table = runs[["run_id", "cluster"]].assign(
        common_maximiser=common, attained=common & (alone >= 1 - TOLERANCE)
    )
    return table.assign(emergence_2=second)[~np.isnan(best)].reset_index(drop=True)


def emergence_table(
    frames: Frames, by: Sequence[str] = ("condition",), *, roles: Sequence[str] | None = STUDY
) -> pd.DataFrame:
    """Both definitions with their base rates: a row a combination of `by`, a definition, and the negative control.

    by…, definition (1 or 2), common_maximiser (True: the negative control, where 2 must not hold), runs, missing
    (no emergence worked out: counted under False), undefined, defined (the denominator), joint, joint_share,
    no_debate, no_debate_share (of the no-debate merge), random_share (mean share of 200 random feasible allocations
    that pass; for the second definition missing unless `with_random` was asked), random_runs, wards.
    """
    rows = _emergences(frames, by, roles)
    keys = [*by, "definition", "common_maximiser"]
    table = rows.groupby(keys, sort=False, dropna=False).agg(
        runs=("run_id", "size"),
        missing=("missing", "sum"),
        defined=("joint", "count"),
        joint=("joint", "sum"),
        no_debate=("no_debate", "sum"),
        random_share=("random", "mean"),
        random_runs=("random", "count"),
    )
    table["undefined"] = table["runs"] - table["missing"] - table["defined"]
    for what in ("joint", "no_debate"):
        table[f"{what}_share"] = (table[what] / table["defined"]).where(table["defined"] > 0)
    known = rows.dropna(subset=["joint"]).groupby(keys, dropna=False)["cluster"].nunique()
    table["wards"] = known.reindex(table.index).fillna(0)
    counts = ["runs", "missing", "undefined", "defined", "joint", "no_debate", "random_runs", "wards"]
    table[counts] = table[counts].astype(int)
    order = [
        "runs",
        "missing",
        "undefined",
        "defined",
        "joint",
        "joint_share",
        "no_debate",
        "no_debate_share",
    ]
    return table[[*order, "random_share", "random_runs", "wards"]].reset_index()


def by_ward(
    frames: Frames, by: Sequence[str] = ("condition",), *, roles: Sequence[str] | None = STUDY
) -> pd.DataFrame:
    """The same paired by ward: `difference` by `cluster` is what `evals.statistics.estimate` takes.

    by…, cluster, outcome, treatment, control, difference (mean over the ward's runs), runs, missing (runs without a
    difference). Outcomes: `emergence_1` and `emergence_2`, the joint (1 or 0) against the no-debate merge;
    `emergence_1_over_random` and `_2_`, the joint against the rate of random allocations; `criteria`, how many came
    of debate beyond the merge against how many it lost.
    """
    import pandas as pd

    emerged = _emergences(frames, by, roles)
    parts = []
    for n in (1, 2):
        rows = emerged[emerged["definition"] == n].rename(columns={"joint": "treatment"})
        parts.append(rows.assign(outcome=f"emergence_{n}", control=rows["no_debate"]))
        parts.append(rows.assign(outcome=f"emergence_{n}_over_random", control=rows["random"]))
    effects = debate_effects(frames, roles=roles).groupby("run_id")[["beyond", "lost"]].sum(min_count=1)
    rows = _runs(frames, by, roles)[["run_id", "cluster", *_distinct(by)]].merge(effects, on="run_id")
    parts.append(rows.assign(outcome="criteria", treatment=rows["beyond"], control=rows["lost"]))
    keys = [*by, *(["cluster"] if "cluster" not in by else []), "outcome"]
    every = pd.concat([p[["run_id", *keys, "treatment", "control"]] for p in parts], ignore_index=True)
    every["difference"] = every["treatment"] - every["control"]
    both = every.assign(**{c: every[c].where(every["difference"].notna()) for c in ("treatment", "control")})
    grouped = both.groupby(keys, sort=False, dropna=False)
    table = grouped[["treatment", "control", "difference"]].mean()
    table["runs"], table["missing"] = grouped.size(), grouped.size() - grouped["difference"].count()
    return table.reset_index()


def with_random(frames: Frames, files: Sequence[Path], *, processes: int | None = None) -> Frames:
    """The frames with `emergence_2_random` in `runs`: the share of random feasible allocations that pass the second.

    They are the 200 by which the record has the first definition's rate. About 20 ms a record.
    """
    from evals.records import each

    known = dict(each(files, second_by_chance, processes=processes))
    rates = [known.get(run) for run in frames.runs["run_id"]]
    return replace(frames, runs=frames.runs.assign(**{SECOND_RANDOM: np.array(rates, dtype=float)}))


def second_by_chance(record: RunRecord) -> tuple[str, float | None]:
    """(run id, share of 200 random feasible allocations that pass the second definition); None: undefined."""
    from nodes.findings.base_rate import RANDOM_ALLOCATIONS, random_allocations
    from scenarios.optimum import balanced_floor, pareto_efficient

    e = record.emergence
    if e is None or e.beta_optimum is None:
        return record.run_id, None
    ward = record.scenario.blinded(record.protocol.blind) if record.protocol.blind else record.scenario
    bar = max(max(e.beta_solos.values()) + TOLERANCE, e.beta_optimum - EPSILON)
    drawn = random_allocations(ward, np.random.default_rng([record.seed, 0xE3]), RANDOM_ALLOCATIONS)
    passed = [x for x in drawn if balanced_floor(ward, x, e.measures) >= bar]
    return record.run_id, sum(pareto_efficient(ward, x, e.measures) for x in passed) / len(drawn)


def _emergences(frames: Frames, by: Sequence[str], roles: Sequence[str] | None) -> pd.DataFrame:
    """A row a run and definition: run_id, cluster, by…, definition, common_maximiser, missing, and three verdicts."""
    import pandas as pd

    runs = _runs(frames, by, roles)
    base = runs[["run_id", "cluster", *_distinct(by)]].assign(
        common_maximiser=_column(runs, "beta_optimum") >= 1 - TOLERANCE,
        missing=[not isinstance(b, str) for b in runs["beyond_the_merge"]]
        if "beyond_the_merge" in runs
        else True,
    )
    parts = []
    for n, by_chance in ((1, "emergence_1_random"), (2, SECOND_RANDOM)):
        columns = {"joint": f"emergence_{n}", "no_debate": f"emergence_{n}_no_debate", "random": by_chance}
        parts.append(base.assign(definition=n, **{k: _column(runs, c) for k, c in columns.items()}))
    return pd.concat(parts, ignore_index=True)


def _column(table: pd.DataFrame, name: str) -> Array:
    return numbers(table[name]) if name in table else np.full(len(table), np.nan)


def _places(stages: pd.DataFrame, stage: str, ids: pd.Index) -> Indices:
    """The row of each run's allocation of a stage, −1 where it has none."""
    import pandas as pd

    rows = np.flatnonzero((stages["stage"] == stage).to_numpy())
    index = pd.Index(stages["run_id"].to_numpy()[rows])
    first = ~index.duplicated()
    return np.asarray(np.append(rows[first], -1)[index[first].get_indexer(ids)])


def _runs(frames: Frames, by: Sequence[str], roles: Sequence[str] | None) -> pd.DataFrame:
    """The runs of these roles, where they have roles at all. Raises ParleyError for a column that they lack."""
    runs = frames.runs
    if absent := [c for c in by if c not in runs]:
        near = "role, condition and cluster are added by an experiment; name a column of Frames.runs"
        raise ParleyError(f"standards: the runs have no column '{absent[0]}'; {near}")
    if roles is not None and "role" in runs:
        runs = runs[runs["role"].isin(list(roles))]
    return runs.drop_duplicates(["run_id", *by]).reset_index(drop=True)


def _distinct(by: Sequence[str]) -> list[str]:
    """The columns to group by that are not taken along anyway."""
    return [c for c in by if c not in ("run_id", "cluster")]
