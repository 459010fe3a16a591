"""How do thousands of runs fit into one file that opens at once: in packs that the browser unpacks one at a time?

A pack is a list of transcripts as JSON, gzipped, in base64. Cases and passages, which runs share, are taken out of
them: a transcript names its case by key, a turn its passages by id.

    packs      [{"run_id": …, "case": KEY, "turns": […], …}, …] each, runs of one case together
    shared     {"cases": {KEY: Case}, "passages": {ID: Passage}}, one more pack

A passage that has the id of one that is shared but another text stays with its run: {ID: Passage} in its `passages`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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


@dataclass
class Shared:
    """What is taken out of transcripts because runs share it."""

    cases: dict[str, Json] = field(default_factory=dict)
    passages: dict[str, Json] = field(default_factory=dict)

    def taken_out_of(self, run: Json) -> Json:
        """A run, as `kept` made it, without its case and without the passages that are the same in every run."""
        run = dict(run)
        self.cases.setdefault(run["case"], run.pop("shared_case"))
        own = {p["id"]: p for p in run.pop("passages", []) if self.passages.setdefault(p["id"], p) != p}
        return run | ({"passages": own} if own else {})

    def packed(self) -> str:
        """The pack of them."""
        return squeezed({"cases": self.cases, "passages": self.passages})


def packed(files: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> Packed:
    """Every record as a transcript, each run once, in the order given. Raises ParleyError as `evals.records.read`."""
    from evals.records import each

    shared = Shared()
    packs: list[str] = []
    place: dict[str, tuple[int, int]] = {}
    made: dict[str, tuple[tuple[str, str], ...]] = {}
    open_pack: list[Json] = []
    for done, (text, provenance) in enumerate(each(files, kept, setting=None), 1):
        run = json.loads(text)
        if run["run_id"] not in place:
            place[run["run_id"]] = (len(packs), len(open_pack))
            made[run["run_id"]] = provenance
            open_pack.append(shared.taken_out_of(run))
        if len(open_pack) == RUNS_A_PACK:
            packs.append(squeezed(open_pack))
            open_pack = []
        if progress is not None:
            progress(done, len(files))
    if open_pack:
        packs.append(squeezed(open_pack))
    return Packed(packs, shared.packed(), place, made)


def kept(record: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """One record as the JSON of its transcript, its case named by key and carried beside it."""
    made = transcript(record)
    run = plain(made)
    run["shared_case"] = run["case"]
    run["case"] = _key(run["shared_case"])
    return json.dumps(run, ensure_ascii=False, separators=(",", ":")), made.provenance


def squeezed(data: Any) -> str:
    """Data as JSON, gzipped, in base64: the same data gives the same text."""
    return base64.b64encode(gzip.compress(_bytes(data), 6, mtime=0)).decode()


def unsqueezed(text: str) -> Any:
    """The data that `squeezed` made a text of, as the browser unpacks it."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


def _key(case: Json) -> str:
    """What a case is named by: equal cases have equal keys."""
    return hashlib.sha256(_bytes(case)).hexdigest()[:12]


def _bytes(data: Any) -> bytes:
    """Data as JSON in UTF-8. Half a surrogate pair, which UTF-8 has no bytes for, is written as JSON escapes it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
