"""What does a person read after a season on the commons: one page from the run record."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table as Grid
from rich.text import Text

from graphs.pages.dilemma import (
    BARS,
    ends,
    evidence,
    laws,
    measured,
    number,
    printable,
    regime_in_words,
    seats_in_words,
    troubles,
)
from nodes.commons.record import CommonsRecord, Month

MEASURES = (
    ("survival_months", "months played", "of {months}; the month of a collapse counts"),
    ("total_catch", "total catch R", "{unit}"),
    ("welfare_share", "welfare, of the planner's", "net of what was burnt; 1 is all that this world allows"),
    ("efficiency", "efficiency u", "total over the planner's expectation, {planner}"),
    ("efficiency_of_played_months", "the same, as the paper has it", "over played months alone: a defect"),
    ("equality", "equality e", "1 − Gini of total catches"),
    ("over_use", "over-use o", "share of catches above an even share of what the stock sustains"),
    ("captured", "of what a law can add", "0: no more than without a law; 1: all that the best law adds"),
)


def page(record: CommonsRecord, width: int = 130) -> Iterator[RenderableType]:
    """The parts of the page, top to bottom, for a terminal of so many columns."""
    yield heading(record)
    if record.status == "invalid":
        yield Text(
            "This run is invalid: a seat made no valid move at all. It is counted apart.", style="bold red"
        )
    yield Rule("Month by month", align="left", style="dim")
    yield months(record, width)
    yield Text(ending(record))
    if record.laws or _votes(record):
        yield Rule("What was agreed", align="left", style="dim")
        yield laws(record, "month", [m.bites for m in record.months], _votes(record))
    if record.payoffs is None:
        yield from troubles(record)
        return
    yield Rule("What everybody ended up with", align="left", style="dim")
    yield ends(record, record.payoffs)
    yield Rule("What it is worth", align="left", style="dim")
    case = record.scenario
    words = {"months": case.months, "unit": case.unit, "planner": number(record.benchmarks.get("planner"))}
    yield measured(record, [(key, name, note.format(**words)) for key, name, note in MEASURES])
    yield Text(f"{baselines(record)} As a rule, the best law: {_rule(record)}", style="dim")
    yield from troubles(record)


def heading(record: CommonsRecord) -> RenderableType:
    """The commons, the seats, the regime, and what kind of evidence this is."""
    case = record.scenario
    lines = [Text(printable(case.says))] if case.says else []
    lines.append(
        Text(
            f"{case.agents} seats, {case.months} months, {case.stock} of at most {case.capacity} {case.unit}; "
            f"gone below {case.collapse}. Regrowth {case.regrowth.kind}"
            + (
                f"; an event in {case.contingencies.chance:.0%} of months"
                if case.contingencies.chance
                else ""
            )
            + "."
        )
    )
    lines += [*seats_in_words(record), Text(regime_in_words(record.protocol), style="dim"), evidence(record)]
    title = Text.assemble((printable(case.title), "bold"), f"  {record.run_id}")
    return Panel(Group(*lines), title=title, title_align="left")


def months(record: CommonsRecord, width: int) -> RenderableType:
    """One row a month: the stock, what happened, what everybody took, what grew back, under which law."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    seats = [s.seat for s in record.seats]
    for name in ("month", "stock", ""):
        grid.add_column(name, justify="right" if name else "left")
    grid.add_column("event")
    for at in record.seats:
        grid.add_column(f"{at.seat}{'♥' if at.prosocial else ''}", justify="right")
    for name in ("total", "left", "law"):
        grid.add_column(name, justify="right")
    for m in record.months:
        grid.add_row(*_row(record, m, seats))
    note = (
        "♥ prosocial. 14→10: asked for 14, left 10 by law or rationing. ✎ a contract was voted on, ✓ adopted."
    )
    return Group(grid, Text(note, style="dim"))


def _row(record: CommonsRecord, m: Month, seats: list[str]) -> list[str]:
    filled = BARS[min(len(BARS) - 1, round(m.stock / record.scenario.capacity * (len(BARS) - 1)))]
    event = "" if m.event == "calm" else m.event + ("" if m.cell == m.event else " (untold)")
    catches = [_catch(m.asked[s], m.taken[s]) for s in seats]
    law = "" if m.law is None else f"#{m.law + 1}"
    law += " ✓" if m.adopted else " ✎" if m.proposal else ""
    return [str(m.month), str(m.stock), filled, event, *catches, str(sum(m.taken.values())), str(m.left), law]


def _catch(asked: int | None, taken: int) -> str:
    if asked is None:
        return f"?→{taken}"
    return str(taken) if asked == taken else f"{asked}→{taken}"


def ending(record: CommonsRecord) -> str:
    """How the season ended: the pool gone, broken off, or lasting."""
    case = record.scenario
    if record.collapsed:
        return f"The pool collapsed in month {len(record.months)}: less than {case.collapse} was left."
    if record.status == "invalid":
        return f"The season was broken off in month {len(record.months) + 1}."
    last = record.months[-1].left < case.collapse if record.months else False
    return f"The pool lasted all {case.months} months." + (" It was emptied in the last." if last else "")


def _votes(record: CommonsRecord) -> list[tuple[int, bool]]:
    met = [(0, record.opening.adopted)] if record.opening and record.opening.proposal else []
    return met + [(m.month, m.adopted) for m in record.months if m.proposal]


def baselines(record: CommonsRecord) -> str:
    """What was attainable in this world and over all of them, with the best law and with none."""
    b = record.benchmarks
    return (
        f"In this world, exactly: the planner {number(b.get('planner_here'))}, the best law "
        f"{number(b.get('best_law_here'))}, no law at the {record.protocol.equilibrium} equilibrium of these concerns "
        f"{number(b.get('no_law_here'))}. Over all worlds: planner {number(b.get('planner'))}, best law "
        f"{number(b.get('best_law'))}."
    )


def _rule(record: CommonsRecord) -> str:
    """The best law in words, a sentence a cell of events."""
    from scenarios.commons.rule import quota_rule

    return " ".join(clause.says for clause in quota_rule(record.scenario).clauses)
