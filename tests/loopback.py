"""A scripted test partner that speaks OpenAI's protocol on a loopback port. It is no model.

What it answers is written by the test, or worked out by `honest_seat` from the tables in the prompt: enough to
drive a whole debate over real HTTP, and evidence of nothing but that the wiring works.

    with Loopback(honest_seat) as server:
        Chat("openai:scripted", base_url=server.base_url)

A script is a function of what was heard (`Heard`) to an `Answer`; `in_turn` strings several together.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Json = dict[str, Any]

MODEL = "scripted-test-partner"
FINGERPRINT = "fp_loopback"


@dataclass(frozen=True)
class Heard:
    """One request as it came in, header names in lower case; `number` counts chat requests from 0."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: Json

    @property
    def system(self) -> str:
        """The first message."""
        return str(self.body["messages"][0]["content"])

    @property
    def user(self) -> str:
        """The last message."""
        return str(self.body["messages"][-1]["content"])

    @property
    def prompt(self) -> str:
        """All messages, one after the other."""
        return "\n".join(str(m["content"]) for m in self.body["messages"])

    @property
    def route(self) -> str:
        """By which route a structured answer is asked for."""
        if self.body.get("tools"):
            return "tools"
        return str((self.body.get("response_format") or {}).get("type", "plain"))

    @property
    def schema(self) -> Json:
        """The JSON Schema it came with."""
        return self.body["response_format"]["json_schema"]["schema"]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Answer:
    """What is sent back: a status, a body, headers; after a wait; cut off after so many bytes, if at all."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    cut_after: int | None = None


Script = Callable[[Heard], Answer]


def completion(
    text: str | None,
    *,
    finish_reason: str = "stop",
    usage: tuple[int, int] | None = (100, 50),
    model: str = MODEL,
    tool_arguments: str | None = None,
    refusal: str | None = None,
) -> Answer:
    """A chat completion with this text, or with these arguments to the one tool offered."""
    message: Json = {"role": "assistant", "content": text}
    if tool_arguments is not None:
        called = {"name": "submit_allocation", "arguments": tool_arguments}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": called}]
    if refusal is not None:
        message["refusal"] = refusal
    data: Json = {
        "id": "chatcmpl-loopback",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "system_fingerprint": FINGERPRINT,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
    }
    if usage is not None:
        data["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return _json(data)


def failing(status: int, message: str = "scripted failure", *, retry_after: str | None = None) -> Answer:
    """An error in OpenAI's form."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return replace(
        _json({"error": {"message": message, "type": "scripted", "code": None}}, status), headers=headers
    )


def slow(answer: Answer, wait_s: float) -> Answer:
    """The same answer, late."""
    return replace(answer, wait_s=wait_s)


