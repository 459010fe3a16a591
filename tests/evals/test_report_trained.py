"""Is a training run told as it was kept: its numbers, what it was told, what is missing, torn or damaged?"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.findings.drawing import styled
from evals.report.pictures.training.learning import CURVES, curve, running
from evals.report.pictures.training.sides import alike, sides
from evals.report.source import Source
from evals.report.trained import PIPELINE, UNKNOWN, flattened, of_training, read_training
from scenarios.errors import ParleyError
from tests.evals.deliberations import Y, record

CONFIG = {
    "model": "tiny:1M", "steps": 40, "group": 8, "batch": 16, "lora": None, "judge": "rule", "reward": "openai:J",
    "opponent": "current", "dilemmas": ["one", "two"], "rules": {"train_roles": "first", "clauses": True},
}  # fmt: skip
MEANS = {"reward": 1.5, "agreed": 0.5, "rounds": 2.0, "well_formed": None}


def folder(at: Path, rows: list[dict[str, Any]], end: str = "", **documents: Any) -> Path:
    """The folder of a training run; `end` is what the metrics end with."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (at / "metrics.jsonl").write_text(lines + end, encoding="utf-8")
    for name, document in documents.items():
        (at / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return at


def said(made: Source) -> str:
    return "\n".join(s for section in made.sections for s in section.says)


def row(step: int, **more: Any) -> dict[str, Any]:
    return {"step": step, "reward": step / 10, "zero_signal": 0.0, "missing": 0.0, "kl": None} | more


def test_a_whole_run_is_told_and_drawn(tmp_path: Path) -> None:
    end = {"steps": 30, "dialogues": 480, "dilemmas": 2, "ended": "stopped", "why": "out of time"}
    told = {"mean": 1.0, "low": 0.5, "high": 1.5, "dilemmas": 30}
    report: dict[str, Any] = {
        "means": {"held out": {"warmed up": MEANS, "trained": MEANS | {"reward": 2.5}}},
        "differences": {"held out": {"reward": told}},
        "example": {"dilemma": "one", "personas": ["a", "b"], "said": ["A: <b>yes</b>"], "plan": None},
    }
    made = of_training(
        folder(tmp_path, [row(i) for i in range(30)], config=CONFIG, summary=end, report=report)
    )
    assert (made.setting, made.frames, made.files) == ("training", None, [])
    assert made.negotiators.endswith(PIPELINE)
    assert "30 steps were done of 40 planned, 480 dialogues. It ended: stopped (out of time)." in said(made)
    assert "by `openai:J`, which scores its collective agency" in said(made)
    assert "too few" not in said(made)
    assert ["rules.train_roles", "first"] in made.sections[0].shown[0].rows
    shown = {s.title: s.rows for section in made.sections for s in section.shown}
    assert shown["The same cases"][1] == ["held out", "trained", "2.50", "0.50", "2.00", "–"]
    assert shown["What training added to the warm-up"] == [
        ["held out", "reward, 0 to 5", "+1.00 [0.50, 1.50]", "30"]
    ]
    # First tenth: steps 0 to 2, mean reward .1; last tenth: 27 to 29, 2.8. KL was measured in no step.
    ends = {r[0]: r[1:] for r in shown["How it began and ended"]}
    assert ends["reward, 0 to 5"] == ["0.10", "2.80", "0.00", "2.90", "0"]
    assert ends["KL from the start, nats a token"] == ["–", "–", "–", "–", "30"]
    with styled():
        for section in made.sections:
            for draw in section.figures.values():
                draw().savefig(io.StringIO(), format="svg")
    assert set(CURVES) <= {name for section in made.sections for name in section.figures}


def test_curves_are_the_numbers_of_the_file_and_a_gap_is_no_zero(tmp_path: Path) -> None:
    rows = [row(0), row(1, reward=None), row(2, reward="NaN"), row(3), row(3, reward=9.0)]
    run = read_training(folder(tmp_path, rows))
    steps, values = curve(run, "reward")
    assert (list(steps), list(values)) == ([0.0, 3.0], [0.0, 9.0])  # of a step done again the last counts


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=40))
def test_the_running_mean_is_of_the_last_tenth_of_the_run(values: list[float]) -> None:
    width = max(1, len(values) // 10)
    expected = [sum(part) / len(part) for k in range(len(values)) if (part := values[: k + 1][-width:])]
    assert list(running(np.array(values))) == pytest.approx(expected)


def test_a_torn_line_is_left_out_and_told(tmp_path: Path) -> None:
    made = of_training(folder(tmp_path, [row(0), row(1)], '{"step": 2, "rew', config=CONFIG))
    assert len(read_training(tmp_path).steps) == 2
    assert "**One line of `metrics.jsonl` cannot be read**" in said(made)
    assert "2 steps are too few" in said(made)


def test_a_run_without_steps_config_or_end_says_what_is_missing(tmp_path: Path) -> None:
    made = of_training(folder(tmp_path, []))
    for missing in (
        UNKNOWN,
        "No step is in `metrics.jsonl` yet",
        "the run goes on still",
        "No record of a dialogue",
    ):
        assert missing in said(made)
    assert not [f for section in made.sections for f in section.figures]


def test_steps_without_signal_and_without_reward_are_warned_of(tmp_path: Path) -> None:
    rows = [row(0, zero_signal=1.0), row(1, missing=0.25), row(2, zero_signal=1.0, missing=0.5)]
    text = said(of_training(folder(tmp_path, rows)))
    assert "In 2 of 3 steps no group carried signal" in text
    assert "In 2 of 3 steps dialogues have no reward** (up to 50% of them)" in text


def test_what_is_damaged_is_one_line_with_a_name(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match=r"metrics\.jsonl: cannot be read"):
        of_training(tmp_path)
    folder(tmp_path, [row(0)], config=["no", "mapping"])
    with pytest.raises(
        ParleyError, match=r"config\.json: is no JSON document of a training run; mend it"
    ) as error:
        of_training(tmp_path)
    assert "\n" not in str(error.value)
    (tmp_path / "config.json").unlink()
    folder(tmp_path, [row(0)], report={"means": {"held out": {"trained": 3}}})
    with pytest.raises(ParleyError, match="means of held out, trained are no numbers"):
        of_training(tmp_path)


def test_dialogues_of_two_models_on_one_dilemma_stand_side_by_side(tmp_path: Path) -> None:
    def by(model: str, **more: Any) -> Any:
        made = record(run_id=f"r-{model}", **more)
        seats = [s.model_copy(update={"negotiator": "chat", "model": model}) for s in made.seats]
        return made.model_copy(update={"seats": seats})

    base, trained = (
        by("base", kinds=("debating", "disagreed"), plan={}, written=None),
        by("trained", written=Y),
    )
    (tmp_path / "graph").mkdir()
    for r in (base, trained):
        (tmp_path / "graph" / f"{r.run_id}.json").write_text(r.model_dump_json(), encoding="utf-8")
    section = sides(read_training(folder(tmp_path, [row(0)])))
    (shown,) = section.shown
    assert shown.headings == ["turn", "base", "trained"]
    assert [r[0] for r in shown.rows] == ["1: A", "2: B", "3: A", "4: B", "ended", "plan"]
    assert shown.rows[-2:] == [["ended", "disagreed", "agreed"], ["plan", "none", "We do it."]]
    assert alike([base, base.model_copy(update={"run_id": "again"})]) == []


def test_settings_are_flat_and_in_words() -> None:
    assert flattened(CONFIG)[-3:] == [
        ("dilemmas", "one, two"),
        ("rules.train_roles", "first"),
        ("rules.clauses", "yes"),
    ]
    assert ("lora", "none") in flattened(CONFIG)
