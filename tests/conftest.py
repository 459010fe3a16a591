"""What every test stands on: a Parley home of the session's own, whose server is stopped at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.documents import Reader

# Before numpy is imported: several test processes, each with threads of linear algebra on every core, wait for one
# another. What tests start inherits it.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
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


LONG = (
    "test_pages",
    "test_findings_",
    "test_experiment_command",
    "test_dilemma_durability",
    "training/test_run",
)
"""Files that take minutes: begun first, so that no process is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; otherwise as collected."""
    items.sort(key=lambda item: not any(name in item.nodeid.partition("::")[0] for name in LONG))


@pytest.fixture(scope="module")
def reader(parley_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody who works through a page of the documents, with a scripted server behind every model it names."""
    from tests.documents import Reader, partner
    from tests.evals.langsmith_server import langsmith_server
    from tests.loopback import Loopback

    folder = tmp_path_factory.mktemp("reader")
    with Loopback(partner) as server, langsmith_server() as langsmith:
        yield Reader(folder, server, langsmith)
