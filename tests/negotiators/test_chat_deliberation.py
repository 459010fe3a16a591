"""Does a chat model come to words, a verdict or a plan in a deliberation, or to an abstention, whatever is answered?"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from negotiators.chat import Chat
from negotiators.chat.cost import Price
from negotiators.chat.deliberation.reading import KINDS, VERDICT, read_ruling, read_words, shared
from negotiators.deliberation import (
    LONGEST,
    MEDIATOR,
    Completion,
    Dialogue,
    Said,
    Sampling,
    Utterance,
    Verdict,
)
from negotiators.protocol import Unreachable
from tests.loopback import (
    FINGERPRINT,
    MODEL,
    Answer,
    Loopback,
    Script,
    always,
    completion,
    failing,
    in_turn,
)
from tests.negotiators.small import KEY, clear_environment
from tests.negotiators.test_chat_deliberation_prompts import DILEMMA, POLES, played, turn, view
from tests.negotiators.test_chat_providers import Options, StandIn, seated

PLAN = "Plan: door=wait; word=reason."
SAID = f"We can wait a minute. I agree to this plan.\n{PLAN}"
ROUND = Dialogue(DILEMMA, ("A", "B"), 1, played([PLAN, SAID], ("A", "B")), 5)
CLOSING = view("A", ROUND.utterances, personas=POLES[:2], agreed={"door": "wait", "word": "reason"})

Asked = Callable[[Chat], Coroutine[Any, Any, Said]]


def speak(chat: Chat) -> Coroutine[Any, Any, Said]:
    """A turn of seat A, the first."""
    return chat.speak(view())


def complete(chat: Chat) -> Coroutine[Any, Any, Said]:
    """The plan written down."""
    return chat.complete(CLOSING)


def judge(chat: Chat) -> Coroutine[Any, Any, Said]:
    """The verdict on one round."""
    return chat.judge(ROUND)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


async def put(script: Script | Answer, asked: Asked, **settings: Any) -> tuple[Said, Loopback]:
    """One question against a scripted server, with next to no waiting."""
    with Loopback(script if callable(script) else always(script)) as server:
        quick: dict[str, Any] = {"backoff_s": 0.001, "timeout_s": 10.0, "prices": {}} | settings
        async with Chat("openai:scripted", base_url=server.base_url, **quick) as chat:
            return await asked(chat), server


def kinds(said: Said) -> list[str]:
    """What kinds of incidents there were, in order."""
    return [i.kind for i in said.incidents]


def verdict(kind: Any = "agreed", why: str = "Both consent.") -> str:
    """A judge's answer in the form asked for."""
    return json.dumps({"why": why, "verdict": kind})


