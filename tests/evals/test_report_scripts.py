"""Can the scripts of the page stand in one file, and is there no way for a word of a model to become markup or code?"""

from __future__ import annotations

import re
from collections import Counter

import pytest

from evals.report.page import PAGE, SCRIPTS

FORBIDDEN = (
    *(
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "createContextualFragment",
        "DOMParser",
    ),
    *("eval(", "new Function", "setAttribute(`on", 'setAttribute("on', "srcdoc", "javascript:"),
)


def test_every_script_is_in_the_page_once() -> None:
    """A file that is not listed is dead; one listed twice declares its constants twice, and the page is blank."""
    assert sorted(SCRIPTS) == sorted(path.stem for path in (PAGE / "scripts").glob("*.js"))


def test_no_two_scripts_have_a_name_in_common() -> None:
    """They share one scope: the later of two functions of one name would silently stand for both."""
    named = re.compile(r"^(?:async )?function (\w+)|^(?:const|let|var) (\w+)", re.MULTILINE)
    names = Counter(a or b for name in SCRIPTS for a, b in named.findall(_read(name)))
    assert {name: count for name, count in names.items() if count > 1} == {}


@pytest.mark.parametrize("name", SCRIPTS)
def test_nothing_is_put_on_the_page_as_markup(name: str) -> None:
    """What a model says would run if any of these took it."""
    assert [word for word in FORBIDDEN if word in _read(name)] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_which_question_it_answers(name: str) -> None:
    """A reader of the code finds the file by its first line, as everywhere in the project."""
    lines = _read(name).split("\n")
    assert lines[0 if name != "dom" else 1].startswith("// ")
    assert len(lines) <= 400
    assert "</script" not in _read(name).lower()


def _read(name: str) -> str:
    return (PAGE / "scripts" / f"{name}.js").read_text(encoding="utf-8")
