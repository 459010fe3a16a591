"""What every test of this room stands on: an embedded server in a home of its own, and databases in it."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from retrieval.postgres import server

_numbers = itertools.count(1)


def _stop_and_remove(home: Path) -> None:
    before = os.environ.get("PARLEY_HOME")
    os.environ["PARLEY_HOME"] = str(home)
    try:
        server.stop()
    finally:
        if before is None:
            del os.environ["PARLEY_HOME"]
        else:
            os.environ["PARLEY_HOME"] = before
        shutil.rmtree(home)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A private folder whose path is short: pytest's own are too long for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="parley-t-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_home(monkeypatch: pytest.MonkeyPatch, short_folder: Path) -> Iterator[Callable[[Path], Path]]:
    """Make a folder this test's PARLEY_HOME; whatever server runs in it is stopped at the end."""
    homes: list[Path] = []

    def use(home: Path) -> Path:
        home.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("PARLEY_HOME", str(home))
        monkeypatch.delenv("DATABASE_URL", raising=False)
        monkeypatch.setattr(tempfile, "tempdir", str(short_folder))
        homes.append(home)
        return home

    yield use
    for home in homes:
        if home.exists():
            _stop_and_remove(home)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A server for the session: the one that `DATABASE_URL` names, or an embedded one, stopped at the end."""
    if os.environ.get("DATABASE_URL"):
        yield server.database_url()
        return
    home = Path(tempfile.mkdtemp(prefix="parley-s-"))
    before = os.environ.get("PARLEY_HOME")
    os.environ["PARLEY_HOME"] = str(home)
    try:
        url = server.database_url()
    finally:
        if before is None:
            del os.environ["PARLEY_HOME"]
        else:
            os.environ["PARLEY_HOME"] = before
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # its data are thrown away, so need no disk
        connection.execute("SELECT pg_reload_conf()")
    yield url
    _stop_and_remove(home)


@pytest.fixture(scope="module")
def new_database(server_url: str) -> Iterator[Callable[[], str]]:
    """Make an empty database, a tenth of a second each; returns its URL."""
    made: list[str] = []

    def make() -> str:
        name = f"parley_test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        made.append(name)
        scheme_and_host, _, options = server_url.partition("?")
        base = scheme_and_host.rpartition("/")[0]
        return f"{base}/{name}" + (f"?{options}" if options else "")

    yield make
    if not os.environ.get("DATABASE_URL"):
        return  # they go with the session's server
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in made:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def database(new_database: Callable[[], str]) -> str:
    """One fresh database for the module."""
    return new_database()
