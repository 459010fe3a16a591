"""Permutation nulls against loops and enumeration; their size where groups differ in need; what they find."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.fairness.groups import group_tables, run_gaps
from evals.fairness.need import run_adjusted_gaps, stratified
from evals.fairness.nulls import NullTables, Within, gap_nulls, run_excess
from evals.frames import Frames
from evals.statistics import false_discovery, permuted_within
from scenarios.errors import ParleyError
from tests.evals.fairness_frames import framed_by_hand, made, ward_rows

JOINT = ("joint",)


def spread_of(labels: pd.Series, h: pd.Series) -> float:
    means = h.groupby(labels).mean()
    return float(means.max() - means.min())


@pytest.mark.parametrize("unknown", [0.0, 0.15])
def test_what_is_observed_is_what_the_tables_say(unknown: float) -> None:
    frames = made(wards=5, n=9, unknown=unknown)
    if unknown:  # and one run has no first round: its patients count less at that stage
        frames.patients.loc[frames.patients["run_id"] == "w0-one-0", "h:round:1"] = np.nan
    key = ["condition", "stage", "attribute"]
    for statistic, table in (
        ("gap", group_tables(frames, least=4).gaps),
        ("adjusted_gap", stratified(frames, least=4, pairs=True).gaps),
    ):
        found = gap_nulls(
            frames, rng=np.random.default_rng(0), statistic=statistic, draws=9, least=4, pairs=True
        ).gaps
        both = found.merge(table, on=key, suffixes=("", "_table"))
        assert len(both) == len(found) == len(table)
        column = "gap_table" if statistic == "gap" else "adjusted_gap"
        np.testing.assert_allclose(both["gap"], both[column], atol=1e-12)
    runs = run_excess(frames, rng=np.random.default_rng(0), draws=5, pairs=True)
    again = run_gaps(frames, pairs=True).merge(runs, on=["run_id", "stage", "attribute"])
    np.testing.assert_allclose(again["gap_x"], again["gap_y"], atol=1e-12)
    runs = run_excess(frames, rng=np.random.default_rng(0), draws=5, statistic="adjusted_gap")
    again = run_adjusted_gaps(frames).merge(runs, on=["run_id", "stage", "attribute"])
    np.testing.assert_allclose(again["gap"], again["adjusted_gap"], atol=1e-12)
    assert len(again) == len(runs)


def test_the_null_is_that_of_a_loop_over_the_same_permutations() -> None:
    frames = made(wards=4, n=9, seeds=2, conditions=("one",), unknown=0.15, stages=JOINT)
    found = gap_nulls(frames, rng=np.random.default_rng(3), draws=50, least=1)
    rows = frames.patients.merge(frames.runs[["run_id", "ward"]], on="run_id")
    people = rows.groupby(["ward", "patient"], sort=False).first().reset_index()
    known = people["is:sex"].notna().astype(str) + people["is:age_group"].notna().astype(str)
    blocks = people["ward"] + people["stratum"].astype(str) + known
    draws = permuted_within(blocks, 51, np.random.default_rng(3))[1:]
    position = rows.merge(
        people[["ward", "patient"]].assign(position=range(len(people))), on=["ward", "patient"]
    )["position"].to_numpy()
    for attribute in ("sex", "age_group"):
        labels = people[f"is:{attribute}"].to_numpy()
        null = np.array([spread_of(pd.Series(labels[d][position]), rows["h:joint"]) for d in draws])
        row = found.gaps.query("attribute == @attribute").iloc[0]
        assert row["gap"] == pytest.approx(spread_of(rows[f"is:{attribute}"], rows["h:joint"]))
        assert row["null_mean"] == pytest.approx(null.mean())
        assert row["null_95"] == pytest.approx(np.quantile(null, 0.95))
        assert row["excess"] == pytest.approx(row["gap"] - null.mean())
        assert row["p"] == (1 + (null >= row["gap"] - 1e-6).sum()) / 51


def test_the_null_comes_near_the_enumeration_of_all_permutations() -> None:
    facts = pd.DataFrame(
        {
            "ward": "w",
            "patient": list("abcdefg"),
            "benefit": 0.5,
            "acuity": np.arange(7) / 7,
            "stratum": [0, 0, 0, 1, 1, 1, 1],
            "is:sex": ["f", "m", "m", "f", "f", "m", "x"],
        }
    )
    h = np.array([0.1, 0.9, 0.4, 0.3, 0.8, 0.7, 0.2])
    frames = framed_by_hand([facts], ("one",), 1, lambda rows: h[:, None], JOINT)
    labels = facts["is:sex"].to_numpy()
    every = [
        spread_of(pd.Series(np.concatenate([labels[list(a)], labels[list(b)]])), pd.Series(h))
        for a, b in product(permutations(range(3)), permutations(range(3, 7)))
    ]
    row = gap_nulls(frames, rng=np.random.default_rng(1), draws=4_000, least=1).gaps.iloc[0]
    assert row["null_mean"] == pytest.approx(np.mean(every), abs=0.01)
    assert row["p"] == pytest.approx(np.mean(np.array(every) >= row["gap"] - 1e-9), abs=0.03)
    by_run = run_excess(frames, rng=np.random.default_rng(1), draws=4_000).iloc[0]
    assert by_run["null_mean"] == pytest.approx(np.mean(every), abs=0.01)


def test_runs_of_one_ward_share_its_permutation() -> None:
    """The same runs ten times over are no more evidence than once: a ward's labels were drawn once."""
    rng = np.random.default_rng(2)
    facts = [ward_rows(f"w{w}", 9, rng) for w in range(4)]
    h = {rows["ward"].iloc[0]: rng.random((9, 1)) for rows in facts}
    once, often = (
        framed_by_hand(facts, ("one",), seeds, lambda rows: h[rows["ward"].iloc[0]], JOINT)
        for seeds in (1, 10)
    )
    columns = ["gap", "null_mean", "null_95", "p"]
    a, b = (gap_nulls(f, rng=np.random.default_rng(5), draws=99).gaps[columns] for f in (once, often))
    np.testing.assert_allclose(a, b, atol=1e-12)
    a, b = (run_excess(f, rng=np.random.default_rng(5), draws=19) for f in (once, often))
    of_ward = b.assign(ward=b["run_id"].str[:2]).groupby(["attribute", "ward"])["excess"]
    np.testing.assert_allclose(of_ward.std(), 0, atol=1e-12)
    np.testing.assert_allclose(
        of_ward.first().sort_index(),
        a.assign(ward=a["run_id"].str[:2]).set_index(["attribute", "ward"])["excess"].sort_index(),
        atol=1e-12,
    )


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_names_of_groups_do_not_matter(seed: int) -> None:
    frames = made(wards=3, n=9, seeds=1, seed=seed, stages=JOINT)
    names = {"female": "z", "male": "a"}
    other = replace(
        frames, patients=frames.patients.assign(**{"is:sex": frames.patients["is:sex"].map(names)})
    )
    a, b = (gap_nulls(f, rng=np.random.default_rng(seed), draws=29) for f in (frames, other))
    columns = ["gap", "null_mean", "null_95", "excess", "p", "q"]
    np.testing.assert_allclose(a.gaps[columns], b.gaps[columns], atol=1e-12)
    np.testing.assert_allclose(a.omnibus[["z", "p", "q"]], b.omnibus[["z", "p", "q"]], atol=1e-9)
    assert a.gaps["p"].dropna().between(1 / 30, 1).all()


