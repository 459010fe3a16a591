"""How are findings written down: Markdown with its tables as CSV and figures as SVG and PNG, and a terminal page."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evals.findings.section import Section, Shown
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table


GUTTER = 2
"""Columns of a terminal between two columns of a table."""

WORD = re.compile(r"\[[^\]]*\]|\S+")
"""What a line is not broken within: a word, or an interval."""

EMPTY = "no run has a value."

KINDS = ("svg", "png")
"""What each figure is drawn as."""


def write(title: str, sections: Sequence[Section], folder: Path) -> Path:
    """findings.md, tables/*.csv, figures/*.svg and *.png under `folder`; the path of findings.md.

    Raises ParleyError where the folder cannot be written.
    """
    try:
        write_parts(sections, folder)
        path = folder / "findings.md"
        temporary = path.with_suffix(f".{os.getpid()}.part")
        temporary.write_text(markdown(title, sections), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ParleyError(f"{folder}: cannot write ({error.strerror}); name a folder with --out") from None
    return path


def write_parts(sections: Sequence[Section], folder: Path, prefix: str = "") -> list[Path]:
    """Every table and figure of the sections, in files whose names begin with the prefix; the files written."""
    for name in ("tables", "figures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    out = []
    for section in sections:
        for name, table in _kept(section).items():
            out.append(folder / "tables" / f"{prefix}{name}.csv")
            table.to_csv(out[-1], index=False)
        out += _draw(section, folder / "figures", prefix)
    return out


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The findings as one Markdown text."""
    lines = [f"# {_without_tags(title)}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        lines += [part for sentence in section.says for part in (_without_tags(sentence), "")]
        for shown in section.shown:
            lines += [*_markdown_table(shown), ""]
        lines += [part for name in section.figures for part in (f"![{_alt(name)}](figures/{name}.svg)", "")]
        if tables := _kept(section):
            files = ", ".join(f"[{name}.csv](tables/{name}.csv)" for name in tables)
            lines += [f"Tables in full: {files}", ""]
    return "\n".join(lines).rstrip() + "\n"


def show(title: str, sections: Sequence[Section], console: Console) -> None:
    """The findings on a terminal."""
    from rich.markdown import Markdown
    from rich.markup import escape

    console.print(f"\n[bold]{escape(printable(title))}[/bold]")
    for section in sections:
        console.print(f"\n[bold cyan]{escape(section.title)}[/bold cyan]")
        for sentence in section.says:
            console.print(Markdown(_without_tags(sentence)))
        for shown in section.shown:
            if not shown.rows:
                console.print(f"[italic]{escape(shown.title)}[/italic]: {EMPTY}")
                continue
            for table in _terminal_tables(shown, console.width):
                console.print(table)
            if shown.note:
                console.print(f"[dim]{escape(shown.note)}[/dim]")


def _terminal_tables(shown: Shown, width: int) -> list[Table]:
    """A table as wide as the terminal; where its words do not fit, several, each with the first column again."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    columns = [[printable(row[i]) for row in shown.rows] for i in range(len(shown.headings))]
    full = [max(len(cell) for cell in (h, *c)) for h, c in zip(shown.headings, columns, strict=True)]
    if sum(full) + GUTTER * len(full) + 1 > width:
        columns = [[cell.replace(" [", "\n[") for cell in column] for column in columns]
    least = [
        max(len(part) for cell in (h, *c) for part in WORD.findall(cell) or [""])
        for h, c in zip(shown.headings, columns, strict=True)
    ]
    parts, room = [[0]], width - least[0] - GUTTER - 1
    for i, needed in enumerate(least[1:], 1):
        if needed + GUTTER > room and len(parts[-1]) > 1:
            parts.append([0])
            room = width - least[0] - GUTTER - 1
        parts[-1].append(i)
        room -= needed + GUTTER
    tables = []
    for number, part in enumerate(parts):
        wide = {
            i: max(len(line) for cell in (shown.headings[i], *columns[i]) for line in cell.split("\n"))
            for i in part
        }
        while sum(wide.values()) + GUTTER * len(part) + 1 > width and wide != {i: least[i] for i in part}:
            wide[max(part, key=lambda i: (wide[i] > least[i], wide[i]))] -= 1
        title = escape(shown.title) + (", continued" if number else "")
        table = Table(
            box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title, title_justify="left", title_style="italic"
        )
        for i in part:
            side: Literal["left", "right"] = "left" if i == 0 else "right"
            table.add_column(escape(shown.headings[i]), justify=side, overflow="fold", width=wide[i])
        for cells in zip(*(columns[i] for i in part), strict=True):
            table.add_row(*map(escape, cells))
        tables.append(table)
    return tables


def _kept(section: Section) -> dict[str, pd.DataFrame]:
    """The tables that have a column: of one without, nothing could be read back."""
    return {name: table for name, table in section.tables.items() if len(table.columns)}


def _draw(section: Section, folder: Path, prefix: str) -> list[Path]:
    from evals.findings.drawing import styled, svg

    out = []
    for name, figure in section.figures.items():
        with styled():
            drawn = figure()
            for kind in KINDS:
                out.append(folder / f"{prefix}{name}.{kind}")
                if kind == "svg":
                    out[-1].write_text(svg(drawn, dpi=160), encoding="utf-8")
                else:
                    drawn.savefig(out[-1], dpi=160, bbox_inches="tight")
                drawn.set_layout_engine("none")  # as it stands now: laid out once, drawn in each kind
    return out


def _markdown_table(shown: Shown) -> list[str]:
    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(map(_cell, cells)) + " |"

    if not shown.rows:
        return [f"**{shown.title}**: {EMPTY}"]
    rule = "|" + "|".join(":--" if i == 0 else "--:" for i in range(len(shown.headings))) + "|"
    lines = [f"**{shown.title}**", "", row(shown.headings), rule, *map(row, shown.rows)]
    return [*lines, "", shown.note] if shown.note else lines


def printable(text: str) -> str:
    """Somebody's words on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def _without_tags(text: str) -> str:
    """Words that may hold Markdown, and no HTML."""
    return re.sub(r"<(?=[A-Za-z/!?])", r"\\<", printable(text))


def _cell(text: str) -> str:
    """Words of a table, in which nothing is Markdown: names of groups come from whoever wrote the ward."""
    return re.sub(r"[|`*\\]|\](?=\()|<(?=[A-Za-z/!?])", r"\\\g<0>", printable(text))


def _alt(name: str) -> str:
    return name.replace("-", " ").replace("_", " ")
