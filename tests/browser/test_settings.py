"""Is a run of every setting read like a debate, and does a page stand that has no hypothesis, one run, a training?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser import pages
from tests.browser.chromium import PHONE, opened, sideways
from tests.deliberating import deliberate
from tests.evals.test_report_trained import CONFIG, MEANS, row
from tests.play import play
from tests.seasons import match, season

PLAYED: dict[str, Callable[[Path], Any]] = {
    "triage": lambda at: [play("one-ventilator", at, rounds=1, seed=seed) for seed in (1, 2)],
    "commons": lambda at: [season("fishery,months=3", at, law=law) for law in ("even-caps", "half-stock")],
    "games": lambda at: [match("prisoners-dilemma", at, rounds=n, law="defection-burnt") for n in (2, 3)],
    "deliberation": lambda at: [deliberate("late-result", at, seed=seed) for seed in (1, 2)],
}
"""Two short runs of every setting."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One page of two runs of every setting."""
    folder = tmp_path_factory.mktemp("settings")

    def made() -> Path:
        for name, begin in PLAYED.items():
            begin(folder / name)
        return pages.named([folder / name for name in PLAYED], folder / "report.html")

    return pages.apart(made)


@pytest.mark.parametrize("setting", list(PLAYED))
def test_a_run_of_every_setting_is_read_turn_by_turn(
    browser: Any, whole: Path, shots: Path, setting: str
) -> None:
    runs = sorted(path.stem for path in (whole.parent / setting).glob("*.json"))
    assert len(runs) == 2
    with opened(browser, f"{whole.as_uri()}#run={runs[0]}") as tab:
        page = tab.page
        page.wait_for_selector(".reader h1")
        articles = page.locator("article.turn")
        assert page.locator("#turns-title").inner_text() == f"{articles.count()} turns"
        assert page.locator(".seat-card").count() >= 2
        for n in range(1, articles.count() + 1):
            page.keyboard.press("j")
            page.wait_for_selector(f'#turn-{n}[aria-current="true"]')
        assert page.locator("article.turn table").count() >= 1
        page.screenshot(path=shots / f"{setting}.png", full_page=True)
        page.goto(f"{whole.as_uri()}#pair={','.join(runs)}")
        page.wait_for_selector(".pair h1")
        said = page.locator(".divergence").inner_text()
        assert ("first divergence" in said) == (page.locator(".step.parts").count() == 1)
        page.screenshot(path=shots / f"{setting}-pair.png", full_page=True)


@pytest.mark.parametrize("setting", list(PLAYED))
def test_it_fits_a_phone(browser: Any, whole: Path, shots: Path, setting: str) -> None:
    runs = sorted(path.stem for path in (whole.parent / setting).glob("*.json"))
    with opened(browser, f"{whole.as_uri()}#run={runs[0]}", **PHONE) as tab:
        tab.page.wait_for_selector(".reader h1")
        assert sideways(tab.page) == []
        tab.page.screenshot(path=shots / f"{setting}-phone.png")
        tab.page.goto(f"{whole.as_uri()}#pair={','.join(runs)}")
        tab.page.wait_for_selector(".pair h1")
        assert sideways(tab.page) == []


def test_runs_of_all_settings_are_told_apart(browser: Any, whole: Path) -> None:
    with opened(browser, f"{whole.as_uri()}#runs") as tab:
        page = tab.page
        page.wait_for_selector('.count:has-text("8 runs")')
        page.select_option('.filters [name="source"]', "games runs")
        page.wait_for_selector('.count:has-text("2 of 8 runs")')


def test_one_run_alone_makes_a_page(browser: Any, whole: Path, tmp_path: Path) -> None:
    record = next((whole.parent / "games").glob("*.json"))
    page_of = pages.apart(lambda: pages.named([record], tmp_path / "one.html"))
    with opened(browser, page_of.as_uri()) as tab:
        page = tab.page
        assert page.locator(".card").count() == 0
        page.keyboard.press("r")
        page.wait_for_selector('.count:has-text("1 runs")')
        page.goto(f"{page_of.as_uri()}#runs&compare={record.stem}")
        page.wait_for_selector('.runs:has-text("nothing to set beside it")')
        page.goto(f"{page_of.as_uri()}#finding=H1")
        page.wait_for_selector(".missing h1")


def test_a_training_run_makes_a_page_of_curves(browser: Any, tmp_path: Path, shots: Path) -> None:
    rows = [row(step, reward=step / 10) for step in range(30)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "report.json").write_text(
        json.dumps({"means": {"held out": {"warmed up": MEANS, "trained": MEANS | {"reward": 2.5}}}})
    )
    page_of = pages.apart(lambda: pages.named([tmp_path], tmp_path / "report.html"))
    with opened(browser, page_of.as_uri()) as tab:
        page = tab.page
        assert page.locator("#document figure svg").count() >= 2
        ends = page.locator("table", has_text="How it began and ended").locator(
            "tr", has_text="reward, 0 to 5"
        )
        assert ends.locator("td").first.inner_text() == "0.10"
        page.screenshot(path=shots / "training.png", full_page=True)
        page.keyboard.press("r")
        page.wait_for_selector('.count:has-text("0 runs")')