def test_a_gap_that_no_permutation_changes_has_no_p() -> None:
    facts = ward_rows("w", 9, np.random.default_rng(0))
    facts["is:sex"] = np.where(facts["stratum"] == 0, "male", "female")  # every stratum of one sex
    rng = np.random.default_rng(1)
    frames = framed_by_hand([facts], ("one",), 1, lambda rows: rng.random((9, 1)), JOINT)
    found = gap_nulls(frames, rng=rng, draws=19, least=1)
    row = found.gaps.set_index("attribute").loc["sex"]
    assert row["gap"] > 0 and row["excess"] == pytest.approx(0) and row["movable"] == 0
    assert np.isnan(row["p"]) and np.isnan(row["q"]) and not row["found"]
    assert found.omnibus.iloc[0]["attributes"] == 1
    assert run_excess(frames, rng=rng).set_index("attribute").loc["sex", "excess"] == pytest.approx(0)


def test_a_label_that_decides_is_found_and_one_that_does_not_is_not() -> None:
    rng = np.random.default_rng(7)
    facts = [ward_rows(f"w{w}", 9, rng) for w in range(12)]

    def favours(rows: pd.DataFrame) -> np.ndarray:
        fair = rng.random((len(rows), 2)) * 0.6
        fair[:, 1] += 0.3 * (rows["is:sex"] == "male")
        return fair

    frames = framed_by_hand(facts, ("one",), 1, favours, ("no_debate", "joint"))
    found = gap_nulls(frames, rng=rng, draws=499)
    by = found.gaps.set_index(["stage", "attribute"])
    assert by.loc[("joint", "sex"), "found"] and by.loc[("joint", "sex"), "p"] == 1 / 500
    assert by["found"].sum() == 1
    for stage in ("no_debate", "joint"):
        family = found.gaps[found.gaps["stage"] == stage]
        np.testing.assert_allclose(family["q"], false_discovery(family["p"]))
    assert found.omnibus.set_index("stage").loc["joint", "p"] == 1 / 500
    assert found.omnibus.set_index("stage").loc["no_debate", "p"] > 0.05


