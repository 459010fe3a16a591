"""What does a person see of an experiment: its scores example by example, and what they come to over wards."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.langsmith.evaluators import Score, keys_in_order
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evals.langsmith.pulling import Pulled
    from evals.langsmith.pushing import Pushed
    from evals.langsmith.running import Experiment
    from evals.langsmith.summaries import Scored

HEADS = {
    "feasible": "feasible",
    "criteria_met": "criteria",
    "access_gap": "gap",
    "favoured_gap": "favoured",
    "favoured_gap:no_debate": "…merge",
    "emergence_1": "em.1",
    "emergence_2": "em.2",
    "beyond_the_merge": "beyond",
    "lost_in_debate": "lost",
    "citation_validity": "cited",
    "debate_added": "added",
    "abstained": "silent",
}
"""Columns of the table on a terminal; single criteria and gaps are in --json and --out."""
MOST_ROWS = 40
COLUMNS = ("example", "scenario", "cluster", "twin", "run_id", "key", "score", "comment")


def page(experiment: Experiment) -> Iterator[RenderableType]:
    """The parts of the page, top to bottom."""
    from rich.rule import Rule
    from rich.text import Text

    yield Rule("Scores of the joint, by example", align="left", style="dim")
    yield _by_example(experiment.rows[:MOST_ROWS])
    if len(experiment.rows) > MOST_ROWS:
        more = len(experiment.rows) - MOST_ROWS
        yield Text(f"… and {more} examples more: --out FILE.csv or --json has them all", style="dim")
    yield Rule("Over wards", align="left", style="dim")
    yield _over_wards(experiment.summary)
    yield Text(
        "– is missing, and never counted as 0. merge: the no-debate merge of the solos. em.1 is nearly vacuous: its "
        "base rates stand in the comments. gap: the widest of any attribute. added: floor β of the joint less that "
        "of the merge.",
        style="dim",
    )
    for row in experiment.failed[:MOST_ROWS]:
        yield Text(f"{row.scenario}: no record: {row.error}", style="red")


def _by_example(rows: Sequence[Scored]) -> RenderableType:
    from rich.table import Table as Grid

    there = {one["key"] for row in rows for one in row.scores}
    keys = [key for key in keys_in_order(there) if key in HEADS]
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    grid.add_column("ward", overflow="fold", min_width=12)
    for key in keys:
        grid.add_column(HEADS[key], justify="right", no_wrap=True)
    for row in rows:
        found = {one["key"]: one["score"] for one in row.scores}
        grid.add_row(row.scenario, *(told(found.get(key)) for key in keys))
    return grid


def _over_wards(scores: Sequence[Score]) -> RenderableType:
    from rich.table import Table as Grid

    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("score", "left"), ("value", "right"), ("of", "left")):
        grid.add_column(name, justify=justify)  # type: ignore[arg-type]
    for one in scores:
        grid.add_row(one["key"], told(one["score"]), one["comment"] or "")
    return grid


def told(value: float | bool | None) -> str:
    """A score as a table shows it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if float(value).is_integer() else f"{value:.3f}"


def plain(experiment: Experiment) -> dict[str, Any]:
    """An experiment as plain data, for --json."""
    rows = [
        {
            **{name: getattr(row, name) for name in COLUMNS[:5]},
            "error": row.error,
            "scores": row.scores,
        }
        for row in experiment.rows
    ]
    return {
        "experiment": experiment.name,
        "url": experiment.url,
        "debates": len(rows),
        "failed": len(experiment.failed),
        "examples": rows,
        "summary": experiment.summary,
        "problems": experiment.problems,
    }


def write_scores(path: Path, experiment: Experiment) -> None:
    """Every score as a row of a CSV, the summary's last. Raises ParleyError for a file that cannot be written."""
    rows: list[dict[str, Any]] = [
        {name: getattr(row, name) for name in COLUMNS[:5]} | dict(one)
        for row in experiment.rows
        for one in row.scores
    ]
    rows += [{"example": "", "scenario": "(all)"} | dict(one) for one in experiment.summary]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(_numbered(rows))
    except OSError as error:
        raise ParleyError(f"{path}: cannot write ({error.strerror}); name another file with --out") from None


def _numbered(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yes as 1 and no as 0, so that a column of scores is one of numbers."""
    for row in rows:
        yield row | {"score": int(row["score"]) if isinstance(row["score"], bool) else row["score"]}


def pushed(done: Pushed, where: str, notes: Iterable[str]) -> Iterator[str]:
    """What a push did, a line each."""
    n = done.counts
    others = f"; {n['others']} others in it left alone" if n["others"] else ""
    yield f"{where}: {n['created']} created, {n['updated']} updated, {n['unchanged']} unchanged{others}"
    if done.url:
        yield done.url
    yield from notes


def pulled(done: Pulled, most: int) -> Iterator[str]:
    """What a pull did, a line each."""
    n = done.counts
    yield (
        f"{done.experiment}: {n['written']} records written to {done.folder}, {n['kept']} there already, "
        f"{n['feedback']} feedback in feedback.csv"
    )
    if done.differing:
        yield (
            f"{len(done.differing)} records differ from those of the same id that lie there, which were left "
            f"({_some(done.differing, most)}); name another --out to have them"
        )
    if done.unread:
        yield f"{len(done.unread)} runs without a record that can be read ({_some(done.unread, most)})"


def _some(names: Sequence[str], most: int) -> str:
    return "; ".join(names[:most]) + (f"; and {len(names) - most} more" if len(names) > most else "")
