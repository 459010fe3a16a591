"""Which tables of the documents come from the code: settings, options, personas, criteria, wards, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tests.markdown import span, table
from tests.tables_deliberation import DELIBERATION_TABLES
from tests.tables_dilemmas import DILEMMA_TABLES

Json = dict[str, Any]

WHOLE = ("`--law FILE`", "A contract of your own that is in force from the start, instead of `law`.")
"""Of a setting that the command line fills out of a file."""


def settings(of: str = "triage") -> str:
    """Every setting of a graph: its option, default, what it may be, and what the option's help says."""
    from graphs.setting import setting

    fields: dict[str, Json] = setting(of).table.model_json_schema()["properties"]
    options = {"contract": WHOLE, **_options(of)}
    rows = [
        (f"`{name}`", options[name][0], _default(f), _allowed(f), options[name][1])
        for name, f in fields.items()
    ]
    return table(("setting", "option", "default", "allowed", "meaning"), rows)


def lent(of: str = "triage") -> str:
    """The options of a graph that are no settings: they name files, addresses and threads."""
    from graphs.setting import setting

    known = setting(of).table.model_fields
    return table(("option", "meaning"), [told for name, told in _options(of).items() if name not in known])


def _options(of: str) -> dict[str, tuple[str, str]]:
    """Name -> (how it is typed, what its help says, the default aside) of every option of a graph."""
    from graphs.options import OPTIONS

    told = {name: kind.__metadata__[0] for name, kind in OPTIONS[of].items()}
    return {n: (_typed(o.default), re.sub(r" \(default[^)]*\)", "", o.help)) for n, o in told.items()}


def _typed(flags: str) -> str:
    return ", ".join(f"`{flag}`" for flag in flags.split("/"))


def _default(field: Json) -> str:
    value = field.get("default")
    if value is None:
        return "none"
    if value == [] or value == ():
        return (
            "nobody" if field.get("items", {}).get("type") == "string" and "maxItems" in field else "nothing"
        )
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(field: Json) -> str:
    """What a field may be: a choice, a range, a yes or no, or a name."""
    kinds = field.get("anyOf", [])
    besides = "".join(f", or `{kind['const']}`" for kind in kinds if "const" in kind)
    field = next((kind for kind in kinds if kind.get("type") != "null"), field)
    if "$ref" in field:
        return "a contract, whole"
    if "enum" in field:
        return ", ".join(f"`{v}`" for v in field["enum"]) if len(field["enum"]) < 12 else _many(field["enum"])
    if field["type"] in ("number", "integer"):
        return _range(field) + besides
    if field["type"] == "boolean":
        return "yes or no"
    if field["type"] == "array":
        what = "names" if field["items"].get("type") == "string" else f"of these: {_allowed(field['items'])}"
        return f"up to {field['maxItems']} {what}" if "maxItems" in field else what
    return "a name"


def _many(choices: Sequence[str]) -> str:
    from personas.opposing import pair_names

    return "a [pair](#personas)" if set(choices) == set(pair_names()) else "a persona"


def _range(field: Json) -> str:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    if high is None:
        return f"from {low:g}".replace("-", "−")
    open_low, open_high = "exclusiveMinimum" in field, "exclusiveMaximum" in field
    return f"{'above ' if open_low else ''}{low:g} to {'below ' if open_high else ''}{high:.15g}"


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
        (f"`{o.name}`", o.says, o.unit, span(o.low, o.high), o.better)
        for o in OUTCOMES.values()
        if not o.name.startswith("criterion:")
    ]
    rows.append(("`criterion:NAME`", "the criterion is met", "yes or no", "0 to 1", "higher"))
    return table(("outcome", "says", "unit", "range", "better"), rows)


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
    **{
        f"{of}-{what}": partial(make, of)
        for of in ("commons", "games", "deliberation")
        for what, make in (("settings", settings), ("lent", lent))
    },
    **DILEMMA_TABLES,
    **DELIBERATION_TABLES,
}
