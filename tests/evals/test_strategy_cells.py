"""Contestation and override, counted to the cell, with the denominators they are shares of."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evals.strategy import contestation, framed, overrides, overrides_of, rounds_of, rows_of, tagged, tags_of
from nodes.record import EdgeEvent, RunRecord
from scenarios.errors import ParleyError
from tests.evals.strategy_runs import beds, run_of
from tests.play import play

WARD = beds(3, 1.0)
A, B = [[1.0], [0.0], [0.0]], [[0.0], [0.0], [1.0]]


def edge(
    index: int, round_: int, seat: str | None, cells: dict[str, str], strategy: str = "hold"
) -> EdgeEvent:
    source = "propose" if seat == "A" else "critique" if seat else "mediate"
    return EdgeEvent(
        index=index, source=source, target="x", round=round_, seat=seat, strategy=strategy, cells=cells
    )


def debate(run_id: str = "run") -> RunRecord:
    """Round 1: two cells contested, the joint is A's solo though B contests both; round 2: B has come over."""
    return run_of(
        WARD,
        {"A": A, "B": B},
        [[("A", A), ("B", B)], [("A", A), ("B", A)]],
        joint=A,
        run_id=run_id,
        edges=[
            edge(0, 1, "A", {"p0.r0": "hold", "p2.r0": "hold"}),
            edge(1, 1, "B", {"p0.r0": "trade", "p2.r0": "contest"}, "contest"),
            edge(2, 1, None, {}),
            edge(3, 2, "A", {}, "abstain"),
            edge(4, 2, "B", {"p0.r0": "concede", "p2.r0": "concede"}, "concede"),
        ],
    )


def table(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows)


def test_contested_and_overridden_cells_are_counted_by_round() -> None:
    told = [(r["round"], r["cells"], r["contested"], r["overridden"]) for r in rounds_of(debate())]
    assert told == [(1, 3, 2, 2), (2, 3, 0, 0)]
    frame = contestation(table(rounds_of(debate()) + rounds_of(debate("other")))).set_index("round")
    assert frame.loc[1, ["runs", "cells", "contested", "overridden"]].tolist() == [2, 6, 4, 4]
    assert frame.loc[1, "contested_share"] == pytest.approx(4 / 6) and frame.loc[1, "overridden_share"] == 1.0
    assert pd.isna(frame.loc[2, "overridden_share"]), (
        "of nothing contested nothing can be overridden: no share"
    )


def test_whose_solo_prevailed_is_counted_by_seat() -> None:
    rows = overrides_of(debate())
    assert [(r["round"], r["seat"], r["overridden"], r["contested"]) for r in rows] == [
        (1, "A", 2, 2),
        (1, "B", 0, 2),
        (2, "A", 0, 0),
        (2, "B", 0, 0),
    ]
    frame = overrides(table(rows), by=["seat"]).set_index("seat")
    assert frame["share"].to_dict() == {"A": 1.0, "B": 0.0}


def test_a_person_who_amends_what_was_agreed_does_not_override_the_contested() -> None:
    record = debate()
    amended = record.rounds[1].model_copy(update={"overridden": {"p0.r0": "B"}, "amended": True})
    record = record.model_copy(update={"rounds": [record.rounds[0], amended]})
    last = rounds_of(record)[1]
    assert (last["overridden"], last["overridden_contested"], last["amended"]) == (1, 0, True)
    assert contestation(table(rounds_of(record)), by=[*("run_id",)])["overridden_share"].tolist() == [1.0]
    assert [r["overridden_contested"] for r in overrides_of(record) if r["seat"] == "B"] == [0, 0]


def test_tags_are_counted_move_by_move_and_add_up_to_what_was_disputed() -> None:
    rows = tags_of(debate())
    told = [
        tuple(r[k] for k in ("seat", "disputed", "hold", "contest", "concede", "trade", "abstained"))
        for r in rows
    ]
    assert told == [
        ("A", 2, 2, 0, 0, 0, False),
        ("B", 2, 0, 1, 0, 1, False),
        ("A", 0, 0, 0, 0, 0, True),
        ("B", 2, 0, 0, 2, 0, False),
    ]
    frame = tagged(table(rows), by=["seat"]).set_index("seat")
    assert frame.loc["B", ["disputed", "contest_share", "concede_share", "trade_share"]].tolist() == [
        4,
        0.25,
        0.5,
        0.25,
    ]
    assert frame.loc["A", "hold_share"] == 1.0 and frame.loc["A", "abstained"] == 1
    second = tagged(table([r for r in rows if r["round"] == 2]), by=["seat"]).set_index("seat")
    assert pd.isna(second.loc["A", "hold_share"])


def test_groups_that_are_not_there_are_named_and_no_rows_are_a_table() -> None:
    with pytest.raises(ParleyError, match="no column condition"):
        contestation(table(rounds_of(debate())), by=["condition"])
    none = framed([])
    assert contestation(none.rounds).empty and "overridden_share" in contestation(none.rounds)
    assert tagged(none.tags).empty and overrides(none.overrides).empty


def test_a_played_debate_is_counted_as_its_record_has_it(tmp_path: Path) -> None:
    record = play(
        "generated:5,n=6,divisible=1",
        tmp_path,
        framework="rawlsian",
        opponent="biased-age",
        merge_rule="last-word-first",
    )
    kept = rows_of(record)
    for row, round_ in zip(kept.rounds, record.rounds, strict=True):
        assert row["contested"] == len(round_.contested) and row["overridden"] == len(round_.overridden)
        assert row["overridden"] == row["overridden_contested"], (
            "nobody amended: what is overridden was contested"
        )
        by_seat = {r["seat"]: r["overridden"] for r in kept.overrides if r["round"] == row["round"]}
        assert by_seat == {s: list(round_.overridden.values()).count(s) for s in "AB"}
    assert sum(r["overridden"] for r in kept.rounds) > 0, "who has the last word overrides"
    moves = [e for e in record.edges if e.source in ("propose", "critique")]
    assert [r["disputed"] for r in kept.tags] == [len(e.cells) for e in moves]
    assert all(r["disputed"] == r["hold"] + r["contest"] + r["concede"] + r["trade"] for r in kept.tags)


def test_an_invalid_run_has_no_rows_at_all() -> None:
    broken = debate().model_copy(update={"status": "invalid", "joint": None})
    kept = rows_of(broken)
    assert not any(getattr(kept, name) for name in kept.__dataclass_fields__)
