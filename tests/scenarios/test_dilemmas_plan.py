"""Is a plan read in any text as it was written, is its worth what brute force says, and is a wrong dilemma refused?"""

from __future__ import annotations

import json
import re
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from scenarios.dilemmas import Dilemma, Plan, load, names
from scenarios.dilemmas import load as package_load
from scenarios.dilemmas.considerations import CONSIDERATIONS
from scenarios.dilemmas.load import DEFAULT, catalogue, parse_dilemma, read_theme
from scenarios.dilemmas.plan import (
    AGREE,
    CLAUSE,
    DIFFER,
    consents,
    in_words,
    parts,
    plans,
    raw,
    read_plan,
    whole,
    worth,
    worths,
    written,
)
from scenarios.errors import ParleyError

SLUGS = st.builds(
    "".join,
    st.tuples(st.sampled_from("abz09"), st.text("abz09_-", max_size=5)),
)
SERVES = st.dictionaries(st.sampled_from(list(CONSIDERATIONS)), st.integers(-2, 2), max_size=4)
VALUES = st.dictionaries(st.sampled_from(list(CONSIDERATIONS)), st.integers(-8, 8).map(lambda n: n / 4))


def dilemma(issues: dict[str, dict[str, dict[str, int]]]) -> Dilemma:
    """A dilemma of given issues -> options -> what each serves."""
    asked = {
        issue: {"asks": "Which?", "options": {o: {"says": f"Do {o}.", "serves": s} for o, s in row.items()}}
        for issue, row in issues.items()
    }
    return Dilemma.model_validate(
        {"name": "d", "theme": "t", "stratum": "everyday", "goal": "Choose one thing", "issues": asked}
        | {"prompt": "You stand at a fork. Which way?", "source": "a test"}
        | {"principles": {"care": "One.", "pace": "Other."}}
    )


DILEMMAS = st.dictionaries(
    SLUGS, st.dictionaries(SLUGS, SERVES, min_size=2, max_size=4), min_size=1, max_size=4
).map(dilemma)
TWO = dilemma({"bed": {"window": {}, "door": {}}, "night-watch": {"her": {}, "him-too": {}}})


@st.composite
def plan_of(draw: st.DrawFn) -> tuple[Dilemma, Plan]:
    """A dilemma, and some of its issues settled, in any order."""
    asked = draw(DILEMMAS)
    some = draw(st.permutations(list(asked.issues)))[: draw(st.integers(0, len(asked.issues)))]
    return asked, {i: draw(st.sampled_from(list(asked.issues[i].options))) for i in some}


@given(plan_of(), st.text(), st.text())
@settings(max_examples=40)
def test_a_plan_is_read_as_it_was_written_whatever_stands_around_it(
    settled: tuple[Dilemma, Plan], before: str, after: str
):
    asked, plan = settled
    assume("plan" not in after.lower())
    found = read_plan(f"{before}\n{written(plan)}\n{after}", asked)
    assert found == plan
    assert list(found) == [i for i in asked.issues if i in plan]


@given(plan_of())
@settings(max_examples=40)
def test_case_and_spaces_do_not_matter(settled: tuple[Dilemma, Plan]):
    asked, plan = settled
    line = written(plan).upper().replace("=", " = ").replace(";", " ,  ")
    assert read_plan(line, asked) == plan


@given(plan_of(), st.text())
@settings(max_examples=40)
def test_whatever_is_read_is_a_plan_of_the_dilemma(settled: tuple[Dilemma, Plan], text: str):
    asked, plan = settled
    for found in (read_plan(text, asked), read_plan(f"plan: {text}{written(plan)[6:]}{text}", asked)):
        assert all(found[i] in asked.issues[i].options for i in found)


