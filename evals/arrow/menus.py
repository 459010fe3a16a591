"""What does a debate choose from a menu of given allocations, and are its choices of one piece? (Ours.)

A menu debate is the reference debate with nothing but the menu to ask for. Each seat starts at what it holds
best of the menu by its declared utility and gives way by its published policy: it accepts the other's last
offer where that meets its aspiration, else it asks for whatever meets it and lies nearest to that offer. The
mediator applies the debate's merge rule to what of the menu lies in the span of the last moves. Side
constraints that a persona would add to its solo are not put on a menu.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from evals.arrow.rules import OBJECTIVES
from negotiators.reference.debate.concession import Clock, Policy, aspiration, persuaded, reservation
from nodes.merging.bargain import Bargain, Merged, nearest
from nodes.merging.rules import merge
from nodes.table.seats import Sitting
from personas.persona import Values
from personas.utility import utility
from scenarios.errors import ParleyError
from scenarios.ward import NOTICEABLE, TOLERANCE, Array

if TYPE_CHECKING:
    from nodes.record import RunRecord

ROUNDING = 1e-6
"""Own utility that an offer may lose by being written down to six digits, as for a reference seat."""

Choices = dict[tuple[str, ...], str]
"""Menu, as the names of its alternatives in order, -> the alternative that its debate chose."""


@dataclass(frozen=True)
class Menus:
    """What was chosen from every pair and from the triple.

    `transitive`: the choices from pairs form no cycle (a debate's choice is single, so this is transitivity of
    preference). `contraction`: what is chosen from the triple is chosen from every pair that holds it (Sen's α,
    Sen 1970). Both are None where the alternatives are not all different: there is nothing to choose.
    """

    choices: Choices
    transitive: bool | None
    contraction: bool | None


@dataclass(frozen=True, eq=False)
class MenuDebate:
    """One debate of reference seats, taken from a record, over given allocations."""

    record: RunRecord
    sat: Sitting
    menu: tuple[Array, ...]

    def choose(self) -> int:
        """The alternative that the debate settles on, as its place in the menu."""
        settings = self.sat.settings
        offers: dict[str, list[int]] = {seat: [] for seat in self.sat.seats}
        for round_ in range(1, settings.rounds + 1):
            heard = {seat: list(made) for seat, made in offers.items()}
            for seat in settings.speaking(round_):
                seen = heard if settings.simultaneous else offers
                offers[seat] = [*offers[seat], self._move(seat, round_, seen)]
            lasts = {made[-1] for made in offers.values()}
            if settings.until_agreement and len(lasts) == 1:
                break
        return self._merged({seat: made[-1] for seat, made in offers.items()})

    def _worth(self, seat: str, round_: int) -> Array:
        """Own utility of each alternative, at the values that the debate has persuaded the seat to so far."""
        at, shown = self.sat.seats[seat], self.sat.shown
        values = persuaded(at.declared, _heard(self.record, seat, round_), float(at.policy["persuasion"]))
        solo = self.record.solo[seat].move.allocation if seat in self.record.solo else None
        own = utility(shown, values, shown.array(solo or {}))  # the anchor of a seat that values nothing here
        return np.array([own.value(shown, x) for x in self.menu])

    def _move(self, seat: str, round_: int, seen: Mapping[str, Sequence[int]]) -> int:
        u = self._worth(seat, round_)
        best = int(np.argmax(u.round(9)))
        others = [made for other, made in seen.items() if other != seat and made]
        if not others:
            return best
        policy = Policy.model_validate(self.sat.seats[seat].policy)
        least = reservation(policy, float(u.max()), [float(u[i]) for made in others for i in made])
        firsts, lasts = [float(u[made[0]]) for made in others], [float(u[made[-1]]) for made in others]
        clock = Clock(round_, self.sat.settings.rounds)
        level = aspiration(policy, clock, float(u.max()), least, firsts, lasts)
        target = np.mean([self.menu[made[-1]] for made in others], axis=0)
        enough = [i for i in range(len(self.menu)) if u[i] >= level - ROUNDING]
        return min(enough, key=lambda i: (round(self._far(self.menu[i], target), 9), -round(float(u[i]), 9)))

    def _far(self, x: Array, y: Array) -> float:
        """Squared distance in shares of demand."""
        demand = np.where(self.sat.ward.arrays.demand > 0, self.sat.ward.arrays.demand, 1.0)
        return float((((x - y) / demand) ** 2).sum())

    def _merged(self, last: Mapping[str, int]) -> int:
        """The merge rule over what of the menu lies in the span of the last moves; ties as in every merge."""
        rule = self.sat.settings.merge_rule
        moves = {seat: self.menu[i] for seat, i in last.items()}
        solos = tuple(self.menu[int(np.argmax(self._worth(seat, 0).round(9)))] for seat in self.sat.seats)
        utilities = tuple(self.sat.utilities(moves).values())
        b = Bargain(self.sat.ward, tuple(moves.values()), solos, utilities, self.sat.settings.seed)
        slack = np.maximum(NOTICEABLE * self.sat.ward.arrays.demand, TOLERANCE)
        spanned = [x for x in self.menu if (x >= b.lower - slack).all() and (x <= b.upper + slack).all()]
        if rule in OBJECTIVES:
            points = [[u.value(b.ward, x) for u in utilities] for x in spanned]
            keys = OBJECTIVES[rule](points, b.disagreement.tolist())
            spanned = [x for x, key in zip(spanned, keys, strict=True) if key == max(keys)]
            x = nearest(b, [Merged(x) for x in spanned]).allocation
        elif rule == "mean-and-repair":
            x = nearest(b, [Merged(x) for x in spanned]).allocation
        else:
            x = merge(rule, b).allocation
        return min(range(len(self.menu)), key=lambda i: self._far(self.menu[i], x))


def menus(record: RunRecord, alternatives: Mapping[str, Array] | None = None) -> Menus:
    """The choices of the record's debate, rerun on every pair and on the triple of three allocations.

    `alternatives` are the solo of seat A, the solo of seat B and the joint allocation if not given; arrays of
    shape (patients, resources), in units, each feasible. Raises ParleyError for a debate with a model in it
    (a model cannot be held to a menu), for one without a joint allocation, and unless there are three.
    """
    sat = sitting_of(record)
    if record.protocol.models:
        raise ParleyError(f"run {record.run_id}: menus are for reference seats; a model sits here")
    given = _usual(record) if alternatives is None else dict(alternatives)
    if len(given) != 3:
        raise ParleyError(f"run {record.run_id}: {len(given)} alternatives; give three")
    pairs = list(combinations(given, 2))
    if not all(sat.ward.differs(given[x], given[y]).any() for x, y in pairs):
        return Menus({}, None, None)
    choices: Choices = {}
    for menu in (*pairs, tuple(given)):
        choices[menu] = menu[MenuDebate(record, sat, tuple(given[name] for name in menu)).choose()]
    return Menus(choices, no_cycle(choices), contraction_consistent(choices))


def no_cycle(choices: Choices) -> bool:
    """Whether the choices from the pairs of three alternatives form no cycle: one of them wins twice."""
    winners = [choice for menu, choice in choices.items() if len(menu) == 2]
    return len(set(winners)) < len(winners)


def contraction_consistent(choices: Choices) -> bool:
    """Sen's α: the choice from a menu is the choice from every smaller menu that holds it."""
    return all(
        choices[small] == chosen
        for menu, chosen in choices.items()
        for small in choices
        if set(small) < set(menu) and chosen in small
    )


def sitting_of(record: RunRecord) -> Sitting:
    """Ward, settings and seats of a record, with what the steps of a graph ask of them."""
    return Sitting(record.protocol, record.scenario, {s.seat: s for s in record.seats}, record.run_id)


def _usual(record: RunRecord) -> dict[str, Array]:
    seats = [at.seat for at in record.seats[:2] if at.seat in record.solo]
    found = {f"solo:{s}": record.solo[s].move.allocation for s in seats} | {"joint": record.joint}
    if len(found) < 3 or None in found.values():
        raise ParleyError(f"run {record.run_id}: a solo or the joint allocation is missing; no menu to make")
    return {name: record.scenario.array(x) for name, x in found.items() if x is not None}


def _heard(record: RunRecord, seat: str, round_: int) -> list[list[Values]]:
    """The principles that the others appealed to in the record, round by round, before this seat's turn."""
    heard: list[list[Values]] = []
    for played in record.rounds[:round_]:
        order = record.protocol.speaking(played.round)
        if played.round == round_:
            order = [] if record.protocol.simultaneous else order[: order.index(seat)]
        said = [m.principle for m in played.moves if m.seat != seat and m.seat in order and m.principle]
        heard += [said] if said else []
    return heard
