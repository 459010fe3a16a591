"""Does a reader get from the findings to any word behind them: by mouse, by keyboard, by address, and back?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.records import read
from evals.report.transcripts import Transcript, transcript
from tests.browser.chromium import address, opened, ready
from tests.browser.conftest import Site
from tests.browser.pages import PASSAGE


@pytest.fixture(scope="module")
def told(site: Site) -> dict[str, Transcript]:
    """Every run by id, as its record has it."""
    return {path.stem: transcript(read(path)) for path in site.records}


def waited(page: Any, view: str) -> None:
    """Wait for a view by its heading of level 1."""
    page.wait_for_selector(f"#view {view}")


def test_the_findings_say_what_was_asked_found_and_by_whom(browser: Any, site: Site, shots: Path) -> None:
    with opened(browser, site.url) as tab:
        page = tab.page
        assert page.locator("#document h1").inner_text() == "Does it run?"
        assert page.locator(".banner").inner_text().startswith("Reference negotiators alone made these runs.")
        verdicts = page.locator(".card .verdict").all_inner_texts()
        assert [words.split()[-1] for words in verdicts] == ["opposite", "supported"]
        assert page.locator("#provenance code").first.inner_text() == "python -m evals.report tiny"
        assert page.locator("#document figure svg").count() >= 2
        page.screenshot(path=shots / "findings.png", full_page=True)


def parted(told: dict[str, Transcript], one: str, other: str, kind: str = "") -> int:
    """The first turn, from 1, of that kind or of any, in which two runs leave different tables."""
    turns = zip(told[one].turns, told[other].turns, strict=True)
    return next(n for n, (a, b) in enumerate(turns, 1) if a.values != b.values and kind in (a.kind, ""))


def test_two_clicks_lead_from_a_number_to_the_passage_that_was_cited(
    browser: Any, site: Site, told: dict[str, Transcript], shots: Path
) -> None:
    with opened(browser, site.url) as tab:
        page = tab.page
        page.locator('.card a[href^="#finding=H1"]').first.click()
        waited(page, ".opened h2")
        assert address(page).startswith("finding=H1")
        assert "opposite" in page.locator(".evidence h1").inner_text()
        rows = page.locator("nav.pairs tbody tr")
        assert rows.count() == len(site.pairs) == page.locator(".dots svg circle").count()
        greatest = f"{site.pairs[0][2]:+.3f}"
        assert rows.first.locator("td.number").inner_text() == greatest
        assert page.locator("nav.pairs tr.current").count() == 1
        page.screenshot(path=shots / "evidence.png", full_page=True)
        page.locator(
            f"#step-{parted(told, *site.pairs[0][:2], kind='critique')}"
        ).scroll_into_view_if_needed()
        page.locator(".opened button.cite:visible").first.click()
        passage = page.locator(".opened .passage:visible").first
        assert PASSAGE["text"] in passage.inner_text() and PASSAGE["source"] in passage.inner_text()
        assert f"passage={PASSAGE['id']}" in address(page) and address(page).startswith("finding=H1")
        shown = page.url
    with opened(browser, shown) as tab:
        waited(tab.page, ".opened h2")
        words = tab.page.locator(".opened .passage:visible").first.inner_text()
        assert PASSAGE["text"] in words, "the address alone must lead to the passage"


def test_another_pair_opens_beside_the_list_and_on_a_page_of_its_own(browser: Any, site: Site) -> None:
    one, other, difference = site.pairs[3]
    with opened(browser, f"{site.url}#finding=H1") as tab:
        page = tab.page
        page.locator(f'nav.pairs a[href*="{one},{other}"]').click()
        current = page.locator(f'nav.pairs tr.current:has(a[href*="{one},{other}"]) td.number')
        current.wait_for()
        assert current.inner_text() == f"{difference:+.3f}".replace("-", "−")
        page.locator(".opened a[data-alone]").click()
        waited(page, ".pair h1")
        assert address(page) == f"pair={one},{other}"


def test_a_hypothesis_against_a_number_lists_runs(browser: Any, site: Site) -> None:
    with opened(browser, f"{site.url}#finding=H2") as tab:
        tab.page.wait_for_selector(".opened h2")
        assert tab.page.locator("nav.pairs tbody tr").count() == len(site.records)
        assert tab.page.locator(".opened .reader").count() == 1


def test_runs_are_filtered_sorted_and_gone_back_from(
    browser: Any, site: Site, told: dict[str, Transcript], shots: Path
) -> None:
    with opened(browser, site.url) as tab:
        page = tab.page
        page.locator('.top [data-view="runs"]').click()
        waited(page, "table.list")
        rows = page.locator("table.list tbody tr")
        assert rows.count() == len(site.records)
        assert page.locator('.top [aria-current="page"]').inner_text() == "Runs"
        page.screenshot(path=shots / "runs.png")
        page.select_option('.filters [name="condition"]', "plain")
        page.wait_for_selector(f'.count:has-text("20 of {len(site.records)} runs")')
        assert rows.count() == 20 and "condition=plain" in address(page)
        chosen = {
            link.partition("run=")[2]
            for link in rows.locator("th a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
        }
        assert chosen == {other for _, other, _ in site.pairs}
        page.locator(".outcomes summary").click()
        page.locator('[data-key="show-gini"]').click()
        for order in ("ascending", "descending"):
            page.locator('[data-key="sort-gini"]').click()
            page.wait_for_selector(f'th[aria-sort="{order}"]')
        column = page.locator("table.list thead th").all_inner_texts().index("gini ↓")
        shown = [float(row.locator("th, td").nth(column).inner_text()) for row in rows.all()]
        assert shown == sorted(shown, reverse=True) and len(set(shown)) > 1
        rows.first.locator("th a").click()
        waited(page, ".reader h1")
        page.go_back()
        waited(page, "table.list")
        assert rows.count() == 20 and "sort=-gini" in address(page)
        page.locator(".clear").click()
        page.wait_for_selector(f'.count:has-text("{len(told)} runs")')
        page.go_back()
        page.wait_for_selector(f'.count:has-text("20 of {len(told)} runs")')
        page.go_back()
        page.wait_for_selector("#document:not([hidden])")


def test_every_argument_that_says_some_words_is_found(
    browser: Any, site: Site, told: dict[str, Transcript], shots: Path
) -> None:
    phrase = "accept what is on the table"
    expected = {
        (run_id, n)
        for run_id, run in told.items()
        for n, turn in enumerate(run.turns, 1)
        if phrase in (turn.said or "").lower()
    }
    assert expected
    with opened(browser, site.url) as tab:
        page = tab.page
        page.keyboard.press("/")
        page.keyboard.type(f'"{phrase}"')
        page.keyboard.press("Enter")
        waited(page, ".found")
        page.wait_for_selector(".found progress", state="detached")
        runs = len({run_id for run_id, _ in expected})
        assert (
            page.locator(".count").inner_text() == f"{len(expected)} arguments in {runs} runs of {len(told)}"
        )
        assert page.locator(".snippet mark").first.inner_text().lower() == phrase
        page.screenshot(path=shots / "search.png")
        page.locator(".hits li a").first.click()
        waited(page, ".reader h1")
        place = dict(word.split("=") for word in address(page).split("&"))
        assert (place["run"], int(place["turn"])) in expected
        page.goto(f"{site.url}#runs&q=zebra")
        page.wait_for_selector('.count:has-text("No argument says zebra")')


def test_a_debate_is_walked_by_keyboard(
    browser: Any, site: Site, told: dict[str, Transcript], shots: Path
) -> None:
    order = [p.stem for p in site.records]
    with opened(browser, f"{site.url}#runs") as tab:
        page = tab.page
        listed = page.locator("table.list tbody th a").evaluate_all(
            "all => all.map((a) => a.getAttribute('href').split('=')[1])"
        )
        assert sorted(listed) == order
        page.locator("table.list tbody th a").first.focus()
        page.keyboard.press("Enter")
        waited(page, ".reader h1")
        turns = len(told[listed[0]].turns)
        for n in [*range(1, turns + 1), turns]:
            page.keyboard.press("j")
            page.wait_for_selector(f'#turn-{n}[aria-current="true"]')
        assert address(page) == f"run={listed[0]}&turn={turns}", "at the end it stays"
        assert page.evaluate("document.activeElement.id") == f"turn-{turns}", "who listens is there as well"
        page.keyboard.press("k")
        page.wait_for_selector(f'#turn-{turns - 1}[aria-current="true"]')
        page.screenshot(path=shots / "reader.png", full_page=True)
        page.keyboard.press("n")
        page.wait_for_selector(f'.run-id:has-text("{listed[1]}")')
        page.keyboard.press("p")
        page.wait_for_selector(f'.run-id:has-text("{listed[0]}")')
        page.keyboard.press("?")
        page.wait_for_selector("dialog[open] #help-title")
        page.screenshot(path=shots / "help.png")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        page.keyboard.press("Escape")
        waited(page, "table.list")
        page.keyboard.press("f")
        page.wait_for_selector("#document:not([hidden])")


def test_two_runs_part_at_the_turn_marked_and_the_effect_stands_above(
    browser: Any, site: Site, told: dict[str, Transcript], shots: Path
) -> None:
    one, other, _ = site.pairs[0]
    first = parted(told, one, other)
    with opened(browser, f"{site.url}#pair={one},{other}") as tab:
        page = tab.page
        waited(page, ".pair h1")
        button = page.locator(".first-divergence")
        assert button.get_attribute("href") == f"#pair={one},{other}&turn={first}"
        button.click()
        step = page.locator(f"#step-{first}")
        page.wait_for_selector(f'#step-{first}[aria-current="true"]')
        assert page.locator(".step .first").count() == 1 and step.locator(".first").count() == 1
        assert step.locator(".side-0 table").count() == step.locator(".side-1 table").count() == 1
        page.screenshot(path=shots / "pair.png", full_page=True)
        effects = page.locator("table.effects").bounding_box()
        steps = page.locator("ol.steps").bounding_box()
        assert effects and steps and effects["y"] < steps["y"], (
            "the effect over all such pairs is read before any turn"
        )
        assert "20 in 20 wards" in page.locator("table.effects").inner_text()
        before = page.locator("table.effects tbody tr").first.locator("td").all_inner_texts()
        page.locator('a.button:has-text("swap")').click()
        page.wait_for_selector(f'.two .side-0:has-text("{other}")')
        after = page.locator("table.effects tbody tr").first.locator("td").all_inner_texts()
        assert [before[0], before[1]] == [after[1], after[0]]
        turned = str.maketrans("+−", "−+")
        assert before[2].translate(turned) == after[2] and before[3].translate(turned) == after[3]


@pytest.mark.parametrize(
    "place",
    [
        "finding=H9",
        "finding=H1&source=nobody",
        "finding",
        "run=nobody",
        "run=nobody&turn=3",
        "pair=nobody,neither",
        "pair=nobody",
        "runs&compare=nobody",
        "no-such-section",
        "run=%E0%A4%A",
    ],
)
def test_an_address_of_nothing_says_so_kindly(browser: Any, site: Site, place: str) -> None:
    with opened(browser, f"{site.url}#{place}") as tab:
        page = tab.page
        waited(page, ".missing h1")
        assert page.locator(".missing h1").inner_text() == "Not here"
        page.locator('.missing a[href="#runs"]').click()
        waited(page, "table.list")
        page.go_back()
        waited(page, ".missing h1")


def test_a_turn_that_a_run_has_not_opens_the_run(browser: Any, site: Site) -> None:
    run_id = site.records[0].stem
    for turn in ("999", "0", "-1", "x", '"]'):
        with opened(browser, f"{site.url}#run={run_id}&turn={turn}") as tab:
            waited(tab.page, ".reader h1")
            assert tab.page.locator('[aria-current="true"]').count() == 0
            tab.page.keyboard.press("j")
            tab.page.wait_for_selector('article[aria-current="true"]')


def test_a_link_opened_cold_stands_at_its_turn_and_a_reload_keeps_it(browser: Any, site: Site) -> None:
    run_id = site.records[0].stem
    with opened(browser, f"{site.url}#run={run_id}&turn=5") as tab:
        page = tab.page
        for _ in range(2):
            page.wait_for_selector('#turn-5[aria-current="true"]')
            page.wait_for_timeout(100)
            top = page.locator("#turn-5").bounding_box()["y"]
            assert 0 <= top < 450, "the turn is on the screen"
            page.reload()
            ready(page)
