"""Is a page of 2,000 debates as good as one of twenty: listed, filtered, searched, read?

How long it takes is measured in `tests/bench_report.py`; here it is only to work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser import pages
from tests.browser.chromium import opened
from tests.browser.conftest import Site

COUNT = 2000


@pytest.fixture(scope="module")
def large(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The debates of the small study over and over, under ids of their own."""
    return pages.many(site.records, COUNT, tmp_path_factory.mktemp("large") / "report.html")


def test_two_thousand_debates_are_listed_as_one_goes_on(browser: Any, large: Path, shots: Path) -> None:
    with opened(browser, f"{large.as_uri()}#runs") as tab:
        page = tab.page
        page.wait_for_selector(f'.count:has-text("{COUNT:,} runs")')
        rows = page.locator("table.list tbody tr")
        assert 100 <= rows.count() < COUNT, "not all at once"
        page.screenshot(path=shots / "large.png")
        before = rows.count()
        page.keyboard.press("End")
        page.wait_for_selector(f"table.list tbody tr:nth-child({before + 1})")
        page.select_option('.filters [name="condition"]', "plain")
        page.wait_for_selector(f'.count:has-text("{COUNT // 2:,} of {COUNT:,} runs")')


def test_the_last_debate_is_found_and_read(browser: Any, large: Path, site: Site) -> None:
    last = f"{site.records[(COUNT - 1) % len(site.records)].stem}-{COUNT - 1}"
    with opened(browser, f"{large.as_uri()}#run={last}&turn=5") as tab:
        page = tab.page
        page.wait_for_selector('#turn-5[aria-current="true"]')
        assert last in page.locator(".run-id").inner_text()
        words = " ".join(page.locator("#turn-5 .words").inner_text().split()[:6])
        page.keyboard.press("/")
        page.keyboard.type(f'"{words}"')
        page.keyboard.press("Enter")
        page.wait_for_selector(".found progress", state="detached")
        said = page.locator(".count").inner_text()
        assert f"of {COUNT:,}" in said and page.locator(".hits li").count() == 40, said
        page.locator("button.more").click()
        page.wait_for_selector(".hits li:nth-child(41)")
