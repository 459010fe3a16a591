"""Does a chat seat come to a possible move on the commons and in games, or an abstention, whatever is answered?"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiators.chat import Chat, prompt_hashes
from negotiators.chat.cost import Price
from negotiators.chat.dilemma.prompting import question
from negotiators.chat.dilemma.reading import read
from negotiators.dilemma import DilemmaView
from negotiators.protocol import Unreachable
from scenarios.errors import ParleyError
from scenarios.games import Game
from tests.dilemma_partner import concern, honest_party
from tests.loopback import FINGERPRINT, MODEL, Loopback, completion, failing, in_turn, refusing
from tests.negotiators.dilemma_conformance import DilemmaConformance, Table, check
from tests.negotiators.dilemmas import answer, commons_view, fishery, game_view, kinds, persona, put
from tests.negotiators.small import KEY, clear_environment

HARVEST, REPORT, VOTE, TALK, ACT = (
    commons_view(),
    commons_view("report"),
    commons_view("vote", regime="spoken"),
    commons_view("talk"),
    game_view(),
)
LABEL = "defect (low effort)"

GOOD: dict[str, tuple[DilemmaView, str, dict[str, Any]]] = {
    "harvest": (HARVEST, answer(amount=9), {"amount": 9, "words": "Because."}),
    "nothing": (HARVEST, answer(amount=0), {"amount": 0}),
    "a whole number with a point": (HARVEST, answer(amount=9.0), {"amount": 9}),
    "report": (REPORT, answer(amount=4), {"amount": 4}),
    "vote yes": (VOTE, answer(vote=True), {"vote": True}),
    "vote no": (VOTE, answer(vote=False), {"vote": False}),
    "talk": (TALK, '{"words": "Half each."}', {"words": "Half each."}),
    "silence": (TALK, '{"words": ""}', {"words": ""}),
    "act": (ACT, answer(action=LABEL), {"choice": LABEL}),
    "act, spelt otherwise": (ACT, answer(action=" Defect  (LOW effort)"), {"choice": LABEL}),
    "draft in words": (commons_view("draft", regime="spoken"), answer(words="Eight."), {"words": "Eight."}),
}

BAD: dict[str, tuple[DilemmaView, str, str]] = {
    "no number": (HARVEST, answer(amount="9"), "`amount` is '9'; give a plain number"),
    "a truth": (HARVEST, answer(amount=True), "`amount` is 'true'; give a plain number"),
    "nothing named": (HARVEST, answer(amount=None), "`amount` is 'null'; give a plain number"),
    "not a number": (HARVEST, '{"amount": NaN}', "`amount` is not a finite number"),
    "endless": (HARVEST, '{"amount": -Infinity}', "`amount` is not a finite number"),
    "words for a number": (REPORT, answer(said=4), "there is no JSON object with an `amount` in it"),
    "two answers": (
        HARVEST,
        '{"amount": 1} or {"amount": 2}',
        "there are 2 different JSON objects with an `amount`",
    ),
    "a vote in words": (VOTE, answer(vote="yes"), "`vote` is 'yes'; give true or false, without quotes"),
    "a vote in numbers": (VOTE, answer(vote=1), "`vote` is '1'; give true or false"),
    "no action of its": (
        ACT,
        answer(action="cooperate"),
        "`action` is 'cooperate'; give one of yours, exactly",
    ),
    "an action by number": (ACT, answer(action=3), "`action` is '3'; give one of yours"),
    "a list of words": (TALK, '{"words": ["a"]}', "`words` is '[\"a\"]'; give a text"),
    "prose": (VOTE, "I am for it.", "there is no JSON object with a `vote` in it"),
    "nothing": (TALK, "", "there is no JSON object with `words` in it"),
}

BOUNDED: dict[str, tuple[str, int, str]] = {
    "too much": ("101", 100, "`amount` is 101, but it must lie from 0 to 100"),
    "negative": ("-3", 0, "`amount` is -3, but it must lie from 0 to 100"),
    "a fraction": ("7.9", 7, "`amount` is 7.9; give a whole number"),
    "far too much": ("1e300", 100, "`amount` is 1e+300, but it must lie from 0 to 100"),
    "digits without end": ("1" + "0" * 400, 100, "but it must lie from 0 to 100"),
    "a negative fraction": ("-0.5", 0, "`amount` is -0.5, but it must lie"),
}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


class TestConformance(DilemmaConformance):
    """The suite that every party passes, against the scripted partner."""

    @pytest.fixture
    async def table(self) -> AsyncIterator[Table]:
        with Loopback(honest_party) as server:
            async with Chat("openai:scripted", base_url=server.base_url, api_key=KEY, prices={}) as chat:
                yield lambda view: chat


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD)
class TestAnAnswerThatStands:
    async def test_becomes_the_move(self, case: tuple[DilemmaView, str, dict[str, Any]]) -> None:
        view, said, made = case
        reply, server = await put(completion(said, usage=(80, 9)), view)
        assert check(view, reply).status == "made" and len(server.heard) == 1 and reply.incidents == ()
        assert {k: getattr(reply.move, k) for k in made} == made
        assert (reply.usage.seat, reply.usage.node, reply.usage.calls) == (view.seat, view.occasion, 1)
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (80, 9)
        assert reply.model == f"{MODEL} ({FINGERPRINT})" and server.heard[0].body["seed"] == view.seed

    async def test_may_be_wrapped_in_other_text(self, case: tuple[DilemmaView, str, dict[str, Any]]) -> None:
        view, said, made = case
        wrappings = (
            f"```json\n{said}\n```",
            f'<think>perhaps {{"amount": 3, "vote": false}}?</think>{said}',
            f"thought opened in the prompt</think>\n{said}\nIs that all right?",
            f'{{"answer": {said}}}',
        )
        for text in wrappings:
            found = read(text, "stop", question(view))
            assert found.problems == () and {k: getattr(found, k) for k in made} == made

    async def test_follows_a_wrong_one_that_was_put_right(
        self, case: tuple[DilemmaView, str, dict[str, Any]]
    ) -> None:
        view, said, made = case
        reply, server = await put(in_turn(completion("Well."), completion(said)), view)
        assert check(view, reply).status == "made" and kinds(reply) == ["corrected"]
        assert {k: getattr(reply.move, k) for k in made} == made
        assert server.heard[1].body["messages"][2] == {"role": "assistant", "content": "Well."}
        assert "there is no JSON object with" in server.heard[1].user and reply.usage.calls == 2

    async def test_fits_the_schema_that_was_asked_for(
        self, case: tuple[DilemmaView, str, dict[str, Any]]
    ) -> None:
        view, said, _ = case
        schema = question(view).schema
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False and schema["required"] == list(schema["properties"])
        if "action" not in schema["properties"] or json.loads(said)["action"] == LABEL:
            jsonschema.validate(json.loads(said), schema)


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
async def test_what_is_no_answer_is_named_once_and_then_missing_never_a_zero_or_a_no(
    case: tuple[DilemmaView, str, str],
) -> None:
    view, said, problem = case
    reply, server = await put(completion(said), view)
    assert check(view, reply).status == "abstained" and kinds(reply) == ["corrected", "abstained"]
    assert problem in server.heard[1].user and len(server.heard) == 2 and reply.usage.calls == 2
    assert reply.incidents[0].node == view.occasion and reply.incidents[0].round == view.step


def test_an_action_that_could_be_two_is_none() -> None:
    data = game_view("prisoners-dilemma").scenario.model_dump(mode="json")
    twins = Game.model_validate(data | {"actions": [["Go", "go"], ["Go", "go"]]})
    asked = question(game_view(twins))
    assert read(answer(action="go"), "stop", asked).choice == "go", "its exact name is its own"
    assert not read(answer(action="GO"), "stop", asked).given


@pytest.mark.parametrize("case", BOUNDED.values(), ids=BOUNDED)
async def test_an_amount_out_of_bounds_is_named_once_and_then_bounded(case: tuple[str, int, str]) -> None:
    written, bounded, problem = case
    text = answer(amount=0).replace("0", written)
    reply, server = await put(completion(text), HARVEST)
    assert (check(HARVEST, reply).status, reply.move.amount) == ("repaired", bounded)
    assert problem in server.heard[1].user and kinds(reply) == ["corrected", "repaired"]
    again, _ = await put(in_turn(completion(text), completion("I give up.")), HARVEST)
    assert (again.move.status, again.move.amount) == ("repaired", bounded), "the first was whole"
    mended, _ = await put(in_turn(completion(text), completion(answer(amount=8))), HARVEST)
    assert (mended.move.status, mended.move.amount) == ("made", 8)


@given(amount=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_any_number_is_read_as_itself_or_as_the_nearest_that_is_possible(amount: float) -> None:
    found = read(answer(amount=amount), "stop", question(HARVEST))
    assert found.given and found.amount is not None and 0 <= found.amount <= 100
    if float(amount).is_integer() and 0 <= amount <= 100:
        assert found.problems == () and found.amount == amount
    else:
        assert found.problems and abs(found.amount - amount) <= abs(min(max(amount, 0), 100) - amount) + 1


@given(text=st.text(max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    for view in (HARVEST, VOTE, TALK, ACT):
        for written in (text, json.dumps(text), answer(amount=text, vote=text, words=text, action=text)):
            found = read(written, None, question(view))
            assert found.given or found.problems


def test_a_hostile_answer_is_read_in_no_time() -> None:
    began = time.perf_counter()
    for text in ("<think>" * 28_000, '{"a":' * 39_000, answer(words="x" * 1_000_000), '{"amount":' * 19_000):
        for view in (HARVEST, TALK):
            assert not read(text, "stop", question(view)).given
    assert time.perf_counter() - began < 5, "quadratic in the length of an answer"


@pytest.mark.parametrize("view", [HARVEST, REPORT, VOTE, TALK, ACT], ids=lambda v: v.occasion)
class TestAnAnswerThatWasCutOff:
    SAID = answer(amount=9, vote=True, words="w", action=LABEL)

    async def test_is_not_read_even_if_it_looks_whole(self, view: DilemmaView) -> None:
        cut = completion(self.SAID, finish_reason="length", usage=(100, 400))
        reply, server = await put(in_turn(cut, completion(self.SAID)), view, max_output_tokens=400)
        assert check(view, reply).status == "made" and kinds(reply) == ["truncated"]
        assert [h.body["max_tokens"] for h in server.heard] == [400, 800]
        assert "cut off" in server.heard[1].user and len(server.heard[1].body["messages"]) == 2

    async def test_twice_is_an_abstention(self, view: DilemmaView) -> None:
        reply, _ = await put(completion(self.SAID, finish_reason="length"), view)
        assert check(view, reply).status == "abstained"
        assert kinds(reply) == ["truncated", "truncated", "abstained"]


def test_the_hash_is_of_what_was_shown() -> None:
    seen = commons_view()
    others = [
        replace(seen, step=3),
        replace(seen, now={**seen.now, "stock": 70}),
        replace(seen, persona=persona("prosocial")),
        commons_view("talk"),
    ]
    assert question(seen).hash == question(commons_view()).hash
    assert len({question(other).hash for other in (seen, *others)}) == 5


class TestTheServer:
    async def test_that_is_down_is_one_clear_line_and_no_move(self) -> None:
        with pytest.raises(Unreachable, match=r"the server answered 503 \(tried 2 times\)$"):
            await put(failing(503), HARVEST, tries=2)

    async def test_is_asked_for_a_tool_call_where_plain_words_came_back(self) -> None:
        def script(heard: Any) -> Any:
            said = answer(amount=9)
            return completion(None, tool_arguments=said) if heard.route == "tools" else completion("Nine.")

        reply, server = await put(refusing("json_schema", "json_object", then=script), HARVEST)
        assert reply.move.amount == 9 and server.heard[-1].route == "tools"
        assert server.heard[-1].body["tools"][0]["function"]["name"] == "submit_harvest"
        assert server.heard[0].body["response_format"]["json_schema"]["name"] == "submit_harvest"

    async def test_is_paid_once_and_replayed_for_nothing(self) -> None:
        kept: dict[str, str] = {}

        async def pay(request: dict[str, Any], call: Any) -> dict[str, Any]:
            key = json.dumps(request, sort_keys=True)
            if key not in kept:
                kept[key] = json.dumps(await call(request))
            return json.loads(kept[key])  # type: ignore[no-any-return]

        with Loopback(in_turn(completion(answer(amount=-1)), completion(answer(amount=9)))) as server:
            async with Chat("openai:scripted", base_url=server.base_url) as chat:
                first, again = await chat.act(HARVEST, pay=pay), await chat.act(HARVEST, pay=pay)
        assert len(server.heard) == len(kept) == 2 and first == again and first.move.amount == 9

    async def test_is_paid_for_answers_that_came_to_nothing(self) -> None:
        script = in_turn(completion("no"), completion(answer(vote=True), usage=(1000, 500)))
        reply, _ = await put(script, VOTE, prices={"scripted": Price(input=2.0, output=8.0)})
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (1100, 550)
        assert reply.usage.cost_usd == pytest.approx((1100 * 2 + 550 * 8) / 1e6)


class TestGradedConcern:
    DIAL = (-0.5, 0.0, 0.5, 1.0, 2.0, 5.0, float("inf"))

    def test_stands_in_the_prompt_as_the_persona_says_it_and_nowhere_else(self) -> None:
        for degree in self.DIAL:
            system, user = question(commons_view(persona=persona(degree))).messages
            assert concern(system["content"]) == degree and "λ" not in system["content"] + user["content"]
        for name in ("selfish", "half-hearted", "considerate", "prosocial", "spiteful"):
            assert (
                concern(question(game_view(persona=persona(name))).messages[0]["content"])
                == persona(name).degree
            )

    async def test_moves_a_partner_that_minds_it_and_monotonically(self) -> None:
        async def asked(view: DilemmaView) -> Any:
            move = (await put(honest_party, view))[0].move
            return move.amount if move.choice is None else move.choice

        harvests = [await asked(commons_view(persona=persona(degree))) for degree in self.DIAL]
        assert harvests == sorted(harvests, reverse=True) and harvests[0] > harvests[1] > harvests[-1]
        places = [
            game_view().scenario.actions[0].index(await asked(game_view(persona=persona(d))))
            for d in self.DIAL
        ]  # type: ignore[union-attr]
        assert places == sorted(places, reverse=True) and places[-1] == 0, "from defection to high effort"


def test_a_game_too_large_to_be_told_is_one_clear_line() -> None:
    n, actions = 6, tuple(f"b{i}" for i in range(4))
    flat: Any = [0.0] * n
    for _ in range(n):
        flat = [flat] * 4
    names = tuple(tuple(f"{a}-{i}" for a in actions) for i in range(n))
    huge = Game.model_validate(
        {"name": "huge", "title": "Huge", "source": "ours", "actions": names, "states": [{"payoffs": flat}]}
    )
    with pytest.raises(
        ParleyError, match=r"^game 'huge': 4096 rows of payoffs are too many .*; take a smaller"
    ):
        question(game_view(huge))


def test_hashes_cover_every_prompt_and_the_debates_own_stay_apart() -> None:
    debate, dilemma = prompt_hashes(), prompt_hashes("dilemma")
    assert {"commons", "game", "coder", "harvest", "report", "talk", "vote", "act", "code"} <= set(dilemma)
    assert {"draft_spoken", "draft_enforced", "draft_coded", "correction", "shorter"} <= set(dilemma)
    assert debate == prompt_hashes("debate") and "harvest" not in debate and "merge" not in dilemma


def test_a_table_of_twelve_over_sixty_months_is_still_a_prompt_of_bounded_length() -> None:
    from tests.negotiators.dilemmas import month, own

    case = fishery(agents=12, months=60)
    told = tuple(month(m, said=dict.fromkeys(case.names, "word " * 5_000)) for m in range(1, 60))
    seen = commons_view(scenario=case, step=60, told=told, own=tuple(own(m) for m in range(1, 60)))
    text = question(seen).messages[1]["content"]
    assert len(text) < 90_000 and "The first 35 months are left out" in text
    assert "Your payoff so far is 590" in text, "sums are over all months"
