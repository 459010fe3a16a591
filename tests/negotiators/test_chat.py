"""Does a chat seat come to a feasible move, or an abstention, over real HTTP, whatever the model answers?"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from negotiators.chat import Chat
from negotiators.chat.cost import Price
from negotiators.protocol import Negotiator, Reply, move_hash
from tests.loopback import (
    FINGERPRINT,
    MODEL,
    Answer,
    Heard,
    Loopback,
    Script,
    always,
    completion,
    honest_seat,
    in_turn,
    refusing,
)
from tests.negotiators.conformance import Conformance
from tests.negotiators.small import (
    FEASIBLE,
    KEY,
    OTHER,
    PASSAGE,
    ask,
    clear_environment,
    kinds,
    move,
    reply,
    small_ward,
    view,
)

GREEDY = {"p1": {"icu_bed": 1, "staff": 8}, "p2": {"icu_bed": 1, "staff": 6}}
GOOD = completion(reply())


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


class TestConformance(Conformance):
    """The suite that every negotiator passes, against the scripted partner."""

    @pytest.fixture
    async def negotiator(self) -> AsyncIterator[Negotiator]:
        with Loopback(honest_seat) as server:
            async with Chat("openai:scripted", base_url=server.base_url, api_key=KEY, prices={}) as chat:
                yield chat


class TestAReplyThatStands:
    async def test_becomes_the_move_with_tokens_model_and_hashes(self) -> None:
        said = reply(argument="Two need it.", citations=["util-03"], concedes=["p1.staff"])
        other = move()
        seen = view("critique", moves=(other,), passages=(PASSAGE,), solo=FEASIBLE)
        answered, server = await ask(completion(said, usage=(812, 64)), seen)
        made = answered.move
        assert (made.status, made.argument) == ("made", "Two need it.")
        assert (made.citations, made.concedes) == (["util-03"], ["p1.staff"])
        assert made.allocation == {**FEASIBLE, "p3": {}}
        assert made.seen == [move_hash(other)] and len(made.prompt_hash) == 64
        assert (answered.usage.calls, answered.usage.input_tokens, answered.usage.output_tokens) == (
            1,
            812,
            64,
        )
        assert answered.usage.cost_usd is None and answered.incidents == ()
        assert answered.model == f"{MODEL} ({FINGERPRINT})"
        assert server.heard[0].body["seed"] == 7 and "temperature" not in server.heard[0].body

    async def test_is_asked_for_by_a_closed_schema_of_this_ward(self) -> None:
        _, server = await ask(GOOD, view(passages=(PASSAGE,)))
        schema = server.heard[0].schema
        assert list(schema["properties"]["allocation"]["properties"]) == ["p1", "p2"]
        assert schema["properties"]["citations"]["items"]["enum"] == ["util-03"]
        assert server.heard[0].body["response_format"]["json_schema"]["strict"] is True

    @pytest.mark.parametrize(
        "text",
        [
            f"```json\n{reply()}\n```",
            f"<think>hm {{}}</think>{reply()}",
            f"Gladly:\n{reply()}\nIs that all right?",
        ],
        ids=["fenced", "thought", "prose"],
    )
    async def test_may_be_wrapped_in_other_text(self, text: str) -> None:
        answered, server = await ask(completion(text))
        assert answered.move.status == "made" and len(server.heard) == 1

    async def test_has_unknown_tokens_where_the_server_gives_none(self) -> None:
        answered, _ = await ask(
            completion(reply(), usage=None), prices={"scripted": Price(input=1, output=1)}
        )
        assert (answered.usage.input_tokens, answered.usage.output_tokens, answered.usage.cost_usd) == (
            None,
        ) * 3


class TestAReplyThatCannotStand:
    async def test_is_answered_once_with_the_exact_violation_and_then_stands(self) -> None:
        answered, server = await ask(in_turn(completion(reply(GREEDY)), GOOD))
        assert answered.move.status == "made" and kinds(answered) == ["corrected"]
        *_, echoed, correction = server.heard[1].body["messages"]
        assert echoed == {"role": "assistant", "content": reply(GREEDY)}
        assert "- icu_bed adds up to 2, but capacity is 1: take back 1" in correction["content"]
        assert "- staff adds up to 14, but capacity is 10: take back 4" in correction["content"]
        assert answered.usage.calls == 2 and answered.usage.input_tokens == 200

    async def test_is_projected_if_it_stays_infeasible(self) -> None:
        answered, server = await ask(completion(reply(GREEDY)))
        assert answered.move.status == "repaired" and kinds(answered) == ["corrected", "repaired"]
        assert len(server.heard) == 2
        x = small_ward().array(answered.move.allocation or {})
        assert x.sum(axis=0) == pytest.approx([1, 10])

    async def test_is_projected_from_the_first_if_only_that_was_whole(self) -> None:
        answered, _ = await ask(in_turn(completion(reply(GREEDY)), completion("I give up.")))
        assert answered.move.status == "repaired"

    async def test_is_an_abstention_if_neither_was_whole_and_never_a_zero(self) -> None:
        answered, server = await ask(completion(reply({"p1": {"icu_bed": 1, "staff": 1}})))
        assert answered.move.status == "abstained" and answered.move.allocation is None
        assert kinds(answered) == ["corrected", "abstained"]
        assert "patient p2 is missing" in server.heard[1].user and answered.usage.calls == 2

    @pytest.mark.parametrize("value", ['"1"', "NaN", "Infinity", "true"])
    async def test_names_a_value_that_is_no_number(self, value: str) -> None:
        bad = reply().replace('"icu_bed": 1.0', f'"icu_bed": {value}')
        answered, server = await ask(in_turn(completion(bad), GOOD))
        assert answered.move.status == "made" and "p1.icu_bed is" in server.heard[1].user

    @pytest.mark.parametrize("wild", [1e300, -1e300, 1e12])
    async def test_is_projected_even_if_wild(self, wild: float) -> None:
        answered, _ = await ask(
            completion(reply({"p1": {"icu_bed": wild, "staff": wild}, "p2": FEASIBLE["p2"]}))
        )
        assert answered.move.status == "repaired"

    async def test_of_plain_words_is_asked_for_as_a_tool_call_at_last(self) -> None:
        def script(heard: Heard) -> Answer:
            called = heard.route == "tools"
            return completion(None, tool_arguments=reply()) if called else completion("p1 gets the bed.")

        with Loopback(refusing("json_schema", "json_object", then=script)) as server:
            async with Chat("openai:scripted", base_url=server.base_url) as chat:
                first, second = await chat.decide(view()), await chat.decide(view())
        routes = [h.route for h in server.heard]
        assert routes == ["json_schema", "json_object", "plain", "tools", "tools"]
        assert server.heard[3].body["tools"][0]["function"]["parameters"]["required"][0] == "argument"
        assert first.move.status == second.move.status == "made"
        assert kinds(first) == ["fallback", "fallback", "corrected"] and kinds(second) == []

    async def test_is_a_refusal_in_words_and_so_an_abstention(self) -> None:
        answered, _ = await ask(completion(None, refusal="I would rather not."))
        assert answered.move.status == "abstained"

    async def test_was_filtered_and_is_paid_for_all_the_same(self) -> None:
        answered, _ = await ask(in_turn(completion("", finish_reason="content_filter"), GOOD))
        assert answered.move.status == "made" and answered.usage.input_tokens == 200


class TestATruncatedReply:
    async def test_is_never_repaired_but_asked_again_shorter_with_a_larger_cap(self) -> None:
        cut = completion(reply(), finish_reason="length", usage=(100, 400))
        answered, server = await ask(in_turn(cut, GOOD), max_output_tokens=400)
        assert answered.move.status == "made" and kinds(answered) == ["truncated"]
        assert [h.body["max_tokens"] for h in server.heard] == [400, 800]
        assert "cut off" in server.heard[1].user and len(server.heard[1].body["messages"]) == 2
        assert answered.usage.output_tokens == 450

    async def test_twice_is_an_abstention(self) -> None:
        answered, server = await ask(completion(reply()[:-30], finish_reason="length"))
        assert answered.move.status == "abstained" and len(server.heard) == 2
        assert kinds(answered) == ["truncated", "truncated", "abstained"] and answered.usage.calls == 2

    @pytest.mark.parametrize("refused", [("json_schema",), ("json_schema", "json_object")])
    async def test_is_told_by_every_route(self, refused: tuple[str, ...]) -> None:
        script = refusing(
            *refused, then=in_turn_after(len(refused), completion(reply(), finish_reason="length"), GOOD)
        )
        answered, _ = await ask(script)
        assert kinds(answered) == ["fallback"] * len(refused) + ["truncated"]


def in_turn_after(skipped: int, *answers: Answer) -> Script:
    """`in_turn`, counting from the first request that is answered."""
    return lambda heard: answers[min(heard.number - skipped, len(answers) - 1)]


class TestAMediatingModel:
    MOVES = (move("A", allocation=FEASIBLE), move("B", allocation=OTHER))

    async def merge(self, script: Script) -> tuple[Reply, Loopback]:
        with Loopback(script) as server:
            async with Chat("openai:scripted", base_url=server.base_url) as chat:
                return await chat.propose_merge(small_ward(), self.MOVES, ("p1.icu_bed",)), server

    async def test_merges_within_what_the_seats_submitted(self) -> None:
        merged = {"p1": {"icu_bed": 0, "staff": 4}, "p2": {"icu_bed": 1, "staff": 5}}
        said = json.dumps({"argument": "Half way.", "allocation": merged})
        answered, server = await self.merge(always(completion(said)))
        assert answered.move.status == "made" and answered.move.allocation == {**merged, "p3": {}}
        assert (answered.move.seat, answered.usage.node) == ("mediator", "mediate")
        assert answered.move.seen == [move_hash(m) for m in self.MOVES]
        assert list(server.heard[0].schema["properties"]) == ["argument", "allocation"]

    async def test_is_corrected_and_then_projected_into_the_span(self) -> None:
        beyond = {"p1": {"icu_bed": 0, "staff": 0}, "p2": {"icu_bed": 0, "staff": 0}}
        answered, server = await self.merge(
            always(completion(json.dumps({"argument": "None.", "allocation": beyond})))
        )
        assert answered.move.status == "repaired"
        assert "p1.staff is 0, but the seats' moves lie from 2 to 6" in server.heard[1].user
        least = {"p1": {"icu_bed": 0, "staff": 2}, "p2": {"icu_bed": 0, "staff": 4}, "p3": {}}
        assert answered.move.allocation == least

    async def test_can_be_the_scripted_partner(self) -> None:
        answered, _ = await self.merge(honest_seat)
        assert answered.move.status == "made" and answered.incidents == ()
