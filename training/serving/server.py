"""How is a model reached: OpenAI's chat completions over HTTP, whole or as a stream of events?"""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from scenarios.errors import ParleyError
from training.serving.answering import Answer, Served
from training.serving.requests import LARGEST, Asked, Refused, parse

TIMEOUT_S = 120.0
"""Seconds that a client may take to send its request."""


class Server:
    """Serves models by name at http://HOST:PORT/v1, from `start` until `close`; also a context manager."""

    def __init__(self, models: Sequence[Served], *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Raises ParleyError where the address cannot be had, or a name stands twice. Port 0 takes a free one."""
        self.models = {m.name: m for m in models}
        if len(self.models) < len(models):
            raise ParleyError("serve: a name stands twice; give each checkpoint its own")
        served = self.models
        handler = type("Handler", (_Handler,), {"models": served})
        try:
            self._http = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise ParleyError(
                f"{host}:{port}: cannot be served ({error.strerror or error}); choose another --port"
            ) from None
        self._http.daemon_threads = True
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """What `--base-url` takes."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    def forever(self) -> None:
        """Serve in this thread until it is interrupted."""
        self._http.serve_forever()

    def start(self) -> Server:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Answer nothing more."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    """GET /v1/models, POST /v1/chat/completions; everything else is a 404 in JSON."""

    models: dict[str, Served]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "parley", ""
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.rstrip("/")
        if path == "/v1/models":
            self._json(200, {"object": "list", "data": [_model(name) for name in self.models]})
        elif path == "/health":
            self._json(200, {"status": "ok"})
        else:
            self._json(404, Refused(f"{path or '/'}: no such path; see /v1/models", 404).body)

    def do_POST(self) -> None:
        try:
            asked = self._asked()
            answer = self.models[asked.model].answer(asked)
        except Refused as error:
            self._json(error.status, error.body)
            return
        except ParleyError as error:
            self._json(400, Refused(str(error)).body)
            return
        except Exception as error:  # noqa: BLE001 — a client is told that it failed, the log what failed
            print(f"answering failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            body = Refused(f"the model failed to answer ({type(error).__name__})", 500).body
            body["error"]["type"] = "server_error"
            self._json(500, body)
            return
        with suppress(BrokenPipeError, ConnectionResetError):  # a client that hangs up is no fault of ours
            if asked.stream:
                self._events(asked, answer)
            else:
                self._json(200, _completion(asked.model, answer))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""

    def _asked(self) -> Asked:
        path = urlsplit(self.path).path.rstrip("/")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST:
            self.close_connection = True
            raise Refused(
                f"Content-Length: a body of at most {LARGEST} bytes is needed",
                413 if length.isdigit() else 411,
            )
        raw = self.rfile.read(int(length))
        if path != "/v1/chat/completions":
            raise Refused(f"{path}: no such path; post to /v1/chat/completions", 404)
        asked = parse(raw)
        if asked.model not in self.models:
            there = ", ".join(self.models)
            raise Refused(
                f"model '{asked.model}': not served here; there is {there}", 404, code="model_not_found"
            )
        return asked

    def _json(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _events(self, asked: Asked, answer: Answer) -> None:
        """The answer as server-sent events. It was sampled whole: a stop or a refusal is known before the first."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Connection", "close")
        self.end_headers()
        head = _head(asked.model, "chat.completion.chunk")
        deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
        deltas += [({"content": part}, None) for part in _parts(answer.text)]
        deltas += [({}, answer.finish)]
        events: list[dict[str, Any]] = [
            head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            for delta, finish in deltas
        ]
        if asked.usage:
            events.append(head | {"choices": [], "usage": _usage(answer)})
        for event in [*(json.dumps(e) for e in events), "[DONE]"]:
            self.wfile.write(f"data: {event}\n\n".encode())


def _parts(text: str) -> list[str]:
    """A text in its words, each with the space before it."""
    words = text.split(" ")
    return [w if k == 0 else f" {w}" for k, w in enumerate(words) if w or k]


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _completion(model: str, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text}
    choice = {"index": 0, "message": message, "finish_reason": answer.finish, "logprobs": None}
    return _head(model, "chat.completion") | {"choices": [choice], "usage": _usage(answer)}


def _usage(answer: Answer) -> dict[str, int]:
    total = answer.prompt_tokens + answer.tokens
    return {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.tokens, "total_tokens": total}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "parley"}
