"""Is a PostgreSQL of ours alive on a data folder, and where does it listen?"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from scenarios.errors import ParleyError

PORT = 5432  # names the socket file; nothing listens on TCP
SOCKET = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 100  # bytes; Linux allows 107, macOS 103
_STOP_S = 30.0


def state(sockets: Path) -> Literal["ready", "busy", "absent"]:
    """Does a server on this socket take connections, refuse them for now (starting, full), or is none?"""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.settimeout(5)
            probe.connect(str(sockets / SOCKET))
        except OSError:
            return "absent"
    import psycopg

    try:
        psycopg.connect(url(sockets), connect_timeout=5).close()
    except psycopg.OperationalError:
        return "busy"
    return "ready"


def url(sockets: Path) -> str:
    """The connection URL of a server whose socket is in this folder."""
    return f"postgresql://postgres@/postgres?host={quote(str(sockets), safe='')}&port={PORT}"


def read_pid_file(folder: Path) -> tuple[int | None, Path | None]:
    """The process and the socket folder that `postmaster.pid` names; None for what it does not say."""
    try:
        lines = (folder / "data" / "postmaster.pid").read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None, None
    digits = lines[0].strip() if lines else ""
    pid = int(digits) if digits.isascii() and digits.isdigit() and 1 < int(digits) < 2**31 else None
    named = lines[4].strip() if len(lines) > 4 else ""
    fits = named.startswith("/") and len(os.fsencode(named)) < LONGEST_SOCKET_PATH
    return pid, Path(named) if fits else None


def own_postmaster(folder: Path) -> int | None:
    """The pid in `postmaster.pid` if that process really is the server of this folder.

    A pid file may be years old and its number anybody's by now, so the process itself is asked.
    """
    pid, _ = read_pid_file(folder)
    if pid is None or not is_running(pid):
        return None
    data = folder / "data"
    words = _command_line(pid)
    if not any(Path(word).name == "postgres" for word in words):
        return None
    if str(data) in words:
        return pid
    try:  # a folder that was renamed under a running server
        return pid if Path(f"/proc/{pid}/cwd").samefile(data) else None
    except OSError:
        return None


def _command_line(pid: int) -> list[str]:
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return []
    asked = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    shown = subprocess.run(asked, capture_output=True, text=True, check=False)
    program, found, rest = shown.stdout.strip().partition(" -D ")
    return [program, rest.partition(" -p ")[0]] if found else []


def is_running(pid: int) -> bool:
    """Is there a process of this number, other than a zombie?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2]
    except OSError:
        return sys.platform != "linux"
    return after_name.split()[0] not in {"Z", "X"}


def end(pid: int, folder: Path) -> None:
    """Stop a server and wait until it is gone. Raises ParleyError if it does not go."""
    for kind in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate: the next start replays the log
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, kind)
        deadline = time.monotonic() + _STOP_S
        while time.monotonic() < deadline:
            if not is_running(pid):
                return
            time.sleep(0.01)
    raise ParleyError(f"{folder}: its PostgreSQL (process {pid}) does not stop; end that process by hand")
