"""Findings as HTML: whatever names and words are in them, no element but ours; every sentence leads to its runs."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.findings.section import Section, Shown
from evals.report.document.behind import Behind
from evals.report.document.parts import html
from evals.report.source import Source
from tests.evals.report_sources import asked, figured, hypothesis, page_of, small, source

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "' onmouseover='alert(4)",
    "<!-- <svg/onload=alert(5)>",
    "[press](javascript:alert(6)) ![seen](https://example.org/x.png) <https://example.org>",
    "\u202egnihton\u2066 a\u0000b\u001b[31m",
    "]]>&lt;b&gt;&#x3c;i&#x3e; {{ 7 * 7 }} {% raw %}",
)

OURS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "style",
        "body",
        "script",
        "noscript",
        "header",
        "nav",
        "main",
    ),
    *(
        "article",
        "section",
        "aside",
        "div",
        "span",
        "p",
        "a",
        "h1",
        "h2",
        "h3",
        "h4",
        "ol",
        "ul",
        "li",
        "dl",
        "dt",
    ),
    *(
        "dd",
        "details",
        "summary",
        "form",
        "label",
        "input",
        "button",
        "strong",
        "em",
        "code",
        "figure",
        "figcaption",
    ),
    *(
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "svg",
        "g",
        "path",
        "use",
        "defs",
        "text",
        "clippath",
    ),
    *("rect", "line", "circle", "desc"),
}

VOID = {"meta", "link", "input", "path", "use", "rect", "line", "circle"}


class Parsed(HTMLParser):
    """A page as a browser takes it apart: every element with its attributes, its text and its ancestors."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str], list[str], list[str]]] = []
        self._open: list[int] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        above = [self.elements[i][1].get("class", "") for i in self._open]
        self.elements.append((tag, {k: v or "" for k, v in attrs}, [], above))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open[-1]][0] == tag, f"</{tag}> closes {self.elements[self._open[-1]][0]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for i in self._open:
            self.elements[i][2].append(data)

    def all(self, tag: str, kind: str = "") -> list[tuple[dict[str, str], str]]:
        """(attributes, text) of the elements of a tag, and of a class if it is given."""
        found = [(a, "".join(text)) for t, a, text, _ in self.elements if t == tag]
        return [(a, text) for a, text in found if not kind or kind in a.get("class", "").split()]


def within(parsed: Parsed, kind: str) -> list[tuple[str, str]]:
    """(href, text) of the links within elements of a class."""
    return [
        (a["href"], "".join(t))
        for tag, a, t, up in parsed.elements
        if tag == "a" and kind in " ".join(up).split()
    ]


def hostile() -> Source:
    """A study in which everything that others name has a hostile name."""
    rows = [[name, "0.10", "–"] for name in HOSTILE]
    sections = [
        asked([hypothesis(f"H{i}", claim=name) for i, name in enumerate(HOSTILE)]),
        Section(
            f"On {HOSTILE[0]}",
            [f"**{name}** and `{name}` and {name}." for name in HOSTILE],
            {"groups": pd.DataFrame({"group": HOSTILE})},
            [Shown(f"Groups {HOSTILE[2]}", ["condition", *HOSTILE[:2]], rows, note=HOSTILE[1])],
            {f"f{HOSTILE[1]}": figured([*HOSTILE[:3], HOSTILE[0] * 9], HOSTILE[0], HOSTILE[2])},
        ),
    ]
    return source(HOSTILE, sections, name=HOSTILE[0], question=HOSTILE[1])


@pytest.fixture(scope="module")
def page() -> str:
    return page_of(hostile(), title=HOSTILE[1], command=f"python -m evals.report {HOSTILE[0]}")


@pytest.fixture(scope="module")
def parsed(page: str) -> Parsed:
    return Parsed(page)


