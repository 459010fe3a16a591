"""Twins tell what a label does: by hand on small tables, by brute force on random ones, and on played debates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.fairness.twins import goods, goods_of, shifts, twin_effects, with_goods
from evals.frames import Frames, framed, rows_of
from evals.records import paths
from nodes.record import RunRecord
from scenarios.errors import ParleyError
from scenarios.load import load
from tests.nodes.strategies_wards import ward_of
from tests.play import play


def run(name: str, role: str, twin: str = "", **more: Any) -> dict[str, Any]:
    base = {"run_id": name, "role": role, "twin": twin, "condition": "c", "cluster": "w", "seed": 1}
    return (
        base | {"replicate": 1 if role == "rerun" else 0, "goods": "divisible", "status": "complete"} | more
    )


def people(name: str, h: list[float], sex: str, **more: Any) -> list[dict[str, Any]]:
    rows = [
        {"run_id": name, "patient": f"p{i}", "is:sex": sex[i], "h:joint": v, "h:solo:A": v}
        for i, v in enumerate(h)
    ]
    return [row | more for row in rows]


def table(runs: list[dict[str, Any]], patients: list[list[dict[str, Any]]]) -> Frames:
    return Frames(pd.DataFrame(runs), pd.DataFrame(), pd.DataFrame([p for rows in patients for p in rows]))


def joint(frames: Frames) -> dict[str, Any]:
    found = twin_effects(frames, ("joint",))
    assert len(found) == 1
    return dict(found.iloc[0])


def test_the_movement_of_those_relabelled_less_that_of_the_same_rerun() -> None:
    frames = table(
        [run("b", "study"), run("t", "twin", "sex@1"), run("r", "rerun")],
        [
            people("b", [0.2, 0.5, 1.0], "fmf"),
            people("t", [0.6, 0.2, 0.0], "mff"),  # p0 and p1 relabelled, p2 not
            people("r", [0.3, 0.5, 0.0], "fmf"),
        ],
    )
    row = joint(frames)
    assert row["change"] == pytest.approx((0.4 + 0.3) / 2)
    assert row["rerun"] == pytest.approx((0.1 + 0.0) / 2)
    assert row["excess"] == pytest.approx(0.3)
    assert (row["changed"], row["permutations"], row["relabellings"], row["reruns"]) == (2, 1, 1, 1)
    assert row["note"] == "1 permutations, fewer than 20"


def test_of_whole_goods_it_is_the_share_that_flips_and_a_half_is_no_flip() -> None:
    runs = [run("b", "study"), run("t", "twin", "sex@1"), run("r", "rerun")]
    patients = [
        people("b", [0.0, 1.0, 0.5, 1.0], "fmfm"),
        people("t", [1.0, 1.0, 1.0, 0.0], "mfmf"),
        people("r", [0.0, 1.0, 0.5, 0.0], "fmfm"),
    ]
    whole = table([r | {"goods": "whole"} for r in runs], patients)
    assert (joint(whole)["change"], joint(whole)["rerun"], joint(whole)["excess"]) == (0.5, 0.25, 0.25)
    mixed = table([r | {"goods": "mixed"} for r in runs], patients)
    assert joint(mixed)["change"] == pytest.approx((1 + 0 + 0.5 + 1) / 4)


def test_where_nothing_was_rerun_noise_is_unknown_and_not_zero() -> None:
    frames = table(
        [run("b", "study"), run("t", "twin", "sex@1")], [people("b", [0, 1], "fm"), people("t", [1, 0], "mf")]
    )
    row = joint(frames)
    assert row["change"] == 1 and math.isnan(row["rerun"]) and math.isnan(row["excess"])
    assert "nothing rerun" in row["note"]


def test_a_further_replicate_of_the_study_is_an_identical_rerun() -> None:
    frames = table(
        [run("b", "study"), run("b2", "study", replicate=1), run("t", "twin", "sex@1")],
        [people("b", [0, 1], "fm"), people("b2", [0.25, 1], "fm"), people("t", [1, 0], "mf")],
    )
    assert (joint(frames)["reruns"], joint(frames)["rerun"]) == (1, 0.125)


def test_a_twin_stands_beside_the_study_run_of_its_own_replicate() -> None:
    frames = table(
        [run("b", "study"), run("b2", "study", replicate=1), run("t", "twin", "sex@1", replicate=1)],
        [people("b", [0, 1], "fm"), people("b2", [0.25, 1], "fm"), people("t", [1, 1], "mf")],
    )
    assert joint(frames)["change"] == pytest.approx(0.75 / 2)


def test_missing_runs_are_counted_and_never_filled_in() -> None:
    runs = [
        run("b", "study"),
        run("t1", "twin", "sex@1"),
        run("t2", "twin", "sex@2", status="invalid"),
        run("lost", "twin", "sex@1", seed=2),
        run("r", "rerun"),
    ]
    nowhere = people("lost", [0, 1], "mf")
    frames = table(
        runs, [people("b", [0, 1], "fm"), people("t1", [1, 1], "mf"), people("r", [0, 1], "fm"), nowhere]
    )
    row = joint(frames)
    assert (row["change"], row["missing"], row["permutations"]) == (0.5, 2, 1)
    assert "2 twin runs missing" in row["note"]


def test_a_stage_that_a_run_lacks_is_missing_there_alone() -> None:
    frames = table(
        [run("b", "study"), run("t", "twin", "sex@1"), run("r", "rerun")],
        [
            people("b", [0, 1], "fm", **{"h:no_debate": np.nan}),
            people("t", [1, 1], "mf", **{"h:no_debate": 0.5}),
            people("r", [0, 1], "fm", **{"h:no_debate": 0.5}),
        ],
    )
    found = twin_effects(frames).set_index("stage")
    assert list(found.index) == ["solo:A", "no_debate", "joint"]
    assert found.loc["joint", "change"] == 0.5 and found.loc["joint", "missing"] == 0
    assert math.isnan(found.loc["no_debate", "change"]) and found.loc["no_debate", "missing"] == 1
    assert "nothing to compare" in found.loc["no_debate", "note"]


def test_twins_alike_are_counted_as_one_relabelling() -> None:
    names = [f"t{k}" for k in range(20)]
    frames = table(
        [run("b", "study"), run("r", "rerun"), *(run(n, "twin", f"sex@{n}") for n in names)],
        [people("b", [0, 1], "fm"), people("r", [0, 1], "fm"), *(people(n, [0, 1], "mf") for n in names)],
    )
    row = joint(frames)
    assert (row["permutations"], row["relabellings"], row["excess"]) == (20, 1, 0)
    assert row["note"] == "1 different relabellings"


def test_what_a_label_is_worth_has_a_sign() -> None:
    frames = table(
        [run("b", "study"), run("t", "twin", "sex@1"), run("u", "twin", "sex@2")],
        [
            people("b", [0.2, 0.8, 0.5], "fmf"),
            people("t", [0.9, 0.1, 0.5], "mff"),
            people("u", [0.2, 0.2, 0.9], "ffm"),
        ],
    )
    found = shifts(frames, ("joint",)).set_index(["group", "to"])
    assert found.loc[("f", "m"), "shift"] == pytest.approx((0.7 + 0.4) / 2)
    assert found.loc[("m", "f"), "shift"] == pytest.approx((-0.7 - 0.6) / 2)
    assert found.loc[("any", "m"), "shift"] == found.loc[("f", "m"), "shift"]
    assert found.loc[("any", "f"), "changed"] == 2


def test_of_two_attributes_at_once_no_single_label_is_to_blame() -> None:
    base = people("b", [0.2, 0.8], "fm", **{"is:insurance": "none"})
    moved = people("t", [0.3, 0.8], "mm", **{"is:insurance": "none"})
    frames = table([run("b", "study"), run("t", "twin", "insurance+sex@1")], [base, moved])
    assert joint(frames)["change"] == pytest.approx(0.1) and joint(frames)["changed"] == 1
    assert shifts(frames).empty


def test_a_study_without_twins_has_empty_tables() -> None:
    frames = table([run("b", "study")], [people("b", [0, 1], "fm")])
    assert twin_effects(frames).empty and shifts(frames).empty
    invalid = table([run("b", "study"), run("t", "twin", "sex@1")], [])
    assert (joint(invalid)["missing"], joint(invalid)["permutations"]) == (1, 0) and shifts(invalid).empty


def test_frames_without_the_columns_of_an_experiment_are_refused() -> None:
    frames = table([run("b", "study")], [people("b", [0, 1], "fm")])
    with pytest.raises(ParleyError, match="no column 'goods'.*with_goods"):
        twin_effects(Frames(frames.runs.drop(columns="goods"), frames.stages, frames.patients))


@st.composite
def studies(draw: st.DrawFn) -> Frames:
    n, kind = draw(st.integers(2, 5)), draw(st.sampled_from(["whole", "divisible", "mixed"]))
    share = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])

    def h() -> list[float]:
        return draw(st.lists(share, min_size=n, max_size=n))

    sex = "fm" + "".join(draw(st.lists(st.sampled_from("fm"), min_size=n - 2, max_size=n - 2)))
    runs, patients = [run("b", "study", goods=kind)], [people("b", h(), sex)]
    for k in range(draw(st.integers(1, 4))):
        runs.append(run(f"t{k}", "twin", f"sex@{k}", goods=kind))
        patients.append(people(f"t{k}", h(), "".join(draw(st.permutations(sex)))))
    for k in range(draw(st.integers(0, 2))):
        runs.append(run(f"r{k}", "rerun", replicate=k + 1, goods=kind))
        patients.append(people(f"r{k}", h(), sex))
    return table(runs, patients)


@settings(max_examples=20, deadline=None)
@given(studies())
def test_it_is_what_counting_patient_by_patient_gives(frames: Frames) -> None:
    row = joint(frames)
    whole = frames.runs["goods"].iloc[0] == "whole"
    at = {r: p.set_index("patient") for r, p in frames.patients.groupby("run_id")}

    def moved(of: str, patient: str) -> float:
        by = abs(at[of].loc[patient, "h:joint"] - at["b"].loc[patient, "h:joint"])
        return float(by > 0.5) if whole else by

    changes, noises = [], []
    reruns = [r for r in at if r.startswith("r")]
    for twin in (r for r in at if r.startswith("t")):
        for patient, label in at[twin]["is:sex"].items():
            if label != at["b"].loc[patient, "is:sex"]:
                changes.append(moved(twin, str(patient)))
                noises.append(np.mean([moved(r, str(patient)) for r in reruns]) if reruns else np.nan)
    assert row["changed"] == len(changes)
    if changes:
        assert row["change"] == pytest.approx(np.mean(changes)) and 0 <= row["change"] <= 1
        assert row["rerun"] == pytest.approx(np.mean(noises), nan_ok=True)
        assert row["excess"] == pytest.approx(np.mean(changes) - np.mean(noises), nan_ok=True)
    else:
        assert math.isnan(row["change"])


@settings(max_examples=12, deadline=None)
@given(studies())
def test_runs_in_another_order_and_shifts_agree(frames: Frames) -> None:
    turned = Frames(frames.runs[::-1], frames.stages, frames.patients.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(twin_effects(frames), twin_effects(turned))
    found = shifts(frames, ("joint",))
    one_by_one = found[found["group"] != "any"]
    assert one_by_one["changed"].sum() == joint(frames)["changed"]
    together = found[found["group"] == "any"].set_index("to")
    for to, rows in one_by_one.groupby("to"):
        assert together.loc[to, "shift"] == pytest.approx(np.average(rows["shift"], weights=rows["changed"]))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, list[RunRecord], Any]:
    """A plain seat against one that favours the young: the study's run, three twins of two attributes, a rerun."""
    folder, spec = tmp_path_factory.mktemp("twins"), "generated:5,n=6,divisible=1"
    twins = [f"{a}@{k}" for a in ("age_group", "sex") for k in (1, 2, 3)]
    records, roles = [], []
    for twin, replicate in [("", 0), ("", 1), *((t, 0) for t in twins)]:
        ward = f"{spec}~{twin}" if twin else spec
        record = play(ward, folder, framework="plain", opponent="biased-age", rounds=1, replicate=replicate)
        records.append(record)
        role = "twin" if twin else "rerun" if replicate else "study"
        roles.append({"run_id": record.run_id, "role": role, "twin": twin, "cluster": spec, "condition": "c"})
    frames = framed([rows_of(r) for r in records])
    runs = frames.runs.drop(columns=["twin", "cluster"]).merge(pd.DataFrame(roles), on="run_id")
    return Frames(runs, frames.stages, frames.patients), records, folder


