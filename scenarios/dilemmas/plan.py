"""How is a plan written, read and valued: one line of clauses, and what it is worth to somebody's values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product

from scenarios.dilemmas.dilemma import Dilemma, Plan, Values

LINE = re.compile(r"\bplan\s*:\s*([^\n]+(?:\n\s{0,20}(?:[-•–]|\d{1,2}[.)])[^\n]*)*)", re.IGNORECASE)
"""A plan line, and the points of a list right below it."""

DECORATION = str.maketrans("", "", "*`")
"""What Markdown puts around words."""
CLAUSE = (
    re.compile(  # possessive, and from the start of a word alone: time grows with the length, not its square
        r"(?<![a-z0-9_-])[_-]*+([a-z0-9][a-z0-9_-]*+)\s*+=\s*+([a-z0-9][a-z0-9_-]*+)", re.IGNORECASE
    )
)
SENTENCE = r"(?:^|[.!?:;\n])[ “\"'‘(]{0,4}+(?:\w{1,12}, {0,2}+)?"
CONSENTS = re.compile(SENTENCE + r"i agree to this plan\b", re.IGNORECASE)
PARTS = re.compile(SENTENCE + r"let us agree to differ\b", re.IGNORECASE)
"""Where a sentence begins with the words, or with one word and a comma: “I cannot say I agree …” is no consent."""

AGREE = "I agree to this plan."
DIFFER = "Let us agree to differ."


def written(plan: Mapping[str, str]) -> str:
    """A plan as one line, `Plan: issue=option; issue=option.`"""
    return f"Plan: {'; '.join(f'{issue}={option}' for issue, option in plan.items())}."


def read_plan(text: str, dilemma: Dilemma) -> Plan:
    """The clauses of the last plan line in a text, in the dilemma's order; what names no clause of it is left out.

    An issue that is given two different options settles nothing. {} where there is no plan line.
    """
    lines = LINE.findall(text.translate(DECORATION))
    found: dict[str, set[str]] = {}
    for issue, option in CLAUSE.findall(lines[-1]) if lines else ():
        found.setdefault(issue.lower(), set()).add(option.lower())
    return {
        name: option
        for name, issue in dilemma.issues.items()
        if len(found.get(name, ())) == 1
        for option in found[name]
        if option in issue.options
    }


def consents(text: str) -> bool:
    """Whether a text says, in the words that count, that its speaker agrees to the plan it names."""
    return CONSENTS.search(text.translate(DECORATION)) is not None


def parts(text: str) -> bool:
    """Whether a text says that its speaker will not agree."""
    return PARTS.search(text.translate(DECORATION)) is not None


def whole(plan: Mapping[str, str], dilemma: Dilemma) -> bool:
    """Whether a plan settles every issue by an option of it; never where there is none to settle."""
    settled = plan.keys() == dilemma.issues.keys()
    return settled and bool(plan) and all(o in dilemma.issues[i].options for i, o in plan.items())


def in_words(plan: Mapping[str, str], dilemma: Dilemma) -> str:
    """A plan's clauses as sentences."""
    return " ".join(dilemma.issues[i].options[o].says.rstrip(".") + "." for i, o in plan.items())


def raw(option_serves: Mapping[str, int], values: Values) -> float:
    """Σ_c w_c · grade_c: what an option is worth to values, in their unit."""
    return sum(values.get(c, 0.0) * grade for c, grade in option_serves.items())


def worths(dilemma: Dilemma, values: Values) -> dict[str, dict[str, float]] | None:
    """issue -> option -> its part of the worth of a plan: their sum is 0 for the worst plan and 1 for the best.

    None for values that no plan is better for than another.
    """
    table = {
        i: {o: raw(option.serves, values) for o, option in issue.options.items()}
        for i, issue in dilemma.issues.items()
    }
    span = sum(max(row.values()) - min(row.values()) for row in table.values())
    if span <= 1e-12:
        return None
    return {i: {o: (v - min(row.values())) / span for o, v in row.items()} for i, row in table.items()}


def worth(plan: Mapping[str, str], dilemma: Dilemma, values: Values) -> float | None:
    """What a whole plan is worth to values, from 0 (the worst plan) to 1 (the best).

    None for a plan that is not whole, and for values that nothing here matters to.
    """
    table = worths(dilemma, values)
    if table is None or not whole(plan, dilemma):
        return None
    return sum(table[i][o] for i, o in plan.items())


def plans(dilemma: Dilemma) -> list[Plan]:
    """Every whole plan; at most 6⁸, in practice under a few hundred."""
    names = list(dilemma.issues)
    if not names:
        return []
    return [dict(zip(names, c, strict=True)) for c in product(*(dilemma.issues[n].options for n in names))]
