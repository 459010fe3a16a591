"""What shape must an answer have on each occasion of a dilemma: the key it is found by, its schema, an example."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from negotiators.chat.asking import closed
from negotiators.dilemma import DilemmaView
from scenarios.contracts import KINDS, Language

Json = dict[str, Any]
Kind = Literal["amount", "words", "draft", "clauses", "vote", "action"]
"""What is answered: an amount, words to all, a contract in words, a contract of clauses, yes or no, an action."""

CHOICE_KINDS = tuple(kind for kind in KINDS if kind not in ("cap", "quota"))
"""Kinds of clause where parties choose and ask for no amounts."""
TEXT: Json = {"type": "string"}


@dataclass(frozen=True)
class Form:
    """The form of an answer. `key` is the one that every answer of this form has, and no other object has."""

    kind: Kind
    key: str
    properties: Json
    example: str

    @property
    def schema(self) -> Json:
        """Every object closed, every key required, no bounds, reasons first: several servers refuse bounds."""
        return closed(self.properties)


def form(view: DilemmaView, actions: Sequence[str] = ()) -> Form:
    """The form of an answer to a view; `actions` are the seat's own, in a game."""
    if view.occasion in ("harvest", "report"):
        return _reasoned("amount", "amount", {"type": "integer"}, "<whole number>")
    if view.occasion == "talk":
        return Form("words", "words", {"words": TEXT}, '{"words": "<words>"}')
    if view.occasion == "vote":
        return _reasoned("vote", "vote", {"type": "boolean"}, "<true or false>")
    if view.occasion == "act":
        return _reasoned("action", "action", {"type": "string", "enum": list(actions)}, '"<action>"')
    if view.language is not None and not view.coded:
        return clauses(view.language)
    return _reasoned("draft", "words", TEXT, '"<words>"')


def clauses(language: Language) -> Form:
    """The form of a contract of clauses. A key that a clause does not need is left empty, never left out."""
    amounts = language.acts == "amount"
    texts = ["who", "when", "amount", "to", *([] if amounts else ["choice"]), "payout", "says"]
    kind = {"type": "string", "enum": list(KINDS if amounts else CHOICE_KINDS)}
    clause = closed({"kind": kind, **dict.fromkeys(texts, TEXT)})
    properties = {"words": TEXT, "clauses": {"type": "array", "items": clause}}
    shape = ", ".join(f'"{name}": "<text>"' for name in ["kind", *texts])
    return Form("clauses", "clauses", properties, f'{{"words": "<words>", "clauses": [{{{shape}}}, …]}}')


def worked(language: Language) -> tuple[Json, Json]:
    """Two answers of that form that compile in the language; they show the form, and are nothing worth proposing."""
    blank = dict.fromkeys(clauses(language).properties["clauses"]["items"]["properties"], "")
    fee, who = f"{min(2.0, language.most / 4)!r}", language.parties[0]

    def answer(words: str, *rows: Json) -> Json:
        return {"words": words, "clauses": [blank | row for row in rows]}

    if language.acts == "amount":
        cap = {"kind": "cap", "who": who, "when": "month == 3.0", "amount": "stock / 10.0 + 1.0"}
        gift = {"kind": "transfer", "who": who, "when": "month == 3.0", "amount": fee, "to": "others"}
        fine = {
            "kind": "fine",
            "when": "month >= 6.0 && total_taken > stock / 4.0",
            "amount": fee,
            "to": "pot",
        }
        return answer(f"In month 3 {who} steps back and pays the others.", cap, gift), answer("", fine)
    label = language.labels[0][-1]
    fine = {
        "kind": "fine",
        "who": who,
        "when": f"mine == {json.dumps(label, ensure_ascii=False)}",
        "amount": fee,
    }
    override = {"kind": "override", "who": who, "when": "round == 3.0", "choice": language.labels[0][0]}
    return answer(f"{who} pays for this.", fine | {"to": "others"}), answer("", override)


def _reasoned(kind: Kind, key: str, schema: Json, example: str) -> Form:
    properties = {"reasoning": TEXT, key: schema}
    return Form(kind, key, properties, f'{{"reasoning": "<words>", "{key}": {example}}}')
