"""Can another provider's chat model, which shares only LangChain's interface, hold a seat?

The models here are stand-ins built on LangChain's base class: no provider's package is needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from negotiators.chat import Chat
from negotiators.protocol import Unreachable
from scenarios.errors import ParleyError
from tests.negotiators.small import FEASIBLE, KEY, reply, view

Options = dict[str, Any]
Script = Callable[[Options], AIMessage]


class StandIn(BaseChatModel):
    """Answers what its script makes of a call's options."""

    script: Script
    max_retries: int = 2

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[Any, AIMessage]:
        return self.bind(tools=list(tools), **options)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **options: Any
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.script(options))])


class NoTools(StandIn):
    """A model without tools, as LangChain's base class leaves it."""

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[Any, AIMessage]:
        raise NotImplementedError


class OverloadedError(Exception):
    """What some provider's client raises."""

    status_code = 529


def tool_call(**changes: Any) -> AIMessage:
    """An answer by tool call, with tokens and model said LangChain's way."""
    call = {"name": "submit_allocation", "args": json.loads(reply()) | changes, "id": "1"}
    return AIMessage(
        "",
        tool_calls=[call],
        usage_metadata={"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
        response_metadata={"model": "stand-in-1", "stop_reason": "tool_use"},
    )


def seated(
    monkeypatch: pytest.MonkeyPatch, kind: type[StandIn], script: Script
) -> tuple[Chat, tuple[list[Options], list[Options]]]:
    """A chat seat whose provider is a stand-in; what its models were built with, and each call's options."""
    built: list[Options] = []
    asked: list[Options] = []

    def init_chat_model(spec: str, **settings: Any) -> StandIn:
        built.append(settings)
        return kind(script=heard, **{k: v for k, v in settings.items() if k == "max_retries"})

    def heard(options: Options) -> AIMessage:
        asked.append(options)
        return script(options)

    monkeypatch.setattr("langchain.chat_models.init_chat_model", init_chat_model)
    chat = Chat("elsewhere:model", api_key=KEY, backoff_s=0.001, prices={}, max_output_tokens=100)
    return chat, (built, asked)


async def test_it_is_asked_by_a_tool_and_retries_nothing_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    chat, (built, asked) = seated(monkeypatch, StandIn, lambda options: tool_call(argument=f"see {KEY}"))
    answered = await chat.decide(view())
    assert answered.move.allocation == {**FEASIBLE, "p3": {}} and answered.incidents == ()
    assert answered.move.argument == "see ***" and answered.model == "stand-in-1"
    assert (answered.usage.input_tokens, answered.usage.output_tokens) == (10, 5)
    assert asked[0]["tool_choice"] == "any" and asked[0]["max_tokens"] == 100 and "seed" not in asked[0]
    assert built[-1]["max_retries"] == 0 and built[-1]["api_key"].get_secret_value() == KEY


async def test_without_tools_it_is_asked_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    chat, (_, asked) = seated(
        monkeypatch, NoTools, lambda options: AIMessage([{"type": "text", "text": reply()}])
    )
    first, second = await chat.decide(view()), await chat.decide(view())
    assert first.move.status == second.move.status == "made"
    assert [i.kind for i in first.incidents] == ["fallback"] and second.incidents == ()
    assert first.usage.input_tokens is None and len(asked) == 2


async def test_its_own_errors_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[Exception] = [OverloadedError(KEY), ConnectionResetError(KEY)]

    def script(options: Options) -> AIMessage:
        if failures:
            raise failures.pop(0)
        return tool_call()

    chat, _ = seated(monkeypatch, StandIn, script)
    answered = await chat.decide(view())
    assert [i.kind for i in answered.incidents] == ["retry", "retry"] and KEY not in repr(answered)


async def test_an_error_of_no_known_kind_is_one_line_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(options: Options) -> AIMessage:
        raise RuntimeError(f"odd\nthing {KEY}")

    chat, _ = seated(monkeypatch, StandIn, script)
    with pytest.raises(Unreachable, match=r"^model elsewhere:model: RuntimeError: odd thing \*\*\*$"):
        await chat.decide(view())


def test_a_model_that_cannot_be_set_up_is_one_line_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def init_chat_model(spec: str, **settings: Any) -> None:
        raise RuntimeError(f"bad\nsettings {settings['api_key'].get_secret_value()}")

    monkeypatch.setattr("langchain.chat_models.init_chat_model", init_chat_model)
    with pytest.raises(ParleyError, match=r"cannot be set up \(RuntimeError: bad settings \*\*\*\)$"):
        Chat("elsewhere:model", api_key=KEY)