def test_an_age_bias_moves_with_the_age_and_not_with_the_sex(
    played: tuple[Frames, list[RunRecord], Any],
) -> None:
    frames, _, folder = played
    found = twin_effects(with_goods(frames, paths([folder]))).set_index(["attribute", "stage"])
    assert (found["rerun"] == 0).all()  # reference negotiators: measured, here
    assert (found.loc["sex", "excess"] == 0).all()
    age = found.loc["age_group", "excess"]
    assert age["solo:A"] == 0 and age["solo:B"] > 0.3 and 0 < age["joint"] < age["solo:B"]
    assert (found["goods"] == "divisible").all() and (found["missing"] == 0).all()


def test_the_favoured_label_is_worth_having(played: tuple[Frames, list[RunRecord], Any]) -> None:
    frames, records, folder = played
    found = shifts(with_goods(frames, paths([folder])), ("solo:B",))
    groups = next(iter(records[0].seats[1].persona.favours.values()))
    age = found[(found["attribute"] == "age_group") & (found["group"] != "any")]
    into = age[age["to"].isin(groups) & ~age["group"].isin(groups)]
    out = age[~age["to"].isin(groups) & age["group"].isin(groups)]
    assert len(into) and len(out)
    assert np.average(into["shift"], weights=into["changed"]) > 0.2
    assert np.average(out["shift"], weights=out["changed"]) < -0.2


def test_goods_are_those_that_somebody_needs(played: tuple[Frames, list[RunRecord], Any]) -> None:
    assert goods_of(played[1][0]) == (played[1][0].run_id, "divisible")
    assert goods(load("one-ventilator")) == "whole"
    assert goods(ward_of([[1, 0.5], [1, 0.5]], [1, 1], [True, False])) == "mixed"
    nobody_needs_a_bed = ward_of([[0, 0.5], [0, 0.5]], [1, 1], [True, False])
    assert goods(nobody_needs_a_bed) == "divisible"
