"""Can everybody read the page: by ear, by keyboard, in the dark, on a phone, on paper, without a script?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import DARK, PHONE, WIDE, Json, opened, sideways
from tests.browser.conftest import Site

SCREENS: dict[str, Json] = {"light": WIDE, "dark": WIDE | DARK, "phone": PHONE}
RICH = ("findings", "evidence", "run", "pair")
"""The views that axe looks at on every screen; the others are made of the same parts."""

COLOURS: Json = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
"""All of axe that another theme can change."""


def views(site: Site) -> dict[str, tuple[str, str]]:
    """Every view by name: its address, and what is there once it is drawn."""
    one, other, _ = site.pairs[0]
    return {
        "findings": ("", "#document:not([hidden])"),
        "evidence": ("finding=H1", ".opened h2"),
        "runs": ("runs", "table.list tbody tr"),
        "search": ("runs&q=survivors", ".hits li"),
        "compare": (f"runs&compare={one}", "table.list tbody tr"),
        "run": (f"run={one}&turn=5&passage=rawlsian-least-served-patient", ".passage:not([hidden])"),
        "pair": (f"pair={one},{other}&turn=5", ".step .side-1 table"),
        "help": ("help", "#view h1"),
        "nothing": ("run=nobody", ".missing"),
    }


def serious(page: Any, **options: Any) -> list[str]:
    """What axe finds that is serious or critical: the rule, and where."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    found = Axe().run(page, **options).response["violations"]
    return [
        f"{one['impact']}: {one['id']} at {[node['target'] for node in one['nodes'][:4]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def shown(page: Any, place: str, there: str) -> None:
    """Go to an address of the page, and wait until it is drawn, its tables as well."""
    page.evaluate("place => { location.hash = place; }", place)
    page.wait_for_selector(there)
    page.wait_for_timeout(50)


@pytest.mark.parametrize("screen", list(SCREENS))
def test_no_view_hinders_anybody_on_any_screen(browser: Any, site: Site, shots: Path, screen: str) -> None:
    """No serious or critical finding of axe-core, one heading of level 1, nothing that scrolls the page sideways."""
    found: dict[str, list[str]] = {}
    with opened(browser, site.url, bypass_csp=True, **SCREENS[screen]) as tab:
        page = tab.page
        for name, (place, there) in views(site).items():
            shown(page, place, there)
            found[name] = sideways(page)
            if screen == "light" or name in RICH:
                found[name] += serious(page, **({"options": COLOURS} if screen == "dark" else {}))
            if page.locator("h1:visible").count() != 1:
                found[name].append(f"headings of level 1: {page.locator('h1:visible').all_inner_texts()}")
            page.screenshot(path=shots / f"{name}-{screen}.png")
    assert not {name: troubles for name, troubles in found.items() if troubles}


def test_whatever_can_be_pressed_is_large_enough_for_a_finger(browser: Any, site: Site) -> None:
    """24 CSS pixels, but for links within a sentence and marks of a figure (WCAG 2.2, 2.5.8)."""
    script = """() => [...document.querySelectorAll("button, select, input, summary, nav a, .button, th a")]
      .filter((e) => e.checkVisibility() && !e.closest("p, svg, .sr-only, label, ol.maps, td"))
      .map((e) => [e.getBoundingClientRect(), e])
      .filter(([r]) => r.height && (r.height < 23.5 || r.width < 23.5))
      .map(([r, e]) => `${Math.round(r.width)}×${Math.round(r.height)} ${e.outerHTML.slice(0, 100)}`)"""
    small: dict[str, list[str]] = {}
    with opened(browser, site.url, **PHONE) as tab:
        for name, (place, there) in views(site).items():
            shown(tab.page, place, there)
            small[name] = tab.page.evaluate(script)
    assert not {name: which for name, which in small.items() if which}


def test_every_part_is_reached_by_tab_and_seen_when_it_is(browser: Any, site: Site) -> None:
    with opened(browser, f"{site.url}#runs") as tab:
        page = tab.page
        page.keyboard.press("Tab")
        page.evaluate("document.querySelector('.skip').focus()")
        reached = []
        for _ in range(14):
            reached.append(
                page.evaluate(
                    """() => {
                      const e = document.activeElement;
                      const style = getComputedStyle(e);
                      const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                      const where = e.closest(".skip, nav, form, table, main");
                      return [where ? where.className || where.id : e.tagName, seen];
                    }"""
                )
            )
            page.keyboard.press("Tab")
        assert all(seen for _, seen in reached), reached
        assert {"skip", "filters", "list"} <= {where for where, _ in reached}
        page.evaluate("document.querySelector('.skip').focus()")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_the_findings_are_read_without_a_script(browser: Any, site: Site, shots: Path) -> None:
    with opened(browser, site.url, java_script_enabled=False) as tab:
        page = tab.page
        assert page.locator(".card:visible").count() == 2
        assert page.locator("#document figure svg:visible").count() >= 2
        assert page.locator("#document table:visible").count() >= 3
        assert "The findings need no script" in page.locator("#document").inner_text()
        page.locator('nav.contents a[href="#provenance"]').click()
        assert page.url.endswith("#provenance")
        page.screenshot(path=shots / "no-script.png", full_page=True)


@pytest.mark.parametrize("name", ["findings", "evidence", "run", "pair"])
def test_a_view_is_printed_with_all_that_it_tells(browser: Any, site: Site, shots: Path, name: str) -> None:
    """On paper there is no header, no filter and no key; the words and every figure are there, in light colours."""
    place, there = views(site)[name]
    with opened(browser, f"{site.url}#{place}", **DARK) as tab:
        page = tab.page
        page.wait_for_selector(there)
        page.emulate_media(media="print", color_scheme="dark")
        assert not page.locator(".top").is_visible()
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"), "a dark screen is printed on white paper"
        printed = page.pdf(path=shots / f"{name}.pdf", format="A4")
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 1


def test_the_page_moves_nothing_for_who_asks_for_rest(browser: Any, site: Site) -> None:
    with opened(browser, site.url, reduced_motion="reduce") as tab:
        moving = tab.page.evaluate(
            "() => document.getAnimations().length + [...document.querySelectorAll('*')]"
            ".filter((e) => parseFloat(getComputedStyle(e).transitionDuration) > 0).length"
        )
    assert moving == 0
