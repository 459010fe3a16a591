"""How is one planned run played, here or in a process of a pool, and what is said of it afterwards?"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import weakref
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.errors import ParleyError, Unreachable

if TYPE_CHECKING:
    from nodes.table.equipment import Equipment

Json = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One run to be played: plain data, fit to be sent to another process. `setting` names its setting."""

    run_id: str
    scenario: str
    settings: Json
    paid: bool
    setting: str = "triage"


async def play(job: Job) -> Json:
    """Play a debate to its record; what the ledger keeps of it, or why there is no record.

    `failed` has a `reason` of one line; `stopped` is a cap that was reached. Only a broken-off wait raises.
    """
    from negotiators.chat.pacing import CapReached
    from nodes.table.journal import put_away

    began = time.monotonic()
    within = _debate.set(job.run_id)
    try:
        outcome = await _played(job)
    except CapReached as error:
        outcome = {"event": "stopped", "reason": str(error)}
    except (Unreachable, ParleyError) as error:
        outcome = {"event": "failed", "reason": " ".join(str(error).split())}
    except Exception as error:  # noqa: BLE001 — whatever breaks in one run must not take the others with it
        said = " ".join(str(error).split())[:300]
        outcome = {"event": "failed", "reason": f"{type(error).__name__}: {said}"}
    finally:
        _debate.reset(within)
        await _stragglers(job.run_id)
        put_away(job.run_id)
    return {"run_id": job.run_id, **outcome, "seconds": round(time.monotonic() - began, 3)}


async def _played(job: Job) -> Json:
    from evals.experiment.ledger import said_of
    from graphs.setting import setting

    at = setting(job.setting)
    table = at.table.model_validate(job.settings)
    scenario = await asyncio.to_thread(at.load, job.scenario)
    state = await at.compiled().ainvoke(
        at.given(scenario), context=table, config={"recursion_limit": at.steps(scenario, table)}
    )
    record = state["record"]
    if record["run_id"] != job.run_id:
        raise ParleyError(
            f"planned as {job.run_id}, but came out as {record['run_id']}: scenarios, personas, passages or the "
            "server changed meanwhile; run the same command again"
        )
    return said_of(record)


_debate: ContextVar[str | None] = ContextVar("debate", default=None)
_tasks: dict[str, weakref.WeakSet[asyncio.Task[Any]]] = {}


def follow_tasks() -> None:
    """Have the running loop remember which debate each task belongs to.

    When one seat's call fails, its opponent's may still be under way. Its answer is paid for, so it must reach
    the journal before the run is begun again.
    """

    def made(
        loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **more: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **more)
        debate = _debate.get()
        if debate is not None:
            _tasks.setdefault(debate, weakref.WeakSet()).add(task)
        return task

    asyncio.get_running_loop().set_task_factory(made)  # type: ignore[arg-type]


async def _stragglers(run_id: str) -> None:
    """Wait for what is still under way of a debate that has ended, as long as one waits for a reply."""
    from nodes.table.equipment import equipment

    here = asyncio.current_task()
    left = [t for t in _tasks.pop(run_id, ()) if t is not here and not t.done()]
    if left:
        _, late = await asyncio.wait(left, timeout=equipment().timeout_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


_loops: list[asyncio.Runner] = []


def sit_down(lent: Equipment, named: str = "triage") -> None:
    """Make a process of a pool ready: its equipment, its loop, the setting's graph, an end when its parent ends."""
    import threading
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    from graphs.setting import setting
    from nodes.table.edges import begin_tracing
    from nodes.table.equipment import lend

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    parent = parent_process()
    if parent is not None:

        def leave_with() -> None:
            wait([parent.sentinel])
            os._exit(1)  # killed: nobody else would ever end this process

        threading.Thread(target=leave_with, daemon=True).start()
    lend(lent)
    begin_tracing()
    setting(named).compiled()
    _loops[:] = [asyncio.Runner()]


def play_in_pool(job: Job) -> Json:
    """Play a debate in a process of a pool, on the loop it keeps."""
    from nodes.table.edges import end_tracing

    came: Json = _loops[0].run(play(job))
    end_tracing()
    return came
