"""How are findings worked out while one goes on answering: in a process of its own, one at a time?"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from typing import Any

from evals.report.gathering import Named
from scenarios.errors import ParleyError

Json = dict[str, Any]


@dataclass(frozen=True)
class Worked:
    """Findings as a page takes them, without the tables behind them."""

    told: list[Json]
    """As `evals.report.page.told_of`."""
    findings: list[Json]
    effects: list[Json]
    values: dict[tuple[str, str], Json]
    """(source, run) -> outcomes by name."""
    runs: int
    """How many records they rest on."""


class Worker:
    """The process that works findings out; `news` says what has become of it."""

    def __init__(self) -> None:
        self._context = get_context("spawn")
        self._process: Any = None
        self._from: Connection | None = None

    @property
    def busy(self) -> bool:
        """Whether findings are being worked out."""
        return self._process is not None

    def begin(self, what: Named, runs: int) -> None:
        """Begin to work out the findings of what is named."""
        self._from, into = self._context.Pipe(duplex=False)
        self._process = self._context.Process(target=_work, args=(what, runs, into))
        self._process.start()
        into.close()

    def news(self, tell: Callable[[str], None]) -> Worked | str | None:
        """Findings once they are there, why they could not be worked out, or None while that goes on."""
        while self._from is not None:
            try:
                if not self._from.poll():
                    return None
                kind, what = self._from.recv()
            except (EOFError, OSError):
                kind, what = "failed", f"the process that worked them out died (exit code {self._ended()})"
            if kind == "tells":
                tell(what)
                continue
            self.end()
            return what  # type: ignore[no-any-return]
        return None

    def _ended(self) -> int | None:
        self._process.join(5)
        code: int | None = self._process.exitcode
        return code

    def end(self) -> None:
        """End it, and every process that it began."""
        if self._process is None:
            return
        if hasattr(os, "killpg"):
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except OSError:  # it was not the first of its group yet, or has gone
                self._process.kill()
        else:
            self._process.kill()
        self._process.join()
        if self._from is not None:
            self._from.close()
        self._process, self._from = None, None


def _work(what: Named, runs: int, into: Connection) -> None:
    """The process: send ("tells", words) while at it, then ("done", Worked) or ("failed", why)."""
    _alone()
    try:
        result: tuple[str, Any] = "done", worked_out(what, runs, lambda words: into.send(("tells", words)))
    except ParleyError as error:
        result = "failed", str(error)
    into.send(result)
    into.close()


def _alone() -> None:
    """A Ctrl-C is for the server; where the server dies, this and what it began die as well."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()

    def follow() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def worked_out(what: Named, runs: int, tell: Callable[[str], None]) -> Worked:
    """The findings of everything that is named."""
    from evals.report.document.parts import verdicts
    from evals.report.effects import effects
    from evals.report.gathering import measured
    from evals.report.index import uses
    from evals.report.packing import Packed
    from evals.report.page import finding, index, told_of

    made = measured(what, tell)
    tables = [uses(source) for source in made]
    everywhere = Packed([], "", {i: (0, 0) for table in tables for i in table["id"]}, {})
    listed = index(made, tables, everywhere)
    at = [listed["columns"].index(name) for name in ("source", "id")]
    told = [told_of(source, tell, made) for source in made]
    for entry in told:  # tables, figures and records stay behind
        entry["source"] = replace(entry["source"], sections=[], files=[], frames=None)
    return Worked(
        told=told,
        findings=[finding(source, row) for source in made for row in verdicts(source)],
        effects=[e for source, table in zip(made, tables, strict=True) for e in effects(source, table)],
        values={
            (row[at[0]], row[at[1]]): values
            for row, values in zip(listed["rows"], listed["values"], strict=True)
        },
        runs=runs,
    )
