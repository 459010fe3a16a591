"""How do these pages become one static site, offline and loading nothing? `make docs` (Sphinx, MyST, Furo).

The pages stay as they read in the repository: links between them, to README, CONTRIBUTING and CHANGELOG are the same
here and there, since the root of the repository is the root of the site. The sidebar is made here, from PARTS.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

PARTS = {
    "Tutorials": (
        "tutorial",
        "tutorial-report",
        "tutorial-study",
        "tutorial-dilemmas",
        "tutorial-deliberation",
    ),
    "How-to guides": (
        *(
            "how-to",
            "how-to-report",
            "how-to-studies",
            "how-to-dilemmas",
            "how-to-deliberation",
            "how-to-train",
        ),
    ),
    "Reference": (
        *("reference", "reference-measures", "reference-report", "reference-studies", "reference-dilemmas"),
        *("reference-deliberation", "benchmarks", "calibration"),
    ),
    "Explanation": (
        *("explanation", "explanation-report", "explanation-studies", "explanation-dilemmas"),
        "explanation-deliberation",
    ),
}
"""The sidebar: pages of docs/ by the need they serve."""

BESIDE = ("README", "CONTRIBUTING", "CHANGELOG")
"""Pages of the root."""

PLAIN = {"README": "What it is", "how-to": "Debates", "reference": "Debates", "explanation": "Debates"}
"""Names in the sidebar where a page's own title would say too little there."""

project = "Parley"
copyright = "The Parley authors"
root_doc = "docs/README"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
include_patterns = ["docs/*.md", *(f"{name}.md" for name in BESIDE)]
exclude_patterns = [path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "docs"] + [
    "docs/_site"
]

myst_heading_anchors = 4
myst_enable_extensions: list[str] = []
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "Parley"
html_static_path = ["assets"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_last_updated_fmt = None
html_theme_options: dict[str, Any] = {
    "light_css_variables": {"color-brand-primary": "#00558a", "color-brand-content": "#00558a"},
    "dark_css_variables": {"color-brand-primary": "#6cb8ea", "color-brand-content": "#6cb8ea"},
}

SHELF = """

```{{toctree}}
:hidden:
:caption: {caption}

{pages}
```
"""
LINK = re.compile(r"\[(?P<words>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<to>[^)\s]+)\)")
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
MADE_WITH = re.compile(r'<!-- Generated with .*?-->|<meta name="generator"[^>]*>', re.DOTALL)


def on_the_site(app: Any, name: str, source: list[str]) -> None:
    """What a page is on the site: the home page has the sidebar; a link to a folder or to code is its words alone."""
    page = (ROOT / name).parent
    pieces = FENCED.split(source[0])
    source[0] = "".join(p if p.startswith("```") else LINK.sub(lambda m: _kept(m, page), p) for p in pieces)
    if name == root_doc:
        shelves = {"Parley": [f"{_called(n, ROOT)} </{n}>" for n in BESIDE]}
        docs = Path(__file__).parent
        shelves |= {caption: [f"{_called(n, docs)} <{n}>" for n in pages] for caption, pages in PARTS.items()}
        source[0] += "".join(SHELF.format(caption=c, pages="\n".join(p)) for c, p in shelves.items())


def _called(page: str, folder: Path) -> str:
    """A page's name in the sidebar: its title without the kind of text, which stands above it there."""
    title = (folder / f"{page}.md").read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    words = PLAIN.get(page) or title.partition(": ")[2] or title
    return words[0].upper() + words[1:]


def _kept(link: re.Match[str], page: Path) -> str:
    path = link["to"].partition("#")[0]
    if not path or ":" in path:
        return link[0]
    target = (page / path).resolve()
    aside = target.is_dir() or target.suffix not in (".md", ".json", ".svg", ".png", ".html")
    return link["words"] if aside else link[0]


def finished(app: Any, failed: Exception | None) -> None:
    """The home page under the name that a server and a reader look for; no word of what version made it."""
    out = Path(app.outdir)
    if failed is not None or app.builder.name != "html":
        return
    for path in out.rglob("*.html"):
        path.write_text(MADE_WITH.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
    (out / "index.html").write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Parley</title>'
        '<meta http-equiv="refresh" content="0; url=docs/README.html">'
        '<p><a href="docs/README.html">Parley\'s documentation</a></p></html>\n',
        encoding="utf-8",
    )
    (out / ".nojekyll").touch()  # so that a host of static pages serves folders that begin with an underscore
    for left in (".buildinfo", "objects.inv"):
        (out / left).unlink(missing_ok=True)
    shutil.rmtree(out / ".doctrees", ignore_errors=True)


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    from pygments.lexers.special import TextLexer

    app.add_lexer("csv", TextLexer)
    app.connect("source-read", on_the_site)
    app.connect("build-finished", finished)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
