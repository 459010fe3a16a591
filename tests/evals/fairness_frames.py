"""Frames made by hand for the tests of group measures: wards with labels, and runs that satisfy needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evals.frames import Frames

STAGES = ("solo:A", "solo:B", "no_debate", "round:1", "joint")
GROUPS = {"sex": ("female", "male"), "age_group": ("adult", "child", "older")}


def thirds(acuity: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.quantile(acuity, [1 / 3, 2 / 3]), acuity, side="left")


def ward_rows(name: str, n: int, rng: np.random.Generator, unknown: float = 0.0) -> pd.DataFrame:
    """The patients of a ward: acuity, strata, labels; some labels are not known."""
    acuity = rng.random(n).round(3)
    facts: dict[str, Any] = {"ward": name, "patient": [f"p{i}" for i in range(n)]}
    facts |= {"benefit": rng.random(n), "acuity": acuity, "stratum": thirds(acuity)}
    for attribute, groups in GROUPS.items():
        labels = rng.choice(np.array(groups, dtype=object), n)
        labels[rng.random(n) < unknown] = None
        facts[f"is:{attribute}"] = labels
    return pd.DataFrame(facts)


def made(
    wards: int = 4,
    n: int = 8,
    seeds: int = 2,
    conditions: tuple[str, ...] = ("one", "two"),
    unknown: float = 0.0,
    seed: int = 0,
    stages: tuple[str, ...] = STAGES,
) -> Frames:
    """Frames of every ward × condition × seed, need satisfaction at random; seat B favours the male in "two"."""
    rng = np.random.default_rng(seed)
    facts = [ward_rows(f"w{w}", n, rng, unknown) for w in range(wards)]
    return framed_by_hand(facts, conditions, seeds, lambda rows: rng.random((len(rows), len(stages))), stages)


def framed_by_hand(
    facts: list[pd.DataFrame],
    conditions: tuple[str, ...],
    seeds: int,
    satisfied: Any,
    stages: tuple[str, ...] = STAGES,
) -> Frames:
    """Frames of given wards; `satisfied(rows)` gives (patients, stages) for each run."""
    runs, patients, measured = [], [], []
    for rows in facts:
        for condition in conditions:
            for s in range(seeds):
                ward = rows["ward"].iloc[0]
                run_id = f"{ward}-{condition}-{s}"
                biased = condition == "two"
                runs.append(
                    {
                        "run_id": run_id,
                        "status": "complete",
                        "ward": ward,
                        "cluster": ward,
                        "condition": condition,
                        "opponent": "biased-sex" if biased else "plain",
                        "strength": 0.5 if biased else None,
                        "seed": s,
                        "replicate": 0,
                        "favoured": "sex=male" if biased else None,
                        "persona:A": "rawlsian",
                        "persona:B": "biased-sex" if biased else "plain",
                    }
                )
                h = satisfied(rows)
                block = rows.drop(columns="ward").assign(run_id=run_id)
                block["favoured"] = (rows["is:sex"] == "male").astype(object) if biased else None
                block = block.assign(**{f"h:{stage}": h[:, j] for j, stage in enumerate(stages)})
                patients.append(block)
                for j, stage in enumerate(stages):
                    measured.append({"run_id": run_id, "stage": stage, "raw:equality": gini(h[:, j])})
    return Frames(pd.DataFrame(runs), pd.DataFrame(measured), pd.concat(patients, ignore_index=True))


def gini(h: np.ndarray) -> float:
    total = np.abs(h[:, None] - h[None, :]).sum()
    return float(total / (2 * len(h) * h.sum())) if h.sum() > 0 else 0.0
