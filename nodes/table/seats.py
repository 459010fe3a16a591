"""Who sits at the table in this debate: seats from settings, and what every step needs of them, built once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from negotiators.protocol import Move, Negotiator, Passage, View
from nodes.record import Seat, canonical
from nodes.settings import Table
from nodes.table import equipment
from personas.load import load as load_persona
from personas.load import with_strength
from personas.utility import usable, utility
from scenarios.objective import Objective
from scenarios.ward import Array, Ward

if TYPE_CHECKING:
    from negotiators.chat import Chat

Json = dict[str, Any]


def seat_everyone(settings: Table) -> list[Seat]:
    """The seats that settings name, in the order seated; values are declared later, with the solo."""
    lent = equipment.equipment()
    seats = []
    for seat, name, model, persuasion in settings.seated():
        persona = load_persona(name, lent.personas)
        if settings.strength is not None and persona.favours:
            persona = with_strength(persona, settings.strength)
        reference = model == "reference"
        seats.append(
            Seat(
                seat=seat,
                persona=persona,
                negotiator="reference" if reference else "chat",
                model=None if reference else model,
                server=None if reference else lent.server,
                policy=equipment.policy(settings.concession, settings.exponent, settings.floor, persuasion)
                if reference
                else {},
            )
        )
    return seats


@dataclass(frozen=True)
class Sitting:
    """One debate's ward, settings and seats, parsed; the same for every step, so built once a run."""

    settings: Table
    ward: Ward
    seats: dict[str, Seat]
    run_id: str

    @property
    def about(self) -> str:
        """The ward's name."""
        return self.ward.name

    @cached_property
    def shown(self) -> Ward:
        """The ward as the seats see it: without the attributes they are blind to."""
        return self.ward.blinded(self.settings.blind) if self.settings.blind else self.ward

    def negotiator(self, seat: str) -> Negotiator:
        """Who decides for a seat."""
        at = self.seats[seat]
        return equipment.reference(at.policy) if at.model is None else self.chat(at.model)

    def chat(self, model: str) -> Chat:
        """The chat negotiator of a model, sampling as the settings say."""
        return equipment.chat(model, self.settings.temperature, self.settings.max_output_tokens)

    @property
    def mediator(self) -> Chat | None:
        """The model behind the `llm` merge rule; None for a rule that is code."""
        if self.settings.merge_rule != "llm":
            return None
        return self.chat(self.settings.mediator_model or self.settings.model)

    def utility(self, seat: str, own_move: Array | None = None) -> Objective:
        """The seat's declared utility over the ward as it is shown: nobody favours a group that nobody sees."""
        if own_move is None or self.wants(seat):
            return self._utilities[seat]
        return utility(self.shown, self.seats[seat].declared, own_move)

    @cached_property
    def _utilities(self) -> dict[str, Objective]:
        return {seat: utility(self.shown, at.declared) for seat, at in self.seats.items()}

    def wants(self, seat: str) -> bool:
        """Whether the seat declares anything that this ward, as it is shown, defines."""
        return self._wants[seat]

    @cached_property
    def _wants(self) -> dict[str, bool]:
        return {seat: bool(usable(self.shown, at.declared)) for seat, at in self.seats.items()}

    def utilities(self, moves: Mapping[str, Array]) -> dict[str, Objective]:
        """Declared utilities of the seats that made these moves; its own move anchors a seat without values."""
        return {seat: self.utility(seat, x) for seat, x in moves.items()}

    def speaking(self, round_: int) -> list[str]:
        """Seats in the order they speak in a round."""
        return self.settings.speaking(round_)

    def rng(self, *what: int) -> np.random.Generator:
        """A generator for one purpose, from the run's seed."""
        return np.random.default_rng([self.settings.seed, *what])

    def name(self, seat: str) -> str:
        """A seat as a person reads it: `A rawlsian`."""
        return f"{seat} {self.seats[seat].persona.name}"


def sitting(state: Mapping[str, Any]) -> Sitting:
    """The sitting of a state; parsed once for each state of its settings, ward and seats."""
    return _sitting(
        state["run_id"], canonical(state["settings"]), canonical(state["case"]), canonical(state["seats"])
    )


@lru_cache(maxsize=64)
def _sitting(run_id: str, settings: str, ward: str, seats: str) -> Sitting:
    people = [Seat.model_validate(s) for s in json.loads(seats)]
    return Sitting(Table.model_validate_json(settings), _ward(ward), {s.seat: s for s in people}, run_id)


@lru_cache(maxsize=64)
def _ward(text: str) -> Ward:
    return Ward.model_validate_json(text)


def last_valid_moves(state: Mapping[str, Any], sat: Sitting) -> dict[str, Move]:
    """Each seat's last valid move: of this round, of an earlier one, else its solo; seats with none are left out."""
    spoken = [m for r in state.get("rounds", []) for m in r["moves"]] + list(state.get("moves", []))
    candidates = list(state.get("solo", {}).values()) + spoken
    last = {m["seat"]: Move.model_validate(m) for m in candidates if m["allocation"] is not None}
    return {seat: last[seat] for seat in sat.seats if seat in last}


def view_of(
    sat: Sitting,
    seat: str,
    occasion: str,
    state: Mapping[str, Any],
    passages: tuple[Passage, ...],
    round_: int,
) -> View:
    """All that a seat may know: nothing before its solo; in the debate, every move it was shown."""
    heard: list[Json] = []
    if occasion != "solo":
        heard = [m for r in state.get("rounds", []) for m in r["moves"]]
        if not sat.settings.simultaneous:
            heard += state.get("moves", [])
    solo = state.get("solo", {}).get(seat) if occasion != "solo" else None
    return View(
        ward=sat.shown,
        seat=seat,
        persona=sat.seats[seat].persona,
        occasion=occasion,  # type: ignore[arg-type]
        round=round_,
        rounds=sat.settings.rounds,
        seed=sat.settings.seed if sat.seats[seat].negotiator == "reference" else sat.settings.model_seed,
        values=sat.seats[seat].declared,
        passages=passages,
        moves=tuple(Move.model_validate(m) for m in heard if m["allocation"] is not None),
        solo=solo["allocation"] if solo else None,
        joint=state.get("joint") if occasion != "solo" else None,
        contested=tuple(state.get("contested", ())) if occasion != "solo" else (),
    )