@pytest.mark.parametrize(
    "text, plan",
    [
        ("", {}),
        ("bed=window; night-watch=her", {}),
        ("We plan bed=window.", {}),
        ("airplan: bed=window", {}),
        ("Plan:", {}),
        ("Plan:\n- bed=window\n- night-watch=her\n\nbed=door", {"bed": "window", "night-watch": "her"}),
        ("**Plan:**\n1. `bed`=`window`\n2) `night-watch = her`", {"bed": "window", "night-watch": "her"}),
        ("Plan: bed=window.\nI would not have bed=door.", {"bed": "window"}),
        ("Plan: .", {}),
        ("Plan: bed=window.", {"bed": "window"}),
        ("My plan : bed=window", {"bed": "window"}),
        ("**Plan:** bed=window; night-watch=her.", {"bed": "window", "night-watch": "her"}),
        ("Plan:\n  bed=window; night-watch=him-too", {"bed": "window", "night-watch": "him-too"}),
        ("plan: bed=window\nPlan: bed=door", {"bed": "door"}),
        ("Plan: bed=window\nplan: none of it", {}),
        ("Plan: bed=window; bed=window", {"bed": "window"}),
        ("Plan: bed=window; bed=door; night-watch=her", {"night-watch": "her"}),
        ("Plan: bed=window; bed=floor", {}),
        ("Plan: bed=floor; roof=open; night-watch=her", {"night-watch": "her"}),
        ("Plan: sickbed=window; night-watch=hers", {}),
        ("Plan: bed=window-seat", {}),
        ("Plan: watch=her; night=her", {}),
        ("Plan: bed=night-watch=her", {}),
        ("Plan: - bed=window, -night-watch=her", {"bed": "window", "night-watch": "her"}),
        ("Plan: ‘bed=window’ — “night-watch=her”…", {"bed": "window", "night-watch": "her"}),
        ("Plan: bed=wíndow; night-watch\u200b=her", {}),
        ("Plan: bed\u00a0=\u00a0window", {"bed": "window"}),
        ("Ｐlan: bed=window", {}),
    ],
)
def test_plan_lines_by_hand(text: str, plan: Plan):
    assert read_plan(text, TWO) == plan


