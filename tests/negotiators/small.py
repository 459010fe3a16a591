"""A small ward, views of it and replies about it, for the tests of negotiators."""

from __future__ import annotations

import json
from typing import Any

from negotiators.protocol import Move, Occasion, Passage, View
from personas.persona import Persona
from scenarios.ward import Allocation, Ward

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


def view(occasion: Occasion = "solo", *, seat: str = "A", persona: Persona | None = None, **changes: Any) -> View:
    """A view of the small ward."""
    brief = persona or Persona(name="plainly", says="Weigh what a reasonable person would.", source="these tests")
    fields: dict[str, Any] = {"ward": small_ward(), "round": 0 if occasion == "solo" else 1, "rounds": 3, "seed": 7}
    return View(seat=seat, persona=brief, occasion=occasion, **(fields | changes))


def move(seat: str = "B", *, argument: str = "Because.", allocation: Allocation = OTHER, round_: int = 1) -> Move:
    """A move of another seat."""
    return Move(seat=seat, round=round_, allocation=allocation, argument=argument)


def reply(allocation: Any = FEASIBLE, **changes: Any) -> str:
    """A model's answer in the form asked for."""
    return json.dumps({"argument": "Need.", "citations": [], "concedes": [], "allocation": allocation} | changes)
