"""Where in a model's reply is its answer: the one JSON object with the key asked for, whatever stands around it?

Around the object anything goes: fences, thoughts, prose. Inside nothing is mended: that is for whoever reads it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from negotiators.chat.quoting import clean

LONGEST_TEXT = 200_000
MOST_STARTS = 300
CUT_OFF = {"length", "max_tokens", "max_output_tokens"}
THOUGHT_TAG = re.compile(r"<(?P<closing>/?)think(?:ing)?>", re.IGNORECASE)


class _TwiceError(Exception):
    """A key stands twice in one object."""


def cut_off(finish_reason: str | None) -> bool:
    """Whether a server says that an answer ended before its end."""
    return (finish_reason or "").lower() in CUT_OFF


def outermost(text: str, key: str) -> tuple[dict[str, Any] | None, str]:
    """The one JSON object in a text that has `key`, and what is wrong if there is none.

    Two different ones are a problem too: which was meant is not ours to say.
    """
    if len(text) > LONGEST_TEXT:
        return None, f"the answer is longer than {LONGEST_TEXT} characters; give a shorter one"
    try:
        found = _objects(without_thoughts(text.strip()), key)
    except _TwiceError as twice:
        return None, f"the key {said(str(twice))} stands twice in one object; give it once"
    if len(found) == 1:
        return found[0], ""
    if found:
        return None, f"there are {len(found)} different JSON objects with {_named(key)}; give one"
    return None, f"there is no JSON object with {_named(key)} in it"


def said(value: Any) -> str:
    """A value as the model gave it, short and harmless, for a line about it."""
    try:
        text = value if isinstance(value, str) else json.dumps(value)
    except (ValueError, RecursionError, TypeError):
        text = type(value).__name__
    return f"'{' '.join(clean(text, 60).split())}'"


def _named(key: str) -> str:
    if key.endswith("s"):
        return f"`{key}`"
    return f"{'an' if key[0] in 'aeiou' else 'a'} `{key}`"


def without_thoughts(text: str) -> str:
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


def _objects(text: str, key: str) -> list[dict[str, Any]]:
    """Distinct objects with the key among the outermost JSON objects of a text, in order."""
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
            answer = _answer_in(value, key)
            if answer is not None and repr(answer) not in map(repr, found):
                found.append(answer)
        start = text.find("{", end)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise _TwiceError(key)
        out[key] = value
    return out


def _answer_in(value: Any, key: str) -> dict[str, Any] | None:
    """The object itself, or the one that it merely wraps, if that has the key."""
    if isinstance(value, dict) and key not in value and len(value) == 1:
        value = next(iter(value.values()))
    return value if isinstance(value, dict) and key in value else None
