"""How does a page keep up with an experiment: new runs at once, findings behind them as fast as they can be had?"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from evals.report.document.parts import Part, Sentence, slug
from evals.report.listing import Listed, Shelf, index_of, listed, of_loose, of_plan
from evals.report.serving.looking import Looking, Stamp
from evals.report.serving.working import Worked, Worker
from evals.report.source import QUESTION, Source
from scenarios.errors import ParleyError

Json = dict[str, Any]

LOOK_S = 1.0
"""So often one looks whether records came in."""

PARALLEL_FROM = 256
"""From so many new records on several processes read them; below, starting those takes longer."""

NONE_YET = "No run is recorded yet. This page waits, and shows each one as it comes in."

PEEKING = (
    "These are looks ahead of the end, for whoever watches over the runs. A study that is stopped, or drawn out, "
    "because of such a look has p-values that no longer mean what they say."
)


class Live:
    """The page at this moment, and what keeps it up to date; `watch` is for a thread of its own."""

    def __init__(self, looking: Looking, title: str, tell: Callable[[str], None]) -> None:
        self._looking, self._title, self._tell = looking, title, tell
        self._shelf = Shelf()
        self._known: dict[Path, Stamp] = {}
        self._worker, self._worked = Worker(), None
        self._reading = True
        self._begun = f"{time.time_ns():x}"
        self._version = 0
        self._pause = self._fresh = 0.0
        self._asked: dict[Path, Stamp] = {}
        self._last = self._took = 0.0
        self.page = b""
        self._assemble()

    _worked: Worked | None

    @property
    def state(self) -> Json:
        """What the page asks for: which version there is now, how far the runs are, whether one is at work."""
        return {
            "version": f"{self._begun}-{self._version}",
            "recorded": len(self._shelf.there),
            "planned": self._looking.planned,
            "busy": self._reading or self._worker.busy,
        }

    def watch(self, stop: threading.Event) -> None:
        """Look every second, until it is to stop."""
        try:
            while not stop.is_set():
                self.step(stop)
                stop.wait(LOOK_S)
        finally:
            self._worker.end()

    def step(self, stop: threading.Event) -> None:
        """Look once: take in what is new, take over findings that are done, begin to work out others."""
        now = time.monotonic()
        seen, trained = self._looking.look(), self._looking.trainings()
        changed = self._take_in(seen, stop) if now >= self._pause else False
        news = self._worker.news(self._tell)
        if news is not None:
            self._took, self._last = time.monotonic() - self._last, time.monotonic()
            if isinstance(news, Worked):
                self._worked = news
            else:
                self._tell(f"findings: not worked out ({news})")
        if changed or isinstance(news, Worked) or self._reading:
            self._reading = False
            self._assemble()
            self._pause = time.monotonic() + (time.monotonic() - now)
        self._begin({path: self._known[path] for path in self._shelf.there} | trained)

    def _take_in(self, seen: dict[Path, Stamp], stop: threading.Event) -> bool:
        """Read what is new; whether the runs are others than before. What changed or went has all read again."""
        stale = any(seen.get(path) != self._known[path] for path in self._shelf.there)
        if stale:
            self._shelf, self._known = Shelf(), {}
        new = [path for path, stamp in seen.items() if self._known.get(path) != stamp]
        if not new:
            return stale
        before = len(self._shelf.there)
        for path, found in zip(new, self._read(new, stop), strict=False):
            self._known[path] = seen[path]
            if isinstance(found, Listed):
                self._shelf.add(path, found)
            else:
                print(f"left out: {found}", file=sys.stderr, flush=True)
        return stale or len(self._shelf.there) > before

    def _read(self, files: Sequence[Path], stop: threading.Event) -> Iterator[Listed | str]:
        """What is kept of each record, or why it is left out."""
        named = {folder.records for folder, _ in self._looking.named.studies}
        jobs = [(path, path.parent in named) for path in files]
        if len(jobs) < PARALLEL_FROM:
            for job in jobs:
                if stop.is_set():
                    return
                yield tried(job)
            return
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        self._tell(f"reading {len(jobs)} records")
        with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_undisturbed) as pool:
            for found in pool.map(tried, jobs, chunksize=16):
                if stop.is_set():
                    pool.shutdown(cancel_futures=True)
                    return
                yield found

    def _begin(self, there: dict[Path, Stamp]) -> None:
        """Work findings out where there is something new, the last are done, and as long again has passed."""
        due = time.monotonic() >= self._last + self._took
        if not there or there == self._asked or self._worker.busy or not due:
            return
        self._asked, self._last = there, time.monotonic()
        files = list(self._shelf.there)
        self._worker.begin(self._looking.readable(files), len(files))

    def _assemble(self) -> None:
        """The page anew."""
        from evals.report.page import assembled

        listings = self._listings()
        packs, worked = self._shelf.packed(), self._worked
        told = self._told(listings)
        self._version += 1
        data = {
            "index": index_of(listings, packs, worked.values if worked else {}),
            "findings": worked.findings if worked else [],
            "effects": worked.effects if worked else [],
            "version": self.state["version"],
        }
        title = self._title or " ".join(dict.fromkeys(entry["source"].question for entry in told))
        text = assembled(told, data, packs, title=title, live=True)
        self.page = text.encode("utf-8", "replace")

    def _listings(self) -> list[tuple[Source, list[Json]]]:
        there = self._shelf.there
        by_id = {found.run_id: found for found in there.values()}
        studies = self._looking.named.studies
        theirs = {folder.records for folder, _ in studies}
        loose = [found for path, found in there.items() if path.parent not in theirs]
        return [of_plan(plan, by_id) for _, plan in studies] + of_loose(loose)

    def _told(self, listings: Sequence[tuple[Source, list[Json]]]) -> list[Json]:
        """What the template tells of each source: the last findings, under a line on how old they are."""
        from evals.report.page import told_of

        kept = {entry["source"].name: entry for entry in (self._worked.told if self._worked else [])}
        out, made = [], [source for source, _ in listings]
        for source, rows in listings:
            entry = kept.pop(source.name, None) or told_of(source, _quiet, made)
            runs = len({row["id"] for row in rows})
            out.append(replaced(entry, self._as_of(source, runs, bool(entry["parts"]))))
        out += kept.values()
        if not out:
            nothing = Source("waiting", QUESTION, "triage", "ward", "", [])
            out.append(replaced(told_of(nothing, _quiet), self._as_of(nothing, 0, False)))
        return out

    def _as_of(self, source: Source, runs: int, found: bool) -> Part:
        """How far the runs are, and over how many of them findings were worked out."""
        if self._reading:
            says = ["The records are being read. The page shows them once they are."]
        elif not runs:
            says = [NONE_YET]
        else:
            planned = f" of {source.planned} planned" if source.planned is not None else ""
            says = [f"{runs} runs{planned} are recorded."]
            if found and self._worked is not None:
                says += [f"The findings below are as of {self._worked.runs} runs.", PEEKING]
            else:
                says += ["Findings are being worked out; the runs can be read meanwhile."]
        title = f"As of {self._worked.runs} runs" if found and self._worked else "So far"
        return Part(f"{slug(source.name)}-so-far", title, [Sentence(words, []) for words in says], [])


def replaced(entry: Json, first: Part) -> Json:
    """What is told of a source, with one more part before the others."""
    return entry | {"parts": [first, *entry["parts"]]}


def tried(job: tuple[Path, bool]) -> Listed | str:
    """What is kept of a record, or in one line why it cannot be; a study's must be of the run it is named for."""
    from evals.records import read

    path, of_study = job
    try:
        found = listed(read(path, None))
    except ParleyError as error:
        return str(error)
    except (ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError) as error:
        return f"{path}: cannot be told ({type(error).__name__}: {error}); remove it and run again"
    if of_study and found.run_id != path.stem:
        return f"{path}: holds run {found.run_id}; remove it, and run the study again"
    return found


def _quiet(what: str) -> None:
    """Nothing is said of what is empty."""


def _undisturbed() -> None:
    """A Ctrl-C is for the server, which ends these processes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
