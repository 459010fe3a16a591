"""Who moved whom: influence on the joint, and minds changed (solo to exit solo) against bargains struck.

All is measured as a share of the way from a seat's own solo to the other's,

    w(x) = ⟨x − own, other − own⟩ / ‖other − own‖²,

0 at its own solo, 1 at the other's; below 0 and above 1 are possible. R² beside it is that of the regression through
the origin: how much of the movement lies on that line at all. Undefined, so missing, where the solos are alike.
Of a panel only the first two seats are measured, as the record's own influence is; `seats` says how many there were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.strategy.played import Played, Row, table
from evals.strategy.summary import with_runs
from nodes.findings.strategy import influence
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

WHO = ("run_id", "seat", "persona", "other", "seats")
INFLUENCE_COLUMNS = (*WHO, "influence", "influence_r2", "influence_no_debate", "debate_added")
MIND_COLUMNS = (
    *(*WHO, "negotiator", "mind", "mind_r2", "offer", "offer_r2", "joint", "joint_r2", "no_debate"),
    *("offer_beyond", "joint_beyond", "debate_added", "distance"),
)
REASKED_COLUMNS = ("reask", "reasks", "reask_from", "mind_changed")

SAME_RUN = ("condition", "ward", "seed")
"""What runs must share for one's solo to be a re-ask of the other's; `role`, `policy` and `strength` too, if told."""


def influence_of(record: RunRecord) -> list[Row]:
    """How much of the joint is each seat's (INFLUENCE_COLUMNS), one row for each of the first two seats.

    influence = ⟨J − other, own − other⟩ / ‖own − other‖²: 1 where the joint is its solo, 0 where it is the other's;
    the two seats' add up to 1. debate_added = that of the joint − that of the no-debate merge. None for an invalid
    run.
    """
    return influences(Played(record))


def minds_of(record: RunRecord) -> list[Row]:
    """What the debate changed in each of the first two seats (MIND_COLUMNS, `own` and `way`); none for an invalid run.

    mind          movement of the exit solo from the solo, toward the other's solo
    offer, joint  the same of the last valid move and of the joint; no_debate of the no-debate merge
    offer_beyond  offer − mind, joint_beyond = joint − mind: bargains struck, what it gave without being convinced
    debate_added  joint − no_debate: what debate, and not the merge, moved
    distance      ‖other − own‖₁ / Σ demand, how far apart the solos are, in [0, 2]
    `own` is the solo and `way` = other − own, flat, for `minds` to take re-asks by.
    """
    return mind_rows(Played(record))


def influences(run: Played) -> list[Row]:
    """See `influence_of`."""
    rows = []
    for seat, other in _opposed(run):
        own, theirs = run.solos.get(seat), run.solos.get(other)
        joint, r2 = _toward(theirs, own, run.joint)
        merged, _ = _toward(theirs, own, run.no_debate)
        told = (joint, r2, merged, _minus(joint, merged))
        rows.append(_who(run, seat, other) | dict(zip(INFLUENCE_COLUMNS[len(WHO) :], told, strict=True)))
    return rows


def mind_rows(run: Played) -> list[Row]:
    """See `minds_of`."""
    rows = []
    negotiators = {s.seat: s.negotiator for s in run.record.seats}
    for seat, other in _opposed(run):
        own, theirs = run.solos.get(seat), run.solos.get(other)
        row = _who(run, seat, other) | {"negotiator": negotiators[seat]}
        places = {"mind": run.exits.get(seat), "offer": run.last.get(seat), "joint": run.joint}
        for name, x in places.items():
            row[name], row[f"{name}_r2"] = _toward(own, theirs, x)
        row["no_debate"], _ = _toward(own, theirs, run.no_debate)
        row["offer_beyond"] = _minus(row["offer"], row["mind"])
        row["joint_beyond"] = _minus(row["joint"], row["mind"])
        row["debate_added"] = _minus(row["joint"], row["no_debate"])
        way = None if own is None or theirs is None else theirs - own
        demand = max(float(run.ward.arrays.demand.sum()), 1e-12)
        row["distance"] = None if way is None else float(abs(way).sum()) / demand
        defined = way is not None and row["joint"] is not None
        row["own"] = None if own is None else own.ravel()
        row["way"] = way.ravel() if way is not None and defined else None
        rows.append(row)
    return rows


def minds(rows: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Minds changed, beyond a no-debate re-ask: MIND_COLUMNS and REASKED_COLUMNS, a row for each row of `minds_of`.

    reask is the mean movement toward the other's solo of the same seat's solo in other replicates of the run (same
    SAME_RUN and the same models; roles study and rerun are one), `reasks` how many there are. A reference seat is
    deterministic: without a replicate its re-ask is 0 (`reask_from` is then deterministic, not replicates). A
    model's without one is missing.
    mind_changed = mind − reask, missing where either is. Rows of runs that `runs` lacks are left out.
    """
    told = [c for c in runs if c in ("role", "policy", "strength") or c.startswith("model:")]
    joined = with_runs(rows, runs, [*SAME_RUN, "replicate", *told])
    if "role" in joined:
        joined["role"] = joined["role"].replace({"rerun": "study"})
    found: list[tuple[Any, ...]] = [()] * len(joined)
    asked = joined[["own", "way", "mind", "replicate", "negotiator"]].to_dict("records")
    same = joined.groupby([*SAME_RUN, *told, "seat"], dropna=False, sort=False)
    for places in same.indices.values():
        group = [asked[place] for place in places]
        for place in places:
            found[place] = _reasked(asked[place], group)
    reasked = table([dict(zip(REASKED_COLUMNS, f, strict=True)) for f in found], REASKED_COLUMNS)
    kept = joined[[c for c in rows.columns if c not in ("own", "way")]].reset_index(drop=True)
    for name in REASKED_COLUMNS:
        kept[name] = reasked[name]
    return kept.astype({"reask": "float64", "mind_changed": "float64"})


def _reasked(row: Mapping[str, Any], group: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    """(reask, reasks, reask_from, mind_changed) of one row among those of the same run and seat."""
    way, mind = row["way"], row["mind"]
    if not isinstance(way, np.ndarray):
        return None, 0, None, None
    again = [
        other["own"]
        for other in group
        if other["replicate"] != row["replicate"] and isinstance(other["own"], np.ndarray)
    ]
    if again:
        moved = [float((own - row["own"]) @ way / (way @ way)) for own in again]
        reask, source = float(np.mean(moved)), "replicates"
    elif row["negotiator"] == "reference":
        reask, source = 0.0, "deterministic"
    else:
        return None, 0, None, None
    changed = None if mind is None or mind != mind else mind - reask
    return reask, len(again), source, changed


def _opposed(run: Played) -> list[tuple[str, str]]:
    """(seat, other) of the first two seats, both ways; none for an invalid run."""
    if run.record.status == "invalid" or len(run.seats) < 2:
        return []
    first, second = run.seats[:2]
    return [(first, second), (second, first)]


def _who(run: Played, seat: str, other: str) -> Row:
    names = (run.record.run_id, seat, run.personas[seat], run.personas[other], len(run.seats))
    return dict(zip(WHO, names, strict=True))


def _toward(own: Array | None, other: Array | None, x: Array | None) -> tuple[float | None, float | None]:
    """(share of the way from own to other, R²) of x; missing where one of them is, or own = other."""
    if own is None or other is None or x is None:
        return None, None
    found = influence(other, own, x)
    return (None, None) if found is None else (found.weight, found.r2)


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b
