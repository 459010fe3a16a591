"""What does every step of a game need of its run: the game, what a law is told of a round, what a player sees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from negotiators.dilemma import Party
from nodes.dilemma.record import DilemmaSeat
from nodes.dilemma.sitting import Sitting
from nodes.games.settings import GamesTable
from scenarios.contracts import Books, Facts, Language, Law, compile_contract
from scenarios.games import Game
from scenarios.mechanisms import best_contract, language

STATES, ACTIONS = 3, 4
"""Purposes of draws: of a round's state, of what is played where chance decides."""


@dataclass(frozen=True)
class GameSitting(Sitting):
    """One game, its settings and its seats, which are called as its players are."""

    settings: GamesTable
    scenario: Game

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """The sitting of a state."""
        seats = [DilemmaSeat.model_validate(s) for s in state["seats"]]
        settings = GamesTable.model_validate_json(json.dumps(state["settings"]))
        game = Game.model_validate_json(json.dumps(state["case"]))
        return cls(settings, game, {s.seat: s for s in seats}, state["run_id"])

    @property
    def steps(self) -> int:
        """The rounds of the game."""
        return self.settings.rounds

    @property
    def onward(self) -> str:
        """The players act."""
        return "act"

    @property
    def remembers(self) -> bool:
        """Whether a strategy of repeated play is among the seats'."""
        return {self.settings.strategy, self.settings.opponent_strategy or "equilibrium"} != {"equilibrium"}

    @cached_property
    def language(self) -> Language:
        """What a contract may name here: labels of actions that can be verified, cells of states."""
        return language(self.scenario)

    @cached_property
    def reference(self) -> Party:
        """The reference negotiator of this game: exact play by concerns, noise and strategies as set."""
        from negotiators.reference import ReferenceParty

        table = self.settings
        others = table.opponent_strategy or table.strategy
        names = list(self.seats)
        return ReferenceParty(
            table.equilibrium,
            self.beliefs,
            prior=self.prior,
            precision=table.precision,
            strategies={s: table.strategy if s == names[0] else others for s in names},
        )

    def computed(self) -> Law | None:
        """The mechanism that leaves the least welfare loss, as a contract; None where there is none."""
        contract = best_contract(self.scenario)
        return None if contract is None else compile_contract(contract, self.language)

    def drawn_state(self, round_: int) -> int:
        """The index of a round's state, the same under every condition of a seed."""
        return self.scenario.drawn(np.random.default_rng([self.settings.seed, STATES, round_]))

    def facts(self, state: Mapping[str, Any], books: Books) -> Facts:
        """The round as a law is told it: of every action its verifiable label."""
        now, game = state["now"], self.scenario
        chosen: dict[str, str] = now.get("done") or now.get("asked") or {}
        labels = {s: self.label(s, a) for s, a in chosen.items()}
        everyone = [labels[s] for s in self.seats if s in labels]
        shared: dict[str, Any] = {
            "round": state["step"],
            "rounds": self.steps,
            "cell": game.cells[now["index"]],
            "actions": everyone,
        }
        own: dict[str, dict[str, object]] = {
            seat: {
                "me": seat,
                "violations": state["violations"].get(seat, 0),
                "balance": books.balance(seat),
                **({"mine": labels[seat]} if seat in labels else {}),
                "others": [label for s, label in labels.items() if s != seat],
            }
            for seat in self.seats
        }
        return Facts(shared=shared, own=own, books=books)

    def seen(self, seat: str, state: Mapping[str, Any]) -> dict[str, float | str]:
        """The round as a player sees it before acting: its own signal of the state."""
        return {"signal": self.scenario.signal(state["now"]["index"], list(self.seats).index(seat))}

    def place(self, seat: str, action: str) -> int:
        """The index of a seat's action by its name."""
        return self.scenario.actions[list(self.seats).index(seat)].index(action)

    def label(self, seat: str, action: str) -> str:
        """What a contract can verify of a seat's action."""
        return self.scenario.labels[list(self.seats).index(seat)][self.place(seat, action)]

    def under(self, seat: str, label: str, chosen: str) -> str:
        """The action that a seat plays where a law gives its label: its own if it has it, else its worst of them.

        Which action of a label is played stays with the player; forced into another, it makes no effort: the
        last action of that label in the order given.
        """
        i = list(self.seats).index(seat)
        if self.label(seat, chosen) == label:
            return chosen
        fitting = [
            a for a, at in zip(self.scenario.actions[i], self.scenario.labels[i], strict=True) if at == label
        ]
        return fitting[-1]