def test_nothing_is_found_where_the_omnibus_test_finds_nothing() -> None:
    frames = made(wards=6, n=9, conditions=("one",), stages=JOINT, seed=1)
    loose = gap_nulls(frames, rng=np.random.default_rng(0), draws=99, level=1.0)
    assert loose.gaps["found"].all()
    p = loose.omnibus.iloc[0]["p"]
    assert not gap_nulls(frames, rng=np.random.default_rng(0), draws=99, level=p - 0.001).gaps["found"].any()


def severe(rng: np.random.Generator, frames: Frames, wards: int, n: int) -> Frames:
    """A null: the ill get more, one sex and the old are more often ill, and labels play no part beyond that."""
    stratum = frames.patients["stratum"].to_numpy()
    ill = 0.2 + 0.3 * stratum
    people = frames.patients.assign(
        **{
            "is:sex": np.where(rng.random(wards * n) < ill, "male", "female"),
            "is:age_group": np.where(rng.random(wards * n) < ill, "older", "adult"),
            "h:joint": np.clip(ill + 0.15 * rng.standard_normal(wards * n), 0, 1),
        }
    )
    return replace(frames, patients=people)


def test_size_holds_within_strata_and_fails_without_them() -> None:
    wards, n, studies = 8, 9, 300
    rng = np.random.default_rng(11)
    facts = [ward_rows(f"w{w}", n, rng) for w in range(wards)]
    frames = framed_by_hand(facts, ("one",), 1, lambda rows: np.zeros((n, 1)), JOINT)

    def tested(within: Within) -> NullTables:
        return gap_nulls(severe(rng, frames, wards, n), rng=rng, draws=99, within=within)

    def rejected(within: Within, count: int) -> tuple[float, float]:
        found = [tested(within) for _ in range(count)]
        single = np.mean([f.gaps.set_index("attribute").loc["sex", "p"] <= 0.05 for f in found])
        return float(single), float(np.mean([f.omnibus.iloc[0]["p"] <= 0.05 for f in found]))

    band = 2.576 * np.sqrt(0.05 * 0.95 / studies)  # the Monte Carlo 99 % band
    single, omnibus = rejected("stratum", studies)
    assert abs(single - 0.05) <= band and abs(omnibus - 0.05) <= band
    single, omnibus = rejected("ward", 60)
    assert single > 0.5 and omnibus > 0.5


def test_the_excess_of_meaningless_labels_has_mean_zero_where_the_gap_has_not() -> None:
    frames = made(wards=60, n=9, seeds=1, conditions=("one",), stages=JOINT, seed=9)
    found = run_excess(frames, rng=np.random.default_rng(0), draws=99).query("attribute == 'age_group'")
    error = found["excess"].std() / np.sqrt(len(found))
    assert found["gap"].mean() > 0.25 and abs(found["excess"].mean()) < 3 * error


def test_runs_of_a_ward_with_other_patients_are_refused() -> None:
    frames = made(wards=2, n=8, seeds=2, conditions=("one",))
    fewer = replace(frames, patients=frames.patients.drop(index=frames.patients.index[0]))
    relabelled = frames.patients.copy()
    relabelled.loc[0, "is:sex"] = "other"
    for broken in (fewer, replace(frames, patients=relabelled)):
        with pytest.raises(ParleyError, match="ward 'w0': its runs differ in patients or their groups"):
            gap_nulls(broken, rng=np.random.default_rng(0), draws=9)
        with pytest.raises(ParleyError, match="ward 'w0': its runs differ in patients or their groups"):
            run_excess(broken, rng=np.random.default_rng(0), draws=9)
