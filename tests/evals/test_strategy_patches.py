"""Corrective patches: cells won back for a group, told from what the merge gives back, and from a conversion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evals.strategy import framed, patched, patches_of, rows_of
from evals.strategy.patches import PATCH_COLUMNS
from nodes.record import RunRecord
from personas.load import load
from scenarios.measures import need_satisfaction
from tests.evals.strategy_runs import Cells, beds, cares_for, run_of
from tests.nodes.strategies_wards import ward_of
from tests.play import play

SEXES = ["male", "male", "female", "female"]
WARD = beds(4, 2.0, sex=SEXES)
BIASED = cares_for("biased", {"survival": 1}, favours={"sex": ["male"]})
PEOPLE = {"A": "rawlsian", "B": BIASED}

FAIR = [[0.5], [0.5], [0.6], [0.4]]
UNFAIR = [[1.0], [1.0], [0.0], [0.0]]
"""B shuts the women out: .6 and .4 of a bed withheld."""


def debate(
    joint: Cells, exit_: Cells | None = UNFAIR, *, biased: Cells = UNFAIR, **more: object
) -> RunRecord:
    told: dict[str, object] = {"no_debate": [[0.75], [0.75], [0.3], [0.2]], "personas": PEOPLE, **more}
    return run_of(WARD, {"A": FAIR, "B": biased}, joint=joint, exits={"A": FAIR, "B": exit_}, **told)  # type: ignore[arg-type]


def row_of(record: RunRecord) -> dict[str, object]:
    (row,) = patches_of(record)
    assert tuple(row) == PATCH_COLUMNS
    return row


def test_patches_are_counted_and_what_they_restore_is_worked_out_on_paper() -> None:
    row = row_of(debate([[0.8], [0.5], [0.6], [0.1]]))
    assert (row["attribute"], row["group"], row["biased"], row["other"]) == ("sex", "female", "B", "A")
    assert (row["patients"], row["shut_out"], row["cells"], row["cells_joint"]) == (2, True, 2, 2)
    assert row["withheld"] == pytest.approx(1.0)
    assert row["restored_joint"] == pytest.approx(0.7)
    assert row["restored_no_debate"] == pytest.approx(0.5)
    assert row["restored_added"] == pytest.approx(0.2), (
        "what debate added to what the merge gives back anyway"
    )
    assert (row["h_biased"], row["h_other"], row["h_joint"]) == pytest.approx((0.0, 0.5, 0.35))


def test_what_debate_wins_and_loses_over_the_merge_is_told_cell_by_cell() -> None:
    row = row_of(debate([[1.0], [0.6], [0.4], [0.0]], no_debate=[[1.0], [0.8], [0.0], [0.2]]))
    assert (row["cells_joint"], row["cells_no_debate"]) == (1, 1)
    assert (row["cells_added"], row["cells_lost"]) == (1, 1)


def test_more_than_was_withheld_restores_no_more_than_all_and_less_still_counts_against() -> None:
    assert row_of(debate([[0.0], [0.0], [1.0], [1.0]]))["restored_joint"] == pytest.approx(1.0)
    half = [[1.0], [0.5], [0.3], [0.2]]
    worse = row_of(debate(UNFAIR, biased=half))
    assert worse["withheld"] == pytest.approx(0.5) and worse["cells_joint"] == 0
    assert worse["restored_joint"] == pytest.approx(-1.0)
    assert worse["shut_out"] is False


def test_a_patch_without_conversion_is_told_from_a_seat_that_was_converted() -> None:
    held = row_of(debate(FAIR))
    assert (held["cells_joint"], held["cells_exit"], held["cells_unconverted"], held["converted"]) == (
        2,
        0,
        2,
        False,
    )
    won = row_of(debate(FAIR, [[0.5], [1.0], [0.5], [0.0]]))
    assert (won["cells_exit"], won["cells_unconverted"]) == (1, 1)
    assert won["restored_exit"] == pytest.approx(0.5) and won["converted"] is True
    unasked = row_of(debate(FAIR, None))
    assert unasked["restored_exit"] is None and unasked["converted"] is None and unasked["cells_exit"] is None
    assert (unasked["cells_unconverted"], unasked["cells_exit_known"]) == (0, 0)


def test_without_both_solos_nothing_can_be_withheld_and_the_row_says_missing() -> None:
    record = run_of(
        WARD, {"A": None, "B": UNFAIR}, [[("A", FAIR), ("B", UNFAIR)]], joint=FAIR, personas=PEOPLE
    )
    row = row_of(record)
    assert row["cells"] is None and row["shut_out"] is None and row["restored_joint"] is None
    assert row["h_biased"] == 0.0 and row["patients"] == 2


def test_a_group_from_which_nothing_is_withheld_has_no_shares() -> None:
    row = row_of(debate(FAIR, biased=FAIR))
    assert (row["cells"], row["withheld"], row["cells_joint"]) == (0, 0.0, 0)
    assert row["restored_joint"] is None and row["converted"] is None


def test_patients_who_demand_nothing_are_in_no_group() -> None:
    ward = ward_of([[1.0], [1.0], [1.0], [0.0]], [2.0], False, sex=["male", "male", "female", "female"])
    unfair, fair = [[1.0], [1.0], [0.0], [0.0]], [[0.5], [0.5], [1.0], [0.0]]
    row = row_of(run_of(ward, {"A": fair, "B": unfair}, joint=fair, personas=PEOPLE))
    assert (row["patients"], row["h_joint"], row["shut_out"], row["cells"]) == (1, 1.0, True, 1)
    nobody = ward_of([[1.0], [1.0], [0.0], [0.0]], [2.0], False, sex=SEXES)
    assert patches_of(run_of(nobody, {"A": unfair, "B": unfair}, joint=unfair, personas=PEOPLE)) == []


def test_runs_without_a_biased_seat_have_no_rows_and_a_strength_of_zero_keeps_its_own() -> None:
    assert patches_of(debate(FAIR, personas={"A": "rawlsian", "B": "plain"})) == []
    assert patches_of(debate(FAIR).model_copy(update={"status": "invalid"})) == []
    weak = BIASED.model_copy(update={"strength": 0.0})
    assert len(patches_of(debate(FAIR, personas={"A": "rawlsian", "B": weak}))) == 1


def test_a_biased_proposer_is_measured_against_the_critic_and_every_other_group_has_a_row() -> None:
    ward = beds(4, 2.0, attributes=[{"ethnicity": e} for e in ("x", "y", "z", "x")])
    biased = cares_for("biased", {"survival": 1}, favours={"ethnicity": ["x"]})
    record = run_of(ward, {"A": UNFAIR, "B": FAIR}, joint=FAIR, personas={"A": biased, "B": "plain"})
    rows = patches_of(record)
    assert [(r["group"], r["biased"], r["other"]) for r in rows] == [("y", "A", "B"), ("z", "A", "B")]
    assert [r["cells"] for r in rows] == [0, 1]


def test_pooled_counts_stand_for_all_and_for_those_strictly_shut_out() -> None:
    half = [[1.0], [0.5], [0.3], [0.2]]
    records = [
        debate([[0.8], [0.5], [0.6], [0.1]], run_id="one"),
        debate(FAIR, FAIR, biased=half, run_id="two"),
        debate(FAIR, biased=FAIR, run_id="none withheld"),
    ]
    frame = patched(framed([rows_of(r) for r in records]).patches).set_index("which")
    every, strict = frame.loc["withheld"], frame.loc["shut_out"]
    assert every[["runs", "groups", "cells", "cells_joint", "exits", "converted"]].tolist() == [
        2,
        2,
        4,
        4,
        2,
        1,
    ]
    assert strict[["runs", "groups", "cells", "converted"]].tolist() == [1, 1, 2, 0]
    assert every["withheld"] == pytest.approx(1.5)
    assert every["restored_joint"] == pytest.approx((0.7 * 1.0 + 1.0 * 0.5) / 1.5)
    assert strict["restored_joint"] == pytest.approx(0.7) and strict["patched_share"] == 1.0
    by_run = patched(framed([rows_of(r) for r in records]).patches, by=["run_id"])
    assert by_run[by_run["which"] == "withheld"]["run_id"].tolist() == ["one", "two"]


def test_an_unknown_exit_solo_is_left_out_of_the_share_and_not_made_zero() -> None:
    records = [debate(FAIR, FAIR, run_id="asked"), debate(FAIR, None, run_id="silent")]
    frame = patched(framed([rows_of(r) for r in records]).patches)
    every = frame[frame["which"] == "withheld"].iloc[0]
    assert (every["exits"], every["groups"], every["restored_exit"]) == (1, 2, pytest.approx(1.0))


def test_nothing_withheld_is_a_table_without_rows() -> None:
    empty = patched(framed([]).patches)
    assert empty.empty and {"which", "cells", "restored_added", "patched_share"} <= set(empty.columns)
    same = patched(framed([rows_of(debate(FAIR, biased=FAIR))]).patches)
    assert same.empty


@pytest.mark.parametrize("blind", [(), ("age_group",)])
def test_a_played_debate_is_told_as_a_loop_over_its_cells_tells_it(
    tmp_path: Path, blind: tuple[str, ...]
) -> None:
    record = play(
        "generated:4,n=8,divisible=1", tmp_path, framework="egalitarian", opponent="biased-age", blind=blind
    )
    ward, (row,) = record.scenario, patches_of(record)
    a, favours = ward.arrays, load("biased-age").favours["age_group"]
    solo_a, solo_b = (ward.array(record.solo[s].move.allocation) for s in "AB")
    joint = ward.array(record.joint)
    cells, back, withheld, restored = 0, 0, 0.0, 0.0
    for i, patient in enumerate(ward.patients):
        for k in range(len(ward.resources)):
            demand = a.demand[i, k]
            if patient.group("age_group") in favours or demand <= 0:
                continue
            if solo_a[i, k] - solo_b[i, k] > max(1e-3 * demand, 1e-6):
                cells += 1
                back += joint[i, k] - solo_b[i, k] > max(1e-3 * demand, 1e-6)
                withheld += (solo_a[i, k] - solo_b[i, k]) / demand
                restored += min(joint[i, k], solo_a[i, k]) / demand - solo_b[i, k] / demand
    assert (row["cells"], row["cells_joint"]) == (cells, back)
    assert row["withheld"] == pytest.approx(withheld, abs=1e-9)
    if blind:
        return
    assert cells > 0 and row["restored_joint"] == pytest.approx(restored / withheld)
    old = [i for i, p in enumerate(ward.patients) if p.group("age_group") not in favours]
    assert row["h_joint"] == pytest.approx(np.mean(need_satisfaction(joint, a.demand)[old]))
    assert row["cells_exit"] == 0 and row["converted"] is False, (
        "a bargainer that cannot be persuaded is not converted"
    )
    assert isinstance(patched(pd.DataFrame([row])), pd.DataFrame)
