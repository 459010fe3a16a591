"""Why did a call bring no answer, and what then: try again, ask by another route, or give up."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from negotiators.chat.models import Server
from negotiators.chat.quoting import clean

PASSING = frozenset({408, 409, 425, 429})
REFUSED = frozenset({400, 422})
CONNECTION = {
    "APIConnectionError",
    "TransportError",
    "ConnectError",
    "ModelConnectionError",
    "ConnectionError",
}
TIMED_OUT = {"APITimeoutError", "TimeoutException", "ModelTimeoutError", "TimeoutError"}
NO_COMPLETION = (ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What clients raise for a 200 whose body is no chat completion."""


@dataclass(frozen=True)
class Failure:
    """One call without an answer. `passing`: worth a retry; `refused`: the request itself was not accepted."""

    detail: str
    passing: bool = False
    refused: bool = False
    retry_after_s: float | None = None
    said: str = ""  # the server's own words, for telling what it refused


def failure_of(error: Exception, server: Server, timeout_s: float) -> Failure:
    """What an exception of a client means; its text is scrubbed and shortened, an answer to a bad key left out."""
    names = {cls.__name__ for cls in type(error).__mro__}
    status = _status(error)
    said = " ".join(clean(server.scrubbed(str(error)), 200).split())
    if names & {"ContextOverflowError"}:
        return Failure("the prompt is longer than the model's context; take a smaller ward or a larger model")
    if status == 401:
        mend = "check OPENAI_API_KEY" if server.openai else "check the provider's key"
        return Failure(f"the server refuses the key (401); {mend}")
    if status == 403:
        return Failure("the server does not allow this key to use the model (403)")
    if status == 404:
        return Failure(
            "no such model or path (404); check the name, and that --base-url ends as the server's docs say"
        )
    if status in REFUSED:
        return Failure(f"the server refuses the request ({status}): {said}", refused=True, said=said)
    if status is not None and status >= 300:
        passing = status in PASSING or status >= 500
        return Failure(f"the server answered {status}", passing, retry_after_s=_retry_after(error), said=said)
    if names & TIMED_OUT:
        return Failure(f"no answer within {timeout_s:g} s", passing=True)
    if names & CONNECTION or isinstance(error, OSError):
        return Failure(
            "no connection, or it was dropped; see that the server runs at that address", passing=True
        )
    if status is not None or isinstance(error, NO_COMPLETION):
        return Failure(
            "the server's answer is no chat completion", passing=True, refused=not server.openai, said=said
        )
    return Failure(f"{type(error).__name__}: {said}", refused=isinstance(error, NotImplementedError))


def wait_s(failure: Failure, tries: int, backoff_s: float, longest_s: float, rng: random.Random) -> float:
    """How long to wait before the next try: what the server asked for, else backoff·2^(tries − 1) with jitter.

    Both at most `longest_s`. The jitter takes off up to half, so that seats do not come back all at once
    (exponential backoff with "equal jitter", Brooker 2015).
    """
    if failure.retry_after_s is not None:
        return min(longest_s, failure.retry_after_s)
    return float(min(longest_s, backoff_s * 2 ** (tries - 1)) * (0.5 + 0.5 * rng.random()))


def _status(error: Exception) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "code"):
            status = getattr(holder, name, None)
            if isinstance(status, int) and not isinstance(status, bool):
                return status
    return None


def _retry_after(error: Exception) -> float | None:
    """Seconds that the server asks one to wait: `Retry-After` in seconds or as a date (RFC 9110, 10.2.3)."""
    headers: Mapping[str, Any] = getattr(getattr(error, "response", None), "headers", None) or {}
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(str(value)).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if seconds == seconds and seconds != float("inf") else None
