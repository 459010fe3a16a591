"""How are findings told in HTML: sentences, tables and figures, each linked to the runs behind it, all of it escaped?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.findings.section import Section, Shown
from evals.report.figure import inlined
from evals.report.source import Source

Json = dict[str, Any]


@dataclass(frozen=True)
class Sentence:
    """A sentence of the findings as HTML, and the address of the runs behind it."""

    html: str
    link: str = ""


@dataclass(frozen=True)
class Part:
    """A section as the template takes it."""

    id: str
    title: str
    sentences: list[Sentence]
    tables: list[Shown]
    figures: list[tuple[str, str]] = field(default_factory=list)
    """(name, svg)."""


def parts(source: Source, tell: Callable[[str], None]) -> list[Part]:
    """The sections of a source as HTML."""
    out = []
    for section in source.sections:
        tell(f"drawing {section.title}")
        out.append(_part(source, section))
    return out


def slug(words: str) -> str:
    """Words as an id: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "part"


def _part(source: Source, section: Section) -> Part:
    name = f"{slug(source.name)}-{slug(section.title)}"
    return Part(
        id=name,
        title=section.title,
        sentences=[Sentence(html(s), f"#runs&source={source.name}&role=study") for s in section.says],
        tables=list(section.shown),
        figures=[(n, inlined(f"{slug(source.name)}-{slug(n)}", f)) for n, f in section.figures.items()],
    )


def html(markdown: str) -> str:
    """A sentence, in which Markdown is allowed and HTML is not, as HTML without its paragraph."""
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark", {"html": False}).renderInline(markdown))


def verdicts(source: Source) -> Sequence[Json]:
    """The hypotheses of a source as rows of plain data; what is missing is None."""
    import json

    table = source.hypotheses
    return [] if table is None else json.loads(table.to_json(orient="records"))
