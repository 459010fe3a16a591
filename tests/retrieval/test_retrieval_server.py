"""Does the embedded PostgreSQL start wherever it must, and harm nothing on the way?"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from retrieval.postgres import account, postmaster
from retrieval.postgres.server import database_url, stop
from scenarios.errors import ParleyError

pytestmark = pytest.mark.postgres

REPOSITORY = Path(__file__).parents[2]
OwnHome = Callable[[Path], Path]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def pid_of(home: Path) -> int:
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while postmaster.is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


@pytest.fixture
def home(own_home: OwnHome, short_folder: Path) -> Path:
    return own_home(short_folder / "home")


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A live process that has nothing to do with PostgreSQL."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def test_a_second_call_attaches_and_the_data_outlives_the_server(home: Path) -> None:
    url = database_url()
    ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first = pid_of(home)
    assert database_url() == url
    assert pid_of(home) == first
    assert stop()
    assert not postmaster.is_running(first)
    assert not stop(), "nothing was left to stop"
    assert ask(database_url(), "SELECT answer FROM kept") == 42


def test_only_a_private_socket_listens_and_ctrl_c_does_not_reach_it(home: Path) -> None:
    url = database_url()
    assert ask(url, "SHOW listen_addresses") == ""
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
    pid = pid_of(home)
    assert os.getsid(pid) != os.getsid(0), (
        "a terminal's Ctrl-C goes to every process of its session's foreground"
    )
    os.kill(pid, 0)


def test_it_comes_back_after_kill_9_with_what_was_committed(home: Path) -> None:
    url = database_url()
    ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    busy = psycopg.connect(url)  # its backend is orphaned by the kill
    pid = pid_of(home)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    again = database_url()
    assert pid_of(home) != pid
    assert ask(again, "SELECT answer FROM kept") == 42
    busy.close()


def test_a_stale_pid_file_does_not_get_an_unrelated_process_killed(
    home: Path, bystander: subprocess.Popen[bytes]
) -> None:
    database_url()
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid = pid_of(home)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
    assert ask(database_url(), "SELECT 1") == 1
    assert stop()
    pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
    assert not stop()
    assert bystander.poll() is None


@pytest.mark.parametrize("content", ["", "not a number\n", "-1\n", "0\n", "99999999999999\n", "1\n/\n"])
def test_a_garbled_pid_file_is_cleared_away(home: Path, content: str) -> None:
    database_url()
    stop()
    (home / "postgres" / "data" / "postmaster.pid").write_text(content)
    assert ask(database_url(), "SELECT 1") == 1


def test_an_interrupted_initdb_is_begun_again(home: Path) -> None:
    half = home / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert ask(database_url(), "SELECT 1") == 1
    assert not half.exists()


def test_a_server_that_lost_its_socket_is_replaced_not_doubled(home: Path) -> None:
    ask(database_url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    first = pid_of(home)
    (home / "postgres" / postmaster.SOCKET).unlink()
    assert ask(database_url(), "SELECT answer FROM kept") == 42
    assert not postmaster.is_running(first), "two servers on one data folder destroy it"


def test_a_home_renamed_under_a_running_server_is_found_out(own_home: OwnHome, short_folder: Path) -> None:
    before = own_home(short_folder / "before")
    ask(database_url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    first = pid_of(before)
    before.rename(short_folder / "after")
    own_home(short_folder / "after")
    assert ask(database_url(), "SELECT answer FROM kept") == 42
    assert not postmaster.is_running(first)


def test_four_processes_that_start_cold_share_one_server(home: Path) -> None:
    script = """
import psycopg
from retrieval.postgres.server import database_url
with psycopg.connect(database_url()) as connection:
    print(connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()[0])
