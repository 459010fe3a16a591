"""A LangSmith of this machine: datasets, examples, experiments, runs and feedback on loopback, kept for a test to read.

It answers what `langsmith.Client` asks: pages of at most `PAGE` runs and feedback, so that whoever reads must page;
401 without the right key; 409 for a project or an example that is there already. Feedback comes by itself (`version`
below 0.8.10) or among the runs (from then on), as with the real one.

    with langsmith_server() as server:
        Client(api_url=server.url, api_key=KEY)
"""

from __future__ import annotations

import email
import email.policy
import gzip
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import zstandard

Json = dict[str, Any]

KEY = "lsv2_pt_0123456789abcdefghijsecret42"
TENANT = "11111111-2222-3333-4444-555555555555"
THEN = "2026-01-01T00:00:00+00:00"
PAGE = 3


class LangSmith:
    """All that is kept, by id; `raw` is every byte that came, `asked` every (method, path)."""

    def __init__(self, url: str, version: str) -> None:
        self.url, self.version = url, version
        self.datasets: dict[str, Json] = {}
        self.examples: dict[str, Json] = {}
        self.sessions: dict[str, Json] = {}
        self.runs: dict[str, Json] = {}
        self.feedback: dict[str, Json] = {}
        self.asked: list[tuple[str, str]] = []
        self.raw = b""
        self.refuse: dict[str, int] = {}
        self.lock = threading.RLock()

    def session(self, name: str) -> Json:
        """The project of a name; one that runs name first is made."""
        for session in self.sessions.values():
            if session["name"] == name:
                return session
        made = {"id": str(uuid4()), "name": name, "start_time": THEN, "tenant_id": TENANT}
        self.sessions[made["id"]] = made | {"reference_dataset_id": None, "extra": {}}
        return self.sessions[made["id"]]

    def roots(self, experiment: str) -> list[Json]:
        """The root runs of a project."""
        mine = self.session(experiment)["id"]
        return [r for r in self.runs.values() if r["session_id"] == mine and not r.get("parent_run_id")]

    def scores(self, run_id: str | None) -> dict[str, Any]:
        """key -> score of a run, or of experiments as a whole."""
        return {f["key"]: f.get("score") for f in self.feedback.values() if f.get("run_id") == run_id}