def dropped(answer: Answer) -> Answer:
    """The same answer, with the connection dropped in the middle of its body."""
    return replace(answer, cut_after=len(answer.body) // 2)


def always(answer: Answer) -> Script:
    """The same answer to everything."""
    return lambda heard: answer


def in_turn(*scripts: Script | Answer) -> Script:
    """One after the other; the last goes on for ever."""
    steps: list[Script] = [always(s) if isinstance(s, Answer) else s for s in scripts]
    return lambda heard: steps[min(heard.number, len(steps) - 1)](heard)


def refusing(*routes: str, then: Script, status: int = 400) -> Script:
    """A server that knows none of these routes to a structured answer."""

    def script(heard: Heard) -> Answer:
        return (
            failing(status, f"{heard.route} is not supported here") if heard.route in routes else then(heard)
        )

    return script


def honest_seat(heard: Heard) -> Answer:
    """A feasible answer by the route it is asked: shares in proportion to need, odd units by a lot of its own.

    Ward and bounds are read from the tables in the prompt. The lot hangs on the system prompt, so that seats with
    different briefs differ; it never gives way, and it cites the first passage it was shown.
    """
    answer = json.dumps(honest_move(heard))
    return completion(None, tool_arguments=answer) if heard.route == "tools" else completion(answer)


def honest_move(heard: Heard) -> Json:
    """The reply of `honest_seat` before it is put into words."""
    prompt = "\n".join(str(m["content"]) for m in heard.body["messages"])
    bounds = table_rows(prompt, ["cell", "least", "most"])
    if bounds:
        allocation: dict[str, dict[str, float]] = {}
        for cell, least, _ in bounds:
            patient, resource = cell.rstrip(" *").split(".", 1)
            allocation.setdefault(patient, {})[resource] = float(least)
        return {"argument": "What nobody asked to go beyond.", "allocation": allocation}
    passages = re.findall(r"<<<DATA \w+ passage (\S+)>>>", prompt)
    return {
        "argument": "Each in proportion to need; odd units by lot.",
        "citations": passages[:1],
        "concedes": [],
        "allocation": _proportional(heard.system),
    }


def _proportional(system: str) -> dict[str, dict[str, float]]:
    lot = hashlib.sha256(system.encode()).hexdigest()
    needs = {
        row[0]: {r: float(v) for r, v in (part.rsplit(" ", 1) for part in row[1].split(", ") if part)}
        for row in table_rows(system, ["id", "needs"])
    }
    out: dict[str, dict[str, float]] = {p: {} for p, wanted in needs.items() if wanted}
    for resource, capacity, _, given in table_rows(system, ["resource", "capacity", "unit", "given in"]):
        wanted = {p: w[resource] for p, w in needs.items() if w.get(resource, 0) > 0}
        share = min(1.0, float(capacity) / sum(wanted.values())) if wanted else 0.0
        whole = given.startswith("whole")
        fine = 1 if whole else 10_000
        amounts = {p: math.floor(w * share * fine + 1e-9) / fine for p, w in wanted.items()}
        spare = round(float(capacity) - sum(amounts.values())) if whole else 0
        for patient in sorted(wanted, key=lambda p: hashlib.sha256(f"{lot}{p}".encode()).hexdigest()):
            if spare > 0 and amounts[patient] < wanted[patient]:
                amounts[patient] += 1
                spare -= 1
        for patient, amount in amounts.items():
            out[patient][resource] = amount
    return out


def table_rows(text: str, head: list[str]) -> list[list[str]]:
    """Rows of the first Markdown table whose heading begins with `head`."""
    lines = text.splitlines()
    for start, row in enumerate(lines):
        if row.startswith("| ") and _split(row)[: len(head)] == head:
            rows = []
            for following in lines[start + 2 :]:
                if not following.startswith("|"):
                    break
                rows.append(_split(following))
            return rows
    return []


def _split(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def embedding(text: str, dimensions: int = 64) -> list[float]:
    """A deterministic unit vector of a text: its words hashed into bins (Weinberger 2009), no meaning learnt."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or [""]:
        hashed = hashlib.sha256(word.encode()).digest()
        vector[int.from_bytes(hashed[:4], "big") % dimensions] += 1.0 if hashed[4] % 2 else -1.0
    norm = math.sqrt(sum(v * v for v in vector)) or 1.0
    return [v / norm for v in vector] if any(vector) else [1.0] + [0.0] * (dimensions - 1)


class Loopback:
    """The server. `heard` holds every chat request, `embedded` every embeddings request, in order; `at` says when."""

    def __init__(self, script: Script = honest_seat) -> None:
        self.script = script
        self.heard: list[Heard] = []
        self.embedded: list[Json] = []
        self.at: list[float] = []
        self._came = threading.Condition()
        self._stopped = threading.Event()
        self._http = _QuietServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def base_url(self) -> str:
        """Where a client finds it."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def wait_for(self, number: int, timeout_s: float = 5.0) -> None:
        """Block until so many chat requests have come in."""
        with self._came:
            if not self._came.wait_for(lambda: len(self.heard) >= number, timeout_s):
                raise TimeoutError(f"only {len(self.heard)} of {number} requests came in")

    def answer(self, path: str, headers: Mapping[str, str], body: Json) -> Answer:
        """What is sent back to one request."""
        if path.endswith("/embeddings"):
            return self._embed(body)
        if path.endswith("/models"):
            return _json({"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        if not path.endswith("/chat/completions"):
            return failing(404, "no such path")
        with self._came:
            heard = Heard(len(self.heard), path, headers, body)
            self.heard.append(heard)
            self.at.append(time.monotonic())
            self._came.notify_all()
        answer = self.script(heard)
        if answer.wait_s:
            self._stopped.wait(answer.wait_s)
        return answer

    def _embed(self, body: Json) -> Answer:
        with self._came:
            self.embedded.append(body)
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = []
        for index, text in enumerate(texts):
            vector: Any = embedding(str(text), int(body.get("dimensions") or 64))
            if body.get("encoding_format") == "base64":
                vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            data.append({"object": "embedding", "index": index, "embedding": vector})
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        return _json({"object": "list", "data": data, "model": body.get("model", MODEL), "usage": usage})


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # with the default of 5, a burst of clients waits a second to connect

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on a slow answer is part of the script."""


def _json(data: Json, status: int = 200) -> Answer:
    return Answer(status, json.dumps(data).encode())


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: in two, each answer waits 40 ms for an acknowledgement

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._send(server.answer(self.path, {k.lower(): v for k, v in self.headers.items()}, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._send(
                server.answer(self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(body))
            )

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body if answer.cut_after is None else answer.body[: answer.cut_after])
            if answer.cut_after is not None:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

    return Handler
