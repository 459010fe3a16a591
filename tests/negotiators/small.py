"""A small ward, views of it and replies about it, for the tests of negotiators."""

from __future__ import annotations

import json
from typing import Any

import pytest

from negotiators.chat import Chat
from negotiators.protocol import Move, Occasion, Passage, Reply, View
from personas.persona import Persona
from scenarios.ward import Allocation, Ward
from tests.loopback import Answer, Loopback, Script, always
from tests.negotiators.conformance import check

KEY = "sk-parley-test-9f31c6d2a7e84b50"
"""A key that must turn up nowhere but in the Authorization header."""

FEASIBLE: Allocation = {"p1": {"icu_bed": 1.0, "staff": 6.0}, "p2": {"icu_bed": 0.0, "staff": 4.0}}
OTHER: Allocation = {"p1": {"icu_bed": 0.0, "staff": 2.0}, "p2": {"icu_bed": 1.0, "staff": 6.0}}

PASSAGE = Passage(
    id="util-03", framework="utilitarian", title="Numbers", text="More lives, more good.", source="Mill 1861"
)


def small_ward(**changes: Any) -> Ward:
    """Two patients, one bed, ten hours of staff; a third patient needs nothing."""
    data: dict[str, Any] = {
        "name": "two-beds",
        "title": "One bed at night",
        "resources": {
            "icu_bed": {"capacity": 1, "divisible": False, "unit": "bed"},
            "staff": {"capacity": 10, "divisible": True, "unit": "hour"},
        },
        "patients": [
            _patient("p1", age=30, sex="f", needs={"icu_bed": 1, "staff": 8}),
            _patient("p2", age=80, sex="m", needs={"icu_bed": 1, "staff": 6}, holds={"staff": 2}),
            _patient("p3", age=50, sex="m", needs={}),
        ],
    }
    return Ward.model_validate(data | changes)


def _patient(name: str, **fields: Any) -> dict[str, Any]:
    common = {"summary": f"the picture of {name}", "severity": 0.5}
    return {"id": name, **common, "survival_with_care": 0.8, "survival_without_care": 0.2, **fields}


def view(
    occasion: Occasion = "solo", *, seat: str = "A", persona: Persona | None = None, **changes: Any
) -> View:
    """A view of the small ward."""
    brief = persona or Persona(
        name="plainly", says="Weigh what a reasonable person would.", source="these tests"
    )
    fields: dict[str, Any] = {
        "ward": small_ward(),
        "round": 0 if occasion == "solo" else 1,
        "rounds": 3,
        "seed": 7,
    }
    return View(seat=seat, persona=brief, occasion=occasion, **(fields | changes))


def move(
    seat: str = "B", *, argument: str = "Because.", allocation: Allocation = OTHER, round_: int = 1
) -> Move:
    """A move of another seat."""
    return Move(seat=seat, round=round_, allocation=allocation, argument=argument)


def reply(allocation: Any = FEASIBLE, **changes: Any) -> str:
    """A model's answer in the form asked for."""
    return json.dumps(
        {"argument": "Need.", "citations": [], "concedes": [], "allocation": allocation} | changes
    )


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, address, price or tracing of whoever runs the tests."""
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_API_BASE",
        "PARLEY_PRICES",
        "LANGSMITH_TRACING",
    ):
        monkeypatch.delenv(name, raising=False)


async def ask(script: Script | Answer, seen: View | None = None, **settings: Any) -> tuple[Reply, Loopback]:
    """One decision against a scripted server, with next to no waiting."""
    seen = seen or view()
    with Loopback(script if callable(script) else always(script)) as server:
        quick: dict[str, Any] = {"backoff_s": 0.001, "timeout_s": 10.0, "prices": {}} | settings
        async with Chat("openai:scripted", base_url=server.base_url, **quick) as chat:
            answered = await chat.decide(seen)
    check(seen, answered)
    return answered, server


def kinds(answered: Reply) -> list[str]:
    """What kinds of incidents there were, in order."""
    return [i.kind for i in answered.incidents]
