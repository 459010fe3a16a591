"""What is each seat alone, the merge without a word, every round and the joint worth; with both nulls in every row?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.section import SEED, Findings, Shown, estimated, interval, number, p_value, settled
from evals.frames import Frames
from evals.outcomes import outcome

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    *("condition", "outcome", "stage", "mean", "low", "high", "wards", "runs", "missing"),
    *("over_no_debate", "over_low", "over_high", "over_p", "bargaining_low", "bargaining_high"),
)


def by_stage(f: Findings, outcomes: Sequence[str]) -> pd.DataFrame:
    """A row a condition, outcome and stage of the study's own runs.

    mean, low, high         over wards, bootstrap-t (missing under 20 wards)
    over_no_debate, …       the stage less the no-debate merge of the same run, with interval and sign-flip p
    bargaining_low, _high   least and greatest mean of the same stage over the policies of the bargaining null
    """
    import pandas as pd

    from evals.statistics import estimate

    rng = np.random.default_rng(SEED)
    own = _values(f.frames, outcomes, "study")
    null = _values(f.frames, outcomes, "bargaining")
    bands = _bands(null)
    rows: list[dict[str, Any]] = []
    for (condition, name, stage), group in own.groupby(["condition", "outcome", "stage"], sort=False):
        clusters = group["cluster"].to_numpy()
        here = estimate(group["value"].to_numpy(float), clusters, rng=rng)
        over = estimate(group["over"].to_numpy(float), clusters, rng=rng)
        low, high = bands.get((condition, name, stage), (None, None))
        rows.append(
            dict(
                zip(
                    COLUMNS,
                    (
                        *(condition, name, stage, here.mean, here.low, here.high),
                        *(here.clusters, here.n, here.missing),
                        *(over.mean, over.low, over.high, over.p, low, high),
                    ),
                    strict=True,
                )
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def shown(table: pd.DataFrame, name: str, title: str) -> Shown:
    """One outcome of the table as it stands in the text: a row a condition."""
    here = table[table["outcome"] == name]
    rows = []
    for condition, group in here.groupby("condition", sort=False):
        at = group.set_index("stage")

        def mean(stage: str, at: pd.DataFrame = at) -> str:
            return number(at["mean"].get(stage))

        if "joint" not in at.index or at["mean"].isna().all():
            continue
        joint = at.loc["joint"]
        rows.append(
            [
                str(condition),
                mean("solo:A"),
                mean("solo:B"),
                mean("no_debate"),
                interval(joint["bargaining_low"], joint["bargaining_high"]),
                estimated(joint["mean"], joint["low"], joint["high"]),
                estimated(joint["over_no_debate"], joint["over_low"], joint["over_high"], signed=True),
                p_value(joint["over_p"]),
            ]
        )
    headings = ["condition", "A alone", "B alone", "no-debate merge", "bargaining null", "joint"]
    about = find_about(name)
    return Shown(title=title, headings=[*headings, "joint − no-debate", "p"], rows=rows, note=about)


def find_about(name: str) -> str:
    """What an outcome is, in one line."""
    from evals.outcomes import find

    o = find(name)
    return f"`{name}`: {o.says}; {o.unit}; better: {o.better}. p: sign-flip over wards, uncorrected."


def _values(frames: Frames, outcomes: Sequence[str], role: str) -> pd.DataFrame:
    """Every value of the outcomes at the stages of a run, beside that of its no-debate merge."""
    import pandas as pd

    runs = frames.runs[(frames.runs["role"] == role) & (frames.runs["status"] == "complete")]
    keep = runs[["run_id", "condition", "cluster", "policy"]]
    parts = []
    for name in outcomes:
        values = outcome(frames, name)
        merged = keep.merge(values, on="run_id")
        base = values[values["stage"] == "no_debate"].set_index("run_id")["value"]
        merged["over"] = settled(merged["value"] - merged["run_id"].map(base).astype(float))
        parts.append(merged.assign(outcome=name))
    columns = ["run_id", "condition", "cluster", "policy", "stage", "value", "over", "outcome"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _bands(null: pd.DataFrame) -> dict[tuple[Any, ...], tuple[float, float]]:
    """Least and greatest mean over the policies, by condition, outcome and stage."""
    by = ["condition", "outcome", "stage"]
    wards = null.groupby([*by, "policy", "cluster"])["value"].mean()
    policies = wards.groupby([*by, "policy"]).mean().dropna().groupby(by).agg(["min", "max"])
    return {key: (float(row["min"]), float(row["max"])) for key, row in policies.iterrows()}


def called(stage: str) -> str:
    """A stage in a reader's words: `A alone`, `merged`, `round 1`, `joint`, `A after`."""
    kind, _, which = stage.partition(":")
    words = {"solo": f"{which} alone", "no_debate": "merged", "exit_solo": f"{which} after"}
    return words.get(kind, f"{kind} {which}".strip())


def ordered(stages: Sequence[str]) -> list[str]:
    """Stages as a reader goes through a debate: solos, the merge of them, rounds, the joint, exit solos."""
    known = ("solo", "no_debate", "round", "joint", "exit_solo")

    def place(stage: str) -> tuple[int, int, str]:
        kind, _, which = stage.partition(":")
        return known.index(kind), int(which) if which.isdigit() else 0, which

    return sorted((s for s in stages if s.split(":")[0] in known), key=place)
