"""Does the command of the calibration print what was simulated, write the page, and refuse what it cannot fit?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.calibration.__main__ import app
from scenarios.errors import ParleyError
from tests.play import ROOT, play

WARD = "generated:101,n=4,divisible=1"


@pytest.mark.slow
def test_check_prints_and_writes_the_rates_it_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    from evals.calibration import coverage as of_coverage
    from evals.calibration import recovery as of_recovery

    cell = next(c for c in of_coverage.CELLS if c.name == "normal" and c.wards == 20)
    covered = of_coverage.coverage(40, 1, cells=[cell])
    rows = [
        {"case": "opposed", "wards": 1, "noise": 0.05, "parameter": "strength", "study": k, "planted": 0.5,
         "estimated": 0.52, "low": 0.4, "high": high, "identified": True, "knowable": True, "covered": high > 0.5}
        for k, high in enumerate((0.6, 0.6, 0.6, 0.45))
    ]  # fmt: skip
    monkeypatch.setattr(of_coverage, "coverage", lambda *_, **__: covered)
    monkeypatch.setattr(of_recovery, "recovery", lambda *_, **__: pd.DataFrame(rows))
    page = tmp_path / "calibration.md"
    done = CliRunner().invoke(app, ["check", "--studies", "40", "--recoveries", "4", "--out", str(page)])
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert f"| normal | 20 | {covered.loc[0, 'coverage']:.3f} |" in text
    assert "| opposed | 1 | 0.05 | strength | yes | 1.000 | 0.750 | 0.020 |" in text
    assert "`python -m evals.calibration check --studies 40 --recoveries 4 --seed 1`" in text
    kept = json.loads((tmp_path / "calibration.json").read_text())
    assert kept["command"] in text and (kept["studies"], kept["recoveries"], kept["seed"]) == (40, 4, 1)
    assert kept["coverage"][0]["coverage"] == pytest.approx(covered.loc[0, "coverage"], abs=1e-6)
    assert kept["recovery"][0]["covered"] == 0.75


def test_a_page_that_would_be_overwritten_by_its_own_json_is_refused_before_anything_is_simulated() -> None:
    with pytest.raises(ParleyError, match=r"name a \.md file"):
        CliRunner().invoke(app, ["check", "--out", "numbers.json"], catch_exceptions=False)


def test_records_of_two_conditions_are_not_fitted_together(tmp_path: Path) -> None:
    for framework in ("plain", "rawlsian"):
        play(WARD, tmp_path, framework=framework, rounds=1)
    with pytest.raises(ParleyError, match="2 conditions among these records: fit them one at a time"):
        CliRunner().invoke(app, ["fit", str(tmp_path)], catch_exceptions=False)


@pytest.mark.slow
def test_fit_finds_the_policy_that_made_the_records(tmp_path: Path) -> None:
    play(WARD, tmp_path, framework="utilitarian", opponent="biased-sex", strength=0.4)
    done = CliRunner().invoke(app, ["fit", str(tmp_path), "--json"], catch_exceptions=False)
    found = {row["parameter"]: row for row in json.loads(done.stdout)}
    assert found["strength"]["low"] <= 0.4 <= found["strength"]["high"]
    for name, planted in (("exponent", 1.0), ("persuasion", 0.0)):
        row = found[name]
        assert not row["identified"] or row["low"] <= planted <= row["high"]


def test_the_kept_page_names_the_command_that_made_it_and_holds_every_cell() -> None:
    from evals.calibration.coverage import CELLS

    text = (ROOT / "docs" / "calibration.md").read_text()
    assert "python -m evals.calibration check --studies 2000" in text
    assert all(f"| {cell.name} | {cell.wards} |" in text for cell in CELLS)
