"""How is the page put together: findings, index, packs, styles and scripts in one file that loads nothing?"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from evals.report.document.behind import Behind
from evals.report.document.glance import cards, summary
from evals.report.document.parts import Ids, html, parts, slug, verdicts
from evals.report.effects import effects
from evals.report.index import COLUMNS, ROLES, outcomes_of, uses
from evals.report.packing import Packed, packed, squeezed
from evals.report.source import Source, Tell

Json = dict[str, Any]

PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    *("dom", "data", "route", "list", "partners", "search", "evidence"),
    *("text", "table", "turn", "pictures", "courses", "reader", "aligned", "differences", "compare"),
    *("keys", "live", "tables", "saving", "app"),
)
"""In this order they are one script."""

STYLES = ("base", "views", "document", "reader", "pictures", "compare")


def page(
    made: Sequence[Source],
    tell: Tell,
    progress: Callable[[int, int], None] | None = None,
    *,
    title: str = "",
    live: bool = False,
    command: str = "",
) -> str:
    """The whole page as one HTML text, made by a command that it tells, if it is given.

    `live` has it ask its server now and then whether records came in.
    """
    tables = [uses(source) for source in made]
    tell("packing transcripts")
    packs = packed([path for source in made for path in source.files], progress)
    tell("comparing conditions")
    data = {
        "index": index(made, tables, packs),
        "findings": [finding(source, row) for source in made for row in verdicts(source)],
        "effects": [e for source, table in zip(made, tables, strict=True) for e in effects(source, table)],
    }
    told = [told_of(source, tell, made) for source in made]
    named = title or " ".join(dict.fromkeys(source.question for source in made))
    return assembled(told, data, packs, title=named, live=live, command=command)


def told_of(source: Source, tell: Tell, made: Sequence[Source] = ()) -> Json:
    """What the template tells of a source, among all that the page is made of."""
    rows, others = verdicts(source), [other for other in made if other is not source]
    asked = {row["hypothesis"] for other in others for row in verdicts(other)}
    behind = Behind(source, alone=not asked & {row["hypothesis"] for row in rows})
    before = [other is source for other in made if slug(other.name) == slug(source.name)]
    ids = Ids(slug(source.name) + (f"-{before.index(True) + 1}" if len(before) > 1 else ""))
    at_a_glance = cards(rows, behind)
    return {
        "source": source,
        "id": ids.prefix,
        "verdicts": rows,
        "cards": at_a_glance,
        "summary": summary(at_a_glance),
        "runs": behind.total,
        "every": behind.all(()),
        "parts": parts(source, tell, behind, ids),
    }


def assembled(
    told: Sequence[Json], data: Json, packs: Packed, *, title: str, live: bool, command: str = ""
) -> str:
    """The page as text: what is told of each source (`told_of`), index, findings and effects, transcripts."""
    script = "\n".join((PAGE / "scripts" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return str(
        _templates()
        .get_template("page.html")
        .render(
            title=title,
            told=told,
            command=command,
            html=html,
            provenance=summed(packs),
            style="\n".join((PAGE / "styles" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES),
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


def finding(source: Source, row: Json) -> Json:
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

    from evals.findings.write import printable

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["plain"] = printable
    return made
