"""How fast are studies: a thousand reference debates, and ten thousand records measured and bootstrapped."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.play import ROOT, environment

STUDY = """name: bench
question: How fast is a study?
wards: ["generated:{{1..100}},n=8,divisible=1"]
settings: {{retrieval: "{retrieval}"}}
factors:
  framework: [plain, rawlsian, utilitarian, egalitarian, prioritarian]
  opponent: [biased-age, biased-sex]
"""
DEBATES = 1000
RECORDS = 10_000

MEASURE = """
import sys, time
from pathlib import Path

import numpy as np

from evals.fairness.groups import run_gaps
from evals.frames import frames
from evals.outcomes import OUTCOMES, outcome
from evals.statistics import estimates


def measure(folder):
    made = frames([folder])
    values = {name: outcome(made, name) for name in OUTCOMES}
    gaps = run_gaps(made)
    gaps = gaps[gaps["stage"] == "joint"].pivot_table(index="run_id", columns="attribute", values="gap")
    wide = []
    for table in values.values():
        by = table.pivot_table(index="run_id", columns="stage", values="value").reindex(made.runs["run_id"])
        if {"joint", "no_debate"} <= set(by):
            wide.append((by["joint"] - by["no_debate"]).to_numpy(float))
    wide += [gaps[a].reindex(made.runs["run_id"]).to_numpy(float) for a in gaps]
    found = estimates(np.column_stack(wide), made.runs["cluster"], rng=np.random.default_rng(1), resamples=2000)
    return len(made.runs), len(found)


if __name__ == "__main__":
    began = time.perf_counter()
    print(*measure(sys.argv[1]), time.perf_counter() - began)
"""


def thousand_debates(folder: Path, retrieval: str) -> float:
    """Seconds that `python -m evals.experiment run` takes for 1,000 reference debates of 8 patients, start included."""
    study = folder / f"bench-{retrieval}.yaml"
    study.write_text(STUDY.format(retrieval=retrieval))
    out = folder / retrieval
    command = [sys.executable, "-m", "evals.experiment", "run", str(study), "--out", str(out)]
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, capture_output=True)
    taken = time.perf_counter() - began
    assert len(list((out / "records").glob("*.json"))) == DEBATES
    return taken


def ten_thousand_records(records: Sequence[Path], folder: Path) -> tuple[float, float, int]:
    """Seconds to measure and bootstrap 10,000 records, seconds to parse them as JSON in one process, and outcomes.

    The records are those given, several times over under other ids. Measured: read, checked, framed, every outcome
    of the registry and every gap, and the paired difference of each over wards with 2,000 resamples.
    """
    many, script = folder / "many", folder / "measure.py"
    many.mkdir()
    script.write_text(MEASURE)
    for number in range(RECORDS):
        text = records[number % len(records)].read_text()
        run_id = json.loads(text)["run_id"]
        (many / f"{number}.json").write_text(text.replace(run_id, f"{run_id}-{number}"))
    began = time.perf_counter()
    for path in many.glob("*.json"):
        json.loads(path.read_bytes())
    parsed = time.perf_counter() - began
    env = environment()
    done = subprocess.run(
        [sys.executable, str(script), str(many)],
        cwd=ROOT,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    runs, outcomes, taken = done.stdout.split()
    assert int(runs) == RECORDS
    return float(taken), parsed, int(outcomes)
