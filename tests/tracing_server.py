"""A LangSmith of this machine: takes posted runs on loopback and keeps them for a test to read."""

from __future__ import annotations

import email
import email.policy
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import zstandard

Run = dict[str, Any]


class TracingServer:
    """Runs by id, as they stand after every post and patch, and every byte that came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.runs: dict[str, Run] = {}
        self.raw = b""

    def named(self, name: str) -> list[Run]:
        """Runs whose name begins so."""
        return [r for r in self.runs.values() if str(r.get("name", "")).startswith(name)]


@contextmanager
def tracing_server() -> Iterator[TracingServer]:
    """Serve on a free port of this machine until the block ends."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.kept = TracingServer(f"http://127.0.0.1:{httpd.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield httpd.kept  # type: ignore[attr-defined]
    finally:
        httpd.shutdown()
        httpd.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        limits = {"size_limit": 100, "size_limit_bytes": 20_000_000, "scale_up_qsize_trigger": 1000}
        workers = {"scale_up_nthreads_limit": 2, "scale_down_nempty_trigger": 4}
        self._answer(
            {"version": "0.0", "batch_ingest_config": {"use_multipart_endpoint": True, **limits, **workers}}
        )

    def do_POST(self) -> None:
        kept: TracingServer = self.server.kept  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        encoding = self.headers.get("Content-Encoding")
        if encoding == "zstd":
            body = zstandard.ZstdDecompressor().stream_reader(body).read()
        elif encoding == "gzip":
            body = gzip.decompress(body)
        kept.raw += body
        if self.path.endswith("/multipart"):
            _read_parts(kept, self.headers["Content-Type"], body)
        self._answer({})

    do_PATCH = do_POST  # noqa: N815 (the name is the base class's)

    def _answer(self, data: Any) -> None:
        text = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _read_parts(kept: TracingServer, content_type: str, body: bytes) -> None:
    """Parts are named post.ID, patch.ID, and post.ID.inputs, .outputs, … for the large fields."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    for part in message.iter_parts():  # type: ignore[attr-defined]
        name = part.get_param("name", header="content-disposition")
        _, run_id, *field = str(name).split(".")
        data = json.loads(part.get_payload(decode=True))
        run = kept.runs.setdefault(run_id, {})
        if field:
            run[field[0]] = data
        else:
            run.update({k: v for k, v in data.items() if v is not None})
