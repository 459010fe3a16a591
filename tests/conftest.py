"""What every test stands on: a Parley home of the session's own, whose server is stopped at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

for name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2"):
    os.environ.pop(name, None)
os.environ["LANGSMITH_TEST_TRACKING"] = "false"
os.environ["NO_COLOR"] = "1"


@pytest.fixture(scope="session", autouse=True)
def parley_home() -> Iterator[Path]:
    """A data folder that no user has: nothing that tests do reaches the real one."""
    home = Path(tempfile.mkdtemp(prefix="parley-h-"))
    os.environ["PARLEY_HOME"] = str(home)
    yield home
    from retrieval.postgres import server

    os.environ["PARLEY_HOME"] = str(home)
    server.stop()
    shutil.rmtree(home, ignore_errors=True)
