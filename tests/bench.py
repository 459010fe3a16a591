"""How fast is it, on this machine: printed by `make bench`, and written with the machine into docs/benchmarks.md.

Every speed stands beside a baseline measured in the same run, so that a ratio can be read where the seconds cannot.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from tests.bench_dilemmas import dilemma_rows
from tests.bench_report import report_rows
from tests.play import ROOT, environment

RUNS = 7
IMPORTS = (
    "import langgraph.graph, langgraph.types, psycopg, psycopg_pool, pgvector, pydantic, numpy, scipy.sparse, "
    "clarabel, rich.console, yaml, langchain_core.retrievers"
)

PAGE = """# Benchmarks

Written by `make bench` on {day}: {machine}. Medians of {runs} runs, the commands in turn.
The machine is shared: read the seconds as ±2×, and the ratios as they stand.

| what | measured | beside it |
|---|---|---|
{table}

## Retrieval

{queries} queries with graded relevance (`tests/data/retrieval_queries.yaml`, judged by one reader) over {passages}
passages, embeddings {embeddings}; the same table by `python -m retrieval.benchmark`.

| mode | recall@5 | nDCG@10 |
|---|---|---|
{quality}

Best by nDCG@10: {best}.
"""


def seconds(command: list[str], cwd: Path, env: dict[str, str]) -> float:
    """Wall time of one run of a command, which must succeed."""
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def in_turn(commands: dict[str, list[str]], cwd: Path, env: dict[str, str]) -> dict[str, list[float]]:
    """Several runs of several commands in turn, A B C A B C …; the first round is dropped."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(RUNS + 1):
        for name, command in commands.items():
            taken = seconds(command, cwd, env)
            if number:
                times[name].append(taken)
    return times


def first_run() -> float:
    """From a clone to the end of a first debate: `make triage` in an empty folder with an empty home."""
    with tempfile.TemporaryDirectory(prefix="parley-b-") as folder:
        clone, home = Path(folder) / "parley", Path(folder) / "home"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        env = {**environment(), "PARLEY_HOME": str(home)}
        env.pop("PYTHONPATH")
        try:
            return seconds(["make", "triage"], clone, env)
        finally:
            stop = [str(clone / ".venv/bin/python"), "-m", "retrieval", "stop"]
            subprocess.run(stop, cwd=clone, env=env, check=False, capture_output=True)


async def node_overhead() -> tuple[float, int]:
    """Milliseconds a step that the graph adds to its nodes, and the steps of a debate: no checkpoints, best of runs."""
    from langgraph.graph import StateGraph

    from graphs.triage import build
    from nodes.settings import Table

    inside = [0.0]
    graph: StateGraph[Any, Any, Any, Any] = build()
    for spec in graph.nodes.values():
        _time_inside(spec.runnable, inside)
    machine = graph.compile()
    best, steps = float("inf"), 0
    for _ in range(30):
        inside[0], steps, began = 0.0, 0, time.perf_counter()
        async for _chunk in machine.astream({}, context=Table(retrieval="off"), stream_mode="updates"):
            steps += 1
        best = min(best, time.perf_counter() - began - inside[0])
    return 1000 * best / steps, steps


def _time_inside(runnable: Any, inside: list[float]) -> None:
    """Add the time spent in a node's own function to `inside`."""
    for name in ("func", "afunc"):
        function = getattr(runnable, name, None)
        if function is None:
            continue
        wrap = _timed_async if asyncio.iscoroutinefunction(function) else _timed
        setattr(runnable, name, wrap(function, inside))


