"""What did a model answer: the text of a reply read tolerantly, its numbers and keys checked strictly.

Around the JSON object anything goes: fences, thoughts, prose. Inside nothing is mended: a number that is
missing, a number in quotes, a NaN or a reply that was cut off is a problem to be named, never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from negotiators.chat.debate.schema import cells
from negotiators.chat.finding import cut_off, outermost, said
from negotiators.chat.quoting import clean
from scenarios.ward import TOLERANCE, Array, Ward

LONGEST_ARGUMENT = 4_000
LARGEST_AMOUNT = 1e15
"""What is beyond counts as this much: it is out of any range, and sums stay finite."""


@dataclass(frozen=True)
class Reading:
    """What a reply says. `x` is None unless every amount was given; `problems` is empty if it can stand."""

    x: Array | None = None
    argument: str = ""
    citations: tuple[str, ...] = ()
    concedes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def complete(self) -> bool:
        """Whether every amount was given."""
        return self.x is not None


def read(
    text: str,
    finish_reason: str | None,
    ward: Ward,
    shown: Sequence[str] = (),
    span: tuple[Array, Array] | None = None,
) -> Reading:
    """Read a reply about `ward`; `shown` are the passages it may cite, `span` the (least, most) of a merge.

    Array shapes (patients, resources). Never raises for what a model may write.
    """
    if cut_off(finish_reason):
        return Reading(problems=("the answer was cut off before it ended",), truncated=True)
    found, problem = outermost(text, "allocation")
    if found is None:
        return Reading(problems=(problem,))
    x, wrong, notices = _amounts(found["allocation"], ward)
    citations, invented = _cited(found.get("citations"), shown)
    concedes, unknown = _ceded(found.get("concedes"), ward)
    argument = found.get("argument")
    if not isinstance(argument, str):
        notices.append("gave no argument")
    if not wrong and x is not None:
        wrong = ward.violations(x) + _outside(x, span, ward)
    return Reading(
        x=x,
        argument=clean(argument, LONGEST_ARGUMENT) if isinstance(argument, str) else "",
        citations=citations,
        concedes=concedes,
        problems=tuple(wrong),
        notices=tuple(notices + invented + unknown),
    )


def _amounts(given: Any, ward: Ward) -> tuple[Array | None, list[str], list[str]]:
    """The array of an allocation, what is missing or no number, and what was passed over."""
    if not isinstance(given, Mapping):
        return None, ["`allocation` is no object; give {patient: {resource: number}}"], []
    a, needed = ward.arrays, cells(ward)
    x, wrong, notices = np.zeros_like(a.demand), list[str](), list[str]()
    for patient, resources in needed.items():
        shares = given.get(patient)
        if not isinstance(shares, Mapping):
            wrong.append(f"patient {patient} is missing; give {', '.join(resources)}, 0 if nothing")
            continue
        for resource in resources:
            value = _value(shares, resource)
            if isinstance(value, str):
                wrong.append(f"{patient}.{resource} {value}")
            else:
                x[a.row[patient], a.column[resource]] = value
    for patient, shares in given.items():
        if patient not in a.row:
            notices.append(f"passed over {said(patient)}: no such patient")
        elif isinstance(shares, Mapping):
            extra = [r for r in shares if r not in needed.get(patient, ()) and shares[r] != 0]
            notices += [f"passed over {patient}.{said(r)}: {patient} does not need it" for r in extra]
    return (None if wrong else x), wrong, notices


def _value(shares: Mapping[str, Any], resource: str) -> float | str:
    """An amount, or what is wrong with it. A number in quotes is no number: a guess could be wrong."""
    if resource not in shares:
        return "is missing; give a number, 0 if nothing"
    value = shares[resource]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is {said(value)}; give a plain number"
    try:
        amount = float(value)
    except OverflowError:
        amount = math.inf
    if not math.isfinite(amount):
        return "is not a finite number; give a plain number"
    return max(-LARGEST_AMOUNT, min(LARGEST_AMOUNT, amount))


def _outside(x: Array, span: tuple[Array, Array] | None, ward: Ward) -> list[str]:
    """Cells of a merge that lie outside what the seats submitted."""
    if span is None:
        return []
    least, most = span
    slack = TOLERANCE * np.maximum(1.0, ward.arrays.demand)
    resources = list(ward.arrays.column)
    return [
        f"{ward.patients[i].id}.{resources[k]} is {x[i, k]:g}, "
        f"but the seats' moves lie from {least[i, k]:g} to {most[i, k]:g}"
        for i, k in np.argwhere((x < least - slack) | (x > most + slack))
    ]


def _cited(given: Any, shown: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """The citations of passages that were shown, once each, and a line about those that were not."""
    named = [c for c in given if isinstance(c, str)] if isinstance(given, list) else []
    invented = [c for c in dict.fromkeys(named) if c not in shown]
    lines = [f"cited what it was not shown: {', '.join(map(said, invented[:5]))}"] if invented else []
    return tuple(c for c in dict.fromkeys(named) if c in shown), lines


def _ceded(given: Any, ward: Ward) -> tuple[tuple[str, ...], list[str]]:
    """The cells it says it gives up, once each; anything else is dropped, as it would be shown to others."""
    known = {f"{p}.{r}" for p, resources in cells(ward).items() for r in resources}
    named = [c for c in given if isinstance(c, str)] if isinstance(given, list) else []
    unknown = [c for c in dict.fromkeys(named) if c not in known]
    lines = [f"conceded no cell of this ward: {', '.join(map(said, unknown[:5]))}"] if unknown else []
    return tuple(c for c in dict.fromkeys(named) if c in known), lines
