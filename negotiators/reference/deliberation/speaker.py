"""How does a seat speak without a model: it bargains over clauses by a published policy and says why in words.

An honest algorithm, deterministic. What it does is a property of the policy and of the rules, never evidence about
language models.
"""

from __future__ import annotations

import time
from typing import Literal, get_args

from negotiators.deliberation import (
    LONGEST,
    MEDIATOR,
    Completion,
    DeliberationView,
    Dialogue,
    Said,
    Utterance,
)
from negotiators.protocol import Incident, Pay, Usage
from negotiators.reference.debate.concession import Policy
from negotiators.reference.deliberation.mediation import suggest, suggested
from negotiators.reference.deliberation.offers import decide
from negotiators.reference.deliberation.reading import last_plans, read
from negotiators.reference.deliberation.rule import judged
from negotiators.reference.deliberation.words import Case, completed, spoken
from scenarios.dilemmas.dilemma import Plan
from scenarios.dilemmas.optimum import nash_optimum
from scenarios.dilemmas.plan import consents, parts, plans, read_plan, worths
from scenarios.errors import ParleyError

Concession = Literal["linear", "boulware", "conceder"]


class ReferenceSpeaker:
    """A utility maximiser that speaks in clauses; it keeps nothing between turns, so one serves every seat."""

    name = "reference"

    def __init__(self, concession: Concession = "linear", floor: float = 0.0) -> None:
        """How it gives way, and the worth below which it agrees to nothing: 0 its worst plan, 1 its best.

        Raises ParleyError for a policy that there is not and for a floor outside [0, 1].
        """
        if concession not in get_args(Concession):
            raise ParleyError(f"concession '{concession}': there are {', '.join(get_args(Concession))}")
        if not 0 <= floor <= 1:
            raise ParleyError(f"floor {floor:g}: give a worth from 0, the worst plan, to 1, the best")
        self.policy = Policy(kind=concession, floor=floor)

    async def speak(self, view: DeliberationView, *, pay: Pay | None = None) -> Said:
        """Its `Utterance`: see `offers.decide` for what it does, `mediation.suggest` for a mediator.

        What it knows: its own persona, the dilemma, what it hears in its window, the clock. In a dilemma without
        issues it abstains.
        """
        started = time.perf_counter()
        if not view.dilemma.issues:
            kept = Utterance(seat=view.seat, round=view.round, text="", status="abstained")
            return _said(kept.model_copy(update={"seen": list(view.places)}), view, "speak", started)
        if view.persona is None:
            text = suggested(view.dilemma, suggest(view))
        else:
            turn = decide(view, self.policy)
            text = spoken(Case(view.dilemma, view.persona.values, turn, view.round))
        assert len(text) <= LONGEST
        said = Utterance(
            seat=view.seat,
            round=view.round,
            text=text,
            plan=read_plan(text, view.dilemma),
            consents=consents(text),
            parts=parts(text),
            seen=list(view.places),
        )
        return _said(said, view, "speak", started)

    async def complete(self, view: DeliberationView, *, pay: Pay | None = None) -> Said:
        """The `Completion`, knowing every persona: see `concluded` for the plan."""
        started = time.perf_counter()
        if not view.dilemma.issues:
            return _said(Completion(seat=view.seat, text="", status="abstained"), view, "complete", started)
        weighed = {s: p.values for s, p in zip(view.seats, view.personas, strict=False)}
        text = completed(view.dilemma, concluded(view), weighed)
        done = Completion(seat=view.seat, text=text, plan=read_plan(text, view.dilemma))
        return _said(done, view, "complete", started)

    async def judge(self, dialogue: Dialogue, *, pay: Pay | None = None) -> Said:
        """The `Verdict` of the rule: see `rule.judged`."""
        started = time.perf_counter()
        verdict = judged(dialogue.dilemma, dialogue.seats, dialogue.utterances, dialogue.round)
        return Said(verdict, usage=Usage(node="judge", seconds=time.perf_counter() - started))


def concluded(view: DeliberationView) -> Plan:
    """The whole plan to write down, in a dilemma that has issues.

    What was agreed. On an issue that this leaves open, an option that the last plan of some seat names, or any
    where none does: of the plans that are open so the one of greatest Nash product for the personas that weigh
    anything here, the first where none of them does. With an empty dialogue this is the Nash optimum of all plans.
    """
    dilemma = view.dilemma
    named = [p for s, p in last_plans(read(view.heard)).items() if s != MEDIATOR]
    among = {i: {p[i] for p in named if i in p} for i in dilemma.issues}
    among |= {i: {o} for i, o in (view.agreed or {}).items() if o in dilemma.issues[i].options}
    open_ = {i: sorted(options) for i, options in among.items() if options}
    weighing = {
        f"{k}": p.values for k, p in enumerate(view.personas) if worths(dilemma, p.values) is not None
    }
    best = nash_optimum(dilemma, weighing, open_) if weighing else None
    if best is not None:
        return best
    return next(p for p in plans(dilemma) if all(o in open_.get(i, [o]) for i, o in p.items()))


def _said(what: Utterance | Completion, view: DeliberationView, node: str, started: float) -> Said:
    usage = Usage(seat=view.seat, node=node, seconds=time.perf_counter() - started)
    if what.status != "abstained":
        return Said(what, usage=usage)
    detail = f"dilemma '{view.dilemma.name}' has no issues to bargain over"
    gone = Incident(kind="abstained", seat=view.seat, node=node, round=view.round, detail=detail)
    return Said(what, (gone,), usage)
