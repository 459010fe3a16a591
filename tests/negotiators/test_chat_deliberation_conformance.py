"""Does a chat model do in a deliberation what every speaker must?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from negotiators.chat import Chat
from negotiators.deliberation import DeliberationView, Dialogue, Said, Speaker
from tests.loopback import Answer, Heard, Loopback, completion
from tests.negotiators.deliberation_conformance import SpeakerConformance


class _ClosingAfterEach:
    """A chat whose client is closed with each event loop, as whoever ends one has to do."""

    name = "chat"

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def speak(self, view: DeliberationView, *, pay: Any = None) -> Said:
        async with self._chat:
            return await self._chat.speak(view, pay=pay)

    async def complete(self, view: DeliberationView, *, pay: Any = None) -> Said:
        async with self._chat:
            return await self._chat.complete(view, pay=pay)

    async def judge(self, dialogue: Dialogue, *, pay: Any = None) -> Said:
        async with self._chat:
            return await self._chat.judge(dialogue, pay=pay)


@pytest.fixture(scope="module")
def seated() -> Iterator[Speaker]:
    """A chat seat of a scripted partner that answers as it is asked: in words, or with a verdict."""

    def partner(heard: Heard) -> Answer:
        if heard.route != "plain":
            return completion('{"why": "Not yet.", "verdict": "debating"}')
        return completion(f"I heard you, {len(heard.prompt)} letters of it. Plan: what=tell; when=now.")

    with Loopback(partner) as server:
        yield _ClosingAfterEach(Chat("openai:scripted", base_url=server.base_url, prices={}))


class TestConformance(SpeakerConformance):
    """The suite that every speaker passes."""

    @pytest.fixture
    def speaker(self, seated: Speaker) -> Speaker:
        return seated
