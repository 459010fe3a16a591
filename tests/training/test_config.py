"""Is a training run told wrongly in one line that names file and field, and are the shipped files what they say?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import ParleyError
from training.config import Training, parse_config, read_config

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
LEAST = {"model": "tiny:0.1M", "steps": 1}


def test_the_paper_s_settings_are_the_paper_s() -> None:
    told = read_config(CONFIGS / "qwen3-14b.yaml")
    assert (told.group, told.batch, told.steps, told.four_bit) == (8, 16, 1900, True)
    rules, tuning = told.rules, told.tuning
    assert (rules.window, rules.rounds, rules.train_roles, rules.train_final) == (2, 7, "first", False)
    assert (rules.temperature, rules.top_p, rules.completion_temperature) == (0.7, 0.95, 0.1)
    assert (tuning.learning_rate, tuning.kl) == (5e-6, 0.0)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_file_can_be_read_and_holds_no_address(path: Path) -> None:
    assert read_config(path).steps > 0
    assert "http" not in path.read_text()


def test_the_loss_has_the_temperature_of_the_turns() -> None:
    told = parse_config(LEAST | {"rules": {"temperature": 1.3}, "tuning": {"learning_rate": 1.0}}, "run")
    assert told.tuning.temperature == 1.3


def test_settings_win_over_the_file_however_deep(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("model: tiny:0.1M\nsteps: 1\nrules: {rounds: 5}\n")
    told = read_config(path, ["rules.rounds=3", "tuning.kl=0.1", "warm_up.steps=4", "lora=null"])
    assert told.rules.rounds == 3
    assert told.tuning.kl == 0.1
    assert told.warm_up is not None
    assert told.warm_up.steps == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stepz": 3}, "stepz: no such field; did you mean 'steps'?"),
        ({"rules": {"round": 3}}, "rules.round: no such field; did you mean 'rounds'?"),
        ({"group": 3, "batch": 8}, "batch: 8 dialogues are no whole groups of 3"),
        ({"tuning": {"temperature": 0.1}}, "tuning.temperature: differs"),
        ({"four_bit": True}, "four_bit: weights in four bits do not train; give lora"),
        ({"opponent": "past:7", "save_every": 10}, "save_every: must be a multiple of 7"),
        (
            {"opponent": "reference", "rules": {"train_roles": "both"}},
            "opponent: with rules.train_roles both",
        ),
        ({"steps": True}, "steps: true or false where a number belongs"),
        ({"rules": {"window": 0}}, "window"),
        ({"lora": {}}, "one from scratch has all its weights to learn"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_field(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ParleyError, match=r"^run: ") as error:
        parse_config(LEAST | change, "run")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("setting", ["steps", "=3", "model.size=3", "rules=[1"])
def test_a_setting_that_is_none_is_refused(setting: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("model: tiny:0.1M\nsteps: 1\n")
    with pytest.raises(ParleyError, match="--set"):
        read_config(path, [setting])


def test_what_is_written_down_is_read_back_the_same() -> None:
    told = read_config(CONFIGS / "tiny.yaml")
    assert Training.model_validate_json(told.model_dump_json()) == told
