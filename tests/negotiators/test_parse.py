"""Does the parser take a whole answer from any wrapping, and never a number that was not written?"""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiators.chat.debate.parse import LONGEST_ARGUMENT, read
from negotiators.chat.debate.schema import cells, example, reply_schema
from negotiators.chat.finding import outermost
from tests.negotiators.small import FEASIBLE, reply, small_ward

WARD = small_ward()
X = WARD.array(FEASIBLE)
JSON = reply()

WRAPPINGS = {
    "bare": "{}",
    "fenced": "```json\n{}\n```",
    "prose": "Here is what I would do, given {{this}} ward:\n{}\nI hope that helps.",
    "thought": '<think>perhaps {{"allocation": {{"p1": 0}}}}, or not</think>\n{}',
    "thought opened in the prompt": "the bed goes to p1, so {{staff}} follows</think>{}",
    "thinking": "<thinking>\nlong\n</thinking>\n```\n{}\n```",
    "wrapped": '{{"answer": {}}}',
    "said twice": "{0}\n{0}",
}


@pytest.mark.parametrize("wrapping", WRAPPINGS.values(), ids=WRAPPINGS.keys())
def test_a_whole_answer_is_found_in_any_wrapping(wrapping: str) -> None:
    reading = read(wrapping.format(JSON), "stop", WARD)
    assert reading.x is not None and reading.problems == ()
    assert WARD.allocation(reading.x) == {**FEASIBLE, "p3": {}}
    assert reading.argument == "Need."


@given(cut=st.integers(min_value=0, max_value=len(JSON) - 1))
def test_no_cut_of_an_answer_gives_an_allocation(cut: int) -> None:
    assert read(JSON[:cut], "stop", WARD).x is None
    assert read("```json\n" + JSON[:cut], None, WARD).x is None


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS"])
def test_what_the_server_says_was_cut_off_is_not_read_even_if_it_looks_whole(reason: str) -> None:
    reading = read(JSON, reason, WARD)
    assert reading.truncated and reading.x is None


@given(
    staff=st.floats(min_value=0, max_value=5),
    bed=st.sampled_from(["p1", "p2"]),
    wrapping=st.sampled_from(list(WRAPPINGS)),
)
def test_numbers_come_through_exactly(staff: float, bed: str, wrapping: str) -> None:
    given_ = {p: {"icu_bed": float(p == bed), "staff": staff} for p in ("p1", "p2")}
    reading = read(WRAPPINGS[wrapping].format(reply(given_)), "stop", WARD)
    assert reading.x is not None and (reading.x == WARD.array(given_)).all()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"1"', "p1.icu_bed is '1'; give a plain number"),
        ("true", "p1.icu_bed is 'true'; give a plain number"),
        ("null", "p1.icu_bed is 'null'; give a plain number"),
        ("[1]", "p1.icu_bed is '[1]'; give a plain number"),
        ("NaN", "p1.icu_bed is not a finite number"),
        ("Infinity", "p1.icu_bed is not a finite number"),
        ("-Infinity", "p1.icu_bed is not a finite number"),
        ("1e999", "p1.icu_bed is not a finite number"),
        ("1" + "0" * 400, "p1.icu_bed is not a finite number"),
    ],
)
def test_what_is_no_finite_number_is_named_and_never_guessed(value: str, said: str) -> None:
    reading = read(JSON.replace('"icu_bed": 1.0', f'"icu_bed": {value}'), "stop", WARD)
    assert reading.x is None
    assert len(reading.problems) == 1 and reading.problems[0].startswith(said)


def test_what_is_missing_is_named_and_is_not_zero() -> None:
    reading = read(reply({"p1": {"icu_bed": 1}}), "stop", WARD)
    assert reading.x is None
    assert reading.problems == (
        "p1.staff is missing; give a number, 0 if nothing",
        "patient p2 is missing; give icu_bed, staff, 0 if nothing",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot decide this.",
        "{}",
        '{"argument": "x"}',
        "[1, 2]",
        "{" * 5_000,
        '{"a":' * 3_000,
        "<think>" + JSON,
        "<think>" + JSON + "</think>",
        '{"allocation": ' + "9" * 5_000 + "}",
    ],
    ids=[
        "empty",
        "words",
        "no keys",
        "no allocation",
        "list",
        "braces",
        "deep",
        "open thought",
        "thought",
        "long int",
    ],
)
def test_what_holds_no_answer_is_a_problem_and_never_an_error(text: str) -> None:
    reading = read(text, "stop", WARD)
    assert reading.x is None and len(reading.problems) == 1


def test_two_different_answers_are_refused() -> None:
    other = reply({"p1": {"icu_bed": 0, "staff": 1}, "p2": {"icu_bed": 1, "staff": 1}})
    assert read(f"{JSON} or rather {other}", "stop", WARD).problems == (
        "there are 2 different JSON objects with an `allocation`; give one",
    )


def test_a_key_that_stands_twice_is_refused() -> None:
    found, problem = outermost('{"allocation": {"p1": {"staff": 1, "staff": 8}}}', "allocation")
    assert found is None and problem == "the key 'staff' stands twice in one object; give it once"


