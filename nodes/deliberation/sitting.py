"""What does every step of a deliberation need of its run: the dilemma, the seats, who speaks for each; built once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from negotiators.deliberation import (
    MEDIATOR,
    DeliberationView,
    Dialogue,
    Sampling,
    Speaker,
    Utterance,
    Verdict,
)
from nodes.deliberation.dialogue import window_of
from nodes.deliberation.record import DeliberationSeat
from nodes.deliberation.settings import SEATS, DeliberationTable
from nodes.table import equipment
from personas.opposing import Pole, load_pair
from scenarios.dilemmas.dilemma import Dilemma, Plan
from scenarios.errors import ParleyError

Json = dict[str, Any]


@dataclass(frozen=True)
class Sitting:
    """One run's settings, dilemma and seats; the same for every step."""

    settings: DeliberationTable
    dilemma: Dilemma
    seats: Mapping[str, DeliberationSeat]
    run_id: str

    @property
    def about(self) -> str:
        """The dilemma's name."""
        return self.dilemma.name

    @property
    def talking(self) -> tuple[str, ...]:
        """The seats that take part in the dialogue; of one agent alone there is none."""
        return () if self.settings.alone else tuple(self.seats)

    def name(self, seat: str) -> str:
        """A seat as a person reads it: `A evidence`."""
        return seat if seat == MEDIATOR else f"{seat} {self.seats[seat].persona.name}"

    def speaker(self, model: str | None) -> Speaker:
        """Who decides: a model, or for None the reference speaker of the settings' policy."""
        if model not in (None, "reference", "rule"):
            return equipment.chat(str(model), None, self.settings.max_output_tokens)
        return _reference(self.settings.concession, self.settings.floor)

    def view(self, seat: str, dialogue: Sequence[Utterance], round_: int) -> DeliberationView:
        """What a seat, or the mediator, may know when it speaks."""
        heard, places = window_of(dialogue, self.settings.window)
        persona = None if seat == MEDIATOR else self.seats[seat].persona
        return self._view(seat, persona, heard, places, round_, self.settings.temperature)

    def closing(self, dialogue: Sequence[Utterance], verdicts: Sequence[Verdict]) -> DeliberationView:
        """What the first seat knows when it writes the plan down: all that was said, and every persona."""
        first = next(iter(self.seats))
        poles = tuple(s.persona for s in self.seats.values())
        agreed: Plan | None = verdicts[-1].plan if verdicts and verdicts[-1].agreed else None
        return self._view(
            first,
            self.seats[first].persona,
            list(dialogue),
            list(range(len(dialogue))),
            max(1, len(verdicts)),
            self.settings.completion_temperature,
            personas=poles,
            agreed=agreed,
        )

    def judged(self, dialogue: Sequence[Utterance], round_: int) -> Dialogue:
        """The dialogue as its judge sees it."""
        drawn = Sampling(self.settings.judge_temperature)
        return Dialogue(
            self.dilemma, tuple(self.seats), round_, tuple(dialogue), self.settings.model_seed, drawn
        )

    def _view(
        self,
        seat: str,
        persona: Pole | None,
        heard: Sequence[Utterance],
        places: Sequence[int],
        round_: int,
        temperature: float | None,
        personas: tuple[Pole, ...] = (),
        agreed: Plan | None = None,
    ) -> DeliberationView:
        return DeliberationView(
            dilemma=self.dilemma,
            seat=seat,
            seats=tuple(self.seats),
            persona=persona,
            round=round_,
            rounds=self.settings.rounds,
            heard=tuple(heard),
            places=tuple(places),
            clauses=self.settings.shows_clauses and bool(self.dilemma.issues),
            seed=self.settings.model_seed,
            personas=personas,
            sampling=Sampling(temperature, self.settings.top_p),
            agreed=agreed,
        )


def seat_everyone(settings: DeliberationTable) -> list[DeliberationSeat]:
    """The seats that settings name: A and B of the pair, then the panel. Raises ParleyError for an unknown persona."""
    lent = equipment.equipment()
    poles = list(load_pair(settings.pair, lent.personas).poles)
    people = [(settings.pair, p) for p in (poles[::-1] if settings.swap else poles)]
    people += [_pole(name) for name in settings.panel]
    models = settings.seat_models
    models += [models[-1]] * (
        len(people) - len(models)
    )  # alone: the other persona is told, nobody speaks for it
    policy = {"concession": settings.concession, "floor": settings.floor}
    return [
        DeliberationSeat(
            seat=seat,
            persona=pole,
            pair=pair,
            negotiator="reference" if model == "reference" else "chat",
            model=None if model == "reference" else model,
            server=None if model == "reference" else lent.server,
            policy=policy if model == "reference" else {},
        )
        for seat, (pair, pole), model in zip(SEATS, people, models, strict=False)
    ]


def _pole(name: str) -> tuple[str, Pole]:
    pair, _, pole = name.partition(":")
    found = {p.name: p for p in load_pair(pair, equipment.equipment().personas).poles}
    if pole not in found:
        raise ParleyError(f"panel: the pair '{pair}' has no '{pole}'; it has {' and '.join(found)}")
    return pair, found[pole]


def sitting(state: Mapping[str, Any]) -> Sitting:
    """The sitting of a state, found again by its run and its settings, of which some determine no id."""
    kept = _kept(state["run_id"], json.dumps(state["settings"], sort_keys=True))
    if not kept:
        seats = [DeliberationSeat.model_validate(s) for s in state["seats"]]
        settings = DeliberationTable.model_validate_json(json.dumps(state["settings"]))
        dilemma = Dilemma.model_validate(state["case"])
        kept.append(Sitting(settings, dilemma, {s.seat: s for s in seats}, state["run_id"]))
    return kept[0]


def spoken(state: Mapping[str, Any]) -> tuple[list[Utterance], list[Verdict]]:
    """What was said, and what its judge said of it, so far."""
    return (
        [Utterance.model_validate(u) for u in state["dialogue"]],
        [Verdict.model_validate(v) for v in state["verdicts"]],
    )


@lru_cache(maxsize=64)
def _kept(run_id: str, settings: str) -> list[Sitting]:
    """A place for the sitting of a run."""
    return []


@lru_cache(maxsize=16)
def _reference(concession: Any, floor: float) -> Speaker:
    from negotiators.reference.deliberation import ReferenceSpeaker

    return ReferenceSpeaker(concession, floor)
