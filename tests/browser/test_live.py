"""Does a page that is served show a run once it is recorded, and does a command open the page of one run?"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals import terminal
from evals.view import app
from tests.browser.chromium import opened, ready
from tests.browser.conftest import Site
from tests.play import environment


@pytest.fixture
def served(tmp_path: Path, site: Site) -> Iterator[tuple[str, Path]]:
    """The address of a page served by the real command, and the folder that it follows, with one run in it."""
    runs = tmp_path / "runs"
    runs.mkdir()
    shutil.copy(site.records[0], runs)
    server = subprocess.Popen(
        [sys.executable, "-m", "evals.report", str(runs), "--serve", "--port", "0"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip(), runs
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    assert server.returncode == 0


def test_a_new_run_appears_by_itself_and_not_under_the_hands_of_who_types(
    browser: Any, served: tuple[str, Path], site: Site, shots: Path
) -> None:
    address, runs = served
    assert address.startswith("http://127.0.0.1:")
    with opened(browser, f"{address}#runs") as tab:
        page = tab.page
        page.wait_for_selector('#live-count:has-text("1 runs")')
        page.wait_for_selector("table.list tbody tr")
        shutil.copy(site.records[1], runs)
        page.wait_for_selector("table.list tbody tr:nth-child(2)")
        assert page.url.endswith("#runs"), "the page that loads itself anew stays where it is"
        page.locator("#search-words").fill("half a wo")
        shutil.copy(site.records[2], runs)
        button = page.locator("#live-reload")
        button.wait_for()
        assert page.locator("#search-words").input_value() == "half a wo"
        page.screenshot(path=shots / "live.png")
        button.click()
        page.wait_for_selector("table.list tbody tr:nth-child(3)")
        ready(page)


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_that_is_asked_for_is_what_one_sees(
    browser: Any, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int
) -> None:
    """Whoever opens the address that `python -m evals.view` prints is at the run, or sees both side by side."""
    records = [str(path) for path in site.records[:count]]
    try:
        terminal.run(app, (*records, "--no-open", "--out", str(tmp_path / "page.html")))
    except SystemExit as stop:
        assert not stop.code
    address = capsys.readouterr().out.splitlines()[-1]
    with opened(browser, address) as tab:
        tab.page.wait_for_selector("#view .reader h1" if count == 1 else "#view .pair h1")
        said = tab.page.locator("#view").inner_text()
        assert all(Path(record).stem in said for record in records)
