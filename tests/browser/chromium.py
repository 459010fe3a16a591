"""Which browser do tests of pages use, and what must be true of every page they open?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
MISSING = (
    "NO BROWSER: the page was not opened in one. Install Chromium (`apt-get install chromium`, or "
    "`python -m playwright install chromium`), or name one in PARLEY_BROWSER"
)


def executable() -> str | None:
    """The browser that PARLEY_BROWSER names, one on the path, or one of Playwright's own; None where there is none."""
    named = os.environ.get("PARLEY_BROWSER")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return found
    own = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache/ms-playwright"))
    return next((str(path) for path in sorted(own.glob("chromium-*/chrome-*/chrome"))), None)


@dataclass
class Tab:
    """A page that was opened, and what went wrong in it: console errors, exceptions, requests beyond the file."""

    page: Any
    troubles: list[str] = field(default_factory=list)

    def hear(self, allowed: str) -> None:
        """Write down every trouble from now on; requests may go to addresses that begin with `allowed` alone."""
        heard = self.troubles.append
        self.page.on("console", lambda m: m.type in ("error", "warning") and heard(f"console: {m.text}"))
        self.page.on("pageerror", lambda e: heard(f"exception: {e}"))
        self.page.on(
            "request",
            lambda r: r.url.startswith((allowed, "data:", "blob:")) or heard(f"request: {r.url}"),
        )


@contextmanager
def opened(browser: Any, url: str, **context: Any) -> Iterator[Tab]:
    """A page of its own, at an address; at the end nothing may have gone wrong in it."""
    whole = {"viewport": {"width": 1280, "height": 900}} | context
    kept = browser.new_context(**whole)
    try:
        tab = Tab(kept.new_page())
        tab.hear(url.partition("#")[0])
        tab.page.goto(url)
        yield tab
        assert not tab.troubles, tab.troubles
    finally:
        kept.close()
