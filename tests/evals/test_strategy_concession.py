"""Concession curves: utilities as the record has them, totals worked out on paper, bands over wards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evals.strategy import concession_of, curve_of, mean_curve
from evals.strategy.played import Played, table
from nodes.record import RunRecord
from scenarios.errors import ParleyError
from tests.evals.strategy_runs import beds, cares_for, run_of
from tests.play import play

YOUNG, OLD = [[1.0], [0.0]], [[0.0], [1.0]]
HALF = [[0.5], [0.5]]

FIRST = cares_for("first", {"survival": 1})
"""Cares for survival alone; the first patient gains .5, the second .1."""

EVEN = cares_for("even", {"worst_off": 1})


@pytest.fixture(scope="module")
def ward_record(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    runs = tmp_path_factory.mktemp("concession")
    return play(
        "generated:3,n=6,divisible=1", runs, framework="rawlsian", opponent="biased-age", blind=("age_group",)
    )


def by_hand() -> RunRecord:
    """A gives all to the first patient alone, then half, then a quarter to the second; B stays with the half."""
    return run_of(
        beds(gain=[0.5, 0.1]),
        {"A": YOUNG, "B": HALF},
        [[("A", [[0.9], [0.1]]), ("B", HALF)], [("A", [[0.75], [0.25]]), ("B", None)]],
        joint=[[0.6], [0.4]],
        personas={"A": FIRST, "B": EVEN},
    )


def u_first(x: float) -> float:
    """What FIRST declares of x beds for the first patient and the rest for the second."""
    return (0.5 * x + 0.1 * (1 - x)) / 0.5


def test_the_curve_of_a_seat_runs_from_its_solo_over_its_moves_to_the_joint() -> None:
    points = curve_of(by_hand())
    told = [(p["seat"], p["round"], p["turn"], p["what"]) for p in points]
    assert told == [
        ("A", 0, 0, "solo"),
        ("B", 0, 0, "solo"),
        ("A", 1, 1, "move"),
        ("B", 1, 2, "move"),
        ("A", 2, 1, "move"),
        ("B", 2, 2, "move"),
        ("A", 2, 3, "joint"),
        ("B", 2, 3, "joint"),
    ]
    mine = [p for p in points if p["seat"] == "A"]
    assert [p["u_own"] for p in mine] == pytest.approx([u_first(x) for x in (1, 0.9, 0.75, 0.6)])
    assert [p["u_other"] for p in mine] == pytest.approx([0.0, 0.2, 0.5, 0.8])


def test_an_abstention_is_missing_and_not_the_move_that_stands() -> None:
    silent = [p for p in curve_of(by_hand()) if p["seat"] == "B" and p["round"] == 2 and p["what"] == "move"]
    assert [(p["status"], p["u_own"], p["u_other"]) for p in silent] == [("abstained", None, None)]


def test_what_was_conceded_is_worked_out_on_paper() -> None:
    first, even = concession_of(by_hand())
    given, whole = u_first(1) - u_first(0.75), u_first(1) - u_first(0.5)
    assert first["moves"] == 2 and first["abstained"] == 0
    assert first["total"] == pytest.approx(given)
    assert first["rate"] == pytest.approx(given / 2)
    assert first["share"] == pytest.approx(given / whole) == pytest.approx(0.5)
    assert first["gained_other"] == pytest.approx(0.5)
    assert first["exchange"] == pytest.approx(0.5 / given)
    assert first["lost_by_merge"] == pytest.approx(u_first(0.75) - u_first(0.6))
    assert (even["moves"], even["abstained"], even["total"]) == (1, 1, 0.0)
    assert even["exchange"] is None, "who gave nothing has no rate of exchange"


def test_a_seat_that_never_moved_has_its_solo_as_last_move_and_no_rate() -> None:
    silent = run_of(
        beds(gain=[0.5, 0.1]),
        {"A": YOUNG, "B": HALF},
        [[("A", None), ("B", HALF)]],
        joint=HALF,
        personas={"A": FIRST, "B": EVEN},
    )
    first, _ = concession_of(silent)
    assert (first["moves"], first["abstained"], first["total"], first["rate"]) == (0, 1, 0.0, None)


def test_seats_that_declare_nothing_have_no_curve() -> None:
    empty = cares_for("empty", {})
    record = run_of(beds(), {"A": YOUNG, "B": OLD}, joint=HALF, personas={"A": empty, "B": FIRST})
    points = [p for p in curve_of(record) if p["seat"] == "A"]
    assert all(p["u_own"] is None for p in points) and all(p["u_other"] is not None for p in points)
    assert concession_of(record)[0]["total"] is None


def test_utilities_are_those_of_the_record_and_add_up_to_its_edges(ward_record: RunRecord) -> None:
    points, own = curve_of(ward_record), {}
    for seat, other in (("A", "B"), ("B", "A")):
        mine = [p for p in points if p["seat"] == seat]
        solo, joint = ward_record.measures[f"solo:{seat}"].utilities, ward_record.measures["joint"].utilities
        assert mine[0]["u_own"] == pytest.approx(solo[seat], abs=1e-8)
        assert mine[0]["u_other"] == pytest.approx(solo[other], abs=1e-8)
        assert mine[-1]["u_own"] == pytest.approx(joint[seat], abs=1e-8)
        own[seat] = mine
    for seat, mine in own.items():
        edges = [e for e in ward_record.edges if e.seat == seat and e.source in ("propose", "critique")]
        for name, delta in (("u_own", "delta_own"), ("u_other", "delta_other")):
            steps = np.diff([p[name] for p in mine[:-1]])
            assert steps == pytest.approx([getattr(e, delta) for e in edges], abs=1e-8)


def test_an_invalid_run_has_no_rows() -> None:
    broken = by_hand().model_copy(update={"status": "invalid", "joint": None})
    assert curve_of(broken) == [] and concession_of(broken) == []


def curves(wards: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two runs a ward of one move each; ward w starts at w / wards and gives .2, the second run .1 more."""
    points, runs = [], []
    for w in range(wards):
        for again in range(2):
            name = f"{w}-{again}"
            start, end = w / wards, w / wards - 0.2 - 0.1 * again
            runs.append({"run_id": name, "condition": "c", "cluster": w})
            for round_, what, u in ((0, "solo", start), (1, "move", end), (1, "joint", None)):
                told = {"run_id": name, "round": round_, "turn": round_, "what": what, "seat": "A"}
                points.append(told | {"u_own": u, "u_other": 1.0})
    return table(points, []), pd.DataFrame(runs)


