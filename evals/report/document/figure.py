"""How does a figure stand in the page: drawn once, as SVG inside it, with a title that is read out, light and dark?"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from evals.findings.drawing import COLOURS, KEY, styled, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"

THEMED = {
    "#1b1f24": "var(--ink,#1b1f24)",
    "#000000": "var(--ink,#1b1f24)",
    "#6b7280": "var(--quiet,#6b7280)",
    "#e5e7eb": "var(--pale,#e5e7eb)",
    "#c7ccd4": "var(--band,#c7ccd4)",
    "#ffffff": "var(--paper,#ffffff)",
    **{c: f"var(--seat-{seat},{c})" for seat, c in zip("abcdef", COLOURS, strict=False) if c != "#000000"},
}
"""Colours of `evals.findings.drawing` that follow the page's theme; shades, and numbers on them, stay.

Each keeps itself as what holds where there is no page around it: in a figure that was saved from there.
"""

ROOT = (
    "fill:var(--ink,#1b1f24);font-family:var(--sans,sans-serif);stroke-linejoin:round;stroke-linecap:butt;"
    "--natural:{width:.0f}px"
)
"""Style of the whole: what matplotlib leaves unsaid is black, and its own rules are for all of a document."""

PLACES = 2
"""Of a number in the drawing: a hundredth of a point is not seen."""

UNTOLD = re.compile(
    r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""Characters that XML cannot hold, and those that turn the direction of what follows."""


@dataclass(frozen=True)
class Drawn:
    """A figure for the page. Title, note and key are told beside it, as text that breaks where the page does."""

    svg: str
    title: str
    note: str
    key: list[str]
    """What numbers in the figure stand for, a line each: names too long to be drawn."""


def kept(draw: Callable[[], Figure]) -> Callable[[], Figure]:
    """The same figure at every call: drawn at the first one, in the style of all."""

    @cache
    def once() -> Figure:
        with styled():
            return draw()

    return once


def inlined(name: str, draw: Callable[[], Figure]) -> Drawn:
    """A figure as an `<svg>` whose title and note a screen reader tells; ids in it begin with `name`."""
    with styled(), warnings.catch_warnings():
        # a font of the machine that draws lacks some script; the text stays text, and the reader's has it
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure = draw()
        title, told = figure.get_suptitle() or name, figure.get_supxlabel()
        with _without_words(figure):
            text = svg(figure)
    note, *key = told.split(f"\n{KEY}\n")
    lines = key[0].split("\n") if key else []
    note = " ".join(note.split())
    return Drawn(_made(text, name, title, " ".join([note, *lines])), title, note, lines)


@contextmanager
def _without_words(figure: Figure) -> Iterator[None]:
    """The figure without its title and note, which the page tells beside it."""
    words = {figure.get_suptitle(), figure.get_supxlabel()} - {""}
    texts = [t for t in figure.texts if t.get_text() in words]
    for text in texts:
        text.set_visible(False)
        text.set_in_layout(False)
    try:
        yield
    finally:
        for text in texts:
            text.set_visible(True)
            text.set_in_layout(True)


def _made(text: str, name: str, title: str, note: str) -> str:
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(UNTOLD.sub(" ", text))
    _strip(root)
    used = dict.fromkeys(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    ids = {told: f"{name}-{i}" for i, told in enumerate(used)}
    for element in root.iter():
        _tidy(element, ids)
    _flatten(root)
    for tag, words in (("desc", note), ("title", title)):
        if words:
            said = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{name}-{tag}"})
            said.text = UNTOLD.sub(" ", words)
            root.insert(0, said)
    width = float(root.get("viewBox", "0 0 480 0").split()[2]) * 4 / 3  # points as CSS pixels
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("style", ROOT.format(width=width))
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title" + (f" {name}-desc" if note else ""))
    return ElementTree.tostring(root, encoding="unicode")


def _strip(root: ElementTree.Element) -> None:
    """Without metadata, and without style sheets, which would hold for the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)


def _tidy(element: ElementTree.Element, ids: dict[str, str]) -> None:
    """Ids that are this figure's own, colours of the theme, the page's font, numbers no longer than is seen."""
    for key, value in list(element.attrib.items()):
        if key == "id":
            element.attrib.pop(key)
            if value in ids:
                element.set("id", ids[value])
        elif key == f"{{{XLINK}}}href":
            element.attrib.pop(key)
            element.set("href", f"#{ids[value[1:]]}" if value.startswith("#") else value)
        elif value.startswith("url(#"):
            element.set(key, f"url(#{ids[value[5:-1]]})")
        elif key in ("style", "fill", "stroke"):
            element.set(key, _themed(_pointed(value, ids)))
        elif key == "d":
            element.set(key, re.sub(r"\s*([A-Za-z])\s*", r"\1", _rounded(value)).strip())
        elif key in ("x", "y", "width", "height", "viewBox", "transform"):
            element.set(key, value if "matrix" in value or "scale" in value else _rounded(value))
    if element.get("transform", "").startswith("rotate(-0 "):
        element.attrib.pop("transform")
    if element.text and not element.text.strip():
        element.text = None
    if element.tail and not element.tail.strip():
        element.tail = None


def _pointed(style: str, ids: dict[str, str]) -> str:
    """A style whose references, as that of a hatched bar to its pattern, go to this figure's own ids."""
    return re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{ids[found.group(1)]})", style)


def _flatten(element: ElementTree.Element) -> None:
    """Without groups that say nothing; a style that all of a group have is the group's."""
    children: list[ElementTree.Element] = []
    for child in element:
        _flatten(child)
        idle = child.tag in (f"{{{SVG}}}g", f"{{{SVG}}}defs") and not child.attrib
        children += (
            list(child) if idle and child.tag.endswith("}g") else [] if idle and not len(child) else [child]
        )
    element[:] = children
    styles = {child.get("style") for child in children}
    if element.tag == f"{{{SVG}}}g" and len(children) > 1 and len(styles) == 1 and None not in styles:
        element.set("style", ";".join(filter(None, (element.get("style"), *styles))))
        for child in children:
            child.attrib.pop("style")


def _rounded(numbers: str) -> str:
    return re.sub(
        r"-?\d+\.\d+(?:e-?\d+)?", lambda found: f"{round(float(found.group()), PLACES) + 0.0:g}", numbers
    )


def _themed(style: str) -> str:
    """A style in the page's colours and font, without spaces."""
    style = re.sub(r"font-family: [^;]*(; )?", "", style)
    style = re.sub(r"font: (?:(bold|\d+) )?([\d.]+)px [^;]*", r"font-size: \2px; font-weight: \1", style)
    style = style.replace("font-weight: ;", "").removesuffix("font-weight: ")
    style = re.sub(r"#[0-9a-f]{6}", lambda found: THEMED.get(found.group(), found.group()), style)
    return re.sub(r"\s*([:;])\s*", r"\1", style).strip(" ;")
