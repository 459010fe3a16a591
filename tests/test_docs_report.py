"""Do the documents on reports and measures hold: every key, address and part of the page, every number with a name?"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest

from evals.records import SETTINGS
from tests.play import ROOT
from tests.sections import first_column, options_of, section

PAGE = (ROOT / "docs" / "reference-report.md").read_text(encoding="utf-8")
MEASURES = (ROOT / "docs" / "reference-measures.md").read_text(encoding="utf-8")
SCRIPTS = ROOT / "evals" / "report" / "page" / "scripts"


def test_the_reference_of_measures_is_what_the_code_says() -> None:
    from evals.measures.page import page

    assert page() == MEASURES, "docs/reference-measures.md is behind the code: `make docs`"


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_outcome_has_its_formula_range_direction_and_source(setting: Any) -> None:
    from evals.measures.definitions import defined, outcomes
    from evals.measures.page import OF

    part = MEASURES.split(f"## Outcomes of {OF[setting]}\n")[1].split("\n## ")[0]
    there = dict(defined(setting))
    for outcome, of in defined(setting):
        assert f"### `{outcome.name}`" in part
        assert of.formula and of.missing and of.source and f"`{of.formula}`" in part, outcome.name
        assert f"better: {outcome.better}" in part
    single = (
        {o.name for o in there if not o.name[-1].isupper()}
        if setting == "triage"
        else {o.name for o in there}
    )
    assert single <= set(outcomes(setting))


def test_every_criterion_has_its_score_and_its_threshold() -> None:
    from evals.measures.definitions import definitions
    from nodes.findings.criteria import CRITERIA

    assert set(definitions("criteria")) == set(CRITERIA) == first_column(section("Criteria", MEASURES))


def test_every_statistic_is_in_the_reference_of_measures() -> None:
    """What findings rest on: a test or an interval that is used and not explained is a number without a meaning."""
    import evals.statistics as statistics

    helpers = {"cluster_means", "paired", "estimates", "sign_flips", "cluster_gaps", "permutation_tests"}
    helpers |= {"permuted_within", "simulated_power", "spread", "gap", "ratio", "shortfall"}
    named = {name for name in statistics.__all__ if name[0].islower()} - helpers
    assert all(f"### `{name}`" in MEASURES for name in named), named


def test_a_measure_that_is_misspelt_is_answered_with_its_neighbours() -> None:
    from evals.measures.page import parts_named
    from scenarios.errors import ParleyError

    assert parts_named("loss").count("### `loss` of") == 2
    with pytest.raises(ParleyError, match="did you mean favoured_gap"):
        parts_named("favored_gap")


def test_a_docstring_becomes_text_that_no_star_or_line_of_it_changes() -> None:
    """t*_(α/2) would else be emphasis, and columns would run together: read back as HTML, every letter is there."""
    from markdown_it import MarkdownIt

    from evals.measures.functions import ROOMS

    for room in ROOMS:
        for name, module, says in room.functions():
            html = re.sub(r"<(?!/?(p|code|pre|em|strong|ol|ul|li))[^>]*>", "", MarkdownIt().render(says))
            kept = re.sub(r"<[^>]+>|[\s*_`\\]|&\w+;|\b\d\.", "", html)
            raw = import_module(module)
            written = re.sub(r"[\s*_`\\<>&\"]|\b\d\.", "", getattr(raw, name).__doc__)
            assert kept == written, name


def test_every_key_and_address_of_the_page_is_in_the_reference_and_no_other() -> None:
    keys = (SCRIPTS / "keys.js").read_text(encoding="utf-8")
    there = set(re.findall(r'^  \["([^"]+)", ".*?", \(\) =>', keys, re.MULTILINE))
    assert there and {"Escape" if k == "Esc" else k for k in first_column(section("Keys", PAGE))} == there
    views = re.search(r"const VIEWS = \[([^\]]+)\]", (SCRIPTS / "route.js").read_text(encoding="utf-8"))
    assert views is not None
    told = {
        re.split("[=&]", address.removeprefix("#"))[0] for address in first_column(section("Addresses", PAGE))
    }
    assert told - {"", "WORDS"} == set(re.findall(r'"(\w+)"', views[1]))


def test_every_filter_of_the_runs_is_in_the_reference() -> None:
    facets = re.search(r"const FACETS = \[([^\]]+)\]", (SCRIPTS / "list.js").read_text(encoding="utf-8"))
    assert facets is not None
    row = next(line for line in section("Addresses", PAGE).splitlines() if "`#runs&condition=…`" in line)
    assert {*re.findall(r'"(\w+)"', facets[1])} == {*re.findall(r"`(\w+)`", row.split("|")[2])}


def test_every_option_of_view_is_in_the_reference() -> None:
    part = section("`python -m evals.view`", PAGE)
    for _, option in options_of(import_module("evals.view").app):
        assert f"`{option}`" in part or option == "--help", option


def test_every_format_of_export_is_in_the_reference() -> None:
    from evals.export.__main__ import To

    told = first_column(section("`python -m evals.export`", PAGE).partition("| option |")[0])
    assert told == {each.value for each in To}


def test_what_the_page_is_said_to_hold_is_what_it_holds() -> None:
    """The section on the page's data names every part of the index and every kind of pack."""
    from evals.report.packing import RUNS_A_PACK
    from evals.report.page import SCRIPTS as ORDER

    text = section("Its data", PAGE)
    assert f"{RUNS_A_PACK} transcripts each" in text
    assert all((SCRIPTS / f"{name}.js").is_file() for name in ORDER)
    template = "\n".join(p.read_text(encoding="utf-8") for p in SCRIPTS.parent.glob("*.html"))
    kinds = {
        re.sub(r"\{\{.*?\}\}", "0", k)
        for k in re.findall(r'type="application/x-parley" id="([^"]+)"', template)
    }
    assert kinds == {"data", "shared", "pack-0"} == {k for k in first_column(text) if not k.endswith("1")}


def test_every_part_of_the_index_is_named_in_the_reference() -> None:
    from evals.report.packing import Packed, squeezed
    from evals.report.page import index

    made: dict[str, Any] = index([], [], Packed([], squeezed({}), {}, {}))
    assert all(f"`{name}`" in section("Its data", PAGE) for name in made)


def test_the_limits_that_the_reference_names_are_those_of_the_code() -> None:
    from evals.report.effects import MOST
    from evals.report.transcripts.alike import LONGEST

    text = section("Sizes", PAGE)
    assert f"at most {MOST} pairs of conditions" in text
    assert f"above {LONGEST:,} characters" in text
