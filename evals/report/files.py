"""How do the findings of a report lie on disk: every figure as SVG and PNG, every table as CSV?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.findings.write import write_parts
from evals.report.source import Source
from scenarios.errors import ParleyError


def write_files(sources: Sequence[Source], folder: Path) -> list[Path]:
    """figures/NAME.svg and .png, tables/NAME.csv under `folder` for every section; the files written.

    Of several sources each file is named for its own, as in `beyond-arrow-emergence.svg`. Raises ParleyError where
    the folder cannot be written.
    """
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
    from evals.report.document import slug

    if len(sources) < 2:
        return [""] * len(sources)
    names = [slug(source.name) for source in sources]
    return [
        f"{name}-{names[: i + 1].count(name)}-" if names.count(name) > 1 else f"{name}-"
        for i, name in enumerate(names)
    ]