HOSTILE = {
    "one endless word": "a" * 1_000_000,
    "words without a value": "a-" * 100_000,
    "words and spaces": "a " * 100_000,
    "one gap": "a" + " " * 1_000_000,
    "hyphens": "-" * 1_000_000,
    "underscored words": "_a" * 100_000,
    "equals signs": "=" * 1_000_000,
    "clauses of nobody": "a=b;" * 50_000,
    "one chain": "a=" * 100_000,
    "lines": "\n" * 1_000_000,
    "half plan lines": "plan\n" * 40_000,
    "plan lines": "plan:" * 40_000,
    "gap before a colon": "plan" + " " * 1_000_000,
    "foreign letters": "ſ=K;İ=ı;" * 25_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_anything_is_read_in_time_that_grows_with_its_length(name: str):
    """A rule that is quadratic in a line would stand still here for minutes to hours."""
    text = HOSTILE[name]
    assert read_plan(f"Plan: {text}", TWO) == {}
    assert read_plan(f"Plan: {text}\nPlan: bed=door.", TWO) == {"bed": "door"}
    assert not consents(text) and not parts(text)


@given(st.text(alphabet="abz09_- =;.ſİ\n", max_size=40))
@example("-bed=window")
@example("_bed=x")
@example("a-=-b=c")
def test_reading_in_linear_time_finds_the_clauses_that_plain_backtracking_does(text: str):
    plain = re.compile(r"([a-z0-9][a-z0-9_-]*)\s*=\s*([a-z0-9][a-z0-9_-]*)", re.IGNORECASE)
    assert CLAUSE.findall(text) == plain.findall(text)


def test_consent_and_parting_are_said_in_words_that_count():
    assert consents(AGREE) and not parts(AGREE)
    assert parts(DIFFER) and not consents(DIFFER)
    assert consents("Well then,\nI AGREE TO THIS PLAN, gladly.")
    assert consents("Yes, I agree to this plan.") and consents("It will do. **I agree to this plan**")
    assert not consents("I cannot say that I agree to this plan.") and not parts(
        "We must not let us agree to differ."
    )
    assert not consents("I agree.") and not consents("I agreed to this plan") and not consents("")


@given(DILEMMAS, VALUES)
@settings(max_examples=40)
def test_worth_is_brute_force_over_all_plans(asked: Dilemma, values: dict[str, float]):
    every = [
        dict(zip(asked.issues, options, strict=True))
        for options in product(*(issue.options for issue in asked.issues.values()))
    ]
    assert plans(asked) == every

    def total(plan: Plan) -> float:
        return sum(
            values.get(c, 0) * grade
            for i, o in plan.items()
            for c, grade in asked.issues[i].options[o].serves.items()
        )

    low, high = min(map(total, every)), max(map(total, every))
    for plan in every:
        found = worth(plan, asked, values)
        if high == low:
            assert found is None and worths(asked, values) is None
        else:
            assert found == pytest.approx((total(plan) - low) / (high - low), abs=1e-12)
            against = worth(plan, asked, {c: -3 * w for c, w in values.items()})
            assert against == pytest.approx(1 - found, abs=1e-12)


def test_worth_by_hand():
    asked = dilemma(
        {
            "bed": {"window": {"care": 2, "pace": -1}, "door": {"pace": 1}},
            "watch": {"a": {"care": -1}, "b": {}},
        }
    )
    assert raw({"care": 2, "pace": -1}, {"care": 1, "pace": 0.5}) == 1.5
    # care alone: window 2 over door 0, b 0 over a −1; the best plan is 3 above the worst
    assert worth({"bed": "window", "watch": "b"}, asked, {"care": 1}) == 1
    assert worth({"bed": "window", "watch": "a"}, asked, {"care": 1}) == pytest.approx(2 / 3)
    assert worth({"bed": "door", "watch": "b"}, asked, {"care": 5}) == pytest.approx(1 / 3)
    assert worth({"bed": "door", "watch": "a"}, asked, {"novelty": 1}) is None


@pytest.mark.parametrize(
    "plan", [{}, {"bed": "window"}, {"bed": "window", "night-watch": "her", "roof": "open"},
             {"bed": "floor", "night-watch": "her"}]
)  # fmt: skip
def test_what_is_no_whole_plan_has_no_worth(plan: Plan):
    asked = dilemma({"bed": {"window": {"care": 1}, "door": {}}, "night-watch": {"her": {}, "him-too": {}}})
    assert not whole(plan, asked)
    assert worth(plan, asked, {"care": 1}) is None


def test_a_dilemma_without_clauses_has_no_plans():
    bare = dilemma({})
    assert plans(bare) == [] and not whole({}, bare)
    assert worths(bare, {"care": 1}) is None and worth({}, bare, {"care": 1}) is None
    assert read_plan("Plan: bed=window", bare) == {}


def test_a_plan_in_words_is_its_clauses_as_sentences():
    assert in_words({"night-watch": "her", "bed": "door"}, TWO) == "Do her. Do door."
    assert in_words({}, TWO) == ""


# Which dilemma a name stands for.


def entry(**changes: Any) -> dict[str, Any]:
    """A dilemma of a file, as a person writes it."""
    issues = {"way": {"asks": "Which?", "options": {"l": {"says": "Go left."}, "r": {"says": "Go right."}}}}
    return {
        "goal": "Choose a way",
        "prompt": "You stand at a fork. Which way?",
        "principles": {"care": "One.", "pace": "Other."},
        "issues": issues,
    } | changes


def theme_file(path: Path, own: dict[str, Any], **changes: Any) -> Path:
    """A file of dilemmas: YAML, or JSON by its name."""
    data = {"theme": "own", "stratum": "everyday", "source": "mine", "dilemmas": own} | changes
    path.write_text(json.dumps(data) if path.suffix == ".json" else yaml.safe_dump(data))
    return path


def test_a_name_a_seed_and_a_file_stand_for_dilemmas(tmp_path: Path):
    assert package_load is load and load(f" {DEFAULT} ").name == DEFAULT
    assert load("any:7") == load("any:7") and load("any:7").name in names()
    assert len({load(f"any:{seed}").name for seed in range(30)}) > 10
    one = theme_file(tmp_path / "one.yaml", {"fork": entry()}, held_out=True)
    assert load(str(one)) == load(f"{one}#fork")
    assert (load(str(one)).name, load(str(one)).theme, load(str(one)).held_out) == ("fork", "own", True)
    two = theme_file(tmp_path / "two.json", {"fork": entry(), "ford": entry(source="hers")})
    assert (load(f"{two}#ford").source, load(f"{two}#fork").source) == ("hers", "mine")


@pytest.mark.parametrize(
    "spec, says",
    [
        (DEFAULT + "s", f"did you mean {DEFAULT}"),
        ("qqqqqqqq", "python -m scenarios.dilemmas list"),
        ("", "no dilemma ''"),
        ("any:", "whole number"),
        ("any:-1", "whole number from 0"),
        ("any:1.5", "whole number"),
        ("any:" + "9" * 5000, "whole number"),
        ("nowhere/own.yaml", "no such file"),
        ("own.yml#x", "no such file"),
    ],
)
def test_a_wrong_name_is_refused_in_one_line(spec: str, says: str):
    with pytest.raises(ParleyError) as error:
        load(spec)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_request_reads_no_files(tmp_path: Path):
    own = theme_file(tmp_path / "one.yaml", {"fork": entry()})
    for spec in (str(own), f"{own}#fork", "one.json", f"moralchoice:{own}#fork", "../x"):
        with pytest.raises(ParleyError, match="files are not read here"):
            load(spec, files=False)
    assert load(DEFAULT, files=False).name == DEFAULT


def test_a_file_of_several_asks_which(tmp_path: Path):
    two = theme_file(tmp_path / "two.yaml", {"fork": entry(), "ford": entry()})
    for spec in (str(two), f"{two}#", f"{two}#forke"):
        with pytest.raises(ParleyError, match="name one, .*two.yaml#f"):
            load(spec)


def options(**second: Any) -> dict[str, Any]:
    """Issues whose second option is as given."""
    return {"way": {"asks": "Which?", "options": {"l": {"says": "Go left."}, "r": {"says": "Go."} | second}}}


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"prompt": "You stand at a fork, and you go left."}, "ends in no question"),
        ({"goals": "x"}, "did you mean 'goal'"),
        ({"goal": None}, "not text"),
        ({"goal": "Go \u202egnorw"}, "control character"),
        ({"principles": {"care": "One."}}, "principles"),
        ({"principles": {"care": "One.", "beauty": "Other."}}, "no consideration 'beauty'"),
        ({"issues": {"Way": options()["way"]}}, "no name"),
        ({"issues": {"way": {"asks": "Which?", "options": {"l": {"says": "Go."}}}}}, "options"),
        ({"issues": options(serves={"cost": 1})}, "no consideration 'cost'"),
        ({"issues": options(serves={"care": 3})}, "3 is no grade"),
        ({"issues": options(serves={"care": 0.5})}, "0.5"),
        ({"issues": options(serves={"care": True})}, "true or false where a number belongs"),
        ({"issues": options(says="x" * 201)}, "at most 200"),
        ({"issues": "none"}, "not a mapping"),
    ],
)
def test_a_wrong_dilemma_is_refused_in_one_line_that_names_it(
    tmp_path: Path, changes: dict[str, Any], says: str
):
    own = theme_file(tmp_path / "own.yaml", {"fork": entry(**changes)})
    with pytest.raises(ParleyError) as error:
        read_theme(own)
    message = str(error.value)
    assert says in message and "own.yaml: fork: " in message and "\n" not in message


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"dilemmas": ["fork"]}, "dilemmas: "),
        ({"dilemmas": {"fork": 3}}, "dilemmas.fork: 3 is not a mapping"),
        ({"dilemmas": {"The Fork": {}}}, "no name"),
        ({"stratum": "work"}, "stratum: 'work' is not one of"),
        ({"helt_out": True}, "did you mean 'held_out'"),
        ({"source": None}, "source"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, changes: dict[str, Any], says: str):
    own = theme_file(tmp_path / "own.yaml", {"fork": entry()}, **changes)
    with pytest.raises(ParleyError) as error:
        read_theme(own)
    assert says in str(error.value) and str(own) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name, text, says",
    [
        ("own.yaml", "- fork\n", "mapping of theme"),
        ("own.yaml", "", "empty"),
        ("own.yaml", "theme: a\ntheme: b\n", "stands twice"),
        ("own.yaml", "theme: [\n", "line"),
        ("own.json", "{", "line 1"),
        ("own.txt", "theme: a", "rename it"),
    ],
)
def test_an_ill_formed_file_is_refused_in_one_line(tmp_path: Path, name: str, text: str, says: str):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ParleyError) as error:
        read_theme(path)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_plain_data_that_is_no_mapping_is_refused():
    with pytest.raises(ParleyError, match=r"^a request: a dilemma is a mapping"):
        parse_dilemma(["fork"], "a request")


def test_one_name_in_two_themes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    theme_file(tmp_path / "a.yaml", {"fork": entry()}, theme="a")
    theme_file(tmp_path / "b.yaml", {"fork": entry()}, theme="b")
    monkeypatch.setattr(sys.modules[read_theme.__module__], "CATALOGUE", tmp_path)
    with pytest.raises(ParleyError, match=r"b.yaml: 'fork' stands in a too"):
        catalogue.__wrapped__()
