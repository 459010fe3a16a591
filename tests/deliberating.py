"""How tests hold a deliberation: in this process, with reference seats or a scripted partner over the wire."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from graphs.session import Session
from graphs.setting import setting
from nodes.deliberation.record import DeliberationRecord
from nodes.deliberation.settings import DeliberationTable
from nodes.table.equipment import Equipment, lend
from scenarios.dilemmas import Dilemma, load
from scenarios.dilemmas.plan import AGREE, written
from tests.loopback import Answer, Heard, Script, completion


def deliberate(
    scenario: str | Dilemma,
    runs: Path,
    *,
    events: list[dict[str, Any]] | None = None,
    base_url: str | None = None,
    **settings: Any,
) -> DeliberationRecord:
    """Hold a whole deliberation and return its record."""
    lend(Equipment(runs=runs, base_url=base_url, timeout_s=10.0))
    table = DeliberationTable.model_validate(settings)
    dilemma = load(scenario) if isinstance(scenario, str) else scenario
    heard: list[dict[str, Any]] = [] if events is None else events
    session = Session(setting("deliberation"), heard.append, lambda question: question)
    given = {"dilemma": dilemma.model_dump(mode="json")}
    return DeliberationRecord.model_validate(asyncio.run(session.begin(given, table)))


def minutes(record: DeliberationRecord) -> list[tuple[int, str, str | None]]:
    """A dialogue as minutes: (round, who, what it did), verdicts among them."""
    told = ("speak", "mediate", "judge")
    return [(e.round, e.seat or e.source, e.strategy) for e in record.edges if e.source in told]


def judging(heard: Heard) -> bool:
    """Whether a request asks for a verdict."""
    return "verdict" in json.dumps(heard.body.get("response_format") or heard.body.get("tools") or "")


def talker(dilemma: Dilemma, agrees_after: int = 2) -> Script:
    """A partner that says a first plan in every turn, and as the judge says YES after so many rounds."""
    plan = {name: next(iter(issue.options)) for name, issue in dilemma.issues.items()}
    verdicts = 0

    def answer(heard: Heard) -> Answer:
        nonlocal verdicts
        if judging(heard):
            verdicts += 1
            kind = "agreed" if verdicts >= agrees_after else "debating"
            return completion(json.dumps({"why": "as scripted", "verdict": kind}))
        return completion(f"I have thought about it. {AGREE}\n{written(plan)}")

    return answer
