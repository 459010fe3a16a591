"""What did recorded seats choose from: menus of own payoff and welfare, by game, law and state, out of game records."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from evals.prosociality.choices import Choices, joined, played
from evals.records import each
from nodes.games.record import GameRecord, Play
from nodes.games.sitting import GameSitting
from scenarios.errors import ParleyError
from scenarios.ward import Array

By = Literal["persona", "seat"]
Group = tuple[str, str, str]
"""A game, the law in force and a state: within it everybody faces the same payoffs."""


@dataclass(frozen=True)
class Round:
    """One round of one run: the group it belongs to, what was chosen (−1 missing), and which agent sat where."""

    group: Group
    profile: tuple[int, ...]
    agents: tuple[str, ...]


@dataclass(frozen=True)
class Kept:
    """What is kept of one record."""

    rounds: list[Round]
    payoffs: dict[Group, Array]
    declared: dict[str, float]


@dataclass(frozen=True)
class Gathered:
    """Every agent's choices, and the λ that its persona declares, beside which what is recovered stands."""

    choices: dict[str, Choices]
    declared: dict[str, float]


def gathered(files: Sequence[Path], by: By = "persona") -> Gathered:
    """The choices of every agent of these records: a persona with its model, or every seat of every run.

    What a seat reckoned of the others is taken to be how often they did what, over all rounds of these records in
    which the game, the law in force and the state were the same. Payoffs are net of what the law makes everybody
    pay. Runs that are invalid are left out; a choice that a seat did not make itself is missing.

    Raises ParleyError for records of another setting, and where nobody chose anything.
    """
    keep = kept_by_persona if by == "persona" else kept_by_seat
    rounds: dict[Group, list[Round]] = defaultdict(list)
    payoffs: dict[Group, Array] = {}
    declared: dict[str, float] = {}
    for kept in each(files, keep, setting="games"):
        payoffs |= kept.payoffs
        declared |= kept.declared
        for one in kept.rounds:
            rounds[one.group].append(one)
    parts: dict[str, list[Choices]] = defaultdict(list)
    for group, there in rounds.items():
        for agent, made in _of_group(payoffs[group], there):
            parts[agent].append(made)
    if not parts:
        raise ParleyError("no round of a game is recorded there; run `python -m graphs.games invoke` first")
    return Gathered({agent: joined(found) for agent, found in sorted(parts.items())}, declared)


def _of_group(payoffs: Array, rounds: Sequence[Round]) -> Iterable[tuple[str, Choices]]:
    """(agent, choices) for every agent and place of a group of rounds."""
    profiles = np.array([r.profile for r in rounds])
    for place in range(payoffs.shape[-1]):
        others = np.delete(profiles, place, axis=1)
        if not (others >= 0).all(axis=1).any():
            continue
        menu = played(payoffs, profiles, place)
        agents = np.array([r.agents[place] for r in rounds])
        for agent in dict.fromkeys(agents):
            mine = agents == agent
            yield agent, Choices(menu.own[mine], menu.welfare[mine], menu.chosen[mine])


def kept_by_persona(record: GameRecord) -> Kept:
    """What is kept of a record where an agent is a persona with its model."""
    return _kept(record, lambda seat: f"{seat.persona.name} λ {_told(seat)}, {seat.model or 'reference'}")


def kept_by_seat(record: GameRecord) -> Kept:
    """What is kept of a record where an agent is one seat of one run."""
    return _kept(record, lambda seat: f"{record.run_id} {seat.seat}")


def _told(seat: Any) -> str:
    concern = seat.persona.concern
    return concern if isinstance(concern, str) else f"{concern:g}"


def _kept(record: GameRecord, named: Any) -> Kept:
    if record.status == "invalid":
        return Kept([], {}, {})
    from negotiators.reference.games.law import under_law

    sat = GameSitting(record.protocol, record.scenario, {s.seat: s for s in record.seats}, record.run_id)
    laws = [law.model_dump(mode="json") for law in record.laws]
    names = [s.name for s in record.scenario.states]
    agents = tuple(named(s) for s in record.seats)
    rounds, payoffs = list[Round](), dict[Group, Array]()
    for play in record.plays:
        group = (record.scenario.model_dump_json(), _law(record, play), play.state)
        if group not in payoffs:
            law = sat.law({"law": play.law, "laws": laws})
            payoffs[group] = under_law(record.scenario, law, record.protocol.rounds).payoffs[
                names.index(play.state)
            ]
        chosen = tuple(-1 if a is None else sat.place(s, a) for s, a in play.chosen.items())
        rounds.append(Round(group, chosen, agents))
    return Kept(rounds, payoffs, {a: s.persona.degree for a, s in zip(agents, record.seats, strict=True)})


def _law(record: GameRecord, play: Play) -> str:
    if record.protocol.regime == "best":
        return "best"
    if record.protocol.regime != "enforced" or play.law is None:
        return ""
    return json.dumps(record.laws[play.law].proposal.model_dump(mode="json")["contract"])
