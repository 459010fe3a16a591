"""What do the pages of the commons and of games have in common: seats, laws and where they bit, ends, measures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from nodes.dilemma.record import Bite, DilemmaRecord, Payoffs
from nodes.dilemma.settings import DilemmaTable

BARS = " ▁▂▃▄▅▆▇█"

REGIMES = {
    "none": "no contract",
    "spoken": "contracts in words, which nobody enforces",
    "enforced": "contracts that are enforced",
    "best": "the best law there is, by optimisation",
}


def printable(text: str) -> str:
    """Somebody's words on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def number(value: float | None, digits: int = 2) -> str:
    """A number as a reader wants it; a dash for what is missing."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}".rstrip("0").rstrip(".").replace("-", "−") if digits else f"{value:.0f}"


def seats_in_words(record: DilemmaRecord) -> list[Text]:
    """Who sits there, of which concern, claiming what, decided by whom."""
    out = []
    for at in record.seats:
        who = at.model or "reference"
        claim = f", claims to be {at.claims}" if at.claims and at.claims != at.persona.name else ""
        degree = at.persona.concern if isinstance(at.persona.concern, str) else f"{at.persona.concern:g}"
        colour = "green" if at.prosocial else "yellow"
        out.append(
            Text.assemble(
                (f"{at.seat} ", "bold"), (at.persona.name, colour), f" (λ {degree}; {printable(who)}{claim})"
            )
        )
    return out


def regime_in_words(table: DilemmaTable) -> str:
    """The regime and what else is set, in a line."""
    parts = [REGIMES[table.regime]]
    parts += [f"{table.law} in force from the start"] if table.law else []
    parts += (
        [] if table.negotiate or table.regime not in ("spoken", "enforced") else ["nothing may be proposed"]
    )
    parts += [f"concerns {table.declared}"] if table.declared != "private" else []
    return f"{', '.join(parts)}; seed {table.seed}, replicate {table.replicate}"


def evidence(record: DilemmaRecord) -> Text:
    """What kind of evidence this is."""
    if all(at.negotiator == "reference" for at in record.seats):
        return Text(
            "Reference negotiators: exact play by their concerns. A null model, no evidence about language models.",
            style="italic",
        )
    models = sorted({at.model for at in record.seats if at.model})
    return Text(f"Decided by {printable(', '.join(models))}.", style="italic")


def laws(
    record: DilemmaRecord, step: str, bites: Sequence[Sequence[Bite]], votes: Sequence[tuple[int, bool]]
) -> RenderableType:
    """Every contract that was in force, in words, and how often each of its clauses bit; what was voted down."""
    parts: list[RenderableType] = []
    for place, law in enumerate(record.laws):
        given = (
            "given"
            if not law.votes
            else f"{sum(bool(v) for v in law.votes.values())} of {len(law.votes)} for it"
        )
        by = "" if law.proposal.by == "given" else f", drafted by {law.proposal.by}"
        parts.append(Text(f"#{place + 1} in force from {step} {law.since}{by} ({given}):", style="bold"))
        parts += [Text(f"   {printable(words)}") for words in law.proposal.words]
    counts = Counter(b.kind for of_step in bites for b in of_step)
    if counts:
        bit = ", ".join(f"{kind} {n} times" for kind, n in counts.items())
        parts.append(Text(f"Where it bit: {bit}.", style="dim"))
    refused = [str(at) for at, adopted in votes if not adopted]
    if refused:
        parts.append(Text(f"Voted down in {step} {', '.join(refused)}.", style="dim"))
    return Group(*parts)


def ends(record: DilemmaRecord, payoffs: Payoffs) -> RenderableType:
    """What every seat ended up with, by itself and net of payments, and the means of both types."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("seat", "concern", "before payments", "payments", "net"):
        grid.add_column(name, justify="left" if name in ("seat", "concern") else "right")
    for at in record.seats:
        gross, net = payoffs.gross[at.seat], payoffs.net[at.seat]
        grid.add_row(at.seat, at.persona.name, number(gross), number(net - gross), number(net))
    m = record.measures
    lines: list[RenderableType] = [grid]
    if record.ledger.burnt:
        lines.append(
            Text(f"{number(record.ledger.burnt)} was burnt: fines that nobody received.", style="dim")
        )
    if m.get("advantage") is not None:
        lines.append(
            Text(
                f"Mean net: prosocial {number(m['payoff_prosocial'])}, selfish {number(m['payoff_selfish'])}; "
                f"selfish less prosocial: {number(m['advantage'])}."
            )
        )
    return Group(*lines)


def measured(record: DilemmaRecord, rows: Sequence[tuple[str, str, str]]) -> RenderableType:
    """Measures by name, each with what it says; a dash where it is undefined."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(justify="right")
    grid.add_column(style="dim")
    for key, name, note in rows:
        grid.add_row(name, number(record.measures.get(key)), note)
    return grid


def troubles(record: DilemmaRecord) -> Iterator[RenderableType]:
    """What did not go as asked, and what it cost."""
    calls = sum(u.calls for u in record.usage)
    counts = Counter(i.kind for i in record.incidents)
    if counts:
        yield Text("Incidents: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()), style="yellow")
        for incident in record.incidents[:5]:
            yield Text(
                f"  {incident.seat} {incident.node} {incident.round}: {printable(incident.detail)[:160]}",
                style="dim",
            )
    if calls:
        read = [u.input_tokens for u in record.usage if u.calls]
        tokens = "unknown" if None in read else f"{sum(t or 0 for t in read):,}"
        yield Text(f"{calls} calls, {tokens} tokens read.", style="dim")
    for note in record.notes:
        yield Text(f"Exact play: {printable(note)}", style="dim")
