"""What do people say: their filled-in sheets put together, a majority where they differ, set beside the judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.rhetoric.sheet import read_sheet
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd


def votes(sheets: Iterable[str | Path], known: Sequence[str]) -> pd.DataFrame:
    """What people marked: one row a person, argument and label that has a mark (`labeller`, `turn`, `label`, `value`).

    A person is a file; `known` are the turns of the arguments at hand. `attrs["elsewhere"]` counts arguments
    in the sheets that are of other runs. Raises ParleyError for a sheet that cannot be read, for two of the same
    name, and where none of the arguments is known or nothing is marked.
    """
    import pandas as pd

    rows, elsewhere, names, asked = [], set[str](), set[str](), set(known)
    for sheet in map(Path, sheets):
        if sheet.stem in names:
            raise ParleyError(
                f"--labels {sheet}: a second sheet named '{sheet.stem}'; name each after its person"
            )
        names.add(sheet.stem)
        for marked in read_sheet(sheet):
            if marked.turn not in asked:
                elsewhere.add(marked.turn)
                continue
            rows += [
                {"labeller": sheet.stem, "turn": marked.turn, "label": label, "value": float(value)}
                for label, value in marked.marks.items()
                if value is not None
            ]
    if not rows:
        why = f"its {len(elsewhere)} arguments are of other runs" if elsewhere else "nothing is marked in it"
        raise ParleyError(
            f"--labels {', '.join(sorted(names)) or '(none)'}: {why}; fill in a sheet of these runs"
        )
    frame = pd.DataFrame(rows)
    frame.attrs["elsewhere"] = len(elsewhere)
    return frame


def majority(voted: pd.DataFrame) -> pd.DataFrame:
    """What most people say, one row an argument and label: `turn`, `label`, `truth`, `votes`, `split`.

    `truth` is 1 or 0, NaN on a tie; `split` says that they were not of one mind. A tie is nobody's word: it is
    counted, and takes no part in the correction. One person's word is the truth where no other looked.
    """
    import numpy as np

    told = voted.groupby(["turn", "label"], sort=True).value.agg(["mean", "size"]).reset_index()
    told["truth"] = np.where(told["mean"] > 0.5, 1.0, np.where(told["mean"] < 0.5, 0.0, np.nan))
    told["split"] = (told["mean"] > 0) & (told["mean"] < 1)
    return told.rename(columns={"size": "votes"})[["turn", "label", "truth", "votes", "split"]]


def labelled(labels: pd.DataFrame, voted: pd.DataFrame) -> pd.DataFrame:
    """What most people say (see `majority`) beside what the judge first said: `judged`, `judge`, `cluster`.

    `judged` is 1 or 0, NaN where the judge gave no usable answer. Arguments nobody labelled are left out.
    """
    first = labels[labels.reading == "first"]
    judged = first.rename(columns={"score": "judged"})[["turn", "label", "judge", "judged", "cluster"]]
    return majority(voted).merge(judged, on=["turn", "label"], how="inner")
