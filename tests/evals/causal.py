"""Personas without a corpus, so that debates of seats that disagree are played in a tenth of a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VALUES = {
    "floor": "{worst_off: 0.7, disadvantage_weighted_survival: 0.3}",
    "most": "{survival: 1.0}",
    "weighted": "{disadvantage_weighted_survival: 1.0}",
    "even": "{evenness: 0.5, worst_off: 0.5}",
}


@contextmanager
def personas(folder: Path) -> Iterator[None]:
    """`floor`, `most`, `weighted` and `even` can be seated: each wants what VALUES says, and cites nothing."""
    for name, values in VALUES.items():
        said = f"name: {name}\nsays: Wants {name}.\nvalues: {values}\nwastes_nothing: true\nsource: made for tests\n"
        (folder / f"{name}.yaml").write_text(said)
    before = os.environ.get("PARLEY_PERSONAS")
    os.environ["PARLEY_PERSONAS"] = str(folder)
    try:
        yield
    finally:
        del os.environ["PARLEY_PERSONAS"]
        if before is not None:
            os.environ["PARLEY_PERSONAS"] = before
