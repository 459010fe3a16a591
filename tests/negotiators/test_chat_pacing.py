"""Calls in turn: a window that grows slowly and is halved on 429, a pause for everybody, and caps that hold."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from negotiators.chat import Chat
from negotiators.chat.cost import Price
from negotiators.chat.failures import Failure
from negotiators.chat.pacing import Budget, CapReached, Heard, Pacing, gate, paced
from tests.loopback import Answer, Loopback, always, completion, failing, slow
from tests.loopback import Heard as Request
from tests.negotiators.small import clear_environment, reply, view

GOOD = completion(reply())
ANSWERED = Heard(answered=True, input_tokens=100, output_tokens=50)
TOO_MUCH = Heard(too_much=True)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)


async def once(pacing: Pacing, heard: Heard | None, where: str = "server") -> None:
    """One call that heard this."""
    pacing.leave(where, "openai:x", await pacing.enter(where), heard)


async def at_once(chat: Chat, number: int) -> list[object]:
    """So many decisions at once; exceptions stand in place of replies."""
    return list(await asyncio.gather(*(chat.decide(view()) for _ in range(number)), return_exceptions=True))


class TestWindow:
    async def test_it_grows_by_one_call_for_a_windowful_of_answers(self) -> None:
        pacing = Pacing(start=4, most=6)
        for _ in range(4):
            await once(pacing, ANSWERED)
        assert 4.8 < pacing.limit("server") <= 5
        for _ in range(40):
            await once(pacing, ANSWERED)
        assert pacing.limit("server") == 6, "never beyond the most"

    async def test_it_is_halved_once_for_all_calls_of_one_windowful(self) -> None:
        pacing = Pacing(start=8, most=64)
        began = [await pacing.enter("server") for _ in range(4)]
        for b in began:
            pacing.leave("server", "openai:x", b, TOO_MUCH)
        assert pacing.limit("server") == 4
        await once(pacing, TOO_MUCH)
        assert pacing.limit("server") == 2
        for _ in range(9):
            await once(pacing, TOO_MUCH)
        assert pacing.limit("server") == 1, "one call is always allowed"

    async def test_servers_have_windows_of_their_own(self) -> None:
        pacing = Pacing(start=8, most=64)
        await once(pacing, TOO_MUCH, "slow")
        assert (pacing.limit("slow"), pacing.limit("quick")) == (4, 8)

    async def test_no_more_calls_are_under_way_than_the_window_has_room_for(self) -> None:
        pacing = Pacing(start=2, most=2)
        held = [await pacing.enter("server") for _ in range(2)]
        third = asyncio.create_task(pacing.enter("server"))
        await asyncio.sleep(0.02)
        assert not third.done()
        pacing.leave("server", "openai:x", held[0], None)
        await asyncio.wait_for(third, 1)

    async def test_retry_after_holds_back_everybody(self) -> None:
        pacing = Pacing(start=8, most=8)
        began = time.monotonic()
        await once(pacing, Heard(too_much=True, retry_after_s=0.3))
        await asyncio.gather(*(once(pacing, ANSWERED) for _ in range(3)))
        assert time.monotonic() - began >= 0.3


class TestHeard:
    def test_only_429_and_503_say_too_much(self) -> None:
        assert Heard.of(Failure("the server answered 429", passing=True), []).too_much
        assert Heard.of(Failure("the server answered 503", passing=True), []).too_much
        assert not Heard.of(Failure("the server answered 500", passing=True), []).too_much
        assert not Heard.of(Failure("no answer within 60 s", passing=True), []).too_much

    def test_a_reply_that_its_server_did_not_count_is_estimated_and_says_so(self) -> None:
        counted = Heard.of({"text": "x" * 40, "usage": {"input_tokens": 7, "output_tokens": 5}}, [])
        assert (counted.input_tokens, counted.output_tokens, counted.estimated) == (7, 5, False)
        guessed = Heard.of({"text": "x" * 40, "usage": {}}, [{"content": "y" * 80}])
        assert (guessed.input_tokens, guessed.output_tokens, guessed.estimated) == (20, 10, True)


class TestBudget:
    async def test_no_call_begins_once_a_cap_is_reached(self) -> None:
        pacing = Pacing(Budget(tokens=300))
        await once(pacing, ANSWERED)
        await once(pacing, ANSWERED)
        with pytest.raises(CapReached, match=r"cap of 300 tokens reached; raise caps.tokens and run again"):
            await pacing.enter("server")

    async def test_dollars_are_counted_by_the_price_of_each_model(self) -> None:
        budget = Budget(usd=1.0, prices={"x": Price(input=1_000, output=10_000)})
        pacing = Pacing(budget)
        await once(pacing, ANSWERED)
        assert budget.spent_usd == pytest.approx(0.1 + 0.5)
        await once(pacing, ANSWERED)
        with pytest.raises(CapReached, match=r"cap of \$1 reached; raise caps.usd"):
            await pacing.enter("server")

    async def test_calls_under_way_are_reckoned_with_so_that_a_cap_is_passed_by_one_call_at_most(
        self,
    ) -> None:
        budget = Budget(tokens=400)
        pacing = Pacing(budget, start=8)
        await once(pacing, ANSWERED)  # 150 tokens, so three calls may bring it to 400 and over
        results = await asyncio.gather(*(once(pacing, ANSWERED) for _ in range(8)), return_exceptions=True)
        assert sum(r is None for r in results) == 2
        assert all(isinstance(r, CapReached) for r in results if r is not None)
        assert budget.spent_tokens == 450

    async def test_who_waits_for_room_in_the_budget_is_told_when_the_cap_is_reached(self) -> None:
        pacing = Pacing(Budget(tokens=300))
        await once(pacing, ANSWERED)
        held = await pacing.enter("server")
        waiting = asyncio.create_task(pacing.enter("server"))
        await asyncio.sleep(0.02)
        assert not waiting.done(), "the call under way may reach the cap"
        pacing.leave("server", "openai:x", held, ANSWERED)
        with pytest.raises(CapReached):
            await waiting


class TestLine:
    async def test_without_a_gate_nothing_is_paced(self) -> None:
        assert gate() is None
        with Loopback(always(slow(GOOD, 0.2))) as server:
            async with Chat("openai:x", base_url=server.base_url) as chat:
                await at_once(chat, 12)
            assert max(server.at) - min(server.at) < 0.2, "all twelve at once"

    async def test_a_storm_of_429_is_weathered_and_no_call_is_lost(self) -> None:
        server_ = Crowded(room=3)
        with Loopback(server_) as server, paced(Pacing(start=16, most=16)):
            async with Chat("openai:x", base_url=server.base_url, backoff_s=0.01) as chat:
                replies = await at_once(chat, 24)
        assert not [r for r in replies if isinstance(r, BaseException)]
        assert server_.refused > 0
        assert len(server.heard) == 24 + server_.refused, "every answered call was made once"

    async def test_one_retry_after_pauses_the_calls_that_were_not_told(self) -> None:
        def script(heard: Request) -> Answer:
            return failing(429, retry_after="0.5") if heard.number == 0 else GOOD

        with Loopback(script) as server, paced(Pacing(start=1, most=1)):
            async with Chat("openai:x", base_url=server.base_url) as chat:
                await at_once(chat, 3)
            assert server.at[1] - server.at[0] >= 0.45

    async def test_a_call_broken_off_gives_its_turn_back(self) -> None:
        with Loopback(always(slow(GOOD, 0.3))) as server, paced(Pacing(start=1, most=1)):
            async with Chat("openai:x", base_url=server.base_url) as chat:
                first = asyncio.create_task(chat.decide(view()))
                await asyncio.to_thread(server.wait_for, 1)
                first.cancel()
                await asyncio.wait_for(chat.decide(view()), 5)

    async def test_tokens_of_answered_calls_are_counted_and_the_cap_stops_the_next(self) -> None:
        budget = Budget(tokens=150)
        with Loopback(always(GOOD)) as server, paced(Pacing(budget)):
            async with Chat("openai:x", base_url=server.base_url) as chat:
                await chat.decide(view())
                with pytest.raises(CapReached):
                    await chat.decide(view())
        assert (len(server.heard), budget.spent_tokens) == (1, 150)


class Crowded:
    """A server that answers so many at once and refuses the rest with a short Retry-After."""

    def __init__(self, room: int) -> None:
        self.room, self.refused, self._busy = room, 0, 0
        self._lock = threading.Lock()

    def __call__(self, heard: Request) -> Answer:
        with self._lock:
            if self._busy >= self.room:
                self.refused += 1
                return failing(429, retry_after="0.05")
            self._busy += 1
        time.sleep(0.03)
        with self._lock:
            self._busy -= 1
        return GOOD
