"""How fast is the page: opening 2,000 debates beside 20, and making it beside reading its records once."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FEW, MANY = 20, 2000
OPENED = 7


def records(folder: Path, count: int) -> list[Path]:
    """Records of so many reference debates on wards of 8 patients."""
    from tests.play import play

    for seed in range(count):
        play(f"generated:{seed},n=8,divisible=1", folder, opponent="biased-age" if seed % 2 else "plain")
    return sorted(folder.glob("*.json"))


def opening(page: Path, browser: Any) -> float:
    """Seconds from asking for a page to all runs listed, in a window of its own."""
    from tests.browser.chromium import opened

    began = time.perf_counter()
    with opened(browser, f"{page.as_uri()}#runs") as tab:
        tab.page.wait_for_selector("table.list tbody tr")
        return time.perf_counter() - began


def in_turn(pages: dict[int, Path]) -> dict[int, float]:
    """Median seconds that each page takes to open, the pages in turn; the first round is dropped."""
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import FLAGS, MISSING, executable

    found = executable()
    if found is None:
        raise SystemExit(MISSING)
    times: dict[int, list[float]] = {count: [] for count in pages}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        for number in range(OPENED + 1):
            for count, page in pages.items():
                taken = opening(page, browser)
                if number:
                    times[count].append(taken)
        browser.close()
    return {count: statistics.median(taken) for count, taken in times.items()}


def making(folder: Path, out: Path) -> float:
    """Seconds to make the page of the runs in a folder, findings left out."""
    from evals.report.gathering import Asked, sources
    from evals.report.page import page

    def made() -> None:
        text = page(sources([str(folder)], Asked(), _quiet, quick=True), _quiet)
        out.write_text(text, encoding="utf-8")

    return _seconds(made)


def reading(files: list[Path]) -> float:
    """Seconds to read and check the same records once, as every command does."""
    from evals.records import each

    return _seconds(lambda: sum(1 for _ in each(files, _nothing)))


def _nothing(record: Any) -> None:
    """Of a record that is only read nothing is kept."""


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _quiet(what: str) -> None:
    """A benchmark is told nothing on its way."""


def report_rows() -> list[tuple[str, str, str]]:
    """Rows of the page: what, measured, beside it."""
    from tests.browser.pages import many

    with tempfile.TemporaryDirectory(prefix="parley-b-") as name:
        folder = Path(name)
        runs = folder / "runs"
        files = records(runs, 300)
        pages = {count: many(files, count, folder / f"{count}.html") for count in (FEW, MANY)}
        size = pages[MANY].stat().st_size / 1e6
        opens = in_turn(pages)
        making(runs, folder / "warm.html")
        made, read = making(runs, folder / "report.html"), reading(files)
    return [
        (
            f"a report of {MANY:,} debates opens, its runs listed",
            f"{opens[MANY]:.2f} s",
            f"{opens[MANY] / opens[FEW]:.1f} × one of {FEW} ({opens[FEW]:.2f} s); {size:.1f} MB, headless Chromium",
        ),
        (
            f"a report of {len(files)} debates made, findings left out",
            f"{made:.1f} s",
            f"{made / read:.1f} × reading and checking the records once ({read:.1f} s)",
        ),
    ]


if __name__ == "__main__":
    for row in report_rows():
        print(*row, sep="  |  ")
