"""What do tests of experiments share: small studies as data, run in this process or as a command."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from evals.experiment.ledger import Folder
from evals.experiment.plan import Plan, planned
from evals.experiment.reading import parse_study
from evals.experiment.running import Session, Ways, run_study
from evals.experiment.study import Study
from nodes.table.equipment import Equipment, lend
from tests import forking
from tests.play import environment

Json = dict[str, Any]


def data(**changes: Any) -> Json:
    """A study of three small wards, as YAML would give it."""
    return {
        "name": "tiny",
        "question": "Does it run?",
        "wards": ["generated:{1..3},n=4,divisible=1"],
        "settings": {"retrieval": "off", "rounds": 1},
    } | changes


def study(**changes: Any) -> Study:
    """That study, checked."""
    return parse_study(data(**changes), "tiny.yaml")


def plan(*, base_url: str | None = None, runs: Path | None = None, **changes: Any) -> Plan:
    """Its plan, on a server if one is named."""
    lend(Equipment(base_url=base_url, runs=runs or Path("runs")))
    return planned(study(**changes))


def chatting(**changes: Any) -> Json:
    """Changes that have every seat speak by a model."""
    settings = {"retrieval": "off", "rounds": 1, "model": "openai:scripted"}
    return {"settings": settings | changes.pop("settings", {})} | changes


def run(made: Plan, folder: Path, *, base_url: str | None = None, **ways: Any) -> Session:
    """Do what is missing of a plan, in this process unless more `processes` are asked for."""
    lent = Equipment(base_url=base_url, timeout_s=10.0)
    return run_study(made, Folder(folder), Ways(**{"processes": 1} | ways), lent, lambda session: None)


def ledger(folder: Path, *events: str) -> list[Json]:
    """Whole lines of a ledger, of these events or all."""
    lines = []
    for text in (folder / "ledger.jsonl").read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return [line for line in lines if not events or line["event"] in events]


def write(path: Path, **changes: Any) -> Path:
    """The study as a YAML file."""
    path.write_text(yaml.safe_dump(data(**changes), sort_keys=False), encoding="utf-8")
    return path


def command(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Type `python -m evals.experiment …` and wait for it, by a fork."""
    return forking.typed("evals.experiment", *words, cwd=cwd, env=environment(dict(env)))


def begun(*words: str, cwd: Path, **env: str) -> forking.Begun:
    """Type `python -m evals.experiment …` and do not wait."""
    return forking.Begun("evals.experiment", *words, cwd=cwd, env=environment(dict(env)))


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z" and os.getpid() != pid
