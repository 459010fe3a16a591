"""Does a chat seat keep its head, its purse and its key, whatever the server and the network do?"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from negotiators.chat import Chat, prompt_hashes
from negotiators.chat.cost import Price, load_prices
from negotiators.protocol import Reply, Unreachable
from personas.persona import Persona
from scenarios.errors import ParleyError
from tests.loopback import (
    Answer,
    Heard,
    Loopback,
    always,
    completion,
    dropped,
    failing,
    in_turn,
    refusing,
    slow,
)
from tests.negotiators.small import KEY, PASSAGE, ask, clear_environment, kinds, reply, view

GREEDY = {"p1": {"icu_bed": 1, "staff": 8}, "p2": {"icu_bed": 1, "staff": 6}}
GOOD = completion(reply())


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


class TestRoutes:
    @pytest.mark.parametrize("status", [400, 422])
    async def test_the_one_that_works_is_found_once_and_remembered(self, status: int) -> None:
        with Loopback(refusing("json_schema", then=always(GOOD), status=status)) as server:
            async with Chat("openai:scripted", base_url=server.base_url) as chat:
                first, second = await chat.decide(view()), await chat.decide(view())
        assert [h.route for h in server.heard] == ["json_schema", "json_object", "json_object"]
        assert kinds(first) == ["fallback"] and kinds(second) == []

    async def test_an_option_the_server_names_is_left_out_and_the_route_kept(self) -> None:
        def script(heard: Heard) -> Answer:
            refused = next((o for o in ("temperature", "seed") if o in heard.body), None)
            return failing(400, f"Unsupported value: '{refused}'") if refused else GOOD

        answered, server = await ask(script, temperature=0.3)
        assert [h.route for h in server.heard] == ["json_schema"] * 3
        assert server.heard[0].body["temperature"] == 0.3 and "seed" not in server.heard[2].body
        assert kinds(answered) == ["fallback", "fallback"] and answered.usage.calls == 1

    async def test_a_request_refused_by_every_route_ends_in_one_clear_line(self) -> None:
        line = r"^model openai:scripted at 127.0.0.1:\d+: the server refuses the request \(400\): .*is asleep"
        with pytest.raises(Unreachable, match=line):
            await ask(failing(400, "this model is asleep"))

    async def test_a_prompt_too_long_for_the_model_is_not_sent_by_other_routes(self) -> None:
        with Loopback(always(failing(400, "context_length_exceeded"))) as server:
            async with Chat("openai:scripted", base_url=server.base_url) as chat:
                with pytest.raises(Unreachable, match="longer than the model's context"):
                    await chat.decide(view())
        assert len(server.heard) == 1


class TestRetries:
    @pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
    async def test_follow_a_passing_failure_and_are_recorded(self, status: int) -> None:
        answered, server = await ask(in_turn(failing(status), failing(status), GOOD))
        assert answered.move.status == "made" and len(server.heard) == 3
        assert kinds(answered) == ["retry", "retry"] and str(status) in answered.incidents[0].detail
        assert answered.usage.calls == 1 and answered.usage.input_tokens == 100

    async def test_follow_a_dropped_connection_a_page_that_is_no_answer_and_an_empty_one(self) -> None:
        page = Answer(200, b"<html>busy</html>", {"Content-Type": "text/html"})
        empty = Answer(200, b'{"id": "x", "object": "chat.completion", "model": "m", "choices": []}')
        broken = Answer(200, b'{"choices": [')
        answered, _ = await ask(in_turn(dropped(GOOD), page, empty, broken, GOOD))
        assert answered.move.status == "made" and kinds(answered) == ["retry"] * 4

    async def test_follow_a_call_that_takes_too_long(self) -> None:
        answered, _ = await ask(in_turn(slow(GOOD, 5), GOOD), timeout_s=0.3)
        assert kinds(answered) == ["retry"] and "no answer within 0.3 s" in answered.incidents[0].detail

    @pytest.mark.parametrize("form", ["seconds", "date"])
    async def test_wait_as_long_as_the_server_asks(self, form: str) -> None:
        asked = "0.4" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
        _, server = await ask(in_turn(failing(429, retry_after=asked), GOOD), longest_wait_s=0.7)
        waited = server.at[1] - server.at[0]
        assert (0.4 if form == "seconds" else 0.7) <= waited < 3

    async def test_wait_no_longer_than_allowed(self) -> None:
        _, server = await ask(in_turn(failing(429, retry_after="3600"), GOOD), longest_wait_s=0.05)
        assert server.at[1] - server.at[0] < 3

    async def test_end_after_the_tries_allowed(self) -> None:
        with Loopback(always(failing(503))) as server:
            async with Chat("openai:scripted", base_url=server.base_url, tries=3, backoff_s=0.001) as chat:
                with pytest.raises(Unreachable, match=r"the server answered 503 \(tried 3 times\)$"):
                    await chat.decide(view())
        assert len(server.heard) == 3

    @pytest.mark.parametrize(
        ("status", "said"), [(401, "OPENAI_API_KEY"), (403, "allow"), (404, "no such model"), (402, "402")]
    )
    async def test_do_not_follow_what_trying_again_cannot_mend(self, status: int, said: str) -> None:
        with Loopback(always(failing(status))) as server:
            async with Chat("openai:scripted", base_url=server.base_url) as chat:
                with pytest.raises(Unreachable, match=said):
                    await chat.decide(view())
        assert len(server.heard) == 1

    async def test_end_where_nobody_listens(self) -> None:
        async with Chat(
            "openai:scripted", base_url="http://127.0.0.1:9/v1", tries=2, backoff_s=0.001
        ) as chat:
            with pytest.raises(
                Unreachable, match=r"^model openai:scripted at 127.0.0.1:9: no .*\(tried 2 times\)$"
            ):
                await chat.decide(view())


class TestPaying:
    async def test_every_answered_call_passes_through_pay_and_can_be_replayed_for_nothing(self) -> None:
        kept: dict[str, str] = {}

        async def pay(request: dict[str, Any], call: Any) -> dict[str, Any]:
            key = json.dumps(request, sort_keys=True)
            if key not in kept:
                kept[key] = json.dumps(await call(request))
            return json.loads(kept[key])  # type: ignore[no-any-return]

        with Loopback(in_turn(completion(reply(GREEDY)), GOOD)) as server:
            async with Chat("openai:scripted", base_url=server.base_url) as chat:
                first, again = await chat.decide(view(), pay=pay), await chat.decide(view(), pay=pay)
        assert len(server.heard) == len(kept) == 2 and first == again

    async def test_costs_add_up_over_calls_that_came_to_nothing(self) -> None:
        prices = {"scripted": Price(input=2.0, output=8.0)}
        answered, _ = await ask(
            in_turn(completion("no"), completion(reply(), usage=(1000, 500))), prices=prices
        )
        assert (answered.usage.input_tokens, answered.usage.output_tokens) == (1100, 550)
        assert answered.usage.cost_usd == pytest.approx((1100 * 2 + 550 * 8) / 1e6)

    async def test_a_sum_with_an_unknown_part_is_unknown(self) -> None:
        answered, _ = await ask(in_turn(completion("no", usage=None), GOOD))
        assert answered.usage.input_tokens is None and answered.usage.calls == 2

    def test_prices_come_from_the_users_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "prices.yaml"
        file.write_text("openai:a: {input: 1, output: 2}\n")
        monkeypatch.setenv("PARLEY_PRICES", str(file))
        assert load_prices() == {"openai:a": Price(input=1, output=2)}
        file.write_text("openai:a: {input: -1}\n")
        with pytest.raises(ParleyError, match="openai:a: give"):
            load_prices()
        with pytest.raises(ParleyError, match="cannot be read"):
            load_prices(tmp_path / "none.yaml")


class TestLoops:
    def test_one_instance_serves_one_event_loop_after_another(self) -> None:
        with Loopback(always(GOOD)) as server:
            chat = Chat("openai:scripted", base_url=server.base_url)

            async def once() -> Reply:
                async with chat:
                    return await chat.decide(view())

            assert [asyncio.run(once()).move.status for _ in range(3)] == ["made"] * 3

    async def test_decisions_run_at_the_same_time(self) -> None:
        with Loopback(always(slow(GOOD, 0.5))) as server:
            async with Chat("openai:scripted", base_url=server.base_url) as chat:
                await asyncio.gather(*(chat.decide(view(seat=s)) for s in "ABCD"))
        assert server.at[-1] - server.at[0] < 0.45, "all four were asked before the first had answered"

    async def test_a_cancelled_decision_leaves_the_line_usable(self) -> None:
        with Loopback(in_turn(slow(GOOD, 5), GOOD)) as server:
            async with Chat("openai:scripted", base_url=server.base_url) as chat:
                waiting = asyncio.create_task(chat.decide(view()))
                await asyncio.to_thread(server.wait_for, 1)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                assert (await chat.decide(view())).move.status == "made"


class TestTheKey:
    async def test_goes_to_the_server_and_nowhere_else(
        self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        echo = completion(reply(argument=f"your key is {KEY}"))
        answered, server = await ask(in_turn(failing(500, f"bad {KEY}"), echo), api_key=KEY)
        assert server.heard[0].headers["authorization"] == f"Bearer {KEY}"
        assert KEY not in repr(answered) and answered.move.argument == "your key is ***"
        assert KEY not in json.dumps([h.body for h in server.heard])
        assert KEY not in caplog.text and KEY not in "".join(capfd.readouterr())

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 503])
    async def test_is_in_no_error_and_nothing_that_hangs_on_it(self, status: int) -> None:
        with Loopback(always(failing(status, f"Incorrect API key provided: {KEY}"))) as server:
            async with Chat(
                "openai:scripted", base_url=server.base_url, api_key=KEY, tries=2, backoff_s=0.001
            ) as chat:
                with pytest.raises(Unreachable) as caught:
                    await chat.decide(view())
                assert KEY not in repr(chat) and KEY not in repr(vars(chat))
        assert KEY not in str(caught.value) and "\n" not in str(caught.value)
        assert caught.value.__cause__ is None and caught.value.__context__ is None

    def test_is_asked_for_by_name_where_there_is_no_server_of_ones_own(self) -> None:
        with pytest.raises(ParleyError, match="set OPENAI_API_KEY"):
            Chat("openai:anything")

    async def test_is_read_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        _, server = await ask(GOOD)
        assert server.heard[0].headers["authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize(
        "url", ["http://me:secret@host/v1", "http://host/v1?key=secret", "https://host/v1#secret"]
    )
    def test_is_refused_in_an_address_without_being_repeated(self, url: str) -> None:
        with pytest.raises(ParleyError, match="leave user, password and query out") as caught:
            Chat("openai:x", base_url=url)
        assert "secret" not in str(caught.value)


class TestSettingUp:
    @pytest.mark.parametrize(
        ("spec", "said"),
        [
            ("gpt", "write PROVIDER:NAME"),
            ("openai:", "write PROVIDER:NAME"),
            (":x", "write PROVIDER:NAME"),
            ("anthropic:claude", "run `pip install langchain-anthropic`"),
            ("nosuch:x", "no provider 'nosuch'"),
        ],
    )
    def test_a_wrong_model_is_one_clear_line(self, spec: str, said: str) -> None:
        with pytest.raises(ParleyError, match=said) as caught:
            Chat(spec)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "url", ["localhost:8000", "ftp://host/v1", "http://", "http://[::1/v1", "http://host:port/v1"]
    )
    def test_an_address_that_is_none_is_one_clear_line(self, url: str) -> None:
        with pytest.raises(ParleyError, match="write it as http://HOST:PORT/v1"):
            Chat("openai:x", base_url=url)

    def test_importing_it_brings_no_client_library(self) -> None:
        heavy = (
            "langchain",
            "langchain_core",
            "langchain_openai",
            "openai",
            "httpx",
            "httpx2",
            "scipy",
            "yaml",
        )
        code = f"import negotiators.chat, sys; print([m for m in {heavy} if m in sys.modules])"
        root = Path(__file__).parents[2]
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"

    def test_every_prompt_has_a_hash(self) -> None:
        hashes = prompt_hashes()
        assert {
            "system",
            "solo",
            "propose",
            "critique",
            "exit_solo",
            "correction",
            "mediator",
            "merge",
        } <= set(hashes)
        assert len(set(hashes.values())) == len(hashes)

    def test_it_declares_what_its_persona_declares(self) -> None:
        persona = Persona(name="p", says="x", source="y", values={"survival": 2, "evenness": 2})
        chat = Chat("openai:x", base_url="http://127.0.0.1:9/v1")
        assert chat.declare(persona, (PASSAGE,)) == {"survival": 0.5, "evenness": 0.5}
