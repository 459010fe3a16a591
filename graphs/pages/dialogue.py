"""What does a person read after a deliberation: one page from the run record."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table as Grid
from rich.text import Text

from graphs.pages.dilemma import number, printable
from negotiators.deliberation import MEDIATOR, Utterance, Verdict
from nodes.deliberation.measures import final_plan, survived
from nodes.deliberation.record import DeliberationRecord
from scenarios.dilemmas.plan import whole

COLOURS = ("cyan", "magenta", "yellow", "blue", "green", "red", "white", "bright_cyan")

VERDICTS = {
    "agreed": ("YES", "green"),
    "debating": ("NO: still debating", "yellow"),
    "disagreed": ("NO: they agree to disagree", "red"),
    "capitulated": ("NO: one side gave in", "red"),
    "vague": ("NO: too vague to act on", "red"),
    None: ("no verdict: the judge failed, which is missing, not NO", "red"),
}

MEASURES = (
    ("mean", "mean worth", "of the plan to the seats; attainable {mean}"),
    ("least", "worth to the worse off", "attainable {least}"),
    ("nash", "product of the worths", "attainable {nash}"),
    ("pareto", "efficient", "1: no plan is better for one and worse for none"),
    ("one_sided", "one-sided", "0: contested clauses survived evenly; 1: one seat's alone"),
    ("faithful", "faithful", "1: what was written down is what was agreed"),
    ("rule", "agreed by the rule", "1: the rule reads agreement in the words too"),
)


def page(record: DeliberationRecord, width: int = 130) -> Iterator[RenderableType]:
    """The parts of the page, top to bottom, for a terminal of so many columns."""
    yield heading(record)
    if record.status == "invalid":
        yield Text(f"This run is invalid: {invalid(record)}. It is counted apart.", style="bold red")
    if record.dialogue:
        yield Rule("What was said", align="left", style="dim")
        yield from dialogue(record)
    if record.scenario.issues:
        yield Rule("What the plan is made of", align="left", style="dim")
        yield clauses(record)
    yield Rule("The plan, as it was written down", align="left", style="dim")
    yield _completion(record)
    if record.measures and record.scenario.issues:
        yield Rule("What it is worth, and how it came about", align="left", style="dim")
        yield measured(record)
    for incident in record.incidents:
        yield Text(f"{incident.kind}: {incident.seat} {printable(incident.detail)}", style="yellow")


def heading(record: DeliberationRecord) -> RenderableType:
    """The dilemma, the seats, the protocol, and what kind of evidence this is."""
    d, p = record.scenario, record.protocol
    lines: list[RenderableType] = [Text(printable(d.prompt)), Text()]
    lines += [
        Text.assemble((f"{name}: ", "dim"), (printable(says), "dim italic"))
        for name, says in d.principles.items()
    ]
    lines.append(Text())
    for i, s in enumerate(record.seats):
        who = s.model or "reference"
        role = ", not at the table" if p.alone and i else ""
        lines.append(
            Text.assemble(
                (f"{s.seat} {s.persona.name}", f"bold {COLOURS[i]}"),
                f" ({printable(who)}{role}): ",
                (printable(s.persona.says), "dim"),
            )
        )
    seen = "all turns" if p.window == "all" else f"the last {_counted(p.window, 'turn')}"
    how = (
        "written by one agent alone"
        if p.alone
        else f"at most {_counted(p.rounds, 'round')}; each sees {seen}; judged by {printable(p.judging)}"
    )
    lines += [Text(f"{how}; seed {p.seed}, replicate {p.replicate}", style="dim"), _evidence(record)]
    title = Text.assemble((printable(d.goal), "bold"), f"  {record.run_id}")
    return Panel(Group(*lines), title=title, title_align="left")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def invalid(record: DeliberationRecord) -> str:
    """Why a run is invalid, in words."""
    silent = [s.seat for s in record.seats if not any(u.seat == s.seat and u.text for u in record.dialogue)]
    if silent and not record.protocol.alone:
        return f"{' and '.join(silent)} said nothing at all"
    return "its plan was not written down, though it was to be"


def _evidence(record: DeliberationRecord) -> Text:
    p = record.protocol
    speak = [*p.seat_models, *([p.mediating_model] if p.mediator else [])]
    models = sorted({m for m in speak if m != "reference"})
    if models:
        also = " and by reference negotiators" if "reference" in speak else ""
        return Text(f"Spoken by {printable(', '.join(models))}{also}.", style="italic")
    return Text(
        "Reference negotiators: bargaining over clauses by their personas' values, in fixed phrases. A null model, "
        "no evidence about language models.",
        style="italic",
    )


def dialogue(record: DeliberationRecord) -> Iterator[RenderableType]:
    """Every turn, round by round, with the verdict that ended the round."""
    deeds = {(e.round, e.seat): e.strategy for e in record.edges if e.source in ("speak", "mediate")}
    verdicts = {v.round: v for v in record.verdicts}
    for round_ in range(1, 1 + max(u.round for u in record.dialogue)):
        for said in (u for u in record.dialogue if u.round == round_):
            yield _turn(record, said, deeds.get((round_, said.seat)))
        if round_ in verdicts:
            yield _verdict(verdicts[round_])


def _turn(record: DeliberationRecord, said: Utterance, deed: str | None) -> RenderableType:
    names = [s.seat for s in record.seats]
    colour = "white" if said.seat == MEDIATOR else COLOURS[names.index(said.seat)]
    name = (
        MEDIATOR
        if said.seat == MEDIATOR
        else f"{said.seat} {record.seats[names.index(said.seat)].persona.name}"
    )
    what = f" — {deed}" if deed else ""
    cut = " (cut off)" if said.status == "truncated" else ""
    head = Text.assemble((f"{said.round}  {name}", f"bold {colour}"), (f"{what}{cut}", "dim"))
    words = "\n".join(printable(row) for row in said.text.split("\n")) or "(nothing)"
    return Group(head, Padding(Text(words), (0, 0, 0, 3)))


def _verdict(verdict: Verdict) -> RenderableType:
    word, colour = VERDICTS[verdict.kind]
    why = f" — {printable(verdict.why)}" if verdict.why else ""
    return Text.assemble(
        ("   judge: ", "dim"), (word, f"bold {colour}"), (f"{why} [{verdict.judge}]\n", "dim")
    )


def clauses(record: DeliberationRecord) -> RenderableType:
    """One row an issue: what each seat first wanted, and what the final plan holds."""
    d = record.scenario
    final = final_plan(d, record.verdicts, record.completion)
    talking = [] if record.protocol.alone else [s.seat for s in record.seats]
    first = {
        s: next((u.plan for u in record.dialogue if u.seat == s and whole(u.plan, d)), {}) for s in talking
    }
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("issue", no_wrap=True)
    for s in talking:
        grid.add_column(f"{s} at first", overflow="fold")
    grid.add_column("in the end", overflow="fold")
    for issue in d.issues:
        wanted = [plan.get(issue, "–") for plan in first.values()]
        got = final.get(issue, "–") if final else "–"
        styles = [COLOURS[i] if w == got and len(set(wanted)) > 1 else "" for i, w in enumerate(wanted)]
        grid.add_row(
            issue, *(Text(w, style) for w, style in zip(wanted, styles, strict=True)), Text(got, "bold")
        )
    kept, contested = survived(talking, d, record.dialogue, final)
    if not contested or any(share is None for share in kept.values()):
        return grid
    words = ", ".join(f"{s} {share:.0%}" for s, share in kept.items())
    return Group(grid, Text(f"Of {contested:.0f} contested clauses survived: {words}.", style="dim"))


def _completion(record: DeliberationRecord) -> RenderableType:
    if record.completion is None:
        unjudged = bool(record.verdicts) and record.verdicts[-1].kind is None
        why = "the judge gave no verdict" if unjudged else "the seats did not agree"
        return Text(f"None: {why}.", style="yellow")
    return Text("\n".join(printable(row) for row in record.completion.text.split("\n")) or "(nothing)")


def measured(record: DeliberationRecord) -> RenderableType:
    """What the final plan is worth, beside the best that any plan reaches; what is undefined here has no row."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    best = {k: number(v, 3) for k, v in record.benchmarks.items()}
    for s in record.seats:
        worth = record.measures.get(f"worth:{s.seat}")
        note = "0: the worst plan for it, 1: the best" if s.persona.values else "a persona of style alone"
        grid.add_row(f"worth to {s.seat}", number(worth, 3), Text(note, style="dim"))
    for key, name, note in MEASURES:
        if record.measures.get(key) is not None or key in record.benchmarks:
            told = note.format(**({"mean": "–", "least": "–", "nash": "–"} | best))
            grid.add_row(name, number(record.measures.get(key), 3), Text(told, style="dim"))
    return grid
