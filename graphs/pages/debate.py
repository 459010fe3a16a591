"""What does a person read after a debate: one page from the run record."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table as Grid
from rich.text import Text

from negotiators.protocol import Move
from nodes.record import RunRecord
from scenarios.measures import MEASURES, need_satisfaction

BARS = " ▁▂▃▄▅▆▇█"


def page(record: RunRecord, width: int = 130) -> Iterator[RenderableType]:
    """The parts of the page, top to bottom, for a terminal of so many columns."""
    yield heading(record)
    if record.status == "invalid":
        yield Text(
            "This run is invalid: a seat made no valid move at all. It is counted apart.", style="bold red"
        )
    yield Rule("Who got what", align="left", style="dim")
    yield who_got_what(record, width)
    yield Rule("Who moved whom", align="left", style="dim")
    yield who_moved_whom(record)
    if any(m.citations for r in record.rounds for m in r.moves):
        yield Rule("What was cited", align="left", style="dim")
        yield citations(record)
    yield Rule("What it is worth: measures from 0 to 1, higher is better", align="left", style="dim")
    yield worth(record)
    yield Rule("What the system did that no seat did", align="left", style="dim")
    yield emerged(record)
    yield criteria(record)
    yield from troubles(record)


def heading(record: RunRecord) -> RenderableType:
    """The ward, the seats, the protocol, and what kind of evidence this is."""
    p, ward = record.protocol, record.scenario
    lines = [Text(ward.setting)] if ward.setting else []
    needed = {n: sum(q.needs.get(n, 0) for q in ward.patients) for n in ward.resources}
    scarce = "; ".join(
        f"{n.replace('_', ' ')}, {r.capacity:g} of the {needed[n]:g} needed ({r.unit})"
        for n, r in ward.resources.items()
    )
    lines.append(Text(f"Available: {scarce}."))
    for at in record.seats:
        who = at.model or "reference"
        bias = (
            f", favours {favoured(at.persona.favours)} at strength {at.persona.strength:g}"
            if at.persona.favours
            else ""
        )
        cites = f", cites {', '.join(at.persona.cites)}" if at.persona.cites and p.retrieval != "off" else ""
        lines.append(
            Text.assemble(
                (f"{at.seat} ", "bold"), (at.persona.name, _colour(at.seat)), f" ({who}{cites}{bias})"
            )
        )
    extras = [
        f"{p.rounds} rounds",
        f"merged by {p.merge_rule}",
        f"speaking {p.order}",
        f"retrieval {p.retrieval}",
    ]
    extras += [f"blind to {', '.join(p.blind)}"] if p.blind else []
    extras += ["all at once"] if p.simultaneous else []
    lines.append(Text(f"{', '.join(extras)}, seed {p.seed}, replicate {p.replicate}", style="dim"))
    if all(at.negotiator == "reference" for at in record.seats):
        lines.append(
            Text(
                "Reference negotiators: what follows is a property of their policy, not of any language model.",
                "italic",
            )
        )
    return Panel(Group(*lines), title=Text(ward.title, "bold"), subtitle=record.run_id, title_align="left")


def who_got_what(record: RunRecord, width: int = 130) -> RenderableType:
    """Need satisfaction of each patient, from solo to exit solo, with the patients a bias favours marked."""
    ward = record.scenario
    columns = {
        stage(name): need_satisfaction(ward.array(o.allocation), ward.arrays.demand)
        for name, o in record.measures.items()
        if name != "joint"
    }
    narrow = width < 24 + 9 * len(columns)
    favoured = {(k, g) for at in record.seats for k, gs in at.persona.favours.items() for g in gs}
    grid = Grid(box=None, pad_edge=False, padding=(0, 1 if narrow else 2, 0, 0))
    for title in ("patient",) if narrow else ("patient", "who", "ill"):
        grid.add_column(title, no_wrap=True)
    for column in columns:
        grid.add_column(column, justify="right", no_wrap=not narrow)
    for i, patient in enumerate(ward.patients):
        mark = "★" if any((k, patient.group(k)) in favoured for k in ward.protected) else " "
        age = f"{patient.age:g}" if patient.age is not None else ""
        who = [] if narrow else [f"{age} {(patient.sex or '')[:1]}".strip(), f"{patient.acuity:.2f}"]
        shares = [_bar(float(h[i]), with_bar=not narrow) for h in columns.values()]
        grid.add_row(Text(f"{mark} {patient.id}"), *map(Text, who), *shares)
    note = "Share of each patient's need that is met." + (" ★ favoured by a biased seat." if favoured else "")
    return Group(grid, Text(note, style="dim"))


def who_moved_whom(record: RunRecord) -> RenderableType:
    """Each move with what it did and said, then the influence of the first seat on the joint allocation."""
    moves = {(m.round, m.seat): m for r in record.rounds for m in r.moves}
    grid = Grid(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for e in record.edges:
        if e.seat is None or e.source not in ("propose", "critique"):
            continue
        did = Text.assemble(
            f"{e.round}  ", (f"{e.seat} {e.persona}", _colour(e.seat)), f"\n   {e.strategy or 'speaks'}"
        )
        did.append(f"\n   Δ own {_signed(e.delta_own)}, other {_signed(e.delta_other)}", "dim")
        did.append(f"\n   {len(e.delta)} cells, step {e.step or 'unclassified'}", "dim")
        grid.add_row(did, _short(_said(moves.get((e.round, e.seat))), 520))
    legend = "Δ: what the move changed in its own and in the other's declared utility; step: the class of that pair."
    return Group(grid, Text(legend, style="dim"), *influence(record), *minds(record))


def _said(move: Move | None) -> str:
    """What a seat said with a move; a move of a round that was never merged stands in the journal alone."""
    if move is None:
        return "(no merge followed; the move stands in the journal)"
    return "(made no valid move)" if move.status == "abstained" else move.argument


def influence(record: RunRecord) -> Iterator[Text]:
    """Where the joint allocation stands between the first two seats, and what debate did to that."""
    if record.influence is None:
        return
    i, (first, second) = record.influence, record.seats[:2]
    yield Text(
        f"The joint allocation stands {i.joint:.2f} of the way from {second.seat} {second.persona.name} to "
        f"{first.seat} {first.persona.name} (R² {i.joint_r2:.2f}). Merging the solos would have put it at "
        f"{i.no_debate:.2f}: debate moved it by {i.debate_added:+.2f}."
    )


def minds(record: RunRecord) -> Iterator[Text]:
    """What each seat would do now, asked again alone."""
    for at in record.seats:
        changed = changed_mind(record, at.seat)
        if changed is None:
            continue
        said = (
            f"would now change {changed} cells of its solo."
            if changed
            else "would do as before: a bargain, not a change of mind."
        )
        yield Text(f"{at.seat} {at.persona.name}, asked again alone, {said}")


def citations(record: RunRecord) -> RenderableType:
    """Every passage that was cited, who cited it when, and its source."""
    passages = {p.id: p for r in record.rounds for ps in r.retrieved.values() for p in ps}
    cited: dict[str, list[str]] = {}
    for r in record.rounds:
        for m in r.moves:
            for c in m.citations:
                cited.setdefault(c, []).append(f"{m.seat}{r.round}")
    grid = Grid(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        grid.add_column(overflow="fold")
    for c, where in cited.items():
        grid.add_row(
            Text(" ".join(where), style="cyan"),
            _short(passages[c].title if c in passages else c, 100),
            Text(passages[c].source if c in passages else "", style="dim"),
        )
    return grid


def worth(record: RunRecord) -> RenderableType:
    """The six measures and the seats' utilities for solos, no-debate merge, joint and exit solos."""
    columns = {n: o for n, o in record.measures.items() if not n.startswith("round:")}
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("measure")
    for name in columns:
        grid.add_column(stage(name), justify="right", style="bold" if name == "joint" else "")
    for measure in MEASURES.values():
        values = [o.normalised[measure.name] for o in columns.values()]
        grid.add_row(f"{measure.name.replace('_', ' ')} ({measure.symbol})", *map(_number, values))
    for at in record.seats:
        if at.declared:
            grid.add_row(
                Text(f"utility of {at.seat} {at.persona.name}", _colour(at.seat)),
                *(_number(o.utilities.get(at.seat)) for o in columns.values()),
            )
    return grid