def _timed(function: Callable[..., Any], inside: list[float]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            inside[0] += time.perf_counter() - began

    return run


def _timed_async(function: Callable[..., Any], inside: list[float]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return await function(*args, **kwargs)
        finally:
            inside[0] += time.perf_counter() - began

    return run


def debates_a_second() -> float:
    """Whole reference debates a second in one process, retrieval off, on generated wards of 8 patients."""
    from tests.play import play

    with tempfile.TemporaryDirectory() as folder:
        play("generated:0,n=8,divisible=1", Path(folder))
        began = time.perf_counter()
        for seed in range(1, 31):
            play(f"generated:{seed},n=8,divisible=1", Path(folder))
        return 30 / (time.perf_counter() - began)


def retrieval_report() -> dict[str, Any]:
    """Quality and latency of retrieval over the shipped corpus."""
    from retrieval.benchmark import QUERIES, judge, load_queries
    from retrieval.store import Store

    with Store.connect() as store:
        store.ensure_corpus()
        return judge(store, load_queries(QUERIES))


def study_rows() -> list[tuple[str, str, str]]:
    """How long studies take: a thousand debates with and without retrieval, ten thousand records."""
    from tests.bench_studies import DEBATES, ten_thousand_records, thousand_debates

    one = debates_a_second()
    with tempfile.TemporaryDirectory(prefix="parley-b-") as name:
        folder = Path(name)
        off, on = (thousand_debates(folder, retrieval) for retrieval in ("off", "on"))
        records = sorted((folder / "off" / "records").glob("*.json"))
        taken, parsed, outcomes = ten_thousand_records(records, folder)
    return [
        (
            "1,000 reference debates, `evals.experiment run`",
            f"{off:.0f} s",
            f"{DEBATES / off / one:.1f} × the pace of one process; retrieval off",
        ),
        ("… with retrieval", f"{on:.0f} s", f"{on / off:.2f} × without"),
        (
            "10,000 records measured, 2,000 resamples",
            f"{taken:.0f} s",
            f"{taken / parsed:.1f} × parsing them as JSON in one process; {outcomes} outcomes",
        ),
    ]


def machine() -> str:
    """This machine, in a line."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    memory = next(
        (int(line.split()[1]) // 2**20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0
    )
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{cpu}, {os.cpu_count()} cores, {memory} GiB, {system}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def measured() -> str:
    """Everything, as the page that is kept in docs/."""
    home = os.environ["PARLEY_HOME"]
    env = {**environment(), "PARLEY_HOME": home}
    triage = [sys.executable, "-m", "graphs.triage"]
    with tempfile.TemporaryDirectory(prefix="parley-b-") as folder:
        commands = {
            "help": [*triage, "--help"],
            "imports": [sys.executable, "-c", IMPORTS],
            "bare": [sys.executable, "-c", "import langgraph.graph"],
            "invoke": [*triage, "invoke"],
        }
        times = {name: statistics.median(t) for name, t in in_turn(commands, Path(folder), env).items()}
    overhead, steps = asyncio.run(node_overhead())
    found = retrieval_report()
    first = first_run()
    studies = [*study_rows(), *dilemma_rows(), *report_rows()]
    rows = [
        (
            "first run, `git clone` to the end of `make triage`",
            f"{first:.0f} s",
            "packages fetched or cached by the machine",
        ),
        (
            "`invoke`, warm",
            f"{times['invoke']:.2f} s",
            f"{times['invoke'] / times['imports']:.2f} × importing its parts alone",
        ),
        (
            "… beyond imports",
            f"{times['invoke'] - times['imports']:.2f} s",
            f"imports alone {times['imports']:.2f} s",
        ),
        (
            "`--help`",
            f"{times['help']:.2f} s",
            f"{times['help'] / times['bare']:.2f} × `import langgraph.graph` ({times['bare']:.2f} s)",
        ),
        ("graph overhead a node", f"{overhead:.2f} ms", f"no checkpoints, {steps} steps a debate"),
        ("reference debates", f"{debates_a_second():.1f} a second", "one process, 8 patients, retrieval off"),
    ]
    modes = found["modes"]
    rows += [
        (
            "hybrid retrieval beside the embedding, p50 / p95",
            f"{modes['hybrid']['p50_ms']:.1f} / {modes['hybrid']['p95_ms']:.1f} ms",
            f"{modes['hybrid']['p50_ms'] / modes['dense']['p50_ms']:.2f} × dense alone",
        )
    ]
    rows += studies
    table = "\n".join(f"| {what} | {value} | {beside} |" for what, value, beside in rows)
    quality = "\n".join(f"| {m} | {r['recall@5']:.3f} | {r['ndcg@10']:.3f} |" for m, r in modes.items())
    return PAGE.format(
        day=date.today(),
        machine=machine(),
        runs=RUNS,
        table=table,
        quality=quality,
        best=found["best"],
        queries=found["queries"],
        passages=found["passages"],
        embeddings=found["embeddings"],
    )


def main() -> None:
    """Measure in a home of its own, print the page, and keep it."""
    home = tempfile.mkdtemp(prefix="parley-b-")
    os.environ["PARLEY_HOME"] = home
    try:
        page = measured()
    finally:
        from retrieval.postgres import server

        server.stop()
        shutil.rmtree(home, ignore_errors=True)
    (ROOT / "docs" / "benchmarks.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
