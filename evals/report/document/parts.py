"""How are findings told in HTML: sentences, tables and figures, all escaped, each linked to the runs behind it?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from evals.findings.section import LIMITS, Section, Shown
from evals.findings.write import printable
from evals.report.document.behind import Behind, Link
from evals.report.document.figure import inlined
from evals.report.source import Source

Json = dict[str, Any]

FEW = 12
"""Rows of a table that are seen at first where it has more; without script, and in print, all are."""

NUMBER = re.compile(r"[<>=≤≥~]*\s*[\[(]?[+−-]?[.\d]")
"""How the text of a number begins, an interval among them."""

MISSING = "–"

RESERVED = {
    "document",
    "provenance",
    "view",
    "main",
    "data",
    "shared",
    "search",
    "announce",
    "live",
    "runs",
    "help",
}
"""Ids and addresses that the page has itself."""


OWN = ("#run=", "#pair=")
"""How addresses begin that a sentence may link to."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of the findings as HTML, and the addresses of the runs behind it."""

    html: str
    links: list[Link] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    """A cell as text: `before`, then the words `linked` to `href` if there are any, then the rest."""

    text: str
    linked: str = ""
    href: str = ""
    before: str = ""


@dataclass(frozen=True)
class Table:
    """A table as the template takes it: the first cell of a row heads it; `numbers` are columns set to the right."""

    id: str
    title: str
    headings: list[str]
    rows: list[list[Cell]]
    numbers: list[bool]
    note: str
    links: list[Link]
    few: int = FEW


@dataclass(frozen=True)
class Picture:
    """A figure as the template takes it."""

    id: str
    name: str
    svg: str
    title: str
    note: str
    key: list[Cell]
    links: list[Link]


@dataclass(frozen=True)
class Part:
    """A section as the template takes it."""

    id: str
    title: str
    sentences: list[Sentence]
    tables: list[Table]
    figures: list[Picture] = field(default_factory=list)
    last: bool = False
    """What these numbers cannot say: it stands at the end of the page."""


class Ids:
    """Ids of what is told of one source, each given once; `prefix` is what sources are told apart by."""

    def __init__(self, prefix: str) -> None:
        self.prefix = f"of-{prefix}" if re.match(r"pack-\d*$", prefix) or prefix in RESERVED else prefix
        self._taken = {self.prefix}

    def of(self, *words: str) -> str:
        """The words as an id that nothing else has."""
        wanted = "-".join([self.prefix, *map(slug, words)])
        found, n = wanted, 1
        while found in self._taken:
            n += 1
            found = f"{wanted}-{n}"
        self._taken.add(found)
        return found


def parts(source: Source, tell: Callable[[str], None], behind: Behind, ids: Ids) -> list[Part]:
    """The sections of a source as HTML."""
    out = []
    for section in source.sections:
        tell(f"drawing {section.title}")
        out.append(_part(source, section, behind, ids))
    return out


def slug(words: str) -> str:
    """Words as an id: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:80] or "part"


def _part(source: Source, section: Section, behind: Behind, ids: Ids) -> Part:
    links = behind.behind(section.behind)
    said = [s for s in section.says if s != source.negotiators]  # that stands above everything
    return Part(
        id=ids.of(section.title),
        title=printable(section.title),
        sentences=[Sentence(html(s), behind.of_sentence(s, section.behind)) for s in said],
        tables=[
            _table(ids.of("table", shown.title), shown, section, behind, links) for shown in section.shown
        ],
        figures=[_picture(ids, name, draw, section, behind, links) for name, draw in section.figures.items()],
        last=section.title == LIMITS,
    )


def _table(name: str, shown: Shown, section: Section, behind: Behind, links: list[Link]) -> Table:
    columns = list(zip(*shown.rows, strict=True)) if shown.rows else [()] * len(shown.headings)
    return Table(
        id=name,
        title=printable(shown.title),
        headings=[printable(heading) for heading in shown.headings],
        rows=[[_cell(text, section, behind) for text in row] for row in shown.rows],
        numbers=[i > 0 and _is_of_numbers(column) for i, column in enumerate(columns)],
        note=html(shown.note),
        links=links,
    )


def _cell(text: str, section: Section, behind: Behind) -> Cell:
    said = printable(text)
    found = behind.of_cell(text, section.behind)
    if found is None:
        return Cell(said if said.strip() else "")
    linked, href = found
    return Cell(said[len(linked) :], said[: len(linked)], href)


def _is_of_numbers(column: Sequence[str]) -> bool:
    told = [text for text in column if text not in ("", MISSING)]
    return bool(column) and all(NUMBER.match(text) and len(text) < 40 for text in told)


def _picture(
    ids: Ids, name: str, draw: Callable[[], Any], section: Section, behind: Behind, links: list[Link]
) -> Picture:
    drawn = inlined(ids.of("f"), draw)  # short: a drawing says it hundreds of times
    key = []
    for line in drawn.key:
        number, _, said = line.partition(" ")
        key.append(replace(_cell(said, section, behind), before=f"{number} "))
    return Picture(
        ids.of("figure", name),
        slug(name),
        drawn.svg,
        printable(drawn.title),
        printable(drawn.note),
        key,
        links,
    )


def html(markdown: str) -> str:
    """A sentence, in which Markdown is allowed and HTML is not, as HTML without its paragraph.

    Links go to runs and pairs of this page alone, and there are no pictures: any other address is somebody's words.
    """
    return str(_markdown().renderInline(printable(markdown)))


@cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).disable(["image", "autolink", "html_inline"])
    made.validateLink = lambda url: url.startswith(OWN)  # type: ignore[method-assign]
    return made


def verdicts(source: Source) -> Sequence[Json]:
    """The hypotheses of a source as rows of plain data; what is missing is None."""
    table = source.hypotheses
    return [] if table is None else json.loads(table.to_json(orient="records"))