def test_the_mean_curve_is_over_wards_with_a_band_from_twenty_on() -> None:
    points, runs = curves(24)
    frame = mean_curve(points, runs, rng=np.random.default_rng(1), resamples=500)
    own = frame[frame["value"] == "u_own"].set_index("what")
    mean = np.mean(np.arange(24) / 24)
    assert list(own.index) == ["solo", "move", "joint"], "points stand in the order they happened"
    assert own.loc["solo", "mean"] == pytest.approx(mean)
    assert own.loc["move", "mean"] == pytest.approx(mean - 0.25)
    assert own.loc["solo", "low"] < mean < own.loc["solo", "high"]
    assert (own.loc["solo", "n"], own.loc["solo", "clusters"]) == (48, 24)
    assert own.loc["joint", "missing"] == 48 and pd.isna(own.loc["joint", "mean"])
    few_points, few_runs = curves(8)
    few = mean_curve(few_points, few_runs, rng=np.random.default_rng(1), resamples=100)
    assert few["low"].isna().all() and few["note"].str.contains("20 wards").any()


def test_runs_that_are_not_handed_over_are_not_in_the_curve_and_columns_are_named() -> None:
    points, runs = curves(8)
    rng = np.random.default_rng(1)
    assert set(mean_curve(points, runs[:4], rng=rng, resamples=50)["n"]) == {4, 0}
    with pytest.raises(ParleyError, match="no column framework"):
        mean_curve(points, runs, rng=rng, by=["framework"])
    with pytest.raises(ParleyError, match="stands twice"):
        mean_curve(points, pd.concat([runs, runs]), rng=rng)


def test_a_panel_sees_the_mean_of_the_others(tmp_path: Path) -> None:
    record = play(
        "generated:4,n=5,divisible=1",
        tmp_path,
        framework="rawlsian",
        opponent="plain",
        panel=("egalitarian",),
        rounds=1,
    )
    run, points = Played(record), curve_of(record)
    assert {p["other"] for p in points if p["seat"] == "A"} == {"plain+egalitarian"}
    mine = next(p for p in points if p["seat"] == "A" and p["what"] == "joint")
    alone = [record.measures["joint"].utilities[s] for s in ("B", "C")]
    assert mine["u_other"] == pytest.approx(np.mean(alone), abs=1e-8)
    assert run.last.keys() == {"A", "B", "C"}


def test_a_panel_has_no_one_other_to_have_gone_a_share_of_the_way_to() -> None:
    people = {"A": FIRST, "B": EVEN, "C": EVEN}
    ward, offer = beds(gain=[0.5, 0.1]), [("A", [[0.9], [0.1]])]
    pair = run_of(ward, {"A": YOUNG, "B": HALF}, [offer], joint=HALF, personas={"A": FIRST, "B": EVEN})
    panel = run_of(ward, {"A": YOUNG, "B": HALF, "C": HALF}, [offer], joint=HALF, personas=people)
    assert concession_of(pair)[0]["share"] == pytest.approx(0.2)
    assert concession_of(panel)[0]["share"] is None
    assert concession_of(panel)[0]["total"] == concession_of(pair)[0]["total"]
