"""Does a run go as it says: kept as it goes, resumed exactly, stopped with a reason, and drawn?"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from negotiators.deliberation import Verdict
from scenarios.dilemmas import load
from scenarios.errors import ParleyError
from tests.training.conftest import WITHOUT_TORCH
from tests.training.playing import DILEMMA
from training import figure, grpo, run, terminal
from training.config import Training, parse_config
from training.curriculum import pairs_of
from training.metrics import METRICS, Metrics, read_metrics
from training.run import BEGUN, CHECKPOINTS, CONFIG, SUMMARY, Run
from training.warmup import phrases

pytest.importorskip("torch", reason=WITHOUT_TORCH)

SMALL = {
    "model": "tiny:0.1M",
    "steps": 3,
    "group": 2,
    "batch": 2,
    "threads": 1,
    "dilemmas": ["late-result"],
    "rules": {"window": "full", "rounds": 1, "temperature": 1.0, "max_tokens": 6, "completion_tokens": 6},
    "tuning": {"learning_rate": 1e-3, "kl": 0.1, "micro_batch": 4},
    "warm_up": {"steps": 1, "dialogues": 1, "said": "lines"},
    "save_every": 1,
    "keep": 9,
    "patience": 9,
}


def _told(**changes: Any) -> Training:
    return parse_config(SMALL | changes, "run")


def _silent(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def scratch() -> tuple[Any, Any]:
    """The model that every run here begins with: made once."""
    import torch

    from training.models import build

    torch.set_num_threads(1)
    known = phrases([load("late-result")], [pole for pair in pairs_of("substance") for pole in pair.poles])
    return build("0.1M", [DILEMMA.prompt] * 3, seed=0, phrases=known, context=16_384)


@pytest.fixture(autouse=True)
def _made_once(scratch: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "from_scratch", lambda config: deepcopy(scratch))
    monkeypatch.setattr(figure, "draw", lambda folder, title, reward="": folder)  # seconds; `whole` has one


@pytest.fixture(scope="module")
def whole(scratch: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps that nothing interrupted."""
    folder = tmp_path_factory.mktemp("run") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "from_scratch", lambda config: deepcopy(scratch))
        Run(_told(), folder, tell=_silent).go()
    return folder


def _numbers(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(folder)]


