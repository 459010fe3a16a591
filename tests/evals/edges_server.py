"""A LangSmith of this machine that can also be asked: projects by name, and runs of a project page by page."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.tracing_server import Run, TracingServer, _Handler

KEY = "lsv2_pt_a_key_nobody_may_see"
PAGE = 7
FILTER = 'has(tags, "edge")'


class AskedServer(TracingServer):
    """A tracing server that tells what it was asked; `fail_with` is the status of every query, 200 for none."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.queries: list[dict[str, Any]] = []
        self.fail_with = 200

    def project(self, name: str) -> str | None:
        """The id of a project that was traced to."""
        return _project_id(name) if any(r.get("session_name") == name for r in self.runs.values()) else None

    def found(self, query: dict[str, Any]) -> list[Run]:
        """Runs of a project that are tagged `edge`, newest first."""
        assert query["filter"] == FILTER, f"no such filter here: {query['filter']}"
        wanted = [
            {**run, "id": run_id}
            for run_id, run in self.runs.items()
            if _project_id(run.get("session_name", "")) in query["session"]
            and "edge" in (run.get("tags") or [])
        ]
        return sorted(wanted, key=lambda r: str(r["start_time"]), reverse=True)


@contextmanager
def asked_server() -> Iterator[AskedServer]:
    """Serve on a free port of this machine until the block ends."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Asked)
    httpd.kept = AskedServer(f"http://127.0.0.1:{httpd.server_port}")  # type: ignore[attr-defined]
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    try:
        yield httpd.kept  # type: ignore[attr-defined]
    finally:
        httpd.shutdown()
        httpd.server_close()


def _project_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


class _Asked(_Handler):
    def do_GET(self) -> None:  # noqa: N802 (the name is the base class's)
        asked = urlsplit(self.path)
        if asked.path != "/sessions":
            super().do_GET()
            return
        name = parse_qs(asked.query)["name"][0]
        found = self.server.kept.project(name)  # type: ignore[attr-defined]
        told = {"id": found, "name": name, "tenant_id": str(uuid.UUID(int=1)), "reference_dataset_id": None}
        self._guarded([told] if found else [])

    def do_POST(self) -> None:  # noqa: N802 (the name is the base class's)
        if self.path != "/runs/query":
            super().do_POST()
            return
        kept: AskedServer = self.server.kept  # type: ignore[attr-defined]
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kept.queries.append(query)
        start = int(query.get("cursor", 0))
        found = kept.found(query)
        page = [{k: r.get(k) for k in query["select"]} for r in found[start : start + PAGE]]
        more = str(start + PAGE) if start + PAGE < len(found) else None
        self._guarded({"runs": page, "cursors": {"next": more}})

    do_PATCH = do_POST  # noqa: N815 (the name is the base class's)

    def _guarded(self, data: Any) -> None:
        kept: AskedServer = self.server.kept  # type: ignore[attr-defined]
        status = kept.fail_with if self.headers.get("x-api-key") == KEY else 401
        if status == 200:
            self._answer(data)
            return
        text = json.dumps({"detail": f"no, and the key was {self.headers.get('x-api-key')}"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