class TestATurn:
    async def test_is_plain_words_in_which_the_rule_reads_the_plan(self) -> None:
        said, server = await put(completion(SAID, usage=(80, 9)), speak)
        assert said.what == Utterance(
            seat="A",
            round=1,
            text=SAID,
            plan={"door": "wait", "word": "reason"},
            consents=True,
            prompt_hash=said.what.prompt_hash,
        )
        assert server.heard[0].route == "plain" and len(server.heard) == 1 and said.incidents == ()
        assert (said.usage.input_tokens, said.usage.output_tokens, said.usage.calls) == (80, 9, 1)
        assert said.model == f"{MODEL} ({FINGERPRINT})" and server.heard[0].body["seed"] == 5

    async def test_keeps_what_it_saw_and_goes_on_in_its_own_conversation(self) -> None:
        heard = played(["one", "two", "three", "four"], ("A", "B"))[2:]
        seen = view("A", heard, places=(2, 3), round=3)
        said, server = await put(completion("five"), lambda chat: chat.speak(seen))
        assert isinstance(said.what, Utterance)
        assert said.what.seen == [2, 3] and said.what.round == 3 and said.what.plan == {}
        roles = [m["role"] for m in server.heard[0].body["messages"]]
        assert roles == ["system", "user", "assistant", "user"]

    async def test_leaves_thoughts_out(self) -> None:
        for text in (f"<think>{PLAN} no</think>Go.", "<think>a\n</think>\n\nGo.", "opened before</think>Go."):
            said, _ = await put(completion(text), speak)
            assert said.what.text == "Go." and said.what.status == "made" and said.what.plan == {}  # type: ignore[union-attr]

    async def test_that_was_cut_off_stands_as_words_and_says_so(self) -> None:
        said, server = await put(completion("I would wait, bec", finish_reason="length"), speak)
        assert (said.what.text, said.what.status) == ("I would wait, bec", "truncated")  # type: ignore[union-attr]
        assert kinds(said) == ["truncated"] and len(server.heard) == 1, "words are not asked for twice"

    async def test_that_is_too_long_is_bounded_and_says_so(self) -> None:
        said, _ = await put(completion("word " * 4_000), speak)
        assert said.what.status == "truncated" and len(said.what.text) <= LONGEST  # type: ignore[union-attr]
        assert said.what.text.endswith(" […]") and kinds(said) == ["truncated"]  # type: ignore[union-attr]

    async def test_cut_off_in_a_thought_is_asked_for_again_shorter_with_a_larger_cap(self) -> None:
        script = in_turn(completion("<think>hm", finish_reason="length"), completion("Go."))
        said, server = await put(script, speak, max_output_tokens=50)
        assert (said.what.text, said.what.status) == ("Go.", "made") and kinds(said) == ["truncated"]  # type: ignore[union-attr]
        assert [h.body["max_tokens"] for h in server.heard] == [50, 100]
        assert "cut off" in server.heard[1].user and server.heard[1].route == "plain"

    @pytest.mark.parametrize("text", ["", " \n", "\u200b\u202e", "<think>only this</think>", "<think>and on"])
    def test_without_a_word_in_it_is_empty(self, text: str) -> None:
        assert read_words(text, "stop").problems == ("there are no words in it",)

    async def test_that_is_empty_twice_is_an_abstention(self) -> None:
        said, server = await put(completion(None), speak)
        assert (said.what.text, said.what.status) == ("", "abstained") and len(server.heard) == 2  # type: ignore[union-attr]
        assert kinds(said) == ["corrected", "abstained"] and said.usage.calls == 2
        assert "there are no words in it" in server.heard[1].user
        assert all(m["content"] for m in server.heard[1].body["messages"]), "no server takes an empty turn"
        mended, _ = await put(in_turn(completion(""), completion("Go.")), speak)
        assert (mended.what.text, mended.what.status) == ("Go.", "made")  # type: ignore[union-attr]

    async def test_of_a_mediator_is_asked_for_as_such_and_read_as_any_other(self) -> None:
        seen = view(MEDIATOR, ROUND.utterances)
        said, server = await put(completion(SAID), lambda chat: chat.speak(seen))
        assert isinstance(said.what, Utterance) and said.what.seat == MEDIATOR
        assert said.what.plan and "You mediate" in server.heard[0].system
        assert said.what.consents, "what a text says; the rule looks for the seats' consent alone"
        assert said.usage.node == "mediate"

    @given(text=st.text(max_size=300))
    def test_is_read_whatever_it_is(self, text: str) -> None:
        words = read_words(text, "stop")
        assert words.complete == bool(words.text) and "<" not in words.text and len(words.text) <= LONGEST
        assert read_words(words.text, "stop").text == words.text, "what is kept is what is shown again"

    def test_is_kept_whole_up_to_the_bound(self) -> None:
        for extra in (-1, 0, 1, 5):
            words = read_words("x" * (LONGEST + extra), "stop")
            assert words.cut == (extra > 0) and len(words.text) == min(LONGEST + extra, LONGEST)


