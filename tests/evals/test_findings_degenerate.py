"""What do findings say where there is little to find, and of models: plainly, and without falling over?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evals.experiment.ledger import Folder
from evals.findings.report import findings
from scenarios.errors import ParleyError
from tests.evals.experiments import plan, run
from tests.evals.little import H1, H3, HERE, WARDS, of, told

pytestmark = pytest.mark.slow


def test_without_factors_hypotheses_or_anything_else(tmp_path: Path) -> None:
    by_title, text = of(tmp_path, wards=WARDS, settings=HERE)
    assert by_title["What was asked, and what came out"].says == [
        "The study names no hypothesis, so nothing is tested."
    ]
    assert list(pd.read_csv(tmp_path / "tables" / "pairs.csv").columns)[:2] == ["hypothesis", "cluster"]
    assert "| base | 3 | 3 |" in text
    assert "This study has none of the shipped controls" in text


def test_without_a_biased_seat_no_lead_is_made_up(tmp_path: Path) -> None:
    settings = HERE | {"opponent": "plain"}
    by_title, text = of(tmp_path, wards=WARDS, settings=settings, hypotheses=[H1, H3])
    assert "**Lead of the favoured in need met**: no run has a value." in text
    assert (
        "No seat of a complete run favours a group"
        in by_title["Bias taken apart: who gained, and who was held back"].says[0]
    )
    verdicts = pd.read_csv(tmp_path / "tables" / "hypotheses.csv").set_index("hypothesis")
    assert verdicts.loc["H3", "verdict"] == "not tested" and pd.isna(verdicts.loc["H3", "difference"])
    assert verdicts.loc["H3", "missing"] == 3
    assert verdicts.loc["H1", "verdict"] == "not shown" and verdicts.loc["H1", "difference"] == 0


def test_one_ward_tests_nothing(tmp_path: Path) -> None:
    _, text = of(tmp_path, wards=["generated:1,n=5,divisible=1"], settings=HERE, hypotheses=[H1])
    (row,) = pd.read_csv(tmp_path / "tables" / "hypotheses.csv").to_dict("records")
    assert row["wards"] == 1 and pd.isna(row["effect_dz"]) and pd.isna(row["low"])
    assert row["verdict"] == "not shown" and row["p"] >= 0.5
    assert "The unit is the ward (1 here)" in text


def test_whole_goods_with_twins_and_a_planted_bias(tmp_path: Path) -> None:
    by_title, text = of(
        tmp_path,
        wards=["generated:{1..3},n=5,divisible=0"],
        settings=HERE,
        hypotheses=[
            H1 | {"outcome": "mean_h"},
            H1 | {"id": "C6", "outcome": "beta", "against": {"stage": "best_mixture"}},
        ],
        twins={"attributes": ["sex"], "permutations": 2},
        planted={"opponent": "biased-sex", "strengths": [0, 1]},
    )
    assert "Counterfactual twins: what the label alone does" in by_title
    assert "**Positive control: " in text
    assert pd.read_csv(tmp_path / "tables" / "hypotheses.csv")["difference"].notna().all()


def test_twins_without_reruns_and_one_planted_strength_say_what_they_lack(tmp_path: Path) -> None:
    by_title, _ = of(
        tmp_path,
        wards=WARDS,
        settings=HERE,
        twins={"attributes": ["sex"], "permutations": 1, "reruns": 0},
        planted={"opponent": "biased-sex", "strengths": [0.5]},
    )
    said = by_title["Do the instruments see a bias that is there?"].says[0]
    assert (
        said
        == "**Positive control: not told.** planted runs: no opponent has two strengths; plant at least 0 and 1."
    )
    twins = by_title["Counterfactual twins: what the label alone does"]
    assert any("no identical rerun" in s for s in twins.says)
    assert all(row[2:4] == ["–", "–"] for row in twins.shown[0].rows)


def test_a_study_half_run_says_how_many_are_missing(tmp_path: Path) -> None:
    run(
        plan(wards=["generated:{1..2},n=5,divisible=1"], settings=HERE, hypotheses=[H1]),
        tmp_path,
        processes=1,
    )
    _, text = told(plan(wards=["generated:{1..6},n=5,divisible=1"], settings=HERE, hypotheses=[H1]), tmp_path)
    assert "2 runs complete, 0 invalid, 0 failed, 4 not run yet, of 6 planned" in text
    (row,) = pd.read_csv(tmp_path / "tables" / "hypotheses.csv").to_dict("records")
    assert row["wards"] == 2


def test_nothing_recorded_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ParleyError, match="no run of study tiny is recorded there; run it, or name its --out"
    ):
        findings(Folder(tmp_path), plan(), lambda what: None)
    assert not list(tmp_path.iterdir()), "and nothing is written"
