"""How does a reference seat act on the commons: what it takes, says, proposes and votes, by exact play."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from negotiators.dilemma import DilemmaMove, DilemmaView, Proposal
from negotiators.reference.commons.policy import Policy, markov_perfect
from negotiators.reference.menu import Worth, at_least, draft, in_force, law_of
from scenarios.commons import Commons, Event, events, lot
from scenarios.commons.rationing import Whole
from scenarios.commons.regrowth import Transition, transition
from scenarios.commons.season import caught, season
from scenarios.errors import ParleyError
from scenarios.ward import Array

Select = Literal["best", "worst"]


class CommonsPlayer:
    """Reference seats of one season; policies are solved once for each law and belief."""

    def __init__(self, select: Select, beliefs: Mapping[str, tuple[float, ...]]) -> None:
        self._select, self._beliefs = select, beliefs
        self._policies: dict[Any, Policy] = {}
        self._after: dict[str, Transition] = {}
        self._lots: dict[int, Whole] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the policies that were used say of themselves."""
        return tuple(dict.fromkeys(note for p in self._policies.values() for note in p.notes))

    def move(self, view: DilemmaView) -> DilemmaMove:
        """The move on an occasion."""
        where: dict[str, Any] = {"seat": view.seat, "step": view.step, "occasion": view.occasion}
        if view.occasion == "harvest":
            return DilemmaMove(**where, amount=self._ask(view))
        if view.occasion == "report":
            return DilemmaMove(**where, amount=int(view.now["taken"]))
        if view.occasion == "talk":
            return DilemmaMove(**where, words=self._says(view))
        if view.occasion == "vote":
            better = at_least(self._worth(view, view.proposal), self._worth(view, in_force(view)))
            return DilemmaMove(**where, vote=better)
        assert view.occasion == "draft", f"nothing to do on the commons on the occasion '{view.occasion}'"
        return draft(view, where, lambda law: self._worth(view, law))

    def _ask(self, view: DilemmaView) -> int:
        at, regime = view.seats.index(view.seat), int(view.now["regime"])
        policy = self._policy(view, in_force(view))
        if view.step not in self._lots:
            assert isinstance(view.scenario, Commons)
            self._lots[view.step] = lot(view.scenario, view.step)
        places, event = self._lots[view.step], str(view.now["event"])
        return policy.ask(view.step, int(view.now["stock"]), event, at, regime=regime, places=places)

    def _policy(self, view: DilemmaView, law: Proposal | None) -> Policy:
        key = self._beliefs[view.seat], view.regime == "best" or (law and law.contract)
        if key not in self._policies:
            case = view.scenario
            assert isinstance(case, Commons)
            self._policies[key] = markov_perfect(case, key[0], law_of(view, law), self._select)
        return self._policies[key]

    def _worth(self, view: DilemmaView, law: Proposal | None) -> Worth:
        """What the seat expects of the months to come under a law, as it judges: over all that may grow back."""
        case, policy = view.scenario, self._policy(view, law)
        assert isinstance(case, Commons)
        if view.step == 0:
            return policy.value(
                view.seats.index(view.seat), 1, int(view.now["stock"]), int(view.now["regime"])
            )
        at, left = int(view.now["regime"]), int(view.now["left"])
        event = str(view.now["event"])
        if event not in self._after:
            self._after[event] = transition(case.rules, next(e for e in events(case) if e.name == event))
        after = self._after[event]
        group = policy.group(view.seats.index(view.seat))
        then = zip(after.regime[at, :, left].tolist(), after.stock[at, :, left].tolist(), strict=True)
        cells = list(then) if after.alive[left] else []
        own = _mean(policy.own[group, view.step], cells)
        all_ = _mean(policy.welfare[view.step], cells)
        concern = self._beliefs[view.seat][view.seats.index(view.seat)]
        return (all_, own) if math.isinf(concern) else (own + concern * all_, 0.0)

    def _says(self, view: DilemmaView) -> str:
        """How much it has taken and why: true, and nothing binds it."""
        if view.step == 0:
            return "Before anybody takes anything, we should agree what each may take."
        took = int(view.now["taken"])
        return f"I took {took} {view.scenario.unit}."  # type: ignore[union-attr]


def _mean(value: Array, cells: list[tuple[int, int]]) -> float:
    """The mean over equally likely next states; 0 after a collapse, when there is none."""
    return sum(float(value[cell]) for cell in cells) / len(cells) if cells else 0.0


def without_law(case: Commons, concerns: tuple[float, ...], select: Select) -> float | None:
    """What a season's catches are worth to all, in this world, where seats of these concerns know each other and no
    law is in force; None where there are too many different concerns to be solved for."""
    try:
        policy = markov_perfect(case, concerns, None, select)
    except ParleyError:
        return None
    seats = range(case.agents)

    def asks(month: int, stock: int, regime: int, event: Event) -> list[int]:
        places = lot(case, month)
        return [policy.ask(month, stock, event.name, i, regime=regime, places=places) for i in seats]

    return caught(season(case, asks))