class TestSampling:
    async def test_of_the_view_goes_before_the_seats_own(self) -> None:
        drawn = Sampling(0.1, 0.95)
        _, server = await put(
            completion("Go."), lambda chat: chat.speak(replace(view(), sampling=drawn)), temperature=0.9
        )
        assert (server.heard[0].body["temperature"], server.heard[0].body["top_p"]) == (0.1, 0.95)

    async def test_is_not_sent_where_it_is_not_set(self) -> None:
        _, server = await put(completion("Go."), speak)
        assert not {"temperature", "top_p"} & set(server.heard[0].body)
        _, server = await put(completion("Go."), speak, temperature=0.9)
        assert server.heard[0].body["temperature"] == 0.9 and "top_p" not in server.heard[0].body

    async def test_that_a_server_refuses_is_left_out_and_from_then_on(self) -> None:
        def script(heard: Any) -> Answer:
            for option in ("top_p", "temperature"):
                if option in heard.body:
                    return failing(400, f"{option} is not supported with this model")
            return completion("Go.")

        async def twice(chat: Chat) -> Said:
            seen = replace(view(), sampling=Sampling(0.7, 0.95))
            first = await chat.speak(seen)
            assert kinds(first) == ["fallback", "fallback"]
            return await chat.speak(seen)

        said, server = await put(script, twice)
        assert said.incidents == () and len(server.heard) == 4

    async def test_goes_to_another_provider_as_far_as_its_client_takes_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def script(options: Options) -> AIMessage:
            if "top_p" in options:
                raise TypeError("create() got an unexpected keyword argument 'top_p'")
            return AIMessage(f"At {options['temperature']}.")

        chat, _ = seated(monkeypatch, StandIn, script)
        said = await chat.speak(replace(view(), sampling=Sampling(0.7, 0.95)))
        assert said.what.text == "At 0.7." and kinds(said) == ["fallback"]  # type: ignore[union-attr]

    async def test_does_not_forget_by_which_route_verdicts_come(self) -> None:
        def script(heard: Any) -> Answer:
            return (
                failing(400, "no json_schema here") if heard.route == "json_schema" else completion(verdict())
            )

        async def in_between(chat: Chat) -> Said:
            await chat.judge(ROUND)
            await chat.speak(view())
            return await chat.judge(ROUND)

        said, server = await put(script, in_between)
        assert [h.route for h in server.heard] == ["json_schema", "json_object", "plain", "json_object"]
        assert said.incidents == ()


class TestACompletion:
    async def test_is_the_plan_in_words_with_its_clauses(self) -> None:
        said, server = await put(completion(f"You wait a minute.\n{PLAN}"), complete)
        assert isinstance(said.what, Completion) and said.what.status == "made"
        assert said.what.plan == {"door": "wait", "word": "reason"} and said.what.seat == "A"
        assert POLES[1].says in server.heard[0].user and said.usage.node == "complete"

    async def test_of_nothing_said_is_one_agents_own(self) -> None:
        said, server = await put(completion("Wait."), lambda chat: chat.complete(view(personas=POLES[:2])))
        assert isinstance(said.what, Completion) and said.what.text == "Wait."
        assert "you decide alone" in server.heard[0].user

    async def test_that_is_empty_is_missing(self) -> None:
        said, _ = await put(completion(""), complete)
        assert (said.what.text, said.what.status) == ("", "abstained")  # type: ignore[union-attr]


BAD_VERDICTS = {
    "prose": ("They agree.", "there is no JSON object with a `verdict` in it"),
    "a plain yes": (verdict("YES"), "`verdict` is 'YES'; give one of agreed, debating"),
    "a truth": (verdict(True), "`verdict` is 'true'; give one of"),
    "nothing": (verdict(None), "`verdict` is 'null'"),
    "two of them": (f"{verdict()} or {verdict('vague')}", "there are 2 different JSON objects"),
    "a list": (verdict(["agreed"]), "give one of"),
    "twice in one": ('{"verdict": "agreed", "verdict": "vague"}', "stands twice in one object"),
    "an echo of what was said": (
        f'Seat B wrote {{"verdict": "agreed"}}, so: {verdict("debating")}',
        "there are 2 different",
    ),
}


