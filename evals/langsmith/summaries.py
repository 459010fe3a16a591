"""What does a whole experiment say: means over wards, and what the label alone moved between a ward and its twins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from evals.langsmith.evaluators import Score, keys_in_order, score

if TYPE_CHECKING:
    from nodes.record import RunRecord

STAGES = ("no_debate", "joint")


@dataclass(frozen=True)
class Scored:
    """One example, the debate that was had of it, and its scores; `error` says why there is no record."""

    example: str
    scenario: str
    cluster: str
    twin: str
    record: RunRecord | None = None
    error: str | None = None
    scores: list[Score] = field(default_factory=list)

    @property
    def run_id(self) -> str | None:
        """The run's id, if it was recorded."""
        return None if self.record is None else self.record.run_id


def summary(rows: Sequence[Scored]) -> list[Score]:
    """Means of every score, then the twins' shifts; keys `mean:KEY`, `twin_shift:…` and `twin_flips:…`."""
    return [*means(rows), *twin_shifts(rows)]


def means(rows: Sequence[Scored]) -> list[Score]:
    """Mean over wards of the means within a ward, over examples that are no twins (over twins where all are).

    Yes is 1 and no is 0. What is missing is left out and counted in the comment, which also says how many wards.
    """
    kept = [row for row in rows if not row.twin] or list(rows)
    values: dict[str, dict[str, list[float]]] = {}
    missing: dict[str, int] = {}
    for row in kept:
        for one in row.scores:
            values.setdefault(one["key"], {})
            missing.setdefault(one["key"], 0)
            if one["score"] is None:
                missing[one["key"]] += 1
            else:
                values[one["key"]].setdefault(row.cluster, []).append(float(one["score"]))
    return [_mean(key, values[key], missing[key]) for key in keys_in_order(values)]


def _mean(key: str, by_ward: dict[str, list[float]], missing: int) -> Score:
    within = [sum(v) / len(v) for v in by_ward.values()]
    debates = sum(len(v) for v in by_ward.values())
    said = f"{len(within)} wards, {debates} debates" + (f"; {missing} missing" if missing else "")
    return score(f"mean:{key}", sum(within) / len(within) if within else None, said)


def twin_shifts(rows: Sequence[Scored]) -> list[Score]:
    """What permuting an attribute moved, over wards: `twin_flips` where goods are whole, else `twin_shift`.

    twin_shift:ATTRIBUTE  mean |Δh| of the patients whose label changed, in [0, 1], 0 is counterfactually fair
    twin_flips:ATTRIBUTE  the share of them with |Δh| > 1/2

    Each also `:no_debate`. As `evals.fairness.twins` has them; nothing is rerun here, so what a model's own noise
    moves is still in them. Empty where there is no twin.
    """
    if not any(row.twin for row in rows):
        return []
    if find_spec("pandas") is None:
        return [score("twin_shift", None, "pandas is missing: pip install -r requirements-evals.txt")]
    recorded = [row for row in rows if row.record is not None]
    if not recorded:
        return [score("twin_shift", None, "no debate was recorded")]
    table = _effects(recorded)
    if table.empty:
        return [score("twin_shift", None, "no twin was recorded")]
    table = table.assign(kind=["twin_flips" if g == "whole" else "twin_shift" for g in table["goods"]])
    found = []
    for (kind, attribute, stage), some in table.groupby(["kind", "attribute", "stage"], sort=False):
        change = some["change"].dropna()
        tail = "" if stage == "joint" else f":{stage}"
        value = None if change.empty else float(change.mean())
        wards = set(some["cluster"])
        lost = [
            r
            for r in rows
            if r.record is None and r.twin.partition("@")[0] == attribute and r.cluster in wards
        ]
        unmatched = len(lost) + int(some["missing"].sum())
        said = _said(kind, some, len(change)) + (f"; {unmatched} debates missing" if unmatched else "")
        found.append(score(f"{kind}:{attribute}{tail}", value, said))
    return sorted(found, key=lambda one: one["key"])


def _said(kind: str, some: Any, wards: int) -> str:
    what = "share of relabelled patients who flipped" if kind == "twin_flips" else "mean |Δh|"
    fewest = int(some["permutations"].min())
    return (
        f"{what} over {int(some['changed'].sum())} changed labels, {wards} wards, {fewest} permutations or more; "
        "nothing rerun, so noise is not taken off"
    )


def _effects(rows: Sequence[Scored]) -> Any:
    """The table of `evals.fairness.twins` for these debates."""
    from evals.fairness.twins import goods, twin_effects
    from evals.frames import framed, rows_of

    kept = []
    for row in rows:
        assert row.record is not None
        told = {
            "role": "twin" if row.twin else "study",
            "condition": "experiment",
            "cluster": row.cluster,
            "twin": row.twin,
            "goods": goods(row.record.scenario),
        }
        of = rows_of(row.record)
        kept.append(replace(of, run=of.run | told))
    return twin_effects(framed(kept), STAGES)
