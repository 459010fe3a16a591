"""Do pictures of commons and games draw what the records say, and stand up where there is little to draw?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.dilemmas.frames import DilemmaFrames, framed, rows_of
from evals.findings.drawing import styled
from evals.findings.section import Section
from evals.report.pictures.dilemmas.contracts import clauses, contract
from evals.report.pictures.dilemmas.games import best_by_round, cells_played, of_games
from evals.report.pictures.dilemmas.gap import gaps
from evals.report.pictures.dilemmas.seasons import catch_spread, make_up_of_catches, stock_spread
from evals.report.pictures.dilemmas.steps import Steps, steps_of
from evals.report.pictures.ground import of_dilemmas, spread
from evals.report.source import Source
from nodes.commons.record import CommonsRecord
from nodes.dilemma.record import Bite
from tests.evals.dilemmas import game, season, written

Catches = Sequence[Sequence[int]]
MONTHS = 4
"""Of the seasons that tests make."""


def source(records: Sequence[Any], folder: Path | None = None, **more: Any) -> Source:
    """A source of these records, each of a world of its own; in `folder` they are written, where one is given."""
    kind = records[0].setting
    made = framed(kind, [rows_of(r) for r in records])
    runs = made.runs.assign(
        role="study", control="", policy="", condition=made.runs["regime"],
        cluster=[f"w{i}" for i in range(len(records))],
    ).assign(**{f"cell:{k}": v for k, v in more.items()})  # fmt: skip
    frames = DilemmaFrames(kind, runs, made.seats, made.steps, made.laws)
    files = [] if folder is None else [written(r, folder) for r in records]
    return Source("made", "?", kind, "world", "", [], files, frames)


def kept(records: Sequence[Any]) -> dict[str, Steps]:
    return dict(steps_of(r) for r in records)


def quiet(_: str) -> None:
    """What is worked out is not told."""


def drawn(sections: Sequence[Section]) -> list[str]:
    """Every figure, drawn; their names."""
    import io

    names = []
    with styled():
        for section in sections:
            for name, draw in section.figures.items():
                draw().savefig(io.StringIO(), format="svg")
                names.append(name)
    return names


def by_hand(rows: dict[str, list[float]]) -> tuple[float, float, float]:
    """Quartiles over worlds of each world's mean, by sorting and interpolating (Hyndman and Fan 1996, type 7)."""
    means = sorted(sum(v) / len(v) for v in rows.values())

    def at(q: float) -> float:
        place = q * (len(means) - 1)
        low = int(place)
        high = min(low + 1, len(means) - 1)
        return means[low] + (place - low) * (means[high] - means[low])

    return at(0.25), at(0.5), at(0.75)


a_season = st.lists(st.tuples(*[st.integers(0, 30)] * 3), min_size=1, max_size=MONTHS)


@settings(max_examples=10, deadline=None)
@given(st.lists(a_season, min_size=1, max_size=4))
def test_catches_by_month_are_those_of_the_records_and_zero_once_the_season_is_over(
    seasons: list[Any],
) -> None:
    records = [season(c, run_id=f"s{i}") for i, c in enumerate(seasons)]
    table = catch_spread(of_dilemmas(source(records)), kept(records))
    seats = {"selfish": ("a1", "a3"), "prosocial": ("a2",)}
    for kind, names in seats.items():
        for step in range(1, MONTHS + 1):
            told = {
                r.run_id: [float(r.months[step - 1].taken[n]) if step <= len(r.months) else 0.0 for n in names]
                for r in records
            }  # fmt: skip
            row = table[(table["type"] == kind) & (table["step"] == step)].iloc[0]
            assert (row["low"], row["median"], row["high"]) == pytest.approx(by_hand(told))
            assert row["clusters"] == len(records)


def test_the_stock_after_a_collapse_is_zero_and_not_missing() -> None:
    """One season of two emptied its pool in month 1: the median of month 3 lies between 0 and the other's stock."""
    emptied = season([(40, 30, 30)], run_id="emptied").model_copy(update={"collapsed": True})
    lasting = season([(5, 5, 5)] * MONTHS, run_id="lasting")
    table = stock_spread(of_dilemmas(source([emptied, lasting])))
    assert list(table["step"]) == [1, 2, 3, 4]
    third = table[table["step"] == 3].iloc[0]
    assert (third["median"], third["clusters"]) == (lasting.months[2].stock / 2, 2)