class TestAVerdict:
    @pytest.mark.parametrize("kind", ["agreed", "capitulated"])
    async def test_is_one_of_five(self, kind: str) -> None:
        assert [read_ruling(verdict(k), "stop").kind for k in KINDS] == list(KINDS)
        said, server = await put(completion(verdict(kind)), judge)
        assert isinstance(said.what, Verdict) and said.what.kind == kind and said.what.why == "Both consent."
        assert said.what.judge == "openai:scripted" and said.what.agreed is (kind == "agreed")
        assert said.what.plan == {"door": "wait", "word": "reason"}, "what all stand for, whatever is ruled"
        assert server.heard[0].body["response_format"]["json_schema"]["name"] == "submit_verdict"
        jsonschema.validate(json.loads(verdict(kind)), VERDICT)

    @pytest.mark.parametrize("case", BAD_VERDICTS.values(), ids=BAD_VERDICTS)
    def test_that_could_be_another_is_none(self, case: tuple[str, str]) -> None:
        text, problem = case
        ruling = read_ruling(text, "stop")
        assert ruling.kind is None and problem in ruling.problems[0]

    async def test_that_cannot_be_read_is_named_once_and_then_missing_never_a_no(self) -> None:
        text, problem = BAD_VERDICTS["an echo of what was said"]
        said, server = await put(completion(text), judge)
        assert isinstance(said.what, Verdict) and said.what.kind is None and said.what.agreed is None
        assert problem in server.heard[1].user and len(server.heard) == 2
        assert kinds(said) == ["corrected", "abstained"] and said.what.plan == {}
        mended, _ = await put(in_turn(completion(text), completion(verdict("vague"))), judge)
        assert mended.what.kind == "vague"  # type: ignore[union-attr]

    async def test_that_was_cut_off_is_not_read_even_if_it_looks_whole(self) -> None:
        said, _ = await put(completion(verdict(), finish_reason="length"), judge)
        assert said.what.kind is None and kinds(said) == ["truncated", "abstained"]  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        "wrap", ["```json\n{}\n```", "<think>agreed? {{}}</think>{}", '{{"answer": {}}}']
    )
    def test_may_be_wrapped_in_other_text(self, wrap: str) -> None:
        assert read_ruling(wrap.format(verdict("capitulated")), "stop").kind == "capitulated"

    @given(text=st.text(max_size=200))
    def test_is_read_whatever_it_is(self, text: str) -> None:
        for written in (text, verdict(text), verdict(why=text)):
            ruling = read_ruling(written, None)
            assert ruling.complete != bool(ruling.problems)


class TestClausesInCommon:
    def shared(self, *said: Utterance, seats: tuple[str, ...] = ("A", "B")) -> dict[str, str]:
        """What all seats stand for once this was said."""
        return shared(Dialogue(DILEMMA, seats, 2, said, 5))

    A, B = {"door": "wait", "word": "reason"}, {"door": "wait", "word": "nothing"}

    def test_are_those_of_the_latest_plans_of_all(self) -> None:
        said = (turn("A", 1, plan=self.A), turn("B", 1, plan=self.B))
        assert self.shared(*said) == {"door": "wait"}
        assert self.shared(*said, turn("A", 2, plan=self.B)) == self.B
        assert self.shared(*said, seats=("A", "B", "C")) == {}, "C stands by none"

    def test_hold_for_who_consents_without_a_plan_of_its_own_to_the_last_that_was_named(self) -> None:
        said = (turn("A", 1, plan=self.A), turn("B", 1, consents=True))
        assert self.shared(*said) == self.A
        assert self.shared(turn("A", 1, consents=True), turn("B", 1, plan=self.B)) == {}
        assert self.shared() == {}
        mediated = (turn("A", 1, plan=self.A), turn(MEDIATOR, 1, plan=self.B), turn("B", 2, consents=True))
        assert self.shared(*mediated) == {"door": "wait"}, "B means the mediator's plan, A its own"


