"""What do runs of every setting tell alike: their settings, what made them, what they cost, what went wrong where?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphs.pages.dilemma import number

if TYPE_CHECKING:
    from negotiators.protocol import Incident
    from nodes.record import Record
    from scenarios.model import Model

Pairs = tuple[tuple[str, str], ...]

LONGEST = 200_000
"""Characters of one text that a page keeps: no reader reads on, and a browser lays out no more at ease."""

SHORT = 12
"""Hexadecimal digits of a hash that a reader is shown."""

CUT = "\n[… cut here: {more:,} more characters stand in the record]"


def bounded(text: str) -> str:
    """Somebody's words as they are, cut after LONGEST characters with a note that says how many are left out."""
    return text if len(text) <= LONGEST else text[:LONGEST] + CUT.format(more=len(text) - LONGEST)


def spaced(name: str) -> str:
    """A name of a field as words."""
    return name.replace("_", " ")


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign, and a true minus; ±0 for what rounds to nothing."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", "−") if rounded else "±0"


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names with commas between them; of many the first, and how many more."""
    names = list(names)
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def seats_by(what: Mapping[str, str]) -> str:
    """seat -> word, turned round: `hold: A, C; concede: B`."""
    groups: dict[str, list[str]] = {}
    for seat, word in what.items():
        groups.setdefault(word, []).append(seat)
    return "; ".join(f"{word}: {', '.join(seats)}" for word, seats in groups.items())


def settings(table: Model) -> Pairs:
    """Every setting of a run in words; one that is off, empty or not given, and is so by default, is left out."""
    out = []
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        if name in ("seed", "replicate") or value != field.get_default() or _says_something(value):
            out.append((spaced(name), _in_words(value)))
    return tuple(out)


def _says_something(value: Any) -> bool:
    return value not in (None, False, (), 0)


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple | list):
        return ", ".join(map(_in_words, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(getattr(value, "says", value))


def weights(values: Mapping[str, float], digits: int = 2) -> str:
    """Weights in words, the greatest first."""
    ordered = sorted(values.items(), key=lambda pair: -abs(pair[1]))
    return ", ".join(f"{spaced(name)} {number(weight, digits)}" for name, weight in ordered)


def policy(of: Mapping[str, Any]) -> str:
    """How a reference seat plays, in words; '' for one that has no policy."""
    return ", ".join(f"{spaced(name)} {_in_words(value)}" for name, value in of.items() if value is not None)


def provenance(record: Record) -> Pairs:
    """What made a run: versions, prompts, corpus, what the models' servers said they ran, the day."""
    made = record.provenance
    out = [(_name(k), str(v)) for k, v in made.get("versions", {}).items()]
    for label, values in (("prompt", made.get("prompts", {})), ("corpus", made.get("corpus", {}))):
        out += [(f"{label} {spaced(k)}", _short(str(v))) for k, v in values.items()]
    out += [(f"model of {who}", ", ".join(map(str, named))) for who, named in made.get("models", {}).items()]
    if day := str(made.get("recorded_at", ""))[:10]:
        out.append(("recorded on", day))
    return tuple(out)


def _name(package: str) -> str:
    return {"parley": "Parley", "python": "Python"}.get(package, package)


def _short(value: str) -> str:
    """A long hash as its first digits; anything else as it is."""
    hexadecimal = len(value) >= 40 and set(value) <= set("0123456789abcdef")
    return value[:SHORT] if hexadecimal else value


def usage(record: Record) -> str:
    """What a run cost, in a sentence; what a server did not say is unknown, never 0."""
    called = [u for u in record.usage if u.calls]
    if not called:
        return "No model was called."
    parts = [f"{sum(u.calls for u in called):,} calls"]
    for what, values in (
        ("tokens read", [u.input_tokens for u in called]),
        ("tokens written", [u.output_tokens for u in called]),
    ):
        known = [v for v in values if v is not None]
        told = "unknown" if not known else f"{sum(known):,}"
        parts.append(f"{'at least ' if known and len(known) < len(values) else ''}{told} {what}")
    costs = [u.cost_usd for u in called if u.cost_usd is not None]
    parts.append(f"${sum(costs):.4f}" if len(costs) == len(called) else "cost unknown")
    return f"{', '.join(parts)}, {sum(u.seconds for u in called):.0f} s of waiting."


class Incidents:
    """The incidents of a run, each taken by the turn it belongs to; `rest` are those that none took."""

    def __init__(self, incidents: Sequence[Incident]) -> None:
        self._left: dict[int, list[Incident]] = {}
        for incident in incidents:
            self._left.setdefault(incident.round, []).append(incident)

    def of(self, round_: int, seat: str | None = None, nodes: Sequence[str] = ()) -> tuple[str, ...]:
        """Those of a round, of a seat and of nodes where these are given, in words; nobody else has them then."""
        mine: list[Incident] = []
        others: list[Incident] = []
        for i in self._left.get(round_, []):
            fits = bool(i.node) and (seat is None or i.seat == seat) and (not nodes or i.node in nodes)
            (mine if fits else others).append(i)
        self._left[round_] = others
        return tuple(map(told, mine))

    def rest(self) -> tuple[str, ...]:
        """Those that belong to no turn, each with its place."""
        return tuple(f"{_place(i)}{told(i)}" for left in self._left.values() for i in left)


def told(incident: Incident) -> str:
    """An incident in words."""
    return bounded(f"{incident.kind}: {incident.detail}" if incident.detail else incident.kind)


def _place(incident: Incident) -> str:
    where = [incident.seat, incident.node, f"round {incident.round}" if incident.round else ""]
    words = " ".join(w for w in where if w)
    return f"{words} · " if words else ""


def spoken(said: Mapping[str, str], personas: Mapping[str, str]) -> str:
    """What several seats said in one step: a paragraph a seat, headed `seat (persona):`.

    Every further line of a seat is set in by two spaces, so that no seat can write a line that seems another's.
    """
    parts = []
    for seat, words in said.items():
        if words:
            lines = "\n  ".join(bounded(words).splitlines())
            parts.append(f"{seat} ({personas.get(seat, '')}): {lines}")
    return "\n\n".join(parts)


def voted(votes: Mapping[str, bool | None], adopted: bool) -> str:
    """A vote in words: what came of it, and who was not for it."""
    words = {
        "against": [s for s, v in votes.items() if v is False],
        "abstained": [s for s, v in votes.items() if v is None],
    }
    others = "; ".join(f"{word}: {', '.join(seats)}" for word, seats in words.items() if seats)
    yes = sum(v is True for v in votes.values())
    return f"{'Adopted' if adopted else 'Voted down'}: {yes} of {len(votes)} for it{f' ({others})' if others else ''}."
