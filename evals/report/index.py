"""Which runs are behind a report, and what tells them apart: a row a use of a run, with the outcomes one compares?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evals.outcomes import find_for, outcome
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

    from evals.report.source import Source

Json = dict[str, Any]

COMPARED: Mapping[str, tuple[str, ...]] = {
    "triage": (
        *("favoured_gap", "worst_group", "access_gap", "gini", "criteria_met"),
        *("beta", "least_utility", "mean_utility"),
    ),
    "commons": ("survival_months", "efficiency", "welfare_net", "equality", "over_use", "least_payoff"),
    "games": ("welfare_net", "best_cell", "loss_share", "least_payoff"),
    "deliberation": ("agreed", "rounds", "worth_least", "worth_mean", "regret", "efficient"),
}
"""Outcomes that every run is listed with, by setting: what two runs side by side are compared in."""

COLUMNS = (
    *("id", "source", "setting", "case", "condition", "role", "cluster", "seed", "replicate", "policy"),
    *("status", "speaks", "incidents"),
)
"""Of a row of the index, besides its place among the packs and its outcomes."""

ROLES = {
    "study": "the study's own",
    "rerun": "identical reruns",
    "twin": "counterfactual twins",
    "bargaining": "the bargaining null",
    "planted": "a planted bias",
}


def uses(source: Source) -> pd.DataFrame:
    """The index of a source: COLUMNS, then `o:NAME` for its COMPARED outcomes; NaN where undefined."""
    import pandas as pd

    if source.frames is None or source.frames.runs.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    runs = source.frames.runs.drop_duplicates(["run_id", "role", "condition", "policy"])
    models = [c for c in runs if c.startswith("model:")]
    incidents = [c for c in runs if c.startswith("incidents:")]
    table = pd.DataFrame(
        {
            "id": runs["run_id"],
            "source": source.name,
            "setting": source.setting,
            "case": runs["ward"] if "ward" in runs else runs["scenario"],
            **{c: runs[c] for c in ("condition", "role", "cluster", "seed", "replicate", "policy", "status")},
            "speaks": _speaks(runs, models),
            "incidents": runs[incidents].sum(axis=1).astype(int),
        }
    )[list(COLUMNS)]
    for name in COMPARED[source.setting]:
        try:
            found = outcome(source.frames, name)
        except ParleyError:
            continue
        final = found[found["stage"] == source.frames.final].drop_duplicates("run_id")
        table[f"o:{name}"] = table["id"].map(final.set_index("run_id")["value"]).astype(float)
    return table


def _speaks(runs: pd.DataFrame, models: Sequence[str]) -> pd.Series:
    """The models that speak in each run, once each, or `reference`."""
    if not models:
        named = [c for c in ("model", "opponent_model") if c in runs]
        models = named
    if not models:
        return runs["run_id"].map(lambda _: "reference")
    rows = runs[list(models)].to_dict("records")
    said = [" + ".join(dict.fromkeys(str(v) for v in row.values() if v and v == v)) for row in rows]
    return runs["run_id"].map(dict(zip(runs["run_id"], said, strict=True)))


def outcomes_of(setting: str) -> list[Json]:
    """What each compared outcome means, for a reader."""
    found = [find_for(setting, name) for name in COMPARED[setting]]
    return [
        {"name": o.name, "says": o.says, "unit": o.unit, "better": o.better, "low": o.low, "high": o.high}
        for o in found
    ]
