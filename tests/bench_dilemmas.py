"""How fast are dilemmas: a season beside bare LangGraph steps, ten thousand games under a contract, a game's gap."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

ROUNDS = 1000
"""Of one run of a game, the most there may be."""
GAMES = 10_000
LIFT = "lift:prisoners-dilemma"

Json = dict[str, Any]


class Count(TypedDict):
    """The state of a graph that only counts."""

    done: int


async def season_beside_steps(runs: int = 15) -> tuple[float, float, int]:
    """CPU ms of a 12-month season of 5 reference seats, of as many bare steps, and the steps; medians, in turn.

    Seats talk, negotiate, vote and harvest under the law that they adopt; policies are solved in a first run.
    """
    from graphs.setting import setting

    of = setting("commons")
    table, given = of.table(), of.given(of.load("fishery"))
    machine: Any = of.compiled()
    steps = 0
    async for _ in machine.astream(given, _long(), context=table, stream_mode="updates"):
        steps += 1
    bare = _bare(steps)
    ours, theirs = list[float](), list[float]()
    for _ in range(runs):
        ours.append(await _cpu(machine, given, context=table))
        theirs.append(await _cpu(bare, {"done": 0}))
    return 1000 * statistics.median(ours), 1000 * statistics.median(theirs), steps


def _bare(steps: int) -> Any:
    """A graph of one channel that goes round so many times and does nothing."""
    from langgraph.graph import END, START, StateGraph

    async def step(state: Count) -> Json:
        return {"done": state["done"] + 1}

    async def more(state: Count) -> str:
        return "step" if state["done"] < steps else END

    graph: Any = StateGraph(Count)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", more, ["step", END])
    return graph.compile()


async def _cpu(machine: Any, given: Json, **more: Any) -> float:
    began = time.process_time()
    await machine.ainvoke(given, _long(), **more)
    return time.process_time() - began


def _long() -> Json:
    return {"recursion_limit": 100_000}


async def games_under_contract(**settings: Any) -> float:
    """Seconds for 10,000 plays of a Prisoner's Dilemma through the graph, 1,000 a run, in this process."""
    from graphs.setting import setting

    of = setting("games")
    given: Json = of.given(of.load("prisoners-dilemma"))
    machine: Any = of.compiled()
    tables = [of.table(rounds=ROUNDS, seed=1 + i, **settings) for i in range(GAMES // ROUNDS)]
    await machine.ainvoke(given, _long(), context=of.table(rounds=2, **settings))
    began = time.perf_counter()
    for table in tables:
        await machine.ainvoke(given, _long(), context=table)
    return time.perf_counter() - began


async def one_shot_games(runs: int = 200) -> float:
    """Milliseconds of one whole run of a game played once, contract negotiated, record written."""
    from graphs.setting import setting

    of = setting("games")
    given: Json = of.given(of.load(LIFT))
    machine: Any = of.compiled()
    for seed in range(3):
        await machine.ainvoke(given, context=of.table(seed=seed))
    began = time.perf_counter()
    for seed in range(runs):
        await machine.ainvoke(given, context=of.table(seed=10 + seed))
    return 1000 * (time.perf_counter() - began) / runs


def gap_of_a_lift(runs: int = 5) -> tuple[float, float]:
    """Seconds of the exact welfare gap of a 4×4 game, in pure Nash and through a mediator; medians."""
    from scenarios.games import load
    from scenarios.mechanisms import Problem, correlated, nash

    problem = Problem.of(load(LIFT))
    times: dict[Any, list[float]] = {nash: [], correlated: []}
    for _ in range(runs):
        for solve, taken in times.items():
            began = time.perf_counter()
            solve(problem)
            taken.append(time.perf_counter() - began)
    return statistics.median(times[nash]), statistics.median(times[correlated])


def dilemma_rows() -> list[tuple[str, str, str]]:
    """Rows of the page: what, measured, beside it."""
    from nodes.table.equipment import Equipment, lend

    with tempfile.TemporaryDirectory(prefix="parley-b-") as folder:
        lend(Equipment(runs=Path(folder)))
        season, bare, steps = asyncio.run(season_beside_steps())
        given = asyncio.run(games_under_contract(law="defection-burnt", negotiate=False, talk=False))
        made = asyncio.run(games_under_contract())
        once = asyncio.run(one_shot_games())
    pure, mediated = gap_of_a_lift()
    return [
        (
            "a season: 12 months, 5 reference seats, policies cached",
            f"{season:.0f} ms of CPU",
            f"{season / bare:.1f} × as many bare LangGraph steps ({steps} steps, {bare:.0f} ms)",
        ),
        (
            "10,000 games under an enforced contract, 1,000 a run",
            f"{given:.0f} s",
            f"one process; {made:.0f} s where seats also talk and may propose in every game",
        ),
        ("a 4×4 game played once", f"{once:.0f} ms", "one process; contract negotiated, record written"),
        (
            "the exact gap of a 4×4 game",
            f"{pure:.2f} s",
            f"pure Nash; {mediated:.2f} s through a mediator",
        ),
    ]


if __name__ == "__main__":
    for row in dilemma_rows():
        print(*row, sep="  |  ")
