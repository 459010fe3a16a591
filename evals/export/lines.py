"""How are records written as lines: one canonical JSON document each, read and written one at a time?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from evals.report.document.parts import slug
from evals.report.gathering import Named

Progress = Callable[[int, int], None]


def write(what: Named, out: Path, progress: Progress) -> list[Path]:
    """`NAME.jsonl` a study, `SETTING-runs.jsonl` of other records: a line a record, its keys sorted. The files written.

    A file is written beside its place and moved there whole. Raises ParleyError as `evals.records.read` does.
    """
    from evals.records import read
    from nodes.record import canonical

    jobs = list(_jobs(what))
    parts: dict[Path, Path] = {}
    lines: dict[Path, IO[str]] = {}
    with ExitStack() as stack:
        for done, (name, path) in enumerate(jobs, 1):
            record = read(path, None)
            place = out / f"{name or f'{record.setting}-runs'}.jsonl"
            if place not in lines:
                parts[place] = place.with_suffix(".jsonl.part")
                lines[place] = stack.enter_context(parts[place].open("w", encoding="utf-8", newline="\n"))
            lines[place].write(canonical(record.model_dump(mode="json")) + "\n")
            progress(done, len(jobs))
    for place, part in parts.items():
        part.replace(place)
    return list(parts)


def _jobs(what: Named) -> Iterator[tuple[str, Path]]:
    """Every record with the name of its study, "" for one of none."""
    from evals.experiment.tables import record_paths
    from evals.records import paths

    for folder, plan in what.studies:
        yield from ((slug(plan.study.name), path) for path in record_paths(folder, plan))
    if what.records:
        yield from (("", path) for path in paths(what.records))
