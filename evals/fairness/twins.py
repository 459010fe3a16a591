"""What would others have got, had their labels been other ones: the same debate on the ward's twins.

A twin run is compared with the study's run of the same condition, ward and seed (and replicate, where the study has
it; else its first), patient by patient. Labels alone differ, so what moves is the direct effect of the label, plus
what an identical rerun would move anyway: so reruns (role `rerun`, and further replicates of the study) are compared
with the same run over the same patients, and their rate is taken off. Sampling noise is measured, never assumed.

change   of the patients whose label changed, each counted once a permutation: where all that a ward's patients
         need comes in whole units the share with |Δh| > 1/2 (flip rate), else the mean |Δh|. A ward whose
         patients need both kinds counts as divisible (ours). In [0, 1], lower is better
rerun    the same of identical reruns, over the same patients as often as their labels changed
excess   change − rerun: what the label does. In [−1, 1], 0 is counterfactually fair
shift    mean signed Δh of those who got a label, in [−1, 1]: above 0, the label is worth having

An attribute that a measure uses (age, where life-years count) has no twins: `scenarios.twin` refuses it.
Counterfactual fairness: Kusner, Loftus, Russell & Silva 2017; here by intervention on the ward, not by a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evals.frames import Frames
from scenarios.errors import ParleyError
from scenarios.ward import Array, Ward

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

PERMUTATIONS = 20
"""Fewer permutations of a ward than this are said in `note`."""
FLIPPED = 0.5
"""A whole good was given or taken where need satisfaction moved by more than this."""
STAGES = ("solo:A", "solo:B", "no_debate", "joint")
CELL = ["condition", "cluster", "seed"]
WHERE = ["attribute", "condition", "cluster"]
NEEDED = ("run_id", "role", "twin", "replicate", "goods", *CELL)


def goods(ward: Ward) -> str:
    """What its patients need: `whole` goods alone, `divisible` ones alone, or `mixed`."""
    a = ward.arrays
    whole = a.whole[(a.demand > 0).any(axis=0)]
    return "whole" if whole.all() else "mixed" if whole.any() else "divisible"


def goods_of(record: RunRecord) -> tuple[str, str]:
    """(run id, kind of goods) of a record."""
    return record.run_id, goods(record.scenario)


def with_goods(frames: Frames, files: Sequence[Path], *, processes: int | None = None) -> Frames:
    """The frames with the column `goods` in `runs`, read off their records; missing where a record is."""
    from evals.records import each

    known = dict(each(files, goods_of, processes=processes))
    return replace(frames, runs=frames.runs.assign(goods=frames.runs["run_id"].map(known)))


def twin_effects(frames: Frames, stages: Sequence[str] = STAGES) -> pd.DataFrame:
    """A row an attribute, condition, ward and stage: `excess` by `cluster` is what `statistics.estimate` takes.

    attribute     what was permuted; several together are joined by +
    condition, cluster, stage
    goods         whole, divisible or mixed: says whether `change` is a flip rate or a mean movement
    change, rerun, excess   as above; rerun and excess are missing where nothing was rerun
    changed       labels changed, over permutations and seeds: the denominator of `change`
    permutations  twins compared, of the seed that has fewest; `relabellings` of them differ from each other
    seeds, reruns how many base runs, and identical reruns of them
    missing       twin runs without a base run, or without this stage in either (invalid runs): counted, left out
    note          what is short of the definition, in a line; "" where nothing is

    Raises ParleyError for a column that `runs` lacks.
    """
    import pandas as pd

    pairs = _paired(frames, stages)
    tables = [_effect(pairs, stage, s) for s, stage in enumerate(pairs.stages)]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    order = {stage: s for s, stage in enumerate(pairs.stages)}
    return table.sort_values([*WHERE, "stage"], key=lambda c: c.map(order) if c.name == "stage" else c)[
        COLUMNS
    ].reset_index(drop=True)


COLUMNS = [*WHERE, "stage", "goods", "change", "rerun", "excess", "changed", "permutations", "relabellings",
           "seeds", "reruns", "missing", "note"]  # fmt: skip


def shifts(frames: Frames, stages: Sequence[str] = STAGES) -> pd.DataFrame:
    """A row an attribute, condition, ward, stage and relabelling: what getting the label `to` moved.

    `group` is the label before, "any" for all of them together; `to` the label in the twin; `shift` the mean signed
    Δh, `changed` how many labels changed so. Twins of one attribute alone; else it would be unclear which label did it.
    """
    import pandas as pd

    pairs = _paired(frames, stages)
    single = np.array(["+" not in str(a) and a != "all" for a in pairs.rows["attribute"]], dtype=bool)
    rows = pairs.rows[pairs.rows["changed"].to_numpy() & single]
    at = rows["at"].to_numpy()
    tables = []
    for s, stage in enumerate(pairs.stages):
        here = rows.assign(shift=pairs.delta[at, s]).dropna(subset=["shift"])
        for some in (here, here.assign(group="any")):
            found = some.groupby([*WHERE, "group", "to"])["shift"].agg(shift="mean", changed="size")
            tables.append(found.reset_index().assign(stage=stage))
    columns = [*WHERE, "stage", "group", "to", "shift", "changed"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return table[columns].sort_values(columns[:6]).reset_index(drop=True)


@dataclass(frozen=True)
class _Pairs:
    """Patients of twin runs (`rows`) and of reruns (`again`) beside themselves in the base run.

    Both have CELL, goods, run_id, patient and `at`, the row of `delta` (rows, S), h less h of the base run. `rows`
    has attribute, twin, changed, group and to (labels before and after); `twins` one row a twin run, paired or not.
    """

    stages: list[str]
    delta: Array
    rows: pd.DataFrame
    again: pd.DataFrame
    twins: pd.DataFrame


def _paired(frames: Frames, stages: Sequence[str]) -> _Pairs:
    import pandas as pd

    runs = frames.runs
    if absent := [c for c in NEEDED if c not in runs]:
        mend = "evals.fairness.twins.with_goods adds goods, an experiment's frames have the rest"
        raise ParleyError(f"twins: the runs have no column '{absent[0]}'; {mend}")
    twins, again = _partners(runs)
    both = pd.concat([twins.assign(again=False), again.assign(again=True)], ignore_index=True)
    nobody = pd.DataFrame({"run_id": pd.Series(dtype=str), "patient": pd.Series(dtype=str)})
    patients = frames.patients if len(frames.patients) else nobody
    patients = patients.drop_duplicates(["run_id", "patient"]).reset_index(drop=True)
    kept = [s for s in stages if f"h:{s}" in patients] or list(stages)
    mine = patients[["run_id", "patient"]].assign(mine=np.arange(len(patients)))
    rows = both.dropna(subset=["base"]).merge(mine, on="run_id")
    where = pd.MultiIndex.from_frame(patients[["run_id", "patient"]])
    theirs = where.get_indexer(pd.MultiIndex.from_arrays([rows["base"], rows["patient"]]))
    rows, theirs = rows[theirs >= 0].reset_index(drop=True), theirs[theirs >= 0]
    h = patients.reindex(columns=[f"h:{s}" for s in kept]).to_numpy(dtype=float)
    delta = h[rows["mine"]] - h[theirs]
    rows = _labelled(rows.assign(at=np.arange(len(rows))), patients, theirs)
    return _Pairs(kept, delta, rows[~rows["again"]], rows[rows["again"]], twins)


def _partners(runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twin runs and reruns, each with the id of its `base` run, missing where there is none."""
    columns = ["run_id", "replicate", "goods", "twin", *CELL]
    of = {
        role: runs.loc[runs["role"] == role, columns].drop_duplicates() for role in ("study", "twin", "rerun")
    }
    study = of["study"].sort_values("replicate")
    first = study.drop_duplicates(CELL).rename(columns={"run_id": "first"})
    exact = study.drop_duplicates([*CELL, "replicate"]).rename(columns={"run_id": "same"})
    twins = of["twin"].merge(exact[[*CELL, "replicate", "same"]], on=[*CELL, "replicate"], how="left")
    twins = twins.merge(first[[*CELL, "first"]], on=CELL, how="left")
    twins["base"] = twins["same"].fillna(twins["first"])
    twins["attribute"] = twins["twin"].str.partition("@")[0].to_numpy() if len(twins) else []
    again = _stacked([of["rerun"], study[~study["run_id"].isin(first["first"])]])
    again = again.merge(first[[*CELL, "first"]], on=CELL, how="left").rename(columns={"first": "base"})
    return twins.drop(columns=["same", "first"]), again[again["run_id"] != again["base"]]


