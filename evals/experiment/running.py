"""How is what is missing of a study run: resumed, claimed, several at once, each end entered in the ledger?"""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from evals.experiment.ledger import DONE, Claims, Folder, Ledger, said_of, standings
from evals.experiment.playing import Job, follow_tasks, play, play_in_pool, sit_down
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from evals.experiment.plan import Plan, Run
    from negotiators.chat.pacing import Budget
    from nodes.table.equipment import Equipment

Json = dict[str, Any]

FEW = 30
"""So few runs of reference seats are played in this process: another takes several seconds of a core to start."""

HOPELESS = 8
"""So many failures in a row, with nothing that came through, end a session: a key or an address is wrong."""

PATIENCE_S = 0.5
"""How often one looks whether another process has ended the runs it claimed."""


@dataclass(frozen=True)
class Ways:
    """How a session runs: processes, debates with models at once, calls at once, retries of failures, where."""

    processes: int = 0  # 0: a process a core
    debates: int = 64
    calls: int = 64
    retries: int = 2
    engine: str = "here"
    address: str | None = None  # of a Ray cluster


@dataclass
class Session:
    """What a session has come to so far; `missing` is what it set out to do."""

    missing: int
    complete: int = 0
    invalid: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # run id -> why, of the last attempt
    elsewhere: int = 0  # done by another process meanwhile
    stopped: str | None = None

    @property
    def done(self) -> int:
        """Runs that are no longer missing."""
        return self.complete + self.invalid + self.elsewhere


Progress = Callable[[Session], None]


class Engine(Protocol):
    """What plays debates; `width` of them at once."""

    width: int

    async def play(self, job: Job) -> Json:
        """Play one debate; see `evals.experiment.playing.play`."""
        ...


class Here:
    """Debates on this process's loop."""

    def __init__(self, width: int) -> None:
        self.width = width

    async def play(self, job: Job) -> Json:
        """Play one debate here."""
        return await play(job)


class Pool:
    """Debates in other processes, one at a time in each and one waiting, so that none idles."""

    def __init__(self, executor: Executor, processes: int) -> None:
        self._executor = executor
        self.width = processes + max(1, processes // 2)

    async def play(self, job: Job) -> Json:
        """Play one debate in the pool."""
        from concurrent.futures.process import BrokenProcessPool

        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, play_in_pool, job)
        except BrokenProcessPool:
            raise ParleyError(
                "a process that played debates died (out of memory?); run again, with fewer --processes"
            ) from None


def run_study(plan: Plan, folder: Folder, ways: Ways, lent: Equipment, progress: Progress) -> Session:
    """Do what is missing of a plan. Nothing recorded is lost or done twice, however often this is called or killed.

    Raises ParleyError where it cannot begin: a cap without prices, a model without a key, a folder that cannot
    be written.
    """
    from nodes.table.edges import begin_tracing, end_tracing
    from nodes.table.equipment import lend
    from nodes.table.journal import put_away

    budget = budget_of(plan)
    lent = replace(lent, runs=folder.records.resolve())
    lend(lent)
    models_answer(plan)
    folder.make()
    folder.keep(plan.study.model_dump(mode="json"))
    begin_tracing()
    with ExitStack() as open_:
        ledger = open_.enter_context(Ledger(folder))
        claims = open_.enter_context(Claims(folder))
        missing = reconciled(plan, folder, ledger)
        session = Session(len(missing))
        count_earlier(plan, folder, budget)
        ledger.append("session", missing=len(missing), engine=ways.engine)
        driver = Driver(plan, folder, ledger, claims, budget, ways, session, progress)
        try:
            if missing:
                asyncio.run(driver.drive(missing, lent))
        finally:
            put_away()
            end_tracing()
            ended = {"complete": session.complete, "invalid": session.invalid, "failed": len(session.failed)}
            ledger.append("ended", **ended, stopped=session.stopped)
    return session


