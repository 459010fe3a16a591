"""Where are the records of runs, and how are many of them read: checked, in parallel, a little of each kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from nodes.commons.record import CommonsRecord
    from nodes.deliberation.record import DeliberationRecord
    from nodes.games.record import GameRecord
    from nodes.record import RunRecord

    AnyRecord = RunRecord | CommonsRecord | GameRecord | DeliberationRecord

Kept = TypeVar("Kept")

SettingName = Literal["triage", "commons", "games", "deliberation"]
SETTINGS: tuple[SettingName, ...] = get_args(SettingName)

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


@overload
def read(path: Path) -> RunRecord: ...
@overload
def read(path: Path, setting: Literal["triage"]) -> RunRecord: ...
@overload
def read(path: Path, setting: SettingName | None) -> AnyRecord: ...


def read(path: Path, setting: SettingName | None = "triage") -> AnyRecord:
    """One record, checked: of this setting, or with None of any.

    Raises ParleyError, in one line, for a file that is no record of this schema, or one of another setting.
    """
    from pydantic import ValidationError

    from nodes.record import SCHEMA_VERSION

    try:
        text = path.read_bytes()
    except OSError as error:
        raise ParleyError(f"{path}: cannot be read ({error.strerror}); name a record") from None
    try:
        record: AnyRecord = _checked(text, setting)
        wrong, version = None, record.schema_version
    except ValidationError as error:
        wrong, version = error.errors()[0], _named(text, "schema_version", SCHEMA_VERSION)
    # The version first: the fields of another one are no damage.
    if version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise ParleyError(
            f"{path}: schema_version is {version}, this reads {SCHEMA_VERSION}; remove it and run again"
        )
    if wrong is not None:
        found = _named(text, "setting", setting or "")
        if setting is not None and found != setting and found in SETTINGS:
            raise ParleyError(
                f"{path}: is a record of the setting {found}, this reads {setting}; name others"
            )
        field = ".".join(str(part) for part in wrong["loc"]) or "the file"
        raise ParleyError(
            f"{path}: {field}: {wrong['msg']}; no run record, or damaged: remove it and run again"
        )
    return record


def _checked(text: bytes, setting: SettingName | None) -> Any:
    """The record in a text; raises pydantic's ValidationError."""
    if setting == "triage":
        from nodes.record import RunRecord

        return RunRecord.model_validate_json(text)
    from nodes.records import KINDS, reader

    return reader().validate_json(text) if setting is None else KINDS[setting].model_validate_json(text)


def _named(text: bytes, field: str, otherwise: str) -> str:
    """What a document says in a field of words, `otherwise` where it says nothing."""
    try:
        document = json.loads(text)
    except ValueError:
        return otherwise
    named = document.get(field) if isinstance(document, dict) else None
    return named if isinstance(named, str) else otherwise


def each(
    files: Sequence[Path],
    keep: Callable[[Any], Kept],
    *,
    processes: int | None = None,
    setting: SettingName | None = "triage",
) -> Iterator[Kept]:
    """`keep(record)` for every file, in order; many files are read by a process a core.

    Records must be of the `setting`; with None of any. `keep` must be a function of a module (it is sent to
    other processes) and should return little: a record takes half a megabyte. Raises ParleyError as `read` does.
    """
    processes = processes or os.cpu_count() or 1
    if processes == 1 or len(files) < PARALLEL_FROM:
        yield from (keep(read(path, setting)) for path in files)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # `spawn`: a fork of a process that holds threads or a database connection may hang.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_kept, ((keep, path, setting) for path in files), chunksize=16)


def _kept(job: tuple[Callable[[Any], Kept], Path, SettingName | None]) -> Kept:
    keep, path, setting = job
    return keep(read(path, setting))