class TestWhatOthersWrote:
    def test_is_text_and_never_an_element(self, parsed: Parsed) -> None:
        assert {tag for tag, *_ in parsed.elements} <= OURS
        scripts = parsed.all("script")
        assert [a.get("type") for a, _ in scripts] == ["application/x-parley"] * 2 + [None]
        assert "offerSaving()" in scripts[-1][1] and "alert(" not in scripts[-1][1]

    def test_is_never_an_attribute_of_ours(self, parsed: Parsed) -> None:
        for tag, attributes, *_ in parsed.elements:
            assert not [name for name in attributes if name.startswith("on") or name == "src"], (
                tag,
                attributes,
            )
            for name in ("href", "id", "style"):
                assert "<" not in attributes.get(name, "") and '"' not in attributes.get(name, "")
            assert tag == "link" or attributes.get("href", "#").startswith("#"), attributes

    def test_is_told_as_it_is(self, parsed: Parsed) -> None:
        cells = [text for _, text in parsed.all("th")]
        for name in HOSTILE:
            if "\u202e" not in name:
                assert name in cells, "a name is not told, or told otherwise"

    def test_cannot_turn_the_direction_of_what_follows(self, page: str) -> None:
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u0000-\u0008\u001b]", page)

    def test_markdown_is_words_in_bold_and_code_and_nothing_that_loads(self) -> None:
        assert html("**a** `b` *c*") == "<strong>a</strong> <code>b</code> <em>c</em>"
        assert "<a" not in html("[x](https://example.org) <https://example.org>")
        assert "<img" not in html("![x](https://example.org/x.png)")
        assert html("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"

    @given(st.text(max_size=60))
    def test_any_words_stay_within_their_sentence(self, words: str) -> None:
        found = Parsed(f"<p>{html(words)}</p>")
        assert {tag for tag, *_ in found.elements} <= {"p", "strong", "em", "code", "br"} | {"hr"}


class TestLinks:
    def test_every_sentence_of_the_findings_leads_to_runs(self, parsed: Parsed) -> None:
        says = parsed.all("p", "says")
        assert len(says) == 2 * len(HOSTILE) + 1
        for tag, attributes, text, _ in parsed.elements:
            if tag == "p" and attributes.get("class") == "says":
                assert re.search(r"\d runs?|\d pairs?", "".join(text)), "".join(text)

    def test_each_address_is_of_runs_that_are_there(self, parsed: Parsed) -> None:
        made = hostile()
        table = made.frames.runs  # type: ignore[union-attr]
        checked = 0
        for href, text in within(parsed, "behind"):
            first, *rest = [unquote(part) for part in href[1:].split("&")]
            if not first.startswith("runs"):
                continue
            asked_for = dict(part.split("=", 1) for part in rest)
            assert asked_for.pop("source") == made.name
            here = table
            for column, value in asked_for.items():
                here = here[here[column] == value]
            assert int(text.split()[0].replace(",", "")) == here["run_id"].nunique() > 0
            checked += 1
        assert checked > 10

    def test_every_other_link_is_to_a_place_of_the_page(self, parsed: Parsed) -> None:
        ids = {a["id"] for _, a, *_ in parsed.elements if "id" in a}
        for attributes, _ in parsed.all("a"):
            place = attributes["href"][1:]
            if place and not re.match(r"(runs|help)(&|$)|finding=", place):
                assert place in ids, place

    def test_a_hypothesis_leads_to_its_pairs_from_its_card_its_sentence_and_its_row(self) -> None:
        page = Parsed(page_of(source(sections=[asked([hypothesis("H1"), hypothesis("H1-b")])])))
        links = Counter(a["href"] for a, _ in page.all("a"))
        assert links["#finding=H1"] == links["#finding=H1-b"] == 3

    def test_two_sources_with_one_hypothesis_are_told_apart(self) -> None:
        made = [source(sections=[asked([hypothesis("H1")])], name=name) for name in ("one", "other")]
        links = {a["href"] for a, _ in Parsed(page_of(*made)).all("a") if "finding" in a["href"]}
        assert links == {"#finding=H1&source=one", "#finding=H1&source=other"}


class TestBehind:
    CONDITIONS = (
        "plain",
        "aligned × plain",
        "no-text: aligned × plain",
        "aligned × biased",
        "aligned × biased × late",
    )

    @pytest.mark.parametrize(
        ("sentence", "named"),
        [
            ("**aligned × plain**, strength 1: pull 0.3.", ["aligned × plain"]),
            ("In no-text: aligned × plain it is 3.", ["no-text: aligned × plain"]),
            ("Who produced it, in plain words.", []),
            ("`plain`: in 3 of 4 runs.", ["plain"]),
            (
                "aligned × biased × late, and aligned × biased too.",
                ["aligned × biased × late", "aligned × biased"],
            ),
            ("misaligned × plain is no condition here.", []),
        ],
    )
    def test_a_sentence_leads_to_the_conditions_it_names_and_to_no_other(
        self, sentence: str, named: list[str]
    ) -> None:
        links = Behind(source(self.CONDITIONS)).of_sentence(sentence, ("study",))
        told = [re.findall("condition=(.*)", unquote(link.href)) for link in links]
        assert told == ([[name] for name in named] or [[]])

    def test_a_row_is_of_the_condition_that_heads_it(self) -> None:
        behind = Behind(source(self.CONDITIONS))
        cases = {
            "aligned × plain": "aligned × plain",
            "aligned × plain, seat A": "aligned × plain",
            "no-text: aligned × plain: age": "no-text: aligned × plain",
            "plain against biased": None,
            "aligned × plainer": None,
        }
        for text, condition in cases.items():
            found = behind.of_cell(text, ("study",))
            assert (found and found[0]) == condition, text

    def test_roles_are_told_apart_and_one_without_runs_has_no_link(self) -> None:
        links = Behind(source(("a × b",))).all(("study", "bargaining", "rerun"))
        assert [link.words for link in links] == ["3 runs", "2 runs: the bargaining null"]
        assert [link.words for link in Behind(source(("a × b",))).all(())] == ["6 runs"]

    def test_without_runs_nothing_is_promised(self) -> None:
        assert Behind(source(frames=None)).of_sentence("Nothing ran.", ("study",)) == []


class TestPage:
    def test_no_id_is_given_twice_and_every_reference_is_met(self) -> None:
        twice = Section("Twice", ["x"], {}, [Shown("T", ["a"], [["1"]])] * 2, {"f-1": small, "f 1": small})
        made = [source(sections=[twice, twice], name=name) for name in ("a-b", "a b", "runs")]
        page = Parsed(page_of(*made))
        ids = Counter(a["id"] for _, a, *_ in page.elements if "id" in a)
        assert ids and max(ids.values()) == 1, ids.most_common(3)
        for _, attributes, *_ in page.elements:
            for name in ("aria-labelledby", "aria-controls", "for"):
                assert set(attributes.get(name, "").split()) <= set(ids)
            for value in attributes.values():
                assert set(re.findall(r"url\(#([^)]*)\)", value)) <= set(ids)
        assert {a["href"][1:] for a, _ in page.all("use")} <= set(ids)

    def test_headings_go_down_by_one(self) -> None:
        made = source(sections=[asked([hypothesis("H1")])])
        for sources in ((made,), (made, source(name="other"))):
            levels = [
                int(tag[1]) for tag, *_ in Parsed(page_of(*sources)).elements if re.fullmatch("h[1-6]", tag)
            ]
            assert levels[0] == 1 and levels.count(1) == 1
            assert all(after <= before + 1 for before, after in itertools.pairwise(levels))

    def test_who_produced_it_stands_first_and_what_it_cannot_say_last(self) -> None:
        text = page_of(source(sections=[asked([hypothesis("H1")])]), command="python -m evals.report little")
        article = text[text.index("<article") : text.index('<div id="view"')]
        order = [
            "Reference negotiators alone",
            "At a glance",
            "What was asked",
            "What made this",
            "drawn from a model",
        ]
        places = [article.index(words) if i < 4 else article.rindex(words) for i, words in enumerate(order)]
        assert places == sorted(places)
        assert "python -m evals.report little" in article
        assert '<a href="#little-what-this-cannot-say">' in article[: article.index("At a glance")]

    def test_a_table_has_a_caption_scoped_headers_and_numbers_to_the_right(self) -> None:
        shown = Shown("T", ["", "n", "words"], [["a", "−0.10 [0.00, 0.20]", "some"], ["", "–", "–"]])
        page = Parsed(page_of(source(sections=[Section("S", ["x"], {}, [shown])])))
        heads = [(a.get("scope"), a.get("class"), text) for a, text in page.all("th")]
        assert heads[:5] == [
            *[("col", None, "name"), ("col", "number", "n"), ("col", None, "words")],
            *[("row", None, "a"), ("row", None, "as above")],
        ]
        assert "number" in page.all("td")[0][0]["class"] and "class" not in page.all("td")[1][0]

    @pytest.mark.parametrize(
        ("verdict", "sign"),
        [
            *[("supported", "✓"), ("supported, but smaller than matters", "✓"), ("opposite", "✗")],
            *[("not shown", "○"), ("not tested", "–")],
        ],
    )
    def test_a_verdict_is_a_word_and_a_sign(self, verdict: str, sign: str) -> None:
        page = Parsed(page_of(source(sections=[asked([hypothesis("H1", verdict=verdict)])])))
        [(_, told)] = page.all("span", "verdict")
        assert told.split(" ", 1) == [sign, verdict]

    def test_what_is_missing_reads_as_a_dash_and_draws_nothing(self) -> None:
        nothing = hypothesis(
            "H1", verdict="not tested", **dict.fromkeys(("difference", "low", "high", "p", "p_holm"))
        )
        page = Parsed(page_of(source(sections=[asked([nothing])])))
        assert ["–" in text for _, text in page.all("p", "effect")] == [True]
        assert not page.all("svg", "bar")
        assert "p –" in next(text for _, text in page.all("p", "small"))

    def test_a_bar_holds_zero_the_interval_and_what_matters_within_its_sides(self) -> None:
        row = hypothesis(
            "H1", difference=-0.004, low=-0.01, high=0.001, direction="two-sided", smallest_effect=0.002
        )
        page = Parsed(page_of(source(sections=[asked([row])])))
        places = [float(a[k]) for a, _ in page.all("line") for k in ("x1", "x2")] + [
            float(a["cx"]) for a, _ in page.all("circle")
        ]
        assert places and all(12 <= x <= 248 for x in places)
        assert "−0.004 [−0.010, 0.001]" in page.all("p", "effect")[0][1]
