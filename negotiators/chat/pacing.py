"""How many calls may be under way at once, and may another be paid for: one gate for all debates of a process.

Nothing is paced unless someone sets a gate (`paced`): a study that runs many debates at once does. A single debate
pays no overhead.

Each server's window grows by one call for every windowful of answers and is halved when the server says it is too
much (HTTP 429, 503): additive increase, multiplicative decrease (Chiu & Jain 1989). A `Retry-After` holds back
everybody who talks to that server, not only the call that was told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from negotiators.chat.cost import Prices, cost_usd, price_of
from negotiators.chat.failures import Failure
from scenarios.errors import ParleyError

TOO_MUCH = ("the server answered 429", "the server answered 503")
"""How a failure says that the server was asked too much."""

LONGEST_PAUSE_S = 900.0
CHARACTERS_A_TOKEN = 4
"""Used only where a server does not count tokens itself, so that a cap still holds."""


class CapReached(ParleyError):
    """A cap on spend or tokens is reached: no further call is made."""


@dataclass(frozen=True)
class Heard:
    """What one attempt came to, as far as pacing and paying go. Counts are the server's, else estimated."""

    answered: bool = False
    too_much: bool = False
    retry_after_s: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False

    @classmethod
    def of(cls, got: dict[str, Any] | Failure, messages: Sequence[dict[str, str]]) -> Heard:
        """Of a reply or a failure to these messages."""
        if isinstance(got, Failure):
            told = got.passing and (got.retry_after_s is not None or got.detail in TOO_MUCH)
            return cls(too_much=told, retry_after_s=got.retry_after_s)
        usage = got.get("usage") or {}
        read, written = usage.get("input_tokens"), usage.get("output_tokens")
        if isinstance(read, int) and isinstance(written, int):
            return cls(answered=True, input_tokens=read, output_tokens=written)
        asked = sum(len(m["content"]) for m in messages)
        said = len(str(got.get("text") or ""))
        return cls(True, False, None, asked // CHARACTERS_A_TOKEN, said // CHARACTERS_A_TOKEN, True)


class Gate(Protocol):
    """Where a call waits for its turn, and tells what it heard. Who entered always leaves."""

    async def enter(self, where: str) -> float:
        """Wait for a turn at a server; when it began. Raises CapReached."""
        ...

    def leave(self, where: str, spec: str, began: float, heard: Heard | None) -> None:
        """Give the turn back; None where nothing was heard (the call was broken off)."""
        ...


@dataclass
class Budget:
    """What may be spent and what is, in dollars and tokens, over answered calls. A cap of None is no cap."""

    usd: float | None = None
    tokens: int | None = None
    prices: Prices = field(default_factory=dict)
    spent_usd: float = 0.0
    spent_tokens: int = 0
    calls: int = 0
    estimated: int = 0  # answers that their server did not count
    _largest_usd: float = 0.0
    _largest_tokens: int = 0

    def add(self, spec: str, heard: Heard) -> None:
        """Count one answered call of a model."""
        self.count(spec, 1, heard.input_tokens, heard.output_tokens)
        self.estimated += heard.estimated

    def count(self, spec: str, calls: int, input_tokens: int, output_tokens: int) -> None:
        """Count calls of a model, of this session or an earlier one."""
        if not calls:
            return
        usd = cost_usd(price_of(spec, self.prices), input_tokens, output_tokens) or 0.0
        tokens = input_tokens + output_tokens
        self.calls += calls
        self.spent_usd += usd
        self.spent_tokens += tokens
        self._largest_usd = max(self._largest_usd, usd / calls)
        self._largest_tokens = max(self._largest_tokens, tokens // calls)

    @property
    def reached(self) -> str | None:
        """Which cap is reached, said with its mend; None while there is room."""
        if self.tokens is not None and self.spent_tokens >= self.tokens:
            return f"cap of {self.tokens:,} tokens reached; raise caps.tokens and run again"
        if self.usd is not None and self.spent_usd >= self.usd:
            return f"cap of ${self.usd:g} reached; raise caps.usd and run again"
        return None

    def room(self, under_way: int) -> bool:
        """Whether one more call fits, should every call under way cost as much as the dearest so far."""
        tokens = self.spent_tokens + under_way * self._largest_tokens
        usd = self.spent_usd + under_way * self._largest_usd
        return not (
            (self.tokens is not None and tokens >= self.tokens) or (self.usd is not None and usd >= self.usd)
        )


@dataclass
class _Window:
    """The calls to one server: how many may be under way, how many are, until when nobody may begin."""

    limit: float
    under_way: int = 0
    paused_until: float = 0.0
    cut_at: float = float("-inf")


class Pacing:
    """The gate of one event loop: a window a server, one budget for all."""

    def __init__(self, budget: Budget | None = None, *, start: int = 8, most: int = 64) -> None:
        self.budget = budget or Budget()
        self._start, self._most = min(start, most), most
        self._windows: dict[str, _Window] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def limit(self, where: str) -> float:
        """How many calls to a server may be under way at once now."""
        return self._window(where).limit

    async def enter(self, where: str) -> float:
        """Wait until the server's window has room, its pause is over and the budget allows one more call."""
        window = self._window(where)
        while True:
            if self.budget.reached:
                raise CapReached(self.budget.reached)
            pause = window.paused_until - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            elif window.under_way < int(window.limit) and self.budget.room(self._under_way()):
                window.under_way += 1
                return time.monotonic()
            else:
                await self._change()

    def leave(self, where: str, spec: str, began: float, heard: Heard | None) -> None:
        """Count what was heard, widen or halve the window, and let others look again."""
        window, now = self._window(where), time.monotonic()
        window.under_way -= 1
        if heard is not None and heard.answered:
            self.budget.add(spec, heard)
            window.limit = min(self._most, window.limit + 1 / window.limit)
        elif heard is not None and heard.too_much:
            if began >= window.cut_at:  # calls that began before the last cut say nothing of the new window
                window.limit, window.cut_at = max(1.0, window.limit / 2), now
            wait = min(LONGEST_PAUSE_S, heard.retry_after_s or 0.0)
            window.paused_until = max(window.paused_until, now + wait)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def _change(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def _window(self, where: str) -> _Window:
        return self._windows.setdefault(where, _Window(float(self._start)))

    def _under_way(self) -> int:
        return sum(w.under_way for w in self._windows.values())


_gates: list[Gate] = []


@contextmanager
def paced(gate: Gate) -> Iterator[None]:
    """Have every call of this process go through a gate, for as long as this lasts."""
    _gates.append(gate)
    try:
        yield
    finally:
        _gates.remove(gate)


def gate() -> Gate | None:
    """The gate that calls go through now, if any."""
    return _gates[-1] if _gates else None
