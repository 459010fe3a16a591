"""Which browser do tests of pages use, and what must be true of every page they open?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

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


WIDE: Json = {"viewport": {"width": 1280, "height": 900}}
PHONE: Json = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}
DARK: Json = {"color_scheme": "dark"}


@contextmanager
def opened(browser: Any, url: str, **context: Any) -> Iterator[Tab]:
    """A page of its own, at an address, once it is ready; at the end nothing may have gone wrong in it."""
    kept = browser.new_context(**WIDE | context)
    try:
        tab = Tab(kept.new_page())
        tab.hear(url.partition("#")[0])
        tab.page.goto(url)
        if context.get("java_script_enabled", True):
            ready(tab.page)
        yield tab
        assert not tab.troubles, tab.troubles
    finally:
        kept.close()


def ready(page: Any) -> None:
    """Wait until the page has read its index and shows what its address asks for."""
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector("#document:not([hidden]), #view:not([hidden]) h1")


def address(page: Any) -> str:
    """What stands behind the `#` of the address bar."""
    return str(page.url.partition("#")[2])


def sideways(page: Any) -> list[str]:
    """What reaches beyond the right edge of the screen, so that the page scrolls sideways; empty if it does not."""
    found: list[str] = page.evaluate(BEYOND)
    return found


BEYOND = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1);
  const kept = wide.filter((e) => !e.closest(".scroll, .wide, .pairs, .sr-only"));
  return ["the page", ...kept.slice(0, 8).map((e) => e.cloneNode(false).outerHTML.slice(0, 160))];
}"""
