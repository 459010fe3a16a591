"""How is the page put together: findings, index, packs, styles and scripts in one file that loads nothing?"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from evals.report.document import parts, slug, verdicts
from evals.report.effects import effects
from evals.report.index import COLUMNS, ROLES, outcomes_of, uses
from evals.report.packing import Packed, packed, squeezed
from evals.report.source import Source, Tell

Json = dict[str, Any]

PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    *("dom", "data", "route", "list", "evidence", "turn", "pictures", "reader", "compare", "keys", "app"),
)
STYLES = ("base", "document", "reader")


def page(
    made: Sequence[Source],
    tell: Tell,
    progress: Callable[[int, int], None] | None = None,
    *,
    title: str = "",
    live: bool = False,
) -> str:
    """The whole page as one HTML text. `live` has it ask its server now and then whether records came in."""
    tables = [uses(source) for source in made]
    tell("packing transcripts")
    packs = packed([path for source in made for path in source.files], progress)
    tell("comparing conditions")
    data = {
        "index": index(made, tables, packs),
        "findings": [_finding(source, row) for source in made for row in verdicts(source)],
        "effects": [e for source, table in zip(made, tables, strict=True) for e in effects(source, table)],
    }
    script = "\n".join((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    told = [{"source": source, "parts": parts(source, tell), "verdicts": verdicts(source)} for source in made]
    return (
        _templates()
        .get_template("page.html")
        .render(
            title=title or "; ".join(source.question for source in made),
            told=told,
            slug=slug,
            provenance=summed(packs),
            style="\n".join((PAGE / f"{name}.css").read_text(encoding="utf-8") for name in STYLES),
            script=script,
            policy=_policy(script, live),
            live=live,
            data=squeezed(data),
            packs=packs,
        )
    )


def index(made: Sequence[Source], tables: Sequence[Any], packs: Packed) -> Json:
    """Every use of a run that has a record: rows of COLUMNS, `pack`, `at`, and the values of outcomes by name."""
    rows, values = [], []
    for table in tables:
        names = [c.removeprefix("o:") for c in table.columns if c.startswith("o:")]
        for row in table.to_dict("records"):
            if row["id"] not in packs.place:
                continue
            rows.append([_plain(row[c]) for c in COLUMNS] + list(packs.place[row["id"]]))
            values.append({n: _plain(row[f"o:{n}"]) for n in names})
    return {
        "columns": [*COLUMNS, "pack", "at"],
        "rows": rows,
        "values": values,
        "outcomes": {s.setting: outcomes_of(s.setting) for s in made if s.frames is not None},
        "units": {s.name: s.unit for s in made},
        "roles": ROLES,
    }


def _finding(source: Source, row: Json) -> Json:
    """A hypothesis with the pairs of runs behind it: [run, other run, difference]."""
    pairs = source.pairs
    mine = [] if pairs is None else pairs[pairs["hypothesis"] == row["hypothesis"]].to_dict("records")
    told = [[p["run_treatment"], _plain(p["run_control"]), _plain(p["difference"])] for p in mine]
    return {"source": source.name, "unit": source.unit, **row, "runs": told}


def _plain(value: Any) -> Any:
    """A cell of a table as JSON: None for what is missing."""
    if value is None or value != value:
        return None
    value = value.item() if isinstance(value, np.generic) else value
    return round(value, 6) if isinstance(value, float) else value


def summed(packs: Packed) -> list[tuple[str, list[tuple[str, int]]]]:
    """What made the runs: of every label the values there are, each with how many runs have it."""
    from collections import Counter

    found: dict[str, Counter[str]] = {}
    for made in packs.provenance.values():
        for label, value in made:
            found.setdefault(label, Counter())[value] += 1
    return [(label, values.most_common()) for label, values in found.items()]


def _policy(script: str, live: bool) -> str:
    """The page's own promise that it loads nothing: no script but its own, no connection but, if live, its server."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    connect = "'self'" if live else "'none'"
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'"
    )


@cache
def _templates() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


__all__ = ["index", "page", "summed"]


def as_json(data: Any) -> str:
    """Data as JSON that cannot end a script: for tests and for what is small."""
    return json.dumps(data, ensure_ascii=True).replace("<", "\\u003c")
