"""Figures in the page: well-formed, told in words, in the page's colours, and readable whatever names they have."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.findings.drawing import COLOURS, KEY, ROOM, keyed, styled
from evals.report.document.figure import Drawn, inlined, kept
from tests.evals.report_sources import figured

LONG = " ".join(["long"] * 20)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return inlined("one", figured(["a <b> & c", LONG], "What it shows", "How to read it."))


def test_it_is_well_formed_with_a_title_that_is_read_out(drawn: Drawn) -> None:
    root = ElementTree.fromstring(drawn.svg)
    told = {e.get("id"): e.text for e in root.iter() if e.tag in (f"{SVG}title", f"{SVG}desc")}
    assert told["one-title"] == "What it shows" and (told["one-desc"] or "").startswith("How to read it.")
    assert root.get("role") == "img" and root.get("aria-labelledby") == "one-title one-desc"
    assert all((e.get("id") or "one-").startswith("one-") for e in root.iter())


def test_text_stays_text_and_title_and_note_are_told_beside_it(drawn: Drawn) -> None:
    root = ElementTree.fromstring(drawn.svg)
    texts = ["".join(e.itertext()) for e in root.iter(f"{SVG}text")]
    assert "a <b> & c" in texts and "(1)" in texts
    assert (drawn.title, drawn.note) == ("What it shows", "How to read it.")
    assert drawn.key == [f"(1) {LONG}"]
    assert not any("What it shows" in t or "How to read" in t or KEY in t for t in texts)


def test_it_is_no_wider_than_its_column_and_rules_nothing_but_itself(drawn: Drawn) -> None:
    root = ElementTree.fromstring(drawn.svg)
    assert "width" not in root.attrib and "height" not in root.attrib and "viewBox" in root.attrib
    assert not [e for e in root.iter() if e.tag.endswith(("}style", "}metadata", "}script"))]


def test_ground_and_text_follow_the_theme_in_every_element(drawn: Drawn) -> None:
    root = ElementTree.fromstring(drawn.svg)
    own = {c.lower() for c in COLOURS} | {"#ffffff", "#000000", "#1b1f24", "#6b7280", "#e5e7eb", "#c7ccd4"}
    for element in root.iter():
        bare = re.sub(r"var\([^)]*\)", "", element.get("style", ""))
        assert not own & set(re.findall("#[0-9a-f]{6}", bare)), element.attrib
    assert "var(--paper,#ffffff)" in drawn.svg and "fill:var(--ink,#1b1f24)" in root.get("style", "")


def test_numbers_on_shades_keep_the_colour_that_is_seen_on_them() -> None:
    from evals.findings.drawing import figure, heatmap, titled

    def draw() -> object:
        fig, axes = figure(height=2)
        heatmap(axes[0, 0], ["r"], ["a", "b", "c"], np.array([[0.1, 0.9, np.nan]]), [["10", "90", "x"]])
        return titled(fig, "T")

    root = ElementTree.fromstring(inlined("h", draw).svg)  # type: ignore[arg-type]
    fills = {
        "".join(t.itertext()): re.findall("fill:([^;]*)", t.get("style", "")) for t in root.iter(f"{SVG}text")
    }
    assert fills["10"] == ["#10151b"] and fills["90"] == ["#fdfdfd"], "a theme would turn them"
    assert fills["x"] in ([], ["var(--ink,#1b1f24)"]), "on no shade a number is ink"
    assert not list(root.iter(f"{SVG}image")), "shades are drawn, not a picture of them"


def test_it_is_smaller_than_it_was_drawn(drawn: Drawn) -> None:
    import io

    with styled():
        fig, out = figured(["a <b> & c", LONG], "What it shows", "How to read it.")(), io.StringIO()
        fig.savefig(out, format="svg")
    assert len(drawn.svg) < 0.7 * len(out.getvalue())
    places = re.findall(r' (?:d|x|y|transform)="([^"]*)"', drawn.svg)
    assert max(len(n.partition(".")[2]) for n in re.findall(r"\d+\.\d+", " ".join(places))) <= 2


def test_characters_that_no_drawing_can_hold_are_left_out() -> None:
    told = inlined("x", figured(["a\x00b\x1bc", "\ufffe"], "t\x07", "n\x0b"))
    ElementTree.fromstring(told.svg)


def test_what_is_kept_is_drawn_once() -> None:
    calls: list[int] = []
    draw = kept(lambda: calls.append(1) or figured(["a"])())  # type: ignore[func-returns-value]
    assert draw() is draw() and calls == [1]


@given(st.lists(st.text(min_size=1, max_size=2 * ROOM), max_size=12))
def test_a_name_is_drawn_whole_or_told_in_the_key(names: list[str]) -> None:
    drawn_as, key = keyed(names)
    assert list(drawn_as) == list(dict.fromkeys(names))
    told = dict(line.split(" ", 1) for line in key)
    for name, short in drawn_as.items():
        assert len(short) <= ROOM and (short == name or told[short] == name)
    assert len(told) == len(key) == sum(len(name) > ROOM for name in drawn_as)


def test_twenty_long_conditions_have_room() -> None:
    """Names of runs that belong to no study list all their settings; a layout that gives up is an error here."""
    from evals.findings.strategy_figures import influence_figure

    conditions = [
        f"rawlsian × biased-age × strength=none × order=reversed × floor={i}" * 2 for i in range(20)
    ]
    who = pd.DataFrame(
        {"condition": c, "seat": "A", "value": v, "mean": 0.4}
        for c in conditions
        for v in ("influence", "debate_added")
    )
    told = inlined("i", lambda: influence_figure(who, conditions))
    assert [line.partition(" ")[2] for line in told.key] == conditions


def test_effects_in_different_units_have_panels_of_their_own() -> None:
    from types import SimpleNamespace
    from typing import Any

    from evals.findings.verdicts import drawn as effects
    from evals.outcomes import find

    names = ("worst_off", "criteria_met", "worst_off", "favoured_gap")
    found: list[Any] = [
        SimpleNamespace(
            hypothesis=SimpleNamespace(id=f"H{i}", outcome=name),
            estimate=SimpleNamespace(mean=0.1, low=0.0, high=0.2),
            null_low=None,
            null_high=None,
        )
        for i, name in enumerate(names)
    ]
    with styled():
        panels = effects(found).axes
    units = list(dict.fromkeys(find(name).unit for name in names))
    assert [ax.get_xlabel().partition(": ")[2] for ax in panels] == units and len(units) > 1
    assert [t.get_text() for t in panels[0].get_yticklabels()] == [
        "H0  worst_off",
        "H2  worst_off",
    ]
