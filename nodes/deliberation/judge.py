"""Do the seats agree after a round: asked of the rule or of a model, and what comes next."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from langgraph.types import Command

from negotiators.deliberation import Verdict
from negotiators.protocol import Incident
from nodes.deliberation.asking import asked, costs
from nodes.deliberation.dialogue import AfterJudging, after_judging, round_of
from nodes.deliberation.sitting import sitting, spoken
from nodes.deliberation.state import Deliberation
from nodes.record import EdgeEvent
from nodes.table.edges import emit, say

WORDS = {
    "agreed": "they agree",
    "debating": "still debating",
    "disagreed": "they agree to disagree",
    "capitulated": "one side gave in: no agreement",
    "vague": "too vague to act on: no agreement",
    None: "the judge gave no verdict",
}


async def judge(state: Deliberation) -> Command[Literal["speak", "complete", "record"]]:
    """The verdict on the round that is over; YES leads to the completion, NO to the next round until the cap."""
    sat = sitting(state)
    dialogue, verdicts = spoken(state)
    round_ = round_of(verdicts)
    named = sat.settings.judging
    model = None if named == "rule" else named
    view = sat.judged(dialogue, round_)
    said = await asked(
        sat, "judge", "judge", round_, model, lambda pay: sat.speaker(model).judge(view, pay=pay)
    )
    assert isinstance(said.what, Verdict)
    target: AfterJudging = after_judging(
        [*verdicts, said.what], sat.settings.rounds, always=sat.settings.completion == "always"
    )
    silent = [s for s in sat.talking if not any(u.seat == s and u.text for u in dialogue)]
    if silent and target != "speak":
        target = "record"
    edge = EdgeEvent(
        index=len(state["edges"]), source="judge", target=target, round=round_, strategy=said.what.kind
    )
    say(f"round {round_}: {WORDS[said.what.kind]}", kind="verdict", round=round_, verdict=said.what.kind)
    update: dict[str, Any] = {"verdicts": [said.what.model_dump(mode="json")], **costs(said, "judge")}
    if silent and target == "record":
        update["incidents"] = [*update["incidents"], *(_mute(sat.name(s), s, round_) for s in silent)]
    update["edges"] = await asyncio.to_thread(emit, sat, [edge])
    return Command(goto=target, update=update)


def _mute(name: str, seat: str, round_: int) -> dict[str, Any]:
    detail = f"{name} said nothing at all: the run is invalid"
    return Incident(kind="abstained", seat=seat, node="judge", round=round_, detail=detail).model_dump(
        mode="json"
    )
