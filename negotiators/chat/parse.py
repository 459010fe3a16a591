"""What did a model answer: the text of a reply read tolerantly, its numbers and keys checked strictly.

Around the JSON object anything goes: fences, thoughts, prose. Inside nothing is mended: a number that is
missing, a number in quotes, a NaN or a reply that was cut off is a problem to be named, never a guess.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from negotiators.chat.quoting import clean
from negotiators.chat.schema import cells
from scenarios.ward import TOLERANCE, Array, Ward

LONGEST_TEXT = 200_000
MOST_STARTS = 300
LONGEST_ARGUMENT = 4_000
CUT_OFF = {"length", "max_tokens", "max_output_tokens"}
LARGEST_AMOUNT = 1e15
"""What is beyond counts as this much: it is out of any range, and sums stay finite."""
THOUGHT_TAG = re.compile(r"<(?P<closing>/?)think(?:ing)?>", re.IGNORECASE)


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


class _TwiceError(Exception):
    """A key stands twice in one object."""


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
    if (finish_reason or "").lower() in CUT_OFF:
        return Reading(problems=("the answer was cut off before it ended",), truncated=True)
    found, problem = outermost(text)
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


def outermost(text: str) -> tuple[dict[str, Any] | None, str]:
    """The one JSON object in a text that has an `allocation`, and what is wrong if there is none.

    Two different ones are a problem too: which was meant is not ours to say.
    """
    if len(text) > LONGEST_TEXT:
        return None, f"the answer is longer than {LONGEST_TEXT} characters; give a shorter one"
    try:
        found = _objects(_without_thoughts(text.strip()))
    except _TwiceError as twice:
        return None, f"the key {_said(str(twice))} stands twice in one object; give it once"
    if len(found) == 1:
        return found[0], ""
    if found:
        return None, f"there are {len(found)} different JSON objects with an `allocation`; give one"
    return None, "there is no JSON object with an `allocation` in it"


def _without_thoughts(text: str) -> str:
    """The text after a model's thinking aloud: closed, opened in the prompt, or never closed.

    What is one JSON object from end to end has no thoughts around it, whatever its argument quotes.
    """
    if text.startswith("{") and text.endswith("}"):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return text
    kept: list[str] = []
    begun, thinking = 0, False
    for tag in THOUGHT_TAG.finditer(text):
        if tag["closing"]:
            kept = kept if thinking else []  # one that was opened in the prompt: all so far was thought
            begun, thinking = tag.end(), False
        elif not thinking:
            kept.append(text[begun : tag.start()])
            thinking = True
    return "".join(kept + ([] if thinking else [text[begun:]])).strip()


def _objects(text: str) -> list[dict[str, Any]]:
    """Distinct objects with an `allocation` among the outermost JSON objects of a text, in order."""
    decoder = json.JSONDecoder(object_pairs_hook=_once)
    found: list[dict[str, Any]] = []
    start, tried = text.find("{"), 0
    while start >= 0 and tried < MOST_STARTS:
        tried += 1
        try:
            value, end = decoder.raw_decode(text, start)
        except RecursionError:
            break  # nested beyond reading, and so is what is inside
        except ValueError:
            end = start + 1
        else:
            move = _move_in(value)
            if move is not None and repr(move) not in map(repr, found):
                found.append(move)
        start = text.find("{", end)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise _TwiceError(key)
        out[key] = value
    return out


def _move_in(value: Any) -> dict[str, Any] | None:
    """The object itself, or the one that it merely wraps, if that has an allocation."""
    if isinstance(value, dict) and "allocation" not in value and len(value) == 1:
        value = next(iter(value.values()))
    return value if isinstance(value, dict) and "allocation" in value else None


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
            notices.append(f"passed over {_said(patient)}: no such patient")
        elif isinstance(shares, Mapping):
            extra = [r for r in shares if r not in needed.get(patient, ()) and shares[r] != 0]
            notices += [f"passed over {patient}.{_said(r)}: {patient} does not need it" for r in extra]
    return (None if wrong else x), wrong, notices


def _value(shares: Mapping[str, Any], resource: str) -> float | str:
    """An amount, or what is wrong with it. A number in quotes is no number: a guess could be wrong."""
    if resource not in shares:
        return "is missing; give a number, 0 if nothing"
    value = shares[resource]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is {_said(value)}; give a plain number"
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
    lines = [f"cited what it was not shown: {', '.join(map(_said, invented[:5]))}"] if invented else []
    return tuple(c for c in dict.fromkeys(named) if c in shown), lines


def _ceded(given: Any, ward: Ward) -> tuple[tuple[str, ...], list[str]]:
    """The cells it says it gives up, once each; anything else is dropped, as it would be shown to others."""
    known = {f"{p}.{r}" for p, resources in cells(ward).items() for r in resources}
    named = [c for c in given if isinstance(c, str)] if isinstance(given, list) else []
    unknown = [c for c in dict.fromkeys(named) if c not in known]
    lines = [f"conceded no cell of this ward: {', '.join(map(_said, unknown[:5]))}"] if unknown else []
    return tuple(c for c in dict.fromkeys(named) if c in known), lines


def _said(value: Any) -> str:
    """A value as the model gave it, short and harmless, for a line about it."""
    try:
        text = value if isinstance(value, str) else json.dumps(value)
    except (ValueError, RecursionError, TypeError):
        text = type(value).__name__
    return f"'{' '.join(clean(text, 60).split())}'"
