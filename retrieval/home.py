"""Where does Parley keep what it makes on this machine: the database and the built embedding model?"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from scenarios.errors import ParleyError


def parley_home() -> Path:
    """The folder of this user's Parley data, made (mode 0700) if it is not there.

    `PARLEY_HOME` if set, else the platform's user *data* folder (`~/.local/share/parley` on Linux): the
    passages in it could be rebuilt, but checkpoints of unfinished debates and a user's own ingested
    documents could not, so it is not a cache that a cleaner may empty.

    Raises ParleyError when the folder cannot be made or is no folder.
    """
    named = os.environ.get("PARLEY_HOME", "").strip()
    if named:
        folder = Path(named).expanduser().absolute()
    else:
        from platformdirs import user_data_dir

        folder = Path(user_data_dir("parley", appauthor=False))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ParleyError(
            f"{folder}: cannot be used as Parley's data folder ({error.strerror}); "
            "set PARLEY_HOME to a folder you can write"
        ) from error
    return folder


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or nothing, even if two processes write at once."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