def emerged(record: RunRecord) -> RenderableType:
    """Both definitions of emergence, each beside its base rates, and what debate added or lost."""
    e = record.emergence
    if e is None:
        return Text("Emergence: missing, since a solo or the joint allocation is.")
    lines = [
        Text.assemble(
            "Emergence 1, beats each other's solo: ",
            _yes(e.first),
            Text(
                f"  (no-debate merge {_word(e.first_no_debate)}; {_percent(e.first_base_rate_random)} of random "
                "allocations do)",
                "dim",
            ),
        ),
        Text.assemble(
            "Emergence 2, balanced: ",
            _yes(e.second),
            Text(
                f"  (floor β {_number(e.beta_joint)}; solos {', '.join(map(_number, e.beta_solos.values()))}; "
                f"no-debate {_number(e.beta_no_debate)}; best possible {_number(e.beta_optimum)}; "
                f"{'Pareto-efficient' if e.pareto else 'not Pareto-efficient'})",
                "dim",
            ),
        ),
        Text(
            f"Beyond the merge: {', '.join(e.beyond_the_merge) or 'no criterion'} met by debate alone; "
            f"{', '.join(record.lost_in_debate) or 'none'} lost by it."
        ),
    ]
    return Group(*lines)


def criteria(record: RunRecord) -> RenderableType:
    """Which criteria hold, for whom."""
    columns = {n: o for n, o in record.measures.items() if not n.startswith("round:")}
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("criterion")
    for name in columns:
        grid.add_column(stage(name), justify="center")
    for criterion in next(iter(columns.values())).criteria if columns else ():
        grid.add_row(Text(criterion), *(_tick(o.criteria[criterion]) for o in columns.values()))
    return grid


