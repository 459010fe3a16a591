"""How are runs written as tables: those of `evals.experiment export`, of any runs?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from evals.report.document.parts import slug
from evals.report.source import Source


def write(made: Sequence[Source], kind: str, out: Path, progress: Callable[[int, int], None]) -> list[Path]:
    """`SOURCE/TABLE.csv` or `.parquet` (`kind`) for every table of every source; the files written."""
    from evals.experiment.tables import named_tables

    written = []
    for done, source in enumerate(made, 1):
        folder = out / slug(source.name)
        folder.mkdir(parents=True, exist_ok=True)
        assert source.frames is not None
        for name, frame in named_tables(source.frames, source.files).items():
            path = folder / f"{name}.{kind}"
            if kind == "csv":
                frame.to_csv(path, index=False)
            else:
                frame.to_parquet(path, index=False)
            written.append(path)
        progress(done, len(made))
    return written
