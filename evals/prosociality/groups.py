"""What did each type get in groups of each make-up: the long table of payoffs, checked and brought to runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

SELFISH, PROSOCIAL, EVERYONE = "selfish", "prosocial", "everyone"

COLUMNS = ("run_id", "cluster", "seed", "seat", "type", "payoff", "prosocial")
"""What a table of payoffs has: a row a seat of a run; `prosocial` counts the prosocial seats of that run."""

PAIR = ("cluster", "seed")
"""What two runs share that are compared: the world, and the draw within it."""


def checked(table: pd.DataFrame, by: Sequence[str], pair: Sequence[str] = PAIR) -> pd.DataFrame:
    """The table as it is, its payoffs as floats; NaN is a missing payoff.

    Raises ParleyError where a column is absent, a type is neither selfish nor prosocial, a seat stands twice in a
    run, `prosocial` is not the number of prosocial seats, a run changes its condition, or a payoff is infinite.
    """
    import numpy as np

    wanted = dict.fromkeys([*COLUMNS, *by, *pair])
    if absent := [c for c in wanted if c not in table.columns]:
        raise ParleyError(
            f"payoffs have no column {absent[0]!r}: they have {', '.join(map(str, table.columns))}"
        )
    told = table.assign(payoff=table["payoff"].astype(float))
    strange = ~told["type"].isin([SELFISH, PROSOCIAL])
    if strange.any():
        row = told[strange].iloc[0]
        raise ParleyError(f"run '{row['run_id']}': type {row['type']!r} is neither {SELFISH} nor {PROSOCIAL}")
    if (twice := told.duplicated(["run_id", "seat"])).any():
        row = told[twice].iloc[0]
        raise ParleyError(f"run '{row['run_id']}': seat {row['seat']!r} stands twice; read each record once")
    if np.isinf(told["payoff"]).any():
        run = told.loc[np.isinf(told["payoff"]), "run_id"].iloc[0]
        raise ParleyError(f"run '{run}': an infinite payoff; one that is undefined must be NaN")
    runs = told.groupby("run_id", sort=False)
    counted = (told["type"] == PROSOCIAL).groupby(told["run_id"]).transform("sum")
    if (wrong := counted != told["prosocial"]).any():
        row = told[wrong].iloc[0]
        says = f"prosocial is {row['prosocial']} but {counted[wrong].iloc[0]} seats are"
        raise ParleyError(f"run '{row['run_id']}': {says}; every seat of a run needs its row")
    for column in dict.fromkeys([*by, *pair]):
        if column in ("prosocial", "type", "seat", "payoff", "run_id"):
            raise ParleyError(f"`by` and `pair` name conditions and worlds; {column!r} is neither")
        if (runs[column].nunique(dropna=False) > 1).any():
            raise ParleyError(f"column {column!r} differs between the seats of one run: it is no condition")
    return told


def by_type(table: pd.DataFrame, by: Sequence[str], pair: Sequence[str] = PAIR) -> pd.DataFrame:
    """Mean payoff of each type in each run: run_id, `by`, `pair`, cluster, size, prosocial, type, payoff.

    type is selfish, prosocial or everyone (the group's mean). Missing (NaN) where a payoff that belongs to the mean
    is missing: what the rest of the type got says nothing sure about it. A type that a run lacks has no row.
    Raises ParleyError as `checked` does, and for two runs of one condition, world and number of prosocial seats.
    """
    import pandas as pd

    told = checked(table, by, pair)
    keys = list(dict.fromkeys([*by, *pair, "cluster", "prosocial"]))
    told = told.assign(size=told.groupby("run_id")["seat"].transform("size"))
    runs = told.drop_duplicates("run_id")
    if (twice := runs.duplicated(keys)).any():
        row = runs[twice].iloc[0]
        where = ", ".join(f"{c}={row[c]}" for c in keys)
        raise ParleyError(
            f"two runs have {where} (one is '{row['run_id']}'): name in `by` or `pair` the column that tells "
            "them apart"
        )
    both = pd.concat([told, told.assign(type=EVERYONE)])
    grouped = both.groupby(["run_id", *keys, "size", "type"], sort=False, dropna=False)["payoff"]
    found = grouped.agg(payoff="mean", known="count", seats="size").reset_index()
    return found.assign(payoff=found["payoff"].where(found["known"] == found["seats"])).drop(
        columns=["known", "seats"]
    )
