"""Can a word of a model, a name of a patient, a claim or a passage do anything but stand there and be read?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.records import read
from evals.report.listing import Shelf, index_of, listed, of_loose
from evals.report.page import assembled, finding, told_of
from tests.browser import pages
from tests.browser.chromium import PHONE, Json, opened, sideways
from tests.browser.conftest import Site
from tests.evals import report_sources
from tests.play import play

SCRIPT = "<script>window.hacked=1</script>"
IMAGE = '<img src=x onerror="window.hacked=2">'
END = "</script><script>window.hacked=3</script><!--"
TURNED = "\u202egnorw si siht\u202c"
LINE = "W" * 1_000_000
LINKED = "[press](javascript:window.hacked=4) <a href='javascript:window.hacked=5'>press</a>"

PATIENT = f"p{END}"
CONDITION = f"condition{SCRIPT}{END}{TURNED}{LINE[:3000]}"
SOURCE = f"source{IMAGE}{END}"


def poisoned(record: Json) -> None:
    """Hostile words wherever somebody else's words may stand in a record."""
    record["scenario"]["reason"] = f"Ward {SCRIPT}{END}{IMAGE}"
    for number, one in enumerate(record["rounds"]):
        one["retrieved"] = {seat["seat"]: [_passage()] for seat in record["seats"]}
        for move in one["moves"]:
            move["argument"] = f"{SCRIPT}{IMAGE}{END}{TURNED}{LINKED} argued {number} {LINE}"
            move["citations"] = [_passage()["id"]]
    for seat in record["seats"]:
        seat |= {"negotiator": "chat", "model": IMAGE}
        seat["persona"]["says"] = f"{END}{IMAGE}"
    told = {"seat": "A", "node": "propose", "round": 1, "detail": f"{END}{LINE}"}
    record["incidents"] = [{"kind": "repaired"} | told]
    record["provenance"] |= {"python": f"{SCRIPT}{END}"}


