"""Where are the records of runs, and how are many of them read: checked, in parallel, a little of each kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from nodes.record import RunRecord

Kept = TypeVar("Kept")

PARALLEL_FROM = 64
"""From so many records on they are read by several processes; below, starting those takes longer."""


def paths(where: Iterable[str | Path]) -> list[Path]:
    """Every record that files and folders name, in order and once each; folders are not searched deeper.

    Raises ParleyError for a path that is not there, or where no record is found at all.
    """
    found: dict[Path, None] = {}
    asked = [Path(w).expanduser() for w in where]
    for path in asked:
        try:
            if path.is_dir():
                found.update(dict.fromkeys(sorted(p for p in path.glob("*.json") if p.is_file())))
            elif path.is_file():
                found[path] = None
            else:
                raise ParleyError(f"{path}: no such record or folder of records; name another")
        except OSError as error:
            raise ParleyError(f"{path}: cannot be read ({error.strerror}); name another") from None
    if not found:
        raise ParleyError(
            f"{', '.join(map(str, asked)) or 'no path given'}: no record there; run a debate first"
        )
    return list(found)


def read(path: Path) -> RunRecord:
    """One record, checked. Raises ParleyError, in one line, for a file that is no record of this schema."""
    from pydantic import ValidationError

    from nodes.record import SCHEMA_VERSION, RunRecord

    try:
        text = path.read_bytes()
    except OSError as error:
        raise ParleyError(f"{path}: cannot be read ({error.strerror}); name a record") from None
    try:
        record = RunRecord.model_validate_json(text)
        wrong, version = None, record.schema_version
    except ValidationError as error:
        wrong, version = error.errors()[0], _version(text, SCHEMA_VERSION)
    # The version first: the fields of another one are no damage.
    if version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise ParleyError(
            f"{path}: schema_version is {version}, this reads {SCHEMA_VERSION}; remove it and run again"
        )
    if wrong is not None:
        field = ".".join(str(part) for part in wrong["loc"]) or "the file"
        raise ParleyError(
            f"{path}: {field}: {wrong['msg']}; no run record, or damaged: remove it and run again"
        )
    return record


def _version(text: bytes, otherwise: str) -> str:
    """The schema version that a document names, `otherwise` where it names none."""
    try:
        document = json.loads(text)
    except ValueError:
        return otherwise
    named = document.get("schema_version") if isinstance(document, dict) else None
    return named if isinstance(named, str) else otherwise


def each(
    files: Sequence[Path], keep: Callable[[RunRecord], Kept], *, processes: int | None = None
) -> Iterator[Kept]:
    """`keep(record)` for every file, in order; many files are read by a process a core.

    `keep` must be a function of a module (it is sent to other processes) and should return little: a record
    takes half a megabyte. Raises ParleyError as `read` does.
    """
    processes = processes or os.cpu_count() or 1
    if processes == 1 or len(files) < PARALLEL_FROM:
        yield from (keep(read(path)) for path in files)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # `spawn`: a fork of a process that holds threads or a database connection may hang.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_kept, ((keep, path) for path in files), chunksize=16)


def _kept(job: tuple[Callable[[RunRecord], Kept], Path]) -> Kept:
    keep, path = job
    return keep(read(path))
