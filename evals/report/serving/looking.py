"""Which records lie there now: names and times alone, so that one may look every second?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evals.experiment.ledger import Folder
from evals.report.gathering import Asked, Named, named
from evals.report.source import METRICS
from scenarios.errors import ParleyError

Stamp = tuple[int, int]
"""When a file was last written, in nanoseconds, and how long it is, in bytes."""


class Looking:
    """What the words name, looked at again and again. Raises ParleyError for a word that names nothing."""

    def __init__(self, words: Sequence[str], asked: Asked) -> None:
        self._words, self._asked = words, asked
        self.named = named(words, asked)
        for word in self.named.records:
            if not Path(word).expanduser().exists():
                raise ParleyError(f"{word}: no study, record or folder of records; name another")

    @property
    def planned(self) -> int | None:
        """How many runs are to come in all; None where records of no study are among them."""
        if self.named.records or not self.named.studies:
            return None
        return sum(len(plan.runs) for _, plan in self.named.studies)

    def look(self) -> dict[Path, Stamp]:
        """Every record that lies there, with its stamp; studies' first, each in the order planned."""
        self._again()
        out: dict[Path, Stamp] = {}
        for folder, plan in self.named.studies:
            there = folder.recorded()
            _stamp([folder.record(run_id) for run_id in plan.runs if run_id in there], out)
        for word in self.named.records:
            path = Path(word).expanduser()
            _stamp(sorted(path.glob("*.json")) if path.is_dir() else [path], out)
        return out

    def trainings(self) -> dict[Path, Stamp]:
        """What training runs have written so far."""
        out: dict[Path, Stamp] = {}
        _stamp([path / METRICS for path in self.named.trainings], out)
        return out

    def readable(self, files: Sequence[Path]) -> Named:
        """What is named, of its records only these: so that one that is damaged keeps nobody from the others."""
        kept = set(files)
        studies = [
            (Readable(folder.path, frozenset(p.stem for p in kept if p.parent == folder.records)), plan)
            for folder, plan in self.named.studies
        ]
        theirs = {folder.records for folder, _ in studies}
        loose = [str(path) for path in files if path.parent not in theirs]
        return replace(self.named, studies=[s for s in studies if s[0].only], records=loose)

    def _again(self) -> None:
        """A folder may become a study's, a training run's after one began to look at it."""
        for word in self.named.records:
            path = Path(word).expanduser()
            if (Folder(path).ledger.is_file() and Folder(path).study.is_file()) or (path / METRICS).is_file():
                self.named = named(self._words, self._asked)
                return


@dataclass(frozen=True)
class Readable(Folder):
    """A study's folder of which only some records are looked at."""

    only: frozenset[str] = frozenset()

    def recorded(self) -> set[str]:
        """The ids of those whose record lies there."""
        return super().recorded() & self.only


def _stamp(files: Sequence[Path], out: dict[Path, Stamp]) -> None:
    """Enter the stamp of every file that is still there."""
    for path in files:
        try:
            found = path.stat()
        except OSError:
            continue
        out.setdefault(path, (found.st_mtime_ns, found.st_size))