@pytest.mark.parametrize("asked", [speak, complete, judge])
class TestTheServer:
    async def test_is_paid_once_and_replayed_for_nothing(self, asked: Asked) -> None:
        kept: dict[str, str] = {}

        async def pay(request: dict[str, Any], call: Any) -> dict[str, Any]:
            key = json.dumps(request, sort_keys=True)
            if key not in kept:
                kept[key] = json.dumps(await call(request))
            return json.loads(kept[key])  # type: ignore[no-any-return]

        async def twice(chat: Chat) -> Said:
            ways: dict[Any, Any] = {
                speak: lambda: chat.speak(view(), pay=pay),
                complete: lambda: chat.complete(CLOSING, pay=pay),
                judge: lambda: chat.judge(ROUND, pay=pay),
            }
            first, again = await ways[asked](), await ways[asked]()
            assert first == again
            return first  # type: ignore[no-any-return]

        said, server = await put(in_turn(completion(""), completion(verdict())), twice)
        assert len(server.heard) == len(kept) == 2 and said.usage.calls == 2

    async def test_is_paid_for_answers_that_came_to_nothing(self, asked: Asked) -> None:
        script = in_turn(completion(""), completion(verdict(), usage=(1000, 500)))
        said, _ = await put(script, asked, prices={"scripted": Price(input=2.0, output=8.0)})
        assert said.usage.cost_usd == pytest.approx((1100 * 2 + 550 * 8) / 1e6)

    async def test_that_is_down_is_one_clear_line_without_the_key(self, asked: Asked) -> None:
        with pytest.raises(Unreachable, match=r"answered 503 \(tried 2 times\)$") as caught:
            await put(failing(503, f"key {KEY} is overloaded"), asked, tries=2, api_key=KEY)
        assert KEY not in str(caught.value)

    async def test_cannot_slip_the_key_into_what_is_kept(self, asked: Asked) -> None:
        said, _ = await put(completion(f"{verdict(why=KEY)} {KEY}"), asked, api_key=KEY)
        assert KEY not in said.what.model_dump_json() + repr(said.incidents)

    async def test_may_drop_out_and_come_back(self, asked: Asked) -> None:
        said, _ = await put(in_turn(failing(503), completion(verdict())), asked)
        assert kinds(said) == ["retry"]


async def test_a_dialogue_runs_over_the_wire_to_a_plan() -> None:
    """Two seats, two rounds, a judge and the plan: what each was shown is what was said."""

    def partner(heard: Any) -> Answer:
        if "You judge" in heard.system:
            return completion(verdict("agreed" if "> I agree to this plan" in heard.user else "debating"))
        if "You write down" in heard.system:
            return completion(f"Wait a minute, then go. {PLAN}")
        if "seat A " in heard.system:
            return completion(f"I propose this. {PLAN}")
        return completion("No." if "Round 1" in heard.user else f"I agree to this plan. {PLAN}")

    with Loopback(partner) as server:
        async with Chat("openai:scripted", base_url=server.base_url, prices={}) as chat:
            dialogue: tuple[Utterance, ...] = ()
            verdicts: list[Verdict] = []
            while not verdicts or not verdicts[-1].agreed:
                for seat in ("A", "B"):
                    said = await chat.speak(view(seat, dialogue))
                    assert isinstance(said.what, Utterance)
                    dialogue = (*dialogue, said.what)
                ruled = await chat.judge(Dialogue(DILEMMA, ("A", "B"), len(verdicts) + 1, dialogue, 5))
                assert isinstance(ruled.what, Verdict)
                verdicts.append(ruled.what)
            closing = view("A", dialogue, personas=POLES[:2], agreed=verdicts[-1].plan)
            done = (await chat.complete(closing)).what
    assert [v.kind for v in verdicts] == ["debating", "agreed"] and len(server.heard) == 7
    assert isinstance(done, Completion) and done.plan == verdicts[-1].plan == {
        "door": "wait",
        "word": "reason",
    }
    assert [(u.seat, u.round) for u in dialogue] == [("A", 1), ("B", 1), ("A", 2), ("B", 2)]
