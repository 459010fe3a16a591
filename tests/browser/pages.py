"""Which pages do tests open: a small study with findings, its runs under hostile names, thousands of runs, no study?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from evals.experiment.ledger import Folder
from evals.experiment.plan import Plan
from evals.experiment.playing import Job, play
from evals.report.source import Source
from nodes.table.equipment import Equipment, lend
from tests.evals import experiments

Json = dict[str, Any]

T = TypeVar("T")

PASSAGE: Json = {
    "id": "rawlsian-least-served-patient",
    "framework": "rawlsian",
    "kind": "scarcity",
    "title": "Attend first to the least-served patient",
    "text": "A ward that takes the difference principle as its guide looks first at the patient whose needs would be "
    "least met under a proposed plan.",
    "source": "After Rawls, A Theory of Justice, revised edition (Harvard University Press, 1999), § 13",
}
"""What every seat was shown in every round, and cites."""

HYPOTHESES: Sequence[Json] = (
    {
        "id": "H1",
        "claim": "Beside a seat that favours an age group the worst off is left with less.",
        "outcome": "worst_off",
        "of": {"opponent": "biased-age"},
        "against": {"opponent": "plain"},
        "direction": "less",
    },
    {
        "id": "H2",
        "claim": "Nobody is left with less than a tenth of what is needed.",
        "outcome": "worst_off",
        "against": 0.1,
        "direction": "greater",
        "family": "levels",
    },
)
"""One that compares pairs of runs, and one that compares runs with a number."""


def study(**changes: Any) -> Plan:
    """The plan of the small study: as many wards as an interval takes, a biased opponent beside a plain one."""
    asked: Json = {
        "wards": ["generated:{1..20},n=4,divisible=1"],
        "factors": {"opponent": ["biased-age", "plain"]},
        "settings": {"retrieval": "off", "rounds": 1, "framework": "rawlsian"},
        "hypotheses": [dict(h) for h in HYPOTHESES],
    }
    return experiments.plan(**asked | changes)


def played(plan: Plan, at: Path) -> Folder:
    """Every run of a plan, played in this process; every seat was shown one passage, and cites it."""
    folder = Folder(at)
    folder.make()
    folder.keep(plan.study.model_dump(mode="json"))
    folder.ledger.touch()
    lend(Equipment(runs=folder.records.resolve()))

    async def through() -> None:
        for run in plan.runs.values():
            said = await play(Job(run.run_id, run.scenario, run.table.model_dump(mode="json"), paid=False))
            assert said["event"] == "complete", said

    asyncio.run(through())
    for path in folder.records.glob("*.json"):
        changed(path, _cited)
    return folder


def changed(path: Path, change: Callable[[Json], None]) -> None:
    """A record as a file, changed in place."""
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def _cited(record: Json) -> None:
    for one in record["rounds"]:
        one["retrieved"] = {seat["seat"]: [PASSAGE] for seat in record["seats"]}
        for move in one["moves"]:
            move["citations"] = [PASSAGE["id"]]


def source(folder: Folder, plan: Plan) -> Source:
    """The study as a source of a report, with what was asked, one more section, and its pictures.

    Not with every section: those take a minute, and stand on the page in the same way.
    """
    import numpy as np

    from evals.experiment.freezing import standing
    from evals.findings.account import account, limits
    from evals.findings.bias import bias
    from evals.findings.contrasts import contrasts
    from evals.findings.report import gathered
    from evals.findings.section import SEED
    from evals.findings.verdicts import verdicts
    from evals.report.pictures import pictures

    f = gathered(folder, plan, quiet)
    found = contrasts(f.frames, f.study.hypotheses, np.random.default_rng(SEED))
    asked = verdicts(found, standing(folder, f.study))
    sections = [account(f, folder, plan), asked, *bias(f), limits(f)]
    made = Source(
        name=f.study.name,
        question=f.study.question,
        setting="triage",
        unit="ward",
        negotiators="**Reference negotiators alone made these runs.** They are no evidence about any language model.",
        sections=sections,
        files=list(f.records),
        frames=f.frames,
        planned=len(plan.runs),
        facts=[("study", f.study.name)],
    )
    return pictures(made, quiet)


def written(made: Sequence[Source], path: Path, **more: Any) -> Path:
    """The page of these sources as a file."""
    from evals.report.page import page

    path.write_text(page(made, quiet, **more), encoding="utf-8", errors="replace")
    return path


def named(words: Iterable[Path], path: Path, **more: Any) -> Path:
    """The page of what a user would name, runs alone, as a file."""
    from evals.report.gathering import Asked, sources

    return written(sources([str(word) for word in words], Asked(), quiet, quick=True), path, **more)


def many(records: Sequence[Path], count: int, path: Path) -> Path:
    """A page of so many debates: those of the records over and over, under ids and seeds of their own."""
    from evals.records import read
    from evals.report.index import COMPARED
    from evals.report.listing import Shelf, index_of, listed, of_loose
    from evals.report.page import assembled, told_of

    shelf, found = Shelf(), [listed(read(record)) for record in records]
    for number in range(count):
        one = found[number % len(found)]
        run_id = f"{one.run_id}-{number}"
        row = one.row | {"id": run_id, "seed": number // len(found)}
        run = json.dumps(json.loads(one.run) | {"run_id": run_id})
        shelf.add(Path(run_id), replace(one, row=row, told=one.told | {"run_id": run_id}, run=run))
    packs, listings = shelf.packed(), of_loose(list(shelf.there.values()))
    values = {
        (made.name, row["id"]): dict.fromkeys(COMPARED["triage"], 0.5)
        for made, rows in listings
        for row in rows
    }
    data = {"index": index_of(listings, packs, values), "findings": [], "effects": []}
    told = [told_of(made, quiet, [made]) for made, _ in listings]
    text = assembled(told, data, packs, title=f"{count:,} debates", live=False)
    path.write_text(text, encoding="utf-8")
    return path


def apart(make: Callable[[], T]) -> T:
    """What a function makes, in a thread of its own: in a browser's thread no second event loop can run."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


def quiet(what: str) -> None:
    """Nobody is told how far one is."""
