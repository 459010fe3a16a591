"""Which tables of the documents on deliberation and training come from the code, as Markdown?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.markdown import span, table


def considerations() -> str:
    """What may count in a dilemma."""
    from scenarios.dilemmas.considerations import CONSIDERATIONS

    return table(("consideration", "is served where"), [(f"`{c}`", says) for c, says in CONSIDERATIONS.items()])


def pairs() -> str:
    """The shipped pairs of personas, with how far those that have values oppose each other."""
    from personas.opposing import pairs as shipped
    from personas.opposition import opposition
    from scenarios.dilemmas.load import catalogue

    rows = []
    for name, pair in shipped().items():
        found = opposition(pair, catalogue().values())
        numbers = [_signed(x) for x in (found.cosine, found.correlation, found.apart)]
        weighs = [_weights(pole.values) for pole in pair.poles]
        rows.append((f"`{name}`", pair.kind, *weighs, *numbers))
    return table(("pair", "kind", "the first weighs", "the second weighs", "cosine", "r", "apart"), rows)


def _weights(values: Mapping[str, float]) -> str:
    return ", ".join(f"{c} {w:g}".replace("-", "−") for c, w in values.items()) or "–"


def _signed(number: float | None) -> str:
    return "–" if number is None else f"{number:.2f}".replace("-", "−")


def themes() -> str:
    """The themes of the catalogue of dilemmas."""
    from scenarios.dilemmas.load import catalogue

    found: dict[tuple[str, str, bool], list[str]] = {}
    for d in catalogue().values():
        found.setdefault((d.theme, d.stratum, d.held_out), []).append(d.name)
    rows = [
        (f"`{theme}`", stratum, "held out" if held else "train", str(len(names)), f"`{names[0]}`")
        for (theme, stratum, held), names in found.items()
    ]
    return table(("theme", "stratum", "part", "dilemmas", "the first"), rows)


def outcomes() -> str:
    """Outcomes that a hypothesis about a deliberation can be about."""
    from evals.deliberation.outcomes import OUTCOMES

    rows = [(f"`{o.name}`", o.says, o.unit, span(o.low, o.high), o.better) for o in OUTCOMES.values()]
    return table(("outcome", "says", "unit", "range", "better"), rows)


DELIBERATION_TABLES: dict[str, Callable[[], str]] = {
    "considerations": considerations,
    "pairs": pairs,
    "themes": themes,
    "deliberation-outcomes": outcomes,
}
