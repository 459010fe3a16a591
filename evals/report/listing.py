"""Which runs are there, told at once: rows of the index read off single records, before anything is measured?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.report.packing import RUNS_A_PACK, Packed, Shared, squeezed
from evals.report.source import QUESTION, Source, speakers

if TYPE_CHECKING:
    from evals.experiment.plan import Plan

Json = dict[str, Any]


@dataclass(frozen=True)
class Listed:
    """What is kept of one record: its row without its use, what it says of its condition, its transcript."""

    row: Json
    """Of `evals.report.index.COLUMNS` those that the record knows by itself."""
    told: Json
    """As `evals.report.loose.told_of`."""
    run: str
    """The transcript as JSON, as `evals.report.packing.kept` makes it."""
    provenance: tuple[tuple[str, str], ...]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.row["id"])


def listed(record: Any) -> Listed:
    """What is kept of a record of any setting."""
    from evals.report.loose import rows_of, told_of
    from evals.report.packing import kept

    run = rows_of(record).run
    models = [v for c, v in run.items() if c.startswith("model:")]
    named = models or [run.get("model"), run.get("opponent_model")]
    row = {
        "id": record.run_id,
        "setting": record.setting,
        "case": record.scenario.name,
        "seed": record.seed,
        "replicate": record.replicate,
        "status": record.status,
        "speaks": " + ".join(dict.fromkeys(str(m) for m in named if m)) or "reference",
        "incidents": sum(int(v) for c, v in run.items() if c.startswith("incidents:")),
    }
    text, provenance = kept(record)
    return Listed(row, told_of(record), text, provenance)


def of_plan(plan: Plan, there: Mapping[str, Listed]) -> tuple[Source, list[Json]]:
    """A study as far as it has come: a source of no findings, and a row a use of a run that is there."""
    from evals.report.studied import speakers_of

    study = plan.study
    source = Source(
        study.name, study.question, study.setting, study.unit, speakers_of(plan), [], planned=len(plan.runs)
    )
    rows = [
        there[run_id].row | _use(use) | {"source": source.name}
        for run_id, run in plan.runs.items()
        if run_id in there
        for use in run.uses
    ]
    return source, _once(rows)


def of_loose(found: Sequence[Listed]) -> list[tuple[Source, list[Json]]]:
    """Records of no study: a source a setting, as `evals.report.loose.of_records` makes them, and their rows."""
    from evals.records import SETTINGS
    from evals.report.loose import as_study, uses_of

    out = []
    for setting in SETTINGS:
        mine = [f for f in found if f.told["setting"] == setting]
        if not mine:
            continue
        study = as_study(setting, [f.told for f in mine])
        models = list(dict.fromkeys(m for f in mine for m in f.told["models"]))
        source = Source(f"{setting} runs", QUESTION, setting, study.unit, speakers(models, setting), [])
        uses = uses_of(study, [f.told for f in mine])
        rows = [
            f.row | {c: use[c] for c in USED} | {"source": source.name}
            for f, use in zip(mine, uses, strict=True)
        ]
        out.append((source, rows))
    return out


USED = ("role", "condition", "cluster", "policy")
"""Of a row of the index what hangs on the use of the run."""


def _use(use: Any) -> Json:
    return {name: getattr(use, name) for name in USED}


def _once(rows: Iterable[Json]) -> list[Json]:
    """Each run once in each condition, role and policy."""
    return list(
        {(r["id"], r["role"], r["condition"], r["policy"]): r for r in reversed(list(rows))}.values()
    )[::-1]


def index_of(
    listings: Sequence[tuple[Source, list[Json]]],
    packs: Packed,
    values: Mapping[tuple[str, str], Json] | None = None,
) -> Json:
    """The index of a page, as `evals.report.page.index`; `values` are outcomes by (source, run) where known."""
    from evals.report.index import COLUMNS, ROLES, outcomes_of

    rows = [row for _, rows in listings for row in rows]
    return {
        "columns": [*COLUMNS, "pack", "at"],
        "rows": [[row[c] for c in COLUMNS] + list(packs.place[row["id"]]) for row in rows],
        "values": [(values or {}).get((row["source"], row["id"]), {}) for row in rows],
        "outcomes": {s.setting: outcomes_of(s.setting) for s, _ in listings} if values else {},
        "units": {s.name: s.unit for s, _ in listings},
        "roles": ROLES,
    }


@dataclass
class Shelf:
    """Transcripts as they come in: a pack once full is never packed again."""

    there: dict[Path, Listed] = field(default_factory=dict)
    _full: list[str] = field(default_factory=list)
    _open: list[Json] = field(default_factory=list)
    _place: dict[str, tuple[int, int]] = field(default_factory=dict)
    _shared: Shared = field(default_factory=Shared)

    def add(self, path: Path, found: Listed) -> None:
        """Put one more record there; a run that lies there already is kept as it is."""
        if found.run_id in self._place:
            return
        run = self._shared.taken_out_of(json.loads(found.run))
        self._place[found.run_id] = (len(self._full), len(self._open))
        self.there[path] = Listed(found.row, found.told, "", found.provenance)
        self._open.append(run)
        if len(self._open) == RUNS_A_PACK:
            self._full.append(squeezed(self._open))
            self._open = []

    def packed(self) -> Packed:
        """All of it as it lies in a page."""
        packs = [*self._full, *([squeezed(self._open)] if self._open else [])]
        made = {f.run_id: f.provenance for f in self.there.values()}
        return Packed(packs, self._shared.packed(), dict(self._place), made)
