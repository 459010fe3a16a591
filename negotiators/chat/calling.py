"""How is one answer got from a model: by which route it is asked for, after which retries, and as what it comes.

Routes to a structured answer, in the order tried: `json_schema`, `json_object`, `plain`. A server that refuses
one (HTTP 400 or 422) is asked by the next; the one that worked is remembered. `tools` comes last: it is used
when a plain answer held no JSON object. Providers other than `openai:` share only LangChain's tools, so they
begin with those and fall back to plain text. Whatever the route, the text is read by us (`negotiators.chat.finding`):
LangChain's own structured output raises on fenced or cut-off text and loses both the text and its tokens.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from negotiators.chat.failures import Failure, failure_of, wait_s
from negotiators.chat.models import Server, build, http_client
from negotiators.chat.pacing import Heard, gate
from negotiators.chat.wording import digest
from negotiators.protocol import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable

Json = dict[str, Any]

ROUTES = ("json_schema", "json_object", "plain")
FOREIGN_ROUTES = ("tools", "plain")
TOOL = "submit_allocation"
OPTIONS = ("temperature", "top_p", "seed", "max_tokens")
"""What may be left out of a request if the server names it while refusing."""


@dataclass(frozen=True)
class Limits:
    """Patience with a server: seconds a call, tries a call, first backoff and longest wait in seconds."""

    timeout_s: float = 60.0
    tries: int = 5
    backoff_s: float = 0.5
    longest_wait_s: float = 60.0


@dataclass(frozen=True)
class Form:
    """How a request is put: its route, and the options that the server will not have."""

    route: str
    without: frozenset[str] = frozenset()


class Line:
    """A line to one model: a client for each event loop, and the memory of which form of request works."""

    def __init__(
        self, server: Server, limits: Limits, temperature: float | None, max_tokens: int | None
    ) -> None:
        self.server = server
        self.limits = limits
        self.temperature = temperature
        self.max_tokens = max_tokens
        self._routes = ROUTES if server.openai else FOREIGN_ROUTES
        self._form = Form(self._routes[0])
        self._open: dict[asyncio.AbstractEventLoop, tuple[BaseChatModel, httpx2.AsyncClient | None]] = {}
        self._lock = threading.Lock()

    async def call(self, request: Json) -> Json:
        """One answered call: `request` and the reply are plain JSON, fit for a checkpoint.

        Request: `messages`, `seed`, optionally `schema` (without it the answer is plain words), `tool`, `route`,
        `max_tokens`, `temperature` and `top_p`. Reply: `text`, `finish_reason`, `usage`, `model`, `route`,
        `seconds`, `incidents`. Raises Unreachable, in one line without a key, when the tries are used up or
        trying again would not help.
        """
        model = await self._model()
        rng = random.Random(digest(request))
        wanted = request.get("route") or (None if "schema" in request else "plain")
        form = replace(self._form, route=wanted) if wanted else self._form
        started, incidents, tries = time.monotonic(), list[Json](), 1
        while True:
            got = await self._in_turn(model, request, form)
            if not isinstance(got, Failure):
                if "schema" not in request:
                    self._form = replace(self._form, without=form.without)
                elif not wanted:
                    self._form = form
                return got | {
                    "route": form.route,
                    "seconds": time.monotonic() - started,
                    "incidents": incidents,
                }
            other = next(self._other_forms(form, request, got), None)
            if other is not None:
                incidents.append({"kind": "fallback", "detail": f"{got.detail}; {_change(form, other)}"})
                form = other
                continue
            if not got.passing or tries >= self.limits.tries:
                often = f" (tried {tries} times)" if tries > 1 else ""
                raise Unreachable(f"model {self.server.where}: {got.detail}{often}")
            wait = wait_s(got, tries, self.limits.backoff_s, self.limits.longest_wait_s, rng)
            incidents.append({"kind": "retry", "detail": f"{got.detail}; waited {wait:.3g} s"})
            await asyncio.sleep(wait)
            tries += 1

    def prefer(self, route: str) -> None:
        """Ask by this route from now on: its answer could be read where another's could not."""
        self._form = replace(self._form, route=route)

    async def aclose(self) -> None:
        """Close the HTTP client of the running event loop, if there is one."""
        with self._lock:
            _, client = self._open.pop(asyncio.get_running_loop(), (None, None))
        if client is not None:
            await client.aclose()

    async def _model(self) -> BaseChatModel:
        """The model for the running event loop: its HTTP client's connections belong to that loop alone."""
        loop = asyncio.get_running_loop()
        if loop not in self._open:
            await asyncio.to_thread(self._build, loop)  # imports for seconds, and reads certificates
        return self._open[loop][0]

    def _build(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            for old in [o for o in self._open if o.is_closed()]:
                del self._open[old]
            if loop in self._open:
                return
            client = http_client(self.server, self.limits.timeout_s) if self.server.openai else None
            model = build(
                self.server, timeout_s=self.limits.timeout_s, temperature=self.temperature, client=client
            )
            self._open[loop] = (model, client)

    async def _in_turn(self, model: BaseChatModel, request: Json, form: Form) -> Json | Failure:
        """Ask once; where calls are paced (see `negotiators.chat.pacing`), when it is this one's turn."""
        through = gate()
        if through is None:
            return await self._attempt(model, request, form)
        began, heard = await through.enter(self.server.where), None
        try:
            got = await self._attempt(model, request, form)
            heard = Heard.of(got, request["messages"])
            return got
        finally:
            through.leave(self.server.where, self.server.spec, began, heard)

    async def _attempt(self, model: BaseChatModel, request: Json, form: Form) -> Json | Failure:
        """Ask once. No exception leaves here with a client's own text or traceback in its context."""
        try:
            bound = self._bound(model, request, form)
            message = await asyncio.wait_for(bound.ainvoke(request["messages"]), self.limits.timeout_s)
        except Exception as error:  # noqa: BLE001 — each provider's client raises its own; failure_of tells them apart
            cut = _cut_short(error)
            got: Json | Failure = cut or failure_of(error, self.server, self.limits.timeout_s)
        else:
            got = _reply(message)
        if isinstance(got, Failure):
            return got
        return {k: self.server.scrubbed(v) if isinstance(v, str) else v for k, v in got.items()}

    def _bound(self, model: BaseChatModel, request: Json, form: Form) -> Runnable[Any, Any]:
        options, name = self._options(request, form), request.get("tool") or TOOL
        if form.route == "json_schema":
            named = {"name": name, "strict": True, "schema": request["schema"]}
            options["response_format"] = {"type": "json_schema", "json_schema": named}
        elif form.route == "json_object":
            options["response_format"] = {"type": "json_object"}
        elif form.route == "tools":
            function = {"name": name, "description": "Submit your answer.", "parameters": request["schema"]}
            choice = name if self.server.openai else "any"
            return model.bind_tools(
                [{"type": "function", "function": function}], tool_choice=choice, **options
            )
        return model.bind(**options)

    def _options(self, request: Json, form: Form) -> Json:
        """Cap, seed and temperature, as far as set. One's own servers know the cap's old name, OpenAI the new one."""
        out: Json = {k: v for k, v in _drawn(request).items() if k not in form.without}
        cap = request.get("max_tokens") or self.max_tokens
        if cap and "max_tokens" not in form.without:
            own = self.server.openai and self.server.base_url is not None
            out |= {"extra_body": {"max_tokens": cap}} if own else {"max_tokens": cap}
        if self.server.openai:
            if request.get("seed") is not None and "seed" not in form.without:
                out["seed"] = request["seed"]
            if self.temperature is not None and "temperature" not in form.without:
                out.setdefault("temperature", self.temperature)
        return out

    def _other_forms(self, form: Form, request: Json, failure: Failure) -> Iterator[Form]:
        """Forms still to be tried after a refusal: without the option it names, else by the next route."""
        if not failure.refused:
            return
        sent = {
            "temperature": self.temperature,
            "seed": request.get("seed"),
            "top_p": None,
            **_drawn(request),
        }
        sent["max_tokens"] = request.get("max_tokens") or self.max_tokens
        for option in OPTIONS:
            named = option in failure.said.lower() or (
                option == "max_tokens" and "max_completion" in failure.said
            )
            if named and sent[option] is not None and option not in form.without:
                yield replace(form, without=form.without | {option})
        later = (
            self._routes[self._routes.index(form.route) + 1 :] if form.route in self._routes else ("plain",)
        )
        for route in later:
            yield replace(form, route=route)
        for option in OPTIONS:
            if sent[option] is not None and option not in form.without:
                yield replace(form, without=form.without | {option})


def _drawn(request: Json) -> Json:
    """How a request itself says that words are drawn; what it leaves open is the line's, or the server's."""
    return {k: request[k] for k in ("temperature", "top_p") if request.get(k) is not None}


def _change(form: Form, other: Form) -> str:
    if form.route != other.route:
        return f"asking by {other.route} instead of {form.route}"
    return f"asking without {', '.join(sorted(other.without - form.without))}"


def _reply(message: Any) -> Json:
    """What a message says, as plain JSON; tokens are None where the server gave none."""
    meta: Json = message.response_metadata or {}
    finish = meta.get("finish_reason") or meta.get("stop_reason") or meta.get("done_reason")
    counted: Json = meta.get("token_usage") or {}
    usage = message.usage_metadata
    if counted:
        usage = {
            "input_tokens": counted.get("prompt_tokens"),
            "output_tokens": counted.get("completion_tokens"),
        }
    calls = [json.dumps(c["args"]) for c in message.tool_calls]
    calls += [str(c["args"]) for c in message.invalid_tool_calls if c["args"]]
    text = "\n".join(calls) or str(message.text) or str(message.additional_kwargs.get("refusal") or "")
    name = meta.get("model_name") or meta.get("model")
    return _plain(text, finish, dict(usage or {}), name, meta.get("system_fingerprint"))


def _cut_short(error: Exception) -> Json | None:
    """The answer inside an exception: OpenAI's client raises for one cut off or filtered, though it is paid."""
    completion = getattr(error, "completion", None)
    if completion is None or not getattr(completion, "choices", None):
        return None
    choice, usage = completion.choices[0], completion.usage
    counts = {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens} if usage else {}
    text = choice.message.content or ""
    return _plain(text, choice.finish_reason, counts, completion.model, completion.system_fingerprint)


def _plain(text: str, finish: Any, usage: Json, model: Any, fingerprint: Any) -> Json:
    named = f"{model} ({fingerprint})" if model and fingerprint else model or None
    return {
        "text": text,
        "finish_reason": str(finish) if finish else None,
        "usage": {k: usage.get(k) for k in ("input_tokens", "output_tokens")},
        "model": named,
    }
