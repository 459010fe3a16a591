"""How are findings written down: Markdown with its tables as CSV and figures as SVG and PNG, and a terminal page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.findings.section import Section, Shown
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from rich.console import Console


def write(title: str, sections: Sequence[Section], folder: Path) -> Path:
    """findings.md, tables/*.csv, figures/*.svg and *.png under `folder`; the path of findings.md.

    Raises ParleyError where the folder cannot be written.
    """
    try:
        for name in ("tables", "figures"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for section in sections:
            for name, table in section.tables.items():
                table.to_csv(folder / "tables" / f"{name}.csv", index=False)
            _draw(section, folder / "figures")
        path = folder / "findings.md"
        temporary = path.with_suffix(f".{os.getpid()}.part")
        temporary.write_text(markdown(title, sections), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ParleyError(f"{folder}: cannot write ({error.strerror}); name a folder with --out") from None
    return path


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The findings as one Markdown text."""
    lines = [f"# {title}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        lines += [part for sentence in section.says for part in (sentence, "")]
        for shown in section.shown:
            lines += [*_markdown_table(shown), ""]
        lines += [part for name in section.figures for part in (f"![{_alt(name)}](figures/{name}.svg)", "")]
        if section.tables:
            files = ", ".join(f"[{name}.csv](tables/{name}.csv)" for name in section.tables)
            lines += [f"Tables in full: {files}", ""]
    return "\n".join(lines).rstrip() + "\n"


def show(title: str, sections: Sequence[Section], console: Console) -> None:
    """The findings on a terminal."""
    from rich import box
    from rich.markdown import Markdown
    from rich.markup import escape
    from rich.table import Table

    console.print(f"\n[bold]{escape(title)}[/bold]")
    for section in sections:
        console.print(f"\n[bold cyan]{escape(section.title)}[/bold cyan]")
        for sentence in section.says:
            console.print(Markdown(sentence))
        for shown in section.shown:
            table = Table(
                box=box.SIMPLE_HEAD, title=escape(shown.title), title_justify="left", title_style="italic"
            )
            for i, heading in enumerate(shown.headings):
                table.add_column(escape(heading), justify="left" if i == 0 else "right", overflow="fold")
            for row in shown.rows:
                table.add_row(*map(escape, row))
            console.print(table)
            if shown.note:
                console.print(f"[dim]{escape(shown.note)}[/dim]")


def _draw(section: Section, folder: Path) -> None:
    from evals.findings.drawing import styled

    for name, figure in section.figures.items():
        with styled():
            drawn = figure()
            for kind in ("svg", "png"):
                metadata = {"Date": None} if kind == "svg" else None
                drawn.savefig(folder / f"{name}.{kind}", dpi=160, bbox_inches="tight", metadata=metadata)


def _markdown_table(shown: Shown) -> list[str]:
    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    rule = "|" + "|".join(":--" if i == 0 else "--:" for i in range(len(shown.headings))) + "|"
    lines = [f"**{shown.title}**", "", row(shown.headings), rule, *map(row, shown.rows)]
    return [*lines, "", shown.note] if shown.note else lines


def _alt(name: str) -> str:
    return name.replace("-", " ").replace("_", " ")
