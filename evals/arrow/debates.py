"""Which of Arrow's axioms do recorded debates keep? One record is a choice, not a ranking: so by what it chose.

Pareto is read off the record, influence too; transitivity and contraction consistency come from menu debates
(`evals.arrow.menus`), independence of null patients from playing the debate again (`evals.arrow.rerun`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.arrow.menus import Choices, menus, sitting_of
from evals.arrow.rerun import null_patient
from evals.records import each, read
from evals.records import paths as record_paths
from nodes.findings.strategy import INDIFFERENCE
from scenarios.errors import ParleyError
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

Row = dict[str, Any]

DICTATES = 0.95
"""From this influence on a seat counts as dictating (ours); the other from 1 − this down."""

SEPARATOR = " | "
"""Between the reasons of `missing`."""

LOSS = 1e-6
"""A seat that loses no more than this loses nothing: allocations are recorded to six digits."""


@dataclass(frozen=True)
class OnTheTable:
    """Pareto over what was on the table: solos, moves and merges, by declared utilities.

    `weak`: nothing there was better for every seat by more than 1e-3. `strong`: nothing there was better for
    one by more than 1e-3 and worse for none. `gain` is the most that the worst-served seat could have gained by
    taking another alternative, 0 at least; `dominated_by` names that which dominates, the best one first.
    """

    alternatives: int
    weak: bool
    strong: bool
    gain: float
    dominated_by: str


def debate_axioms(
    where: Iterable[str | Path],
    *,
    reruns: int = 1,
    with_models: bool = False,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """One row for each record that files and folders name.

    run_id, status, ward, seats, negotiators, merge_rule, models   what was played; whether a model took part
    on_table, weak_pareto, strong_pareto, pareto_gain, dominated_by   see `OnTheTable`
    influence, influence_r2, influence_no_debate   w of the first two seats, 1 the first's solo, 0 the second's
    dictator            the seat with w >= .95 (w <= .05: the other), "" for neither, None where undefined
    transitive, contraction, choices               see `evals.arrow.menus`
    null_shift, rerun_noise, null_independent, null_patient   see `evals.arrow.rerun.NullPatient`
    missing             why something is None, in words, ` | ` between reasons

    `reruns` is how often each debate is played again for its noise; 0 plays nothing again. One is enough where
    nothing is drawn; where seats cast lots or models sit, noise wants several. Debates with models
    are played again only `with_models`, which costs money; their records go to `folder`, and those found there
    are not played twice. Raises ParleyError as `evals.records` does, Unreachable for a model out of reach.
    """
    import pandas as pd

    files = record_paths(where)
    found: list[Row] = []
    for path, (row, missing) in zip(files, each(files, _row), strict=True):
        if row["status"] == "complete":
            row |= _null_row(path, row, reruns, with_models, folder, missing)
        found.append(row | {"missing": SEPARATOR.join(missing)})
        if progress is not None:
            progress(len(found), len(files))
    return pd.DataFrame(found)


def _row(record: RunRecord) -> tuple[Row, list[str]]:
    """What a record tells without being played again, and what it does not, in words."""
    row: Row = {
        "run_id": record.run_id,
        "status": record.status,
        "ward": record.scenario.name,
        "seats": " | ".join(s.persona.name for s in record.seats),
        "negotiators": "+".join(dict.fromkeys(s.model or s.negotiator for s in record.seats)),
        "merge_rule": record.protocol.merge_rule,
    }
    row["models"] = bool(record.protocol.models)
    if record.status != "complete":
        return row | dict.fromkeys(_MEASURED), [f"the run is {record.status}"]
    missing: list[str] = []
    row |= _pareto_row(record) | _influence_row(record, missing) | _menu_row(record, missing)
    return row, missing


_MEASURED = (
    *("on_table", "weak_pareto", "strong_pareto", "pareto_gain", "dominated_by"),
    *("influence", "influence_r2", "influence_no_debate", "dictator"),
    *("transitive", "contraction", "choices"),
    *("null_shift", "rerun_noise", "null_independent", "null_patient"),
)


def on_the_table(record: RunRecord) -> OnTheTable:
    """Whether what was settled on is dominated by anything else that a complete debate had on its table."""
    sat = sitting_of(record)
    alternatives = tabled(record)
    last = {m.seat: m.allocation for r in record.rounds for m in r.moves if m.allocation is not None}
    own = {s: sat.ward.array(last.get(s) or record.solo[s].move.allocation or {}) for s in sat.seats}
    utilities = sat.utilities(own).values()
    names = list(alternatives)
    u = np.array([[v.value(sat.shown, alternatives[name]) for v in utilities] for name in names])
    gains = u - u[names.index("joint")]
    for_all = (gains > INDIFFERENCE).all(axis=1)
    for_some = (gains >= -LOSS).all(axis=1) & (gains > INDIFFERENCE).any(axis=1)
    best = max(np.flatnonzero(for_some), key=lambda i: tuple(np.sort(gains[i])), default=None)
    return OnTheTable(
        alternatives=len({x.round(6).tobytes() for x in alternatives.values()}),
        weak=not for_all.any(),
        strong=not for_some.any(),
        gain=max(0.0, float(gains.min(axis=1).max())),
        dominated_by="" if best is None else names[int(best)],
    )


def tabled(record: RunRecord) -> dict[str, Array]:
    """Everything a debate had on its table, by name: solos, moves `move:SEAT:ROUND`, merges, the joint."""
    found = {f"solo:{s}": solo.move.allocation for s, solo in record.solo.items()}
    found["no_debate"] = record.no_debate
    for played in record.rounds:
        found |= {f"move:{m.seat}:{played.round}": m.allocation for m in played.moves}
        found[f"round:{played.round}"] = played.joint
    found["joint"] = record.joint
    return {name: record.scenario.array(x) for name, x in found.items() if x is not None}


def _pareto_row(record: RunRecord) -> Row:
    p = on_the_table(record)
    return {
        "on_table": p.alternatives,
        "weak_pareto": p.weak,
        "strong_pareto": p.strong,
        "pareto_gain": p.gain,
        "dominated_by": p.dominated_by,
    }


def _influence_row(record: RunRecord, missing: list[str]) -> Row:
    names = ("influence", "influence_r2", "influence_no_debate", "dictator")
    found = record.influence
    if found is None:
        missing.append("influence: the solos are alike")
        return dict.fromkeys(names)
    first, second = (s.seat for s in record.seats[:2])
    dictator = first if found.joint >= DICTATES else second if found.joint <= 1 - DICTATES else ""
    return dict(zip(names, (found.joint, found.joint_r2, found.no_debate, dictator), strict=True))


def _menu_row(record: RunRecord, missing: list[str]) -> Row:
    try:
        found = menus(record)
    except ParleyError as error:
        missing.append(f"menus: {str(error).removeprefix(f'run {record.run_id}: ')}")
        return dict.fromkeys(("transitive", "contraction", "choices"))
    if found.transitive is None:
        missing.append("menus: solos and joint are not three different allocations")
    return {
        "transitive": found.transitive,
        "contraction": found.contraction,
        "choices": choices_in_words(found.choices) or None,
    }


def choices_in_words(choices: Choices) -> str:
    """`solo:A or joint → joint; …`."""
    return "; ".join(f"{' or '.join(menu)} → {chosen}" for menu, chosen in choices.items())


def _null_row(
    path: Path, row: Row, reruns: int, with_models: bool, folder: Path | None, missing: list[str]
) -> Row:
    names = ("null_shift", "rerun_noise", "null_independent", "null_patient")
    if not reruns:
        missing.append("null patients: no debate was played again")
        return dict.fromkeys(names)
    if row["models"] and not with_models:
        missing.append("null patients: a model sits here, which is paid; ask for a rerun")
        return dict.fromkeys(names)
    found = null_patient(read(path), reruns, folder)
    values = (found.shift, found.noise, found.independent, found.patient)
    return dict(zip(names, values, strict=True))


def summary(found: pd.DataFrame) -> dict[str, Any]:
    """What a frame of `debate_axioms` comes to: for each axiom how many runs keep it, of how many it was told.

    Influence is given by its least, quartiles and greatest, with how many runs one seat dictates.
    """
    complete = found[found["status"] == "complete"]
    out: dict[str, Any] = {"runs": len(found), "complete": len(complete)}
    for name in ("weak_pareto", "strong_pareto", "transitive", "contraction", "null_independent"):
        told = complete[name].dropna()
        out[name] = {"keep": int(told.astype(bool).sum()), "of": len(told)}
    w = complete["influence"].dropna().astype(float)
    quantiles = np.quantile(w, [0, 0.25, 0.5, 0.75, 1]) if len(w) else []
    out["influence"] = {
        "quantiles": [round(float(q), 4) for q in quantiles],
        "of": len(w),
        "first_dictates": int((w >= DICTATES).sum()),
        "second_dictates": int((w <= 1 - DICTATES).sum()),
    }
    shifts = complete[["null_shift", "rerun_noise"]].dropna().astype(float)
    if len(shifts):
        out["null_independent"] |= {
            "most_shift": float(shifts["null_shift"].max()),
            "most_noise": float(shifts["rerun_noise"].max()),
        }
    return out
