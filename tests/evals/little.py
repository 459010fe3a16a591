"""What studies with little in them have found, for tests: sections by title, and the text that was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evals.experiment.ledger import Folder
from evals.experiment.plan import Plan
from evals.findings import write
from evals.findings.report import findings
from evals.findings.section import Section
from tests.evals.experiments import plan, run

WARDS = ["generated:{1..3},n=5,divisible=1"]
H1 = {
    "id": "H1",
    "claim": "c",
    "outcome": "worst_off",
    "of": {"stage": "joint"},
    "against": {"stage": "no_debate"},
}
H3 = H1 | {"id": "H3", "outcome": "favoured_gap"}
HERE: dict[str, Any] = {"retrieval": "off", "rounds": 1, "framework": "plain", "opponent": "biased-age"}


def told(made: Plan, out: Path) -> tuple[dict[str, Section], str]:
    """The sections by title and findings.md; every table parses and every figure is drawn, as SVG alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "KINDS", ("svg",))  # both kinds of every figure: test_findings_report.py
        _, sections, path = findings(Folder(out), made, lambda what: None)
    for table in (out / "tables").glob("*.csv"):
        pd.read_csv(table)
    text = path.read_text(encoding="utf-8")
    for section in sections:
        assert all((out / "figures" / f"{name}.svg").is_file() for name in section.figures)
        assert section.says or section.shown, f"{section.title} says nothing"
        for shown in section.shown:
            assert all(len(row) == len(shown.headings) for row in shown.rows), shown.title
    assert "nan" not in text.lower().replace("finance", "").split()
    return {s.title: s for s in sections}, text


def of(out: Path, **changes: Any) -> tuple[dict[str, Section], str]:
    """What is found where this study was run to its end."""
    made = plan(**changes)
    run(made, out, processes=1)
    return told(made, out)