"""
    command = [sys.executable, "-c", script]
    racers = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert len(set(answers)) == 1


@pytest.mark.parametrize("name", ["x" * 200, "with space, comma and 'quotes'", "höhle-$HOME"])
def test_a_path_no_socket_can_have_is_served_from_a_short_one(
    own_home: OwnHome, short_folder: Path, name: str
) -> None:
    home = own_home(short_folder / name)
    url = database_url()
    assert ask(url, "SELECT 1") == 1
    assert database_url() == url
    assert (home / "postgres" / "data" / "PG_VERSION").exists()
    assert not (home / "postgres" / postmaster.SOCKET).exists()
    private = next(short_folder.glob("parley-*"))
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_a_socket_folder_laid_out_by_somebody_else_is_refused(short_folder: Path) -> None:
    (short_folder / "theirs").mkdir()
    (short_folder / "link").symlink_to(short_folder / "theirs")
    with pytest.raises(ParleyError, match="is not a folder of this user's; remove it, set TMPDIR"):
        account.private_folder(short_folder / "link")


async def test_it_starts_from_a_thread_of_an_event_loop(home: Path) -> None:
    first, second = await asyncio.gather(asyncio.to_thread(database_url), asyncio.to_thread(database_url))
    assert first == second


# -- who it runs as ------------------------------------------------------------------------------------------


def only(name: str) -> Callable[[], Sequence[account.Account]]:
    chosen = [entry for entry in account.accounts() if entry.name == name]
    return lambda: chosen


@as_root
def test_root_in_a_0700_home_needs_a_namespace_and_opens_nothing(
    own_home: OwnHome, short_folder: Path
) -> None:
    choice = next((entry for entry in account.accounts() if entry.prefix), None)
    if choice is None or not choice.can_write(short_folder):
        pytest.skip("this machine forbids user namespaces")
    home = own_home(short_folder / "root")
    short_folder.chmod(0o700)
    home.chmod(0o700)
    assert ask(database_url(), "SELECT 1") == 1
    assert {path.stat().st_uid for path in (short_folder, home, *home.rglob("*"))} == {0}
    assert stat.S_IMODE(short_folder.stat().st_mode) == stat.S_IMODE(home.stat().st_mode) == 0o700


@as_root
def test_root_without_namespaces_drops_to_nobody_and_can_return(
    own_home: OwnHome, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelter = Path(tempfile.mkdtemp(prefix="parley-n-")) / "shelter"
    shelter.parent.chmod(0o755)
    monkeypatch.setattr(account, "SHELTERS", (shelter,))
    home = own_home(short_folder / "root")
    home.chmod(0o700)
    installed = {
        major: account.copy_installation(place, short_folder / str(major))
        for major, place in account.installations().items()
    }
    monkeypatch.setattr(account, "installations", lambda: installed)
    try:
        both = account.accounts
        monkeypatch.setattr(account, "accounts", only("nobody"))
        ask(database_url(), "CREATE TABLE kept AS SELECT 42 AS answer")
        data = next(shelter.glob("*/data"))
        pid = int((data / "postmaster.pid").read_text().split()[0])
        assert data.stat().st_uid == Path(f"/proc/{pid}").stat().st_uid != 0
        assert stat.S_IMODE(home.stat().st_mode) == stat.S_IMODE(short_folder.stat().st_mode) == 0o700
        assert stop()
        monkeypatch.setattr(account, "accounts", both)
        assert ask(database_url(), "SELECT answer FROM kept") == 42
        assert stop()
    finally:
        stop()
        shutil.rmtree(shelter.parent)


ORDINARY = """
import fcntl, os, sys, psycopg, psycopg.pq
from pathlib import Path
from retrieval.postgres import account, postmaster, server
installed = {
    major: Path(sys.argv[1]) / str(major) / place.parent.name / place.name
    for major, place in account.installations().items()
}
account.installations = lambda: installed
uid, gid = int(sys.argv[2]), int(sys.argv[3])
os.setgroups([]), os.setgid(gid), os.setuid(uid)   # Python itself may lie where an ordinary user cannot read
url = server.database_url()
assert url == server.database_url()
with psycopg.connect(url) as connection:
    answer = connection.execute("SELECT 42").fetchone()[0]
print(answer, server.stop(), server.stop())
"""


@as_root
def test_an_ordinary_user_starts_one(short_folder: Path) -> None:
    import pwd

    nobody = pwd.getpwnam("nobody")
    home = short_folder / "theirs"
    home.mkdir()
    short_folder.chmod(0o755)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    for major, place in account.installations().items():
        account.copy_installation(place, short_folder / str(major))
    environment = {"PATH": os.environ["PATH"], "PARLEY_HOME": str(home), "TMPDIR": str(home)}
    command = [sys.executable, "-c", ORDINARY, str(short_folder), str(nobody.pw_uid), str(nobody.pw_gid)]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("42 True False", "")
    assert (home / "postgres" / "data").stat().st_uid == nobody.pw_uid


# -- where it cannot -----------------------------------------------------------------------------------------


def test_database_url_wins_and_nothing_is_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://me:secret@db.example/parley")
    assert database_url() == "postgresql://me:secret@db.example/parley"
    monkeypatch.setenv("DATABASE_URL", "mysql://me:secret@db.example/parley")
    with pytest.raises(ParleyError, match="DATABASE_URL: is no PostgreSQL URL") as refusal:
        database_url()
    assert "secret" not in str(refusal.value)
    assert list(home.iterdir()) == []


def test_missing_binaries_are_one_line_that_names_the_way_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        account, "find_spec", lambda name: None if name.startswith("pixeltable") else find_spec(name)
    )
    with pytest.raises(ParleyError, match=r"binaries are missing.*set DATABASE_URL") as refusal:
        database_url()
    assert "\n" not in str(refusal.value)


def test_a_server_that_dies_at_once_says_why(home: Path) -> None:
    database_url()
    stop()
    with (home / "postgres" / "data" / "postgresql.conf").open("a") as settings:
        settings.write("shared_buffers = many\n")
    with pytest.raises(
        ParleyError, match=r"server.log: PostgreSQL ended while starting .*set DATABASE_URL"
    ) as refusal:
        database_url()
    assert "\n" not in str(refusal.value)


def test_a_home_that_is_no_folder_is_refused(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (short_folder / "file").write_text("")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("PARLEY_HOME", str(short_folder / "file"))
    with pytest.raises(ParleyError, match="set PARLEY_HOME to a folder you can write"):
        database_url()