def test_a_resumed_run_goes_on_exactly_as_if_it_had_not_stopped(whole: Path, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    shutil.copytree(whole, stopped)
    for step in (2, 3):
        shutil.rmtree(stopped / CHECKPOINTS / f"step-{step:06d}")
    last = Run(_told(), stopped, tell=_silent).go(resume=True)
    assert last.name == "step-000003"
    assert _numbers(stopped) == _numbers(whole)
    weights = [f / CHECKPOINTS / "step-000003" / "model.safetensors" for f in (stopped, whole)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_run_leaves_what_it_promises(whole: Path) -> None:
    names = {p.name for p in whole.iterdir()}
    assert {METRICS, CONFIG, SUMMARY, BEGUN, CHECKPOINTS, "figure.png", "figure.svg", "tensorboard"} <= names
    told = json.loads((whole / SUMMARY).read_text())
    assert (told["steps"], told["dialogues"], told["warm_up_steps"], told["ended"]) == (3, 6, 1, "done")
    row = read_metrics(whole)[0]
    drawn = {"reward", "agreed", "rounds", "zero_signal", "all_fail", "tokens_per_dialogue", "kl", "entropy"}
    assert drawn <= row.keys()


def test_a_run_is_not_overwritten_nor_resumed_as_another(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="holds a run already; add --resume"):
        Run(_told(), whole).go()
    with pytest.raises(ParleyError, match="began with another seed"):
        Run(_told(seed=2), whole).go(resume=True)
    with pytest.raises(ParleyError, match="no checkpoint to resume from"):
        Run(_told(), tmp_path / "none").go(resume=True)


def test_out_of_time_it_ends_after_a_step_and_keeps_it(tmp_path: Path) -> None:
    going = Run(_told(), tmp_path / "r", tell=_silent, tensorboard=False, until=time.monotonic())
    assert going.go().name == "step-000001"
    assert going.ended == "stopped"


def test_a_run_without_signal_stops_says_why_and_exits_with_four(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(SMALL | {"patience": 1, "warm_up": None}))
    monkeypatch.setattr(sys, "argv", ["grpo", "--config", str(path), "--out", str(tmp_path / "r"), "--json"])
    with pytest.raises(SystemExit) as left:
        terminal.run(grpo.app)
    said = capsys.readouterr()
    assert left.value.code == terminal.NO_SIGNAL
    assert "no group carried signal for 1 steps" in said.err
    assert json.loads(said.out)["ended"] == "no signal"


def test_a_past_opponent_is_renewed_and_resumes_exactly(tmp_path: Path) -> None:
    """Resuming renews the opponent from the checkpoint, which is what it was."""
    told = _told(opponent="past:1", steps=2, warm_up=None)
    Run(told, tmp_path / "r", tell=_silent, tensorboard=False).go()
    shutil.copytree(tmp_path / "r", tmp_path / "s")
    shutil.rmtree(tmp_path / "s" / CHECKPOINTS / "step-000002")
    Run(told, tmp_path / "s", tell=_silent, tensorboard=False).go(resume=True)
    assert _numbers(tmp_path / "s") == _numbers(tmp_path / "r")


def test_one_agent_alone_trains_with_the_same_batch_and_judge(tmp_path: Path) -> None:
    told = _told(rules=SMALL["rules"] | {"alone": True}, steps=1)  # type: ignore[operator]
    Run(told, tmp_path / "r", tell=_silent, tensorboard=False).go()
    row = read_metrics(tmp_path / "r")[0]
    assert row["agreed"] is None
    assert row["tokens"] > 0 or row["zero_signal"] == 1


def test_without_steps_it_only_imitates(tmp_path: Path) -> None:
    """The supervised baseline: what the warm-up taught, and nothing after it."""
    last = Run(_told(steps=0), tmp_path / "r", tell=_silent, tensorboard=False).go()
    kept = (tmp_path / "r" / BEGUN / "model.safetensors").read_bytes()
    assert (last / "model.safetensors").read_bytes() == kept
    assert read_metrics(tmp_path / "r") == []


def test_where_no_judge_answers_that_is_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "worth", lambda judge, base_url: lambda *about: None)
    monkeypatch.setattr(
        run, "agreement", lambda judge, base_url: lambda d: Verdict(round=d.round, kind="agreed", judge="x")
    )
    going = Run(_told(patience=1, warm_up=None), tmp_path / "r", tell=_silent, tensorboard=False)
    going.go()
    assert going.ended == "no signal"
    assert "no dialogue has a reward" in going.why


@pytest.mark.slow
def test_trl_trains_a_run_too(tmp_path: Path) -> None:
    pytest.importorskip("trl", reason=WITHOUT_TORCH)
    told = _told(steps=1, tuning={"learning_rate": 1e-3, "micro_batch": 4})
    last = Run(told, tmp_path / "r", backend="trl", tell=_silent, tensorboard=False).go()
    assert last.name == "step-000001"
    assert len(read_metrics(tmp_path / "r")) == 1


def test_lines_of_steps_that_are_done_again_go_and_a_torn_one_is_left_out(tmp_path: Path) -> None:
    first = Metrics(tmp_path, tensorboard=False)
    for step in range(4):
        first.add(step, {"reward": float(step), "kl": float("nan")})
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 4, "rew')
    Metrics(tmp_path, start=2, tensorboard=False).add(2, {"reward": 9.0})
    assert [(r["step"], r["reward"]) for r in read_metrics(tmp_path)] == [(0, 0.0), (1, 1.0), (2, 9.0)]
    assert read_metrics(tmp_path)[0]["kl"] is None


def test_help_is_there_without_torch() -> None:
    """Nothing of the extra may be needed, or waited for, to be told what there is."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'trl', 'numpy.linalg.x')));"
        "import runpy; sys.argv = ['grpo', '--help']; runpy.run_module('training.grpo', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "accelerate" in done.stdout


def test_without_torch_the_line_names_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(SMALL))
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['transformers'] = None;"
        f"import runpy; sys.argv = ['grpo', '--config', {str(path)!r}, '--out', {str(tmp_path / 'r')!r}];"
        "runpy.run_module('training.grpo', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install torch" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
