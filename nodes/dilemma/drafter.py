"""Who proposes a contract: each step another seat, in an order that the seed draws; in words, or as clauses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from negotiators.dilemma import DilemmaMove, DilemmaReply, Proposal
from nodes.dilemma.asking import ask, paid
from nodes.dilemma.sitting import Sitting
from nodes.dilemma.sittings import sitting
from nodes.table.edges import say
from scenarios.contracts import in_words

LONGEST = 2_000
"""Characters of a contract in words that are read to all."""


def turn(sat: Sitting, step: int) -> str:
    """The seat that may propose in a step: each once before anyone twice."""
    return sat.turns[(step - 1) % len(sat.turns)]


async def negotiate(state: Mapping[str, Any]) -> dict[str, Any]:
    """One seat drafts a contract, or proposes nothing; what it drafts is read back to all in plain words."""
    sat = sitting(state)
    out = await ask(sat, {**state, "group": [turn(sat, state["step"])]}, "draft")
    move = DilemmaMove.model_validate(out["moves"][0])
    if sat.coded(move.seat) and move.words:
        coded = await _coded(sat, move, state)
        move = coded.move
        out["moves"] = [move.model_dump(mode="json")]
        out["usage"] += [coded.usage.model_dump(mode="json")] if coded.usage.calls else []
        out["incidents"] += [i.model_dump(mode="json") for i in coded.incidents]
        out["models"] += [["coder", coded.model]] if coded.model else []
    proposal = proposed(sat, move)
    if proposal is not None:
        say(f"{sat.about}: {sat.name(move.seat)} proposes a contract", kind="proposal", step=state["step"])
    return out | {"proposal": None if proposal is None else proposal.model_dump(mode="json")}


async def _coded(sat: Sitting, move: DilemmaMove, state: Mapping[str, Any]) -> DilemmaReply:
    """What a coder model makes of a seat's words: clauses that compile, or none."""
    assert sat.settings.coder_model is not None
    view, coder = sat.view(move.seat, "draft", state), sat.chat(sat.settings.coder_model)
    return await paid(
        sat, move.seat, "code", state["step"], lambda pay: coder.code(view, move.words, pay=pay)
    )


def proposed(sat: Sitting, move: DilemmaMove) -> Proposal | None:
    """A draft as it is put to the vote; None where nothing was proposed that the regime knows."""
    if sat.settings.regime == "spoken":
        words = move.words.strip()[:LONGEST]
        if move.contract is not None and not words:
            words = move.contract.says
        return Proposal(by=move.seat, words=tuple(words.splitlines())) if words else None
    if move.contract is None or not move.contract.clauses:
        return None
    return Proposal(by=move.seat, contract=move.contract, words=tuple(in_words(move.contract, sat.language)))