def test_quartiles_are_over_worlds_and_leave_out_what_is_missing() -> None:
    import pandas as pd

    rows = pd.DataFrame({"cluster": list("aabc"), "x": ["u"] * 4, "v": [0.0, 10.0, 7.0, np.nan]})
    (row,) = spread(rows, ["x"], "v").to_dict("records")
    assert (row["median"], row["clusters"]) == (6.0, 2)  # the middle of 5 and 7; world c has no value
    assert spread(rows.iloc[3:], ["x"], "v").empty


def with_bites(run_id: str, bites: Sequence[Sequence[tuple[int, str]]], **more: Any) -> CommonsRecord:
    """A season under one law from the first month, with bites (clause, seat) month by month."""
    made = season([(1, 1, 1)] * len(bites), run_id=run_id, **more)
    months = [
        m.model_copy(update={"law": 0, "bites": [Bite(clause=c, kind="fine", seat=s) for c, s in of]})
        for m, of in zip(made.months, bites, strict=True)
    ]
    return made.model_copy(update={"months": months})


some_bites = st.lists(
    st.lists(st.tuples(st.just(1), st.sampled_from(["a1", "a2", "a3"])), max_size=4), min_size=1, max_size=MONTHS
)  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(st.lists(some_bites, min_size=1, max_size=4))
def test_where_a_clause_bit_is_counted_as_the_records_say(seasons: list[Any]) -> None:
    records = [with_bites(f"s{i}", bites) for i, bites in enumerate(seasons)]
    table, by_step = clauses(of_dilemmas(source(records)), kept(records))
    (row,) = table.to_dict("records")
    months = [(m.month, [b.seat for b in m.bites]) for r in records for m in r.months]
    assert (row["law"], row["kind"], row["words"]) == ("A", "fine", "1. Fine: 2.0.")
    assert row["steps"] == len(months)
    assert row["bites"] == sum(len(seats) for _, seats in months)
    assert row["bitten_steps"] == sum(bool(seats) for _, seats in months)
    assert row["selfish"] == sum(len(set(seats) & {"a1", "a3"}) for _, seats in months)
    assert row["prosocial_of"] == len(months)
    for step in by_step.to_dict("records"):
        here = [seats for month, seats in months if month == step["step"]]
        assert (step["in_force"], step["bitten"]) == (len(here), sum(bool(seats) for seats in here))


def test_the_clause_and_its_months_stand_in_the_text() -> None:
    records = [with_bites("one", [[], [(1, "a1")], [(1, "a1"), (1, "a2")], []])]
    section = contract(of_dilemmas(source(records)), kept(records))
    (row,) = section.shown[0].rows
    assert row == ["A1", "1. Fine: 2.0.", "enforced", "1", "2 of 4", "2 of 8", "1 of 4", "2–3"]
    assert "A1 (fine, `enforced`): in 2 of 4 months" in section.says[1]


def test_a_law_that_never_bit_and_no_law_at_all_are_told_as_such() -> None:
    never = [with_bites("one", [[], []])]
    section = contract(of_dilemmas(source(never)), kept(never))
    assert section.shown[0].rows[0][-1] == "never"
    assert not section.figures
    months = [m.model_copy(update={"law": None, "bites": []}) for m in season().months]
    without = [season().model_copy(update={"laws": [], "months": months})]
    section = contract(of_dilemmas(source(without)), kept(without))
    assert section.says == ["No law was in force in any run."]


