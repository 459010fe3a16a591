"""How tests play dilemmas through their graphs: by reference seats, or by parties that follow a script.

    scripted(monkeypatch, lambda view: {"amount": 10})
    record = season("fishery", tmp_path, regime="none")

A script is a function of what a seat sees (`DilemmaView`) to the fields of its move; None is an abstention.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphs.session import Session
from graphs.setting import setting
from negotiators.dilemma import DilemmaMove, DilemmaReply, DilemmaView
from negotiators.protocol import Incident, Pay
from nodes.commons.record import CommonsRecord
from nodes.dilemma.record import DilemmaRecord
from nodes.dilemma.sitting import Sitting
from nodes.games.record import GameRecord
from nodes.records import reader
from nodes.table.equipment import Equipment, lend

Json = dict[str, Any]
Script = Callable[[DilemmaView], Json | None]


class Scripted:
    """A party that does what a script says; `seen` keeps every view it was shown, in order."""

    name = "scripted"

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[DilemmaView] = []

    async def act(self, view: DilemmaView, *, pay: Pay | None = None) -> DilemmaReply:
        """The script's move; an abstention where it says nothing."""
        self.seen.append(view)
        where: Json = {"seat": view.seat, "step": view.step, "occasion": view.occasion}
        fields = self.script(view)
        if fields is None:
            told = Incident(kind="abstained", seat=view.seat, detail="scripted: said nothing usable")
            return DilemmaReply(DilemmaMove(**where, status="abstained"), incidents=(told,))
        return DilemmaReply(DilemmaMove(**where, **fields))

    def views(self, occasion: str) -> list[DilemmaView]:
        """The views it was shown on an occasion."""
        return [v for v in self.seen if v.occasion == occasion]


def scripted(monkeypatch: pytest.MonkeyPatch, script: Script, *, model: bool = False) -> Scripted:
    """Put one scripted party on every seat of the runs that follow, in whichever setting.

    `model`: play with `model="openai:scripted"`, so that seats are asked, and see, as those of models are.
    """
    party = Scripted(script)
    monkeypatch.setattr(Sitting, "party", lambda self, seat: party)
    if model:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    return party


def every(**fields: Any) -> Script:
    """Everybody gives the same answer on the occasion it fits; nobody talks, proposes, or votes for anything."""

    def script(view: DilemmaView) -> Json:
        own = {"harvest": "amount", "report": "amount", "act": "choice"}.get(view.occasion)
        if own is not None:
            return {own: fields[own]}
        return {"vote": False} if view.occasion == "vote" else {}

    return script


def season(scenario: str, runs: Path, *, events: list[Json] | None = None, **settings: Any) -> CommonsRecord:
    """A whole season on a commons, through the graph."""
    record = _played("commons", scenario, runs, events, settings)
    assert isinstance(record, CommonsRecord)
    return record


def match(scenario: str, runs: Path, *, events: list[Json] | None = None, **settings: Any) -> GameRecord:
    """A whole game, through the graph."""
    record = _played("games", scenario, runs, events, settings)
    assert isinstance(record, GameRecord)
    return record


def _played(
    name: str, scenario: str, runs: Path, events: list[Json] | None, settings: Json
) -> DilemmaRecord | Any:
    equipment = {k: settings.pop(k) for k in ("base_url", "timeout_s") if k in settings}
    lend(Equipment(**{"runs": runs, "timeout_s": 10.0} | equipment))
    of = setting(name)
    table = of.table.model_validate(settings)
    heard: list[Json] = [] if events is None else events
    given = of.given(of.load(scenario))
    return reader().validate_python(asyncio.run(Session(of, heard.append, _nobody).begin(given, table)))


def _nobody(question: Json) -> Json:
    raise AssertionError(f"nobody was to be asked: {question}")


def totals(record: CommonsRecord) -> list[int]:
    """What all took together, month by month."""
    return [sum(month.taken.values()) for month in record.months]
