"""What does a person read after a judge has been at work: agreement first, then rates, with what both rest on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table as Grid
from rich.text import Text

from evals.rhetoric.reliability import AMONG_PEOPLE, BY_ITSELF, BY_PEOPLE, BY_SECOND

if TYPE_CHECKING:
    import pandas as pd

    from evals.rhetoric.gathering import Gathered
    from evals.rhetoric.judging import Spent

SHORT = {BY_ITSELF: "α itself", BY_SECOND: "α second", BY_PEOPLE: "α people"}
READINGS = {"first": "every argument", "again": "once more, another seed", "other": "by a second judge"}


def page(
    gathered: Gathered,
    spent: Mapping[str, Spent],
    agreements: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    notes: Sequence[str] = (),
) -> Iterator[RenderableType]:
    """The parts of the page, top to bottom; `tables` are rates, corrected or not, by a title."""
    wards = len({a.cluster for a in gathered.arguments})
    words = len({a.text for a in gathered.arguments})
    yield Text(
        f"{len(gathered.arguments)} arguments, {words} of distinct words, of {wards} wards; "
        f"left out: {gathered.silent} moves without words, {gathered.invalid} invalid runs."
    )
    for reading, one in spent.items():
        yield Text(f"{_said(one.judge)}, {READINGS[reading]}: {cost(one)}")
    for note in notes:
        yield Text(note)
    yield Rule("Agreement: Krippendorff's α, 1 perfect, 0 chance", align="left", style="dim")
    yield _agreement(agreements)
    for title, rates in tables.items():
        yield Rule(f"Rates by {title}: share of arguments that make the appeal", align="left", style="dim")
        yield _rates(rates, agreements)
    yield Text(
        "A label counts only with words quoted from the argument; `refused` had none. Corrected: Rogan–Gladen by "
        "the arguments that people labelled, 95 % with their uncertainty; ~ leaves out that of the wards (under 20).",
        style="dim",
    )


def cost(spent: Spent) -> str:
    """What a reading took, in a line; what the servers did not say is said to be unknown."""
    tokens = (
        f"{spent.input_tokens:,} tokens in and {spent.output_tokens:,} out"
        if spent.input_tokens is not None and spent.output_tokens is not None
        else f"tokens unknown ({spent.without_usage} answers without a count)"
    )
    price = "cost unknown" if spent.cost_usd is None else f"{spent.cost_usd:.4f} USD"
    missing = f"{spent.missing} without a usable answer" if spent.missing else "none missing"
    return f"{spent.arguments} texts, {missing}; {spent.answers} answers, {spent.paid} paid for now; {tokens}, {price}"


def _agreement(agreements: pd.DataFrame) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    between = [BY_ITSELF, BY_SECOND, BY_PEOPLE, AMONG_PEOPLE]
    grid.add_column("label", no_wrap=True)
    for name in between:
        grid.add_column(f"with {name}" if name != AMONG_PEOPLE else name)
    for label in agreements.label.unique():
        own = agreements[agreements.label == label].set_index("between")
        grid.add_row(_words(label), *(_alpha(own.loc[name], long=True) for name in between))
    return grid


def _alpha(row: Any, long: bool = False) -> str:
    """α with its interval; in the long form how many arguments it rests on, or why there is none."""
    if row.units == 0:
        return "not measured" if long else "–"
    value = "undefined" if _absent(row.alpha) else f"{row.alpha:.2f}"
    if not _absent(row.low):
        value += f" [{row.low:.2f}, {row.high:.2f}]"
    return f"{value}, n {row.units}{f'; {row.note}' if row.note else ''}" if long else value


def _rates(rates: pd.DataFrame, agreements: pd.DataFrame) -> Grid:
    keys = list(rates.columns[: list(rates.columns).index("judge")])
    correctable = "corrected" in rates.columns
    pairs = [b for b in SHORT if (agreements[agreements.between == b].units > 0).any()] or [BY_ITSELF]
    grid = Grid(box=None, pad_edge=False)
    for column in keys:
        grid.add_column(column, overflow="fold")
    grid.add_column("label", no_wrap=True)
    for column in ("n", "wards", "missing", "refused", "judge says", *(["corrected"] if correctable else [])):
        grid.add_column(column, justify="right")
    for between in pairs:
        grid.add_column(SHORT[between], justify="right")
    alphas = agreements.set_index(["label", "between"])
    before: tuple[str, ...] = ()
    for row in rates.itertuples(index=False):
        group = tuple(_said(str(getattr(row, k))) or "all alike" for k in keys)
        shown = [str(v) for v in (row.n, row.wards, row.missing, row.rejected)]
        shown += [_share(row.rate, row.low, row.high), *([_correction(row)] if correctable else [])]
        shown += [_alpha(alphas.loc[row.label, between]) for between in pairs]
        grid.add_row(*(group if group != before else [""] * len(group)), _words(row.label), *shown)
        before = group
    return grid


def _correction(row: Any) -> str:
    if _absent(row.corrected):
        return "not correctable" if row.correction.startswith("not") else "–"
    if _absent(row.corrected_low):
        return f"{row.corrected:.2f} ~[{row.labelling_low:.2f}, {row.labelling_high:.2f}]"
    return _share(row.corrected, row.corrected_low, row.corrected_high)


def _share(value: float, low: float, high: float) -> str:
    if _absent(value):
        return "–"
    return f"{value:.2f}" if _absent(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _absent(value: Any) -> bool:
    return value is None or value != value


def _words(label: str) -> str:
    return label.replace("_", " ")


def _said(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
