"""Who may ask for the page, and how is it answered: this machine alone, by GET, nothing kept by the browser?"""

from __future__ import annotations

import json
import os
import signal
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any

from evals.report.gathering import Asked
from evals.report.serving.live import Live
from evals.report.serving.looking import Looking
from scenarios.errors import ParleyError

HERE = "127.0.0.1"

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def serve(words: Sequence[str], asked: Asked, title: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve the report of what the words name on this machine until Ctrl-C; port 0 chooses one that is free.

    Raises ParleyError, in one line, for a word that names nothing, and for a port that is taken.
    """
    live = Live(Looking(words, asked), title, tell)
    stop = threading.Event()
    with _bound(port, live) as server:
        watching = threading.Thread(target=_watched, args=(live, stop, server))
        watching.start()
        print(f"http://{HERE}:{server.server_address[1]}/", flush=True)
        tell("serving until Ctrl-C; the page follows the runs")
        try:
            with _ended_by_term():
                server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            pass
        finally:
            failed = not stop.is_set() and not watching.is_alive()
            stop.set()
            watching.join()
    if failed:
        raise ParleyError("serving: what looks after the runs has failed, as said above; report it")


def _watched(live: Live, stop: threading.Event, server: Server) -> None:
    """Keep the page up to date; where that fails nothing is served any more, so that nobody reads what is stale."""
    try:
        live.watch(stop)
    finally:
        if not stop.is_set():
            server.shutdown()


@contextmanager
def _ended_by_term() -> Iterator[None]:
    """SIGTERM ends a server as Ctrl-C does."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _bound(port: int, live: Live) -> Server:
    try:
        return Server((HERE, port), live)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ParleyError(f"--port {port}: {why}; name another, or 0 for one that is free") from None


class Server(ThreadingHTTPServer):
    """Answers with the page at this moment."""

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would let two servers share a port

    def __init__(self, address: tuple[str, int], live: Live) -> None:
        self.live = live
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind, without asking a name server what this machine is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HERE, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up, or is slow to ask, is no error; anything else is said."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Parley", ""
    timeout = 30
    wbufsize = -1  # head and body together

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""

    def do_GET(self) -> None:
        """The page, or how far the runs are."""
        port = self.server.server_port
        if self.headers.get("Host", "").lower() not in (f"{HERE}:{port}", f"localhost:{port}"):
            # A name that was pointed at this machine (DNS rebinding) would let its site read the page.
            return self._send(421, "text/plain", b"Ask for 127.0.0.1 or localhost.\n")
        path = self.path.partition("?")[0]
        if path == "/":
            return self._send(200, "text/html", self.server.live.page)
        if path == "/state":
            return self._send(200, "application/json", json.dumps(self.server.live.state).encode())
        return self._send(404, "text/plain", b"There is / alone, and /state.\n")

    do_HEAD = do_GET  # noqa: N815

    def _refused(self) -> None:
        self.close_connection = True  # what it sent with it is not read
        self._send(405, "text/plain", b"GET and HEAD alone.\n", Allow="GET, HEAD")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refused  # noqa: N815

    def _send(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        told = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}
        for name, value in {**told, **HEADERS, **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
