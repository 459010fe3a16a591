"""How does a report lie on disk: its page, and beside it every figure as SVG and PNG, every table as CSV?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from evals.report.source import Source


def write_page(path: Path, text: str) -> Path:
    """Write a page whole or not at all. Raises ParleyError where it cannot be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8", errors="replace")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ParleyError(f"--out {path}: cannot write ({error.strerror}); name another file") from None
    return path


def write_files(sources: Sequence[Source], folder: Path) -> list[Path]:
    """figures/NAME.svg and .png, tables/NAME.csv under `folder` for every section; the files written.

    Of several sources each file is named for its own, as in `beyond-arrow-emergence.svg`. Raises ParleyError where
    the folder cannot be written.
    """
    from evals.findings.write import write_parts

    out: list[Path] = []
    names = prefixes(sources)
    try:
        for source, prefix in zip(sources, names, strict=True):
            out += write_parts(source.sections, folder, prefix)
    except OSError as error:
        raise ParleyError(f"{folder}: cannot write ({error.strerror}); name another folder") from None
    return out


def prefixes(sources: Sequence[Source]) -> list[str]:
    """What the files of each source begin with: nothing where there is one, else its name, numbered if need be."""
    from evals.report.document.parts import slug

    if len(sources) < 2:
        return [""] * len(sources)
    names = [slug(source.name) for source in sources]
    return [
        f"{name}-{names[: i + 1].count(name)}-" if names.count(name) > 1 else f"{name}-"
        for i, name in enumerate(names)
    ]