def _stacked(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns one under the other; empty ones decide no column's kind."""
    import pandas as pd

    tables = list(tables)
    return pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)


def _labelled(rows: pd.DataFrame, patients: pd.DataFrame, theirs: NDArray[np.intp]) -> pd.DataFrame:
    """The rows with `changed` (did a permuted label change?), `group` and `to`: labels before and after."""
    changed = np.zeros(len(rows), dtype=bool)
    before, after = (np.full(len(rows), "", dtype=object) for _ in range(2))
    names = [c.removeprefix("is:") for c in patients if c.startswith("is:")]
    named, mine = rows["attribute"].astype(object).to_numpy(), rows["mine"].to_numpy()
    for twin in {n for n in named if isinstance(n, str)}:
        here = named == twin
        for attribute in names if twin == "all" else [a for a in twin.split("+") if a in names]:
            label = patients[f"is:{attribute}"].fillna("").astype(object).to_numpy()
            old, new = label[theirs[here]], label[mine[here]]
            changed[here] |= (old != new) & (old != "") & (new != "")
            apart = np.where(before[here] == "", "", "+")
            before[here], after[here] = before[here] + apart + old, after[here] + apart + new
    return rows.assign(changed=changed, group=before, to=after)


def _effect(pairs: _Pairs, stage: str, s: int) -> pd.DataFrame:
    """The rows of `twin_effects` for one stage."""
    rows = _moved(pairs.rows, pairs.delta[:, s])
    changed = rows[rows["changed"]].dropna(subset=["moved"])
    again = _moved(pairs.again, pairs.delta[:, s]).groupby([*CELL, "patient"])["moved"].mean()
    changed = changed.merge(again.rename("rerun").reset_index(), on=[*CELL, "patient"], how="left")
    grouped = changed.groupby(WHERE)
    table = grouped.agg(
        goods=("goods", "first"),
        change=("moved", "mean"),
        changed=("moved", "size"),
        seeds=("seed", "nunique"),
    )
    # Only where every patient compared was rerun too is it the same patients that both rates are of.
    table["rerun"] = grouped["rerun"].mean().where(grouped["rerun"].count() == table["changed"])
    table["excess"] = table["change"] - table["rerun"]
    table["permutations"] = changed.groupby([*WHERE, "seed"])["twin"].nunique().groupby(WHERE).min()
    table["relabellings"] = _relabellings(changed)
    asked = pairs.twins.groupby(WHERE).size()
    used = rows.dropna(subset=["moved"]).groupby(WHERE)["run_id"].nunique()
    table = table.reindex(asked.index)
    goods_known = pairs.twins.groupby(WHERE)["goods"].first()
    table["goods"] = table["goods"].fillna(goods_known)
    table["missing"] = asked - used.reindex(asked.index).fillna(0)
    counts = ["changed", "permutations", "relabellings", "seeds", "missing"]
    table[counts] = table[counts].fillna(0).astype(int)
    reruns = pairs.again.groupby(["condition", "cluster"])["run_id"].nunique()
    table = table.reset_index()
    table["reruns"] = [
        int(reruns.get((c, w), 0)) for c, w in zip(table["condition"], table["cluster"], strict=True)
    ]
    return table.assign(stage=stage, note=[_note(row) for row in table.to_dict("records")])