@contextmanager
def langsmith_server(version: str = "0.7.0") -> Iterator[LangSmith]:
    """Serve on a free port of this machine until the block ends."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.kept = LangSmith(f"http://127.0.0.1:{httpd.server_port}", version)  # type: ignore[attr-defined]
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    try:
        yield httpd.kept  # type: ignore[attr-defined]
    finally:
        httpd.shutdown()
        httpd.server_close()


class _Refused(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def kept(self) -> LangSmith:
        return self.server.kept  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def _serve(self, method: str) -> None:
        body = self._body()
        parts = urlsplit(self.path)
        with self.kept.lock:
            self.kept.raw += body
            self.kept.asked.append((method, parts.path))
            try:
                self._check(parts.path)
                asked = parse_qs(parts.query)
                self._answer(200, _routed(self.kept, method, parts.path, asked, self.headers, body))
            except _Refused as refused:
                self._answer(refused.status, {"detail": str(refused)})

    def _check(self, path: str) -> None:
        if path != "/info" and self.headers.get("x-api-key") != KEY:
            raise _Refused(401, f"Invalid token {self.headers.get('x-api-key')}")
        for start, status in self.kept.refuse.items():
            if path.startswith(start):
                raise _Refused(status, "as the test says")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        encoding = self.headers.get("Content-Encoding")
        if encoding == "zstd":
            return zstandard.ZstdDecompressor().stream_reader(body).read()
        return gzip.decompress(body) if encoding == "gzip" else body

    def _answer(self, status: int, data: Any) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _routed(kept: LangSmith, method: str, path: str, asked: Any, headers: Any, body: bytes) -> Any:
    sent = json.loads(body) if body and "multipart" not in (headers.get("Content-Type") or "") else {}
    if path == "/info":
        return _info(kept)
    if path == "/runs/multipart":
        return _take_runs(kept, headers["Content-Type"], body)
    if path == "/runs/query":
        return _query_runs(kept, sent)
    if found := re.fullmatch(r"/v1/platform/datasets/([^/]+)/examples", path):
        return _take_examples(kept, method, found[1], headers["Content-Type"], body)
    if path == "/examples":
        mine = [e for e in kept.examples.values() if e["dataset_id"] == asked["dataset"][0]]
        if "splits" in asked:
            mine = [e for e in mine if set(e["metadata"]["dataset_split"]) & set(asked["splits"])]
        return _page(mine, asked)
    if path.startswith("/datasets"):
        return _datasets(kept, method, path, asked, sent)
    if path.startswith("/sessions"):
        return _sessions(kept, method, path, asked, sent)
    if path == "/feedback":
        return _feedback(kept, method, asked, sent)
    raise _Refused(404, f"nothing at {path}")


def _info(kept: LangSmith) -> Json:
    limits = {"size_limit": 100, "size_limit_bytes": 20_000_000, "scale_up_qsize_trigger": 1000}
    workers = {"scale_up_nthreads_limit": 2, "scale_down_nempty_trigger": 4}
    ingest = {"use_multipart_endpoint": True, **limits, **workers}
    flags = {"dataset_examples_multipart_enabled": True, "zstd_compression_enabled": True}
    return {"version": kept.version, "batch_ingest_config": ingest, "instance_flags": flags}


def _datasets(kept: LangSmith, method: str, path: str, asked: Any, sent: Json) -> Any:
    if method == "POST":
        if any(d["name"] == sent["name"] for d in kept.datasets.values()):
            raise _Refused(409, "there already")
        made = {"id": str(uuid4()), "created_at": THEN, "name": sent["name"], "data_type": "kv"}
        kept.datasets[made["id"]] = made | {"description": sent.get("description")}
        return kept.datasets[made["id"]]
    if path == "/datasets":
        return [d for d in kept.datasets.values() if d["name"] == asked["name"][0]][:1]
    return kept.datasets[path.rsplit("/", 1)[1]]


def _sessions(kept: LangSmith, method: str, path: str, asked: Any, sent: Json) -> Any:
    own = path.rpartition("/sessions/")[2] if "/sessions/" in path else None
    if method == "POST":
        if any(s["name"] == sent["name"] for s in kept.sessions.values()):
            raise _Refused(409, "there already")
        made = {"start_time": THEN, "tenant_id": TENANT, "reference_dataset_id": None, "extra": {}}
        kept.sessions[sent["id"]] = made | {k: v for k, v in sent.items() if v is not None}
        return kept.sessions[sent["id"]]
    if method == "PATCH" and own:
        kept.sessions[own] |= {k: v for k, v in sent.items() if v is not None}
        return kept.sessions[own]
    if own:
        return kept.sessions[own]
    found = list(kept.sessions.values())
    if "name" in asked:
        found = [s for s in found if s["name"] == asked["name"][0]]
    if "reference_dataset" in asked:
        found = [s for s in found if s["reference_dataset_id"] == asked["reference_dataset"][0]]
    return _page(found, asked)


def _parts(content_type: str, body: bytes) -> Iterator[tuple[list[str], Any]]:
    """The parts of a multipart body: (name in its pieces, data)."""
    message = email.message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=email.policy.HTTP
    )
    for part in message.iter_parts():  # type: ignore[attr-defined]
        name = str(part.get_param("name", header="content-disposition"))
        yield name.split("."), json.loads(part.get_payload(decode=True))


def _take_examples(kept: LangSmith, method: str, dataset: str, content_type: str, body: bytes) -> Json:
    ids: list[str] = []
    for (own, *field), data in _parts(content_type, body):
        if field:
            kept.examples[own][field[0]] = data
            continue
        if method == "POST" and own in kept.examples:
            raise _Refused(409, "there already")
        if method == "PATCH" and own not in kept.examples:
            raise _Refused(404, "no such example")
        split = data.get("split")
        metadata = {
            **(data.get("metadata") or {}),
            "dataset_split": [split] if isinstance(split, str) else split,
        }
        was = kept.examples.get(own, {"id": own, "dataset_id": dataset, "created_at": THEN, "outputs": None})
        kept.examples[own] = was | {"metadata": metadata, "modified_at": THEN}
        ids.append(own)
    return {"count": len(ids), "example_ids": ids}


def _take_runs(kept: LangSmith, content_type: str, body: bytes) -> Json:
    for (kind, own, *field), data in _parts(content_type, body):
        if kind == "feedback":
            kept.feedback[own] = data
            continue
        run = kept.runs.setdefault(own, {"id": own})
        if field:
            run[field[0]] = data
        else:
            run |= {k: v for k, v in data.items() if v is not None}
            if run.get("session_name"):
                run["session_id"] = kept.session(run["session_name"])["id"]
    return {}


def _query_runs(kept: LangSmith, sent: Json) -> Json:
    found = [r for r in kept.runs.values() if r.get("session_id") in sent["session"]]
    if sent.get("is_root"):
        found = [r for r in found if not r.get("parent_run_id")]
    if tag := re.search(r'has\(tags, "(\w+)"\)', sent.get("filter") or ""):
        found = [r for r in found if tag[1] in (r.get("tags") or [])]
    start = int(sent.get("cursor") or 0)
    page = [
        {k: v for k, v in run.items() if k in sent["select"]} | {"trace_id": run.get("trace_id", run["id"])}
        for run in found[start : start + PAGE]
    ]
    more = str(start + PAGE) if start + PAGE < len(found) else None
    return {"runs": page, "cursors": {"next": more}}


def _feedback(kept: LangSmith, method: str, asked: Any, sent: Json) -> Any:
    if method == "POST":
        kept.feedback[sent["id"]] = sent
        return sent
    found = list(kept.feedback.values())
    if "run" in asked:
        found = [f for f in found if f.get("run_id") in asked["run"]]
    if "session" in asked:
        found = [f for f in found if f.get("session_id") in asked["session"]]
    if asked.get("level") == ["session"]:
        found = [f for f in found if f.get("run_id") is None]
    blank = {"trace_id": None, "run_id": None}
    return _page([blank | f for f in found], asked)


def _page(found: list[Json], asked: Any) -> list[Json]:
    start, limit = (int(asked.get(name, [d])[0]) for name, d in (("offset", 0), ("limit", 100)))
    return found[start : start + limit]


def typed(*words: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """Type a command of `evals.langsmith` in this process, and return its exit code."""
    from evals.langsmith.__main__ import main

    monkeypatch.setattr(sys, "argv", ["langsmith", *map(str, words)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def named_by(server: LangSmith, monkeypatch: pytest.MonkeyPatch, key: str = KEY) -> None:
    """Have the environment name this server and a key."""
    for name in ("LANGCHAIN_API_KEY", "LANGCHAIN_ENDPOINT", "LANGSMITH_RUNS_ENDPOINTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url)
    monkeypatch.setenv("LANGSMITH_API_KEY", key)