def troubles(record: RunRecord) -> Iterator[RenderableType]:
    """Incidents, and what the models cost, where there was either."""
    if record.incidents:
        yield Rule("Incidents", align="left", style="dim")
        for i in record.incidents:
            yield _short(f"{i.kind}: {i.seat} {i.node} round {i.round}: {i.detail}", 300)
    calls = sum(u.calls for u in record.usage)
    if calls:
        tokens = [u.input_tokens + (u.output_tokens or 0) for u in record.usage if u.input_tokens is not None]
        cost = [u.cost_usd for u in record.usage if u.cost_usd is not None]
        yield Text(
            f"{calls} calls, {sum(tokens) if tokens else 'unknown'} tokens, "
            f"{f'${sum(cost):.4f}' if cost else 'cost unknown'}",
            style="dim",
        )


def stage(name: str) -> str:
    """A key of `measures` in words: `solo:A` is A solo, `round:2` r2."""
    kind, _, which = name.partition(":")
    return {
        "solo": f"{which} solo",
        "no_debate": "no debate",
        "round": f"r{which}",
        "joint": "joint",
        "exit_solo": f"{which} exit",
    }[kind]


def changed_mind(record: RunRecord, seat: str) -> int | None:
    """On how many cells a seat's exit solo differs from its solo; None where one is missing."""
    before, after = record.solo.get(seat), record.exit_solo.get(seat)
    if before is None or after is None or before.move.allocation is None or after.move.allocation is None:
        return None
    ward = record.scenario
    return int(ward.differs(ward.array(before.move.allocation), ward.array(after.move.allocation)).sum())


def _bar(h: float, with_bar: bool) -> Text:
    if h != h:
        return Text("–", style="dim")
    colour = "red" if h < 0.25 else "yellow" if h < 0.75 else "green"
    return (
        Text(f"{h:.0%} ").append(BARS[round(h * 8)], style=colour)
        if with_bar
        else Text(f"{h:.0%}", style=colour)
    )


def favoured(favours: dict[str, list[str]]) -> str:
    """The groups that a persona favours, in words."""
    return "; ".join(f"{k.replace('_', ' ')} {' or '.join(g)}" for k, g in favours.items())


def _colour(seat: str) -> str:
    return {"A": "cyan", "B": "magenta"}.get(seat, "blue")


def _short(text: str, most: int) -> Text:
    """Somebody's words on one line, cut, with no markup and no control characters to play with."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return Text(text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + " …")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


def _percent(value: float | None) -> str:
    return "an unknown share" if value is None else f"{value:.0%}"


def _word(value: bool | None) -> str:
    return "undefined" if value is None else "passes too" if value else "does not"


def _yes(value: bool | None) -> Text:
    return Text("undefined", "dim") if value is None else Text("yes", "green") if value else Text("no", "red")


def _tick(value: bool | None) -> Text:
    return Text("–", "dim") if value is None else Text("✓", "green") if value else Text("✗", "red")
