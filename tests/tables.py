"""Which tables of the documents come from the code: settings, options, personas, criteria, wards, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Json = dict[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)


def settings() -> str:
    """Every field of Table: its option, default, what it may be, and what the option's help says."""
    from nodes.settings import Table

    fields: dict[str, Json] = Table.model_json_schema()["properties"]
    options = _options()
    rows = [
        (f"`{name}`", f"`{options[name][0]}`", _default(f), _allowed(f), options[name][1])
        for name, f in fields.items()
    ]
    return table(("setting", "option", "default", "allowed", "meaning"), rows)


def lent() -> str:
    """The options of a debate that are no settings: they name files, addresses and threads."""
    from nodes.settings import Table

    rows = [
        (f"`{flag}`", says) for name, (flag, says) in _options().items() if name not in Table.model_fields
    ]
    return table(("option", "meaning"), rows)


def _options() -> dict[str, tuple[str, str]]:
    from graphs.options import DEBATE_OPTIONS

    told = {name: kind.__metadata__[0] for name, kind in DEBATE_OPTIONS.items()}
    return {n: (str(o.default), re.sub(r" \(default[^)]*\)", "", o.help)) for n, o in told.items()}


def _default(field: Json) -> str:
    value = field.get("default")
    if value is None:
        return "none"
    if value == [] or value == ():
        return "nobody" if "maxItems" in field else "nothing"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(field: Json) -> str:
    """What a field may be: a choice, a range, a yes or no, or a name."""
    field = next((f for f in field.get("anyOf", []) if f.get("type") != "null"), field)
    if "enum" in field:
        return ", ".join(f"`{v}`" for v in field["enum"]) if len(field["enum"]) < 12 else "a persona"
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    if low is not None:
        open_low, open_high = "exclusiveMinimum" in field, "exclusiveMaximum" in field
        return f"{'above ' if open_low else ''}{low:g} to {'below ' if open_high else ''}{high}"
    if field["type"] == "boolean":
        return "yes or no"
    if field["type"] == "array":
        return f"up to {field['maxItems']} names" if "maxItems" in field else "names"
    return "a name"


def personas() -> str:
    """The shipped personas: values, framework, bias, what binds them."""
    from personas.load import load, shipped

    def row(name: str) -> Sequence[str]:
        p = load(name)
        bias = "; ".join(f"{k}: {', '.join(g)} ({p.strength:g})" for k, g in p.favours.items())
        binds = [b for b in ("keeps_holdings", "first_come", "wastes_nothing", "ex_ante") if getattr(p, b)]
        values = ", ".join(f"{k} {v:g}" for k, v in p.values.items())
        return f"`{name}`", values, ", ".join(p.cites) or "–", bias or "–", ", ".join(binds) or "–"

    return table(("persona", "values", "cites", "favours (strength)", "binds itself to"), map(row, shipped()))


def criteria() -> str:
    """The criteria, each with its threshold."""
    from nodes.findings.criteria import CRITERIA

    rows = [(f"`{c.name}`", c.says, f"{c.sense} {c.threshold:g}") for c in CRITERIA.values()]
    return table(("criterion", "says", "its score is"), rows)


def outcomes() -> str:
    """The outcomes that a hypothesis can be about, one of each family."""
    from evals.outcomes import OUTCOMES

    rows = [
        (f"`{o.name}`", o.says, o.unit, _span(o.low, o.high), o.better)
        for o in OUTCOMES.values()
        if not o.name.startswith("criterion:")
    ]
    rows.append(("`criterion:NAME`", "the criterion is met", "yes or no", "0 to 1", "higher"))
    return table(("outcome", "says", "unit", "range", "better"), rows)


def _span(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "unbounded"
    return f"{low:g} to {high:g}".replace("-", "−")


def merge_rules() -> str:
    """The merge rules, in the order of the registry."""
    from nodes.merging.rules import describe

    return table(("rule", "says", "source"), [(f"`{r['name']}`", r["says"], r["source"]) for r in describe()])


def wards() -> str:
    """The catalogue of wards."""
    from scenarios.load import catalogue

    rows = [
        (f"`{name}`", str(len(ward.patients)), _goods(ward), ward.reason)
        for name, ward in catalogue().items()
    ]
    return table(("ward", "patients", "what is scarce", "why it is there"), rows)


def _goods(ward: Any) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} ({'divisible' if r.divisible else 'whole'})"
        for name, r in ward.resources.items()
    )


TABLES: dict[str, Callable[[], str]] = {
    "settings": settings,
    "lent": lent,
    "personas": personas,
    "criteria": criteria,
    "merge-rules": merge_rules,
    "outcomes": outcomes,
    "wards": wards,
}
