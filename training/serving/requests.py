"""What does a request for a chat completion ask for, and what of it is refused, in one line that says why?"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ROLES = ("system", "developer", "user", "assistant")
LARGEST = 4_000_000
"""Bytes of a request; what is larger is no chat."""

MOST_TOKENS = 16_384


class Refused(Exception):
    """A request that is not answered: a status, a type and one line, as OpenAI's errors have them."""

    def __init__(
        self, line: str, status: int = 400, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(line)
        self.status = status
        self.body = {
            "error": {"message": line, "type": "invalid_request_error", "param": param, "code": code}
        }


@dataclass(frozen=True)
class Asked:
    """A request, checked."""

    model: str
    messages: tuple[dict[str, str], ...]
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int | None = None  # None: as many as the model takes
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    usage: bool = False  # whether a stream ends with a count of tokens


def parse(raw: bytes) -> Asked:
    """The request in a body of JSON. Raises Refused for what is wrong, or is asked for and not done here."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused("the body is no JSON") from None
    if not isinstance(body, dict):
        raise Refused("the body is a mapping of model and messages")
    _refuse_forms(body)
    most = body.get("max_completion_tokens")
    most = body.get("max_tokens") if most is None else most
    options = body.get("stream_options") or {}
    return Asked(
        model=_text(body.get("model"), "model"),
        messages=_messages(body.get("messages")),
        temperature=_temperature(body),
        top_p=_number(body, "top_p", 1.0, 0.0, 1.0, above=True),
        max_tokens=None if most is None else _whole(most, "max_tokens", 1, MOST_TOKENS),
        seed=None if body.get("seed") is None else abs(_whole(body["seed"], "seed", -(2**63), 2**63 - 1)),
        stop=_stops(body.get("stop")),
        stream=_flag(body, "stream"),
        usage=isinstance(options, Mapping) and options.get("include_usage") is True,
    )


def _refuse_forms(body: Mapping[str, Any]) -> None:
    """Ways of asking that a plain model cannot keep: when they are refused, the graphs' client asks in plain words."""
    form = body.get("response_format")
    if form is not None and not (isinstance(form, Mapping) and form.get("type") == "text"):
        raise Refused("response_format: only text is served; ask in plain words", param="response_format")
    if body.get("tools") or body.get("functions"):
        raise Refused("tools: none are served; ask in plain words", param="tools")
    if body.get("n") not in (None, 1):
        raise Refused("n: one answer a request; ask again for another", param="n")
    if body.get("logprobs"):
        raise Refused("logprobs: none are served; leave it out", param="logprobs")


def _messages(given: Any) -> tuple[dict[str, str], ...]:
    if not isinstance(given, list) or not given:
        raise Refused("messages: a list of at least one message", param="messages")
    out = []
    for k, message in enumerate(given):
        role = message.get("role") if isinstance(message, Mapping) else None
        if role not in ROLES:
            raise Refused(f"messages[{k}].role: one of {', '.join(ROLES)}", param="messages")
        content = _content(message.get("content"), f"messages[{k}].content")
        out.append({"role": "system" if role == "developer" else str(role), "content": content})
    if out[-1]["role"] == "assistant":
        raise Refused(
            "messages: the last is the assistant's own; end with what it should answer", param="messages"
        )
    return tuple(out)


def _content(given: Any, name: str) -> str:
    """The words of a message: text, or a list of parts that are text."""
    if isinstance(given, list):
        parts = [p.get("text") if isinstance(p, Mapping) and p.get("type") == "text" else None for p in given]
        if all(isinstance(p, str) for p in parts):
            return "".join(str(p) for p in parts)
    if not isinstance(given, str):
        raise Refused(f"{name}: text alone is served", param="messages")
    if any("\ud800" <= c <= "\udfff" for c in given):
        raise Refused(f"{name}: holds half a character (a lone surrogate); take it out", param="messages")
    return given


def _text(given: Any, name: str) -> str:
    if not isinstance(given, str) or not given:
        raise Refused(f"{name}: missing; name one of /v1/models", param=name)
    return given


def _number(
    body: Mapping[str, Any], name: str, default: float, low: float, high: float, *, above: bool = False
) -> float:
    value = body.get(name)
    if value is None:
        return default
    real = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not real or not low <= value <= high or (above and value == low):
        raise Refused(f"{name}: give a number from {low:g} to {high:g}", param=name)
    return float(value)


def _temperature(body: Mapping[str, Any]) -> float:
    """The temperature; one so near 0 that scores divided by it overflow is 0."""
    asked = _number(body, "temperature", 1.0, 0.0, 2.0)
    return asked if asked >= 1e-3 else 0.0


def _whole(value: Any, name: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused(f"{name}: give a whole number from {low} to {high}", param=name)
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise Refused(f"{name}: give true or false", param=name)
    return bool(value)


def _stops(given: Any) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else given or []
    if not isinstance(listed, list) or len(listed) > 4 or not all(isinstance(s, str) and s for s in listed):
        raise Refused("stop: give a text, or at most four", param="stop")
    return tuple(listed)
