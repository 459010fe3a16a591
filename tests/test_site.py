"""Is the site of the documents whole: every page in it, every link of it kept, and nothing loaded from elsewhere?"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.documents import MADE, PAGES
from tests.play import ROOT

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "object": "data"}
ADDRESS = re.compile(r"""url\(\s*["']?(https?:)?//|@import\s+["']?(https?:)?//""")
MACHINE = re.compile(r"Sphinx \d|Docutils \d|Furo \d|MyST[^ ]* \d")


class Page(HTMLParser):
    """What a page loads, where it leads, which places in it can be led to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v for k, v in attrs if v is not None}
        if tag in LOADED and LOADED[tag] in given:
            self.loads.append(given[LOADED[tag]])
        if tag == "a" and "href" in given:
            self.leads.append(given["href"])
        self.places |= {given[k] for k in ("id", "name") if k in given}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    made = [
        "-W",
        "--keep-going",
        "-q",
        "-E",
        "-c",
        "docs",
        "-d",
        str(folder / "trees"),
        ".",
        str(folder / "html"),
    ]
    done = subprocess.run([sys.executable, "-m", "sphinx", *made], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """Every page of the site by its file."""
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


@pytest.mark.slow
def test_every_document_is_a_page_and_stands_in_the_sidebar(site: Path, pages: dict[Path, Page]) -> None:
    home = site / "docs" / "README.html"
    led = {_target(home, to)[0] for to in pages[home].leads}
    documents = [
        *PAGES,
        *(ROOT / "docs" / name for name in MADE),
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
    ]
    for document in documents:
        path = (site / document.relative_to(ROOT)).with_suffix(".html")
        assert path in pages, f"{document.name} is not on the site: add it to PARTS in docs/conf.py"
        assert path in led or path == home, f"{document.name} is not in the sidebar"


@pytest.mark.slow
def test_every_link_within_the_site_leads_to_a_place_there(site: Path, pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for to in page.leads:
            if re.match(r"[a-z]+:", to):
                continue
            target, place = _target(path, to)
            known = pages.get(target)
            if not target.exists() or (place and known is not None and place not in known.places):
                broken.append(f"{path.relative_to(site)}: {to}")
    assert not broken


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere_and_no_page_says_on_which_machine_it_was_made(
    site: Path, pages: dict[Path, Page]
) -> None:
    for path, page in pages.items():
        assert not [to for to in page.loads if re.match(r"(https?:)?//", to)], path
        text = path.read_text(encoding="utf-8")
        assert not MACHINE.search(text), path
        assert str(ROOT) not in text and sys.prefix not in text, path
    for path in _of_style(site):
        assert not ADDRESS.search(path.read_text(encoding="utf-8")), path


def _of_style(site: Path) -> Iterator[Path]:
    yield from site.rglob("*.css")


def _target(page: Path, to: str) -> tuple[Path, str]:
    path, _, place = to.partition("#")
    path = unquote(path.partition("?")[0])
    return ((page.parent / path).resolve() if path else page), unquote(place)
