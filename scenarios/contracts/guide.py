"""What does whoever drafts a contract have to know: the variables, the clauses, and how to write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarios.contracts.contract import MOST_CLAUSES, MOST_LETTERS

if TYPE_CHECKING:
    from scenarios.contracts.language import Language, Variable

_KINDS = {
    "number": "number",
    "text": "text",
    "truth": "true or false",
    "numbers": "list of numbers",
    "texts": "list of texts",
}
_AMOUNT_CLAUSES = (
    "cap: a party may take `amount` at most",
    "quota: all together may take `amount` at most, shared evenly among those who ask; shared variables only",
    "override: what a party asks for becomes `amount`",
)
_CHOICE_CLAUSES = (
    "override: what a party does becomes `choice`, a label, or first: the first of its labels",
)
_MONEY_CLAUSES = (
    "fine: a party pays `amount`, to: burn (it is gone; the default), others, pot, or a party",
    "transfer: a party pays `amount`, to: others (the default), pot, or a party",
    "sanction: as a fine, but the first violation is a warning, and after v earlier ones it pays v times `amount`",
    "escrow: a party deposits `amount` on adoption and has it back at the end, unless `when` held in some period; "
    "then it goes to: others (the default), pot, burn, or a party",
    "insurance: a party pays the premium `amount` into the pot every period, and is paid `payout` from it when "
    "`when` holds",
)
_WRITING = (
    "Every clause may have who (each, the default, or a party's name) and when (a condition; true, the default).",
    "Numbers are written with a point: 1.0, never 1. A text is in quotes: 'calm'.",
    "There are + - * / and parentheses, == != < <= > >=, && || !, and condition ? one : other.",
    "math.least(a, b), math.greatest(a, b), math.floor(a), math.ceil(a), math.round(a), math.abs(a).",
    "Of lists: list[0], 'x' in list, double(size(list)), list.exists(a, a == 'x'), list.all(a, …), "
    "list.filter(a, …), list.map(a, …).",
    "An amount is 0 or more and finite, whatever the facts: stock > 50.0 ? stock - 50.0 : 0.0, not stock - 50.0.",
)


def guide(language: Language) -> str:
    """The language in words, for a person or a model that drafts."""
    kinds = _AMOUNT_CLAUSES if language.acts == "amount" else _CHOICE_CLAUSES
    lines = [
        f"The parties: {', '.join(language.parties)}.",
        *([_labels(language)] if language.acts == "choice" else []),
        "Variables that are one for all:",
        *(_variable(v) for v in language.shared),
        "Variables of the party that a clause is about:",
        *(_variable(v) for v in language.own),
        "Kinds of clause, before a period; their expressions cannot see what is known only afterwards:",
        *(f"- {line}" for line in kinds),
        "Kinds of clause, after a period, in payoff units:",
        *(f"- {line}" for line in _MONEY_CLAUSES),
        "How to write it:",
        *(f"- {line}" for line in _WRITING),
        f"- At most {MOST_CLAUSES} clauses, {MOST_LETTERS} characters an expression; "
        f"a party pays at most {language.most:g} in one period, and what would go beyond is not applied.",
    ]
    return "\n".join(lines)


def _variable(variable: Variable) -> str:
    values = f"; one of {', '.join(repr(text) for text in variable.values)}" if variable.values else ""
    after = "; known only afterwards" if variable.after else ""
    return f"- {variable.name} ({_KINDS[variable.kind]}): {variable.says}{values}{after}"


def _labels(language: Language) -> str:
    if len(set(language.labels)) == 1:
        return f"Each chooses one of: {', '.join(language.labels[0])}. Nothing else of what it does can be verified."
    each = "; ".join(f"{p}: {', '.join(ls)}" for p, ls in zip(language.parties, language.labels, strict=True))
    return f"What can be verified of their choices: {each}."
