"""What does a person read after a judge has been at work: what it said, what that rests on, how far to believe it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table as Grid
from rich.text import Text

from evals.judges.judging import KEYS, RULE, Spent
from negotiators.chat.quoting import line

if TYPE_CHECKING:
    from evals.judges.comparing import Matched, Tally
    from evals.judges.measuring import Row
    from evals.judges.outcome import Gathered
    from evals.statistics import Estimate

WORDS = {
    "mean": "mean score, 0 to 5",
    "retest_exact": "asked again: same score",
    "retest_kappa": "asked again: quadratic κ",
    "flat_groups": "groups with one score for all",
    "length_bias": "points for twice the length",
    "swap_consistency": "same winner in both orders (a coin: .50)",
    "position_bias": "first shown wins, beyond half",
    "agreement_exact": "same score",
    "agreement_kappa": "quadratic κ",
    "tau_b": "ranks within groups, τ-b",
    "rho": "ranks within groups, ρ",
    "same_winner": "same winner or tie of a pair",
}

RULE_SAYS = (
    "The rule reads clauses alone and says nothing of collective agency; joint worth is to the poles' values."
)
TRUST = (
    "A group is one dilemma with its personas as seated: group-relative training sees ranks within groups alone. "
    "Intervals are 95 % over dilemmas."
)


def told(gathered: Mapping[str, Gathered], spent: Sequence[Spent]) -> Iterator[RenderableType]:
    """What was judged and what it took."""
    for name, g in gathered.items():
        dilemmas = len({o.cluster for o in g.outcomes})
        unwritten = len(g.outcomes) - len(g.written)
        yield Text(
            f"{name}: {len(g.outcomes)} runs of {dilemmas} dilemmas; {unwritten} came to no plan, {g.invalid} invalid."
        )
    for one in spent:
        yield Text(RULE_SAYS if one.judge == RULE else f"{line(one.judge)}: {_cost(one)}")


def scores(
    means: Sequence[tuple[str, str, Estimate, Sequence[int]]],
) -> RenderableType:
    """Mean scores by key and condition: (key, condition, estimate, how many of 0, 1, … 5 after rounding)."""
    grid = Grid(box=None, pad_edge=False)
    for name in ("key", "condition"):
        grid.add_column(name, overflow="fold")
    for name in ("mean", "95 %", "plans", "dilemmas", "missing", "0 · 1 · 2 · 3 · 4 · 5"):
        grid.add_column(name, justify="right")
    for key, condition, e, counts in means:
        shown = (_number(e.mean), _interval(e.low, e.high), str(e.n), str(e.clusters), str(e.missing))
        grid.add_row(key, line(condition) or "all alike", *shown, " · ".join(map(str, counts)))
    return grid


def measures(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """The table of a judge, a part a judge and key, and what to know before its numbers are used."""
    marks = _footnotes([r.note for r in rows])
    for judge, key in dict.fromkeys((r.judge, r.key) for r in rows):
        yield Rule(f"{line(judge)}: {key.replace('_', ' ')}", align="left", style="dim")
        grid = Grid(box=None, pad_edge=False)
        grid.add_column("measure", no_wrap=True)
        grid.add_column("beside", overflow="fold")
        for name in ("value", "95 %", "p", "n", "dilemmas", "missing"):
            grid.add_column(name, justify="right")
        grid.add_column("")
        for r in (r for r in rows if (r.judge, r.key) == (judge, key)):
            shown = (_number(r.value), _interval(r.low, r.high), _p(r.p), str(r.n), str(r.clusters))
            grid.add_row(WORDS[r.measure], line(r.beside), *shown, str(r.missing), Text(marks[r.note]))
        yield grid
    yield from _notes(marks)
    yield Text(TRUST, style="dim")


def wins(tallies: Mapping[str, Mapping[str, Tally]], pairs: Matched) -> Iterator[RenderableType]:
    """Who won: trained against base."""
    yield Text(
        f"{len(pairs.both)} pairs with two plans, {len(pairs.one_sided)} with one, {pairs.neither} with none; "
        f"{pairs.unmatched} runs without a counterpart."
    )
    grid = Grid(box=None, pad_edge=False)
    for name in ("key", "pairs"):
        grid.add_column(name, overflow="fold")
    columns = ("won", "tied", "lost", "missing", "win rate, ties half", "net", "95 %", "p", "dilemmas")
    for name in columns:
        grid.add_column(name, justify="right")
    grid.add_column("")
    marks = _footnotes([t.net.note for of in tallies.values() for t in of.values()])
    names = {"plans": "two plans", "with_failures": "no agreement loses"}
    for key in (k for k in KEYS if k in tallies):
        for name, t in tallies[key].items():
            counts = (str(t.wins), str(t.ties), str(t.losses), str(t.missing))
            net = (_number(t.net.mean), _interval(t.net.low, t.net.high), _p(t.net.p), str(t.net.clusters))
            grid.add_row(key, names[name], *counts, _number(t.win_rate), *net, Text(marks[t.net.note]))
    yield grid
    yield from _notes(marks)
    split = sum(of["plans"].split for of in tallies.values())
    same = sum(of["plans"].identical for of in tallies.values())
    yield Text(
        f"Of the ties {split} are pairs whose winner changed with the order shown, {same} have the same words. "
        "A win needs both orders; net is won less lost, each dilemma weighing the same.",
        style="dim",
    )


def _footnotes(notes: Sequence[str]) -> dict[str, str]:
    """note -> its mark, '' for none."""
    found = [n for n in dict.fromkeys(notes) if n]
    return {"": ""} | {note: f"[{i}]" for i, note in enumerate(found, 1)}


def _notes(marks: Mapping[str, str]) -> Iterator[RenderableType]:
    yield from (Text(f"{mark} {note}", style="dim") for note, mark in marks.items() if note)


def _cost(spent: Spent) -> str:
    """What a judge took, in a line; what the servers did not say is said to be unknown."""
    known = spent.input_tokens is not None and spent.output_tokens is not None
    tokens = (
        f"{spent.input_tokens:,} tokens in and {spent.output_tokens:,} out" if known else "tokens unknown"
    )
    price = "cost unknown" if spent.cost_usd is None else f"{spent.cost_usd:.4f} USD"
    missing = f"{spent.missing} without a usable answer" if spent.missing else "none missing"
    answers = f"{spent.answers} answers, {spent.paid} paid for now"
    return f"{spent.questions} questions, {missing}; {answers}; {tokens}, {price}"


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.2f}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:.2f}, {high:.2f}]"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value >= 0.001 else "<.001"