def test_the_gap_is_the_planner_less_the_best_law_over_worlds() -> None:
    records = []
    for i, (law, planner) in enumerate([(80.0, 100.0), (90.0, 90.0)]):
        here = {"no_law_here": 10.0, "best_law_here": law, "planner_here": planner}
        records.append(season(run_id=f"s{i}", prosocial=(False,) * 3).model_copy(update={"benchmarks": here}))
    (row,) = gaps(of_dilemmas(source(records)), "dynamics", 0).to_dict("records")
    assert (row["none"], row["best_law"], row["optimum"], row["lost"]) == (10.0, 85.0, 95.0, 10.0)
    assert row["share"] == pytest.approx(10 / 95)
    net = [sum(r.payoffs.net.values()) for r in records if r.payoffs]
    assert row["reached:enforced"] == pytest.approx(sum(net) / 2)


@pytest.mark.parametrize("emptied", [False, True], ids=["one run", "all collapsed"])
def test_a_study_of_almost_nothing_is_drawn(tmp_path: Path, emptied: bool) -> None:
    from evals.report.pictures.dilemmas.commons import of_commons

    records = [season([(40, 30, 30)], run_id="a").model_copy(update={"collapsed": emptied})]
    names = drawn(of_commons(source(records, tmp_path), quiet))
    assert {"stock_by_regime", "catches_by_type", "bites", "welfare_gap"} <= set(names)
    invalid = [season(run_id="b", status="invalid")]
    assert of_commons(source(invalid, tmp_path), quiet) == []


def test_catches_are_drawn_where_both_types_sit() -> None:
    make_ups = [(False,) * 3, (True, False, False), (True,) * 3]
    records = [season(run_id=f"s{i}", prosocial=p) for i, p in enumerate(make_ups)]
    assert make_up_of_catches(of_dilemmas(source(records, prosocial=[0, 1, 3]))) == 1
    assert make_up_of_catches(of_dilemmas(source(records[:1]))) == 0


MOVES = st.tuples(st.sampled_from("CD"), st.sampled_from("CD"))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(MOVES, min_size=1, max_size=3), min_size=1, max_size=4))
def test_rounds_and_cells_are_those_of_the_records(games: list[Any]) -> None:
    records = [game(cells, run_id=f"g{i}") for i, cells in enumerate(games)]
    g = of_dilemmas(source(records))
    for row in best_by_round(g).to_dict("records"):
        here = [cells[row["round"] - 1] for cells in games if len(cells) >= row["round"]]
        assert row["runs"] == len(here)
        assert row["share"] == pytest.approx(here.count(("C", "C")) / len(here))
    flat = [cell for cells in games for cell in cells]
    words = {"C": "cooperate", "D": "defect"}
    found = {r["cell"]: r["share"] for r in cells_played(g).to_dict("records")}
    assert found == pytest.approx(
        {"/".join(words[m] for m in cell): flat.count(cell) / len(flat) for cell in set(flat)}
    )


def test_games_are_drawn_with_their_loss_along_concern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one round there is no course of rounds, and the page says where that share stands."""
    monkeypatch.setattr("evals.welfare_gap.curves.POINTS", 3)
    sections = of_games(source([game([("D", "D")], run_id="g")], tmp_path), quiet)
    assert set(drawn(sections)) == {
        "cells_played",
        "payoff_spread",
        "welfare_gap",
        "gap_by_concern",
        "gap_by_language",
    }
    assert "one round" in sections[0].says[1]
    (gap,) = [s for s in sections if s.title.startswith("The welfare gap")]
    curve = gap.tables["gap_by_concern"]
    assert curve.loc[curve["x"].idxmin(), "no contract"] == 4.0  # mutual defection pays 2, cooperation 6
    assert curve["best contract"].max() == pytest.approx(0.0, abs=1e-6)


def test_payoffs_that_the_findings_draw_are_not_drawn_again() -> None:
    from dataclasses import replace

    from evals.report.pictures.dilemmas.paid import payoffs

    made = source([season()])
    g = of_dilemmas(made)
    (section,) = payoffs(g, made)
    table = section.tables["payoff_spread"].set_index("type")["median"]
    assert (table["selfish"], table["prosocial"]) == (28.5, 31.0)  # a1: 30 − 3, a3: 30; a2: 30 + 1
    there = Section("Who gains", [], figures={"payoffs_by_type": lambda: None})  # type: ignore[dict-item, return-value]
    assert payoffs(g, replace(made, sections=[there])) == []
