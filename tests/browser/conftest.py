"""What tests of pages stand on: one browser a file, started by the tests, skipped aloud where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser import pages
from tests.browser.chromium import FLAGS, MISSING, executable


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium. Of a module: while it runs, no other event loop can in its thread."""
    found = executable()
    if found is None:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept for whoever wants to look: the folder PARLEY_SCREENSHOTS, or one of the session."""
    named = os.environ.get("PARLEY_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True)
class Site:
    """The page of the small study, and what lies behind it."""

    page: Path
    records: list[Path]
    pairs: list[tuple[str, str, float]]
    """Behind H1: run, run it is compared with, difference; the greatest first."""

    @property
    def url(self) -> str:
        """Its address."""
        return self.page.as_uri()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The page of the small study, made once for all that only read it."""
    folder = tmp_path_factory.mktemp("site")
    return pages.apart(lambda: _site(folder))


def _site(folder: Path) -> Site:
    plan = pages.study()
    kept = pages.played(plan, folder / "tiny")
    made = pages.source(kept, plan)
    assert made.pairs is not None
    behind = made.pairs[made.pairs["hypothesis"] == "H1"].sort_values(
        "difference", ascending=False, kind="stable"
    )
    pairs = [(str(p.run_treatment), str(p.run_control), float(p.difference)) for p in behind.itertuples()]
    page = pages.written([made], folder / "report.html", command="python -m evals.report tiny")
    return Site(page, sorted(kept.records.glob("*.json")), pairs)
