"""What does a reference seat put forward: its best plan, a trade-off at what it still aspires to, or a yes?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from negotiators.deliberation import DeliberationView
from negotiators.reference.debate.concession import Policy, concession
from negotiators.reference.deliberation.reading import Read, last_plans, read
from scenarios.dilemmas.considerations import CONSIDERATIONS
from scenarios.dilemmas.dilemma import Dilemma, Issue, Option, Plan
from scenarios.dilemmas.optimum import TOLERANCE, Array, Landscape, best_of, landscape, summed
from scenarios.dilemmas.plan import plans, whole

Act = Literal["offer", "consent", "part"]


@dataclass(frozen=True)
class Turn:
    """What a seat does with its turn, and what of the dialogue its words may speak of."""

    act: Act
    plan: Plan  # what it offers or consents to; of one that parts, what it would not take
    own: Plan | None  # its own last plan, where it is in its window
    best: Plan | None  # the plan it would choose; None where no plan is better for it than another
    other: Plan | None  # the last plan, or clauses, that it heard of anybody else


def decide(view: DeliberationView, policy: Policy) -> Turn:
    """The turn of a seat with a persona, in a dilemma that has issues.

    The last plan heard of anybody else is consented to if it is whole and worth the aspiration (see `aspiration`).
    Else the seat offers, of the plans worth the aspiration, the one most like the others' last plans together (the
    trade-off of Faratin, Sierra & Jennings 2002; see `likeness`), of those the one worth most to itself, of those
    the first in the dilemma's order; where it heard no plan that is its best. Against one other this is to consent
    to what is worth at least its own next offer. The last seat to speak in the last round parts, if what it heard
    is a whole plan below its floor. A seat to which no plan is better than another consents to any whole plan, and
    else offers the first.
    """
    assert view.persona is not None
    dialogue = read(view.heard)
    others = last_plans(dialogue, but=view.seat)
    heard = list(others.values())[-1] if others else None
    land = landscape(view.dilemma, {view.seat: view.persona.values})
    own = _own_last(dialogue, view.seat)
    if land is None:
        yes = heard is not None and whole(heard, view.dilemma)
        plan = heard if yes and heard is not None else plans(view.dilemma)[0]
        return Turn("consent" if yes else "offer", plan, own, None, heard)
    worth = land.worths[:, 0]
    best = land.plan(best_of(worth))
    level = aspiration(view, policy)
    if heard is not None and whole(heard, view.dilemma):
        worth_heard = float(worth[land.index(heard)])
        if worth_heard >= level - TOLERANCE:
            return Turn("consent", heard, own, best, heard)
        if _has_last_word(view) and worth_heard < policy.floor - TOLERANCE:
            return Turn("part", heard, own, best, heard)
    return Turn("offer", _trade_off(view.dilemma, land, list(others.values()), level), own, best, heard)


def aspiration(view: DeliberationView, policy: Policy) -> float:
    """The least worth, from 0 to 1, that a seat offers or consents to at its turn: 1 − α(t)·(1 − floor).

    t is the turns of all the seats so far over all before the last one of the last round, so that it is 0 for who
    opens and 1 for who has the last word; α is the policy's (Faratin, Sierra & Jennings 1998). It hangs on the clock
    alone: the reservation is the floor, not the worst offer heard (ours), so that a seat with a short window never
    aspires to more than before and takes back nothing that it offered.
    """
    n = len(view.seats)
    turns = (view.round - 1) * n + view.seats.index(view.seat)
    return 1.0 - concession(policy, turns / max(1, view.rounds * n - 1)) * (1.0 - policy.floor)


def likeness(dilemma: Dilemma, plan: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """issue -> option -> how like it is to what a plan says there, from 0 to 1; 0 where the plan says nothing.

    1 − ‖g − g'‖₁ / (the greatest such distance between two options of the issue), g being the grades of what an
    option serves and costs. The grades are the dilemma's and open to all: they stand in for the similarity criteria
    of Faratin, Sierra & Jennings 2002 (ours).
    """
    return {
        name: {option: _alike(issue, option, plan.get(name)) for option in issue.options}
        for name, issue in dilemma.issues.items()
    }


def _alike(issue: Issue, option: str, asked: str | None) -> float:
    if asked is None:
        return 0.0
    grades = [_grades(o) for o in issue.options.values()]
    widest = max(float(np.abs(a - b).sum()) for a in grades for b in grades)
    apart = float(np.abs(_grades(issue.options[option]) - _grades(issue.options[asked])).sum())
    return 1.0 - apart / widest if widest else float(option == asked)


def _grades(option: Option) -> Array:
    return np.array([option.serves.get(c, 0) for c in CONSIDERATIONS], dtype=np.float64)


def _trade_off(dilemma: Dilemma, land: Landscape, others: Sequence[Plan], level: float) -> Plan:
    worth = land.worths[:, 0]
    like = np.zeros_like(worth)
    for plan in others:
        like = like + _likeness_of_plans(dilemma.model_dump_json(), tuple(plan.items()))
    enough = np.where(worth >= level - TOLERANCE, 0.0, -1.0)
    return land.plan(best_of(enough, like, worth))


@lru_cache(maxsize=256)
def _likeness_of_plans(text: str, plan: tuple[tuple[str, str], ...]) -> Array:
    """(plans,), how like every whole plan is to a plan: the sum over issues of how like their options are."""
    dilemma = Dilemma.model_validate_json(text)
    out = summed([list(row.values()) for row in likeness(dilemma, dict(plan)).values()])
    out.setflags(write=False)
    return out


def _own_last(dialogue: Sequence[Read], seat: str) -> Plan | None:
    return next((r.plan for r in reversed(dialogue) if r.seat == seat and r.plan), None)


def _has_last_word(view: DeliberationView) -> bool:
    """Whether nobody with a persona speaks after it: while somebody does, a last offer may still be taken."""
    return view.round >= view.rounds and view.seat == view.seats[-1]
