"""Which tables of the documents on deliberation and training come from the code, as Markdown?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.markdown import span, table

Json = dict[str, Any]

MEANINGS = {
    "steps": "updates of the weights",
    "seed": "of every draw",
    "pairs": "opposing personas that are dealt: of substance, or of style too",
    "rules": "the protocol: [`rules`](#rules)",
    "tuning": "how the policy is moved: [`tuning`](#tuning)",
    "opponent": "who holds the seat that does not train: the policy as it is, `reference`, or `past:K`, "
    "renewed every K steps",
    "warm_up": "supervised steps before the first dialogue: [`warm_up`](#warm_up)",
    "generation": "what samples the turns",
    "save_every": "steps from one checkpoint to the next",
    "train_roles": "whose tokens train",
    "top_p": "nucleus of sampling",
    "learning_rate": "of AdamW",
    "clip_low": "ε below: ratios under 1 − ε do not count",
    "clip_high": "ε above",
    "max_grad_norm": "norm to which a greater gradient is cut",
    "weight_decay": "of AdamW",
    "credit": "one advantage a dialogue, or one a turn",
    "rank": "of the two factors of an adapter",
    "alpha": "scale of an adapter: alpha / rank",
    "dropout": "within an adapter",
    "targets": "layers that have one",
    "said": "whole turns of reference seats, or their plan lines alone",
}
"""What a field is that does not say so itself; those of one name mean one thing."""


def considerations() -> str:
    """What may count in a dilemma."""
    from scenarios.dilemmas.considerations import CONSIDERATIONS

    return table(
        ("consideration", "is served where"), [(f"`{c}`", says) for c, says in CONSIDERATIONS.items()]
    )


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


def training(name: str) -> str:
    """The fields of a training run, or of a part of it: default, what each may be, what it is."""
    from training.backends import Tuning
    from training.config import Adapters, Training, WarmUp
    from training.rules import Rules

    model = {m.__name__: m for m in (Training, Rules, Tuning, Adapters, WarmUp)}[name]
    found: dict[str, Json] = model.model_json_schema()["properties"]
    rows = [
        (f"`{field}`", _default(f), _allowed(f), f.get("description") or MEANINGS[field])
        for field, f in found.items()
    ]
    return table(("field", "default", "allowed", "meaning"), rows)


def _default(field: Json) -> str:
    if "$ref" in field:
        return "as there"
    value = field.get("default")
    if "default" not in field:
        return "nothing" if field.get("type") in ("array", "object") else "needed"
    return "none" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(field: Json) -> str:
    """What a field may be, in words."""
    kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
    return ", or ".join(map(_kind, kinds))


def _kind(kind: Json) -> str:
    if "$ref" in kind:
        return "a mapping"
    if "const" in kind or "enum" in kind:
        return ", ".join(f"`{value}`" for value in kind.get("enum", [kind.get("const")]))
    if kind["type"] in ("number", "integer"):
        low, high = (
            kind.get("minimum", kind.get("exclusiveMinimum")),
            kind.get("maximum", kind.get("exclusiveMaximum")),
        )
        open_low, open_high = "exclusiveMinimum" in kind, "exclusiveMaximum" in kind
        words = {"integer": "whole number", "number": "number"}[kind["type"]]
        above = "" if low is None else f" above {low:g}" if open_low else f" from {low:g}"
        return words + above + ("" if high is None else f" {'below' if open_high else 'to'} {high:g}")
    named = {"boolean": "yes or no", "array": "names", "object": "a mapping", "string": "a name"}
    return named[kind["type"]]


DELIBERATION_TABLES: dict[str, Callable[[], str]] = {
    "considerations": considerations,
    "pairs": pairs,
    "themes": themes,
    "deliberation-outcomes": outcomes,
    **{
        f"training-{at}": partial(training, name)
        for at, name in (
            ("run", "Training"),
            ("rules", "Rules"),
            ("tuning", "Tuning"),
            ("adapters", "Adapters"),
            ("warm-up", "WarmUp"),
        )
    },
}