def _passage() -> Json:
    return pages.PASSAGE | {
        "id": f"{SCRIPT}\"'&=#",
        "title": f"{IMAGE}{END}{LINE[:5000]}",
        "text": f"{SCRIPT}{END}{TURNED} {LINE[:50_000]}",
        "source": f"{LINKED}{LINE[:5000]}",
    }


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two such debates."""
    folder = tmp_path_factory.mktemp("hostile")
    return pages.apart(lambda: _made(folder))


def _made(folder: Path) -> Path:
    """Besides what a record may hold: ids, conditions and claims that no record could, as if a check had failed."""
    for seed in (1, 2):
        play("generated:1,n=4,divisible=1", folder, rounds=1, seed=seed)
    shelf = Shelf()
    for path in sorted(folder.glob("*.json")):
        pages.changed(path, poisoned)
        found = listed(read(path))
        run = json.loads(found.run)
        run["shared_case"]["rows"][0] |= {"id": PATIENT, "facts": [[SCRIPT, f"{END}{LINE}"]]}
        run["outcome"], run["notes"] = [f"{IMAGE}{TURNED}"], [f"{END}{LINE}"]
        shelf.add(path, replace(found, run=json.dumps(run)))
    (listing,) = of_loose(list(shelf.there.values()))
    rows = [
        row | {"condition": CONDITION, "policy": IMAGE, "case": f"{END}{LINE[:3000]}"} for row in listing[1]
    ]
    asked_of = report_sources.hypothesis("H1", claim=f"{SCRIPT}{END}{TURNED}{LINE[:3000]}", note=IMAGE)
    section = report_sources.asked([asked_of])
    source = report_sources.source([CONDITION, IMAGE], [section], name=SOURCE, question=f"{END}{IMAGE}")
    ids = [row["id"] for row in rows]
    behind = finding(source, asked_of) | {"runs": [[*ids, 0.2]]}
    of = [(source, [row | {"source": SOURCE} for row in rows])]
    packs = shelf.packed()
    data = {"index": index_of(of, packs), "findings": [behind], "effects": []}
    text = assembled([told_of(source, pages.quiet)], data, packs, title=f"{END}{SCRIPT}{TURNED}", live=False)
    assert len(text) < 2_000_000, "what repeats is packed"
    page = folder / "report.html"
    page.write_text(text, encoding="utf-8", errors="replace")
    return page


def runs_of(page: Any) -> list[str]:
    """The ids that the page lists."""
    found: list[str] = page.locator("table.list tbody th a").evaluate_all(
        "all => all.map((a) => decodeURIComponent(a.getAttribute('href').split('=')[1]))"
    )
    return found


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["wide", "phone"])
def test_words_are_words_in_every_view(browser: Any, page_of: Path, shots: Path, screen: Json) -> None:
    with opened(browser, page_of.as_uri(), **screen) as tab:
        page = tab.page
        assert SCRIPT in page.locator("#document h1").inner_text()
        assert page.title().startswith("</script>")
        page.goto(f"{page_of.as_uri()}#runs")
        page.wait_for_selector("table.list tbody th a")
        one, other = runs_of(page)
        narrow: dict[str, list[str]] = {}
        places = {
            "run": (f"run={one}&turn=4", ".turn"),
            "pair": (f"pair={one},{other}&turn=4", ".step"),
            "search": ("runs&q=argued", ".hits li"),
            "compare": (f"runs&compare={one}", "table.list"),
            "evidence": ("finding=H1", ".evidence .opened h2"),
            "nothing": ("finding=<script>", ".missing"),
        }
        for name, (place, there) in places.items():
            page.goto(f"{page_of.as_uri()}#{place}")
            page.wait_for_selector(there)
            page.wait_for_timeout(50)
            narrow[name] = sideways(page)
            page.screenshot(path=shots / f"hostile-{name}{'-phone' if screen else ''}.png")
        assert not {name: wide for name, wide in narrow.items() if wide}
        assert page.evaluate("window.hacked") is None
        assert page.locator("img, iframe, object, embed, a[href^='javascript']").count() == 0


def test_hostile_words_are_seen_as_they_are(browser: Any, page_of: Path) -> None:
    with opened(browser, f"{page_of.as_uri()}#runs") as tab:
        page = tab.page
        one = runs_of(page)[0]
        page.goto(f"{page_of.as_uri()}#run={one}&turn=4")
        words = page.locator("#turn-4 .words").first
        words.wait_for()
        said = words.inner_text()
        assert SCRIPT in said and IMAGE in said and END in said
        assert "\u202e" not in said and "⟨U+202E⟩" in said, (
            "what turns words round is shown, and turns nothing"
        )
        assert len(said) < 3000, "a megabyte is folded"
        page.locator("#turn-4 button.more").first.click()
        assert 3000 < len(words.inner_text()) < 60_000, "and opened in steps"
        page.locator("#turn-4 button.cite").first.click()
        passage = page.locator("#turn-4 .passage:visible")
        passage.wait_for()
        assert SCRIPT in passage.inner_text()
        assert PATIENT in page.locator("#turn-4 tbody").inner_text()
        assert len(page.locator(".reader").inner_text()) < 100_000, "nor does anything else run on"
        assert page.evaluate("window.hacked") is None


def test_a_script_that_got_in_all_the_same_would_not_run(browser: Any, site: Site) -> None:
    """The page's own policy is the second wall: no script but its own, nothing inline, no connection at all."""
    policy = site.page.read_text(encoding="utf-8").partition('Content-Security-Policy" content="')[2]
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    with opened(browser, site.url) as tab:
        page = tab.page
        page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "window.hacked = 1";
              document.body.append(script);
              document.body.insertAdjacentHTML("beforeend", '<p id="bait" onclick="window.hacked = 2">bait</p>');
              document.body.insertAdjacentHTML("beforeend", '<a id="way" href="javascript:window.hacked=3">way</a>');
              document.getElementById("bait").click();
              document.getElementById("way").click();
              setTimeout("window.hacked = 4");
            }"""
        )
        sent = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'kept')")
        page.wait_for_timeout(100)
        assert page.evaluate("window.hacked") is None
        assert sent == "kept"
        refused = [words for words in tab.troubles if "Content Security Policy" in words]
        assert len(refused) >= 4 and len(refused) == len(tab.troubles), tab.troubles
        tab.troubles.clear()
