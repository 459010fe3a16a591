"""How do thousands of runs fit into one file that opens at once: in packs that the browser unpacks one at a time?

A pack is a list of transcripts as JSON, gzipped, in base64. Cases and passages, which runs share, are taken out of
them: a transcript names its case by key, a turn its passages by id.

    packs      [{"run_id": …, "case": KEY, "turns": […], …}, …] each, runs of one case together
    shared     {"cases": {KEY: Case}, "passages": {ID: Passage}}, one more pack
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.report.transcripts import transcript
from evals.report.transcripts.model import plain

Json = dict[str, Any]

RUNS_A_PACK = 24
"""Few enough that one is unpacked in the blink of an eye, many enough that runs of a case compress together."""


@dataclass(frozen=True)
class Packed:
    """Transcripts as they lie in the page. `place` is run_id -> (pack, place in it)."""

    packs: list[str]
    shared: str
    place: dict[str, tuple[int, int]]
    provenance: dict[str, tuple[tuple[str, str], ...]]
    """run_id -> what made it: what the page sums up."""


def packed(files: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> Packed:
    """Every record as a transcript, packed in the order given. Raises ParleyError as `evals.records.read` does."""
    from evals.records import each

    cases: dict[str, Json] = {}
    passages: dict[str, Json] = {}
    packs: list[str] = []
    place: dict[str, tuple[int, int]] = {}
    made: dict[str, tuple[tuple[str, str], ...]] = {}
    open_pack: list[Json] = []
    for done, (text, provenance) in enumerate(each(files, _kept, setting=None), 1):
        run = json.loads(text)
        cases.setdefault(run["case"], run.pop("shared_case"))
        passages.update({p["id"]: p for p in run.pop("passages", [])})
        place[run["run_id"]] = (len(packs), len(open_pack))
        made[run["run_id"]] = provenance
        open_pack.append(run)
        if len(open_pack) == RUNS_A_PACK:
            packs.append(squeezed(open_pack))
            open_pack = []
        if progress is not None:
            progress(done, len(files))
    if open_pack:
        packs.append(squeezed(open_pack))
    return Packed(packs, squeezed({"cases": cases, "passages": passages}), place, made)


def _kept(record: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """One record as the JSON of its transcript, its case named by key and carried beside it."""
    from nodes.record import digest

    made = transcript(record)
    run = plain(made)
    run["shared_case"] = run["case"]
    run["case"] = digest(run["shared_case"])[:12]
    return json.dumps(run, ensure_ascii=False, separators=(",", ":")), made.provenance


def squeezed(data: Any) -> str:
    """Data as JSON, gzipped, in base64: the same data gives the same text."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("utf-8", "surrogatepass"), 6, mtime=0)).decode()
