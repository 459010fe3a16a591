"""How is LangSmith reached, what is said where it cannot be, and what makes sure that nothing is sent at all?

A client of LangSmith logs errors that quote the ends of the key, and its own exceptions do too: here they are
kept silent and said again in one line. `nowhere` is a client that cannot send: `aevaluate` posts every run even when
told not to upload, to whatever the environment names, so it is handed a client whose connection refuses.
"""

from __future__ import annotations

import json
import logging
import os
import re
import site
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import ParleyError, Unreachable

if TYPE_CHECKING:
    from langsmith import Client

Json = dict[str, Any]

HOSTED = ("langchain.com", "langsmith.com")
_DOWN = re.compile(r"\b5\d\d Server Error")
FEEDBACK_ATTEMPTS = 4
"""Ten attempts, the client's own count, would take a quarter of an hour to give up."""


def client(*, posts: bool = False) -> Client:
    """A client of the environment: LANGSMITH_API_KEY, LANGSMITH_ENDPOINT. With `posts` it also sends traces.

    Raises ParleyError where LangSmith's own servers are meant and no key is there.
    """
    import langsmith
    from langsmith.utils import LangSmithUserError

    settings: Json = {"auto_batch_tracing": posts, "omit_traced_runtime_info": True, "anonymizer": _pathless}
    try:
        made: Client = _posting(settings) if posts else langsmith.Client(**settings)
    except (LangSmithUserError, ValueError) as error:
        raise ParleyError(f"LangSmith: {' '.join(str(error).split())[:200]}") from None
    if _hosted(made.api_url) and not ({k.lower() for k in made.headers} & {"x-api-key", "authorization"}):
        raise ParleyError(
            "LangSmith: no key; set LANGSMITH_API_KEY, or run with --local, which needs none and sends nothing"
        )
    return made


def _hosted(url: str) -> bool:
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    return any(host == name or host.endswith(f".{name}") for name in HOSTED)


class Sent:
    """What has become of what a client was to send: feedback settled, and why some of it could not be."""

    def __init__(self) -> None:
        self.on_runs = 0
        self.on_the_whole = 0
        self.problems: list[str] = []
        self._settled = threading.Condition()

    def settle(self, on_a_run: bool, error: Exception | None = None) -> None:
        """One feedback has arrived, or been given up: on a run, or on the experiment as a whole."""
        if error is not None:
            self.fail(error)
        with self._settled:
            self.on_runs += on_a_run
            self.on_the_whole += not on_a_run
            self._settled.notify_all()

    def wait_for(self, on_runs: int, timeout_s: float) -> None:
        """Wait until so many feedbacks on runs are settled, but no longer than that."""
        with self._settled:
            self._settled.wait_for(lambda: self.on_runs >= on_runs, timeout_s)

    def fail(self, error: Exception) -> None:
        """Something could not be sent."""
        with self._settled:
            self.problems.append(_reason(error))


def _posting(settings: Json) -> Client:
    """A client that tells what has become of what it sends in the background (`sent`)."""
    import langsmith

    class Posting(langsmith.Client):
        sent: Sent

        def create_feedback(self, *args: Any, **kwargs: Any) -> Any:
            """As LangSmith's own, in fewer attempts, and counted."""
            try:
                given = super().create_feedback(*args, **{"stop_after_attempt": FEEDBACK_ATTEMPTS} | kwargs)
            except Exception as error:
                self.sent.settle(_of_a_run(args, kwargs), error)
                raise
            self.sent.settle(_of_a_run(args, kwargs))
            return given

    sent = Sent()
    made = Posting(**settings, tracing_error_callback=sent.fail)
    made.sent = sent
    return made


def _of_a_run(args: tuple[Any, ...], kwargs: Json) -> bool:
    return (args[0] if args else kwargs.get("run_id")) is not None


def sent_by(posting: Client) -> Sent | None:
    """What has become of what this client was to send; None for one that posts nothing."""
    return getattr(posting, "sent", None)


