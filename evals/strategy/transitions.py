"""What follows what: step classes and headlines of moves, their shares, and what a reply depends on.

A move is seen after its seat's own previous move (`previous`) and after the last move that the seat was shown of
another (`received`): with everyone speaking at once, one of an earlier round. In panels `other` joins the personas
opposite by + and `received` is the last of all those moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, get_args

from evals.strategy.played import Played, Row, table
from nodes.findings.strategy import Label, Step
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

What = Literal["step", "strategy"]
Given = Literal["previous", "received"]

STATES: dict[str, tuple[str, ...]] = {"step": get_args(Step), "strategy": (*get_args(Label), "abstain")}
"""Every class a move can have: of `step` (Hindriks, Jonker & Tykhonov 2007), of `strategy` (its headline)."""

STEP_COLUMNS = (
    *("run_id", "index", "round", "turn", "seat", "persona", "other", "step", "strategy"),
    *("previous_step", "received_step", "previous_strategy", "received_strategy"),
)
PAIR = ("persona", "other")


def steps_of(record: RunRecord) -> list[Row]:
    """One row a move of the debate (STEP_COLUMNS), in the order spoken; none for an invalid run.

    A class is missing where the move has none (a step where a seat declares no values, or abstained), the classes
    before it also where there is no move before.
    """
    return steps(Played(record))


def steps(run: Played) -> list[Row]:
    """See `steps_of`."""
    if run.record.status == "invalid":
        return []
    rows: list[Row] = []
    for edge in run.record.edges:
        if edge.seat is None or edge.source not in ("propose", "critique"):
            continue
        shown = edge.round if run.record.protocol.simultaneous else edge.round + 1  # rounds before this one
        own = [r for r in rows if r["seat"] == edge.seat]
        heard = [r for r in rows if r["seat"] != edge.seat and r["round"] < shown]
        row: Row = {
            "run_id": run.record.run_id,
            "index": edge.index,
            "round": edge.round,
            "turn": 1 + sum(r["round"] == edge.round for r in rows),
            "seat": edge.seat,
            "persona": run.personas[edge.seat],
            "other": run.opposite(edge.seat),
            "step": edge.step,
            "strategy": edge.strategy,
        }
        for what in STATES:
            row[f"previous_{what}"] = own[-1][what] if own else None
            row[f"received_{what}"] = heard[-1][what] if heard else None
        rows.append(row)
    return rows


def shares(moves: pd.DataFrame, by: Sequence[str] = PAIR, what: What = "step") -> pd.DataFrame:
    """How often each class was played: `by`, `state`, `count`, `total`, `missing`, `share`.

    share = count / total, in [0, 1], over the classified moves of the group; `missing` counts those without a
    class. Missing where nothing was classified. Every class has a row, played or not. With `run_id` and `seat`
    in `by` these are the shares of single runs, for statistics over wards.
    """
    states = STATES[what]
    rows = []
    for key, group in _groups(moves, by):
        counts = group[what].value_counts()
        total = int(counts.sum())
        whole = dict(zip(by, key, strict=True)) | {"total": total, "missing": len(group) - total}
        for state in states:
            count = int(counts.get(state, 0))
            rows.append(whole | {"state": state, "count": count, "share": count / total if total else None})
    return _floats(table(rows, [*by, "state", "count", "total", "missing", "share"]))


def matrix(
    moves: pd.DataFrame, by: Sequence[str] = PAIR, what: What = "step", given: Given = "received"
) -> pd.DataFrame:
    """The transition matrix, long: `by`, `before`, `after`, `count`, `total`, `missing`, `share`.

    `before` is the seat's own previous class (`given` = previous) or the class it replied to (received), `after` its
    own now. share = count / total, `total` being the moves of the group after `before`: rows sum to 1, and are
    missing, not 0, where total is 0. `missing` counts the group's moves in no cell: first ones and unclassified ones.
    """
    states, column = STATES[what], f"{given}_{what}"
    rows = []
    for key, group in _groups(moves, by):
        paired = group[[column, what]].dropna()
        counts = paired.value_counts()
        totals = paired[column].value_counts()
        for before, after in product(states, states):
            count, total = int(counts.get((before, after), 0)), int(totals.get(before, 0))
            cell = {"before": before, "after": after, "count": count, "total": total}
            missing = {"missing": len(group) - len(paired), "share": count / total if total else None}
            rows.append(dict(zip(by, key, strict=True)) | cell | missing)
    return _floats(table(rows, [*by, "before", "after", "count", "total", "missing", "share"]))


def _groups(moves: pd.DataFrame, by: Sequence[str]) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    if absent := [c for c in by if c not in moves.columns]:
        raise ParleyError(
            f"no column {', '.join(absent)} in the moves; join it first, or leave it out of `by`"
        )
    return list(moves.groupby(list(by), dropna=False, sort=True)) if len(by) else [((), moves)]


def _floats(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"share": "float64"})