def models_answer(plan: Plan) -> None:
    """Build every model once, so that a missing key or package is said before anything is begun."""
    from nodes.table.equipment import chat

    built = {
        (m, t.temperature, t.max_output_tokens)
        for t in (r.table for r in plan.runs.values())
        for m in t.models
    }
    for model, temperature, most in built:
        chat(model, temperature, most)


def budget_of(plan: Plan) -> Budget:
    """The study's caps with nothing spent yet. Raises ParleyError for a cap in dollars without prices."""
    from negotiators.chat.cost import load_prices, price_of
    from negotiators.chat.pacing import Budget

    caps, prices = plan.study.caps, load_prices()
    unknown = [m for m in plan.models if price_of(m, prices) is None]
    if caps.usd is not None and unknown:
        raise ParleyError(
            f"caps.usd: no price of {', '.join(unknown)} is known; name a table of prices in PARLEY_PRICES "
            "(NAME: {input: 2.5, output: 10}, dollars a million tokens), or cap tokens instead"
        )
    return Budget(caps.usd, caps.tokens, prices)


def reconciled(plan: Plan, folder: Folder, ledger: Ledger) -> list[Run]:
    """The runs without a record; records that a kill kept from the ledger are entered in it."""
    known, there = standings(folder), folder.recorded()
    for run_id in plan.runs:
        if run_id in there and (run_id not in known or known[run_id].event not in DONE):
            ledger.append(**_found(folder, run_id))
    return [run for run_id, run in plan.runs.items() if run_id not in there]


def _found(folder: Folder, run_id: str) -> Json:
    path = folder.record(run_id)
    try:
        return said_of(json.loads(path.read_text(encoding="utf-8"))) | {"found": True}
    except (OSError, ValueError, KeyError, TypeError):
        raise ParleyError(f"{path}: is damaged or no run record; remove it, and run again") from None


def count_earlier(plan: Plan, folder: Folder, budget: Budget) -> None:
    """Count what earlier sessions paid: of done runs by the ledger, of runs broken off by their journals."""
    if not plan.models:
        return
    known = standings(folder)
    for run_id, run in plan.runs.items():
        if not run.paid:
            continue
        if run_id in known and known[run_id].event in DONE:
            _count_line(known[run_id].line, budget)
        elif (folder.records / f"{run_id}.jsonl").exists():
            _count_journal(folder, run, budget)


def _count_line(line: Json, budget: Budget) -> None:
    for model, (calls, read, written) in line.get("spent", {}).items():
        budget.count(model, calls or 0, read or 0, written or 0)


def _count_journal(folder: Folder, run: Run, budget: Budget) -> None:
    """Answers kept in a journal. Which of two models gave one, the server's name of it tells; else the first."""
    from negotiators.chat.pacing import Heard
    from nodes.table.journal import Journal

    models = run.table.models
    for answer in Journal(run.run_id, folder.records).answers().values():
        named = str(answer.get("model") or "")
        model = next((m for m in models if named.startswith(m.partition(":")[2])), models[0])
        budget.add(model, Heard.of(answer, []))