def nowhere() -> Client:
    """A client that sends nothing, whatever the environment says: no sampling, no thread, no connection."""
    import langsmith
    import requests

    class Refusing(requests.Session):
        def send(self, *_: Any, **__: Any) -> Any:
            """Refuse."""
            raise requests.ConnectionError("nothing is sent in a local run")

    with environment(LANGSMITH_RUNS_ENDPOINTS=None, LANGSMITH_USE_PYO3_CLIENT=None):
        return langsmith.Client(
            api_url="http://127.0.0.1:9",
            api_key="x",
            info={},
            session=Refusing(),
            tracing_mode="langsmith",
            tracing_sampling_rate=0.0,
            auto_batch_tracing=False,
        )


@contextmanager
def environment(**changes: str | None) -> Iterator[None]:
    """Environment variables changed for a while; None takes one away."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def quiet() -> Iterator[None]:
    """LangSmith's logs silenced for a while: they quote the key's last characters, and print stacks."""
    loggers = [
        logging.getLogger(name) for name in ("langsmith", "langsmith.client", "urllib3.connectionpool")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def reaching(to: Client, what: str) -> Iterator[None]:
    """What LangSmith raises, said in one line without the key.

    Raises Unreachable where the server cannot be reached, fails or is asked too often, else ParleyError.
    """
    from langsmith import utils
    from pydantic import ValidationError
    from requests import RequestException

    try:
        with quiet():
            yield
    except (utils.LangSmithError, RequestException, ValidationError, json.JSONDecodeError) as error:
        # From None and without its words: they quote the key's ends, and run over many lines.
        line = f"LangSmith at {to.api_url}, {what}: {_reason(error)}"
        raise (Unreachable(line) if _passing(error) else ParleyError(line)) from None


def _kinds() -> list[tuple[type[Exception], bool, str]]:
    """(kind of error, whether it may pass, what to say), the first that fits counting."""
    import requests
    from langsmith import utils

    again = "run the same command again"
    unreachable = f"it cannot be reached; check LANGSMITH_ENDPOINT and the network, and {again}"
    return [
        (utils.LangSmithAuthError, False, "the key was refused; set LANGSMITH_API_KEY to a valid one"),
        (utils.LangSmithNotFoundError, False, "there is none of that name; name another"),
        (utils.LangSmithConflictError, False, "it is there already, made elsewhere; name another"),
        (utils.LangSmithRateLimitError, True, f"too many requests; wait a minute and {again}"),
        (utils.LangSmithConnectionError, True, unreachable),
        (utils.LangSmithRequestTimeout, True, f"it took too long; {again}"),
        (utils.LangSmithAPIError, True, f"the server failed; {again} later"),
        (requests.exceptions.ConnectionError, True, unreachable),
        (requests.exceptions.Timeout, True, f"it took too long; {again}"),
    ]


def _passing(error: Exception) -> bool:
    down = _DOWN.search(str(error)) is not None
    return next((passes for kind, passes, _ in _kinds() if isinstance(error, kind)), down)


def _reason(error: Exception) -> str:
    for kind, _, reason in _kinds():
        if isinstance(error, kind):
            return reason
    if _DOWN.search(str(error)):
        return "the server failed; run the same command again later"
    if "403 Client Error" in str(error):
        return "the key may not do this; check its workspace (LANGSMITH_WORKSPACE_ID) and its rights"
    return f"it answered what was not expected ({type(error).__name__}); check the endpoint and the name"


def _pathless(data: Any) -> Any:
    """A run's error without folders of this machine; everything else as it is.

    Errors come as {"error": text} and hold whole stacks, whose paths say who runs this and where.
    """
    if not (isinstance(data, dict) and data.keys() == {"error"} and isinstance(data["error"], str)):
        return data
    text: str = data["error"]
    for folder in _folders():
        text = text.replace(folder, "…")
    return {"error": text}


def _folders() -> list[str]:
    """Folders of this machine that a stack may name, the longest first."""
    own = str(Path(__file__).resolve().parents[2])
    found = {
        own,
        str(Path.cwd()),
        os.environ.get("HOME", ""),
        sys.prefix,
        sys.base_prefix,
        *site.getsitepackages(),
    }
    return sorted((f for f in found if len(f) > 1), key=len, reverse=True)