def test_an_infeasible_answer_is_kept_whole_with_the_exact_violations() -> None:
    greedy = {"p1": {"icu_bed": 1, "staff": 8}, "p2": {"icu_bed": 0.5, "staff": 6}}
    reading = read(reply(greedy), "stop", WARD)
    assert reading.x is not None
    assert list(reading.problems) == WARD.violations(reading.x)
    assert "staff adds up to 14, but capacity is 10: take back 4" in reading.problems


def test_a_merge_outside_what_the_seats_submitted_is_a_problem() -> None:
    low = WARD.array({"p1": {"icu_bed": 0, "staff": 2}, "p2": {"icu_bed": 0, "staff": 4}})
    high = WARD.array({"p1": {"icu_bed": 1, "staff": 5}, "p2": {"icu_bed": 1, "staff": 4}})
    problems = read(JSON, "stop", WARD, span=(low, high)).problems
    assert problems == ("p1.staff is 6, but the seats' moves lie from 2 to 5",)


def test_what_the_ward_does_not_know_is_passed_over_and_said() -> None:
    given_ = {**FEASIBLE, "p9": {"icu_bed": 1}, "p3": {"staff": 2}}
    reading = read(reply(given_), "stop", WARD)
    assert reading.problems == ()
    assert reading.notices == (
        "passed over 'p9': no such patient",
        "passed over p3.'staff': p3 does not need it",
    )


def test_only_passages_that_were_shown_are_cited_and_only_cells_that_exist_conceded() -> None:
    text = reply(citations=["a1", "zz", "a1", 3], concedes=["p1.staff", "p1.staff", "all of it", "p3.staff"])
    reading = read(text, "stop", WARD, shown=("a1", "a2"))
    assert reading.citations == ("a1",) and reading.concedes == ("p1.staff",)
    assert reading.notices == (
        "cited what it was not shown: 'zz'",
        "conceded no cell of this ward: 'all of it', 'p3.staff'",
    )


@pytest.mark.parametrize("odd", [None, 3, {"a": 1}, ["x"], "util-03"])
def test_odd_words_do_not_cost_the_allocation(odd: Any) -> None:
    reading = read(
        reply(argument=odd if not isinstance(odd, str) else 1, citations=odd, concedes=odd), "stop", WARD
    )
    assert reading.x is not None and reading.problems == ()
    assert reading.argument == "" and reading.citations == () and reading.notices[0] == "gave no argument"


def test_an_argument_is_bounded_and_holds_no_hidden_characters() -> None:
    reading = read(reply(argument="a\u202eb\u0000c" + "x" * 9_000), "stop", WARD)
    assert reading.argument.startswith("abcx") and len(reading.argument) <= LONGEST_ARGUMENT + len(" […]")


def test_an_argument_that_quotes_a_thought_does_not_cost_the_answer() -> None:
    assert read(reply(argument="they wrote </think> and <think>"), "stop", WARD).x is not None


def test_the_schema_closes_every_object_and_accepts_what_the_parser_accepts() -> None:
    schema = reply_schema(WARD, ["util-03"])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(reply(citations=["util-03"])), schema)
    assert next(iter(schema["properties"])) == "argument"
    for bad in (reply({"p1": FEASIBLE["p1"]}), reply(citations=["other"]), reply(extra=1)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(bad), schema)
    text = json.dumps(schema)
    assert not any(
        f'"{bound}"' in text for bound in ("minimum", "maximum", "minItems", "maxItems", "pattern")
    )
    for part in _objects(schema):
        assert part["additionalProperties"] is False and part["required"] == list(part["properties"])


def test_the_schema_leaves_out_who_needs_nothing_and_never_has_an_empty_choice() -> None:
    assert cells(WARD) == {"p1": ["icu_bed", "staff"], "p2": ["icu_bed", "staff"]}
    assert reply_schema(WARD, [])["properties"]["citations"]["items"] == {"type": "string"}
    assert "citations" not in reply_schema(WARD, None)["properties"]
    assert '"p1": {"icu_bed": <number>, "staff": <number>}' in example(WARD, [])


def _objects(schema: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [o for part in schema.get("properties", {}).values() for o in _objects(part)]
    return [schema, *inner] if schema.get("type") == "object" else inner


def test_nothing_read_is_ever_infinite() -> None:
    reading = read(
        reply({"p1": {"icu_bed": 1e300, "staff": -1e300}, "p2": {"icu_bed": 0, "staff": 0}}), "stop", WARD
    )
    assert reading.x is not None and all(map(math.isfinite, reading.x.flat)) and len(reading.problems) >= 2


def test_a_hostile_reply_is_read_in_no_time() -> None:
    import time

    began = time.perf_counter()
    for text in (
        "<think>" * 28_000,
        '{"a":' * 39_000,
        '{"argument": "' + "x" * 1_000_000 + '"}',
        "</think>" * 24_000,
    ):
        assert outermost(text, "allocation")[0] is None
    assert time.perf_counter() - began < 5, "quadratic in the length of a reply"
