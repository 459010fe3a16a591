"""How does a figure stand in the page: drawn once, as SVG inside it, with a title that is read out, light and dark?"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"

THEMED = {
    "#1b1f24": "var(--ink)",
    "#000000": "var(--ink)",
    "#6b7280": "var(--quiet)",
    "#e5e7eb": "var(--pale)",
    "#c7ccd4": "var(--band)",
    "#ffffff": "var(--paper)",
}
"""Colours of `evals.findings.drawing` that follow the page's theme; those of lines and marks stay."""


def inlined(name: str, draw: Callable[[], Figure]) -> str:
    """A figure as an `<svg>` of its own ids, whose title and note a screen reader tells."""
    from evals.findings.drawing import styled

    for prefix, uri in (("", SVG), ("xlink", XLINK)):
        ElementTree.register_namespace(prefix, uri)
    with styled():
        drawn = draw()
        out = io.StringIO()
        drawn.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    title = drawn.get_suptitle() or name
    note = drawn.get_supxlabel()
    return _made(out.getvalue(), name, title, note)


def _made(text: str, name: str, title: str, note: str) -> str:
    root = ElementTree.fromstring(text)
    for child in list(root):
        if child.tag == f"{{{SVG}}}metadata":
            root.remove(child)
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id":
                element.set(key, f"{name}-{value}")
            elif key.endswith("href") and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, value.replace("url(#", f"url(#{name}-"))
            if key in ("style", "fill", "stroke"):
                element.set(key, _themed(element.get(key, "")))
    for tag, words in (("desc", note), ("title", title)):
        if words:
            element = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{name}-{tag}"})
            element.text = words
            root.insert(0, element)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title" + (f" {name}-desc" if note else ""))
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    return ElementTree.tostring(root, encoding="unicode")


def _themed(style: str) -> str:
    return re.sub(r"#[0-9a-f]{6}", lambda found: THEMED.get(found.group(), found.group()), style)
