"""What does LangSmith hold of an experiment: its records as files that `evals` reads, its feedback as a table."""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.langsmith.reaching import reaching
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import langsmith.schemas as ls
    from langsmith import Client

    from nodes.record import RunRecord

AT_ONCE = 50
"""Runs whose feedback is asked for in one request: their ids stand in its address."""
NAMED = 5
"""Runs without a record that are named in a report; the rest are counted."""
FEEDBACK = "feedback.csv"
COLUMNS = ("experiment", "level", "example", "scenario", "twin", "run_id", "trace", "key", "score", "comment")
_SELECT = (
    *("id", "name", "run_type", "start_time", "trace_id", "session_id"),
    *("outputs", "error", "reference_example_id"),
)


@dataclass
class Pulled:
    """What a pull did. `kept`: records there already, byte for byte; `differing`: others of the same id, left."""

    experiment: str
    folder: Path
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    feedback: int = 0

    @property
    def counts(self) -> dict[str, Any]:
        """As plain data."""
        numbers = {name: len(getattr(self, name)) for name in ("written", "kept", "differing", "unread")}
        return {
            "experiment": self.experiment,
            "folder": str(self.folder),
            **numbers,
            "feedback": self.feedback,
        }


def pull(client: Client, name: str, out: Path) -> list[Pulled]:
    """Write the records and the feedback of an experiment into a folder; of a dataset, of each of its experiments.

    A dataset's experiments get a folder each under `out`. Nothing that is there is ever written over but
    feedback.csv. Raises ParleyError where there is no such experiment or dataset, or the folder cannot be written.
    """
    from langsmith.utils import LangSmithNotFoundError

    with reaching(client, f"'{name}'"):
        try:
            return [_pull(client, client.read_project(project_name=name), out)]
        except LangSmithNotFoundError:
            pass
        try:
            dataset = client.read_dataset(dataset_name=name)
        except LangSmithNotFoundError:
            raise ParleyError(f"LangSmith has no experiment and no dataset '{name}'; name another") from None
        projects = sorted(client.list_projects(reference_dataset_id=dataset.id), key=lambda p: p.start_time)
        if not projects:
            raise ParleyError(f"dataset '{name}': no experiment was run on it; run one first")
        return [_pull(client, project, out / _folder(str(project.name))) for project in projects]


def _folder(name: str) -> str:
    """An experiment's name as that of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "experiment"


def _pull(client: Client, project: ls.TracerSession, folder: Path) -> Pulled:
    pulled = Pulled(str(project.name), folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        told: dict[str, dict[str, Any]] = {}
        for run in _roots(client, project):
            about = {"trace": str(run.id), "example": _text(run.reference_example_id)}
            told[str(run.id)] = about | _kept(run, pulled)
        rows = list(_feedback(client, project, told))
        _write_table(folder / FEEDBACK, rows)
    except OSError as error:
        raise ParleyError(f"{folder}: cannot write ({error.strerror}); name a folder with --out") from None
    pulled.feedback = len(rows)
    return pulled


def _roots(client: Client, project: ls.TracerSession) -> Iterator[ls.Run]:
    """The root runs of a project, page by page, with what they returned."""
    with warnings.catch_warnings():  # of its successor `runs.query`, which servers of one's own may lack
        warnings.simplefilter("ignore", DeprecationWarning)
        yield from client.list_runs(project_id=project.id, is_root=True, select=_SELECT)


def _kept(run: ls.Run, pulled: Pulled) -> dict[str, Any]:
    """Write the record that a run returned, if it did and none is there; what the feedback's table says of it."""
    record = _record(run, pulled)
    if record is None:
        return {}
    path = pulled.folder / f"{record.run_id}.json"
    text = record.model_dump_json(indent=1) + "\n"
    if not path.exists():
        _write(path, text)
        pulled.written.append(record.run_id)
    else:
        same = path.read_bytes() == text.encode()
        (pulled.kept if same else pulled.differing).append(record.run_id)
    base, _, twin = record.scenario.name.partition("--twin-")
    return {"run_id": record.run_id, "scenario": base, "twin": twin}


def _record(run: ls.Run, pulled: Pulled) -> RunRecord | None:
    """The record that a run returned; where it is none, that is entered in the report."""
    from pydantic import ValidationError

    from nodes.record import SCHEMA_VERSION, RunRecord

    given = (run.outputs or {}).get("record")
    if given is None:
        pulled.unread.append(f"{run.id}: {'it failed' if run.error else 'it returned no record'}")
        return None
    try:
        record = RunRecord.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the record"
        pulled.unread.append(f"{run.id}: {where}: {first['msg']}")
        return None
    if record.schema_version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        pulled.unread.append(
            f"{run.id}: schema_version is {record.schema_version}, this reads {SCHEMA_VERSION}"
        )
        return None
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}", record.run_id):
        pulled.unread.append(f"{run.id}: run_id {record.run_id[:40]!r} is no name for a file")
        return None
    return record


def _write(path: Path, text: str) -> None:
    """Write a new file, whole or not at all."""
    temporary = path.with_suffix(f".{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _feedback(
    client: Client, project: ls.TracerSession, told: dict[str, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The feedback on every root run, then that on the experiment as a whole."""
    ids = list(told)
    for start in range(0, len(ids), AT_ONCE):
        for given in client.list_feedback(run_ids=ids[start : start + AT_ONCE]):
            yield _row(project, "run", given) | told.get(str(given.run_id), {})
    for given in client.list_feedback(session=[str(project.id)], level="session"):
        if given.run_id is None:
            yield _row(project, "experiment", given)


def _row(project: ls.TracerSession, level: str, given: ls.Feedback) -> dict[str, Any]:
    row = {"experiment": project.name, "level": level, "key": given.key, "comment": given.comment}
    return row | {"score": None if given.score is None else float(given.score)}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.part")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(_sorted(rows))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sorted(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(
        rows,
        key=lambda row: (row["level"] != "run", row.get("run_id") or "", row.get("trace") or "", row["key"]),
    )
