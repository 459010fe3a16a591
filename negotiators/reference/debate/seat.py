"""How does a seat decide without a model: it maximises a declared utility and concedes by a published policy.

An honest algorithm, deterministic for a seed. What it does is a property of the policy and of the rules,
never evidence about language models: it is the null that a language-model debate is compared with.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from negotiators.protocol import Incident, Move, Passage, Pay, Reply, Usage, View, move_hash, view_hash
from negotiators.reference.debate.argument import Case, argue
from negotiators.reference.debate.concession import (
    Clock,
    Policy,
    aspiration,
    blend,
    mean,
    persuaded,
    reservation,
)
from negotiators.reference.debate.offers import Problem, Stance, problem
from personas.load import load
from personas.persona import Persona, Values
from personas.utility import usable
from scenarios.lottery import draw, lot
from scenarios.measures import MEASURES
from scenarios.optimum import Infeasible
from scenarios.ward import Array

__all__ = ["Policy", "Reference"]

CITED = 2
"""Passages cited in a move."""

ROUNDING = 1e-6
"""Own utility that an offer may lose by being written down to six digits."""

SAME = 1e-3
"""A cell that moves by less than this share of its demand has not moved."""


class Reference:
    """A utility maximiser. See `declare` and `decide` for what it wants and what it does."""

    name = "reference"

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()

    def declare(self, persona: Persona, passages: tuple[Passage, ...]) -> Values:
        """The values declared for the whole run (ours): what was retrieved counts as much as its own.

        A persona that cites a framework: ½ its values + ½ the mean of the passages' principles, weighted by
        1/rank (equally where they come unranked, without scores); a passage without principles counts as the
        persona's values; objections to the framework do not count. With nothing retrieved it falls back to the
        values of `plain`, so that a run without retrieval is a control. A persona that cites nothing: its own
        values; `plain`'s if it has none. On top comes the favoured group by its strength.
        """
        speaking_for_it = _speaking_for_it(passages)
        if persona.cites and speaking_for_it:
            own = persona.values or _plain()
            ranks = [1.0 if p.score is None else 1 / rank for rank, p in enumerate(speaking_for_it, 1)]
            retrieved = mean([_principles(p) or own for p in speaking_for_it], ranks)
            return persona.declared(base=blend(own, retrieved, 0.5))
        if persona.cites or not persona.values:
            return persona.declared(base=_plain())
        return persona.declared()

    async def decide(self, view: View, *, pay: Pay | None = None) -> Reply:
        """A feasible move.

        Solo and exit solo: the exact optimum of its utility under its persona's own side constraints, the
        exit solo at the values that the debate has persuaded it to. In the debate: as long as nobody else has
        spoken, its best; else, where the other's last offer meets its aspiration, that offer; else the
        trade-off offer nearest to it (to the mean of the others', on a panel) at the aspiration. A persona that
        judges ex ante does all this in chances of whole goods; its move is a lot drawn with those chances,
        by the seed and the seat alone.
        """
        started = time.perf_counter()
        declared = view.values or self.declare(view.persona, view.passages)
        values = persuaded(declared, _principles_heard(view), self.policy.persuasion)
        persona = None if _unaligned(view.persona, declared) else view.persona
        task = problem(Stance.of(view.ward, values, persona))
        plan, incidents = self._plan(view, task)
        move = _move(view, values, plan, task.by_lot)
        usage = Usage(seat=view.seat, node=view.occasion, seconds=time.perf_counter() - started)
        return Reply(move=move, incidents=incidents, usage=usage)

    def _plan(self, view: View, task: Problem) -> tuple[_Plan, tuple[Incident, ...]]:
        offers = _offers(view)
        own, others = offers.pop(view.seat, []), list(offers.values())
        best = _drawn(view, task, task.best)
        if view.occasion in ("solo", "exit_solo"):
            return _Plan(best), ()
        previous = own[-1] if own else best if view.solo is None else view.ward.array(view.solo)
        if not others:
            return _Plan(best, previous=previous), ()
        lasts = [moves[-1] for moves in others]
        target = np.mean(lasts, axis=0)
        level = self._aspiration(view, task, others)
        if len(lasts) == 1 and task.allows(target) and task.value(target) >= level - ROUNDING:
            return _Plan(target, previous, target, accepts=True), ()
        try:
            return _Plan(_drawn(view, task, task.trade_off(target, level)), previous, target), ()
        except Infeasible as error:
            where = {"seat": view.seat, "node": view.occasion, "round": view.round}
            notice = Incident(kind="notice", detail=f"no trade-off found, kept its best: {error}", **where)
            return _Plan(best, previous, target), (notice,)

    def _aspiration(self, view: View, task: Problem, others: Sequence[Sequence[Array]]) -> float:
        worths = [[task.value(x) for x in moves] for moves in others]
        least = reservation(self.policy, task.most, [u for us in worths for u in us])
        firsts, lasts = [u[0] for u in worths], [u[-1] for u in worths]
        return aspiration(self.policy, Clock(view.round, view.rounds), task.most, least, firsts, lasts)


@dataclass(frozen=True)
class _Plan:
    """What it will put down, beside its own last offer and the others' (their mean)."""

    x: Array
    previous: Array | None = None
    target: Array | None = None
    accepts: bool = False


@cache
def _plain() -> Values:
    return load("plain").declared()


def _speaking_for_it(passages: Sequence[Passage]) -> list[Passage]:
    """The passages that a framework's seat can rest a move on: objections are for its opponents."""
    return [p for p in passages if p.kind != "objection"]


def _principles(passage: Passage) -> Values:
    return {name: w for name, w in passage.principles.items() if name in MEASURES and w > 0}


def _unaligned(persona: Persona, declared: Values) -> bool:
    """Whether an aligned persona was left without its framework: then its side constraints go with it."""
    return persona.aligned and declared == persona.declared(base=_plain())


def _principles_heard(view: View) -> list[list[Values]]:
    """The principles that other seats appealed to, round by round."""
    heard: dict[int, list[Values]] = {}
    for move in view.moves:
        if move.seat != view.seat and move.principle:
            heard.setdefault(move.round, []).append(move.principle)
    return [heard[r] for r in sorted(heard)]


def _offers(view: View) -> dict[str, list[Array]]:
    """The allocations of each seat that has spoken, in the order spoken."""
    offers: dict[str, list[Array]] = {}
    for move in view.moves:
        if move.allocation is not None:
            offers.setdefault(move.seat, []).append(view.ward.array(move.allocation))
    return offers


def _drawn(view: View, task: Problem, x: Array) -> Array:
    """The move itself: with chances, a lot drawn by the seed and the seat, the same in every round."""
    if not task.by_lot:
        return x
    return draw(view.ward, x, lot(view.ward, view.seed, *view.seat.encode()))


def _move(view: View, values: Values, plan: _Plan, by_lot: bool) -> Move:
    cited = _citations(view)
    stated = [_principles(p) for p in cited if _principles(p)]
    defined = usable(view.ward, values)
    appeals = {k: w for k, w in values.items() if k in MEASURES or k in defined}
    concedes, contests = _cells(view, plan)
    case = Case(
        ward=view.ward,
        x=plan.x,
        values=defined,
        cited=cited,
        target=plan.target,
        previous=plan.previous,
        concedes=concedes,
        contests=contests,
        accepts=plan.accepts,
        by_lot=by_lot,
    )
    return Move(
        seat=view.seat,
        round=view.round,
        allocation=_allocation(view, plan.x),
        argument=argue(case),
        citations=[p.id for p in cited],
        concedes=concedes,
        contests=contests,
        principle=mean(stated) if stated else mean([appeals]),
        seen=[move_hash(m) for m in view.moves],
        prompt_hash=view_hash(view),
    )


def _allocation(view: View, x: Array) -> dict[str, dict[str, float]]:
    """x as the move carries it; where rounding to 1e-6 would pass a capacity, rounded down."""
    allocation = view.ward.allocation(x)
    if view.ward.feasible(view.ward.array(allocation)):
        return allocation
    return view.ward.allocation(np.floor(np.clip(x, 0, view.ward.arrays.demand) * 1e6) / 1e6)


def _citations(view: View) -> list[Passage]:
    """The best-ranked passages for its framework that it has not cited before; else the best-ranked."""
    before = {c for m in view.moves if m.seat == view.seat for c in m.citations}
    found = _speaking_for_it(view.passages)
    fresh = [p for p in found if p.id not in before]
    return (fresh or found)[:CITED]


def _cells(view: View, plan: _Plan) -> tuple[list[str], list[str]]:
    """Cells moved toward the others' last offers, and cells still apart from them and not so moved."""
    if plan.target is None or plan.previous is None:
        return [], []
    demand = view.ward.arrays.demand
    span = np.where(demand > 0, demand, np.inf)
    apart = (plan.x - plan.target) / span
    before = (plan.previous - plan.target) / span
    moved = (abs(before) - abs(apart) > SAME) & (before * (before - apart) > 0)
    return _named(view, moved), _named(view, (abs(apart) > SAME) & ~moved)


def _named(view: View, cells: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[str]:
    patients, resources = [p.id for p in view.ward.patients], list(view.ward.resources)
    return [f"{patients[i]}.{resources[k]}" for i, k in np.argwhere(cells)]
