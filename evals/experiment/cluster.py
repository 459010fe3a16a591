"""How are debates played on a Ray cluster: async actors that play many at once, and one gate for all their calls?

Records and journals are written by the actors, so the study's folder must be one that every node sees. Keys come
from each node's own environment: none is sent.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.experiment.playing import Job, follow_tasks, play
from negotiators.chat.pacing import Budget, CapReached, Heard, Pacing, paced
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from evals.experiment.ledger import Folder
    from evals.experiment.running import Engine, Ways
    from nodes.table.equipment import Equipment

Json = dict[str, Any]

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
"""Set before Ray is imported: it reports no usage to anyone."""

AT_ONCE = 10_000
"""Waiting calls of one actor are coroutines: there is no reason to bound them here; windows and budget do."""


class Doorkeeper:
    """The actor that holds the gate of all players."""

    def __init__(self, budget: Budget, calls: int) -> None:
        self._gate = Pacing(budget, most=calls)

    async def enter(self, where: str) -> float | str:
        """When a call's turn began, or why it has none: a cap that is reached."""
        try:
            return await self._gate.enter(where)
        except CapReached as error:
            return str(error)

    async def leave(self, where: str, spec: str, began: float, heard: Heard | None) -> None:
        """Give a turn back."""
        self._gate.leave(where, spec, began, heard)


class FarGate:
    """A player's way to the gate."""

    def __init__(self, keeper: Any) -> None:
        self._keeper = keeper

    async def enter(self, where: str) -> float:
        """Wait for a turn. Raises CapReached."""
        began: float | str = await self._keeper.enter.remote(where)
        if isinstance(began, str):
            raise CapReached(began)
        return began

    def leave(self, where: str, spec: str, began: float, heard: Heard | None) -> None:
        """Give a turn back; nobody waits for that."""
        self._keeper.leave.remote(where, spec, began, heard)


class Player:
    """The actor that plays debates, many at once on one loop."""

    def __init__(self, lent: Equipment, keeper: Any, named: str = "triage") -> None:
        from graphs.setting import setting
        from nodes.table.edges import begin_tracing
        from nodes.table.equipment import lend

        lend(lent)
        begin_tracing()
        setting(named).compiled()
        self._folder = lent.runs
        self._pacing = paced(FarGate(keeper))
        self._pacing.__enter__()  # until the actor ends
        self._follows = False

    async def sees_folder(self) -> str | None:
        """None, or the name of this node if it does not see the study's folder."""
        there = await asyncio.to_thread((self._folder.parent / "ledger.jsonl").is_file)
        return None if there else socket.gethostname()

    async def play(self, job: Job) -> Json:
        """Play one debate; see `evals.experiment.playing.play`."""
        if not self._follows:
            follow_tasks()
            self._follows = True
        return await play(job)

    async def leave(self) -> None:
        """Close what is open."""
        from nodes.table.edges import end_tracing
        from nodes.table.equipment import hang_up

        await hang_up()
        await asyncio.to_thread(end_tracing)


class OnRay:
    """Debates on the actors of a cluster, each on the one that has least to do; an actor that died gets no more."""

    def __init__(self, players: list[Any], width: int) -> None:
        self.width = width
        self._busy = dict.fromkeys(range(len(players)), 0)
        self._players = players

    async def play(self, job: Job) -> Json:
        """Play one debate on the cluster."""
        import ray

        if not self._busy:
            raise ParleyError("every actor has died (out of memory?); run again, with fewer --debates")
        chosen = min(self._busy, key=lambda i: self._busy[i])
        self._busy[chosen] += 1
        try:
            came: Json = await self._players[chosen].play.remote(job)
        except ray.exceptions.RayActorError:
            self._busy.pop(chosen, None)
            return {"event": "failed", "run_id": job.run_id, "reason": "the actor that played it died"}
        self._busy[chosen] -= 1
        return came

    async def close(self) -> None:
        """Have every actor that lives close what is open."""
        await asyncio.gather(*(self._players[i].leave.remote() for i in self._busy))


@asynccontextmanager
async def on_ray(
    ways: Ways, folder: Folder, lent: Equipment, budget: Budget, named: str = "triage"
) -> AsyncIterator[dict[bool, Engine]]:
    """Engines on the cluster at `ways.address`, else on one started here and stopped at the end; `named` a setting.

    Raises ParleyError where Ray is not installed, the cluster cannot be reached, or a node does not see the folder.
    """
    ray = _ray()
    home = None if ways.address else Path(tempfile.mkdtemp(prefix="parley-ray-"))
    try:
        _connect(ray, ways, home)
        actors = ways.processes or max(1, int(ray.cluster_resources().get("CPU", 1)))
        keeper = (
            ray.remote(Doorkeeper).options(num_cpus=0, max_concurrency=AT_ONCE).remote(budget, ways.calls)
        )
        kind = ray.remote(Player).options(num_cpus=1, max_concurrency=AT_ONCE)
        players = [kind.remote(lent, keeper, named) for _ in range(actors)]
        blind = [node for node in await asyncio.gather(*(p.sees_folder.remote() for p in players)) if node]
        if blind:
            raise ParleyError(
                f"{folder.path}: node {blind[0]} does not see it; name a folder on a shared file system with --out"
            )
        paid, free = OnRay(players, ways.debates), OnRay(players, 2 * actors)
        yield {True: paid, False: free}
        await paid.close()
    finally:
        ray.shutdown()
        if home is not None:
            shutil.rmtree(home, ignore_errors=True)


def _ray() -> Any:
    os.environ.update({k: v for k, v in QUIET.items() if k not in os.environ or k.endswith("STATS_ENABLED")})
    try:
        import ray
    except ImportError:
        raise ParleyError("--engine ray: Ray is not installed; run `pip install 'ray>=2.50,<3'`") from None
    return ray


def _connect(ray: Any, ways: Ways, home: Path | None) -> None:
    quiet: Json = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    if home is not None:
        quiet |= {"include_dashboard": False, "_temp_dir": str(home), "num_cpus": ways.processes or None}
    try:
        ray.init(address=ways.address or "local", **quiet)
    except Exception as error:  # noqa: BLE001 — Ray raises whatever its parts do when a cluster cannot be had
        said = " ".join(str(error).split())[:200]
        raise ParleyError(
            f"--engine ray: no cluster ({type(error).__name__}: {said}); see --address"
        ) from None
