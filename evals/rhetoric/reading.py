"""What did a judge answer: labels with their spans, each span found in the argument word for word or refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evals.rhetoric.asking import LABELS
from evals.rhetoric.gathering import one_line, shown
from negotiators.chat.quoting import clean

LONGEST_REPLY = 100_000
LONGEST_COMMENT = 1_000
MOST_ENTRIES = 60
MOST_STARTS = 200
CUT_OFF = {"length", "max_tokens", "max_output_tokens"}
THOUGHT_TAG = re.compile(r"<(?P<closing>/?)think(?:ing)?>", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """One reply read. `problem` is empty if it can be used; then a label without a span does not apply.

    spans     label -> the words of the argument that show it, at least one, once each
    rejected  label -> how many entries were refused: their span is not in the argument word for word
    unknown   entries that name no label of ours, or come after the first MOST_ENTRIES
    """

    spans: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0
    comment: str = ""
    problem: str = ""
    truncated: bool = False


def read(text: str, finish_reason: str | None, argument: str) -> Reading:
    """Read a reply about an argument. Never raises for what a model may write; never mends what was cut off."""
    if (finish_reason or "").lower() in CUT_OFF:
        return Reading(problem="the answer was cut off before it ended", truncated=True)
    if len(text) > LONGEST_REPLY:
        return Reading(problem=f"the answer is longer than {LONGEST_REPLY} characters")
    try:
        found = _objects(text.strip())
    except RecursionError:  # nested beyond reading
        found = []
    if len(found) != 1:
        what = f"{len(found)} different JSON objects" if found else "no JSON object"
        return Reading(problem=f"there is {what} with a list `labels` in it; give one")
    comment = found[0].get("comment")
    said = clean(comment, LONGEST_COMMENT) if isinstance(comment, str) else ""
    return _sorted_out(found[0]["labels"], argument, said)


def verbatim(span: str, argument: str) -> str | None:
    """The span as it stands in the argument, both on one line and cleaned as they were shown; None if it does not.

    It must hold a letter or digit, and may not begin or end inside a word (told by letters that have case, so
    that scripts which write no spaces are not refused). Case counts.
    """
    words, text = one_line(shown(span)), one_line(shown(argument))
    if not any(c.isalnum() for c in words):
        return None
    at = text.find(words)
    while at >= 0:
        end = at + len(words)
        if not (_inside_word(text[at - 1 : at], words[0]) or _inside_word(words[-1], text[end : end + 1])):
            return words
        at = text.find(words, at + 1)
    return None


def _inside_word(left: str, right: str) -> bool:
    return bool(left and right) and all(c.isdigit() or c.lower() != c.upper() for c in (left, right))


def _sorted_out(entries: list[Any], argument: str, comment: str) -> Reading:
    spans: dict[str, dict[str, None]] = {}
    rejected: Counter[str] = Counter()
    unknown = max(0, len(entries) - MOST_ENTRIES)
    for entry in entries[:MOST_ENTRIES]:
        label = entry.get("label") if isinstance(entry, dict) else None
        if not isinstance(label, str) or label not in LABELS:
            unknown += 1
            continue
        span = entry.get("span")
        found = verbatim(span, argument) if isinstance(span, str) else None
        if found is None:
            rejected[label] += 1
        else:
            spans.setdefault(label, {})[found] = None
    return Reading({k: tuple(v) for k, v in spans.items()}, dict(rejected), unknown, comment)


def _objects(text: str) -> list[dict[str, Any]]:
    """Distinct outermost JSON objects of a text that have a list `labels`, thoughts aside."""
    whole = _labels_in(_decoded(text, 0)[0]) if text.startswith("{") else None
    if whole is not None and _decoded(text, 0)[1] == len(text):
        return [whole]  # what is one object from end to end has no thoughts around it, whatever it quotes
    text = _after_thoughts(text)
    found: list[dict[str, Any]] = []
    start, tried = text.find("{"), 0
    while start >= 0 and tried < MOST_STARTS:
        tried += 1
        value, end = _decoded(text, start)
        labels = _labels_in(value)
        if labels is not None and repr(labels) not in map(repr, found):
            found.append(labels)
        start = text.find("{", end)
    return found


def _after_thoughts(text: str) -> str:
    """What comes after the last thought; nothing where a thought was never closed."""
    begun = 0
    for tag in THOUGHT_TAG.finditer(text):
        begun = tag.end() if tag["closing"] else len(text)
    return text[begun:]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return out


def _decoded(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins here and where it ends; None and the next character where none does."""
    try:
        value, end = json.JSONDecoder(object_pairs_hook=_once).raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start + 1
    return value, end


def _labels_in(value: Any) -> dict[str, Any] | None:
    """The object itself, or the one that it merely wraps, if that has a list of labels."""
    if isinstance(value, dict) and "labels" not in value and len(value) == 1:
        value = next(iter(value.values()))
    return value if isinstance(value, dict) and isinstance(value.get("labels"), list) else None
