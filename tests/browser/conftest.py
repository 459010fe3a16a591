"""What tests of pages stand on: one browser a file, started by the tests, skipped aloud where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

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