def _moved(rows: pd.DataFrame, delta: Array) -> pd.DataFrame:
    """The rows with `moved`: 1 or 0 for a flip of whole goods, else |Δh|; missing where the stage or the goods are."""
    size = abs(delta[rows["at"].to_numpy(dtype=np.intp)])
    kind = rows["goods"].astype(object).to_numpy()
    flipped = np.where(np.isnan(size), np.nan, size > FLIPPED)
    known = np.isin(kind.astype(str), ["whole", "divisible", "mixed"])
    return rows.assign(moved=np.where(known, np.where(kind == "whole", flipped, size), np.nan))


def _relabellings(changed: pd.DataFrame) -> pd.Series:
    """How many permutations differ from each other in who got which label, by WHERE."""
    told = changed.sort_values("patient")
    told = told.assign(told=told["patient"].astype(str) + "=" + told["to"].astype(str))
    return told.groupby([*WHERE, "run_id"])["told"].agg("|".join).groupby(WHERE).nunique()


def _note(row: dict[str, Any]) -> str:
    said = []
    if not row["permutations"]:
        said.append("nothing to compare")
    elif row["permutations"] < PERMUTATIONS:
        said.append(f"{row['permutations']} permutations, fewer than {PERMUTATIONS}")
    if row["permutations"] and row["relabellings"] < min(row["permutations"], PERMUTATIONS):
        said.append(f"{row['relabellings']} different relabellings")
    if not row["reruns"]:
        said.append("nothing rerun, so noise is unknown")
    elif row["permutations"] and row["rerun"] != row["rerun"]:
        said.append("reruns lack some patients or this stage, so noise is unknown")
    if row["missing"]:
        said.append(f"{row['missing']} twin runs missing")
    return "; ".join(said)
