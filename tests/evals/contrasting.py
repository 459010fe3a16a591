"""What do tests of contrasts share: frames made by hand with known answers, and contrasts of any outcome."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from evals.experiment.study import Hypothesis
from evals.findings.contrasts import Contrast, contrast
from evals.frames import Frames
from evals.statistics import Estimate

Value = Callable[[Mapping[str, Any], str], float | None]
STAGES = ("solo:A", "solo:B", "no_debate", "joint")
OUTCOME = "worst_off"


def made(value: Value, runs: list[dict[str, Any]], stages: tuple[str, ...] = STAGES) -> Frames:
    """Frames of these runs, `value(run, stage)` the outcome of each stage."""
    table = pd.DataFrame(runs)
    rows = [
        {"run_id": r["run_id"], "stage": stage, OUTCOME: value(r, stage)}
        for r in runs
        if r["status"] == "complete"
        for stage in stages
    ]
    return Frames(table, pd.DataFrame(rows).drop_duplicates(["run_id", "stage"]), pd.DataFrame())


def crossed(
    wards: int = 4, controls: tuple[str, ...] = ("",), seeds: tuple[int, ...] = (1,), **factors: list[Any]
) -> list[dict[str, Any]]:
    """A run for every ward, seed, control and cell."""
    cells = [dict(zip(factors, v, strict=True)) for v in itertools.product(*factors.values())]
    return [
        {
            "run_id": f"{control}|{cell}|{ward}|{seed}",
            "status": "complete",
            "role": "study",
            "condition": f"{control}|{cell}",
            "control": control,
            "cluster": f"w{ward}",
            "seed": seed,
            "replicate": 0,
            "policy": "",
        }
        | {f"cell:{k}": v for k, v in cell.items()}
        for control in controls
        for cell in cells
        for ward in range(wards)
        for seed in seeds
    ]


def asked(**fields: Any) -> Hypothesis:
    return Hypothesis.model_validate({"id": "H", "claim": "c", "outcome": OUTCOME} | fields)


def contrast_of(frames: Frames, **fields: Any) -> Contrast:
    return contrast(frames, asked(**fields), np.random.default_rng(1))


def ward(run: Mapping[str, Any]) -> int:
    return int(str(run["cluster"])[1:])


def outcome(
    mean: float | None = 0.35,
    p: float | None = 0.01,
    *,
    direction: str = "greater",
    low: float | None = None,
    high: float | None = None,
    null: tuple[float | None, float | None] = (None, None),
    smallest: float = 0.1,
    pairs: pd.DataFrame | None = None,
) -> Contrast:
    return Contrast(
        hypothesis=asked(direction=direction, smallest_effect=smallest),
        estimate=Estimate(mean, low, high, p, 20, 20, 1.0, 0),
        pairs=pd.DataFrame() if pairs is None else pairs,
        treatment=None,
        control=None,
        unmatched=0,
        null_low=null[0],
        null_high=null[1],
        p_family=p,
    )
