"""Small dilemmas, views of them and questions about them, for the tests of parties."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from negotiators.chat import Chat
from negotiators.dilemma import DilemmaReply, DilemmaView, Occasion, Own, Proposal, Told
from personas.concern import Concern
from personas.load import load_concern
from scenarios.commons import Commons, cells
from scenarios.commons import load as load_commons
from scenarios.contracts import Contract, Language, commons_language, game_language, in_words
from scenarios.games import Game
from scenarios.games import load as load_game
from tests.loopback import Answer, Loopback, Script, always

HALF = Contract.model_validate(
    {"says": "Half stays.", "clauses": [{"kind": "cap", "amount": "stock / 2.0 / n", "says": "Half."}]}
)
SECRET = ("quillonian", "zorbish")
"""Words that stand where a seat must not look, so that a leak is a leak."""


@cache
def fishery(**changes: Any) -> Commons:
    """The paper's fishery, with what is set over it."""
    spec = ",".join(["fishery", *(f"{k}={v}" for k, v in changes.items())])
    return load_commons(spec)


@cache
def game(spec: str = "lift:prisoners-dilemma") -> Game:
    """A game by name."""
    return load_game(spec)


def language(scenario: Commons | Game) -> Language:
    """What contracts on it may name."""
    if isinstance(scenario, Commons):
        told = cells(scenario)
        return commons_language(scenario.names, tells_events=told, months=scenario.months)
    return game_language(scenario.players, scenario.labels, tuple(dict.fromkeys(scenario.cells)), most=30.0)


def persona(says: str | float = "selfish") -> Concern:
    """A persona by name, or the graded one with this λ."""
    if isinstance(says, str):
        return load_concern(says)
    graded = load_concern("graded")
    return graded.model_copy(update={"concern": "infinite" if says == float("inf") else says})


def proposal(contract: Contract = HALF, by: str = "a2", scenario: Commons | Game | None = None) -> Proposal:
    """A contract as it is put to the vote."""
    words = in_words(contract, language(scenario or fishery()))
    return Proposal(by=by, contract=contract, words=tuple(words))


def commons_view(occasion: Occasion = "harvest", **changes: Any) -> DilemmaView:
    """A view of the fishery in month 2 of 12, under no contract unless told otherwise."""
    scenario = changes.get("scenario") or fishery()
    fields: dict[str, Any] = {
        "scenario": scenario,
        "regime": "none",
        "seats": scenario.names,
        "seat": scenario.names[0],
        "persona": persona(),
        "occasion": occasion,
        "step": 2,
        "steps": scenario.months,
        "seed": 7,
        "now": {"stock": 80, "open": 80, "event": "calm", "price": 1.0, "pool": "healthy", "regime": 0},
    }
    if changes.get("regime") == "enforced" and "language" not in changes:
        fields["language"] = language(scenario)
    if occasion != "harvest":
        fields["now"] |= {"taken": 9, "left": 35}
    if occasion == "report":
        fields["reports"] = "own-word"
    if occasion == "vote":
        fields["proposal"] = proposal(scenario=scenario)
    return DilemmaView(**(fields | changes))


def game_view(
    spec: str | Game = "lift:prisoners-dilemma", occasion: Occasion = "act", **changes: Any
) -> DilemmaView:
    """A view of a game in round 1 of 2 that the first player has."""
    scenario = game(spec) if isinstance(spec, str) else spec
    fields: dict[str, Any] = {
        "scenario": scenario,
        "regime": "none",
        "seats": scenario.players,
        "seat": scenario.players[0],
        "persona": persona(),
        "occasion": occasion,
        "step": 1,
        "steps": 2,
        "seed": 7,
        "now": {"signal": scenario.signal(0, 0)},
    }
    if changes.get("regime") == "enforced" and "language" not in changes:
        fields["language"] = language(scenario)
    return DilemmaView(**(fields | changes))


def month(step: int = 1, **changes: Any) -> Told:
    """A month of the fishery that is over."""
    facts = {"stock": 100.0, "event": "calm", "price": 1.0}
    done = {"a1": 10, "a2": 12, "a3": None, "a4": 9, "a5": 10}
    said = {"a2": "Let us take eight each."}
    return Told.model_validate({"step": step, "facts": facts, "done": done, "said": said} | changes)


def own(step: int = 1, **changes: Any) -> Own:
    """What the seat alone knows of it."""
    return Own.model_validate({"step": step, "asked": 11, "took": 10, "payoff": 10.0} | changes)


def answer(**fields: Any) -> str:
    """A model's answer in the form asked for."""
    return json.dumps({"reasoning": "Because."} | fields)


def clauses(*rows: dict[str, Any], words: str = "So be it.") -> str:
    """A contract as a model answers it."""
    return json.dumps({"words": words, "clauses": list(rows)})


async def put(
    script: Script | Answer, view: DilemmaView, coding: str | None = None, **settings: Any
) -> tuple[DilemmaReply, Loopback]:
    """One question to a scripted server, with next to no waiting; with `coding`, to a coder about these words."""
    with Loopback(script if callable(script) else always(script)) as server:
        quick: dict[str, Any] = {"backoff_s": 0.001, "timeout_s": 10.0, "prices": {}} | settings
        async with Chat("openai:scripted", base_url=server.base_url, **quick) as chat:
            if coding is not None:
                return await chat.code(view, coding), server
            return await chat.act(view), server


def kinds(reply: DilemmaReply) -> list[str]:
    """What kinds of incidents there were, in order."""
    return [incident.kind for incident in reply.incidents]
