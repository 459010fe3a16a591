"""Does the demonstration tell what was trained and what did not improve, in numbers that come from its run?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import WITHOUT_TORCH
from training.demo import report

FOUND: dict[str, Any] = {
    "config": {"threads": 1},
    "run": {"warm_up_steps": 7, "steps": 3, "dialogues": 48, "dilemmas": 6, "ended": "done", "why": ""},
    "parameters": 1_390_000,
    "seconds": 90.0,
    "means": {
        "held out": {
            "warmed up": {"reward": 0.5, "agreed": 0.25, "rounds": None, "well_formed": 0.125},
            "trained": {"reward": 0.75, "agreed": 0.5, "rounds": 2.0, "well_formed": 0.25},
        }
    },
    "differences": {
        "held out": {
            "reward": {"mean": 0.25, "low": -0.1, "high": 0.6, "dilemmas": 30},
            "agreed": {"mean": 0.25, "low": 0.1, "high": 0.4, "dilemmas": 30},
            "rounds": {"mean": 0.0, "low": None, "high": None, "dilemmas": 6},
        }
    },
    "example": {
        "dilemma": "d",
        "personas": ["x", "y"],
        "said": ["A: hi", "B: ho"],
        "plan": None,
        "reward": 0.0,
    },
    "graph": {"warmed-up": {"ended": "exit 2: no"}, "trained": {"ended": "agreed"}},
}


def test_what_did_not_improve_is_said() -> None:
    text = report(FOUND)
    rows = {line.partition(":")[0]: line for line in text.splitlines() if line.startswith("- held out")}
    assert "not shown to have changed" in rows["- held out, reward"]
    assert "not shown" not in rows["- held out, agreed"]
    assert "no interval (under 20 dilemmas: 6)" in rows["- held out, rounds"]


def test_it_is_called_what_it_is_with_what_was_trained_on_what_and_how_long() -> None:
    text = report(FOUND)
    assert text.startswith("# A pipeline check")
    told = ("1.4 M weights", "7 supervised", "3 steps of GRPO", "48 dialogues", "6 dilemmas", "1.5 minutes")
    assert [part for part in told if part not in text] == []
    assert "| held out | warmed up | 0.50 | 0.25 | – | 0.12 |" in text
    assert "none: they did not agree" in text


@pytest.mark.slow
def test_from_nothing_to_a_negotiator_in_the_graph(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason=WITHOUT_TORCH)
    from training import curriculum, demo

    held = curriculum.dilemmas_of("held_out")[:1]
    real = curriculum.dilemmas_of
    monkeypatch.setattr(
        curriculum, "dilemmas_of", lambda part, names=(): held if part == "held_out" else real(part, names)
    )
    small = ["model=tiny:0.1M", "dilemmas=[lighter-bar]", "group=2", "batch=2", "steps=1", "warm_up.steps=2"]
    demo.demo(
        tmp_path / "out", 5.0, [*small, "warm_up.dialogues=1", "rules.max_tokens=4", "rules.rounds=1"], True
    )
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "out" / "report.json").read_text())
    assert found["run"]["steps"] == 1
    assert list(found["graph"]) == ["warmed-up", "trained"]
    assert not any(of["ended"].startswith("exit") for of in found["graph"].values())
    assert set(found["means"]["held out"]) == {"untrained", "warmed up", "trained", "reference"}
