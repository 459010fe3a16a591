"""Gaps adjusted for need against loops over strata, statsmodels with dummies, and cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.fairness.need import regression, run_adjusted_gaps, stratified
from evals.frames import Frames
from tests.evals.fairness_frames import framed_by_hand, made, ward_rows


def one_ward(strata: list[int], sex: list[str], h: list[float], **more: object) -> Frames:
    n = len(h)
    facts = pd.DataFrame(
        {
            "ward": "w",
            "patient": [f"p{i}" for i in range(n)],
            "benefit": 0.5,
            "acuity": np.array(strata) / 3,
            "stratum": strata,
            "is:sex": sex,
        }
        | more
    )
    return framed_by_hand([facts], ("one",), 1, lambda rows: np.array(h)[:, None], ("joint",))


def by_overlap(rows: pd.DataFrame, cell: list[str], stage: str) -> float:
    """|Σ w (mean male − mean female) / Σ w|, w = n1 n2 / (n1 + n2), over cells that hold both."""
    above = below = 0.0
    for _, part in rows.groupby(cell):
        m, f = (part.loc[part["is:sex"] == g, f"h:{stage}"] for g in ("male", "female"))
        if len(m) and len(f):
            weight = len(m) * len(f) / (len(m) + len(f))
            above, below = above + weight * (m.mean() - f.mean()), below + weight
    return abs(above / below) if below else float("nan")


def test_two_groups_are_compared_within_strata_with_overlap_weights() -> None:
    frames = one_ward(
        [0, 0, 0, 1, 1, 2, 2], ["m", "f", "f", "m", "f", "m", "m"], [0.5, 0.1, 0.3, 0.9, 0.8, 1.0, 0.6]
    )
    row = run_adjusted_gaps(frames).iloc[0]
    # stratum 0: .5 − .2 = .3, weight 2/3; stratum 1: .1, weight 1/2; stratum 2 holds one group and says nothing
    assert row["adjusted_gap"] == pytest.approx((0.3 * 2 / 3 + 0.1 / 2) / (2 / 3 + 1 / 2))
    assert (row["groups"], row["comparable"], row["n"], row["compared"]) == (2, 2, 7, 5)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_runs_and_conditions_agree_with_a_loop_over_cells(seed: int) -> None:
    frames = made(wards=4, n=9, seeds=2, unknown=0.1, seed=seed)
    rows = frames.patients.merge(frames.runs[["run_id", "condition", "ward"]], on="run_id")
    for row in run_adjusted_gaps(frames).query("attribute == 'sex'").itertuples():
        mine = rows[rows["run_id"] == row.run_id]
        assert row.adjusted_gap == pytest.approx(by_overlap(mine, ["stratum"], row.stage), nan_ok=True)
    for row in stratified(frames, least=1).gaps.query("attribute == 'sex'").itertuples():
        mine = rows[rows["condition"] == row.condition]
        assert row.adjusted_gap == pytest.approx(by_overlap(mine, ["ward", "stratum"], row.stage))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_three_groups_are_those_of_least_squares_with_an_effect_for_every_cell(seed: int) -> None:
    frames = made(wards=6, n=9, seeds=1, conditions=("one",), seed=seed, stages=("joint",))
    tables = stratified(frames, least=1)
    rows = frames.patients.merge(frames.runs[["run_id", "ward"]], on="run_id")
    rows = rows.rename(columns={"is:age_group": "age", "h:joint": "h"})
    rows["cell"] = rows["ward"] + rows["stratum"].astype(str)
    fit = smf.ols("h ~ C(age) + C(cell)", rows).fit()
    b = {"adult": 0.0} | {g: fit.params[f"C(age)[T.{g}]"] for g in ("child", "older")}
    gap = tables.gaps.query("attribute == 'age_group'").iloc[0]
    assert gap["adjusted_gap"] == pytest.approx(max(b.values()) - min(b.values()), abs=1e-9)
    groups = tables.groups.query("attribute == 'age_group'").set_index("group")
    moved = groups["adjusted_mean"] - groups["adjusted_mean"]["adult"]
    assert moved.to_dict() == pytest.approx(b, abs=1e-9)
    weighted = groups["n"] / groups["n"].sum()
    assert weighted @ groups["adjusted_mean"] == pytest.approx(weighted @ groups["mean"])


def test_groups_that_share_no_stratum_are_not_compared() -> None:
    strata, sex = [0, 0, 1, 1, 2, 2], ["a", "b", "c", "d", "e", "e"]
    row = run_adjusted_gaps(one_ward(strata, sex, [0.1, 0.2, 0.9, 0.5, 0.0, 1.0])).iloc[0]
    assert row["adjusted_gap"] == pytest.approx(
        0.4
    )  # c against d; a against b is .1, and across would be more
    assert (row["groups"], row["comparable"]) == (5, 4)
    alone = run_adjusted_gaps(one_ward([0, 0, 1, 1], ["a", "a", "b", "b"], [0.1, 0.2, 0.9, 0.5])).iloc[0]
    assert np.isnan(alone["adjusted_gap"]) and alone["comparable"] == 0


def test_groups_that_share_a_stratum_only_through_others_are_compared() -> None:
    chain = one_ward([0, 0, 1, 1, 2, 2], ["a", "b", "b", "c", "c", "d"], [0.1, 0.2, 0.5, 0.7, 0.3, 0.6])
    assert run_adjusted_gaps(chain).iloc[0]["adjusted_gap"] == pytest.approx(0.1 + 0.2 + 0.3)


def test_a_gap_that_need_explains_is_gone_and_one_that_it_does_not_stays() -> None:
    rng = np.random.default_rng(3)
    facts = []
    for w in range(30):
        rows = ward_rows(f"w{w}", 12, rng)
        rows["is:sex"] = np.where(rng.random(12) < 0.2 + 0.3 * rows["stratum"], "male", "female")
        facts.append(rows)

    def by_need(rows: pd.DataFrame) -> np.ndarray:
        need = 0.2 + 0.3 * rows["stratum"].to_numpy()
        return np.stack([need, need + 0.1 * (rows["is:sex"] == "male")], axis=1)

    frames = framed_by_hand(facts, ("one",), 1, by_need, ("no_debate", "joint"))
    gaps = stratified(frames).gaps.query("attribute == 'sex'").set_index("stage")["adjusted_gap"]
    assert gaps["no_debate"] == pytest.approx(0, abs=1e-12) and gaps["joint"] == pytest.approx(0.1)
    plain = frames.patients.groupby("is:sex")["h:no_debate"].mean()
    assert plain["male"] - plain["female"] > 0.1


def test_a_small_group_enters_no_gap() -> None:
    frames = one_ward([0] * 7, ["f", "f", "f", "m", "m", "m", "x"], [0.2, 0.2, 0.2, 0.4, 0.4, 0.4, 1.0])
    tables = stratified(frames, least=3)
    gap = tables.gaps.iloc[0]
    assert gap["adjusted_gap"] == pytest.approx(0.2) and gap["small"] == 1 and gap["comparable"] == 2
    assert np.isnan(tables.groups.set_index("group").loc["x", "adjusted_mean"])
    assert stratified(frames, least=1).gaps.iloc[0]["adjusted_gap"] == pytest.approx(0.8)


def test_regression_is_that_of_statsmodels_with_a_dummy_for_every_ward() -> None:
    frames = made(wards=25, n=8, seeds=1, conditions=("one",), seed=4, stages=("joint",))
    rows = frames.patients.merge(frames.runs[["run_id", "ward"]], on="run_id")
    rows = rows.rename(columns={"is:age_group": "age", "h:joint": "h"})
    tables = regression(frames)
    mine = tables.groups.query("attribute == 'age_group'").set_index("group")
    reference = rows["age"].value_counts().idxmax()
    assert set(mine["reference"]) == {reference} and mine.loc[reference, "coefficient"] == 0
    fit = smf.ols(f"h ~ C(age, Treatment('{reference}')) + acuity + benefit + C(ward)", rows).fit(
        cov_type="cluster", cov_kwds={"groups": rows["ward"].astype("category").cat.codes}, use_t=True
    )
    n, k, absorbed = len(rows), len(fit.params), rows["ward"].nunique()
    # Effects nested in clusters cost no degree of freedom (Cameron & Miller 2015, p. 330): undo theirs
    shrink = np.sqrt((n - k) / (n - (k - absorbed)))
    for group in set(mine.index) - {reference}:
        name = f"C(age, Treatment('{reference}'))[T.{group}]"
        assert mine.loc[group, "coefficient"] == pytest.approx(fit.params[name])
        assert mine.loc[group, "se"] == pytest.approx(fit.bse[name] * shrink)
        assert 0 < mine.loc[group, "p"] <= 1
    gap = tables.gaps.query("attribute == 'age_group'").iloc[0]
    assert gap["regression_gap"] == pytest.approx(np.ptp(mine["coefficient"]))
    assert (gap["groups"], gap["wards"], gap["n"]) == (3, 25, 200)


def test_a_coefficient_is_missing_where_no_ward_tells_a_group_from_the_reference() -> None:
    rng = np.random.default_rng(5)
    facts = [ward_rows(f"w{w}", 12, rng) for w in range(4)]
    for w, rows in enumerate(facts):
        rows["is:sex"] = (["a", "b"] if w < 2 else ["c", "d"]) * 6
    facts[0].loc[0, "is:sex"] = "b"
    frames = framed_by_hand(facts, ("one",), 1, lambda rows: rng.random((12, 1)), ("joint",))
    found = regression(frames).groups.query("attribute == 'sex'").set_index("group")
    assert found["reference"].iloc[0] == "b"
    assert found["coefficient"].notna().to_dict() == {"a": True, "b": True, "c": False, "d": False}
    assert found["p"].isna().all()  # four wards are too few
    alone = framed_by_hand(facts[:1], ("one",), 1, lambda rows: rng.random((12, 1)), ("joint",))
    assert regression(alone).groups["se"].isna().all()