@dataclass
class Driver:
    """One session under way: which runs are still to be begun, and what came of those that were."""

    plan: Plan
    folder: Folder
    ledger: Ledger
    claims: Claims
    budget: Budget
    ways: Ways
    session: Session
    progress: Progress
    _in_a_row: int = 0
    _later: list[Run] = field(default_factory=list)

    @property
    def _setting(self) -> str:
        return self.plan.study.setting

    async def drive(self, missing: Sequence[Run], lent: Equipment) -> None:
        """Run everything once, then again what failed; then wait for what other processes have claimed."""
        from nodes.table.equipment import hang_up

        follow_tasks()
        try:
            async with self._engines(missing, lent) as engines:
                for attempt in range(1 + self.ways.retries):
                    again = [r for r in missing if not attempt or r.run_id in self.session.failed]
                    await self._all(again, engines)
                    if not self.session.failed or self.session.stopped:
                        break
                await self._wait_for_others(engines)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            await hang_up()

    @asynccontextmanager
    async def _engines(self, missing: Sequence[Run], lent: Equipment) -> AsyncIterator[dict[bool, Engine]]:
        """An engine for debates with models, and one for those without."""
        from negotiators.chat.pacing import Pacing, paced

        engines: dict[bool, Engine]
        if self.ways.engine == "ray":
            from evals.experiment.cluster import on_ray

            async with on_ray(self.ways, self.folder, lent, self.budget, self._setting) as engines:
                yield engines
            return
        free = sum(not run.paid for run in missing)
        with ExitStack() as open_:
            open_.enter_context(paced(Pacing(self.budget, most=self.ways.calls)))
            engines = {True: Here(self.ways.debates), False: Here(1)}
            processes = min(self.ways.processes or os.cpu_count() or 1, free)
            alone = processes == 1 and free == len(missing)  # nothing else waits for this process's loop
            if free > FEW and not alone:
                executor = open_.enter_context(_pool(processes, lent, self._setting))
                open_.callback(executor.shutdown, wait=True, cancel_futures=True)
                engines[False] = Pool(executor, processes)
            yield engines

    async def _all(self, runs: Sequence[Run], engines: dict[bool, Engine]) -> None:
        async with asyncio.TaskGroup() as group:
            for paid, engine in engines.items():
                queue = deque(run for run in runs if run.paid == paid)
                for _ in range(min(engine.width, len(queue))):
                    group.create_task(self._work(queue, engine))

    async def _work(self, queue: deque[Run], engine: Engine) -> None:
        while queue and not self.session.stopped:
            await self._attempt(queue.popleft(), engine)

    async def _attempt(self, run: Run, engine: Engine) -> None:
        """Play one run, unless another process has it or has done it."""
        if not self.claims.take(run.run_id):
            self._later.append(run)
            return
        try:
            if self.folder.record(run.run_id).exists():
                self._done_elsewhere(run)
                return
            self.ledger.append("started", run_id=run.run_id)
            settings = run.table.model_dump(mode="json")
            try:
                came = await engine.play(Job(run.run_id, run.scenario, settings, run.paid, self._setting))
            except ParleyError as error:  # the engine itself has broken
                came = {"event": "stopped", "run_id": run.run_id, "reason": str(error)}
            self._note(run, came)
        finally:
            self.claims.release(run.run_id)
        self.progress(self.session)

    def _note(self, run: Run, came: Json) -> None:
        """Enter what came of an attempt."""
        self.ledger.append(**came)
        session, event = self.session, came["event"]
        if event in DONE:
            session.failed.pop(run.run_id, None)
            session.complete += event == "complete"
            session.invalid += event == "invalid"
            self._in_a_row = 0
            for entry in self.ledger.news() if self.plan.models else ():
                _count_line(entry, self.budget)  # what another process paid for counts as well
        elif event == "stopped":
            session.stopped = came["reason"]
        else:
            session.failed[run.run_id] = came["reason"]
            self._in_a_row += 1
            if self._in_a_row >= HOPELESS and not session.done:
                session.stopped = f"{self._in_a_row} runs failed one after another: {came['reason']}"

    def _done_elsewhere(self, run: Run) -> None:
        self.session.failed.pop(run.run_id, None)
        self.session.elsewhere += 1
        self.progress(self.session)

    async def _wait_for_others(self, engines: dict[bool, Engine]) -> None:
        """Runs that another process had claimed: wait until it has done them, or do them if it has ended."""
        while self._later and not self.session.stopped:
            await asyncio.sleep(PATIENCE_S)
            waiting, self._later = self._later, []
            for run in waiting:
                await self._attempt(run, engines[run.paid])


def _pool(processes: int, lent: Equipment, named: str) -> Any:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # `spawn`: a fork of a process that holds threads or a database connection may hang.
    return ProcessPoolExecutor(processes, get_context("spawn"), initializer=sit_down, initargs=(lent, named))


__all__ = ["Here", "Pool", "Session", "Ways", "run_study"]
