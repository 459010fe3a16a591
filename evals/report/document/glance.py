"""What came of each hypothesis, at a glance: a card with verdict, effect drawn to its own scale, n and p?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evals.findings.section import estimated, number, p_value
from evals.outcomes import find_for
from evals.report.document.behind import Behind, counted
from scenarios.errors import ParleyError

Json = dict[str, Any]

SIGNS = {"supported": "✓", "opposite": "✗", "not shown": "○", "not tested": "–"}
"""Beside the word, so that it is seen; the word is what is read out."""

WIDTH, EDGE = 260.0, 12.0
"""Of a bar, in its own units; nothing is drawn nearer to its sides than the edge."""

FINE = 0.02
"""An effect that lies within this is told to three places."""


@dataclass(frozen=True)
class Bar:
    """An effect with its interval: places from left to right, None for what there is none of."""

    says: str
    zero: float
    mean: float
    low: float | None
    high: float | None
    null: tuple[float, float] | None
    """Left side and width of what bargaining alone does."""
    matters: list[float]
    """The smallest effect that matters."""
    ticks: list[tuple[float, str]]


@dataclass(frozen=True)
class Card:
    """One hypothesis as it stands at a glance; words are text, never markup."""

    id: str
    claim: str
    verdict: str
    sign: str
    kind: str
    effect: str
    unit: str
    outcome: str
    p: str
    n: str
    standing: str
    why: str
    beside: str
    href: str
    behind: str
    bar: Bar | None


def cards(rows: Sequence[Json], behind: Behind) -> list[Card]:
    """A card a hypothesis, in the order asked; `rows` as `evals.report.document.parts.verdicts` gives them."""
    return [_card(row, behind) for row in rows]


def summary(made: Sequence[Card]) -> str:
    """`17 hypotheses: 11 supported, 3 opposite, 3 not shown.`"""
    counts = Counter(card.verdict for card in made)
    told = ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
    return f"{len(made)} hypothes{'is' if len(made) == 1 else 'es'}: {told}."


def _card(row: Json, behind: Behind) -> Card:
    verdict = row["verdict"]
    kind = verdict.partition(",")[0]
    unit, outcome = _unit(behind.source.setting, row["outcome"])
    clusters: int = row["wards"] if "wards" in row else row["clusters"]
    missing = (row["missing"] or 0) + (row["unmatched"] or 0)
    standing, _, why = row["standing"].partition(": ")
    effect = estimated(row["difference"], row["low"], row["high"], _digits(row), signed=True)
    paired = behind.hypotheses.get(row["hypothesis"], "0 pairs")
    return Card(
        id=row["hypothesis"],
        claim=row["claim"],
        verdict=verdict,
        sign=SIGNS.get(kind, "–"),
        kind=kind.replace(" ", "-"),
        effect=effect,
        unit=unit,
        outcome=outcome,
        p=p_value(row["p_holm"]),
        n=f"{counted(row['pairs'], paired.split()[1].removesuffix('s'))}, {counted(clusters, behind.source.unit)}"
        + (f" ({missing} missing)" if missing else ""),
        standing=standing,
        why=why,
        beside=_beside(row),
        href=behind.finding(row["hypothesis"]),
        behind=paired,
        bar=_bar(row, f"{effect} {unit}"),
    )


def _digits(row: Json) -> int:
    """Two places, and one more where two would leave nothing of the effect."""
    known = [abs(v) for v in (row["difference"], row["low"], row["high"]) if v is not None]
    return 3 if known and max(known) < FINE else 2


def _unit(setting: str, name: str) -> tuple[str, str]:
    """The unit of an outcome, and what it says."""
    try:
        found = find_for(setting, name)
    except ParleyError:
        return "", name
    return found.unit, found.says


def _beside(row: Json) -> str:
    """How the effect stands to what bargaining alone does, in words."""
    if row.get("bargaining_low") is None:
        return ""
    within = row.get("beyond_bargaining")
    if within is None:
        return "against bargaining undecided"
    return "beyond what bargaining does" if within else "not beyond what bargaining does"


def _bar(row: Json, says: str) -> Bar | None:
    """The effect on a scale of its own that has 0 on it; None where there is no effect."""
    mean = row["difference"]
    if mean is None:
        return None
    signs = {"greater": (1,), "less": (-1,)}.get(row["direction"], (-1, 1))
    matters = [sign * row["smallest_effect"] for sign in signs if row["smallest_effect"]]
    null = row.get("bargaining_low"), row.get("bargaining_high")
    shown = [0.0, mean, *matters, *(v for v in (row["low"], row["high"], *null) if v is not None)]
    least, most = min(shown), max(shown)
    span = (most - least) or 1.0

    def at(value: float) -> float:
        return float(round(EDGE + (value - least) / span * (WIDTH - 2 * EDGE), 1))

    ends = [end for end in (least, most) if abs(end) > 0.3 * span]
    return Bar(
        says=says,
        zero=at(0),
        mean=at(mean),
        low=None if row["low"] is None else at(row["low"]),
        high=None if row["high"] is None else at(row["high"]),
        null=None if None in null else (at(null[0]) - 1, round(at(null[1]) - at(null[0]) + 2, 1)),  # type: ignore[arg-type]
        matters=[at(value) for value in matters],
        ticks=[(at(0), "0"), *((at(end), number(end, _digits(row), signed=True)) for end in ends)],
    )
